//! The whole binary: exit codes, flags, and that nothing half-written is left behind.

mod common;

use quorate::gate::{PROFILES, Profile};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A folder of one test, empty at its start.
fn scratch(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).expect("scratch folder");
    dir
}

fn quorate(dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quorate"));
    command.args(args).current_dir(dir).env_remove("SOURCE_DATE_EPOCH").env("NO_COLOR", "1");
    command.output().expect("the binary runs")
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or(-1)
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

const HEADER: &str = r#"{"quorate":"history/v1","test":"t1","origin":"client","clock":"monotonic","clock_id":"c","recorded_by":"test","synthetic":true}"#;
const RECORD: &str = r#"{"client":"a","op":"write","key":"k","value":1,"command_id":"w1","invoke":1,"return":2,"result":"ok"}"#;

/// A small contract with one history file of these bytes.
fn project(name: &str, history: &[u8]) -> PathBuf {
    let dir = scratch(name);
    let contract = include_str!("data/gates/contract.toml").replace("\"replicated-log\"", "\"fenced-queue\"");
    let matrix = include_str!("data/small-matrix.toml");
    fs::write(dir.join("contract.toml"), contract).expect("written");
    fs::write(dir.join("matrix.toml"), matrix).expect("written");
    fs::create_dir(dir.join("evidence")).expect("made");
    fs::write(dir.join("evidence/history.jsonl"), history).expect("written");
    dir
}

fn sound() -> Vec<u8> {
    format!("{HEADER}\n{RECORD}\n{{\"quorate\":\"end\",\"records\":1}}\n").into_bytes()
}

/// Nothing is left in `out`, not even a temporary folder.
fn nothing_written(dir: &Path) -> bool {
    fs::read_dir(dir.join("out")).map_or(true, |mut entries| entries.next().is_none())
}

#[test]
fn too_little_evidence_is_inconclusive_and_packaged() {
    let dir = project("inconclusive", &sound());
    let output = quorate(&dir, &["release", "contract.toml"]);
    assert_eq!(code(&output), 2, "{}", text(&output));
    assert!(dir.join("out/fixture-1/data/report/index.html").exists());
    let verified = quorate(&dir, &["verify", "out/fixture-1"]);
    assert_eq!(code(&verified), 2, "{}", text(&verified));
    let again = quorate(&dir, &["release", "contract.toml"]);
    assert_eq!(code(&again), 64, "a package is not overwritten: {}", text(&again));
    assert_eq!(code(&quorate(&dir, &["release", "contract.toml", "--force"])), 2);
}

#[test]
fn same_bytes_on_one_and_two_threads() {
    let dir = project("threads", &sound());
    for (threads, out) in [("1", "a"), ("2", "b")] {
        quorate(&dir, &["release", "contract.toml", "--threads", threads, "--out", out]);
    }
    let root = |out: &str| fs::read(dir.join(out).join("fixture-1/tagmanifest-sha256.txt")).expect("written");
    assert_eq!(root("a"), root("b"));
}

#[test]
fn a_changed_package_does_not_verify() {
    let dir = project("tampered", &sound());
    quorate(&dir, &["release", "contract.toml"]);
    let page = dir.join("out/fixture-1/data/report/index.html");
    let html = fs::read_to_string(&page).expect("written").replace("INCONCLUSIVE", "ACCEPT");
    fs::write(&page, html).expect("written");
    let output = quorate(&dir, &["verify", "out/fixture-1"]);
    assert_eq!(code(&output), 5, "{}", text(&output));
    assert!(text(&output).contains("data/report/index.html"), "{}", text(&output));
}

#[test]
fn unreadable_evidence_is_named_and_leaves_nothing() {
    let long = format!("{HEADER}\n{{\"client\":\"{}\"}}\n", "x".repeat(17 << 20));
    let deep = format!("{HEADER}\n{{\"client\":\"a\",\"note\":{}{}}}\n", "[".repeat(1_000_000), "]".repeat(1_000_000));
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("cut", format!("{HEADER}\n{RECORD}\n{}", &RECORD[..40]).into_bytes(), "history.jsonl:3"),
        ("utf8", [HEADER.as_bytes(), b"\n{\"client\":\"\xff\xfe\"}\n"].concat(), "UTF-8"),
        (
            "twice",
            format!("{HEADER}\n{}\n", RECORD.replace("\"op\":\"write\"", "\"op\":\"write\",\"op\":\"read\"")).into_bytes(),
            "op",
        ),
        (
            "big",
            format!("{HEADER}\n{}\n", RECORD.replace("\"value\":1", "\"value\":1,\"term\":9007199254740993")).into_bytes(),
            "9007199254740993",
        ),
        ("long", long.into_bytes(), "history.jsonl"),
        ("deep", deep.into_bytes(), "history.jsonl"),
        ("word", format!("{HEADER}\n{}\n", RECORD.replace("\"op\":\"write\"", "\"op\":\"wirte\"")).into_bytes(), "write"),
        ("header", format!("{}\n{RECORD}\n", HEADER.replace("\"synthetic\"", "\"syntetic\"")).into_bytes(), "syntetic"),
    ];
    for (name, bytes, wanted) in cases {
        let dir = project(&format!("bad-{name}"), &bytes);
        let output = quorate(&dir, &["release", "contract.toml"]);
        assert_eq!(code(&output), 4, "{name}: {}", text(&output));
        assert!(text(&output).contains("history.jsonl"), "{name}: {}", text(&output));
        assert!(text(&output).contains(wanted), "{name}: {}", text(&output));
        assert!(nothing_written(&dir), "{name}");
    }
}

#[test]
fn a_path_out_of_the_folder_and_a_link_are_refused() {
    let dir = project("links", &sound());
    let matrix = fs::read_to_string(dir.join("matrix.toml")).expect("written");
    fs::write(dir.join("outside.jsonl"), sound()).expect("written");
    fs::write(dir.join("bad.toml"), matrix.replace("history.jsonl", "../outside.jsonl")).expect("written");
    let output = quorate(&dir, &["release", "contract.toml", "--matrix", "bad.toml"]);
    assert_eq!(code(&output), 3, "{}", text(&output));
    #[cfg(unix)]
    {
        fs::remove_file(dir.join("evidence/history.jsonl")).expect("removed");
        std::os::unix::fs::symlink("../outside.jsonl", dir.join("evidence/history.jsonl")).expect("linked");
        let output = quorate(&dir, &["release", "contract.toml"]);
        assert_eq!(code(&output), 4, "{}", text(&output));
        assert!(text(&output).contains("link"), "{}", text(&output));
        assert!(nothing_written(&dir));
    }
}

#[test]
fn usage_and_contract_errors_have_their_codes() {
    let dir = project("usage", &sound());
    assert_eq!(code(&quorate(&dir, &[])), 64);
    assert_eq!(code(&quorate(&dir, &["relase"])), 64);
    assert_eq!(code(&quorate(&dir, &["explain", "log.no-los"])), 64);
    assert_eq!(code(&quorate(&dir, &["--help"])), 0);
    assert_eq!(code(&quorate(&dir, &["release", "nowhere.toml"])), 3);
    assert_eq!(code(&quorate(&dir, &["verify", "nowhere"])), 5);
    let broken = fs::read_to_string(dir.join("contract.toml")).expect("written").replace("\"fenced-queue\"", "\"fenced-quue\"");
    fs::write(dir.join("contract.toml"), broken).expect("written");
    let output = quorate(&dir, &["release", "contract.toml"]);
    assert_eq!(code(&output), 3);
    assert!(text(&output).contains("did you mean `fenced-queue`?"), "{}", text(&output));
}

#[test]
fn gates_explain_and_schema_print() {
    let dir = scratch("print");
    for args in [
        vec!["gates"],
        vec!["gates", "--json", "--profile", "fenced-queue"],
        vec!["explain", "log.no-loss"],
        vec!["schema", "contract"],
        vec!["schema", "matrix"],
        vec!["schema", "decision"],
    ] {
        let output = quorate(&dir, &args);
        assert_eq!(code(&output), 0, "{args:?}");
        assert!(output.stdout.len() > 200, "{args:?}: {}", text(&output));
    }
}

#[test]
fn a_challenge_ends_by_what_it_comes_to() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let caught = quorate(root, &["challenge", "contracts/fenced-queue/contract.toml", "--json"]);
    assert_eq!(code(&caught), 0, "{}", text(&caught));
    assert!(text(&caught).contains(r#""result":"all-caught""#));
    let dir = project("challenge", format!("{HEADER}\n{RECORD}\n").as_bytes());
    let open = quorate(&dir, &["challenge", "contract.toml"]);
    assert!(text(&open).contains("did not pass, so nothing can turn it"), "{}", text(&open));
    let none = quorate(&dir, &["challenge", "contract.toml", "--mutants", "0"]);
    assert_eq!(code(&none), 64, "{}", text(&none));
}

/// Each starter is accepted by the judgement of its sample, every gate of its profile among them, and the output says what it comes to.
#[test]
fn every_starter_is_released_and_accepted() {
    let excluded = ["consistency.staleness", "contract.declared-before-run", "log.membership"];
    let starters = [
        ("replicated-log", &excluded[..], "ACCEPT (3 excluded)"),
        ("fenced-queue", &[], "ACCEPT"),
        ("coordination-ensemble", &[], "ACCEPT"),
    ];
    assert_eq!(starters.len(), PROFILES.len(), "a starter for each profile");
    for (name, without, comes_to) in starters {
        let dir = scratch(&format!("init-{name}"));
        let made = quorate(&dir, &["init", "--profile", name]);
        assert_eq!(code(&made), 0, "{}", text(&made));
        assert!(text(&made).contains(&format!("comes to {comes_to}:\n  quorate release contract.toml\n")), "{}", text(&made));
        let again = quorate(&dir, &["init", "--profile", name]);
        assert!(code(&again) == 64 && text(&again).contains("nothing was written"), "{}", text(&again));
        let judged = quorate(&dir, &["release", "contract.toml", "--json"]);
        assert_eq!(code(&judged), 0, "{}", text(&judged));
        let decision: serde_json::Value = serde_json::from_slice(&judged.stdout).expect("JSON");
        let mut passed: Vec<&str> = Vec::new();
        for gate in decision["gates"].as_array().expect("gates").iter().filter(|g| g["required"] == true) {
            assert_eq!(gate["verdict"], "pass", "{name}: {} {}", gate["id"], gate["why"]);
            passed.push(gate["id"].as_str().expect("an id"));
        }
        let mut asked: Vec<&str> = profile(name).gates.iter().copied().filter(|g| !without.contains(g)).collect();
        passed.sort_unstable();
        asked.sort_unstable();
        assert_eq!(passed, asked, "{name}");
        let mut left: Vec<&str> =
            decision["exclusions"].as_array().expect("exclusions").iter().filter_map(|e| e["gate"].as_str()).collect();
        left.sort_unstable();
        assert_eq!(left, without, "{name}");
        let artifacts = decision["artifacts"].as_array().expect("artifacts");
        assert!(artifacts.len() > 5 && artifacts.iter().all(|a| a["synthetic"] == true), "{name}: the sample says what it is");
        let folder = fs::read_dir(dir.join("out")).expect("out").next().expect("a package").expect("an entry").path();
        assert_eq!(code(&quorate(&dir, &["verify", folder.to_str().expect("a name")])), 0);
    }
}

/// The profile of a name.
fn profile(name: &str) -> &'static Profile {
    PROFILES.iter().find(|p| p.name == name).expect("a profile")
}

/// What cannot be written is taken back, what is there as it would be written is kept, and nothing goes through a link.
#[test]
fn a_starter_is_written_whole_or_not_at_all() {
    let dir = scratch("init-half");
    fs::create_dir(dir.join("d")).expect("made");
    fs::write(dir.join("d/evidence"), "").expect("written");
    let refused = quorate(&dir, &["init", "d"]);
    assert!(code(&refused) == 64 && !dir.join("d/contract.toml").exists(), "{}", text(&refused));
    fs::remove_file(dir.join("d/evidence")).expect("removed");
    assert_eq!(code(&quorate(&dir, &["init", "d"])), 0);
    fs::remove_file(dir.join("d/contract.toml")).expect("removed");
    assert_eq!(code(&quorate(&dir, &["init", "d"])), 0, "a run that was cut short is ended by the next");
    fs::remove_file(dir.join("d/contract.toml")).expect("removed");
    fs::write(dir.join("d/matrix.toml"), "mine").expect("written");
    let kept = quorate(&dir, &["init", "d"]);
    assert!(code(&kept) == 64 && text(&kept).contains("matrix.toml") && !dir.join("d/contract.toml").exists(), "{}", text(&kept));
    #[cfg(unix)]
    {
        fs::create_dir_all(dir.join("elsewhere")).expect("made");
        fs::create_dir(dir.join("l")).expect("made");
        std::os::unix::fs::symlink(dir.join("elsewhere"), dir.join("l/evidence")).expect("linked");
        assert_eq!(code(&quorate(&dir, &["init", "l"])), 64);
        assert!(fs::read_dir(dir.join("elsewhere")).expect("a folder").next().is_none());
    }
    let odd = quorate(&dir, &["init", "a b; rm"]);
    assert!(text(&odd).contains("quorate release 'a b; rm/contract.toml'\n"), "{}", text(&odd));
    let dash = quorate(&dir, &["init", "--", "-x"]);
    assert!(text(&dash).contains("quorate release ./-x/contract.toml\n"), "{}", text(&dash));
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        let mut command = Command::new(env!("CARGO_BIN_EXE_quorate"));
        let made =
            command.args(["init", "--json"]).arg(std::ffi::OsStr::from_bytes(b"b\xff")).current_dir(&dir).output().expect("runs");
        assert_eq!(code(&made), 0, "{}", text(&made));
    }
}

#[test]
fn a_release_that_proves_too_little_speaks_to_build_systems() {
    let dir = scratch("speaks");
    assert_eq!(code(&quorate(&dir, &["init"])), 0);
    common::starve(&dir);
    let emits = ["junit=ci/j.xml", "sarif=ci/s.sarif", "ctrf=ci/c.json", "metrics=ci/m.txt"];
    let args: Vec<&str> =
        ["release", "contract.toml", "--ci", "github"].into_iter().chain(emits.iter().flat_map(|e| ["--emit", e])).collect();
    let judged = quorate(&dir, &args);
    assert_eq!(code(&judged), 1, "{}", text(&judged));
    let out = text(&judged);
    assert!(out.starts_with("::stop-commands::") && out.contains("\n::error file=contract.toml,line="), "{out}");
    let read = |name: &str| fs::read_to_string(dir.join("ci").join(name)).expect(name);
    let (sarif, ctrf): (serde_json::Value, serde_json::Value) =
        (serde_json::from_str(&read("s.sarif")).expect("JSON"), serde_json::from_str(&read("c.json")).expect("JSON"));
    let results = sarif["runs"][0]["results"].as_array().expect("results").len();
    assert!(results > 20, "{results}");
    let summary = &ctrf["results"]["summary"];
    assert_eq!(summary["failed"].as_u64().unwrap_or(0) + summary["other"].as_u64().unwrap_or(0), results as u64);
    let junit = read("j.xml");
    assert_eq!(junit.matches("<error ").count() + junit.matches("<failure ").count(), results);
    assert!(read("m.txt").ends_with("# EOF\n") && read("m.txt").contains("quorate_decision{quorate_decision=\"accept\"} 0"));
}

#[test]
fn evidence_can_neither_speak_to_the_runner_nor_break_its_files() {
    let hostile = r"::error::owned <script>alert(1)</script> \u202e \u001b[31m | ]]>";
    let record = RECORD.replace("\"client\":\"a\"", &format!("\"client\":\"{hostile}\""));
    let dir = project("hostile-ci", format!("{HEADER}\n{record}\n{{\"quorate\":\"end\",\"records\":1}}\n").as_bytes());
    let contract = fs::read_to_string(dir.join("contract.toml")).expect("contract");
    let owner = contract.lines().find(|l| l.starts_with("owner")).expect("owner").to_string();
    fs::write(dir.join("contract.toml"), contract.replace(&owner, "owner = \"::error::x\\n::set-output name=a::b <script>\""))
        .expect("written");
    let made = quorate(&dir, &["release", "contract.toml", "--ci", "github", "--emit", "junit=j.xml", "--emit", "metrics=m.txt"]);
    assert_eq!(code(&made), 2, "{}", text(&made));
    let out = String::from_utf8_lossy(&made.stdout).into_owned();
    let token = out.strip_prefix("::stop-commands::").and_then(|o| o.split('\n').next()).expect("a token").to_string();
    let after = out.split(&format!("\n::{token}::\n")).nth(1).expect("commands begin again");
    assert!(after.lines().all(|l| l.starts_with("::error ")), "{after}");
    let files = [fs::read_to_string(dir.join("j.xml")).expect("file"), fs::read_to_string(dir.join("m.txt")).expect("file")];
    assert!(files.iter().all(|f| !f.contains("<script") && !f.contains('\u{202e}') && !f.contains('\u{1b}')), "{files:?}");
}

#[test]
fn a_message_about_unreadable_evidence_cannot_speak_to_the_runner() {
    let record = "{\"client\":\"##[set-output name=decision]accept\", nonsense";
    let dir = project("hostile-error", format!("{HEADER}\n{record}\n").as_bytes());
    let made = quorate(&dir, &["release", "contract.toml", "--ci", "github"]);
    let err = String::from_utf8_lossy(&made.stderr).into_owned();
    assert_eq!((code(&made), made.stdout.len()), (4, 0), "{err}");
    let token = err.strip_prefix("::stop-commands::").and_then(|o| o.split('\n').next()).expect("a token").to_string();
    assert!(token.len() == 64 && err.contains("##[set-output"), "{err}");
    let after = err.split(&format!("\n::{token}::\n")).nth(1).expect("commands begin again");
    assert!(after.starts_with("::error title=") && after.lines().count() == 1 && !after.contains("##["), "{err}");
    let plain = quorate(&dir, &["release", "contract.toml"]);
    assert!(!text(&plain).contains("stop-commands"));
}

#[test]
fn words_of_a_megabyte_are_cut_in_every_output() {
    let long = "W".repeat(1 << 20);
    let record = RECORD.replace("\"client\":\"a\"", &format!("\"client\":\"{long}\""));
    let again = record.replace("\"invoke\":1,\"return\":2", "\"invoke\":3,\"return\":4");
    let dir = project("long-words", format!("{HEADER}\n{record}\n{again}\n{{\"quorate\":\"end\",\"records\":2}}\n").as_bytes());
    let emits = ["junit=ci/j.xml", "sarif=ci/s.sarif", "ctrf=ci/c.json", "metrics=ci/m.txt"];
    let args: Vec<&str> = ["release", "contract.toml"].into_iter().chain(emits.iter().flat_map(|e| ["--emit", e])).collect();
    let made = quorate(&dir, &args);
    let shown = text(&made);
    assert!(shown.len() < 100_000 && !shown.contains(&"W".repeat(1000)), "{} bytes", shown.len());
    let outputs = fs::read_dir(dir.join("ci")).expect("outputs").flatten().map(|e| e.path());
    let pages = fs::read_dir(dir.join("out/fixture-1/data/report")).expect("report").flatten().map(|e| e.path());
    let files: Vec<PathBuf> = outputs.chain(pages).filter(|p| p.is_file()).collect();
    assert!(files.len() >= 7, "{files:?}");
    for file in files {
        let bytes = fs::read(&file).expect("file");
        assert!(bytes.len() < 300_000 && !bytes.windows(2000).any(|w| w.iter().all(|b| *b == b'W')), "{}", file.display());
    }
}

#[test]
fn completions_and_manual_pages_print() {
    let dir = scratch("man");
    for args in [vec!["completions", "bash"], vec!["completions", "zsh"], vec!["man"], vec!["man", "release"]] {
        let output = quorate(&dir, &args);
        assert!(code(&output) == 0 && text(&output).contains("quorate"), "{args:?}: {}", text(&output));
    }
    assert_eq!(code(&quorate(&dir, &["man", "nothing"])), 64);
}

#[test]
fn outputs_spare_what_a_release_reads() {
    let dir = project("spared", &sound());
    let before = fs::read(dir.join("evidence/history.jsonl")).expect("there");
    for file in ["contract.toml", "./matrix.toml", "evidence/../evidence/history.jsonl"] {
        for option in [&["--dump-view", file][..], &["--emit", &format!("junit={file}")]] {
            let output = quorate(&dir, &[&["release", "contract.toml"], option].concat());
            assert!(code(&output) == 64 && text(&output).contains("would write over"), "{option:?}\n{}", text(&output));
        }
    }
    assert_eq!(fs::read(dir.join("evidence/history.jsonl")).expect("there"), before);
    let output = quorate(&dir, &["release", "contract.toml", "--emit", "junit=out/other/../fixture-1/junit.xml"]);
    assert!(code(&output) == 64 && text(&output).contains("lies in the package"), "{}", text(&output));
    let output = quorate(&dir, &["release", "contract.toml", "--force", "--emit", "junit=made/for/it.xml"]);
    assert!(code(&output) == 2 && dir.join("made/for/it.xml").exists(), "{}", text(&output));
}
