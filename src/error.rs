//! What went wrong, for a person: kind, message, place, help.
//!
//! In: faults with spans or record places. Out: text with file, line, column, the line itself and a caret. All faults of
//! one step are carried together. Refuses to know exit codes.

use crate::source::{At, Sources, Span};
use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};
use std::borrow::Cow;

/// What kind of thing failed. The command line turns it into an exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The contract or the matrix is invalid.
    Contract,
    /// Evidence is there but cannot be read.
    Evidence,
    /// A package does not verify.
    Package,
    /// The command was used wrongly.
    Usage,
    /// Reading or writing failed, or the tool itself did.
    Internal,
}

/// A place in an evidence file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordPlace {
    /// Path below the evidence root.
    pub path: String,
    /// Line, from 1; 0 when the whole file is meant.
    pub line: u64,
    /// Byte in the line, from 1; 0 when the whole line is meant.
    pub byte: u64,
    /// The start of the line, shortened.
    pub excerpt: String,
}

/// Where a fault lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In a TOML text.
    Span(Span),
    /// In an evidence file.
    Record(RecordPlace),
}

/// One fault: a message, the places it concerns (the first is the main one), and help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Lower case, names the offender.
    pub message: String,
    /// Places with a short label each.
    pub places: Vec<(Place, String)>,
    /// What would have been right.
    pub help: Option<String>,
}

impl Fault {
    /// A fault without a place.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), places: Vec::new(), help: None }
    }

    /// A fault at a place in a TOML text.
    pub fn at(span: Span, message: impl Into<String>, label: impl Into<String>) -> Self {
        Self::new(message).and(span, label)
    }

    /// A fault at a record.
    pub fn record(place: RecordPlace, message: impl Into<String>) -> Self {
        Self { message: message.into(), places: vec![(Place::Record(place), String::new())], help: None }
    }

    /// Also points at another span.
    #[must_use]
    pub fn and(mut self, span: Span, label: impl Into<String>) -> Self {
        self.places.push((Place::Span(span), label.into()));
        self
    }

    /// Adds help.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// The most faults that are drawn; the rest are counted.
const MAX_SHOWN: usize = 50;

/// One or more faults of one kind.
#[derive(Debug, Clone)]
pub struct Error {
    /// The kind.
    pub kind: ErrorKind,
    /// All that was found.
    pub faults: Vec<Fault>,
}

impl Error {
    /// An error of one fault.
    #[must_use]
    pub fn one(kind: ErrorKind, fault: Fault) -> Self {
        Self { kind, faults: vec![fault] }
    }

    /// An error that is only a message.
    pub fn plain(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self::one(kind, Fault::new(message))
    }

    /// The faults as text; `styled` adds terminal colours.
    #[must_use]
    pub fn render(&self, sources: &Sources, styled: bool) -> String {
        let renderer = if styled { Renderer::styled() } else { Renderer::plain() };
        let shown = self.faults.iter().take(MAX_SHOWN).map(|f| render_fault(f, sources, &renderer));
        let mut text = shown.collect::<Vec<String>>().join("\n\n");
        text.push('\n');
        if self.faults.len() > MAX_SHOWN {
            text.push_str(&format!("\nand {} more faults\n", self.faults.len() - MAX_SHOWN));
        }
        text
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let messages: Vec<&str> = self.faults.iter().map(|x| x.message.as_str()).collect();
        write!(f, "{}", messages.join("; "))
    }
}

impl std::error::Error for Error {}

fn render_fault(fault: &Fault, sources: &Sources, renderer: &Renderer) -> String {
    let mut group = Level::ERROR.primary_title(in_line(&fault.message)).elements(std::iter::empty::<Origin>());
    let mut spans: Vec<(Span, &str, bool)> = Vec::new();
    for (i, (place, label)) in fault.places.iter().enumerate() {
        match place {
            Place::Span(span) => spans.push((*span, label, i == 0)),
            // Of a file as a whole, and of a line that is gone by, there is nothing to show.
            Place::Record(record) if record.excerpt.is_empty() => {
                let origin = Origin::path(in_line(&record.path));
                let line = usize::try_from(record.line).ok().filter(|line| *line > 0);
                group = group.element(line.map_or(origin.clone(), |line| origin.line(line)));
            }
            Place::Record(record) => group = group.element(record_snippet(record)),
        }
    }
    let mut order: Vec<_> = spans.iter().map(|s| s.0.source).collect();
    order.dedup();
    for id in order {
        let source = sources.get(id);
        let shown = Shown::of(&source.text);
        let mut snippet = Snippet::source(shown.text.to_string()).path(in_line(&source.path)).fold(true);
        for (span, label, main) in spans.iter().filter(|s| s.0.source == id) {
            let kind = if *main { AnnotationKind::Primary } else { AnnotationKind::Context };
            let range = shown.at(span.range().start)..shown.at(span.range().end);
            snippet = snippet.annotation(kind.span(range).label(in_line(label)));
        }
        group = group.element(snippet);
    }
    if let Some(help) = &fault.help {
        group = group.element(Level::HELP.message(in_line(help)));
    }
    renderer.render(&[group])
}

/// A text of people with its hidden characters shown, and where each place of it went.
struct Shown<'t> {
    text: Cow<'t, str>,
    /// Past which byte of the text as it was written how many bytes more the shown one has.
    longer: Vec<(usize, usize)>,
}

impl<'t> Shown<'t> {
    fn of(text: &'t str) -> Self {
        // A carriage return before a line feed ends a line, as the feed alone does.
        let bare = |at: usize, c: char| c == '\r' && !text[at + 1..].starts_with('\n');
        let strange = |(at, c): &(usize, char)| (hidden(*c) && *c != '\r') || bare(*at, *c);
        let (mut out, mut longer, mut last, mut more) = (String::new(), Vec::new(), 0, 0);
        for (at, c) in text.char_indices().filter(strange) {
            let end = at + c.len_utf8();
            let drawn = escape(c);
            out.push_str(&text[last..at]);
            out.push_str(&drawn);
            more += drawn.len() - c.len_utf8();
            longer.push((end, more));
            last = end;
        }
        if longer.is_empty() {
            return Self { text: Cow::Borrowed(text), longer };
        }
        out.push_str(&text[last..]);
        Self { text: Cow::Owned(out), longer }
    }

    /// Where a place of the text is in what is shown.
    fn at(&self, byte: usize) -> usize {
        let before = self.longer.partition_point(|(end, _)| *end <= byte);
        byte + before.checked_sub(1).map_or(0, |i| self.longer[i].1)
    }
}

fn record_snippet(record: &RecordPlace) -> Snippet<'static, annotate_snippets::Annotation<'static>> {
    // Tabs stay: they are drawn as blanks.
    let shown = |text: &str| visible(text).replace('\n', "\\u{a}");
    let text = shown(&record.excerpt);
    let byte = usize::try_from(record.byte.saturating_sub(1)).unwrap_or(usize::MAX).min(record.excerpt.len());
    let byte = (0..=byte).rev().find(|&i| record.excerpt.is_char_boundary(i)).unwrap_or(0);
    let start = shown(&record.excerpt[..byte]).len();
    let end = (start + 1..=text.len()).find(|&i| text.is_char_boundary(i)).unwrap_or(text.len());
    let line = usize::try_from(record.line.max(1)).unwrap_or(1);
    let path = in_line(&record.path);
    Snippet::source(text).path(path).line_start(line).annotation(AnnotationKind::Primary.span(start..end))
}

/// Text from outside with control and bidirectional characters shown as escapes, so that a terminal or a page cannot be
/// steered by evidence.
#[must_use]
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if hidden(c) {
            out.push_str(&escape(c));
        } else {
            out.push(c);
        }
    }
    out
}

/// Whether a character is not seen, or steers what shows it.
fn hidden(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t')
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(c, '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}' | '\u{e0000}'..='\u{e007f}')
}

fn escape(c: char) -> String {
    format!("\\u{{{:x}}}", c as u32)
}

/// Text from outside as part of one line: as [`visible`], with line ends and tabs as escapes too, so that evidence can print no line of its own.
#[must_use]
pub fn in_line(text: &str) -> String {
    visible(text).replace('\n', "\\u{a}").replace('\t', "\\u{9}")
}

/// The known name that is nearest to `name`, if any is near enough to be a likely slip.
#[must_use]
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|k| (strsim::jaro_winkler(name, k), k))
        .filter(|(score, _)| *score > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(a.1)))
        .map(|(_, k)| k)
}

/// A fault when a written name is not among the known ones, with the nearest of them as help.
pub fn unknown<'a>(name: &At<String>, what: &str, known: impl Iterator<Item = &'a str> + Clone) -> Option<Fault> {
    if known.clone().any(|k| k == name.value) {
        return None;
    }
    let help = match nearest(&name.value, known.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known: {}", known.collect::<Vec<_>>().join(", ")),
    };
    Some(Fault::at(name.span, format!("unknown {what} `{}`", name.value), format!("no such {what}")).help(help))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_characters_of_a_text_are_drawn_and_carets_stay_under_their_words() {
        let text = "a = \"\u{9b}31mRED\u{200b}\u{feff}\"\r\nb = \"\u{2028}\" # \u{ad}\u{e0041}\nc = nope\r\n";
        let mut sources = Sources::default();
        let source = sources.add("x.toml", text);
        let at = |word: &str| {
            let start = text.find(word).expect("there") as u32;
            Span { source, start, end: start + word.len() as u32 }
        };
        let fault = Fault::at(at("RED"), "one", "red").and(at("nope"), "this").and(at("# "), "a comment");
        let drawn = Error::one(ErrorKind::Contract, fault).render(&sources, false);
        assert!(!drawn.chars().any(hidden), "{drawn:?}");
        assert!(drawn.contains(r#"a = "\u{9b}31mRED\u{200b}\u{feff}""#), "{drawn}");
        let lines: Vec<&str> = drawn.lines().collect();
        for word in ["RED", "nope", "# "] {
            let row = lines.iter().position(|l| l.contains(word)).expect("the line");
            let (column, under) = (lines[row].find(word).expect("there"), lines[row + 1]);
            let marked = under.find(['^', '-']).expect("a mark");
            assert_eq!(under[..marked].chars().count(), lines[row][..column].chars().count(), "{drawn}");
        }
    }

    #[test]
    fn a_text_without_hidden_characters_is_drawn_as_it_is() {
        assert!(matches!(Shown::of("a = 1\r\n\tb = 2\n").text, Cow::Borrowed(_)));
        assert_eq!(Shown::of("a\rb").text, "a\\u{d}b");
    }
}
