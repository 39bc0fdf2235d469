//! The report: a page, a Markdown text, a style sheet and plots, made from a dossier.
//!
//! In: a [`Dossier`] and [`Templates`]. Out: paths and bytes, the same for the same input. Text from evidence is escaped wherever it
//! stands, hidden characters are shown, and no link is made from it. Refuses to judge, to read files and to know packages.

mod chart;
pub mod check;
pub mod ci;

mod page;
mod prose;
mod table;
mod templates;
pub(crate) mod text;
mod view;

pub use templates::Templates;
pub use view::equation;

use crate::dossier::Dossier;
use crate::error::{Error, ErrorKind};
use sha2::{Digest, Sha256};

/// Files of the report: path below `report/`, and bytes; sorted by path.
pub type Files = Vec<(String, Vec<u8>)>;

/// Renders the report.
///
/// # Errors
/// When a template that was handed in does not parse or asks for something that is not there.
pub fn render(dossier: &Dossier, templates: &Templates) -> Result<Files, Error> {
    let charts = chart::all(dossier);
    let view = view::view(dossier, &charts);
    let policy = policy(templates.css());
    let mut files: Files = vec![
        ("index.html".into(), page::page(templates, "report.html", &view, &policy)?.into_bytes()),
        ("report.css".into(), templates.css().as_bytes().to_vec()),
        ("report.md".into(), tidy(&page::page(templates, "report.md", &view, &policy)?).into_bytes()),
    ];
    files.extend(charts.into_iter().map(|c| (c.file(), c.svg.into_bytes())));
    files.sort();
    Ok(files)
}

/// What the templates see, as JSON: `v` (the view), `css` and `policy`. For people who write their own.
///
/// # Errors
/// Never for a view made here; the signature leaves it to the caller.
pub fn context(dossier: &Dossier, templates: &Templates) -> Result<Vec<u8>, Error> {
    let view = view::view(dossier, &chart::all(dossier));
    let seen = serde_json::json!({ "v": view, "css": templates.css(), "policy": policy(templates.css()) });
    let mut bytes = serde_json::to_vec_pretty(&seen).map_err(|e| Error::plain(ErrorKind::Internal, e.to_string()))?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// The policy of the page: no script, and no fetch but its own style sheet and plots (`file:` for browsers to which a page from a file has no
/// `'self'`). There is no inline style: Jenkins' policy blocks it and would say so. A template of one's own may hold the style sheet inline: its
/// digest is allowed.
fn policy(css: &str) -> String {
    let digest = text::base64(&Sha256::digest(css.as_bytes()));
    format!(
        "default-src 'none'; img-src 'self' file:; style-src 'self' file: 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
}

/// Markdown without white space at line ends and without two empty lines in a row, its small tables aligned.
fn tidy(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut empty = true;
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let aligned = table::align(&lines);
    for line in aligned.iter().map(|l| l.as_ref()) {
        if !(line.is_empty() && empty) {
            out.push_str(line);
            out.push('\n');
        }
        empty = line.is_empty();
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}
