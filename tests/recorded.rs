//! Real recordings with known verdicts, in `shared/cases` beside the repository or one folder further up (or where `QUORATE_CASES` says). They are not part of
//! it: where they are not, each test says so and ends.
//!
//! The files are read as they lie. None has an end mark of its own, so each matrix says what its last line is; that line is then no record.

use quorate::contract::{parse_contract, parse_matrix};
use quorate::error::{Error, ErrorKind};
use quorate::evidence::read::read;
use quorate::gate::{PROFILES, ReleaseCx, bind, judge};
use quorate::source::Sources;
use quorate::store::Folder;
use quorate::verdict::{Judgement, Verdict};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

/// The folder of the recordings, or nothing, said aloud.
fn cases(needed: &str) -> Option<PathBuf> {
    let above = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().skip(1).take(2).map(|dir| dir.join("shared/cases"));
    let mut roots = std::env::var_os("QUORATE_CASES").map(PathBuf::from).into_iter().chain(above);
    if let Some(root) = roots.find(|root| root.join(needed).exists()) {
        return Some(root);
    }
    // Not `eprintln!`, which the harness keeps to itself when a test passes: one that did not run must not look as if it had.
    let mut err = std::io::stderr();
    _ = writeln!(err, "SKIPPED: the recording {needed} is not beside this repository; set QUORATE_CASES to its folder");
    None
}

/// What every gate says of every test.
struct Judged(BTreeMap<String, (Verdict, String, BTreeMap<String, Judgement>)>);

impl Judged {
    fn gate(&self, id: &str) -> (Verdict, &str) {
        let (verdict, why, _) = &self.0[id];
        (*verdict, why)
    }

    fn of(&self, id: &str, test: &str) -> &Judgement {
        self.0[id].2.get(test).unwrap_or_else(|| panic!("{id} does not judge {test}"))
    }
}

fn judged(folder: PathBuf, contract_text: &str, matrix_text: &str) -> Judged {
    let mut sources = Sources::default();
    let (c, m) = (sources.add("contract.toml", contract_text), sources.add("matrix.toml", matrix_text));
    let shown = |faults| Error { kind: ErrorKind::Contract, faults }.render(&sources, false);
    let contract = parse_contract(c, contract_text).unwrap_or_else(|f| panic!("{}", shown(f)));
    let matrix = parse_matrix(m, matrix_text, Some(&contract)).unwrap_or_else(|f| panic!("{}", shown(f)));
    let profile = bind(&contract, &matrix).unwrap_or_else(|f| panic!("{}", shown(f)));
    assert!(PROFILES.iter().any(|p| p.name == profile.name));
    let evidence = read(&matrix, &Folder::new(folder), 2).unwrap_or_else(|e| panic!("{}", e.render(&sources, false)));
    let digests = ["".into(), "".into()];
    let cx =
        ReleaseCx { contract: &contract, matrix: &matrix, evidence: &evidence, sources: &sources, digests: &digests, locks: &[] };
    let outcomes = judge(&cx, profile).into_iter();
    let each = |tests: Vec<quorate::gate::TestOutcome>| tests.into_iter().map(|t| (t.test, t.judgement)).collect();
    Judged(outcomes.map(|o| (o.gate.id.to_string(), (o.verdict, o.why, each(o.tests)))).collect())
}

fn contract(profile: &str, rest: &str) -> String {
    format!(
        r#"schema = "quorate-contract/1"
[release]
service  = "recorded"
version  = "1"
owner    = "tests"
question = "Does the recording get its known verdict?"
profile  = "{profile}"
[cluster]
members           = ["m0", "m1", "m2", "m3", "m4"]
consensus         = "raft"
fault-model       = "crash"
membership-rule   = "fixed"
fault-assumptions = []
[[endpoint]]
name        = "commands"
operations  = ["write", "cas", "read"]
consistency = "linearizable"
retry       = {{ limit = 5, backoff = "none" }}
idempotency = "none: clients retry blindly"
semantics   = "exactly-once"
[[resource]]
name  = "ledger"
fence = "token"
{rest}"#
    )
}

fn test(id: &str, requires: &[&str]) -> String {
    format!(
        "[[test]]\nid = \"{id}\"\nfault = \"as recorded\"\nmethod = \"as recorded\"\nmodel = \"crash\"\nlayer = \"process\"\nexpected = \"as is known\"\n\
         requires = {requires:?}\n"
    )
}

const HEAD: &str = "schema = \"quorate-matrix/1\"\ncontract = \"contract.toml\"\nevidence-root = \".\"\n";

/// A history of the etcd drill, which ends with this command.
fn history(last: &str) -> String {
    format!(
        r#"[[test.evidence]]
kind     = "history"
path     = "history.jsonl"
origin   = "client"
clock    = {{ kind = "monotonic", id = "driver" }}
endpoint = "commands"
whole    = {{ last = {{ cmd = "{last}" }} }}
[test.evidence.fields]
client     = "client"
op         = {{ from = "f", values = {{ put = "write", get = "read", cas = "cas" }} }}
key        = "key"
value      = "value"
expected   = "old"
command-id = "cmd"
invoke     = "invoke"
return     = "response"
result     = "result"
error      = "error"
version    = "mod_rev"
"#
    )
}

#[test]
fn a_blind_retry_applies_seven_commands_twice_and_is_linearizable_all_the_same() {
    let Some(root) = cases("recorded/etcd-pause-blind-retry") else { return };
    let applied = r#"[[test.evidence]]
kind   = "applied"
path   = "commits.jsonl"
origin = "replica"
clock  = { kind = "monotonic", id = "driver" }
whole  = { last = { m = "m4", rev = 2787 } }
[test.evidence.fields]
member     = "m"
index      = "rev"
command-id = "value"
"#;
    let matrix = format!("{HEAD}{}{}{applied}", test("t1", &["history", "applied"]), history("c4-553"));
    let judged = judged(root.join("recorded/etcd-pause-blind-retry"), &contract("replicated-log", ""), &matrix);
    let (verdict, why) = judged.gate("commands.no-duplicates");
    assert_eq!(verdict, Verdict::Fail, "{why}");
    let findings = &judged.of("commands.no-duplicates", "t1").findings;
    let times: BTreeMap<&str, &str> = findings.iter().map(|f| (f.data["command"].as_str(), f.data["times"].as_str())).collect();
    assert_eq!(times.len(), 7, "{times:?}: {why}");
    assert!(times.values().all(|t| ["2", "3"].contains(t)), "{times:?}");
    let (verdict, why) = judged.gate("consistency.linearizable");
    assert_eq!(verdict, Verdict::Pass, "{why}");
}

#[test]
fn serializable_reads_in_a_partition_are_stale_308_times_on_8_keys() {
    let Some(root) = cases("recorded/etcd-partition-stale-reads") else { return };
    let matrix = format!("{HEAD}{}{}", test("t1", &["history"]), history("c6-553"));
    let judged = judged(root.join("recorded/etcd-partition-stale-reads"), &contract("replicated-log", ""), &matrix);
    let (verdict, why) = judged.gate("consistency.read-freshness");
    assert_eq!(verdict, Verdict::Fail, "{why}");
    let judgement = judged.of("consistency.read-freshness", "t1");
    assert_eq!(judgement.found, 308, "{why}");
    let keys = judgement.figures.iter().find(|f| f.id == "keys-stale").map(|f| f.value.as_str());
    assert_eq!(keys, Some("8"), "{why}");
    assert_eq!(judged.gate("consistency.linearizable").0, Verdict::Fail);
}

/// The resource's own lines of one cell of the queue drill: one mode at one fault rate.
fn cell(mode: &str, percent: u32) -> String {
    let file = r#"path      = "events.jsonl"
origin    = "resource"
clock     = { kind = "wall", id = "postgres", unit = "s" }
constants = { resource = "ledger" }
whole     = { last = { src = "resource", seq = 3349 } }
[test.evidence.fields]
t      = "at"
seq    = "seq"
job    = "job"
holder = "worker"
epoch  = "token"
"#;
    let when = |op: &str| {
        format!(
            "when = {{ src = \"resource\", op = \"{op}\", mode = \"{mode}\", p = {percent}{} }}\n",
            if op == "claim" { ", accepted = true" } else { "" }
        )
    };
    format!(
        "{}[[test.evidence]]\nkind = \"epochs\"\n{}{file}[[test.evidence]]\nkind = \"fencing\"\n{}{file}current-epoch = \"current_token\"\ncommand-id = \"job\"\n\
         outcome = {{ from = \"accepted\", values = {{ true = \"accepted\", false = \"rejected\" }} }}\nreason = \"reason\"\n",
        test(&format!("{mode}-{percent}"), &["epochs", "fencing"]),
        when("claim"),
        when("commit")
    )
}

#[test]
fn the_naive_queue_fails_fencing_at_each_rate_and_the_fenced_one_passes() {
    let Some(root) = cases("recorded/postgres-fenced-queue") else { return };
    let cells: Vec<(&str, u32)> = ["naive", "fenced"].into_iter().flat_map(|m| [5, 10, 20].map(|p| (m, p))).collect();
    let matrix = cells.iter().fold(HEAD.to_string(), |text, (mode, percent)| text + &cell(mode, *percent));
    let judged = judged(root.join("recorded/postgres-fenced-queue"), &contract("fenced-queue", ""), &matrix);
    let known = BTreeMap::from([(("naive", 5), 2), (("naive", 10), 9), (("naive", 20), 17)]);
    for (mode, percent) in cells {
        let name = format!("{mode}-{percent}");
        let accepted = judged.of("fencing.no-stale-accept", &name);
        let rejected = judged.of("fencing.stale-rejected", &name);
        match known.get(&(mode, percent)) {
            Some(stale) => {
                assert_eq!((accepted.verdict, accepted.found), (Verdict::Fail, *stale), "{name}: {}", accepted.why);
                assert_eq!(rejected.verdict, Verdict::Fail, "{name}: {}", rejected.why);
            }
            None => {
                assert_eq!(accepted.verdict, Verdict::Pass, "{name}: {}", accepted.why);
                assert_eq!(rejected.verdict, Verdict::Pass, "{name}: {}", rejected.why);
            }
        }
    }
}

/// The same recording as scenarios: what was drawn by lot at the start of each, and what the database applied.
fn scenarios(mode: &str, subject: &str) -> String {
    let mut text = String::new();
    for percent in [5, 10, 20] {
        let id = format!("{mode}-{percent}");
        let whole = "whole = { last = { src = \"resource\", seq = 3349 } }\n";
        let here = |more: &str| format!("when = {{ mode = \"{mode}\", p = {percent}, {more} }}\n");
        let test = test(&id, &["scenarios", "applied"]).replace("[[test]]\n", &format!("[[test]]\nsubject = \"{subject}\"\n"));
        text += &format!(
            "{test}[[test.evidence]]\nkind = \"scenarios\"\npath = \"events.jsonl\"\norigin = \"orchestrator\"\nclock = {{ kind = \"monotonic\", id = \"driver\" }}\n\
             constants = {{ rate = \"0.{percent:02}\" }}\n{}{whole}[test.evidence.fields]\nid = \"scenario\"\nfault = \"fault\"\ncommands = \"job\"\n\
             [[test.evidence]]\nkind = \"applied\"\npath = \"events.jsonl\"\norigin = \"resource\"\nclock = {{ kind = \"wall\", id = \"postgres\", unit = \"s\" }}\n\
             constants = {{ member = \"postgres\" }}\n{}{whole}[test.evidence.fields]\nindex = \"seq\"\ncommand-id = \"job\"\nt = \"at\"\n",
            here("src = \"worker\", ev = \"start\""),
            here("src = \"resource\", op = \"commit\", accepted = true")
        );
    }
    text
}

#[test]
fn the_recorded_baseline_shows_the_bug_at_each_rate() {
    let Some(root) = cases("recorded/postgres-fenced-queue") else { return };
    let matrix = format!("{HEAD}{}{}", scenarios("fenced", "system"), scenarios("naive", "baseline"));
    let bound = "[scenarios]\nbound = 0.05\ncrash-recovery = \"1s\"\ntakeover-recovery = \"1s\"\n";
    let judged = judged(root.join("recorded/postgres-fenced-queue"), &contract("fenced-queue", bound), &matrix);
    let baseline = judged.of("scenarios.baseline", "");
    let shown: Vec<&str> = baseline.figures.iter().map(|f| f.substitution.as_str()).collect();
    for (figure, cell) in shown.iter().zip(["system at 5 %: 0/250", "system at 10 %: 0/250", "system at 20 %: 0/250"]) {
        assert!(figure.starts_with(cell), "{figure}");
    }
    for (figure, cell) in
        shown[3..].iter().zip(["baseline at 5 %: 8/250", "baseline at 10 %: 17/250", "baseline at 20 %: 32/250"])
    {
        assert!(figure.starts_with(cell), "{figure}");
    }
    // The recording has no records of faults beside the labels, and three of the six kinds only.
    for gate in ["scenarios.invariants", "scenarios.strength", "scenarios.baseline", "scenarios.recovery"] {
        assert_eq!(judged.gate(gate).0, Verdict::Inconclusive, "{gate}: {}", judged.gate(gate).1);
    }
}

const FENCING: [&str; 4] = ["fencing.stale-rejected", "fencing.no-stale-accept", "fencing.resource-log", "fencing.unique-token"];

#[test]
fn a_worker_log_cannot_prove_fencing() {
    let Some(root) = cases("faultline/logs.jsonl") else { return };
    let binding = |event: &str, outcome: &str, epoch: &str| {
        format!(
            r#"[[test.evidence]]
kind      = "fencing"
path      = "logs.jsonl"
origin    = "client"
clock     = {{ kind = "wall", id = "worker" }}
constants = {{ resource = "ledger", outcome = "{outcome}" }}
when      = {{ event = "{event}" }}
whole     = {{ last = {{ event = "worker_exit" }} }}
[test.evidence.fields]
t          = "ts"
job        = "job_id"
command-id = "job_id"
holder     = "worker_id"
epoch      = "{epoch}"
"#
        )
    };
    let (blocked, ok) = (binding("stale_write_blocked", "rejected", "stale_token"), binding("commit_ok", "accepted", "token"));
    let matrix = format!("{HEAD}{}{blocked}{ok}", test("t1", &["fencing"]));
    let judged = judged(root.join("faultline"), &contract("fenced-queue", ""), &matrix);
    for gate in FENCING {
        let (verdict, why) = judged.gate(gate);
        assert_eq!(verdict, Verdict::Inconclusive, "{gate}: {why}");
    }
}

#[test]
fn a_summary_that_says_pass_proves_nothing() {
    let folder = std::env::temp_dir().join(format!("quorate-summary-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let summary = r#"{"release_readiness":"PASS","duplicates":0,"invariant_violations":0,"stale_writes_prevented":true,"scenarios":1500,"t":1,"epoch":1}"#;
    let text = format!("{summary}\n{{\"end\":\"t1\",\"records\":1}}\n");
    std::fs::write(folder.join("summary.jsonl"), text).expect("written");
    let binding = |kind: &str, rest: &str| {
        format!(
            "[[test.evidence]]\nkind = \"{kind}\"\npath = \"summary.jsonl\"\norigin = \"orchestrator\"\nclock = {{ kind = \"wall\", id = \"w\" }}\n\
             whole = {{ last = {{ end = \"t1\" }}, count = \"records\" }}\n{rest}"
        )
    };
    let fencing = binding(
        "fencing",
        "constants = { resource = \"ledger\", command-id = \"all\", holder = \"w\", leader = \"w\", time-source = \"db\" }\n[test.evidence.fields]\nt = \"t\"\nepoch = \"epoch\"\n\
         outcome = { from = \"stale_writes_prevented\", values = { true = \"rejected\" } }\n",
    );
    let scenarios = binding(
        "scenarios",
        "constants = { id = \"all\", fault = \"crash\" }\n[test.evidence.fields]\nduplicates = \"duplicates\"\nviolations = \"invariant_violations\"\n",
    );
    let matrix = format!("{HEAD}{}{fencing}{scenarios}", test("t1", &["fencing", "scenarios"]));
    let bound = "[scenarios]\nbound = 0.01\ncrash-recovery = \"1s\"\ntakeover-recovery = \"1s\"\n";
    let judged = judged(folder.clone(), &contract("fenced-queue", bound), &matrix);
    std::fs::remove_dir_all(&folder).expect("removed");
    let scenarios = ["scenarios.invariants", "scenarios.strength", "scenarios.baseline", "scenarios.recovery"];
    for gate in FENCING.into_iter().chain(scenarios) {
        let (verdict, why) = judged.gate(gate);
        assert_eq!(verdict, Verdict::Inconclusive, "{gate}: {why}");
    }
}
