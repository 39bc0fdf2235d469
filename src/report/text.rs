//! Words made fit for a page.
//!
//! In: texts, of which some come from evidence. Out: the same with hidden characters shown, folded to one line, cut to a length, and
//! escaped for HTML or Markdown. Refuses to know what a text says.

use crate::error::visible;

/// The longest sentence that a page shows; `decision.json` has all of it.
const SENTENCE: usize = 600;
/// The longest name that a page shows.
const NAME: usize = 120;

/// A sentence: hidden characters shown, white space folded, cut when it is very long.
#[must_use]
pub fn line(text: &str) -> String {
    cut(text, SENTENCE)
}

/// As [`line`], begun with a capital unless it begins with a symbol or a name such as `p99` or `a/b.jsonl`, and ended with a full stop.
#[must_use]
pub fn sentence(text: &str) -> String {
    let text = line(text);
    let first = text.chars().next().filter(char::is_ascii_lowercase);
    let word = text.split(' ').next().is_some_and(|w| w.trim_end_matches([',', ':', ';']).chars().all(char::is_alphabetic));
    let text = match first {
        Some(c) if word => format!("{}{}", c.to_ascii_uppercase(), &text[1..]),
        _ => text,
    };
    if text.is_empty() || text.ends_with(['.', '!', '?']) { text } else { format!("{text}.") }
}

/// A name: as [`line`], cut sooner.
#[must_use]
pub fn name(text: &str) -> String {
    cut(text, NAME)
}

/// As [`line`], cut after `most` characters with a bare ellipsis.
#[must_use]
pub fn brief(text: &str, most: usize) -> String {
    let (mut out, rest) = head(text, most);
    if !rest.is_empty() {
        if let Some((last, _)) = out.char_indices().nth(most.saturating_sub(1)) {
            out.truncate(last);
        }
        out.push('…');
    }
    out
}

/// All of a text with hidden characters shown and white space folded.
fn fold(text: &str) -> String {
    head(text, usize::MAX).0
}

/// The first `most` characters of a text, hidden ones shown and white space folded, and what of the text is left. No more of it is looked
/// at than that takes, so that a word of a megabyte costs no more than a long one.
fn head(text: &str, most: usize) -> (String, &str) {
    let mut out = String::new();
    let (mut length, mut space) = (0, 0);
    for (at, c) in text.char_indices() {
        let shown = if c.is_ascii_graphic() { None } else { Some(visible(c.encode_utf8(&mut [0; 4]))) };
        let whole = shown.as_ref().is_none_or(|shown| shown.len() == c.len_utf8());
        if whole && c.is_whitespace() {
            space = usize::from(length > 0);
            continue;
        }
        let takes = if whole { 1 } else { shown.as_ref().map_or(1, |shown| shown.chars().count()) };
        if length + space + takes > most {
            return (out, text[at..].trim_end());
        }
        out.extend(std::iter::repeat_n(' ', space));
        match shown {
            Some(shown) => out.push_str(&shown),
            None => out.push(c),
        }
        (length, space) = (length + space + takes, 0);
    }
    (out, "")
}

fn cut(text: &str, most: usize) -> String {
    let (head, rest) = head(text, most);
    if rest.is_empty() { head } else { format!("{head}… ({} more characters)", group(rest.chars().count() as u64)) }
}

/// A dash for nothing.
#[must_use]
pub fn or_dash(text: &str) -> String {
    if text.is_empty() { "–".into() } else { line(text) }
}

/// A measured value: a name, or a dash for nothing.
#[must_use]
pub fn cell(text: &str) -> String {
    if text.is_empty() { "–".into() } else { name(text) }
}

/// A whole number with commas: `12,480`.
#[must_use]
pub fn group(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// `1 file`, `2 files`.
#[must_use]
pub fn count(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", group(n), if n == 1 { one } else { many })
}

/// A path as a word of a POSIX shell; none when it is long or holds what a reader cannot see.
#[must_use]
pub fn shell(path: &str) -> Option<String> {
    if path.chars().count() > 200 || path.contains(['\n', '\t']) || visible(path) != path {
        return None;
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '/' | '-' | '@' | '+' | ':' | ',' | '=');
    Some(if path.chars().all(plain) { path.to_string() } else { format!("'{}'", path.replace('\'', r"'\''")) })
}

/// The first twelve digits of a digest.
#[must_use]
pub fn short(digest: &str) -> String {
    digest.chars().take(12).collect()
}

/// What may stand in an `id` or a file name: lower case letters, digits, dots and hyphens.
#[must_use]
pub fn slug(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars().take(60) {
        let c = if c.is_ascii_alphanumeric() || c == '.' { c.to_ascii_lowercase() } else { '-' };
        if c != '-' || !out.ends_with('-') {
            out.push(c);
        }
    }
    out.trim_matches(['-', '.']).to_string()
}

/// Text escaped for HTML and XML, in elements and in quoted attributes.
#[must_use]
pub fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(c),
        }
    }
    out
}

/// Text escaped for Markdown: no markup, no link, no table cell and no block comes out of it. White space is folded.
#[must_use]
pub fn markdown(text: &str) -> String {
    let folded = fold(text);
    let chars: Vec<char> = folded.chars().collect();
    let inside = |i: usize| i > 0 && chars[i - 1].is_alphanumeric() && chars.get(i + 1).is_some_and(|c| c.is_alphanumeric());
    let mut out = String::with_capacity(folded.len() + 8);
    for (i, &c) in chars.iter().enumerate() {
        let special = match c {
            '\\' | '`' | '*' | '[' | ']' | '<' | '>' | '|' | '#' | '~' | '&' | '$' | '@' => true,
            '_' => !inside(i),
            '-' | '+' | '=' => i == 0 && chars.get(1).is_none_or(|next| matches!(next, ' ' | '-' | '=')),
            ':' => chars.get(i + 1) == Some(&'/'),
            '.' => opens_list(&chars, i) || i >= 3 && chars[i - 3..i].iter().all(|w| matches!(w, 'w' | 'W')),
            ')' => opens_list(&chars, i),
            _ => false,
        };
        if special {
            out.push('\\');
        }
        out.push(c);
        // GitHub's autolinks and mentions look at the text after escapes are gone; only a break within the word keeps an address from being a link.
        if c == '@' && chars.get(i + 1).is_some_and(|next| next.is_alphanumeric()) {
            out.push_str("<!-- -->");
        }
    }
    out
}

/// Whether the mark at `i` would turn the digits before it into a list item.
fn opens_list(chars: &[char], i: usize) -> bool {
    i > 0 && chars[..i].iter().all(char::is_ascii_digit) && chars.get(i + 1).is_none_or(|c| *c == ' ')
}

/// A code span for Markdown that may stand in a table. Text that a code span cannot hold there, or that a careless reader might take
/// for a tag, is escaped instead.
#[must_use]
pub fn code(text: &str) -> String {
    let folded = fold(text);
    if folded.is_empty() || folded.contains(['|', '\\', '<']) {
        return markdown(&folded);
    }
    let longest = folded.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let pad = if folded.starts_with('`') || folded.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{folded}{pad}{fence}")
}

/// Bytes in base 64, with padding.
#[must_use]
pub fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let mut word = 0u32;
        for i in 0..3 {
            word = word << 8 | u32::from(chunk.get(i).copied().unwrap_or(0));
        }
        for i in 0..4usize {
            let digit = (word >> (18 - 6 * i)) & 63;
            out.push(if i <= chunk.len() { char::from(ALPHABET[digit as usize]) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_is_plain_and_harmless() {
        assert_eq!(markdown("a|b <script> `x` **y**"), r"a\|b \<script\> \`x\` \*\*y\*\*");
        assert_eq!(markdown("leader_changes_per_minute _x_"), r"leader_changes_per_minute \_x\_");
        assert_eq!(markdown("# no heading\n- no list"), r"\# no heading - no list");
        assert_eq!(markdown("a@e.example @team @ x"), r"a\@<!-- -->e.example \@<!-- -->team \@ x");
        assert_eq!(markdown("- item"), r"\- item");
        assert_eq!(markdown("-0.25 s"), "-0.25 s");
        assert_eq!(markdown("1. item"), r"1\. item");
        assert_eq!(markdown("0.400 s"), "0.400 s");
        assert_eq!(markdown("see https://x.y or www.x.y"), r"see https\://x.y or www\.x.y");
        assert_eq!(markdown("a\u{202e}b"), r"a\\u{202e}b");
    }

    #[test]
    fn code_spans_cannot_be_left() {
        assert_eq!(code("a `b` c"), "``a `b` c``");
        assert_eq!(code("`"), "`` ` ``");
        assert_eq!(code("|S| ≥ Q"), r"\|S\| ≥ Q");
    }

    #[test]
    fn paths_are_words_of_a_shell() {
        assert_eq!(shell("a/b-1.jsonl").as_deref(), Some("a/b-1.jsonl"));
        assert_eq!(shell("a b/$(rm)'x").as_deref(), Some(r"'a b/$(rm)'\''x'"));
        assert_eq!([shell("a\u{202e}b"), shell("a\nb"), shell(&"x".repeat(201))], [None, None, None]);
    }

    #[test]
    fn base64_matches_the_known_words() {
        let cases = [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")];
        for (plain, coded) in cases {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }

    /// What is shown of a text is what folding all of it and cutting it then would show.
    #[test]
    fn a_cut_text_is_the_beginning_of_the_folded_one() {
        let texts =
            ["", " ", " a  b\tc\n d ", "a\u{202e}b", "\u{1b}[31m x", "é \u{85}\u{a0}ü", "a\r\nb", "word \u{200b}\u{200b}", "x  "];
        for text in texts {
            let all = visible(text).split_whitespace().collect::<Vec<_>>().join(" ");
            assert_eq!(fold(text), all, "{text:?}");
            for most in 0..all.chars().count() + 2 {
                let (shown, rest) = head(text, most);
                assert!(all.starts_with(&shown) && shown.chars().count() <= most, "{text:?} {most}: {shown:?}");
                assert_eq!(rest.is_empty(), shown == all, "{text:?} {most}: nothing is left out in silence");
                assert!(brief(text, most.max(1)).chars().count() <= most.max(1), "{text:?} {most}");
            }
        }
        let megabyte = format!("{}\u{202e}{}", "W".repeat(1 << 20), " ".repeat(1 << 20));
        assert_eq!(name(&megabyte), format!("{}… (1,048,457 more characters)", "W".repeat(120)));
    }

    #[test]
    fn long_names_are_cut_and_counted() {
        let long = "x".repeat(10_000);
        assert_eq!(name(&long).chars().count(), 120 + "… (9,880 more characters)".chars().count());
        assert_eq!(
            [sentence("no test"), sentence("p99 is"), sentence(""), sentence("a/b-1 is")],
            ["No test.", "p99 is.", "", "a/b-1 is."]
        );
        assert_eq!(slug("Leader/Crash  <b>"), "leader-crash-b");
    }
}
