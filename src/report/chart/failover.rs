//! The phases of each failover, stacked from left to right against the recovery objective.

use super::canvas::{
    Canvas, DEEP, GRID, INK, LIMIT, MIDDLE, MUTED, ON_DARK, PALE, TEXT, Tie, WARM, WIDTH, draw, fit, room, width,
};
use super::frame::{in_seconds, upright_limit};
use super::scale::Linear;
use super::{Chart, table};
use crate::dossier::FailoverChart;
use crate::exact::seconds;
use crate::report::text::{brief, count, group, name};
use plotters::style::RGBColor;

/// The most failovers that are drawn, worst first.
const MOST_BARS: usize = 12;
/// The most failovers that the table lists.
const MOST_ROWS: usize = 60;
const LEFT: i32 = 12;
const RIGHT: i32 = 548;
const TOP: i32 = 78;
const BAR: i32 = 24;
const PITCH: i32 = 64;

/// Fill, hatch (and its slant) and the colour of words on it, phase by phase.
const LOOKS: [(RGBColor, Option<bool>, RGBColor); 4] =
    [(DEEP, None, ON_DARK), (MIDDLE, None, INK), (WARM, Some(false), INK), (PALE, Some(true), INK)];

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
    let size = (WIDTH as u32, u32::try_from(bottom + 54).unwrap_or(400));
    let longest = shown.iter().map(|f| f.total.max(f.objective.unwrap_or(0))).max().unwrap_or(1).max(1);
    let scale = Linear { min: 0, max: longest.saturating_add(longest / 24), from: LEFT, to: RIGHT };
    let names = names(shown);
    let svg = draw(size, &title, &desc, |canvas| {
        legend(canvas, &names);
        axis(canvas, scale, bottom);
        for (i, failover) in shown.iter().enumerate() {
            bar(canvas, scale, TOP + PITCH * i32::try_from(i).unwrap_or(0), failover, &names);
        }
        if let Some(objective) = objective {
            upright_limit(canvas, scale.at(objective), (TOP - 4, bottom), &format!("objective ≤ {} s", in_seconds(objective)));
        }
    });
    Some(Chart {
        section: 9,
        anchor: "failover".into(),
        title,
        desc,
        unit: "time since the fault in seconds (s)".into(),
        note: format!(
            "Shown {} of {} failovers, worst first. Each phase is drawn at the middle of its interval; the whisker below spans the least and the greatest \
             length of the whole, and the greatest, at the right, is judged.",
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
    canvas.frame(a, b, MUTED);
}

fn legend(canvas: &Canvas<'_>, names: &[String]) {
    let mut x = LEFT;
    for (i, phase) in names.iter().enumerate().take(8) {
        swatch(canvas, (x, 12), (x + 22, 26), i);
        let word = brief(phase, 18);
        canvas.text((x + 29, 19), &word, TEXT, Tie::Start, INK);
        x += 29 + room(&word) + 20;
    }
}

fn axis(canvas: &Canvas<'_>, scale: Linear, bottom: i32) {
    for tick in scale.ticks(6) {
        let x = scale.at(tick);
        canvas.line((x, TOP), (x, bottom), GRID, 1);
        canvas.text((x, bottom + 17), &in_seconds(tick), TEXT, Tie::Middle, MUTED);
    }
    canvas.line((LEFT, bottom), (RIGHT, bottom), INK, 1);
    canvas.line((LEFT, TOP), (LEFT, bottom), INK, 1);
    canvas.text(((LEFT + RIGHT) / 2, bottom + 40), "time since the fault (s)", TEXT, Tie::Middle, MUTED);
}

fn bar(canvas: &Canvas<'_>, scale: Linear, top: i32, failover: &FailoverChart, names: &[String]) {
    let label = format!("{}, {}", failover.test, failover.failover);
    canvas.text((LEFT + 6, top + 14), &fit(&label, RIGHT - LEFT - 70), TEXT, Tie::Start, INK);
    let y = top + 26;
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
        if b - a > room(&word) + 6 {
            let (ground, hatch, ink) = LOOKS[look % LOOKS.len()];
            let half = width(&word, TEXT) / 2 + 4;
            if hatch.is_some() {
                canvas.fill(((a + b) / 2 - half, y + 4), ((a + b) / 2 + half, y + BAR - 4), ground);
            }
            canvas.text(((a + b) / 2, y + BAR / 2), &word, TEXT, Tie::Middle, ink);
        }
    }
    let least: i64 = failover.phases.iter().fold(0i64, |sum, p| sum.saturating_add(p.lo)).min(failover.total);
    let (lo, hi, middle) = (scale.at(least), scale.at(failover.total), y + BAR + 6);
    if hi > lo {
        canvas.line((lo, middle), (hi, middle), INK, 1);
        canvas.line((lo, middle - 4), (lo, middle + 4), INK, 1);
        canvas.line((hi, middle - 4), (hi, middle + 4), INK, 1);
    }
    let over = failover.objective.is_some_and(|o| failover.total > o);
    let total = format!("{}{} s", if over { "✖ " } else { "" }, seconds(failover.total));
    canvas.text((RIGHT + 10, y + BAR / 2), &total, TEXT, Tie::Start, if over { LIMIT } else { INK });
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dossier::PhaseBar;

    #[test]
    fn the_worst_stands_first_and_is_marked_when_it_is_over() {
        let failover = |total: i64| FailoverChart {
            test: "crash <b>".into(),
            failover: "f".into(),
            phases: vec![PhaseBar { name: "detect".into(), lo: total / 2, hi: total }],
            total,
            objective: Some(3_000_000_000),
        };
        let plot = failovers(&[failover(3_500_000_000), failover(2_600_000_000)]).unwrap();
        assert_eq!(plot.svg.matches('✖').count(), 1);
        assert!(plot.svg.contains("✖ 3.500 s") && plot.svg.contains("objective ≤ 3 s") && !plot.svg.contains("<b>"));
        assert!(failovers(&[]).is_none());
    }
}
