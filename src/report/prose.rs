//! Prose that people wrote in Markdown.
//!
//! In: Markdown of a contract. Out: HTML without raw HTML, links and pictures, and the same as plain words. Refuses to fetch and to link.

use super::text::{group, line};
use crate::error::visible;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// How much of a prose a page shows, in characters; the contract in the package has all of it.
const MOST: usize = 20_000;

/// The prose as HTML: raw HTML is shown as text, links and pictures keep only their words, headings become paragraphs. Hidden characters are
/// shown, also those that were written as entities.
#[must_use]
pub fn html(text: &str) -> String {
    let text = bounded(text);
    let events = events(&text).map(|event| match event {
        Event::Text(words) => Event::Text(visible(&words).into()),
        Event::Code(words) => Event::Code(visible(&words).into()),
        other => other,
    });
    let mut out = String::new();
    pulldown_cmark::html::push_html(&mut out, events);
    out
}

/// The prose as words on one line.
#[must_use]
pub fn words(text: &str) -> String {
    let text = bounded(text);
    let mut out = String::new();
    for event in events(&text) {
        match event {
            Event::Text(words) | Event::Code(words) => out.push_str(&words),
            Event::SoftBreak | Event::HardBreak | Event::Rule => out.push(' '),
            Event::End(TagEnd::Paragraph | TagEnd::Item | TagEnd::CodeBlock) => out.push(' '),
            Event::Start(Tag::Item) => out.push_str("– "),
            _ => {}
        }
    }
    line(&out)
}

fn bounded(text: &str) -> String {
    match text.char_indices().nth(MOST) {
        None => visible(text),
        Some((end, _)) => {
            let left = group(text[end..].chars().count() as u64);
            format!("{}… ({left} more characters)", visible(&text[..end]))
        }
    }
}

/// What a prose comes to. A definition of a link would vanish with its links: it is shown as it was written.
fn events(text: &str) -> impl Iterator<Item = Event<'_>> {
    let parser = Parser::new_ext(text, Options::empty());
    let mut spans: Vec<_> = parser.reference_definitions().iter().map(|(_, definition)| definition.span.clone()).collect();
    spans.sort_by_key(|span| span.start);
    let definitions = spans.into_iter().flat_map(|span| {
        let words = text.get(span).unwrap_or_default();
        [Event::Start(Tag::Paragraph), Event::Text(words.into()), Event::End(TagEnd::Paragraph)]
    });
    parser.filter_map(tame).chain(definitions)
}

fn tame(event: Event<'_>) -> Option<Event<'_>> {
    match event {
        Event::Html(raw) | Event::InlineHtml(raw) => Some(Event::Text(raw)),
        Event::Start(Tag::Link { .. } | Tag::Image { .. } | Tag::HtmlBlock) => None,
        Event::End(TagEnd::Link | TagEnd::Image | TagEnd::HtmlBlock) => None,
        Event::Start(Tag::Heading { .. }) => Some(Event::Start(Tag::Paragraph)),
        Event::End(TagEnd::Heading(_)) => Some(Event::End(TagEnd::Paragraph)),
        Event::Start(Tag::CodeBlock(_)) => Some(Event::Start(Tag::CodeBlock(pulldown_cmark::CodeBlockKind::Indented))),
        other => Some(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_is_tamed() {
        let text = "# T\n*a* <b>x</b> [go](javascript:1) ![p](http://x)\n\n<script>1</script>";
        let page = html(text);
        assert!(page.contains("<em>a</em>") && page.contains("&lt;b&gt;x") && page.contains("&lt;script&gt;"), "{page}");
        assert!(
            !page.contains("<a") && !page.contains("<img") && !page.contains("javascript") && !page.contains("<h1"),
            "{page}"
        );
        assert_eq!(words("*a* `b`\n\n- c\n- d"), "a b – c – d");
    }

    #[test]
    fn nothing_is_hidden_and_nothing_is_lost() {
        let entities = html("a&#x202e;b &#8203; `&#27;` &#27;[31m &#7; &#65534;");
        assert!(!entities.contains(['\u{202e}', '\u{200b}', '\u{1b}', '\u{7}', '\u{fffe}']), "{entities:?}");
        assert!(entities.contains("a\\u{202e}b \\u{200b}"), "{entities}");
        let definition = "[x]: http://e.example \"all of the risk\"";
        assert!(html(definition).contains("all of the risk") && words(definition).contains("all of the risk"));
        let long = "W".repeat(1 << 20);
        assert!(html(&long).contains("… (1,028,576 more characters)") && html(&long).len() < 21_000);
    }
}
