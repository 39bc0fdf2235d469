//! The challenge: every operator turns a gate somewhere, a blind gate is found out, and nothing is never called all caught.

use quorate::challenge::{Report, Result as Outcome, Settings, Tested, challenge, operators};
use quorate::contract::{Explained, Lock, parse_contract, parse_matrix};
use quorate::evidence::read::read;
use quorate::gate::{Gate, Judge, PROFILES, Profile, ReleaseCx, gates};
use quorate::package::read_lock;
use quorate::source::{At, SourceId, Sources, Span};
use quorate::store::{Folder, sha256};
use quorate::verdict::Judgement;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// How a folder of contract, matrix and evidence is challenged.
struct Asked<'a> {
    gates: &'a [&'static Gate],
    profile: &'a Profile,
    operators: &'a [&'static quorate::challenge::Operator],
    settings: Settings,
    explained: &'a [Explained],
    locks: Option<PathBuf>,
}

const SETTINGS: Settings = Settings { seed: 3, each: 3, threads: 2 };

fn run(contract: &Path, matrix: &Path, evidence: &Path, asked: &Asked<'_>) -> Report {
    let texts = [contract, matrix].map(|p| fs::read_to_string(p).expect("readable"));
    let mut sources = Sources::default();
    let (c, m) = (sources.add("contract.toml", &texts[0]), sources.add("matrix.toml", &texts[1]));
    let contract = parse_contract(c, &texts[0]).expect("a contract");
    let matrix = parse_matrix(m, &texts[1], Some(&contract)).expect("a matrix");
    let evidence = read(&matrix, &Folder::new(evidence), 2).expect("evidence");
    let digests = texts.each_ref().map(|text| sha256(text.as_bytes()).into());
    let locks = locks(asked.locks.as_deref());
    let cx = ReleaseCx {
        contract: &contract,
        matrix: &matrix,
        evidence: &evidence,
        sources: &sources,
        digests: &digests,
        locks: &locks,
    };
    challenge(&cx, asked.gates, asked.profile, asked.operators, asked.settings).report(asked.explained)
}

/// The locks in a folder.
fn locks(folder: Option<&Path>) -> Vec<Lock> {
    let entries = folder.into_iter().flat_map(|dir| fs::read_dir(dir).into_iter().flatten().flatten());
    let mut paths: Vec<PathBuf> = entries.map(|e| e.path()).collect();
    paths.sort();
    let lock = |path: &PathBuf| {
        let name = path.file_name().expect("a name").to_string_lossy();
        read_lock(&name, &fs::read(path).expect("readable"), false).expect("a lock")
    };
    paths.iter().map(lock).collect()
}

fn example(name: &str, asked: &Asked<'_>) -> Report {
    let dir = root().join("contracts").join(name);
    let asked = &Asked { locks: Some(dir.join("locks")), ..*asked };
    run(&dir.join("contract.toml"), &dir.join("matrix.toml"), &root().join("evidence").join(name), asked)
}

fn profile(name: &str) -> &'static Profile {
    PROFILES.iter().find(|p| p.name == name).expect("a profile")
}

fn all<'a>(gates: &'a [&'static Gate], operators: &'a [&'static quorate::challenge::Operator], name: &str) -> Asked<'a> {
    Asked { gates, profile: profile(name), operators, settings: SETTINGS, explained: &[], locks: None }
}

/// The gate under test, and nothing else.
fn one(gate: &'static Gate) -> Profile {
    let ids: &'static [&'static str] = Box::leak(vec![gate.id].into_boxed_slice());
    Profile { name: "one", about: "", gates: ids }
}

#[test]
fn the_examples_leave_no_survivor_and_no_gate_untested() {
    let (gates, operators) = (gates(), operators());
    for (name, profile) in [
        ("command-service", "replicated-log"),
        ("etcd-failover", "replicated-log"),
        ("fenced-queue", "fenced-queue"),
        ("ensemble", "coordination-ensemble"),
    ] {
        let report = example(name, &all(&gates, &operators, profile));
        assert_eq!(report.survivors, [], "{name}");
        let untested: Vec<&str> = report.gates.iter().filter(|g| g.tested == Tested::Untested).map(|g| g.id).collect();
        assert_eq!(untested, [""; 0], "{name}");
        assert_eq!(report.result, Outcome::AllCaught, "{name}");
        assert!(report.mutants.all > 50 && report.mutants.caught == report.mutants.all, "{name}: {:?}", report.mutants);
    }
}

/// Every file of the example, lost, empty, cut and foreign: no gate that asked for what was in it passes.
#[test]
fn no_gate_passes_on_a_lost_file() {
    let (gates, operators) = (gates(), operators());
    let files: Vec<_> = operators.into_iter().filter(|o| o.id.starts_with("file-")).collect();
    let settings = Settings { each: 1000, ..SETTINGS };
    let report = example("command-service", &Asked { settings, ..all(&gates, &files, "replicated-log") });
    assert_eq!(report.survivors, []);
    assert!(report.operators.len() == 4 && report.mutants.all > 300, "{:?}", report.mutants);
    let of = |gate: &str| report.gates.iter().find(|g| g.id == gate).map_or(0, |g| g.mutants.caught);
    for gate in ["contract.endpoints-complete", "quorum.geometry", "commands.no-duplicates", "integrity.no-vacuous"] {
        assert!(of(gate) > 4, "{gate} is turned by {} lost files", of(gate));
    }
}

#[test]
fn threads_do_not_change_the_result() {
    let (gates, operators) = (gates(), operators());
    let with = |threads| {
        let asked = Asked { settings: Settings { threads, ..SETTINGS }, ..all(&gates, &operators, "fenced-queue") };
        serde_json::to_string(&example("fenced-queue", &asked)).expect("json")
    };
    assert_eq!(with(1), with(5));
}

/// Passing cases of every gate, each judged by its gate alone: an operator that is meant for the gate must turn it in one of them.
#[test]
fn every_operator_turns_a_gate_on_a_small_case() {
    let operators = operators();
    let mut turned: BTreeSet<&str> = BTreeSet::new();
    let mut wrong = Vec::new();
    for gate in gates() {
        let dir = root().join("tests/data/gates").join(gate.id);
        let mut cases: Vec<PathBuf> = fs::read_dir(&dir).expect("cases").flatten().map(|e| e.path()).collect();
        cases.sort();
        for case in cases.iter().filter(|c| c.file_name().is_some_and(|n| n.to_string_lossy().starts_with("pass"))) {
            let file = |name: &str| case.ancestors().take(3).map(|d| d.join(name)).find(|p| p.exists()).expect("base files");
            let (profile, mine) = (one(gate), [gate]);
            let locks = Some(case.join("locks"));
            let asked =
                Asked { gates: &mine, profile: &profile, operators: &operators, settings: SETTINGS, explained: &[], locks };
            let report = run(&file("contract.toml"), &file("matrix.toml"), case, &asked);
            turned.extend(report.operators.iter().filter(|o| o.mutants.caught > 0).map(|o| o.id));
            wrong.extend(report.survivors.into_iter().map(|s| {
                let at = s.at.map_or(s.what, |a| format!("{}:{}", a.path, a.line.unwrap_or(0)));
                format!("{}: {} {} at {at}: {}", case.display(), s.operator, s.fate, s.why)
            }));
        }
    }
    let (gates, all_operators) = (gates(), &operators);
    for (name, profile) in [("command-service", "replicated-log"), ("fenced-queue", "fenced-queue")] {
        let report = example(name, &all(&gates, all_operators, profile));
        turned.extend(report.operators.iter().filter(|o| o.mutants.caught > 0).map(|o| o.id));
    }
    let never: Vec<&str> = operators.iter().map(|o| o.id).filter(|id| !turned.contains(id)).collect();
    assert!(never.is_empty(), "operators that turn nothing: {}", never.join(", "));
    assert!(wrong.is_empty(), "{} survive:\n{}", wrong.len(), wrong.join("\n"));
}

/// A gate that says pass whatever it is given.
static BLIND: Gate = Gate {
    id: "log.no-loss",
    title: "blind on purpose",
    proves: "",
    blind: "everything",
    needs: &["history", "applied"],
    safety: true,
    judge: Judge::Test(|_| Ok(Judgement::pass("nothing was looked at", 1))),
};

#[test]
fn a_blind_gate_is_found_out_and_can_be_explained() {
    let (blind, profile, operators): ([&'static Gate; 1], _, _) = ([&BLIND], one(&BLIND), operators());
    let asked =
        Asked { gates: &blind, profile: &profile, operators: &operators, settings: SETTINGS, explained: &[], locks: None };
    let report = example("command-service", &asked);
    assert_eq!(report.result, Outcome::Survivors);
    assert_eq!((report.gates[0].violations.caught, report.gates[0].tested), (0, Tested::Tested));
    assert!(report.survivors.iter().any(|s| s.operator == "entry-lost" && s.fate == "survived"));
    let span = Span { source: SourceId(0), start: 0, end: 0 };
    let named = |text: &str| Some(At { value: text.to_string(), span });
    let explained: Vec<Explained> = report
        .survivors
        .iter()
        .map(|s| Explained { operator: named(s.operator), gate: named("log.no-loss"), why: "blind on purpose".into() })
        .collect();
    let again = example("command-service", &Asked { explained: &explained, locks: None, ..asked });
    assert_eq!(again.result, Outcome::AllCaught);
    assert!(again.survivors.iter().all(|s| s.explained.as_deref() == Some("blind on purpose")));
}

#[test]
fn nothing_is_never_all_caught() {
    let gates = gates();
    let report = example("fenced-queue", &all(&gates, &[], "fenced-queue"));
    assert_eq!((report.mutants.all, report.result), (0, Outcome::Untested));
    assert!(report.gates.iter().all(|g| g.tested == Tested::Untested && g.mutants.all == 0));
    let nothing = Profile { name: "nothing", about: "", gates: &[] };
    let asked = Asked { profile: &nothing, ..all(&gates, &[], "fenced-queue") };
    assert_eq!(example("fenced-queue", &asked).result, Outcome::Untested);
}

#[test]
fn operators_are_named_once_and_name_gates_that_exist() {
    let list = operators();
    let ids: BTreeSet<&str> = list.iter().map(|o| o.id).collect();
    assert_eq!(ids.len(), list.len());
    let known: BTreeSet<&str> = gates().iter().map(|g| g.id).collect();
    let strange: Vec<&str> = list.iter().flat_map(|o| o.gates).copied().filter(|g| !known.contains(g)).collect();
    assert_eq!(strange, [""; 0]);
}
