//! Availability, time to repair, nines, and triple redundancy.
//!
//! In: lengths in ns and probabilities. Out: exact figures. Injected faults come when the test wants them, so they tell the mean time to
//! repair and never the mean time between failures: MTBF must come from operation. Refuses to know who measured.

use crate::exact::{Ratio, seconds};
use crate::verdict::{Figure, SourceRef};
use crate::words::plural;

/// MTTR: the mean of repair times, in ns; `None` without any.
#[must_use]
pub fn mean_time_to_repair(repairs_ns: &[i64]) -> Option<Ratio> {
    let sum = repairs_ns.iter().map(|&ns| i128::from(ns)).sum();
    Ratio::new(sum, i128::try_from(repairs_ns.len()).ok()?)
}

/// A = MTBF / (MTBF + MTTR); `None` when both are zero.
#[must_use]
pub fn availability(mtbf: Ratio, mttr: Ratio) -> Option<Ratio> {
    mtbf.div(mtbf.add(mttr)?)
}

/// How many nines an availability begins with: 3 for 0.9994; `None` for 1 and above, which has no end of them.
#[must_use]
pub fn nines(availability: Ratio) -> Option<u32> {
    let mut missing = Ratio::ONE.sub(availability)?;
    if missing <= Ratio::ZERO {
        return None;
    }
    let mut count = 0;
    loop {
        missing = missing.mul(Ratio::int(10))?;
        if missing > Ratio::ONE {
            return Some(count);
        }
        count += 1;
    }
}

/// R = 3r² − 2r³: the reliability of a majority of three units of reliability r.
#[must_use]
pub fn triple_redundancy(r: Ratio) -> Option<Ratio> {
    let square = r.mul(r)?;
    Ratio::int(3).mul(square)?.sub(Ratio::int(2).mul(square)?.mul(r)?)
}

/// The figure of MTTR over injected faults, in seconds.
#[must_use]
pub fn mttr_figure(repairs_ns: &[i64], sources: Vec<SourceRef>) -> Option<Figure> {
    let mean = mean_time_to_repair(repairs_ns)?.div(Ratio::int(1_000_000_000))?;
    let shown: Vec<String> = repairs_ns.iter().take(5).map(|&ns| seconds(ns)).collect();
    let more = if repairs_ns.len() > 5 { " + …" } else { "" };
    Some(Figure {
        id: "mttr".into(),
        symbol: "MTTR".into(),
        formula: "Σ repair / n over injected faults (MTBF cannot be told from injected faults)".into(),
        substitution: format!("({}{more}) / {}", shown.join(" + "), repairs_ns.len()),
        value: mean.decimal(3),
        unit: "s".into(),
        sources,
    })
}

/// The figure of availability from a mean time between failures in operation and the repair times of injected faults, both in ns.
#[must_use]
pub fn availability_figure(mtbf_ns: i64, repairs_ns: &[i64], sources: Vec<SourceRef>) -> Option<Figure> {
    let mttr = mean_time_to_repair(repairs_ns)?;
    let value = availability(Ratio::int(mtbf_ns), mttr)?;
    let count = nines(value).map_or(String::new(), |n| format!("; {}", plural(n, "nine", "nines")));
    let shown = |ns: Ratio| ns.div(Ratio::int(1_000_000_000)).map_or(String::new(), |s| s.decimal(3));
    let (up, down) = (shown(Ratio::int(mtbf_ns)), shown(mttr));
    Some(Figure {
        id: "availability".into(),
        symbol: "A".into(),
        formula: "MTBF / (MTBF + MTTR); MTBF as declared from operation, MTTR from injected faults".into(),
        substitution: format!("{up} / ({up} + {down}){count}"),
        value: value.decimal(9),
        unit: String::new(),
        sources,
    })
}

/// The figure of triple redundancy.
#[must_use]
pub fn triple_redundancy_figure(r: Ratio) -> Option<Figure> {
    Some(Figure {
        id: "triple-redundancy".into(),
        symbol: "R".into(),
        formula: "3r² − 2r³".into(),
        substitution: format!("3 · {r}² − 2 · {r}³"),
        value: triple_redundancy(r)?.to_string(),
        unit: String::new(),
        sources: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn r(text: &str) -> Ratio {
        Ratio::parse(text).unwrap()
    }

    #[test]
    fn repair_and_availability() {
        assert_eq!(mean_time_to_repair(&[2, 3]), Ratio::new(5, 2));
        assert_eq!(mean_time_to_repair(&[]), None);
        assert_eq!(availability(r("999"), r("1")), Some(r("0.999")));
        assert_eq!(availability(Ratio::ZERO, Ratio::ZERO), None);
        let figure = mttr_figure(&[2_600_000_000, 1_400_000_000], vec![]).unwrap();
        assert_eq!((figure.substitution.as_str(), figure.value.as_str()), ("(2.600 + 1.400) / 2", "2.000"));
    }

    #[test]
    fn availability_says_where_its_numbers_come_from() {
        let figure = availability_figure(30 * 86_400 * 1_000_000_000, &[2_600_000_000], vec![]).unwrap();
        assert_eq!(
            (figure.value.as_str(), figure.substitution.as_str()),
            ("0.999998997", "2592000.000 / (2592000.000 + 2.600); 5 nines")
        );
        assert_eq!(availability_figure(1, &[], vec![]), None);
    }

    #[test]
    fn nines_are_counted_exactly() {
        let cases = [("0.9", 1), ("0.999", 3), ("0.9994", 3), ("0.89", 0), ("0", 0), ("0.99999", 5)];
        for (text, count) in cases {
            assert_eq!(nines(r(text)), Some(count), "{text}");
        }
        assert_eq!(nines(Ratio::ONE), None);
    }

    #[test]
    fn a_majority_of_three() {
        assert_eq!(triple_redundancy(r("0.9")), Some(r("0.972")));
        assert_eq!(triple_redundancy(r("0.5")), Some(r("0.5")));
        assert_eq!(triple_redundancy_figure(r("0.9")).unwrap().value, "0.972");
    }
}
