//! Percentiles with confidence bounds from order statistics.
//!
//! In: a sample, a share q and a one-sided confidence. Out: the nearest-rank percentile, the ranks of its bounds, and the fewest
//! observations that allow a bound at all. Assumes that observations are alike and independent. Refuses to know what they measure,
//! and never averages percentiles.
//!
//! Ranks are found on the sums of the binomial distribution, not on an inverse Beta (that of the public `statrs` crate is wrong in the
//! lower tail). The sums use only `+ − × ÷`, which give the same bits on every machine; `ln` and `exp` would not.

use super::binomial::{Sums, float};
use crate::exact::Ratio;

/// A probability nearer to the wanted confidence than this counts as having reached it, so that a tie does not turn on rounding.
const TIE: f64 = 1e-9;
/// No sample that is asked for is larger than this.
const MOST_NEEDED: u64 = 10_000_000;

/// The definition that is printed beside every percentile.
pub const DEFINITION: &str = "nearest rank: x_(⌈q·n⌉) of the sorted sample";

/// A percentile as it was computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ranks {
    /// How many observations there are.
    pub n: u64,
    /// ⌈q·n⌉, from 1.
    pub nearest: u64,
    /// The rank of the upper bound; `None` when the sample is too small for one.
    pub upper: Option<u64>,
    /// The rank of the lower bound; `None` when the sample is too small for one.
    pub lower: Option<u64>,
}

/// `p99` for 0.99, `p99.9` for 0.999.
#[must_use]
pub fn name(q: Ratio) -> String {
    format!("p{}", q.mul(Ratio::int(100)).unwrap_or(Ratio::ZERO))
}

/// ⌈q·n⌉, at least 1 and at most n.
#[must_use]
pub fn nearest_rank(q: Ratio, n: u64) -> u64 {
    let n_exact = i64::try_from(n).map_or(Ratio::ZERO, Ratio::int);
    let product = q.mul(n_exact).unwrap_or(Ratio::ZERO);
    let ceiling = -Ratio::new(-product.num(), product.den()).unwrap_or(Ratio::ZERO).floor();
    u64::try_from(ceiling).unwrap_or(0).clamp(1, n.max(1))
}

/// The fewest observations whose greatest is an upper bound: the least n with 1 − qⁿ ≥ confidence.
#[must_use]
pub fn needed(q: Ratio, confidence: Ratio) -> Option<u64> {
    let (q, miss) = (float(q), 1.0 - float(confidence) + TIE);
    let mut below = 1.0;
    for n in 1..=MOST_NEEDED {
        below *= q;
        if below <= miss {
            return Some(n);
        }
    }
    None
}

/// The ranks for a sample of `n`: nearest rank, and the bounds at a one-sided confidence.
///
/// The r-th smallest is an upper bound of the q-quantile when P(Bin(n, q) ≤ r − 1) ≥ confidence (the least such r is taken), and a lower
/// bound when P(Bin(n, q) ≥ r) ≥ confidence (the greatest such r is taken).
#[must_use]
pub fn ranks(q: Ratio, n: u64, confidence: Ratio) -> Ranks {
    let sums = Sums::new(n, float(q));
    let wanted = float(confidence) - TIE;
    let upper = sums.up.iter().position(|&p| p >= wanted).map(|i| sums.first + i as u64 + 1).filter(|&r| r <= n);
    let lower = sums.down.iter().rposition(|&p| p >= wanted).map(|i| sums.first + i as u64).filter(|&r| r >= 1 && r <= n);
    Ranks { n, nearest: nearest_rank(q, n), upper, lower }
}

#[cfg(test)]
mod tests {
    use super::*;
    use statrs::distribution::{Binomial, DiscreteCDF};

    fn r(text: &str) -> Ratio {
        Ratio::parse(text).unwrap()
    }

    #[test]
    fn worked_numbers() {
        assert_eq!(needed(r("0.99"), r("0.95")), Some(299));
        assert_eq!(needed(r("0.999"), r("0.95")), Some(2995));
        assert_eq!(ranks(r("0.99"), 298, r("0.95")).upper, None);
        assert_eq!(ranks(r("0.99"), 299, r("0.95")).upper, Some(299));
        assert_eq!(nearest_rank(r("0.99"), 100), 99);
        assert_eq!(nearest_rank(r("0.99"), 101), 100);
        assert_eq!(nearest_rank(r("0.99"), 1), 1);
        assert_eq!((name(r("0.99")), name(r("0.999"))), ("p99".into(), "p99.9".into()));
        assert_eq!(needed(r("0.5"), r("0.75")), Some(2), "a tie counts as reached");
    }

    #[test]
    fn ranks_agree_with_the_binomial_distribution() {
        for n in [1u64, 2, 7, 50, 299, 300, 473, 1000, 2995, 40_000, 3_000_000] {
            for (q, text) in [(0.5, "0.5"), (0.95, "0.95"), (0.99, "0.99"), (0.999, "0.999")] {
                let binomial = Binomial::new(q, n).unwrap();
                let got = ranks(r(text), n, r("0.95"));
                let reached = |k: u64| binomial.cdf(k) >= 0.95 - 1e-9;
                match got.upper {
                    Some(rank) => assert!(reached(rank - 1) && (rank == 1 || !reached(rank - 2)), "n {n} q {q}"),
                    None => assert!(!reached(n - 1), "n {n} q {q}"),
                }
                let at_least = |k: u64| if k == 0 { 1.0 } else { binomial.sf(k - 1) };
                match got.lower {
                    Some(rank) => {
                        assert!(at_least(rank) >= 0.95 - 1e-9, "n {n} q {q}");
                        assert!(rank == n || at_least(rank + 1) < 0.95 - 1e-9, "n {n} q {q}");
                    }
                    None => assert!(at_least(1) < 0.95 - 1e-9, "n {n} q {q}"),
                }
            }
        }
    }

    #[test]
    fn bounds_enclose_the_percentile() {
        for n in 1..400 {
            let got = ranks(r("0.9"), n, r("0.95"));
            assert!(got.upper.is_none_or(|u| u >= got.nearest) && got.lower.is_none_or(|l| l <= got.nearest), "n {n}");
        }
    }
}
