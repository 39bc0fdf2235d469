//! Retries: how often a client tried each command, and how long it paused between.
//!
//! In: attempts. Out: the number of attempts of each command and the pauses by retry. Attempts of one client for one command belong
//! together, also when the client goes on under a new process. Pauses are taken within one clock. Refuses to know endpoints.

use crate::evidence::symbol::Sym;
use std::collections::BTreeMap;

/// One attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Try<'e, Row> {
    /// Who tried.
    pub client: Sym,
    /// The command.
    pub command: Sym,
    /// Its number, when it has one.
    pub number: Option<i64>,
    /// When it was sent, in ns.
    pub invoke: i64,
    /// When its answer came, in ns.
    pub returned: Option<i64>,
    /// The clock of both.
    pub clock: &'e str,
    /// The record.
    pub row: Row,
}

/// All attempts of one client for one command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried<Row> {
    /// Who tried.
    pub client: Sym,
    /// The command.
    pub command: Sym,
    /// How many attempts there were: records, or the highest number if that is more.
    pub attempts: u64,
    /// The pause before each retry, in ns; `None` where two clocks meet.
    pub pauses: Vec<Option<i64>>,
    /// The last attempt.
    pub last: Row,
}

/// Puts attempts together by client and command.
#[must_use]
pub fn tried<Row: Copy>(list: Vec<Try<'_, Row>>) -> Vec<Tried<Row>> {
    let mut groups: BTreeMap<(Sym, Sym), Vec<Try<'_, Row>>> = BTreeMap::new();
    for attempt in list {
        groups.entry((attempt.client, attempt.command)).or_default().push(attempt);
    }
    let make = |((client, command), mut list): ((Sym, Sym), Vec<Try<'_, Row>>)| {
        list.sort_by_key(|a| (a.invoke, a.number));
        let last = list.last()?.row;
        let highest = list.iter().filter_map(|a| a.number).max().and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
        let pauses = list.windows(2).map(|pair| {
            let (a, b) = (&pair[0], &pair[1]);
            let end = a.returned.unwrap_or(a.invoke).max(a.invoke);
            (a.clock == b.clock).then(|| b.invoke.saturating_sub(end).max(0))
        });
        Some(Tried { client, command, attempts: (list.len() as u64).max(highest), pauses: pauses.collect(), last })
    };
    groups.into_iter().filter_map(make).collect()
}

/// The fewest pauses of the same retry on which jitter is judged.
pub const ENOUGH: usize = 5;

/// What pauses of the same retry show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spread {
    /// Too few pauses.
    TooFew,
    /// They differ by at most a hundredth of the longest.
    Equal,
    /// They differ by less than a tenth: timers alone may do that.
    Slight,
    /// They differ by a tenth or more.
    Jittered,
}

/// How far pauses of the same retry lie apart.
#[must_use]
pub fn spread(pauses: &[i64]) -> Spread {
    let (Some(min), Some(max)) = (pauses.iter().min(), pauses.iter().max()) else { return Spread::TooFew };
    let apart = i128::from(*max) - i128::from(*min);
    match () {
        () if pauses.len() < ENOUGH => Spread::TooFew,
        () if apart * 100 <= i128::from(*max) => Spread::Equal,
        () if apart * 10 < i128::from(*max) => Spread::Slight,
        () => Spread::Jittered,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(client: u32, number: Option<i64>, invoke: i64, returned: Option<i64>) -> Try<'static, i64> {
        Try { client: Sym(client), command: Sym(9), number, invoke, returned, clock: "c", row: invoke }
    }

    #[test]
    fn attempts_belong_to_client_and_command() {
        let list = vec![
            attempt(1, None, 50, Some(60)),
            attempt(1, None, 0, Some(10)),
            attempt(2, Some(4), 7, None),
            attempt(1, None, 55, None),
        ];
        let tried = tried(list);
        assert_eq!((tried[0].attempts, tried[0].last), (3, 55));
        assert_eq!(tried[0].pauses, [Some(40), Some(0)]);
        assert_eq!((tried[1].attempts, tried[1].pauses.len()), (4, 0));
    }

    #[test]
    fn spread_needs_enough_pauses() {
        assert_eq!(spread(&[1, 2, 3, 4]), Spread::TooFew);
        assert_eq!(spread(&[100, 100, 100, 100, 100]), Spread::Equal);
        assert_eq!(spread(&[100, 100, 100, 100, 109]), Spread::Slight);
        assert_eq!(spread(&[100, 100, 100, 100, 150]), Spread::Jittered);
        assert_eq!(spread(&[0; 5]), Spread::Equal);
    }
}
