//! What several plots share: a legend, an axis of time, fault windows, labels of numbers.
//!
//! In: a canvas and places. Out: strokes. Refuses to know what is measured.

use super::canvas::{Canvas, FAULT, FAULT_WASH, GRID, INK, LIMIT, MUTED, Place, TEXT, Tie, room};
use super::scale::Linear;
use super::{Table, table};
use crate::dossier::{FaultWindow, FaultWindows};
use crate::exact::{Ratio, seconds};
use crate::report::text::{brief, group, name};
use plotters::style::RGBColor;

/// The mark of an entry of a legend.
#[derive(Debug, Clone, Copy)]
pub enum Mark {
    /// A disc.
    Dot(RGBColor),
    /// A triangle.
    Triangle(RGBColor),
    /// A cross.
    Cross(RGBColor),
    /// A diamond.
    Diamond(RGBColor),
    /// A line of some width.
    Line(RGBColor, u32),
    /// A broken line.
    Dashes(RGBColor),
    /// A filled box.
    Box(RGBColor),
    /// A hatched box: its ground, its lines, and whether they lean the other way.
    Hatch(RGBColor, RGBColor, bool),
}

/// The entry for fault windows.
pub const FAULT_ENTRY: (&str, Mark) = ("fault lasts", Mark::Hatch(FAULT_WASH, FAULT, false));

/// Draws a mark.
pub fn mark(canvas: &Canvas<'_>, at: Place, mark: Mark) {
    let (a, b) = ((at.0 - 9, at.1 - 6), (at.0 + 9, at.1 + 6));
    match mark {
        Mark::Dot(color) => canvas.dot(at, 4, color),
        Mark::Triangle(color) => canvas.triangle(at, 4, color),
        Mark::Cross(color) => canvas.cross(at, 4, color),
        Mark::Diamond(color) => canvas.diamond(at, 5, color),
        Mark::Line(color, width) => canvas.line((a.0, at.1), (b.0, at.1), color, width),
        Mark::Dashes(color) => canvas.dashed((a.0, at.1), (b.0, at.1), color, 2),
        Mark::Box(color) => {
            canvas.fill(a, b, color);
            canvas.frame(a, b, MUTED);
        }
        Mark::Hatch(ground, lines, back) => {
            canvas.fill(a, b, ground);
            canvas.hatch(a, b, 5, back, lines);
            canvas.frame(a, b, lines);
        }
    }
}

/// The height of a row of a legend.
const ROW: i32 = 24;

/// How many rows a legend takes between two edges.
pub fn legend_height(entries: &[(&str, Mark)], left: i32, right: i32) -> i32 {
    flow(entries, left, right).last().map_or(0, |(_, row)| (row + 1) * ROW)
}

/// Where each entry of a legend begins, and its row.
fn flow(entries: &[(&str, Mark)], left: i32, right: i32) -> Vec<(i32, i32)> {
    let (mut x, mut row) = (left, 0);
    let mut places = Vec::new();
    for (word, _) in entries {
        let wide = 26 + room(word);
        if x > left && x + wide > right {
            (x, row) = (left, row + 1);
        }
        places.push((x, row));
        x += wide + 14;
    }
    places
}

/// Draws a legend from `top` on.
pub fn legend(canvas: &Canvas<'_>, entries: &[(&str, Mark)], (left, right): (i32, i32), top: i32) {
    for ((word, kind), (x, row)) in entries.iter().zip(flow(entries, left, right)) {
        let y = top + row * ROW + ROW / 2;
        mark(canvas, (x + 9, y), *kind);
        canvas.text((x + 26, y), word, TEXT, Tie::Start, INK);
    }
}

/// An axis of time below, in seconds, with its words.
pub fn time_axis(canvas: &Canvas<'_>, x: Linear, (top, bottom): (i32, i32), words: &str) {
    for tick in x.ticks(6) {
        let at = x.at(tick);
        canvas.line((at, top), (at, bottom), GRID, 1);
        canvas.line((at, bottom), (at, bottom + 4), INK, 1);
        canvas.text((at, bottom + 17), &in_seconds(tick), TEXT, Tie::Middle, MUTED);
    }
    canvas.line((x.from, bottom), (x.to, bottom), INK, 1);
    canvas.text(((x.from + x.to) / 2, bottom + 40), words, TEXT, Tie::Middle, MUTED);
}

/// A time in seconds, as short as it is exact.
pub fn in_seconds(ns: i64) -> String {
    Ratio::new(i128::from(ns), 1_000_000_000).unwrap_or(Ratio::ZERO).to_string()
}

/// A time in milliseconds, as short as it is exact, with commas.
pub fn in_millis(ns: i64) -> String {
    match u64::try_from(ns / 1_000_000) {
        Ok(ms) if ms > 0 && ns % 1_000_000 == 0 => group(ms),
        _ => Ratio::new(i128::from(ns), 1_000_000).unwrap_or(Ratio::ZERO).to_string(),
    }
}

/// Fault windows on an axis of time.
pub fn faults(canvas: &Canvas<'_>, x: Linear, (top, bottom): (i32, i32), all: &FaultWindows) {
    for (a, b) in joined(x, &all.shades) {
        canvas.fill((a, top), (b, bottom), FAULT_WASH);
        canvas.hatch((a, top), (b, bottom), 10, false, FAULT);
        canvas.line((a, top), (a, bottom), FAULT, 1);
        canvas.line((b, top), (b, bottom), FAULT, 1);
    }
}

/// The pixels of fault windows, joined where they touch.
fn joined(x: Linear, all: &[(i64, i64)]) -> Vec<(i32, i32)> {
    let mut out: Vec<(i32, i32)> = Vec::new();
    for (start, stop) in all {
        let a = x.at(*start).min(x.to - 2);
        let b = x.at(*stop).max(a + 2);
        match out.last_mut() {
            Some(last) if a <= last.1 => last.1 = last.1.max(b),
            _ => out.push((a, b)),
        }
    }
    out
}

/// More faults than this are not labelled: they stand in the table.
const MOST_LABELS: u64 = 40;

/// Where the label of each fault window stands, if anywhere: its pixel, its row from below, and its words, numbered as in the table.
fn labels(x: Linear, all: &FaultWindows) -> Vec<(i32, i32, String)> {
    let mut free = [x.from, x.from];
    let mut out = Vec::new();
    for (i, fault) in all.first.iter().enumerate().filter(|_| all.of <= MOST_LABELS) {
        let full = format!("{} {}", i + 1, brief(&fault.fault, 22));
        for word in [full, (i + 1).to_string()] {
            let wide = room(&word) + 8;
            let start = x.at(fault.start).min(x.to - wide);
            if let Some(row) = (0..2usize).find(|&r| free[r] <= start) {
                free[row] = start + wide;
                out.push((start, i32::try_from(row).unwrap_or(0), word));
                break;
            }
        }
    }
    out
}

/// The room that labels of fault windows take above a plot.
pub fn label_height(x: Linear, all: &FaultWindows) -> i32 {
    labels(x, all).iter().map(|l| l.1 + 1).max().map_or(12, |rows| 12 + 20 * rows)
}

/// Labels of fault windows above them, in two rows, where there is room.
pub fn fault_labels(canvas: &Canvas<'_>, x: Linear, top: i32, all: &FaultWindows) {
    for (start, row, word) in labels(x, all) {
        canvas.text((start, top - 10 - 20 * row), &word, TEXT, Tie::Start, INK);
    }
}

/// A limit as a dashed upright line with its word above.
pub fn upright_limit(canvas: &Canvas<'_>, at: i32, (top, bottom): (i32, i32), word: &str) {
    canvas.dashed((at, top), (at, bottom), LIMIT, 2);
    let half = room(word) / 2 + 4;
    let middle = at.clamp(half, super::canvas::WIDTH - half);
    canvas.text((middle, top - 11), word, TEXT, Tie::Middle, LIMIT);
}

/// The most faults that a table lists.
const FAULT_ROWS: usize = 40;

/// The table of faults; none without any.
pub fn fault_table(all: &FaultWindows) -> Option<Table> {
    let row = |(i, f): (usize, &FaultWindow)| {
        let targets = if f.targets.is_empty() { "–".to_string() } else { name(&f.targets) };
        vec![(i + 1).to_string(), name(&f.id), name(&f.fault), targets, seconds(f.start), seconds(f.stop)]
    };
    let rows: Vec<Vec<String>> = all.first.iter().enumerate().take(FAULT_ROWS).map(row).collect();
    let caption = format!("Faults, {} of {}", group(rows.len() as u64), group(all.of));
    (!rows.is_empty()).then(|| table(caption, &["no.", "id", "fault", "targets", "from (s)", "to (s)"], rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_that_touch_are_one_and_short_ones_are_seen() {
        let x = Linear { min: 0, max: 1_000, from: 0, to: 100 };
        let all = [(0, 100), (100, 200), (150, 160), (500, 500), (1_000, 1_000)];
        assert_eq!(joined(x, &all), [(0, 20), (50, 52), (98, 100)]);
    }

    #[test]
    fn legends_break_into_rows() {
        let entries = [("read, ok", Mark::Dot(INK)); 9];
        assert!(legend_height(&entries, 0, 640) > legend_height(&entries[..2], 0, 640));
        assert!(flow(&entries, 0, 640).iter().all(|(x, _)| x + 26 + room("read, ok") <= 640));
    }
}
