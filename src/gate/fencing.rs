//! Gates on fencing: whether stale authority could reach a protected resource.
//!
//! In: decisions of resources and grants of authority. Out: judgements. Only a resource's own log can pass: what a coordinator or a
//! worker writes down can show that a stale command was accepted, never that none was.

use super::{Gate, Judge, TestCx};
use crate::contract::{Fence, Origin};
use crate::evidence::clocks::key;
use crate::evidence::kinds::{Application, Decision, Grant, Ruling};
use crate::evidence::symbol::{Sym, Symbols};
use crate::evidence::{RowId, Rows};
use crate::judge::fencing::{Act, Step, arrange, authority, contradictions, rising, stale, takeovers, unique};
use crate::judge::tally::{Flaw, Tally};
use crate::verdict::{Figure, Finding, Gap, Judged, Judgement, SourceRef, Verdict};
use crate::words::each;
use std::collections::{BTreeMap, BTreeSet};

pub(super) const GATES: &[Gate] = &[
    Gate {
        id: "fencing.monotonic",
        title: "epochs strictly rise",
        proves: "Each grant of authority over a resource, or a job of it, carries a higher epoch than the grant before it.",
        blind: "Grants that were never recorded. That the resource asks for the epoch at all is judged by the other fencing gates.",
        needs: &["epochs"],
        safety: false,
        judge: Judge::Test(monotonic),
    },
    Gate {
        id: "fencing.stale-rejected",
        title: "stale attempts are rejected at the resource",
        proves: "Attempts under an epoch below the current one were made, and the resource itself rejected every one.",
        blind: "The reason of a rejection is taken as the resource gives it. Paths to the state that do not pass through the resource.",
        needs: &["fencing"],
        safety: true,
        judge: Judge::Test(stale_rejected),
    },
    Gate {
        id: "fencing.no-stale-accept",
        title: "nothing is accepted under a stale epoch",
        proves: "Every accepted command had the authority that the contract asks for; what stood is recomputed from grants and earlier \
                 acceptances, in the resource's own order.",
        blind: "Decisions that the resource did not log, unless the test binds applications at the resource: each needs a decision that accepts it. Forged epochs. A wall clock set back between two records without numbers.",
        needs: &["fencing"],
        safety: true,
        judge: Judge::Test(no_stale_accept),
    },
    Gate {
        id: "fencing.resource-log",
        title: "the evidence is the resource's own log",
        proves: "The log was written by the resource, does not contradict itself, and each rejected write has command id, epoch, time \
                 source and leader id.",
        blind: "Who wrote a file is what its header or binding says: a false declaration is not seen.",
        needs: &["fencing"],
        safety: false,
        judge: Judge::Test(resource_log),
    },
    Gate {
        id: "fencing.unique-token",
        title: "one commit a token",
        proves: "No job was committed twice under one token, no command was accepted twice, and no commit came under a token below one \
                 already accepted.",
        blind: "A command that was sent anew under another id.",
        needs: &["fencing"],
        safety: false,
        judge: Judge::Test(unique_token),
    },
    Gate {
        id: "fencing.before-serving",
        title: "the old epoch is fenced before the new one serves",
        proves: "At each takeover the first command accepted under the new epoch came after its grant, and none under an older epoch did.",
        blind: "The instant at which the grant reached the resource, where only the coordinator recorded it.",
        needs: &["fencing", "epochs"],
        safety: false,
        judge: Judge::Test(before_serving),
    },
];

/// The decisions of a test: the resources' own where there are any, else what others wrote about them.
struct Decisions<'e> {
    steps: Vec<Step<'e>>,
    /// Resources of which only others wrote.
    second_hand: BTreeSet<Sym>,
    rows: Rows<'e, Decision>,
}

fn decisions<'e>(cx: &TestCx<'e>) -> Result<Decisions<'e>, Gap> {
    let rows = cx.rows::<Decision>()?;
    let own: BTreeSet<Sym> =
        rows.iter().filter(|(id, _)| rows.part(*id).origin == Origin::Resource).map(|(_, d)| d.resource).collect();
    let mut steps = Vec::new();
    let mut second_hand = BTreeSet::new();
    for (id, d) in rows.iter() {
        let part = rows.part(id);
        if !own.contains(&d.resource) {
            second_hand.insert(d.resource);
        } else if part.origin != Origin::Resource {
            continue;
        }
        steps.push(Step {
            resource: d.resource,
            job: d.job,
            seq: d.seq,
            t: d.t.0,
            clock: key(&part.clock),
            act: if d.outcome == Ruling::Accepted { Act::Accept } else { Act::Reject },
            epoch: d.epoch,
            reported: d.current_epoch,
            command: d.command_id,
            source: rows.source(id),
        });
    }
    Ok(Decisions { steps, second_hand, rows })
}

/// The grants of a test. `beside`: they are ordered among decisions, whose numbers only the resource itself can give.
fn grants<'e>(rows: &Rows<'e, Grant>, beside: bool) -> Vec<Step<'e>> {
    let step = |(id, g): (_, Grant)| {
        let part = rows.part(id);
        Step {
            resource: g.resource,
            job: g.job,
            seq: g.seq.filter(|_| !beside || part.origin == Origin::Resource),
            t: g.t.0,
            clock: key(&part.clock),
            act: Act::Grant,
            epoch: g.epoch,
            reported: None,
            command: None,
            source: rows.source(id),
        }
    };
    rows.iter().map(step).collect()
}

impl Decisions<'_> {
    /// Takes back a pass that rests on what others wrote about a resource.
    fn first_hand(&self, judgement: Judgement, symbols: &Symbols) -> Judgement {
        let open = matches!(judgement.verdict, Verdict::Pass | Verdict::NotApplicable);
        let Some(resource) = self.second_hand.first().filter(|_| open) else { return judgement };
        let why = format!(
            "no log of resource {} itself: a coordinator's or worker's log alone does not prove what the resource did",
            symbols.text(*resource)
        );
        let mut finding = Finding::new("not-the-resource");
        finding.sources = self.rows.files();
        Judgement { verdict: Verdict::Inconclusive, why, ..judgement }.findings([finding])
    }
}

fn fence(cx: &TestCx<'_>) -> impl Fn(Sym) -> Option<Fence> {
    let fences: BTreeMap<Sym, Fence> = cx
        .contract()
        .resources
        .iter()
        .filter_map(|r| cx.evidence().symbols.find(&r.name.value).map(|sym| (sym, r.fence)))
        .collect();
    move |resource| fences.get(&resource).copied()
}

fn count(id: &str, symbol: &str, formula: &str, value: usize, sources: Vec<SourceRef>) -> Figure {
    Figure {
        id: id.into(),
        symbol: symbol.into(),
        formula: formula.into(),
        substitution: format!("{symbol} = {value}"),
        value: value.to_string(),
        unit: String::new(),
        sources,
    }
}

fn monotonic(cx: &TestCx<'_>) -> Judged {
    let rows = cx.rows::<Grant>()?;
    let lanes = arrange(grants(&rows, false));
    let tally = rising(&lanes, &cx.evidence().symbols);
    let pass = format!("epochs rise at {}", each(tally.judged, "grant that follows another", "grants that follow another"));
    Ok(tally.conclude(pass, "no resource or job was granted to anyone twice"))
}

pub(super) fn stale_rejected(cx: &TestCx<'_>) -> Judged {
    let symbols = &cx.evidence().symbols;
    let decisions = decisions(cx)?;
    let mut steps = decisions.steps.clone();
    if let Some(rows) = cx.rows_if_bound::<Grant>()? {
        steps.extend(grants(&rows, true));
    }
    let found = stale(&arrange(steps), symbols);
    let (attempts, accepted) = (found.tally.judged, found.tally.faults.len());
    let figure =
        count("stale-attempts", "N_stale", "N_stale = |{attempts: E_request < E_current}|", attempts, found.shown.clone());
    let pass = format!("the resource rejected all {attempts} attempts under an epoch below the current one");
    let epochs = found.first.map(|(request, current)| Figure {
        id: "stale-epoch".into(),
        symbol: "E_request".into(),
        formula: "E_request < E_current, so it is rejected".into(),
        substitution: format!("{request} < {current}"),
        value: request.to_string(),
        unit: String::new(),
        sources: found.shown.iter().take(1).cloned().collect(),
    });
    let mut judgement = found.tally.conclude(pass, "no attempt was made under a stale epoch").figure(figure);
    judgement.figures.extend(epochs);
    let measured = format!("{accepted} of {attempts} stale attempts accepted");
    Ok(decisions.first_hand(judgement, symbols).against("≤ 0", measured, ""))
}

fn no_stale_accept(cx: &TestCx<'_>) -> Judged {
    let symbols = &cx.evidence().symbols;
    let decisions = decisions(cx)?;
    let mut steps = decisions.steps.clone();
    let granted = cx.rows_if_bound::<Grant>()?;
    if let Some(rows) = &granted {
        steps.extend(grants(rows, true));
    }
    let accepted = decisions.steps.iter().filter(|s| s.act == Act::Accept).count();
    let mut tally = authority(&arrange(steps), &fence(cx), granted.is_some(), symbols);
    tally.doubts.extend(undecided(cx, &decisions)?);
    let stale = tally.faults.len();
    let pass = format!("each of {accepted} accepted commands had the authority that its resource asks for");
    let judgement = tally.conclude(pass, "no command was accepted and no stale one was tried");
    let allowed = cx.contract().objectives.split_brain_writes;
    Ok(decisions.first_hand(judgement, symbols).against(
        format!("≤ {allowed}"),
        format!("{stale} of {accepted} accepted under a stale epoch"),
        "",
    ))
}

/// Commands that took effect at a declared resource though no decision of it accepts them: its log lacks what it did.
fn undecided(cx: &TestCx<'_>, decisions: &Decisions<'_>) -> Result<Option<Flaw>, Gap> {
    let Some(rows) = cx.rows_if_bound::<Application>()? else { return Ok(None) };
    let accepted: BTreeSet<Sym> = decisions.steps.iter().filter(|s| s.act == Act::Accept).filter_map(|s| s.command).collect();
    let declared = fence(cx);
    let effect = |id: RowId, a: &Application| rows.part(id).origin == Origin::Resource || declared(a.member).is_some();
    let mut lacking = rows.iter().filter(|(id, a)| effect(*id, a) && !accepted.contains(&a.command_id));
    let Some((id, first)) = lacking.next() else { return Ok(None) };
    let (command, n) = (cx.evidence().text(first.command_id), 1 + lacking.count());
    let why = format!("command {command} took effect, and no decision of the resource accepts it; {n} such effects");
    let finding = Finding::new("effect-without-decision").with("command", command).with("effects", n).source(rows.source(id));
    Ok(Some(Flaw::new(1, why, finding)))
}

fn resource_log(cx: &TestCx<'_>) -> Judged {
    let symbols = &cx.evidence().symbols;
    let decisions = decisions(cx)?;
    let mut tally = Tally { faults: contradictions(&arrange(decisions.steps.clone()), symbols), ..Tally::default() };
    let mut missing: BTreeMap<&str, (usize, SourceRef)> = BTreeMap::new();
    for (id, d) in decisions.rows.iter().filter(|(_, d)| d.outcome == Ruling::Rejected) {
        if decisions.rows.part(id).origin != Origin::Resource {
            continue;
        }
        tally.judged += 1;
        let fields =
            [("command-id", d.command_id.is_some()), ("leader", d.leader.is_some()), ("time-source", d.time_source.is_some())];
        for (name, _) in fields.into_iter().filter(|f| !f.1) {
            missing.entry(name).or_insert_with(|| (0, decisions.rows.source(id))).0 += 1;
        }
    }
    let rejected = tally.judged;
    let mut judgement = tally.conclude(
        format!("the resource's own log has command id, epoch, time source and leader of all {rejected} rejected writes"),
        "the resource rejected no write",
    );
    if judgement.verdict == Verdict::Pass && !missing.is_empty() {
        let names: Vec<String> = missing.iter().map(|(name, (n, _))| format!("{name} (in {n} of {rejected})")).collect();
        judgement.verdict = Verdict::Inconclusive;
        judgement.why = format!("rejected writes lack {}", names.join(", "));
    }
    let lacking = missing
        .into_iter()
        .map(|(name, (n, source))| Finding::new("field-missing").with("field", name).with("records", n).source(source));
    Ok(decisions.first_hand(judgement.findings(lacking), symbols))
}

fn unique_token(cx: &TestCx<'_>) -> Judged {
    let symbols = &cx.evidence().symbols;
    let decisions = decisions(cx)?;
    let tally = unique(&arrange(decisions.steps.clone()), &fence(cx), symbols);
    let (accepted, repeated) = (tally.judged, tally.faults.len());
    let pass = format!("each of {accepted} accepted commands came once, none under an epoch below one already accepted");
    let judgement = tally.conclude(pass, "no command was accepted");
    let measured = format!("{repeated} of {accepted} repeated or late");
    Ok(decisions.first_hand(judgement, symbols).against("≤ 0", measured, ""))
}

fn before_serving(cx: &TestCx<'_>) -> Judged {
    let symbols = &cx.evidence().symbols;
    let decisions = decisions(cx)?;
    let mut steps = decisions.steps.clone();
    steps.extend(grants(&cx.rows::<Grant>()?, true));
    let tally = takeovers(&arrange(steps), symbols);
    let pass = format!(
        "at {} the new epoch was granted before it served, and no older one served after",
        each(tally.judged, "takeover", "takeovers")
    );
    Ok(decisions.first_hand(tally.conclude(pass, "no new epoch followed an older one and served"), symbols))
}
