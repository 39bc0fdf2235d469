//! The answer in the terminal: what was read and assumed, the keys, and the counterexample as bars.

use super::{Bars, inline, time};
use crate::check::{Answer, Checked, Example, KeyFacts, Mark};
use std::fmt::Write;

/// The most keys that are listed.
const KEYS: usize = 10;
/// The width of the bars.
const WIDTH: i32 = 48;

/// The whole text.
#[must_use]
pub fn terminal(checked: &Checked) -> String {
    let mut out = String::new();
    for file in &checked.files {
        let guessed = if file.format_guessed { " (guessed)" } else { "" };
        let (path, records) = (inline(&file.path), file.records);
        let _ = writeln!(out, "{path}: read as {}{guessed}; {records} records; sha256:{}", file.format, file.sha256);
    }
    let guessed = if checked.model_guessed { " (guessed)" } else { "" };
    let nil = if checked.model.ends_with("register") { format!(", nil-read {}", checked.nil_read) } else { String::new() };
    let skew = if checked.skew_ns == 0 { String::new() } else { format!(", skew {}", time(checked.skew_ns, false)) };
    let _ = writeln!(out, "model {}{guessed}, initial {}{nil}{skew}", checked.model, inline(&checked.initial));
    for assumed in &checked.assumed {
        let _ = writeln!(out, "note: {}", inline(assumed));
    }
    let _ = writeln!(out, "\n{}", headline(checked));
    keys(checked, &mut out);
    let first = checked.keys.iter().find_map(|key| Some((key, key.example.as_ref()?)));
    if let Some((key, example)) = first {
        counterexample(key, example, checked.order_only, &mut out);
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
        Answer::Undecided => format!("UNDECIDED: {}", inline(checked.why.as_deref().unwrap_or("not known"))),
    }
}

fn name(key: &KeyFacts) -> String {
    key.key.as_deref().map_or("(one object)".into(), inline)
}

fn keys(checked: &Checked, out: &mut String) {
    let width = checked.keys.iter().take(KEYS).map(|k| name(k).chars().count()).max().unwrap_or(0);
    for key in checked.keys.iter().take(KEYS) {
        let glyph = match key.answer {
            Answer::Linearizable => "✔",
            Answer::NotLinearizable => "✖",
            Answer::Undecided => "?",
        };
        let why = key.why.as_deref().map(|w| format!("; {}", inline(w))).unwrap_or_default();
        let (name, word, method) = (name(key), key.answer.word(), &key.method);
        let _ = writeln!(
            out,
            "  {glyph} {name:width$}  {word:<16} {:>8} operations  {method} ({}){why}",
            key.operations, key.method_why
        );
    }
    if checked.keys.len() > KEYS {
        let _ = writeln!(out, "  … and {} more keys", checked.keys.len() - KEYS);
    }
}

fn counterexample(key: &KeyFacts, example: &Example, order_only: bool, out: &mut String) {
    let _ = writeln!(out, "\nkey {}: {}", name(key), inline(&example.why));
    match example.margin_ns {
        Some(margin) if order_only => {
            let _ = writeln!(out, "it rests on the order of lines, which differ by {margin}");
        }
        Some(margin) => {
            let _ = writeln!(out, "clocks would have to be wrong by {} to excuse it", time(margin, false));
        }
        None => {}
    }
    let bars = Bars::new(example, WIDTH);
    let labels: Vec<String> = example
        .operations
        .iter()
        .map(|op| inline(&format!("{}:{} process {} {}", short(&op.path), op.line, op.process, op.what)))
        .collect();
    let width = labels.iter().map(|l| l.chars().count()).max().unwrap_or(0);
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

/// The file's own name.
fn short(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
