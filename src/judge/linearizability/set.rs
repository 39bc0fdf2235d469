//! Sets: each element is an object of its own.
//!
//! Where an element is added once and removed at most once, it is there from some moment of the add to some moment of the
//! remove. The first moment is best as late and the second as early as the answers allow; a "not there" must not lie
//! strictly between the two. Elements added or removed more often are judged as registers of 0 and 1 by search.
//! `Add` says nothing about what was there before; `Remove` says that the element was there.

use super::elements::{Index, Ops, Special};
use super::history::{Kind, NEVER};
use super::outcome::{Budget, DataType, Reason, Settings, Verdict};
use super::register_case;

#[derive(Clone, Copy)]
struct Element {
    add: (i64, i64),
    remove: (i64, i64),
    /// Earliest return and latest invoke of "there".
    there: (i64, i64),
    add_at: u32,
    remove_at: u32,
    there_first: u32,
    there_last: u32,
    repeats: bool,
}

const NOWHERE: u32 = u32::MAX;
const BLANK: Element = Element {
    add: (NEVER, NEVER),
    remove: (NEVER, NEVER),
    there: (NEVER, i64::MIN),
    add_at: NOWHERE,
    remove_at: NOWHERE,
    there_first: NOWHERE,
    there_last: NOWHERE,
    repeats: false,
};

/// Judges one set. The second part tells whether a search was needed.
pub(super) fn judge(ops: Ops, settings: &Settings) -> (Verdict, bool) {
    let index = Index::new(ops.judged().map(|op| op.value));
    let mut elements = vec![BLANK; index.len()];
    let mut missing = Vec::new();
    for op in ops.judged() {
        let Some(i) = index.of(op.value) else {
            continue;
        };
        let element = &mut elements[i];
        match op.kind {
            Kind::Add => {
                element.repeats |= element.add_at != NOWHERE;
                (element.add, element.add_at) = ((op.invoke, op.ret), op.at);
            }
            Kind::Remove => {
                element.repeats |= element.remove_at != NOWHERE;
                (element.remove, element.remove_at) = ((op.invoke, op.ret), op.at);
            }
            _ if op.unknown => {}
            _ if ops.history.expected(op.at as usize) != 1 => missing.push((i, op)),
            _ => {
                if op.ret < element.there.0 {
                    (element.there.0, element.there_first) = (op.ret, op.at);
                }
                if op.invoke > element.there.1 {
                    (element.there.1, element.there_last) = (op.invoke, op.at);
                }
            }
        }
    }
    for element in elements.iter().filter(|element| !element.repeats) {
        if let Some(Ok(violation)) = element.clash(&ops) {
            return (violation, false);
        }
    }
    for &(i, op) in missing.iter().filter(|&&(i, _)| !elements[i].repeats) {
        let Some(((first, first_at), (last, last_at))) = elements[i].certain() else {
            continue;
        };
        if op.invoke > first && op.ret < last {
            let element = &elements[i];
            let shown = [element.add_at, first_at, op.at, last_at, element.remove_at];
            let shown: Vec<u32> = shown.into_iter().filter(|&at| at != NOWHERE).collect();
            let margin = (op.invoke - first).min(last.saturating_sub(op.ret));
            if let Ok(violation) = ops.violation(Reason::LostElement, &shown, Some(margin)) {
                return (violation, false);
            }
        }
    }
    if elements.iter().all(|element| !element.repeats) {
        return (Verdict::Linearizable, false);
    }
    (search_repeated(ops, settings, &index, &elements), true)
}

/// Elements added or removed more than once, one by one.
fn search_repeated(ops: Ops, settings: &Settings, index: &Index, elements: &[Element]) -> Verdict {
    let mut found: Vec<(usize, u32)> = Vec::new();
    for op in ops.judged() {
        if let Some(i) = index.of(op.value).filter(|&i| elements[i].repeats) {
            found.push((i, op.at));
        }
    }
    found.sort_unstable();
    let mut undecided = None;
    let all = found.len().max(1) as u64;
    for group in found.chunk_by(|a, b| a.0 == b.0) {
        let positions: Vec<u32> = group.iter().map(|&(_, at)| at).collect();
        // The budget is one for the whole key.
        let steps = (settings.budget.steps / all).saturating_mul(positions.len() as u64);
        let settings = Settings { budget: Budget { steps, ..settings.budget }, ..*settings };
        match register_case::judge(ops.history, &positions, DataType::Set, &settings) {
            Verdict::Linearizable | Verdict::Vacuous => {}
            Verdict::Undecided(gap) => undecided = undecided.or(Some(gap)),
            violation => return violation,
        }
    }
    undecided.map_or(Verdict::Linearizable, Verdict::Undecided)
}

impl Element {
    /// A contradiction among the add, the remove and the "there" of this element.
    fn clash(&self, ops: &Ops) -> Option<Special> {
        let removed = self.remove_at != NOWHERE && self.remove.1 != NEVER;
        let seen = self.there_first != NOWHERE || removed;
        if !seen {
            return None;
        }
        let witness = if self.there_first != NOWHERE { self.there_first } else { self.remove_at };
        if self.add_at == NOWHERE {
            return Some(ops.phantom(witness, ops.history.values[witness as usize]));
        }
        for (ret, at) in [(self.there.0, self.there_first), (self.remove.1, self.remove_at)] {
            if ret < self.add.0 {
                let margin = self.add.0 - ret;
                return Some(ops.violation(Reason::ReadBeforeWriteInvoked, &[self.add_at, at], Some(margin)));
            }
        }
        if removed && self.there.1 > self.remove.1 {
            let margin = self.there.1 - self.remove.1;
            return Some(ops.violation(Reason::DuplicateElement, &[self.remove_at, self.there_last], Some(margin)));
        }
        None
    }

    /// The stretch during which the element is there in the most lenient reading, and the operations that bound it.
    fn certain(&self) -> Option<((i64, u32), (i64, u32))> {
        if self.add_at == NOWHERE {
            return None;
        }
        let first = (self.add.1, self.add_at).min((self.there.0, self.there_first)).min((self.remove.1, self.remove_at));
        let last = match self.remove_at {
            NOWHERE => (NEVER, NOWHERE),
            _ => (self.remove.0, self.remove_at).max((self.there.1, self.there_last)).max((self.add.0, self.add_at)),
        };
        (first.0 != NEVER).then_some((first, last))
    }
}
