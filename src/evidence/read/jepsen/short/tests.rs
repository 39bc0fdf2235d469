use super::super::super::edn::{Forms, Syntax};
use super::super::super::stream::Stream;
use super::super::super::unpack::Unpacked;
use proptest::prelude::*;
use std::io::Cursor;

/// What is read of a text, with the short way or without it, to its first fault; and how many events went the short way.
fn read(text: &str, short: bool, limit: usize) -> (String, usize) {
    let mut stream = Stream::new(Unpacked::new(Box::new(Cursor::new(text.as_bytes().to_vec()))), limit);
    let mut forms = Forms::new(&mut stream, Syntax::Edn);
    let (mut seen, mut taken) = (String::new(), 0);
    loop {
        let quick = if short { forms.short(super::event) } else { Ok(None) };
        let event = match quick {
            Ok(Some((line, event))) => {
                taken += 1;
                Ok(super::Event { line, ..event })
            }
            Ok(None) => match forms.next() {
                Ok(Some((line, form))) => super::super::event(form, line),
                Ok(None) => return (seen, taken),
                Err(problem) => return (format!("{seen}{problem:?}"), taken),
            },
            Err(problem) => return (format!("{seen}{problem:?}"), taken),
        };
        // What a later fault would show of this line.
        let line = event.as_ref().map_or(1, |event| event.line);
        let shown = forms.shown(super::super::Problem::new("", b"", None).on(u64::from(line) - 1));
        seen.push_str(&format!("{event:?} {shown:?}\n"));
    }
}

fn alike(text: &str) -> usize {
    let (whole, short) = (read(text, false, 1 << 20), read(text, true, 1 << 20));
    assert_eq!(whole.0, short.0, "{text}");
    let (whole, narrow) = (read(text, false, 40), read(text, true, 40));
    assert_eq!(whole.0, narrow.0, "{text}");
    short.1
}

#[test]
fn usual_events_go_the_short_way() {
    for line in [
        "{:process 0, :type :invoke, :f :read, :key 331, :value nil, :time 1000}\n",
        "{:type :ok :process 3 :f :cas :value [1 2]}\n",
        "{:process :nemesis, :type :info, :f :start, :value [\"n 1\" [-7 nil]], :error :timeout, :index 12}\n",
        "{:process 0, :type :ok}{:process 1, :type :ok}\n",
    ] {
        assert_eq!(alike(&line.repeat(3)), 3, "{line}");
    }
    // Over the ends of what is read at once.
    assert!(alike(&"{:process 0, :type :invoke, :f :read, :key 331, :value nil, :time 1000}\n".repeat(3000)) > 2990);
}

#[test]
fn unusual_events_are_read_alike() {
    let usual = "{:process 0, :type :invoke, :f :read, :value nil, :time 1}\n";
    for line in [
        "{:process 0, :type :ok, :type :ok}",
        "{:process 0}",
        "{:process 0, :type :okay}",
        "{:process 0, :type \"ok\"}",
        "{:process 0, :type:ok}",
        "{:process 0, :type:ok 1}",
        "{:process 0, :type :ok, :f.x 1}",
        "{:process 0, :type :ok, :value 5N}",
        "{:process 0, :type :ok, :value 007}",
        "{:process 0, :type :ok, :value -0}",
        "{:process 0, :type :ok, :value - }",
        "{:process 0, :type :ok, :value 9999999999999999999}",
        "{:process 0, :type :ok, :value 999999999999999999}",
        "{:process 0, :type :ok, :value 9223372036854775807}",
        "{:process 0, :type :ok, :value 5;comment\n}",
        "{:process 0, :type :ok, :value}",
        "{:process 0, :type :ok, :value nilly}",
        "{:process 0, :type :ok, :value nil, :time nil, :error nil}",
        "{:process 0, :type :ok, :value \"a\\\"b\"}",
        "{:process 0, :type :ok, :value \"ü\"}",
        "{:process 0, :type :ok, :value \"\u{7f}\"}",
        "{:process 0, :type :ok, :value \"a\u{0}b\"}",
        "{:process 0, :type :ok, :value [[[1]]]}",
        "{:process 0, :type :ok, :value [1 2",
        "{:process 0, :type :ok, :value [1 2}",
        "{:process 0, :type :ok, :value #{1}, :other {}}",
        "{:process 0, :type :ok, :time 1.5}",
        "{:process 0, :type :ok, :time :now}",
        "{:process 0, :type :ok, :value :}",
        "{:process 0, :type :ok, : 1}",
        "#jepsen.history.Op{:process 0, :type :ok}",
        "#_{:process 0, :type :ok}",
        "[{:process 0, :type :ok}\n{:process 0, :type :ok}]",
        "{:process 0, :type :ok}]",
        " {:process 0, :type :ok}",
        "\t, {:process 0,\n:type :ok}",
        "\u{feff}{:process 0, :type :ok}",
        "",
    ] {
        alike(&format!("{usual}{line}\n{usual}{usual}"));
        alike(&format!("{line}\r\n{usual}"));
        alike(line);
    }
}

fn line() -> impl Strategy<Value = String> {
    let key = proptest::sample::select(vec![
        ":process", ":type", ":f", ":value", ":time", ":key", ":error", ":index", ":x", "type", "\"f\"",
    ]);
    let value = proptest::sample::select(vec![
        "0",
        "-12",
        "nil",
        "true",
        ":ok",
        ":invoke",
        ":read",
        "\"a b\"",
        "[1 2]",
        "[3 [nil :a]]",
        "1.5",
        "007",
        "{:a 1}",
        "#{}",
        "\"\\n\"",
    ]);
    let gap = || proptest::sample::select(vec![" ", " ", " ", ", ", "", "\n", "; x\n", "\t"]);
    let pair = (key, gap(), value, gap()).prop_map(|(key, a, value, b)| format!("{key}{a}{value}{b}"));
    (proptest::collection::vec(pair, 0..6), proptest::bool::ANY).prop_map(|(pairs, typed)| {
        let start = if typed { ":type :ok " } else { "" };
        format!("{{{start}{}}}", pairs.concat())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_short_way_changes_nothing(
        lines in proptest::collection::vec((line(), proptest::sample::select(vec!["\n", "\n", "\r\n", " ", ""])), 1..6),
        damage in proptest::option::of((any::<prop::sample::Index>(), prop::sample::select(b"\"\\{}[]:;,01-n \n\0#".to_vec()))),
    ) {
        let mut text = lines.into_iter().map(|(line, end)| line + end).collect::<String>().into_bytes();
        if let Some((at, byte)) = damage {
            let at = at.index(text.len());
            text[at] = byte;
        }
        alike(&String::from_utf8_lossy(&text));
    }
}
