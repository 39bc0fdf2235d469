//! Places at which an operator can break something: first counted, then made where they were chosen.
//!
//! In: every place that an operator offers, with the row that it begins with. Out: how many there are and in which order they stand, and the edits of
//! the chosen ones. An operator goes over a test twice: at first nothing is built but a row's position, so that a million places take no more
//! than that; then only the chosen places build their edits. Refuses to know what is chosen, and why.

use crate::evidence::RowId;
use crate::evidence::edit::Edit;

/// What is done with the places that are offered.
#[derive(Debug)]
enum Pass {
    /// Their rows are noted.
    Count(Vec<RowId>),
    /// Those with these numbers, in rising order, build their edits.
    Take { wanted: Vec<usize>, next: usize, taken: Vec<(usize, Vec<Edit>)> },
}

/// Where an operator offers its places.
#[derive(Debug)]
pub struct Places {
    offered: usize,
    pass: Pass,
}

impl Places {
    /// For the first time over a test.
    pub(super) fn count() -> Self {
        Self { offered: 0, pass: Pass::Count(Vec::new()) }
    }

    /// For the second time: takes the places with these numbers.
    pub(super) fn take(mut wanted: Vec<usize>) -> Self {
        wanted.sort_unstable();
        Self { offered: 0, pass: Pass::Take { wanted, next: 0, taken: Vec::new() } }
    }

    /// Offers a place that begins with a row. Its edits are made only if the place is chosen.
    pub fn offer(&mut self, first: RowId, edits: impl FnOnce() -> Vec<Edit>) {
        let number = self.offered;
        self.offered += 1;
        match &mut self.pass {
            Pass::Count(rows) => rows.push(first),
            Pass::Take { wanted, next, taken } => {
                if wanted.get(*next) == Some(&number) {
                    *next += 1;
                    taken.push((number, edits()));
                }
            }
        }
    }

    /// Offers places that are made already.
    pub fn offer_all(&mut self, places: Vec<Vec<Edit>>) {
        for edits in places {
            let first = edits.iter().find_map(Edit::row).map(|(_, row)| row).unwrap_or_default();
            self.offer(first, || edits);
        }
    }

    /// The numbers of the places in the order of the rows that they begin with.
    pub(super) fn in_order(self) -> Vec<usize> {
        let Pass::Count(rows) = self.pass else { return Vec::new() };
        let mut numbers: Vec<usize> = (0..rows.len()).collect();
        numbers.sort_by_key(|n| rows[*n]);
        numbers
    }

    /// The edits of a place that was taken.
    pub(super) fn edits(&self, number: usize) -> Option<&[Edit]> {
        let Pass::Take { taken, .. } = &self.pass else { return None };
        let at = taken.binary_search_by_key(&number, |t| t.0).ok()?;
        taken.get(at).map(|t| t.1.as_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    fn offer(places: &mut Places, built: &Cell<usize>) {
        for row in [3, 1, 2] {
            places.offer(RowId::at(0, row), || {
                built.set(built.get() + 1);
                vec![Edit::Drop("log", RowId::at(0, row))]
            });
        }
    }

    #[test]
    fn only_what_is_chosen_is_built() {
        let built = Cell::new(0);
        let mut counted = Places::count();
        offer(&mut counted, &built);
        let order = counted.in_order();
        assert_eq!((order.as_slice(), built.get()), ([1, 2, 0].as_slice(), 0), "by row, and nothing is built");
        let mut taken = Places::take(vec![order[2], order[0]]);
        offer(&mut taken, &built);
        assert_eq!(built.get(), 2);
        let row = |number| taken.edits(number).and_then(|e| e[0].row()).map(|r| r.1);
        assert_eq!((row(0), row(1), row(2)), (Some(RowId::at(0, 3)), Some(RowId::at(0, 1)), None));
    }
}
