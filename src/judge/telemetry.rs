//! Series of samples: counters that only rise, and triggers that fire.
//!
//! In: samples of named series. Out: how much a counter rose, whether it ever fell, and when a condition had held long enough. A series is told apart
//! by its labels and its clock. Samples stand for nothing between them: a condition holds from its first sample to its last, while every sample
//! between meets it. Refuses to know gates.

use crate::evidence::RowId;
use crate::evidence::Rows;
use crate::evidence::clocks::{Key, key};
use crate::evidence::kinds::{Point, SeriesType};
use crate::evidence::symbol::Sym;
use std::collections::BTreeMap;

/// The series in which stale-leader attempts and the like are counted, with what each counts.
pub const SERIES: [(&str, &str); 5] = [
    ("commands_original_total", "commands sent for the first time"),
    ("commands_retry_total", "attempts after the first"),
    ("commands_rejected_total", "commands refused"),
    ("stale_leader_attempts_total", "requests of a leader whose epoch is over"),
    ("replay_entries_total", "log entries replayed by recovering members"),
];

/// One sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct At {
    /// When, in ns.
    pub t: i64,
    /// The value in millionths.
    pub micro: i64,
    /// Its record.
    pub id: RowId,
}

/// One series with one set of labels on one clock, by time.
#[derive(Debug, Clone)]
pub struct Line {
    /// The series.
    pub series: Sym,
    /// Its labels.
    pub labels: Option<Sym>,
    /// The id of its clock.
    pub clock: String,
    /// Whether some sample says that it is something else than a counter.
    pub no_counter: bool,
    /// Its samples; of equal times, in the order of the records.
    pub samples: Vec<At>,
}

/// Sorts samples into lines.
#[must_use]
pub fn lines(rows: &Rows<'_, Point>, wanted: impl Fn(Sym) -> bool) -> Vec<Line> {
    let mut found: BTreeMap<(Sym, Option<Sym>, Key<'_>), Line> = BTreeMap::new();
    for (id, point) in rows.iter().filter(|(_, p)| wanted(p.series)) {
        let clock = key(&rows.part(id).clock);
        let line = found.entry((point.series, point.labels, clock)).or_insert_with(|| Line {
            series: point.series,
            labels: point.labels,
            clock: clock.0.to_string(),
            no_counter: false,
            samples: Vec::new(),
        });
        line.no_counter |= point.series_type.is_some_and(|t| t != SeriesType::Counter);
        line.samples.push(At { t: point.t.0, micro: point.value.0, id });
    }
    let mut lines: Vec<Line> = found.into_values().collect();
    for line in &mut lines {
        line.samples.sort_by_key(|s| (s.t, s.id));
    }
    lines
}

impl Line {
    /// The first sample that is below the one before.
    #[must_use]
    pub fn fall(&self) -> Option<At> {
        self.samples.windows(2).find(|w| w[1].micro < w[0].micro).map(|w| w[1])
    }

    /// What was counted up to the last sample: the rise since the first one if that was taken by `since`, else all that the last one shows.
    #[must_use]
    pub fn counted(&self, since: Option<i64>) -> i64 {
        let Some((first, last)) = self.samples.first().zip(self.samples.last()) else { return 0 };
        let base = if since.is_some_and(|since| first.t <= since) { first.micro } else { 0 };
        last.micro.saturating_sub(base)
    }

    /// The first time at which a condition had held for `hold`: the sample that began it and the one at which it had lasted long enough.
    #[must_use]
    pub fn fired(&self, hold: i64, holds: impl Fn(i64) -> bool) -> Option<(At, At)> {
        let mut began: Option<At> = None;
        for sample in &self.samples {
            if !holds(sample.micro) {
                began = None;
                continue;
            }
            let start = *began.get_or_insert(*sample);
            if sample.t.saturating_sub(start.t) >= hold {
                return Some((start, *sample));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(samples: &[(i64, i64)]) -> Line {
        let samples = samples.iter().map(|&(t, micro)| At { t, micro, id: RowId::default() }).collect();
        Line { series: Sym(0), labels: None, clock: "c".into(), no_counter: false, samples }
    }

    #[test]
    fn counters() {
        let counter = line(&[(10, 5), (20, 5), (30, 9)]);
        assert_eq!((counter.fall(), counter.counted(Some(10)), counter.counted(Some(9)), counter.counted(None)), (None, 4, 9, 9));
        assert_eq!(line(&[(10, 5), (20, 4)]).fall().unwrap().t, 20);
        assert_eq!(line(&[]).counted(None), 0);
    }

    #[test]
    fn a_trigger_needs_every_sample_of_its_time() {
        let above = |micro| micro > 2;
        let fired = |samples: &[(i64, i64)]| line(samples).fired(10, above).map(|(a, b)| (a.t, b.t));
        assert_eq!(fired(&[(0, 1), (5, 3), (10, 3), (15, 3), (20, 3)]), Some((5, 15)));
        assert_eq!(fired(&[(0, 3), (5, 2), (10, 3), (15, 3)]), None, "it fell below in between");
        assert_eq!(fired(&[(0, 3), (9, 3)]), None, "not long enough");
        assert_eq!(fired(&[]), None);
    }
}
