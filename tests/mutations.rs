//! Hostile bytes, cheaply: small valid files of every format, harmed by seeded mutations, through the same rules as the fuzz targets.
//!
//! `QUORATE_MUTATIONS=100000 cargo test --release --test mutations` does more of them a format.

#[path = "../fuzz/src/lib.rs"]
mod readers;

use quorate::judge::linearizability::generate::Random;
use std::fs;

/// What is put in: bytes that mean something to one format or another.
const PARTS: &[&[u8]] = &[
    b"\0",
    b"\xff",
    b"\xc3",
    b"\r\n",
    b"\n",
    b"\n\n",
    b"\"",
    b"\\",
    b"\\u",
    b"\\ud800",
    b"{",
    b"}",
    b"[",
    b"]",
    b"(",
    b")",
    b"#_",
    b"#{",
    b"#a ",
    b";",
    b",",
    b":",
    b"::",
    b":info",
    b":invoke",
    b":ok",
    b"nil",
    b"null",
    b"-",
    b"0",
    b"9223372036854775807",
    b"-9223372036854775808",
    b"9007199254740993",
    b"1e400",
    b"1e-999999999",
    b"0.000000000000000000001",
    b"99999999999999999999999999",
    b"NaN",
    b"\t",
    b" ",
    b"\xef\xbb\xbf",
    b"\"invoke\"",
    b"\"ok\"",
    b"{\"quorate\":\"end\",\"records\":1}",
];

fn random(random: &mut Random, below: usize) -> usize {
    usize::try_from(random.below(below.max(1) as u64)).expect("small")
}

/// A range of at most 40 bytes.
fn range(of: usize, dice: &mut Random) -> std::ops::Range<usize> {
    let start = random(dice, of + 1);
    start..(start + random(dice, 40)).min(of)
}

fn mutate(bytes: &mut Vec<u8>, dice: &mut Random) {
    let at = random(dice, bytes.len() + 1);
    match random(dice, 8) {
        0 => bytes.truncate(at),
        1 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << random(dice, 8);
            }
        }
        2 => drop(bytes.drain(range(bytes.len(), dice))),
        3 => {
            let part = bytes[range(bytes.len(), dice)].to_vec();
            bytes.splice(at..at, part);
        }
        4 => {
            let part = PARTS[random(dice, PARTS.len())].repeat(1 + random(dice, 3));
            bytes.splice(at..at, part);
        }
        5 => {
            let part = PARTS[random(dice, PARTS.len())];
            bytes.splice(range(bytes.len(), dice), part.iter().copied());
        }
        6 => {
            let mut lines: Vec<Vec<u8>> = bytes.split_inclusive(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
            let (a, b) = (random(dice, lines.len()), random(dice, lines.len()));
            if !lines.is_empty() {
                lines.swap(a, b);
            }
            *bytes = lines.concat();
        }
        _ => {
            // One number for another.
            let digits: Vec<usize> = (0..bytes.len()).filter(|i| bytes[*i].is_ascii_digit()).collect();
            if let Some(at) = digits.get(random(dice, digits.len())) {
                bytes[*at] = b'0' + u8::try_from(random(dice, 10)).expect("a digit");
            }
        }
    }
}

/// How many mutants a file has.
fn rounds() -> usize {
    std::env::var("QUORATE_MUTATIONS").ok().and_then(|n| n.parse().ok()).unwrap_or(500)
}

fn data(name: &str) -> Vec<u8> {
    fs::read(format!("{}/tests/data/formats/{name}", env!("CARGO_MANIFEST_DIR"))).expect("fixture")
}

/// Runs `check` on mutants of a text; gives how many were taken and how many refused.
fn harm(seed: u64, bytes: &[u8], check: impl Fn(&[u8]) -> bool) -> (usize, usize) {
    let mut dice = Random(seed);
    let taken = (0..rounds())
        .filter(|_| {
            let mut mutant = bytes.to_vec();
            for _ in 0..=random(&mut dice, 3) {
                mutate(&mut mutant, &mut dice);
            }
            check(&mutant)
        })
        .count();
    (taken, rounds() - taken)
}

#[test]
fn mutants_of_every_format_are_judged_or_refused() {
    let files = [
        ("bare.jsonl", "jsonl"),
        ("header.jsonl", "jsonl"),
        ("bare.csv", "csv"),
        ("register.edn", "jepsen-edn"),
        ("keyed-records.edn", "jepsen-edn"),
        ("txn.edn", "jepsen-edn"),
        ("kv.txt", "jepsen-edn"),
        ("set.json", "jepsen-json"),
        ("order-stale.txt", "jepsen-log"),
        ("jepsen.log", "jepsen-log"),
        ("etcd-client-1.json", "etcd-robustness"),
    ];
    for (seed, (name, format)) in (1..).zip(files) {
        let bytes = data(name);
        let (taken, refused) = harm(seed, &bytes, |mutant| match readers::history(Some(format), mutant) {
            Ok(_) => true,
            Err(said) => {
                let located = said.contains(readers::NAME) || said.contains("not clear which model") || said.contains("--");
                assert!(located, "{name}: an error without a place:\n{said}\n{:?}", String::from_utf8_lossy(mutant));
                false
            }
        });
        // Both ways are taken, or the mutants prove nothing.
        assert!(refused > 0 && (taken > 0 || name == "txn.edn"), "{name}: {taken} taken, {refused} refused");
    }
}

#[test]
fn mutants_of_packed_files_are_judged_or_refused() {
    let bytes = data("bare.jsonl").repeat(50);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut gzip, &bytes).expect("memory");
    let zstd = ruzstd::encoding::compress_to_vec(&bytes[..], ruzstd::encoding::CompressionLevel::Fastest);
    for packed in [gzip.finish().expect("memory"), zstd] {
        assert!(readers::history(None, &packed).is_ok());
        let (_, refused) = harm(99, &packed, |mutant| readers::history(Some("jsonl"), mutant).is_ok());
        assert!(refused > rounds() / 2, "{refused} refused");
    }
    let (taken, _) = harm(7, &data("bare.jsonl"), |mutant| {
        readers::packed(Some("jsonl"), mutant);
        true
    });
    assert_eq!(taken, rounds());
}

/// A team's own file and its mapping.
const MATRIX: &str = r#"schema = "quorate-matrix/1"
contract = "contract.toml"
evidence-root = "."
[[test]]
id = "t"
fault = "f"
method = "m"
model = "crash"
layer = "process"
expected = "e"
requires = []
[[test.evidence]]
kind = "history"
path = "history"
format = "jsonl"
origin = "client"
clock = { kind = "wall", id = "c", unit = "ms" }
whole = { first = { begin = "t" }, last = { end = "t" }, count = "n" }
unless = { ev = "note" }
[test.evidence.fields]
client = "who.id"
op = { from = "f", values = { put = "write", get = "read" } }
key = "key"
value = "value"
invoke = { from = "t", unit = "us" }
return = "back"
result = { from = "r", values = { "200" = "ok", timeout = "unknown" } }
[[test.evidence]]
kind = "attempts"
path = "history"
format = "jsonl"
origin = "client"
clock = { kind = "wall", id = "c" }
each = "tries"
unless = { ev = "note" }
[test.evidence.fields]
client = { outer = "who.id" }
command_id = { outer = "id" }
attempt = "n"
invoke = "at"
result = { outer = "r", values = { "200" = "ok", timeout = "unknown" } }
"#;

const MAPPED: &str = r#"{"begin":"t"}
{"who":{"id":"a"},"id":"c1","f":"put","key":"k","value":{"a":[1,2]},"t":1.5,"back":"2026-01-02T03:04:05Z","r":200,"tries":[{"n":1,"at":1},{"n":2,"at":3}]}
{"ev":"note","text":"nothing"}
{"who":{"id":"b"},"id":"c2","f":"get","key":"k","value":"\u00e9","t":2000000000000000,"back":1900000000000,"r":"200","tries":[{"n":1,"at":1}]}
{"who":{"id":"b"},"id":"c3","f":"get","key":"k","t":2000000000000001,"r":"timeout","tries":[]}
{"end":"t","n":4}
"#;

#[test]
fn mutants_of_a_mapping_and_of_its_file_are_read_or_refused() {
    let whole = readers::mapped(MATRIX, MAPPED.as_bytes());
    assert!(whole.as_ref().is_ok_and(|said| said.contains("Whole")), "{whole:?}");
    let (taken, refused) = harm(5, MAPPED.as_bytes(), |mutant| readers::mapped(MATRIX, mutant).is_ok());
    assert!(taken > 0 && refused > 0, "{taken} taken, {refused} refused");
    let (taken, refused) = harm(6, MATRIX.as_bytes(), |mutant| {
        std::str::from_utf8(mutant).is_ok_and(|matrix| readers::mapped(matrix, MAPPED.as_bytes()).is_ok())
    });
    assert!(taken > 0 && refused > 0, "{taken} taken, {refused} refused");
}
