//! A model written by the user, and the general search over it.
//!
//! Depth-first, "just in time": an operation is put into the order only when some operation returns that is not yet in
//! it (Wing & Gong 1993; Lowe, "Testing for linearizability", 2017). Reductions: operations that only observe are put in
//! as soon as they fit; of equal operations in flight only the one that returns first is tried; operations of unknown
//! outcome are counted by class. Assumes: `step` is a pure function. Decides everything, given steps and bytes enough.

use super::history::Operation;
use super::outcome::{Counterexample, Gap, Reason, Rest, Settings, Undecided, Verdict};
use super::shrink_model;
use super::timeline::{Mask, Span, Timeline, order_events, width};
use super::unknowns::Unknowns;
use hashbrown::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::atomic::Ordering;

/// The sequential behaviour of one object, as pure functions.
pub trait Model {
    /// What the object remembers.
    type State: Clone + Eq + Hash;
    /// An operation with its argument and its answer.
    type Op: Clone + Eq + Hash;

    /// The state before the first operation.
    fn initial(&self) -> Self::State;

    /// The state after `op`, or `None` if `op` cannot give its answer in `state`.
    fn step(&self, state: &Self::State, op: &Self::Op) -> Option<Self::State>;

    /// All states that `op` can lead to. Override for operations that are not deterministic.
    fn steps(&self, state: &Self::State, op: &Self::Op) -> Vec<Self::State> {
        self.step(state, op).into_iter().collect()
    }

    /// All states that `op` can lead to if its answer is not known. Not happening at all need not be listed.
    fn steps_unknown(&self, state: &Self::State, op: &Self::Op) -> Vec<Self::State> {
        self.steps(state, op)
    }

    /// Does `op` never change the state? Saying yes makes the search faster.
    fn observes_only(&self, op: &Self::Op) -> bool {
        let _ = op;
        false
    }

    /// Bytes a state takes, for the byte budget.
    fn size(&self, state: &Self::State) -> usize {
        std::mem::size_of_val(state)
    }
}

/// One operation on a user-written model.
#[derive(Clone, Debug)]
pub struct Call<Op> {
    /// What was asked and answered.
    pub op: Op,
    /// Times, outcome and row; its kind and values are only shown.
    pub shown: Operation,
}

/// Judges the calls on one object by a user-written model.
///
/// Failed calls are taken as not having happened; a model that learns from a failed call should have an `Op` for it and
/// mark it as ok.
pub fn check_model<M: Model>(model: &M, calls: &[Call<M::Op>], settings: &Settings) -> Verdict {
    use super::history::OpOutcome::{Fail, Ok};
    if !calls.iter().any(|call| call.shown.outcome == Ok) {
        return Verdict::Vacuous;
    }
    let judged: Vec<&Call<M::Op>> = calls
        .iter()
        .filter(|call| call.shown.outcome != Fail)
        .filter(|call| call.shown.outcome == Ok || !model.observes_only(&call.op))
        .collect();
    let verdict = search(model, calls, settings);
    let Verdict::Violation(example) = &verdict else {
        return verdict;
    };
    let last = example.operations.last();
    let Some(stuck) = judged.iter().position(|call| Some(&call.shown) == last) else {
        return verdict;
    };
    match shrink_model::shrink(model, &judged, stuck, settings) {
        Some(small) => {
            let reason = example.reason.clone();
            Verdict::Violation(Box::new(Counterexample {
                reason,
                operations: small.kept,
                margin_ns: small.margin,
                rest: Rest::Free,
            }))
        }
        None => verdict,
    }
}

/// The search alone, without making a counterexample small.
pub(super) fn search<M: Model>(model: &M, calls: &[Call<M::Op>], settings: &Settings) -> Verdict {
    use super::history::OpOutcome::{Fail, Ok, Unknown};
    if !calls.iter().any(|call| call.shown.outcome == Ok) {
        return Verdict::Vacuous;
    }
    let judged: Vec<&Call<M::Op>> = calls
        .iter()
        .filter(|call| call.shown.outcome != Fail)
        .filter(|call| call.shown.outcome == Ok || !model.observes_only(&call.op))
        .collect();
    let spans: Vec<Span> = judged
        .iter()
        .map(|call| Span {
            invoke: call.shown.invoke.saturating_sub(settings.skew_ns),
            ret: call.shown.ret.saturating_add(settings.skew_ns),
            unknown: call.shown.outcome == Unknown,
        })
        .collect();
    let events = order_events(&spans);
    match width(&events, &spans) {
        0..=64 => ModelSearch::<M, 1>::new(model, &judged, &spans, events).run(settings),
        65..=128 => ModelSearch::<M, 2>::new(model, &judged, &spans, events).run(settings),
        129..=512 => ModelSearch::<M, 8>::new(model, &judged, &spans, events).run(settings),
        _ => Verdict::Undecided(Box::new(Undecided { gap: Gap::TooWide, explained: 0, stuck_at: None })),
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Config<const W: usize> {
    at: u32,
    state: u32,
    unknowns: u32,
    done: Mask<W>,
}

/// States by number, with the moves between them remembered.
struct States<'a, M: Model> {
    model: &'a M,
    ops: Vec<(M::Op, bool)>,
    states: Vec<M::State>,
    ids: HashMap<M::State, u32>,
    moves: HashMap<(u32, u32), Box<[u32]>>,
    bytes: u64,
    made: u64,
}

impl<M: Model> States<'_, M> {
    fn id(&mut self, state: M::State) -> u32 {
        if let Some(&id) = self.ids.get(&state) {
            return id;
        }
        self.bytes += 2 * self.model.size(&state) as u64 + 16;
        self.states.push(state.clone());
        let id = self.states.len() as u32 - 1;
        self.ids.insert(state, id);
        id
    }

    fn moves(&mut self, state: u32, class: u32) -> Box<[u32]> {
        if let Some(moves) = self.moves.get(&(state, class)) {
            return moves.clone();
        }
        let (op, unknown) = &self.ops[class as usize];
        let from = &self.states[state as usize];
        let next = if *unknown { self.model.steps_unknown(from, op) } else { self.model.steps(from, op) };
        let moves: Box<[u32]> = next.into_iter().map(|state| self.id(state)).collect();
        self.bytes += 48 + 4 * moves.len() as u64;
        // Making a state costs its size, even if it is then known already.
        self.made += moves.iter().map(|&id| 1 + self.model.size(&self.states[id as usize]) as u64 / 64).sum::<u64>();
        self.moves.insert((state, class), moves.clone());
        moves
    }
}

struct ModelSearch<'a, M: Model, const W: usize> {
    states: States<'a, M>,
    calls: &'a [&'a Call<M::Op>],
    classes: Vec<u32>,
    observes: Vec<bool>,
    line: Timeline<W>,
    unknowns: Unknowns,
    seen: HashSet<Config<W>>,
    stack: Vec<Config<W>>,
    deepest: usize,
}

impl<'a, M: Model, const W: usize> ModelSearch<'a, M, W> {
    fn new(model: &'a M, calls: &'a [&'a Call<M::Op>], spans: &[Span], events: Vec<u32>) -> Self {
        let mut ops: Vec<(M::Op, bool)> = Vec::new();
        let mut ids: HashMap<(M::Op, bool), u32> = HashMap::new();
        let mut classes = Vec::with_capacity(calls.len());
        for (call, span) in calls.iter().zip(spans) {
            let key = (call.op.clone(), span.unknown);
            classes.push(*ids.entry(key.clone()).or_insert_with(|| {
                ops.push(key);
                ops.len() as u32 - 1
            }));
        }
        ModelSearch {
            observes: ops.iter().map(|(op, _)| model.observes_only(op)).collect(),
            unknowns: Unknowns::new(ops.len()),
            states: States { model, ops, states: Vec::new(), ids: HashMap::new(), moves: HashMap::new(), bytes: 0, made: 0 },
            calls,
            classes,
            line: Timeline::new(events, spans),
            seen: HashSet::new(),
            stack: Vec::new(),
            deepest: 0,
        }
    }

    fn run(mut self, settings: &Settings) -> Verdict {
        let state = self.states.id(self.states.model.initial());
        self.stack.push(Config { at: 0, state, unknowns: 0, done: Mask::EMPTY });
        let entry = 2 * std::mem::size_of::<Config<W>>() as u64;
        let mut steps = 0u64;
        while let Some(config) = self.stack.pop() {
            self.rewind(config.at as usize);
            if self.advance(config) {
                return Verdict::Linearizable;
            }
            steps += 1 + (self.line.at() - config.at as usize) as u64;
            let bytes =
                self.seen.len() as u64 * entry + self.stack.len() as u64 * entry + self.states.bytes + self.unknowns.bytes();
            if steps + self.states.made > settings.budget.steps {
                return self.undecided(Gap::Steps);
            }
            if bytes > settings.budget.bytes {
                return self.undecided(Gap::Bytes);
            }
            if steps & 0xff < 2 && settings.stop.is_some_and(|stop| stop.load(Ordering::Relaxed)) {
                return self.undecided(Gap::Stopped);
            }
        }
        self.violation()
    }

    fn rewind(&mut self, at: usize) {
        while self.line.at() > at {
            if let Some(event) = self.line.back()
                && self.line.slotless(event.op)
            {
                self.unknowns.uninvoked(self.classes[event.op] as usize);
            }
        }
    }

    /// Walks on until the end (true) or to a return that needs a choice, whose alternatives go on the stack.
    fn advance(&mut self, mut config: Config<W>) -> bool {
        while let Some(event) = self.line.event(self.line.at()) {
            if event.is_return {
                let slot = self.line.slot(event.op);
                if !config.done.has(slot) {
                    config.at = self.line.at() as u32;
                    self.deepest = self.deepest.max(self.line.at());
                    if self.seen.insert(config) {
                        self.branch(config);
                    }
                    return false;
                }
                config.done.remove(slot);
                self.line.forward();
            } else {
                self.line.forward();
                if self.line.slotless(event.op) {
                    self.unknowns.invoked(self.classes[event.op] as usize);
                } else {
                    self.observe(&mut config, event.op);
                }
            }
        }
        true
    }

    fn observe(&mut self, config: &mut Config<W>, op: usize) {
        let class = self.classes[op];
        if self.observes[class as usize] && self.states.moves(config.state, class).contains(&config.state) {
            config.done.insert(self.line.slot(op));
        }
    }

    fn branch(&mut self, config: Config<W>) {
        let forced = self.line.event(config.at as usize).map_or(0, |event| event.op);
        for class in 0..self.unknowns.classes() {
            if self.unknowns.left(config.unknowns, class) {
                for &state in self.states.moves(config.state, class as u32).iter().filter(|&&s| s != config.state) {
                    let unknowns = self.unknowns.using(config.unknowns, class);
                    self.push(Config { state, unknowns, ..config });
                }
            }
        }
        let waiting: Vec<usize> = self.line.live().without(&config.done).slots().map(|slot| self.line.owner(slot)).collect();
        for &op in waiting.iter().filter(|&&op| op != forced) {
            let end = self.line.end(op);
            let twin = |&other: &usize| self.classes[other] == self.classes[op] && self.line.end(other) < end;
            if !waiting.iter().any(twin) {
                self.apply(config, op);
            }
        }
        self.apply(config, forced);
    }

    fn apply(&mut self, config: Config<W>, op: usize) {
        for &state in &self.states.moves(config.state, self.classes[op]) {
            let mut done = config.done;
            done.insert(self.line.slot(op));
            self.push(Config { state, done, ..config });
        }
    }

    fn push(&mut self, mut config: Config<W>) {
        for slot in self.line.live().without(&config.done).slots() {
            self.observe(&mut config, self.line.owner(slot));
        }
        self.stack.push(config);
    }

    fn stuck_at(&self) -> Option<Operation> {
        self.line.event(self.deepest).map(|event| self.calls[event.op].shown)
    }

    fn undecided(&self, gap: Gap) -> Verdict {
        let explained = self.line.returns_before(self.deepest);
        Verdict::Undecided(Box::new(Undecided { gap, explained, stuck_at: self.stuck_at() }))
    }

    fn violation(mut self) -> Verdict {
        let explained = self.line.returns_before(self.deepest);
        self.rewind(0);
        while self.line.at() < self.deepest {
            self.line.forward();
        }
        let mut operations: Vec<Operation> = self
            .line
            .live()
            .slots()
            .map(|slot| self.calls[self.line.owner(slot)].shown)
            .filter(|op| Some(*op) != self.stuck_at())
            .collect();
        operations.sort_by_key(|op| (op.invoke, op.row));
        operations.truncate(6);
        operations.extend(self.stuck_at());
        let reason = Reason::SearchStuck { explained };
        Verdict::Violation(Box::new(Counterexample { reason, operations, margin_ns: None, rest: Rest::All }))
    }
}
