//! One binding of a file: what its rows are called and made from, and the fault of a name that there is not.
//!
//! In: names and marks of a binding. Out: the same as values. Refuses to know how bindings are compiled and files are read.

use super::rows::{Condition, Loc};
use crate::contract::Binding;
use crate::error::{Fault, nearest};
use crate::source::{At, Span};

/// Marks that show that a file is whole.
#[derive(Debug, Clone)]
pub struct Marks {
    /// What the first line has.
    pub first: Vec<Condition>,
    /// What the last line has.
    pub last: Vec<Condition>,
    /// Where the last line counts the lines between.
    pub count: Option<Loc>,
}

/// One binding of a file.
#[derive(Debug)]
pub struct Output<'m> {
    /// Its position among all bindings of the matrix.
    pub order: usize,
    /// The test.
    pub test: &'m str,
    /// What was written.
    pub binding: &'m Binding,
    /// Marks, if it declares them.
    pub marks: Option<Marks>,
    /// Fields that are the same in all records.
    pub constants: Vec<(usize, String)>,
    /// Their names that it uses.
    pub names: Vec<(String, Span)>,
}

/// A fault that names what there is not, and the nearest of what there is.
pub(super) fn unknown<'a>(name: &At<String>, what: &str, known: impl Iterator<Item = &'a str> + Clone) -> Fault {
    let help = match nearest(&name.value, known.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known: {}", known.collect::<Vec<_>>().join(", ")),
    };
    Fault::at(name.span, format!("unknown {what} `{}`", name.value), format!("no such {what}")).help(help)
}
