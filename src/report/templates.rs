//! The texts that pages are made from, built in or handed in.
//!
//! In: texts by name. Out: the same with their digests, so that a package can record which were used. Refuses to read folders.

use crate::error::{Error, ErrorKind, Fault, nearest};
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

    /// The texts that minijinja renders, by name.
    pub(super) fn pages(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.texts.iter().filter(|t| *t.0 != "report.css").map(|(name, text)| (*name, text.as_str()))
    }

    /// The style sheet.
    pub(super) fn css(&self) -> &str {
        self.texts.get("report.css").map_or("", String::as_str)
    }
}
