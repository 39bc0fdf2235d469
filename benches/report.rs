//! Seconds from a dossier to its pages and plots, apart from reading and judging.
//!
//! `cargo bench --bench report -- [operations] [tests]`; reading a clock is fine here. It fails when the report is above 2 MB, takes a second or more, or a
//! plot does not say how much of its data it shows.
#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a bench prints times")]

use quorate::evidence::read::Files;
use quorate::judge::linearizability::generate::Random;
use quorate::release::{build, plan};
use quorate::report::{Templates, render};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Cursor, Read};
use std::time::Instant;

const MS: u64 = 1_000_000;

/// Evidence in memory.
struct Held(BTreeMap<String, Vec<u8>>);

impl Files for Held {
    fn open(&self, path: &str) -> std::io::Result<Option<Box<dyn Read + Send>>> {
        Ok(self.0.get(path).map(|bytes| Box::new(Cursor::new(bytes.clone())) as Box<dyn Read + Send>))
    }
}

fn main() {
    let numbers: Vec<usize> = std::env::args().skip(1).filter_map(|arg| arg.parse().ok()).collect();
    let operations = numbers.first().copied().unwrap_or(1_000_000);
    let tests = numbers.get(1).copied().unwrap_or(4).max(1);
    let mut matrix = "schema = \"quorate-matrix/1\"\ncontract = \"contract.toml\"\nevidence-root = \"evidence\"\n".to_string();
    let mut held = BTreeMap::new();
    for test in 1..=tests {
        let id = format!("t{test}");
        let _ = write!(
            matrix,
            "\n[[test]]\nid = \"{id}\"\nplan = [\"leader-crash\"]\nfault = \"kill\"\nmethod = \"SIGKILL\"\nmodel = \"crash\"\nlayer = \"process\"\n\
             covers = [\"process crash\"]\nexpected = \"recovers\"\nrequires = [\"history\", \"faults\", \"members\", \"fencing\", \"epochs\"]\n"
        );
        for (kind, records) in evidence(operations / tests, test as u64) {
            held.insert(format!("{id}/{kind}.jsonl"), file(&id, kind, &records));
        }
    }
    for (kind, more) in
        [("history", "endpoint = \"commands\"\n"), ("faults", ""), ("members", ""), ("fencing", ""), ("epochs", "")]
    {
        let _ = write!(matrix, "\n[[evidence]]\nkind = \"{kind}\"\npath = \"{{test}}/{kind}.jsonl\"\n{more}");
    }
    measure(operations, tests, &matrix, &Held(held));
}

/// The records of one test: operations with some that fail or never return, faults, samples of five members, epochs and decisions.
fn evidence(operations: usize, seed: u64) -> Vec<(&'static str, Vec<String>)> {
    let mut random = Random(seed + 7);
    let (mut history, mut fencing) = (Vec::with_capacity(operations), Vec::new());
    let mut version = 0u64;
    for i in 0..operations as u64 {
        let at = i * MS;
        let took = 500_000 + random.below(2 * MS) + if random.below(1000) == 0 { 200 * MS } else { 0 };
        let write = random.below(2) == 0;
        version += u64::from(write);
        let end = match random.below(100) {
            0 => "\"result\":\"unknown\"".to_string(),
            1 => format!("\"return\":{},\"result\":\"fail\",\"error\":\"no-quorum\"", at + took),
            _ => format!("\"return\":{},\"result\":\"ok\"", at + took),
        };
        let (op, client) = (if write { "write" } else { "read" }, i % 50);
        let (key, value) = (random.below(1000), if write { i } else { version });
        history.push(format!(
            "\"client\":\"c{client}\",\"op\":\"{op}\",\"key\":\"k{key}\",\"command_id\":\"w{i}\",\"value\":{value},\"invoke\":{at},{end}"
        ));
        if i % 10 == 0 {
            let stale = random.below(50) == 0;
            fencing.push(format!(
                "\"t\":{at},\"seq\":{},\"resource\":\"queue\",\"command_id\":\"w{i}\",\"holder\":\"n1\",\"epoch\":{},\"current_epoch\":2,\"outcome\":\"{}\"",
                i + 3,
                if stale { 1 } else { 2 },
                if stale { "rejected" } else { "accepted" }
            ));
        }
    }
    let span = operations as u64 * MS;
    let each = |n: u64| (0..n).map(move |i| (i, span / n * i));
    let fault = |(i, at): (u64, u64)| {
        let (start, stop) = (at + 10 * MS, at + 60 * MS);
        format!(
            "\"id\":\"f{i}\",\"fault\":\"kill\",\"targets\":[\"n1\"],\"start_lo\":{start},\"start_hi\":{start},\"stop_lo\":{stop},\"stop_hi\":{stop}"
        )
    };
    let sample = |(i, at): (u64, u64)| {
        (1..6).map(move |m| {
            let role = if m == 1 { "leader" } else { "follower" };
            format!("\"t_lo\":{at},\"t_hi\":{at},\"member\":\"n{m}\",\"role\":\"{role}\",\"term\":1,\"commit_index\":{i},\"reachable\":true")
        })
    };
    let epochs =
        (1..3).map(|e| format!("\"t\":{e},\"seq\":{e},\"resource\":\"queue\",\"holder\":\"n{e}\",\"epoch\":{e}")).collect();
    let members = each(operations as u64 / 50 + 1).flat_map(sample).collect();
    vec![
        ("history", history),
        ("fencing", fencing),
        ("faults", each(30).map(fault).collect()),
        ("members", members),
        ("epochs", epochs),
    ]
}

fn file(test: &str, kind: &str, records: &[String]) -> Vec<u8> {
    let origin = match kind {
        "history" => "client",
        "faults" => "orchestrator",
        "members" => "replica",
        _ => "resource",
    };
    let mut out = format!(
        "{{\"quorate\":\"{kind}/v1\",\"test\":\"{test}\",\"origin\":\"{origin}\",\"clock\":\"monotonic\",\"clock_id\":\"bench\",\
         \"recorded_by\":\"bench\",\"synthetic\":true}}\n"
    );
    for record in records {
        let _ = writeln!(out, "{{{record}}}");
    }
    let _ = writeln!(out, "{{\"quorate\":\"end\",\"records\":{}}}", records.len());
    out.into_bytes()
}

fn measure(operations: usize, tests: usize, matrix: &str, held: &Held) {
    let contract = include_str!("../tests/data/gates/contract.toml");
    let plan = plan(("contract.toml", contract), ("matrix.toml", matrix)).unwrap_or_else(|(error, _)| panic!("{error}"));
    let templates = Templates::default();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let start = Instant::now();
    let built = build(&plan, held, &templates, None, threads).unwrap_or_else(|error| panic!("{error}"));
    let whole = start.elapsed().as_secs_f64();
    let mut best = f64::MAX;
    let mut files = Vec::new();
    for _ in 0..5 {
        let start = Instant::now();
        files = render(&built.dossier, &templates).unwrap_or_else(|error| panic!("{error}"));
        best = best.min(start.elapsed().as_secs_f64());
    }
    let bytes: usize = files.iter().map(|f| f.1.len()).sum();
    let of = |name: &str| files.iter().find(|f| f.0 == name).map_or("", |f| std::str::from_utf8(&f.1).unwrap_or_default());
    let plots = files.iter().filter(|f| f.0.ends_with(".svg")).count();
    let page = of("index.html");
    println!("{operations} operations in {tests} tests, {plots} plots");
    println!("read, judged and rendered  {whole:>8.3} s");
    println!("rendered                   {best:>8.3} s, best of 5");
    println!("page {}, Markdown {}, all of it {bytes} bytes", page.len(), of("report.md").len());
    let mut kinds: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for (path, bytes) in files.iter().filter(|f| f.0.ends_with(".svg")) {
        let name = path.trim_start_matches("charts/").chars().take_while(|c| !c.is_ascii_digit()).collect::<String>();
        let entry = kinds.entry(name.trim_end_matches('-').to_string()).or_default();
        *entry = (entry.0 + 1, entry.1 + bytes.len());
    }
    kinds.iter().for_each(|(kind, (n, bytes))| println!("  {n:>3} plots of {kind:<16} {bytes:>8} bytes"));
    if let Some(folder) = std::env::var_os("QUORATE_BENCH_REPORT") {
        keep(std::path::Path::new(&folder), &files).expect("write the report");
    }
    assert!(bytes < 2_000_000, "the report has {bytes} bytes");
    assert!(best < 1.0, "rendering takes {best} s");
    let notes = page.matches("Shown ").count();
    assert!(plots > 0 && notes >= plots, "{plots} plots, {notes} notes of how much is shown");
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("load average {}", load.split_whitespace().take(3).collect::<Vec<_>>().join(" "));
}

/// Writes the report for those who want to look at it.
fn keep(folder: &std::path::Path, files: &[(String, Vec<u8>)]) -> std::io::Result<()> {
    for (path, bytes) in files {
        let file = folder.join(path);
        std::fs::create_dir_all(file.parent().unwrap_or(folder))?;
        std::fs::write(file, bytes)?;
    }
    Ok(())
}
