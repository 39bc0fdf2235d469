//! The binomial distribution by sums, and the exact (Clopper–Pearson) interval of a share.
//!
//! In: a number of trials, a share, a count. Out: tail probabilities, and the bounds of a share. P(X ≥ k) of a binomial is the regularised
//! incomplete beta I_q(k, n − k + 1); the bounds are found by bisecting it, not by an inverse beta (that of the public `statrs` crate is wrong
//! in the lower tail). It is summed from weights relative to the mode, with `+ − × ÷` alone, which give the same bits on every machine.
//! Assumes trials that are alike and independent. Refuses to know what a success is.

use crate::exact::Ratio;
use crate::verdict::{Figure, SourceRef};

/// Weights below this share of the greatest one cannot matter.
const NEGLIGIBLE: f64 = 1e-25;
/// Halvings after which a bisection between two doubles has ended.
const HALVINGS: usize = 200;

/// A digit beyond the last that is printed does not turn on rounding of the sums below this share of it.
const TIE: f64 = 1e-3;

/// The double nearest to a ratio.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "shares have few digits; no rank or printed digit turns on the last bit")]
pub(super) fn float(ratio: Ratio) -> f64 {
    ratio.num() as f64 / ratio.den() as f64
}

/// P(X ≤ k) and P(X ≥ k) of a binomial X for every k that carries weight.
pub(super) struct Sums {
    /// The least k that carries weight.
    pub first: u64,
    /// P(X ≤ k) from `first` on.
    pub up: Vec<f64>,
    /// P(X ≥ k) from `first` on.
    pub down: Vec<f64>,
}

impl Sums {
    /// The sums for n trials of share q, 0 < q < 1.
    pub fn new(n: u64, q: f64) -> Self {
        let (first, weights) = weights(n, q);
        let up = cumulated(weights.iter());
        let mut down = cumulated(weights.iter().rev());
        down.reverse();
        let total = up.last().copied().unwrap_or(1.0);
        let share = |sums: Vec<f64>| sums.into_iter().map(|s| s / total).collect();
        Self { first, up: share(up), down: share(down) }
    }
}

/// The weights of all counts that matter, relative to the mode's, and the least such count.
#[expect(clippy::cast_precision_loss, reason = "counts below 2^53 are exact")]
fn weights(n: u64, q: f64) -> (u64, Vec<f64>) {
    let odds = q / (1.0 - q);
    let (nf, mode) = (n as f64, mode(n, q));
    let mut above = Vec::new();
    let (mut k, mut weight) = (mode, 1.0f64);
    while k < n && weight > NEGLIGIBLE {
        weight *= (nf - k as f64) / (k as f64 + 1.0) * odds;
        k += 1;
        above.push(weight);
    }
    let mut weights = Vec::new();
    (k, weight) = (mode, 1.0);
    while k > 0 && weight > NEGLIGIBLE {
        weight *= k as f64 / (nf - k as f64 + 1.0) / odds;
        k -= 1;
        weights.push(weight);
    }
    let first = k;
    weights.reverse();
    weights.push(1.0);
    weights.extend(above);
    (first, weights)
}

fn cumulated<'a>(weights: impl Iterator<Item = &'a f64>) -> Vec<f64> {
    weights
        .scan(0.0, |sum, weight| {
            *sum += weight;
            Some(*sum)
        })
        .collect()
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "any k near the mode will do"
)]
fn mode(n: u64, q: f64) -> u64 {
    (((n as f64 + 1.0) * q) as u64).min(n)
}

/// P(X ≤ k), and P(X ≥ k), each summed from its own end.
fn tails(n: u64, q: f64, k: u64) -> (f64, f64) {
    let (first, weights) = weights(n, q);
    let at = |k: u64| usize::try_from(k).unwrap_or(usize::MAX).min(weights.len());
    let split = at((k + 1).saturating_sub(first));
    let (below, above): (f64, f64) = (weights[..split].iter().sum(), weights[split..].iter().rev().sum());
    let own = if k >= first { weights.get(at(k - first)).copied().unwrap_or(0.0) } else { 0.0 };
    let total = below + above;
    (below / total, (above + own) / total)
}

/// The bounds of a share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval {
    /// Not above it at the confidence; rounded down.
    pub lower: Ratio,
    /// Not below it at the confidence; rounded up.
    pub upper: Ratio,
}

/// The exact bounds of the share behind `k` of `n`, each of them one-sided at `confidence`: together an interval at 2·confidence − 1.
/// `None` without trials, with more successes than trials, or a confidence outside of 0 to 1.
#[must_use]
pub fn bounds(k: u64, n: u64, confidence: Ratio) -> Option<Interval> {
    let miss = float(Ratio::ONE.sub(confidence)?);
    if n == 0 || k > n || !(miss > 0.0 && miss < 1.0) {
        return None;
    }
    let lower = if k == 0 { Ratio::ZERO } else { rounded(bisect(|q| tails(n, q, k).1 < miss), false)? };
    let upper = if k == n { Ratio::ONE } else { rounded(bisect(|q| tails(n, q, k).0 > miss), true)? };
    Some(Interval { lower, upper })
}

/// The share at which `low` turns from true to false.
fn bisect(low: impl Fn(f64) -> bool) -> f64 {
    let (mut from, mut to) = (0.0, 1.0);
    for _ in 0..HALVINGS {
        let middle = from + (to - from) / 2.0;
        if middle <= from || middle >= to {
            break;
        }
        if low(middle) { from = middle } else { to = middle }
    }
    from
}

/// A share from 0 to 1 with nine digits that count, rounded up or down, so that rounding never favours a claim.
pub(super) fn rounded(share: f64, up: bool) -> Option<Ratio> {
    if share <= 0.0 {
        return Some(Ratio::ZERO);
    }
    let (mut scaled, mut places) = (share, 0u32);
    while scaled < 1e8 && places < 28 {
        scaled *= 10.0;
        places += 1;
    }
    let whole = if up { (scaled - TIE).ceil() } else { (scaled + TIE).floor() };
    #[expect(clippy::cast_possible_truncation, reason = "lies between 0 and 10^9")]
    let ratio = Ratio::new(whole as i128, 10i128.checked_pow(places)?)?;
    Some(ratio.min(Ratio::ONE))
}

/// A share in per cent with four places, `0.0` kept short.
fn percent(share: Ratio) -> String {
    share.mul(Ratio::int(100)).unwrap_or(Ratio::ZERO).decimal(4)
}

/// The figure of `k` of `n` with its exact interval, in per cent. `confidence` is that of each bound.
#[must_use]
pub fn interval_figure(name: &str, (k, n): (u64, u64), confidence: Ratio, sources: Vec<SourceRef>) -> Option<Figure> {
    let Interval { lower, upper } = bounds(k, n, confidence)?;
    let share = Ratio::new(i128::from(k), i128::from(n))?;
    let both = Ratio::int(2).mul(confidence)?.sub(Ratio::ONE)?;
    Some(Figure {
        id: format!("share-{name}"),
        symbol: "k/n".into(),
        formula: format!(
            "k/n with its exact (Clopper–Pearson) interval: P(X ≥ k | p_L) = P(X ≤ k | p_U) = {}, two-sided {} %",
            Ratio::ONE.sub(confidence)?,
            both.mul(Ratio::int(100))?
        ),
        substitution: format!("{name}: {k}/{n}; from {} % to {} %", percent(lower), percent(upper)),
        value: percent(share),
        unit: "%".into(),
        sources,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::confidence::zero_failure_bound;
    use statrs::function::beta::beta_reg;

    fn r(text: &str) -> Ratio {
        Ratio::parse(text).unwrap()
    }

    /// Two-sided 95 % limits as published in tables of the binomial distribution, to four places.
    #[test]
    fn published_tables() {
        let table = [
            (0, 10, "0.0000", "0.3085"),
            (1, 10, "0.0025", "0.4450"),
            (2, 10, "0.0252", "0.5561"),
            (5, 10, "0.1871", "0.8129"),
            (10, 10, "0.6915", "1.0000"),
            (1, 20, "0.0013", "0.2487"),
            (8, 250, "0.0139", "0.0621"),
            (10, 100, "0.0490", "0.1762"),
            (50, 100, "0.3983", "0.6017"),
        ];
        for (k, n, lower, upper) in table {
            let got = bounds(k, n, r("0.975")).unwrap();
            assert_eq!((got.lower.decimal(4), got.upper.decimal(4)), (lower.into(), upper.into()), "{k} of {n}");
        }
    }

    #[test]
    fn the_incomplete_beta_agrees() {
        for (k, n) in [(1u64, 1u64), (1, 2), (3, 7), (8, 250), (17, 250), (1, 1_000_000), (990, 1000), (40, 1_000_000_000)] {
            for confidence in ["0.9", "0.95", "0.975", "0.995"] {
                let (got, miss) = (bounds(k, n, r(confidence)).unwrap(), 1.0 - float(r(confidence)));
                #[expect(clippy::cast_precision_loss, reason = "small")]
                let (kf, nf) = (k as f64, n as f64);
                let at_least = beta_reg(kf, nf - kf + 1.0, float(got.lower));
                assert!((at_least / miss - 1.0).abs() < 2e-5, "{k} of {n}: lower {at_least}");
                if k < n {
                    let at_most = 1.0 - beta_reg(kf + 1.0, nf - kf, float(got.upper));
                    assert!((at_most / miss - 1.0).abs() < 2e-5, "{k} of {n}: upper {at_most}");
                }
            }
        }
    }

    #[test]
    fn no_success_gives_the_zero_failure_bound() {
        for n in [1u64, 2, 10, 299, 1500, 1_000_000, 1_000_000_000] {
            let (sums, closed) = (bounds(0, n, r("0.95")).unwrap().upper, zero_failure_bound(n, r("0.95")).unwrap());
            assert!((float(sums) / float(closed) - 1.0).abs() < 3e-9, "{n}: {sums} {closed}");
            assert_eq!(bounds(0, n, r("0.95")).unwrap().lower, Ratio::ZERO);
        }
        assert_eq!(zero_failure_bound(1_000_000_000, r("0.95")), Some(r("2.99573227e-9")));
    }

    #[test]
    fn nonsense_gives_nothing() {
        assert_eq!((bounds(0, 0, r("0.95")), bounds(2, 1, r("0.95")), bounds(1, 2, r("1"))), (None, None, None));
        assert_eq!(bounds(1, 1, r("0.95")).unwrap().upper, Ratio::ONE);
    }

    #[test]
    fn the_figure_says_which_interval() {
        let figure = interval_figure("baseline at 5 %", (8, 250), r("0.975"), vec![]).unwrap();
        assert_eq!((figure.value.as_str(), figure.unit.as_str()), ("3.2000", "%"));
        assert_eq!(figure.substitution, "baseline at 5 %: 8/250; from 1.3915 % to 6.2077 %");
        assert!(figure.formula.ends_with("= 0.025, two-sided 95 %"), "{}", figure.formula);
    }
}
