//! The pages that show commands are true: their commands run, end as they say, and print what the pages show.
//!
//! `QUORATE_DOCS=write cargo test --test pages` writes what they print into the pages.

mod common;

use common::{blocks, masked, run_page, scratch};
use std::fs;
use std::path::Path;

#[test]
fn the_tutorial_runs() {
    let dir = scratch("tutorial");
    let ran = run_page("docs/tutorial.md", &dir, &[], str::to_string);
    assert!(ran == 0 || ran >= 12, "{ran}");
    assert!(ran == 0 || dir.join("out/invoices-1.1.0/data/report/index.html").is_file());
}

#[test]
fn the_first_mistakes_read_as_shown() {
    let dir = scratch("first-mistakes");
    let ran = run_page("docs/first-mistakes.md", &dir, &[], str::to_string);
    assert!(ran == 0 || ran >= 10, "{ran}");
}

#[test]
fn the_page_of_check_reads_as_shown() {
    let dir = scratch("check-page");
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/formats/register-phantom.edn");
    fs::copy(from, dir.join("register-phantom.edn")).expect("the history");
    let ran = run_page("docs/check.md", &dir, &[], str::to_string);
    assert!(ran == 0 || ran == 2, "{ran}");
}

/// README's commands, with the built binary for `cargo run`; `cargo test` is this.
#[test]
fn the_commands_of_the_readme_run() {
    let dir = scratch("readme");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in ["contracts", "evidence"] {
        #[cfg(unix)]
        std::os::unix::fs::symlink(root.join(folder), dir.join(folder)).expect("a link");
    }
    fs::copy(root.join("tests/data/formats/register.edn"), dir.join("history.edn")).expect("the history");
    let edit = |script: &str| script.replace("cargo run --release --", "quorate").replace("cargo test", "true");
    let ran = run_page("README.md", &dir, &[], edit);
    assert!(ran == 0 || ran >= 3, "{ran}");
}

#[test]
fn blocks_are_found_with_what_they_show() {
    let page = "a\n```sh jq exit=2\nfalse\n```\nb\n```text output\nno\n```\n```toml\nx = 1\n```\n```sh\ntrue\n```\n";
    let found = blocks(page);
    assert_eq!(found.len(), 2);
    assert_eq!((found[0].needs.as_slice(), found[0].exit, found[0].script.as_str()), (&["jq".to_string()][..], 2, "false\n"));
    assert_eq!(found[0].shown, Some(("no\n".to_string(), 6..7)));
    assert!(found[1].shown.is_none() && found[1].exit == 0);
}

#[test]
fn what_is_left_out_of_a_shown_text_may_be_anything() {
    let cases = [
        ("a\n…\nz\n", "a\nb\nc\nz\n", true),
        ("a\n…\nc\n…\n", "a\nb\nc\nz\n", true),
        ("a\n…\nz\n", "a\nb\n", false),
        ("a\n…\nb\n", "a\nb\nc\n", false),
        ("b\n…\n", "a\nb\n", false),
    ];
    for (shown, printed, wanted) in cases {
        assert_eq!(common::as_shown(shown, printed), wanted, "{shown:?} {printed:?}");
    }
}

#[test]
fn digests_are_masked_and_nothing_else() {
    let hex = "0123456789abcdef";
    assert_eq!(
        masked(&format!("a sha256:{hex}{hex}, b sha256:{hex}… c SHA256:tDG4ryf+rNJBRg2nKoi1; \n")),
        "a sha256:…, b sha256:… c SHA256:…;\n"
    );
    let digest = hex.repeat(4);
    assert_eq!(masked(&format!("root {digest} → {digest}\n  3 files, 4711 bytes, x\n")), "root … → …\n  3 files, … bytes, x\n");
    assert_eq!(masked("sha256:12 sha256: x\n"), "sha256:12 sha256: x\n");
}
