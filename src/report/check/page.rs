//! The answer as a page of its own: no script, no links, the picture inside. It is drawn in shares of its width, so that it fits any window.
//!
//! In: the facts of a check. Out: HTML. Refuses to know where it goes.

use super::terminal::headline;
use super::{Bars, middle, time};
use crate::check::{Answer, Checked, Example, KeyFacts, Mark, OpFacts};
use crate::error::in_line;
use crate::report::text;
use std::fmt::Write;

/// The most keys that are listed.
const KEYS: usize = 200;
/// The longest name of a key or process, in characters.
const NAME: usize = 200;
/// Places along a bar: hundredths of a percent.
const PLACES: i32 = 10_000;
const STYLE: &str = include_str!("page.css");

/// Text from outside as HTML: nothing in it is hidden, turns the direction of writing, or is markup.
fn html(outside: &str) -> String {
    text::html(&in_line(outside))
}

/// The whole page.
#[must_use]
pub fn page(checked: &Checked) -> String {
    let title = html(&headline(checked));
    let (tone, glyph) = tone(checked.answer);
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <main>\n<header class=\"verdict {tone}\"><h1><span aria-hidden=\"true\">{glyph}</span> {title}</h1></header>\n"
    );
    facts(checked, &mut out);
    let mut examples = checked.keys.iter().filter_map(|k| Some((k, k.example.as_ref()?)));
    if let Some((key, example)) = examples.next() {
        let _ = writeln!(out, "<h2>Key {}</h2>\n<p class=\"why\">{}</p>", name(key), html(&example.why));
        counterexample(example, checked.order_only, &mut out);
        let others: Vec<_> = examples.collect();
        if !others.is_empty() {
            out.push_str("<h2>Other contradicted keys</h2>\n");
        }
        for (key, example) in others {
            let _ = writeln!(out, "<details><summary>Key {}: {}</summary>", name(key), html(&example.why));
            counterexample(example, checked.order_only, &mut out);
            out.push_str("</details>\n");
        }
    }
    keys(checked, &mut out);
    files(checked, &mut out);
    out.push_str("</main>\n</body>\n</html>\n");
    out
}

fn tone(answer: Answer) -> (&'static str, &'static str) {
    match answer {
        Answer::Linearizable => ("pass", "✔"),
        Answer::NotLinearizable => ("fail", "✖"),
        Answer::Undecided => ("unclear", "?"),
    }
}

/// The name of a key, as HTML.
fn name(key: &KeyFacts) -> String {
    key.key.as_deref().map_or("(one object)".into(), |key| html(&middle(key, NAME)))
}

/// What the answer rests on.
fn facts(checked: &Checked, out: &mut String) {
    let guessed = if checked.model_guessed { " (guessed)" } else { "" };
    let mut facts = vec![("model", format!("{}{guessed}", checked.model)), ("initial value", checked.initial.clone())];
    if checked.model.ends_with("register") {
        facts.push(("a nil read means", checked.nil_read.clone()));
    }
    facts.push(("clock skew allowed", time(checked.skew_ns, false)));
    facts.push(("operations", checked.operations.to_string()));
    facts.push(("successful", checked.ok.to_string()));
    out.push_str("<dl class=\"facts\">\n");
    for (what, value) in facts {
        let _ = writeln!(out, "<div><dt>{what}</dt><dd>{}</dd></div>", html(&value));
    }
    out.push_str("</dl>\n");
}

/// The picture: a line for each operation, from when it was sent to when it was answered.
fn counterexample(example: &Example, order_only: bool, out: &mut String) {
    match example.margin_ns {
        Some(margin) if order_only => {
            let _ = writeln!(out, "<p>It rests on the order of lines, which differ by {margin}.</p>");
        }
        Some(margin) => {
            let _ = writeln!(out, "<p>Clocks would have to be wrong by {} to excuse it.</p>", html(&time(margin, false)));
        }
        None => {}
    }
    if let Some(whatever) = example.whatever {
        let capital = whatever.chars().next().map(|c| c.to_ascii_uppercase());
        let _ = writeln!(out, "<p>{}{}.</p>", capital.unwrap_or_default(), html(whatever.get(1..).unwrap_or("")));
    }
    let bars = Bars::new(example, PLACES);
    let length = i64::try_from(bars.length).unwrap_or(i64::MAX);
    let (from, to) = (since(0, order_only), since(length, order_only));
    let _ = writeln!(
        out,
        "<ol class=\"ops\">\n<li class=\"axis\" aria-hidden=\"true\"><span>operation</span><div><span>{from}</span><span>{to}</span></div></li>"
    );
    let impossible = example.operations.iter().find(|op| op.mark == Mark::Impossible);
    let sent = impossible.map(|op| bars.at(op.invoke));
    for op in &example.operations {
        operation(op, &bars, sent, order_only, out);
    }
    out.push_str("</ol>\n");
    let left = match example.left_out {
        0 => String::new(),
        n => format!(" {n} more operations were in flight nearby and are not shown."),
    };
    let _ = writeln!(
        out,
        "<p class=\"legend\">A bar runs from the instant an operation was sent to the instant it was answered; broken and open to the right, it was never \
         answered. The dotted line is the instant the impossible one was sent. Pale bars were in flight nearby.{left}</p>"
    );
}

fn operation(op: &OpFacts, bars: &Bars, sent: Option<i32>, order_only: bool, out: &mut String) {
    let (class, mark) = match op.mark {
        Mark::Impossible => ("impossible", " <span class=\"mark\">impossible</span>"),
        Mark::Involved => ("involved", ""),
        Mark::Nearby => ("nearby", ""),
    };
    let after = |time: i64| since(i64::try_from(i128::from(time) - i128::from(bars.from)).unwrap_or(i64::MAX), order_only);
    let answered = op.ret.map_or("never answered".into(), |ret| format!("answered {}", after(ret)));
    let (what, process) = (html(&op.what), html(&middle(&op.process, NAME)));
    let _ = writeln!(
        out,
        "<li class=\"{class}\"><div><div class=\"what\">{what}{mark}</div><div class=\"where\">process {process}, {}:{}<br>sent {}, {answered}</div></div>",
        html(&op.path),
        op.line,
        after(op.invoke)
    );
    out.push_str("<div class=\"track\"><svg aria-hidden=\"true\">");
    if let Some(sent) = sent {
        let at = share(sent);
        let _ = write!(
            out,
            "<line class=\"sent\" x1=\"{at}\" x2=\"{at}\" y1=\"-4\" y2=\"28\"/><line class=\"sent tall\" x1=\"{at}\" x2=\"{at}\" y1=\"-80\" y2=\"104\"/>"
        );
    }
    let (from, to) = bars.of(op);
    let (a, b) = (share(from), share(to));
    let _ = write!(out, "<line class=\"end\" x1=\"{a}\" x2=\"{a}\" y1=\"3\" y2=\"21\"/>");
    if op.ret.is_none() {
        let _ = write!(
            out,
            "<line class=\"open\" x1=\"{a}\" x2=\"100%\" y1=\"12\" y2=\"12\"/><svg x=\"100%\" overflow=\"visible\"><path class=\"bar\" d=\"M0 5 12 12 0 19z\"/></svg>"
        );
    } else {
        let wide = share(to - from);
        let _ = write!(
            out,
            "<rect class=\"bar\" x=\"{a}\" y=\"7\" width=\"{wide}\" height=\"10\"/><line class=\"end\" x1=\"{b}\" x2=\"{b}\" y1=\"3\" y2=\"21\"/>"
        );
    }
    if op.mark == Mark::Impossible {
        let _ = write!(out, "<svg x=\"{b}\" overflow=\"visible\"><path class=\"cross\" d=\"M9 6 21 18M9 18 21 6\"/></svg>");
    }
    out.push_str("</svg></div></li>\n");
}

/// A place as a share of the width.
fn share(place: i32) -> String {
    format!("{}.{:02}%", place / 100, place % 100)
}

/// A time since the first one shown.
fn since(ns: i64, order_only: bool) -> String {
    format!("+{}", time(ns, order_only))
}

fn keys(checked: &Checked, out: &mut String) {
    if checked.keys.is_empty() {
        return;
    }
    let shown = checked.keys.len().min(KEYS);
    let _ = writeln!(
        out,
        "<h2 id=\"keys\">Keys</h2>\n<div class=\"scroll\" role=\"region\" aria-labelledby=\"keys\" tabindex=\"0\">\n<table>\n\
         <caption>{shown} of {}, those that are contradicted first</caption>\n<thead><tr><th scope=\"col\">key</th><th scope=\"col\">answer</th>\
         <th scope=\"col\" class=\"num\">operations</th><th scope=\"col\">method</th></tr></thead>\n<tbody>",
        checked.keys.len()
    );
    for key in checked.keys.iter().take(KEYS) {
        let (tone, glyph) = tone(key.answer);
        let why = key.why.as_deref().map(|why| format!("<br>{}", html(why))).unwrap_or_default();
        let method = html(&format!("{} ({})", key.method, key.method_why));
        let _ = writeln!(
            out,
            "<tr><th scope=\"row\">{}</th><td class=\"tone {tone}\"><span aria-hidden=\"true\">{glyph}</span> {}</td><td class=\"num\">{}</td><td>{method}{why}</td></tr>",
            name(key),
            key.answer.word(),
            key.operations
        );
    }
    out.push_str("</tbody>\n</table>\n</div>\n");
}

fn files(checked: &Checked, out: &mut String) {
    out.push_str(
        "<h2 id=\"files\">Files</h2>\n<div class=\"scroll\" role=\"region\" aria-labelledby=\"files\" tabindex=\"0\">\n<table>\n<thead><tr>\
         <th scope=\"col\">file and SHA-256</th><th scope=\"col\">read as</th><th scope=\"col\" class=\"num\">records</th></tr></thead>\n<tbody>\n",
    );
    for file in &checked.files {
        let guessed = if file.format_guessed { " (guessed)" } else { "" };
        let _ = writeln!(
            out,
            "<tr><th scope=\"row\">{}<span class=\"digest\">{}</span></th><td>{}{guessed}</td><td class=\"num\">{}</td></tr>",
            html(&file.path),
            file.sha256,
            html(&file.format),
            file.records
        );
    }
    out.push_str("</tbody>\n</table>\n</div>\n");
    if !checked.assumed.is_empty() {
        out.push_str("<h2>Assumed</h2>\n<ul>\n");
        for note in &checked.assumed {
            let _ = writeln!(out, "<li>{}</li>", html(note));
        }
        out.push_str("</ul>\n");
    }
}
