//! Traffic during faults: a fault that struck an idle service shows nothing.
//!
//! In: the faults and operations of a test. Out: the first fault in whose window no operation was in flight. An operation that was never
//! answered counts as in flight for as long as the slowest that was, and not past the last instant that the history shows: a client that hangs
//! is no traffic for every fault to come. Refuses to know gates.

use crate::evidence::Evidence;
use crate::evidence::kinds::{Injection, Operation};
use crate::evidence::record::Record;
use crate::verdict::Gap;

/// The first fault of a test in whose window no operation was in flight; `None` too for a test that binds no faults or no history.
///
/// # Errors
/// A [`Gap`] when faults or history are not whole, or are on clocks that nothing bounds.
pub fn idle_fault(evidence: &Evidence, test: &str) -> Result<Option<String>, Gap> {
    if !evidence.binds(test, Injection::KIND.name) || !evidence.binds(test, Operation::KIND.name) {
        return Ok(None);
    }
    let (faults, operations) = (evidence.rows::<Injection>(test)?, evidence.rows::<Operation>(test)?);
    let widening = faults.beside(&operations)?;
    let spans = operations.iter().map(|(_, op)| (op.invoke.0, op.returned.map(|r| r.0)));
    let flights = Flights::new(spans.collect());
    let idle = faults.iter().find(|(_, f)| {
        let end = f.stop_lo.map_or(i64::MAX, |s| s.0.saturating_sub(widening));
        !flights.any(f.start_hi.0.saturating_add(widening), end)
    });
    Ok(idle.map(|(_, fault)| evidence.text(fault.id).to_string()))
}

/// Operations by start, each with the latest end of all up to it.
struct Flights(Vec<(i64, i64)>);

impl Flights {
    fn new(spans: Vec<(i64, Option<i64>)>) -> Self {
        let last = spans.iter().map(|(start, end)| end.unwrap_or(*start)).max().unwrap_or(i64::MIN);
        let slowest = spans.iter().filter_map(|(start, end)| Some((*end)?.saturating_sub(*start))).max().unwrap_or(0);
        let open = |start: i64| start.saturating_add(slowest).min(last);
        let mut closed: Vec<(i64, i64)> =
            spans.into_iter().map(|(start, end)| (start, end.unwrap_or_else(|| open(start)))).collect();
        closed.sort_unstable();
        let mut latest = i64::MIN;
        for span in &mut closed {
            latest = latest.max(span.1);
            span.1 = latest;
        }
        Self(closed)
    }

    /// Whether any operation was in flight at some instant from `from` to `to`.
    fn any(&self, from: i64, to: i64) -> bool {
        let before = self.0.partition_point(|(start, _)| *start <= to);
        before > 0 && self.0[before - 1].1 >= from
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_operation_lasts_as_long_as_the_slowest() {
        let flights = Flights::new(vec![(0, Some(10)), (5, None), (20, Some(30))]);
        assert!(flights.any(12, 15), "the open one spans the gap");
        assert!(!flights.any(16, 19), "and not for ever");
        assert!(flights.any(30, 40));
        assert!(!flights.any(31, 40), "nothing is known after the last instant");
        assert!(!Flights::new(vec![(0, Some(10)), (20, Some(30))]).any(11, 19));
        assert!(!Flights::new(Vec::new()).any(0, i64::MAX));
    }
}
