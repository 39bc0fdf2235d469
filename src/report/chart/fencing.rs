//! Epochs as lanes, each with what the protected resource made of the requests under it.

use super::canvas::{Canvas, FIRST, GOOD, INK, LANE, LIMIT, LIMIT_WASH, MUTED, TEXT, Tie, WIDTH, draw, fit};
use super::frame::{FAULT_ENTRY, Mark, fault_labels, fault_table, faults, label_height, legend, legend_height, mark, time_axis};
use super::scale::Linear;
use super::{Chart, Table, table};
use crate::dossier::{EpochLane, FencingChart, Try};
use crate::exact::seconds;
use crate::report::text::{count, group, name};
use std::collections::BTreeSet;

const LEFT: i32 = 172;
const RIGHT: i32 = 622;
const PITCH: i32 = 46;
const BAR: i32 = 9;

const ENTRIES: [(&str, Mark); 3] =
    [("epoch is current", Mark::Box(LANE)), ("accepted", Mark::Dot(FIRST)), ("stale, rejected", Mark::Cross(INK))];
const OTHER: (&str, Mark) = ("rejected otherwise", Mark::Diamond(MUTED));
const WRONG: (&str, Mark) = ("stale, yet accepted", Mark::Triangle(LIMIT));

/// The plot of one test, numbered; `None` when the resource decided nothing.
#[must_use]
pub fn fencing(number: usize, chart: &FencingChart) -> Option<Chart> {
    if chart.lanes.is_empty() {
        return None;
    }
    let mut entries = ENTRIES.to_vec();
    let others = chart.lanes.iter().any(|l| l.other_rejected > 0);
    let more = [(chart.stale_accepted > 0, WRONG), (others, OTHER), (chart.faults.of > 0, FAULT_ENTRY)];
    entries.extend(more.into_iter().filter(|m| m.0).map(|m| m.1));
    let x = Linear { min: 0, max: chart.span, from: LEFT, to: RIGHT };
    let top = legend_height(&entries, 12, RIGHT) + label_height(x, &chart.faults);
    let bottom = top + PITCH * i32::try_from(chart.lanes.len()).unwrap_or(0);
    let title = format!("Epochs and fencing in test {}", name(&chart.test));
    let desc = format!(
        "{} over {}; {}, of which {}.",
        count(chart.decisions, "decision of the resource", "decisions of the resource"),
        count(chart.of_lanes, "epoch", "epochs"),
        count(chart.stale, "attempt was stale", "attempts were stale"),
        if chart.stale_accepted == 0 {
            "none was accepted".to_string()
        } else {
            format!("{} accepted", count(chart.stale_accepted, "was", "were"))
        },
    );
    let size = (WIDTH as u32, u32::try_from(bottom + 54).unwrap_or(600));
    let words =
        if chart.from_operation { "time since the first operation (s)" } else { "time since the resource's first record (s)" };
    let svg = draw(size, &title, &desc, |canvas| {
        faults(canvas, x, (top, bottom), &chart.faults);
        fault_labels(canvas, x, top, &chart.faults);
        time_axis(canvas, x, (top, bottom), words);
        for (i, own) in chart.lanes.iter().enumerate() {
            lane(canvas, x, top + PITCH * i32::try_from(i).unwrap_or(0) + PITCH / 2, own);
        }
        legend(canvas, &entries, (12, RIGHT), 4);
    });
    let shown: u64 = chart.lanes.iter().map(total).sum();
    Some(Chart {
        section: 5,
        anchor: super::anchor("fencing", number, &chart.test),
        title,
        desc,
        unit: "epoch or token, one lane each, over time on the resource's clock in seconds (s)".into(),
        note: format!(
            "Shown {} of {} epochs with {} of {} decisions, jobs with stale attempts first; decisions at one place are drawn once.",
            group(chart.lanes.len() as u64),
            group(chart.of_lanes),
            group(shown),
            group(chart.decisions)
        ),
        svg,
        size,
        tables: std::iter::once(data(chart)).chain(fault_table(&chart.faults)).collect(),
    })
}

fn total(lane: &EpochLane) -> u64 {
    lane.accepted + lane.stale_rejected + lane.stale_accepted + lane.other_rejected
}

fn lane(canvas: &Canvas<'_>, x: Linear, y: i32, own: &EpochLane) {
    let first = own.tries.first().map_or(0, |t| t.t);
    let (a, b) = (x.at(own.granted.unwrap_or(first)), own.ended.map_or(RIGHT, |t| x.at(t)));
    let epoch = format!("epoch {}", own.epoch);
    let (what, who) = match &own.job {
        Some(job) => (fit(job, LEFT - 16), format!("{epoch}, {}", own.holder)),
        None => (epoch, if own.holder.is_empty() { own.resource.clone() } else { own.holder.clone() }),
    };
    canvas.text((LEFT - 10, y - 9), &what, TEXT, Tie::End, INK);
    canvas.text((LEFT - 10, y + 9), &fit(&who, LEFT - 16), TEXT, Tie::End, MUTED);
    canvas.line((LEFT, y), (RIGHT, y), LANE, 1);
    if own.stale_accepted > 0 {
        canvas.fill((b, y - 15), (RIGHT, y + 15), LIMIT_WASH);
    }
    canvas.fill((a, y - BAR), (b.max(a + 2), y + BAR), LANE);
    canvas.frame((a, y - BAR), (b.max(a + 2), y + BAR), MUTED);
    if own.granted.is_some() {
        canvas.line((a, y - 14), (a, y + 14), GOOD, 3);
    }
    for (kind, at) in drawn(x, &own.tries) {
        match kind {
            0 => canvas.dot((at, y), 3, FIRST),
            1 => mark(canvas, (at, y), Mark::Diamond(MUTED)),
            2 => canvas.cross((at, y), 5, INK),
            _ => {
                canvas.triangle((at, y), 7, LIMIT);
                canvas.text((at, y - 17), "✖ accepted", TEXT, if at > 540 { Tie::End } else { Tie::Start }, LIMIT);
            }
        }
    }
}

/// Shapes and pixels, each once, the gravest last.
fn drawn(x: Linear, tries: &[Try]) -> BTreeSet<(u8, i32)> {
    let shape = |t: &Try| match t.kind {
        "accepted" => 0,
        "rejected" => 1,
        "stale-rejected" => 2,
        _ => 3,
    };
    // Marks that would cover one another are one.
    let place = |t: &Try| match shape(t) {
        0 => x.at(t.t) / 2 * 2,
        _ => x.at(t.t) / 4 * 4,
    };
    tries.iter().map(|t| (shape(t), place(t))).collect()
}

fn data(chart: &FencingChart) -> Table {
    let time = |t: Option<i64>| t.map_or_else(|| "–".into(), seconds);
    let row = |l: &EpochLane| {
        vec![
            l.job.as_ref().map_or_else(|| name(&l.resource), |job| format!("{} {}", name(&l.resource), name(job))),
            l.epoch.to_string(),
            if l.holder.is_empty() { "–".into() } else { name(&l.holder) },
            time(l.granted),
            time(l.ended),
            group(l.accepted),
            group(l.stale_rejected),
            group(l.stale_accepted),
            group(l.other_rejected),
        ]
    };
    let head = [
        "resource",
        "epoch",
        "holder",
        "granted at (s)",
        "ended at (s)",
        "accepted",
        "stale, rejected",
        "stale, accepted",
        "rejected otherwise",
    ];
    let caption = format!("Epochs and decisions, {} of {} epochs", group(chart.lanes.len() as u64), group(chart.of_lanes));
    table(caption, &head, chart.lanes.iter().map(row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dossier::FaultWindows;

    #[test]
    fn stale_attempts_are_crosses_and_accepted_ones_are_named() {
        let lane = |kind: &'static str| EpochLane {
            resource: "<script>".into(),
            job: None,
            epoch: 4,
            holder: "n1".into(),
            granted: Some(0),
            ended: Some(50),
            tries: vec![Try { t: 10, kind: "accepted" }, Try { t: 80, kind }],
            accepted: 1,
            stale_rejected: u64::from(kind == "stale-rejected"),
            stale_accepted: u64::from(kind == "stale-accepted"),
            other_rejected: 0,
        };
        let chart = |kind: &'static str| FencingChart {
            test: "t".into(),
            span: 100,
            from_operation: true,
            lanes: vec![lane(kind)],
            of_lanes: 3,
            decisions: 2,
            stale: 1,
            stale_accepted: u64::from(kind == "stale-accepted"),
            faults: FaultWindows::default(),
        };
        let good = fencing(1, &chart("stale-rejected")).unwrap();
        assert!(!good.svg.contains("✖") && !good.svg.contains("<script"));
        assert!(good.desc.contains("1 attempt was stale, of which none was accepted"));
        let bad = fencing(1, &chart("stale-accepted")).unwrap();
        assert!(bad.svg.contains("✖ accepted") && bad.svg.contains("stale, yet accepted"));
        assert!(bad.note.contains("Shown 1 of 3 epochs"));
    }

    #[test]
    fn crowded_marks_are_drawn_once() {
        let x = Linear { min: 0, max: 1_000_000, from: 0, to: 400 };
        let tries: Vec<Try> = (0..10_000).map(|i| Try { t: i * 100, kind: "stale-rejected" }).collect();
        assert!(drawn(x, &tries).len() <= 101);
    }
}
