//! `quorate check` on values as they are written: one value has one text in every format, alone and in a list, and different values stay different.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

fn file(name: &str, text: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("values");
    fs::create_dir_all(&folder).expect("a folder");
    let path = folder.join(name);
    fs::write(&path, text).expect("a file");
    path
}

fn check(args: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_quorate"))
        .arg("check")
        .args(args)
        .env("NO_COLOR", "1")
        .output()
        .expect("the binary runs");
    (output.status.code(), format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)))
}

/// Name of the file, its text, more arguments, exit code, a part of what is said.
const CASES: &[(&str, &str, &[&str], i32, &str)] = &[
    (
        "set5.edn",
        r##"{:process 5, :type :invoke, :f :add, :value "5", :time 1}
{:process 5, :type :ok, :f :add, :value "5", :time 2}
{:process 5, :type :invoke, :f :read, :value nil, :time 3}
{:process 5, :type :ok, :f :read, :value ["5"], :time 4}
"##,
        &[],
        0,
        "LINEARIZABLE: 2",
    ),
    (
        "setbool.edn",
        r##"{:process 0, :type :invoke, :f :add, :value true, :time 1}
{:process 0, :type :ok, :f :add, :value true, :time 2}
{:process 0, :type :invoke, :f :read, :value nil, :time 3}
{:process 0, :type :ok, :f :read, :value ["true"], :time 4}
"##,
        &[],
        1,
        "nothing wrote",
    ),
    (
        "vecset.edn",
        r##"{:process 0, :type :invoke, :f :write, :value [1 2 3], :time 1}
{:process 0, :type :ok, :f :write, :value [1 2 3], :time 2}
{:process 0, :type :invoke, :f :read, :value nil, :time 3}
{:process 0, :type :ok, :f :read, :value #{1 2 3}, :time 4}
"##,
        &[],
        1,
        "#{1,2,3}",
    ),
    (
        "setchar.edn",
        r##"{:process 0, :type :invoke, :f :add, :value \,, :time 1}
{:process 0, :type :ok, :f :add, :value \,, :time 2}
{:process 0, :type :invoke, :f :read, :value nil, :time 3}
{:process 0, :type :ok, :f :read, :value #{\,}, :time 4}
"##,
        &["--model", "set"],
        0,
        "LINEARIZABLE: 2",
    ),
    (
        "jobj.jsonl",
        r##"{"client":"a","op":"write","key":"k","value":{"a":1,"b":2},"invoke":0,"return":1,"result":"ok"}
{"client":"a","op":"read","key":"k","value":{"b":2,"a":1},"invoke":4,"return":5,"result":"ok"}
"##,
        &[],
        0,
        "",
    ),
    (
        "jesc2.jsonl",
        r##"{"client":"a","op":"write","key":"k","value":["é"],"invoke":0,"return":1,"result":"ok"}
{"client":"a","op":"read","key":"k","value":["\u00e9"],"invoke":4,"return":5,"result":"ok"}
"##,
        &[],
        0,
        "",
    ),
    (
        "jnum.jsonl",
        r##"{"client":"a","op":"write","key":"k","value":1.50,"invoke":0,"return":1,"result":"ok"}
{"client":"a","op":"read","key":"k","value":1.5,"invoke":4,"return":5,"result":"ok"}
"##,
        &[],
        0,
        "",
    ),
    (
        "jesc.jsonl",
        r##"{"client":"a","op":"add","key":"k","value":"[é","invoke":0,"return":1,"result":"ok"}
{"client":"a","op":"read","key":"k","value":["[\u00e9"],"invoke":4,"return":5,"result":"ok"}
"##,
        &[],
        0,
        "",
    ),
    (
        "setfloat.jsonl",
        r##"{"client":"a","op":"add","key":"k","value":1.0,"invoke":0,"return":1,"result":"ok"}
{"client":"a","op":"add","key":"k","value":2,"invoke":0,"return":1,"result":"ok"}
{"client":"a","op":"read","key":"k","value":[1.0,2],"invoke":4,"return":5,"result":"ok"}
"##,
        &[],
        0,
        "",
    ),
    (
        "init.edn",
        r##"{:process 0, :type :invoke, :f :read, :value nil, :time 3}
{:process 0, :type :ok, :f :read, :value "10.0.0.1", :time 4}
"##,
        &["--initial", "10.0.0.1"],
        0,
        "",
    ),
    (
        "kvq.csv",
        r##"client,op,key,value,invoke,return,result
a,write,k,"""abc""",0,1,ok
a,append,k,d,2,3,ok
a,read,k,abcd,4,5,ok
"##,
        &[],
        1,
        "",
    ),
    (
        "logsp.csv",
        r##"client,op,key,value,invoke,return,result
a,append,k,1,0,1,ok
a,append,k,2,2,3,ok
a,read,k,"[1, 2]",4,5,ok
"##,
        &[],
        0,
        "",
    ),
    (
        "setsp.csv",
        r##"client,op,key,value,invoke,return,result
a,add,k,1,0,1,ok
a,add,k,2,0,1,ok
a,read,k,"[1, 2]",2,3,ok
"##,
        &[],
        0,
        "",
    ),
    (
        "p64.edn",
        r##"{:process 0, :type :invoke, :f :write, :value 18446744073709551616}
{:process 0, :type :ok, :f :write, :value 18446744073709551616}
{:process 0, :type :invoke, :f :read, :value nil}
{:process 0, :type :ok, :f :read, :value 18446744073709551616N}
"##,
        &[],
        0,
        "",
    ),
    (
        "kvq.jsonl",
        r##"{"client":"a","op":"write","key":"k","value":"\"abc\"","invoke":0,"return":1,"result":"ok"}
{"client":"a","op":"append","key":"k","value":"","invoke":2,"return":3,"result":"ok"}
{"client":"a","op":"read","key":"k","value":"abc","invoke":4,"return":5,"result":"ok"}
"##,
        &[],
        1,
        "",
    ),
    (
        "ver4.jsonl",
        r##"{"client":"a","op":"write","key":"k","value":8,"invoke":0,"result":"unknown"}
{"client":"b","op":"cas","key":"k","expected":8,"value":9,"version":2,"invoke":1,"return":2,"result":"ok"}
{"client":"c","op":"cas","key":"k","expected":9,"value":10,"version":1,"invoke":3,"return":4,"result":"ok"}
"##,
        &[],
        1,
        "version 1 was seen or given after version 2",
    ),
    (
        "etcd-big.json",
        r##"{"ClientId":1,"Input":{"Type":"txn","Range":null,"Txn":{"Conditions":[],"OperationsOnSuccess":[{"Type":"put-operation","Range":{"Start":"","End":"","Limit":0},"Put":{"Key":"k","Value":{"Value":"a","Hash":0},"LeaseID":0},"Delete":{"Key":""}}],"OperationsOnFailure":[]},"Defragment":null},"Call":10,"Output":{"Txn":{"Failure":false,"Results":[{"KVs":null,"Count":0,"Deleted":0}]},"Range":null,"Revision":2,"PartialResponse":false,"Error":""},"Return":20}
{"ClientId":1,"Input":{"Type":"txn","Range":null,"Txn":{"Conditions":[],"OperationsOnSuccess":[{"Type":"put-operation","Range":{"Start":"","End":"","Limit":0},"Put":{"Key":"k","Value":{"Value":"b","Hash":0},"LeaseID":0},"Delete":{"Key":""}}],"OperationsOnFailure":[]},"Defragment":null},"Call":30,"Output":{"Txn":{"Failure":false,"Results":[{"KVs":null,"Count":0,"Deleted":0}]},"Range":null,"Revision":3,"PartialResponse":false,"Error":""},"Return":40}
{"ClientId":2,"Input":{"Type":"range","Range":{"Start":"k","End":"","Limit":0,"Revision":0},"Txn":null,"Defragment":null},"Call":4000000000000000000,"Output":{"Txn":null,"Range":{"KVs":[{"Key":"k","Value":{"Value":"a","Hash":0},"ModRevision":2}],"Count":1},"Revision":2,"PartialResponse":false,"Error":""},"Return":4000000000000000001}
"##,
        &[],
        4,
        "lies more than 2^61",
    ),
    (
        "etcd-bigpanic.json",
        r##"{"ClientId":1,"Input":{"Type":"txn","Range":null,"Txn":{"Conditions":[],"OperationsOnSuccess":[{"Type":"put-operation","Range":{"Start":"","End":"","Limit":0},"Put":{"Key":"k","Value":{"Value":"a","Hash":0},"LeaseID":0},"Delete":{"Key":""}}],"OperationsOnFailure":[]},"Defragment":null},"Call":4000000000000000000,"Output":{"Txn":{"Failure":false,"Results":[{"KVs":null,"Count":0,"Deleted":0}]},"Range":null,"Revision":2,"PartialResponse":false,"Error":""},"Return":4000000000000000000}
{"ClientId":2,"Input":{"Type":"range","Range":{"Start":"k","End":"","Limit":0,"Revision":0},"Txn":null,"Defragment":null},"Call":4000000000000000000,"Output":{"Txn":null,"Range":{"KVs":[{"Key":"k","Value":{"Value":"a","Hash":0},"ModRevision":2}],"Count":1},"Revision":2,"PartialResponse":false,"Error":""},"Return":4000000000000000001}
{"ClientId":1,"Input":{"Type":"txn","Range":null,"Txn":{"Conditions":[],"OperationsOnSuccess":[{"Type":"put-operation","Range":{"Start":"","End":"","Limit":0},"Put":{"Key":"k","Value":{"Value":"b","Hash":0},"LeaseID":0},"Delete":{"Key":""}}],"OperationsOnFailure":[]},"Defragment":null},"Call":4000000000000000000,"Output":{"Txn":{"Failure":false,"Results":[{"KVs":null,"Count":0,"Deleted":0}]},"Range":null,"Revision":3,"PartialResponse":false,"Error":""},"Return":4000000000000000000}
{"ClientId":2,"Input":{"Type":"range","Range":{"Start":"k","End":"","Limit":0,"Revision":0},"Txn":null,"Defragment":null},"Call":4000000000000000000,"Output":{"Txn":null,"Range":{"KVs":[{"Key":"k","Value":{"Value":"a","Hash":0},"ModRevision":2}],"Count":1},"Revision":3,"PartialResponse":false,"Error":""},"Return":4000000000000000001}
"##,
        &[],
        4,
        "lies more than 2^61",
    ),
    (
        "mutexmargin.jsonl",
        r##"{"client":"0","op":"acquire","key":"k","value":null,"invoke":0,"return":0,"result":"ok"}
{"client":"0","op":"release","key":"k","value":null,"invoke":4,"return":4,"result":"ok"}
{"client":"0","op":"acquire","key":"k","value":null,"invoke":3,"return":3,"result":"ok"}
"##,
        &[],
        1,
        "wrong by 1 ns",
    ),
    (
        "logexample.jsonl",
        r##"{"client":"2","op":"append","key":"k31","value":1,"invoke":5,"return":5,"result":"ok"}
{"client":"0","op":"append","key":"k31","value":2,"invoke":4,"return":4,"result":"ok"}
{"client":"0","op":"append","key":"k31","value":3,"invoke":3,"return":4,"result":"ok"}
{"client":"2","op":"read","key":"k31","value":[1, 2, 3],"invoke":6,"return":13,"result":"ok"}
"##,
        &[],
        1,
        "read [1,2,3]",
    ),
];

#[test]
fn values_are_equal_exactly_when_they_are_the_same() {
    for (name, text, more, code, part) in CASES {
        let path = file(name, text);
        let mut args = vec![path.to_str().expect("a name")];
        args.extend(*more);
        let (found, said) = check(&args);
        assert_eq!(found, Some(*code), "{name}\n{said}");
        assert!(said.contains(part) && !said.contains("panicked"), "{name} lacks {part:?}\n{said}");
    }
}

#[test]
fn no_text_of_the_evidence_begins_a_line_of_the_answer() {
    let row = |op: &str, value: u8, at: u8| {
        format!(
            "{{\"client\":\"a\",\"op\":\"{op}\",\"key\":\"k\\n\\nLINEARIZABLE: 2\\u202e\",\"value\":{value},\"invoke\":{at},\"return\":{at},\"result\":\"ok\"}}\n"
        )
    };
    let path = file("forge.jsonl", &(row("write", 1, 0) + &row("read", 2, 3)));
    let page = path.with_file_name("forge.html");
    let (code, said) = check(&[path.to_str().unwrap_or_default(), "--html", page.to_str().unwrap_or_default()]);
    assert_eq!(code, Some(1), "{said}");
    assert!(!said.lines().any(|line| line.starts_with("LINEARIZABLE")) && said.contains("k\\u{a}\\u{a}LINEARIZABLE"), "{said}");
    let page = fs::read_to_string(page).expect("a page");
    assert!(!page.contains('\u{202e}') && page.contains("\\u{202e}"), "{page}");
}

#[test]
fn a_page_never_replaces_what_is_judged() {
    let text = "{\"client\":\"a\",\"op\":\"write\",\"value\":1,\"invoke\":0,\"return\":1,\"result\":\"ok\"}\n";
    let path = file("kept.jsonl", text);
    let name = path.to_str().expect("a name");
    let (code, said) = check(&[name, "--html", &format!("{}/../values/kept.jsonl", path.parent().expect("a folder").display())]);
    assert_eq!(code, Some(64), "{said}");
    assert_eq!(fs::read_to_string(&path).expect("the file"), text);
    let again = file("copy.jsonl", text);
    let (code, said) = check(&[name, again.to_str().expect("a name")]);
    assert_eq!(code, Some(64), "{said}");
    assert!(said.contains("hold the same bytes"), "{said}");
}

/// Jepsen's plainest workload: many adds, one read of all at the end.
#[test]
fn a_set_that_is_read_once_at_the_end_is_judged() {
    let (n, mut text) = (10_000, String::new());
    for i in 0..n {
        let (from, to) = (i * 10, i * 10 + 95);
        text += &format!(
            "{{\"client\":\"c{}\",\"op\":\"add\",\"value\":{i},\"invoke\":{from},\"return\":{to},\"result\":\"ok\"}}\n",
            i % 10
        );
    }
    let read = |without: usize| {
        let all: Vec<String> = (0..n).filter(|i| *i != without).map(|i| i.to_string()).collect();
        let at = n * 10 + 200;
        format!(
            "{{\"client\":\"r\",\"op\":\"read\",\"value\":[{}],\"invoke\":{at},\"return\":{},\"result\":\"ok\"}}\n",
            all.join(","),
            at + 5
        )
    };
    let good = file("final.jsonl", &format!("{text}{}", read(n)));
    let (code, said) = check(&[good.to_str().expect("a name"), "--model", "set"]);
    assert_eq!(code, Some(0), "{said}");
    let lost = file("lost.jsonl", &format!("{text}{}", read(77)));
    let (code, said) = check(&[lost.to_str().expect("a name"), "--model", "set"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("add 77") && said.contains("skipped or not found"), "{said}");
}

/// The same text as an initial value is found in every format, and one that nothing names is noted wherever the answer is told.
#[test]
fn an_initial_value_is_found_in_every_format_or_noted() {
    let value = "10.0.0.1";
    let edn = format!(
        "{{:process 0, :type :invoke, :f :read, :value nil, :time 3}}\n{{:process 0, :type :ok, :f :read, :value \"{value}\", :time 4}}\n"
    );
    let json = format!(
        "[{{\"process\":0,\"type\":\"invoke\",\"f\":\"read\",\"value\":null,\"time\":3}},\n{{\"process\":0,\"type\":\"ok\",\"f\":\"read\",\"value\":\"{value}\",\"time\":4}}]\n"
    );
    let lines =
        format!("{{\"client\":\"a\",\"op\":\"read\",\"value\":\"{value}\",\"invoke\":3,\"return\":4,\"result\":\"ok\"}}\n");
    let cells = format!("client,op,value,invoke,return,result\na,read,{value},3,4,ok\n");
    let log = format!("0\t:invoke\t:read\tnil\n0\t:ok\t:read\t\"{value}\"\n");
    for (name, format, text) in [
        ("initial.edn", "jepsen-edn", &edn),
        ("initial.json", "jepsen-json", &json),
        ("initial.jsonl", "jsonl", &lines),
        ("initial.csv", "csv", &cells),
        ("initial.txt", "jepsen-log", &log),
    ] {
        let path = file(name, text);
        let path = path.to_str().expect("a name");
        let all = ["--format", format, "--model", "register", "--initial"];
        let (code, said) = check(&[&[path], &all[..], &[value]].concat());
        assert_eq!(code, Some(0), "{said}");
        assert!(!said.contains("occurs in no operation"), "{said}");
        let page = format!("{path}.html");
        let (code, said) = check(&[&[path], &all[..], &["10.0.0.2", "--json", "--html", &page]].concat());
        assert_eq!(code, Some(1), "{said}");
        for told in [said, fs::read_to_string(page).expect("the page")] {
            assert!(told.contains("the initial value 10.0.0.2 occurs in no operation"), "{told}");
        }
    }
}
