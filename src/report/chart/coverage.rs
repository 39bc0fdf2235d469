//! The coverage matrix: failure models against layers, with the number of tests in each cell.

use super::canvas::{Canvas, DEEP, FIXED_TEXT, GRID, INK, MIDDLE, MUTED, ON_DARK, PALE, TEXT, Tie, WIDTH, draw};
use super::{Chart, Table, table};
use crate::dossier::{AssumptionRow, CoverageCell, CoverageChart};
use crate::report::text::{count, name};

const LEFT: i32 = 166;
const RIGHT: i32 = 628;
const TOP: i32 = 40;
const PITCH: i32 = 34;

/// The plot; `None` when there is neither model nor layer.
#[must_use]
pub fn coverage(chart: &CoverageChart) -> Option<Chart> {
    let columns = i32::try_from(chart.layers.len()).ok().filter(|n| *n > 0)?;
    let rows = i32::try_from(chart.models.len()).ok().filter(|n| *n > 0)?;
    let bottom = TOP + PITCH * rows;
    let tests: usize = chart.cells.iter().map(|c| c.tests.len()).sum();
    let bare = chart.assumptions.iter().filter(|a| a.tests.is_empty()).count();
    let title = "Failure models tried, by layer".to_string();
    let desc = format!(
        "{} with a fault in {} of {} combinations of failure model and layer; {} of {} have no test.",
        count(tests as u64, "test", "tests"),
        chart.cells.len(),
        rows * columns,
        bare,
        count(chart.assumptions.len() as u64, "declared fault assumption", "declared fault assumptions"),
    );
    let size = (WIDTH as u32, u32::try_from(bottom + 10).unwrap_or(300));
    let column = |i: i32| LEFT + (RIGHT - LEFT) * i / columns;
    let svg = draw(size, &title, &desc, |canvas| {
        for (i, layer) in (0..).zip(&chart.layers) {
            canvas.text(((column(i) + column(i + 1)) / 2, TOP - 16), layer, FIXED_TEXT, Tie::Middle, MUTED);
        }
        for (r, model) in (0..).zip(&chart.models) {
            let y = TOP + PITCH * r;
            canvas.text((LEFT - 10, y + PITCH / 2), model, TEXT, Tie::End, INK);
            for (i, layer) in (0..).zip(&chart.layers) {
                let found = chart.cells.iter().find(|c| c.model == *model && c.layer == *layer);
                cell(canvas, (column(i), y), (column(i + 1), y + PITCH), found);
            }
        }
    });
    Some(Chart {
        section: 2,
        anchor: "coverage".into(),
        title,
        desc,
        unit: "number of tests that inject a fault of the model at the layer".into(),
        note: format!(
            "Shown {n} of {n} failure models, from mild to grave. An empty cell is not covered by this release.{}",
            match chart.without_fault.len() {
                0 => String::new(),
                1 => " One test injects no fault and is in no cell.".to_string(),
                n => format!(" {n} tests inject no fault and are in no cell."),
            },
            n = chart.models.len()
        ),
        svg,
        size,
        tables: tables(chart),
    })
}

fn cell(canvas: &Canvas<'_>, a: (i32, i32), b: (i32, i32), found: Option<&CoverageCell>) {
    let tests = found.map_or(0, |c| c.tests.len());
    let (ground, ink) = match tests {
        0 => (PALE, MUTED),
        1 => (MIDDLE, INK),
        _ => (DEEP, ON_DARK),
    };
    canvas.fill((a.0 + 1, a.1 + 1), (b.0 - 1, b.1 - 1), ground);
    canvas.frame((a.0 + 1, a.1 + 1), (b.0 - 1, b.1 - 1), GRID);
    let word = if tests == 0 { "–".to_string() } else { tests.to_string() };
    canvas.text(((a.0 + b.0) / 2, (a.1 + b.1) / 2), &word, TEXT, Tie::Middle, ink);
}

fn tables(chart: &CoverageChart) -> Vec<Table> {
    let names = |tests: &[String]| tests.iter().map(|t| name(t)).collect::<Vec<_>>().join(", ");
    let row = |model: &&str| {
        let mut row = vec![(*model).to_string()];
        row.extend(chart.layers.iter().map(|layer| {
            let found = chart.cells.iter().find(|c| c.model == *model && c.layer == *layer);
            found.map_or("–".into(), |c| names(&c.tests))
        }));
        row
    };
    let mut head = vec!["failure model"];
    head.extend(&chart.layers);
    let mut tables = vec![table("Tests by failure model and layer", &head, chart.models.iter().map(row).collect())];
    let covered = |a: &AssumptionRow| {
        let tests = if a.tests.is_empty() { "no test".to_string() } else { names(&a.tests) };
        vec![name(&a.assumption), tests]
    };
    if !chart.assumptions.is_empty() {
        let rows = chart.assumptions.iter().map(covered).collect();
        tables.push(table("Declared fault assumptions and the tests that cover them", &["assumption", "tests"], rows));
    }
    tables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn covered_and_empty_cells_are_told_apart() {
        let cells = vec![CoverageCell { model: "crash", layer: "process", tests: vec!["a<b".into(), "c".into()] }];
        let assumptions = vec![AssumptionRow { assumption: "power loss".into(), tests: Vec::new() }];
        let without_fault = vec!["baseline".into()];
        let chart =
            CoverageChart { models: vec!["crash", "value"], layers: vec!["process", "disk"], cells, assumptions, without_fault };
        let plot = coverage(&chart).unwrap();
        assert_eq!(plot.tables[0].rows[0], ["crash", "a<b, c", "–"].map(String::from));
        assert_eq!(plot.tables[1].rows[0], ["power loss", "no test"].map(String::from));
        assert!(plot.desc.starts_with("2 tests with a fault in 1 of 4 combinations"));
        assert!(plot.note.contains("One test injects no fault"), "{}", plot.note);
        assert!(plot.svg.contains("\n2\n") && plot.svg.matches("\n–\n").count() == 3);
    }
}
