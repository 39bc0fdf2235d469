//! What a checker gathered: flaws that disprove, flaws that leave in doubt, and how many records were judged.
//!
//! In: flaws. Out: one judgement, worst flaw first. Refuses to know what the flaws are about.

use crate::verdict::{Finding, Judgement};
use std::cmp::Reverse;

/// One thing that is wrong or not proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// How bad it is beside others of its sort.
    pub weight: i64,
    /// What is wrong, in words.
    pub why: String,
    /// The same as data.
    pub finding: Finding,
}

impl Flaw {
    /// A flaw with its words and data.
    pub fn new(weight: i64, why: impl Into<String>, finding: Finding) -> Self {
        Self { weight, why: why.into(), finding }
    }
}

/// What a checker gathered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Records judged.
    pub judged: usize,
    /// Flaws that disprove.
    pub faults: Vec<Flaw>,
    /// Flaws that leave in doubt.
    pub doubts: Vec<Flaw>,
}

impl Tally {
    /// The judgement: fail on a fault, inconclusive on a doubt, not applicable when nothing was judged, else pass.
    pub fn conclude(mut self, pass: impl Into<String>, idle: &str) -> Judgement {
        self.faults.sort_by_key(|f| Reverse(f.weight));
        self.doubts.sort_by_key(|f| Reverse(f.weight));
        let worst = |flaws: &[Flaw]| match flaws {
            [] => None,
            [one] => Some(one.why.clone()),
            [first, rest @ ..] => Some(format!("{}; and {} more", first.why, rest.len())),
        };
        let judgement = match (worst(&self.faults), worst(&self.doubts)) {
            (Some(why), _) => Judgement::fail(why, self.judged),
            (None, Some(why)) => Judgement::inconclusive(why, self.judged),
            (None, None) if self.judged == 0 => Judgement::not_exercised(idle, 0),
            (None, None) => Judgement::pass(pass, self.judged),
        };
        judgement.findings(self.faults.into_iter().chain(self.doubts).map(|f| f.finding))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::Verdict;

    #[test]
    fn the_worst_comes_first_and_nothing_judged_never_passes() {
        let flaw = |weight, why: &str| Flaw::new(weight, why, Finding::new(why));
        let tally = Tally { judged: 3, faults: vec![flaw(1, "small"), flaw(5, "big")], doubts: vec![flaw(9, "doubt")] };
        let judgement = tally.conclude("fine", "idle");
        assert_eq!((judgement.verdict, judgement.why.as_str()), (Verdict::Fail, "big; and 1 more"));
        assert_eq!((judgement.found, judgement.findings[2].claim.as_str()), (3, "doubt"));
        assert_eq!(Tally::default().conclude("fine", "idle").verdict, Verdict::NotApplicable);
        let doubtful = Tally { judged: 1, doubts: vec![flaw(0, "doubt")], ..Tally::default() };
        assert_eq!(doubtful.conclude("fine", "idle").verdict, Verdict::Inconclusive);
    }
}
