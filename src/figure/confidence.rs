//! What zero failures prove.
//!
//! In: a number of independent runs or faults (never operations) and a confidence. Out: the upper bound of the failure probability, and the
//! runs that a wanted bound asks for. Refuses to know what a failure is.

use super::binomial::{float, rounded};
use super::series::{exp_m1, ln};
use crate::exact::Ratio;
use crate::verdict::{Figure, SourceRef};

/// p_U = 1 − α^(1/n) after n runs without a failure, as −expm1(ln α / n) with α = 1 − confidence; one-sided, nine digits, rounded up. `None`
/// without runs.
#[must_use]
pub fn zero_failure_bound(n: u64, confidence: Ratio) -> Option<Ratio> {
    let alpha = float(Ratio::ONE.sub(confidence)?);
    if n == 0 || !(alpha > 0.0 && alpha < 1.0) {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "counts below 2^53 are exact")]
    let bound = -exp_m1(ln(alpha) / n as f64);
    rounded(bound, true)
}

/// The least n whose bound is not above `wanted`; `None` when no number below 10^12 is enough.
#[must_use]
pub fn runs_for(wanted: Ratio, confidence: Ratio) -> Option<u64> {
    let fits = |n: u64| zero_failure_bound(n, confidence).is_some_and(|b| b <= wanted);
    let (mut low, mut high) = (0u64, 1u64);
    while !fits(high) {
        low = high;
        high = high.checked_mul(2).filter(|&h| h < 1_000_000_000_000)?;
    }
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if fits(middle) { high = middle } else { low = middle }
    }
    Some(high)
}

/// A share in per cent: four places, or as many as it takes to show four digits of a small one.
#[must_use]
pub fn percent(share: Ratio) -> Option<String> {
    let percent = share.mul(Ratio::int(100))?;
    let mut places = 4;
    let mut step = Ratio::new(1, 10)?;
    while percent > Ratio::ZERO && percent < step && places < 18 {
        step = step.div(Ratio::int(10))?;
        places += 1;
    }
    Some(percent.decimal(places))
}

/// The figure of the zero-failure bound, in per cent.
#[must_use]
pub fn zero_failure_figure(n: u64, confidence: Ratio, sources: Vec<SourceRef>) -> Option<Figure> {
    let bound = zero_failure_bound(n, confidence)?;
    let alpha = Ratio::ONE.sub(confidence)?;
    Some(Figure {
        id: "zero-failure-bound".into(),
        symbol: "p_U".into(),
        formula: "1 − α^(1/n), one-sided".into(),
        substitution: format!("1 − {alpha}^(1/{n})"),
        value: percent(bound)?,
        unit: "%".into(),
        sources,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worked_numbers() {
        let confidence = Ratio::parse("0.95").unwrap();
        let figure = zero_failure_figure(1500, confidence, vec![]).unwrap();
        assert_eq!((figure.value.as_str(), figure.substitution.as_str()), ("0.1995", "1 − 0.05^(1/1500)"));
        assert_eq!(percent(Ratio::parse("0.0000000029957323").unwrap()).unwrap(), "0.0000002996");
        assert_eq!(zero_failure_bound(0, confidence), None);
        assert_eq!(zero_failure_bound(1, confidence), Ratio::parse("0.95"));
        assert_eq!(runs_for(Ratio::parse("0.01").unwrap(), confidence), Some(299));
        assert_eq!(runs_for(Ratio::ZERO, confidence), None);
    }
}
