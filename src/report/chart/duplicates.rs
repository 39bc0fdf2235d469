//! Scenarios that applied a command twice against the fault rate, of the system and of the unprotected baseline, with exact intervals.

use super::canvas::{Canvas, FIRST, GRID, INK, LIMIT, MUTED, TEXT, Tie, WIDTH, draw};
use super::frame::{Mark, legend, legend_height, mark};
use super::scale::Linear;
use super::{Chart, Table, table};
use crate::dossier::{DuplicateChart, RatePoint, ShareBar};
use crate::exact::Ratio;
use crate::report::text::group;
use plotters::style::RGBColor;

const LEFT: i32 = 70;
const RIGHT: i32 = 620;
const HEIGHT: i32 = 220;

const ENTRIES: [(&str, Mark); 3] =
    [("system", Mark::Dot(FIRST)), ("unprotected baseline", Mark::Triangle(LIMIT)), ("exact interval", Mark::Line(INK, 1))];

/// The plot; `None` when no scenario was recorded.
#[must_use]
pub fn duplicates(chart: &DuplicateChart) -> Option<Chart> {
    let bars = || chart.rates.iter().flat_map(|r| [r.system, r.baseline]).flatten();
    let most = bars().map(|b| b.upper).max()?;
    let top = legend_height(&ENTRIES, LEFT, RIGHT) + 18;
    let bottom = top + HEIGHT;
    let y = Linear { min: 0, max: most.saturating_add(most / 12).clamp(1_000, 1_000_000), from: bottom, to: top };
    let sum = |of: fn(&RatePoint) -> Option<ShareBar>| {
        chart.rates.iter().filter_map(of).fold((0, 0), |(k, n), b| (k + b.count, n + b.of))
    };
    let (system, baseline) = (sum(|r| r.system), sum(|r| r.baseline));
    let title = "Scenarios that applied a command twice, against the fault rate".to_string();
    let desc = format!(
        "Of the system {} of {} scenarios applied a command twice, of the unprotected baseline {} of {}.",
        group(system.0),
        group(system.1),
        group(baseline.0),
        group(baseline.1)
    );
    let size = (WIDTH as u32, u32::try_from(bottom + 54).unwrap_or(400));
    let svg = draw(size, &title, &desc, |canvas| {
        axes(canvas, y, &chart.rates);
        for (i, point) in chart.rates.iter().enumerate() {
            let at = slot(i, chart.rates.len());
            share(canvas, y, at - 14, point.system.as_ref(), Mark::Dot(FIRST), FIRST);
            share(canvas, y, at + 14, point.baseline.as_ref(), Mark::Triangle(LIMIT), LIMIT);
        }
        legend(canvas, &ENTRIES, (LEFT, RIGHT), 4);
    });
    Some(Chart {
        section: 7,
        anchor: "duplicates".into(),
        title,
        desc,
        unit: "scenarios with a command applied more than once in per cent (%), by fault rate in per cent (%)".into(),
        note: format!(
            "Shown {n} of {n} fault rates, evenly spaced. Intervals are exact (Clopper–Pearson), two-sided {} %; counts are recomputed from the records \
             of what was applied.",
            chart.confidence,
            n = chart.rates.len()
        ),
        svg,
        size,
        tables: vec![data(chart)],
    })
}

/// The middle of a slot on the axis.
fn slot(i: usize, of: usize) -> i32 {
    let (i, of) = (i32::try_from(i).unwrap_or(0), i32::try_from(of).unwrap_or(1).max(1));
    LEFT + (RIGHT - LEFT) * (2 * i + 1) / (2 * of)
}

/// Millionths as per cent, as short as they are exact.
fn percent(millionths: i64) -> String {
    Ratio::new(i128::from(millionths), 10_000).unwrap_or(Ratio::ZERO).to_string()
}

fn rate(rate: Option<i64>) -> String {
    rate.map_or("unstated".into(), |r| format!("{} %", percent(r)))
}

fn axes(canvas: &Canvas<'_>, y: Linear, rates: &[RatePoint]) {
    let (top, bottom) = (y.to, y.from);
    for tick in y.ticks(5) {
        canvas.line((LEFT, y.at(tick)), (RIGHT, y.at(tick)), GRID, 1);
        canvas.text((LEFT - 7, y.at(tick)), &percent(tick), TEXT, Tie::End, MUTED);
    }
    let every = rates.len().div_ceil(8).max(1);
    for (i, point) in rates.iter().enumerate().filter(|(i, _)| i % every == 0) {
        let at = slot(i, rates.len());
        canvas.line((at, bottom), (at, bottom + 4), INK, 1);
        canvas.text((at, bottom + 17), &rate(point.rate), TEXT, Tie::Middle, MUTED);
    }
    canvas.line((LEFT, bottom), (RIGHT, bottom), INK, 1);
    canvas.line((LEFT, top), (LEFT, bottom), INK, 1);
    canvas.text(((LEFT + RIGHT) / 2, bottom + 40), "fault rate", TEXT, Tie::Middle, MUTED);
    canvas.upright((13, (top + bottom) / 2), "scenarios with duplicates (%)", TEXT, MUTED);
}

/// A share as a mark on its interval, with its count above.
fn share(canvas: &Canvas<'_>, y: Linear, at: i32, bar: Option<&ShareBar>, kind: Mark, color: RGBColor) {
    let Some(bar) = bar else { return };
    let (low, high) = (y.at(bar.lower), y.at(bar.upper));
    canvas.line((at, low), (at, high), color, 2);
    canvas.line((at - 5, low), (at + 5, low), color, 2);
    canvas.line((at - 5, high), (at + 5, high), color, 2);
    let middle = i128::from(bar.count) * 1_000_000 / i128::from(bar.of.max(1));
    mark(canvas, (at, y.at(i64::try_from(middle).unwrap_or(0))), kind);
}

fn data(chart: &DuplicateChart) -> Table {
    let cells = |bar: Option<&ShareBar>| match bar {
        Some(b) => {
            let share = Ratio::new(i128::from(b.count) * 100, i128::from(b.of.max(1))).unwrap_or(Ratio::ZERO);
            [
                format!("{} of {}", group(b.count), group(b.of)),
                share.decimal(2),
                format!("{} to {}", two(b.lower, false), two(b.upper, true)),
            ]
        }
        None => ["–".to_string(), "–".to_string(), "–".to_string()],
    };
    let row = |r: &RatePoint| {
        let mut row = vec![rate(r.rate)];
        row.extend(cells(r.system.as_ref()));
        row.extend(cells(r.baseline.as_ref()));
        row
    };
    let head = ["fault rate", "system", "share (%)", "interval (%)", "baseline", "share (%)", "interval (%)"];
    let caption = format!("Scenarios that applied a command more than once, exact intervals at two-sided {} %", chart.confidence);
    table(caption, &head, chart.rates.iter().map(row).collect())
}

/// Millionths as per cent with two places, rounded outwards.
fn two(millionths: i64, up: bool) -> String {
    let hundredths = if up { (millionths + 99).div_euclid(100) } else { millionths.div_euclid(100) };
    Ratio::new(i128::from(hundredths), 100).unwrap_or(Ratio::ZERO).decimal(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_tells_counts_and_intervals() {
        let bar = |count, lower, upper| Some(ShareBar { count, of: 250, lower, upper });
        let rates = vec![
            RatePoint { rate: Some(50_000), system: bar(0, 0, 14_647), baseline: bar(8, 13_913, 62_097) },
            RatePoint { rate: None, system: None, baseline: None },
        ];
        let plot = duplicates(&DuplicateChart { rates, confidence: "95".into() }).unwrap();
        assert_eq!(plot.tables[0].rows[0][..4], ["5 %", "0 of 250", "0.00", "0.00 to 1.47"].map(String::from));
        assert_eq!(plot.tables[0].rows[0][4..], ["8 of 250", "3.20", "1.39 to 6.21"].map(String::from));
        assert_eq!(plot.tables[0].rows[1][1], "–");
        assert!(plot.desc.contains("0 of 250") && plot.desc.contains("8 of 250"));
        assert!(duplicates(&DuplicateChart { rates: Vec::new(), confidence: "95".into() }).is_none());
    }
}
