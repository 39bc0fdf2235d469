//! The atomic-commit family: transactions over several participants end alike, rightly, and in time. Asked for by `families`.
//!
//! In: votes, decisions and faults of a test. Out: judgements. Refuses to know the protocol behind them.

use super::{Gate, Judge, TestCx};
use crate::evidence::kinds::{Injection, Vote};
use crate::exact::seconds;
use crate::judge::atomic_commit::Transactions;
use crate::verdict::{Gap, Judged, Judgement};

pub(super) const GATES: &[Gate] = &[
    Gate {
        id: "atomic-commit.agreement",
        title: "no transaction both committed and aborted",
        proves: "In every transaction that was decided, all parties that took part decided alike, and none changed its mind; only a participant that had voted \
                 to abort may have no decision on record.",
        blind: "Parties that no record names. Whether what was decided also took effect.",
        needs: &["votes"],
        safety: true,
        judge: Judge::Test(agreement),
    },
    Gate {
        id: "atomic-commit.validity",
        title: "none committed after an abort vote or time-out",
        proves: "Transactions in which somebody voted to abort or timed out were decided, and none of them was committed; every committed one has the vote \
                 of each of its participants.",
        blind: "Participants that no record names. Whether an abort was needed.",
        needs: &["votes"],
        safety: true,
        judge: Judge::Test(validity),
    },
    Gate {
        id: "atomic-commit.blocking",
        title: "doubt after a coordinator's crash is bounded and resolved",
        proves: "Faults struck coordinators while participants had voted to commit and knew no decision, and each of these learnt it within the declared time.",
        blind: "Doubt while the coordinator was well. Locks that were held meanwhile.",
        needs: &["votes", "faults"],
        safety: false,
        judge: Judge::Test(blocking),
    },
];

fn agreement(cx: &TestCx<'_>) -> Judged {
    let rows = cx.rows::<Vote>()?;
    let tally = Transactions::read(cx.evidence(), &rows).agreement();
    let pass = format!("{} transactions were decided by two or more parties, each of them alike", tally.judged);
    Ok(tally.conclude(pass, "no transaction was decided by two parties"))
}

fn validity(cx: &TestCx<'_>) -> Judged {
    let rows = cx.rows::<Vote>()?;
    let (tally, refused) = Transactions::read(cx.evidence(), &rows).validity();
    if refused == 0 && tally.faults.is_empty() && tally.doubts.is_empty() {
        return Ok(Judgement::not_exercised("no decided transaction had an abort vote or a time-out", tally.judged));
    }
    let pass =
        format!("{refused} of {} decided transactions had an abort vote or a time-out, none of them committed", tally.judged);
    Ok(tally.conclude(pass, "no transaction was decided"))
}

fn blocking(cx: &TestCx<'_>) -> Judged {
    let (rows, faults) = (cx.rows::<Vote>()?, cx.rows::<Injection>()?);
    let limit = cx.contract().objectives.in_doubt.as_ref();
    let limit = limit.ok_or_else(|| Gap::new("the contract declares no limit of doubt (objectives: in-doubt)"))?.value;
    if rows.clock().is_none() || rows.clock() != faults.clock() {
        return Err(Gap::new("votes and faults are on different clocks"));
    }
    let (tally, longest) = Transactions::read(cx.evidence(), &rows).blocking(&faults, limit);
    let pass = format!(
        "{} participants were in doubt after a fault of their coordinator, the longest for {} s",
        tally.judged,
        seconds(longest)
    );
    let judgement = tally.conclude(pass, "no fault struck a coordinator while a participant was in doubt");
    let margin = if longest <= limit { format!("{} s", seconds(limit - longest)) } else { String::new() };
    Ok(judgement.against(format!("≤ {} s", seconds(limit)), format!("{} s", seconds(longest)), margin))
}
