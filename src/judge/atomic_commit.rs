//! Atomic commitment: whether all parties of a transaction end alike, rightly, and in time.
//!
//! In: votes and decisions by transaction, and the faults of coordinators. Out: tallies. The properties are those of the atomic commitment
//! problem (agreement, validity) and of two-phase commit's weakness (a participant that voted to commit is in doubt until it hears the
//! decision). Assumes that a party is named alike in votes and in faults. Refuses to know limits beyond the number handed in.

use super::tally::{Flaw, Tally};
use crate::evidence::kinds::{Injection, Vote, VoteRole};
use crate::evidence::symbol::{Sym, Val};
use crate::evidence::{Evidence, RowId, Rows};
use crate::exact::seconds;
use crate::verdict::Finding;
use std::collections::{BTreeMap, BTreeSet};

/// A vote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Word {
    Commit,
    Abort,
    Timeout,
}

impl Word {
    fn text(self) -> &'static str {
        match self {
            Self::Commit => "commit",
            Self::Abort => "abort",
            Self::Timeout => "timeout",
        }
    }
}

/// One word of one party.
#[derive(Debug, Clone, Copy)]
struct Said {
    party: Sym,
    word: Word,
    t: Option<i64>,
    row: RowId,
}

/// All that was said in one transaction.
#[derive(Debug, Default)]
struct Transaction {
    votes: Vec<Said>,
    decisions: Vec<Said>,
    participants: BTreeSet<Sym>,
    coordinators: BTreeSet<Sym>,
}

/// The transactions of a test.
pub struct Transactions<'e> {
    evidence: &'e Evidence,
    rows: &'e Rows<'e, Vote>,
    list: BTreeMap<Sym, Transaction>,
    /// Words that are neither commit, abort nor timeout.
    unclear: Vec<Flaw>,
    /// The last instant on record.
    end: i64,
}

impl<'e> Transactions<'e> {
    /// The transactions of all votes.
    #[must_use]
    pub fn read(evidence: &'e Evidence, rows: &'e Rows<'e, Vote>) -> Self {
        let mut all = Self { evidence, rows, list: BTreeMap::new(), unclear: Vec::new(), end: i64::MIN };
        for (row, vote) in rows.iter() {
            let t = vote.t.map(|t| t.0);
            all.end = all.end.max(t.unwrap_or(i64::MIN));
            let words = [(vote.vote, true), (vote.decision, false)].map(|(val, vote)| (val.map(|v| (v, all.word(v))), vote));
            let transaction = all.list.entry(vote.unit).or_default();
            match vote.role {
                Some(VoteRole::Coordinator) => transaction.coordinators.insert(vote.participant),
                _ => transaction.participants.insert(vote.participant),
            };
            for (said, is_vote) in words {
                match said {
                    Some((_, Some(Word::Timeout))) if !is_vote => {
                        all.unclear.push(unclear(evidence, rows, row, &vote, "timeout"))
                    }
                    Some((_, Some(word))) => {
                        let said = Said { party: vote.participant, word, t, row };
                        if is_vote { transaction.votes.push(said) } else { transaction.decisions.push(said) }
                    }
                    Some((val, None)) => {
                        all.unclear.push(unclear(evidence, rows, row, &vote, &evidence.symbols.value(val)));
                    }
                    None => {}
                }
            }
        }
        all
    }

    fn word(&self, val: Val) -> Option<Word> {
        match self.evidence.text(val.as_text()?) {
            "commit" => Some(Word::Commit),
            "abort" => Some(Word::Abort),
            "timeout" => Some(Word::Timeout),
            _ => None,
        }
    }

    fn tally(&self) -> Tally {
        Tally { doubts: self.unclear.clone(), ..Tally::default() }
    }

    fn finding(&self, claim: &str, transaction: Sym, said: &[&Said]) -> Finding {
        let finding = Finding::new(claim).with("transaction", self.evidence.text(transaction));
        said.iter().fold(finding, |f, s| f.with(self.evidence.text(s.party), s.word.text()).source(self.rows.source(s.row)))
    }

    /// No transaction both committed and aborted. Judges transactions that two parties decided.
    #[must_use]
    pub fn agreement(&self) -> Tally {
        let mut tally = self.tally();
        for (id, transaction) in &self.list {
            let parties: BTreeSet<Sym> = transaction.decisions.iter().map(|d| d.party).collect();
            tally.judged += usize::from(parties.len() > 1);
            let first = |word| transaction.decisions.iter().find(|d| d.word == word);
            // Who voted to abort knows how it ends. All others must have been told.
            let knows = |p: &Sym| parties.contains(p) || transaction.votes.iter().any(|v| v.party == *p && v.word == Word::Abort);
            if let (Some(decided), Some(silent)) =
                (transaction.decisions.first(), transaction.participants.iter().find(|p| !knows(p)))
            {
                let (name, who) = (self.evidence.text(*id), self.evidence.text(*silent));
                let why = format!("transaction {name} was decided, and no decision of {who} is recorded");
                tally.doubts.push(Flaw::new(0, why, self.finding("decision-missing", *id, &[decided]).with("participant", who)));
            }
            if let (Some(commit), Some(abort)) = (first(Word::Commit), first(Word::Abort)) {
                let name = |said: &Said| self.evidence.text(said.party);
                let why = format!(
                    "transaction {} committed at {} and aborted at {}",
                    self.evidence.text(*id),
                    name(commit),
                    name(abort)
                );
                tally.faults.push(Flaw::new(0, why, self.finding("decided-both-ways", *id, &[commit, abort])));
            }
        }
        tally
    }

    /// None committed after an abort vote or a time-out. Judges decided transactions; the second number is that of transactions that
    /// had to be aborted.
    #[must_use]
    pub fn validity(&self) -> (Tally, usize) {
        let (mut tally, mut refused) = (self.tally(), 0);
        for (id, transaction) in &self.list {
            let Some(_) = transaction.decisions.first() else { continue };
            tally.judged += 1;
            let against = transaction.votes.iter().find(|v| v.word != Word::Commit);
            refused += usize::from(against.is_some());
            let Some(commit) = transaction.decisions.iter().find(|d| d.word == Word::Commit) else { continue };
            let name = self.evidence.text(*id);
            if let Some(against) = against {
                let (who, word) = (self.evidence.text(against.party), against.word.text());
                let what = if against.word == Word::Abort { "voted to abort" } else { "timed out" };
                let why = format!("transaction {name} committed though {who} {what}");
                tally.faults.push(Flaw::new(
                    0,
                    why,
                    self.finding("committed-against", *id, &[commit, against]).with("vote", word),
                ));
            }
            let voted: BTreeSet<Sym> = transaction.votes.iter().map(|v| v.party).collect();
            if let Some(silent) = transaction.participants.difference(&voted).next() {
                let why = format!("transaction {name} committed, and no vote of {} is recorded", self.evidence.text(*silent));
                tally.doubts.push(Flaw::new(0, why, self.finding("vote-missing", *id, &[commit])));
            }
        }
        (tally, refused)
    }

    /// Participants that had voted to commit and knew no decision when a fault struck their coordinator: for each, whether a decision came within
    /// `limit` ns of the fault. The second value is the longest doubt.
    #[must_use]
    pub fn blocking(&self, faults: &Rows<'_, Injection>, limit: i64) -> (Tally, i64) {
        let (mut tally, mut longest) = (self.tally(), 0);
        for (_, fault) in faults.iter() {
            let targets = self.evidence.symbols.list(fault.targets);
            for (id, transaction) in &self.list {
                if !transaction.coordinators.iter().any(|c| targets.contains(c)) {
                    continue;
                }
                for participant in transaction.participants.iter().filter(|p| !transaction.coordinators.contains(p)) {
                    self.doubt((*id, transaction), *participant, &fault, limit, (&mut tally, &mut longest));
                }
            }
        }
        (tally, longest)
    }

    fn doubt(
        &self,
        (id, transaction): (Sym, &Transaction),
        participant: Sym,
        fault: &Injection,
        limit: i64,
        (tally, longest): (&mut Tally, &mut i64),
    ) {
        let own = |list: &[Said]| list.iter().filter(|s| s.party == participant).copied().collect::<Vec<_>>();
        let (votes, decisions) = (own(&transaction.votes), own(&transaction.decisions));
        let (who, name, what) = (self.evidence.text(participant), self.evidence.text(id), self.evidence.text(fault.id));
        let Some(vote) = votes.iter().find(|v| v.word == Word::Commit) else { return };
        if vote.t.is_none() || decisions.iter().any(|d| d.t.is_none()) {
            let why = format!("vote or decision of {who} on transaction {name} has no time, so its doubt is not measured");
            return tally.doubts.push(Flaw::new(0, why, self.finding("no-time", id, &[vote])));
        }
        let decided = decisions.iter().filter_map(|d| Some((d.t?, d))).min_by_key(|d| d.0);
        let before = decided.is_some_and(|d| d.0 <= fault.start_lo.0);
        if before || vote.t.is_some_and(|t| t > fault.start_hi.0) {
            return;
        }
        tally.judged += 1;
        let flaw =
            |weight, why, claim: &str, said: &[&Said]| Flaw::new(weight, why, self.finding(claim, id, said).with("fault", what));
        let Some((at, decision)) = decided else {
            let waited = self.end.saturating_sub(fault.start_hi.0);
            let why = format!(
                "{who} was still in doubt of transaction {name} {} s after fault {what} of its coordinator",
                seconds(waited)
            );
            let list = if waited > limit { &mut tally.faults } else { &mut tally.doubts };
            return list.push(flaw(i64::MAX, why, "never-resolved", &[vote]));
        };
        let (least, most) = (at.saturating_sub(fault.start_hi.0), at.saturating_sub(fault.start_lo.0));
        *longest = (*longest).max(most);
        if most > limit {
            let why = format!(
                "{who} was in doubt of transaction {name} for {} s after fault {what} of its coordinator, {} s are allowed",
                seconds(most),
                seconds(limit)
            );
            let list = if least > limit { &mut tally.faults } else { &mut tally.doubts };
            list.push(flaw(most, why, "in-doubt-too-long", &[vote, decision]));
        }
    }
}

fn unclear(evidence: &Evidence, rows: &Rows<'_, Vote>, row: RowId, vote: &Vote, word: &str) -> Flaw {
    let (who, unit) = (evidence.text(vote.participant), evidence.text(vote.unit));
    let why = format!("{who} says {word} on transaction {unit}, which is neither commit nor abort");
    Flaw::new(0, why, Finding::new("word-unknown").with("transaction", unit).with("word", word).source(rows.source(row)))
}
