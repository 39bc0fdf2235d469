//! Quorums: how many members must agree, how many may be lost, and what a leader may call committed.
//!
//! In: counts and match indexes, with the records they came from. Out: values with their [`Figure`]. Refuses to know members' names.

use crate::verdict::{Figure, SourceRef};

/// A value with the figure that shows how it came about.
#[derive(Debug, Clone)]
pub struct Shown<T> {
    /// The value.
    pub value: T,
    /// Formula, numbers put in, unit and sources.
    pub figure: Figure,
}

fn shown<T: Copy>(value: T, text: String, head: [&str; 4], substitution: String, sources: &[SourceRef]) -> Shown<T> {
    let [id, symbol, formula, unit] = head;
    let figure = Figure {
        id: id.into(),
        symbol: symbol.into(),
        formula: formula.into(),
        substitution,
        value: text,
        unit: unit.into(),
        sources: sources.to_vec(),
    };
    Shown { value, figure }
}

fn holds(yes: bool) -> String {
    if yes { "holds".into() } else { "does not hold".into() }
}

/// Q = ⌊N/2⌋ + 1.
#[must_use]
pub fn majority(n: u64, sources: &[SourceRef]) -> Shown<u64> {
    let q = n / 2 + 1;
    let head = ["majority-quorum", "Q", "Q = ⌊N/2⌋ + 1", "members"];
    shown(q, q.to_string(), head, format!("⌊{n}/2⌋ + 1 = {q}"), sources)
}

/// f = ⌊(N−1)/2⌋.
#[must_use]
pub fn crash_tolerance(n: u64, sources: &[SourceRef]) -> Shown<u64> {
    let f = n.saturating_sub(1) / 2;
    let head = ["crash-tolerance", "f", "f = ⌊(N−1)/2⌋", "members"];
    shown(f, f.to_string(), head, format!("⌊({n}−1)/2⌋ = {f}"), sources)
}

/// N ≥ 3k + 1.
#[must_use]
pub fn byzantine_size(n: u64, k: u64, sources: &[SourceRef]) -> Shown<bool> {
    let least = k.saturating_mul(3).saturating_add(1);
    let yes = n >= least;
    let head = ["byzantine-tolerance", "k", "N ≥ 3k + 1", ""];
    let sign = if yes { "≥" } else { "<" };
    shown(yes, holds(yes), head, format!("{n} {sign} 3·{k} + 1 = {least}"), sources)
}

/// Q = ⌈(N + k + 1)/2⌉: any two quorums share more than k members.
#[must_use]
pub fn byzantine_quorum(n: u64, k: u64, sources: &[SourceRef]) -> Shown<u64> {
    let q = n.saturating_add(k).saturating_add(1).div_ceil(2);
    let head = ["byzantine-quorum", "Q", "Q = ⌈(N + k + 1)/2⌉", "members"];
    shown(q, q.to_string(), head, format!("⌈({n} + {k} + 1)/2⌉ = {q}"), sources)
}

/// R + W > N: every read quorum meets every write quorum.
#[must_use]
pub fn read_write_intersection(n: u64, read: u64, write: u64, sources: &[SourceRef]) -> Shown<bool> {
    let sum = read.saturating_add(write);
    let head = ["read-write-intersection", "R + W", "R + W > N", ""];
    compared(sum, n, format!("{read} + {write} = {sum}"), head, sources)
}

/// W + W > N: every two write quorums meet. With majorities this is Q + Q > N.
#[must_use]
pub fn write_intersection(n: u64, write: u64, sources: &[SourceRef]) -> Shown<bool> {
    let sum = write.saturating_mul(2);
    let head = ["write-intersection", "2W", "W + W > N", ""];
    compared(sum, n, format!("{write} + {write} = {sum}"), head, sources)
}

fn compared(sum: u64, n: u64, left: String, head: [&str; 4], sources: &[SourceRef]) -> Shown<bool> {
    let yes = sum > n;
    let sign = if yes { ">" } else { "≤" };
    shown(yes, holds(yes), head, format!("{left} {sign} {n}"), sources)
}

/// Whether every majority of one voter set meets every majority of another: two that avoid each other first take the voters that
/// the sets do not share, then must split the shared ones; they cannot when what both still need exceeds what is shared.
#[must_use]
pub fn majorities_intersect(old: u64, new: u64, shared: u64, sources: &[SourceRef]) -> Shown<bool> {
    let rest = |size: u64| (size / 2 + 1).saturating_sub(size.saturating_sub(shared));
    let need = rest(old) + rest(new);
    let yes = need > shared;
    let head = ["majorities-intersect", "S", "max(0, Q_old − |old∖new|) + max(0, Q_new − |new∖old|) > |old∩new|", ""];
    let sign = if yes { ">" } else { "≤" };
    shown(yes, holds(yes), head, format!("{} + {} {sign} {shared}", rest(old), rest(new)), sources)
}

/// The highest index that at least `quorum` members have: max i with |{j : match_j ≥ i}| ≥ Q. `None` when there are fewer
/// members than a quorum, or a quorum of none.
#[must_use]
pub fn commit_index_of(matches: &[i64], quorum: u64) -> Option<i64> {
    let mut sorted = matches.to_vec();
    sorted.sort_unstable_by(|a, b| b.cmp(a));
    let at = usize::try_from(quorum).ok()?.checked_sub(1)?;
    sorted.get(at).copied()
}

/// [`commit_index_of`] with its figure.
#[must_use]
pub fn commit_index(matches: &[i64], quorum: u64, sources: &[SourceRef]) -> Option<Shown<i64>> {
    let index = commit_index_of(matches, quorum)?;
    let holders = matches.iter().filter(|m| **m >= index).count();
    let list: Vec<String> = matches.iter().map(ToString::to_string).collect();
    let head = ["commit-index", "C_commit", "max i with |{j : match_j ≥ i}| ≥ Q", ""];
    let substitution = format!("match = {}; |{{j : match_j ≥ {index}}}| = {holders} ≥ {quorum}", list.join(", "));
    Some(shown(index, index.to_string(), head, substitution, sources))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worked_numbers_come_out() {
        assert_eq!(majority(5, &[]).figure.substitution, "⌊5/2⌋ + 1 = 3");
        assert_eq!(crash_tolerance(5, &[]).value, 2);
        assert_eq!((majority(4, &[]).value, crash_tolerance(4, &[]).value), (3, 1));
        assert_eq!(write_intersection(5, 3, &[]).figure.substitution, "3 + 3 = 6 > 5");
        assert!(!write_intersection(4, 2, &[]).value && !read_write_intersection(5, 2, 3, &[]).value);
        assert!(read_write_intersection(5, 2, 4, &[]).value);
        assert!(byzantine_size(4, 1, &[]).value && !byzantine_size(3, 1, &[]).value);
        assert_eq!((byzantine_quorum(4, 1, &[]).value, byzantine_quorum(7, 2, &[]).value), (3, 5));
        let commit = commit_index(&[12480, 12480, 12480, 12472, 12450], 3, &[]).unwrap();
        assert_eq!((commit.value, commit.figure.value.as_str()), (12480, "12480"));
        assert_eq!(commit_index_of(&[12480, 12480], 3), None);
    }

    /// Tries all pairs of majorities.
    #[test]
    fn majorities_of_two_sets_meet_exactly_when_the_formula_says_so() {
        for (old, new) in (1u32..64).flat_map(|a| (1u32..64).map(move |b| (a, b))) {
            let majorities =
                |set: u32| (1u32..64).filter(move |m| m & !set == 0 && m.count_ones() > set.count_ones() / 2).collect::<Vec<_>>();
            let meet = majorities(old).iter().all(|a| majorities(new).iter().all(|b| a & b != 0));
            let count = |set: u32| u64::from(set.count_ones());
            assert_eq!(majorities_intersect(count(old), count(new), count(old & new), &[]).value, meet, "{old:b} {new:b}");
        }
    }
}
