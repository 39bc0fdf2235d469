//! Reading evidence: every format, every mapping feature, every kind of bad input.

use proptest::prelude::*;
use quorate::contract::parse_matrix;
use quorate::error::{Error, ErrorKind};
use quorate::evidence::kinds::{Attempt, Injection, OpKind, Operation, Outcome, Run, Sample};
use quorate::evidence::read::{Files, Limits, read_with};
use quorate::evidence::symbol::{Sym, Val};
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

const MAPPED: &str = r#"[[test.evidence]]
kind = "history"
path = "m.jsonl"
origin = "client"
clock = { kind = "monotonic", id = "driver", unit = "us" }
endpoint = "commands"
constants = { leader = "m1", attempt = 1 }
whole = { first = { begin = "P2" }, last = { end = "P2" }, count = "records" }
[test.evidence.fields]
client = "who.id"
op = { from = "f", values = { put = "write", get = "read" } }
key = "k"
value = "v"
invoke = "t0"
return = { from = "t1", unit = "ms" }
result = "r"
degraded = { present = "deg" }
"#;

const BEGIN: &str = "{\"begin\":\"P2\"}\n";
const END: &str = "{\"end\":\"P2\",\"records\":2}\n";
const TWO: &str = "{\"who\":{\"id\":7,\"x\":1},\"f\":\"put\",\"k\":\"a\",\"v\":\"5\",\"t0\":1.5,\"t1\":2,\"r\":\"ok\"}\n\
                   {\"who\":{\"id\":8},\"f\":\"get\",\"k\":\"a\",\"v\":5,\"t0\":2,\"r\":\"unknown\",\"deg\":\"y\",\"z\":[1]}\n";

#[test]
fn mapped_history() {
    let evidence = get(MAPPED, &Memory::default().with("m.jsonl", format!("{BEGIN}{TWO}{END}")));
    let artifact = &evidence.artifacts[0];
    assert_eq!((&artifact.state, artifact.records), (&State::Whole, 2));
    assert_eq!(artifact.unmapped, [("who.x".to_string(), 1), ("z".to_string(), 1)]);
    let rows = evidence.rows::<Operation>("P2").unwrap();
    let ops: Vec<Operation> = rows.iter().map(|r| r.1).collect();
    assert_eq!((ops[0].invoke.0, ops[0].returned.map(|t| t.0)), (1_500, Some(2_000_000)));
    assert_eq!((ops[0].op, ops[1].op), (OpKind::Write, OpKind::Read));
    assert_ne!(ops[0].value, ops[1].value);
    assert_eq!((evidence.symbols.value(ops[0].value.unwrap()), ops[1].value), ("5".into(), Val::int(5)));
    assert_eq!((ops[0].degraded, ops[1].degraded), (Some(false), Some(true)));
    assert_eq!(ops[1].endpoint.map(|e| evidence.text(e)), Some("commands"));
    assert_eq!((ops[1].leader.map(|e| evidence.text(e)), ops[1].attempt), (Some("m1"), Some(1)));
    assert_eq!(rows.source(rows.iter().next().unwrap().0).line, Some(2));
}

#[test]
fn marks() {
    let state = |text: String| get(MAPPED, &Memory::default().with("m.jsonl", text)).artifacts[0].state.clone();
    let unproven = |text: String, part: &str| match state(text) {
        State::Unproven(why) => assert!(why.contains(part), "{why}"),
        other => panic!("{other:?}"),
    };
    assert!(matches!(state(format!("{}{TWO}{END}", BEGIN.replace("P2", "P3"))), State::Foreign(w) if w.contains("P3 where P2")));
    unproven(format!("{BEGIN}{TWO}"), "does not end with the declared mark: it may");
    unproven(format!("{TWO}{END}"), "lacks the declared first mark");
    unproven(format!("{BEGIN}{TWO}{}", END.replace("P2", "P3")), "its last line has P3");
    unproven(format!("{BEGIN}{TWO}{}", END.replace(":2", ":3")), "holds 2 records, but its end mark counts 3");
    unproven(format!("{BEGIN}{TWO}{}", END.replace(",\"records\":2", "")), "without the declared count");
    assert_eq!(state(format!("{BEGIN}{}", END.replace(":2", ":0"))), State::Empty);
    let without: String = MAPPED.lines().filter(|l| !l.starts_with("whole")).map(|l| format!("{l}\n")).collect();
    let evidence = get(&without, &Memory::default().with("m.jsonl", TWO));
    assert!(matches!(&evidence.artifacts[0].state, State::Unproven(w) if w.contains("declare `whole`")));
    let with_header = format!("{}\n{TWO}{{\"quorate\":\"end\",\"records\":2}}\n", HEADER.replace("\"a\"", "\"driver\""));
    assert_eq!(get(&without, &Memory::default().with("m.jsonl", with_header)).artifacts[0].state, State::Whole);
}

const EVENTS: &str = r#"[[test.evidence]]
kind = "faults"
path = "e.jsonl"
origin = "orchestrator"
clock = { kind = "monotonic", id = "driver" }
when = { kind = "kill" }
pair = { by = "id", start = { phase = "start" }, stop = { phase = "stop" } }
whole = { covers-run-within = "10ns" }
[test.evidence.fields]
id = "id"
fault = "kind"
targets = "targets"
at = { lo = "b", hi = "e" }
[[test.evidence]]
kind = "run"
path = "e.jsonl"
origin = "orchestrator"
clock = { kind = "monotonic", id = "driver" }
when = { kind = "run" }
pair = { by = "id", start = { phase = "start" }, stop = { phase = "stop" } }
fields = { start = { lo = "b", hi = "e" }, stop = "e" }
"#;

const STEPS: &str = r#"{"id":0,"kind":"run","phase":"start","b":1,"e":2}
{"id":1,"kind":"kill","phase":"start","targets":["m4","m5"],"b":10,"e":11}
{"id":2,"kind":"kill","phase":"start","targets":[1],"b":20,"e":21}
{"id":1,"kind":"kill","phase":"stop","b":30,"e":31}
{"id":0,"kind":"run","phase":"stop","b":40,"e":41}
"#;

#[test]
fn a_record_that_looks_like_the_end_mark_proves_nothing() {
    let row = r#"{"c":1,"cmd":"x","ep":"m0","i":1,"r":2,"s":"ok"}"#;
    let end = r#"{"end":true}"#;
    let state = |text: String| get(ATTEMPTS, &Memory::default().with("a.jsonl", text)).artifacts[0].state.clone();
    assert_eq!(state(format!("{row}\n{end}\n")), State::Whole);
    let alike = row.replace("}", ",\"end\":true}");
    assert!(matches!(state(format!("{alike}\n{end}\n")), State::Unproven(why) if why.contains("look like its end mark")));
}

#[test]
fn pairs_and_runs() {
    let evidence = get(EVENTS, &Memory::default().with("e.jsonl", STEPS));
    assert_eq!(evidence.artifacts[0].state, State::Whole);
    let faults: Vec<Injection> = evidence.rows::<Injection>("P2").unwrap().iter().map(|r| r.1).collect();
    let times = |f: &Injection| [Some(f.start_lo.0), Some(f.start_hi.0), f.stop_lo.map(|t| t.0), f.stop_hi.map(|t| t.0)];
    assert_eq!(times(&faults[0]), [Some(10), Some(11), Some(30), Some(31)]);
    assert_eq!(times(&faults[1]), [Some(20), Some(21), None, None]);
    assert_eq!((evidence.texts(faults[0].targets), evidence.texts(faults[1].targets)), (vec!["m4", "m5"], vec!["1"]));
    let run = evidence.rows::<Run>("P2").unwrap().iter().next().unwrap().1;
    assert_eq!([run.start_lo.0, run.start_hi.0, run.stop_lo.0, run.stop_hi.0], [1, 2, 41, 41]);
    let bad = |text: String| fails(EVENTS, &Memory::default().with("e.jsonl", text));
    let stop =
        STEPS.replace("{\"id\":1,\"kind\":\"kill\",\"phase\":\"start\"", "{\"id\":3,\"kind\":\"kill\",\"phase\":\"start\"");
    assert!(bad(stop).contains("e.jsonl:4: a stop of id = 1 without a start"));
    assert!(bad(STEPS.replace("\"id\":2", "\"id\":1")).contains("e.jsonl:3: a second start of id = 1 before its stop"));
    let cut: String = STEPS.lines().take(4).map(|l| format!("{l}\n")).collect();
    let evidence = get(EVENTS, &Memory::default().with("e.jsonl", cut));
    assert!(matches!(&evidence.artifacts[0].state, State::Unproven(w) if w.contains("start without a stop on line 1")));
    let none = STEPS.replace("\"kind\":\"kill\"", "\"kind\":\"pause\"");
    assert!(bad(none).contains("e.jsonl:1: no record has kind = kill; the first record is shown"));
}

const ATTEMPTS: &str = r#"[[test.evidence]]
kind = "attempts"
path = "a.jsonl"
origin = "client"
clock = { kind = "monotonic", id = "driver" }
each = "attempts"
whole = { last = { end = true } }
[test.evidence.fields]
client = { outer = "c" }
command-id = { outer = "cmd" }
member = "ep"
invoke = "i"
return = "r"
result = { from = "s", values = { ok = "ok", unknown = "unknown", notsent = "not-sent" } }
"#;

#[test]
fn each_element() {
    let text = r#"{"c":1,"cmd":"x","ep":"m0","i":1,"r":2,"s":"ok"}
{"c":1,"cmd":"y","ep":"m2","i":3,"r":9,"s":"ok","attempts":[{"ep":"m1","i":3,"s":"notsent","err":"E"},{"ep":"m2","i":5,"r":9,"s":"ok"}]}
{"end":true}
"#;
    let evidence = get(ATTEMPTS, &Memory::default().with("a.jsonl", text));
    assert_eq!(evidence.artifacts[0].state, State::Whole);
    assert_eq!(evidence.artifacts[0].unmapped, [("attempts.err".to_string(), 1)]);
    let rows = evidence.rows::<Attempt>("P2").unwrap();
    let found: Vec<_> = rows
        .iter()
        .map(|(id, a)| (evidence.text(a.command_id), a.member.map(|m| evidence.text(m)), a.invoke.0, rows.source(id).line))
        .collect();
    assert_eq!(found, [("x", Some("m0"), 1, Some(1)), ("y", Some("m1"), 3, Some(2)), ("y", Some("m2"), 5, Some(2))]);
    let bad = text.replace("notsent", "lost");
    let bad = fails(ATTEMPTS, &Memory::default().with("a.jsonl", bad));
    assert!(bad.contains("a.jsonl:2: byte 83: s: `values` does not translate \"lost\"; it knows notsent, ok, unknown"), "{bad}");
    let twice = text.replace("\"err\":\"E\"", "\"ep\":\"E\"");
    assert!(fails(ATTEMPTS, &Memory::default().with("a.jsonl", twice)).contains("\"ep\" stands twice"));
}

#[test]
fn runs_cover() {
    let status = r#"[[test.evidence]]
kind = "members"
path = "s.jsonl"
origin = "replica"
clock = { kind = "monotonic", id = "driver", unit = "ms" }
whole = { covers-run-within = "1s" }
fields = { at = { lo = "t", hi = "rt" }, member = "m", reachable = { absent = "err" } }
"#;
    let bindings = format!("{EVENTS}{status}");
    let state = |steps: &str, end: u64| {
        let text = format!("{{\"t\":1,\"rt\":2,\"m\":\"a\",\"err\":null}}\n{{\"t\":2,\"rt\":{end},\"m\":\"a\",\"err\":\"x\"}}\n");
        let evidence = get(&bindings, &Memory::default().with("e.jsonl", steps).with("s.jsonl", text));
        let up: Vec<_> = evidence.parts[2].table.columns[13..14].iter().map(|c| (c.get(0), c.get(1))).collect();
        assert_eq!(up, [(1, 0)]);
        evidence.artifacts[1].state.clone()
    };
    let steps = STEPS.replace("\"b\":40,\"e\":41", "\"b\":5000000000,\"e\":5000000000");
    assert_eq!(state(&steps, 4000), State::Whole);
    assert!(matches!(state(&steps, 3999), State::Unproven(w) if w.contains("ends 1.001 s before the run does")));
    let other = EVENTS.replace("id = \"driver\"", "id = \"other\"");
    let text = "{\"t\":1,\"rt\":2,\"m\":\"a\"}\n";
    let evidence = get(&format!("{other}{status}"), &Memory::default().with("e.jsonl", STEPS).with("s.jsonl", text));
    assert!(matches!(&evidence.artifacts[1].state, State::Unproven(w) if w.contains("no run record on its clock")));
}

#[test]
fn foreign_times() {
    let grants = "[[test.evidence]]\nkind = \"epochs\"\npath = \"g.jsonl\"\n";
    let grant = |t: i64| {
        let header = HEADER.replace("history", "epochs");
        format!("{header}\n{{\"t\":{t},\"resource\":\"r\",\"epoch\":1}}\n{{\"quorate\":\"end\",\"records\":1}}\n")
    };
    let state = |t: i64| {
        let files = Memory::default().with("g.jsonl", grant(t)).with("h.jsonl", native(&[OP]));
        get(&format!("{HISTORY}{grants}"), &files).artifacts[0].state.clone()
    };
    assert_eq!((state(5), state(-1_000_000_000)), (State::Whole, State::Whole));
    assert!(matches!(state(100_000_000_000), State::Foreign(w) if w.contains("another run")));
}

const TABLE: &str = r#"[[test.evidence]]
kind = "history"
path = "m.csv"
origin = "client"
clock = { kind = "wall", id = "db", unit = "s" }
whole = { last = { who = "END" }, count = "f" }
[test.evidence.fields]
client = "who"
op = { from = "f", values = { put = "write", get = "read" } }
value = "v"
invoke = "t0"
return = "t1"
result = "r"
acks = "a.b"
"#;

#[test]
fn csv_files() {
    let text = "who,f,v,t0,t1,r,a.b,x\r\n\"a,b\",put,5,1.5,2026-01-02T03:04:05+01:00,ok,m1 m2,\r\nb,get,nil,2,,unknown,,7\r\nEND,2,,,,,,\r\n";
    let evidence = get(TABLE, &Memory::default().with("m.csv", text));
    assert_eq!((&evidence.artifacts[0].state, evidence.artifacts[0].records), (&State::Whole, 2));
    assert_eq!(evidence.artifacts[0].unmapped, [("x".to_string(), 1)]);
    let ops: Vec<Operation> = evidence.rows::<Operation>("P2").unwrap().iter().map(|r| r.1).collect();
    assert_eq!((evidence.text(ops[0].client), ops[0].value, ops[1].value), ("a,b", Val::int(5), Some(Val::NIL)));
    assert_eq!((ops[0].invoke.0, ops[0].returned.map(|t| t.0)), (1_500_000_000, Some(1_767_319_445_000_000_000)));
    assert_eq!((ops[0].acks.map(|a| evidence.texts(a)), ops[1].acks), (Some(vec!["m1", "m2"]), None));
    let bad = |from: &str, to: &str| fails(TABLE, &Memory::default().with("m.csv", text.replace(from, to)));
    assert!(bad("\"a,b\"", "\"a\nb\"").contains("m.csv:2: byte 1: a quote is not closed on its line"));
    assert!(bad(",7\r\n", "\r\n").contains("m.csv:3: 7 cells, but 8 columns"));
    assert!(bad("t0,t1", "t0,t0").contains("there is no column `t1` | the file has: who, f"));
    assert!(bad("a.b,x", "a.b,a.b").contains("the column \"a.b\" stands twice"));
    assert!(bad("b,get", "b,ge\0t").contains("m.csv:3: byte 5: a NUL byte"));
    assert!(bad("1.5", "soon").contains("m.csv:2: t0: expected a time, found soon"), "{}", bad("1.5", "soon"));
}

#[test]
fn native_csv() {
    let bindings = "[[test.evidence]]\nkind = \"history\"\npath = \"n.csv\"\n";
    let text = format!(
        "# {HEADER}\nclient,op,key,value,invoke,return,result\nc,write,k,1,5,9,ok\nd,read,k,,6,,unknown\n# {{\"quorate\":\"end\",\"records\":2}}\n"
    );
    let evidence = get(bindings, &Memory::default().with("n.csv", &text));
    assert_eq!(evidence.artifacts[0].state, State::Whole);
    let rows = evidence.rows::<Operation>("P2").unwrap();
    assert_eq!((rows.len(), rows.source(rows.iter().next().unwrap().0).line), (2, Some(3)));
    let bad = text.replace(",op,", ",opp,");
    assert!(
        fails(bindings, &Memory::default().with("n.csv", bad)).contains("n.csv:3: the required field `op` of history is empty")
    );
}

#[test]
fn contract_faults() {
    let bad = |from: &str, to: &str, wanted: &str| {
        let text = MAPPED.replace(from, to);
        assert_ne!(text, MAPPED);
        let found = fails(&text, &Memory::default());
        assert!(found.contains(wanted), "{found}");
    };
    bad("\"history\"", "\"histroy\"", "unknown evidence kind `histroy` | did you mean `history`?");
    bad(
        "m.jsonl",
        "m.log",
        "the format of m.log is not known from its ending | declare `format`: etcd-robustness, jepsen-json, jepsen-edn, jepsen-log, jsonl, csv",
    );
    bad("origin =", "format = \"jsnl\"\norigin =", "unknown format `jsnl` | did you mean `jsonl`?");
    bad("client =", "cleint =", "unknown field of history `cleint` | did you mean `client`?");
    bad("result = \"r\"", "", "the mapping leaves out required fields of history: result");
    bad("\"read\"", "\"raed\"", "unknown value of `op` `raed` | did you mean `read`?");
    bad("\"v\"", "{ from = \"v\", unit = \"ms\" }", "`value` is no time");
    bad("\"v\"", "{ outer = \"v\" }", "`outer` without `each`");
    bad("\"v\"", "{ present = \"v\" }", "`value` is not true or false");
    bad("\"v\"", "{ lo = \"v\", hi = \"w\" }", "`value` is one instant, not an interval");
    bad("key =", "at =", "unknown field of history `at`");
    bad("attempt = 1", "attempt = \"one\"", "the constant `attempt` does not fit: expected a whole number, found one");
    bad("attempt = 1", "key = 1", "`key` is both a constant and mapped");
    bad("attempt = 1", "kye = 1", "unknown field of history `kye`");
    let two = fails(&MAPPED.replace("key =", "kye =").replace("client =", "cleint ="), &Memory::default());
    assert_eq!(two.lines().count(), 2);
}

#[test]
fn bad_input() {
    let bad = |text: &[u8]| fails(HISTORY, &Memory::default().with("h.jsonl", text));
    let with = |line: &str| bad(native(&[OP, line]).as_bytes());
    let mut wrong = Vec::new();
    let mut check = |found: String, wanted: &str| {
        if !found.contains(wanted) {
            wrong.push(format!("{wanted}\n    {}", found.chars().take(300).collect::<String>()));
        }
    };
    check(bad(format!("{HEADER}\n{OP}\n{{\"client\":\"c").as_bytes()), "h.jsonl:3: byte 12: the last line is cut short: ");
    check(bad(&[native(&[]).as_bytes(), b"{\"a\":\"\xff\"}\n"].concat()), "h.jsonl:2: the end mark stands before the last record");
    check(bad(&[HEADER.as_bytes(), b"\n{\"a\":\"\xff\"}\n"].concat()), "h.jsonl:2: byte 7: not UTF-8 text");
    check(bad(&[HEADER.as_bytes(), b"\n", OP.as_bytes(), b"\n\xff"].concat()), "h.jsonl:3: byte 1: not UTF-8 text");
    check(bad(b"\xff\xfe\n"), "h.jsonl:1: byte 1: not UTF-8 text");
    check(with("{\"a\":1,\"b\":2,\"a\":3}"), "h.jsonl:3: byte 18: the key \"a\" stands twice in one object");
    check(with("{\"x\":{\"a\":1,\"a\":3}}"), "the key \"a\" stands twice in one object");
    check(with("{\"command_id\":\"1\",\"command-id\":\"1\"}"), "a field that another name has given already");
    check(with(&OP.replace("\"value\":1", "\"value\":9007199254740993")), "the number 9007199254740993 is past 2^53");
    check(with(&OP.replace("\"result\"", "\"term\":-9007199254740993,\"result\"")), "write it as a string");
    check(with(&OP.replace("\"c1\"", "13549010012973237614")), "client: the number 13549010012973237614 is past 2^53");
    check(with(&OP.replace("5", "1e99")), "invoke: expected a time, found 1e99");
    check(with(&OP.replace(":5", ":9223372036854775807")), "invoke: expected a time");
    check(with(&format!("{{\"x\":{}1{}}}", "[".repeat(200), "]".repeat(200))), "h.jsonl:3: byte 133: ");
    check(with(&format!("{{\"x\":{}", "[".repeat(1_000_000))), "h.jsonl:3: byte ");
    check(with(&format!("{{\"x\":{}{}}}", "[".repeat(1_000_000), "]".repeat(1_000_000))), "nested more than 128 deep");
    check(with(&format!("{{\"value\":{}{}}}", "{\"a\":".repeat(1_000_000), "}".repeat(1_000_000))), "h.jsonl:3: byte");
    check(with(""), "h.jsonl:3: an empty line");
    check(bad(format!("{}\n", native(&[OP])).as_bytes()), "h.jsonl:3: the end mark stands before the last record");
    check(with("{\"x\":\"a\0b\"}"), "h.jsonl:3: byte 8: a NUL byte in a text file");
    check(with("[1]"), "h.jsonl:3: byte 1: not a JSON object: ");
    check(with("{} {}"), "h.jsonl:3: byte 4: not a JSON object: trailing characters");
    check(with("{\"x\":\"\\ud800\"}"), "h.jsonl:3");
    check(bad(format!("\u{feff}{}", native(&[OP])).as_bytes()), "byte order mark | write UTF-8 without one");
    check(
        with(&OP.replace("\"ok\"", "\"okay\"")),
        "h.jsonl:3: byte 81: result: expected one of ok, fail, unknown, found \"okay\"; did you mean ok?",
    );
    check(with(&OP.replace("\"op\":\"write\",", "")), "h.jsonl:3: the required field `op` of history is empty");
    let header = |from: &str, to: &str| bad(native(&[OP]).replacen(from, to, 1).as_bytes());
    check(header("\"test\"", "\"tset\""), "h.jsonl:1: the header cannot be read: unknown field `tset`");
    check(header("history/v1", "history/v2"), "the header is of version \"v2\"");
    check(header("history/v1", "faults/v1"), "the file holds faults records, not history");
    check(header("monotonic", "sundial"), "unknown clock \"sundial\"; known: monotonic, wall");
    check(header("{\"quorate\"", "{\"q\""), "the first line is no header | native files begin with a header");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let two = format!("{HISTORY}{}", HISTORY.replace("h.jsonl", "i.jsonl"));
    let found = fails(&two, &Memory::default().with("h.jsonl", "x\n").with("i.jsonl", "x\n"));
    assert_eq!(found.lines().count(), 2);
}

#[test]
fn excerpts_are_short_and_whole_characters() {
    let line = format!("{{\"x\":\"{}\",\"x\":1}}", "ä".repeat(500));
    let error = try_read(HISTORY, &Memory::default().with("h.jsonl", native(&[&line])), 1, Limits::default()).unwrap_err();
    let rendered = error.render(&Sources::default(), false);
    assert!(rendered.contains("h.jsonl:2") && rendered.len() < 1200, "{rendered}");
}

/// A reader that never ends.
struct Endless(&'static [u8]);

impl Read for Endless {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        if self.0.is_empty() {
            buf.fill(b'x');
            return Ok(buf.len());
        }
        self.0.read(buf)
    }
}

struct OneFile(&'static [u8]);

impl Files for OneFile {
    fn open(&self, _: &str) -> std::io::Result<Option<Box<dyn Read + Send>>> {
        Ok(Some(Box::new(Endless(self.0))))
    }
}

struct Refused;

impl Files for Refused {
    fn open(&self, _: &str) -> std::io::Result<Option<Box<dyn Read + Send>>> {
        Err(std::io::Error::other("a symbolic link"))
    }
}

#[test]
fn endless_lines_and_refused_files() {
    let text = matrix_text(HISTORY);
    let matrix = parse_matrix(Sources::default().add("m", &text), &text, None).unwrap();
    let message = |files: &dyn Files| read_with(&matrix, files, 2, Limits::default()).unwrap_err().to_string();
    assert_eq!(message(&OneFile(b"")), "h.jsonl:1: the line is longer than 16777216 bytes");
    let head = concat!(
        r#"{"quorate":"history/v1","test":"P2","origin":"client","clock":"monotonic","clock_id":"a","recorded_by":"t"}"#,
        "\n"
    );
    assert_eq!(message(&OneFile(head.as_bytes())), "h.jsonl:2: the line is longer than 16777216 bytes");
    assert_eq!(message(&Refused), "h.jsonl cannot be read: a symbolic link");
}

#[test]
fn carriage_returns() {
    let evidence = get(HISTORY, &Memory::default().with("h.jsonl", native(&[OP, OP]).replace('\n', "\r\n")));
    assert_eq!((&evidence.artifacts[0].state, evidence.artifacts[0].records), (&State::Whole, 2));
}

/// All that is in the evidence, with texts for numbers.
fn all(evidence: &Evidence) -> String {
    let count = u32::try_from(evidence.symbols.len()).unwrap_or(0);
    let texts: Vec<&str> = (0..count).map(|i| evidence.text(Sym(i))).collect();
    format!("{:?}\n{:?}\n{texts:?}", evidence.artifacts, evidence.parts)
}

#[test]
fn threads_and_blocks_change_nothing() {
    let mut lines = Vec::new();
    for i in 0..500 {
        let acks = if i % 3 == 0 { "\"acks\":[\"m1\",\"m2\"]," } else { "" };
        let extra = if i > 400 { format!("\"new{i}\":1,") } else { String::new() };
        lines.push(format!(
            "{{\"client\":\"c{}\",{extra}\"op\":\"write\",{acks}\"key\":\"k{}\",\"value\":\"v{i}\",\"invoke\":{i},\"result\":\"ok\"}}",
            i % 7,
            i % 13
        ));
    }
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let files = Memory::default().with("h.jsonl", native(&lines)).with("e.jsonl", STEPS);
    let bindings = format!("{HISTORY}{EVENTS}");
    let first = all(&try_read(&bindings, &files, 1, Limits::default()).unwrap());
    for threads in [1, 2, 4] {
        for block in [1, 64, 1000, 8192] {
            let limits = Limits { block, ..Limits::default() };
            assert_eq!(all(&try_read(&bindings, &files, threads, limits).unwrap()), first);
        }
    }
    let broken = native(&lines).replace("\"invoke\":77,", "\"invoke\":\"x\",").replace("\"invoke\":401,", "");
    let files = files.with("h.jsonl", broken);
    for threads in [1, 2, 4] {
        let error = try_read(&bindings, &files, threads, Limits { block: 64, ..Limits::default() }).unwrap_err();
        assert!(error.to_string().starts_with("h.jsonl:79: byte 65: invoke: expected a time"), "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), block in 1_usize..100) {
        let bindings = format!("{HISTORY}{MAPPED}{EVENTS}{ATTEMPTS}{TABLE}");
        let mut files = Memory::default();
        for path in ["h.jsonl", "m.jsonl", "e.jsonl", "a.jsonl", "m.csv"] {
            files = files.with(path, &bytes);
        }
        let _ = try_read(&bindings, &files, 2, Limits { block, ..Limits::default() });
    }

    #[test]
    fn mutated_files_never_panic(edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3), 1..6), block in 1_usize..300) {
        let texts = [
            (HISTORY, "h.jsonl", native(&[OP, OP])),
            (MAPPED, "m.jsonl", format!("{BEGIN}{TWO}{END}")),
            (EVENTS, "e.jsonl", STEPS.to_string()),
            (TABLE, "m.csv", "who,f,v,t0,t1,r,a.b,x\n\"a,b\",put,5,1.5,2,ok,m1 m2,\nEND,2,,,,,,\n".to_string()),
        ];
        for (bindings, path, text) in texts {
            let mut bytes = text.into_bytes();
            for (index, byte, what) in &edits {
                let at = index.index(bytes.len());
                match what {
                    0 => bytes[at] = *byte,
                    1 => bytes.insert(at, *byte),
                    _ => bytes.truncate(at.max(1)),
                }
            }
            let files = Memory::default().with(path, bytes);
            let one = try_read(bindings, &files, 1, Limits::default()).map(|e| all(&e)).map_err(|e| e.to_string());
            let two = try_read(bindings, &files, 2, Limits { block, ..Limits::default() }).map(|e| all(&e)).map_err(|e| e.to_string());
            prop_assert_eq!(one, two);
        }
    }
}

const ETCD: &str = r#"[[test.evidence]]
kind = "history"
path = "history.jsonl"
origin = "client"
clock = { kind = "monotonic", id = "driver" }
endpoint = "commands"
whole = { covers-run-within = "2s" }
[test.evidence.fields]
client = "client"
command-id = "cmd"
op = { from = "f", values = { put = "write", get = "read", cas = "cas" } }
key = "key"
value = "value"
expected = "old"
invoke = "invoke"
return = "response"
result = "result"
version = "mod_rev"
term = "term"
commit-index = "rev"
member = "ep"
[[test.evidence]]
kind = "attempts"
path = "history.jsonl"
origin = "client"
clock = { kind = "monotonic", id = "driver" }
each = "attempts"
[test.evidence.fields]
client = { outer = "client" }
command-id = { outer = "cmd" }
member = "ep"
invoke = "invoke"
return = "response"
result = { from = "result", values = { ok = "ok", fail = "fail", unknown = "unknown", notsent = "not-sent" } }
error = "error"
[[test.evidence]]
kind = "faults"
path = "faults.jsonl"
origin = "orchestrator"
clock = { kind = "monotonic", id = "driver" }
when = { kind = "kill" }
pair = { by = "id", start = { phase = "start" }, stop = { phase = "stop" } }
whole = { last = { kind = "run", phase = "stop" } }
fields = { id = "id", fault = "kind", targets = "targets", at = { lo = "begin", hi = "end" } }
[[test.evidence]]
kind = "members"
path = "status.jsonl"
origin = "replica"
clock = { kind = "monotonic", id = "driver" }
whole = { covers-run-within = "2s" }
[test.evidence.fields]
at = { lo = "t", hi = "rt" }
member = "m"
leader = "leader"
term = "term"
last-index = "raft_index"
applied-index = "applied"
reachable = { absent = "err" }
"#;

#[test]
fn conditions() {
    let text = format!("{BEGIN}{TWO}{END}");
    let count = |with: &str| {
        let bindings = MAPPED.replace("origin =", &format!("{with}\norigin ="));
        get(&bindings, &Memory::default().with("m.jsonl", &text)).parts[0].table.rows()
    };
    assert_eq!(count("when = { f = \"put\" }"), 1);
    assert_eq!(count("unless = { f = \"put\" }"), 1);
    assert_eq!(count("when = { \"who.id\" = 7, f = \"put\" }"), 1);
    let native = get(&format!("{HISTORY}when = {{ value = 1 }}\n"), &Memory::default().with("h.jsonl", native(&[OP, OP])));
    assert_eq!(native.parts[0].table.rows(), 2);
}

#[test]
#[expect(clippy::print_stdout, reason = "a skipped test says so")]
fn recorded_etcd_run() {
    let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["../shared", "../../shared"].map(|up| here.join(up).join("cases/recorded/etcd-kill"));
    let Some(folder) = folders.iter().find(|f| f.exists()) else {
        println!("skipped: no recordings in ../shared/cases");
        return;
    };
    let mut files = Memory::default();
    for name in ["history.jsonl", "faults.jsonl", "status.jsonl"] {
        files = files.with(name, std::fs::read(folder.join(name)).unwrap());
    }
    let run = EVENTS[EVENTS.rfind("[[test").unwrap()..].replace("e.jsonl", "faults.jsonl").replace("\"b\"", "\"begin\"");
    let run = run.replace("hi = \"e\"", "hi = \"end\"").replace("stop = \"e\"", "stop = \"end\"");
    let bindings = ETCD.replace("last = { kind = \"run\", phase = \"stop\" }", "covers-run-within = \"1ns\"") + &run;
    let evidence = get(&bindings, &files);
    for artifact in &evidence.artifacts {
        assert_eq!(artifact.state, State::Whole, "{artifact:?}");
    }
    assert_eq!(evidence.rows::<Operation>("P2").unwrap().len(), 6109);
    assert_eq!(evidence.rows::<Injection>("P2").unwrap().len(), 2);
    assert_eq!(evidence.rows::<Sample>("P2").unwrap().len(), 4929);
    assert!(evidence.rows::<Attempt>("P2").unwrap().len() > 6109);
}
