//! The counterexample of a failed gate: one bar an operation, from its sending to its answer.
//!
//! Bars keep the order of all instants; long pauses are shortened, for what contradicts is the order.

use super::canvas::{Canvas, DEEP, GRID, INK, LANE, LIMIT, LIMIT_WASH, MUTED, Place, TEXT, Tie, WIDTH, draw, fit, room};
use super::frame::{Mark, in_millis, legend, legend_height};
use super::{Chart, Table, table};
use crate::dossier::{ExampleChart, ExampleOp};
use crate::report::text::{brief, count, group, line, name};

const LEFT: i32 = 276;
const RIGHT: i32 = 600;
const PITCH: i32 = 30;
const BAR: i32 = 7;

const ENTRIES: [(&str, Mark); 4] = [
    ("impossible", Mark::Cross(LIMIT)),
    ("involved", Mark::Box(DEEP)),
    ("in flight nearby", Mark::Box(LANE)),
    ("never answered", Mark::Dashes(INK)),
];

/// The plot of one counterexample, numbered; `None` when it has no operation.
#[must_use]
pub fn example(number: usize, chart: &ExampleChart) -> Option<Chart> {
    let ops = &chart.operations;
    let impossible = ops.iter().find(|op| op.mark == "impossible")?;
    let involved = ops.iter().filter(|op| op.mark != "nearby").count() as u64;
    let open = ops.iter().any(|op| op.returned.is_none());
    let near = ops.iter().any(|op| op.mark == "nearby");
    let there = |word: &str| (open || word != "never answered") && (near || word != "in flight nearby");
    let entries: Vec<(&str, Mark)> = ENTRIES.into_iter().filter(|e| there(e.0)).collect();
    let top = legend_height(&entries, 12, RIGHT) + 16;
    let bottom = top + PITCH * i32::try_from(ops.len()).unwrap_or(0);
    let scale = Order::new(ops);
    let key = chart.key.as_ref().map_or(String::new(), |k| format!(" on key {}", name(k)));
    let title = format!("Counterexample of {} in test {}{key}", name(&chart.gate), name(&chart.test));
    let desc = format!(
        "{}. {} contradict each other; the impossible one is \u{201c}{}\u{201d} of process {}.",
        line(&chart.why).trim_end_matches('.'),
        count(involved, "operation", "operations"),
        told(impossible, 60),
        name(&impossible.process),
    );
    let size = (WIDTH as u32, u32::try_from(bottom + 54).unwrap_or(1_700));
    let svg = draw(size, &title, &desc, |canvas| {
        axis(canvas, &scale, ops, (top, bottom));
        for (i, op) in ops.iter().enumerate() {
            row(canvas, &scale, top + PITCH * i32::try_from(i).unwrap_or(0) + PITCH / 2, op);
        }
        let sent = scale.at(impossible.invoke);
        canvas.dashed((sent, top), (sent, bottom), LIMIT, 1);
        legend(canvas, &entries, (12, RIGHT), 2);
    });
    Some(Chart {
        section: 4,
        anchor: super::anchor("counterexample", number, &chart.test),
        title,
        desc,
        unit: "operations by the time they were sent, over time in milliseconds (ms), in order with long pauses shortened".into(),
        note: format!(
            "Shown {} of {} operations: those involved and the nearest that were in flight on the same key; {} more of these are left out. The dashed line is \
             the instant at which the impossible one was sent.",
            group(ops.len() as u64),
            group(chart.of),
            group(chart.left_out)
        ),
        svg,
        size,
        tables: vec![data(ops)],
    })
}

/// What an operation asked and was told, with its version.
fn told(op: &ExampleOp, most: usize) -> String {
    let version = op.version.map_or(String::new(), |v| format!(" v{v}"));
    format!("{}{version}", brief(&op.what, most.saturating_sub(version.chars().count())))
}

/// A scale that keeps the order of instants and shortens long pauses: each pause is as wide as the number of binary digits of its length, and a little more.
struct Order {
    /// Instants with the weight of all pauses before them.
    instants: Vec<(i64, i64)>,
}

impl Order {
    fn new(ops: &[ExampleOp]) -> Self {
        let mut all: Vec<i64> = ops.iter().flat_map(|op| [Some(op.invoke), op.returned]).flatten().collect();
        all.sort_unstable();
        all.dedup();
        let mut sum = 0i64;
        let mut instants = Vec::with_capacity(all.len());
        for (i, t) in all.iter().enumerate() {
            if i > 0 {
                let pause = t.saturating_sub(all[i - 1]).max(1);
                sum += 12 + i64::from(64 - pause.leading_zeros());
            }
            instants.push((*t, sum));
        }
        Self { instants }
    }

    /// The pixel of one of the instants.
    fn at(&self, t: i64) -> i32 {
        let all = self.instants.last().map_or(1, |i| i.1).max(1);
        let i = self.instants.partition_point(|i| i.0 < t).min(self.instants.len().saturating_sub(1));
        let weight = self.instants.get(i).map_or(0, |i| i.1);
        // Room at the right, for what is never answered.
        LEFT + i32::try_from(weight * i64::from(RIGHT - 28 - LEFT) / all).unwrap_or(0)
    }
}

/// Upright lines at the instants of those involved, with their times where there is room.
fn axis(canvas: &Canvas<'_>, scale: &Order, ops: &[ExampleOp], (top, bottom): (i32, i32)) {
    let mut free = LEFT - 40;
    for (t, _) in &scale.instants {
        let here = ops.iter().any(|op| op.mark != "nearby" && (op.invoke == *t || op.returned == Some(*t)));
        if !here {
            continue;
        }
        let at = scale.at(*t);
        canvas.line((at, top), (at, bottom), GRID, 1);
        let word = in_micro(*t);
        let half = room(&word) / 2 + 3;
        if at - half >= free {
            canvas.line((at, bottom), (at, bottom + 4), INK, 1);
            canvas.text((at, bottom + 17), &word, TEXT, Tie::Middle, MUTED);
            free = at + half;
        }
    }
    canvas.line((LEFT, bottom), (RIGHT, bottom), INK, 1);
    canvas.text(
        (WIDTH / 2, bottom + 40),
        "time since the first of them was sent (ms), long pauses shortened",
        TEXT,
        Tie::Middle,
        MUTED,
    );
}

/// A time in milliseconds with at most three digits behind the point.
fn in_micro(ns: i64) -> String {
    in_millis(ns.div_euclid(1_000) * 1_000)
}

fn row(canvas: &Canvas<'_>, scale: &Order, y: i32, op: &ExampleOp) {
    let (a, b) = (scale.at(op.invoke), op.returned.map_or(RIGHT, |t| scale.at(t)));
    let (fill, ink) = match op.mark {
        "impossible" => (LIMIT, LIMIT),
        "involved" => (DEEP, INK),
        _ => (LANE, MUTED),
    };
    if op.mark == "impossible" {
        canvas.fill((4, y - PITCH / 2 + 1), (WIDTH - 4, y + PITCH / 2 - 1), LIMIT_WASH);
    }
    canvas.text((12, y), &fit(&op.process, 84), TEXT, Tie::Start, MUTED);
    canvas.text((LEFT - 12, y), &told(op, 17), TEXT, Tie::End, ink);
    if op.returned.is_some() {
        canvas.fill((a, y - BAR), (b.max(a + 3), y + BAR), fill);
    } else {
        open(canvas, (a, y), fill);
    }
    if op.mark == "impossible" {
        let at = (b.max(a + 3) + 14).min(WIDTH - 14);
        canvas.cross((at, y), 6, LIMIT);
    }
}

/// Open at the right: it was never answered, or nobody knows with which outcome.
fn open(canvas: &Canvas<'_>, (a, y): Place, fill: plotters::style::RGBColor) {
    canvas.line((a, y - BAR), (a, y + BAR), fill, 3);
    canvas.dashed((a, y - BAR + 1), (RIGHT - 12, y - BAR + 1), fill, 2);
    canvas.dashed((a, y + BAR - 1), (RIGHT - 12, y + BAR - 1), fill, 2);
    canvas.shape(vec![(RIGHT - 10, y - BAR), (RIGHT, y), (RIGHT - 10, y + BAR)], fill);
}

fn data(ops: &[ExampleOp]) -> Table {
    let row = |op: &ExampleOp| {
        vec![
            format!("{}:{}", name(&op.path), op.line),
            name(&op.process),
            name(&op.what),
            op.version.map_or("–".into(), |v| v.to_string()),
            in_millis(op.invoke),
            op.returned.map_or("open".into(), in_millis),
            op.result.to_string(),
            op.mark.to_string(),
        ]
    };
    let head = ["record", "process", "operation", "version", "sent (ms)", "answered (ms)", "outcome", "here"];
    table("The operations drawn", &head, ops.iter().map(row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn op(process: &str, what: &str, invoke: i64, returned: Option<i64>, mark: &'static str) -> ExampleOp {
        ExampleOp {
            process: process.into(),
            what: what.into(),
            version: Some(3),
            invoke,
            returned,
            result: if returned.is_some() { "ok" } else { "unknown" },
            mark,
            path: "h.jsonl".into(),
            line: 7,
        }
    }

    fn chart() -> ExampleChart {
        ExampleChart {
            gate: "consistency.linearizable".into(),
            test: "t".into(),
            key: Some("<k>".into()),
            why: "a stale read".into(),
            operations: vec![
                op("1", "write 5", 0, Some(10), "involved"),
                op("2", "write 6", 5, None, "nearby"),
                op("3", "read </text>", 1_000_000_000, Some(1_000_000_020), "impossible"),
            ],
            left_out: 4,
            of: 90,
        }
    }

    #[test]
    fn instants_keep_their_order_and_pauses_are_shortened() {
        let ops = chart().operations;
        let scale = Order::new(&ops);
        let places = [0, 5, 10, 1_000_000_000, 1_000_000_020].map(|t| scale.at(t));
        assert!(places.is_sorted() && places[0] == LEFT && places[4] == RIGHT - 28, "{places:?}");
        assert!(places[3] - places[2] < 4 * (places[1] - places[0]), "{places:?}");
    }

    #[test]
    fn an_unknown_operation_is_open_and_the_impossible_one_is_marked() {
        let plot = example(1, &chart()).unwrap();
        assert!(plot.svg.contains("points=\"590,"), "an arrow at the right edge");
        assert!(plot.svg.contains("fill=\"#FBEADD\"") && plot.desc.contains("of process 3"));
        assert!(!plot.svg.contains("read </text>") && plot.svg.contains("read &lt;/text&gt; v3"));
        let rows = &plot.tables[0].rows;
        assert_eq!((rows[1][5].as_str(), rows[2][7].as_str()), ("open", "impossible"));
        let answered = ExampleChart { operations: vec![chart().operations[2].clone()], ..chart() };
        assert!(!example(1, &answered).unwrap().svg.contains("points=\"590,"));
        assert!(example(1, &ExampleChart { operations: Vec::new(), ..chart() }).is_none());
    }
}
