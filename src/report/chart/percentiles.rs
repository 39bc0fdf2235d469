//! Percentiles of latency over 1/(1−q), both logarithmic, with their confidence intervals.

use super::canvas::{Canvas, FIRST, GRID, INK, LIMIT, MUTED, PAPER, Place, SECOND, TEXT, Tie, WIDTH, draw, room};
use super::frame::{Mark, in_millis, legend, legend_height, mark};
use super::scale::{Log, round_down, round_up};
use super::{Chart, Table, table};
use crate::dossier::{Curve, PercentileChart, Quantile};
use crate::exact::{Ratio, millis};
use crate::report::text::{group, name};
use plotters::style::{Color, RGBColor};

const LEFT: i32 = 76;
const RIGHT: i32 = 600;
const HEIGHT: i32 = 250;
const FLOOR: i64 = 1_000;
/// The percentiles that are marked and listed: 1/(1−q).
const LISTED: [u64; 8] = [2, 10, 20, 100, 1_000, 10_000, 100_000, 1_000_000];

/// The plot of one test, numbered; `None` when no operation was answered.
#[must_use]
pub fn percentiles(number: usize, chart: &PercentileChart) -> Option<Chart> {
    let quantiles = || chart.curves.iter().flat_map(|c| &c.quantiles);
    let values = || quantiles().flat_map(|q| [q.lower, q.value, q.upper]).flatten();
    let least = values().min()?.max(FLOOR);
    let limit = chart.objectives.iter().map(|o| o.1).max().unwrap_or(0);
    let most = values().max()?.max(limit).max(least).saturating_add(1);
    let tail = quantiles().map(|q| q.tail).max()?.max(10);
    let entries = entries(chart);
    let top = legend_height(&entries, LEFT, RIGHT) + 20;
    let bottom = top + HEIGHT;
    let y = Log { min: round_down(least).max(FLOOR), max: round_up(most), from: bottom, to: top };
    let x = Log { min: 2, max: i64::try_from(tail).unwrap_or(i64::MAX), from: LEFT, to: RIGHT };
    let title = format!("Percentiles of latency in test {}", name(&chart.test));
    let desc = desc(chart);
    let size = (WIDTH as u32, u32::try_from(bottom + 54).unwrap_or(400));
    let svg = draw(size, &title, &desc, |canvas| {
        axes(canvas, x, y);
        for curve in chart.curves.iter().rev() {
            line(canvas, x, y, curve);
        }
        objectives(canvas, x, y, &chart.objectives);
        legend(canvas, &entries, (LEFT, RIGHT), 4);
    });
    let judged: Vec<String> = chart.curves.iter().filter(|c| c.judged).map(|c| format!("{} {}s", group(c.n), c.class)).collect();
    Some(Chart {
        section: 8,
        anchor: super::anchor("percentiles", number, &chart.test),
        title,
        desc,
        unit:
            "latency in milliseconds (ms) over 1/(1−q) for the share q of operations that took at most so long, both logarithmic"
                .into(),
        note: format!(
            "Shown all quantiles from p50 on that {} can tell apart. The band is between the lower and the upper bound of each, at one-sided {} % each, \
             from order statistics; it ends where the sample is too small for a bound. Operations that surely failed are left out; those that never \
             returned count as endless.",
            judged.join(" and "),
            chart.confidence
        ),
        svg,
        size,
        tables: vec![data(chart)],
    })
}

fn color(curve: &Curve) -> RGBColor {
    if curve.class == "write" { SECOND } else { FIRST }
}

fn entries(chart: &PercentileChart) -> Vec<(&'static str, Mark)> {
    let mut entries = vec![("writes", Mark::Triangle(SECOND)), ("reads", Mark::Dot(FIRST))];
    entries.retain(|e| chart.curves.iter().any(|c| e.0.starts_with(c.class)));
    if chart.curves.iter().any(|c| !c.judged) {
        entries.push(("dashed: whole run, with recoveries", Mark::Dashes(MUTED)));
    }
    if !chart.objectives.is_empty() {
        entries.push(("objective of p99", Mark::Line(LIMIT, 3)));
    }
    entries
}

fn desc(chart: &PercentileChart) -> String {
    let told = chart.curves.iter().map(|c| {
        let p99 =
            c.quantiles.iter().find(|q| q.tail == 100).map_or("is not told by so few".into(), |q| match (q.value, q.upper) {
                (Some(value), Some(upper)) => format!("is {} ms, at most {} ms", millis(value), millis(upper)),
                (Some(value), None) => format!("is {} ms, without an upper bound", millis(value)),
                (None, _) => "is endless".to_string(),
            });
        let worst = if c.endless { "at least " } else { "" };
        format!("p99 of {} {}s ({}) {p99}; the worst took {worst}{} ms", group(c.n), c.class, c.scope, millis(c.worst))
    });
    format!("{}.", told.collect::<Vec<_>>().join(". "))
}

/// `p99.9` for 1,000; as exact as it is for others.
fn percentile(tail: u64) -> String {
    let share = Ratio::new(100 * (i128::from(tail) - 1), i128::from(tail)).unwrap_or(Ratio::ZERO);
    format!("p{share}")
}

fn axes(canvas: &Canvas<'_>, x: Log, y: Log) {
    let (top, bottom) = (y.to, y.from);
    for tick in y.ticks() {
        let at = y.at(tick);
        canvas.line((LEFT, at), (RIGHT, at), GRID, 1);
        canvas.text((LEFT - 7, at), &in_millis(tick), TEXT, Tie::End, MUTED);
    }
    for tail in LISTED.into_iter().filter(|t| *t != 20 && i64::try_from(*t).is_ok_and(|t| t <= x.max)) {
        let at = x.at(i64::try_from(tail).unwrap_or(i64::MAX));
        canvas.line((at, top), (at, bottom + 4), GRID, 1);
        canvas.text((at, bottom + 17), &percentile(tail), TEXT, Tie::Middle, MUTED);
    }
    canvas.line((LEFT, bottom), (RIGHT, bottom), INK, 1);
    canvas.line((LEFT, top), (LEFT, bottom), INK, 1);
    canvas.text(((LEFT + RIGHT) / 2, bottom + 40), "percentile, spaced by 1/(1−q)", TEXT, Tie::Middle, MUTED);
    canvas.upright((13, (top + bottom) / 2), "latency (ms)", TEXT, MUTED);
}

fn line(canvas: &Canvas<'_>, x: Log, y: Log, curve: &Curve) {
    let color = color(curve);
    let at = |q: &Quantile, value: i64| (x.at(i64::try_from(q.tail).unwrap_or(i64::MAX)), y.at(value));
    let places = |of: fn(&Quantile) -> Option<i64>| -> Vec<Place> {
        curve.quantiles.iter().map_while(|q| of(q).map(|value| at(q, value))).collect()
    };
    let middle = places(|q| q.value);
    if !curve.judged {
        for pair in middle.windows(2) {
            canvas.dashed(pair[0], pair[1], color, 1);
        }
        return;
    }
    let (lower, upper) = (places(|q| q.upper.and(q.lower)), places(|q| q.lower.and(q.upper)));
    if lower.len() > 1 {
        canvas.shape(lower.iter().copied().chain(upper.iter().rev().copied()).collect(), color.mix(0.16));
        canvas.path(upper, color, 1);
        canvas.path(lower, color, 1);
    }
    if let (Some(last), true) = (middle.last(), curve.quantiles.iter().any(|q| q.value.is_none())) {
        canvas.dashed(*last, (last.0, y.to), color, 1);
        canvas.text((last.0 + 6, y.to + 12), "never answered", TEXT, if last.0 > 420 { Tie::End } else { Tie::Start }, INK);
    }
    canvas.path(middle, color, 2);
    for q in curve.quantiles.iter().filter(|q| LISTED.contains(&q.tail)) {
        if let Some(value) = q.value {
            let kind = if curve.class == "write" { Mark::Triangle(color) } else { Mark::Dot(color) };
            mark(canvas, at(q, value), kind);
        }
    }
}

/// A short bar at p99 for each objective; one for both where they are the same.
fn objectives(canvas: &Canvas<'_>, x: Log, y: Log, all: &[(String, i64)]) {
    let mut levels: Vec<(i64, String)> = Vec::new();
    for (class, limit) in all {
        match levels.iter_mut().find(|l| l.0 == *limit) {
            Some(level) => level.1 = format!("{} and {class}", level.1),
            None => levels.push((*limit, class.clone())),
        }
    }
    levels.sort_by(|a, b| b.cmp(a));
    for (limit, classes) in levels {
        let at = (x.at(100), y.at(limit));
        let word = format!("{classes} p99 ≤ {} ms", in_millis(limit));
        canvas.line((at.0 - 20, at.1), (at.0 + 20, at.1), LIMIT, 3);
        // At the left, where curves are lower, unless there is no room.
        let left = at.0 - 28 - room(&word) > LEFT;
        let (from, y) = (if left { at.0 - 28 - room(&word) } else { at.0 + 28 }, at.1);
        canvas.fill((from, y - 9), (from + room(&word), y + 9), PAPER.mix(0.8));
        let (place, tie) = if left { ((at.0 - 28, y), Tie::End) } else { ((from, y), Tie::Start) };
        canvas.text(place, &word, TEXT, tie, LIMIT);
    }
}

fn data(chart: &PercentileChart) -> Table {
    let ms = |ns: Option<i64>| ns.map_or_else(|| "–".into(), millis);
    let mut rows = Vec::new();
    for curve in &chart.curves {
        for q in curve.quantiles.iter().filter(|q| LISTED.contains(&q.tail)) {
            let value = q.value.map_or_else(|| "endless".into(), millis);
            let head = format!("{} of {}s", percentile(q.tail), curve.class);
            rows.push(vec![head, curve.scope.to_string(), group(q.tail), ms(q.lower), value, ms(q.upper)]);
        }
        let worst = if curve.endless { format!("at least {}", millis(curve.worst)) } else { millis(curve.worst) };
        rows.push(vec![
            format!("worst of {}s", curve.class),
            curve.scope.into(),
            format!("n = {}", group(curve.n)),
            "–".into(),
            worst,
            "–".into(),
        ]);
    }
    let caption = format!("Percentiles by nearest rank, with bounds at one-sided {} %", chart.confidence);
    table(caption, &["percentile", "scope", "1/(1−q)", "at least (ms)", "measured (ms)", "at most (ms)"], rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quantile(tail: u64, value: Option<i64>, upper: Option<i64>) -> Quantile {
        Quantile { tail, value, lower: value.map(|v| v / 2), upper }
    }

    fn chart(quantiles: Vec<Quantile>) -> PercentileChart {
        let endless = quantiles.iter().any(|q| q.value.is_none());
        let curve = Curve { class: "read", scope: "whole run", judged: true, n: 400, quantiles, worst: 90_000_000, endless };
        PercentileChart {
            test: "t".into(),
            curves: vec![curve],
            confidence: "95".into(),
            objectives: vec![("read".into(), 80_000_000)],
        }
    }

    #[test]
    fn percentiles_have_their_names() {
        assert_eq!([2, 10, 20, 100, 1_000, 10_000].map(percentile), ["p50", "p90", "p95", "p99", "p99.9", "p99.99"]);
    }

    #[test]
    fn an_endless_percentile_is_said_and_not_drawn_as_a_number() {
        let ms = |n: i64| Some(n * 1_000_000);
        let plot = percentiles(1, &chart(vec![quantile(2, ms(4), ms(5)), quantile(10, ms(9), None), quantile(100, None, None)]))
            .unwrap();
        assert!(plot.svg.contains("never answered") && plot.desc.contains("p99 of 400 reads (whole run) is endless"));
        let rows: Vec<&str> = plot.tables[0].rows.iter().map(|r| r[4].as_str()).collect();
        assert_eq!(rows, ["4.000", "9.000", "endless", "at least 90.000"]);
        let whole = percentiles(1, &chart(vec![quantile(2, ms(4), ms(5)), quantile(100, ms(70), ms(79))])).unwrap();
        assert!(!whole.svg.contains("never answered") && whole.svg.contains("read p99 ≤ 80 ms"));
    }
}
