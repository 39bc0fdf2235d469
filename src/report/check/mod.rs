//! The answer of a check as terminal text and as a page of its own.
//!
//! In: the facts of a check. Out: bytes. Refuses to know where they go.

mod page;
mod terminal;

pub use page::page;
pub use terminal::terminal;

use crate::check::{Example, OpFacts};

/// Where the bars of an example lie on a scale of `width` places.
struct Bars {
    from: i64,
    length: i128,
    width: i128,
}

impl Bars {
    fn new(example: &Example, width: i32) -> Self {
        let times = || example.operations.iter().flat_map(|op| [Some(op.invoke), op.ret]).flatten();
        let (from, to) = (times().min().unwrap_or(0), times().max().unwrap_or(0));
        Self { from, length: (i128::from(to) - i128::from(from)).max(1), width: i128::from(width) }
    }

    /// The place of a time.
    fn at(&self, time: i64) -> i32 {
        let place = (i128::from(time) - i128::from(self.from)) * self.width / self.length;
        i32::try_from(place.clamp(0, self.width)).unwrap_or(0)
    }

    /// The places of an operation; one without an answer ends at the edge.
    fn of(&self, op: &OpFacts) -> (i32, i32) {
        (self.at(op.invoke), op.ret.map_or(i32::try_from(self.width).unwrap_or(0), |ret| self.at(ret)))
    }
}

/// A text cut in its middle when it has more than `most` characters.
fn middle(text: &str, most: usize) -> String {
    let length = text.chars().count();
    if length <= most {
        return text.to_string();
    }
    let kept = most.saturating_sub(1);
    let (head, tail) = (kept.div_ceil(2), kept / 2);
    let first: String = text.chars().take(head).collect();
    let last: String = text.chars().skip(length - tail).collect();
    format!("{first}…{last}")
}

/// A length of time with its unit, exact.
fn time(ns: i64, order_only: bool) -> String {
    if order_only {
        return format!("{ns} lines");
    }
    let (unit, size, digits) = match ns.unsigned_abs() {
        1_000_000_000.. => ("s", 1_000_000_000, 9),
        1_000_000.. => ("ms", 1_000_000, 6),
        1_000.. => ("µs", 1_000, 3),
        _ => return format!("{ns} ns"),
    };
    let part = format!("{:0digits$}", ns.unsigned_abs() % size);
    let part = part.trim_end_matches('0');
    let (dot, sign) = (if part.is_empty() { "" } else { "." }, if ns < 0 { "-" } else { "" });
    format!("{sign}{}{dot}{part} {unit}", ns.unsigned_abs() / size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_in_the_middle() {
        for (most, cut) in [(7, "äbcdefg"), (6, "äbc…fg"), (5, "äb…fg"), (1, "…")] {
            assert_eq!(middle("äbcdefg", most), cut);
        }
    }

    #[test]
    fn times_are_exact() {
        for (ns, text) in
            [(0, "0 ns"), (-999, "-999 ns"), (1_500, "1.5 µs"), (-2_000_000, "-2 ms"), (1_000_000_001, "1.000000001 s")]
        {
            assert_eq!(time(ns, false), text);
        }
        assert_eq!(time(3, true), "3 lines");
    }
}
