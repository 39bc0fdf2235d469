//! The answer as a page of its own: no script, no links, the picture inside.

use super::terminal::headline;
use super::{Bars, time};
use crate::check::{Checked, Example, Mark};
use crate::report::chart::canvas::{self, INK, LIMIT, MUTED, Tie, draw};
use crate::report::text::html;
use std::fmt::Write;

/// The most keys that are listed.
const KEYS: usize = 200;
/// Width of the labels and of the bars, and the height of a line, in pixels.
const LABELS: i32 = 420;
const BARS: i32 = 560;
const LINE: i32 = 26;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:1060px;margin:2rem auto;padding:0 1rem;color:#1b1f24;background:#fff}\
table{border-collapse:collapse}th,td{text-align:left;padding:.2rem .8rem .2rem 0;border-bottom:1px solid #e3e6ea;vertical-align:top}\
code{word-break:break-all}svg{max-width:100%;height:auto}";

/// The whole page.
#[must_use]
pub fn page(checked: &Checked) -> String {
    let title = html(&headline(checked));
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
    );
    let guessed = if checked.model_guessed { " (guessed)" } else { "" };
    let facts = format!(
        "model {}{guessed}, initial {}, nil-read {}, skew {}",
        checked.model,
        checked.initial,
        checked.nil_read,
        time(checked.skew_ns, false)
    );
    let _ = writeln!(out, "<p>{}</p>", html(&facts));
    if let Some((key, example)) = checked.keys.iter().find_map(|k| Some((k, k.example.as_ref()?))) {
        let name = key.key.as_deref().unwrap_or("(one object)");
        let _ = writeln!(out, "<h2>Key {}</h2>\n<p>{}</p>", html(name), html(&example.why));
        if let Some(margin) = example.margin_ns {
            let _ = writeln!(out, "<p>Margin: {}.</p>", html(&time(margin, checked.order_only)));
        }
        let _ = writeln!(out, "{}", picture(example));
        operations(example, &mut out);
    }
    tables(checked, &mut out);
    out.push_str("</body>\n</html>\n");
    out
}

fn picture(example: &Example) -> String {
    let lines = i32::try_from(example.operations.len()).unwrap_or(0);
    let height = u32::try_from(lines * LINE + 2 * LINE).unwrap_or(100);
    let width = u32::try_from(LABELS + BARS + 40).unwrap_or(1000);
    let bars = Bars::new(example, BARS);
    draw((width, height), "The operations that cannot be put into an order", &example.why, |canvas| {
        for (i, op) in (0_i32..).zip(&example.operations) {
            let y = LINE + i * LINE;
            let (from, to) = bars.of(op);
            let color = match op.mark {
                Mark::Impossible => LIMIT,
                Mark::Involved => INK,
                Mark::Nearby => MUTED,
            };
            let label: String = format!("line {}: process {} {}", op.line, op.process, op.what).chars().take(64).collect();
            canvas.text((8, y), &label, 12, Tie::Start, color);
            let (a, b) = ((LABELS + from, y), (LABELS + to.max(from + 2), y));
            if op.ret.is_none() {
                canvas.dashed(a, b, color, 3);
            } else {
                canvas.line(a, b, color, if op.mark == Mark::Nearby { 3 } else { 7 });
                canvas.line((b.0, y - 7), (b.0, y + 7), color, 2);
            }
            canvas.line((a.0, y - 7), (a.0, y + 7), color, 2);
            if op.mark == Mark::Impossible {
                canvas.cross((LABELS + to.max(from + 2) + 14, y), 6, canvas::LIMIT);
            }
        }
    })
}

fn operations(example: &Example, out: &mut String) {
    out.push_str("<table>\n<tr><th>line</th><th>process</th><th>operation</th><th>sent</th><th>answered</th><th></th></tr>\n");
    for op in &example.operations {
        let word = match op.mark {
            Mark::Impossible => "impossible",
            Mark::Involved => "part of the contradiction",
            Mark::Nearby => "in flight nearby",
        };
        let ret = op.ret.map_or("never".into(), |r| r.to_string());
        let place = html(&format!("{}:{}", op.path, op.line));
        let (process, what) = (html(&op.process), html(&op.what));
        let _ = writeln!(
            out,
            "<tr><td>{place}</td><td>{process}</td><td>{what}</td><td>{}</td><td>{ret}</td><td>{word}</td></tr>",
            op.invoke
        );
    }
    out.push_str("</table>\n");
    if example.left_out > 0 {
        let _ = writeln!(out, "<p>{} more operations were in flight nearby and are not shown.</p>", example.left_out);
    }
}

fn tables(checked: &Checked, out: &mut String) {
    out.push_str("<h2>Keys</h2>\n<table>\n<tr><th>key</th><th>answer</th><th>operations</th><th>method</th></tr>\n");
    for key in checked.keys.iter().take(KEYS) {
        let name = html(key.key.as_deref().unwrap_or("(one object)"));
        let method = html(&format!("{} ({})", key.method, key.method_why));
        let _ =
            writeln!(out, "<tr><td>{name}</td><td>{}</td><td>{}</td><td>{method}</td></tr>", key.answer.word(), key.operations);
    }
    let _ = writeln!(out, "</table>\n<p>{} of {} keys are shown.</p>", checked.keys.len().min(KEYS), checked.keys.len());
    out.push_str("<h2>Files</h2>\n<table>\n<tr><th>file</th><th>format</th><th>records</th><th>sha256</th></tr>\n");
    for file in &checked.files {
        let guessed = if file.format_guessed { " (guessed)" } else { "" };
        let (path, format) = (html(&file.path), html(&file.format));
        let _ = writeln!(
            out,
            "<tr><td>{path}</td><td>{format}{guessed}</td><td>{}</td><td><code>{}</code></td></tr>",
            file.records, file.sha256
        );
    }
    out.push_str("</table>\n<h2>Notes</h2>\n<ul>\n");
    for note in &checked.assumed {
        let _ = writeln!(out, "<li>{}</li>", html(note));
    }
    out.push_str("</ul>\n");
}
