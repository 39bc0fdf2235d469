//! What is done to the cluster, and how it comes back: faults, detection, election, fencing, catching up, replay, probes.

use crate::plan::Deed;
use crate::record::Line;
use crate::sim::{Injected, Sim};
use crate::world::{Event, MS, N, REPLAY_RATE, Role, S, SNAPSHOT, command, name};
use std::collections::VecDeque;

/// How long a replay of so many entries takes, rounded to a nanosecond.
pub fn replay_length(entries: i64) -> i64 {
    (entries * S + REPLAY_RATE / 2) / REPLAY_RATE
}

impl Sim<'_> {
    /// Whether the next fault may strike: a write is on its way, and where the plan fixes the commit index all is quiet.
    fn ripe(&self, deed: usize) -> bool {
        let in_flight = self.operations.iter().rev().take(20).any(|o| o.write && !o.arrived && o.result.is_none());
        let (Deed::Kill(_), Some(leader), Some(_)) = (self.plan.deeds[deed].1, self.leading(), self.plan.replay_commit) else {
            return in_flight;
        };
        let last = self.last(leader);
        let full = self.behind.iter().all(|b| last - b >= self.base);
        let quiet = (0..N).all(|m| self.members[leader].matched[m] == last - self.behind[m]);
        in_flight && full && quiet && self.members[leader].commit == last
    }

    /// The time of a deed has come: waits for the right instant, in steps of 100 µs. A leader is killed by the write that is on its way:
    /// after it is in the leader's log and before it is anywhere else.
    pub fn step(&mut self, deed: usize) {
        if matches!(self.plan.deeds[deed].1, Deed::Cut(_) | Deed::Kill(_))
            && self.holding.is_none()
            && self.plan.kinds.contains(&"fencing")
        {
            self.holding = Some(VecDeque::new());
        }
        let caught = self.holding.as_ref().is_none_or(|held| !held.is_empty());
        if caught && self.ripe(deed) {
            self.progress();
            match (self.plan.deeds[deed].1, self.leading()) {
                (Deed::Kill(member), Some(leader)) if member == leader => {
                    self.sample();
                    self.armed = Some(deed);
                }
                _ => self.after(10_000, Event::Fault(deed)),
            }
        } else {
            self.after(100_000, Event::Step(deed));
        }
    }

    /// The fault strikes.
    pub fn strike(&mut self, deed: usize) {
        let fault = self.faults.len();
        let kind = self.plan.deeds[deed].1;
        self.faults.push(Injected { deed: kind, start: self.now, stop: None });
        match kind {
            Deed::Kill(member) => self.members[member].up = false,
            Deed::Cut(length) => {
                self.cut = true;
                self.after(length, Event::Heal(fault));
            }
            Deed::Silence(length) => {
                self.silent = true;
                self.after(length, Event::Heal(fault));
            }
            Deed::Lag(member, entries, length) => {
                self.behind[member] = entries;
                self.after(length, Event::Heal(fault));
            }
            Deed::LoseReplies(length) => {
                self.lose_replies = true;
                self.after(length, Event::Heal(fault));
            }
            Deed::HandOver(to) => self.hand_over(to, Some(fault)),
            Deed::Flap(every) => self.flap(every),
        }
        if let Some(phases) = self.plan.phases {
            self.failover = Some((self.now, fault));
            self.after(phases.detect, Event::Detected);
        }
    }

    /// The fault ends.
    pub fn heal(&mut self, fault: usize) {
        self.faults[fault].stop = Some(self.now);
        match self.faults[fault].deed {
            Deed::Cut(_) => self.cut = false,
            Deed::Silence(_) => self.silent = false,
            Deed::Lag(member, ..) => self.behind[member] = 0,
            Deed::LoseReplies(_) => self.lose_replies = false,
            _ => {}
        }
    }

    /// The majority side finds its leader gone: of those that are not replaying, the member with the most complete log stands.
    pub fn detected(&mut self) {
        let able =
            |m: &usize| self.members[*m].up && self.members[*m].replay.is_none() && self.members[*m].role == Role::Follower;
        let side: Vec<usize> = (0..N).filter(|m| able(m) && !(self.cut && self.minor(*m))).collect();
        let log = |m: &usize| (self.members[*m].entries.last().map_or(0, |e| e.term), self.last(*m), std::cmp::Reverse(*m));
        let Some(best) = side.into_iter().max_by_key(log) else { return };
        self.members[best].role = Role::Candidate;
        self.members[best].leader = None;
        let elect = self.phases().elect;
        self.after(elect, Event::Elected(best));
    }

    /// A candidate has a majority of votes: it leads in a new term but does not serve yet.
    pub fn elected(&mut self, leader: usize) {
        let term = self.members.iter().map(|m| m.term).max().unwrap_or(0) + 1;
        self.behind = [0; N];
        self.lead(leader, term);
        let fence = self.phases().fence;
        self.after(fence, Event::Fenced(leader));
    }

    fn lead(&mut self, leader: usize, term: i64) {
        for voter in (0..N).filter(|v| *v != leader) {
            if self.linked(leader, voter) {
                let m = &mut self.members[voter];
                (m.term, m.leader, m.role) = (term, Some(leader), Role::Follower);
            }
        }
        let (now, last, base) = (self.now, self.last(leader), self.base);
        let m = &mut self.members[leader];
        (m.term, m.leader, m.role, m.serving) = (term, Some(leader), Role::Leader, false);
        m.heard = [now; N];
        m.matched = [base; N];
        m.matched[leader] = last;
        self.meter.changes.push(now);
        self.propose(leader, None);
    }

    /// The resource has taken the new epoch; from here on the old one is refused.
    pub fn fenced(&mut self, leader: usize) {
        self.grant(leader, self.members[leader].term);
        let catch_up = self.phases().catch_up;
        self.after(catch_up, Event::Serving(leader));
    }

    /// A new leader serves: it hands out what the resource has not taken; what the old one
    /// keeps sending under its own epoch arrives after that.
    pub fn serve(&mut self, leader: usize) {
        self.members[leader].serving = true;
        let term = self.members[leader].term;
        let done = self.members[leader].done.iter().map(|(operation, index)| (*index, *operation));
        let mut missing: Vec<(i64, usize)> =
            done.filter(|(_, o)| self.operations[*o].key == crate::world::ACTUATOR && !self.resource.taken.contains(o)).collect();
        missing.sort_unstable();
        for (i, (_, operation)) in (1..).zip(missing) {
            self.after(i * MS, Event::Deliver { command: operation, holder: leader, epoch: term });
        }
        for (i, (operation, holder, epoch)) in (1..).zip(self.holding.take().unwrap_or_default()) {
            for again in 0..3 {
                self.after((60 + 90 * again + 7 * i) * MS, Event::Deliver { command: operation, holder, epoch });
            }
        }
        self.phase_lines();
    }

    fn phase_lines(&mut self) {
        let (Some((start, fault)), Some(phases)) = (self.failover.take(), self.plan.phases) else { return };
        let mut from = start;
        let lengths =
            [("detect", phases.detect), ("elect", phases.elect), ("fence", phases.fence), ("catch-up", phases.catch_up)];
        for (phase, length) in lengths {
            let line = Line::new()
                .text("failover", &format!("f{}", fault + 1))
                .text("phase", phase)
                .exact("start_lo", "start_hi", from)
                .exact("stop_lo", "stop_hi", from + length);
            self.rec.add("phases", line);
            from += length;
        }
    }

    /// Leadership moves in good order: the old leader stops serving, the new one takes over once it holds the whole log.
    pub fn hand_over(&mut self, to: usize, fault: Option<usize>) {
        if let Some(old) = self.leading() {
            self.members[old].serving = false;
        }
        self.after(20 * MS, Event::TakeOver { to, fault });
    }

    /// Takes over if the log is complete, else waits.
    pub fn take_over(&mut self, to: usize, fault: Option<usize>) {
        let Some(old) = self.leading() else { return };
        if self.last(to) < self.last(old) || self.members[old].commit < self.last(old) {
            self.after(5 * MS, Event::TakeOver { to, fault });
            return;
        }
        let term = self.members[old].term + 1;
        self.lead(to, term);
        self.grant(to, term);
        self.after(40 * MS, Event::Serving(to));
        if let Some(fault) = fault {
            self.after(41 * MS, Event::Heal(fault));
        }
    }

    /// Hands leadership on, again and again, until the rollback.
    pub fn flap(&mut self, every: i64) {
        if self.meter.rolled_back {
            self.heal(0);
            return;
        }
        if let Some(old) = self.leading() {
            self.hand_over((old + 1) % N, None);
        }
        self.after(every, Event::Flap(every));
    }

    /// A process comes back: it replays from its snapshot before it serves.
    pub fn boot(&mut self, member: usize) {
        let commit = (0..N).map(|m| self.members[m].commit).max().unwrap_or(self.base);
        let m = &mut self.members[member];
        m.up = true;
        m.role = Role::Follower;
        m.leader = None;
        m.serving = false;
        m.waiters.clear();
        m.reads.clear();
        m.applied = m.commit;
        m.replay = Some((self.now, commit));
        self.replay_commit = commit;
        let length = replay_length(commit - SNAPSHOT);
        self.after(length, Event::Replayed(member));
    }

    /// A replay is done: the member applies what came meanwhile, then serves.
    pub fn replayed(&mut self, member: usize) {
        let Some((started, commit)) = self.members[member].replay.take() else { return };
        for index in SNAPSHOT + 1..=commit {
            let at = started + replay_length(index - SNAPSHOT);
            if index <= self.base {
                if self.plan.replay_kept {
                    self.replayed_line(member, index, &format!("p{index}"), at);
                }
                continue;
            }
            let Some(operation) = self.members[member].entries[self.slot(index)].command else { continue };
            let key = self.operations[operation].key;
            self.members[member].done.insert(operation, index);
            self.members[member].state.insert(key, (operation, index));
            self.replayed_line(member, index, &command(operation), at);
        }
        self.members[member].applied = commit;
        self.apply_all(member);
        self.meter.replayed += commit - SNAPSHOT;
        self.members[member].serving = true;
        let line = Line::new()
            .text("member", name(member))
            .int("snapshot_index", SNAPSHOT)
            .int("commit_index", commit)
            .int("started", started)
            .int("finished", self.now)
            .int("serving", self.now + 2 * MS)
            .int("entries", commit - SNAPSHOT);
        self.rec.add("replay", line);
    }

    /// One round of health probes; the third failure in a row restarts a member.
    pub fn probe(&mut self) {
        for member in 0..N {
            let up = self.members[member].up;
            self.failed_probes[member] = if up { 0 } else { self.failed_probes[member] + 1 };
            let failures = self.failed_probes[member];
            self.probe_line(member, self.now, if up { "ok" } else { "fail" }, failures);
            if failures == 3 {
                let restart = self.now + 200 * MS;
                self.probe_line(member, restart, "restart", failures);
                self.at(restart, Event::Boot(member));
                if let Some(fault) = self.faults.iter_mut().find(|f| matches!(f.deed, Deed::Kill(m) if m == member)) {
                    fault.stop = Some(restart);
                }
            }
        }
        self.after(400 * MS, Event::Probe);
    }

    fn probe_line(&mut self, member: usize, t: i64, state: &str, failures: i64) {
        let line = Line::new()
            .int("t", t)
            .text("target", name(member))
            .text("probe", "liveness")
            .text("state", state)
            .int("attempt", failures);
        self.rec.add("probes", line);
    }
}
