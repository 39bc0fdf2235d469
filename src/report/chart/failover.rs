//! The phases of each failover, stacked from left to right against the recovery objective.

use super::canvas::{Canvas, GRID, INK, LIMIT, MUTED, Tie, draw, width};
use super::scale::Linear;
use super::{Chart, table};
use crate::dossier::FailoverChart;
use crate::exact::{Ratio, seconds};
use crate::report::text::{brief, count, group, name};
use plotters::style::RGBColor;

/// The most failovers that are drawn, worst first.
const MOST_BARS: usize = 12;
/// The most failovers that the table lists.
const MOST_ROWS: usize = 60;
const WIDTH: i32 = 900;
const LEFT: i32 = 190;
const RIGHT: i32 = 800;
const TOP: i32 = 84;
const BAR: i32 = 30;
const PITCH: i32 = 52;

/// Fill, hatch (gap and slant) and whether words on it are white, phase by phase.
const LOOKS: [(RGBColor, Option<bool>, bool); 4] = [
    (RGBColor(0x1f, 0x3a, 0x5f), None, true),
    (RGBColor(0x9d, 0xb8, 0xd6), None, false),
    (RGBColor(0xe6, 0xd3, 0xa8), Some(false), false),
    (RGBColor(0xf3, 0xf5, 0xf7), Some(true), false),
];

/// The plot; `None` when no failover was measured.
#[must_use]
pub fn failovers(all: &[FailoverChart]) -> Option<Chart> {
    let shown = &all[..all.len().min(MOST_BARS)];
    let worst = shown.first()?;
    let objective = shown.iter().filter_map(|f| f.objective).min();
    let title = "Failover phases against the recovery objective".to_string();
    let against = objective.map_or(String::new(), |o| format!(", against an objective of {} s", seconds(o)));
    let desc = format!(
        "{} drawn as stacked phases; the longest takes at most {} s{against}.",
        count(shown.len() as u64, "failover", "failovers"),
        seconds(worst.total),
    );
    let bottom = TOP + PITCH * i32::try_from(shown.len()).unwrap_or(0);
    let size = (WIDTH as u32, u32::try_from(bottom + 56).unwrap_or(400));
    let longest = shown.iter().map(|f| f.total.max(f.objective.unwrap_or(0))).max().unwrap_or(1).max(1);
    let scale = Linear { max: longest + longest / 12, from: LEFT, to: RIGHT };
    let svg = draw(size, &title, &desc, |canvas| {
        legend(canvas, &names(shown));
        axis(canvas, scale, bottom);
        for (i, failover) in shown.iter().enumerate() {
            bar(canvas, scale, TOP + PITCH * i32::try_from(i).unwrap_or(0) + (PITCH - BAR) / 2, failover, &names(shown));
        }
        if let Some(objective) = objective {
            let x = scale.at(objective);
            canvas.dashed((x, TOP - 8), (x, bottom), LIMIT, 2);
            canvas.text((x, TOP - 18), &format!("objective ≤ {} s", seconds(objective)), 13, Tie::Middle, LIMIT);
        }
    });
    Some(Chart {
        section: 9,
        anchor: "failover".into(),
        unit: "time since the fault in seconds (s)".into(),
        title,
        desc,
        note: format!(
            "Shown {} of {}, worst first. Each phase is drawn at the middle of its interval; the whisker spans the least and the \
             greatest length of the whole, and the greatest is judged.",
            group(shown.len() as u64),
            group(all.len() as u64)
        ),
        svg,
        size,
        tables: vec![data(all)],
    })
}

/// Names of phases in the order in which they first appear.
fn names(all: &[FailoverChart]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for phase in all.iter().flat_map(|f| &f.phases) {
        if !names.contains(&phase.name) {
            names.push(phase.name.clone());
        }
    }
    names
}

fn swatch(canvas: &Canvas<'_>, a: (i32, i32), b: (i32, i32), phase: usize) {
    let (fill, hatch, _) = LOOKS[phase % LOOKS.len()];
    canvas.fill(a, b, fill);
    if let Some(back) = hatch {
        canvas.hatch(a, b, 7, back, MUTED);
    }
    canvas.frame(a, b, INK);
}

fn legend(canvas: &Canvas<'_>, names: &[String]) {
    let mut x = LEFT;
    for (i, phase) in names.iter().enumerate().take(8) {
        swatch(canvas, (x, 18), (x + 22, 32), i);
        let word = brief(phase, 18);
        canvas.text((x + 30, 26), &word, 13, Tie::Start, INK);
        x += 30 + width(&word, 13) + 26;
    }
}

fn axis(canvas: &Canvas<'_>, scale: Linear, bottom: i32) {
    for tick in scale.ticks(8) {
        let x = scale.at(tick);
        canvas.line((x, TOP), (x, bottom), GRID, 1);
        canvas.text((x, bottom + 15), &label(tick), 12, Tie::Middle, MUTED);
    }
    canvas.line((LEFT, bottom), (RIGHT, bottom), INK, 1);
    canvas.line((LEFT, TOP), (LEFT, bottom), INK, 1);
    canvas.text(((LEFT + RIGHT) / 2, bottom + 38), "time since the fault, in seconds (s)", 12, Tie::Middle, MUTED);
}

/// A tick in seconds, as short as it is exact.
fn label(ns: i64) -> String {
    Ratio::new(i128::from(ns), 1_000_000_000).unwrap_or(Ratio::ZERO).to_string()
}

fn bar(canvas: &Canvas<'_>, scale: Linear, y: i32, failover: &FailoverChart, names: &[String]) {
    canvas.text((LEFT - 12, y + 8), &brief(&failover.failover, 22), 13, Tie::End, INK);
    canvas.text((LEFT - 12, y + 24), &brief(&failover.test, 24), 11, Tie::End, MUTED);
    let mut from = 0i64;
    for phase in &failover.phases {
        let middle = phase.lo.saturating_add(phase.hi.saturating_sub(phase.lo) / 2).max(0);
        let (a, b) = (scale.at(from), scale.at(from.saturating_add(middle)));
        from = from.saturating_add(middle);
        let look = names.iter().position(|n| *n == phase.name).unwrap_or(0);
        if b <= a {
            continue;
        }
        swatch(canvas, (a, y), (b, y + BAR), look);
        let word = seconds(middle);
        if b - a > width(&word, 12) + 10 {
            let (_, hatch, white) = LOOKS[look % LOOKS.len()];
            let half = width(&word, 12) / 2 + 4;
            if hatch.is_some() {
                canvas.fill(((a + b) / 2 - half, y + 7), ((a + b) / 2 + half, y + BAR - 7), LOOKS[look % LOOKS.len()].0);
            }
            let ink = if white { RGBColor(255, 255, 255) } else { INK };
            canvas.text(((a + b) / 2, y + BAR / 2 + 1), &word, 12, Tie::Middle, ink);
        }
    }
    let least: i64 = failover.phases.iter().fold(0i64, |sum, p| sum.saturating_add(p.lo)).min(failover.total);
    let (lo, hi, middle) = (scale.at(least), scale.at(failover.total), y + BAR + 5);
    if hi > lo {
        canvas.line((lo, middle), (hi, middle), INK, 1);
        canvas.line((lo, middle - 4), (lo, middle + 4), INK, 1);
        canvas.line((hi, middle - 4), (hi, middle + 4), INK, 1);
    }
    let over = failover.objective.is_some_and(|o| failover.total > o);
    let total = format!("{} s{}", seconds(failover.total), if over { " ✖" } else { "" });
    canvas.text((RIGHT + 12, y + BAR / 2), &total, 14, Tie::Start, if over { LIMIT } else { INK });
}

fn data(all: &[FailoverChart]) -> super::Table {
    let names = names(all);
    let shown = &all[..all.len().min(MOST_ROWS)];
    let mut head = vec!["failover".to_string(), "test".to_string()];
    head.extend(names.iter().map(|n| format!("{} (s)", name(n))));
    head.extend(["at most (s)".to_string(), "objective (s)".to_string()]);
    let rows = shown
        .iter()
        .map(|f| {
            let mut row = vec![name(&f.failover), name(&f.test)];
            row.extend(names.iter().map(|n| match f.phases.iter().find(|p| p.name == *n) {
                Some(p) if p.lo == p.hi => seconds(p.hi),
                Some(p) => format!("{} to {}", seconds(p.lo), seconds(p.hi)),
                None => "–".into(),
            }));
            row.extend([seconds(f.total), f.objective.map_or_else(|| "–".into(), seconds)]);
            row
        })
        .collect();
    let caption = format!("Length of each phase, {} of {}", group(shown.len() as u64), group(all.len() as u64));
    let mut out = table(caption, &[], rows);
    out.head = head;
    out
}
