//! Markdown tables that read well raw.
//!
//! In: lines of Markdown. Out: the same lines, cells of narrow tables padded to the width of their column. Wide tables stay short lines.
//! Refuses to change a word: only spaces between pipes are added.

use std::borrow::Cow;

/// The widest table that is aligned, in characters. Wider ones would only gain white space.
const WIDEST: usize = 160;

/// Pads the cells of every table that is narrow enough.
pub(super) fn align<'a>(lines: &[&'a str]) -> Vec<Cow<'a, str>> {
    let mut out: Vec<Cow<'a, str>> = Vec::with_capacity(lines.len());
    let mut at = 0;
    while at < lines.len() {
        let end = lines[at..].iter().position(|l| !l.starts_with('|')).map_or(lines.len(), |n| at + n);
        if end - at < 2 {
            out.push(Cow::Borrowed(lines[at]));
            at += 1;
            continue;
        }
        out.extend(table(&lines[at..end]));
        at = end;
    }
    out
}

fn table<'a>(lines: &[&'a str]) -> Vec<Cow<'a, str>> {
    let rows: Vec<Vec<&str>> = lines.iter().map(|l| cells(l)).collect();
    let columns = rows[0].len();
    let same = || lines.iter().map(|l| Cow::Borrowed(*l)).collect();
    if rows.iter().any(|r| r.len() != columns)
        || !rows[1].iter().all(|c| c.len() >= 3 && c.bytes().all(|b| matches!(b, b'-' | b':')))
    {
        return same();
    }
    let width = |c: usize| rows.iter().map(|r| r[c].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    if widths.iter().sum::<usize>() + 3 * columns + 1 > WIDEST {
        return same();
    }
    let right: Vec<bool> = rows[1].iter().map(|c| c.ends_with(':')).collect();
    let cell = |n: usize, c: usize, text: &str| match (n, right[c]) {
        (1, true) => format!("{}:", "-".repeat(widths[c] - 1)),
        (1, false) => "-".repeat(widths[c]),
        (_, true) => format!("{}{text}", " ".repeat(widths[c] - text.chars().count())),
        (_, false) => format!("{text}{}", " ".repeat(widths[c] - text.chars().count())),
    };
    let line = |(n, row): (usize, &Vec<&str>)| {
        let padded: Vec<String> = row.iter().enumerate().map(|(c, text)| cell(n, c, text)).collect();
        Cow::Owned(format!("| {} |", padded.join(" | ")))
    };
    rows.iter().enumerate().map(line).collect()
}

/// The cells of a line, without the spaces around them. A pipe after a backslash is no border.
fn cells(line: &str) -> Vec<&str> {
    let inner = line.strip_prefix('|').unwrap_or(line);
    let (mut out, mut from, mut escaped) = (Vec::new(), 0, false);
    for (i, b) in inner.bytes().enumerate() {
        match b {
            b'\\' => escaped = !escaped,
            b'|' if !escaped => {
                out.push(inner[from..i].trim());
                from = i + 1;
            }
            _ => escaped = false,
        }
    }
    if !inner[from..].trim().is_empty() {
        out.push(inner[from..].trim());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn narrow_tables_are_aligned_and_nothing_else_changes() {
        let text = ["a", "| x | n |", "| --- | ---: |", r"| l\|ong | 1 |", "| ≥ | 12,000 |", "", "| lone"];
        let want =
            ["a", "| x      |      n |", "| ------ | -----: |", r"| l\|ong |      1 |", "| ≥      | 12,000 |", "", "| lone"];
        assert_eq!(align(&text), want);
        let wide = format!("| {} | b |", "w".repeat(WIDEST));
        let text = ["| a | b |", "| --- | --- |", wide.as_str()];
        assert_eq!(align(&text), text);
        let uneven = ["| a | b |", "| --- | --- |", "| c |"];
        assert_eq!(align(&uneven), uneven);
        assert_eq!(cells(r"| a \\| b |"), [r"a \\", "b"]);
    }
}
