//! The simulator: one queue of events in the order of time, the members' protocol, and the faults.
//!
//! Failure detection and election take the lengths that the plan gives them; who is elected follows from the logs.

use crate::plan::{Deed, Phases, Plan};
use crate::record::{Line, Recorder};
use crate::rng::Rng;
use crate::world::{Event, FIRST_TERM, MS, Member, N, Operation, Resource, Role, S, SNAPSHOT, command, name};
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
    pub armed: Option<usize>,
    pub failover: Option<(i64, usize)>,
    pub holding: Option<VecDeque<(usize, usize, i64)>>,
    pub meter: crate::meter::Meter,
    pub failed_probes: [i64; N],
    pub replay_commit: i64,
}

/// Runs a plan; where it fixes the commit index of its replay, a first run finds the image to start from.
pub fn simulate(plan: &Plan) -> Sim<'_> {
    let mut sim = Sim::new(plan, plan.base);
    sim.run();
    if let Some(wanted) = plan.replay_commit {
        let base = plan.base + wanted - sim.replay_commit;
        sim = Sim::new(plan, base);
        sim.run();
    }
    sim
}

impl<'p> Sim<'p> {
    /// A cluster at rest under its first leader, n1.
    pub fn new(plan: &'p Plan, base: i64) -> Self {
        let mut members: Vec<Member> = (0..N).map(|_| Member::new(base, FIRST_TERM)).collect();
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
            resource: Resource { epoch: FIRST_TERM, holder: 0, taken: Vec::new(), decisions: 0 },
            operations: Vec::new(),
            free: Vec::new(),
            hints: Vec::new(),
            faults: Vec::new(),
            armed: None,
            failover: None,
            holding: None,
            meter: crate::meter::Meter::default(),
            failed_probes: [0; N],
            replay_commit: 0,
        };
        sim.grant(0, FIRST_TERM);
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

    /// The index of a member's snapshot: an old one where the plan makes it replay, else the image.
    pub fn snapshot(&self, member: usize) -> i64 {
        let restarts = |(_, deed): &(i64, Deed)| matches!(deed, Deed::Kill(m) if *m == member);
        if self.plan.deeds.iter().any(restarts) { SNAPSHOT } else { self.base }
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

    /// The resource decides on one command by its epoch alone; a repeated command is accepted without effect.
    fn deliver(&mut self, operation: usize, holder: usize, epoch: i64) {
        let accepted = epoch == self.resource.epoch;
        self.resource.decisions += 1;
        if accepted {
            self.resource.taken.push(operation);
        } else {
            self.meter.stale += 1;
            self.meter.rejected += 1;
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
            .text("time_source", "sim");
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

    /// The lengths of the phases of this plan.
    pub fn phases(&self) -> Phases {
        self.plan.phases.unwrap_or(Phases { detect: S, elect: S, fence: S, catch_up: S })
    }
}
