//! Profiles and acceptance criteria: named lists of gates, as data.

/// A named list of required gates.
#[derive(Debug)]
pub struct Profile {
    /// Its name.
    pub name: &'static str,
    /// What it is for.
    pub about: &'static str,
    /// The gates required.
    pub gates: &'static [&'static str],
}

/// One of the seven acceptance criteria and the gates that carry it.
#[derive(Debug)]
pub struct Criterion {
    /// Its number, from 1.
    pub number: u8,
    /// Its words.
    pub text: &'static str,
    /// The gates that carry it; within their profile they cannot be excluded.
    pub gates: &'static [&'static str],
}

/// Gates that carry no criterion and still cannot be excluded: without them no other verdict can be trusted.
pub const FOUNDATIONS: &[&str] = &[
    "contract.expected-stated",
    "contract.fault-models-covered",
    "integrity.artifacts",
    "integrity.fields",
    "integrity.no-vacuous",
];

/// The seven acceptance criteria of the replicated-log validation document.
pub const CRITERIA: &[Criterion] = &[
    Criterion {
        number: 1,
        text: "acknowledged committed entries are not lost after failover",
        gates: &["log.no-loss", "log.continuity", "log.matching"],
    },
    Criterion {
        number: 2,
        text: "minority or stale leaders cannot write to the protected resource",
        gates: &["fencing.stale-rejected", "fencing.no-stale-accept", "fencing.resource-log", "quorum.loss-halts"],
    },
    Criterion {
        number: 3,
        text: "linearizable reads observe completed writes or are explicitly rejected",
        gates: &["consistency.linearizable", "consistency.read-freshness"],
    },
    Criterion { number: 4, text: "retries do not duplicate command execution", gates: &["commands.no-duplicates"] },
    Criterion {
        number: 5,
        text: "recovery replay completes before the service advertises full recovery",
        gates: &["recovery.replay-before-serving"],
    },
    Criterion {
        number: 6,
        text: "p99 latency and error-budget impact remain inside release limits",
        gates: &["latency.write-p99", "latency.read-p99", "budget.consumed"],
    },
    Criterion {
        number: 7,
        text: "telemetry can distinguish original requests, retries, rejections, stale-leader attempts, and replay work",
        gates: &["telemetry.distinguishes"],
    },
];

/// All profiles. A contract may ask for more families with `families`, which is how atomic-commit and votes come in. The scenarios family is asked of
/// fenced queues: it compares with an unprotected baseline and counts six faults of a queue's workers, which a replicated log need not have; one that
/// does says `families = ["scenarios"]`.
pub const PROFILES: &[Profile] = &[
    Profile {
        name: "replicated-log",
        about: "a service on a replicated log: quorum, log, fencing, partitions, recovery, commands, consistency, latency, budget, telemetry",
        gates: &[
            "contract.expected-stated",
            "contract.plan-covered",
            "contract.fault-models-covered",
            "contract.endpoints-complete",
            "contract.rollback-declared",
            "contract.declared-before-run",
            "quorum.geometry",
            "quorum.durable-acks",
            "quorum.loss-halts",
            "log.commit-index",
            "log.continuity",
            "log.no-loss",
            "log.matching",
            "log.single-leader",
            "log.reconciliation",
            "log.compaction-safe",
            "log.membership",
            "fencing.monotonic",
            "fencing.stale-rejected",
            "fencing.no-stale-accept",
            "fencing.resource-log",
            "fencing.unique-token",
            "fencing.before-serving",
            "partition.p1",
            "partition.p2",
            "partition.p3",
            "partition.p4",
            "partition.p5",
            "partition.traffic",
            "partition.interleavings",
            "recovery.failover-time",
            "recovery.phases-add-up",
            "recovery.replay-fits",
            "recovery.replay-before-serving",
            "recovery.masking",
            "commands.no-duplicates",
            "commands.none-missing",
            "commands.retry-limit",
            "commands.rpc-semantics",
            "commands.unknown-resolved",
            "consistency.linearizable",
            "consistency.read-freshness",
            "consistency.staleness",
            "consistency.sessions",
            "consistency.no-false-success",
            "latency.write-p99",
            "latency.read-p99",
            "latency.load-held",
            "latency.tail-shift",
            "budget.consumed",
            "budget.rollback-trigger",
            "telemetry.distinguishes",
            "telemetry.agrees",
            "telemetry.invariants",
            "telemetry.clock",
            "telemetry.bounded",
            "integrity.artifacts",
            "integrity.fields",
            "integrity.no-vacuous",
        ],
    },
    Profile {
        name: "fenced-queue",
        about: "a job queue whose workers hold fencing tokens: fencing and commands on the resource's own log, injected scenarios beside an unprotected baseline",
        gates: &[
            "contract.expected-stated",
            "contract.fault-models-covered",
            "contract.endpoints-complete",
            "fencing.monotonic",
            "fencing.stale-rejected",
            "fencing.no-stale-accept",
            "fencing.resource-log",
            "fencing.unique-token",
            "commands.no-duplicates",
            "commands.none-missing",
            "commands.retry-limit",
            "commands.rpc-semantics",
            "commands.unknown-resolved",
            "scenarios.invariants",
            "scenarios.strength",
            "scenarios.baseline",
            "scenarios.recovery",
            "integrity.artifacts",
            "integrity.no-vacuous",
        ],
    },
    Profile {
        name: "coordination-ensemble",
        about: "a small voting ensemble: quorum geometry, halting without a quorum, masking by probes, sessions, enough runs",
        gates: &[
            "contract.expected-stated",
            "contract.fault-models-covered",
            "quorum.geometry",
            "quorum.loss-halts",
            "recovery.masking",
            "consistency.sessions",
            "scenarios.strength",
            "integrity.artifacts",
            "integrity.no-vacuous",
        ],
    },
];
