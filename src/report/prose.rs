//! Prose that people wrote in Markdown.
//!
//! In: Markdown of a contract. Out: HTML without raw HTML, links and pictures, and the same as plain words. Refuses to fetch and to link.

use super::text::line;
use crate::error::visible;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// The prose as HTML: raw HTML is shown as text, links and pictures keep only their words, headings become paragraphs.
#[must_use]
pub fn html(text: &str) -> String {
    let text = visible(text);
    let mut out = String::new();
    pulldown_cmark::html::push_html(&mut out, Parser::new_ext(&text, Options::empty()).filter_map(tame));
    out
}

/// The prose as words on one line.
#[must_use]
pub fn words(text: &str) -> String {
    let text = visible(text);
    let mut out = String::new();
    for event in Parser::new_ext(&text, Options::empty()).filter_map(tame) {
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
}
