//! Makes the counterexample of a search small: which few operations contradict each other whatever the others did?
//!
//! Comes in: a register case without an order, and the operation that could not return. Goes out: a few operations and
//! the clock error their contradiction survives. The operations that are kept must lie in their intervals. All others are
//! let loose: those complete before the first kept one may have left any state; observers are dropped; what changes the
//! state may happen at any time after its invoke, or never. Each of these only allows more orders, so what still has none
//! shows that the whole history has none. Every step is checked again by the search, in a small budget.

use super::history::NEVER;
use super::outcome::{Budget, Rest, Settings};
use super::register_search::{Act, Case, Found, search};
use super::timeline::Span;

/// Most of the last operations that are looked at, and steps of all searches together; then steps for the whole past.
const MOST: usize = 128;
const STEPS: u64 = 2_000_000;
const STEPS_FAR: u64 = 16_000_000;

/// A small contradiction: operations of the case in order of invoke, and its margin.
pub(super) struct Small {
    pub(super) kept: Vec<usize>,
    pub(super) margin: Option<i64>,
    pub(super) rest: Rest,
}

/// Shrinks the contradiction at `stuck`; `None` if nothing small was found in the budget.
pub(super) fn shrink(case: &Case, stuck: usize, settings: &Settings) -> Option<Small> {
    let end = case.spans[stuck].ret;
    let complete = |&op: &usize| !case.spans[op].unknown && case.spans[op].ret <= end;
    let mut order: Vec<usize> = (0..case.acts.len()).filter(complete).collect();
    order.sort_by_key(|&op| (op == stuck, case.spans[op].ret, op));
    let near = (0..case.acts.len()).collect();
    let mut shrinking = Shrinking { case, settings, near, steps: STEPS, from_start: false };
    let mut kept = match shrinking.last_few(&order) {
        Some(kept) => kept,
        None => shrinking.far_back(order)?,
    };
    shrinking.stay_near(&kept);
    for _ in 0..2 {
        let mut i = 0;
        while i < kept.len() {
            let mut fewer = kept.clone();
            if fewer.remove(i) != stuck && shrinking.contradict(&fewer, 0) {
                kept = fewer;
            } else {
                i += 1;
            }
        }
    }
    let margin = shrinking.margin(&kept);
    kept.sort_by_key(|&op| (op == stuck, case.spans[op].invoke, op));
    let rest = if shrinking.from_start { Rest::Free } else { Rest::FreeAfterAnyState };
    Some(Small { kept, rest, margin: margin.map(|margin| margin.saturating_add(2 * settings.skew_ns)) })
}

/// Leaves out runs of elements, halving their length, as long as what is left still holds; the last one always stays.
pub(super) fn thin_out<T: Copy>(mut kept: Vec<T>, mut holds: impl FnMut(&[T]) -> bool) -> Vec<T> {
    let mut run = kept.len() / 2;
    while run > 0 {
        let mut start = 0;
        while start + 1 < kept.len() {
            let end = (start + run).min(kept.len() - 1);
            let fewer: Vec<T> = kept[..start].iter().chain(&kept[end..]).copied().collect();
            if holds(&fewer) {
                kept = fewer;
            } else {
                start = end;
            }
        }
        run /= 2;
    }
    kept
}

struct Shrinking<'a> {
    case: &'a Case,
    settings: &'a Settings<'a>,
    /// Operations that may matter.
    near: Vec<usize>,
    steps: u64,
    /// Does the state before the kept operations come from the initial value, or may it be any?
    from_start: bool,
}

impl Shrinking<'_> {
    /// The shortest run of operations up to the stuck one, by doubling, that has no order by itself.
    fn last_few(&mut self, order: &[usize]) -> Option<Vec<usize>> {
        for from_start in [false, true] {
            self.from_start = from_start;
            let mut few = 1;
            while few <= MOST {
                let kept = &order[order.len().saturating_sub(few)..];
                if self.contradict(kept, 0) {
                    return Some(kept.to_vec());
                }
                if few >= order.len() {
                    break;
                }
                few *= 2;
            }
        }
        None
    }

    /// The same where the cause lies long before, such as an outcome nobody knows that was used up then: all operations from
    /// the start, without ever smaller runs of them that do not matter.
    fn far_back(&mut self, order: Vec<usize>) -> Option<Vec<usize>> {
        (self.from_start, self.steps) = (true, STEPS_FAR);
        self.contradict(&order, 0).then(|| thin_out(order, |fewer| self.contradict(fewer, 0)))
    }

    /// Is there no order of the kept operations, with returns this much later, whatever the others did?
    fn contradict(&mut self, kept: &[usize], later: i64) -> bool {
        let spans = &self.case.spans;
        let ret = |op: usize| if spans[op].unknown { NEVER } else { spans[op].ret.saturating_add(later) };
        let Some(first) = kept.iter().map(|&op| spans[op].invoke).min() else {
            return false;
        };
        let last = kept.iter().map(|&op| ret(op)).max().unwrap_or(first);
        let mut keeps = vec![false; spans.len()];
        kept.iter().for_each(|&op| keeps[op] = true);
        let mut part = Case { acts: Vec::new(), spans: Vec::new(), initial: self.case.initial, values: self.case.values + 1 };
        for &op in &self.near {
            let act = self.case.acts[op];
            let changes = matches!(act, Act::Write(_) | Act::Cas(..));
            let near = spans[op].invoke <= last && (self.from_start || ret(op) >= first);
            if keeps[op] {
                part.acts.push(act);
                part.spans.push(Span { ret: ret(op), ..spans[op] });
            } else if changes && near {
                part.acts.push(act);
                part.spans.push(Span { invoke: spans[op].invoke, ret: NEVER, unknown: true });
            }
        }
        let states = if self.from_start { vec![self.case.initial] } else { self.states(&part) };
        states.into_iter().all(|initial| {
            part.initial = initial;
            let size = part.acts.len() as u64;
            let cost = 2000 + 10 * size + u64::from(part.values) + self.near.len() as u64 / 16;
            let left = self.steps.checked_sub(cost);
            self.steps = left.unwrap_or(0);
            let budget = Budget { steps: 50 * size + 20_000, bytes: 64 << 20 };
            let settings = Settings { budget, ..*self.settings };
            left.is_some() && matches!(search(&part, &settings), Found::Stuck { .. })
        })
    }

    /// The states that can be told apart: those that something observes, and one that nothing does.
    fn states(&self, part: &Case) -> Vec<u32> {
        let observed = part.acts.iter().filter_map(|act| match *act {
            Act::Read(value) | Act::Cas(value, _) | Act::Not(value) => Some(value),
            Act::Write(_) => None,
        });
        let mut states: Vec<u32> = observed.chain([self.case.values]).collect();
        states.sort_unstable();
        states.dedup();
        states
    }

    /// Forgets what cannot matter to these operations, nor to fewer of them.
    fn stay_near(&mut self, kept: &[usize]) {
        let spans = &self.case.spans;
        let first = kept.iter().map(|&op| spans[op].invoke).min().unwrap_or(0);
        let last = kept.iter().map(|&op| spans[op].ret).max().unwrap_or(0);
        let span = self.span(kept);
        let from_start = self.from_start;
        self.near.retain(|&op| {
            let ret = if spans[op].unknown { NEVER } else { spans[op].ret.saturating_add(span) };
            spans[op].invoke <= last.saturating_add(span) && (from_start || ret >= first)
        });
    }

    /// The delay of returns that makes all kept operations concurrent.
    fn span(&self, kept: &[usize]) -> i64 {
        let invoke = kept.iter().map(|&op| self.case.spans[op].invoke).max().unwrap_or(0);
        let ret = kept.iter().map(|&op| self.case.spans[op].ret).min().unwrap_or(0);
        (invoke - ret).max(0)
    }

    /// The smallest delay of all returns that excuses the contradiction: it grows more lenient with the delay.
    fn margin(&mut self, kept: &[usize]) -> Option<i64> {
        let (mut low, mut high) = (0, self.span(kept));
        // With all kept operations concurrent, only the answers count.
        if self.contradict(kept, high) {
            return None;
        }
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if self.contradict(kept, middle) {
                low = middle;
            } else {
                high = middle;
            }
        }
        Some(high)
    }
}
