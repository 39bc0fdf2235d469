//! `quorate check`: each format's small files, hostile files, and every recording of the cases folder when it is there.
#![expect(clippy::print_stderr, reason = "a test that is skipped says so")]

use quorate::check::{self, Answer, Ask, Loaded};
use quorate::contract::parse_matrix;
use quorate::evidence::State;
use quorate::evidence::kinds::Injection;
use quorate::evidence::read::{Files, read};
use quorate::source::Sources;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::AtomicBool;

fn data(name: &str) -> String {
    format!("{}/tests/data/formats/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn quorate(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quorate"));
    command.arg("check").args(args).env("NO_COLOR", "1").output().expect("the binary runs")
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[track_caller]
fn says(args: &[&str], code: i32, parts: &[&str]) {
    let output = quorate(args);
    let text = text(&output);
    assert_eq!(output.status.code(), Some(code), "{args:?}\n{text}");
    assert!(!text.contains("panicked"), "{text}");
    for part in parts {
        assert!(text.contains(part), "{args:?} lacks {part:?}\n{text}");
    }
}

#[test]
fn every_format_is_guessed_and_judged() {
    let cases: &[(&[&str], i32, &[&str])] = &[
        (&["register.edn"], 0, &["read as jepsen-edn (guessed)", "model cas-register (guessed), initial nil, nil-read absent"]),
        (&["register-phantom.edn"], 1, &["NOT LINEARIZABLE", "nothing wrote", "✖ register-phantom.edn:10"]),
        (&["keyed-records.edn"], 0, &["values are pairs of key and value", ":x"]),
        (&["keys-unclear.edn"], 4, &["not clear whether the values are pairs", "--keyed"]),
        (&["keys-unclear.edn", "--keyed"], 0, &["model register"]),
        (&["keys-unclear.edn", "--keyed=no"], 0, &["the order of the lines stands for real time"]),
        (&["order-stale.txt"], 1, &["jepsen-log (guessed)", "order of lines", "read 1"]),
        (&["order-stale.txt", "--skew", "1ms"], 64, &["only the order of its lines"]),
        (&["jepsen.log"], 0, &["1 lines hold no operation", "model queue (guessed)"]),
        (&["kv.txt"], 0, &["model kv (guessed)"]),
        (&["set.json"], 0, &["jepsen-json (guessed)", "model set (guessed)"]),
        (&["set-lost.json"], 1, &["NOT LINEARIZABLE"]),
        (&["set.json", "--model", "queue"], 4, &["a queue has no operation add"]),
        (&["set.json", "--model", "tree"], 64, &["there is no model `tree`"]),
        (&["set.json", "--initial", "3"], 64, &["go with registers"]),
        (&["txn.edn"], 4, &["transactional history, not supported yet"]),
        (&["vacuous.edn"], 2, &["UNDECIDED: vacuous"]),
        (&["bare.jsonl"], 0, &["has no header", "model register (guessed)"]),
        (&["bare.csv"], 1, &["read as csv (guessed)", "nothing wrote"]),
        (
            &["etcd-client-1.json", "etcd-client-2.json"],
            0,
            &["read as etcd-robustness", "1 operations of unknown outcome made a revision"],
        ),
        (&["etcd-client-1.json", "etcd-client-2-stale.json"], 2, &["UNDECIDED"]),
        (&["etcd-client-1.json", "etcd-client-2-missing.json"], 2, &["no recorded operation made revision"]),
        (&["register.edn", "order-stale.txt"], 4, &["files without times cannot be put into one order"]),
        (&["register.edn", "--format", "nonsense"], 64, &["there is no format `nonsense`"]),
        (&["not-there.edn"], 4, &["there is no file"]),
        (&["jepsen.log", "--nil-read", "maybe"], 64, &[]),
    ];
    for (args, code, parts) in cases {
        let paths: Vec<String> = args.iter().map(|a| if a.contains(".") { data(a) } else { (*a).to_string() }).collect();
        let args: Vec<&str> = paths.iter().map(String::as_str).collect();
        says(&args, *code, parts);
    }
}

#[test]
fn json_is_the_same_on_any_number_of_threads_and_the_page_stands_alone() {
    let path = data("register-phantom.edn");
    let one = quorate(&[&path, "--json", "--threads", "1"]);
    let four = quorate(&[&path, "--json", "--threads", "4"]);
    assert_eq!(one.stdout, four.stdout);
    let json: serde_json::Value = serde_json::from_slice(&one.stdout).expect("JSON");
    assert_eq!(json["answer"], "not-linearizable");
    assert_eq!(json["keys"][0]["example"]["operations"][1]["line"].as_u64(), Some(10), "{json}");
    let page = Path::new(env!("CARGO_TARGET_TMPDIR")).join("check.html");
    let _ = fs::remove_file(&page);
    says(&[&path, "--html", &page.to_string_lossy(), "--timeout", "60s"], 1, &[]);
    let html = fs::read_to_string(&page).expect("written");
    assert!(
        html.contains("class=\"impossible\"")
            && html.contains("<svg")
            && html.contains("NOT LINEARIZABLE")
            && !html.contains("<script"),
        "{html}"
    );
}

fn scratch(name: &str, bytes: &[u8]) -> String {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("check");
    fs::create_dir_all(&dir).expect("made");
    let path = dir.join(name);
    fs::write(&path, bytes).expect("written");
    path.to_string_lossy().into_owned()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).expect("packed");
    encoder.finish().expect("packed")
}

#[test]
fn packed_files_are_read_as_what_they_hold() {
    for name in ["register.edn", "jepsen.log", "set.json", "bare.jsonl"] {
        let bytes = fs::read(data(name)).expect("fixture");
        let zstd = ruzstd::encoding::compress_to_vec(&bytes[..], ruzstd::encoding::CompressionLevel::Fastest);
        says(&[&scratch(&format!("{name}.gz"), &gzip(&bytes))], 0, &["LINEARIZABLE"]);
        says(&[&scratch(&format!("{name}.zst"), &zstd)], 0, &["LINEARIZABLE"]);
        says(&[&scratch(&format!("cut-{name}.gz"), &gzip(&bytes)[..40])], 4, &[]);
    }
}

#[test]
fn hostile_files_get_a_clear_error_or_a_fast_verdict() {
    let start = "{:process 0, :type :invoke, :f :write, :value ";
    let deep = format!("{start}{}", "[".repeat(1_000_000));
    says(&[&scratch("deep.edn", deep.as_bytes())], 4, &["nested more than 100 deep"]);
    let json = format!("[{{\"process\":0,\"type\":\"invoke\",\"value\":{}", "[".repeat(1_000_000));
    says(&[&scratch("deep.json", json.as_bytes())], 4, &["nested more than 100 deep"]);
    let long = format!("{start}\"{}\"}}", "x".repeat(100 << 20));
    says(&[&scratch("long.edn", long.as_bytes())], 4, &["longer than"]);
    says(&[&scratch("long.log", format!("0\t:invoke\t:write\t{}", &long[60..]).as_bytes())], 4, &["longer than"]);
    says(&[&scratch("bomb.edn.gz", &gzip(&vec![b' '; 100 << 20]))], 4, &["decompression bomb"]);
    for (name, bytes) in [
        ("open.edn", "[{:process 0, :type :invoke, :f :read, :value nil}"),
        ("half.edn", "{:process 0, :type :invoke, :f :wri"),
        ("crossed.edn", "[{:process 0, :type :invoke, :f :read, :value [1)}]"),
        ("stray.edn", "{:process 0, :type :invoke, :f :read, :value nil}}"),
        ("twice.edn", "{:process 0, :type :invoke, :type :ok, :f :read, :value nil}"),
        ("again.edn", "{:process 0, :type :invoke, :f :read}\n{:process 0, :type :invoke, :f :read}"),
        ("headless.edn", "{:process 0, :type :ok, :f :read, :value 3}"),
        ("mixed.edn", "{:process 0, :type :invoke, :f :read, :time 1}\n{:process 0, :type :ok, :f :read, :value nil}"),
    ] {
        says(&[&scratch(name, bytes.as_bytes())], 4, &[]);
    }
    says(&[&scratch("bytes.edn", b"{:process 0, :type :invoke, :f :read, :value \"\xff\"}")], 4, &["not UTF-8"]);
    says(&[&scratch("nothing.edn", b"")], 2, &["UNDECIDED"]);
}

#[test]
fn many_keys_are_judged_at_once() {
    let mut many = String::new();
    for key in 0..200_000 {
        many.push_str(&format!(
            "{{:process 0, :type :invoke, :f :write, :key {key}, :value 1}}\n{{:process 0, :type :ok, :f :write, :key {key}, :value 1}}\n"
        ));
    }
    says(&[&scratch("many.edn", many.as_bytes())], 0, &["200000 keys", "and 199990 more keys"]);
    let wrong = many.replace(":ok, :f :write", ":ok, :f :read").replace(":invoke, :f :write", ":invoke, :f :read");
    says(&[&scratch("wrong.edn", wrong.as_bytes())], 1, &["200000 of 200000 keys are contradicted"]);
}

/// Lines of history without a header.
fn jsonl(rows: &[(&str, &str, &str, i64, Option<i64>)]) -> String {
    let line = |(client, op, value, invoke, ret): &(&str, &str, &str, i64, Option<i64>)| {
        let end = ret.map_or("\"result\":\"unknown\"".into(), |ret| format!("\"return\":{ret},\"result\":\"ok\""));
        format!("{{\"client\":\"{client}\",\"op\":\"{op}\",\"key\":\"k\",\"value\":{value},\"invoke\":{invoke},{end}}}\n")
    };
    rows.iter().map(line).collect()
}

#[test]
fn skew_initial_value_and_nil_reads_are_settings() {
    let stale = scratch(
        "stale.jsonl",
        jsonl(&[
            ("a", "write", "1", 0, Some(1_000_000)),
            ("a", "write", "2", 2_000_000, Some(3_000_000)),
            ("b", "read", "1", 4_000_000, Some(5_000_000)),
        ])
        .as_bytes(),
    );
    says(&[&stale], 1, &["clocks would have to be wrong by 1 ms", "this stands though each other operation may have happened"]);
    says(&[&stale, "--skew", "100us"], 1, &["skew 100 µs"]);
    says(&[&stale, "--skew", "5ms"], 0, &["skew 5 ms"]);
    let before = scratch("before.jsonl", jsonl(&[("a", "read", "7", 0, Some(1)), ("a", "write", "8", 2, Some(3))]).as_bytes());
    says(&[&before], 1, &["nothing wrote"]);
    says(&[&before, "--initial", "7"], 0, &["initial 7"]);
    says(&[&before, "--initial=-7"], 1, &["initial -7", "note: the initial value -7 occurs in no operation"]);
    let found = text(&quorate(&[&before, "--initial", "7"]));
    assert!(!found.contains("occurs in no operation"), "{found}");
    let nil = scratch("nil.jsonl", jsonl(&[("a", "write", "1", 0, Some(1)), ("b", "read", "null", 2, Some(3))]).as_bytes());
    says(&[&nil], 1, &["nil-read absent"]);
    says(&[&nil, "--nil-read", "any"], 0, &["nil-read any"]);
}

#[test]
fn formats_and_models_can_be_said() {
    let rows = jsonl(&[("a", "write", "1", 0, Some(1)), ("b", "read", "1", 2, Some(3))]);
    let named = scratch("history.dat", rows.as_bytes());
    says(&[&named, "--format", "jsonl"], 0, &["read as jsonl;", "model register (guessed)"]);
    says(&[&named, "--format", "jepsen-edn"], 4, &["history.dat"]);
    says(&[&named, "--model", "cas-register"], 0, &["model cas-register,"]);
    says(&[&scratch("prose.dat", b"a text of no format\n")], 4, &["not clear in which format", "--format"]);
}

#[test]
fn several_files_are_one_history() {
    let one = scratch("one.jsonl", jsonl(&[("a", "write", "1", 0, Some(1)), ("a", "write", "2", 2, Some(3))]).as_bytes());
    let two = scratch("two.jsonl", jsonl(&[("b", "read", "1", 4, Some(5))]).as_bytes());
    says(&[&two], 1, &["nothing wrote"]);
    says(&[&one], 0, &[]);
    says(&[&one, &two], 1, &["the files are one history", "✖ two.jsonl:1", "• one.jsonl:2"]);
    says(&[&one, &one], 64, &["is given twice"]);
    says(&[&one, &data("header.jsonl")], 4, &["different clocks"]);
    says(&[&one, "not-there.jsonl"], 4, &["there is no file `not-there.jsonl`"]);
}

#[test]
fn usage_and_what_is_no_file() {
    says(&[], 64, &["FILE"]);
    says(&["-"], 64, &["standard input is not read"]);
    says(&[&data("")], 64, &["is a folder"]);
    says(&[&scratch("empty.jsonl", b"")], 2, &["UNDECIDED: "]);
    for wrong in [&["--skew", "soon"][..], &["--timeout", "1"], &["--keyed=maybe"], &["--threads", "many"], &["--colour"]] {
        let file = data("register.edn");
        says(&[&[file.as_str()], wrong].concat(), 64, &[wrong[0].split('=').next().unwrap_or_default()]);
    }
    for threads in ["0", "1", "1000"] {
        says(&[&data("register.edn"), "--threads", threads], 0, &[]);
    }
    let page = Path::new(env!("CARGO_TARGET_TMPDIR")).join("no-such-folder/page.html");
    let output = quorate(&[&data("register.edn"), "--html", &page.to_string_lossy()]);
    assert!(output.status.code() > Some(4) && text(&output).contains("cannot write"), "{}", text(&output));
}

/// One key, 50 clients that compare and set among five values: no method is quick here.
#[test]
fn a_timeout_fires_and_says_so() {
    use quorate::judge::linearizability::generate::{Shape, simulate};
    use quorate::judge::linearizability::{Kind, NIL, OpOutcome};
    let shape =
        Shape { operations: 20_000, clients: 50, values: 5, cas: 700, unknown: 100, reads: 300, seed: 3, ..Shape::default() };
    let mut dense = String::new();
    for op in simulate(&shape).operations() {
        let value = |code: i64| if code == NIL { "null".to_string() } else { code.to_string() };
        let asked = match op.kind {
            Kind::Read => "\"read\"".to_string(),
            Kind::Cas => format!("\"cas\",\"expected\":{}", value(op.expected)),
            _ => "\"write\"".to_string(),
        };
        let end = match op.outcome {
            OpOutcome::Unknown => "\"result\":\"unknown\"".to_string(),
            OpOutcome::Ok => format!("\"return\":{},\"result\":\"ok\"", op.ret),
            OpOutcome::Fail => format!("\"return\":{},\"result\":\"fail\"", op.ret),
        };
        let (client, value, invoke) = (op.process, value(op.value), op.invoke);
        dense.push_str(&format!(
            "{{\"client\":\"{client}\",\"op\":{asked},\"key\":\"k\",\"value\":{value},\"invoke\":{invoke},{end}}}\n"
        ));
    }
    let path = scratch("dense.jsonl", dense.as_bytes());
    says(&[&path, "--timeout", "50ms"], 2, &["UNDECIDED", "given up after 50ms, as `--timeout` says"]);
    let quick = quorate(&[&data("vacuous.edn"), "--timeout", "60s"]);
    assert!(quick.status.code() == Some(2) && !text(&quick).contains("given up"), "{}", text(&quick));
}

#[test]
fn long_lines_deep_nesting_and_crowds_in_every_format() {
    let csv = "client,op,key,value,invoke,return,result\na,write,k,";
    let json = "{\"client\":\"a\",\"op\":\"write\",\"key\":\"k\",\"value\":";
    let (etcd, event) = ("{\"ClientId\":1,\"Input\":{\"x\":", "[{\"process\":0,\"type\":\"invoke\",\"value\":");
    let deep = "[".repeat(1_000_000);
    let closed = format!("{deep}{}", "]".repeat(1_000_000));
    let jsonl = scratch("deep.jsonl", format!("{json}{closed}}}\n").as_bytes());
    says(&[&jsonl], 4, &["deep.jsonl:1: byte ", "nested more than 128 deep"]);
    let whole = fs::read_to_string(data("etcd-client-1.json")).expect("fixture");
    let nested = whole.replacen("\"Range\":null", &format!("\"Range\":{closed}"), 1);
    says(&[&scratch("deep-etcd.json", nested.as_bytes())], 4, &["deep-etcd.json:1: ", "the operation cannot be read"]);
    says(
        &[&scratch("cut-etcd.json", format!("{etcd}{deep}\n").as_bytes())],
        4,
        &["cut-etcd.json:1: ", "no operation of etcd's robustness tests"],
    );
    says(
        &[&scratch("deep.txt", format!("0\t:invoke\t:write\t{deep}\n").as_bytes())],
        4,
        &["deep.txt:1: ", "nested more than 100 deep"],
    );
    let long = "x".repeat(17 << 20);
    for (name, start, at) in [
        ("long.jsonl", json, 1),
        ("long.csv", csv, 2),
        ("long-etcd.json", etcd, 1),
        ("long-event.json", event, 1),
        ("long.txt", "0\t:invoke\t:write\t", 1),
    ] {
        says(
            &[&scratch(name, format!("{start}\"{long}\"\n").as_bytes())],
            4,
            &[&format!("{name}:{at}: "), "is longer than 16777216 bytes"],
        );
    }
    let mut crowd = String::new();
    for step in ["invoke", "ok"] {
        (0..50_000).for_each(|i| crowd.push_str(&format!("{i}\t:{step}\t:write\t{i}\n")));
    }
    says(&[&scratch("crowd.txt", crowd.as_bytes())], 0, &["50000 successful"]);
    let etcd_lines = fs::read_to_string(data("etcd-client-1.json")).expect("fixture");
    let put = etcd_lines.lines().next().expect("a line").replace("{\"Key\":\"k\",\"ExpectedRevision\":0}", "");
    let many: String = (0..30_000)
        .map(|i| {
            let own = put
                .replace("\"Key\":\"k\"", &format!("\"Key\":\"k{i}\""))
                .replace("\"Revision\":2", &format!("\"Revision\":{}", i + 2));
            own.replace("\"Call\":10", &format!("\"Call\":{}", 30 * i))
                .replace("\"Return\":20", &format!("\"Return\":{}", 30 * i + 20))
                + "\n"
        })
        .collect();
    let none = etcd_lines.lines().nth(1).expect("an operation of unknown outcome");
    says(&[&scratch("vacuous-etcd.json", format!("{none}\n").as_bytes())], 2, &["UNDECIDED: vacuous"]);
    says(&[&scratch("many-etcd.json", many.as_bytes())], 0, &["30000 successful"]);
    let crowd: String = (0..50_000).map(|i| format!("c{i},write,k,{i},{i},{},ok\n", 1_000_000 + i)).collect();
    says(&[&scratch("crowd.csv", format!("{}{crowd}", &csv[..41]).as_bytes())], 0, &["50000 successful"]);
}

#[test]
fn the_nemesis_gives_faults() {
    let matrix = matrix("faults", "register.edn", "format = \"jepsen-edn\"\n");
    let root = PathBuf::from(data(""));
    let evidence = mapped(&matrix, &root);
    let faults: Vec<Injection> = evidence.rows::<Injection>("t").expect("rows").iter().map(|(_, f)| f).collect();
    assert_eq!(faults.len(), 1);
    let fault = &faults[0];
    assert_eq!((fault.start_lo.0, fault.start_hi.0), (30, 35));
    assert_eq!((fault.stop_lo.map(|t| t.0), fault.stop_hi.map(|t| t.0)), (Some(80), Some(85)));
    assert_eq!(evidence.texts(fault.targets), ["n1", "n2", "n3"]);
}

struct Below(PathBuf);

impl Files for Below {
    fn open(&self, path: &str) -> std::io::Result<Option<Box<dyn Read + Send>>> {
        Ok(Some(Box::new(fs::File::open(self.0.join(path))?)))
    }
}

fn matrix(kind: &str, path: &str, more: &str) -> String {
    format!(
        "schema = \"quorate-matrix/1\"\ncontract = \"contract.toml\"\nevidence-root = \".\"\n[[test]]\nid = \"t\"\nfault = \"f\"\n\
         method = \"m\"\nmodel = \"crash\"\nlayer = \"process\"\nexpected = \"e\"\nrequires = []\n[[test.evidence]]\nkind = \"{kind}\"\n\
         path = \"{path}\"\norigin = \"client\"\nclock = {{ kind = \"monotonic\", id = \"c\" }}\n{more}"
    )
}

/// Evidence of a mapping, taken to be whole.
fn mapped(text: &str, root: &Path) -> quorate::evidence::Evidence {
    let mut sources = Sources::default();
    let id = sources.add("matrix.toml", text);
    let matrix = parse_matrix(id, text, None).unwrap_or_else(|faults| panic!("{faults:?}"));
    let mut evidence = read(&matrix, &Below(root.to_path_buf()), 2).unwrap_or_else(|e| panic!("{}", e.render(&sources, false)));
    for artifact in &mut evidence.artifacts {
        artifact.state = State::Whole;
    }
    evidence
}

/// The cases folder, beside the project or beside its worktrees.
fn cases() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = ["../shared/cases", "../../shared/cases"].iter().map(|p| root.join(p)).find(|p| p.join("EXPECTED.tsv").exists());
    if found.is_none() {
        eprintln!("SKIPPED: there is no ../shared/cases");
    }
    found
}

#[test]
fn all_cases_of_single_objects_get_their_verdict() {
    let Some(root) = cases() else { return };
    let expected = fs::read_to_string(root.join("EXPECTED.tsv")).expect("readable");
    let mut judged = 0;
    for row in expected.lines().skip(1) {
        let cells: Vec<&str> = row.split('\t').collect();
        let code = match cells[3] {
            "valid" => 0,
            "invalid" => 1,
            _ => continue,
        };
        let path = root.join(cells[0]);
        if !path.is_file() || cells[1] == "jsonl" {
            continue;
        }
        says(&[&path.to_string_lossy()], code, &["read as"]);
        judged += 1;
    }
    assert!(judged > 100, "{judged} cases");
    let rabbit = root.join("jepsen-rabbitmq/history.edn");
    says(&[&rabbit.to_string_lossy(), "--nil-read", "any"], 1, &["3 of 3 keys", "nil-read any"]);
}

#[test]
fn all_client_files_of_an_etcd_run_are_one_history() {
    let Some(root) = cases() else { return };
    for run in fs::read_dir(root.join("etcd-robustness/2023-06")).expect("runs").flatten() {
        let clients = fs::read_dir(run.path()).expect("clients").flatten().map(|c| c.path().join("operations.json"));
        let mut files: Vec<String> = clients.filter(|f| f.exists()).map(|f| f.to_string_lossy().into_owned()).collect();
        files.sort();
        let args: Vec<&str> = files.iter().map(String::as_str).collect();
        says(&args, 0, &["LINEARIZABLE", "its revisions force the order"]);
        says(&args[1..], 2, &["UNDECIDED"]);
    }
}

#[test]
fn transactional_cases_are_refused() {
    let Some(root) = cases() else { return };
    for name in [
        "elle/rw-register.edn",
        "elle/rw-register.json",
        "elle/list-append-gh-30.edn",
        "elle/paper-example.edn",
        "jepsen/long-fork.edn",
        "jepsen/bank.edn",
    ] {
        says(&[&root.join("elle").join(name).to_string_lossy()], 4, &["transactional history, not supported yet"]);
    }
}

const ETCD: &str = r#"
whole = { covers-run-within = "1s" }
[test.evidence.fields]
client = "client"
op = { from = "f", values = { get = "read", put = "write", cas = "cas" } }
key = "key"
value = "value"
expected = "old"
version = "mod_rev"
invoke = "invoke"
return = "response"
result = "result"
"#;

#[test]
fn recorded_runs_get_their_verdict_by_a_mapping() {
    let Some(root) = cases() else { return };
    for (run, answer) in [
        ("etcd-kill", Answer::Linearizable),
        ("etcd-partition", Answer::Linearizable),
        ("etcd-partition-stale-reads", Answer::NotLinearizable),
        ("etcd-pause-blind-retry", Answer::Linearizable),
    ] {
        let evidence = mapped(&matrix("history", &format!("recorded/{run}/history.jsonl"), ETCD), &root);
        let loaded = Loaded { evidence, test: "t".into(), files: Vec::new(), assumed: Vec::new() };
        let checked = check::judge(&Ask::default(), &loaded, &AtomicBool::new(false)).expect("judged");
        assert_eq!(checked.answer, answer, "{run}: {:?}", checked.why);
        if answer == Answer::NotLinearizable {
            assert_eq!(checked.keys.iter().filter(|k| k.answer == answer).count(), 8);
        }
    }
}

/// A put of etcd with these times and this revision.
fn put(call: i64, back: i64, revision: i64, key: &str) -> String {
    let line = fs::read_to_string(data("etcd-client-1.json")).expect("fixture");
    let line = line.lines().next().expect("a line").replace("{\"Key\":\"k\",\"ExpectedRevision\":0}", "");
    let line = line.replace("\"Call\":10", &format!("\"Call\":{call}")).replace("\"Return\":20", &format!("\"Return\":{back}"));
    line.replace("\"Revision\":2", &format!("\"Revision\":{revision}")).replace("\"Key\":\"k\"", &format!("\"Key\":\"{key}\""))
        + "\n"
}

/// A read of etcd of the keys from `start` to `end`, answered with a count and one key.
fn range(times: (i64, i64), keys: (&str, &str), count: i64, revisions: (i64, i64)) -> String {
    let ((call, back), (start, end), (revision, wrote)) = (times, keys, revisions);
    format!(
        "{{\"ClientId\":2,\"Input\":{{\"Type\":\"range\",\"Range\":{{\"Start\":\"{start}\",\"End\":\"{end}\",\"Limit\":1,\"Revision\":0}},\"Txn\":null,\"Defragment\":null}},\
         \"Call\":{call},\"Output\":{{\"Txn\":null,\"Range\":{{\"KVs\":[{{\"Key\":\"{start}\",\"Value\":{{\"Value\":\"a\",\"Hash\":0}},\"ModRevision\":{wrote}}}],\"Count\":{count}}},\
         \"Revision\":{revision},\"PartialResponse\":false,\"Error\":\"\"}},\"Return\":{back}}}\n"
    )
}

#[test]
fn no_operation_of_etcd_is_left_out() {
    let sound = format!("{}{}", put(10, 20, 2, "k"), put(30, 40, 3, "k"));
    says(&[&scratch("etcd-sound.json", sound.as_bytes())], 0, &["2 successful of 2 operations"]);
    let stale = |time: i64| format!("{sound}{}", range((time, time + 1), ("k", ""), 1, (2, 2)));
    says(&[&scratch("etcd-stale.json", stale(50).as_bytes())], 1, &["✖ etcd-stale.json:3"]);
    says(&[&scratch("etcd-late.json", stale(1 << 60).as_bytes())], 1, &["✖ etcd-late.json:3"]);
    says(&[&scratch("etcd-later.json", stale((1 << 61) + 1).as_bytes())], 4, &["etcd-later.json:3: the Call", "2^61 ns"]);
    let early = format!("{sound}{}", range((-(1 << 61) - 1, 50), ("k", ""), 1, (2, 2)));
    says(&[&scratch("etcd-early.json", early.as_bytes())], 4, &["etcd-early.json:3: the Call"]);
    // The write that stands for the empty store finds no earlier time, and nothing is lost by that.
    let first = format!("{}{}", put(-(1 << 61), -(1 << 61) + 1, 2, "k"), range((0, 1), ("k", ""), 1, (2, 2)));
    says(&[&scratch("etcd-first.json", first.as_bytes()), "--skew", "1s"], 0, &["2 successful of 2 operations"]);
}

#[test]
fn a_wrong_answer_of_etcd_is_told_in_its_own_words() {
    let second = put(30, 40, 3, "k2").replace("\"Value\":\"a\"", "\"Value\":\"b\"");
    let puts = format!("{}{second}", put(10, 20, 2, "k"));
    let told = |name: &str, answer: String, part: &str| {
        says(&[&scratch(name, format!("{puts}{answer}").as_bytes())], 1, &[part, &format!("✖ {name}:3")]);
    };
    told(
        "etcd-count.json",
        range((50, 60), ("k", "z"), 1, (3, 2)),
        "it counts 1 keys in its range, the store held 2 (revision 3)",
    );
    told("etcd-key.json", range((50, 60), ("k3", ""), 1, (3, 2)), "it counts 1 keys in its range, the store held 0 (revision 3)");
    let other = range((50, 60), ("k2", ""), 1, (3, 3));
    told("etcd-value.json", other, "it answers k2 = a of revision 3, the store held k2 = b of revision 3");
}

#[cfg(unix)]
#[test]
fn the_page_spares_evidence_and_what_is_no_file() {
    use std::os::unix::fs::{FileTypeExt, symlink};
    let rows = jsonl(&[("a", "write", "1", 0, Some(1))]);
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("check-page");
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(dir.join("folder")).expect("made");
    let at = |name: &str| dir.join(name).to_string_lossy().into_owned();
    fs::write(at("a.jsonl"), &rows).expect("written");
    fs::write(at("b.jsonl"), jsonl(&[("b", "read", "1", 2, Some(3))])).expect("written");
    symlink("b.jsonl", at("link.jsonl")).expect("linked");
    fs::hard_link(at("a.jsonl"), at("hard.html")).expect("linked");
    for page in ["a.jsonl", "folder/../a.jsonl", "b.jsonl", "link.jsonl", "hard.html"] {
        says(&[&at("a.jsonl"), &at("link.jsonl"), "--html", &at(page)], 64, &["would write over", "help: name another file"]);
    }
    assert_eq!(fs::read_to_string(at("a.jsonl")).expect("there"), rows);
    says(&[&at("a.jsonl"), "--html", &at("folder")], 64, &["is a folder"]);
    fs::write(at("page.html.part"), "another's").expect("written");
    says(&[&at("a.jsonl"), "--html", &at("page.html")], 0, &[]);
    assert_eq!(fs::read_to_string(at("page.html.part")).expect("there"), "another's");
    let pipe = at("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo runs").success());
    let reader = std::thread::spawn({
        let pipe = pipe.clone();
        move || fs::read_to_string(pipe).expect("read")
    });
    says(&[&at("a.jsonl"), "--html", &pipe], 0, &[]);
    assert!(reader.join().expect("ended").contains("<!doctype html>"));
    assert!(fs::symlink_metadata(&pipe).expect("there").file_type().is_fifo());
    let names: Vec<String> =
        fs::read_dir(&dir).expect("there").map(|e| e.expect("there").file_name().into_string().expect("text")).collect();
    assert_eq!(names.iter().filter(|name| name.ends_with(".part")).count(), 1, "{names:?}");
}

#[cfg(unix)]
#[test]
fn a_link_that_the_user_names_is_followed() {
    let file = scratch("run.jsonl", jsonl(&[("a", "write", "1", 0, Some(1))]).as_bytes());
    let link = Path::new(&file).with_file_name("latest.jsonl");
    let _ = fs::remove_file(&link);
    std::os::unix::fs::symlink("run.jsonl", &link).expect("linked");
    says(&[&link.to_string_lossy()], 0, &["latest.jsonl: read as jsonl"]);
    let folder = text(&quorate(&[&data("")]));
    assert!(folder.contains("is a folder") && !folder.contains("1 |"), "{folder}");
    says(&[""], 4, &["there is no file ``"]);
}

#[test]
fn evidence_prints_no_line_of_its_own() {
    let key = "k\\n\\nLINEARIZABLE: 2 successful of 2 operations, 1 keys\\n  \\u202e\\u200b\\u0085";
    let line = |op: &str, value: &str, at: u64| {
        format!(
            "{{\"client\":\"a\\r\\nb\\tc\",\"op\":\"{op}\",\"key\":\"{key}\",\"value\":\"{value}\",\"invoke\":{at},\"return\":{},\"result\":\"ok\"}}\n",
            at + 1
        )
    };
    let file = scratch("forge.jsonl", format!("{}{}", line("write", "x\\ny", 0), line("read", "\\nz", 2)).as_bytes());
    let page = format!("{file}.html");
    let output = quorate(&[&file, "--html", &page]);
    let (out, html) = (text(&output), fs::read_to_string(&page).expect("written"));
    assert_eq!(output.status.code(), Some(1), "{out}");
    assert!(!out.lines().any(|line| line.starts_with("LINEARIZABLE")), "{out}");
    for text in [&out, &html] {
        assert!(
            text.contains("k\\u{a}\\u{a}LINEARIZA") && text.contains("\\u{d}\\u{a}b\\u{9}c") && text.contains("read \\u{a}z"),
            "{text}"
        );
        assert!(!text.chars().any(|c| matches!(c, '\u{202e}' | '\u{200b}' | '\u{85}' | '\r' | '\t')), "{text}");
    }
    let bad = quorate(&[&scratch("forge.edn", "{:process \"a\nLINEARIZABLE\n\", :type :ok, :f :read, :value 1}".as_bytes())]);
    let bad = text(&bad);
    assert!(bad.contains("a\\u{a}LINEARIZABLE\\u{a}") && !bad.lines().any(|line| line == "LINEARIZABLE"), "{bad}");
}

#[test]
fn long_names_are_cut_and_lines_fit_the_terminal() {
    let long = format!("first{}last", "x".repeat(50_000));
    let row = |op: &str, value: i64, at: i64| {
        format!(
            "{{\"client\":\"{long}\",\"op\":\"{op}\",\"key\":\"{long}\",\"value\":{value},\"invoke\":{at},\"return\":{},\"result\":\"ok\"}}\n",
            at + 1
        )
    };
    let file =
        scratch("long-names.jsonl", format!("{}{}{}", row("write", 1, 0), row("write", 2, 2), row("read", 1, 4)).as_bytes());
    let out = text(&quorate(&[&file]));
    assert!(
        out.lines().all(|line| line.chars().count() < 240) && out.contains("key firstxxxx") && out.contains("xxxlast"),
        "{out}"
    );
    for columns in ["72", "100", "300"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_quorate"));
        let out = text(&command.args(["check", &file]).env("COLUMNS", columns).output().expect("the binary runs"));
        let bars: Vec<&str> = out.lines().filter(|line| line.contains('├')).collect();
        let columns = columns.parse::<usize>().expect("a number");
        assert!(bars.len() == 3 && bars.iter().all(|line| line.chars().count() <= columns), "{out}");
    }
}

/// Events of one process, in EDN.
fn events(lines: &[&str]) -> String {
    lines.iter().map(|line| format!("{{:process 0, {line}}}\n")).collect()
}

#[test]
fn what_a_read_found_must_be_recorded() {
    let write = [":type :invoke, :f :write, :value 1", ":type :ok, :f :write, :value 1", ":type :invoke, :f :read"];
    let edn = |last: &str| events(&[&write[..], &[last]].concat());
    let said = "no-value.edn:4: a read came back without a :value";
    says(&[&scratch("no-value.edn", edn(":type :ok, :f :read").as_bytes())], 4, &[said, "`:value nil`"]);
    says(&[&scratch("nil-value.edn", edn(":type :ok, :f :read, :value nil").as_bytes())], 1, &["nil-read absent"]);
    says(&[&scratch("failed-read.edn", edn(":type :fail, :f :read").as_bytes())], 0, &["1 successful"]);
    let log = "0\t:invoke\t:dequeue\n0\t:ok\t:dequeue\n";
    says(&[&scratch("no-value.txt", log.as_bytes())], 4, &["no-value.txt:2: a dequeue came back without a :value"]);
    let other = events(&[":type :invoke, :f :decrement, :value 1", ":type :ok, :f :increment, :value 1"]);
    says(
        &[&scratch("other.edn", other.as_bytes())],
        4,
        &["an operation :increment completes one that was invoked as :decrement"],
    );
}

#[test]
fn forms_are_named_by_the_line_they_begin_on() {
    let file = scratch("list.edn", b"{:process 0, :type :invoke, :f :read, :value nil}\n[1\n 2\n 3]\n");
    says(&[&file], 4, &["list.edn:2: expected a map"]);
    says(
        &[&scratch("nul.edn", b"{:process 0, :type :invoke, :f :write, :value \"a\0b\"}")],
        4,
        &["nul.edn:1: byte ", "a NUL byte"],
    );
    let bom = "\u{feff}{:process 0, :type :invoke, :f :read, :value nil}";
    says(&[&scratch("bom.edn", bom.as_bytes())], 4, &["starts with a byte order mark", "help: write UTF-8 without one"]);
    let pretty =
        "[\n  {\n    \"process\" : 0,\n    \"type\" : \"invoke\",\n    \"f\" : \"read\",\n    \"value\" : null\n  }\n]\n";
    says(&[&scratch("pretty.json", pretty.as_bytes())], 2, &["read as jepsen-json (guessed)"]);
}

#[test]
fn nothing_stands_after_the_end_mark() {
    let whole = fs::read_to_string(data("header.jsonl")).expect("fixture");
    let row = whole.lines().nth(1).expect("a record");
    let joined = format!("{whole}{row}\n");
    let end = whole.lines().count();
    says(
        &[&scratch("joined.jsonl", joined.as_bytes())],
        4,
        &[&format!("joined.jsonl:{end}: the end mark stands before the last record")],
    );
}

#[test]
fn what_is_odd_is_noted() {
    let line = |key: &str, op: &str, at: u64| {
        format!(
            "{{\"client\":\"a\",\"process\":\"p\",\"op\":\"{op}\",{key}\"value\":1,\"invoke\":{at},\"return\":{},\"result\":\"ok\"}}\n",
            at + 2
        )
    };
    let two = |key: &str, second: u64| format!("{}{}", line(key, "write", 0), line(key, "read", second));
    let kee = two("\"kee\":\"k\",", 2);
    says(
        &[&scratch("kee.jsonl", kee.as_bytes())],
        0,
        &["the field `kee` of 2 records is not looked at: is it `key`?", "no record names a key"],
    );
    let overlap = scratch("overlap.jsonl", two("\"key\":\"k\",", 1).as_bytes());
    says(&[&overlap], 0, &["1 operations begin before the last one of their process came back, such as ", "overlap.jsonl:2"]);
    let quiet = text(&quorate(&[&scratch("quiet.jsonl", two("\"key\":\"k\",", 2).as_bytes())]));
    assert!(!quiet.contains("names a key") && !quiet.contains("begin before") && !quiet.contains("looked at"), "{quiet}");
    says(&[&overlap, "--keyed"], 64, &["`--keyed` goes with Jepsen's formats"]);
    let back =
        "{\"client\":\"a\",\"op\":\"write\",\"key\":\"k\",\"value\":1,\"invoke\":10,\"return\":1,\"result\":\"unknown\"}\n";
    says(&[&scratch("back.jsonl", back.as_bytes())], 4, &["back.jsonl:1: ", "came back before it was invoked"]);
}

#[test]
fn one_file_under_two_names_is_given_twice() {
    let rows = jsonl(&[("a", "write", "1", 0, Some(1))]);
    let plain = scratch("same.jsonl", rows.as_bytes());
    let packed = scratch("same-packed.jsonl.gz", &gzip(rows.as_bytes()));
    let dotted = plain.replace("/check/", "/check/./");
    says(&[&plain, &dotted], 64, &["given twice"]);
    says(&[&plain, &packed], 64, &["hold the same bytes when unpacked"]);
    let other = scratch("same-not.jsonl", jsonl(&[("b", "read", "1", 2, Some(3))]).as_bytes());
    says(&[&plain, &other], 0, &["2 successful"]);
}
