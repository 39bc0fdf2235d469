//! Values cut up, and whether they are pairs of key and value.
//!
//! In: values of events, and what they belong to. Out: their parts, and whether the first is a key: as declared, or as all of them show. Refuses to
//! guess where they do not show it, and to know processes and outcomes.

use super::event::wrong;
use crate::evidence::kinds::OpKind;
use crate::evidence::read::edn::Edn;
use crate::evidence::read::fault::Problem;
use crate::evidence::read::values::{json, val};
use crate::evidence::symbol::{Symbols, Val};

/// The value of an event, cut up as far as may matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arg {
    /// No pair.
    One(Val),
    /// A pair.
    Two(Val, Val),
    /// A pair whose second part is a pair.
    KeyTwo(Val, Val, Val),
}

/// Whether values are pairs of key and value, as far as seen.
#[derive(Debug, Default)]
pub(super) struct Keys {
    sure: bool,
    hint: bool,
    single: Option<u32>,
    pairs: bool,
    fields: bool,
}

impl Arg {
    /// A value in one piece.
    pub(super) fn whole(self, symbols: &mut Symbols) -> Val {
        let parts = match self {
            Self::One(v) => return v,
            Self::Two(a, b) => vec![json(a, symbols), json(b, symbols)],
            Self::KeyTwo(a, b, c) => {
                let inner = format!("[{},{}]", json(b, symbols), json(c, symbols));
                vec![json(a, symbols), inner]
            }
        };
        Val::text(symbols.intern(&format!("[{}]", parts.join(","))))
    }
}

impl Keys {
    /// Cuts a value up.
    pub(super) fn arg(&mut self, value: &Edn, symbols: &mut Symbols) -> Arg {
        let value = match value {
            Edn::Tagged(tag, inner) if tag.contains("independent") => {
                self.sure = true;
                &**inner
            }
            value => value,
        };
        if let Edn::Vector(pair) = value
            && let [first, second] = &pair[..]
        {
            let first = val(first, symbols);
            if let Edn::Vector(inner) = second
                && let [a, b] = &inner[..]
            {
                return Arg::KeyTwo(first, val(a, symbols), val(b, symbols));
            }
            return Arg::Two(first, val(second, symbols));
        }
        Arg::One(val(value, symbols))
    }

    /// Takes notice of the shape of a value.
    pub(super) fn seen(&mut self, op: OpKind, arg: Arg, key: Option<Val>, line: u32, invoke: bool) {
        self.fields |= key.is_some();
        match arg {
            Arg::One(_) => self.single = self.single.or(Some(line)),
            Arg::Two(_, v) => {
                self.pairs |= op != OpKind::Cas;
                self.hint |= invoke && op == OpKind::Read && v == Val::NIL;
                if op == OpKind::Cas {
                    self.single = self.single.or(Some(line));
                }
            }
            Arg::KeyTwo(..) => {
                self.pairs |= op != OpKind::Cas;
                self.hint |= invoke && op == OpKind::Cas;
            }
        }
    }

    /// Whether values are pairs of key and value; `declared` says so, if anything does.
    ///
    /// # Errors
    /// When it is not certain.
    pub(super) fn keyed(&self, declared: Option<bool>) -> Result<bool, Problem> {
        match declared {
            Some(true) if self.fields => Err(wrong(1, "the operations have a :key of their own, and `keyed` is declared")),
            Some(keyed) => Ok(keyed),
            None if self.fields => Ok(false),
            None if self.sure => Ok(true),
            None if self.single.is_none() && self.hint => Ok(true),
            None if self.hint || (self.single.is_none() && self.pairs) => {
                let help = "declare it: `keyed = true` or `false` in the matrix, `--keyed` or `--keyed=no` on the command line";
                Err(wrong(1, "it is not clear whether the values are pairs of key and value").help(help))
            }
            None => Ok(false),
        }
    }
}
