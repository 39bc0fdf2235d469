//! The four worked contracts, end to end: the decision, the gates that decide it, the document's numbers, and the same bytes on any
//! number of threads.

use quorate::dossier::{Decision, Dossier};
use quorate::evidence::read::Files;
use quorate::release::{Built, build, plan};
use quorate::report::Templates;
use quorate::store::Folder;
use quorate::verdict::Verdict;
use serde_json::Value;
use std::io::{Cursor, Read};
use std::path::Path;

/// The evidence of a contract, with one file replaced.
struct Changed {
    folder: Folder,
    path: &'static str,
    text: String,
}

impl Files for Changed {
    fn open(&self, path: &str) -> std::io::Result<Option<Box<dyn Read + Send>>> {
        if path == self.path { Ok(Some(Box::new(Cursor::new(self.text.clone().into_bytes())))) } else { self.folder.open(path) }
    }
}

fn folder(name: &str) -> Folder {
    Folder::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("evidence").join(name))
}

fn judged(name: &str, threads: usize) -> Built {
    judged_on(name, &folder(name), threads)
}

fn judged_on(name: &str, evidence: &dyn Files, threads: usize) -> Built {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = |file: &str| std::fs::read_to_string(root.join("contracts").join(name).join(file)).expect("readable");
    let plan = plan(("contract.toml", &text("contract.toml")), ("matrix.toml", &text("matrix.toml")));
    let mut plan = plan.unwrap_or_else(|(error, sources)| panic!("{}", error.render(&sources, false)));
    let locks = Folder::new(root.join("contracts").join(name).join("locks"));
    plan.lock(&locks, locks.names().expect("a list")).unwrap_or_else(|e| panic!("{e}"));
    build(&plan, evidence, &Templates::default(), None, threads).unwrap_or_else(|e| panic!("{e}"))
}

fn not_passed(dossier: &Dossier) -> Vec<&str> {
    let open = dossier.gates.iter().filter(|g| matches!(g.verdict, Verdict::Fail | Verdict::Inconclusive));
    open.map(|g| g.id.as_str()).collect()
}

/// The values of all figures of a gate with this symbol.
fn values(dossier: &Dossier, gate: &str, symbol: &str) -> Vec<String> {
    let gate = dossier.gates.iter().find(|g| g.id == gate).expect("a gate");
    let figures = gate.tests.iter().flat_map(|t| &t.judgement.figures);
    figures.filter(|f| f.symbol == symbol).map(|f| f.value.clone()).collect()
}

#[test]
fn command_service_is_rejected_by_replay_alone() {
    let built = judged("command-service", 2);
    let dossier = &built.dossier;
    assert_eq!(dossier.decision, Decision::Reject);
    assert_eq!(not_passed(dossier), ["recovery.replay-fits"]);
    assert!(dossier.artifacts.iter().all(|a| a.synthetic), "all of it says that it is synthetic");
    let has = |gate: &str, symbol: &str, value: &str| {
        let found = values(dossier, gate, symbol);
        assert!(found.iter().any(|v| v == value), "{gate} {symbol}: {found:?} lacks {value}");
    };
    has("quorum.geometry", "Q", "3");
    has("quorum.geometry", "f", "2");
    has("log.commit-index", "C_commit", "12480");
    has("fencing.stale-rejected", "E_request", "41");
    has("recovery.failover-time", "T_failover", "2.600");
    has("recovery.replay-fits", "N_replay", "2480");
    has("recovery.replay-fits", "T_replay", "2.756");
    let text = String::from_utf8_lossy(&built.files["decision.json"]).into_owned();
    for part in ["12480, 12480, 12480, 12472, 12450", "1.200 + 0.450 + 0.350 + 0.600", "0.100", "996"] {
        assert!(text.contains(part), "decision.json lacks {part}");
    }
    let replay = dossier.gates.iter().find(|g| g.id == "recovery.replay-fits").expect("a gate");
    let ways =
        replay.tests.iter().flat_map(|t| &t.judgement.findings).find(|f| f.claim == "ways-out").expect("the four ways out");
    for way in ["snapshot-oftener", "replay-faster", "serve-when-caught-up", "revise-objective"] {
        assert!(ways.data.contains_key(way), "{way} is missing");
    }
}

#[test]
fn the_recorded_contracts_are_accepted() {
    for name in ["etcd-failover", "fenced-queue", "ensemble"] {
        let built = judged(name, 2);
        assert_eq!((built.dossier.decision, not_passed(&built.dossier)), (Decision::Accept, Vec::new()), "{name}");
        assert!(built.dossier.artifacts.iter().all(|a| !a.synthetic && a.state == "whole" && a.untaken == 0), "{name}");
    }
}

#[test]
fn one_and_three_threads_give_the_same_bytes() {
    for name in ["command-service", "etcd-failover", "fenced-queue", "ensemble"] {
        let (one, three) = (judged(name, 1), judged(name, 3));
        assert_eq!(one.evidence, three.evidence, "{name}");
        for (path, bytes) in &one.files {
            assert!(three.files.get(path) == Some(bytes), "{name}: {path} differs");
        }
    }
}

/// The numbers of a field in the records of a native file.
fn numbers(text: &str, field: &str) -> Vec<i64> {
    let records = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    records.filter_map(|record| record.get(field)?.as_i64()).collect()
}

#[test]
fn one_write_acknowledged_in_any_outage_of_the_ensemble_is_found() {
    let path = "repeated-loss/history.jsonl";
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("evidence/ensemble");
    let read = |path: &str| std::fs::read_to_string(base.join(path)).expect("readable");
    let (history, faults) = (read(path), read("repeated-loss/faults.jsonl"));
    let outages: Vec<(i64, i64)> = numbers(&faults, "start_hi").into_iter().zip(numbers(&faults, "stop_lo")).collect();
    assert_eq!(outages.len(), 30);
    for (start, stop) in [outages[0], outages[14], outages[29]] {
        // A write that was sent after the kill and of which nothing is known: acknowledged instead, half-way to the restart.
        let mut changed = 0;
        let lines = history.lines().map(|line| {
            let mut record: Value = serde_json::from_str(line).expect("a record");
            let sent = record.get("invoke").and_then(Value::as_i64).is_some_and(|t| t > start);
            if changed == 0 && sent && record["op"] == "write" && record["result"] == "unknown" {
                changed += 1;
                record["invoke"] = i64::midpoint(start, stop).into();
                record["return"] = (i64::midpoint(start, stop) + 1_000_000).into();
                record["result"] = "ok".into();
            }
            format!("{record}\n")
        });
        let text: String = lines.collect();
        assert_eq!(changed, 1, "no write was tried after {start}");
        let built = judged_on("ensemble", &Changed { folder: folder("ensemble"), path, text }, 2);
        let gate = built.dossier.gates.iter().find(|g| g.id == "quorum.loss-halts").expect("a gate");
        assert_eq!((built.dossier.decision, gate.verdict), (Decision::Reject, Verdict::Fail), "{}", gate.why);
    }
}
