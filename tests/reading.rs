//! Reading evidence: every format, every mapping feature, every kind of bad input.

use quorate::contract::parse_matrix;
use quorate::error::{Error, ErrorKind};
use quorate::evidence::kinds::{Operation, Outcome};
use quorate::evidence::read::{Files, Limits, read_with};
use quorate::evidence::{Evidence, State};
use quorate::source::Sources;
use std::collections::BTreeMap;
use std::io::{Cursor, Read};

#[derive(Default, Clone)]
struct Memory(BTreeMap<String, Vec<u8>>);

impl Memory {
    fn with(mut self, path: &str, bytes: impl AsRef<[u8]>) -> Self {
        self.0.insert(path.into(), bytes.as_ref().to_vec());
        self
    }
}

impl Files for Memory {
    fn open(&self, path: &str) -> std::io::Result<Option<Box<dyn Read + Send>>> {
        Ok(self.0.get(path).map(|b| Box::new(Cursor::new(b.clone())) as Box<dyn Read + Send>))
    }
}

fn matrix_text(bindings: &str) -> String {
    format!(
        "schema = \"quorate-matrix/1\"\ncontract = \"contract.toml\"\nevidence-root = \"evidence\"\n[[test]]\nid = \"P2\"\n\
         plan = [\"leader-crash\"]\nfault = \"kill\"\nmethod = \"SIGKILL\"\nmodel = \"crash\"\nlayer = \"process\"\n\
         expected = \"recovers\"\nrequires = []\n{bindings}"
    )
}

fn try_read(bindings: &str, files: &Memory, threads: usize, limits: Limits) -> Result<Evidence, Error> {
    let mut sources = Sources::default();
    let text = matrix_text(bindings);
    let id = sources.add("matrix.toml", &text);
    let matrix = match parse_matrix(id, &text, None) {
        Ok(matrix) => matrix,
        Err(faults) => panic!("{}", Error { kind: ErrorKind::Contract, faults }.render(&sources, false)),
    };
    read_with(&matrix, files, threads, limits)
}

fn get(bindings: &str, files: &Memory) -> Evidence {
    match try_read(bindings, files, 2, Limits::default()) {
        Ok(evidence) => evidence,
        Err(error) => panic!("{error}"),
    }
}

fn fails(bindings: &str, files: &Memory) -> String {
    match try_read(bindings, files, 2, Limits::default()) {
        Ok(evidence) => panic!("read: {evidence:?}"),
        Err(error) => error
            .faults
            .iter()
            .map(|f| format!("{} | {}", f.message, f.help.clone().unwrap_or_default()))
            .collect::<Vec<_>>()
            .join("\n"),
    }
}

const HISTORY: &str = "[[test.evidence]]\nkind = \"history\"\npath = \"h.jsonl\"\n";
const HEADER: &str =
    r#"{"quorate":"history/v1","test":"P2","origin":"client","clock":"monotonic","clock_id":"a","recorded_by":"t"}"#;

fn native(lines: &[&str]) -> String {
    let mut text = format!("{HEADER}\n");
    for line in lines {
        text.push_str(line);
        text.push('\n');
    }
    text.push_str(&format!("{{\"quorate\":\"end\",\"records\":{}}}\n", lines.len()));
    text
}

const OP: &str = r#"{"client":"c1","op":"write","key":"k","value":1,"invoke":5,"return":9,"result":"ok"}"#;

#[test]
fn native_history() {
    let text = native(&[OP, r#"{"client":2,"op":"read","value":null,"command_id":"x","invoke":5,"result":"unknown","extra":1}"#]);
    let evidence = get(HISTORY, &Memory::default().with("h.jsonl", &text));
    assert_eq!(evidence.artifacts[0].state, State::Whole);
    assert_eq!(evidence.artifacts[0].unmapped, [("extra".to_string(), 1)]);
    let rows = evidence.rows::<Operation>("P2").unwrap();
    let ops: Vec<Operation> = rows.iter().map(|r| r.1).collect();
    assert_eq!((ops.len(), ops[0].result, ops[1].result), (2, Outcome::Ok, Outcome::Unknown));
    assert_eq!((evidence.text(ops[1].client), ops[1].command_id.map(|c| evidence.text(c))), ("2", Some("x")));
    assert_eq!((ops[0].returned.map(|t| t.0), ops[1].returned), (Some(9), None));
    assert_eq!(rows.source(rows.iter().nth(1).unwrap().0).line, Some(3));
}

#[test]
fn states() {
    let state = |text: &str| get(HISTORY, &Memory::default().with("h.jsonl", text)).artifacts[0].state.clone();
    assert_eq!(state(""), State::Empty);
    assert_eq!(state(&format!("{HEADER}\n{OP}\n")), State::Unproven("has no end mark: it may be cut short".into()));
    assert_eq!(get(HISTORY, &Memory::default()).artifacts[0].state, State::Absent);
    let text = native(&[OP]).replace("\"records\":1", "\"records\":2");
    assert_eq!(state(&text), State::Unproven("holds 1 records, but its end mark counts 2".into()));
    assert!(matches!(state(&native(&[OP]).replace("P2", "P3")), State::Foreign(_)));
}
