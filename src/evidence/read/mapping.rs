//! One binding compiled: field rules become fills of numbered slots.
//!
//! In: a binding and its kind. Out: a [`Recipe`], or every rule that cannot be followed, at its span. Refuses to open files.

use super::cell::{Cell, Timing, typed};
use super::output::{Marks, Output, unknown};
use super::rows::{Condition, Fill, How, Join, Loc, Recipe, Side};
use super::shape::Shape;
use crate::contract::{Binding, ClockKind, FieldRule, TimeUnit, Whole};
use crate::error::Fault;
use crate::evidence::record::Kind;
use crate::evidence::symbol::Symbols;
use crate::evidence::table::FieldType;
use crate::source::{At, Span};
use std::borrow::Cow;

struct Compiler<'c, 'm> {
    kind: &'static Kind,
    binding: &'m Binding,
    shape: &'c mut Shape,
    group: Option<usize>,
    fills: Vec<Fill>,
    names: Vec<(String, Span)>,
    faults: Vec<Fault>,
}

/// Compiles a binding of a test.
///
/// # Errors
/// Every fault of the binding.
pub fn compile<'m>(
    (order, test): (usize, &'m str),
    binding: &'m Binding,
    kind: &'static Kind,
    shape: &mut Shape,
) -> Result<(Recipe, Output<'m>), Vec<Fault>> {
    let group = binding.each.as_deref().map(|path| shape.each(path));
    let mut c = Compiler { kind, binding, shape, group, fills: Vec::new(), names: Vec::new(), faults: Vec::new() };
    if binding.fields.is_empty() {
        c.native();
    } else {
        for (name, rule) in &binding.fields {
            c.rule(name, rule);
        }
    }
    let constants = c.constants();
    let required = c.required(&constants);
    let when = c.conditions(&binding.when);
    let unless = c.conditions(&binding.unless);
    let join = binding.pair.as_ref().map(|pair| Join {
        by: c.loc(&pair.by, false),
        name: pair.by.clone(),
        start: c.conditions(&pair.start),
        stop: c.conditions(&pair.stop),
    });
    let marks = c.marks();
    let end = marks.as_ref().filter(|m| m.count.is_none()).map(|m| m.last.clone()).unwrap_or_default();
    let Compiler { fills, names, faults, .. } = c;
    if !faults.is_empty() {
        return Err(faults);
    }
    let timing = Timing::new(TimeUnit::Ns, ClockKind::Monotonic);
    let recipe = Recipe { kind, when, unless, end, timing, each: group, join, fills, required };
    Ok((recipe, Output { order, test, binding, marks, constants, names }))
}

impl Compiler<'_, '_> {
    fn fault(&mut self, span: Span, message: impl Into<String>, label: &str, help: impl Into<String>) {
        self.faults.push(Fault::at(span, message, label).help(help));
    }

    fn native(&mut self) {
        let binding = self.binding;
        if binding.each.is_some() || binding.pair.is_some() {
            let help = "name the fields of the file's records with `fields`";
            self.fault(binding.path.span, "`each` and `pair` go with `fields`", "bound here without `fields`", help);
        }
        for (field, f) in self.kind.fields.iter().enumerate() {
            let spelled = f.name.replace('-', "_");
            if binding.only.is_some_and(|only| !only.contains(&f.name)) {
                self.shape.known(&spelled);
                self.shape.known(f.name);
                continue;
            }
            let outer = self.shape.outer(&spelled);
            self.shape.alias(f.name, outer);
            let how = How::Cell { at: Loc { outer, inner: None }, values: Vec::new(), unit: None, up: false };
            self.fills.push(Fill { field, side: Side::Both, how, from: f.name.into() });
        }
    }

    /// Where a path of theirs is found.
    fn loc(&mut self, path: &str, outer: bool) -> Loc {
        self.names.push((path.to_string(), self.binding.path.span));
        let group = self.group.filter(|_| !outer);
        Loc { outer: self.shape.outer(path), inner: group.map(|g| self.shape.inner(g, path)) }
    }

    fn conditions(&mut self, pairs: &[(String, String)]) -> Vec<Condition> {
        pairs.iter().map(|(path, text)| (self.loc(path, false), text.clone())).collect()
    }

    fn marks(&mut self) -> Option<Marks> {
        let Some(Whole::Marks { first, last, count }) = &self.binding.whole else { return None };
        let mut outer = |path: &str| Loc { outer: self.shape.outer(path), inner: None };
        let mut list = |pairs: &[(String, String)]| pairs.iter().map(|(p, t)| (outer(p), t.clone())).collect();
        let (first, last) = (list(first), list(last));
        Some(Marks { first, last, count: count.as_deref().map(outer) })
    }

    fn rule(&mut self, name: &At<String>, rule: &At<FieldRule>) {
        let direct = self.kind.field(&name.value).or_else(|| (name.value == "at").then(|| self.kind.field("t")).flatten());
        match (&rule.value, direct) {
            (FieldRule::Interval { lo, hi }, None) => self.interval(name, rule.span, lo, hi),
            (FieldRule::Interval { .. }, Some(_)) => {
                let help = format!("write {0} = \"their-field\", or take a kind with {0}-lo and {0}-hi", name.value);
                self.fault(name.span, format!("`{}` is one instant, not an interval", name.value), "given as lo and hi", help);
            }
            (FieldRule::From { from, values, unit, outer }, None) if self.is_interval(&name.value) => {
                if !values.is_empty() || *outer || unit.is_some() {
                    for (suffix, up) in [("lo", false), ("hi", true)] {
                        self.bounds(name, suffix, up, from, values, *unit, *outer);
                    }
                } else {
                    self.interval(name, rule.span, from, from);
                }
            }
            (_, None) => {
                let mut known: Vec<&str> = self.kind.fields.iter().map(|f| f.name).collect();
                known.extend(["at"].into_iter().filter(|p| self.is_interval(p)));
                self.faults.push(unknown(name, &format!("field of {}", self.kind.name), known.into_iter()));
            }
            (FieldRule::From { from, values, unit, outer }, Some(field)) => {
                self.check(name, rule.span, field, values, *unit, *outer);
                let at = self.loc(from, *outer);
                let how = How::Cell { at, values: values.clone(), unit: *unit, up: false };
                self.fill(name.span, field, how, from);
            }
            (FieldRule::Present(from) | FieldRule::Absent(from), Some(field)) => {
                if self.kind.fields[field].ty != FieldType::Bool {
                    let message = format!("`{}` is not true or false", name.value);
                    self.fault(rule.span, message, "gives true or false", "`present` and `absent` fill flags");
                }
                let at = self.loc(from, false);
                let present = matches!(rule.value, FieldRule::Present(_));
                self.fill(name.span, field, if present { How::Present(at) } else { How::Absent(at) }, from);
            }
        }
    }

    /// The names of the fields `<prefix>-lo` and `<prefix>-hi` that `at` or a prefix stands for, with the rows that fill them.
    fn prefixes(&self, name: &str) -> Vec<&str> {
        match (name, self.binding.pair.is_some()) {
            ("at", true) => vec!["start", "stop"],
            ("at", false) => vec!["t"],
            (name, _) => self.kind.fields.iter().filter_map(|f| f.name.strip_suffix("-lo").filter(|p| *p == name)).collect(),
        }
    }

    fn is_interval(&self, name: &str) -> bool {
        let prefixes = self.prefixes(name);
        let has = |p: &&str| self.kind.field(&format!("{p}-lo")).is_some() && self.kind.field(&format!("{p}-hi")).is_some();
        !prefixes.is_empty() && prefixes.iter().all(has)
    }

    fn interval(&mut self, name: &At<String>, span: Span, lo: &str, hi: &str) {
        if !self.is_interval(&name.value) {
            let names = self.kind.fields.iter().filter_map(|f| f.name.strip_suffix("-lo"));
            let known: Vec<&str> = names.collect();
            let help = if known.is_empty() { "none; give one field".into() } else { known.join(", ") };
            let message = format!("{} has no interval `{}`", self.kind.name, name.value);
            return self.fault(span, message, "given as lo and hi", format!("intervals of {}: {help}", self.kind.name));
        }
        self.bounds(name, "lo", false, lo, &[], None, false);
        self.bounds(name, "hi", true, hi, &[], None, false);
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one rule, taken apart once")]
    fn bounds(
        &mut self,
        name: &At<String>,
        suffix: &str,
        up: bool,
        from: &str,
        values: &[(String, String)],
        unit: Option<TimeUnit>,
        outer: bool,
    ) {
        let prefixes: Vec<String> = self.prefixes(&name.value).into_iter().map(|p| format!("{p}-{suffix}")).collect();
        for field in prefixes {
            let Some(field) = self.kind.field(&field) else { continue };
            let at = self.loc(from, outer);
            self.fill(name.span, field, How::Cell { at, values: values.to_vec(), unit, up }, from);
        }
    }

    fn fill(&mut self, span: Span, field: usize, how: How, from: &str) {
        let name = self.kind.fields[field].name;
        if self.fills.iter().any(|f| f.field == field) {
            self.fault(span, format!("`{name}` is filled twice"), "here again", "give each field one rule");
        }
        let side = match name {
            _ if self.binding.pair.is_none() => Side::Both,
            "invoke" | "scheduled" | "t" => Side::Start,
            "return" | "finished" | "serving" => Side::Stop,
            name if name.starts_with("start") => Side::Start,
            name if name.starts_with("stop") => Side::Stop,
            _ => Side::Both,
        };
        self.fills.push(Fill { field, side, how, from: from.into() });
    }

    /// What a rule's details say against its field.
    fn check(
        &mut self,
        name: &At<String>,
        span: Span,
        field: usize,
        values: &[(String, String)],
        unit: Option<TimeUnit>,
        outer: bool,
    ) {
        let ty = self.kind.fields[field].ty;
        if unit.is_some() && ty != FieldType::Time {
            self.fault(span, format!("`{}` is no time", name.value), "has a unit", "`unit` goes with times");
        }
        if outer && self.group.is_none() {
            let help = "`outer` looks at the record around the elements of `each`; write `from`";
            self.fault(span, "`outer` without `each`", "there is no outer record", help);
        }
        if let FieldType::Word(words) = ty {
            for (_, ours) in values.iter().filter(|(_, ours)| !words.contains(&ours.as_str())) {
                let ours = At { value: ours.clone(), span };
                self.faults.push(unknown(&ours, &format!("value of `{}`", name.value), words.iter().copied()));
            }
        }
    }

    fn constants(&mut self) -> Vec<(usize, String)> {
        let mut found: Vec<(usize, String)> = Vec::new();
        let binding = self.binding;
        for (name, value) in &binding.constants {
            let Some(field) = self.kind.field(&name.value) else {
                let known: Vec<&str> = self.kind.fields.iter().map(|f| f.name).collect();
                self.faults.push(unknown(name, &format!("field of {}", self.kind.name), known.into_iter()));
                continue;
            };
            let twice = found.iter().any(|(f, _)| *f == field) || self.mapped(field);
            if twice {
                let message = format!("`{}` is both a constant and mapped", name.value);
                self.fault(name.span, message, "here as a constant", "give each field one rule");
            }
            let cell = Cell::Plain(Cow::Borrowed(value.as_str()));
            let timing = Timing::new(TimeUnit::Ns, ClockKind::Wall);
            if let Err(why) = typed(&cell, self.kind.fields[field].ty, timing, &mut Symbols::default()) {
                let message = format!("the constant `{}` does not fit: {why}", name.value);
                self.faults.push(Fault::at(name.span, message, "this field"));
            }
            found.push((field, value.clone()));
        }
        if let Some(endpoint) = &binding.endpoint {
            match self.kind.field("endpoint") {
                Some(field) if found.iter().any(|(f, _)| *f == field) => {
                    self.fault(endpoint.span, "the endpoint is given twice", "here and as a constant", "give it once");
                }
                Some(field) => found.push((field, endpoint.value.clone())),
                None => {
                    let message = format!("{} records have no endpoint", self.kind.name);
                    self.fault(endpoint.span, message, "declared here", "take `endpoint` away from this binding");
                }
            }
        }
        found
    }

    fn mapped(&self, field: usize) -> bool {
        !self.binding.fields.is_empty() && self.fills.iter().any(|f| f.field == field)
    }

    /// The fields that every row must fill; those that nothing fills are a fault.
    fn required(&mut self, constants: &[(usize, String)]) -> Vec<usize> {
        let constant = |field: usize| constants.iter().any(|(f, _)| *f == field);
        let required: Vec<usize> =
            (0..self.kind.fields.len()).filter(|&i| self.kind.fields[i].required && !constant(i)).collect();
        let missing = |i: &&usize| !self.fills.iter().any(|f| f.field == **i);
        let missing: Vec<&str> = required.iter().filter(missing).map(|&i| self.kind.fields[i].name).collect();
        if !missing.is_empty() && self.faults.is_empty() {
            let message = format!("the mapping leaves out required fields of {}: {}", self.kind.name, missing.join(", "));
            let help = "say where each is found in `fields`, or what it always is in `constants`";
            self.fault(self.binding.kind.span, message, "needs them", help);
        }
        required
    }
}
