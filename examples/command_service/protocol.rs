//! The replicated log among members: entries go out, acknowledgements come back, what a majority holds is committed and applied.
//!
//! An entry is committed once a majority holds it and it is of the leader's own term; a read is served once a majority has confirmed the
//! leader after the read arrived.

use crate::sim::Sim;
use crate::world::{ACTUATOR, Answer, Confirming, Entry, Event, MS, N, Q, Role, Waiter, command};

impl Sim<'_> {
    /// Adds an entry to a leader's log and sends it out.
    pub fn propose(&mut self, leader: usize, command: Option<usize>) -> i64 {
        let term = self.members[leader].term;
        self.members[leader].entries.push(Entry { term, command });
        let index = self.last(leader);
        let sync = self.sync();
        self.after(sync, Event::Synced { member: leader, term, index });
        for peer in (0..N).filter(|p| *p != leader) {
            self.replicate(leader, peer);
        }
        index
    }

    pub fn replicate(&mut self, leader: usize, peer: usize) {
        let first = self.members[leader].matched[peer] + 1;
        let until = (self.last(leader) - self.behind[peer]).max(first - 1);
        let entries = self.members[leader].entries[self.slot(first)..self.slot(until + 1)].to_vec();
        let (term, commit) = (self.members[leader].term, self.members[leader].commit);
        let hop = self.hop();
        self.after(hop, Event::Append { from: leader, to: peer, term, first, entries, commit });
    }

    pub fn append(&mut self, from: usize, to: usize, term: i64, first: i64, entries: Vec<Entry>, commit: i64) {
        if !self.linked(from, to) || self.members[to].term > term {
            return;
        }
        self.follow(to, from, term);
        let fresh = entries.len();
        for (i, entry) in (first..).zip(entries) {
            let slot = self.slot(i);
            match self.members[to].entries.get(slot) {
                Some(held) if *held == entry => continue,
                Some(_) => self.discard(to, slot),
                None => {}
            }
            self.members[to].entries.push(entry);
        }
        let matched = first - 1 + i64::try_from(fresh).unwrap_or(0);
        self.advance(to, commit.min(matched));
        let mut delay = self.hop();
        if fresh > 0 {
            delay += self.sync();
        }
        self.after(delay, Event::Ack { from: to, to: from, term, matched });
    }

    /// Makes a member follow a leader of a term.
    pub fn follow(&mut self, member: usize, leader: usize, term: i64) {
        let m = &mut self.members[member];
        if m.term < term || m.role != Role::Follower {
            m.role = Role::Follower;
            m.term = term;
            m.waiters.clear();
            m.reads.clear();
        }
        m.leader = Some(leader);
        m.serving = m.replay.is_none();
    }

    pub fn discard(&mut self, member: usize, slot: usize) {
        for (offset, entry) in self.members[member].entries.split_off(slot).into_iter().enumerate() {
            let index = self.base + 1 + i64::try_from(slot + offset).unwrap_or(0);
            self.log_line(member, index, entry, "discarded");
        }
    }

    pub fn ack(&mut self, from: usize, to: usize, term: i64, matched: i64) {
        if !self.linked(from, to) || self.members[to].term != term || self.members[to].role != Role::Leader {
            return;
        }
        let now = self.now;
        let leader = &mut self.members[to];
        leader.heard[from] = now;
        leader.matched[from] = leader.matched[from].max(matched);
        self.settle(to);
    }

    pub fn synced(&mut self, member: usize, term: i64, index: i64) {
        let m = &mut self.members[member];
        if m.up && m.role == Role::Leader && m.term == term {
            m.matched[member] = m.matched[member].max(index);
            self.settle(member);
        }
    }

    /// Commits what a majority holds, if it is of the leader's own term, and answers those who wait.
    pub fn settle(&mut self, leader: usize) {
        let mut matched = self.members[leader].matched;
        matched.sort_unstable();
        let held = matched[N - Q];
        let m = &self.members[leader];
        if held <= m.commit || m.entries[self.slot(held)].term != m.term {
            return;
        }
        self.advance(leader, held);
        let waiting = std::mem::take(&mut self.members[leader].waiters);
        let (ready, rest): (Vec<Waiter>, Vec<Waiter>) = waiting.into_iter().partition(|w| w.index <= held);
        self.members[leader].waiters = rest;
        for waiter in ready {
            let answer = self.written(leader, waiter.index);
            self.respond(leader, waiter.operation, waiter.attempt, answer);
        }
    }

    /// The answer to a write that is committed.
    pub fn written(&self, leader: usize, index: i64) -> Answer {
        let m = &self.members[leader];
        let acks = (0..N).filter(|p| m.matched[*p] >= index).collect();
        Answer::Written { index, commit: m.commit, term: m.term, leader, acks }
    }

    /// Raises a member's commit index and applies what is new.
    pub fn advance(&mut self, member: usize, commit: i64) {
        if commit > self.members[member].commit {
            self.members[member].commit = commit;
        }
        if self.members[member].replay.is_none() {
            self.apply_all(member);
        }
    }

    /// Applies all committed entries in order, each command once.
    pub fn apply_all(&mut self, member: usize) {
        while self.members[member].applied < self.members[member].commit {
            let index = self.members[member].applied + 1;
            self.members[member].applied = index;
            let Entry { command: Some(operation), .. } = self.members[member].entries[self.slot(index)] else { continue };
            if self.members[member].done.insert(operation, index).is_some() {
                continue;
            }
            let key = self.operations[operation].key;
            self.members[member].state.insert(key, (operation, index));
            self.applied_line(member, index, &command(operation));
            let m = &self.members[member];
            if key == ACTUATOR && m.role == Role::Leader && m.serving {
                self.hand_out(operation, member, m.term);
            }
        }
    }

    /// Hands a committed command to the protected resource, or to the slow courier that will bring it too late.
    pub fn hand_out(&mut self, operation: usize, holder: usize, epoch: i64) {
        if let Some(held) = &mut self.holding {
            held.push_back((operation, holder, epoch));
            return;
        }
        let hop = self.hop();
        self.after(hop, Event::Deliver { command: operation, holder, epoch });
    }

    pub fn confirm(&mut self, from: usize, to: usize, term: i64, round: u64) {
        if self.linked(from, to) && self.members[to].term <= term {
            let hop = self.hop();
            self.after(hop, Event::Confirmed { from: to, to: from, term, round });
        }
    }

    pub fn confirmed(&mut self, from: usize, to: usize, term: i64, round: u64) {
        if !self.linked(from, to) || self.members[to].term != term {
            return;
        }
        self.members[to].heard[from] = self.now;
        let Some(position) = self.members[to].reads.iter().position(|r| r.round == round) else { return };
        self.members[to].reads[position].votes += 1;
        if self.members[to].reads[position].votes < Q {
            return;
        }
        let Confirming { operation, attempt, index, .. } = self.members[to].reads.remove(position);
        let m = &self.members[to];
        let seen = m.state.get(&self.operations[operation].key).copied();
        let (value, version) = seen.map_or((None, 0), |(value, version)| (Some(value), version));
        let answer = Answer::Seen { value, version, commit: m.commit.max(index), term, leader: to };
        self.respond(to, operation, attempt, answer);
    }

    /// Whether a leader has heard from a majority within the plan's lease.
    pub fn holds_majority(&self, leader: usize) -> bool {
        let fresh = |p: &usize| *p == leader || self.now - self.members[leader].heard[*p] <= self.plan.lease;
        (0..N).filter(fresh).count() >= Q
    }

    pub fn heartbeat(&mut self) {
        for leader in 0..N {
            if !self.members[leader].up || self.members[leader].role != Role::Leader {
                continue;
            }
            for peer in (0..N).filter(|p| *p != leader) {
                self.replicate(leader, peer);
            }
            if !self.holds_majority(leader) {
                for read in std::mem::take(&mut self.members[leader].reads) {
                    self.refuse(leader, read.operation, read.attempt, "no-quorum");
                }
            }
        }
        self.after(50 * MS, Event::Heartbeat);
    }
}
