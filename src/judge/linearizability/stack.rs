//! Stacks whose elements are distinct, in n log n.
//!
//! Each element is on the stack for certain from the return of its push to the invoke of its pop (its core; to the end of
//! time where it was never popped). An element without a core can come and go at one instant and constrains nothing. Where
//! no core lies the stack can be empty, and what lies before such an instant does not constrain what lies after. Where
//! cores overlap without a gap, the stack is never empty, so some element is below all others there: its push can come
//! before all returns of pushes, its pop after all invokes of pops. Whichever element can, may: the points of the others can
//! be moved inside without changing their order. Taking such elements away one by one until none is left, or none can be
//! the lowest, decides (the decreasing step of Lee & Mathur, "Efficient decrease-and-conquer linearizability monitoring",
//! 2024; the trees that find the elements are in `stack/nest.rs`). A pop that found the stack empty needs an instant of its
//! own without any core.
//!
//! A push of unknown outcome counts only if its element came out. A pop of unknown outcome may have taken any element or
//! none: an order without it is an order; if there is none even among the elements that came out to somebody, there is no
//! order at all; what lies between is searched. Does not judge: repeated elements.

mod nest;

use super::cover::{Certain, chain, least_overlap, stretches};
use super::elements::{Index, Ops, Special};
use super::history::{Kind, NEVER, NIL};
use super::outcome::{Reason, Verdict};
use nest::Core;

#[derive(Clone, Copy)]
struct Element {
    push: (i64, i64),
    pop: (i64, i64),
    push_at: u32,
    pop_at: u32,
}

const NOWHERE: u32 = u32::MAX;
const BLANK: Element = Element { push: (NEVER, NEVER), pop: (NEVER, NEVER), push_at: NOWHERE, pop_at: NOWHERE };

impl Element {
    /// The element as the trees see it: `None` if it has no core, or may never have been there.
    fn core(&self, lost_too: bool) -> Option<Core> {
        let counts = self.push_at != NOWHERE && (self.pop_at != NOWHERE || lost_too);
        let core = Core { push: self.push, pop: self.pop };
        (counts && core.from() < core.until()).then_some(core)
    }

    fn shown(&self) -> impl Iterator<Item = u32> {
        [self.push_at, self.pop_at].into_iter().filter(|&at| at != NOWHERE)
    }
}

/// What one pass over the operations finds.
struct Stack {
    elements: Vec<Element>,
    /// Pops that found nothing: invoke, return, position.
    empties: Vec<(i64, i64, u32)>,
    /// Was there a pop of unknown outcome?
    open: bool,
}

/// Judges one stack.
pub(super) fn judge(ops: Ops) -> Special {
    let stack = match read(&ops) {
        Ok(stack) => stack,
        Err(special) => return special,
    };
    let verdict = stack.decide(&ops, true)?;
    if !stack.open || verdict == Verdict::Linearizable {
        return Ok(verdict);
    }
    match stack.decide(&ops, false)? {
        Verdict::Linearizable => Err("a pop of unknown outcome may have taken any element"),
        violation => Ok(violation),
    }
}

/// Elements by value; or a violation that no order is needed for, or why this method does not judge.
fn read(ops: &Ops) -> Result<Stack, Special> {
    let index = Index::new(ops.judged().filter(|op| op.kind == Kind::Push).map(|op| op.value));
    let mut stack = Stack { elements: vec![BLANK; index.len()], empties: Vec::new(), open: false };
    let mut clash = None;
    for op in ops.judged() {
        let element = index.of(op.value).map(|i| &mut stack.elements[i]);
        match (op.kind, element) {
            (Kind::Push, Some(element)) if element.push_at == NOWHERE && op.value != NIL => {
                (element.push, element.push_at) = ((op.invoke, op.ret), op.at);
            }
            (Kind::Push, _) => return Err(ops.repeated(Kind::Push)),
            (_, _) if op.unknown => stack.open = true,
            (_, _) if op.value == NIL => stack.empties.push((op.invoke, op.ret, op.at)),
            (_, None) => clash = Some(ops.phantom(op.at, op.value)),
            (_, Some(element)) if element.pop_at != NOWHERE => {
                clash = Some(ops.violation(Reason::DuplicateElement, &[element.pop_at, op.at], None));
            }
            (_, Some(element)) => (element.pop, element.pop_at) = ((op.invoke, op.ret), op.at),
        }
    }
    if let Some(clash) = clash {
        return Err(clash);
    }
    for element in &stack.elements {
        if element.push_at == NOWHERE && element.pop_at != NOWHERE {
            return Err(ops.phantom(element.pop_at, ops.history.values[element.pop_at as usize]));
        }
        if element.pop.1 < element.push.0 {
            let margin = element.push.0 - element.pop.1;
            let shown = [element.push_at, element.pop_at];
            return Err(ops.violation(Reason::ReadBeforeWriteInvoked, &shown, Some(margin)));
        }
    }
    Ok(stack)
}

impl Stack {
    /// Is there an order, if elements that nobody popped are still there (`lost_too`) or never were?
    fn decide(&self, ops: &Ops, lost_too: bool) -> Special {
        let (mut cores, mut certain) = (Vec::new(), Vec::new());
        for (i, element) in self.elements.iter().enumerate() {
            if let Some(core) = element.core(lost_too) {
                certain.push(Certain { from: core.from(), until: core.until(), element: i as u32 });
            }
        }
        certain.sort_by_key(|core| core.from);
        cores.extend(certain.iter().map(|core| {
            let element = &self.elements[core.element as usize];
            Core { push: element.push, pop: element.pop }
        }));
        if let Some(violation) = self.not_empty(ops, &certain) {
            return violation;
        }
        match nest::nest(&cores) {
            None => Ok(Verdict::Linearizable),
            Some(stuck) => {
                let stuck: Vec<Certain> = stuck.into_iter().map(|i| certain[i as usize]).collect();
                self.crossing(ops, &stuck)
            }
        }
    }

    /// Looks for an "empty" inside a stretch in which some element was there for certain.
    fn not_empty(&self, ops: &Ops, certain: &[Certain]) -> Option<Special> {
        if self.empties.is_empty() {
            return None;
        }
        let stretches = stretches(certain);
        let inside = |&&(invoke, ret, _): &&(i64, i64, u32)| {
            let i = stretches.partition_point(|stretch| stretch.0 < invoke);
            i.checked_sub(1).is_some_and(|i| ret < stretches[i].1)
        };
        let &(invoke, ret, at) = self.empties.iter().find(inside)?;
        let links = chain(certain, invoke, ret);
        let ends = [links.first().map(|link| invoke - link.from), links.last().map(|link| link.until.saturating_sub(ret))];
        let margin = ends.into_iter().flatten().chain(least_overlap(&links)).min();
        let shown = links.iter().flat_map(|link| self.elements[link.element as usize].shown()).chain([at]);
        Some(ops.violation(Reason::NotEmpty, &shown.collect::<Vec<u32>>(), margin))
    }

    /// Elements that overlap without a gap, none of which can be the lowest: the fewest of them that show it.
    fn crossing(&self, ops: &Ops, stuck: &[Certain]) -> Special {
        let low = stuck.first().map_or(0, |core| core.from);
        let high = stuck.iter().map(|core| core.until).max().unwrap_or(low);
        let links = chain(stuck, low + 1, high - 1);
        let few = self.fewest(&links);
        let shown: Vec<u32> = few.iter().flat_map(|link| self.elements[link.element as usize].shown()).collect();
        let reason = if few.iter().any(|link| link.until == NEVER) { Reason::LostElement } else { Reason::OrderBroken };
        ops.violation(reason, &shown, self.crossing_margin(few))
    }

    /// The shortest run of links in which none can be the lowest.
    fn fewest<'c>(&self, links: &'c [Certain]) -> &'c [Certain] {
        let most = links.len().min(64);
        let runs = (2..=most).flat_map(|size| links.windows(size));
        runs.into_iter().find(|run| self.crossing_margin(run).is_some()).unwrap_or(links)
    }

    /// The clock error below which none of these can be the lowest; `None` if one can.
    fn crossing_margin(&self, links: &[Certain]) -> Option<i64> {
        let (first, last) = (links.first()?, links.last()?);
        let least = links.iter().map(|link| {
            let element = &self.elements[link.element as usize];
            let early = element.push.0.saturating_sub(first.from);
            let late = if element.pop.1 == NEVER { 0 } else { last.until.saturating_sub(element.pop.1) };
            let core = if link.until == NEVER { NEVER } else { link.until - link.from };
            early.max(late).min(core)
        });
        least.chain(least_overlap(links)).min().filter(|&margin| margin > 0)
    }
}
