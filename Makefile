# The common jobs. `make` lists them.
.PHONY: help demo test check fmt clippy doc bench soak fuzz evidence snapshots clean

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

# QUORATE_BENCH_HEADLINE=1 cargo bench --bench linearizability -- 100000000 100 1: 10^8 operations, 6.1 GB, too much for the default.
bench: ## measure speed and memory, and compare with a peer
	cargo bench --bench linearizability
	cargo bench --bench read
	cargo bench --bench check -- $(OPERATIONS)
	cargo bench --bench report -- $(OPERATIONS)
	cargo run --release --manifest-path benches/peer/Cargo.toml

soak: ## the brute-force comparison on 10^6 random histories a method
	QUORATE_SOAK=1000000 cargo test --release linearizability

fuzz: ## a minute of fuzzing for each target, from the test files on (needs cargo-fuzz)
	cd fuzz && for target in $$(sed -n 's/^name = "\(.*\)"$$/\1/p' Cargo.toml | grep -v quorate); do mkdir -p corpus/$$target && \
		RUSTC_BOOTSTRAP=1 cargo fuzz run $$target corpus/$$target ../tests/data/formats seeds -- -max_total_time=60 -timeout=10 || exit 1; done

evidence: ## make the synthetic evidence of contracts/command-service and of the starters again
	cargo run --release --example generate_command_service -- evidence/command-service
	cargo run --release --example generate_starters -- templates/init

snapshots: ## accept changed snapshots
	INSTA_UPDATE=always cargo test

clean: ## remove what was built
	rm -rf target out
