//! Gates on commands: none twice, none missing, retries within their limit, and every unknown outcome settled.
//!
//! In: histories, attempts and applications to state machines. Out: judgements. A cluster is judged on all its declared members.

use super::endpoints::endpoint;
use super::{Gate, Judge, TestCx};
use crate::contract::Semantics;
use crate::evidence::kinds::{Application, Entry, EntryState, Operation, Recovery};
use crate::evidence::symbol::Sym;
use crate::evidence::{RowId, Rows};
use crate::judge::commands::{Answers, Applications, Told, answers};
use crate::judge::tally::{Flaw, Tally};
use crate::verdict::{Figure, Finding, Gap, Judged, Judgement};
use crate::words::plural;
use std::collections::{BTreeMap, BTreeSet};

pub(super) const GATES: &[Gate] = &[
    Gate {
        id: "commands.no-duplicates",
        title: "no command is applied twice",
        proves: "No state machine applied a command more than once. The same log entry replayed after a restart is no second time.",
        blind: "A command that was sent anew under another id; effects outside the state machine.",
        needs: &["applied"],
        safety: true,
        judge: Judge::Test(no_duplicates),
    },
    Gate {
        id: "commands.none-missing",
        title: "no committed command is missing",
        proves: "Every command that was acknowledged, or that the logs show as committed, was applied by every member.",
        blind: "Whether the effect was right. Commands of clients whose history is not part of the evidence.",
        needs: &["history", "applied"],
        safety: false,
        judge: Judge::Test(none_missing),
    },
    Gate {
        id: "commands.retry-limit",
        title: "retries keep to their limit",
        proves: "No client tried a command more often than declared; pauses were measured, and where jitter is declared and retries \
                 suffice, they differ.",
        blind: "Tests that record no attempts. A command delivered anew as an operation of its own is counted and shown, not limited. Retries below the client, such as those of a proxy. Timers alone make pauses differ a \
                little.",
        needs: &["history"],
        safety: false,
        judge: Judge::Test(super::retries::retry_limit),
    },
    Gate {
        id: "commands.rpc-semantics",
        title: "declared semantics hold",
        proves: "Each command took effect as often as its endpoint declares: at most once, at least once or exactly once.",
        blind: "Effects outside the state machine. Attempts that take effect after the evidence ends.",
        needs: &["history", "applied"],
        safety: false,
        judge: Judge::Test(rpc_semantics),
    },
    Gate {
        id: "commands.unknown-resolved",
        title: "every unknown outcome is settled",
        proves: "Every command whose client was left without an answer is applied by all members or by none, and none that was reported \
                 failed took effect.",
        blind: "A command that takes effect after the evidence of applications ends.",
        needs: &["history", "applied"],
        safety: false,
        judge: Judge::Test(unknown_resolved),
    },
];

/// The applications of a test and what they leave uncovered.
struct Applies<'e> {
    rows: Rows<'e, Application>,
    all: Applications<RowId>,
    /// Why nothing can pass on them, if they do not cover the cluster.
    uncovered: Option<Flaw>,
}

fn applies<'e>(cx: &TestCx<'e>) -> Result<Applies<'e>, Gap> {
    let rows = cx.rows::<Application>()?;
    let recoveries = cx.rows_if_bound::<Recovery>()?.map(|rows| {
        let mut counts: BTreeMap<Sym, usize> = BTreeMap::new();
        rows.iter().for_each(|(_, r)| *counts.entry(r.member).or_default() += 1);
        counts
    });
    let all = Applications::read(&rows, recoveries);
    let uncovered = uncovered(cx, &all.members).map(|(why, names)| {
        let finding = Finding::new("members-not-covered").with("members", names);
        Flaw::new(i64::MIN, why, Finding { sources: rows.files(), ..finding })
    });
    Ok(Applies { rows, all, uncovered })
}

/// Members of the cluster without applications, or names that the contract does not know.
fn uncovered(cx: &TestCx<'_>, members: &BTreeSet<Sym>) -> Option<(String, String)> {
    let present: BTreeSet<&str> = members.iter().map(|m| cx.evidence().text(*m)).collect();
    let declared = &cx.contract().cluster.members;
    let resource = |name: &str| cx.contract().resources.iter().any(|r| r.name.value == name);
    let strange: Vec<&str> =
        present.iter().copied().filter(|name| !declared.iter().any(|d| d == name) && !resource(name)).collect();
    if !strange.is_empty() {
        let names = strange.join(", ");
        return Some((
            format!("commands were applied at {names}, which the contract declares as neither member nor resource"),
            names,
        ));
    }
    let cluster = declared.iter().any(|d| present.contains(d.as_str()));
    let missing: Vec<&str> = declared.iter().map(String::as_str).filter(|d| cluster && !present.contains(d)).collect();
    if missing.is_empty() {
        None
    } else {
        Some((format!("no applications of {} are recorded", missing.join(", ")), missing.join(", ")))
    }
}

impl Applies<'_> {
    fn command(&self, cx: &TestCx<'_>, claim: &str, command: Sym) -> Finding {
        let mut finding = Finding::new(claim).with("command", cx.evidence().text(command));
        finding.sources.extend(self.all.of(command).iter().take(5).map(|a| self.rows.source(a.row)));
        finding
    }
}

fn names(cx: &TestCx<'_>, members: &[Sym]) -> String {
    members.iter().map(|m| cx.evidence().text(*m)).collect::<Vec<_>>().join(", ")
}

fn difference(id: &str, formula: &str, symbol: &str, a: usize, b: usize) -> Figure {
    let value = (a as i64).saturating_sub(b as i64).to_string();
    Figure {
        id: id.into(),
        symbol: symbol.into(),
        formula: formula.into(),
        substitution: format!("{a} − {b} = {value}"),
        value,
        unit: String::new(),
        sources: Vec::new(),
    }
}

fn no_duplicates(cx: &TestCx<'_>) -> Judged {
    let applies = applies(cx)?;
    let mut tally =
        Tally { judged: applies.all.len(), doubts: applies.uncovered.clone().into_iter().collect(), ..Tally::default() };
    let (mut effects, mut distinct) = (0, 0);
    let mut repeated: BTreeMap<Sym, Flaw> = BTreeMap::new();
    for chunk in applies.all.each() {
        let times = applies.all.times(chunk);
        effects += times.least;
        distinct += 1;
        let (command, member) = (cx.evidence().text(chunk[0].command), cx.evidence().text(chunk[0].member));
        let finding = |claim: &str| {
            let mut finding = Finding::new(claim).with("command", command).with("member", member).with("times", times.most);
            finding.sources.extend(chunk.iter().take(5).map(|a| applies.rows.source(a.row)));
            finding
        };
        if times.least > 1 {
            let why = format!("command {command} was applied {} times on {member}", times.least);
            let flaw = Flaw::new(times.least as i64, why, finding("applied-twice"));
            match repeated.get_mut(&chunk[0].command) {
                Some(worst) if worst.weight >= flaw.weight => {}
                _ => _ = repeated.insert(chunk[0].command, flaw),
            }
        } else if times.most > 1 {
            let why = format!("nothing shows whether command {command} was applied once or {} times on {member}", times.most);
            tally.doubts.push(Flaw::new(times.most as i64, why, finding("replay-unclear")));
        }
    }
    // One fault a command, at the member that applied it most often: all members of one log repeat it alike.
    let commands = repeated.len();
    tally.faults = repeated.into_values().collect();
    let pass = format!(
        "{} applied {} in all, each once",
        plural(applies.all.members.len(), "member", "members"),
        plural(distinct, "command", "commands")
    );
    let figure = difference("duplicates", "N_duplicate = Σ count(cmd_id) − |{cmd_id}|", "N_duplicate", effects, distinct);
    let measured = plural(effects.saturating_sub(distinct), "duplicate", "duplicates");
    let repeated = Figure {
        id: "commands-repeated".into(),
        symbol: "n".into(),
        formula: "|{cmd_id : count(cmd_id) > 1 at some member}|".into(),
        substitution: commands.to_string(),
        value: commands.to_string(),
        unit: "commands".into(),
        sources: Vec::new(),
    };
    let objective = format!("≤ {}", cx.contract().objectives.duplicate_executions);
    Ok(tally.conclude(pass, "").figure(figure).figure(repeated).against(objective, measured, ""))
}

/// Commands that the logs show as committed and that must have taken effect: not those that a state machine may have refused.
fn committed(cx: &TestCx<'_>, told: &Answers) -> Result<BTreeSet<Sym>, Gap> {
    let Some(log) = cx.rows_if_bound::<Entry>()? else { return Ok(BTreeSet::new()) };
    let entries = log.iter().filter(|(_, e)| e.state == EntryState::Committed).filter_map(|(_, e)| e.command_id);
    let refused = |t: &Told| t.ok.is_none() && (t.conditional || (t.unknown.is_none() && t.fail.is_some()));
    Ok(entries.filter(|c| !told.commands.get(c).is_some_and(refused)).collect())
}

fn none_missing(cx: &TestCx<'_>) -> Judged {
    let history = cx.rows::<Operation>()?;
    let applies = applies(cx)?;
    let told = answers(&history);
    let acknowledged = told.commands.iter().filter(|(_, t)| t.ok.is_some()).map(|(c, _)| *c);
    let due: BTreeSet<Sym> = acknowledged.chain(committed(cx, &told)?).collect();
    let mut tally = Tally { judged: due.len(), doubts: applies.uncovered.clone().into_iter().collect(), ..Tally::default() };
    let recovered: BTreeSet<Sym> =
        cx.rows_if_bound::<Recovery>()?.map(|r| r.iter().map(|(_, r)| r.member).collect()).unwrap_or_default();
    let mut applied = 0;
    for command in &due {
        let text = cx.evidence().text(*command);
        let finding = |claim: &str| {
            let finding = applies.command(cx, claim, *command);
            match told.commands.get(command).and_then(|t| t.ok) {
                Some(row) => finding.source(history.source(row)),
                None => finding,
            }
        };
        if applies.all.of(*command).is_empty() {
            let flaw = Flaw::new(2, format!("committed command {text} was applied nowhere"), finding("command-lost"));
            if applies.uncovered.is_none() {
                tally.faults.push(flaw)
            } else {
                tally.doubts.push(flaw)
            }
            continue;
        }
        let (past, behind) = applies.all.without(*command);
        let (restored, skipped): (Vec<Sym>, Vec<Sym>) = past.into_iter().partition(|m| recovered.contains(m));
        if skipped.is_empty() && restored.is_empty() && behind.is_empty() {
            applied += 1;
        } else if !skipped.is_empty() {
            let why = format!("committed command {text} was skipped by {}", names(cx, &skipped));
            tally.faults.push(Flaw::new(1, why, finding("command-skipped").with("members", names(cx, &skipped))));
        } else {
            let members = names(cx, &[restored, behind].concat());
            let why =
                format!("committed command {text} is not shown to be applied by {members}: behind, or restored from a snapshot");
            tally.doubts.push(Flaw::new(1, why, finding("command-not-shown").with("members", members)));
        }
    }
    if let (n, Some(row)) = told.nameless_ok {
        let why = format!("{n} acknowledged operations have no command id, so nothing shows that they were applied");
        tally.doubts.push(Flaw::new(0, why, Finding::new("no-command-id").with("operations", n).source(history.source(row))));
    }
    let pass = format!(
        "{} applied by {}",
        plural(due.len(), "committed command, the only one, was", "committed commands were all"),
        plural(applies.all.members.len(), "member", "members")
    );
    let figure = difference("missing", "N_committed − C_applied", "N_missing", due.len(), applied);
    let measured = format!("{} missing", figure.value);
    let judgement = if due.is_empty() && tally.doubts.is_empty() {
        Judgement::inconclusive("no command was acknowledged", 0)
    } else {
        tally.conclude(pass, "")
    };
    let lost = format!("≤ {}", cx.contract().objectives.lost_commits);
    Ok(judgement.figure(figure).against(lost, measured, ""))
}

fn rpc_semantics(cx: &TestCx<'_>) -> Judged {
    let history = cx.rows::<Operation>()?;
    let applies = applies(cx)?;
    let told = answers(&history);
    let mut tally =
        Tally { judged: told.commands.len(), doubts: applies.uncovered.clone().into_iter().collect(), ..Tally::default() };
    let mut undeclared: Option<(u64, Flaw)> = None;
    for (command, told) in &told.commands {
        let text = cx.evidence().text(*command);
        let times = applies.all.most_times(*command);
        let Some(semantics) = endpoint(cx, told.endpoint).and_then(|e| e.semantics) else {
            let why = format!("the endpoint of command {text} declares no semantics");
            let flaw = || Flaw::new(0, why, Finding::new("semantics-undeclared").with("command", text));
            undeclared = Some(undeclared.map_or_else(|| (1, flaw()), |(n, flaw)| (n + 1, flaw)));
            continue;
        };
        let finding =
            |claim: &str| applies.command(cx, claim, *command).with("semantics", semantics.word()).with("applied", times.least);
        let repeats = semantics != Semantics::AtLeastOnce;
        if repeats && times.least > 1 {
            let why = format!("command {text} was applied {} times, its endpoint is {}", times.least, semantics.word());
            tally.faults.push(Flaw::new(times.least as i64, why, finding("applied-again")));
        } else if let (Some(row), 0) = (told.ok, times.most) {
            let why = format!("command {text} was acknowledged and never applied, its endpoint is {}", semantics.word());
            let flaw = Flaw::new(0, why, finding("never-applied").source(history.source(row)));
            if applies.uncovered.is_none() { tally.faults.push(flaw) } else { tally.doubts.push(flaw) }
        } else if repeats && times.most > 1 {
            let why = format!("nothing shows whether command {text} was applied once or {} times", times.most);
            tally.doubts.push(Flaw::new(0, why, finding("replay-unclear")));
        }
    }
    tally.doubts.extend(undeclared.map(|(n, flaw)| Flaw { finding: flaw.finding.with("commands", n), ..flaw }));
    let nameless = told.nameless_ok.0 + told.nameless_unknown.0;
    if let Some(row) = told.nameless_ok.1.or(told.nameless_unknown.1) {
        let why = format!("{nameless} operations have no command id, so nothing shows how often they took effect");
        tally.doubts.push(Flaw::new(0, why, Finding::new("no-command-id").source(history.source(row))));
    }
    let pass = format!("each of {} commands took effect as often as its endpoint declares", told.commands.len());
    Ok(tally.conclude(pass, "no operation changed state"))
}

fn unknown_resolved(cx: &TestCx<'_>) -> Judged {
    let history = cx.rows::<Operation>()?;
    let applies = applies(cx)?;
    let told = answers(&history);
    let mut tally = Tally::default();
    let mut settled = (0usize, 0usize);
    for (command, told) in &told.commands {
        let text = cx.evidence().text(*command);
        let shown = applies.all.of(*command);
        let finding = |claim: &str, row: RowId| applies.command(cx, claim, *command).source(history.source(row));
        if let (None, None, Some(row), false) = (told.ok, told.unknown, told.fail, shown.is_empty()) {
            let why = format!("command {text} was reported failed and was applied");
            tally.faults.push(Flaw::new(1, why, finding("failed-but-applied", row)));
        }
        let Some(row) = told.unknown else { continue };
        tally.judged += 1;
        if shown.is_empty() {
            if told.ok.is_some() {
                let why = format!("command {text} was left unknown, then acknowledged, and is applied nowhere");
                let flaw = Flaw::new(2, why, finding("acknowledged-not-applied", row));
                if applies.uncovered.is_none() { tally.faults.push(flaw) } else { tally.doubts.push(flaw) }
            }
            settled.1 += 1;
            continue;
        }
        let (past, behind) = applies.all.without(*command);
        if past.is_empty() && behind.is_empty() {
            settled.0 += 1;
        } else if past.is_empty()
            && behind.iter().all(|m| applies.all.highest.contains_key(m))
            && shown.iter().all(|a| a.index.is_some())
        {
            let why = format!("unknown command {text} was applied, and {} had not come that far", names(cx, &behind));
            tally.doubts.push(Flaw::new(0, why, finding("member-behind", row)));
        } else {
            let without = names(cx, &[past, behind].concat());
            let why = format!("unknown command {text} was applied by some members and not by {without}");
            tally.faults.push(Flaw::new(2, why, finding("applied-by-some", row).with("not-applied-by", without)));
        }
    }
    if tally.judged > 0 {
        tally.doubts.extend(applies.uncovered.clone());
    }
    if let (n, Some(row)) = told.nameless_unknown {
        let why = format!("{n} operations with unknown outcome have no command id, so nothing settles them");
        tally.doubts.push(Flaw::new(1, why, Finding::new("no-command-id").with("operations", n).source(history.source(row))));
    }
    let unknown = tally.judged;
    let pass = format!(
        "of {} with unknown outcome {} applied and {} not; none both",
        plural(unknown, "command", "commands"),
        plural(settled.0, "was", "were"),
        plural(settled.1, "was", "were")
    );
    let measured = format!("{} settled", settled.0 + settled.1);
    Ok(tally.conclude(pass, "no outcome was left unknown").against(format!("= {unknown}"), measured, ""))
}
