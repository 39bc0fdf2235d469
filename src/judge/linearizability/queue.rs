//! Queues whose elements are distinct.
//!
//! An order exists iff no element comes out unput, twice or before it was put in; no two elements put in one after the
//! other come out the other way round (an element never taken comes out at infinity); and no "empty" lies strictly inside
//! a stretch of time during which some element was there for certain (Bouajjani, Emmi, Enea & Hamza, "On reducing
//! linearizability to state reachability", 2015). An enqueue of unknown outcome counts only if its element came out.
//! A dequeue of unknown outcome may have taken any element or none: an order without it is an order; if there is none even
//! among the elements that came out to somebody, there is no order at all; what lies between is searched. Does not judge:
//! repeated elements.

use super::cover::{Certain, chain, least_overlap, stretches};
use super::elements::{Index, Ops, Special, sort_nearly};
use super::history::{Kind, NEVER, NIL};
use super::outcome::{Reason, Verdict};

#[derive(Clone, Copy)]
struct Element {
    put: (i64, i64),
    taken: (i64, i64),
    put_at: u32,
    taken_at: u32,
}

const NOWHERE: u32 = u32::MAX;
const EMPTY: Element = Element { put: (NEVER, NEVER), taken: (NEVER, NEVER), put_at: NOWHERE, taken_at: NOWHERE };

/// Judges one queue.
pub(super) fn judge(ops: Ops) -> Special {
    let brought = ops.judged().filter(|op| op.kind == Kind::Enqueue).map(|op| op.value);
    let index = Index::new(brought);
    let mut elements = vec![EMPTY; index.len()];
    let mut empties = Vec::new();
    let (mut clash, mut open) = (None, false);
    for op in ops.judged() {
        let element = index.of(op.value).map(|i| &mut elements[i]);
        match (op.kind, element) {
            (Kind::Enqueue, Some(element)) if element.put_at == NOWHERE && op.value != NIL => {
                element.put = (op.invoke, op.ret);
                element.put_at = op.at;
            }
            (Kind::Enqueue, _) => return ops.repeated(Kind::Enqueue),
            (_, _) if op.unknown => open = true,
            (_, _) if op.value == NIL => empties.push((op.invoke, op.ret, op.at)),
            (_, None) => clash = Some(ops.phantom(op.at, op.value)),
            (_, Some(element)) if element.taken_at != NOWHERE => {
                clash = Some(ops.violation(Reason::DuplicateElement, &[element.taken_at, op.at], None));
            }
            (_, Some(element)) => {
                element.taken = (op.invoke, op.ret);
                element.taken_at = op.at;
            }
        }
    }
    if let Some(clash) = clash {
        return clash;
    }
    for element in elements.iter().filter(|element| element.put_at != NOWHERE) {
        if element.taken.1 < element.put.0 {
            let margin = element.put.0 - element.taken.1;
            return ops.violation(Reason::ReadBeforeWriteInvoked, &[element.put_at, element.taken_at], Some(margin));
        }
    }
    if let Some(element) = elements.iter().find(|element| element.put_at == NOWHERE && element.taken_at != NOWHERE) {
        return ops.phantom(element.taken_at, ops.history.values[element.taken_at as usize]);
    }
    let verdict = decide(&ops, &elements, &empties, true)?;
    if !open || verdict == Verdict::Linearizable {
        return Ok(verdict);
    }
    match decide(&ops, &elements, &empties, false)? {
        Verdict::Linearizable => Err("a dequeue of unknown outcome may have taken any element"),
        violation => Ok(violation),
    }
}

/// Is there an order, if elements that nobody took are still there (`lost_too`) or never were?
fn decide(ops: &Ops, elements: &[Element], empties: &[(i64, i64, u32)], lost_too: bool) -> Special {
    let counts = |element: &Element| element.put.1 != NEVER && (element.taken_at != NOWHERE || lost_too);
    let certain = elements.iter().enumerate().filter(|(_, element)| counts(element));
    let mut order: Vec<(i64, u32)> = certain.map(|(i, element)| (element.put.1, i as u32)).collect();
    sort_nearly(&mut order);
    match first_in_first_out(ops, elements, &order) {
        Some(violation) => violation,
        None => not_empty(ops, elements, &order, empties),
    }
}

/// Looks for elements put in one after the other and taken the other way round.
fn first_in_first_out(ops: &Ops, elements: &[Element], order: &[(i64, u32)]) -> Option<Special> {
    let taken = elements.iter().enumerate().filter(|(_, element)| element.taken_at != NOWHERE);
    let mut by_put: Vec<(i64, u32)> = taken.map(|(i, element)| (element.put.0, i as u32)).collect();
    sort_nearly(&mut by_put);
    let (mut next, mut latest, mut holder) = (0, i64::MIN, 0);
    for &(invoke, i) in &by_put {
        while next < order.len() && order[next].0 < invoke {
            let earlier = &elements[order[next].1 as usize];
            if earlier.taken.0 > latest {
                (latest, holder) = (earlier.taken.0, order[next].1);
            }
            next += 1;
        }
        let (element, earlier) = (&elements[i as usize], &elements[holder as usize]);
        if element.taken.1 < latest {
            let mut shown = vec![earlier.put_at, element.put_at, element.taken_at];
            let mut margin = element.put.0 - earlier.put.1;
            if earlier.taken_at != NOWHERE {
                shown.push(earlier.taken_at);
                margin = margin.min(latest - element.taken.1);
            }
            let reason = if latest == NEVER { Reason::LostElement } else { Reason::OrderBroken };
            return Some(ops.violation(reason, &shown, Some(margin)));
        }
    }
    None
}

/// Looks for an "empty" inside a stretch in which some element was there for certain.
fn not_empty(ops: &Ops, elements: &[Element], order: &[(i64, u32)], empties: &[(i64, i64, u32)]) -> Special {
    if empties.is_empty() {
        return Ok(Verdict::Linearizable);
    }
    let core = |&(from, element): &(i64, u32)| Certain { from, until: elements[element as usize].taken.0, element };
    let certain: Vec<Certain> = order.iter().map(core).filter(|core| core.from < core.until).collect();
    let stretches = stretches(&certain);
    for &(invoke, ret, at) in empties {
        let i = stretches.partition_point(|stretch| stretch.0 < invoke);
        if i.checked_sub(1).is_some_and(|i| ret < stretches[i].1) {
            let links = chain(&certain, invoke, ret);
            let ends = [links.first().map(|link| invoke - link.from), links.last().map(|link| link.until.saturating_sub(ret))];
            let margin = ends.into_iter().flatten().chain(least_overlap(&links)).min();
            let elements = links.iter().map(|link| &elements[link.element as usize]);
            let shown = elements.flat_map(|element| [element.put_at, element.taken_at]).filter(|&at| at != NOWHERE);
            return ops.violation(Reason::NotEmpty, &shown.chain([at]).collect::<Vec<u32>>(), margin);
        }
    }
    Ok(Verdict::Linearizable)
}
