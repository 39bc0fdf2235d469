//! From TOML text to shapes with spans, every fault gathered.
//!
//! In: TOML. Out: values of types made with [`wire!`], or all faults at once: unknown keys (with the nearest known one), missing
//! keys, wrong types, bad values. One declaration of a shape gives its decoder and its JSON Schema. Refuses to know what any
//! key means. (serde stops at the first fault and cannot name the nearest key, which is why it is not used here.)

use crate::error::{Fault, nearest};
use crate::source::{At, SourceId, Span};
use serde_json::{Value as Json, json};
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// One TOML value with its place.
pub(super) type Node<'i> = Spanned<DeValue<'i>>;

/// Gathers faults while a text is decoded.
#[derive(Debug)]
pub(super) struct Decoder {
    source: SourceId,
    /// All faults so far.
    pub faults: Vec<Fault>,
}

impl Decoder {
    /// A decoder for one text.
    pub fn new(source: SourceId) -> Self {
        Self { source, faults: Vec::new() }
    }

    /// A span in this text.
    pub fn span(&self, range: Range<usize>) -> Span {
        let clip = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Span { source: self.source, start: clip(range.start), end: clip(range.end) }
    }

    /// Adds a fault.
    pub fn fault(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    /// Decodes a whole text.
    pub fn document<T: Wire>(&mut self, text: &str) -> Option<T> {
        let (root, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            let span = self.span(error.span().unwrap_or(0..0));
            self.fault(Fault::at(span, format!("invalid TOML: {}", error.message()), "here"));
        }
        if !self.faults.is_empty() {
            return None;
        }
        let range = root.span();
        T::decode(&Spanned::new(range.start..range.start, DeValue::Table(root.into_inner())), self)
    }

    /// Whether the text is of the schema `other`, and is not what is asked for: then that is its only fault.
    pub fn swapped(&mut self, text: &str, other: &str, help: &str) -> bool {
        let (root, _) = DeTable::parse_recoverable(text);
        let Some(schema) = root.get_ref().iter().find(|(key, _)| key.get_ref() == "schema").map(|(_, value)| value) else {
            return false;
        };
        if schema.get_ref().as_str() != Some(other) {
            return false;
        }
        let span = self.span(schema.span());
        let what = other.trim_start_matches("quorate-").split('/').next().unwrap_or(other).to_string();
        self.fault(Fault::at(span, format!("this file is a {what}"), "so it says").help(help));
        true
    }

    /// The value as a table of the given keys; reports unknown keys and a value that is no table.
    pub fn table<'a, 'i>(&mut self, node: &'a Node<'i>, keys: &[String]) -> Option<&'a DeTable<'i>> {
        let Some(table) = node.get_ref().as_table() else {
            self.expected(node, "a table");
            return None;
        };
        for (key, _) in table.iter() {
            if keys.iter().any(|k| k == key.get_ref().as_ref()) {
                continue;
            }
            let span = self.span(key.span());
            let name = key.get_ref();
            let help = match nearest(name, keys.iter().map(String::as_str)) {
                Some(known) => format!("did you mean `{known}`?"),
                None => format!("known keys: {}", keys.join(", ")),
            };
            self.fault(Fault::at(span, format!("unknown key `{name}`"), "not a key of this table").help(help));
        }
        Some(table)
    }

    /// Reports a value of the wrong type.
    pub fn expected(&mut self, node: &Node<'_>, what: &str) {
        let span = self.span(node.span());
        let found = node.get_ref().type_str();
        self.fault(Fault::at(span, format!("expected {what}, found {found}"), format!("this is {found}")));
    }

    /// One field of a table, present or absent; `doc` is what it means.
    pub fn field<T: Wire>(&mut self, node: &Node<'_>, table: &DeTable<'_>, key: &str, doc: &str) -> Option<T> {
        match table.iter().find(|(k, _)| k.get_ref() == key) {
            Some((_, value)) => T::decode(value, self),
            None => T::absent().or_else(|| {
                let span = self.span(node.span());
                let help = format!("add `{key} = …`: {}", doc.trim().trim_end_matches('.'));
                self.fault(Fault::at(span, format!("missing key `{key}`"), "in this table").help(help));
                None
            }),
        }
    }
}

/// A shape that can be read from TOML and described as JSON Schema.
pub(super) trait Wire: Sized {
    /// Whether a table may leave this value out.
    const OPTIONAL: bool = false;
    /// The value, or faults in `cx` and `None`.
    fn decode(node: &Node<'_>, cx: &mut Decoder) -> Option<Self>;
    /// The value of an absent key, if it may be absent.
    fn absent() -> Option<Self> {
        None
    }
    /// Draft-07 schema, inlined.
    fn schema() -> Json;
}

/// A single value: a text, a number, a duration, one of a list of words.
pub(super) trait Leaf: Sized {
    /// The value, or what was expected instead.
    fn read(value: &DeValue<'_>) -> Result<Self, String>;
    /// Draft-07 schema.
    fn schema() -> Json;
}

impl<T: Leaf> Wire for At<T> {
    fn decode(node: &Node<'_>, cx: &mut Decoder) -> Option<Self> {
        let span = cx.span(node.span());
        match T::read(node.get_ref()) {
            Ok(value) => Some(At { value, span }),
            Err(expected) => {
                let found = match node.get_ref() {
                    DeValue::String(text) => format!("{text:?}"),
                    DeValue::Integer(number) => number.as_str().to_string(),
                    DeValue::Float(number) => number.as_str().to_string(),
                    other => other.type_str().to_string(),
                };
                cx.fault(Fault::at(span, format!("expected {expected}, found {found}"), "this value"));
                None
            }
        }
    }
    fn schema() -> Json {
        T::schema()
    }
}

impl<T: Wire> Wire for Option<T> {
    const OPTIONAL: bool = true;
    fn decode(node: &Node<'_>, cx: &mut Decoder) -> Option<Self> {
        T::decode(node, cx).map(Some)
    }
    fn absent() -> Option<Self> {
        Some(None)
    }
    fn schema() -> Json {
        T::schema()
    }
}

impl<T: Wire> Wire for Vec<T> {
    const OPTIONAL: bool = true;
    fn decode(node: &Node<'_>, cx: &mut Decoder) -> Option<Self> {
        let Some(items) = node.get_ref().as_array() else {
            cx.expected(node, "an array");
            return None;
        };
        let decoded: Vec<Option<T>> = items.iter().map(|item| T::decode(item, cx)).collect();
        decoded.into_iter().collect()
    }
    fn absent() -> Option<Self> {
        Some(Vec::new())
    }
    fn schema() -> Json {
        json!({ "type": "array", "items": T::schema() })
    }
}

/// A table whose keys are free: name and value pairs in the order of their names.
#[derive(Debug, Clone)]
pub(super) struct Pairs<T>(pub Vec<(At<String>, T)>);

impl<T: Wire> Wire for Pairs<T> {
    const OPTIONAL: bool = true;
    fn decode(node: &Node<'_>, cx: &mut Decoder) -> Option<Self> {
        let Some(table) = node.get_ref().as_table() else {
            cx.expected(node, "a table");
            return None;
        };
        let mut pairs = Vec::new();
        let mut whole = true;
        for (key, value) in table.iter() {
            let name = At { value: key.get_ref().to_string(), span: cx.span(key.span()) };
            match T::decode(value, cx) {
                Some(value) => pairs.push((name, value)),
                None => whole = false,
            }
        }
        whole.then_some(Self(pairs))
    }
    fn absent() -> Option<Self> {
        Some(Self(Vec::new()))
    }
    fn schema() -> Json {
        json!({ "type": "object", "additionalProperties": T::schema() })
    }
}

/// The TOML key of a Rust field: `write_p99` is `write-p99`.
pub(super) fn key_of(field: &str) -> String {
    field.trim_start_matches("r#").trim_end_matches('_').replace('_', "-")
}

/// The schema of a table: its documentation and the name, schema, documentation and optionality of each key.
pub(super) fn table_schema(doc: &str, keys: Vec<(String, Json, String, bool)>) -> Json {
    let required: Vec<&String> = keys.iter().filter(|k| !k.3).map(|k| &k.0).collect();
    let mut out = json!({ "type": "object", "description": doc.trim(), "additionalProperties": false, "required": required });
    let properties = keys.iter().map(|(name, schema, doc, _)| {
        let mut schema = schema.clone();
        if let Some(object) = schema.as_object_mut() {
            object.insert("description".into(), Json::String(doc.trim().to_string()));
        }
        (name.clone(), schema)
    });
    out["properties"] = Json::Object(properties.collect());
    out
}

/// Declares a table: one line a key, with its documentation. Gives a struct with spans, its decoder and its schema.
macro_rules! wire {
    ($(#[doc = $doc:literal])+ struct $name:ident { $( $(#[doc = $fdoc:literal])+ $field:ident : $ty:ty ),* $(,)? }) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone)]
        pub(super) struct $name {
            /// Where the table stands.
            #[allow(dead_code, reason = "not every table is pointed at")]
            pub span: $crate::source::Span,
            $( $(#[doc = $fdoc])+ pub $field: $ty ),*
        }
        impl $crate::contract::decode::Wire for $name {
            fn decode(node: &$crate::contract::decode::Node<'_>, cx: &mut $crate::contract::decode::Decoder) -> Option<Self> {
                let keys = [$( $crate::contract::decode::key_of(stringify!($field)) ),*];
                let table = cx.table(node, &keys)?;
                $( let $field = cx.field::<$ty>(node, table, &$crate::contract::decode::key_of(stringify!($field)), concat!($($fdoc),+)); )*
                Some(Self { span: cx.span(node.span()), $( $field: $field? ),* })
            }
            fn schema() -> serde_json::Value {
                $crate::contract::decode::table_schema(concat!($($doc),+), vec![$((
                    $crate::contract::decode::key_of(stringify!($field)),
                    <$ty as $crate::contract::decode::Wire>::schema(),
                    concat!($($fdoc),+).to_string(),
                    <$ty as $crate::contract::decode::Wire>::OPTIONAL,
                )),*])
            }
        }
    };
}
pub(super) use wire;

/// [`words!`](crate::words::words) that can also be read from TOML.
macro_rules! choice {
    ($(#[doc = $doc:literal])+ enum $name:ident { $( $(#[doc = $vdoc:literal])+ $variant:ident = $word:literal ),+ $(,)? }) => {
        $crate::words::words! { $(#[doc = $doc])+ enum $name { $( $(#[doc = $vdoc])+ $variant = $word ),+ } }
        impl $crate::contract::decode::Leaf for $name {
            fn read(value: &toml::de::DeValue<'_>) -> Result<Self, String> {
                value.as_str().and_then(Self::of).ok_or_else(|| {
                    let near = value.as_str().and_then(|t| $crate::error::nearest(t, Self::WORDS.iter().copied()));
                    let hint = near.map(|n| format!(" (did you mean {n:?}?)")).unwrap_or_default();
                    format!("one of {}{hint}", Self::WORDS.join(", "))
                })
            }
            fn schema() -> serde_json::Value {
                serde_json::json!({ "enum": Self::WORDS })
            }
        }
    };
}
pub(super) use choice;
