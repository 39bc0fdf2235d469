//! What people see when a contract or matrix is wrong: every fault at once, each with file, line, column, caret and help.

use quorate::contract::{contract_schema, matrix_schema, parse_contract, parse_matrix};
use quorate::error::{Error, ErrorKind, Fault};
use quorate::gate::bind;
use quorate::source::Sources;

const CONTRACT: &str = include_str!("data/gates/contract.toml");

fn faults(contract: &str, matrix: &str) -> String {
    let mut sources = Sources::default();
    let (c, m) = (sources.add("contracts/x/contract.toml", contract), sources.add("contracts/x/matrix.toml", matrix));
    let parsed = parse_contract(c, contract);
    let tests = parse_matrix(m, matrix, parsed.as_ref().ok());
    let all: Vec<Fault> = match (parsed, tests) {
        (Ok(contract), Ok(matrix)) => bind(&contract, &matrix).err().unwrap_or_default(),
        (a, b) => a.err().into_iter().chain(b.err()).flatten().collect(),
    };
    Error { kind: ErrorKind::Contract, faults: all }.render(&sources, false)
}

const MATRIX: &str = r#"
schema = "quorate-matrix/1"
contract = "contract.toml"
evidence-root = "."

[[test]]
id = "t1"
fault = "kill"
method = "SIGKILL"
model = "crash"
layer = "process"
expected = "a new leader"
requires = ["history"]
[[test.evidence]]
kind = "history"
path = "history.jsonl"
"#;

#[test]
fn a_good_contract_has_no_fault() {
    assert_eq!(faults(CONTRACT, MATRIX).trim(), "");
}

#[test]
fn every_fault_is_shown_at_once() {
    let contract = CONTRACT
        .replace("owner ", "ownr ")
        .replace("fault-model       = \"crash\"", "fault-model       = \"crush\"")
        .replace("recovery  = \"3s\"", "recovery  = \"3\"")
        .replace("trigger   = \"> 2 for 10s\"", "trigger   = \"too many\"")
        .replace("slo    = 0.999", "slo    = 99.9");
    insta::assert_snapshot!(faults(&contract, MATRIX));
}

#[test]
fn faults_across_files_point_at_both() {
    let matrix = MATRIX
        .replace("path = \"history.jsonl\"", "path = \"../secret.jsonl\"\nendpoint = \"comands\"")
        .replace("id = \"t1\"", "id = \"t2\"");
    insta::assert_snapshot!(faults(CONTRACT, &matrix));
}

#[test]
fn names_of_gates_and_kinds_are_bound() {
    let contract = format!("{CONTRACT}\n[[exclusion]]\ngate = \"log.no-los\"\nreason = \"why not\"\n");
    let matrix = MATRIX.replace("requires = [\"history\"]", "requires = [\"histroy\"]");
    insta::assert_snapshot!(faults(&contract, &matrix));
}

#[test]
fn skews_and_rows_of_the_partition_matrix_are_checked() {
    let skew =
        |between: &str, bound: &str| format!("\n[[skew]]\nbetween = [{between}]\nbound = \"{bound}\"\nbasis = \"chrony\"\n");
    let matrix = MATRIX.replace("requires = [\"history\"]", "partition = [\"P2\", \"P6\"]\nrequires = [\"history\"]");
    let matrix = format!("{matrix}{}{}", skew("\"a\", \"a\"", "5ms"), skew("\"a\", \"b\"", "0s"));
    let contract = CONTRACT.replace("= 1\n", "= 0\n").replace("[telemetry]\n", "[telemetry]\nsample-pause = \"0s\"\n");
    insta::assert_snapshot!(faults(&contract, MATRIX));
    insta::assert_snapshot!(faults(CONTRACT, &matrix));
}

#[test]
fn broken_toml_is_named() {
    insta::assert_snapshot!(faults("schema = \"quorate-contract/1\"\n[release\nservice = 1\nservice = 2", MATRIX));
}

#[test]
fn hostile_texts_do_not_panic() {
    for text in [
        "",
        "\u{0}",
        "a = [[[[[[",
        "\u{202e}=1",
        &"[a]\n".repeat(1000),
        &format!("a = {}1{}", "[".repeat(50_000), "]".repeat(50_000)),
    ] {
        faults(text, text);
    }
}

#[test]
fn schemas_are_closed_and_complete() {
    for schema in [contract_schema(), matrix_schema()] {
        assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
        assert_eq!(schema["additionalProperties"], false);
        assert!(schema["properties"].as_object().is_some_and(|p| p.len() > 3));
    }
}
