//! Forms of EDN and JSON.
//!
//! In: nothing. Out: [`Edn`], the tree that readers hand on. Refuses to know how it was written.

use std::borrow::Cow;

/// A form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edn {
    /// nil.
    Nil,
    /// true or false.
    Bool(bool),
    /// A whole number of 64 bits.
    Int(i64),
    /// Any other number, as written.
    Number(Box<str>),
    /// A string.
    Text(Cow<'static, str>),
    /// A character, as written after the backslash.
    Char(Box<str>),
    /// A keyword, without its first colon.
    Keyword(Cow<'static, str>),
    /// A symbol.
    Symbol(Box<str>),
    /// A vector, or an array.
    Vector(Vec<Edn>),
    /// A list.
    List(Vec<Edn>),
    /// A set.
    Set(Vec<Edn>),
    /// A map: keys and values in turn.
    Map(Vec<Edn>),
    /// A tagged element.
    Tagged(Box<str>, Box<Edn>),
}

/// A word that is kept. Those of nearly every event are not copied.
pub fn kept(word: &str) -> Cow<'static, str> {
    macro_rules! known {
        ($($known:literal)+) => {
            match word { $($known => Cow::Borrowed($known),)+ _ => Cow::Owned(word.into()) }
        };
    }
    known!("process" "type" "f" "value" "time" "key" "index" "error" "invoke" "ok" "info" "fail" "read" "write" "cas" "add" "append")
}

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syntax {
    /// EDN.
    Edn,
    /// JSON: colons are no part of words, null is nil.
    Json,
}
