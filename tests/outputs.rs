//! What a release writes beside its package: nothing that is another's, and nothing that a run which judged nothing could be taken to have judged.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

#[path = "common/mod.rs"]
mod common;
use common::scratch;

const HEADER: &str = r#"{"quorate":"history/v1","test":"t1","origin":"client","clock":"monotonic","clock_id":"c","recorded_by":"test","synthetic":true}"#;
const RECORD: &str = r#"{"client":"a","op":"write","key":"k","value":1,"command_id":"w1","invoke":1,"return":2,"result":"ok"}"#;

/// A contract with one history file, in which nothing but one gate is asked for, and that passes.
fn project(name: &str) -> PathBuf {
    let dir = scratch(name);
    let contract = include_str!("data/gates/contract.toml").replace("\"replicated-log\"", "\"fenced-queue\"");
    fs::write(dir.join("contract.toml"), contract).expect("written");
    fs::write(dir.join("matrix.toml"), include_str!("data/small-matrix.toml")).expect("written");
    fs::create_dir(dir.join("evidence")).expect("made");
    fs::write(dir.join("evidence/history.jsonl"), format!("{HEADER}\n{RECORD}\n{{\"quorate\":\"end\",\"records\":1}}\n"))
        .expect("written");
    dir
}

fn quorate(dir: &Path, args: &[&str], env: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quorate"));
    command.args(args).current_dir(dir).env("NO_COLOR", "1");
    for name in ["SOURCE_DATE_EPOCH", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"] {
        command.env_remove(name);
    }
    command.envs(env.iter().copied()).output().expect("the binary runs")
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or(-1)
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn read(dir: &Path, file: &str) -> String {
    fs::read_to_string(dir.join(file)).unwrap_or_else(|e| panic!("{file}: {e}"))
}

const RELEASE: [&str; 3] = ["release", "contract.toml", "--force"];
const EMITS: [&str; 8] =
    ["--emit", "junit=ci/j.xml", "--emit", "sarif=ci/s.sarif", "--emit", "ctrf=ci/c.json", "--emit", "metrics=ci/m.txt"];

/// Each output says that there was no decision, and nothing else.
fn says_error(dir: &Path) {
    let (junit, metrics) = (read(dir, "ci/j.xml"), read(dir, "ci/m.txt"));
    assert!(junit.contains("errors=\"1\"") && junit.matches("<testcase").count() == 1, "{junit}");
    assert!(metrics.contains("=\"error\"} 1") && metrics.ends_with("# EOF\n") && !metrics.contains("quorate_gate"), "{metrics}");
    assert!(read(dir, "ci/c.json").contains("\"failed\": 1") && read(dir, "ci/s.sarif").contains("\"level\": \"error\""));
    assert!(!read(dir, "ci/s.sarif").contains("latency.write-p99"), "a result of the last run");
}

#[test]
fn a_run_that_cannot_be_judged_leaves_no_outputs_of_an_earlier_one() {
    let dir = project("outputs-stale");
    let args = [&RELEASE[..], &EMITS].concat();
    let judged = quorate(&dir, &args, &[]);
    assert!(code(&judged) == 2 && read(&dir, "ci/m.txt").contains("=\"inconclusive\"} 1"), "{}", text(&judged));
    assert!(read(&dir, "ci/m.txt").contains("=\"error\"} 0") && read(&dir, "ci/j.xml").matches("<testcase").count() > 5);
    let history = read(&dir, "evidence/history.jsonl");
    fs::write(dir.join("evidence/history.jsonl"), "\u{1f}garbage").expect("written");
    let unreadable = quorate(&dir, &args, &[]);
    assert_eq!(code(&unreadable), 4, "{}", text(&unreadable));
    assert!(text(&unreadable).contains("is the package of an earlier run"), "{}", text(&unreadable));
    says_error(&dir);
    assert!(read(&dir, "ci/j.xml").contains("evidence unreadable: history.jsonl"), "{}", read(&dir, "ci/j.xml"));

    fs::write(dir.join("evidence/history.jsonl"), history).expect("written");
    assert_eq!(code(&quorate(&dir, &args, &[])), 2);
    let contract = read(&dir, "contract.toml");
    fs::write(dir.join("contract.toml"), contract.replace("\"fenced-queue\"", "\"fenced-quue\"")).expect("written");
    assert_eq!(code(&quorate(&dir, &args, &[])), 3);
    says_error(&dir);
    let line = contract.lines().position(|l| l.contains("\"fenced-queue\"")).expect("a profile") + 1;
    assert!(read(&dir, "ci/s.sarif").contains(&format!("\"startLine\": {line}")), "{}", read(&dir, "ci/s.sarif"));

    fs::write(dir.join("contract.toml"), contract).expect("written");
    assert_eq!(code(&quorate(&dir, &args, &[])), 2);
    let taken = quorate(&dir, &[&RELEASE[..2], &EMITS].concat(), &[]);
    assert_eq!(code(&taken), 64, "{}", text(&taken));
    says_error(&dir);
}

#[test]
fn a_file_that_may_be_evidence_is_left_alone_when_the_contract_cannot_be_read() {
    let dir = project("outputs-unknown");
    let before = read(&dir, "evidence/history.jsonl");
    fs::write(dir.join("contract.toml"), "nothing = 1").expect("written");
    let args = [&RELEASE[..], &["--emit", "junit=evidence/history.jsonl", "--emit", "metrics=new.txt"]].concat();
    assert_eq!(code(&quorate(&dir, &args, &[])), 3);
    assert_eq!(read(&dir, "evidence/history.jsonl"), before);
    assert!(read(&dir, "new.txt").contains("=\"error\"} 1"));
}

#[test]
fn a_runner_is_told_that_nothing_was_judged() {
    let dir = project("outputs-runner");
    fs::write(dir.join("evidence/history.jsonl"), format!("{HEADER}\n{{\"::error::owned\"\n")).expect("written");
    let env = [("GITHUB_OUTPUT", "o.txt"), ("GITHUB_STEP_SUMMARY", "s.md")];
    let made = quorate(&dir, &[&RELEASE[..], &["--ci", "github"]].concat(), &env);
    assert_eq!(code(&made), 4);
    assert_eq!(read(&dir, "o.txt"), "decision=error\npackage=\nroot=\n");
    assert!(read(&dir, "s.md").starts_with("# contract.toml: NOT JUDGED\n") && read(&dir, "s.md").contains("history.jsonl:2"));
    let err = String::from_utf8_lossy(&made.stderr).into_owned();
    let token = err.strip_prefix("::stop-commands::").and_then(|o| o.split('\n').next()).expect("a token").to_string();
    let after = err.split(&format!("\n::{token}::\n")).nth(1).expect("commands begin again");
    let told = "::error title=quorate%3A evidence unreadable::history.jsonl:2: ";
    assert!(after.lines().count() == 1 && after.starts_with(told), "{after}");
}

#[test]
fn files_of_a_runner_that_end_within_a_line_are_gone_on_with_on_the_next() {
    let dir = project("outputs-lines");
    fs::write(dir.join("o.txt"), "a=b").expect("written");
    fs::write(dir.join("s.md"), "words").expect("written");
    let env = [("GITHUB_OUTPUT", "o.txt"), ("GITHUB_STEP_SUMMARY", "s.md")];
    assert_eq!(code(&quorate(&dir, &[&RELEASE[..], &["--ci", "github"]].concat(), &env)), 2);
    assert!(read(&dir, "o.txt").starts_with("a=b\ndecision=inconclusive\npackage=out/fixture-1\nroot=sha256:"));
    assert!(read(&dir, "s.md").starts_with("words\n\n# fixture 1: "), "{}", &read(&dir, "s.md")[..60]);
    let once = read(&dir, "s.md");
    assert_eq!(code(&quorate(&dir, &[&RELEASE[..], &["--ci", "github"]].concat(), &env)), 2);
    assert!(read(&dir, "s.md").starts_with(&format!("{}\n\n# fixture", once.trim_end_matches('\n'))));
    let empty = [("GITHUB_OUTPUT", ""), ("GITHUB_STEP_SUMMARY", "")];
    let made = quorate(&dir, &[&RELEASE[..], &["--ci", "github"]].concat(), &empty);
    assert_eq!(code(&made), 2, "{}", text(&made));
}

#[test]
fn an_output_that_cannot_be_written_hides_no_decision() {
    let dir = project("outputs-unwritable");
    let env = [("GITHUB_OUTPUT", "o.txt"), ("GITHUB_STEP_SUMMARY", "nowhere/s.md")];
    let made = quorate(&dir, &[&RELEASE[..], &["--ci", "github", "--emit", "junit=j.xml"]].concat(), &env);
    assert!(code(&made) == 70 && text(&made).contains("cannot add to `nowhere/s.md`"), "{}", text(&made));
    let out = String::from_utf8_lossy(&made.stdout).into_owned();
    assert!(out.contains("INCONCLUSIVE") && out.contains("\n::error file=contract.toml"), "{out}");
    assert!(read(&dir, "o.txt").starts_with("decision=inconclusive\n") && read(&dir, "j.xml").contains("<testcase"));

    fs::create_dir(dir.join("folder")).expect("made");
    fs::write(dir.join("file"), "x").expect("written");
    for (file, why) in
        [("folder", "is a folder"), ("file/j.xml", "is a file and not a folder"), ("out", "is where the package goes")]
    {
        let _ = fs::remove_dir_all(dir.join("out"));
        let made = quorate(&dir, &[&RELEASE[..], &["--emit", &format!("junit={file}")]].concat(), &[]);
        assert!(code(&made) == 64 && text(&made).contains(why), "{file}: {}", text(&made));
        assert!(!dir.join("out").exists(), "{file}: refused before anything is judged");
    }
}

#[test]
fn outputs_take_nothing_away_that_is_not_theirs() {
    let dir = project("outputs-theirs");
    fs::create_dir(dir.join("locks")).expect("made");
    let made = quorate(&dir, &[&RELEASE[..], &["--archive"]].concat(), &[]);
    assert_eq!(code(&made), 2, "{}", text(&made));
    fs::rename(dir.join("out/fixture-1"), dir.join("out/other-1")).expect("moved");
    fs::rename(dir.join("out/fixture-1.tar"), dir.join("out/other-1.tar")).expect("moved");
    assert_eq!(code(&quorate(&dir, &[&RELEASE[..], &["--archive"]].concat(), &[])), 2);
    let before = common::tree(&dir);
    let absolute = format!("junit={}", fs::canonicalize(&dir).expect("there").join("out/fixture-1/new/j.xml").display());
    let cases: [(&[&str], &str); 12] = [
        (&[&absolute], "lies in the package"),
        (&["junit=out/fixture-1.tar"], "is the archive of a package"),
        (&["junit=out/other-1.tar"], "is the archive of a package"),
        (&["junit=out/other-1/data/decision.json"], "lies in the package"),
        (&["junit=out/other-1/new/j.xml"], "lies in the package"),
        (&["junit=out/none/../fixture-1/new/j.xml"], "lies in the package"),
        (&["junit=x", "sarif=./x"], "name one file"),
        (&["junit=no/../x", "sarif=x"], "name one file"),
        (&["junit=locks/lock-0001.json"], "is the name of a lock"),
        (&["junit=locks/lock-0001.json.sig"], "is the name of a lock"),
        (&["junit=evidence/./history.jsonl"], "would write over"),
        (&["junit=contract.toml", "sarif=matrix.toml"], "sarif=matrix.toml` would write over"),
    ];
    for (files, why) in cases {
        let emits: Vec<&str> = files.iter().flat_map(|file| ["--emit", file]).collect();
        let made = quorate(&dir, &[&RELEASE[..], &["--archive"], &emits].concat(), &[]);
        assert!(code(&made) == 64 && text(&made).contains(why), "{files:?}: {}", text(&made));
        let now = common::tree(&dir);
        assert!(now == before, "{files:?} changed {:?}", now.iter().find(|(k, v)| before.get(*k) != Some(v)).map(|(k, _)| k));
        assert!(!dir.join("out/fixture-1/new").exists() && !dir.join("no").exists(), "{files:?}");
    }
    let same = quorate(&dir, &[&RELEASE[..], &["--dump-view", "x", "--emit", "junit=x"]].concat(), &[]);
    assert!(code(&same) == 64 && text(&same).contains("name one file"), "{}", text(&same));
    let env = [("GITHUB_STEP_SUMMARY", "contract.toml")];
    let summary = quorate(&dir, &[&RELEASE[..], &["--ci", "github"]].concat(), &env);
    assert!(code(&summary) == 64 && common::tree(&dir) == before, "{}", text(&summary));
    let streams = quorate(&dir, &[&RELEASE[..], &["--emit", "junit=/dev/null", "--emit", "sarif=/dev/null"]].concat(), &[]);
    assert_eq!(code(&streams), 2, "{}", text(&streams));
}

#[test]
fn evidence_that_is_to_come_is_no_place_for_an_output() {
    let dir = project("outputs-to-come");
    fs::remove_file(dir.join("evidence/history.jsonl")).expect("removed");
    let made = quorate(&dir, &[&RELEASE[..], &["--emit", "junit=evidence/history.jsonl"]].concat(), &[]);
    assert!(code(&made) == 64 && !dir.join("evidence/history.jsonl").exists(), "{}", text(&made));
}

#[test]
fn a_gate_is_shown_at_the_line_of_its_objective() {
    let dir = project("outputs-lines-of-gates");
    let contract = read(&dir, "contract.toml").replace("\"fenced-queue\"", "\"replicated-log\"");
    fs::write(dir.join("contract.toml"), &contract).expect("written");
    let made = quorate(&dir, &[&RELEASE[..], &EMITS, &["--ci", "github"]].concat(), &[]);
    let sarif: serde_json::Value = serde_json::from_str(&read(&dir, "ci/s.sarif")).expect("JSON");
    let results = sarif["runs"][0]["results"].as_array().expect("results");
    let shown = |gate: &str| {
        let found = results.iter().find(|r| r["ruleId"] == gate).unwrap_or_else(|| panic!("{gate} is not open"));
        let line = found["locations"][0]["physicalLocation"]["region"]["startLine"].as_u64().expect("a line") as usize;
        contract.lines().nth(line - 1).expect("a line of the contract")
    };
    for (gate, line) in [
        ("latency.write-p99", "write-p99 = \"180ms\""),
        ("recovery.replay-fits", "catch-up  = \"600ms\""),
        ("recovery.phases-add-up", "[failover]"),
        ("fencing.monotonic", "fence = \"epoch\""),
        ("partition.interleavings", "[interleavings]"),
        ("integrity.no-vacuous", "profile  = \"replicated-log\""),
    ] {
        assert_eq!(shown(gate), line, "{gate}");
    }
    let out = text(&made);
    let lines: std::collections::BTreeSet<&str> =
        out.lines().filter_map(|l| l.split_once(",line=")?.1.split(',').next()).collect();
    assert!(lines.len() > 3, "all annotations on a few lines: {lines:?}");
}
