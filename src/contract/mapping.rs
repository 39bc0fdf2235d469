//! Field mapping: how a field of ours is found in a record of theirs.
//!
//! In: one value of a `fields` table. Out: a [`FieldRule`]. Refuses to know which fields a kind has; `evidence` binds them.

use super::choices::TimeUnit;
use super::decode::{Decoder, Node, Pairs, Wire, wire};
use super::leaf::{Scalar, Text};
use crate::error::Fault;
use crate::source::At;
use serde_json::{Value as Json, json};

/// How one field is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldRule {
    /// From a field of theirs; dots lead into nested objects.
    From {
        /// Their field.
        from: String,
        /// Translation of values; empty keeps them.
        values: Vec<(String, String)>,
        /// The unit of a time, when it is not the clock's.
        unit: Option<TimeUnit>,
        /// In the outer record, where `each` is used.
        outer: bool,
    },
    /// True when a field of theirs is there and not null.
    Present(String),
    /// True when a field of theirs is absent or null.
    Absent(String),
    /// An instant known only to lie between two of their fields.
    Interval {
        /// The earliest instant.
        lo: String,
        /// The latest instant.
        hi: String,
    },
}

wire! {
    /// A field of theirs and what to do with it; give one of from, outer, present, absent, or lo and hi.
    struct RuleWire {
        /// Their field; dots lead into nested objects.
        from: Option<At<Text>>,
        /// Their field in the outer record, where `each` is used.
        outer: Option<At<Text>>,
        /// True when this field is there and not null.
        present: Option<At<Text>>,
        /// True when this field is absent or null.
        absent: Option<At<Text>>,
        /// The field with the earliest instant.
        lo: Option<At<Text>>,
        /// The field with the latest instant.
        hi: Option<At<Text>>,
        /// Their value on the left, ours on the right.
        values: Pairs<At<Scalar>>,
        /// The unit of a time, when it is not the clock's.
        unit: Option<At<TimeUnit>>,
    }
}

/// A field rule as it is written: a bare field name, or a table.
#[derive(Debug, Clone)]
pub(super) struct FieldWire(pub At<FieldRule>);

impl Wire for FieldWire {
    fn decode(node: &Node<'_>, cx: &mut Decoder) -> Option<Self> {
        let span = cx.span(node.span());
        if let Some(from) = node.get_ref().as_str() {
            let rule = FieldRule::From { from: from.to_string(), values: Vec::new(), unit: None, outer: false };
            return Some(Self(At { value: rule, span }));
        }
        if !node.get_ref().is_table() {
            cx.expected(node, "a field name or a table such as { from = \"f\", values = { put = \"write\" } }");
            return None;
        }
        let wire = RuleWire::decode(node, cx)?;
        let text = |t: &Option<At<Text>>| t.as_ref().map(|t| t.value.0.clone());
        let values: Vec<_> = wire.values.0.iter().map(|(k, v)| (k.value.clone(), v.value.0.clone())).collect();
        let unit = wire.unit.as_ref().map(|u| u.value);
        let rule = match (
            text(&wire.from),
            text(&wire.outer),
            text(&wire.present),
            text(&wire.absent),
            text(&wire.lo),
            text(&wire.hi),
        ) {
            (Some(from), None, None, None, None, None) => FieldRule::From { from, values, unit, outer: false },
            (None, Some(from), None, None, None, None) => FieldRule::From { from, values, unit, outer: true },
            (None, None, Some(field), None, None, None) if values.is_empty() => FieldRule::Present(field),
            (None, None, None, Some(field), None, None) if values.is_empty() => FieldRule::Absent(field),
            (None, None, None, None, Some(lo), Some(hi)) if values.is_empty() => FieldRule::Interval { lo, hi },
            _ => {
                let fault = Fault::at(
                    span,
                    "a field rule needs one of `from`, `outer`, `present`, `absent`, or `lo` with `hi`",
                    "in this rule",
                )
                .help("`values` and `unit` go with `from` or `outer`");
                cx.fault(fault);
                return None;
            }
        };
        Some(Self(At { value: rule, span }))
    }

    fn schema() -> Json {
        json!({ "anyOf": [{ "type": "string" }, RuleWire::schema()] })
    }
}
