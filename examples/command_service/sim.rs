//! The simulator: one queue of events in the order of time, the members' protocol, and the faults.
//!
//! A plain leader-based log: an entry is committed once a majority holds it and it is of the leader's own term; a read is served once a
//! majority has confirmed the leader after the read arrived. Failure detection and election take the lengths that the plan
//! gives them; who is elected follows from the logs.

use crate::plan::{Deed, Phases, Plan};
use crate::record::{Line, Recorder};
use crate::rng::Rng;
use crate::world::{
    ACTUATOR, Answer, Confirming, Entry, Event, MS, Member, N, Operation, Q, Resource, Role, S, SNAPSHOT, Waiter, command, name,
};
use std::collections::{BTreeMap, VecDeque};

/// A fault that was injected.
pub struct Injected {
    pub deed: Deed,
    pub start: i64,
    pub stop: Option<i64>,
}

/// Everything that changes while a test runs.
pub struct Sim<'p> {
    pub plan: &'p Plan,
    pub base: i64,
    pub now: i64,
    pub rng: Rng,
    pub rec: Recorder,
    queue: BTreeMap<(i64, u64), Event>,
    order: u64,
    pub members: Vec<Member>,
    pub cut: bool,
    pub silent: bool,
    pub behind: [i64; N],
    pub lose_replies: bool,
    pub resource: Resource,
    pub operations: Vec<Operation>,
    pub free: Vec<usize>,
    pub hints: Vec<usize>,
    pub faults: Vec<Injected>,
    pub failover: Option<(i64, usize)>,
    pub holding: Option<VecDeque<(usize, usize, i64)>>,
    pub meter: crate::meter::Meter,
    pub failed_probes: [i64; N],
    pub replay_commit: i64,
}

impl<'p> Sim<'p> {
    /// A cluster at rest under its first leader, n1, in term 41.
    pub fn new(plan: &'p Plan, base: i64) -> Self {
        let mut members: Vec<Member> = (0..N).map(|_| Member::new(base, 41)).collect();
        members[0].role = Role::Leader;
        let seed = plan.test.bytes().fold(7, |hash: u64, b| hash.wrapping_mul(131).wrapping_add(u64::from(b)));
        let mut sim = Self {
            plan,
            base,
            now: 0,
            rng: Rng::new(seed),
            rec: Recorder::default(),
            queue: BTreeMap::new(),
            order: 0,
            members,
            cut: false,
            silent: false,
            behind: plan.behind,
            lose_replies: false,
            resource: Resource { epoch: 41, holder: 0, taken: Vec::new(), decisions: 0 },
            operations: Vec::new(),
            free: Vec::new(),
            hints: Vec::new(),
            faults: Vec::new(),
            failover: None,
            holding: None,
            meter: crate::meter::Meter::default(),
            failed_probes: [0; N],
            replay_commit: 0,
        };
        sim.grant(0, 41);
        sim
    }

    /// Runs the plan to its end.
    pub fn run(&mut self) {
        self.schedule_load();
        for (position, (at, _)) in self.plan.deeds.iter().enumerate() {
            self.at(*at, Event::Step(position));
        }
        for (first, event) in [(0, Event::Heartbeat), (0, Event::Sample), (20 * MS, Event::Progress), (0, Event::Telemetry)] {
            self.at(first, event);
        }
        if self.plan.probes {
            self.at(400 * MS, Event::Probe);
        }
        let end = self.plan.load + 900 * MS;
        while let Some(entry) = self.queue.first_entry() {
            if entry.key().0 > end {
                break;
            }
            self.now = entry.key().0;
            let event = entry.remove();
            self.happen(event);
        }
        self.now = end;
        self.sample();
        self.progress();
        self.telemetry();
        self.finish();
    }

    /// Puts an event into the queue.
    pub fn at(&mut self, t: i64, event: Event) {
        self.order += 1;
        self.queue.insert((t, self.order), event);
    }

    /// Puts an event into the queue, `delay` from now.
    pub fn after(&mut self, delay: i64, event: Event) {
        self.at(self.now + delay, event);
    }

    /// One way through the network, in whole microseconds.
    pub fn hop(&mut self) -> i64 {
        self.rng.between(300, 1_100) * 1_000
    }

    /// A write reaching the disk: mostly quick, now and then a stall.
    pub fn sync(&mut self) -> i64 {
        if self.rng.chance(3) { self.rng.between(30_000, 90_000) * 1_000 } else { self.rng.between(700, 2_400) * 1_000 }
    }

    /// Whether the plan's minority holds a member.
    pub fn minor(&self, member: usize) -> bool {
        self.plan.minority.contains(&member)
    }

    /// Whether two members reach each other.
    pub fn linked(&self, a: usize, b: usize) -> bool {
        let silenced = self.silent && (self.minor(a) || self.minor(b));
        self.members[a].up && self.members[b].up && !silenced && !(self.cut && self.minor(a) != self.minor(b))
    }

    /// The member that leads in the highest term.
    pub fn leading(&self) -> Option<usize> {
        (0..N).filter(|m| self.members[*m].up && self.members[*m].role == Role::Leader).max_by_key(|m| self.members[*m].term)
    }

    /// The last index of a member's log.
    pub fn last(&self, member: usize) -> i64 {
        self.base + i64::try_from(self.members[member].entries.len()).unwrap_or(0)
    }

    /// Where an index lies in `entries`.
    pub fn slot(&self, index: i64) -> usize {
        usize::try_from(index - self.base - 1).unwrap_or(0)
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Send(operation) => self.send(operation),
            Event::Arrive { operation, attempt, to } => self.arrive(operation, attempt, to),
            Event::Reply { operation, attempt, answer } => self.reply(operation, attempt, answer),
            Event::TimeOut { operation, attempt } => self.time_out(operation, attempt),
            Event::Append { from, to, term, first, entries, commit } => self.append(from, to, term, first, entries, commit),
            Event::Ack { from, to, term, matched } => self.ack(from, to, term, matched),
            Event::Confirm { from, to, term, round } => self.confirm(from, to, term, round),
            Event::Confirmed { from, to, term, round } => self.confirmed(from, to, term, round),
            Event::Synced { member, term, index } => self.synced(member, term, index),
            Event::Deliver { command, holder, epoch } => self.deliver(command, holder, epoch),
            Event::Heartbeat => self.heartbeat(),
            Event::Sample => {
                self.sample();
                self.after(self.plan.sample, Event::Sample);
            }
            Event::Progress => {
                self.progress();
                self.after(500 * MS, Event::Progress);
            }
            Event::Telemetry => {
                self.telemetry();
                self.after(self.plan.telemetry, Event::Telemetry);
            }
            Event::Probe => self.probe(),
            Event::Boot(member) => self.boot(member),
            Event::Replayed(member) => self.replayed(member),
            Event::Step(deed) => self.step(deed),
            Event::Fault(deed) => self.strike(deed),
            Event::Detected => self.detected(),
            Event::Elected(leader) => self.elected(leader),
            Event::Fenced(leader) => self.fenced(leader),
            Event::Serving(leader) => self.serve(leader),
            Event::Heal(fault) => self.heal(fault),
            Event::Flap(every) => self.flap(every),
            Event::TakeOver { to, fault } => self.take_over(to, fault),
        }
    }

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

    fn replicate(&mut self, leader: usize, peer: usize) {
        let first = self.members[leader].matched[peer] + 1;
        let until = (self.last(leader) - self.behind[peer]).max(first - 1);
        let entries = self.members[leader].entries[self.slot(first)..self.slot(until + 1)].to_vec();
        let (term, commit) = (self.members[leader].term, self.members[leader].commit);
        let hop = self.hop();
        self.after(hop, Event::Append { from: leader, to: peer, term, first, entries, commit });
    }

    fn append(&mut self, from: usize, to: usize, term: i64, first: i64, entries: Vec<Entry>, commit: i64) {
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
    fn follow(&mut self, member: usize, leader: usize, term: i64) {
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

    fn discard(&mut self, member: usize, slot: usize) {
        for (offset, entry) in self.members[member].entries.split_off(slot).into_iter().enumerate() {
            let index = self.base + 1 + i64::try_from(slot + offset).unwrap_or(0);
            self.log_line(member, index, entry, "discarded");
        }
    }

    fn ack(&mut self, from: usize, to: usize, term: i64, matched: i64) {
        if !self.linked(from, to) || self.members[to].term != term || self.members[to].role != Role::Leader {
            return;
        }
        let now = self.now;
        let leader = &mut self.members[to];
        leader.heard[from] = now;
        leader.matched[from] = leader.matched[from].max(matched);
        self.settle(to);
    }

    fn synced(&mut self, member: usize, term: i64, index: i64) {
        let m = &mut self.members[member];
        if m.up && m.role == Role::Leader && m.term == term {
            m.matched[member] = m.matched[member].max(index);
            self.settle(member);
        }
    }

    /// Commits what a majority holds, if it is of the leader's own term, and answers those who wait.
    fn settle(&mut self, leader: usize) {
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
    fn advance(&mut self, member: usize, commit: i64) {
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
            self.applied_line(member, index, &command(operation), self.now, "live");
            let m = &self.members[member];
            if key == ACTUATOR && m.role == Role::Leader && m.serving {
                self.hand_out(operation, member, m.term);
            }
        }
    }

    /// Hands a committed command to the protected resource, or to the slow courier that will bring it too late.
    fn hand_out(&mut self, operation: usize, holder: usize, epoch: i64) {
        if let Some(held) = &mut self.holding {
            held.push_back((operation, holder, epoch));
            return;
        }
        let hop = self.hop();
        self.after(hop, Event::Deliver { command: operation, holder, epoch });
    }

    fn confirm(&mut self, from: usize, to: usize, term: i64, round: u64) {
        if self.linked(from, to) && self.members[to].term <= term {
            let hop = self.hop();
            self.after(hop, Event::Confirmed { from: to, to: from, term, round });
        }
    }

    fn confirmed(&mut self, from: usize, to: usize, term: i64, round: u64) {
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

    fn heartbeat(&mut self) {
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

    /// The resource decides on one command by its epoch alone; a repeated command is accepted without effect.
    fn deliver(&mut self, operation: usize, holder: usize, epoch: i64) {
        let accepted = epoch == self.resource.epoch;
        self.resource.decisions += 1;
        if accepted {
            self.resource.taken.push(operation);
        } else {
            self.meter.stale += 1;
        }
        let reason = format!("request epoch {epoch}, current epoch {}", self.resource.epoch);
        let line = Line::new()
            .int("t", self.now)
            .int("seq", self.resource.decisions)
            .text("resource", "actuator-queue")
            .text("command_id", &command(operation))
            .text("holder", name(holder))
            .text("leader", name(self.resource.holder))
            .int("epoch", epoch)
            .int("current_epoch", self.resource.epoch)
            .text("outcome", if accepted { "accepted" } else { "rejected" })
            .maybe((!accepted).then_some(reason), |line, reason| line.text("reason", &reason))
            .text("time_source", "resource clock sim");
        self.rec.add("fencing", line);
    }

    /// Gives the authority over the resource to a leader.
    pub fn grant(&mut self, holder: usize, epoch: i64) {
        self.resource.epoch = epoch;
        self.resource.holder = holder;
        self.resource.decisions += 1;
        let line = Line::new()
            .int("t", self.now)
            .int("seq", self.resource.decisions)
            .text("resource", "actuator-queue")
            .text("holder", name(holder))
            .int("epoch", epoch);
        self.rec.add("epochs", line);
    }

    /// A process comes back: it replays from its snapshot before it serves.
    fn boot(&mut self, member: usize) {
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
        let length = crate::faults::replay_length(commit - SNAPSHOT);
        self.after(length, Event::Replayed(member));
    }

    /// The lengths of the phases of this plan.
    pub fn phases(&self) -> Phases {
        self.plan.phases.unwrap_or(Phases { detect: S, elect: S, fence: S, catch_up: S })
    }
}
