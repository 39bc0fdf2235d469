//! The texts that pages are made from, built in or handed in.
//!
//! In: texts by name. Out: the same with their digests, so that a package can record which were used. Refuses to read folders.

use crate::error::{Error, ErrorKind, Fault, RecordPlace, nearest};
use crate::store::sha256;
use std::collections::BTreeMap;

/// The longest template, in bytes.
pub(super) const MOST: usize = 128 << 10;

const BUILT_IN: [(&str, &str); 7] = [
    ("report.css", include_str!("../../templates/report.css")),
    ("report.html", include_str!("../../templates/report.html")),
    ("parts.html", include_str!("../../templates/parts.html")),
    ("sections.html", include_str!("../../templates/sections.html")),
    ("report.md", include_str!("../../templates/report.md")),
    ("parts.md", include_str!("../../templates/parts.md")),
    ("sections.md", include_str!("../../templates/sections.md")),
];

/// The most characters of a line that an error shows.
const EXCERPT: usize = 200;

/// The templates and the style sheet of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Templates {
    texts: BTreeMap<&'static str, String>,
}

impl Default for Templates {
    fn default() -> Self {
        Self { texts: BUILT_IN.iter().map(|(name, text)| (*name, (*text).to_string())).collect() }
    }
}

impl Templates {
    /// The names that can be replaced.
    #[must_use]
    pub fn names() -> Vec<&'static str> {
        BUILT_IN.iter().map(|b| b.0).collect()
    }

    /// Puts another text in the place of a built-in one. Line ends become LF.
    ///
    /// # Errors
    /// When no template has that name, or when a style sheet cannot stand inside a page.
    pub fn replace(&mut self, name: &str, text: &str) -> Result<(), Error> {
        let Some((known, _)) = BUILT_IN.iter().find(|b| b.0 == name) else {
            let names = Self::names();
            let help = nearest(name, names.iter().copied())
                .map_or_else(|| format!("templates are {}", names.join(", ")), |near| format!("did you mean `{near}`?"));
            return Err(Error::one(ErrorKind::Usage, Fault::new(format!("unknown template `{name}`")).help(help)));
        };
        if text.len() > MOST {
            let message = format!("template `{name}` has {} bytes, and {MOST} are allowed", text.len());
            return Err(Error::plain(ErrorKind::Usage, message));
        }
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        if name == "report.css" && (text.to_ascii_lowercase().contains("</style") || text.contains('\0')) {
            return Err(Error::plain(ErrorKind::Usage, "report.css must hold neither `</style` nor a NUL byte"));
        }
        self.texts.insert(known, text);
        Ok(())
    }

    /// Name and SHA-256 in hex of every text, sorted by name.
    #[must_use]
    pub fn digests(&self) -> Vec<(String, String)> {
        self.texts.iter().map(|(name, text)| ((*name).to_string(), sha256(text.as_bytes()))).collect()
    }

    /// The texts that are not the built-in ones, by name.
    pub fn overrides(&self) -> impl Iterator<Item = (&'static str, &str)> {
        BUILT_IN.iter().filter_map(|(name, built_in)| {
            let text = self.texts.get(name)?;
            (text != built_in).then_some((*name, text.as_str()))
        })
    }

    /// What is wrong with a template, at its line and column, with the words that it is about.
    pub(super) fn fault(&self, kind: ErrorKind, error: &minijinja::Error) -> Error {
        let what = error.detail().map_or_else(|| error.kind().to_string(), |detail| format!("{}: {detail}", error.kind()));
        let (Some(name), Some(line)) = (error.name(), error.line()) else {
            return Error::plain(kind, format!("template: {what}"));
        };
        let text = self.texts.get(name).map_or("", String::as_str);
        let excerpt: String = text.lines().nth(line.saturating_sub(1)).unwrap_or_default().chars().take(EXCERPT).collect();
        let start = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum::<usize>();
        let span = error.range().filter(|span| span.start >= start && span.start - start < excerpt.len());
        let about = span.as_ref().and_then(|span| text.get(span.clone())).filter(|t| !t.contains('\n') && t.len() <= EXCERPT);
        let about = about.map_or_else(String::new, |t| format!(" `{t}`"));
        let byte = span.map_or(0, |span| (span.start - start) as u64 + 1);
        let place = RecordPlace { path: name.into(), line: line as u64, byte, excerpt };
        Error::one(kind, Fault::record(place, format!("template {name}: {what}{about}")))
    }

    /// The texts that minijinja renders, by name.
    pub(super) fn pages(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.texts.iter().filter(|t| *t.0 != "report.css").map(|(name, text)| (*name, text.as_str()))
    }

    /// The style sheet.
    pub(super) fn css(&self) -> &str {
        self.texts.get("report.css").map_or("", String::as_str)
    }
}
