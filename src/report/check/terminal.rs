//! The answer in the terminal: what was read and assumed, the keys, and the counterexample as bars.

use super::{Bars, middle, time};
use crate::check::{Answer, Checked, Example, KeyFacts, Mark, OpFacts};
use crate::error::in_line;
use std::fmt::Write;

/// The most keys that are listed.
const KEYS: usize = 10;
/// The width of the bars, and the narrowest they get beside a long label.
const BARS: usize = 48;
const NARROW: usize = 16;
/// The longest name of a key or process, the longest operation with its place, and the shortest that a narrow terminal makes of it, in characters.
const NAME: usize = 40;
const LABEL: usize = 120;
const SHORT: usize = 24;
/// What a line of the counterexample has beside its label and its bar.
const FRAME: usize = 7;

/// The whole text, with the counterexample as wide as the terminal when that is known. Long names are cut in their middle.
#[must_use]
pub fn terminal(checked: &Checked, columns: Option<usize>) -> String {
    let mut out = String::new();
    for file in &checked.files {
        let guessed = if file.format_guessed { " (guessed)" } else { "" };
        let (path, records) = (in_line(&file.path), file.records);
        let _ = writeln!(out, "{path}: read as {}{guessed}; {records} records; sha256:{}", file.format, file.sha256);
    }
    let guessed = if checked.model_guessed { " (guessed)" } else { "" };
    let nil = if checked.model.ends_with("register") { format!(", nil-read {}", checked.nil_read) } else { String::new() };
    let skew = if checked.skew_ns == 0 { String::new() } else { format!(", skew {}", time(checked.skew_ns, false)) };
    let _ = writeln!(out, "model {}{guessed}, initial {}{nil}{skew}", checked.model, in_line(&checked.initial));
    for assumed in &checked.assumed {
        let _ = writeln!(out, "note: {}", in_line(assumed));
    }
    let _ = writeln!(out, "\n{}", headline(checked));
    keys(checked, &mut out);
    let first = checked.keys.iter().find_map(|key| Some((key, key.example.as_ref()?)));
    if let Some((key, example)) = first {
        counterexample(key, example, (checked.order_only, columns), &mut out);
    }
    out
}

/// The answer in one line.
pub(super) fn headline(checked: &Checked) -> String {
    let count = |answer| checked.keys.iter().filter(|k| k.answer == answer).count();
    let all = checked.keys.len();
    let ok = checked.ok;
    match checked.answer {
        Answer::Linearizable => format!("LINEARIZABLE: {ok} successful of {} operations, {all} keys", checked.operations),
        Answer::NotLinearizable => {
            format!("NOT LINEARIZABLE: {} of {all} keys are contradicted", count(Answer::NotLinearizable))
        }
        Answer::Undecided => format!("UNDECIDED: {}", in_line(checked.why.as_deref().unwrap_or("not known"))),
    }
}

fn name(key: &KeyFacts) -> String {
    key.key.as_deref().map_or("(one object)".into(), |key| middle(&in_line(key), NAME))
}

fn keys(checked: &Checked, out: &mut String) {
    let width = checked.keys.iter().take(KEYS).map(|k| name(k).chars().count()).max().unwrap_or(0);
    for key in checked.keys.iter().take(KEYS) {
        let glyph = match key.answer {
            Answer::Linearizable => "✔",
            Answer::NotLinearizable => "✖",
            Answer::Undecided => "?",
        };
        let why = key.why.as_deref().map(|w| format!("; {}", in_line(w))).unwrap_or_default();
        let (name, word, method) = (name(key), key.answer.word(), &key.method);
        let _ = writeln!(
            out,
            "  {glyph} {name:width$}  {word:<16} {:>8} operations  {method} ({}){why}",
            key.operations,
            in_line(&key.method_why)
        );
    }
    if checked.keys.len() > KEYS {
        let _ = writeln!(out, "  … and {} more keys", checked.keys.len() - KEYS);
    }
}

fn counterexample(key: &KeyFacts, example: &Example, (order_only, columns): (bool, Option<usize>), out: &mut String) {
    let _ = writeln!(out, "\nkey {}: {}", name(key), in_line(&example.why));
    match example.margin_ns {
        Some(margin) if order_only => {
            let _ = writeln!(out, "it rests on the order of lines, which differ by {margin}");
        }
        Some(margin) => {
            let _ = writeln!(out, "clocks would have to be wrong by {} to excuse it", time(margin, false));
        }
        None => {}
    }
    if let Some(whatever) = example.whatever {
        let _ = writeln!(out, "{whatever}");
    }
    let label = |op: &OpFacts| {
        let (path, process) = (middle(&in_line(short(&op.path)), NAME), middle(&in_line(&op.process), NAME));
        format!("{path}:{} process {process} {}", op.line, in_line(&op.what))
    };
    let labels: Vec<String> = example.operations.iter().map(label).collect();
    let longest = labels.iter().map(|l| l.chars().count()).max().unwrap_or(0);
    let (width, length) = widths(longest, columns);
    let labels: Vec<String> = labels.iter().map(|l| middle(l, width)).collect();
    let bars = Bars::new(example, i32::try_from(length).unwrap_or(i32::MAX));
    for (op, label) in example.operations.iter().zip(&labels) {
        let (from, to) = bars.of(op);
        let mark = match op.mark {
            Mark::Impossible => "✖",
            Mark::Involved => "•",
            Mark::Nearby => " ",
        };
        let gap = " ".repeat(usize::try_from(from).unwrap_or(0));
        let inner = "─".repeat(usize::try_from(to - from - 1).unwrap_or(0));
        let end = match (op.ret, to > from) {
            (None, _) => "▶",
            (Some(_), true) => "┤",
            (Some(_), false) => "",
        };
        let begin = if to > from || op.ret.is_none() { "├" } else { "│" };
        let _ = writeln!(out, "  {mark} {label:width$}  {gap}{begin}{inner}{end}");
    }
    let left = if example.left_out == 0 { String::new() } else { format!("; {} more in flight nearby", example.left_out) };
    let _ = writeln!(out, "  ✖ impossible  • part of the contradiction  ▶ outcome unknown{left}");
}

/// How long labels and bars are.
fn widths(longest: usize, columns: Option<usize>) -> (usize, usize) {
    let longest = longest.min(LABEL);
    let Some(room) = columns.map(|columns| columns.saturating_sub(FRAME)) else { return (longest, BARS) };
    let label = longest.min(room.saturating_sub(NARROW).max(SHORT));
    (label, room.saturating_sub(label).clamp(NARROW, BARS))
}

/// The file's own name.
fn short(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_fits_the_terminal() {
        assert_eq!(widths(30, None), (30, BARS));
        assert_eq!(widths(50_000, None), (LABEL, BARS));
        for columns in [48, 80, 100, 200, 1000] {
            let (label, bars) = widths(60, Some(columns));
            assert!(label + bars + FRAME <= columns && bars >= NARROW, "{columns}: {label} and {bars}");
        }
        assert_eq!(widths(60, Some(1)), (SHORT, NARROW));
    }
}
