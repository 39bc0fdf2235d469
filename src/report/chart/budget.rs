//! The error budget that the recorded failovers leave, one below the other.

use super::canvas::{Canvas, DEEP, GRID, INK, LIMIT, MUTED, TEXT, Tie, WARM, WIDTH, draw, fit};
use super::frame::upright_limit;
use super::scale::Linear;
use super::{Chart, Table, table};
use crate::dossier::{BudgetChart, BudgetStep};
use crate::exact::{Ratio, seconds};
use crate::report::text::{count, group, name};

/// The most failovers that are drawn.
const MOST_BARS: usize = 14;
const LEFT: i32 = 232;
const RIGHT: i32 = 528;
const TOP: i32 = 34;
const PITCH: i32 = 34;
const MILLION: i64 = 1_000_000;

/// The plot; `None` when no failover was recorded.
#[must_use]
pub fn budget(chart: &BudgetChart) -> Option<Chart> {
    let shown = &chart.steps[..chart.steps.len().min(MOST_BARS)];
    let last = shown.last()?;
    let floor = MILLION - chart.share;
    let least = last.left.min(floor);
    let pad = (MILLION - least) / 12 + 1;
    let x = Linear { min: least - pad, max: MILLION, from: LEFT, to: RIGHT };
    let bottom = TOP + PITCH * i32::try_from(shown.len()).unwrap_or(0);
    let title = "Error budget left after the recorded failovers".to_string();
    let within = MILLION - chart.all >= floor;
    let desc = format!(
        "{} take {} % of the error budget together and leave {} %, {} the {} % that this release must leave.",
        count(chart.of, "failover", "failovers"),
        percent(chart.all),
        percent(MILLION - chart.all),
        if within { "no less than" } else { "less than" },
        percent(floor),
    );
    let size = (WIDTH as u32, u32::try_from(bottom + 54).unwrap_or(400));
    let svg = draw(size, &title, &desc, |canvas| {
        axis(canvas, x, bottom);
        upright_limit(canvas, x.at(floor), (TOP - 4, bottom), &format!("to be left ≥ {} %", percent(floor)));
        let mut before = MILLION;
        for (i, step) in shown.iter().enumerate() {
            let y = TOP + PITCH * i32::try_from(i).unwrap_or(0) + PITCH / 2;
            bar(canvas, x, y, step, before, step.left < floor);
            before = step.left;
        }
    });
    Some(Chart {
        section: 9,
        anchor: "error-budget".into(),
        title,
        desc,
        unit: "error budget left in per cent (%)".into(),
        note: format!(
            "Shown {} of {} failovers, test by test, as if all of them fell into one window of {} d. T_budget = (1 − SLO) · window = {} s at an SLO of {} %. \
             The gate on the budget judges the longest failover alone. The axis does not begin at zero.",
            group(shown.len() as u64),
            group(chart.of),
            Ratio::new(i128::from(chart.window), 86_400_000_000_000).unwrap_or(Ratio::ZERO),
            chart.allowed,
            chart.slo,
        ),
        svg,
        size,
        tables: vec![data(chart)],
    })
}

/// Millionths as per cent, as short as they are exact.
fn percent(millionths: i64) -> String {
    Ratio::new(i128::from(millionths), 10_000).unwrap_or(Ratio::ZERO).to_string()
}

fn axis(canvas: &Canvas<'_>, x: Linear, bottom: i32) {
    for tick in x.ticks(4) {
        let at = x.at(tick);
        canvas.line((at, TOP), (at, bottom), GRID, 1);
        canvas.text((at, bottom + 17), &percent(tick), TEXT, Tie::Middle, MUTED);
    }
    canvas.line((LEFT, bottom), (RIGHT, bottom), INK, 1);
    canvas.line((RIGHT, TOP), (RIGHT, bottom), INK, 1);
    canvas.text(((LEFT + RIGHT) / 2, bottom + 40), "error budget left (%)", TEXT, Tie::Middle, MUTED);
}

/// What one failover takes, between what was left before and what is left after it.
fn bar(canvas: &Canvas<'_>, x: Linear, y: i32, step: &BudgetStep, before: i64, over: bool) {
    let label = format!("{}, {}", step.test, step.failover);
    canvas.text((LEFT - 10, y), &fit(&label, LEFT - 14), TEXT, Tie::End, INK);
    let (a, b) = (x.at(step.left), x.at(before));
    let a = a.min(b - 2);
    canvas.fill((a, y - 9), (b, y + 9), if over { WARM } else { DEEP });
    if over {
        canvas.hatch((a, y - 9), (b, y + 9), 6, true, LIMIT);
    }
    canvas.frame((a, y - 9), (b, y + 9), if over { LIMIT } else { DEEP });
    canvas.line((a, y + 9), (a, y + PITCH - 9), MUTED, 1);
    let word = format!("{}{} %", if over { "✖ " } else { "" }, percent(step.left));
    canvas.text((RIGHT + 8, y), &word, TEXT, Tie::Start, if over { LIMIT } else { INK });
}

fn data(chart: &BudgetChart) -> Table {
    let row = |s: &BudgetStep| vec![name(&s.failover), name(&s.test), seconds(s.longest), percent(s.takes), percent(s.left)];
    let head = ["failover", "test", "at most (s)", "takes (%)", "left after it (%)"];
    let caption = format!("Error budget, {} of {} failovers", group(chart.steps.len() as u64), group(chart.of));
    table(caption, &head, chart.steps.iter().map(row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_below_its_limit_is_marked() {
        let step = |takes, left| BudgetStep { test: "t".into(), failover: "f".into(), longest: 2_600_000_000, takes, left };
        let chart = |share| BudgetChart {
            slo: "99.9".into(),
            window: 30 * 86_400_000_000_000,
            allowed: "2592".into(),
            share,
            steps: vec![step(1_004, 998_996), step(1_004, 997_992)],
            of: 2,
            all: 2_008,
        };
        let within = budget(&chart(50_000)).unwrap();
        assert!(!within.svg.contains('✖') && within.desc.contains("leave 99.7992 %, no less than the 95 %"), "{}", within.desc);
        let over = budget(&chart(1_500)).unwrap();
        assert_eq!(over.svg.matches('✖').count(), 1);
        assert!(over.desc.contains("less than the 99.85 %"));
        assert!(budget(&BudgetChart { steps: Vec::new(), ..chart(1) }).is_none());
    }
}
