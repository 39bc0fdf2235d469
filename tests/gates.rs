//! Every gate has cases in `tests/data/gates/<gate-id>/<name>/`, where the name begins with the verdict that must come out.
//!
//! A case holds evidence files, and `contract.toml` and `matrix.toml` unless those of the gate's folder, or of
//! `tests/data/gates/`, will do. `why.txt` is a part of the reason that must be given. Adding a case is adding a folder.

use quorate::contract::{Lock, parse_contract, parse_matrix};
use quorate::error::{Error, ErrorKind};
use quorate::evidence::read::{Files, read};
use quorate::gate::{CRITERIA, FOUNDATIONS, Judge, PROFILES, Profile, ReleaseCx, bind, gates, judge};
use quorate::package::read_lock;
use quorate::source::Sources;
use quorate::store::sha256;
use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

/// What is done to a file before it is read.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Harm {
    None,
    Absent,
    Empty,
    CutAtLine,
    CutInLine,
    OtherTest,
}

/// The files of a case, one of them harmed.
struct Folder {
    root: PathBuf,
    harmed: String,
    harm: Harm,
}

impl Folder {
    fn sound(root: &Path) -> Self {
        Self { root: root.to_path_buf(), harmed: String::new(), harm: Harm::None }
    }
}

impl Files for Folder {
    fn open(&self, path: &str) -> std::io::Result<Option<Box<dyn Read + Send>>> {
        let bytes = match fs::read(self.root.join(path)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let harm = if path == self.harmed { self.harm } else { Harm::None };
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let half = text.lines().count() / 2 + 1;
        let harmed = match harm {
            Harm::None => text,
            Harm::Absent => return Ok(None),
            Harm::Empty => String::new(),
            Harm::CutAtLine => text.lines().take(half).map(|l| format!("{l}\n")).collect(),
            Harm::CutInLine => text.chars().take(text.len() / 2 + 1).collect(),
            Harm::OtherTest => text.replacen("\"test\":\"", "\"test\":\"other-", 1),
        };
        Ok(Some(Box::new(std::io::Cursor::new(harmed.into_bytes()))))
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/gates")
}

fn nearest_file(case: &Path, name: &str) -> String {
    let path = case.ancestors().take(3).map(|dir| dir.join(name)).find(|p| p.exists()).expect("base files exist");
    fs::read_to_string(path).expect("readable")
}

/// The verdict word and the reason that a gate gives on a case.
fn run(gate: &str, case: &Path, files: &Folder) -> Result<(String, String), String> {
    let mut sources = Sources::default();
    let (contract_text, matrix_text) = (nearest_file(case, "contract.toml"), nearest_file(case, "matrix.toml"));
    let (c, m) = (sources.add("contract.toml", &contract_text), sources.add("matrix.toml", &matrix_text));
    let shown = |faults| Error { kind: ErrorKind::Contract, faults }.render(&sources, false);
    let contract = parse_contract(c, &contract_text).map_err(shown)?;
    let matrix = parse_matrix(m, &matrix_text, Some(&contract)).map_err(shown)?;
    let profile = PROFILES.iter().find(|p| p.name == contract.release.profile.value).ok_or("unknown profile")?;
    let evidence = read(&matrix, files, 2).map_err(|e| e.render(&sources, false))?;
    let digests = [&contract_text, &matrix_text].map(|text| sha256(text.as_bytes()).into());
    let locks = locks(case)?;
    let cx = ReleaseCx {
        contract: &contract,
        matrix: &matrix,
        evidence: &evidence,
        sources: &sources,
        digests: &digests,
        locks: &locks,
    };
    let outcomes = judge(&cx, profile);
    let outcome = outcomes.iter().find(|o| o.gate.id == gate).ok_or("no such gate")?;
    Ok((outcome.verdict.word().to_string(), outcome.why.clone()))
}

/// The locks of a case, if it has any.
fn locks(case: &Path) -> Result<Vec<Lock>, String> {
    let mut paths: Vec<PathBuf> = fs::read_dir(case.join("locks")).into_iter().flatten().flatten().map(|e| e.path()).collect();
    paths.sort();
    let read = |path: &PathBuf| {
        let name = path.file_name().expect("a name").to_string_lossy();
        read_lock(&name, &fs::read(path).expect("readable"), false).map_err(|faults| faults.join("; "))
    };
    paths.iter().map(read).collect()
}

fn cases() -> Vec<(String, PathBuf)> {
    let mut cases = Vec::new();
    for gate in fs::read_dir(root()).expect("cases").flatten().filter(|e| e.path().is_dir()) {
        for case in fs::read_dir(gate.path()).expect("cases").flatten().filter(|e| e.path().is_dir()) {
            cases.push((gate.file_name().to_string_lossy().into_owned(), case.path()));
        }
    }
    cases.sort();
    cases
}

#[test]
fn every_case_gets_its_verdict() {
    let only = std::env::var("QUORATE_GATE").ok();
    let mut wrong = Vec::new();
    for (gate, case) in cases().into_iter().filter(|(g, _)| only.as_ref().is_none_or(|o| g.starts_with(o.as_str()))) {
        let name = case.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let wanted = name.split('-').next().unwrap_or_default();
        let part = fs::read_to_string(case.join("why.txt")).unwrap_or_default();
        match run(&gate, &case, &Folder::sound(&case)) {
            Ok((verdict, why)) if verdict == wanted && !part.trim().is_empty() && why.contains(part.trim()) => {}
            Ok((verdict, why)) => wrong.push(format!("{gate}/{name}: {verdict}: {why} (wanted …{}…)", part.trim())),
            Err(error) => wrong.push(format!("{gate}/{name}: {error}")),
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_gate_has_all_three_cases() {
    let cases = cases();
    let mut missing = Vec::new();
    for gate in gates() {
        for verdict in ["pass", "fail", "inconclusive"] {
            let has = cases.iter().any(|(g, case)| {
                g == gate.id && case.file_name().is_some_and(|n| n.to_string_lossy().split('-').next() == Some(verdict))
            });
            if !has {
                missing.push(format!("{}/{verdict}", gate.id));
            }
        }
    }
    assert!(missing.is_empty(), "missing cases: {}", missing.join(", "));
}

/// A file that a gate leans on and that is absent, empty, cut short or of another test never lets the gate pass.
#[test]
fn harmed_evidence_never_passes() {
    let mut wrong = Vec::new();
    let mut tried = BTreeSet::new();
    for (id, case) in cases() {
        let Some(gate) = gates().into_iter().find(|g| g.id == id) else { continue };
        if !case.file_name().is_some_and(|n| n.to_string_lossy().starts_with("pass")) {
            continue;
        }
        // Gates on declarations alone need no file; all others lean on every file that their case binds.
        if gate.needs.is_empty() && gate.id != "integrity.artifacts" {
            continue;
        }
        for entry in fs::read_dir(&case).expect("case").flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if !name.ends_with(".jsonl") {
                continue;
            }
            for harm in [Harm::Absent, Harm::Empty, Harm::CutAtLine, Harm::CutInLine, Harm::OtherTest] {
                tried.insert(gate.id);
                let files = Folder { root: case.clone(), harmed: name.clone(), harm };
                if let Ok((verdict, why)) = run(&id, &case, &files)
                    && verdict == "pass"
                {
                    wrong.push(format!("{id} passed with {name} {harm:?}: {why}"));
                }
            }
        }
    }
    let untried: Vec<&str> = gates().iter().filter(|g| !g.needs.is_empty() && !tried.contains(g.id)).map(|g| g.id).collect();
    assert!(untried.is_empty(), "not tried: {}", untried.join(", "));
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// A release of one case: its contract with a text appended to it, and its matrix likewise.
fn outcome(
    gate: &str,
    case: &Path,
    profile: Option<&Profile>,
    appended: (&str, &str),
) -> (String, String, Vec<String>, Result<(), String>) {
    let mut sources = Sources::default();
    let contract_text = nearest_file(case, "contract.toml") + appended.0;
    let matrix_text = nearest_file(case, "matrix.toml") + appended.1;
    let (c, m) = (sources.add("contract.toml", &contract_text), sources.add("matrix.toml", &matrix_text));
    let contract = parse_contract(c, &contract_text).expect("a contract");
    let matrix = parse_matrix(m, &matrix_text, Some(&contract)).expect("a matrix");
    let bound = bind(&contract, &matrix);
    let own = PROFILES.iter().find(|p| p.name == contract.release.profile.value).expect("a profile");
    let evidence = read(&matrix, &Folder::sound(case), 1).expect("evidence");
    let digests = ["".into(), "".into()];
    let cx =
        ReleaseCx { contract: &contract, matrix: &matrix, evidence: &evidence, sources: &sources, digests: &digests, locks: &[] };
    let outcomes = judge(&cx, profile.unwrap_or(own));
    let outcome = outcomes.iter().find(|o| o.gate.id == gate).expect("a gate");
    let tests = outcome.tests.iter().map(|t| t.test.clone()).collect();
    let refused = bound.map(|_| ()).map_err(|faults| faults.into_iter().map(|f| f.message).collect::<Vec<_>>().join("; "));
    (outcome.verdict.word().to_string(), outcome.why.clone(), tests, refused)
}

/// The first case of a gate that passes.
fn passing(gate: &str) -> PathBuf {
    let starts = |case: &Path| case.file_name().is_some_and(|n| n.to_string_lossy().starts_with("pass"));
    cases().into_iter().find(|(g, case)| g == gate && starts(case)).map(|(_, case)| case).expect("a passing case")
}

/// Not applicable has two reasons and no others: the profile does not ask, or an exclusion says why. Both overrule evidence that would pass.
/// One gate is asked for whatever the profile says, when evidence names a lock.
#[test]
fn every_gate_is_not_applicable_when_nobody_asks_or_an_exclusion_says_why() {
    let narrow = Profile { name: "narrow", about: "asks for nothing", gates: &[] };
    for gate in gates() {
        let case = passing(gate.id);
        if gate.id == "contract.declared-before-run" {
            let (verdict, why, ..) = outcome(gate.id, &case, Some(&narrow), ("", ""));
            assert!(verdict == "fail" && why.contains("which is not disclosed"), "{verdict}: {why}");
        } else if !nearest_file(&case, "contract.toml").contains("families") {
            let (verdict, why, tests, _) = outcome(gate.id, &case, Some(&narrow), ("", ""));
            assert_eq!((verdict.as_str(), why.as_str()), ("not applicable", "profile narrow does not ask for it"), "{}", gate.id);
            assert!(tests.is_empty(), "{} is judged all the same", gate.id);
        }
        let exclusion = format!("\n[[exclusion]]\ngate = \"{}\"\nreason = \"not in this release\"\n", gate.id);
        let (verdict, why, tests, refused) = outcome(gate.id, &case, None, (&exclusion, ""));
        assert_eq!((verdict.as_str(), why.as_str()), ("not applicable", "excluded: not in this release"), "{}", gate.id);
        assert!(tests.is_empty(), "{}", gate.id);
        let carries = CRITERIA.iter().any(|c| c.gates.contains(&gate.id)) || FOUNDATIONS.contains(&gate.id);
        let contract = nearest_file(&case, "contract.toml");
        let own = PROFILES.iter().find(|p| contract.contains(&format!("\"{}\"", p.name))).expect("a profile");
        let asked = own.gates.contains(&gate.id)
            || (contract.contains("families") && contract.contains(&format!("\"{}\"", gate.family())));
        let within = asked && carries;
        let idle = !asked && gate.id != "contract.declared-before-run";
        assert_eq!(refused.is_err(), within || idle, "{}: {refused:?}", gate.id);
        if let Err(message) = refused {
            let said = if within { "cannot be excluded" } else { "is excluded and nobody asks for it" };
            assert!(message.contains(&format!("gate `{}` {said}", gate.id)), "{message}");
        }
    }
}

/// An endpoint serves operations that a history can record, each named once.
#[test]
fn operations_are_words_that_histories_know() {
    let case = passing("quorum.loss-halts");
    let refused = |words: &str| {
        let text = nearest_file(&case, "contract.toml").replace("\"write\", \"cas\", \"read\"", words);
        let mut sources = Sources::default();
        let contract = parse_contract(sources.add("contract.toml", &text), &text).expect("a contract");
        let matrix_text = nearest_file(&case, "matrix.toml");
        let matrix = parse_matrix(sources.add("matrix.toml", &matrix_text), &matrix_text, Some(&contract)).expect("a matrix");
        bind(&contract, &matrix).map(|_| ()).map_err(|faults| Error { kind: ErrorKind::Contract, faults }.render(&sources, false))
    };
    assert_eq!(refused("\"write\", \"read\""), Ok(()));
    let wrong = refused("\"write\", \"raed\"").expect_err("an unknown operation");
    assert!(wrong.contains("unknown operation `raed`") && wrong.contains("did you mean `read`?"), "{wrong}");
    let twice = refused("\"write\", \"read\", \"read\"").expect_err("an operation twice");
    assert!(twice.contains("names the operation `read` twice"), "{twice}");
}

/// A test that does not require what a gate needs is no part of it, and takes nothing from a pass.
#[test]
fn a_test_that_does_not_exercise_a_gate_is_left_out() {
    let idle = "\n[[test]]\nid = \"idle\"\nplan = []\nfault = \"none\"\nmethod = \"none\"\nmodel = \"none\"\nlayer = \"none\"\ncovers = []\n\
                expected = \"nothing\"\nrequires = []\n";
    for gate in gates().into_iter().filter(|g| matches!(g.judge, Judge::Test(_))) {
        let (verdict, why, tests, _) = outcome(gate.id, &passing(gate.id), None, ("", idle));
        assert_eq!(verdict, "pass", "{}: {why}", gate.id);
        assert!(!tests.is_empty() && !tests.contains(&"idle".to_string()), "{}: {tests:?}", gate.id);
    }
}

/// What a family adds to a profile is asked for like the rest, and an unknown family is a fault with the nearest name.
#[test]
fn families_ask_for_more() {
    let case = passing("votes.masked");
    let contract = nearest_file(&case, "contract.toml");
    let judged = |text: &str| {
        let mut sources = Sources::default();
        let id = sources.add("contract.toml", text);
        let matrix_text = nearest_file(&case, "matrix.toml");
        let contract = parse_contract(id, text).expect("a contract");
        let matrix = parse_matrix(sources.add("matrix.toml", &matrix_text), &matrix_text, Some(&contract)).expect("a matrix");
        bind(&contract, &matrix).map(|_| ()).map_err(|faults| Error { kind: ErrorKind::Contract, faults }.render(&sources, false))
    };
    assert_eq!(judged(&contract), Ok(()));
    let wrong = judged(&contract.replace("\"votes\"", "\"vote\"")).expect_err("an unknown family");
    assert!(wrong.contains("unknown family of gates `vote`") && wrong.contains("did you mean `votes`?"), "{wrong}");
    let without = contract.replace("families", "# families");
    let dir = std::env::temp_dir().join(format!("quorate-families-{}", std::process::id())).join("votes.masked").join("pass");
    fs::create_dir_all(&dir).expect("a folder");
    for (name, text) in [("contract.toml", &without), ("matrix.toml", &nearest_file(&case, "matrix.toml"))] {
        fs::write(dir.join(name), text).expect("written");
    }
    fs::copy(case.join("votes.jsonl"), dir.join("votes.jsonl")).expect("copied");
    let (verdict, why, _, _) = outcome("votes.masked", &dir, None, ("", ""));
    fs::remove_dir_all(dir.ancestors().nth(2).expect("a root")).expect("removed");
    assert_eq!((verdict.as_str(), why.as_str()), ("not applicable", "profile replicated-log does not ask for it"));
}
