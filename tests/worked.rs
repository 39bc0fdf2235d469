//! The four worked contracts, end to end: the decision, the gates that decide it, the document's numbers, and the same bytes on any
//! number of threads.

use quorate::dossier::{Decision, Dossier};
use quorate::release::{Built, build, plan};
use quorate::report::Templates;
use quorate::store::Folder;
use quorate::verdict::Verdict;
use std::path::Path;

fn judged(name: &str, threads: usize) -> Built {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = |file: &str| std::fs::read_to_string(root.join("contracts").join(name).join(file)).expect("readable");
    let plan = plan(("contract.toml", &text("contract.toml")), ("matrix.toml", &text("matrix.toml")));
    let plan = plan.unwrap_or_else(|(error, sources)| panic!("{}", error.render(&sources, false)));
    let evidence = Folder::new(root.join("evidence").join(name));
    build(&plan, &evidence, &Templates::default(), None, threads).unwrap_or_else(|e| panic!("{e}"))
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
