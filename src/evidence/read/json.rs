//! JSON Lines: one object a line, its wanted values straight into slots.
//!
//! In: a line. Out: cells that borrow from it. Keys are recognised by the key that followed last time, so that no tree and no hash is needed for
//! records that look alike; most such records never come here, as `flat` reads them. A key that stands twice in an object, also in an object that nobody wants, is refused. Refuses to know kinds.

use super::cell::{Cell, written};
use super::fault::Problem;
use super::lines::{Counts, Parser};
use super::shape::{Cells, Shape, Want};
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::collections::{BTreeSet, HashMap};
use std::fmt;

/// A parser of lines of one shape.
pub struct JsonLines<'s> {
    shape: &'s Shape,
    pub(super) keys: Vec<Keys>,
    pub(super) stamp: u64,
    pub(super) unwanted: Vec<usize>,
    problem: Option<(String, usize)>,
}

/// The keys seen in one object of the shape.
#[derive(Default)]
pub(super) struct Keys {
    pub index: HashMap<Box<str>, usize>,
    pub list: Vec<Key>,
    pub first: usize,
}

pub(super) struct Key {
    name: Box<str>,
    /// The name in its quotes, when it is written as it is.
    pub token: Option<Box<str>>,
    pub want: Option<Want>,
    pub stamp: u64,
    pub count: u64,
    pub next: usize,
}

impl<'s> JsonLines<'s> {
    /// A parser for a shape.
    #[must_use]
    pub fn new(shape: &'s Shape) -> Self {
        let keys = shape.nodes.iter().map(|_| Keys::default()).collect();
        Self { shape, keys, stamp: 0, unwanted: Vec::new(), problem: None }
    }

    fn object<'a>(&mut self, json: &'a str, node: usize, out: &mut Slots<'_, 'a>) -> Result<(), Stop> {
        self.stamp += 1;
        let seed = ObjectSeed { parser: self, node, base: json, out };
        let mut de = serde_json::Deserializer::from_str(json);
        let done = seed.deserialize(&mut de).and_then(|()| de.end());
        match (done, self.problem.take()) {
            (Ok(()), _) => Ok(()),
            (Err(_), Some((message, at))) => Err(Stop { message, at }),
            (Err(error), None) => Err(Stop { message: plain(&error), at: error.column().saturating_sub(1) }),
        }
    }
}

/// Where and why parsing of a text stopped.
pub(super) struct Stop {
    message: String,
    at: usize,
}

fn plain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |t| t.0);
    match text {
        t if t.starts_with("recursion limit") => "nested more than 128 deep".into(),
        t if t.starts_with("EOF") => "not a whole JSON object: it ends too early".into(),
        t => format!("not a JSON object: {t}"),
    }
}

/// Where cells go: those of the record, or of one element.
pub(super) struct Slots<'o, 'a> {
    pub cells: &'o mut [Cell<'a>],
    pub groups: &'o mut [super::shape::Elements<'a>],
}

impl JsonLines<'_> {
    /// A record read with all care.
    pub(super) fn careful<'a>(&mut self, line: &'a str, cells: &mut Cells<'a>) -> Result<(), Problem> {
        let mut out = Slots { cells: &mut cells.outer, groups: &mut cells.groups };
        self.object(line, 0, &mut out).map_err(|stop| {
            let nul = line.find('\0');
            let message = if nul.is_some() { "a NUL byte in a text file".to_string() } else { stop.message };
            Problem::new(message, line.as_bytes(), Some(nul.unwrap_or(stop.at)))
        })
    }
}

impl<'a> Parser<'a> for JsonLines<'_> {
    fn record(&mut self, line: &'a str, cells: &mut Cells<'a>) -> Result<(), Problem> {
        if self.flat(line, cells).is_some() {
            return Ok(());
        }
        cells.clear();
        self.careful(line, cells)
    }

    fn unmapped(&self, counts: &mut Counts) {
        for (keys, node) in self.keys.iter().zip(&self.shape.nodes) {
            for key in keys.list.iter().filter(|k| k.want.is_none()) {
                counts.add(&format!("{}{}", node.prefix, key.name), key.count);
            }
        }
    }
}

struct ObjectSeed<'p, 's, 'o, 'q, 'a> {
    parser: &'p mut JsonLines<'s>,
    node: usize,
    base: &'a str,
    out: &'o mut Slots<'q, 'a>,
}

impl<'a> DeserializeSeed<'a> for ObjectSeed<'_, '_, '_, '_, 'a> {
    type Value = ();
    fn deserialize<D: Deserializer<'a>>(self, de: D) -> Result<(), D::Error> {
        de.deserialize_map(self)
    }
}

impl<'a> Visitor<'a> for ObjectSeed<'_, '_, '_, '_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { parser, node, base, out } = self;
        let stamp = parser.stamp;
        let mut last: Option<usize> = None;
        loop {
            let keys = &mut parser.keys[node];
            let guess = last.map_or(keys.first, |l| keys.list[l].next);
            let wants = &parser.shape.nodes[node].keys;
            let Some(id) = map.next_key_seed(KeySeed { keys, guess, wants })? else { return Ok(()) };
            match last {
                Some(last) => keys.list[last].next = id,
                None => keys.first = id,
            }
            last = Some(id);
            let key = &mut keys.list[id];
            let twice = key.stamp == stamp;
            key.stamp = stamp;
            key.count += 1;
            let want = key.want;
            let raw: &'a RawValue = map.next_value()?;
            let raw = raw.get();
            let at = raw.as_ptr().addr() - base.as_ptr().addr();
            if twice {
                let message = format!("the key {:?} stands twice in one object", parser.keys[node].list[id].name);
                parser.problem = Some((message, at));
                return Err(A::Error::custom("stop"));
            }
            if let Err(stop) = parser.value(raw, want, out) {
                parser.problem = Some((stop.message, at + stop.at));
                return Err(A::Error::custom("stop"));
            }
        }
    }
}

impl JsonLines<'_> {
    /// Puts one value where it is wanted.
    pub(super) fn value<'a>(&mut self, raw: &'a str, want: Option<Want>, out: &mut Slots<'_, 'a>) -> Result<(), Stop> {
        if matches!(raw.as_bytes().first(), Some(b'{' | b'[')) {
            strict(raw)?;
        }
        let Some(want) = want else { return Ok(()) };
        if let Some(slot) = want.slot {
            if !matches!(out.cells[slot], Cell::Missing) {
                return Err(Stop { message: "a field that another name has given already".into(), at: 0 });
            }
            out.cells[slot] = cell(raw)?;
        }
        if let Some(node) = want.node.filter(|_| raw.starts_with('{')) {
            self.object(raw, node, out)?;
        }
        match want.each {
            Some(group) if raw.starts_with('[') => self.elements(raw, group, out),
            _ => Ok(()),
        }
    }

    fn elements<'a>(&mut self, raw: &'a str, group: usize, out: &mut Slots<'_, 'a>) -> Result<(), Stop> {
        let stopped = |e: serde_json::Error| Stop { message: plain(&e), at: e.column().saturating_sub(1) };
        let items: Vec<&'a RawValue> = serde_json::from_str(raw).map_err(stopped)?;
        let Some(target) = out.groups.get_mut(group) else { return Ok(()) };
        target.there = true;
        let width = self.shape.groups[group].slots;
        let node = self.shape.groups[group].node;
        for item in items {
            let item = item.get();
            let at = item.as_ptr().addr() - raw.as_ptr().addr();
            let start = target.cells.len();
            target.cells.resize(start + width, Cell::Missing);
            target.count += 1;
            let mut inner = Slots { cells: &mut target.cells[start..], groups: &mut [] };
            self.object(item, node, &mut inner).map_err(|s| Stop { at: at + s.at, ..s })?;
        }
        Ok(())
    }
}

struct KeySeed<'k> {
    keys: &'k mut Keys,
    guess: usize,
    wants: &'k std::collections::BTreeMap<String, Want>,
}

impl<'de> DeserializeSeed<'de> for KeySeed<'_> {
    type Value = usize;
    fn deserialize<D: Deserializer<'de>>(self, de: D) -> Result<usize, D::Error> {
        de.deserialize_str(self)
    }
}

impl Visitor<'_> for KeySeed<'_> {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<usize, E> {
        let Self { keys, guess, wants } = self;
        if keys.list.get(guess).is_some_and(|k| *k.name == *name) {
            return Ok(guess);
        }
        if let Some(&id) = keys.index.get(name) {
            return Ok(id);
        }
        let id = keys.list.len();
        keys.index.insert(name.into(), id);
        let token = as_it_is(name).then(|| format!("\"{name}\"").into());
        keys.list.push(Key { name: name.into(), token, want: wants.get(name).copied(), stamp: 0, count: 0, next: 0 });
        Ok(id)
    }
}

/// Whether a text is written in JSON as it is.
fn as_it_is(text: &str) -> bool {
    !text.bytes().any(|b| matches!(b, 0x22 | 0x5c | 0..0x20))
}

/// The cell of a JSON value that is known to be well formed.
pub(super) fn cell(raw: &str) -> Result<Cell<'_>, Stop> {
    written(raw).map_err(|error| Stop { message: plain(&error), at: error.column().saturating_sub(1) })
}

/// Refuses what is nested more than 128 deep, and objects with a key that stands twice.
fn strict(raw: &str) -> Result<(), Stop> {
    let mut de = serde_json::Deserializer::from_str(raw);
    Strict.deserialize(&mut de).map_err(|error| Stop { message: plain(&error), at: error.column().saturating_sub(1) })
}

#[derive(Clone, Copy)]
struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, de: D) -> Result<(), D::Error> {
        de.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }
    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }
    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }
    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }
    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(self)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen: BTreeSet<String> = BTreeSet::new();
        while let Some(key) = map.next_key::<String>()? {
            if seen.contains(&key) {
                let _: IgnoredAny = map.next_value()?;
                return Err(A::Error::custom(format!("the key {key:?} stands twice in one object")));
            }
            seen.insert(key);
            map.next_value_seed(self)?;
        }
        Ok(())
    }
}
