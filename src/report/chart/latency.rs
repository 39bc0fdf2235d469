//! Latency over time in one test, on a logarithmic scale, with fault windows and objectives.

use super::canvas::{Canvas, GRID, INK, LIMIT, MUTED, Place, Tie, draw, width};
use super::scale::{Linear, Log, round_down, round_up};
use super::{Chart, Table, table};
use crate::dossier::{LatencyChart, LatencyPoint};
use crate::exact::{Ratio, millis, seconds};
use crate::report::text::{brief, group, name};
use plotters::style::{Color, RGBColor};
use std::collections::BTreeSet;

const SIZE: (u32, u32) = (900, 400);
const LEFT: i32 = 78;
const RIGHT: i32 = 884;
const TOP: i32 = 76;
const BOTTOM: i32 = 346;
/// Below this, latencies are drawn on the edge: 1 µs.
const FLOOR: i64 = 1_000;
const READ: RGBColor = RGBColor(0x2b, 0x7b, 0xba);
const WRITE: RGBColor = RGBColor(0x6b, 0x3f, 0xa0);
const FAULT: RGBColor = RGBColor(0xb9, 0xa8, 0x8a);
/// Rows of the table of steps.
const STEPS: i64 = 20;

/// The plot of one test, numbered; `None` when the test has no operation.
#[must_use]
pub fn latency(number: usize, chart: &LatencyChart) -> Option<Chart> {
    let least = chart.points.iter().map(|p| p.latency).min()?.max(FLOOR);
    let most = chart.points.iter().map(|p| p.latency).max()?.max(least);
    let high = chart.objectives.iter().map(|o| o.1).max().unwrap_or(0).max(most).saturating_add(1);
    let y = Log { min: round_down(least).max(FLOOR), max: round_up(high), from: BOTTOM, to: TOP };
    let x = Linear { max: chart.span.max(1), from: LEFT, to: RIGHT };
    let test = name(&chart.test);
    let title = format!("Latency over time in test {test}");
    let tally = |result: &str| chart.points.iter().filter(|p| p.result == result).count() as u64;
    let desc = format!(
        "{} of {} operations over {} s on a logarithmic scale, from {} to {} ms; {} failed and {} without answer are among those \
         shown; fault windows that are hatched: {}.",
        group(chart.points.len() as u64),
        group(chart.of),
        seconds(chart.span),
        millis(least),
        millis(most),
        group(tally("fail")),
        group(tally("unknown")),
        group(chart.faults.len() as u64),
    );
    let svg = draw(SIZE, &title, &desc, |canvas| {
        faults(canvas, x, chart);
        axes(canvas, x, y);
        points(canvas, x, y, &chart.points);
        objectives(canvas, y, &chart.objectives);
        legend(canvas);
    });
    Some(Chart {
        section: 8,
        anchor: super::anchor("latency", number, &chart.test),
        unit: "latency in milliseconds (ms), logarithmic; time since the first operation in seconds (s)".into(),
        title,
        desc,
        note: format!(
            "Shown {} of {} operations: the extremes of each step of time. An operation without answer is drawn at the time from its \
             sending to the end of the run.",
            group(chart.points.len() as u64),
            group(chart.of)
        ),
        svg,
        size: SIZE,
        tables: tables(chart),
    })
}

fn legend(canvas: &Canvas<'_>) {
    let y = 18;
    let mut x = LEFT;
    let mut entry = |word: &str, mark: &dyn Fn(Place)| {
        mark((x + 6, y));
        canvas.text((x + 18, y + 1), word, 12, Tie::Start, INK);
        x += 18 + width(word, 12) + 22;
    };
    entry("read, ok", &|at| canvas.dot(at, 4, READ));
    entry("write, ok", &|at| canvas.triangle(at, 4, WRITE));
    entry("failed", &|at| canvas.cross(at, 4, LIMIT));
    entry("no answer", &|at| canvas.diamond(at, 5, INK));
    entry("fault lasts", &|at| {
        canvas.fill((at.0 - 8, at.1 - 6), (at.0 + 8, at.1 + 6), FAULT.mix(0.25));
        canvas.hatch((at.0 - 8, at.1 - 6), (at.0 + 8, at.1 + 6), 5, false, FAULT);
    });
    entry("objective", &|at| canvas.dashed((at.0 - 8, at.1), (at.0 + 8, at.1), LIMIT, 2));
}

fn axes(canvas: &Canvas<'_>, x: Linear, y: Log) {
    for tick in y.ticks() {
        let at = y.at(tick);
        canvas.line((LEFT, at), (RIGHT, at), GRID, 1);
        let whole = tick / 1_000_000;
        let label = match u64::try_from(whole) {
            Ok(ms) if ms > 0 => group(ms),
            _ => Ratio::new(i128::from(tick), 1_000_000).unwrap_or(Ratio::ZERO).to_string(),
        };
        canvas.text((LEFT - 8, at), &label, 12, Tie::End, MUTED);
    }
    for tick in x.ticks(10) {
        let at = x.at(tick);
        canvas.line((at, BOTTOM), (at, BOTTOM + 5), INK, 1);
        let label = Ratio::new(i128::from(tick), 1_000_000_000).unwrap_or(Ratio::ZERO).to_string();
        canvas.text((at, BOTTOM + 17), &label, 12, Tie::Middle, MUTED);
    }
    canvas.line((LEFT, BOTTOM), (RIGHT, BOTTOM), INK, 1);
    canvas.line((LEFT, TOP), (LEFT, BOTTOM), INK, 1);
    canvas.text(((LEFT + RIGHT) / 2, BOTTOM + 40), "time since the first operation, in seconds (s)", 12, Tie::Middle, MUTED);
    canvas.upright((20, (TOP + BOTTOM) / 2), "latency, in milliseconds (ms)", 12, MUTED);
}

/// Fault windows, with a label above each that finds room, numbered as in the table.
fn faults(canvas: &Canvas<'_>, x: Linear, chart: &LatencyChart) {
    let mut free = [LEFT, LEFT];
    for (i, fault) in chart.faults.iter().enumerate() {
        let (a, b) = (x.at(fault.start), x.at(fault.stop).max(x.at(fault.start) + 2).min(RIGHT));
        canvas.fill((a, TOP), (b, BOTTOM), FAULT.mix(0.18));
        canvas.hatch((a, TOP), (b, BOTTOM), 9, false, FAULT);
        canvas.line((a, TOP - 4), (a, BOTTOM), FAULT, 1);
        let full = format!("{} {}", i + 1, brief(&fault.fault, 24));
        for word in [full, (i + 1).to_string()] {
            let wide = width(&word, 11) + 8;
            let start = a.min(RIGHT - wide);
            if let Some(row) = (0..2usize).find(|&r| free[r] <= start) {
                free[row] = start + wide;
                canvas.text((start, TOP - 12 - 15 * i32::try_from(row).unwrap_or(0)), &word, 11, Tie::Start, INK);
                break;
            }
        }
    }
}

/// Objectives as dashed lines: the greatest is labelled above its line, the others below theirs, from the third on at the left.
fn objectives(canvas: &Canvas<'_>, y: Log, all: &[(String, i64)]) {
    let mut sorted: Vec<&(String, i64)> = all.iter().collect();
    sorted.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
    for (i, (what, limit)) in sorted.into_iter().enumerate() {
        let at = y.at(*limit);
        canvas.dashed((LEFT, at), (RIGHT, at), LIMIT, 2);
        let word = format!("{} ≤ {} ms", brief(what, 30), millis(*limit));
        let wide = width(&word, 12) + 8;
        let start = if i < 2 { RIGHT - wide } else { LEFT + 6 };
        let middle = if i == 0 { at - 11 } else { at + 12 };
        canvas.fill((start, middle - 7), (start + wide, middle + 7), RGBColor(255, 255, 255).mix(0.85));
        canvas.text((RIGHT.min(start + wide) - 4, middle + 1), &word, 12, Tie::End, LIMIT);
    }
}

/// Points, each pixel and shape once; failed and unknown ones on top.
fn points(canvas: &Canvas<'_>, x: Linear, y: Log, all: &[LatencyPoint]) {
    let shape = |p: &LatencyPoint| match (p.result, p.class) {
        ("fail", _) => 2,
        ("unknown", _) => 3,
        (_, "write") => 1,
        _ => 0,
    };
    let drawn: BTreeSet<(u8, Place)> = all.iter().map(|p| (shape(p), (x.at(p.t), y.at(p.latency)))).collect();
    let size = if drawn.len() < 400 { 3 } else { 2 };
    for (shape, at) in drawn {
        match shape {
            0 => canvas.dot(at, size, READ),
            1 => canvas.triangle(at, size, WRITE),
            2 => canvas.cross(at, 3, LIMIT),
            _ => canvas.diamond(at, 4, INK),
        }
    }
}

fn tables(chart: &LatencyChart) -> Vec<Table> {
    let mut tables = vec![steps(chart), slowest(chart)];
    if !chart.faults.is_empty() {
        let row = |(i, f): (usize, &crate::dossier::FaultWindow)| {
            vec![(i + 1).to_string(), name(&f.id), name(&f.fault), seconds(f.start), seconds(f.stop)]
        };
        let rows = chart.faults.iter().enumerate().take(60).map(row).collect::<Vec<_>>();
        let caption = format!("Faults, {} of {}", group(rows.len() as u64), group(chart.faults.len() as u64));
        tables.push(table(caption, &["no.", "id", "fault", "from (s)", "to (s)"], rows));
    }
    tables
}

/// Least and greatest latency of each step of time.
fn steps(chart: &LatencyChart) -> Table {
    let step = round_up((chart.span.max(1) + STEPS - 1) / STEPS);
    let mut rows = Vec::new();
    let mut from = 0i64;
    while from < chart.span.max(1) && rows.len() < 2 * STEPS as usize {
        let here: Vec<&LatencyPoint> =
            chart.points.iter().filter(|p| p.t >= from && (p.t < from + step || from + step >= chart.span)).collect();
        let range = |class: &str| {
            let all: Vec<i64> = here.iter().filter(|p| p.class == class && p.result == "ok").map(|p| p.latency).collect();
            match (all.iter().min(), all.iter().max()) {
                (Some(lo), Some(hi)) => format!("{} to {}", millis(*lo), millis(*hi)),
                _ => "–".into(),
            }
        };
        let tally = |result: &str| here.iter().filter(|p| p.result == result).count().to_string();
        let to = (from + step).min(chart.span);
        rows.push(vec![
            format!("{} to {}", seconds(from), seconds(to)),
            range("read"),
            range("write"),
            tally("fail"),
            tally("unknown"),
        ]);
        from += step;
    }
    let head = ["time (s)", "reads ok (ms)", "writes ok (ms)", "failed, shown", "no answer, shown"];
    table("Least and greatest latency in each step of time", &head, rows)
}

fn slowest(chart: &LatencyChart) -> Table {
    let mut all: Vec<&LatencyPoint> = chart.points.iter().filter(|p| p.result != "unknown").collect();
    all.sort_by(|a, b| b.latency.cmp(&a.latency).then(a.line.cmp(&b.line)).then(a.t.cmp(&b.t)));
    let row = |p: &&LatencyPoint| vec![group(p.line), seconds(p.t), millis(p.latency), p.class.to_string(), p.result.to_string()];
    let rows = all.iter().take(10).map(row).collect();
    table(
        "The slowest operations that were answered",
        &["line of the history", "sent at (s)", "latency (ms)", "class", "result"],
        rows,
    )
}
