//! Streams and windows of versions against the oracle and the tables.

use super::*;

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

/// Windows of versions say yes only where the sweep with tables does.
pub(super) fn windows_agree(history: &History, settings: &Settings, good: bool) {
    let keys = vec![0; history.len()];
    let narrow = versions::sure::<2>(history, &keys, 1, settings, |_| true)[0];
    let wide = versions::sure::<32>(history, &keys, 1, settings, |_| true)[0];
    assert!(good || !(narrow || wide), "narrow {narrow}, wide {wide}\n{}", dump(history));
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

/// One write of unknown outcome does not hide that a version went back.
#[test]
fn versions_that_go_back_stand_beside_unknown_writes() {
    let mut history = History::new();
    let unknown = Operation { outcome: OpOutcome::Unknown, ret: NEVER, ..Operation::ok(Kind::Write, 8, 0, 0) };
    let cas = |expected, value, version, invoke| Operation {
        expected,
        version: Some(version),
        ..Operation::ok(Kind::Cas, value, invoke, invoke + 1)
    };
    for (row, op) in [unknown, cas(8, 9, 2, 1), cas(9, 10, 1, 3)].into_iter().enumerate() {
        history.push(Operation { row: row as u32, ..op }).unwrap();
    }
    let outcome = check(&history, DataType::Register, &Settings::default());
    let (key, example) = outcome.violations().next().unwrap();
    assert_eq!(example.reason, Reason::VersionWentBack { newer: 2, older: 1 });
    assert_eq!(key.values_alone, Some(Verdict::Linearizable));
}
