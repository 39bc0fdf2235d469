//! A worker that stalls, loses its authority, and comes back too late: who held what, and what the resource said.

use super::canvas::{
    Canvas, DEEP, FAULT, FAULT_WASH, FIXED_TEXT, GOOD, GRID, INK, LANE, LIMIT, MUTED, ON_DARK, PAPER, TEXT, Tie, WIDTH, draw, fit,
};
use super::frame::in_millis;
use super::scale::Linear;
use super::{Chart, Table, table};
use crate::dossier::{Doing, TakeoverChart};
use crate::report::text::{brief, group, name};

const LEFT: i32 = 118;
const RIGHT: i32 = 620;
const TOP: i32 = 18;
const PITCH: i32 = 62;
const BAR: i32 = 11;
const LINE: i32 = 24;

/// The plot of one test, numbered; `None` when there is no deed.
#[must_use]
pub fn takeover(number: usize, chart: &TakeoverChart) -> Option<Chart> {
    let late = chart.deeds.get(chart.late)?;
    let takes = chart.deeds.iter().find(|d| !d.by_old && d.what == "claim")?;
    let end = chart.deeds.iter().map(|d| d.t).max()?.max(1);
    let x = Linear { min: 0, max: end.saturating_add(end / 16).max(1), from: LEFT, to: RIGHT };
    let title = format!("A late command of a worker that was taken over, in test {}", name(&chart.test));
    let rejected = late.what == "rejected";
    let desc = format!(
        "{} claimed with {}; {} took over with {}; the command of {} that came {} ms after its claim was {}.",
        name(&chart.old),
        late.epoch,
        name(&chart.new),
        takes.epoch,
        name(&chart.old),
        in_millis(late.t),
        if rejected { "rejected" } else { "ACCEPTED" },
    );
    let lines = lines(chart);
    let bottom = TOP + 3 * PITCH;
    let list = bottom + 64;
    let height = list + LINE * i32::try_from(lines.len()).unwrap_or(0) + 4;
    let size = (WIDTH as u32, u32::try_from(height).unwrap_or(600));
    let svg = draw(size, &title, &desc, |canvas| {
        axis(canvas, x, bottom);
        old_lane(canvas, x, chart, takes.t);
        new_lane(canvas, x, chart, takes.t);
        token_lane(canvas, x, late, takes);
        marks(canvas, x, chart);
        for (i, (sign, words, color)) in lines.iter().enumerate() {
            let y = list + LINE * i32::try_from(i).unwrap_or(0);
            match sign {
                Some(number) => disc(canvas, (LEFT - 84, y), *number, *color),
                None => {
                    canvas.fill((LEFT - 94, y - 7), (LEFT - 74, y + 7), FAULT_WASH);
                    canvas.hatch((LEFT - 94, y - 7), (LEFT - 74, y + 7), 5, false, FAULT);
                }
            }
            canvas.text((LEFT - 66, y), words, TEXT, Tie::Start, if *color == LIMIT { LIMIT } else { INK });
        }
    });
    Some(Chart {
        section: 5,
        anchor: super::anchor("takeover", number, &chart.test),
        title,
        desc,
        unit: "time since the first claim on the resource's clock in milliseconds (ms)".into(),
        note: format!(
            "Shown 1 of {} such sequences: the plainest. Order and times are the resource's own; {} further records of the two workers are left out.",
            group(chart.of),
            group(chart.left_out)
        ),
        svg,
        size,
        tables: vec![data(chart)],
    })
}

fn axis(canvas: &Canvas<'_>, x: Linear, bottom: i32) {
    for tick in x.ticks(6) {
        let at = x.at(tick);
        canvas.line((at, TOP), (at, bottom), GRID, 1);
        canvas.text((at, bottom + 16), &in_millis(tick), TEXT, Tie::Middle, MUTED);
    }
    canvas.line((LEFT, bottom), (RIGHT, bottom), INK, 1);
    canvas.text(((LEFT + RIGHT) / 2, bottom + 38), "time since the claim (ms)", TEXT, Tie::Middle, MUTED);
}

fn lane(row: i32) -> i32 {
    TOP + PITCH * row + PITCH / 2
}

fn label(canvas: &Canvas<'_>, y: i32, word: &str, lesser: &str) {
    canvas.text((LEFT - 16, y - 9), &fit(word, LEFT - 20), TEXT, Tie::End, INK);
    canvas.text((LEFT - 16, y + 9), lesser, TEXT, Tie::End, MUTED);
}

/// Authority from the claim until the lease lapses or somebody else claims, then silence until the late command.
fn old_lane(canvas: &Canvas<'_>, x: Linear, chart: &TakeoverChart, taken: i64) {
    let y = lane(0);
    label(canvas, y, &chart.old, "taken over");
    let Some(late) = chart.deeds.get(chart.late) else { return };
    let lease = chart.deeds.iter().find(|d| d.by_old && d.what == "claim").and_then(|d| d.lease_until);
    let ends = lease.map_or(taken, |l| l.min(taken)).clamp(0, late.t.max(0));
    canvas.fill((x.at(0), y - BAR), (x.at(ends), y + BAR), LANE);
    canvas.frame((x.at(0), y - BAR), (x.at(ends), y + BAR), MUTED);
    let quiet = chart.deeds.iter().take(chart.late).filter(|d| d.by_old).map(|d| d.t).max().unwrap_or(0);
    canvas.fill((x.at(quiet), y + BAR + 3), (x.at(late.t), y + BAR + 13), FAULT_WASH);
    canvas.hatch((x.at(quiet), y + BAR + 3), (x.at(late.t), y + BAR + 13), 6, false, FAULT);
    canvas.frame((x.at(quiet), y + BAR + 3), (x.at(late.t), y + BAR + 13), FAULT);
}

fn new_lane(canvas: &Canvas<'_>, x: Linear, chart: &TakeoverChart, taken: i64) {
    let y = lane(1);
    label(canvas, y, &chart.new, "takes over");
    canvas.fill((x.at(taken), y - BAR), (RIGHT, y + BAR), LANE);
    canvas.frame((x.at(taken), y - BAR), (RIGHT, y + BAR), MUTED);
}

/// Which token is current at the resource.
fn token_lane(canvas: &Canvas<'_>, x: Linear, late: &Doing, takes: &Doing) {
    let y = lane(2);
    label(canvas, y, "resource", "token");
    let turn = x.at(takes.t);
    canvas.fill((x.at(0), y - BAR), (turn, y + BAR), DEEP);
    canvas.fill((turn + 2, y - BAR), (RIGHT, y + BAR), DEEP);
    for (a, b, epoch) in [(x.at(0), turn, late.epoch), (turn, RIGHT, takes.epoch)] {
        let word = epoch.to_string();
        if b - a > super::canvas::room(&word) + 8 {
            canvas.text(((a + b) / 2, y), &word, TEXT, Tie::Middle, ON_DARK);
        }
    }
    canvas.dashed((turn, lane(1)), (turn, y - BAR), INK, 1);
}

/// A numbered disc for each deed on the lane of who did it; those that would cover one another stand side by side.
fn marks(canvas: &Canvas<'_>, x: Linear, chart: &TakeoverChart) {
    let mut free = [LEFT - 20, LEFT - 20];
    for (i, deed) in chart.deeds.iter().enumerate() {
        let lane_no = usize::from(!deed.by_old);
        let at = x.at(deed.t).max(free[lane_no]).min(RIGHT);
        free[lane_no] = at + 22;
        disc(canvas, (at, lane(i32::from(!deed.by_old))), i + 1, color(chart, i));
    }
}

fn color(chart: &TakeoverChart, i: usize) -> plotters::style::RGBColor {
    match &chart.deeds[i] {
        d if i == chart.late && d.what == "accepted" => LIMIT,
        d if d.what == "rejected" => INK,
        d if d.what == "claim" => DEEP,
        _ => GOOD,
    }
}

fn disc(canvas: &Canvas<'_>, at: (i32, i32), number: usize, color: plotters::style::RGBColor) {
    canvas.dot(at, 10, color);
    // Words on dark discs turn with the paper; the blue disc stays dark in the dark.
    let ink = if color == DEEP { ON_DARK } else { PAPER };
    canvas.text(at, &number.to_string(), FIXED_TEXT, Tie::Middle, ink);
}

/// What each number stands for, and the stall.
fn lines(chart: &TakeoverChart) -> Vec<(Option<usize>, String, plotters::style::RGBColor)> {
    let mut lines = Vec::new();
    let last = chart.deeds.iter().take(chart.late).rposition(|d| d.by_old).unwrap_or(0);
    for (i, deed) in chart.deeds.iter().enumerate() {
        let who = brief(if deed.by_old { &chart.old } else { &chart.new }, 14);
        let words = match deed.what {
            "claim" => format!("{who} claims, token {}", deed.epoch),
            "rejected" if i == chart.late => format!("× late command of {who}, token {}: rejected", deed.epoch),
            "accepted" if i == chart.late => format!("✖ late command of {who}, token {}: ACCEPTED", deed.epoch),
            what => format!("{who} commits, token {}: {what}", deed.epoch),
        };
        lines.push((Some(i + 1), words, color(chart, i)));
        if i == last {
            let fault = chart
                .fault
                .as_ref()
                .map_or(String::new(), |(id, what)| format!(": {} (fault {})", brief(what, 18), brief(id, 10)));
            lines.push((None, format!("{} is silent{fault}", brief(&chart.old, 14)), INK));
        }
    }
    lines
}

fn data(chart: &TakeoverChart) -> Table {
    let row = |(i, d): (usize, &Doing)| {
        vec![
            (i + 1).to_string(),
            in_millis(d.t),
            name(if d.by_old { &chart.old } else { &chart.new }),
            if i == chart.late { format!("late command {}", d.what) } else { d.what.to_string() },
            d.epoch.to_string(),
            if d.command.is_empty() { "–".into() } else { name(&d.command) },
            d.lease_until.map_or_else(|| "–".into(), in_millis),
            group(d.line),
        ]
    };
    let of =
        chart.job.as_ref().map_or_else(|| name(&chart.resource), |job| format!("{}, job {}", name(&chart.resource), name(job)));
    let head = ["no.", "at (ms)", "worker", "what", "token", "command", "lease until (ms)", "line"];
    table(format!("What {of} recorded"), &head, chart.deeds.iter().enumerate().map(row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doing(t: i64, by_old: bool, what: &'static str, epoch: i64) -> Doing {
        Doing { t: t * 1_000_000, by_old, what, epoch, command: "c<1>".into(), lease_until: None, line: 3 }
    }

    fn chart(what: &'static str) -> TakeoverChart {
        TakeoverChart {
            test: "t".into(),
            resource: "ledger".into(),
            job: Some("j".into()),
            old: "w<1>".into(),
            new: "w2".into(),
            deeds: vec![
                doing(0, true, "claim", 1),
                doing(80, false, "claim", 2),
                doing(90, false, "accepted", 2),
                doing(120, true, what, 1),
            ],
            left_out: 2,
            late: 3,
            fault: Some(("f1".into(), "stall".into())),
            of: 9,
        }
    }

    #[test]
    fn the_late_command_is_told_with_its_fate() {
        let good = takeover(1, &chart("rejected")).unwrap();
        assert!(
            good.svg.contains("token 1: rejected") && !good.svg.contains("ACCEPTED") && good.svg.contains("stall (fault f1)")
        );
        assert!(!good.svg.contains("w<1>") && good.note.contains("Shown 1 of 9"));
        let bad = takeover(1, &chart("accepted")).unwrap();
        assert!(bad.svg.contains("✖ late command") && bad.desc.ends_with("was ACCEPTED."));
        assert_eq!(bad.tables[0].rows[3][3], "late command accepted");
    }
}
