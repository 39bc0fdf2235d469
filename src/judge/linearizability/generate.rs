//! Seeded histories for tests and benches: the same seed gives the same history on every machine.
//!
//! Two kinds: [`random`] draws small unruly histories with many ties, right or wrong by chance, for comparing methods
//! with an oracle; [`simulate`] runs a correct object under concurrent clients and then, if asked, breaks it.

mod small;

pub use small::random;

use super::history::{History, Kind, NEVER, NIL, OpOutcome, Operation};
use super::outcome::DataType;

/// A small fast random source (splitmix64, Steele et al. 2014).
#[derive(Clone, Debug)]
pub struct Random(pub u64);

impl Random {
    /// The next 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n` (0 if `n` is 0).
    pub fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(n)) >> 64) as u64
    }

    /// True with a probability of `per_mille` in 1000.
    pub fn chance(&mut self, per_mille: u64) -> bool {
        self.below(1000) < per_mille
    }
}

/// Kinds of operation that a data type has.
pub fn kinds(data: DataType) -> &'static [Kind] {
    match data {
        DataType::Register => &[Kind::Read, Kind::Write, Kind::Cas],
        DataType::Log => &[Kind::Append, Kind::ReadLog],
        DataType::Set => &[Kind::Add, Kind::Remove, Kind::Contains],
        DataType::Queue => &[Kind::Enqueue, Kind::Dequeue],
        DataType::Stack => &[Kind::Push, Kind::Pop],
        DataType::Counter => &[Kind::Increment, Kind::ReadCounter],
        DataType::Mutex => &[Kind::Acquire, Kind::Release],
        DataType::Text => &[Kind::Get, Kind::Put, Kind::AppendText],
    }
}

/// What a simulated run looks like.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// The object.
    pub data: DataType,
    /// Operations.
    pub operations: usize,
    /// Keys, used evenly.
    pub keys: u32,
    /// Clients of each key, so the number of operations in flight on it.
    pub clients: u32,
    /// Written values: 0 for unique ones, else values are drawn from 1 to this.
    pub values: u64,
    /// Share of compare-and-sets among register writes, in 1000.
    pub cas: u64,
    /// Share of mutating operations whose outcome is unknown, in 1000.
    pub unknown: u64,
    /// Share of reads, in 1000.
    pub reads: u64,
    /// Longest pause between two operations of a client, in ns, where an operation takes up to 1000 ns.
    pub think_ns: u64,
    /// Give versions.
    pub versions: bool,
    /// Ticks the clock shows, in ns: a coarse clock makes ties.
    pub tick_ns: i64,
    /// Random seed.
    pub seed: u64,
}

impl Default for Shape {
    fn default() -> Shape {
        Shape {
            data: DataType::Register,
            operations: 1000,
            keys: 1,
            clients: 5,
            values: 0,
            cas: 0,
            unknown: 0,
            reads: 500,
            think_ns: 0,
            versions: false,
            tick_ns: 1,
            seed: 1,
        }
    }
}

/// One object and what it remembers.
#[derive(Clone, Default)]
struct Object {
    items: std::collections::VecDeque<i64>,
    value: i64,
    version: u64,
    holder: Option<u32>,
    text: String,
}

/// A client between invoke and return.
#[derive(Clone, Copy)]
struct Pending {
    op: Operation,
    effect: i64,
    /// A lost operation has no effect at all.
    lost: bool,
}

/// A run of a correct object. Operations are pushed by invoke time of their client's turn.
pub fn simulate(shape: &Shape) -> History {
    let mut sim = Simulation::new(shape, shape.operations);
    sim.run(&mut |_| {});
    sim.history
}

/// The same operations in order of invoke, made and handed over in windows of about `window` operations.
pub fn simulate_in_windows(shape: &Shape, window: usize, take: &mut dyn FnMut(&[Operation])) {
    let mut sim = Simulation::new(shape, window);
    let mut waiting: Vec<Operation> = Vec::new();
    sim.run(&mut |sim| {
        if sim.history.len() < window {
            return;
        }
        waiting.extend(sim.history.operations());
        sim.recorded += sim.history.len() as u32;
        sim.history = History::with_capacity(window);
        waiting.sort_by_key(|op| (op.invoke, op.row));
        // Whoever is in flight now was invoked before its effect, but not by more than this.
        let ripe = waiting.partition_point(|op| op.invoke < sim.now - 5000 - shape.tick_ns);
        take(&waiting[..ripe]);
        waiting.drain(..ripe);
    });
    waiting.extend(sim.history.operations());
    waiting.sort_by_key(|op| (op.invoke, op.row));
    take(&waiting);
}

struct Simulation<'a> {
    shape: &'a Shape,
    random: Random,
    objects: Vec<Object>,
    history: History,
    next_value: i64,
    next_process: u32,
    now: i64,
    /// Operations handed over before those in `history`.
    recorded: u32,
}

impl<'a> Simulation<'a> {
    fn new(shape: &'a Shape, room: usize) -> Simulation<'a> {
        let object = Object { value: if shape.data == DataType::Counter { 0 } else { NIL }, ..Object::default() };
        Simulation {
            shape,
            random: Random(shape.seed),
            objects: vec![object; shape.keys.max(1) as usize],
            history: History::with_capacity(room),
            next_value: 0,
            next_process: shape.keys * shape.clients,
            now: 0,
            recorded: 0,
        }
    }

    /// All operations are drawn with an effect time; effects are applied in time order through a small heap.
    fn run(&mut self, settled: &mut dyn FnMut(&mut Self)) {
        use std::cmp::Reverse;
        use std::collections::BinaryHeap;
        let clients = (self.shape.keys * self.shape.clients) as usize;
        let mut processes: Vec<u32> = (0..clients as u32).collect();
        let mut pending: Vec<Option<Pending>> = vec![None; clients];
        let mut heap = BinaryHeap::new();
        for client in 0..clients {
            heap.push(Reverse((self.random.below(1000) as i64, client)));
        }
        let mut begun = 0usize;
        while let Some(Reverse((now, client))) = heap.pop() {
            match pending[client].take() {
                None if begun < self.shape.operations => {
                    begun += 1;
                    let key = client as u32 % self.shape.keys;
                    let mut next = self.begin(key, processes[client], now);
                    if next.op.outcome == OpOutcome::Unknown {
                        processes[client] = self.next_process;
                        self.next_process += 1;
                        next.effect += self.random.below(3000) as i64;
                    }
                    heap.push(Reverse((next.effect, client)));
                    pending[client] = Some(next);
                }
                None => {}
                Some(mut done) => {
                    self.now = now;
                    self.settle(&mut done);
                    settled(self);
                    let think = self.random.below(self.shape.think_ns + 1) as i64;
                    heap.push(Reverse((done.effect.max(done.op.ret.min(done.effect + 1000)) + 1 + think, client)));
                }
            }
        }
    }

    fn begin(&mut self, key: u32, process: u32, now: i64) -> Pending {
        let shape = self.shape;
        let effect = now + self.random.below(500) as i64;
        let ret = effect + self.random.below(500) as i64;
        let kind = self.choose_kind(key, process);
        let mut op = Operation { key, process, kind, ..Operation::ok(kind, NIL, now, ret) };
        if !kind.observes_only() && self.random.chance(shape.unknown) {
            op.outcome = OpOutcome::Unknown;
            op.ret = NEVER;
        }
        let lost = op.outcome == OpOutcome::Unknown && self.random.chance(500);
        Pending { op, effect, lost }
    }

    fn choose_kind(&mut self, key: u32, process: u32) -> Kind {
        let shape = self.shape;
        let kinds = kinds(shape.data);
        let read = self.random.chance(shape.reads);
        match shape.data {
            DataType::Register if read => Kind::Read,
            DataType::Register if self.random.chance(shape.cas) => Kind::Cas,
            DataType::Register => Kind::Write,
            DataType::Mutex if self.objects[key as usize].holder == Some(process) => Kind::Release,
            DataType::Mutex => Kind::Acquire,
            DataType::Set if read => Kind::Contains,
            DataType::Text if read => Kind::Get,
            DataType::Set | DataType::Text => kinds[self.random.below(2) as usize + usize::from(shape.data == DataType::Text)],
            _ if read => kinds[1],
            _ => kinds[0],
        }
    }

    fn fresh(&mut self) -> i64 {
        match self.shape.values {
            0 => {
                self.next_value += 1;
                self.next_value
            }
            n => 1 + self.random.below(n) as i64,
        }
    }

    /// Applies the effect, fills in the answer and records the operation.
    fn settle(&mut self, pending: &mut Pending) {
        // Written values are numbered without gaps, as interned ones are.
        let draws = !pending.op.kind.observes_only() || pending.op.kind == Kind::Contains;
        let fresh = if draws { self.fresh() } else { NIL };
        let op = &mut pending.op;
        let unknown = op.outcome == OpOutcome::Unknown;
        let object = &mut self.objects[op.key as usize];
        let mut scratch = object.clone_if(pending.lost);
        let object = scratch.as_mut().unwrap_or(object);
        let draw = self.random.bits();
        match op.kind {
            Kind::Read | Kind::ReadCounter => op.value = object.value,
            Kind::Write => (op.value, object.value) = (fresh, fresh),
            Kind::Cas => {
                op.expected = if draw & 3 == 0 { fresh } else { object.value };
                op.value = fresh;
                if op.expected == object.value {
                    object.value = fresh;
                } else if !unknown {
                    op.outcome = OpOutcome::Fail;
                }
            }
            Kind::Increment => {
                op.value = if self.shape.values == 0 { 1 } else { fresh };
                object.value += op.value;
            }
            Kind::Append | Kind::Enqueue | Kind::Push => {
                op.value = fresh;
                object.items.push_back(fresh);
            }
            Kind::ReadLog => op.value = self.history.list(&object.items.iter().copied().collect::<Vec<_>>()),
            Kind::Dequeue => op.value = object.items.pop_front().unwrap_or(NIL),
            Kind::Pop => op.value = object.items.pop_back().unwrap_or(NIL),
            Kind::Add => {
                op.value = fresh;
                if !object.items.contains(&fresh) {
                    object.items.push_back(fresh);
                }
            }
            Kind::Remove => match object.items.pop_front() {
                Some(value) => op.value = value,
                None => op.outcome = OpOutcome::Fail,
            },
            Kind::Contains => {
                let old = object.items.get(draw as usize % (object.items.len() + 1)).copied();
                op.value = old.unwrap_or(fresh);
                op.expected = i64::from(object.items.contains(&op.value));
            }
            Kind::Acquire => match object.holder {
                None => object.holder = Some(op.process),
                Some(_) => op.outcome = OpOutcome::Fail,
            },
            Kind::Release => object.holder = None,
            Kind::Get => op.value = self.history.text(&object.text.clone()),
            Kind::Put | Kind::AppendText => {
                let said = format!("{}.", fresh);
                object.text = if op.kind == Kind::Put { said.clone() } else { object.text.clone() + &said };
                op.value = self.history.text(&said);
            }
        }
        if self.shape.versions && matches!(op.kind, Kind::Read | Kind::Write | Kind::Cas) && !unknown {
            object.version += u64::from(op.kind != Kind::Read && op.outcome == OpOutcome::Ok);
            op.version = (op.outcome == OpOutcome::Ok && object.version > 0).then_some(object.version);
        } else if self.shape.versions && unknown && !pending.lost && op.kind != Kind::Read {
            object.version += u64::from(object.value == op.value);
        }
        if self.shape.versions && matches!(op.kind, Kind::Append | Kind::Acquire) && op.outcome != OpOutcome::Fail {
            object.version += 1;
            op.version = (!unknown).then_some(object.version);
        }
        self.record(pending);
    }

    fn record(&mut self, pending: &mut Pending) {
        let op = &mut pending.op;
        op.row = self.recorded + self.history.len() as u32;
        let mut shown = *op;
        if matches!(shown.kind, Kind::Dequeue | Kind::Pop | Kind::Remove) && shown.outcome == OpOutcome::Unknown {
            shown.value = if shown.kind == Kind::Remove { shown.value } else { NIL };
        }
        let tick = self.shape.tick_ns.max(1);
        shown.invoke = shown.invoke / tick * tick;
        if shown.ret != NEVER {
            shown.ret = shown.ret / tick * tick;
        }
        // A generated operation is well-formed by construction; one that were not would only be missing.
        let _ = self.history.push(shown);
    }
}

impl Object {
    fn clone_if(&self, lost: bool) -> Option<Object> {
        lost.then(|| self.clone())
    }
}
