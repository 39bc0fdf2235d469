//! Which places in decision.json must be the same when not all bytes are there, or another version judges.
//!
//! In: a place as a JSON pointer. Out: whether a difference there tells anything. Refuses to know values.

use std::collections::BTreeSet;

/// A place in decision.json at which two decisions differ.
pub(super) struct Part<'p> {
    pub top: &'p str,
    second: &'p str,
    place: &'p str,
}

impl<'p> Part<'p> {
    pub fn of(place: &'p str) -> Self {
        let mut keys = place.trim_start_matches('/').split('/');
        let (top, second) = (keys.next().unwrap_or_default(), keys.next().unwrap_or_default());
        Self { top, second, place }
    }

    fn ends(&self, ends: &[&str]) -> bool {
        ends.iter().any(|end| self.place.ends_with(end))
    }

    /// Whether it rests on records. Without some bytes, whatever is counted, judged or drawn from records differs; what is declared must not, and a list that is not
    /// there at all is missed. Decision, gates and files are compared elsewhere, one by one.
    pub fn rests_on_records(&self, unseen_criteria: &BTreeSet<String>) -> bool {
        match self.top {
            "decision" | "gates" | "artifacts" | "charts" => true,
            "criteria" => unseen_criteria.contains(self.second) && !self.ends(&["/number", "/text"]),
            "tests" => self.place.split('/').nth(3) == Some("records"),
            "locks" => self.ends(&["/files"]),
            "challenge" => !self.second.is_empty(),
            _ => false,
        }
    }

    /// Whether it must be the same in any version. Another version may word, count and draw in another way, and may know more than the old one. What is declared, the criteria's verdicts
    /// and what the challenge came to must be the same, and no list may be left out.
    pub fn means_the_same(&self, in_old: bool) -> bool {
        match self.top {
            "decision" => false,
            "release" | "contract" | "matrix" | "exclusions" | "waivers" | "risks" | "locks" | "declared" => true,
            "criteria" => self.second.is_empty() || self.ends(&["/verdict", "/number"]),
            "tests" => self.second.is_empty() || in_old,
            "challenge" => self.second.is_empty() || self.ends(&["/result"]),
            _ => false,
        }
    }
}
