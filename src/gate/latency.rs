//! Latency: percentiles against their objectives, the load they were measured under, and retries against the tail.
//!
//! Each test is judged by itself and never pooled with others: a quiet baseline must not hide a bad failover. A test with fewer
//! operations than a bound needs does not decide, unless even its lower bound is above the objective; when no test has enough, the gate
//! is inconclusive and says how many it needs.

mod percentile;

use super::{Gate, Judge, TestCx};
use crate::contract::Generator;
use crate::evidence::Rows;
use crate::evidence::kinds::{Attempt, AttemptResult, Injection, Operation, Outcome, Run};
use crate::evidence::record::Record;
use crate::evidence::symbol::Sym;
use crate::exact::Ratio;
use crate::figure::percentile::{DEFINITION, nearest_rank};
use crate::judge::latency::{Class, Order, Timed, Windows};
use crate::verdict::{Figure, Gap, Judged, Judgement};
use percentile::{read_p99, shown, write_p99};
use std::collections::{BTreeMap, BTreeSet};

pub(super) const GATES: &[Gate] = &[
    Gate {
        id: "latency.write-p99",
        title: "p99 of writes is within its objective",
        proves: "In every test with enough writes, sent open-loop where a load is declared, the upper confidence bound of the 99th percentile of write latency, from order statistics over the raw \
                 records, is within the objective. Writes of unknown outcome count with the time they took, writes that never returned as endless.",
        blind: "Operations are taken as alike and independent. Writes that were surely refused are left out, and under the scope outside-recovery so are \
                those in flight during a recovery. A test with too few writes decides only when it is surely too slow. Only what the clients \
                measured is seen.",
        needs: &["history"],
        safety: false,
        judge: Judge::Test(write_p99),
    },
    Gate {
        id: "latency.read-p99",
        title: "p99 of reads is within its objective",
        proves: "In every test with enough reads, sent open-loop where a load is declared, the upper confidence bound of the 99th percentile of read latency, from order statistics over the raw \
                 records, is within the objective. Reads of unknown outcome count with the time they took, reads that never returned as endless.",
        blind: "Operations are taken as alike and independent. Reads that were refused are left out, and under the scope outside-recovery so are those \
                in flight during a recovery. A test with too few reads decides only when it is surely too slow. Only what the clients measured \
                is seen.",
        needs: &["history"],
        safety: false,
        judge: Judge::Test(read_p99),
    },
    Gate {
        id: "latency.load-held",
        title: "the declared load was offered",
        proves: "An open-loop generator sent writes and reads at the declared share of the declared rates over the whole load window, counted from the \
                 records and bounded by the uncertainty of the window.",
        blind: "It takes the matrix's word that the generator is open. Rates are means over the window: a pause made good by a burst is not seen. Tests \
                that are no baseline and state no generator are not held to the load.",
        needs: &["history", "run"],
        safety: false,
        judge: Judge::Test(load_held),
    },
    Gate {
        id: "latency.tail-shift",
        title: "retries stay bounded while a fault lasts",
        proves: "In the worst fault, the commands in flight were tried no more often, on average, than the contract allows; the tail of commands that \
                 were tried again is shown beside that of those that were not.",
        blind: "It counts attempts that clients recorded, not those that proxies or libraries made below them, and only of operations that carry a \
                command id. It cannot tell whether slow answers caused retries or retries caused slow answers.",
        needs: &["history", "attempts", "faults"],
        safety: false,
        judge: Judge::Test(tail_shift),
    },
];

fn p99() -> Ratio {
    Ratio::new(99, 100).unwrap_or(Ratio::ONE)
}

/// The rates at which operations were surely sent, and at most, over load windows.
struct Rate {
    least: Ratio,
    most: Ratio,
}

fn load_held(cx: &TestCx<'_>) -> Judged {
    if cx.test.generator.is_none() && !cx.test.plan.iter().any(|p| p == "baseline") {
        return Ok(Judgement::not_exercised("the test is no baseline and states no generator", 0));
    }
    let load = cx.contract().load.as_ref().ok_or_else(|| Gap::new("the contract declares no load"))?;
    let (rows, runs) = (cx.rows::<Operation>()?, cx.rows::<Run>()?);
    match cx.test.generator {
        Some(Generator::Open) => {}
        Some(Generator::Closed) => {
            let why = "coordinated omission: a closed-loop generator waits for slow answers, so it cannot show that an open load was held";
            return Ok(Judgement::inconclusive(why, rows.len()));
        }
        None => return Err(Gap::new("the test does not state its generator, so it is not known whether the load was open")),
    }
    let widening = rows.beside(&runs)?;
    let spans: Vec<Run> = runs.iter().map(|(_, run)| run.widened(widening)).collect();
    let mut figures = Vec::new();
    let mut worst: Option<(Class, Judgement)> = None;
    for (class, declared) in [(Class::Write, load.writes_per_second), (Class::Read, load.reads_per_second)] {
        let wanted = declared.mul(load.held).ok_or_else(|| Gap::new("the declared rate is too long a number"))?;
        let rate = rate(&rows, class, &spans).ok_or_else(|| Gap::new("the load window has no length"))?;
        figures.push(rate_figure(cx, class, &rate, declared));
        let judgement = held(class, &rate, wanted, rows.len());
        if worst.as_ref().is_none_or(|(_, w)| judgement.verdict > w.verdict) {
            worst = Some((class, judgement));
        }
    }
    let judgement = worst.map_or_else(|| Judgement::inconclusive("no class of operations", 0), |w| w.1);
    Ok(Judgement { figures, ..judgement })
}

fn held(class: Class, rate: &Rate, wanted: Ratio, judged: usize) -> Judgement {
    let word = class.word();
    let (objective, least) = (format!("≥ {wanted} {word}s/s"), rate.least.decimal(3));
    if rate.least >= wanted {
        let margin = rate.least.sub(wanted).unwrap_or(Ratio::ZERO).decimal(3);
        Judgement::pass("writes and reads were sent at the declared rates", judged).against(
            objective,
            format!("{least} {word}s/s"),
            format!("{margin} {word}s/s"),
        )
    } else if rate.most < wanted {
        let most = rate.most.decimal(3);
        Judgement::fail(format!("{word}s were sent at {most}/s at most, below {wanted}/s"), judged).against(
            objective,
            format!("{most} {word}s/s at most"),
            "",
        )
    } else {
        let why = format!("the bounds of the load window leave open whether {word}s reached {wanted}/s ({least}/s at least)");
        Judgement::inconclusive(why, judged).against(objective, format!("{least} {word}s/s at least"), "")
    }
}

fn rate(rows: &Rows<'_, Operation>, class: Class, spans: &[Run]) -> Option<Rate> {
    let surely = Windows::new(spans.iter().map(|s| (s.start_hi.0, s.stop_lo.0.max(s.start_hi.0))).collect());
    let perhaps = Windows::new(spans.iter().map(|s| (s.start_lo.0, s.stop_hi.0.max(s.start_lo.0))).collect());
    let sent = |windows: &Windows| {
        rows.iter().filter(|(_, op)| Class::of(op.op) == class && windows.touch(op.invoke.0, op.invoke.0)).count()
    };
    let per_second = |count: usize, ns: i128| Ratio::new(i128::try_from(count).ok()?.checked_mul(1_000_000_000)?, ns);
    Some(Rate { least: per_second(sent(&surely), perhaps.length())?, most: per_second(sent(&perhaps), surely.length())? })
}

fn rate_figure(cx: &TestCx<'_>, class: Class, rate: &Rate, declared: Ratio) -> Figure {
    let load = cx.contract().load.as_ref();
    Figure {
        id: format!("{}-rate", class.word()),
        symbol: if class == Class::Write { "λ_w".into() } else { "λ_r".into() },
        formula: "operations sent in the load window / its length".into(),
        substitution: format!(
            "from {} to {} by the bounds of the window; declared {declared}",
            rate.least.decimal(3),
            rate.most.decimal(3)
        ),
        value: rate.least.decimal(3),
        unit: "1/s".into(),
        sources: load.map(|l| cx.release.declared(l.span)).into_iter().collect(),
    }
}

/// A command: who sent it, and its id.
type Command = (Sym, Sym);

/// Attempts and commands in one fault, as many an operation as the clocks allow, and the least share of attempts that they allow.
struct Amplified {
    fault: Sym,
    commands: BTreeSet<Command>,
    attempts: u64,
    least: Option<Ratio>,
}

/// The commands surely in flight during a fault with those that may have been: the most attempts an operation that any choice of them gives, and the
/// least. A choice of the commands with the most (least) attempts first, for as long as they raise (lower) the average, gives both.
fn amplified(fault: Sym, sure: BTreeSet<Command>, edge: &BTreeSet<Command>, sent: &BTreeMap<Command, u64>) -> Amplified {
    let tries = |c: &Command| sent.get(c).copied().unwrap_or(0);
    let total: u64 = sure.iter().map(tries).sum();
    let mut extra: Vec<(u64, Command)> = edge.difference(&sure).map(|c| (tries(c), *c)).collect();
    extra.sort_unstable();
    let (mut sum, mut count) = (total, sure.len() as u64);
    for (n, _) in &extra {
        if count > 0 && n.saturating_mul(count) < sum {
            (sum, count) = (sum + n, count + 1);
        }
    }
    let least = Ratio::new(i128::from(sum), i128::from(count));
    let (mut commands, mut attempts) = (sure, total);
    for (n, command) in extra.into_iter().rev() {
        if n.saturating_mul(commands.len() as u64) > attempts || commands.is_empty() {
            attempts += n;
            commands.insert(command);
        }
    }
    Amplified { fault, commands, attempts, least }
}

fn tail_shift(cx: &TestCx<'_>) -> Judged {
    let bound = cx.contract().objectives.retry_amplification;
    let bound = bound.ok_or_else(|| Gap::new("the contract declares no bound on attempts per operation while a fault lasts"))?;
    let (rows, attempts, faults) = (cx.rows::<Operation>()?, cx.rows::<Attempt>()?, cx.rows::<Injection>()?);
    let widening = rows.beside(&faults)?;
    let mut sent: BTreeMap<Command, u64> = BTreeMap::new();
    for (_, attempt) in attempts.iter() {
        *sent.entry((attempt.client, attempt.command_id)).or_default() += u64::from(attempt.result != AttemptResult::NotSent);
    }
    let mut struck: Vec<Amplified> = Vec::new();
    for (_, fault) in faults.iter() {
        let window = Windows::new(vec![(fault.start_lo.0, fault.stop_hi.map_or(i64::MAX, |s| s.0))]);
        let (narrow, window) = (window.grown(-widening), window.grown(widening));
        let (mut commands, mut edge) = (BTreeSet::new(), BTreeSet::new());
        let span = |op: &Operation| (op.invoke.0, op.returned.map_or(i64::MAX, |r| r.0));
        for (id, op) in rows.iter().filter(|(_, op)| window.touch(span(op).0, span(op).1)) {
            let Some(command) = op.command_id.map(|c| (op.client, c)) else { continue };
            match sent.get(&command) {
                Some(0) => {}
                Some(_) if narrow.touch(span(&op).0, span(&op).1) => _ = commands.insert(command),
                Some(_) => _ = edge.insert(command),
                None => {
                    let why = "a command in flight during a fault has no recorded attempt".into();
                    return Err(Gap { why, sources: vec![rows.source(id)] });
                }
            }
        }
        struck.push(amplified(fault.id, commands, &edge, &sent));
    }
    let share = |a: &Amplified| Ratio::new(i128::from(a.attempts), i128::try_from(a.commands.len()).ok()?);
    if let Some(idle) = struck.iter().find(|a| a.least.is_none()) {
        let why = format!("no traffic: no command with an id was in flight during fault {}", cx.evidence().text(idle.fault));
        return Ok(Judgement::inconclusive(why, 0));
    }
    let worst = struck.iter().filter_map(|a| Some((share(a)?, a))).max_by(|a, b| a.0.cmp(&b.0));
    let Some((factor, worst)) = worst else { return Ok(Judgement::inconclusive("no fault was judged", 0)) };
    let judged = struck.iter().map(|a| a.commands.len()).sum();
    let fault = cx.evidence().text(worst.fault);
    let (limit, shown) = (format!("≤ {bound} attempts per operation"), factor.decimal(3));
    let why = format!("{shown} attempts per operation during fault {fault} ({} of {})", worst.attempts, worst.commands.len());
    let least = struck.iter().filter_map(|a| a.least).max().unwrap_or(factor);
    let judgement = if factor > bound && least <= bound {
        Judgement::inconclusive(format!("{why}, above {bound} only if the clocks of faults and history stand so"), judged)
    } else if factor <= bound {
        let margin = bound.sub(factor).unwrap_or(Ratio::ZERO).decimal(3);
        Judgement::pass(why, judged).against(limit, shown.clone(), margin)
    } else {
        Judgement::fail(format!("{why}, above {bound}"), judged).against(limit, shown.clone(), "")
    };
    let figures = tails(&rows, &sent);
    Ok(Judgement { figures, ..judgement }.figure(Figure {
        id: "retry-amplification".into(),
        symbol: "A".into(),
        formula: "attempts / operations in flight during the worst fault".into(),
        substitution: format!("{} / {}", worst.attempts, worst.commands.len()),
        value: shown,
        unit: String::new(),
        sources: attempts.files(),
    }))
}

/// p99 of operations that were tried again beside that of those that were not.
fn tails(rows: &Rows<'_, Operation>, sent: &BTreeMap<Command, u64>) -> Vec<Figure> {
    let mut groups = [("retried", Vec::new()), ("first-try", Vec::new())];
    for (id, op) in rows.iter().filter(|(_, op)| op.result != Outcome::Fail) {
        let tries = op.command_id.and_then(|c| sent.get(&(op.client, c))).copied().unwrap_or(1);
        let ns = op.returned.map(|r| r.0.saturating_sub(op.invoke.0).max(0));
        if let Some(ns) = ns {
            groups[usize::from(tries <= 1)].1.push(Timed { ns, open: false, id });
        }
    }
    let p99_of = |(what, sample): (&str, Vec<Timed>)| {
        let n = sample.len() as u64;
        let rank = nearest_rank(p99(), n);
        let timed = Order::new(sample, rank).at_least(rank)?;
        Some(Figure {
            id: format!("p99-{what}"),
            symbol: "p99".into(),
            formula: DEFINITION.into(),
            substitution: format!("{what} operations that returned: x_({rank}) of {n}"),
            ..shown(rows, timed)
        })
    };
    groups.into_iter().filter_map(p99_of).collect()
}
