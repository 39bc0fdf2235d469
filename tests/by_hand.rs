//! docs/verify-by-hand.md is true: its commands, run in order on a package that is built here, succeed; and they fail on a harmed one.
//!
//! The words after `sh` in a block name the tools that it needs. A block whose tool is not installed is skipped, saying so; with
//! `QUORATE_NEED_TOOLS` in the environment, as in CI, that is a failure.

#![expect(clippy::print_stderr, reason = "a test that skips a part says so")]

mod common;

use common::{Block, missing};
use quorate::cli::{self, Env};
use ssh_key::private::Ed25519Keypair;
use ssh_key::{LineEnding, PrivateKey};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

const DOCUMENT: &str = include_str!("../docs/verify-by-hand.md");

const MATRIX: &str = include_str!("data/small-matrix.toml");

fn run(words: &[&OsString]) -> (u8, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let args = std::iter::once(OsString::from("quorate")).chain(words.iter().map(|w| (*w).clone()));
    let code = cli::run(args, &Env { threads: 1, ..Env::default() }, &mut out, &mut err);
    (code, format!("{}{}", String::from_utf8_lossy(&out), String::from_utf8_lossy(&err)))
}

/// A folder with a locked, signed and countersigned package, a trust file and an empty folder `work`.
fn build(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&root);
    fs::create_dir_all(root.join("evidence")).expect("made");
    fs::create_dir_all(root.join("work")).expect("made");
    fs::write(root.join("contract.toml"), include_str!("data/gates/contract.toml")).expect("written");
    fs::write(root.join("matrix.toml"), MATRIX).expect("written");
    let mut trust = String::new();
    for (who, seed, spaces) in [("maker", 1, "quorate-release,quorate-lock"), ("auditor", 2, "quorate-audit")] {
        let key = PrivateKey::from(Ed25519Keypair::from_seed(&[seed; 32]));
        fs::write(root.join(who), key.to_openssh(LineEnding::LF).expect("key")).expect("written");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(root.join(who), fs::Permissions::from_mode(0o600)).expect("mode");
        }
        let public = key.public_key().to_openssh().expect("key");
        trust.push_str(&format!("{who}@example.org namespaces=\"{spaces}\" {public}\n"));
    }
    fs::write(root.join("trust"), trust).expect("written");
    let at = |name: &str| root.join(name).into_os_string();
    let say = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
    let go = |wanted: &[u8], words: &[&str], ends: &[OsString]| {
        let words = [say(words), ends.to_vec()].concat();
        let (code, text) = run(&words.iter().collect::<Vec<_>>());
        assert!(wanted.contains(&code), "{text}");
        text
    };
    let said = go(
        &[0],
        &["lock", "--json", "--nonce", "00112233445566778899aabbccddeeff", "--key"],
        &[at("maker"), at("contract.toml")],
    );
    let digest = said.split("sha256:").nth(1).and_then(|t| t.get(..64)).expect("digest").to_string();
    let evidence = format!(
        "{{\"quorate\":\"history/v1\",\"test\":\"t1\",\"origin\":\"client\",\"clock\":\"monotonic\",\"clock_id\":\"c\",\"recorded_by\":\"test\",\"synthetic\":true,\"lock\":\"sha256:{digest}\"}}\n{}\n{{\"quorate\":\"end\",\"records\":1}}\n",
        r#"{"client":"a","op":"write","key":"k","value":1,"command_id":"w1","invoke":1,"return":2,"result":"ok"}"#
    );
    fs::write(root.join("evidence/history.jsonl"), evidence).expect("written");
    go(&[1, 2], &["release", "--key"], &[at("maker"), at("contract.toml"), "--out".into(), at("out")]);
    go(&[0], &["sign", "--role", "audit", "--opinion", "concur", "--key"], &[at("auditor"), at("out/fixture-1")]);
    root
}

/// Runs one block; the error says what it printed.
fn block(root: &Path, script: &str) -> Result<(), String> {
    let text = |words: &str| PathBuf::from(words);
    let env = [
        ("PACKAGE", root.join("out/fixture-1")),
        ("SIGNERS", root.join("trust")),
        ("WORK", root.join("work")),
        ("MAKER", text("maker@example.org")),
        ("AUDITOR", text("auditor@example.org")),
    ];
    let (code, printed) = common::bash(root, script, &env);
    if code == 0 { Ok(()) } else { Err(printed) }
}

fn blocks() -> Vec<Block> {
    common::blocks(DOCUMENT)
}

#[test]
fn every_command_of_the_document_succeeds() {
    let root = build("by-hand");
    let blocks = blocks();
    assert!(blocks.len() >= 10, "{}", blocks.len());
    let mut ran = 0;
    for found in &blocks {
        let script = &found.script;
        if let Some(tool) = missing(found) {
            eprintln!("skipped, {tool} is not installed:\n{script}");
            continue;
        }
        if let Err(text) = block(&root, script) {
            panic!("{script}\n{text}");
        }
        ran += 1;
    }
    assert!(ran > 0, "no tool at all is installed");
}

/// The commands can fail: a harmed package is caught by the block that looks at what was harmed.
#[test]
fn the_commands_see_harm() {
    let harms: [(&str, &str, &str); 5] = [
        ("sha256sum --strict --check tagmanifest", "data/report/index.html", "append"),
        ("diff <(find data", "data/extra", "append"),
        ("-n quorate-release", "tagmanifest-sha256.txt", "append"),
        ("-n quorate-audit", "attest/audit.", "append"),
        ("openssl pkeyutl", "attest/release.", "payload"),
    ];
    for (part, path, how) in harms {
        let root = build("by-hand-harmed");
        let wanted = blocks().into_iter().position(|b| b.script.contains(part)).expect("a block");
        let blocks = blocks();
        if let Some(tool) = blocks[..=wanted].iter().find_map(missing) {
            eprintln!("skipped, {tool} is not installed: {part}");
            continue;
        }
        for Block { script, .. } in &blocks[..wanted] {
            block(&root, script).expect("sound so far");
        }
        let package = root.join("out/fixture-1");
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let there = fs::read_dir(package.join(folder)).expect("folder").flatten().map(|e| e.path());
        let named = |p: &PathBuf| p.file_name().is_some_and(|n| n.to_string_lossy().starts_with(name));
        let file = there.filter(named).min().unwrap_or_else(|| package.join(path));
        let mut text = fs::read_to_string(&file).unwrap_or_default();
        if how == "append" {
            text.push('\n');
        } else {
            text = text.replace("\"payload\":\"eyJ", "\"payload\":\"eyA");
        }
        fs::write(&file, text).expect("written");
        assert!(block(&root, &blocks[wanted].script).is_err(), "{part} does not see {path}");
    }
}
