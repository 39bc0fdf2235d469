//! The plan: bindings grouped by file, bound to kinds, fields and formats.
//!
//! In: a matrix. Out: one [`FilePlan`] a file, or every binding that names what there is not. Refuses to open files.

use super::format::{self, FORMATS, Format};
use super::lines::Lines;
use super::mapping::compile;
use super::output::{Output, unknown};
use super::rows::Recipe;
use super::shape::Shape;
use crate::contract::{Binding, Matrix};
use crate::error::Fault;
use crate::evidence::kinds;
use std::collections::BTreeMap;

/// One file and all its bindings.
#[derive(Debug)]
pub struct FilePlan<'m> {
    /// Its path below the evidence root.
    pub path: &'m str,
    /// Its format.
    pub format: &'static Format,
    /// How its lines are read; events have no lines.
    pub lines: Option<&'static Lines>,
    /// Which cells of its records are wanted.
    pub shape: Shape,
    /// The bindings.
    pub outputs: Vec<Output<'m>>,
    /// How the rows of each are made.
    pub recipes: Vec<Recipe>,
}

/// The plan of a matrix, files sorted by path.
///
/// # Errors
/// Every binding that cannot be followed.
pub fn plan(matrix: &Matrix) -> Result<Vec<FilePlan<'_>>, Vec<Fault>> {
    let mut faults = Vec::new();
    let mut files: BTreeMap<&str, FilePlan<'_>> = BTreeMap::new();
    let bindings = matrix.tests.iter().flat_map(|t| t.evidence.iter().map(move |b| (t.id.value.as_str(), b)));
    for (order, (test, binding)) in bindings.enumerate() {
        let Some(format) = find_format(binding).map_err(|f| faults.push(f)).ok() else { continue };
        let path = binding.path.value.as_str();
        let new = || FilePlan {
            path,
            format,
            lines: format.lines(),
            shape: Shape::default(),
            outputs: Vec::new(),
            recipes: Vec::new(),
        };
        let file = files.entry(path).or_insert_with(new);
        if file.format.name != format.name {
            let message = format!("{path} is bound as {} and as {}", file.format.name, format.name);
            let fault = Fault::at(binding.path.span, message, format!("as {} here", format.name));
            faults.push(match file.outputs.first() {
                Some(first) => fault.and(first.binding.path.span, format!("as {} here", file.format.name)),
                None => fault,
            });
            continue;
        }
        let Some(kind) = kinds::kind(&binding.kind.value) else {
            faults.push(unknown(&binding.kind, "evidence kind", kinds::KINDS.iter().map(|k| k.name)));
            continue;
        };
        if let (Some(_), Some(_)) = (&binding.each, format.lines().and_then(|l| l.columns)) {
            faults.push(Fault::at(binding.path.span, format!("{} has no arrays for `each`", format.name), "bound here"));
            continue;
        }
        if format.lines().is_none()
            && let Some(fault) = unfit(binding, format)
        {
            faults.push(fault);
            continue;
        }
        match compile((order, test), binding, kind, &mut file.shape) {
            Ok((recipe, output)) => {
                file.outputs.push(output);
                file.recipes.push(recipe);
            }
            Err(found) => faults.extend(found),
        }
    }
    if faults.is_empty() { Ok(files.into_values().collect()) } else { Err(faults) }
}

/// What a binding of a file of events cannot say.
fn unfit(binding: &Binding, format: &Format) -> Option<Fault> {
    let mapped = !binding.fields.is_empty() || !binding.when.is_empty() || !binding.unless.is_empty();
    let span = binding.path.span;
    if !matches!(binding.kind.value.as_str(), "history" | "faults") {
        let message = format!("{} holds history and faults, not {}", format.name, binding.kind.value);
        return Some(Fault::at(binding.kind.span, message, "bound here"));
    }
    if let Some(lock) = &binding.lock {
        return Some(Fault::at(lock.span, format!("{} has no first line that could name a lock", format.name), "leave it out"));
    }
    if mapped || binding.each.is_some() || binding.pair.is_some() {
        let message = format!("{} is read as it is: it has no fields to be named", format.name);
        return Some(Fault::at(span, message, "leave `fields`, `when`, `unless`, `each` and `pair` out"));
    }
    if matches!(binding.whole, Some(crate::contract::Whole::Marks { .. })) {
        let fault = Fault::at(span, format!("{} has no marks around its records", format.name), "bound here");
        return Some(fault.help("whole = { covers-run-within = \"5s\" }"));
    }
    None
}

fn find_format(binding: &Binding) -> Result<&'static Format, Fault> {
    match &binding.format {
        Some(name) => format::by_name(&name.value).ok_or_else(|| unknown(name, "format", FORMATS.iter().map(|f| f.name))),
        None => format::by_ending(&binding.path.value).ok_or_else(|| {
            let names: Vec<&str> = FORMATS.iter().map(|f| f.name).collect();
            let message = format!("the format of {} is not known from its ending", binding.path.value);
            Fault::at(binding.path.span, message, "which format?").help(format!("declare `format`: {}", names.join(", ")))
        }),
    }
}
