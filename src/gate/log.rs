//! The log family: what is committed stays, one leader leads, and logs come together again.
//!
//! In: the rows of a test. Out: judgements of [`crate::judge::log`]. Refuses to know how they are reached.

use super::{Gate, Judge, TestCx};
use crate::evidence::kinds::{Application, Entry, Injection, Operation, Point, Progress, Sample};
use crate::judge::log;
use crate::verdict::Judged;

pub(super) const GATES: &[Gate] = &[
    Gate {
        id: "log.commit-index",
        title: "the reported commit index is the one that a quorum holds",
        proves: "In every sample the commit index follows from the match indexes of all voters: it is never above what a quorum holds, and \
                 where it lags, it catches up. Where the test binds samples of the members, every leader that they show was sampled.",
        blind: "Samples are taken as the leader's own view at one instant. Lag in the last samples of a leadership is counted and not \
                judged; an index kept from before the election is weighed against earlier leaderships and later samples.",
        needs: &["progress"],
        safety: false,
        judge: Judge::Test(commit_index),
    },
    Gate {
        id: "log.continuity",
        title: "committed state survives every change of leader",
        proves: "No new leader reports a lower commit index than its predecessors did before, and no member's index goes back.",
        blind: "Samples that overlap in time are not compared. A member that did not answer in between may start over lower. Where samples \
                carry no commit index, the applied index stands in.",
        needs: &["members"],
        safety: true,
        judge: Judge::Test(continuity),
    },
    Gate {
        id: "log.no-loss",
        title: "every acknowledged command is in the final state of every member",
        proves: "Each command that a client was told took effect was applied at every declared member, and where the test binds logs, is committed in \
                 every log that reaches back to it.",
        blind: "It trusts that what was recorded as applied is the final state; a member that installed a snapshot must show its content as \
                applications. Commands of unknown outcome are not looked for.",
        needs: &["history", "applied"],
        safety: true,
        judge: Judge::Test(no_loss),
    },
    Gate {
        id: "log.matching",
        title: "the logs of all members agree and have no holes",
        proves: "The same index and term hold the same command at all members, no committed entry is replaced or discarded, no log lacks an index \
                 between the first and the last that it keeps, terms never fall along a log; where applications are bound, no two members \
                 applied different commands at one index, and where samples of members are bound, no log begins later than they say.",
        blind: "It sees the entries that the logs still show: where no sample has a first index or a snapshot index, what lies before the first \
                entry counts as compacted, and what was discarded without a trace is not seen. An index at which a member applied several commands is not compared.",
        needs: &["log"],
        safety: true,
        judge: Judge::Test(matching),
    },
    Gate {
        id: "log.single-leader",
        title: "every term has at most one leader",
        proves: "No two members say of themselves that they lead the same term, and every declared member was asked; where the test binds logs, every term in which a \
                 command was written has a leader.",
        blind: "A leader that came and went between two samples is not seen. A single sample that was read while leader or term changed is \
                set aside; what members say of others is hearsay that can leave the question open but not decide it.",
        needs: &["members"],
        safety: true,
        judge: Judge::Test(single_leader),
    },
    Gate {
        id: "log.reconciliation",
        title: "divergent entries are gone after the heal, and none was acknowledged",
        proves: "Entries were discarded; none of them is committed or still there, and no client had been told that they took effect.",
        blind: "It sees the discards that the logs record; a member that drops entries without a trace is seen by log.no-loss only.",
        needs: &["log", "history"],
        safety: false,
        judge: Judge::Test(reconciliation),
    },
    Gate {
        id: "log.compaction-safe",
        title: "nothing is compacted that a slow member still needs",
        proves: "No leader compacted past a member that was behind unless that member then showed a snapshot up to there; no snapshot failed \
                 to install.",
        blind: "Where samples carry no first index, compaction shows only in members that cannot catch up. Between samples a member may have \
                caught up or fallen behind unseen.",
        needs: &["members"],
        safety: false,
        judge: Judge::Test(compaction_safe),
    },
    Gate {
        id: "log.membership",
        title: "old and new majorities meet in every change of members",
        proves: "For each two configurations that follow each other, every majority of one meets every majority of the other, or one is \
                 joint by the declared rule.",
        blind: "Configurations that no sample caught are not seen.",
        needs: &["members"],
        safety: false,
        judge: Judge::Test(membership),
    },
];

fn commit_index(cx: &TestCx<'_>) -> Judged {
    Ok(log::commit_index(cx.evidence(), cx.contract(), &cx.rows::<Progress>()?, cx.rows_if_bound::<Sample>()?.as_ref()))
}

fn continuity(cx: &TestCx<'_>) -> Judged {
    let faults = cx.rows_if_bound::<Injection>()?;
    Ok(log::continuity(cx.evidence(), cx.contract(), &cx.rows::<Sample>()?, faults.as_ref()))
}

fn no_loss(cx: &TestCx<'_>) -> Judged {
    let (history, applied) = (cx.rows::<Operation>()?, cx.rows::<Application>()?);
    Ok(log::no_loss(cx.evidence(), cx.contract(), &history, &applied, cx.rows_if_bound::<Entry>()?.as_ref()))
}

fn matching(cx: &TestCx<'_>) -> Judged {
    let (applied, samples) = (cx.rows_if_bound::<Application>()?, cx.rows_if_bound::<Sample>()?);
    Ok(log::matching(cx.evidence(), cx.contract(), &cx.rows::<Entry>()?, applied.as_ref(), samples.as_ref()))
}

fn single_leader(cx: &TestCx<'_>) -> Judged {
    let entries = cx.rows_if_bound::<Entry>()?;
    Ok(log::single_leader(cx.evidence(), cx.contract(), &cx.rows::<Sample>()?, entries.as_ref()))
}

fn reconciliation(cx: &TestCx<'_>) -> Judged {
    Ok(log::reconciliation(cx.evidence(), &cx.rows::<Operation>()?, &cx.rows::<Entry>()?))
}

fn compaction_safe(cx: &TestCx<'_>) -> Judged {
    let telemetry = cx.rows_if_bound::<Point>()?;
    Ok(log::compaction_safe(cx.evidence(), cx.contract(), &cx.rows::<Sample>()?, telemetry.as_ref()))
}

fn membership(cx: &TestCx<'_>) -> Judged {
    Ok(log::membership(cx.evidence(), cx.contract(), &cx.rows::<Sample>()?))
}
