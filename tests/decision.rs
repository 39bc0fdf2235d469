//! The decision: what waivers, exclusions and residual risks do to it, and what they never do.

use quorate::dossier::{Decision, Dossier};
use quorate::gate::{CRITERIA, PROFILES, gates};
use quorate::release::{Plan, build, plan};
use quorate::report::Templates;
use quorate::store::Folder;
use quorate::verdict::Verdict;
use std::path::Path;

fn text(name: &str, file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("contracts").join(name).join(file);
    std::fs::read_to_string(path).expect("readable")
}

fn planned(name: &str, contract: &str) -> Result<Plan, String> {
    let matrix = text(name, "matrix.toml");
    plan(("contract.toml", contract), ("matrix.toml", &matrix)).map_err(|(error, sources)| error.render(&sources, false))
}

/// The dossier and the Markdown report of a worked contract with other text, on a day.
fn decided(name: &str, contract: &str, date: Option<&str>) -> (Dossier, String) {
    let plan = planned(name, contract).unwrap_or_else(|e| panic!("{e}"));
    let evidence = Folder::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("evidence").join(name));
    let built = build(&plan, &evidence, &Templates::default(), date, 2).unwrap_or_else(|e| panic!("{e}"));
    let report = built.files.iter().find(|(path, _)| path.ends_with(".md")).expect("a report").1;
    let report = String::from_utf8_lossy(report).into_owned();
    (built.dossier, report)
}

fn waiver(gate: &str) -> String {
    format!(
        "\n[[waiver]]\ngate = \"{gate}\"\nreason = \"known since spring\"\napprover = \"release manager\"\nexpires = 2999-01-31\nticket = \"REL-412\"\n"
    )
}

fn verdict(dossier: &Dossier, gate: &str) -> (Verdict, bool) {
    let gate = dossier.gates.iter().find(|g| g.id == gate).expect("a gate");
    (gate.verdict, gate.waived)
}

/// A queue asks for three of the four gates of "stale leaders cannot write", and an ensemble for one: neither has shown the criterion.
#[test]
fn a_criterion_does_not_pass_on_some_of_its_gates() {
    for name in ["ensemble", "fenced-queue"] {
        let (dossier, _) = decided(name, &text(name, "contract.toml"), None);
        assert_eq!(dossier.decision, Decision::Accept, "{name}");
        for criterion in &dossier.criteria {
            let passed = criterion.gates.iter().filter(|g| g.1 == Verdict::Pass).count();
            let whole = passed == CRITERIA.iter().find(|c| c.number == criterion.number).expect("known").gates.len();
            assert_eq!(criterion.verdict == Verdict::Pass, whole, "{name}: criterion {}", criterion.number);
        }
        assert_eq!(dossier.criteria[1].verdict, Verdict::NotApplicable, "{name}");
    }
}

#[test]
fn a_waiver_holds_to_its_last_day_and_never_makes_a_pass() {
    let contract = text("command-service", "contract.toml") + &waiver("recovery.replay-fits");
    for (date, decision, state) in [
        (Some("2998-12-31"), Decision::Accept, "in force"),
        (Some("2999-01-31"), Decision::Accept, "in force"),
        (Some("2999-02-01"), Decision::Reject, "not in force: expired before 2999-02-01"),
        // What build systems set `SOURCE_DATE_EPOCH` to is no day of a release.
        (
            Some("1970-01-01"),
            Decision::Reject,
            "not in force: 1970-01-01 is before this program could be built; set SOURCE_DATE_EPOCH to the day of the release",
        ),
    ] {
        let (dossier, report) = decided("command-service", &contract, date);
        assert_eq!(dossier.decision, decision, "{date:?}");
        assert_eq!(verdict(&dossier, "recovery.replay-fits"), (Verdict::Fail, decision == Decision::Accept), "{date:?}");
        assert_eq!(dossier.waivers[0].state, state);
        for part in ["Known since spring", "release manager", "2999-01-31", "REL-412"] {
            assert!(report.contains(part), "{date:?}: the report lacks {part}");
        }
        assert_eq!(report.contains("all passed but those that a waiver in force covers"), decision == Decision::Accept);
    }
}

#[test]
fn a_waiver_of_what_passes_is_not_needed() {
    let contract = text("command-service", "contract.toml") + &waiver("latency.write-p99");
    let (dossier, _) = decided("command-service", &contract, Some("2998-12-31"));
    assert_eq!((dossier.decision, dossier.waivers[0].state.as_str()), (Decision::Reject, "not needed"));
    assert_eq!(verdict(&dossier, "latency.write-p99"), (Verdict::Pass, false));
}

#[test]
fn what_is_not_proven_is_waived_gate_by_gate() {
    let contract = text("fenced-queue", "contract.toml");
    let (from, to) = (contract.find("[scenarios]").expect("scenarios"), contract.find("[[risk]]").expect("risks"));
    let contract = format!("{}{}", &contract[..from], &contract[to..]);
    let one = contract.clone() + &waiver("scenarios.strength");
    let both = one.clone() + &waiver("scenarios.recovery");
    for (text, decision) in [(&contract, Decision::Inconclusive), (&one, Decision::Inconclusive), (&both, Decision::Accept)] {
        let (dossier, _) = decided("fenced-queue", text, Some("2998-12-31"));
        assert_eq!(dossier.decision, decision);
        assert_eq!(verdict(&dossier, "scenarios.strength").0, Verdict::Inconclusive);
    }
}

#[test]
fn gates_that_guard_safety_refuse_waivers() {
    let contract = text("command-service", "contract.toml");
    let named = ["log.no-loss", "fencing.no-stale-accept", "consistency.linearizable", "commands.no-duplicates"];
    assert!(named.iter().all(|id| gates().iter().any(|g| g.id == *id && g.safety)), "the four are safety gates");
    for gate in gates() {
        let planned = planned("command-service", &(contract.clone() + &waiver(gate.id)));
        assert_eq!(planned.is_err(), gate.safety, "{}", gate.id);
        if let Err(message) = planned {
            assert!(message.contains(&format!("gate `{}` refuses waivers: it guards safety", gate.id)), "{message}");
        }
    }
}

#[test]
fn exclusions_and_risks_stand_on_the_first_page() {
    let exclusion = "\n[[exclusion]]\ngate = \"scenarios.baseline\"\nreason = \"no naive queue at hand\"\n";
    let (dossier, report) = decided("fenced-queue", &(text("fenced-queue", "contract.toml") + exclusion), None);
    assert_eq!(dossier.decision, Decision::Accept);
    assert_eq!(verdict(&dossier, "scenarios.baseline"), (Verdict::NotApplicable, false));
    let first = report.split("\n## 1").next().expect("a first page");
    assert!(first.contains("no naive queue at hand"), "{first}");
    assert!(dossier.risks.iter().all(|r| report.contains(&r.id)), "every risk is in the report");
}

/// A safety gate that is left out is named beside the decision; one that nobody asks for cannot be.
#[test]
fn excluded_safety_is_named_and_idle_exclusions_are_refused() {
    let exclusion = |gate: &str| format!("\n[[exclusion]]\ngate = \"{gate}\"\nreason = \"no time\"\n");
    let contract = text("fenced-queue", "contract.toml");
    let (dossier, report) = decided("fenced-queue", &(contract.clone() + &exclusion("scenarios.invariants")), None);
    assert_eq!((dossier.decision, dossier.unguarded()), (Decision::Accept, vec!["scenarios.invariants"]));
    let first = report.split("\n## 1").next().expect("a first page");
    assert!(first.contains("Excluded though it guards safety: scenarios.invariants"), "{first}");
    let (dossier, _) = decided("fenced-queue", &(contract.clone() + &exclusion("scenarios.baseline")), None);
    assert_eq!(dossier.unguarded(), Vec::<&str>::new());
    let message =
        planned("fenced-queue", &(contract + &exclusion("atomic-commit.agreement"))).map(|_| ()).expect_err("not asked for");
    assert!(message.contains("gate `atomic-commit.agreement` is excluded and nobody asks for it"), "{message}");
}

/// Each criterion is carried by gates that exist, and by at least one that the profile for replicated logs asks for.
#[test]
fn the_seven_criteria_are_carried() {
    assert_eq!(CRITERIA.iter().map(|c| c.number).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6, 7]);
    let profile = PROFILES.iter().find(|p| p.name == "replicated-log").expect("the profile");
    for criterion in CRITERIA {
        assert!(criterion.gates.iter().all(|id| gates().iter().any(|g| g.id == *id)), "criterion {}", criterion.number);
        assert!(criterion.gates.iter().all(|id| profile.gates.contains(id)), "criterion {}", criterion.number);
    }
    for profile in PROFILES {
        let known = profile.gates.iter().all(|id| gates().iter().any(|g| g.id == *id));
        assert!(known, "profile {} asks for a gate that does not exist", profile.name);
    }
}

#[test]
fn a_baseline_is_compared_and_never_judged_nor_covers_anything() {
    let (dossier, report) = decided("fenced-queue", &text("fenced-queue", "contract.toml"), None);
    assert_eq!(dossier.decision, Decision::Accept);
    let judged: Vec<&str> = dossier.gates.iter().flat_map(|g| &g.tests).map(|t| t.test.as_str()).collect();
    assert!(judged.contains(&"mixed-faults") && !judged.contains(&"baseline-naive"), "{judged:?}");
    assert!(report.contains("(unprotected baseline)"), "the test matrix says which test is none of the system");
    let matrix = text("fenced-queue", "matrix.toml");
    let contract = text("fenced-queue", "contract.toml");
    let planned =
        |matrix: &str| plan(("contract.toml", &contract), ("matrix.toml", matrix)).map_err(|(e, s)| e.render(&s, false));
    let covering = matrix.replace("covers   = []", "covers   = [\"worker crash\"]");
    assert_ne!(covering, matrix);
    let message = planned(&covering).expect_err("a baseline that covers");
    assert!(message.contains("a baseline covers nothing of the system"), "{message}");
    let system = matrix.replace("subject  = \"baseline\"\n", "");
    let plan = planned(&system).expect("a plan");
    let evidence = Folder::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("evidence/fenced-queue"));
    let built = build(&plan, &evidence, &Templates::default(), None, 2).expect("judged");
    assert_eq!(built.dossier.decision, Decision::Reject, "what is said to be the system is judged as it");
}
