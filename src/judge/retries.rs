//! Retries: how often a client tried each command, and how long it paused between.
//!
//! In: attempts and the starts of operations. Out: the number of attempts of each operation and the pauses by retry. Attempts of
//! one client for one command belong together, also when the client goes on under a new process, unless the client began a new
//! operation for it: a command that is delivered anew. Pauses are taken within one clock. Refuses to know endpoints.

use crate::evidence::clocks::Key;
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
    /// Whether it left the client. After one that did not, trying elsewhere at once loads nobody.
    pub sent: bool,
    /// The clock of both.
    pub clock: Key<'e>,
    /// The record.
    pub row: Row,
}

/// All attempts of one operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried<Row> {
    /// Who tried.
    pub client: Sym,
    /// The command.
    pub command: Sym,
    /// How many attempts there were: records, or the highest number if that is more.
    pub attempts: u64,
    /// The pause before each retry of an attempt that was sent, in ns; `None` where two clocks meet.
    pub pauses: Vec<Option<i64>>,
    /// The last attempt.
    pub last: Row,
    /// Whether the client had ended an earlier operation for the same command.
    pub again: bool,
}

/// When the operations of a client for a command began, in order.
pub type Begins = BTreeMap<(Sym, Sym), Vec<i64>>;

/// Puts attempts together by client, command and operation. Where no start of an operation is known, numbers that begin again
/// mark a new one.
#[must_use]
pub fn tried<Row: Copy>(list: Vec<Try<'_, Row>>, begins: &Begins) -> Vec<Tried<Row>> {
    let mut groups: BTreeMap<(Sym, Sym), Vec<Try<'_, Row>>> = BTreeMap::new();
    for attempt in list {
        groups.entry((attempt.client, attempt.command)).or_default().push(attempt);
    }
    let mut result = Vec::new();
    for (key, mut list) in groups {
        list.sort_by_key(|a| (a.invoke, a.number));
        let begins = begins.get(&key).map_or(&[][..], Vec::as_slice);
        let operation = |a: &Try<'_, Row>| begins.partition_point(|b| *b <= a.invoke);
        let goes_on = |a: &Try<'_, Row>, b: &Try<'_, Row>| match (begins, a.number, b.number) {
            ([], Some(a), Some(b)) => b > a,
            ([], ..) => true,
            _ => operation(a) == operation(b),
        };
        let earlier = result.len();
        result.extend(list.chunk_by(goes_on).filter_map(one));
        result[earlier..].iter_mut().skip(1).for_each(|tried: &mut Tried<Row>| tried.again = true);
    }
    result
}

fn one<Row: Copy>(list: &[Try<'_, Row>]) -> Option<Tried<Row>> {
    let last = list.last()?;
    let highest = list.iter().filter_map(|a| a.number).max().and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
    let pauses = list.windows(2).filter(|pair| pair[0].sent).map(|pair| {
        let (a, b) = (&pair[0], &pair[1]);
        let end = a.returned.unwrap_or(a.invoke).max(a.invoke);
        (a.clock == b.clock).then(|| b.invoke.saturating_sub(end).max(0))
    });
    Some(Tried {
        client: last.client,
        command: last.command,
        attempts: (list.len() as u64).max(highest),
        pauses: pauses.collect(),
        last: last.row,
        again: false,
    })
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
        Try { client: Sym(client), command: Sym(9), number, invoke, returned, sent: true, clock: ("c", "monotonic"), row: invoke }
    }

    #[test]
    fn attempts_belong_to_client_and_command() {
        let list = vec![
            attempt(1, None, 50, Some(60)),
            attempt(1, None, 0, Some(10)),
            attempt(2, Some(4), 7, None),
            attempt(1, None, 55, None),
        ];
        let tried = tried(list, &Begins::new());
        assert_eq!((tried[0].attempts, tried[0].last), (3, 55));
        assert_eq!(tried[0].pauses, [Some(40), Some(0)]);
        assert_eq!((tried[1].attempts, tried[1].pauses.len()), (4, 0));
    }

    #[test]
    fn a_new_operation_begins_anew() {
        let list = || (0..6).map(|i| attempt(1, None, i * 10, Some(i * 10 + 1))).collect::<Vec<_>>();
        let begins: Begins = [((Sym(1), Sym(9)), vec![0, 40])].into_iter().collect();
        let counts = |tried: Vec<Tried<i64>>| tried.iter().map(|t| (t.attempts, t.again)).collect::<Vec<_>>();
        assert_eq!(counts(tried(list(), &begins)), [(4, false), (2, true)]);
        assert_eq!(counts(tried(list(), &Begins::new())), [(6, false)]);
        let numbered = vec![attempt(1, Some(1), 0, None), attempt(1, Some(2), 5, None), attempt(1, Some(1), 9, None)];
        assert_eq!(counts(tried(numbered, &Begins::new())), [(2, false), (1, true)]);
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
