//! Every gate has cases in `tests/data/gates/<gate-id>/<name>/`, where the name begins with the verdict that must come out.
//!
//! A case holds evidence files, and `contract.toml` and `matrix.toml` unless those of the gate's folder, or of
//! `tests/data/gates/`, will do. `why.txt`, if there, is a part of the reason that must be given. Adding a case is adding a folder.

use quorate::contract::{Lock, parse_contract, parse_matrix};
use quorate::error::{Error, ErrorKind};
use quorate::evidence::read::{Files, read};
use quorate::gate::{PROFILES, ReleaseCx, gates, judge};
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
            Ok((verdict, why)) if verdict == wanted && why.contains(part.trim()) => {}
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
