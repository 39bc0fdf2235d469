//! Every method against a brute-force oracle on random small histories, and against each other.
//!
//! `QUORATE_SOAK=1000000 cargo test --release --lib judge::linearizability` runs that many histories for each case.

use super::generate::{Random, Shape, random, simulate};
use super::*;
use std::collections::BTreeMap;

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

/// Tries every order and every subset of the operations of unknown outcome.
fn oracle(ops: &[Operation], spec: &Spec, history: &History, settings: &Settings) -> bool {
    if ops.iter().all(|op| op.outcome == OpOutcome::Unknown) {
        return true;
    }
    (0..ops.len()).any(|i| {
        let op = ops[i];
        let must_wait = ops.iter().any(|other| {
            other.outcome != OpOutcome::Unknown
                && other.ret.saturating_add(settings.skew_ns) < op.invoke.saturating_sub(settings.skew_ns)
        });
        if must_wait {
            return false;
        }
        let mut rest = ops.to_vec();
        rest.remove(i);
        spec.after(&op, history, settings).is_some_and(|next| oracle(&rest, &next, history, settings))
    })
}

fn truth(history: &History, data: DataType, settings: &Settings, versions: bool) -> bool {
    let mut ops: Vec<Operation> = history
        .operations()
        .filter(|op| op.outcome != OpOutcome::Fail || (op.kind == Kind::Cas && settings.failed_cas == FailedCas::Mismatch))
        .collect();
    ops.sort_by_key(|op| op.invoke);
    if !versions {
        ops.iter_mut().for_each(|op| op.version = None);
    }
    let mut spec = Spec::new(data, settings);
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
        let outcome = check(&history, data, settings);
        let Some(key) = outcome.keys.first() else {
            continue;
        };
        if key.verdict == Verdict::Vacuous {
            continue;
        }
        if matches!(data, DataType::Register | DataType::Mutex) && key.method != Method::VersionSweep {
            searches_agree(&history, data, settings, &key.verdict);
        }
        let by_version = key.method == Method::VersionSweep;
        if versions && data == DataType::Register && history.has_versions() {
            windows_agree(&history, settings, by_version && key.verdict == Verdict::Linearizable);
        }
        margin_holds(&history, data, settings, &key.verdict);
        shown_alone(&history, data, settings, key);
        let expected = truth(&history, data, settings, by_version);
        let got = match &key.verdict {
            Verdict::Linearizable => true,
            Verdict::Violation(_) => false,
            other => panic!("{salt}/{round}: {other:?}\n{}", dump(&history)),
        };
        assert_eq!(got, expected, "{salt}/{round}: {key:?}\n{}", dump(&history));
        if let Some(alone) = &key.values_alone {
            let expected = truth(&history, data, settings, false);
            assert_eq!(*alone == Verdict::Linearizable, expected, "{salt}/{round}: {key:?}\n{}", dump(&history));
        }
        *counts.entry((key.method, got)).or_insert(0) += 1;
    }
    counts
}

/// On longer histories windows move on: where they say yes, the tables do.
#[test]
fn windows_say_yes_only_where_tables_do() {
    let settings = Settings::default();
    let (mut yes, mut no) = (0, 0);
    for round in 0..rounds() / 5 {
        let mut rng = Random(78 << 40 | round);
        let (clients, cas, unknown) = (2 + rng.below(6) as u32, rng.below(2) * 300, rng.below(2) * rng.below(100));
        let shape = Shape { operations: 150, clients, cas, unknown, versions: true, seed: rng.bits(), ..Shape::default() };
        let mut ops: Vec<Operation> = simulate(&shape).operations().collect();
        for _ in 0..rng.below(3) {
            let (a, b) = (rng.below(ops.len() as u64) as usize, rng.below(ops.len() as u64) as usize);
            match rng.below(4) {
                0 => ops[a].value = ops[b].value,
                1 => ops[a].version = ops[b].version,
                2 => (ops[a].value, ops[a].version) = (ops[b].value, ops[b].version),
                _ => ops.swap(a, b),
            }
        }
        let mut history = History::new();
        ops.into_iter().for_each(|op| history.push(op).unwrap());
        let profile = profile::Profile::new(&history, DataType::Register);
        let good = versions::sweep(&history, &profile, &settings, |_| true)[0] == Some(versions::Swept::Order);
        windows_agree(&history, &settings, good);
        let said = versions::sure::<8>(&history, &vec![0; history.len()], 1, &settings, |_| true)[0];
        assert!(good || !said, "{}", dump(&history));
        (yes, no) = (yes + u64::from(said), no + u64::from(!good));
    }
    assert!(yes * 20 > rounds() / 5 && no * 20 > rounds() / 5, "{yes} yes, {no} no");
}

/// A violation found by search in a long history comes down to a handful of operations, with a margin.
#[test]
fn counterexamples_of_searches_are_small() {
    let mut sizes = Vec::new();
    for seed in 0..60 {
        let shape = Shape { operations: 1000, clients: 3, values: 5, unknown: 5, seed, ..Shape::default() };
        let mut ops: Vec<Operation> = simulate(&shape).operations().collect();
        let read = (500..1000).find(|&i| ops[i].kind == Kind::Read).unwrap();
        ops[read].value = 1 + ops[read].value % 5;
        let mut history = History::new();
        ops.into_iter().for_each(|op| history.push(op).unwrap());
        let settings = Settings::default();
        let verdict = check(&history, DataType::Register, &settings).verdict();
        if let Verdict::Violation(example) = &verdict {
            sizes.push(if example.margin_ns.is_some() { example.operations.len() } else { 99 });
            margin_holds(&history, DataType::Register, &settings, &verdict);
        }
    }
    let small = sizes.iter().filter(|&&size| size <= 12).count();
    assert!(small > 10 && small * 10 > sizes.len() * 7, "{sizes:?}");
}

/// The contradiction that a search shows survives a clock error just below its margin.
fn margin_holds(history: &History, data: DataType, settings: &Settings, verdict: &Verdict) {
    if let Verdict::Violation(example) = verdict
        && let (Reason::SearchStuck { .. }, Some(margin)) = (&example.reason, example.margin_ns)
    {
        let skewed = Settings { skew_ns: (margin - 1) / 2, ..*settings };
        let still = check(history, data, &skewed).verdict();
        assert!(matches!(still, Verdict::Violation(_)), "margin {margin} of {example:?}\n{}", dump(history));
    }
}

/// Windows of versions say yes only where the sweep with tables does.
fn windows_agree(history: &History, settings: &Settings, good: bool) {
    let keys = vec![0; history.len()];
    let narrow = versions::sure::<2>(history, &keys, 1, settings, |_| true)[0];
    let wide = versions::sure::<32>(history, &keys, 1, settings, |_| true)[0];
    assert!(good || !(narrow || wide), "narrow {narrow}, wide {wide}\n{}", dump(history));
}

/// The depth-first and the breadth-first search say the same as the chosen method.
fn searches_agree(history: &History, data: DataType, settings: &Settings, verdict: &Verdict) {
    let positions: Vec<u32> = (0..history.len() as u32).collect();
    let (case, _) = register_case::case(history, &positions, data, settings);
    let deep = register_search::search(&case, settings) == register_search::Found::Order;
    let broad = register_search::search_broad(&case, settings) == register_search::Found::Order;
    let chosen = *verdict == Verdict::Linearizable;
    assert_eq!((deep, broad), (chosen, chosen), "{}", dump(history));
}

/// Longer histories, which no oracle can judge: all methods agree with each other.
#[test]
fn methods_agree_on_longer_histories() {
    let settings = strict();
    let mut good = 0;
    for round in 0..rounds() / 20 {
        let mut rng = Random(77 << 40 | round);
        let shape = Shape {
            operations: 20 + rng.below(60) as usize,
            clients: 2 + rng.below(8) as u32,
            values: [0, 2, 3, 5][rng.below(4) as usize],
            cas: rng.below(2) * 400,
            unknown: rng.below(2) * 150,
            tick_ns: [1, 100][rng.below(2) as usize],
            seed: rng.bits(),
            ..Shape::default()
        };
        let mut ops: Vec<Operation> = simulate(&shape).operations().collect();
        let spoil = rng.chance(600);
        if spoil {
            let (a, b) = (rng.below(ops.len() as u64) as usize, rng.below(ops.len() as u64) as usize);
            ops[a].value = ops[b].value;
        }
        let mut history = History::new();
        ops.into_iter().for_each(|op| history.push(op).unwrap());
        let outcome = check(&history, DataType::Register, &settings);
        let verdict = &outcome.keys[0].verdict;
        assert!(spoil || *verdict == Verdict::Linearizable, "{round}: {verdict:?}\n{}", dump(&history));
        good += u64::from(*verdict == Verdict::Linearizable);
        searches_agree(&history, DataType::Register, &settings, verdict);
    }
    assert!(good > 0);
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

/// Deeper stacks than an oracle can judge: the method agrees with the search, and what it shows is wrong by itself.
#[test]
fn deeper_stacks_agree_with_the_search() {
    let (mut yes, mut no) = (0, 0);
    for round in 0..rounds() / 8 {
        let mut rng = Random(79 << 40 | round);
        let shape = Shape {
            data: DataType::Stack,
            operations: 8 + rng.below(16) as usize,
            clients: 2 + rng.below(4) as u32,
            unknown: rng.below(2) * 100,
            reads: 300 + rng.below(200),
            tick_ns: [1, 300][rng.below(2) as usize],
            seed: rng.bits(),
            ..Shape::default()
        };
        let mut ops: Vec<Operation> = simulate(&shape).operations().collect();
        let pops: Vec<usize> = (0..ops.len()).filter(|&i| ops[i].kind == Kind::Pop && ops[i].value != NIL).collect();
        for pair in pops.windows(2) {
            if !rng.chance(200) {
                continue;
            }
            (ops[pair[0]].value, ops[pair[1]].value) = (ops[pair[1]].value, ops[pair[0]].value);
            ops[pair[0]].invoke -= 600 * rng.below(2) as i64;
        }
        let mut history = History::new();
        ops.into_iter().for_each(|op| history.push(op).unwrap());
        let settings = Settings::default();
        let outcome = check(&history, DataType::Stack, &settings);
        let key = &outcome.keys[0];
        let all: Vec<u32> = (0..history.len() as u32).collect();
        let good = builtin::search(&history, &all, DataType::Stack, &settings) == Verdict::Linearizable;
        assert_eq!(key.verdict == Verdict::Linearizable, good, "{round}: {key:?}\n{}", dump(&history));
        shown_alone(&history, DataType::Stack, &settings, key);
        if key.method == Method::StackConditions {
            (yes, no) = (yes + u64::from(good), no + u64::from(!good));
        }
    }
    assert!(yes * 40 > rounds() && no * 80 > rounds(), "{yes} yes, {no} no");
}

/// The operations that a method shows have no order by themselves, not even with clocks wrong by almost the margin.
fn shown_alone(history: &History, data: DataType, settings: &Settings, key: &KeyVerdict) {
    let Verdict::Violation(example) = &key.verdict else {
        return;
    };
    let alone = [Method::StackConditions, Method::QueueConditions, Method::SetElements, Method::Blocks];
    // Of chains of compare-and-sets only the ends are shown.
    let chained = key.method == Method::Blocks && history.operations().any(|op| op.kind == Kind::Cas);
    if chained || !alone.contains(&key.method) {
        return;
    }
    let mut shown = history.clone_empty();
    example.operations.iter().for_each(|&op| shown.push(op).unwrap());
    for skew in [settings.skew_ns, example.margin_ns.map_or(0, |margin| ((margin - 1) / 2).min(1 << 40))] {
        let verdict = check(&shown, data, &Settings { skew_ns: skew, ..*settings }).verdict();
        assert!(matches!(verdict, Verdict::Violation(_)), "skew {skew}: {verdict:?} of {key:?}\n{}", dump(history));
    }
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

/// A write of unknown outcome is seen, and long after it was overwritten it is seen again.
#[test]
fn causes_long_before_are_found() {
    let mut history = History::new();
    let unknown = Operation { outcome: OpOutcome::Unknown, ret: NEVER, ..Operation::ok(Kind::Write, 9, 1, 2) };
    let mut push = |op: Operation| {
        let row = history.len() as u32;
        history.push(Operation { row, ..op }).unwrap();
    };
    push(unknown);
    push(Operation::ok(Kind::Read, 9, 10, 12));
    for i in 0..600 {
        let kind = if i % 3 == 0 { Kind::Write } else { Kind::Read };
        push(Operation::ok(kind, 1 + i / 3 % 2, 20 + 10 * i, 25 + 10 * i));
    }
    push(Operation::ok(Kind::Read, 9, 9000, 9001));
    let settings = Settings::default();
    let outcome = check(&history, DataType::Register, &settings);
    let (_, example) = outcome.violations().next().unwrap();
    assert_eq!(outcome.keys[0].method, Method::RegisterSearch);
    let rows: Vec<u32> = example.operations.iter().map(|op| op.row).collect();
    assert!(rows.len() <= 5 && rows.contains(&1) && rows.contains(&602), "{example:?}");
    assert!(example.margin_ns.is_some(), "{example:?}");
    margin_holds(&history, DataType::Register, &settings, &outcome.verdict());
}

/// What the stream says is true, and it seldom says nothing.
#[test]
fn streams_of_versions_agree_with_the_oracle() {
    let mut said: BTreeMap<&str, u64> = BTreeMap::new();
    for round in 0..rounds() {
        let mut rng = Random(80 << 40 | round);
        let settings = [Settings::default(), Settings { initial: 1, skew_ns: 40, ..Settings::default() }][round as usize % 2];
        let mut ops: Vec<Operation> = spoiled(DataType::Register, true, &mut rng).operations().collect();
        ops.sort_by_key(|op| op.invoke);
        let mut history = History::new();
        ops.into_iter().for_each(|op| history.push(op).unwrap());
        let mut stream = VersionStream::new(&settings);
        stream.extend(&history).unwrap();
        let outcome = stream.finish();
        let verdict = &outcome.keys[0].verdict;
        let name = match verdict {
            Verdict::Linearizable => "yes",
            Verdict::Violation(_) => "no",
            _ => "nothing",
        };
        *said.entry(name).or_default() += 1;
        if ["yes", "no"].contains(&name) {
            let truth = truth(&history, DataType::Register, &settings, true);
            assert_eq!(truth, name == "yes", "{round}: {:?}\n{}", outcome.keys[0], dump(&history));
        }
    }
    let of = |name| said.get(name).copied().unwrap_or(0);
    assert!(of("yes") * 3 > rounds() && of("no") * 20 > rounds() && of("nothing") * 2 < rounds(), "{said:?}");
}

/// However long the history, a stream holds what is in flight and a little a key; and it says what the sweep says.
#[test]
fn streams_hold_what_is_in_flight() {
    let shape = Shape { operations: 60_000, keys: 4, clients: 5, cas: 300, versions: true, ..Shape::default() };
    let most = |shape: &Shape| {
        let (mut stream, mut most, mut all) = (VersionStream::new(&Settings::default()), 0, History::new());
        generate::simulate_in_windows(shape, 1000, &mut |window| {
            for op in window {
                stream.push(op).unwrap();
                all.push(*op).unwrap();
                most = most.max(stream.live());
            }
        });
        let rows: std::collections::BTreeSet<u32> = all.operations().map(|op| op.row).collect();
        assert_eq!((all.len(), rows.len()), (shape.operations, shape.operations));
        let (streamed, swept) = (stream.finish(), check(&all, DataType::Register, &Settings::default()));
        assert_eq!(streamed.keys[0].why, "every operation tells its version");
        assert_eq!((streamed.verdict(), swept.verdict()), (Verdict::Linearizable, Verdict::Linearizable));
        most
    };
    // For each operation in flight one return and one version, and V with the version before it.
    let bound = 4 * (2 * 5 + 2);
    assert!(most(&shape) <= bound, "{}", most(&shape));
    let short = Shape { operations: 6_000, ..shape };
    assert!(most(&shape) <= most(&short) + 8, "{} and {}", most(&shape), most(&short));
    let unknown = Shape { unknown: 50, ..shape };
    let lost = simulate(&unknown).operations().filter(|op| op.outcome == OpOutcome::Unknown).count();
    assert!(most(&unknown) <= bound + lost);
    let (mut late, op) = (VersionStream::new(&Settings::default()), Operation::ok(Kind::Write, 1, 7, 8));
    assert_eq!(late.push(&op), Ok(()));
    assert_eq!(late.push(&Operation { invoke: 6, ..op }), Err(OutOfOrder { latest: 7 }));
}

/// Positions of appends and fencing tokens of acquires.
#[test]
fn versioned_logs_and_mutexes_agree_with_the_oracle() {
    for (data, salt) in [(DataType::Log, 13), (DataType::Mutex, 14)] {
        exercised(&compare(data, salt, &Settings::default(), true), Method::VersionSweep);
        compare(data, salt + 20, &Settings { skew_ns: 40, ..Settings::default() }, true);
    }
}

/// What only a search can judge ends as undecided when the budget does, and says why.
#[test]
fn queues_and_counters_beyond_their_methods_are_undecided_without_a_budget() {
    let unknown = OpOutcome::Unknown;
    let mut queue = History::new();
    for i in 0..12 {
        queue.push(Operation::ok(Kind::Enqueue, i, 2 * i, 2 * i)).unwrap();
    }
    queue.push(Operation { outcome: unknown, ..Operation::ok(Kind::Dequeue, NIL, 30, 31) }).unwrap();
    queue.push(Operation::ok(Kind::Dequeue, 1, 40, 41)).unwrap();
    let mut counter = History::new();
    for i in 0..12 {
        counter.push(Operation::ok(Kind::Increment, 3 + i, 0, 50)).unwrap();
    }
    counter.push(Operation::ok(Kind::ReadCounter, 1, 20, 30)).unwrap();
    let cases = [
        (queue, DataType::Queue, "a dequeue of unknown outcome may have taken any element", true),
        (counter, DataType::Counter, "amounts differ from 1", false),
    ];
    for (history, data, why, good) in cases {
        let full = check(&history, data, &Settings::default());
        assert_eq!((full.keys[0].why, full.keys[0].method), (why, Method::ModelSearch));
        assert_eq!(full.keys[0].verdict == Verdict::Linearizable, good, "{:?}", full.keys[0]);
        let budget = Budget { steps: 3, bytes: 1 << 20 };
        let short = check(&history, data, &Settings { budget, ..Settings::default() });
        let Verdict::Undecided(gap) = &short.keys[0].verdict else { panic!("{short:?}") };
        assert_eq!((gap.gap, short.keys[0].why), (Gap::Steps, why));
        assert!(explain_gap(gap).contains("step budget"));
    }
}

#[test]
fn texts_agree_with_the_oracle() {
    compare(DataType::Text, 11, &Settings::default(), false);
}

fn mixed(seed: u64) -> History {
    let versions = seed.is_multiple_of(3);
    let values = 6 * (seed & 1);
    let shape = Shape { operations: 3000, keys: 7, cas: 300, unknown: 50, values, versions, seed, ..Shape::default() };
    let mut history = History::new();
    let mut rng = Random(seed);
    for mut op in simulate(&shape).operations() {
        if op.key < 3 && rng.chance(5) {
            op.value = 1 + rng.below(50) as i64;
        }
        history.push(op).unwrap();
    }
    history
}

#[test]
fn threads_do_not_change_the_outcome() {
    for seed in 0..20 {
        let history = mixed(seed);
        let one = check(&history, DataType::Register, &Settings::default());
        for threads in [2, 3, 8] {
            let many = check(&history, DataType::Register, &Settings { threads, ..Settings::default() });
            assert_eq!(one, many);
            assert_eq!(format!("{one:?}"), format!("{many:?}"));
        }
    }
}

#[test]
fn a_budget_or_a_stop_flag_leaves_keys_undecided_but_never_decides() {
    let history = mixed(1);
    let full = check(&history, DataType::Register, &Settings::default());
    for steps in [0, 10, 300, 3000] {
        let budget = Budget { steps, bytes: 1 << 30 };
        let short = check(&history, DataType::Register, &Settings { budget, ..Settings::default() });
        for (short, full) in short.keys.iter().zip(&full.keys) {
            let gap = matches!(&short.verdict, Verdict::Undecided(u) if u.gap == Gap::Steps && u.stuck_at.is_some());
            assert!(gap || short.verdict == full.verdict);
        }
        assert!(steps > 10 || matches!(short.verdict(), Verdict::Undecided(_)));
    }
    let stop = std::sync::atomic::AtomicBool::new(true);
    let stopped = check(&history, DataType::Register, &Settings { stop: Some(&stop), ..Settings::default() });
    assert!(stopped.keys.iter().all(|key| matches!(&key.verdict, Verdict::Undecided(u) if u.gap == Gap::Stopped)));
}

#[test]
fn nothing_to_judge_is_not_a_pass() {
    let empty = check(&History::new(), DataType::Register, &Settings::default());
    assert_eq!((empty.verdict(), empty.ok_operations()), (Verdict::Vacuous, 0));
    let mut failed = History::new();
    failed.push(Operation { outcome: OpOutcome::Fail, ..Operation::ok(Kind::Write, 1, 0, 1) }).unwrap();
    failed.push(Operation { outcome: OpOutcome::Unknown, ..Operation::ok(Kind::Write, 2, 0, 1) }).unwrap();
    assert_eq!(check(&failed, DataType::Register, &Settings::default()).verdict(), Verdict::Vacuous);
    failed.push(Operation::ok(Kind::Enqueue, 2, 0, 1)).unwrap();
    let foreign = check(&failed, DataType::Register, &Settings::default()).verdict();
    assert!(matches!(foreign, Verdict::Undecided(gap) if gap.gap == Gap::ForeignOperation));
}

#[test]
fn a_stale_read_is_shown_with_its_margin() {
    let mut history = History::new();
    for (row, op) in
        [Operation::ok(Kind::Write, 1, 0, 10), Operation::ok(Kind::Write, 2, 20, 30), Operation::ok(Kind::Read, 1, 75, 80)]
            .into_iter()
            .enumerate()
    {
        history.push(Operation { row: row as u32, ..op }).unwrap();
    }
    let outcome = check(&history, DataType::Register, &Settings::default());
    let (_, example) = outcome.violations().next().unwrap();
    assert_eq!((&example.reason, example.margin_ns), (&Reason::StaleRead, Some(10)));
    assert_eq!(example.operations.iter().map(|op| op.row).collect::<Vec<_>>(), [0, 1, 2]);
    assert!(explain(example).contains("after it had been replaced"), "{}", explain(example));
    // The margin is the smallest relative clock error that excuses it: half of it on each side.
    let excused = |skew_ns| check(&history, DataType::Register, &Settings { skew_ns, ..Settings::default() }).verdict();
    assert!(matches!(excused(4), Verdict::Violation(_)));
    assert_eq!(excused(5), Verdict::Linearizable);
}
