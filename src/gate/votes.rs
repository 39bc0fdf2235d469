//! The votes family: value faults masked by a majority, and liars within what the number of members allows. Asked for by `families`.
//!
//! In: votes of a test. Out: judgements. Refuses to know what is voted on.

use super::{Gate, Judge, TestCx};
use crate::evidence::kinds::Vote;
use crate::exact::Ratio;
use crate::figure::dependability::triple_redundancy_figure;
use crate::figure::quorum::{byzantine_quorum, byzantine_size};
use crate::judge::tally::Flaw;
use crate::judge::votes::{equivocation, masked};
use crate::verdict::{Figure, Finding, Gap, Judged, Judgement};
use std::collections::BTreeSet;

pub(super) const GATES: &[Gate] = &[
    Gate {
        id: "votes.masked",
        title: "the majority masks value faults",
        proves: "Wrong outputs were put out, and in every vote more than half of all participants put out the correct value; where a decision is recorded, \
                 it is that value.",
        blind: "The correct value is taken from the record. R = 3r² − 2r³ assumes that units fail independently, and r is what was measured under injected \
                faults.",
        needs: &["votes"],
        safety: false,
        judge: Judge::Test(masking),
    },
    Gate {
        id: "votes.byzantine",
        title: "liars are found, and no more than N allows",
        proves: "Participants told different receivers different things, no more than k of them with N ≥ 3k + 1, and all others decided alike.",
        blind: "A participant that lies to all receivers alike. What was told and not recorded.",
        needs: &["votes"],
        safety: false,
        judge: Judge::Test(byzantine),
    },
];

fn masking(cx: &TestCx<'_>) -> Judged {
    let rows = cx.rows::<Vote>()?;
    let all = masked(cx.evidence(), &rows, &cx.contract().cluster.members);
    let judged = all.tally.judged;
    if all.masked == 0 && all.tally.faults.is_empty() && all.tally.doubts.is_empty() {
        return Ok(Judgement::not_exercised("no participant put out a wrong value, so nothing was masked", judged));
    }
    let (n, masked) = (all.participants, all.masked);
    let pass = format!("the majority of {n} was correct in {judged} votes, {masked} wrong outputs were masked");
    let figures = [
        Some(Figure {
            id: "masked".into(),
            symbol: "N_masked".into(),
            formula: "wrong outputs in votes whose majority was correct".into(),
            substitution: format!("{} outputs, {} of them wrong", all.outputs, all.outputs - all.right),
            value: masked.to_string(),
            unit: "outputs".into(),
            sources: rows.files(),
        }),
        Ratio::new(i128::from(all.right), i128::from(all.outputs)).filter(|_| n == 3).and_then(triple_redundancy_figure),
    ];
    Ok(figures.into_iter().flatten().fold(all.tally.conclude(pass, "no vote was judged"), Judgement::figure))
}

fn byzantine(cx: &TestCx<'_>) -> Judged {
    let rows = cx.rows::<Vote>()?;
    let found = equivocation(cx.evidence(), &rows);
    if !found.told {
        return Err(Gap {
            why: "no vote says to whom it was told, so equivocation cannot be seen".into(),
            sources: rows.files(),
        });
    }
    let cluster = &cx.contract().cluster;
    let (n, k) = (cluster.size(), found.liars.len() as u64);
    let source = [cx.release.declared(cluster.span)];
    let (size, quorum) = (byzantine_size(n, k, &source), byzantine_quorum(n, k, &source));
    let names: Vec<&str> = found.liars.keys().map(|l| cx.evidence().text(*l)).collect();
    let mut tally = found.tally;
    let declared: BTreeSet<&str> = cluster.members.iter().map(String::as_str).collect();
    let strangers = found.parties.iter().map(|p| cx.evidence().text(*p)).find(|p| !declared.contains(p));
    if let Some(stranger) = strangers {
        let why = format!("{stranger} takes part and is no declared member, so N is not shown");
        tally.doubts.push(Flaw::new(0, why, Finding::new("other-member").with("member", stranger)));
    }
    let liars = || {
        let finding = Finding::new("equivocation").with("participants", names.join(", "));
        found.liars.values().flat_map(|(_, list)| list).fold(finding, |f, row| f.source(rows.source(*row)))
    };
    if !size.value {
        let why = format!("{} equivocate: {}", names.join(", "), size.figure.substitution);
        tally.faults.push(Flaw::new(2, why, liars()));
    } else if let Some(most) = cluster.tolerates.as_ref().map(|t| t.value).filter(|most| k > *most) {
        let why = format!("{} equivocate, {most} faulty members are to be survived", names.join(", "));
        tally.faults.push(Flaw::new(2, why, liars()));
    }
    if k == 0 && tally.faults.is_empty() && tally.doubts.is_empty() {
        return Ok(Judgement::not_exercised("no participant equivocated, so nothing was withstood", tally.judged));
    }
    if tally.judged == 0 && tally.faults.is_empty() {
        let why = "no two participants that did not equivocate decided one unit, so nothing shows that they agreed";
        tally.doubts.push(Flaw::new(1, why, Finding::new("no-decisions")));
    }
    let first = found.liars.values().next().map_or("", |l| l.0);
    let (units, which) = (tally.judged, &size.figure.substitution);
    let pass =
        format!("{} equivocated (first in unit {first}), {which}; the others decided {units} units alike", names.join(", "));
    let passed = tally.faults.is_empty();
    let judgement = tally.conclude(pass, "no unit was decided");
    let judgement = if passed && k > 0 { judgement.findings([liars()]) } else { judgement };
    Ok(judgement.figure(size.figure).figure(quorum.figure))
}
