//! Clocks: the one place that says whether two instants may be compared, and with what widening.
//!
//! In: the clocks of files, and the declared bounds on how far clocks are apart. Out: how much an instant of one file must be widened to be
//! held against one of another, in ns: nothing on one clock, the declared bound between two clocks of one kind, and a [`Gap`] when nothing
//! bounds them. A monotonic and a wall clock are never compared, whatever is declared: one of them may be set while the other runs on.
//! Instants that records know by bounds (samples, phases, faults, load windows) are widened where rows are read, by half of what the clocks of their own
//! files may differ; comparisons with other kinds widen by what [`Rows::beside`] says. Refuses to know what the instants mean.
//!
//! With a widening w, a comes surely before b when a + w < b, and possibly while a − w ≤ b. A judge fails only what is wrong for every skew within the
//! bound, and passes only what is right for every skew within it; what depends on the skew is inconclusive. Objectives of time are judged on the upper end
//! of what the bounds allow, as those of sampled instants are.

use super::record::Record;
use super::{Evidence, Part, Rows};
use crate::contract::Clock;
use crate::verdict::Gap;

/// Whether two clocks are one.
#[must_use]
pub fn same(a: &Clock, b: &Clock) -> bool {
    a.id == b.id && a.kind == b.kind
}

impl Evidence {
    /// How far two clocks may be apart, in ns.
    ///
    /// # Errors
    /// A [`Gap`] when they are of different kinds or no bound is declared.
    pub fn apart(&self, a: &Clock, b: &Clock) -> Result<i64, Gap> {
        if same(a, b) {
            return Ok(0);
        }
        let (one, other) = (&a.id, &b.id);
        if a.kind != b.kind {
            let kinds = format!("{} clock {one} and {} clock {other}", a.kind.word(), b.kind.word());
            return Err(Gap::new(format!("{kinds} are of different kinds, so their times cannot be compared")));
        }
        let declares = |between: &[String; 2]| between.contains(one) && between.contains(other);
        let bound = self.skews.iter().filter(|s| declares(&s.between)).map(|s| s.bound).min();
        bound.ok_or_else(|| Gap::new(format!("clocks {one} and {other} differ and no bound on their skew is declared")))
    }

    /// How far apart any two clocks of these files may be, in ns.
    ///
    /// # Errors
    /// A [`Gap`] that names what is timed and the first pair of clocks that nothing bounds.
    pub fn widening<'p>(&self, parts: impl IntoIterator<Item = &'p Part>) -> Result<i64, Gap> {
        let mut clocks: Vec<(&Clock, &str)> = Vec::new();
        let mut most = 0;
        for part in parts {
            if clocks.iter().any(|(clock, _)| same(clock, &part.clock)) {
                continue;
            }
            for (clock, kind) in &clocks {
                let apart = self.apart(clock, &part.clock).map_err(|gap| {
                    let kinds = if *kind == part.kind { (*kind).to_string() } else { format!("{kind} and {}", part.kind) };
                    let sources = vec![self.artifacts[part.artifact].source()];
                    Gap { why: format!("{kinds} records are on different clocks: {}", gap.why), sources }
                })?;
                most = most.max(apart);
            }
            clocks.push((&part.clock, part.kind));
        }
        Ok(most)
    }
}

impl<R: Record> Rows<'_, R> {
    /// How far apart the clocks of these rows and of `others` may be, in ns.
    ///
    /// # Errors
    /// A [`Gap`] when nothing bounds two of them.
    pub fn beside<O: Record>(&self, others: &Rows<'_, O>) -> Result<i64, Gap> {
        self.evidence.widening(self.parts.iter().chain(&others.parts).copied())
    }

    /// How far apart the clocks of these rows may be, in ns.
    ///
    /// # Errors
    /// A [`Gap`] when nothing bounds two of them.
    pub fn among(&self) -> Result<i64, Gap> {
        self.evidence.widening(self.parts.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{ClockKind, Skew, TimeUnit};

    #[test]
    fn clocks_are_compared_only_within_a_declared_bound() {
        let clock = |kind, id: &str| Clock { kind, id: id.into(), unit: TimeUnit::Ns };
        let (a, b) = (clock(ClockKind::Wall, "a"), clock(ClockKind::Wall, "b"));
        let steady = clock(ClockKind::Monotonic, "a");
        let skew = |x: &str, y: &str, bound| Skew { between: [x.into(), y.into()], bound, basis: "chrony".into() };
        let evidence = Evidence { skews: vec![skew("b", "a", 7), skew("a", "b", 5)], ..Evidence::default() };
        assert_eq!(evidence.apart(&a, &Clock { unit: TimeUnit::Ms, ..a.clone() }), Ok(0), "the unit makes no other clock");
        assert_eq!(evidence.apart(&a, &b), Ok(5), "the tighter of two bounds holds as well");
        assert!(evidence.apart(&steady, &b).unwrap_err().why.contains("different kinds"));
        assert!(evidence.apart(&steady, &a).is_err(), "one name, two kinds");
        assert!(Evidence::default().apart(&a, &b).unwrap_err().why.contains("no bound"));
    }
}
