//! The rollback trigger: a comparison that must hold for a time, such as `> 2 for 5m`.

use crate::exact::Ratio;

/// How a sample is compared with the threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `>`
    Above,
    /// `>=`
    AtLeast,
    /// `<`
    Below,
    /// `<=`
    AtMost,
}

/// Fires when the comparison has held for the whole of `hold`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trigger {
    /// The comparison.
    pub comparison: Comparison,
    /// The threshold.
    pub threshold: Ratio,
    /// How long it must hold, in ns.
    pub hold: i64,
    /// As it was written.
    pub text: String,
}

impl Trigger {
    /// Reads `> 2 for 5m`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (condition, hold) = text.split_once(" for ")?;
        let condition = condition.trim();
        let at = condition.find(|c: char| c.is_ascii_digit() || c == '-' || c == '.')?;
        let comparison = match condition[..at].trim() {
            ">" => Comparison::Above,
            ">=" | "≥" => Comparison::AtLeast,
            "<" => Comparison::Below,
            "<=" | "≤" => Comparison::AtMost,
            _ => return None,
        };
        let threshold = Ratio::parse(condition[at..].trim())?;
        let hold = i64::try_from(humantime::parse_duration(hold.trim()).ok()?.as_nanos()).ok()?;
        Some(Self { comparison, threshold, hold, text: text.to_string() })
    }

    /// Whether one sample meets the comparison.
    #[must_use]
    pub fn holds(&self, value: Ratio) -> bool {
        match self.comparison {
            Comparison::Above => value > self.threshold,
            Comparison::AtLeast => value >= self.threshold,
            Comparison::Below => value < self.threshold,
            Comparison::AtMost => value <= self.threshold,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_compares() {
        let trigger = Trigger::parse("> 2 for 5m").unwrap();
        assert_eq!(trigger.hold, 300_000_000_000);
        assert!(trigger.holds(Ratio::int(3)) && !trigger.holds(Ratio::int(2)));
        assert!(Trigger::parse(">= 0.5 for 10s").unwrap().holds(Ratio::new(1, 2).unwrap()));
        assert_eq!(Trigger::parse("2 for 5m"), None);
        assert_eq!(Trigger::parse("> two for 5m"), None);
    }
}
