# The common jobs. `make` lists them.
.PHONY: help demo test check fmt clippy doc bench soak evidence snapshots clean

help: ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

demo: ## judge the four worked contracts (exit codes 0, 1, 0 and 0 are expected)
	cargo build --release
	target/release/quorate release --force contracts/etcd-failover/contract.toml
	target/release/quorate release --force contracts/command-service/contract.toml; test $$? -eq 1
	target/release/quorate release --force contracts/fenced-queue/contract.toml
	target/release/quorate release --force contracts/ensemble/contract.toml

test: ## run all tests
	cargo test

check: fmt clippy doc test ## what CI runs: format, lints, docs, tests

fmt:
	cargo fmt --check

clippy:
	cargo clippy --all-targets -- -D warnings

doc:
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --lib

bench: ## measure speed and memory, and compare with a peer
	cargo bench
	cargo run --release --manifest-path benches/peer/Cargo.toml

soak: ## the brute-force comparison on 10^6 random histories a method
	QUORATE_SOAK=1000000 cargo test --release linearizability

evidence: ## make the synthetic evidence of contracts/command-service again
	cargo run --release --example generate_command_service -- evidence/command-service

snapshots: ## accept changed snapshots
	INSTA_UPDATE=always cargo test

clean: ## remove what was built
	rm -rf target out
