//! The service's own counters, sampled as telemetry.

use crate::record::Line;
use crate::sim::Sim;
use crate::world::{REPLAY_RATE, S, SNAPSHOT};

/// Counters that the service keeps.
#[derive(Default)]
pub struct Meter {
    pub originals: i64,
    pub retries: i64,
    pub rejected: i64,
    pub stale: i64,
    pub replayed: i64,
    pub rounds: u64,
    /// Instants of leader changes.
    pub changes: Vec<i64>,
    /// Latencies of acknowledged writes since the last sample, in µs.
    pub write_latencies: Vec<i64>,
    /// Since when the rollback metric has been above its threshold.
    pub above: Option<i64>,
    pub rolled_back: bool,
}

impl Sim<'_> {
    /// Samples all series; the release manager's watch rolls back when the trigger has held for five minutes.
    pub fn telemetry(&mut self) {
        let now = self.now;
        let recent = |t: &&i64| **t > now - 60 * S;
        let changes = i64::try_from(self.meter.changes.iter().filter(recent).count()).unwrap_or(0);
        self.meter.above = if changes > 2 { self.meter.above.or(Some(now)) } else { None };
        if self.meter.above.is_some_and(|since| now - since >= 300 * S) {
            self.meter.rolled_back = true;
        }
        let running: i64 = self
            .members
            .iter()
            .filter_map(|m| m.replay)
            .map(|(started, commit)| ((now - started) * REPLAY_RATE / S).min(commit - SNAPSHOT))
            .sum();
        let mut latencies = std::mem::take(&mut self.meter.write_latencies);
        latencies.sort_unstable();
        let p99 = latencies.get((latencies.len() * 99).div_ceil(100).saturating_sub(1)).copied().unwrap_or(0);
        let commit = self.members.iter().map(|m| m.commit).max().unwrap_or(0);
        let counters = [
            ("commands_original_total", self.meter.originals),
            ("commands_retry_total", self.meter.retries),
            ("commands_rejected_total", self.meter.rejected),
            ("stale_leader_attempts_total", self.meter.stale),
            ("replay_entries_total", self.meter.replayed + running),
            ("snapshot_install_failures", 0),
            ("rejected_requests_due_to_admission_control", 0),
            ("rollbacks_total", i64::from(self.meter.rolled_back)),
        ];
        for (series, value) in counters {
            self.point(series, "counter", |line| line.int("value", value));
        }
        self.point("leader_changes_per_minute", "gauge", |line| line.int("value", changes));
        self.point("commit_index", "gauge", |line| line.int("value", commit));
        self.point("quorum_acks_latency_p99_ms", "gauge", |line| line.milli("value", p99));
    }

    fn point(&mut self, series: &str, kind: &str, value: impl FnOnce(Line) -> Line) {
        let line = value(Line::new().int("t", self.now).text("series", series)).text("type", kind);
        self.rec.add("telemetry", line);
    }
}
