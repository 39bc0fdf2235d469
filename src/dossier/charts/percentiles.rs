//! Percentiles of latency against 1/(1−q), with the bounds that order statistics give.

use crate::contract::{Contract, LatencyScope};
use crate::evidence::kinds::{Injection, Operation};
use crate::evidence::symbol::Sym;
use crate::evidence::{Evidence, Rows};
use crate::exact::Ratio;
use crate::figure::percentile::ranks;
use crate::judge::latency::{Class, Strike, Timed, Windows, gather, recovery_windows};
use serde::Serialize;

/// Percentiles in one test.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PercentileChart {
    /// The test.
    pub test: String,
    /// One a class and scope: those that the objective speaks of first.
    pub curves: Vec<Curve>,
    /// The one-sided confidence of each bound, in per cent.
    pub confidence: String,
    /// Objectives of p99 by class, in ns.
    pub objectives: Vec<(String, i64)>,
}

/// The percentiles of one class of operations.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Curve {
    /// `read` or `write`.
    pub class: &'static str,
    /// `whole run` or `outside recovery`.
    pub scope: &'static str,
    /// Whether the objective is about these operations.
    pub judged: bool,
    /// How many operations there are.
    pub n: u64,
    /// The quantiles, by rising 1/(1−q).
    pub quantiles: Vec<Quantile>,
    /// The greatest latency, in ns.
    pub worst: i64,
    /// Whether the slowest never returned, so that it took at least that long.
    pub endless: bool,
}

/// One quantile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Quantile {
    /// 1/(1−q), a whole number: 100 for p99.
    pub tail: u64,
    /// The quantile of the sample by nearest rank, in ns; absent when that operation never returned.
    pub value: Option<i64>,
    /// Its lower bound, in ns; absent when the sample is too small.
    pub lower: Option<i64>,
    /// Its upper bound, in ns; absent when the sample is too small, or the operation at that rank never returned.
    pub upper: Option<i64>,
}

/// Steps of 1/(1−q) in a decade from 10 on; below 10 all whole numbers from 2.
const STEPS: [u64; 10] = [10, 12, 15, 20, 25, 30, 40, 50, 60, 80];

/// The percentile plot of a test; none when its history is on several clocks.
pub(super) fn of(contract: &Contract, evidence: &Evidence, test: &str) -> Option<PercentileChart> {
    let rows = evidence.rows::<Operation>(test).ok()?;
    rows.clock()?;
    let confidence = contract.objectives.confidence;
    let outside = contract.objectives.latency_scope == LatencyScope::OutsideRecovery;
    let windows = if outside { windows(contract, evidence, test, &rows) } else { Windows::default() };
    let mut curves = Vec::new();
    for class in [Class::Write, Class::Read] {
        let found = gather(&rows, class, |start, stop, _| windows.touch(start, stop));
        let whole: Vec<Timed> = found.inside.iter().chain(&found.outside).copied().collect();
        if outside && !found.inside.is_empty() {
            curves.extend(curve(class, ("outside recovery", true), &found.outside, confidence));
            curves.extend(curve(class, ("whole run", false), &whole, confidence));
        } else {
            curves.extend(curve(class, ("whole run", true), &whole, confidence));
        }
    }
    curves.sort_by_key(|c| !c.judged);
    let objectives = [("write", contract.objectives.write_p99), ("read", contract.objectives.read_p99)];
    (!curves.is_empty()).then(|| PercentileChart {
        test: test.to_string(),
        curves,
        confidence: confidence.mul(Ratio::int(100)).unwrap_or(Ratio::ZERO).to_string(),
        objectives: objectives.into_iter().filter_map(|(class, o)| Some((class.to_string(), o?.value))).collect(),
    })
}

/// The recoveries of a test, where faults and history are on one clock; as the gates take them.
fn windows(contract: &Contract, evidence: &Evidence, test: &str, rows: &Rows<'_, Operation>) -> Windows {
    if !evidence.binds(test, "faults") {
        return Windows::default();
    }
    let (Some(recovery), Ok(faults)) = (contract.objectives.recovery, evidence.rows::<Injection>(test)) else {
        return Windows::default();
    };
    if faults.clock() != rows.clock() {
        return Windows::default();
    }
    let cluster = &contract.cluster;
    let spare = usize::try_from(cluster.size().saturating_sub(cluster.write_quorum())).unwrap_or(usize::MAX);
    let member = |target: &Sym| cluster.members.iter().any(|m| m == evidence.text(*target));
    let strike = |f: Injection| Strike {
        from: f.start_lo.0,
        until: f.start_hi.0,
        stop: f.stop_hi.map(|s| s.0),
        members: evidence.symbols.list(f.targets).iter().copied().filter(member).collect(),
    };
    let strikes: Vec<Strike> = faults.iter().map(|(_, f)| strike(f)).collect();
    recovery_windows(&strikes, recovery.value, spare)
}

/// Sorted latencies: of operations that returned, and of all with open ones as long as they took at least.
struct Sorted {
    returned: Vec<i64>,
    all: Vec<i64>,
}

impl Sorted {
    fn new(sample: &[Timed]) -> Self {
        let mut all: Vec<i64> = sample.iter().map(|t| t.ns).collect();
        all.sort_unstable();
        if sample.iter().all(|t| !t.open) {
            return Self { returned: all.clone(), all };
        }
        let mut returned: Vec<i64> = sample.iter().filter(|t| !t.open).map(|t| t.ns).collect();
        returned.sort_unstable();
        Self { returned, all }
    }

    fn rank(list: &[i64], rank: u64) -> Option<i64> {
        list.get(usize::try_from(rank).ok()?.checked_sub(1)?).copied()
    }
}

fn curve(class: Class, (scope, judged): (&'static str, bool), sample: &[Timed], confidence: Ratio) -> Option<Curve> {
    let n = sample.len() as u64;
    let sorted = Sorted::new(sample);
    let worst = *sorted.all.last()?;
    let endless = sorted.returned.len() < sorted.all.len();
    let quantiles = tails(n).into_iter().filter_map(|tail| quantile(&sorted, tail, confidence)).collect();
    Some(Curve { class: class.word(), scope, judged, n, quantiles, worst, endless })
}

/// The values of 1/(1−q) that a sample of n can tell apart from its greatest.
fn tails(n: u64) -> Vec<u64> {
    let mut tails: Vec<u64> = (2..10).collect();
    let mut decade = 1u64;
    while decade <= n && decade <= 100_000_000 {
        tails.extend(STEPS.map(|s| s * decade));
        decade *= 10;
    }
    tails.retain(|&t| t <= n);
    tails
}

/// The quantile q = 1 − 1/tail; open operations count as endless, and in the lower bound with the time they took at least.
fn quantile(sorted: &Sorted, tail: u64, confidence: Ratio) -> Option<Quantile> {
    let q = Ratio::new(i128::from(tail) - 1, i128::from(tail))?;
    let ranks = ranks(q, sorted.all.len() as u64, confidence);
    Some(Quantile {
        tail,
        value: Sorted::rank(&sorted.returned, ranks.nearest),
        lower: ranks.lower.and_then(|r| Sorted::rank(&sorted.all, r)),
        upper: ranks.upper.and_then(|r| Sorted::rank(&sorted.returned, r)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::RowId;

    fn sample(n: i64) -> Vec<Timed> {
        (1..=n).map(|ns| Timed { ns, open: false, id: RowId::default() }).collect()
    }

    fn confidence() -> Ratio {
        Ratio::new(95, 100).unwrap()
    }

    #[test]
    fn p99_is_where_one_over_one_minus_q_is_a_hundred() {
        let curve = curve(Class::Read, ("whole run", true), &sample(1_000), confidence()).unwrap();
        let p99 = curve.quantiles.iter().find(|q| q.tail == 100).unwrap();
        assert_eq!(p99.value, Some(990));
        assert!(p99.lower < p99.value && p99.value < p99.upper, "{p99:?}");
        assert_eq!((curve.worst, curve.endless, curve.quantiles.last().unwrap().tail), (1_000, false, 1_000));
    }

    #[test]
    fn small_samples_have_no_upper_bound_and_endless_ones_no_value() {
        let few = curve(Class::Read, ("whole run", true), &sample(298), confidence()).unwrap();
        assert_eq!(few.quantiles.iter().find(|q| q.tail == 100).unwrap().upper, None);
        let mut open = sample(200);
        open.extend((0..10).map(|i| Timed { ns: 50 + i, open: true, id: RowId::default() }));
        let open = curve(Class::Write, ("whole run", true), &open, confidence()).unwrap();
        assert!(open.endless);
        assert_eq!(open.quantiles.iter().find(|q| q.tail == 100).unwrap().value, None);
        assert!(curve(Class::Write, ("whole run", true), &[], confidence()).is_none());
    }
}
