//! The words of judging: verdicts, figures, findings, gaps and the records they rest on.
//!
//! In: nothing. Out: the types that judges and gates speak in. Refuses to know how any of it is printed.

use crate::exact::Ratio;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a gate concludes. A waiver is not a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Not asked for by the profile, or excluded with a reason; of one test: it does not exercise what the gate asks.
    NotApplicable,
    /// Proven by evidence.
    Pass,
    /// Not proven: evidence is missing, empty, cut short or too little.
    Inconclusive,
    /// Disproven by evidence.
    Fail,
}

impl Verdict {
    /// The word that is printed.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::NotApplicable => "not applicable",
            Self::Pass => "pass",
            Self::Inconclusive => "inconclusive",
            Self::Fail => "fail",
        }
    }
}

/// A record, or a whole file, that a number or finding rests on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SourceRef {
    /// Path below the evidence root, or the contract's or matrix's file name.
    pub path: Arc<str>,
    /// SHA-256 of the file's bytes, in hex.
    pub sha256: Arc<str>,
    /// Line in the file, from 1; absent when the whole file is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
}

/// A number with its formula, the numbers put in, its unit and its sources.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Figure {
    /// Kebab-case id, such as `failover-time`.
    pub id: String,
    /// The symbol in the formula, such as `T_failover`.
    pub symbol: String,
    /// The formula in symbols.
    pub formula: String,
    /// The formula with numbers put in.
    pub substitution: String,
    /// An integer or decimal.
    pub value: String,
    /// The unit; empty for a count or ratio.
    pub unit: String,
    /// Records that the numbers came from (the first few, when there are many).
    pub sources: Vec<SourceRef>,
}

/// One thing that was found, as data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Finding {
    /// Kebab-case id of what is claimed, such as `stale-accepted`.
    pub claim: String,
    /// The particulars.
    pub data: BTreeMap<String, String>,
    /// The records that show it.
    pub sources: Vec<SourceRef>,
}

impl Finding {
    /// A finding without particulars.
    pub fn new(claim: &str) -> Self {
        Self { claim: claim.into(), data: BTreeMap::new(), sources: Vec::new() }
    }

    /// Adds one particular.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl ToString) -> Self {
        self.data.insert(key.into(), value.to_string());
        self
    }

    /// Adds a record.
    #[must_use]
    pub fn source(mut self, source: SourceRef) -> Self {
        self.sources.push(source);
        self
    }
}

/// What one gate says about one test, or about the release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// One sentence of why.
    pub why: String,
    /// The objective as text, such as `≤ 3.000 s`; empty when there is none.
    pub objective: String,
    /// What was measured, such as `2.600 s`.
    pub measured: String,
    /// Room left to the objective, such as `0.400 s`.
    pub margin: String,
    /// How many records were judged.
    pub judged: u64,
    /// Numbers with their formulas.
    pub figures: Vec<Figure>,
    /// What was found, worst first; at most [`MAX_FINDINGS`] are kept.
    pub findings: Vec<Finding>,
    /// How many findings there were in all.
    pub found: u64,
}

/// The most findings that one judgement keeps; the count of all of them is kept beside.
pub const MAX_FINDINGS: usize = 20;

impl Judgement {
    fn new(verdict: Verdict, why: impl Into<String>, judged: usize) -> Self {
        Self {
            verdict,
            why: why.into(),
            objective: String::new(),
            measured: String::new(),
            margin: String::new(),
            judged: judged as u64,
            figures: Vec::new(),
            findings: Vec::new(),
            found: 0,
        }
    }

    /// Proven. Zero judged records can never pass: that is turned into inconclusive.
    pub fn pass(why: impl Into<String>, judged: usize) -> Self {
        if judged == 0 {
            return Self::new(Verdict::Inconclusive, "no record was judged, so nothing is proven", 0);
        }
        Self::new(Verdict::Pass, why, judged)
    }

    /// Disproven.
    pub fn fail(why: impl Into<String>, judged: usize) -> Self {
        Self::new(Verdict::Fail, why, judged)
    }

    /// This test does not exercise what the gate asks, such as a gate on leader changes over a run without one. Only for a
    /// gate that is judged test by test: the other tests decide, and when none is left the gate is inconclusive.
    pub fn not_exercised(why: impl Into<String>, judged: usize) -> Self {
        Self::new(Verdict::NotApplicable, why, judged)
    }

    /// Not proven.
    pub fn inconclusive(why: impl Into<String>, judged: usize) -> Self {
        Self::new(Verdict::Inconclusive, why, judged)
    }

    /// Adds a figure.
    #[must_use]
    pub fn figure(mut self, figure: Figure) -> Self {
        self.figures.push(figure);
        self
    }

    /// Adds findings; the first [`MAX_FINDINGS`] are kept, all are counted.
    #[must_use]
    pub fn findings(mut self, findings: impl IntoIterator<Item = Finding>) -> Self {
        for finding in findings {
            self.found += 1;
            if self.findings.len() < MAX_FINDINGS {
                self.findings.push(finding);
            }
        }
        self
    }

    /// States objective, measured value and margin.
    #[must_use]
    pub fn against(mut self, objective: impl Into<String>, measured: impl Into<String>, margin: impl Into<String>) -> Self {
        self.objective = objective.into();
        self.measured = measured.into();
        self.margin = margin.into();
        self
    }
}

/// A margin as number and unit.
fn margin(text: &str) -> Option<(Ratio, &str)> {
    let (number, unit) = text.split_once(' ').unwrap_or((text, ""));
    Some((Ratio::parse(&number.replace('−', "-").replace(',', ""))?, unit))
}

/// Which of several judgements speaks for all: of those with the given verdict, the one with the least margin, where margins can be
/// compared; else, of passes, the one that judged the most records; else the first. When none has the verdict, the first of all.
#[must_use]
pub fn telling(verdict: Verdict, judgements: &[&Judgement]) -> Option<usize> {
    let of = |i: &usize| judgements[*i].verdict == verdict;
    let deciding: Vec<usize> = (0..judgements.len()).filter(of).collect();
    let (first, rest) = deciding.split_first().map_or((0, &[][..]), |(first, rest)| (*first, rest));
    if rest.is_empty() {
        return (!judgements.is_empty()).then_some(first);
    }
    let judged = |i: usize| std::cmp::Reverse(if verdict == Verdict::Pass { judgements[i].judged } else { 0 });
    let margins: Option<Vec<(Ratio, &str)>> = deciding.iter().map(|i| margin(&judgements[*i].margin)).collect();
    match margins {
        Some(margins) if margins.windows(2).all(|w| w[0].1 == w[1].1) => {
            let keyed = deciding.iter().zip(&margins);
            keyed.min_by_key(|(i, margin)| (margin.0, judged(**i), **i)).map(|(i, _)| *i)
        }
        _ => deciding.iter().copied().min_by_key(|i| (judged(*i), *i)),
    }
}

/// Why a judge could not begin: evidence is not there or not whole. Always inconclusive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// One sentence.
    pub why: String,
    /// The files concerned.
    pub sources: Vec<SourceRef>,
}

impl Gap {
    /// A gap with its reason.
    pub fn new(why: impl Into<String>) -> Self {
        Self { why: why.into(), sources: Vec::new() }
    }
}

impl From<Gap> for Judgement {
    fn from(gap: Gap) -> Self {
        let mut judgement = Self::inconclusive(gap.why, 0);
        if !gap.sources.is_empty() {
            let finding = Finding { claim: "gap".into(), data: BTreeMap::new(), sources: gap.sources };
            judgement = judgement.findings([finding]);
        }
        judgement
    }
}

/// What a judge gives: a judgement, or a gap in the evidence.
pub type Judged = Result<Judgement, Gap>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tightest_speaks_for_all() {
        let pass = |n: usize, margin: &str| Judgement::pass("fine", n).against("", "", margin);
        let told = |list: &[Judgement], verdict| telling(verdict, &list.iter().collect::<Vec<_>>());
        assert_eq!(told(&[pass(9, "0.400 s"), pass(1, "0.050 s"), pass(5, "2 s")], Verdict::Pass), Some(1));
        assert_eq!(told(&[pass(1, "0.400 s"), pass(9, "0.400 s")], Verdict::Pass), Some(1));
        assert_eq!(told(&[pass(1, "0.400 s"), pass(9, "7 entries"), pass(3, "")], Verdict::Pass), Some(1));
        let fail = |margin: &str| Judgement::fail("bad", 3).against("", "", margin);
        assert_eq!(told(&[pass(9, "-9 s"), fail("-1 s"), fail("-2 s")], Verdict::Fail), Some(2));
        assert_eq!(told(&[pass(9, ""), fail(""), fail("")], Verdict::Fail), Some(1));
        assert_eq!(told(&[pass(1, ""), pass(2, "")], Verdict::Inconclusive), Some(0));
        assert_eq!(told(&[], Verdict::Pass), None);
    }
}
