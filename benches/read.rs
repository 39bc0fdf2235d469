//! Nanoseconds a record from a history file to columns, against `openssl dgst -sha256` on the same file in the same run.
//!
//! `cargo bench --bench read -- [records] [threads] [rounds]`; reading a clock is fine here.
#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a bench prints times")]

use quorate::contract::{Matrix, parse_matrix};
use quorate::evidence::State;
use quorate::evidence::read::{Files, read};
use quorate::judge::linearizability::generate::Random;
use quorate::source::Sources;
use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

const MATRIX: &str = "schema = \"quorate-matrix/1\"\ncontract = \"contract.toml\"\nevidence-root = \"evidence\"\n[[test]]\nid = \"P2\"\n\
    plan = [\"leader-crash\"]\nfault = \"kill\"\nmethod = \"SIGKILL\"\nmodel = \"crash\"\nlayer = \"process\"\nexpected = \"recovers\"\n\
    requires = []\n[[test.evidence]]\nkind = \"history\"\npath = \"history.jsonl\"\n";

struct One(PathBuf);

impl Files for One {
    fn open(&self, _: &str) -> std::io::Result<Option<Box<dyn Read + Send>>> {
        Ok(Some(Box::new(File::open(&self.0)?)))
    }
}

fn main() {
    let numbers: Vec<usize> = std::env::args().skip(1).filter_map(|arg| arg.parse().ok()).collect();
    let records = numbers.first().copied().unwrap_or(1_000_000);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = numbers.get(1).copied().unwrap_or(cores);
    let rounds = numbers.get(2).copied().unwrap_or(5);
    let path = std::env::temp_dir().join(format!("quorate-read-{}.jsonl", std::process::id()));
    let done = write(&path, records).map(|()| measure(&path, records, threads, rounds));
    std::fs::remove_file(&path).expect("remove the file that was written");
    done.expect("write a file of records");
}

/// Writes a seeded history: 11 fields a record, a command id of its own for each, one value in five a text, one record in twenty without an answer.
fn write(path: &Path, records: usize) -> std::io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let mut random = Random(7);
    let header = "\"test\":\"P2\",\"origin\":\"client\",\"clock\":\"monotonic\",\"clock_id\":\"a\",\"recorded_by\":\"bench\"";
    writeln!(out, "{{\"quorate\":\"history/v1\",{header}}}")?;
    let mut at = 1_000_000_000_000_u64;
    for i in 0..records {
        let (client, key) = (random.below(50), random.below(1000));
        at += 1_000 + random.below(1_000);
        let op = if random.below(2) == 0 { "read" } else { "write" };
        write!(out, "{{\"client\":\"client-{client}\",\"endpoint\":\"n{}\",\"op\":\"{op}\",", client % 5)?;
        write!(out, "\"key\":\"key-{key}\",\"command_id\":\"c{client}-{i}\",\"attempt\":1,\"invoke\":{at},")?;
        if random.below(5) == 0 {
            write!(out, "\"value\":\"value-{i}\",")?;
        } else {
            write!(out, "\"value\":{i},")?;
        }
        if random.below(20) == 0 {
            writeln!(out, "\"result\":\"unknown\",\"error\":\"deadline exceeded\"}}")?;
        } else {
            writeln!(out, "\"return\":{},\"result\":\"ok\",\"version\":{i}}}", at + 500_000 + random.below(1_000_000))?;
        }
    }
    writeln!(out, "{{\"quorate\":\"end\",\"records\":{records}}}")?;
    out.flush()
}

fn matrix() -> Matrix {
    let mut sources = Sources::default();
    let id = sources.add("matrix.toml", MATRIX);
    parse_matrix(id, MATRIX, None).expect("a matrix")
}

fn measure(path: &Path, records: usize, threads: usize, rounds: usize) {
    let size = std::fs::metadata(path).map_or(0, |m| m.len());
    println!("{records} records, {} bytes a record, {threads} threads, best of {rounds}", size / records.max(1) as u64);
    let (matrix, files) = (matrix(), One(path.to_path_buf()));
    let (mut ours, mut theirs) = (f64::MAX, Some(f64::MAX));
    let before = peak();
    let mut memory = 0;
    for round in 0..rounds.max(1) {
        theirs = theirs.zip(openssl(path)).map(|(best, time)| best.min(time));
        let start = Instant::now();
        let evidence = read(&matrix, &files, threads).expect("evidence");
        ours = ours.min(start.elapsed().as_secs_f64());
        assert_eq!((evidence.artifacts[0].records, &evidence.artifacts[0].state), (records as u64, &State::Whole));
        if round == 0 {
            memory = peak().saturating_sub(before);
        }
    }
    let n = records.max(1) as f64;
    println!("quorate  {ours:>8.3} s  {:>6.0} ns a record, {:.0} bytes a record at most", ours * 1e9 / n, memory as f64 / n);
    match theirs {
        Some(theirs) => {
            println!("openssl  {theirs:>8.3} s  {:>6.0} ns a record", theirs * 1e9 / n);
            println!("quorate takes {:.2} times as long, parsing included", ours / theirs);
        }
        None => println!("openssl  not there, so there is nothing to compare with"),
    }
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("load average {}", load.split_whitespace().take(3).collect::<Vec<_>>().join(" "));
}

/// Seconds that `openssl dgst -sha256` takes.
fn openssl(path: &Path) -> Option<f64> {
    let start = Instant::now();
    let output = Command::new("openssl").args(["dgst", "-sha256"]).arg(path).output().ok()?;
    output.status.success().then(|| start.elapsed().as_secs_f64())
}

/// Peak resident bytes, where the system tells.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM"));
    line.and_then(|line| line.split_whitespace().nth(1)).and_then(|n| n.parse::<u64>().ok()).unwrap_or(0) * 1024
}
