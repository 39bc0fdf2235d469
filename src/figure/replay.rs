//! Replay: how many entries a recovery replays, how long that takes, and what would make it fit.
//!
//! In: the indexes and instants of one recovery. Out: exact range, rate and time, and the four ways out of a mismatch. The rate is measured
//! from the recovery itself. Refuses to know objectives beyond the numbers handed in.

use crate::exact::Ratio;
use crate::verdict::{Figure, SourceRef};

/// One recovery that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replay {
    /// C_snapshot.
    pub snapshot: i64,
    /// C_commit.
    pub commit: i64,
    /// When it began, in ns.
    pub started: i64,
    /// When it ended, in ns.
    pub finished: i64,
    /// Entries replayed.
    pub entries: i64,
}

/// Numbers that would make a replay fit its allowance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaysOut {
    /// The most entries that may lie behind a snapshot, at the measured rate.
    pub entries: i128,
    /// The least rate, in entries a second, that replays the range in time.
    pub rate: i128,
}

/// `r` as it is printed: two places, without zeros at the end.
fn plain(r: Ratio) -> String {
    let text = r.decimal(2);
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

impl Replay {
    /// N = C_commit − C_snapshot; `None` when the snapshot lies above the commit index.
    #[must_use]
    pub fn range(&self) -> Option<i64> {
        self.commit.checked_sub(self.snapshot).filter(|n| *n >= 0)
    }

    /// How long it took, in ns; `None` when it ended before it began.
    #[must_use]
    pub fn took(&self) -> Option<i64> {
        self.finished.checked_sub(self.started).filter(|ns| *ns >= 0)
    }

    /// r in entries a second; `None` when it took no time or replayed nothing.
    #[must_use]
    pub fn rate(&self) -> Option<Ratio> {
        let took = self.took().filter(|t| *t > 0)?;
        Ratio::new(i128::from(self.entries).checked_mul(1_000_000_000)?, i128::from(took)).filter(|r| *r > Ratio::ZERO)
    }

    /// T = N / r in ns, rounded up.
    #[must_use]
    pub fn time(&self) -> Option<i64> {
        let seconds = Ratio::int(self.range()?).div(self.rate()?)?;
        let ns = seconds.mul(Ratio::int(1_000_000_000))?;
        i64::try_from(-Ratio::ZERO.sub(ns)?.floor()).ok()
    }

    /// What would make it fit an allowance in ns.
    #[must_use]
    pub fn ways_out(&self, allowance: i64) -> Option<WaysOut> {
        let allowed = Ratio::new(i128::from(allowance), 1_000_000_000)?;
        let entries = self.rate()?.mul(allowed)?.floor();
        let rate = Ratio::int(self.range()?).div(allowed)?;
        Some(WaysOut { entries, rate: -Ratio::ZERO.sub(rate)?.floor() })
    }

    /// The replay range.
    #[must_use]
    pub fn range_figure(&self, sources: Vec<SourceRef>) -> Option<Figure> {
        let range = self.range()?;
        Some(Figure {
            id: "replay-range".into(),
            symbol: "N_replay".into(),
            formula: "N_replay = C_commit − C_snapshot".into(),
            substitution: format!("{} − {} = {range}", self.commit, self.snapshot),
            value: range.to_string(),
            unit: "entries".into(),
            sources,
        })
    }

    /// The replay time.
    #[must_use]
    pub fn time_figure(&self, sources: Vec<SourceRef>) -> Option<Figure> {
        let value = Ratio::new(i128::from(self.time()?), 1_000_000_000)?.decimal(3);
        Some(Figure {
            id: "replay-time".into(),
            symbol: "T_replay".into(),
            formula: "T_replay = N_replay / r_replay".into(),
            substitution: format!("{} / {} = {value}", self.range()?, plain(self.rate()?)),
            value,
            unit: "s".into(),
            sources,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worked() -> Replay {
        Replay { snapshot: 10_000, commit: 12_480, started: 0, finished: 2_755_555_556, entries: 2480 }
    }

    #[test]
    fn worked_numbers() {
        let replay = worked();
        assert_eq!(replay.range_figure(Vec::new()).unwrap().substitution, "12480 − 10000 = 2480");
        assert_eq!(replay.time_figure(Vec::new()).unwrap().substitution, "2480 / 900 = 2.756");
        assert_eq!(replay.time(), Some(2_755_555_556));
        assert_eq!(replay.ways_out(600_000_000), Some(WaysOut { entries: 539, rate: 4134 }));
    }

    #[test]
    fn exact_rate_gives_exact_ways_out() {
        let replay = Replay { entries: 900, finished: 1_000_000_000, ..worked() };
        assert_eq!(replay.ways_out(600_000_000), Some(WaysOut { entries: 540, rate: 4134 }));
        assert_eq!(replay.time(), Some(2_755_555_556));
    }

    #[test]
    fn nonsense_gives_nothing() {
        assert_eq!(worked().range(), Some(2480));
        assert_eq!(Replay { commit: 1, snapshot: 2, ..worked() }.range(), None);
        assert_eq!(Replay { commit: 9_999, ..worked() }.range(), None);
        assert_eq!(Replay { finished: -1, ..worked() }.took(), None);
        assert_eq!(Replay { finished: 0, ..worked() }.rate(), None);
        assert_eq!(Replay { entries: 0, ..worked() }.time(), None);
        assert_eq!(Replay { commit: i64::MAX, snapshot: -1, ..worked() }.range(), None);
        assert_eq!(worked().ways_out(0), None);
    }
}
