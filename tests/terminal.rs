//! What goes to which stream: results on standard output, progress and hints on standard error, colours only where they are wanted, JSON on each verb
//! that prints facts.

mod common;

use common::scratch;
use ssh_key::private::Ed25519Keypair;
use ssh_key::{LineEnding, PrivateKey};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn quorate(dir: &Path, args: &[&str], env: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quorate"));
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "SOURCE_DATE_EPOCH"] {
        command.env_remove(name);
    }
    command.args(args).current_dir(dir).envs(env.iter().copied()).output().expect("the binary runs")
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A folder with a starter that proves too little.
fn starter(name: &str) -> PathBuf {
    let dir = scratch(name);
    assert!(quorate(&dir, &["init"], &[]).status.success());
    common::starve(&dir);
    dir
}

const RELEASE: [&str; 3] = ["release", "contract.toml", "--force"];

#[test]
fn colours_follow_the_environment_and_change_nothing_else() {
    let dir = starter("colours");
    let plain = quorate(&dir, &RELEASE, &[]);
    assert!(!out(&plain).contains('\u{1b}') && !err(&plain).contains(['\u{1b}', '\r']), "{}", err(&plain));
    let forced = quorate(&dir, &RELEASE, &[("CLICOLOR_FORCE", "1")]);
    assert!(out(&forced).contains("\u{1b}[1;31mREJECT (3 excluded)\u{1b}[0m"), "{}", out(&forced));
    let mut stripped = out(&forced);
    for code in ["1;31", "32", "36", "0"] {
        stripped = stripped.replace(&format!("\u{1b}[{code}m"), "");
    }
    assert_eq!(stripped, out(&plain));
    let never = quorate(&dir, &RELEASE, &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]);
    assert_eq!(out(&never), out(&plain));
    let wrong = quorate(&dir, &["release", "nothing.toml"], &[("CLICOLOR_FORCE", "1")]);
    assert!(err(&wrong).contains('\u{1b}') && out(&wrong).is_empty(), "{}", err(&wrong));
}

#[test]
fn progress_is_on_standard_error_alone_and_can_be_silenced() {
    let dir = starter("progress");
    let told = quorate(&dir, &RELEASE, &[]);
    assert_eq!(err(&told), "reading and judging the evidence\nwriting the package\n");
    assert!(out(&told).starts_with("REJECT (3 excluded)  my-service 0.1.0\n"), "{}", out(&told));
    for args in [vec!["--quiet"], vec!["--json"]] {
        let silent = quorate(&dir, &[&RELEASE[..], &args].concat(), &[]);
        assert_eq!(err(&silent), "", "{args:?}");
    }
    let package = "out/my-service-0.1.0";
    assert_eq!(err(&quorate(&dir, &["verify", package], &[])), "reading the package\njudging the evidence again\n");
    assert_eq!(err(&quorate(&dir, &["verify", package, "--quiet"], &[])), "");
}

/// Of a missing file, a hint names the one that was meant; the package is the same with and without.
#[test]
fn hints_are_on_standard_error_and_in_no_package() {
    let dir = starter("hints");
    let matrix = fs::read_to_string(dir.join("matrix.toml")).expect("matrix");
    fs::write(dir.join("matrix.toml"), matrix.replace("history.jsonl", "histroy.jsonl")).expect("written");
    let told = quorate(&dir, &RELEASE, &[]);
    let hint = "hint: leader-crash/histroy.jsonl is missing, leader-crash/history.jsonl is there";
    assert!(err(&told).contains(hint) && !out(&told).contains("hint"), "{}", err(&told));
    let root = |output: &Output| out(output).lines().find(|l| l.starts_with("root")).map(str::to_string);
    let silent = quorate(&dir, &[&RELEASE[..], &["--quiet"]].concat(), &[]);
    assert_eq!((err(&silent), root(&silent)), (String::new(), root(&told)));
}

#[test]
fn gates_that_no_test_serves_are_one_line_a_kind() {
    let dir = starter("unserved");
    let text = out(&quorate(&dir, &RELEASE, &[]));
    let headings: Vec<&str> = text.lines().filter(|l| l.starts_with("no test requires ")).collect();
    let mut distinct = headings.clone();
    distinct.dedup();
    assert!(headings.len() > 3 && distinct == headings, "{headings:?}");
    let members = text.split("\nno test requires members\n").nth(1).and_then(|t| t.split("\n\n").next()).expect("members");
    assert!(members.trim_start().contains("gates") && members.contains("quorum.loss-halts, "), "{members}");
    assert!(!text.contains("  ? inconclusive  quorum.loss-halts"), "{text}");
    let told = text.lines().find(|l| l.contains("gates that no test serves")).expect("a line in the table");
    let number: usize = told.split_whitespace().find_map(|w| w.parse().ok()).expect("a number");
    let counted: usize = headings
        .iter()
        .map(|h| {
            let block = text.split(&format!("\n{h}\n")).nth(1).and_then(|t| t.split("\n\n").next()).unwrap_or_default();
            block.matches('.').count()
        })
        .sum();
    assert_eq!(number, counted, "each of them is named once");
    assert!(text.lines().all(|l| l.chars().count() <= 110 || l.starts_with("root")), "{text}");
}

#[test]
fn each_verb_that_prints_facts_prints_them_as_json() {
    let dir = scratch("json");
    let json = |args: &[&str]| -> serde_json::Value {
        let output = quorate(&dir, args, &[]);
        serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{args:?}: {e}: {}{}", out(&output), err(&output)))
    };
    let made = json(&["init", "--json"]);
    assert_eq!((&made["schema"], &made["profile"]), (&"quorate-init/1".into(), &"replicated-log".into()));
    assert!(
        made["wrote"]
            .as_array()
            .is_some_and(|w| w.len() > 60 && w.iter().all(|f| dir.join(f.as_str().expect("a path")).is_file()))
    );
    let gate = json(&["explain", "log.no-loss", "--json"]);
    assert_eq!((&gate["id"], &gate["waivers"]), (&"log.no-loss".into(), &false.into()));
    assert!(gate["profiles"].as_array().is_some_and(|p| p == &["replicated-log"]), "{gate}");
    assert!(json(&["gates", "--json"]).as_array().is_some_and(|g| g.len() > 60));
    assert_eq!(json(&["lock", "contract.toml", "--json"])["sequence"], 1);
    let key = PrivateKey::from(Ed25519Keypair::from_seed(&[7; 32]));
    fs::write(dir.join("key"), key.to_openssh(LineEnding::LF).expect("key")).expect("written");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(dir.join("key"), fs::Permissions::from_mode(0o600)).expect("mode");
    }
    assert_eq!(json(&["release", "contract.toml", "--json", "--key", "key"])["decision"], "accept");
    let package = "out/my-service-0.1.0";
    let signed = json(&["sign", package, "--role", "audit", "--opinion", "dissent", "--key", "key", "--json"]);
    assert_eq!((&signed["role"], &signed["opinion"]), (&"audit".into(), &"dissent".into()));
    let wrote = signed["wrote"].as_array().expect("files");
    assert!(
        !wrote.is_empty() && wrote.iter().all(|p| dir.join(package).join(p.as_str().expect("a path")).is_file()),
        "{wrote:?}"
    );
    assert!(json(&["verify", package, "--json"]).is_object());
    assert_eq!(json(&["diff", package, package, "--json"])["worse"], false);
    assert!(json(&["schema", "contract"]).is_object());
}
