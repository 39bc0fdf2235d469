//! Operations a second and bytes an operation of each method.
//!
//! `cargo bench --bench linearizability -- [operations] [keys] [threads] [words]`; reading a clock is fine here. Each case
//! runs in a process of its own, so that its peak memory is its own. With one thread the time is that on the processor
//! where the system tells, so that other work on the machine counts little. The headline of 10^8 operations needs 6 GiB and
//! a minute, and runs only where `QUORATE_BENCH_HEADLINE` is set; it is then the only thing that runs.
#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a bench prints times")]

use quorate::judge::linearizability::generate::{Random, Shape, simulate, simulate_in_windows};
use quorate::judge::linearizability::{DataType, History, Kind, Operation, Outcome, Settings, Verdict, VersionStream, check};
use std::time::Instant;

fn main() {
    let numbers: Vec<usize> = std::env::args().skip(1).filter_map(|arg| arg.parse().ok()).collect();
    let operations = numbers.first().copied().unwrap_or(1_000_000);
    let keys = numbers.get(1).copied().unwrap_or(100) as u32;
    let threads = numbers.get(2).copied().unwrap_or(1);
    if std::env::var("QUORATE_BENCH_CASE").is_err() {
        println!("{operations} operations, {keys} keys, {threads} threads");
    }
    let base = Shape { operations, keys, clients: 5, ..Shape::default() };
    if std::env::var("QUORATE_BENCH_HEADLINE").is_ok() {
        let base = Shape { operations: 100_000_000, ..base };
        growth(&base, threads);
        return;
    }
    for operations in [100_000, 1_000_000, 10_000_000] {
        growth(&Shape { operations, ..base }, threads);
    }
    fast(&base, threads);
    repeated(operations.min(1_000_000), threads);
    hard(threads);
    hardest(threads);
}

fn fast(base: &Shape, threads: usize) {
    let cas = Shape { cas: 300, unknown: 50, ..*base };
    run("versions known", &Shape { versions: true, ..*base }, threads);
    run("unique values", base, threads);
    run("unique values, one key", &Shape { keys: 1, ..*base }, threads);
    run("unique values, 5 % unknown", &Shape { unknown: 50, ..*base }, threads);
    run("CAS, 5 % unknown", &cas, threads);
    run("queue", &Shape { data: DataType::Queue, ..*base }, threads);
    run("stack", &Shape { data: DataType::Stack, ..*base }, threads);
    run("stack, one key", &Shape { data: DataType::Stack, keys: 1, ..*base }, threads);
    run("set", &Shape { data: DataType::Set, reads: 300, ..*base }, threads);
    run("counter", &Shape { data: DataType::Counter, ..*base }, threads);
}

/// 5 % unknown outcomes and one stale read in the middle, in memory and, with versions, as a stream.
fn growth(base: &Shape, threads: usize) {
    let shape = Shape { unknown: 50, ..*base };
    let n = base.operations;
    run_with(&format!("growth: {n}, 5 % unknown, one stale read"), || spoilt_in_windows(&shape), &shape, threads);
    let versions = Shape { versions: true, ..shape };
    alone(&format!("stream: {n}, versions, 5 % unknown"), || stream(&versions, false));
    alone(&format!("stream: {n}, the same, one stale read"), || stream(&versions, true));
}

/// Judges operations as they are made; only judging is timed.
fn stream(shape: &Shape, stale: bool) {
    let before = resident();
    let mut judge = VersionStream::new(&Settings::default());
    let (mut seconds, mut taken, mut most) = (0.0, 0usize, 0);
    let (mut old, mut spoilt): (Option<Operation>, bool) = (None, !stale);
    simulate_in_windows(shape, (shape.operations / 8).min(1 << 20), &mut |window| {
        let mut window = window.to_vec();
        let reads = |op: &&mut Operation| op.kind == Kind::Read && op.key == 7 && op.version.is_some();
        if let Some(read) = window.iter_mut().find(reads).filter(|_| !spoilt) {
            match old {
                Some(old) if taken > shape.operations / 2 => {
                    (read.value, read.version, spoilt) = (old.value, old.version, true);
                }
                Some(_) => {}
                None => old = Some(*read),
            }
        }
        let (start, busy) = (Instant::now(), processor());
        window.iter().for_each(|op| judge.push(op).expect("in order"));
        let busy = processor().zip(busy).map(|(after, before)| (after - before) as f64 / 1e9);
        seconds += busy.filter(|&busy| busy > 0.0).unwrap_or(start.elapsed().as_secs_f64());
        taken += window.len();
        most = most.max(judge.live());
    });
    let outcome = judge.finish();
    let name = std::env::var("QUORATE_BENCH_CASE").unwrap_or_default();
    report(&name, taken, seconds, &outcome);
    let whole = resident_peak().saturating_sub(before);
    println!("    {most} operations and versions remembered at most; {} MiB with the window of operations", whole >> 20);
}

fn repeated(operations: usize, threads: usize) {
    for clients in [5, 20] {
        for (name, cas, unknown) in [("", 0, 0), (", 20 % CAS", 200, 0), (", 5 % unknown", 0, 50)] {
            let n = if cas + unknown > 0 { operations / 10 } else { operations };
            let shape = Shape { operations: n, clients, values: 5, cas, unknown, ..Shape::default() };
            run(&format!("5 values, one key, {clients} in flight{name}"), &shape, threads);
        }
    }
}

/// One key, 5 % unknown outcomes, one stale read in the middle.
fn hard(threads: usize) {
    for clients in [5, 12, 20, 50] {
        for values in [0, 5] {
            let shape = Shape { operations: 5000, clients, values, unknown: 50, seed: 3, ..Shape::default() };
            let name = if values == 0 { "unique" } else { "5 values" };
            run_with(&format!("hard: {clients} in flight, {name}"), || spoil(&simulate(&shape)), &shape, threads);
        }
    }
}

/// Compare-and-sets among few values, many in flight: the hardest that is known.
fn hardest(threads: usize) {
    for operations in [1000, 10_000] {
        let shape = Shape { operations, clients: 50, values: 5, cas: 500, seed: 3, ..Shape::default() };
        run(&format!("dense: 50 in flight, 50 % CAS, 5 values, {operations}"), &shape, threads);
    }
}

/// Moves the answer of a read to one much later.
fn spoil(good: &History) -> History {
    let mut operations: Vec<Operation> = good.operations().collect();
    let reads: Vec<usize> = (0..operations.len()).filter(|&i| operations[i].kind.observes_only()).collect();
    let middle = reads.len() / 2;
    let old = operations[reads[middle / 2]].value;
    let mut random = Random(9);
    let late = reads[middle + random.below(10) as usize];
    operations[late].value = old;
    let mut history = History::with_capacity(operations.len());
    operations.into_iter().for_each(|op| history.push(op).expect("well-formed"));
    history
}

/// A history made in windows, in which a read in the middle is given the answer of one long before.
fn spoilt_in_windows(shape: &Shape) -> History {
    let mut history = History::with_capacity(shape.operations);
    let (mut old, mut spoilt) = (None, false);
    simulate_in_windows(shape, 1 << 20, &mut |window| {
        for &op in window {
            let mut op = Operation { row: history.len() as u32, ..op };
            if op.kind == Kind::Read && op.key % shape.keys == 7 {
                match old {
                    Some(value) if !spoilt && history.len() > shape.operations / 2 => (op.value, spoilt) = (value, true),
                    Some(_) => {}
                    None => old = Some(op.value),
                }
            }
            history.push(op).expect("well-formed");
        }
    });
    history
}

/// Only cases whose name contains the words given on the command line, if any.
fn wanted(name: &str) -> bool {
    let mut words = std::env::args().skip(1).filter(|arg| !arg.starts_with('-') && arg.parse::<usize>().is_err()).peekable();
    words.peek().is_none() || words.any(|word| name.contains(&word))
}

fn run(name: &str, shape: &Shape, threads: usize) {
    run_with(name, || simulate(shape), shape, threads);
}

/// Starts this program again for the case alone, or runs it if this is that program.
fn run_with(name: &str, history: impl Fn() -> History, shape: &Shape, threads: usize) {
    alone(name, || run_here(name, &history(), shape, threads));
}

fn alone(name: &str, case: impl Fn()) {
    if !wanted(name) {
        return;
    }
    match std::env::var("QUORATE_BENCH_CASE") {
        Ok(wanted) if wanted == name => case(),
        Ok(_) => {}
        Err(_) => {
            let program = std::env::current_exe().expect("this program has a name");
            let mut alone = std::process::Command::new(program);
            alone.args(std::env::args().skip(1)).env("QUORATE_BENCH_CASE", name);
            alone.status().expect("the case runs");
        }
    }
}

fn run_here(name: &str, history: &History, shape: &Shape, threads: usize) {
    let settings = Settings { threads, ..Settings::default() };
    let mut best = f64::MAX;
    let mut outcome = None;
    let before = resident();
    for _ in 0..5 {
        let (start, busy) = (Instant::now(), processor());
        outcome = Some(check(history, shape.data, &settings));
        let elapsed = start.elapsed().as_secs_f64();
        let busy = processor().zip(busy).map(|(after, before)| (after - before) as f64 / 1e9);
        best = best.min(busy.filter(|&busy| threads == 1 && busy > 0.0).unwrap_or(elapsed));
        if best > 2.0 {
            break;
        }
    }
    let Some(outcome) = outcome else { return };
    let work = resident_peak().saturating_sub(before) as f64 / history.len() as f64;
    report(name, history.len(), best, &outcome);
    println!("    {:.0} + {work:.0} bytes an operation: history and work", history.bytes() as f64 / history.len() as f64);
}

fn report(name: &str, operations: usize, seconds: f64, outcome: &Outcome) {
    let verdict = match outcome.verdict() {
        Verdict::Linearizable => "linearizable",
        Verdict::Violation(_) => "violation",
        Verdict::Undecided(_) => "undecided",
        Verdict::Vacuous => "vacuous",
    };
    let method = outcome.keys.iter().map(|key| key.method).max();
    let rate = operations as f64 / seconds / 1e6;
    println!("{name:45} {rate:>8.2} M op/s {seconds:>9.4} s  {verdict} by {method:?}");
    for (_, example) in outcome.violations().take(1) {
        println!("    contradicted by {} operations, margin {:?} ns", example.operations.len(), example.margin_ns);
    }
}

/// Nanoseconds that this thread has spent on a processor, where the system tells.
fn processor() -> Option<u64> {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    told.split_whitespace().next()?.parse().ok()
}

fn status(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(name));
    line.and_then(|line| line.split_whitespace().nth(1)).and_then(|n| n.parse::<u64>().ok()).unwrap_or(0) * 1024
}

/// Resident bytes now. The peak is made the same, where the system lets us, so that making the history does not count.
fn resident() -> u64 {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    status("VmRSS")
}

fn resident_peak() -> u64 {
    status("VmHWM")
}
