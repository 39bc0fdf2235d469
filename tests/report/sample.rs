//! A dossier made by hand, with the numbers of the validation document.

use quorate::dossier::*;
use quorate::gate::{CRITERIA, PROFILES};
use quorate::verdict::{Figure, Finding, Judgement, SourceRef, Verdict};

#[path = "charts.rs"]
mod charts;

const SHA: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
const MS: i64 = 1_000_000;

pub fn source(path: &str, line: u64) -> SourceRef {
    SourceRef { path: path.into(), sha256: SHA.into(), line: Some(line) }
}

fn figure(id: &str, symbol: &str, formula: &str, substitution: &str, value: &str, unit: &str) -> Figure {
    Figure {
        id: id.into(),
        symbol: symbol.into(),
        formula: formula.into(),
        substitution: substitution.into(),
        value: value.into(),
        unit: unit.into(),
        sources: vec![source("leader-crash/phases.jsonl", 3)],
    }
}

fn on(test: &str, judgement: Judgement) -> TestJudgement {
    TestJudgement { test: test.into(), judgement }
}

fn judgements(id: &str) -> Vec<TestJudgement> {
    let whole = |j: Judgement| vec![on("", j)];
    match id {
        "quorum.geometry" => whole(
            Judgement::pass("any two of the declared quorums intersect and two crashes are survived", 5)
                .against("Q = 3, f = 2", "Q = 3, f = 2", "")
                .figure(figure("majority", "Q", "⌊N/2⌋ + 1", "⌊5/2⌋ + 1", "3", ""))
                .figure(figure("tolerance", "f", "⌊(N−1)/2⌋", "⌊(5−1)/2⌋", "2", ""))
                .figure(figure("intersection", "Q + Q", "Q + Q > N", "3 + 3 > 5", "6", "")),
        ),
        "log.commit-index" => vec![on(
            "leader-crash",
            Judgement::pass("the recomputed commit index equals the reported one at every sample", 412).figure(figure(
                "commit-index",
                "C_commit",
                "max i with |{j : match_j ≥ i}| ≥ Q",
                "max i with |{j : match_j ≥ i}| ≥ 3 over 12480, 12480, 12480, 12472, 12450",
                "12480",
                "",
            )),
        )],
        "recovery.failover-time" => vec![
            on(
                "leader-crash",
                Judgement::pass("the slowest of 3 failovers took 2.600 s, within 3.000 s", 12)
                    .against("≤ 3.000 s", "2.600 s", "0.400 s")
                    .figure(figure(
                        "failover-time",
                        "T_failover",
                        "T_detect + T_elect + T_fence + T_catchup",
                        "1.200 + 0.450 + 0.350 + 0.600",
                        "2.600",
                        "s",
                    )),
            ),
            on(
                "partition",
                Judgement::pass("the slowest of 2 failovers took 2.100 s", 8).against("≤ 3.000 s", "2.100 s", "0.900 s"),
            ),
        ],
        "recovery.replay-fits" => vec![on(
            "snapshot-replay",
            Judgement::fail("replay of 2480 entries takes 2.756 s and does not fit the catch-up allowance of 0.600 s", 2480)
                .against("≤ 0.600 s", "2.756 s", "-2.156 s")
                .figure(figure("replay-range", "N_replay", "C_commit − C_snapshot", "12480 − 10000", "2480", "entries"))
                .figure(figure("replay-time", "T_replay", "N_replay / r_replay", "2480 / 900", "2.756", "s"))
                .findings([
                    Finding::new("replay-too-slow")
                        .with("replay", "2.756 s")
                        .with("allowance", "0.600 s")
                        .source(source("snapshot-replay/replay.jsonl", 17)),
                    Finding::new("way-out").with("1", "take snapshots at least every 540 entries"),
                    Finding::new("way-out").with("2", "replay at 4134 entries a second or faster"),
                    Finding::new("way-out").with("3", "do not serve before the replay has finished"),
                    Finding::new("way-out").with("4", "revise the recovery objective to 4.756 s or more"),
                ]),
        )],
        "recovery.phases-add-up" => vec![on(
            "leader-crash",
            Judgement::fail("0.120 s of the failover are not explained by its phases", 12).against(
                "≤ 0.050 s",
                "0.120 s",
                "-0.070 s",
            ),
        )],
        "latency.read-p99" => vec![on(
            "read-freshness",
            Judgement::inconclusive("212 reads are too few for an upper bound of p99 at 95 %; 299 are needed", 212).against(
                "≤ 90.000 ms",
                "–",
                "",
            ),
        )],
        "latency.write-p99" => vec![on(
            "baseline",
            Judgement::pass("the upper bound of p99 lies below the objective", 36_000).against(
                "≤ 180.000 ms",
                "≤ 141.208 ms",
                "38.792 ms",
            ),
        )],
        "quorum.loss-halts" => Vec::new(),
        _ if id.starts_with("contract.") || id.starts_with("integrity.") => {
            whole(Judgement::pass("everything that was declared is there", 10))
        }
        _ => vec![
            on("leader-crash", Judgement::pass("no counterexample among the records", 36_211)),
            on("partition", Judgement::pass("no counterexample among the records", 18_004)),
        ],
    }
}

fn gate(id: &str) -> GateFacts {
    let tests = judgements(id);
    let worst = tests.iter().map(|t| t.judgement.verdict).max();
    let verdict = worst.unwrap_or(Verdict::Inconclusive);
    let why = tests.iter().find(|t| Some(t.judgement.verdict) == worst).map(|t| t.judgement.why.clone());
    GateFacts {
        id: id.into(),
        title: format!("is {} so", id.split('.').next_back().unwrap_or(id).replace('-', " ")),
        proves: "that the records of every test agree with the promise".into(),
        blind: "what no client saw and no record holds".into(),
        required: true,
        verdict,
        why: why.unwrap_or_else(|| "no test requires history and members".into()),
        waived: id == "recovery.phases-add-up",
        judged: tests.iter().map(|t| t.judgement.judged).sum(),
        tests,
    }
}

fn test(id: &str, plan: &[&str], fault: &str) -> TestFacts {
    TestFacts {
        baseline: false,
        id: id.into(),
        plan: plan.iter().map(|p| (*p).to_string()).collect(),
        fault: fault.into(),
        method: "SIGKILL, restart after 10 s".into(),
        model: "crash".into(),
        layer: "process".into(),
        covers: vec!["process crash".into()],
        expected: "a new leader within 3 s; no acknowledged write lost; no command applied twice".into(),
        requires: vec!["history".into(), "faults".into(), "fencing".into()],
        partition: vec!["P1".into()],
        records: [
            ("applied", 12_480),
            ("faults", 3),
            ("fencing", 57),
            ("history", 36_211),
            ("latency", 36_211),
            ("replay", 2480),
        ]
        .map(|(k, n)| (k.to_string(), n))
        .to_vec(),
    }
}

fn artifact(path: &str, records: u64) -> ArtifactFacts {
    ArtifactFacts {
        path: path.into(),
        sha256: SHA.into(),
        bytes: records * 97 + 12,
        records,
        untaken: 0,
        readings: vec![format!("leader-crash, history: {records} rows; op: put → write")],
        lock: None,
        synthetic: true,
        state: "whole".into(),
        tests: vec!["leader-crash".into()],
        unmapped: vec![("raft_state".into(), records)],
    }
}

fn failover(id: &str, scale: i64, blur: i64) -> FailoverChart {
    let phases = [("detect", 1200), ("elect", 450), ("fence", 350), ("catch-up", 600)];
    let phases: Vec<PhaseBar> = phases
        .iter()
        .map(|(n, ms)| PhaseBar { name: (*n).into(), lo: (ms - blur) * scale / 100 * MS, hi: ms * scale / 100 * MS })
        .collect();
    let total = phases.iter().map(|p| p.hi).sum();
    FailoverChart { test: "leader-crash".into(), failover: id.into(), phases, total, objective: Some(3_000 * MS) }
}

/// Latencies that look like a service with two faults, from a small generator of its own.
pub fn latency(test: &str) -> LatencyChart {
    let mut state = 7u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i64::try_from(state >> 40).unwrap_or(0)
    };
    let mut points = Vec::new();
    for i in 0..1400i64 {
        let t = i * 50 * MS;
        let in_fault = (20_000..23_000).contains(&(t / MS)) || (48_000..50_500).contains(&(t / MS));
        let class = if next() % 5 < 2 { "write" } else { "read" };
        let base = if class == "write" { 9_000_000 } else { 2_500_000 };
        let noise = next() % 6_000_000;
        let latency = if in_fault { base * 20 + noise * 40 } else { base + noise };
        let result = match (in_fault, next() % 7) {
            (true, 0) => "fail",
            (true, 1) => "unknown",
            _ => "ok",
        };
        let latency = if result == "unknown" { 70_000 * MS - t } else { latency };
        points.push(LatencyPoint { t, latency, class, result, line: i as u64 + 2 });
    }
    LatencyChart {
        test: test.into(),
        span: 70_000 * MS,
        points,
        of: 36_211,
        steps: steps(),
        faults: charts::faults(),
        objectives: vec![("write p99".into(), 180 * MS), ("read p99".into(), 90 * MS)],
    }
}

fn steps() -> Vec<LatencyStep> {
    let spread = |count, least, most| Spread { count, least: least * MS, most: most * MS };
    let step = |i: i64| LatencyStep {
        from: i * 35_000 * MS,
        to: (i + 1) * 35_000 * MS,
        reads: spread(10_862, 2, 8),
        writes: spread(7_240, 9, 15),
        failed: 2,
        unknown: 1,
    };
    vec![step(0), step(1)]
}

fn declared() -> Vec<Section> {
    let section = |title: &str, rows: &[(&str, &str)]| Section {
        title: title.into(),
        rows: rows.iter().map(|(k, v)| ((*k).to_string(), (*v).to_string())).collect(),
    };
    vec![
        section(
            "Cluster",
            &[
                ("members", "n1, n2, n3, n4, n5"),
                ("consensus", "raft"),
                ("write quorum W", "3"),
                ("membership rule", "joint consensus; one change at a time"),
                ("fault assumptions", "process crash, network partition, slow follower, client retry"),
            ],
        ),
        section(
            "Endpoint commands",
            &[
                ("operations", "write, cas, read"),
                ("consistency", "linearizable"),
                ("retry", "2 further attempts, jittered backoff"),
            ],
        ),
        section("Endpoint dashboard", &[("operations", "list"), ("consistency", "eventual"), ("staleness bound", "5.000 s")]),
        section("Protected resource actuator-queue", &[("fence", "epoch")]),
        section("Load", &[("writes per second λ_w", "120"), ("reads per second λ_r", "180")]),
        section(
            "Objectives",
            &[("recovery", "3.000 s"), ("catch-up allowance", "0.600 s"), ("write p99", "180.000 ms"), ("read p99", "90.000 ms")],
        ),
        section("Health probe", &[("period", "0.400 s")]),
        section("Clock skews declared in the matrix", &[("n1 and n2", "at most 2ms apart; chrony, polled each 16 s")]),
        section("Error budget", &[("service level objective", "0.999"), ("window", "30 d"), ("share for one failover", "0.05")]),
        section("Rollback", &[("metric", "leader_changes_per_minute"), ("trigger", "> 2 for 5m"), ("owner", "release manager")]),
    ]
}

pub fn sample() -> Dossier {
    let ids = PROFILES[0].gates;
    let mut gates: Vec<GateFacts> = ids.iter().filter(|id| **id != "log.membership").map(|id| gate(id)).collect();
    for (id, why) in
        [("log.membership", "excluded: reviewed, not tested"), ("votes.masked", "profile replicated-log does not ask for it")]
    {
        gates.push(GateFacts {
            verdict: Verdict::NotApplicable,
            required: false,
            why: why.into(),
            tests: Vec::new(),
            judged: 0,
            ..gate(id)
        });
    }
    let criteria = CRITERIA.iter().map(|c| {
        let carrying: Vec<(String, Verdict)> =
            gates.iter().filter(|g| c.gates.contains(&g.id.as_str())).map(|g| (g.id.clone(), g.verdict)).collect();
        let verdict = carrying.iter().map(|g| g.1).max().unwrap_or(Verdict::NotApplicable);
        CriterionFacts { number: c.number, text: c.text.into(), gates: carrying, verdict }
    });
    Dossier {
        schema: SCHEMA,
        tool: Tool { name: "quorate", version: "0.1.0" },
        date: Some("2026-11-20".into()),
        decision: Decision::Reject,
        release: ReleaseFacts {
            service: "command-service".into(),
            version: "2026.11.0".into(),
            uri: Some("pkg:generic/command-service@2026.11.0".into()),
            digest: None,
            owner: "storage team".into(),
            question: "May the failover path go to production?".into(),
            profile: "replicated-log".into(),
        },
        contract: FileFacts { path: "contract/contract.toml".into(), sha256: SHA.into() },
        matrix: FileFacts { path: "contract/matrix.toml".into(), sha256: SHA.into() },
        declared: declared(),
        tests: vec![
            test("leader-crash", &["baseline", "leader-crash", "duplicate-retry"], "kill -9 the leader twice under load"),
            test("partition", &["minority-rejection", "stale-leader-fencing"], "isolate the old leader with one follower"),
        ],
        criteria: criteria.collect(),
        exclusions: vec![ExclusionFacts { gate: "log.membership".into(), reason: "reviewed, not tested".into() }],
        waivers: vec![WaiverFacts {
            gate: "recovery.phases-add-up".into(),
            reason: "fence time is sampled at 50 ms".into(),
            approver: "release manager".into(),
            expires: "2027-01-31".into(),
            ticket: "REL-412".into(),
            state: "in force".into(),
        }],
        locks: Vec::new(),
        risks: vec![RiskFacts {
            id: "R1".into(),
            text: "Membership change under partition is reviewed, not tested. *Next release.*".into(),
            gate: Some("log.membership".into()),
        }],
        artifacts: vec![
            artifact("leader-crash/history.jsonl", 36_211),
            artifact("leader-crash/phases.jsonl", 12),
            artifact("snapshot-replay/replay.jsonl", 2480),
            ArtifactFacts {
                state: "nothing shows that it is whole".into(),
                synthetic: false,
                ..artifact("leader-crash/status.jsonl", 412)
            },
        ],
        challenge: Some(challenge()),
        charts: Charts {
            failovers: vec![failover("f1: n1 to n3", 100, 0), failover("f2: n3 to n2", 86, 60), failover("f3: n2 to n5", 61, 40)],
            latency: vec![latency("leader-crash")],
            ..charts::more()
        },
        gates,
    }
}

/// The sample with hostile words wherever evidence or a contract can put words.
pub fn hostile() -> Dossier {
    let evil =
        "<script>alert(1)</script> | `x` **b** [l](http://evil.example) \u{202e}gnp.exe\u{0007}\n# h\n--- \"' &amp; {{ 7*7 }}";
    let long = "W".repeat(10_000);
    let mut d = sample();
    d.release.service = format!("svc {evil}");
    d.release.question = evil.into();
    d.release.owner = "www.evil.example".into();
    d.exclusions[0].reason = evil.into();
    d.waivers[0].reason = evil.into();
    d.risks[0].text = format!("{evil}\n\n<img src=x onerror=alert(1)> ![p](http://evil.example/p.png)");
    d.tests[0].id = format!("t {evil}");
    d.tests[0].fault = long.clone();
    d.declared[0].rows[0].1 = evil.into();
    d.artifacts[0].path = format!("{evil}/{long}");
    d.artifacts[0].unmapped[0].0 = evil.into();
    d.charts.failovers[0].failover = evil.into();
    d.charts.failovers[0].test = long.clone();
    d.charts.failovers[0].phases[0].name = evil.into();
    d.charts.latency[0].test = evil.into();
    charts::poison(&mut d.charts, evil);
    d.charts.latency[0].faults.first[0].fault = evil.into();
    d.charts.latency[0].objectives[0].0 = evil.into();
    for gate in &mut d.gates {
        gate.why = evil.into();
        for test in &mut gate.tests {
            test.judgement.why = evil.into();
            test.judgement.measured = long.clone();
            let bad = Finding::new("bad").with(evil, evil).source(source(evil, 1));
            test.judgement.findings.push(bad);
            for figure in &mut test.judgement.figures {
                figure.substitution = evil.into();
                figure.unit = evil.into();
            }
        }
    }
    d
}

/// Every text of the sample that a contract, a matrix or evidence can set, made of `word`, through its JSON fields by hand.
pub fn filled(word: &str) -> Dossier {
    let mut d = sample();
    let s = || word.to_string();
    d.date = Some(s());
    d.release =
        ReleaseFacts { service: s(), version: s(), uri: Some(s()), digest: Some(s()), owner: s(), question: s(), profile: s() };
    for (label, value) in d.declared.iter_mut().flat_map(|p| &mut p.rows) {
        (*label, *value) = (s(), s());
    }
    for test in &mut d.tests {
        (test.id, test.fault, test.method, test.model, test.layer, test.expected) = (s(), s(), s(), s(), s(), s());
        (test.covers, test.requires) = (vec![s()], vec![s()]);
    }
    for e in &mut d.exclusions {
        e.reason = s();
    }
    for w in &mut d.waivers {
        (w.reason, w.approver, w.expires, w.ticket) = (s(), s(), s(), s());
    }
    for r in &mut d.risks {
        (r.id, r.text) = (s(), s());
    }
    for a in &mut d.artifacts {
        (a.path, a.state, a.readings, a.tests, a.unmapped) = (s(), s(), vec![s(); 3], vec![s()], vec![(s(), 1)]);
    }
    d.locks = vec![LockFacts {
        path: s(),
        sha256: SHA.into(),
        sequence: 1,
        previous: None,
        contract: SHA.into(),
        matrix: SHA.into(),
        seeds: vec![(s(), s())],
        reason: Some(s()),
        signed: false,
        files: 1,
    }];
    for gate in &mut d.gates {
        gate.why = s();
        for test in &mut gate.tests {
            test.test = s();
            let j = &mut test.judgement;
            (j.why, j.objective, j.measured, j.margin) = (s(), s(), s(), s());
            j.findings = vec![Finding::new(word).with(word, word).source(source(word, 1)); 3];
            for f in &mut j.figures {
                (f.symbol, f.formula, f.substitution, f.value, f.unit) = (s(), s(), s(), s(), s());
                f.sources = vec![source(word, 1)];
            }
        }
    }
    if let Some(challenge) = &mut d.challenge {
        for survivor in &mut challenge.survivors {
            (survivor.test, survivor.what, survivor.why, survivor.explained) = (s(), s(), s(), Some(s()));
            survivor.at = Some(source(word, 1));
        }
        for gate in &mut challenge.gates {
            gate.explained = Some(s());
            gate.cells.iter_mut().for_each(|c| c.why = s());
        }
    }
    d
}

/// A challenge with one mutant caught, one that survived and one gate that nothing tested.
fn challenge() -> quorate::challenge::Report {
    use quorate::challenge::{Cell, Counts, GateFacts, OperatorFacts, Report, Result, SCHEMA, Survivor, Tested};
    let counts = Counts { all: 2, caught: 1, held: 0, survived: 1 };
    let gate = |id, tested, mutants, cells| GateFacts { id, tested, explained: None, mutants, violations: mutants, cells };
    let why = "command <w1> | `x` is missing at n1".to_string();
    let cell = Cell { operator: "entry-lost", mutants: counts, why: why.clone() };
    Report {
        schema: SCHEMA,
        seed: 20_261_121,
        each: 2,
        result: Result::Survivors,
        mutants: counts,
        operators: vec![OperatorFacts { id: "entry-lost", does: "an entry is lost", wants: "fail", mutants: counts }],
        idle: vec!["two-leaders"],
        gates: vec![
            gate("log.no-loss", Tested::Tested, counts, vec![cell]),
            gate("log.matching", Tested::Untested, Counts::default(), Vec::new()),
        ],
        survivors: vec![Survivor {
            operator: "entry-lost",
            gate: "log.no-loss",
            test: "leader-crash".into(),
            at: None,
            what: "the last record".into(),
            fate: "survived",
            why,
            explained: Some("a sample".into()),
        }],
    }
}
