//! Failover time: four phases whose instants are known to lie between bounds, added by interval arithmetic.
//!
//! In: bounds of each phase's start and stop. Out: bounds of each phase, of their sum, of the whole span and of what the phases
//! leave unexplained. Refuses to know records and objectives.

use crate::exact::{Ratio, seconds};
use crate::verdict::{Figure, SourceRef};

/// The symbols of the phases, in order.
pub const SYMBOLS: [&str; 4] = ["T_detect", "T_elect", "T_fence", "T_catchup"];

/// The least and the most that an instant or a length can be, in ns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The least.
    pub lo: i64,
    /// The most.
    pub hi: i64,
}

/// When one phase began and ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timed {
    /// Its start.
    pub start: Bounds,
    /// Its stop.
    pub stop: Bounds,
}

/// The length of one failover.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailoverTime {
    /// Each phase: [max(0, stop_lo − start_hi), stop_hi − start_lo].
    pub phases: [Bounds; 4],
    /// The sum of the phases.
    pub sum: Bounds,
    /// From the first start to the last stop.
    pub span: Bounds,
    /// Whether each phase starts at the very instant (the same bounds) at which the one before stopped.
    pub contiguous: bool,
    /// What lies between phases: each gap's bounds; negative where they overlap; zero where they share an instant.
    pub gaps: [Bounds; 3],
}

fn minus(a: Bounds, b: Bounds) -> Option<Bounds> {
    Some(Bounds { lo: a.lo.checked_sub(b.hi)?, hi: a.hi.checked_sub(b.lo)? })
}

fn decimal(ns: i64, places: u32) -> String {
    Ratio::new(i128::from(ns), 1_000_000_000).unwrap_or(Ratio::ZERO).decimal(places)
}

/// The fewest places, of 3, 6 and 9, with which rounded terms add up to their rounded sum.
fn places(terms: &[i64], sum: i64) -> u32 {
    let adds_up = |unit: i128| {
        let rounded = |ns: i64| (i128::from(ns) + unit / 2).div_euclid(unit);
        terms.iter().map(|t| rounded(*t)).sum::<i128>() == rounded(sum)
    };
    [(3, 1_000_000), (6, 1_000)].into_iter().find(|(_, unit)| adds_up(*unit)).map_or(9, |(places, _)| places)
}

impl FailoverTime {
    /// The time of four phases; `None` when bounds are inside out, a phase surely stops before it starts, or a number overflows.
    #[must_use]
    pub fn of(times: &[Timed; 4]) -> Option<Self> {
        let mut phases = [Bounds { lo: 0, hi: 0 }; 4];
        let mut sum = Bounds { lo: 0, hi: 0 };
        for (phase, timed) in phases.iter_mut().zip(times) {
            if timed.start.lo > timed.start.hi || timed.stop.lo > timed.stop.hi {
                return None;
            }
            let length = minus(timed.stop, timed.start)?;
            if length.hi < 0 {
                return None;
            }
            *phase = Bounds { lo: length.lo.max(0), hi: length.hi };
            sum = Bounds { lo: sum.lo.checked_add(phase.lo)?, hi: sum.hi.checked_add(phase.hi)? };
        }
        let span = minus(times[3].stop, times[0].start)?;
        let mut gaps = [Bounds { lo: 0, hi: 0 }; 3];
        let mut contiguous = true;
        for (gap, pair) in gaps.iter_mut().zip(times.windows(2)) {
            if pair[0].stop != pair[1].start {
                contiguous = false;
                *gap = minus(pair[1].start, pair[0].stop)?;
            }
        }
        Some(Self { phases, sum, span: Bounds { lo: span.lo.max(0), hi: span.hi }, contiguous, gaps })
    }

    /// The bounds that are judged. Contiguous phases share their instants, so sum and span are the same length and the tighter
    /// bounds of both hold. Otherwise the span holds what the phases leave out, so the wider bounds count.
    #[must_use]
    pub fn judged(&self) -> Bounds {
        let (a, b) = (self.sum, self.span);
        if self.contiguous {
            Bounds { lo: a.lo.max(b.lo), hi: a.hi.min(b.hi) }
        } else {
            Bounds { lo: a.lo.min(b.lo), hi: a.hi.max(b.hi) }
        }
    }

    /// How the upper end was found.
    #[must_use]
    pub fn method(&self) -> &'static str {
        match (self.contiguous, self.span.hi.cmp(&self.sum.hi)) {
            (_, std::cmp::Ordering::Equal) => "sum of the phases",
            (true, _) | (false, std::cmp::Ordering::Greater) => "first start to last stop",
            (false, std::cmp::Ordering::Less) => "sum of the phases",
        }
    }

    /// What gaps and overlaps surely add up to, and what they add up to at most.
    #[must_use]
    pub fn remainder(&self) -> Bounds {
        self.gaps.iter().fold(Bounds { lo: 0, hi: 0 }, |sum, gap| {
            let least = gap.lo.max(gap.hi.saturating_neg()).max(0);
            let most = gap.lo.saturating_abs().max(gap.hi.saturating_abs());
            Bounds { lo: sum.lo.saturating_add(least), hi: sum.hi.saturating_add(most) }
        })
    }

    /// The failover time with the upper ends put in.
    #[must_use]
    pub fn figure(&self, sources: Vec<SourceRef>) -> Figure {
        let places = places(&self.phases.map(|p| p.hi), self.sum.hi);
        let text = |ns: i64| decimal(ns, places);
        let judged = self.judged().hi;
        let mut substitution = format!("{} = {}", self.phases.map(|p| text(p.hi)).join(" + "), text(self.sum.hi));
        if judged != self.sum.hi {
            substitution = format!("{substitution} at most; first start to last stop: {}", text(judged));
        }
        Figure {
            id: "failover-time".into(),
            symbol: "T_failover".into(),
            formula: format!("T_failover = {}", SYMBOLS.join(" + ")),
            substitution,
            value: seconds(judged),
            unit: "s".into(),
            sources,
        }
    }

    /// What the phases do not explain: |first start to last stop − their sum|, summed over gaps and overlaps.
    #[must_use]
    pub fn remainder_figure(&self) -> Figure {
        let Bounds { lo, hi } = self.remainder();
        let text = |gap: &Bounds| {
            if gap.lo == gap.hi { seconds(gap.lo) } else { format!("[{}, {}]", seconds(gap.lo), seconds(gap.hi)) }
        };
        let terms: Vec<String> = self.gaps.iter().map(|gap| format!("|{}|", text(gap))).collect();
        let total = if lo == hi { seconds(lo) } else { format!("{} to {}", seconds(lo), seconds(hi)) };
        Figure {
            id: "unexplained-remainder".into(),
            symbol: "T_rest".into(),
            formula: "T_rest = Σ |start of a phase − stop of the one before|".into(),
            substitution: format!("{} = {total}", terms.join(" + ")),
            value: seconds(lo),
            unit: "s".into(),
            sources: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;

    fn at(lo: i64, hi: i64) -> Bounds {
        Bounds { lo: lo * MS, hi: hi * MS }
    }

    fn chain(instants: &[(i64, i64); 5]) -> [Timed; 4] {
        std::array::from_fn(|i| Timed { start: at(instants[i].0, instants[i].1), stop: at(instants[i + 1].0, instants[i + 1].1) })
    }

    #[test]
    fn worked_numbers() {
        let time = FailoverTime::of(&chain(&[(0, 0), (1200, 1200), (1650, 1650), (2000, 2000), (2600, 2600)])).unwrap();
        let figure = time.figure(Vec::new());
        assert_eq!(figure.formula, "T_failover = T_detect + T_elect + T_fence + T_catchup");
        assert_eq!(figure.substitution, "1.200 + 0.450 + 0.350 + 0.600 = 2.600");
        assert_eq!((figure.value.as_str(), time.method()), ("2.600", "sum of the phases"));
        assert_eq!(time.remainder(), at(0, 0));
    }

    #[test]
    fn shared_bounds_tighten_the_upper_end() {
        let time = FailoverTime::of(&chain(&[(0, 10), (1200, 1300), (1650, 1700), (2000, 2100), (2600, 2700)])).unwrap();
        assert_eq!(time.sum.hi, 2950 * MS);
        assert_eq!(time.judged(), at(2590, 2700));
        assert_eq!(time.method(), "first start to last stop");
        assert!(time.figure(Vec::new()).substitution.ends_with("= 2.950 at most; first start to last stop: 2.700"));
    }

    #[test]
    fn printed_terms_add_up() {
        let terms = [934_600_000, 118_600_000, 58_600_000, 600_000];
        assert_eq!(places(&terms, terms.iter().sum()), 6);
        assert_eq!(places(&[1_000_000, 2_000_000], 3_000_000), 3);
        assert_eq!(places(&[500_500, 500_500], 1_001_000), 9);
    }

    #[test]
    fn gaps_and_overlaps_never_shorten() {
        let mut times = chain(&[(0, 0), (1000, 1000), (2000, 2000), (3000, 3000), (4000, 4000)]);
        times[1].start = at(1500, 1500);
        times[2].start = at(1900, 1900);
        let time = FailoverTime::of(&times).unwrap();
        assert!(!time.contiguous);
        assert_eq!((time.sum.hi, time.span.hi), (3600 * MS, 4000 * MS));
        assert_eq!(time.judged(), at(3600, 4000));
        assert_eq!(time.remainder(), at(600, 600));
        times[1].start = at(900, 1600);
        assert_eq!(FailoverTime::of(&times).unwrap().remainder(), at(100, 700));
    }

    #[test]
    fn nonsense_gives_nothing() {
        let mut times = chain(&[(0, 0), (1, 1), (2, 2), (3, 3), (4, 4)]);
        times[2].stop = at(1, 1);
        assert_eq!(FailoverTime::of(&times), None);
        times[2].stop = at(4, 3);
        assert_eq!(FailoverTime::of(&times), None);
        times[0].start = Bounds { lo: i64::MIN + 1, hi: i64::MIN + 1 };
        times[2].stop = at(3, 3);
        times[3].stop = Bounds { lo: i64::MAX, hi: i64::MAX };
        assert_eq!(FailoverTime::of(&times), None);
    }
}
