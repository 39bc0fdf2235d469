//! Makes the counterexample of a model search small, as `shrink.rs` does for registers.
//!
//! Comes in: calls without an order, and the one that could not return. Goes out: a few calls and the clock error their
//! contradiction survives. The calls that are kept must lie in their intervals with their answers; all others may take
//! effect at any time after their invoke with any answer, or never. That only allows more orders, so what still has none
//! shows that the whole history has none. Each step is checked again by the search, in a small budget.

use super::history::{NEVER, OpOutcome, Operation};
use super::model::{Call, Model, search};
use super::outcome::{Budget, Settings, Verdict};
use super::shrink::thin_out;

/// Most of the last operations that are looked at, and steps of all searches together.
const MOST: usize = 64;
const STEPS: u64 = 1_000_000;

/// A small contradiction: calls in order of invoke, the stuck one last, and its margin.
pub(super) struct Small {
    pub(super) kept: Vec<Operation>,
    pub(super) margin: Option<i64>,
}

/// Shrinks the contradiction at the call number `stuck`; `None` if nothing small was found in the budget.
pub(super) fn shrink<M: Model>(model: &M, calls: &[&Call<M::Op>], stuck: usize, settings: &Settings) -> Option<Small> {
    let end = calls[stuck].shown.ret;
    let complete = |&i: &usize| calls[i].shown.outcome == OpOutcome::Ok && calls[i].shown.invoke <= end;
    let mut order: Vec<usize> = (0..calls.len()).filter(complete).collect();
    order.sort_by_key(|&i| (i == stuck, calls[i].shown.ret, i));
    let mut shrinking = Shrinking { model, calls, settings, steps: STEPS };
    let mut few = 2;
    let mut kept = loop {
        let kept = &order[order.len().saturating_sub(few)..];
        if shrinking.contradict(kept, 0) {
            break kept.to_vec();
        }
        if few >= order.len() || few >= MOST {
            // Let the search that found it stand for the contradiction of them all.
            break order;
        }
        few *= 2;
    };
    for _ in 0..2 {
        kept = thin_out(kept, |fewer| shrinking.contradict(fewer, 0));
    }
    if kept.len() > MOST || !shrinking.contradict(&kept, 0) {
        return None;
    }
    let margin = shrinking.margin(&kept);
    kept.sort_by_key(|&i| (i == stuck, calls[i].shown.invoke, i));
    let kept = kept.into_iter().map(|i| calls[i].shown).collect();
    Some(Small { kept, margin: margin.map(|margin| margin.saturating_add(2 * settings.skew_ns)) })
}

struct Shrinking<'a, M: Model> {
    model: &'a M,
    calls: &'a [&'a Call<M::Op>],
    settings: &'a Settings<'a>,
    steps: u64,
}

impl<M: Model> Shrinking<'_, M> {
    /// Is there no order of the kept calls, with returns this much later, whatever the others did?
    fn contradict(&mut self, kept: &[usize], later: i64) -> bool {
        let mut keeps = vec![false; self.calls.len()];
        kept.iter().for_each(|&i| keeps[i] = true);
        let latest = |&i: &usize| self.calls[i].shown.ret.saturating_add(later + 2 * self.settings.skew_ns);
        let last = kept.iter().map(latest).max().unwrap_or(NEVER);
        let loose = |call: &Call<M::Op>| Operation { outcome: OpOutcome::Unknown, ret: NEVER, ..call.shown };
        let part: Vec<Call<M::Op>> = (0..self.calls.len())
            .filter_map(|i| {
                let call = self.calls[i];
                let shown = match keeps[i] {
                    true => Operation { ret: call.shown.ret.saturating_add(later), ..call.shown },
                    false if self.model.observes_only(&call.op) || call.shown.invoke > last => return None,
                    false => loose(call),
                };
                Some(Call { op: call.op.clone(), shown })
            })
            .collect();
        let cost = 2000 + 50 * part.len() as u64;
        let left = self.steps.checked_sub(cost);
        self.steps = left.unwrap_or(0);
        let budget = Budget { steps: 50 * part.len() as u64 + 5_000, bytes: 64 << 20 };
        let settings = Settings { budget, ..*self.settings };
        left.is_some() && matches!(search(self.model, &part, &settings), Verdict::Violation(_))
    }

    /// The smallest delay of all returns that excuses the contradiction; `None` if the answers alone contradict.
    fn margin(&mut self, kept: &[usize]) -> Option<i64> {
        let invoke = kept.iter().map(|&i| self.calls[i].shown.invoke).max().unwrap_or(0);
        let ret = kept.iter().map(|&i| self.calls[i].shown.ret).min().unwrap_or(0);
        let (mut low, mut high) = (0, (invoke - ret).max(0));
        self.steps = self.steps.max(STEPS / 4);
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
