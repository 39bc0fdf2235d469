//! Seconds from a file to its verdict, as `quorate check` does it with hashing, against `openssl dgst -sha256` on the same file in the same run.
//!
//! `cargo bench --bench check -- [operations] [threads] [rounds] [folder]`; reading a clock is fine here. Rounds take turns, so that a busy machine is busy for both.
#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a bench prints times")]

use quorate::check::{self, Answer, Ask};
use quorate::evidence::read::Files;
use quorate::judge::linearizability::generate::{Shape, simulate};
use quorate::judge::linearizability::{Kind, NEVER, NIL, OpOutcome};
use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

struct Disk;

impl Files for Disk {
    fn open(&self, path: &str) -> std::io::Result<Option<Box<dyn Read + Send>>> {
        Ok(Some(Box::new(File::open(path)?)))
    }
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let number = |at: usize| args.get(at).and_then(|arg| arg.parse::<usize>().ok());
    let operations = number(0).unwrap_or(1_000_000);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let (threads, rounds) = (number(1).unwrap_or(cores), number(2).unwrap_or(5).max(1));
    let folder = args.get(3).map_or_else(std::env::temp_dir, PathBuf::from);
    println!("{operations} operations, 1000 keys, 5 clients a key, 5 % unknown outcomes, {threads} threads, best of {rounds}");
    println!("{:<24} {:>7} {:>9} {:>9} {:>6} {:>13}", "history", "bytes", "quorate s", "openssl s", "ratio", "peak bytes/op");
    for format in ["jsonl", "edn"] {
        let path = folder.join(format!("quorate-check-{}.{format}", std::process::id()));
        let done = write(&path, operations, format == "edn").map(|()| measure(&path, format, threads, rounds));
        std::fs::remove_file(&path).expect("remove the file that was written");
        done.expect("write a file of operations");
    }
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("load average {}", load.split_whitespace().take(3).collect::<Vec<_>>().join(" "));
}

/// Writes a correct run: 10 fields an operation, one of which, the command's id, is another each time. As EDN, two events an operation.
fn write(path: &Path, operations: usize, edn: bool) -> std::io::Result<()> {
    let shape = Shape { operations, keys: 1000, clients: 5, unknown: 50, seed: 7, ..Shape::default() };
    let history = simulate(&shape);
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    if edn {
        let mut events: Vec<(i64, bool, usize)> = Vec::with_capacity(2 * operations);
        let all: Vec<_> = history.operations().collect();
        for (i, op) in all.iter().enumerate() {
            events.push((op.invoke, false, i));
            events.push((if op.ret == NEVER { op.invoke + 1000 } else { op.ret }, true, i));
        }
        events.sort_unstable();
        for (time, done, i) in events {
            let op = &all[i];
            let word = if op.kind == Kind::Read { "read" } else { "write" };
            let step = match (done, op.outcome) {
                (false, _) => "invoke",
                (true, OpOutcome::Ok) => "ok",
                (true, OpOutcome::Fail) => "fail",
                (true, OpOutcome::Unknown) => "info",
            };
            let hidden = op.value == NIL || (op.kind == Kind::Read && !done);
            let value = if hidden { "nil".to_string() } else { op.value.to_string() };
            let (process, key) = (op.process, op.key);
            writeln!(out, "{{:process {process}, :type :{step}, :f :{word}, :key {key}, :value {value}, :time {time}}}")?;
        }
        return out.flush();
    }
    let header = "\"test\":\"P2\",\"origin\":\"client\",\"clock\":\"monotonic\",\"clock_id\":\"a\",\"recorded_by\":\"bench\"";
    writeln!(out, "{{\"quorate\":\"history/v1\",{header}}}")?;
    for (i, op) in history.operations().enumerate() {
        let word = if op.kind == Kind::Read { "read" } else { "write" };
        let value = if op.value == NIL { "null".to_string() } else { op.value.to_string() };
        let (client, key, invoke) = (op.process, op.key, 1_000_000_000_000 + op.invoke);
        write!(
            out,
            "{{\"client\":\"client-{client}\",\"endpoint\":\"n{}\",\"op\":\"{word}\",\"key\":\"key-{key}\",",
            client % 5
        )?;
        write!(out, "\"command_id\":\"c{client}-{i}\",\"attempt\":1,\"value\":{value},\"invoke\":{invoke},")?;
        match op.outcome {
            OpOutcome::Ok => writeln!(out, "\"return\":{},\"result\":\"ok\"}}", 1_000_000_000_000 + op.ret)?,
            OpOutcome::Fail => writeln!(out, "\"return\":{},\"result\":\"fail\"}}", 1_000_000_000_000 + op.ret)?,
            OpOutcome::Unknown => writeln!(out, "\"result\":\"unknown\",\"error\":\"deadline exceeded\"}}")?,
        }
    }
    writeln!(out, "{{\"quorate\":\"end\",\"records\":{operations}}}")?;
    out.flush()
}

/// One check of a file, as the command line does it.
fn judged(path: &Path, threads: usize) -> Answer {
    let ask = Ask { files: vec![path.to_string_lossy().into_owned()], threads, ..Ask::default() };
    let loaded = check::read(&ask, &Disk).expect("readable");
    check::judge(&ask, &loaded, &AtomicBool::new(false)).expect("of certain meaning").answer
}

fn measure(path: &Path, format: &str, threads: usize, rounds: usize) {
    let size = std::fs::metadata(path).map_or(0, |m| m.len());
    let operations = if format == "edn" { lines(path) / 2 } else { lines(path) - 2 };
    let (mut ours, mut theirs) = (f64::MAX, f64::MAX);
    reset_peak();
    let before = status("VmRSS");
    let mut memory = 0;
    for round in 0..rounds {
        theirs = theirs.min(openssl(path).unwrap_or(f64::NAN));
        let start = Instant::now();
        assert_eq!(judged(path, threads), Answer::Linearizable);
        ours = ours.min(start.elapsed().as_secs_f64());
        if round == 0 {
            memory = status("VmHWM").saturating_sub(before);
        }
    }
    let name = format!("{format}, {} MB", size / 1_000_000);
    let each = size / operations.max(1) as u64;
    println!("{name:<24} {each:>7} {ours:>9.3} {theirs:>9.3} {:>6.2} {:>13}", ours / theirs, memory / operations.max(1) as u64);
}

fn lines(path: &Path) -> usize {
    let mut file = File::open(path).expect("written");
    let (mut buffer, mut count) = (vec![0; 1 << 20], 0);
    while let Ok(n @ 1..) = file.read(&mut buffer) {
        count += buffer[..n].iter().filter(|b| **b == b'\n').count();
    }
    count
}

/// Seconds that `openssl dgst -sha256` takes; none when it is not there.
fn openssl(path: &Path) -> Option<f64> {
    let start = Instant::now();
    let output = Command::new("openssl").args(["dgst", "-sha256"]).arg(path).output().ok()?;
    output.status.success().then(|| start.elapsed().as_secs_f64())
}

/// Forgets the peak so far, where the system allows.
fn reset_peak() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// Bytes that the system tells of this process.
fn status(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(name));
    line.and_then(|line| line.split_whitespace().nth(1)).and_then(|n| n.parse::<u64>().ok()).unwrap_or(0) * 1024
}
