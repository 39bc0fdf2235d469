//! The gate on retries: how often clients tried, and how long they paused.
//!
//! In: attempts, or a history with one record an attempt. Out: a judgement. Refuses to know what became of the commands.

use super::TestCx;
use super::endpoints::endpoint;
use crate::contract::{Backoff, Endpoint};
use crate::evidence::clocks::key;
use crate::evidence::kinds::{Attempt, AttemptResult, Operation};
use crate::evidence::symbol::Sym;
use crate::evidence::{RowId, Rows};
use crate::exact::millis;
use crate::judge::retries::{Begins, ENOUGH, Spread, Tried, Try, spread, tried};
use crate::judge::tally::{Flaw, Tally};
use crate::verdict::{Figure, Finding, Gap, Judged, Judgement, SourceRef, Verdict};
use std::collections::BTreeMap;

/// All commands with their attempts, and a way back to the records.
struct Attempts<'e> {
    tried: Vec<Tried<RowId>>,
    source: Box<dyn Fn(RowId) -> SourceRef + 'e>,
}

fn of_attempts<'e>(rows: Rows<'e, Attempt>, history: &Rows<'e, Operation>) -> Result<Attempts<'e>, Gap> {
    let begins = begins(&rows, history)?;
    let list = rows.iter().map(|(row, a)| Try {
        client: a.client,
        command: a.command_id,
        number: a.attempt,
        invoke: a.invoke.0,
        returned: a.returned.map(|r| r.0),
        sent: a.result != AttemptResult::NotSent,
        clock: key(&rows.part(row).clock),
        row,
    });
    Ok(Attempts { tried: tried(list.collect(), &begins), source: Box::new(move |row| rows.source(row)) })
}

/// When operations began, as early as clocks allow; none where every command is one operation, which needs no times.
///
/// # Errors
/// A gap when a command is several operations, and the clocks of attempts and operations are not bounded.
fn begins(attempts: &Rows<'_, Attempt>, history: &Rows<'_, Operation>) -> Result<Begins, Gap> {
    let mut begins = Begins::new();
    for (_, op) in history.iter() {
        if let Some(command) = op.command_id {
            begins.entry((op.client, command)).or_default().push(op.invoke.0);
        }
    }
    let widening = match attempts.beside(history) {
        Ok(widening) => widening,
        Err(_) if begins.values().all(|list| list.len() < 2) => return Ok(Begins::new()),
        Err(gap) => return Err(gap),
    };
    for list in begins.values_mut() {
        list.iter_mut().for_each(|t| *t = t.saturating_sub(widening));
        list.sort_unstable();
    }
    Ok(begins)
}

/// A history counts when its records are numbered attempts.
fn of_history<'e>(rows: Rows<'e, Operation>) -> Option<Attempts<'e>> {
    let numbered: Vec<(RowId, Operation)> = rows.iter().filter(|(_, op)| op.attempt.is_some()).collect();
    if numbered.is_empty() {
        return None;
    }
    let list = numbered.into_iter().filter_map(|(row, op)| {
        Some(Try {
            client: op.client,
            command: op.command_id?,
            number: op.attempt,
            invoke: op.invoke.0,
            returned: op.returned.map(|r| r.0),
            sent: true,
            clock: key(&rows.part(row).clock),
            row,
        })
    });
    let tried = tried(list.collect(), &Begins::new());
    Some(Attempts { tried, source: Box::new(move |row| rows.source(row)) })
}

/// The most attempts of any command, beside its limit.
fn figure(most: u64, limit: u64, source: SourceRef) -> Figure {
    Figure {
        id: "attempts".into(),
        symbol: "N_attempts".into(),
        formula: "N_attempts ≤ 1 + limit".into(),
        substitution: format!("{most} {} 1 + {limit}", if most <= limit.saturating_add(1) { "≤" } else { ">" }),
        value: most.to_string(),
        unit: String::new(),
        sources: vec![source],
    }
}

/// Judges attempts against the limit and backoff of their endpoints.
pub(super) fn retry_limit(cx: &TestCx<'_>) -> Judged {
    let history = cx.rows::<Operation>()?;
    let endpoints: BTreeMap<Sym, Option<Sym>> =
        history.iter().filter_map(|(_, op)| Some((op.command_id?, op.endpoint))).collect();
    let found = match cx.rows_if_bound::<Attempt>()? {
        Some(rows) => Some(of_attempts(rows, &history)?),
        None => of_history(history),
    };
    let Some(attempts) = found else { return Ok(Judgement::not_exercised("the test records no attempts", 0)) };
    let mut tally = Tally::default();
    let mut most: Option<(u64, u64, RowId)> = None;
    let mut pauses: BTreeMap<&str, (&Endpoint, Vec<Vec<i64>>)> = BTreeMap::new();
    for tried in &attempts.tried {
        let command = cx.evidence().text(tried.command);
        let finding = |claim: &str| {
            let finding = Finding::new(claim).with("command", command).with("client", cx.evidence().text(tried.client));
            finding.with("attempts", tried.attempts).source((attempts.source)(tried.last))
        };
        let found = endpoint(cx, endpoints.get(&tried.command).copied().flatten());
        let Some((found, (limit, backoff))) = found.and_then(|e| Some((e, e.retry?))) else {
            if tried.attempts > 1 {
                let why = format!("the endpoint of command {command} declares no retry");
                tally.doubts.push(Flaw::new(0, why, finding("retry-undeclared")));
            }
            continue;
        };
        tally.judged += usize::from(tried.attempts > 1);
        if tried.attempts > limit.saturating_add(1) {
            let why = format!("command {command} was tried {} times, 1 + {limit} are declared", tried.attempts);
            let weight = i64::try_from(tried.attempts).unwrap_or(i64::MAX);
            tally.faults.push(Flaw::new(weight, why, finding("retried-too-often").with("limit", limit)));
        }
        if backoff == Backoff::Exponential
            && tried.pauses.windows(2).any(|p| matches!((p[0], p[1]), (Some(a), Some(b)) if b <= a))
        {
            let why = format!("a later pause of command {command} is not longer, its endpoint declares exponential backoff");
            tally.faults.push(Flaw::new(0, why, finding("backoff-not-rising")));
        }
        let by_retry = &mut pauses.entry(found.name.value.as_str()).or_insert((found, Vec::new())).1;
        for (at, pause) in tried.pauses.iter().enumerate() {
            if by_retry.len() <= at {
                by_retry.push(Vec::new());
            }
            by_retry[at].extend(pause);
        }
        if most.is_none_or(|m| tried.attempts > m.0) {
            most = Some((tried.attempts, limit, tried.last));
        }
    }
    let said: Vec<(String, bool)> = pauses.into_values().map(|(e, by_retry)| backoff(e, &by_retry, &mut tally)).collect();
    let shown = said.iter().all(|(_, shown)| *shown);
    let notes: Vec<String> = said.into_iter().map(|(note, _)| note).collect();
    let Some((number, limit, row)) = most else { return Ok(tally.conclude("", "no command was retried")) };
    let anew = match attempts.tried.iter().filter(|t| t.again).count() {
        0 => String::new(),
        n => format!("; {n} operations delivered a command anew"),
    };
    let pass = format!("no command was tried more than {number} times, 1 + {limit} are allowed; {}{anew}", notes.join("; "));
    let judgement = tally.conclude(pass, "no command was retried");
    // Too few pauses show no jitter: another test has to.
    let judgement = if judgement.verdict == Verdict::Pass && !shown {
        Judgement::not_exercised(judgement.why, attempts.tried.len())
    } else {
        judgement
    };
    let judgement = judgement.figure(figure(number, limit, (attempts.source)(row)));
    let room = limit.saturating_add(1).saturating_sub(number);
    Ok(judgement.against(format!("≤ {} attempts", limit.saturating_add(1)), format!("{number} attempts"), room.to_string()))
}

/// Judges the pauses of an endpoint and says what they show, and whether they show what is declared.
fn backoff(endpoint: &Endpoint, by_retry: &[Vec<i64>], tally: &mut Tally) -> (String, bool) {
    let all = || by_retry.iter().flatten();
    let (Some(min), Some(max)) = (all().min(), all().max()) else { return ("no pause was measured".into(), false) };
    let measured = format!("pauses of {} to {} ms", millis(*min), millis(*max));
    if endpoint.retry.is_none_or(|r| r.1 != Backoff::Jittered) {
        return (measured, true);
    }
    let spreads: Vec<Spread> = by_retry.iter().map(|pauses| spread(pauses)).collect();
    let finding = |claim: &str| Finding::new(claim).with("endpoint", &endpoint.name.value).with("pauses", &measured);
    if spreads.contains(&Spread::Equal) {
        let why = format!("{measured} at endpoint {} hardly differ, jitter is declared", endpoint.name.value);
        tally.faults.push(Flaw::new(0, why, finding("not-jittered")));
    } else if spreads.contains(&Spread::Slight) {
        let why = format!("{measured} at endpoint {} differ no more than timers do", endpoint.name.value);
        tally.doubts.push(Flaw::new(0, why, finding("jitter-unclear")));
    } else if !spreads.contains(&Spread::Jittered) {
        return (format!("{measured}, fewer than {ENOUGH} of one kind: too few to judge jitter"), false);
    }
    (format!("{measured}, jittered"), true)
}
