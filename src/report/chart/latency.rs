//! Latency over time in one test, on a logarithmic scale, with fault windows and objectives.

use super::canvas::{Canvas, FIRST, GRID, INK, LIMIT, MUTED, Place, SECOND, TEXT, Tie, WIDTH, draw};
use super::frame::{
    FAULT_ENTRY, Mark, fault_labels, fault_table, faults, in_millis, label_height, legend, legend_height, mark, time_axis,
};
use super::scale::{Linear, Log, round_down, round_up};
use super::{Chart, Table, table};
use crate::dossier::{LatencyChart, LatencyPoint, LatencyStep, Spread};
use crate::exact::{millis, seconds};
use crate::report::text::{brief, count, group, name};
use std::collections::BTreeSet;

const LEFT: i32 = 76;
const RIGHT: i32 = 624;
const HEIGHT: i32 = 230;
/// Below this, latencies are drawn on the edge: 1 µs.
const FLOOR: i64 = 1_000;

/// What is there to be told apart. Objectives are named here and not at their lines, where their words would cover operations.
fn entries<'w>(chart: &LatencyChart, levels: &'w [(i64, String)]) -> Vec<(&'w str, Mark)> {
    let shapes = [
        ("read, ok", Mark::Dot(FIRST)),
        ("write, ok", Mark::Triangle(SECOND)),
        ("failed", Mark::Cross(LIMIT)),
        ("no answer", Mark::Diamond(INK)),
    ];
    let there: BTreeSet<u8> = chart.points.iter().map(shape).collect();
    let mut entries: Vec<(&str, Mark)> = (0u8..).zip(shapes).filter(|(i, _)| there.contains(i)).map(|(_, entry)| entry).collect();
    entries.extend(levels.iter().map(|(_, words)| (words.as_str(), Mark::Dashes(LIMIT))));
    if chart.faults.of > 0 {
        entries.push(FAULT_ENTRY);
    }
    entries
}

/// The plot of one test, numbered; `None` when the test has no operation.
#[must_use]
pub fn latency(number: usize, chart: &LatencyChart) -> Option<Chart> {
    let least = chart.points.iter().map(|p| p.latency).min()?.max(FLOOR);
    let most = chart.points.iter().map(|p| p.latency).max()?.max(least);
    let high = chart.objectives.iter().map(|o| o.1).max().unwrap_or(0).max(most).saturating_add(1);
    let x = Linear { min: 0, max: chart.span.max(1), from: LEFT, to: RIGHT };
    let levels = levels(&chart.objectives);
    let entries = entries(chart, &levels);
    let top = legend_height(&entries, LEFT, RIGHT) + label_height(x, &chart.faults);
    let bottom = top + HEIGHT;
    let y = Log { min: round_down(least).max(FLOOR), max: round_up(high), from: bottom, to: top };
    let test = name(&chart.test);
    let title = format!("Latency over time in test {test}");
    let sum = |of: fn(&LatencyStep) -> u64| chart.steps.iter().map(of).sum::<u64>();
    let desc = format!(
        "{} over {} s on a logarithmic scale, from {} to {} ms; {} failed and {} had no known outcome; {}.",
        count(chart.of, "operation", "operations"),
        seconds(chart.span),
        millis(least),
        millis(most),
        group(sum(|s| s.failed)),
        group(sum(|s| s.unknown)),
        count(chart.faults.of, "fault window is hatched", "fault windows are hatched"),
    );
    let size = (WIDTH as u32, u32::try_from(bottom + 54).unwrap_or(400));
    let svg = draw(size, &title, &desc, |canvas| {
        faults(canvas, x, (top, bottom), &chart.faults);
        fault_labels(canvas, x, top, &chart.faults);
        axes(canvas, x, y);
        points(canvas, x, y, &chart.points);
        levels.iter().for_each(|(limit, _)| canvas.dashed((LEFT, y.at(*limit)), (RIGHT, y.at(*limit)), LIMIT, 2));
        legend(canvas, &entries, (LEFT, RIGHT), 4);
    });
    Some(Chart {
        section: 8,
        anchor: super::anchor("latency", number, &chart.test),
        title,
        desc,
        unit: "latency in milliseconds (ms), logarithmic, over time since the first operation in seconds (s)".into(),
        note: format!(
            "Shown {} of {} operations: the fastest and the slowest of each step of time, class and outcome. One without an answer is drawn with the time \
             from its sending to the end of the run.",
            group(chart.points.len() as u64),
            group(chart.of)
        ),
        svg,
        size,
        tables: tables(chart),
    })
}

fn axes(canvas: &Canvas<'_>, x: Linear, y: Log) {
    let (top, bottom) = (y.to, y.from);
    for tick in y.ticks() {
        let at = y.at(tick);
        canvas.line((LEFT, at), (RIGHT, at), GRID, 1);
        canvas.text((LEFT - 7, at), &in_millis(tick), TEXT, Tie::End, MUTED);
    }
    time_axis(canvas, x, (bottom, bottom), "time since the first operation (s)");
    canvas.line((LEFT, top), (LEFT, bottom), INK, 1);
    canvas.upright((13, (top + bottom) / 2), "latency (ms)", TEXT, MUTED);
}

/// Objectives with their words, the greatest first; one for both classes where they are the same.
fn levels(all: &[(String, i64)]) -> Vec<(i64, String)> {
    let mut levels: Vec<(i64, String)> = Vec::new();
    for (what, limit) in all {
        match levels.iter_mut().find(|l| l.0 == *limit) {
            Some(level) => level.1 = format!("{} and {}", level.1.replace(" p99", ""), brief(what, 30)),
            None => levels.push((*limit, brief(what, 30))),
        }
    }
    levels.sort_by(|a, b| b.cmp(a));
    levels.into_iter().map(|(limit, what)| (limit, format!("{what} ≤ {} ms", in_millis(limit)))).collect()
}

/// The place and shape of an operation; failed and unknown ones come last, on top.
fn shape(p: &LatencyPoint) -> u8 {
    match (p.result, p.class) {
        ("fail", _) => 2,
        ("unknown", _) => 3,
        (_, "write") => 1,
        _ => 0,
    }
}

/// Points, each pixel and shape once.
fn points(canvas: &Canvas<'_>, x: Linear, y: Log, all: &[LatencyPoint]) {
    let drawn: BTreeSet<(u8, Place)> = all.iter().map(|p| (shape(p), (x.at(p.t), y.at(p.latency)))).collect();
    for (shape, at) in drawn {
        match shape {
            0 => canvas.dot(at, 2, FIRST),
            1 => canvas.triangle(at, 2, SECOND),
            2 => mark(canvas, at, Mark::Cross(LIMIT)),
            _ => mark(canvas, at, Mark::Diamond(INK)),
        }
    }
}

fn tables(chart: &LatencyChart) -> Vec<Table> {
    let mut tables = vec![steps(&chart.steps), slowest(chart)];
    tables.extend(fault_table(&chart.faults));
    tables
}

/// Counts, least and greatest latency of each step of time, over all operations.
fn steps(steps: &[LatencyStep]) -> Table {
    let range = |s: &Spread| if s.count == 0 { "–".into() } else { format!("{} to {}", millis(s.least), millis(s.most)) };
    let row = |s: &LatencyStep| {
        vec![
            format!("{} to {}", seconds(s.from), seconds(s.to)),
            group(s.reads.count),
            range(&s.reads),
            group(s.writes.count),
            range(&s.writes),
            group(s.failed),
            group(s.unknown),
        ]
    };
    let head = ["sent at (s)", "reads ok", "took (ms)", "writes ok", "took (ms)", "failed", "no answer"];
    table("All operations in each step of time, least and greatest latency", &head, steps.iter().map(row).collect())
}

fn slowest(chart: &LatencyChart) -> Table {
    let mut all: Vec<&LatencyPoint> = chart.points.iter().filter(|p| p.result != "unknown").collect();
    all.sort_by(|a, b| b.latency.cmp(&a.latency).then(a.line.cmp(&b.line)).then(a.t.cmp(&b.t)));
    let row = |p: &&LatencyPoint| vec![group(p.line), seconds(p.t), millis(p.latency), p.class.to_string(), p.result.to_string()];
    let rows = all.iter().take(5).map(row).collect();
    let head = ["line of the history", "sent at (s)", "latency (ms)", "class", "result"];
    table("The slowest answered operations among those shown", &head, rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dossier::FaultWindows;

    fn point(t: i64, latency: i64, class: &'static str, result: &'static str) -> LatencyPoint {
        LatencyPoint { t, latency, class, result, line: 2 }
    }

    #[test]
    fn outcomes_differ_by_shape() {
        let results = [("read", "ok"), ("write", "ok"), ("write", "fail"), ("read", "unknown")];
        let shapes: Vec<u8> = results.map(|(class, result)| shape(&point(0, 5, class, result))).to_vec();
        assert_eq!(shapes, [0, 1, 2, 3]);
    }

    #[test]
    fn the_note_says_how_many_are_shown() {
        let chart = LatencyChart {
            test: "a<b>".into(),
            span: 1_000,
            points: vec![point(0, 5_000_000, "read", "ok"), point(900, 9_000_000, "write", "fail")],
            of: 1_000_000,
            steps: vec![LatencyStep { failed: 7, ..LatencyStep::default() }],
            faults: FaultWindows::default(),
            objectives: vec![("write p99".into(), 5_000_000), ("read p99".into(), 5_000_000)],
        };
        let plot = latency(1, &chart).unwrap();
        assert!(plot.note.starts_with("Shown 2 of 1,000,000 operations"));
        assert!(plot.desc.contains("7 failed"));
        assert!(plot.svg.contains("write and read p99 ≤ 5 ms") && !plot.svg.contains("a<b>"));
        assert!(latency(1, &LatencyChart { points: Vec::new(), ..chart }).is_none());
    }
}
