//! The commit index of each member in a lane of its own, before that of the member furthest ahead.

use super::canvas::{Canvas, FAULT, GOOD, INK, LANE, MUTED, PAPER, Place, TEXT, Tie, WIDTH, draw, fit, room};
use super::frame::{FAULT_ENTRY, Mark, fault_labels, fault_table, faults, label_height, legend, legend_height, time_axis};
use super::scale::Linear;
use super::{Chart, Table, table};
use crate::dossier::{CommitChart, CommitPoint, MemberLine};
use crate::exact::seconds;
use crate::report::text::{count, group, name};

const LEFT: i32 = 84;
const RIGHT: i32 = 560;
const LANE_HEIGHT: i32 = 38;
const PITCH: i32 = 66;

const ENTRIES: [(&str, Mark); 3] =
    [("commit index", Mark::Line(INK, 2)), ("highest of any member", Mark::Line(LANE, 5)), ("leads", Mark::Line(GOOD, 5))];
const SILENT: (&str, Mark) = ("no answer", Mark::Hatch(PAPER, MUTED, true));

/// The plot of one test, numbered; `None` when no member told a commit index.
#[must_use]
pub fn commits(number: usize, chart: &CommitChart) -> Option<Chart> {
    let indexes = || chart.members.iter().flat_map(|m| &m.points).filter_map(|p| p.index);
    let (low, high) = (indexes().min()?, indexes().max()?);
    let mut entries = ENTRIES.to_vec();
    if chart.faults.of > 0 {
        entries.push(FAULT_ENTRY);
    }
    if chart.members.iter().any(|m| m.points.iter().any(|p| p.index.is_none())) {
        entries.push(SILENT);
    }
    let early = chart.members.iter().flat_map(|m| &m.points).map(|p| p.t).min().unwrap_or(0).min(0);
    let x = Linear { min: early, max: chart.span, from: LEFT, to: RIGHT };
    let top = legend_height(&entries, LEFT, RIGHT + 60) + label_height(x, &chart.faults);
    let bottom = top + PITCH * i32::try_from(chart.members.len()).unwrap_or(0);
    let title = format!("Commit index of each member in test {}", name(&chart.test));
    let falls: u64 = chart.members.iter().map(|m| m.falls).sum();
    let desc = format!(
        "The commit indexes of {} over {} s, from {} to {}; {}.",
        count(chart.members.len() as u64, "member", "members"),
        seconds(chart.span),
        signed(low),
        signed(high),
        if falls == 0 { "none of them ever falls".to_string() } else { format!("they fall {}", count(falls, "time", "times")) },
    );
    let size = (WIDTH as u32, u32::try_from(bottom + 54).unwrap_or(600));
    let ahead = ahead(x, &chart.members);
    let words = if chart.from_operation { "time since the first operation (s)" } else { "time since the first sample (s)" };
    let svg = draw(size, &title, &desc, |canvas| {
        faults(canvas, x, (top, bottom), &chart.faults);
        fault_labels(canvas, x, top, &chart.faults);
        time_axis(canvas, x, (top, bottom), words);
        for (i, member) in chart.members.iter().enumerate() {
            let base = top + PITCH * i32::try_from(i).unwrap_or(0) + PITCH - 23;
            let y = Linear { min: low, max: high.max(low + 1), from: base, to: base - LANE_HEIGHT };
            lane(canvas, x, y, member, &ahead);
        }
        legend(canvas, &entries, (LEFT, RIGHT + 60), 4);
    });
    let of: u64 = chart.members.iter().map(|m| m.of + m.silent).sum();
    let shown: usize = chart.members.iter().map(|m| m.points.len()).sum();
    Some(Chart {
        section: 6,
        anchor: super::anchor("commit-index", number, &chart.test),
        title,
        desc,
        unit: "commit index (entries), one scale for all lanes, over time in seconds (s)".into(),
        note: format!(
            "Shown {} of {} samples: the first, the last, and the least and greatest of each step of time; {} of {} members. At the right, the last index of \
             each.",
            group(shown as u64),
            group(of),
            group(chart.members.len() as u64),
            group(chart.of_members)
        ),
        svg,
        size,
        tables: std::iter::once(data(chart)).chain(fault_table(&chart.faults)).collect(),
    })
}

fn signed(index: i64) -> String {
    u64::try_from(index).map_or_else(|_| index.to_string(), group)
}

/// The highest commit index of any member up to each pixel at which it rises.
fn ahead(x: Linear, members: &[MemberLine]) -> Vec<(i32, i64)> {
    let mut all: Vec<(i64, i64)> = members.iter().flat_map(|m| &m.points).filter_map(|p| Some((p.t, p.index?))).collect();
    all.sort_unstable();
    let mut out: Vec<(i32, i64)> = Vec::new();
    for (t, index) in all {
        let at = x.at(t);
        match out.last_mut() {
            Some(last) if index <= last.1 => {}
            Some(last) if last.0 == at => last.1 = index,
            _ => out.push((at, index)),
        }
    }
    out
}

fn lane(canvas: &Canvas<'_>, x: Linear, y: Linear, member: &MemberLine, ahead: &[(i32, i64)]) {
    canvas.line((LEFT, y.from), (RIGHT, y.from), MUTED, 1);
    canvas.text((LEFT - 8, y.from - LANE_HEIGHT / 2), &fit(&member.member, LEFT - 12), TEXT, Tie::End, INK);
    let mut front: Vec<Place> = ahead.iter().map(|(at, index)| (*at, y.at(*index))).collect();
    front.extend(front.last().map(|last| (RIGHT, last.1)));
    canvas.path(stairs(&front), LANE, 5);
    for gap in gaps(&member.points) {
        let (a, b) = (x.at(gap.0), x.at(gap.1).max(x.at(gap.0) + 3));
        canvas.fill((a, y.to), (b, y.from), PAPER);
        canvas.hatch((a, y.to), (b, y.from), 6, true, FAULT);
        canvas.frame((a, y.to), (b, y.from), MUTED);
    }
    for run in member.points.split(|p| p.index.is_none()) {
        let places: Vec<Place> = run.iter().filter_map(|p| Some((x.at(p.t), y.at(p.index?)))).collect();
        match places.as_slice() {
            [one] => canvas.dot(*one, 2, INK),
            _ => canvas.path(stairs(&places), INK, 2),
        }
    }
    let mut free = LEFT;
    for led in &member.led {
        let (a, b) = (x.at(led.from), x.at(led.to).max(x.at(led.from) + 4));
        canvas.fill((a, y.from - 2), (b, y.from + 3), GOOD);
        let word = led.term.map_or("leads".into(), |term| format!("leads, term {term}"));
        if a >= free && a + room(&word) < RIGHT {
            canvas.text((a + 1, y.from + 13), &word, TEXT, Tie::Start, GOOD);
            free = a + room(&word) + 8;
        }
    }
    if let Some(last) = member.points.iter().rev().find_map(|p| p.index) {
        canvas.text((RIGHT + 8, y.at(last).clamp(y.to + 8, y.from - 6)), &signed(last), TEXT, Tie::Start, INK);
    }
}

/// Places joined by steps, each place once.
fn stairs(places: &[Place]) -> Vec<Place> {
    let mut out: Vec<Place> = Vec::new();
    for &(x, y) in places {
        if let Some(&last) = out.last() {
            if last == (x, y) {
                continue;
            }
            if last.0 != x && last.1 != y {
                out.push((x, last.1));
            }
        }
        out.push((x, y));
    }
    out
}

/// From the first to the last sample without an answer, run by run.
fn gaps(points: &[CommitPoint]) -> Vec<(i64, i64)> {
    let silent = points.split(|p| p.index.is_some()).filter(|run| !run.is_empty());
    silent.map(|run| (run[0].t, run[run.len() - 1].t)).collect()
}

fn data(chart: &CommitChart) -> Table {
    let row = |m: &MemberLine| {
        let indexes = || m.points.iter().filter_map(|p| p.index);
        let shown = |index: Option<i64>| index.map_or("–".into(), signed);
        let led: Vec<String> = m.led.iter().take(6).map(|l| format!("{} to {}", seconds(l.from), seconds(l.to))).collect();
        let more = if m.led.len() > 6 { format!(" and {} more", m.led.len() - 6) } else { String::new() };
        vec![
            name(&m.member),
            group(m.of),
            group(m.silent),
            shown(indexes().next()),
            shown(indexes().next_back()),
            group(m.falls),
            if led.is_empty() { "–".into() } else { format!("{}{more}", led.join(", ")) },
        ]
    };
    let head = ["member", "samples", "without answer", "first index", "last index", "falls", "led from, to (s)"];
    table("Commit index of each member, over all samples", &head, chart.members.iter().map(row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(t: i64, index: Option<i64>) -> CommitPoint {
        CommitPoint { t, index }
    }

    #[test]
    fn steps_rise_where_the_sample_is() {
        assert_eq!(stairs(&[(0, 9), (5, 9), (5, 9), (8, 4)]), [(0, 9), (5, 9), (8, 9), (8, 4)]);
    }

    #[test]
    fn silence_breaks_the_line() {
        let points = [point(0, Some(1)), point(1, None), point(4, None), point(5, Some(2)), point(6, None)];
        assert_eq!(gaps(&points), [(1, 4), (6, 6)]);
    }

    #[test]
    fn the_front_never_falls() {
        let line =
            |points: Vec<CommitPoint>| MemberLine { member: "n".into(), points, of: 0, silent: 0, falls: 0, led: Vec::new() };
        let members = [line(vec![point(0, Some(5)), point(50, Some(3))]), line(vec![point(20, Some(9)), point(99, Some(2))])];
        let x = Linear { min: 0, max: 100, from: 0, to: 100 };
        assert_eq!(ahead(x, &members), [(0, 5), (20, 9)]);
    }
}
