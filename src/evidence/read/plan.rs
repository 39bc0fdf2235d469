//! The plan: bindings grouped by file, bound to kinds, fields and formats.
//!
//! In: a matrix. Out: one [`FilePlan`] a file, or every binding that names what there is not. Refuses to open files.

use super::format::{self, FORMATS, Format};
use super::mapping::compile;
use super::rows::{Condition, Loc, Recipe};
use super::shape::Shape;
use crate::contract::{Binding, Matrix};
use crate::error::{Fault, nearest};
use crate::evidence::kinds;
use crate::source::{At, Span};
use std::collections::BTreeMap;

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

/// One file and all its bindings.
#[derive(Debug)]
pub struct FilePlan<'m> {
    /// Its path below the evidence root.
    pub path: &'m str,
    /// Its format.
    pub format: &'static Format,
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
        let new = || FilePlan { path, format, shape: Shape::default(), outputs: Vec::new(), recipes: Vec::new() };
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
        if let (Some(_), Some(_)) = (&binding.each, format.columns) {
            faults.push(Fault::at(binding.path.span, format!("{} has no arrays for `each`", format.name), "bound here"));
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

/// A fault that names what there is not, and the nearest of what there is.
pub(super) fn unknown<'a>(name: &At<String>, what: &str, known: impl Iterator<Item = &'a str> + Clone) -> Fault {
    let help = match nearest(&name.value, known.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known: {}", known.collect::<Vec<_>>().join(", ")),
    };
    Fault::at(name.span, format!("unknown {what} `{}`", name.value), format!("no such {what}")).help(help)
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
