//! The shape of `contract.toml`: every key, its type and what it means. `quorate schema contract` is made from this file.

use super::decode::{choice, wire};
use super::leaf::{Count, Day, Fraction, Id, Number, Span as Dur, Text};
use crate::source::At;

choice! {
    /// What faulty members may do.
    enum FaultModel {
        /// Members stop.
        Crash = "crash",
        /// Members stop or lose messages.
        Omission = "omission",
        /// Members do anything.
        Byzantine = "byzantine",
    }
}

choice! {
    /// What an endpoint promises about reads and writes.
    enum Consistency {
        /// Every operation takes effect at one instant between its invocation and its response.
        Linearizable = "linearizable",
        /// Reads may be stale within a declared bound.
        Eventual = "eventual",
    }
}

choice! {
    /// How often a command may take effect.
    enum Semantics {
        /// Zero or one times.
        AtMostOnce = "at-most-once",
        /// One or more times.
        AtLeastOnce = "at-least-once",
        /// One time.
        ExactlyOnce = "exactly-once",
    }
}

choice! {
    /// What a client may expect of its own session.
    enum SessionGuarantee {
        /// A read sees what the client wrote before, or something newer.
        ReadYourWrites = "read-your-writes",
        /// A read sees what the client read before, or something newer.
        MonotonicReads = "monotonic-reads",
        /// A write is ordered after what the client wrote before.
        MonotonicWrites = "monotonic-writes",
        /// A write is ordered after what the client read before.
        WritesFollowReads = "writes-follow-reads",
    }
}

choice! {
    /// How long a client waits before it tries again.
    enum Backoff {
        /// At once.
        None = "none",
        /// The same pause each time.
        Fixed = "fixed",
        /// A longer pause each time.
        Exponential = "exponential",
        /// Pauses that differ from client to client.
        Jittered = "jittered",
    }
}

choice! {
    /// What a resource asks of a request's epoch.
    enum Fence {
        /// The request's epoch equals the current one.
        Epoch = "epoch",
        /// The request's token is not below the highest one seen for the job.
        Token = "token",
    }
}

choice! {
    /// Which operations the latency objectives are judged on.
    enum LatencyScope {
        /// All of them.
        WholeRun = "whole-run",
        /// All but those in flight during a recovery: from the start of a fault until the recovery objective has passed.
        OutsideRecovery = "outside-recovery",
    }
}

wire! {
    /// What is promised: written, reviewed and locked before any test runs.
    struct ContractWire {
        /// The version of this format: "quorate-contract/1".
        schema: At<Text>,
        /// What is released.
        release: ReleaseWire,
        /// The replicas and what is assumed of them.
        cluster: ClusterWire,
        /// What clients call, and what each call promises.
        endpoint: Vec<EndpointWire>,
        /// What stale authority must never reach.
        resource: Vec<ResourceWire>,
        /// The load under which the promises hold.
        load: Option<LoadWire>,
        /// The numbers to be met.
        objectives: Option<ObjectivesWire>,
        /// The declared length of each phase of a failover.
        failover: Option<FailoverWire>,
        /// How often the interleavings must have been met that hide bugs.
        interleavings: Option<InterleavingsWire>,
        /// Limits of what telemetry may show.
        telemetry: Option<TelemetryWire>,
        /// Health probes that restart members.
        probe: Option<ProbeWire>,
        /// How much failure the service may show.
        error_budget: Option<BudgetWire>,
        /// Injected scenarios: how sure they must make us, and how fast work must go on after them.
        scenarios: Option<ScenariosWire>,
        /// When to go back.
        rollback: Option<RollbackWire>,
        /// What stays uncertain.
        risk: Vec<RiskWire>,
        /// Gates that this release does not ask for.
        exclusion: Vec<ExclusionWire>,
        /// Gates that this release may miss, by whose word.
        waiver: Vec<WaiverWire>,
        /// Asks for the proof that each gate can fail on this evidence, see docs/challenge.md.
        challenge: Option<ChallengeWire>,
    }
}

wire! {
    /// What is released.
    struct ReleaseWire {
        /// The service.
        service: At<Id>,
        /// The version that was tested.
        version: At<Id>,
        /// A package URL or other name of the exact artifact.
        uri: Option<At<Text>>,
        /// The digest of the exact artifact, such as sha256:….
        digest: Option<At<Text>>,
        /// Who answers for it.
        owner: At<Text>,
        /// The question that the package answers.
        question: At<Text>,
        /// Which gates are required; `quorate gates` lists the profiles.
        profile: At<Id>,
        /// Families of gates that are required beyond the profile, such as votes or atomic-commit.
        families: Vec<At<Id>>,
    }
}

wire! {
    /// The replicas and what is assumed of them.
    struct ClusterWire {
        /// The voting members.
        members: Vec<At<Id>>,
        /// The consensus protocol.
        consensus: At<Text>,
        /// What faulty members may do: crash, omission or byzantine.
        fault_model: At<FaultModel>,
        /// How membership changes.
        membership_rule: At<Text>,
        /// The voting rule; majorities when left out.
        quorum: Option<QuorumWire>,
        /// How many faulty members must be survived; ⌊(N−1)/2⌋ when left out.
        tolerates: Option<At<Count>>,
        /// The faults that the service is meant to survive; each needs a test.
        fault_assumptions: Vec<At<Text>>,
    }
}

wire! {
    /// How many members must take part.
    struct QuorumWire {
        /// In a write.
        write: At<Count>,
        /// In a read.
        read: At<Count>,
    }
}

wire! {
    /// A set of operations and what they promise.
    struct EndpointWire {
        /// Its name.
        name: At<Id>,
        /// The operations that it serves.
        operations: Vec<At<Id>>,
        /// linearizable or eventual.
        consistency: At<Consistency>,
        /// How clients try again.
        retry: Option<RetryWire>,
        /// What makes a retried command the same command.
        idempotency: Option<At<Text>>,
        /// How often a command may take effect.
        semantics: Option<At<Semantics>>,
        /// How old an answer may be (eventual).
        staleness_bound: Option<At<Dur>>,
        /// How many versions an answer may be behind (eventual).
        staleness_versions: Option<At<Count>>,
        /// What a client may expect of its own session: read-your-writes, monotonic-reads, monotonic-writes, writes-follow-reads.
        sessions: Vec<At<SessionGuarantee>>,
        /// How replicas come together again (eventual).
        repair: Option<At<Text>>,
        /// What the user sees of staleness (eventual).
        user_visible: Option<At<Text>>,
        /// Which of two writes wins (eventual).
        conflict_policy: Option<At<Text>>,
    }
}

wire! {
    /// How clients try again.
    struct RetryWire {
        /// Attempts after the first.
        limit: At<Count>,
        /// none, fixed, exponential or jittered.
        backoff: At<Backoff>,
    }
}

wire! {
    /// What stale authority must never reach.
    struct ResourceWire {
        /// Its name, as in the fencing records.
        name: At<Id>,
        /// What it asks of a request's epoch: epoch or token.
        fence: At<Fence>,
    }
}

wire! {
    /// The load under which the promises hold.
    struct LoadWire {
        /// Writes a second.
        writes_per_second: At<Number>,
        /// Reads a second.
        reads_per_second: At<Number>,
        /// The least share of the rates that counts as held; 0.95 when left out.
        held: Option<At<Fraction>>,
    }
}

wire! {
    /// The numbers to be met.
    struct ObjectivesWire {
        /// The longest failover.
        recovery: At<Dur>,
        /// The allowance for catching up before serving.
        catch_up: Option<At<Dur>>,
        /// The 99th percentile of write latency.
        write_p99: Option<At<Dur>>,
        /// The 99th percentile of read latency.
        read_p99: Option<At<Dur>>,
        /// Which operations the latency objectives are judged on; whole-run when left out.
        latency_scope: Option<At<LatencyScope>>,
        /// The one-sided confidence of percentile bounds; 0.95 when left out.
        confidence: Option<At<Fraction>>,
        /// Committed entries that may be lost: 0.
        lost_commits: Option<At<Count>>,
        /// Writes that stale authority may land: 0.
        split_brain_writes: Option<At<Count>>,
        /// Commands that may be executed twice: 0.
        duplicate_executions: Option<At<Count>>,
        /// The most attempts per operation, on average, while a fault lasts.
        retry_amplification: Option<At<Number>>,
        /// The longest that a participant of a transaction may be in doubt after its coordinator crashed.
        in_doubt: Option<At<Dur>>,
    }
}

wire! {
    /// The declared length of each phase of a failover.
    struct FailoverWire {
        /// From the fault to its detection.
        detect: At<Dur>,
        /// From detection to a new leader.
        elect: At<Dur>,
        /// From the new leader to confirmed fencing of the old one.
        fence: At<Dur>,
        /// From fencing to the first write served.
        catch_up: At<Dur>,
        /// How far a measured sum may lie above the declared one; 0s when left out.
        tolerance: Option<At<Dur>>,
    }
}

wire! {
    /// The least number of times that each interleaving must have been met, over all tests.
    struct InterleavingsWire {
        /// Faults that struck while a write was in flight.
        write_in_flight: At<Count>,
        /// Faults after which stale authority tried again at the resource.
        stale_retry: At<Count>,
        /// Partitions that healed over divergent entries.
        divergent_heal: At<Count>,
        /// Replays from a snapshot.
        snapshot_replay: At<Count>,
    }
}

wire! {
    /// Limits of what telemetry may show.
    struct TelemetryWire {
        /// The most changes of leader in a minute; not judged in the test that rehearses a rollback on them.
        leader_changes_per_minute: Option<At<Number>>,
        /// The most snapshots that may fail to install; 0 when left out.
        snapshot_install_failures: Option<At<Count>>,
        /// The most requests that admission control may turn away in one test.
        admission_rejections: Option<At<Count>>,
        /// The highest p99 of quorum acknowledgements.
        quorum_acks_p99: Option<At<Dur>>,
        /// The most sets of labels that one series may have; 1000 when left out.
        label_sets: Option<At<Count>>,
        /// The longest pause between two samples of one series: a longer one may hide a clock that was set.
        sample_pause: Option<At<Dur>>,
    }
}

wire! {
    /// Health probes that restart members.
    struct ProbeWire {
        /// Before the first probe.
        initial_delay: At<Dur>,
        /// Between probes.
        period: At<Dur>,
        /// Failures in a row that restart the member.
        threshold: At<Count>,
        /// From the decision to the restart; 0s when left out.
        grace: Option<At<Dur>>,
    }
}

wire! {
    /// How much failure the service may show.
    struct BudgetWire {
        /// The service level objective, such as 0.999.
        slo: At<Fraction>,
        /// The window it is counted over, such as "30d".
        window: At<Dur>,
        /// The share of the budget that this release may spend on one failover.
        share: At<Fraction>,
        /// The mean time between failures in operation, such as "30d", for the figure of availability. Injected faults cannot tell it.
        mtbf: Option<At<Dur>>,
    }
}

wire! {
    /// Injected scenarios: how sure they must make us, and how fast work must go on after them.
    struct ScenariosWire {
        /// The greatest probability that an injected fault breaks an invariant which the runs may leave possible (p_U, one-sided at
        /// the confidence of the objectives).
        bound: At<Fraction>,
        /// The longest from a worker's crash until its work is acknowledged.
        crash_recovery: Option<At<Dur>>,
        /// The longest from a worker's stall until its work is acknowledged to the worker that took over.
        takeover_recovery: Option<At<Dur>>,
    }
}

wire! {
    /// When to go back.
    struct RollbackWire {
        /// The telemetry series that is watched.
        metric: At<Text>,
        /// The condition, such as "> 2 for 5m".
        trigger: At<Text>,
        /// Who decides.
        owner: At<Text>,
        /// The id of the test that rehearsed it.
        rehearsal: Option<At<Id>>,
    }
}

wire! {
    /// What stays uncertain.
    struct RiskWire {
        /// A short id.
        id: At<Id>,
        /// What it is, in Markdown.
        text: At<Text>,
        /// The gate it concerns.
        gate: Option<At<Id>>,
    }
}

wire! {
    /// A gate that this release does not ask for.
    struct ExclusionWire {
        /// The gate's id.
        gate: At<Id>,
        /// Why, in a sentence that the first page shows.
        reason: At<Text>,
    }
}

wire! {
    /// A gate that this release may miss.
    struct WaiverWire {
        /// The gate's id.
        gate: At<Id>,
        /// Why.
        reason: At<Text>,
        /// By whose word.
        approver: At<Text>,
        /// The last day on which it holds.
        expires: At<Day>,
        /// Where it is tracked.
        ticket: At<Text>,
    }
}

wire! {
    /// How the gates are challenged with small violations of this evidence.
    struct ChallengeWire {
        /// The seed by which places are chosen; 1 when left out.
        seed: Option<At<Count>>,
        /// The most mutants of each operator, from 1 to 1000; 4 when left out.
        mutants: Option<At<Count>>,
        /// Mutants that may survive, and why.
        explained: Vec<ExplainedWire>,
    }
}

wire! {
    /// Why the mutants of an operator, or a gate without mutants, are no finding.
    struct ExplainedWire {
        /// The operator whose mutants survive; left out for a gate that nothing tests.
        operator: Option<At<Id>>,
        /// The gate at which they survive, or that nothing tests; any gate when left out.
        gate: Option<At<Id>>,
        /// Why, in a sentence that the report shows.
        why: At<Text>,
    }
}
