//! Which key of the contract a gate holds the evidence to, for what points at the contract's lines.
//!
//! In: the id of a gate. Out: keys, the one that says most about it first. Refuses to judge.

/// Keys by gate, or by family where a gate has none of its own. A key is a path of names; `key=value` is one of that value.
const PROMISES: &[(&str, &[&str])] = &[
    ("contract.fault-models-covered", &["cluster.fault-assumptions"]),
    ("contract.endpoints-complete", &["endpoint.consistency"]),
    ("contract.rollback-declared", &["rollback.trigger"]),
    ("quorum", &["cluster.quorum", "cluster.members"]),
    ("log.continuity", &["objectives.lost-commits"]),
    ("log.no-loss", &["objectives.lost-commits"]),
    ("log.membership", &["cluster.membership-rule"]),
    ("log", &["cluster.consensus"]),
    ("fencing.stale-rejected", &["objectives.split-brain-writes", "resource.fence"]),
    ("fencing.no-stale-accept", &["objectives.split-brain-writes", "resource.fence"]),
    ("fencing", &["resource.fence"]),
    ("partition.interleavings", &["interleavings"]),
    ("partition", &["cluster.fault-assumptions"]),
    ("recovery.failover-time", &["objectives.recovery"]),
    ("recovery.phases-add-up", &["failover"]),
    ("recovery.replay-fits", &["objectives.catch-up"]),
    ("recovery.replay-before-serving", &["failover.catch-up", "objectives.catch-up"]),
    ("recovery.masking", &["probe"]),
    ("commands.no-duplicates", &["objectives.duplicate-executions", "endpoint.idempotency"]),
    ("commands.none-missing", &["objectives.lost-commits", "endpoint.idempotency"]),
    ("commands.retry-limit", &["endpoint.retry"]),
    ("commands.rpc-semantics", &["endpoint.semantics"]),
    ("commands", &["endpoint.idempotency"]),
    ("consistency.linearizable", &["endpoint.consistency=linearizable"]),
    ("consistency.read-freshness", &["endpoint.consistency=linearizable"]),
    ("consistency.staleness", &["endpoint.staleness-bound", "endpoint.consistency=eventual"]),
    ("consistency.sessions", &["endpoint.sessions"]),
    ("consistency", &["endpoint.consistency"]),
    ("latency.write-p99", &["objectives.write-p99"]),
    ("latency.read-p99", &["objectives.read-p99"]),
    ("latency.load-held", &["load.held", "load"]),
    ("latency.tail-shift", &["objectives.retry-amplification"]),
    ("budget.consumed", &["error-budget.share"]),
    ("budget.rollback-trigger", &["rollback.trigger"]),
    ("telemetry.invariants", &["telemetry.leader-changes-per-minute", "telemetry"]),
    ("telemetry.bounded", &["telemetry.label-sets", "telemetry"]),
    ("telemetry.clock", &["telemetry.sample-pause", "telemetry"]),
    ("telemetry", &["telemetry"]),
    ("scenarios.strength", &["scenarios.bound"]),
    ("scenarios.recovery", &["scenarios.crash-recovery", "scenarios.takeover-recovery"]),
    ("scenarios", &["scenarios"]),
    ("atomic-commit.blocking", &["objectives.in-doubt"]),
    ("votes", &["cluster.fault-model"]),
];

/// The keys of the contract that a gate holds the evidence to, the one that says most first; none for what is asked by the profile alone.
#[must_use]
pub fn promised(gate: &str) -> &'static [&'static str] {
    let family = gate.split('.').next().unwrap_or(gate);
    let named = |name: &str| PROMISES.iter().find(|p| p.0 == name).map(|p| p.1);
    named(gate).or_else(|| named(family)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::contract_schema;

    #[test]
    fn every_row_names_a_gate_or_family_and_keys_that_contracts_have() {
        let schema = contract_schema();
        for (name, keys) in PROMISES {
            assert!(super::super::gates().iter().any(|g| g.id == *name || g.family() == *name), "{name}");
            for key in *keys {
                let mut at = &schema;
                for part in key.split('=').next().unwrap().split('.') {
                    at = if at["items"].is_object() { &at["items"] } else { at };
                    at = &at["properties"][part];
                }
                assert!(at.is_object(), "{name}: contracts have no key {key}");
            }
        }
    }

    #[test]
    fn a_gate_of_its_own_comes_before_its_family() {
        assert_eq!(promised("fencing.no-stale-accept")[0], "objectives.split-brain-writes");
        assert_eq!(promised("fencing.monotonic"), ["resource.fence"]);
        assert!(promised("integrity.artifacts").is_empty());
    }
}
