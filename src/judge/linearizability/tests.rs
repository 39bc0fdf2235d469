//! Every method against a brute-force oracle on random small histories, and against each other.
//!
//! `QUORATE_SOAK=1000000 cargo test --release --lib judge::linearizability` runs that many histories for each case.

mod limits;
mod longer;
mod shown;
mod streams;
mod whole_sets;

use super::generate::{Random, Shape, random, simulate};
use super::*;
use longer::searches_agree;
use shown::{margin_holds, shown_alone};
use std::collections::BTreeMap;
use streams::windows_agree;

/// The specification, written a second time and as plainly as possible.
#[derive(Clone, PartialEq)]
struct Spec {
    items: Vec<i64>,
    value: i64,
    text: String,
    version: u64,
    exact: bool,
    /// While nothing was written, reads may tell any version below this one.
    floor: Option<u64>,
}

impl Spec {
    fn new(data: DataType, settings: &Settings) -> Spec {
        let value = match data {
            DataType::Counter => 0,
            DataType::Register => settings.initial,
            _ => NIL,
        };
        Spec { items: vec![], value, text: String::new(), version: 0, exact: true, floor: Some(u64::MAX) }
    }

    /// The state after `op`, or `None` if its answer is impossible here.
    fn after(&self, op: &Operation, history: &History, settings: &Settings) -> Option<Spec> {
        let mut next = self.clone();
        let unknown = op.outcome == OpOutcome::Unknown;
        let fits = match op.kind {
            Kind::Read => unknown || op.value == self.value || (op.value == NIL && settings.nil_read == NilRead::Any),
            Kind::Write => {
                next.value = op.value;
                true
            }
            Kind::Cas if op.outcome == OpOutcome::Fail => self.value != op.expected,
            Kind::Cas => {
                next.value = op.value;
                self.value == op.expected
            }
            Kind::Append | Kind::Enqueue | Kind::Push => {
                next.items.push(op.value);
                true
            }
            Kind::ReadLog => unknown || history.list_of(op.value) == self.items,
            Kind::Add => {
                next.items.retain(|&item| item != op.value);
                next.items.push(op.value);
                next.items.sort_unstable();
                true
            }
            Kind::Remove => {
                next.items.retain(|&item| item != op.value);
                self.items.contains(&op.value)
            }
            Kind::Contains => unknown || self.items.contains(&op.value) == (op.expected == 1),
            Kind::Dequeue if self.items.is_empty() => op.value == NIL && !unknown,
            Kind::Dequeue => next.items.remove(0) == op.value || unknown,
            Kind::Pop => match next.items.pop() {
                Some(item) => item == op.value || unknown,
                None => op.value == NIL && !unknown,
            },
            Kind::Acquire => {
                next.value = i64::from(op.process);
                self.value == NIL
            }
            Kind::Release => {
                next.value = NIL;
                self.value == i64::from(op.process)
            }
            Kind::Increment => {
                next.value += op.value;
                true
            }
            Kind::ReadCounter => unknown || self.value == op.value,
            Kind::Get => unknown || history.text_of(op.value) == self.text,
            Kind::Put => {
                next.text = history.text_of(op.value).into();
                true
            }
            Kind::AppendText => {
                next.text += history.text_of(op.value);
                true
            }
        };
        (fits && next.follow_version(op)).then_some(next)
    }

    /// Versions: each write gets a higher one, each read sees the current one.
    fn follow_version(&mut self, op: &Operation) -> bool {
        if matches!(op.kind, Kind::Append | Kind::Acquire) && op.outcome == OpOutcome::Ok {
            let fits = op.version.is_none_or(|version| version > self.version);
            self.version = op.version.unwrap_or(self.version);
            return fits;
        }
        if !matches!(op.kind, Kind::Write | Kind::Cas | Kind::Read) || op.outcome == OpOutcome::Fail {
            return true;
        }
        if op.kind == Kind::Read && self.floor.is_some() {
            return op.version < self.floor;
        }
        self.floor = None;
        let seen = match op.version {
            Some(version) => version,
            None if op.outcome == OpOutcome::Unknown && op.kind != Kind::Read => {
                self.exact = false;
                return true;
            }
            None => return true,
        };
        let fits = if op.kind == Kind::Read && self.exact { seen == self.version } else { seen > self.version };
        (self.version, self.exact) = (seen, true);
        fits
    }
}

/// Tries every order and every subset of the operations that may stay away.
fn oracle(ops: &[Operation], spec: &Spec, history: &History, settings: &Settings) -> bool {
    if ops.iter().all(may_stay_away) {
        return true;
    }
    (0..ops.len()).any(|i| {
        let op = ops[i];
        let must_wait = ops.iter().any(|other| {
            !may_stay_away(other) && other.ret.saturating_add(settings.skew_ns) < op.invoke.saturating_sub(settings.skew_ns)
        });
        if must_wait {
            return false;
        }
        let mut rest = ops.to_vec();
        rest.remove(i);
        spec.after(&op, history, settings).is_some_and(|next| oracle(&rest, &next, history, settings))
    })
}

/// Its outcome is unknown; or it came back, but is let loose by a test.
fn may_stay_away(op: &Operation) -> bool {
    op.outcome == OpOutcome::Unknown || op.ret == NEVER
}

fn truth(history: &History, data: DataType, settings: &Settings, versions: bool) -> bool {
    let happened =
        |op: &Operation| op.outcome != OpOutcome::Fail || (op.kind == Kind::Cas && settings.failed_cas == FailedCas::Mismatch);
    let spec = Spec::new(data, settings);
    orders(history.operations().filter(happened).collect(), spec, history, settings, versions)
}

/// Is there an order of these operations from the state of `spec` on?
fn orders(mut ops: Vec<Operation>, mut spec: Spec, history: &History, settings: &Settings, versions: bool) -> bool {
    ops.sort_by_key(|op| op.invoke);
    if !versions {
        ops.iter_mut().for_each(|op| op.version = None);
    }
    let told = ops.iter().filter(|op| op.kind != Kind::Read || op.value != settings.initial);
    spec.floor = Some(told.filter_map(|op| op.version).min().unwrap_or(u64::MAX));
    oracle(&ops, &spec, history, settings)
}

/// Failed compare-and-sets are observations: the harder setting.
fn strict() -> Settings<'static> {
    Settings { failed_cas: FailedCas::Mismatch, ..Settings::default() }
}

fn rounds() -> u64 {
    std::env::var("QUORATE_SOAK").ok().and_then(|n| n.parse().ok()).unwrap_or(10_000)
}

fn dump(history: &History) -> String {
    let line = |op: Operation| {
        let Operation { process, kind, value, expected, version, invoke, ret, outcome, row, .. } = op;
        let value = if kind == Kind::ReadLog { format!("{:?}", history.list_of(value)) } else { value.to_string() };
        format!("#{row} p{process} {kind:?} {value} exp {expected} ver {version:?} [{invoke},{ret}] {outcome:?}\n")
    };
    history.operations().map(line).collect()
}

/// A small simulated run with up to three faults put in.
fn spoiled(data: DataType, versions: bool, rng: &mut Random) -> History {
    let shape = Shape {
        data,
        operations: 3 + rng.below(6) as usize,
        clients: 2 + rng.below(3) as u32,
        values: [0, 0, 2, 3][rng.below(4) as usize],
        cas: 300,
        unknown: 200,
        reads: 300 + rng.below(300),
        versions,
        tick_ns: [1, 50, 300, 1000][rng.below(4) as usize],
        seed: rng.bits(),
        ..Shape::default()
    };
    let good = simulate(&shape);
    let mut ops: Vec<Operation> = good.operations().collect();
    for _ in 0..rng.below(4) {
        let (a, b) = (rng.below(ops.len() as u64) as usize, rng.below(ops.len() as u64) as usize);
        let (other, op) = (ops[b], &mut ops[a]);
        match rng.below(6) {
            0 if op.kind == other.kind || data != DataType::Log => op.value = other.value,
            1 => op.expected = other.expected,
            2 if op.outcome == OpOutcome::Ok => op.ret = op.invoke.max(op.ret - 400),
            3 => op.invoke -= 700,
            4 if op.outcome == OpOutcome::Ok => op.version = op.version.and(other.version),
            5 if op.outcome == OpOutcome::Ok => op.ret += 700,
            _ => {}
        }
    }
    let mut history = good.clone_empty();
    for (row, op) in ops.into_iter().enumerate() {
        history.push(Operation { row: row as u32, ..op }).unwrap();
    }
    history
}

/// Compares `check` with the oracle on `rounds()` histories and returns how often each method decided each way.
fn compare(data: DataType, salt: u64, settings: &Settings, versions: bool) -> BTreeMap<(Method, bool), u64> {
    let mut counts = BTreeMap::new();
    for round in 0..rounds() {
        let mut rng = Random(salt << 40 | round);
        let n = 2 + rng.below(6) as usize;
        let history = match rng.below(4) {
            0 if !versions => random(data, n, false, &mut rng),
            1 if !versions => random(data, n, true, &mut rng),
            _ => spoiled(data, versions, &mut rng),
        };
        judge_like_the_oracle(&history, data, settings, (salt, round), &mut counts);
    }
    counts
}

/// The method must have judged both ways, and often.
fn exercised(counts: &BTreeMap<(Method, bool), u64>, method: Method) {
    for way in [false, true] {
        let count = counts.get(&(method, way)).copied().unwrap_or(0);
        assert!(count * 100 > rounds(), "{method:?} said {way} only {count} times");
    }
}

#[test]
fn registers_agree_with_the_oracle() {
    let counts = compare(DataType::Register, 1, &strict(), false);
    exercised(&counts, Method::Blocks);
    exercised(&counts, Method::RegisterSearch);
    let any = Settings { nil_read: NilRead::Any, ..Settings::default() };
    compare(DataType::Register, 2, &any, false);
    let other = Settings { initial: 1, skew_ns: 1, ..strict() };
    compare(DataType::Register, 3, &other, false);
}

#[test]
fn versioned_registers_agree_with_the_oracle() {
    exercised(&compare(DataType::Register, 4, &strict(), true), Method::VersionSweep);
    compare(DataType::Register, 12, &Settings { skew_ns: 40, ..Settings::default() }, true);
}

#[test]
fn queues_agree_with_the_oracle() {
    exercised(&compare(DataType::Queue, 5, &Settings::default(), false), Method::QueueConditions);
    compare(DataType::Queue, 25, &Settings { skew_ns: 1, ..Settings::default() }, false);
}

#[test]
fn sets_agree_with_the_oracle() {
    exercised(&compare(DataType::Set, 6, &Settings::default(), false), Method::SetElements);
    compare(DataType::Set, 26, &Settings { skew_ns: 1, ..Settings::default() }, false);
}

#[test]
fn stacks_agree_with_the_oracle() {
    exercised(&compare(DataType::Stack, 7, &Settings::default(), false), Method::StackConditions);
    compare(DataType::Stack, 27, &Settings { skew_ns: 1, ..Settings::default() }, false);
}

#[test]
fn counters_agree_with_the_oracle() {
    exercised(&compare(DataType::Counter, 8, &Settings::default(), false), Method::CounterSlots);
    compare(DataType::Counter, 28, &Settings { skew_ns: 1, ..Settings::default() }, false);
}

#[test]
fn logs_agree_with_the_oracle() {
    exercised(&compare(DataType::Log, 9, &Settings::default(), false), Method::LogPrefixes);
    compare(DataType::Log, 29, &Settings { skew_ns: 1, ..Settings::default() }, false);
}

#[test]
fn mutexes_agree_with_the_oracle() {
    exercised(&compare(DataType::Mutex, 10, &Settings::default(), false), Method::MutexBlocks);
    compare(DataType::Mutex, 30, &Settings { skew_ns: 1, ..Settings::default() }, false);
}

/// Δ-atomicity without versions: the smallest Δ for which an oracle finds an order.
#[test]
fn delta_atomicity_agrees_with_the_oracle() {
    let settings = Settings::default();
    let mut found = BTreeMap::new();
    for round in 0..rounds() / 4 {
        let mut rng = Random(81 << 40 | round);
        let n = 2 + rng.below(5) as usize;
        let unique = rng.chance(700);
        let history = random(DataType::Register, n, unique, &mut rng);
        if !history.operations().any(|op| op.outcome == OpOutcome::Ok) {
            continue;
        }
        let fits = |delta: i64| {
            let mut moved = History::new();
            for op in history.operations() {
                let invoke = if op.kind == Kind::Read { op.invoke - delta } else { op.invoke };
                moved.push(Operation { invoke, ..op }).unwrap();
            }
            truth(&moved, DataType::Register, &settings, false)
        };
        let expected = (0..40).find(|&delta| fits(delta));
        let got = delta_atomicity(&history, 0, &settings);
        assert_eq!(got, expected, "{round}:\n{}", dump(&history));
        *found.entry(expected.map(|delta| delta > 0)).or_insert(0) += 1;
    }
    let of = |delta| found.get(&delta).copied().unwrap_or(0);
    assert!(of(None) * 40 > rounds() && of(Some(true)) * 400 > rounds() && of(Some(false)) * 40 > rounds(), "{found:?}");
}

/// Positions of appends and fencing tokens of acquires.
#[test]
fn versioned_logs_and_mutexes_agree_with_the_oracle() {
    for (data, salt) in [(DataType::Log, 13), (DataType::Mutex, 14)] {
        exercised(&compare(data, salt, &Settings::default(), true), Method::VersionSweep);
        compare(data, salt + 20, &Settings { skew_ns: 40, ..Settings::default() }, true);
    }
}

#[test]
fn texts_agree_with_the_oracle() {
    compare(DataType::Text, 11, &Settings::default(), false);
}

/// Compares `check` with the oracle on one history.
fn judge_like_the_oracle(
    history: &History,
    data: DataType,
    settings: &Settings,
    place: (u64, u64),
    counts: &mut BTreeMap<(Method, bool), u64>,
) {
    let outcome = check(history, data, settings);
    let Some(key) = outcome.keys.first() else {
        return;
    };
    if key.verdict == Verdict::Vacuous {
        return;
    }
    if matches!(data, DataType::Register | DataType::Mutex) && key.method != Method::VersionSweep {
        searches_agree(history, data, settings, &key.verdict);
    }
    let by_version = key.method == Method::VersionSweep;
    if data == DataType::Register && history.has_versions() {
        windows_agree(history, settings, by_version && key.verdict == Verdict::Linearizable);
    }
    margin_holds(history, data, settings, &key.verdict);
    shown_alone(history, data, settings, key);
    let expected = truth(history, data, settings, by_version);
    let got = match &key.verdict {
        Verdict::Linearizable => true,
        Verdict::Violation(_) => false,
        other => panic!("{place:?}: {other:?}\n{}", dump(history)),
    };
    assert_eq!(got, expected, "{place:?}: {key:?}\n{}", dump(history));
    if let Some(alone) = &key.values_alone {
        let expected = truth(history, data, settings, false);
        assert_eq!(*alone == Verdict::Linearizable, expected, "{place:?}: {key:?}\n{}", dump(history));
    }
    *counts.entry((key.method, got)).or_insert(0) += 1;
}
