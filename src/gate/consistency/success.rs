//! Result codes against what became of commands.
//!
//! In: the history of a test and whatever else it binds of commands. Out: a judgement of [`crate::judge::success`]. Refuses to know how it is reached.

use crate::evidence::kinds::Operation;
use crate::gate::TestCx;
use crate::judge::success::{self, Bound};
use crate::verdict::{Judged, Judgement};

pub(super) fn no_false_success(cx: &TestCx<'_>) -> Judged {
    let history = cx.rows::<Operation>()?;
    let bound = Bound {
        attempts: cx.rows_if_bound()?,
        decisions: cx.rows_if_bound()?,
        log: cx.rows_if_bound()?,
        applied: cx.rows_if_bound()?,
    };
    if bound.is_empty() {
        return Ok(Judgement::not_exercised(
            "the test binds no attempts, fencing, log or applied that results could be held against",
            0,
        ));
    }
    let tally = success::no_false_success(cx.evidence(), &history, &bound);
    let (judged, wrong) = (tally.judged, tally.faults.len());
    let pass = format!("none of {judged} operations that were answered ok was rejected or lost");
    let judgement = tally.conclude(pass, "no operation was answered ok");
    Ok(judgement.against("≤ 0", format!("{wrong} false successes"), ""))
}
