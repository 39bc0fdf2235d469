use super::super::unpack::Unpacked;
use super::*;
use proptest::prelude::*;
use std::io::Cursor;

fn read(text: &[u8], syntax: Syntax) -> Result<Vec<(u32, Edn)>, String> {
    let mut stream = Stream::new(Unpacked::new(Box::new(Cursor::new(text.to_vec()))), 1 << 20);
    let mut forms = Forms::new(&mut stream, syntax);
    let mut out = Vec::new();
    while let Some(form) = forms.next().map_err(|p| p.message)? {
        out.push(form);
    }
    Ok(out)
}

fn one(text: &str) -> Edn {
    let mut forms = read(text.as_bytes(), Syntax::Edn).unwrap();
    assert_eq!(forms.len(), 1, "{text}");
    forms.remove(0).1
}

#[test]
fn all_of_edn() {
    assert_eq!(one("{:a/b 1, ::c \"x\\n\\u00e9\"}"), {
        let key = |k: &'static str| Edn::Keyword(k.into());
        Edn::Map(vec![key("a/b"), Edn::Int(1), key(":c"), Edn::Text("x\né".into())])
    });
    assert_eq!(one("#{1 nil}"), Edn::Set(vec![Edn::Int(1), Edn::Nil]));
    assert_eq!(
        one("#jepsen.history.Op{:p 1}"),
        Edn::Tagged("jepsen.history.Op".into(), Box::new(Edn::Map(vec![Edn::Keyword("p".into()), Edn::Int(1)])))
    );
    assert_eq!(one("; a comment\n #_ {:gone [1]} 12N ; more"), Edn::Int(12));
    assert_eq!(one("1.5M"), Edn::Number("1.5M".into()));
    assert_eq!(one("\\a"), Edn::Char("a".into()));
    assert_eq!(one("-"), Edn::Symbol("-".into()));
}

#[test]
fn elements_of_a_top_level_vector_come_one_by_one() {
    for text in ["[{:a 1}\n {:a 2}]", "({:a 1}\n {:a 2})", "{:a 1}\n{:a 2}\n"] {
        let forms = read(text.as_bytes(), Syntax::Edn).unwrap();
        assert_eq!(forms.iter().map(|f| f.0).collect::<Vec<_>>(), [1, 2], "{text}");
    }
    let json = read(br#"[{"a":1,"b":[null,true]},{"a":2}]"#, Syntax::Json).unwrap();
    assert_eq!(json.len(), 2);
}

#[test]
fn what_is_no_edn_is_refused() {
    let deep = "[".repeat(1_000_000);
    let tags = "#a ".repeat(1_000_000);
    let long = format!("\"{}", "x".repeat(2 << 20));
    for text in ["[1", "{:a", "{:a}", "]", "[1)", "\"x", "\"\\q\"", "#", "#<x>", "@", "{:a 1", "#_", &deep, &tags, &long] {
        assert!(read(text.as_bytes(), Syntax::Edn).is_err(), "{}", super::super::fault::cut(text, 20));
    }
    assert!(read(b"{:a \xff}", Syntax::Edn).is_err());
    assert!(read(b"{:a b\0}", Syntax::Edn).is_err());
}

fn form() -> impl Strategy<Value = Edn> {
    let leaf = prop_oneof![
        Just(Edn::Nil),
        any::<bool>().prop_map(Edn::Bool),
        any::<i64>().prop_map(Edn::Int),
        any::<String>().prop_map(|s| Edn::Text(s.into())),
        "[a-z][a-z0-9/-]{0,8}".prop_map(|s| Edn::Keyword(s.into())),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Edn::Vector),
            prop::collection::vec(inner.clone(), 0..5).prop_map(Edn::List),
            prop::collection::vec(inner.clone(), 0..5).prop_map(Edn::Set),
            prop::collection::vec((inner.clone(), inner.clone()), 0..4)
                .prop_map(|pairs| Edn::Map(pairs.into_iter().flat_map(|(k, v)| [k, v]).collect())),
            inner.prop_map(|v| Edn::Tagged("a/b".into(), Box::new(v))),
        ]
    })
}

fn write(form: &Edn, out: &mut String) {
    let mut all = |open: &str, items: &[Edn], close: &str| {
        out.push_str(open);
        for item in items {
            write(item, out);
            out.push(' ');
        }
        out.push_str(close);
    };
    match form {
        Edn::Vector(items) => all("[", items, "]"),
        Edn::List(items) => all("(", items, ")"),
        Edn::Set(items) => all("#{", items, "}"),
        Edn::Map(items) => all("{", items, "}"),
        Edn::Nil => out.push_str("nil"),
        Edn::Bool(b) => out.push_str(&b.to_string()),
        Edn::Int(n) => out.push_str(&n.to_string()),
        Edn::Text(text) => out.push_str(&format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))),
        Edn::Keyword(k) => out.push_str(&format!(":{k}")),
        Edn::Number(w) | Edn::Char(w) | Edn::Symbol(w) => out.push_str(w),
        Edn::Tagged(tag, value) => {
            out.push_str(&format!("#{tag} "));
            write(value, out);
        }
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read(form in form()) {
        let mut text = String::from("{:x ");
        write(&form, &mut text);
        text.push('}');
        prop_assert_eq!(one(&text), Edn::Map(vec![Edn::Keyword("x".into()), form]));
    }

    #[test]
    fn no_bytes_do_harm(bytes in prop::collection::vec(any::<u8>(), 0..200), json in any::<bool>()) {
        let _ = read(&bytes, if json { Syntax::Json } else { Syntax::Edn });
    }

    #[test]
    fn no_forms_do_harm(text in "[\\[\\](){}#_:;\"\\\\a1 \n-]{0,60}") {
        let _ = read(text.as_bytes(), Syntax::Edn);
    }
}
