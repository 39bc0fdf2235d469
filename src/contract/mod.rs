//! The contract and the test matrix: what is promised, and how it is tested.
//!
//! In: two TOML texts. Out: [`Contract`] and [`Matrix`], in which an invalid state cannot be written, or every fault at once. Refuses to
//! know gates and evidence kinds: their names stay spanned texts until the rooms that own them bind them.

mod choices;
mod decode;
mod key;
mod leaf;
mod lock;
mod mapping;
mod matrix;
mod trigger;
mod validate;
mod validate_matrix;
mod wire;
mod wire_matrix;

pub use choices::{ClockKind, Generator, NilRead, Origin, Subject, TimeUnit};
pub use key::key_span;
pub use lock::{Lock, chain_faults, name as lock_name};
pub use mapping::FieldRule;
pub use matrix::{Binding, Clock, Matrix, Model, Pair, Skew, Test, Whole};
pub use trigger::{Comparison, Trigger};
pub use validate::parse_contract;
pub use validate_matrix::{LAYERS, MODELS, PARTITIONS, PLAN_ITEMS, clean_path, parse_matrix};
pub use wire::{Backoff, Consistency, FaultModel, Fence, LatencyScope, Semantics, SessionGuarantee};

use crate::exact::Ratio;
use crate::source::{At, SourceId, Span};

/// The JSON Schema (draft-07, inlined) of a contract.
#[must_use]
pub fn contract_schema() -> serde_json::Value {
    schema_of::<wire::ContractWire>("quorate contract")
}

/// The JSON Schema (draft-07, inlined) of a matrix.
#[must_use]
pub fn matrix_schema() -> serde_json::Value {
    schema_of::<wire_matrix::MatrixWire>("quorate matrix")
}

fn schema_of<T: decode::Wire>(title: &str) -> serde_json::Value {
    let mut schema = T::schema();
    schema["$schema"] = "http://json-schema.org/draft-07/schema#".into();
    schema["title"] = title.into();
    schema
}

/// A validated contract.
#[derive(Debug, Clone)]
pub struct Contract {
    /// The text it came from.
    pub source: SourceId,
    /// What is released.
    pub release: Release,
    /// The replicas and what is assumed of them.
    pub cluster: Cluster,
    /// What clients call.
    pub endpoints: Vec<Endpoint>,
    /// What stale authority must never reach.
    pub resources: Vec<Resource>,
    /// The load under which the promises hold.
    pub load: Option<Load>,
    /// The numbers to be met.
    pub objectives: Objectives,
    /// The declared phases of a failover.
    pub failover: Option<DeclaredPhases>,
    /// How often the interleavings must have been met that hide bugs.
    pub interleavings: Option<Interleavings>,
    /// Limits of what telemetry may show.
    pub telemetry: TelemetryLimits,
    /// Health probes.
    pub probe: Option<Probe>,
    /// The error budget.
    pub budget: Option<ErrorBudget>,
    /// Injected scenarios.
    pub scenarios: Option<Scenarios>,
    /// When to go back.
    pub rollback: Option<Rollback>,
    /// What stays uncertain.
    pub risks: Vec<Risk>,
    /// Gates not asked for.
    pub exclusions: Vec<Exclusion>,
    /// Gates that may be missed.
    pub waivers: Vec<Waiver>,
    /// How the gates are challenged, when they are to be.
    pub challenge: Option<Challenge>,
}

impl Contract {
    /// The endpoint of a name.
    #[must_use]
    pub fn endpoint(&self, name: &str) -> Option<&Endpoint> {
        self.endpoints.iter().find(|e| e.name.value == name)
    }
}

/// What is released.
#[derive(Debug, Clone)]
pub struct Release {
    /// The service.
    pub service: String,
    /// The version.
    pub version: String,
    /// A name of the exact artifact.
    pub uri: Option<String>,
    /// The digest of the exact artifact.
    pub digest: Option<String>,
    /// Who answers for it.
    pub owner: String,
    /// The question that the package answers.
    pub question: String,
    /// The profile, bound by `gate`.
    pub profile: At<String>,
    /// Families asked for beyond the profile, bound by `gate`.
    pub families: Vec<At<String>>,
}

/// The replicas and what is assumed of them.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// The voting members, at least one, all different.
    pub members: Vec<String>,
    /// The consensus protocol.
    pub consensus: String,
    /// What faulty members may do.
    pub fault_model: FaultModel,
    /// How membership changes.
    pub membership_rule: String,
    /// Declared sizes of write and read quorums; `None` means majorities.
    pub quorum: Option<Quorum>,
    /// Declared number of faulty members to be survived.
    pub tolerates: Option<At<u64>>,
    /// Faults to be survived.
    pub fault_assumptions: Vec<At<String>>,
    /// Where the table stands.
    pub span: Span,
}

impl Cluster {
    /// The number of voting members, N.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.members.len() as u64
    }

    /// Members that must take part in a write: as declared, else ⌊N/2⌋ + 1.
    #[must_use]
    pub fn write_quorum(&self) -> u64 {
        self.quorum.as_ref().map_or(self.size() / 2 + 1, |q| q.write.value)
    }

    /// Members that must take part in a read: as declared, else ⌊N/2⌋ + 1.
    #[must_use]
    pub fn read_quorum(&self) -> u64 {
        self.quorum.as_ref().map_or(self.size() / 2 + 1, |q| q.read.value)
    }
}

/// Declared quorum sizes.
#[derive(Debug, Clone)]
pub struct Quorum {
    /// W.
    pub write: At<u64>,
    /// R.
    pub read: At<u64>,
}

/// A set of operations and what they promise.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Its name.
    pub name: At<String>,
    /// The operations that it serves.
    pub operations: Vec<String>,
    /// Its consistency claim.
    pub consistency: Consistency,
    /// How clients try again: limit of further attempts, and backoff.
    pub retry: Option<(u64, Backoff)>,
    /// What makes a retried command the same.
    pub idempotency: Option<String>,
    /// How often a command may take effect.
    pub semantics: Option<Semantics>,
    /// How old an answer may be, in ns.
    pub staleness_bound: Option<i64>,
    /// How many versions an answer may be behind.
    pub staleness_versions: Option<u64>,
    /// What a client may expect of its own session.
    pub sessions: Vec<SessionGuarantee>,
    /// How replicas come together again.
    pub repair: Option<String>,
    /// What the user sees of staleness.
    pub user_visible: Option<String>,
    /// Which of two writes wins.
    pub conflict_policy: Option<String>,
}

/// A protected resource.
#[derive(Debug, Clone)]
pub struct Resource {
    /// Its name.
    pub name: At<String>,
    /// What it asks of a request's epoch.
    pub fence: Fence,
}

/// Declared load.
#[derive(Debug, Clone)]
pub struct Load {
    /// λ_w in writes a second.
    pub writes_per_second: Ratio,
    /// λ_r in reads a second.
    pub reads_per_second: Ratio,
    /// The least share that counts as held.
    pub held: Ratio,
    /// Where it stands.
    pub span: Span,
}

/// The numbers to be met; durations in ns.
#[derive(Debug, Clone)]
pub struct Objectives {
    /// The longest failover.
    pub recovery: Option<At<i64>>,
    /// The allowance for catching up before serving.
    pub catch_up: Option<At<i64>>,
    /// p99 of writes.
    pub write_p99: Option<At<i64>>,
    /// p99 of reads.
    pub read_p99: Option<At<i64>>,
    /// Which operations the latency objectives are judged on.
    pub latency_scope: LatencyScope,
    /// One-sided confidence of percentile bounds.
    pub confidence: Ratio,
    /// Committed entries that may be lost.
    pub lost_commits: u64,
    /// Writes that stale authority may land.
    pub split_brain_writes: u64,
    /// Commands that may be executed twice.
    pub duplicate_executions: u64,
    /// The most attempts per operation while a fault lasts.
    pub retry_amplification: Option<Ratio>,
    /// The longest doubt after a coordinator's crash.
    pub in_doubt: Option<At<i64>>,
}

/// The declared length of each phase of a failover, in ns.
#[derive(Debug, Clone)]
pub struct DeclaredPhases {
    /// T_detect.
    pub detect: i64,
    /// T_elect.
    pub elect: i64,
    /// T_fence.
    pub fence: i64,
    /// T_catchup.
    pub catch_up: i64,
    /// How far a measured sum may lie above the declared one.
    pub tolerance: i64,
    /// Where it stands.
    pub span: Span,
}

/// The least number of times that each interleaving must have been met.
#[derive(Debug, Clone)]
pub struct Interleavings {
    /// Faults that struck while a write was in flight.
    pub write_in_flight: u64,
    /// Faults after which stale authority tried again.
    pub stale_retry: u64,
    /// Partitions that healed over divergent entries.
    pub divergent_heal: u64,
    /// Replays from a snapshot.
    pub snapshot_replay: u64,
    /// Where they stand.
    pub span: Span,
}

/// Limits of what telemetry may show.
#[derive(Debug, Clone, Default)]
pub struct TelemetryLimits {
    /// The most changes of leader in a minute.
    pub leader_changes: Option<Ratio>,
    /// The most snapshots that may fail to install.
    pub snapshot_failures: u64,
    /// The most requests that admission control may turn away.
    pub admission_rejections: Option<u64>,
    /// The highest p99 of quorum acknowledgements, in ns.
    pub quorum_acks_p99: Option<i64>,
    /// The most sets of labels that one series may have.
    pub label_sets: u64,
    /// The longest pause between two samples of a series, in ns.
    pub sample_pause: Option<i64>,
}

/// A health probe; durations in ns.
#[derive(Debug, Clone)]
pub struct Probe {
    /// Before the first probe.
    pub initial_delay: i64,
    /// Between probes.
    pub period: i64,
    /// Failures in a row that restart the member.
    pub threshold: u64,
    /// From decision to restart.
    pub grace: i64,
    /// Where it stands.
    pub span: Span,
}

/// The error budget.
#[derive(Debug, Clone)]
pub struct ErrorBudget {
    /// The objective.
    pub slo: Ratio,
    /// The window in ns.
    pub window: i64,
    /// The share that this release may spend on one failover.
    pub share: Ratio,
    /// The mean time between failures in operation, in ns.
    pub mtbf: Option<i64>,
    /// Where it stands.
    pub span: Span,
}

/// What injected scenarios must show; durations in ns.
#[derive(Debug, Clone)]
pub struct Scenarios {
    /// The greatest probability of a violation that the runs may leave possible.
    pub bound: Ratio,
    /// The longest recovery from a worker's crash.
    pub crash_recovery: Option<i64>,
    /// The longest recovery from a worker's stall.
    pub takeover_recovery: Option<i64>,
    /// Where it stands.
    pub span: Span,
}

/// When to go back.
#[derive(Debug, Clone)]
pub struct Rollback {
    /// The telemetry series.
    pub metric: String,
    /// The condition.
    pub trigger: Trigger,
    /// Who decides.
    pub owner: String,
    /// The test that rehearsed it.
    pub rehearsal: Option<At<String>>,
    /// Where it stands.
    pub span: Span,
}

/// What stays uncertain.
#[derive(Debug, Clone)]
pub struct Risk {
    /// A short id.
    pub id: String,
    /// Markdown.
    pub text: String,
    /// The gate concerned.
    pub gate: Option<At<String>>,
}

/// A gate not asked for.
#[derive(Debug, Clone)]
pub struct Exclusion {
    /// The gate.
    pub gate: At<String>,
    /// Why.
    pub reason: String,
}

/// A gate that may be missed.
#[derive(Debug, Clone)]
pub struct Waiver {
    /// The gate.
    pub gate: At<String>,
    /// Why.
    pub reason: String,
    /// By whose word.
    pub approver: String,
    /// The last day on which it holds, `YYYY-MM-DD`.
    pub expires: String,
    /// Where it is tracked.
    pub ticket: String,
}

/// How the gates are challenged.
#[derive(Debug, Clone)]
pub struct Challenge {
    /// The seed by which places are chosen.
    pub seed: u64,
    /// The most mutants of each operator.
    pub mutants: u64,
    /// What is no finding.
    pub explained: Vec<Explained>,
}

impl Default for Challenge {
    fn default() -> Self {
        Self { seed: 1, mutants: 4, explained: Vec::new() }
    }
}

/// Why mutants may survive, or a gate may go untested.
#[derive(Debug, Clone)]
pub struct Explained {
    /// The operator; `None` for a gate that nothing tests.
    pub operator: Option<At<String>>,
    /// The gate; `None` for every gate at which the operator's mutants survive.
    pub gate: Option<At<String>>,
    /// Why.
    pub why: String,
}
