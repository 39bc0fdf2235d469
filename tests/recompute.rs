//! Judging again: whoever covers up an edit with new manifests is told gate by gate, and what cannot be judged again is never called proven.

#![expect(clippy::print_stderr, reason = "a test that skips a part says so")]

mod common;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use quorate::store::sha256;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const NAME: &str = "fenced-queue-1.0.0";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn quorate(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quorate"));
    command.args(args).current_dir(root()).env_remove("SOURCE_DATE_EPOCH").env("NO_COLOR", "1");
    command.output().expect("the binary runs")
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A package of the fenced queue made with these options.
fn packaged(name: &str, options: &[&str]) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("recompute").join(name);
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).expect("scratch folder");
    let out = dir.to_str().expect("UTF-8");
    let made = quorate(&[&["release", "contracts/fenced-queue/contract.toml", "--quiet", "--out", out], options].concat());
    assert_eq!(made.status.code(), Some(0), "{}", text(&made));
    dir.join(NAME)
}

fn files(package: &Path) -> BTreeMap<String, Vec<u8>> {
    common::tree(package).into_iter().map(|(path, bytes)| (path.to_str().expect("UTF-8").to_string(), bytes)).collect()
}

/// Makes the manifests match what lies in `data/`, as one would who covers up an edit.
fn cover_up(package: &Path, version: &str) {
    let all = files(package);
    let data: Vec<(&String, &Vec<u8>)> = all.iter().filter(|f| f.0.starts_with("data/")).collect();
    let list: String = data.iter().map(|(path, bytes)| format!("{}  {path}\n", sha256(bytes))).collect();
    let bytes: usize = data.iter().map(|f| f.1.len()).sum();
    let old = String::from_utf8(all["bag-info.txt"].clone()).expect("UTF-8");
    let line = |line: &str| match line.split_once(": ").expect("a label").0 {
        "Payload-Oxum" => format!("Payload-Oxum: {bytes}.{}\n", data.len()),
        "Bag-Software-Agent" => format!("Bag-Software-Agent: quorate/{version}\n"),
        _ => format!("{line}\n"),
    };
    let info: String = old.lines().map(line).collect();
    fs::write(package.join("bag-info.txt"), info).expect("written");
    fs::write(package.join("manifest-sha256.txt"), list).expect("written");
    let tags = ["bag-info.txt", "bagit.txt", "manifest-sha256.txt"];
    let tags: String = tags.iter().map(|t| format!("{}  {t}\n", sha256(&fs::read(package.join(t)).expect("file")))).collect();
    fs::write(package.join("tagmanifest-sha256.txt"), tags).expect("written");
}

/// The folder as an archive, made again by GNU tar; `None` where there is none.
fn archived(package: &Path) -> Option<PathBuf> {
    let script = format!(
        "tar --version | grep -q GNU && find {NAME} -type f | LC_ALL=C sort | tar --create --format=ustar --owner=0 --group=0 --numeric-owner \\
         --mode=0644 --mtime=@0 --no-recursion --verbatim-files-from --files-from=- --file=again.tar"
    );
    let dir = package.parent().expect("a parent");
    let made = Command::new("sh").args(["-c", &script]).current_dir(dir).status().expect("sh runs");
    made.success().then(|| dir.join("again.tar"))
}

fn edit_decision(package: &Path, edit: impl FnOnce(&mut Value)) {
    let path = package.join("data/decision.json");
    let mut value: Value = serde_json::from_slice(&fs::read(&path).expect("file")).expect("JSON");
    edit(&mut value);
    fs::write(path, value.to_string()).expect("written");
    cover_up(package, "0.1.0");
}

fn gate<'v>(value: &'v mut Value, id: &str) -> &'v mut Value {
    let gates = value["gates"].as_array_mut().expect("gates");
    gates.iter_mut().find(|g| g["id"] == id).expect("a gate")
}

fn edit(path: &Path, from: &str, to: &str) {
    let bytes = fs::read(path).expect("file");
    let packed = path.extension().is_some_and(|e| e == "gz");
    let mut text = String::new();
    if packed {
        GzDecoder::new(&bytes[..]).read_to_string(&mut text).expect("text");
    } else {
        text = String::from_utf8(bytes).expect("text");
    }
    assert!(text.contains(from), "{}", path.display());
    let text = text.replacen(from, to, 1).into_bytes();
    let mut out = GzEncoder::new(Vec::new(), Compression::fast());
    out.write_all(&text).expect("packed");
    fs::write(path, if packed { out.finish().expect("packed") } else { text }).expect("written");
}

#[track_caller]
fn verify(package: &Path, options: &[&str], code: i32, wanted: &[&str]) -> String {
    let output = quorate(&[&["verify", package.to_str().expect("UTF-8")], options].concat());
    let said = text(&output);
    for want in wanted {
        assert!(said.contains(want), "no `{want}` in:\n{said}");
    }
    assert_eq!(output.status.code(), Some(code), "{said}");
    said
}

#[test]
fn edits_under_new_manifests_are_told_gate_by_gate() {
    let package = packaged("edited", &[]);
    let whole = fs::read(package.join("data/decision.json")).expect("file");
    verify(&package, &[], 0, &["RECOMPUTED  ok", "DECISION    ok"]);
    // A figure and a verdict.
    edit_decision(&package, |value| {
        let gate = gate(value, "fencing.stale-rejected");
        gate["verdict"] = "fail".into();
        gate["tests"][0]["figures"][0]["value"] = "4711".into();
    });
    let said = verify(
        &package,
        &[],
        5,
        &[
            "INTEGRITY   ok",
            "RECOMPUTED  failed",
            "gate fencing.stale-rejected: packaged fail, judged again pass",
            "packaged 4711",
        ],
    );
    assert!(!said.contains("gate fencing.monotonic"), "only what differs is told:\n{said}");
    match archived(&package) {
        Some(archive) => assert_eq!(verify(&archive, &[], 5, &[]), said, "the archive is told the same"),
        None => eprintln!("skipped: there is no GNU tar"),
    }
    // The decision alone.
    fs::write(package.join("data/decision.json"), &whole).expect("written");
    edit_decision(&package, |value| value["decision"] = "reject".into());
    verify(&package, &[], 5, &["/decision: it says reject, and accept follows from its gates"]);
    // Words alone, in a gate and elsewhere.
    fs::write(package.join("data/decision.json"), &whole).expect("written");
    edit_decision(&package, |value| gate(value, "fencing.monotonic")["proves"] = "everything".into());
    verify(
        &package,
        &[],
        5,
        &[
            "gate fencing.monotonic: packaged pass, judged again pass; only its words, its sources or whether it is asked for differ",
        ],
    );
    fs::write(package.join("data/decision.json"), &whole).expect("written");
    edit_decision(&package, |value| value["release"]["owner"] = "nobody".into());
    verify(&package, &[], 5, &["differs: data/decision.json at /release/owner"]);
    // A gate left out.
    fs::write(package.join("data/decision.json"), &whole).expect("written");
    edit_decision(&package, |value| value["gates"].as_array_mut().expect("gates").retain(|g| g["id"] != "fencing.monotonic"));
    verify(&package, &[], 5, &["gate fencing.monotonic: packaged nothing, judged again pass"]);
    // The page.
    fs::write(package.join("data/decision.json"), &whole).expect("written");
    edit(&package.join("data/report/index.html"), "ACCEPT", "REJECT");
    cover_up(&package, "0.1.0");
    verify(&package, &[], 5, &["differs: data/report/index.html"]);
    // Templates of another build.
    let tool: Value = serde_json::from_slice(&fs::read(package.join("data/tool.json")).expect("file")).expect("JSON");
    edit(&package.join("data/tool.json"), tool["templates"]["report.html"].as_str().expect("a digest"), &"0".repeat(64));
    cover_up(&package, "0.1.0");
    verify(
        &package,
        &[],
        5,
        &["differs: data/tool.json", "tool.json names other templates than this build has", ": report.html"],
    );
}

#[test]
fn edited_swapped_and_dropped_evidence_is_found_by_judging_again() {
    let package = packaged("evidence", &[]);
    let history = package.join("data/evidence/worker-crash/history.jsonl.gz");
    let whole = fs::read(&history).expect("evidence");
    edit(&history, "\"result\":\"ok\"", "\"result\":\"unknown\"");
    cover_up(&package, "0.1.0");
    verify(
        &package,
        &[],
        5,
        &["RECOMPUTED  failed", "/artifacts: worker-crash/history.jsonl.gz is not the file that was judged"],
    );
    fs::write(&history, whole).expect("written");
    fs::remove_file(&history).expect("removed");
    cover_up(&package, "0.1.0");
    verify(&package, &[], 5, &["RECOMPUTED  failed", "packaged pass, judged again inconclusive"]);
    // The same kind of file of another test: its header says so.
    fs::copy(package.join("data/evidence/retry-storm/history.jsonl.gz"), &history).expect("copied");
    cover_up(&package, "0.1.0");
    let said = verify(&package, &[], 5, &["worker-crash/history.jsonl.gz"]);
    assert!(said.contains("retry-storm") || said.contains("judged again inconclusive"), "{said}");
}

#[test]
fn another_version_is_compared_by_what_it_says() {
    let package = packaged("version", &[]);
    edit(&package.join("data/decision.json"), "\"version\":\"0.1.0\"", "\"version\":\"0.0.9\"");
    edit(&package.join("data/tool.json"), "0.1.0", "0.0.9");
    edit(&package.join("data/report/index.html"), "ACCEPT", "ACCEPT!");
    cover_up(&package, "0.0.9");
    verify(
        &package,
        &[],
        0,
        &[
            "RECOMPUTED  not checked  made by quorate 0.0.9, judged by 0.1.0: in part",
            "NOT RE-VERIFIED: pages of data/report",
            "figures came out the same",
        ],
    );
    let whole = fs::read(package.join("data/decision.json")).expect("file");
    let again = |edit: &dyn Fn(&mut Value), wanted: &str| {
        fs::write(package.join("data/decision.json"), &whole).expect("written");
        edit_decision(&package, edit);
        cover_up(&package, "0.0.9");
        verify(&package, &[], 5, &["RECOMPUTED  failed", wanted]);
    };
    again(&|value| gate(value, "fencing.monotonic")["verdict"] = "fail".into(), "packaged fail, judged again pass");
    again(&|value| gate(value, "fencing.monotonic")["required"] = false.into(), "gate fencing.monotonic: packaged pass");
    again(&|value| gate(value, "fencing.monotonic")["waived"] = true.into(), "gate fencing.monotonic: packaged pass");
    again(&|value| value["criteria"][0]["verdict"] = "fail".into(), "data/decision.json at /criteria/0/verdict");
    again(&|value| value["release"]["owner"] = "nobody".into(), "data/decision.json at /release/owner");
}

/// An insider makes an accepted release of a rejected one: another version, so that pages and bytes are not compared; a file that was never
/// there is called withheld; what did not pass is no longer asked for.
#[test]
fn a_rejected_release_cannot_be_made_accepted() {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("recompute").join("rejected");
    let _ = fs::remove_dir_all(&dir);
    let evidence = dir.join("evidence");
    for (path, bytes) in files(&root().join("evidence/fenced-queue")) {
        if path != "baseline-naive/history.jsonl.gz" && path != "worker-crash/applied.jsonl.gz" {
            let to = evidence.join(path);
            fs::create_dir_all(to.parent().expect("a parent")).expect("folder");
            fs::write(to, bytes).expect("written");
        }
    }
    let (evidence, out) = (evidence.to_str().expect("UTF-8"), dir.to_str().expect("UTF-8"));
    let made = quorate(&["release", "contracts/fenced-queue/contract.toml", "--evidence", evidence, "--out", out, "--quiet"]);
    assert_eq!(made.status.code(), Some(2), "{}", text(&made));
    let package = dir.join(NAME);
    let missing = "baseline-naive/history.jsonl.gz";
    edit(&package.join("data/tool.json"), "0.1.0", "0.0.9");
    edit_decision(&package, |value| {
        value["tool"]["version"] = "0.0.9".into();
        value["decision"] = "accept".into();
        for file in value["artifacts"].as_array_mut().expect("artifacts") {
            if file["path"] == missing {
                (file["sha256"], file["bytes"]) = ("ab".repeat(32).into(), 777.into());
            }
        }
        for gate in value["gates"].as_array_mut().expect("gates") {
            if gate["verdict"] != "pass" {
                gate["required"] = false.into();
            }
        }
    });
    let file = serde_json::json!({ "path": missing, "sha256": "ab".repeat(32), "bytes": 777, "reason": "size" });
    let references = serde_json::json!({ "schema": "quorate-evidence-refs/1", "files": [file] });
    fs::write(package.join("data/evidence-refs.json"), references.to_string()).expect("written");
    cover_up(&package, "0.0.9");
    let said = verify(&package, &[], 5, &["RECOMPUTED  failed", "/decision: it says accept, judged again it is inconclusive"]);
    assert!(said.contains("gate commands.none-missing: packaged inconclusive"), "{said}");
}

#[test]
fn withheld_evidence_is_named_and_its_gates_are_not_called_proven() {
    let package = packaged("withheld", &["--withhold", "*/history.jsonl.gz", "--archive"]);
    let refs = fs::read_to_string(package.join("data/evidence-refs.json")).expect("references");
    assert!(refs.contains("retry-storm/history.jsonl.gz") && refs.contains("\"reason\":\"withheld\""), "{refs}");
    assert!(!package.join("data/evidence/retry-storm/history.jsonl.gz").exists());
    let decision = |p: &Path| fs::read(p.join("data/decision.json")).expect("file");
    let all = packaged("not-withheld", &[]);
    assert_eq!(decision(&package), decision(&all), "the decision is the same with and without the bytes");
    let said = verify(
        &package,
        &[],
        2,
        &[
            "RECOMPUTED  not checked  in part",
            "NOT RE-VERIFIED: commands.no-duplicates: packaged pass; not there:",
            "DECISION    not checked",
        ],
    );
    assert!(said.contains("NOT RE-VERIFIED: pages"), "{said}");
    let archive = package.with_extension("0.tar");
    assert!(archive.exists());
    verify(&archive, &[], 2, &["NOT RE-VERIFIED"]);
    // With the bytes handed in, all of it is judged again.
    verify(&package, &["--evidence", "evidence/fenced-queue"], 0, &["RECOMPUTED  ok", "byte for byte", "DECISION    ok"]);
    let json = verify(&package, &["--json"], 2, &[]);
    let value: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(value["again"]["evidence_state"]["retry-storm/history.jsonl.gz"], "withheld");
    assert_eq!(value["again"]["evidence_state"]["retry-storm/applied.jsonl.gz"], "rehashed");
    // Some of the bytes, and wrong ones.
    let handed = package.parent().expect("parent").join("handed");
    fs::create_dir_all(handed.join("retry-storm")).expect("made");
    fs::copy(root().join("evidence/fenced-queue/retry-storm/history.jsonl.gz"), handed.join("retry-storm/history.jsonl.gz"))
        .expect("copied");
    let dir = handed.to_str().expect("UTF-8");
    let said = verify(&package, &["--evidence", dir], 2, &["NOT RE-VERIFIED"]);
    assert!(!said.contains("retry-storm/history.jsonl.gz"), "{said}");
    edit(&handed.join("retry-storm/history.jsonl.gz"), "\"ok\"", "\"no\"");
    verify(&package, &["--evidence", dir], 4, &["that was handed in is not the file that was judged"]);
}

#[test]
fn what_is_withheld_cannot_hide_a_lie() {
    let package = packaged("lies", &["--max-evidence", "20kB"]);
    let refs = fs::read_to_string(package.join("data/evidence-refs.json")).expect("references");
    assert!(refs.contains("\"reason\":\"size\""), "{refs}");
    let whole = fs::read(package.join("data/decision.json")).expect("file");
    let unseen = verify(&package, &["--json"], 2, &[]);
    let unseen: Value = serde_json::from_str(&unseen).expect("JSON");
    let unseen = unseen["again"]["not_reverified"].as_array().expect("gates").clone();
    let blind =
        unseen.iter().find(|g| g["gate"] != "integrity.artifacts").expect("a gate")["gate"].as_str().expect("id").to_string();
    let again = |edit: &dyn Fn(&mut Value)| {
        fs::write(package.join("data/decision.json"), &whole).expect("written");
        edit_decision(&package, edit);
    };
    again(&|value| gate(value, &blind)["waived"] = true.into());
    verify(&package, &[], 5, &["RECOMPUTED  failed", &blind]);
    again(&|value| gate(value, &blind)["required"] = false.into());
    verify(&package, &[], 5, &["RECOMPUTED  failed", &blind]);
    again(&|value| value["artifacts"][0]["sha256"] = "0".repeat(64).into());
    verify(&package, &[], 5, &["RECOMPUTED  failed", "/artifacts: "]);
    // What no withheld byte is needed for is compared: what is declared, and what is said of files that are there.
    again(&|value| value["tests"][0]["method"] = "none at all".into());
    verify(&package, &[], 5, &["RECOMPUTED  failed", "data/decision.json at /tests/0/method"]);
    again(&|value| {
        let files = value["artifacts"].as_array_mut().expect("artifacts");
        let there = files.iter_mut().find(|f| package.join("data/evidence").join(f["path"].as_str().expect("a path")).exists());
        there.expect("a file")["synthetic"] = true.into();
    });
    verify(&package, &[], 5, &["RECOMPUTED  failed", "/artifacts: what is said of"]);
    fs::write(package.join("data/decision.json"), &whole).expect("written");
    fs::write(package.join("data/report/extra.html"), "x").expect("written");
    cover_up(&package, "0.1.0");
    verify(&package, &[], 5, &["RECOMPUTED  failed", "extra.html"]);
    fs::remove_file(package.join("data/report/extra.html")).expect("removed");
    again(&|value| value["date"] = "2020-01-01".into());
    verify(&package, &["--no-recompute"], 5, &["tag-file: bag-info.txt"]);
    // A reference to other bytes.
    fs::write(package.join("data/decision.json"), &whole).expect("written");
    let digest = refs.split("\"sha256\":\"").nth(1).expect("a digest")[..64].to_string();
    edit(&package.join("data/evidence-refs.json"), &digest, &"0".repeat(64));
    cover_up(&package, "0.1.0");
    verify(&package, &[], 5, &["is referred to by another digest or length"]);
    edit(&package.join("data/evidence-refs.json"), "\"bytes\"", "\"path\":\"x\",\"bytes\"");
    cover_up(&package, "0.1.0");
    verify(&package, &[], 5, &["references: data/evidence-refs.json: a duplicate key at /files/0/path"]);
}

#[test]
fn a_pattern_that_matches_nothing_is_refused() {
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("recompute/nothing");
    let out = out.to_str().expect("UTF-8");
    let contract = "contracts/fenced-queue/contract.toml";
    let made = quorate(&["release", contract, "--out", out, "--withhold", "history.jsonl"]);
    assert_eq!(made.status.code(), Some(64), "{}", text(&made));
    assert!(text(&made).contains("matches no evidence file") && !Path::new(out).exists(), "{}", text(&made));
    let made = quorate(&["release", contract, "--out", out, "--max-evidence", "ten"]);
    assert_eq!(made.status.code(), Some(64), "{}", text(&made));
}

#[test]
fn the_root_can_be_demanded() {
    let package = packaged("root", &[]);
    let root = sha256(&fs::read(package.join("tagmanifest-sha256.txt")).expect("file"));
    verify(&package, &["--no-recompute", "--root", &format!("sha256:{root}")], 2, &["INTEGRITY   ok", "DECISION    not checked"]);
    let other = format!("sha256:{}", "0".repeat(64));
    let wanted = format!("INTEGRITY   failed       it is another package: its root is sha256:{root}, {other} was expected");
    verify(&package, &["--root", &other], 5, &[&wanted, "DECISION    not checked"]);
    verify(&package, &["--root", "abc"], 64, &["64 hex digits"]);
}

#[test]
fn two_packages_are_compared() {
    let (old, new) = (packaged("diff-old", &[]), packaged("diff-new", &[]));
    let diff = |code: i32, options: &[&str]| {
        let paths = [old.to_str().expect("UTF-8"), new.to_str().expect("UTF-8")];
        let output = quorate(&[&["diff"], &paths[..], options].concat());
        assert_eq!(output.status.code(), Some(code), "{}", text(&output));
        text(&output)
    };
    assert!(diff(0, &[]).contains("nothing is worse"));
    edit_decision(&new, |value| {
        let gate = gate(value, "fencing.stale-rejected");
        gate["verdict"] = "fail".into();
        gate["waived"] = true.into();
        gate["tests"][0]["figures"][0]["value"] = "4711".into();
    });
    let said = diff(1, &[]);
    assert!(said.contains("worse: 1 gate\n  fencing.stale-rejected  pass → fail (waived)  [verdict, newly waived]"), "{said}");
    assert!(said.contains("→ 4711") && said.contains("something is worse"), "{said}");
    let value: Value = serde_json::from_str(&diff(1, &["--json"])).expect("JSON");
    assert_eq!((&value["worse"], &value["gates"][0]["gate"]), (&true.into(), &"fencing.stale-rejected".into()));
    fs::write(new.join("data/extra"), "x").expect("written");
    assert!(diff(5, &[]).contains("extra-file: data/extra"));
}
