//! Clients: an open load, at most two further attempts after a jittered pause, the same command id in all of them.

use crate::sim::Sim;
use crate::world::{ACTUATOR, Answer, Attempt, Confirming, Event, KEYS, MS, N, Operation, Role, S, Waiter};

/// Attempts in all: the first and two more.
const ATTEMPTS: usize = 3;

impl Sim<'_> {
    /// Draws up the load: writes and reads, each evenly spaced with a little scatter.
    pub fn schedule_load(&mut self) {
        let mut sends: Vec<(i64, bool)> = Vec::new();
        for (rate, write) in [(self.plan.writes, true), (self.plan.reads, false)] {
            let gap = 60 * S / rate / 1_000 * 1_000;
            for i in 0..self.plan.load / gap {
                sends.push((i * gap + self.rng.between(0, gap / 5_000) * 1_000, write));
            }
        }
        sends.sort_unstable();
        for (position, (at, write)) in sends.into_iter().enumerate() {
            let key = usize::try_from(self.rng.between(0, KEYS)).unwrap_or(ACTUATOR);
            self.operations.push(Operation {
                write,
                key,
                client: usize::MAX,
                minority: position % 3 == 2,
                invoke: at,
                attempts: Vec::new(),
                returned: None,
                result: None,
                answer: None,
                arrived: false,
            });
            self.at(at, Event::Send(position));
        }
    }

    /// The members that a client reaches: while the cluster is cut, those of its own side.
    fn reach(&self, operation: usize) -> Vec<usize> {
        let minority = self.operations[operation].minority;
        let own_side = |m: &usize| !self.cut || self.minor(*m) == minority;
        let on_network = |m: &usize| !self.silent || !self.minor(*m);
        (0..N).filter(own_side).filter(on_network).collect()
    }

    /// Sends the next attempt of an operation.
    pub fn send(&mut self, operation: usize) {
        if self.operations[operation].client == usize::MAX {
            let free = self.free.iter().position(|_| true);
            let client = match free {
                Some(position) => self.free.swap_remove(position),
                None => {
                    self.hints.push(self.leading().unwrap_or(0));
                    self.hints.len() - 1
                }
            };
            self.operations[operation].client = client;
            self.meter.originals += 1;
        } else {
            self.meter.retries += 1;
        }
        let client = self.operations[operation].client;
        let reach = self.reach(operation);
        let to = if reach.contains(&self.hints[client]) { self.hints[client] } else { reach[self.rng.position(reach.len())] };
        self.hints[client] = to;
        let attempt = self.operations[operation].attempts.len();
        self.operations[operation].attempts.push(Attempt {
            member: to,
            invoke: self.now,
            returned: None,
            result: "unknown",
            error: None,
        });
        let hop = self.hop();
        self.after(hop, Event::Arrive { operation, attempt, to });
        self.after(self.plan.time_out, Event::TimeOut { operation, attempt });
    }

    /// A request reaches a member.
    pub fn arrive(&mut self, operation: usize, attempt: usize, to: usize) {
        self.operations[operation].arrived = true;
        if !self.members[to].up {
            let hop = self.hop();
            self.after(hop, Event::Reply { operation, attempt, answer: Answer::Unreachable });
        } else if !self.reach(operation).contains(&to) {
            // Lost on the way; the client's time-out ends the attempt.
        } else if self.members[to].role != Role::Leader {
            self.refuse(to, operation, attempt, "not-leader");
        } else if !self.members[to].serving {
            self.refuse(to, operation, attempt, "not-serving");
        } else if !self.holds_majority(to) {
            self.refuse(to, operation, attempt, "no-quorum");
        } else if self.operations[operation].write {
            self.arrive_write(operation, attempt, to);
        } else {
            self.arrive_read(operation, attempt, to);
        }
    }

    /// A command that is in the log already is not put there again: its answer is given, or waited for.
    fn arrive_write(&mut self, operation: usize, attempt: usize, to: usize) {
        if let Some(index) = self.members[to].done.get(&operation) {
            let answer = self.written(to, *index);
            self.respond(to, operation, attempt, answer);
            return;
        }
        let held = self.members[to].entries.iter().position(|e| e.command == Some(operation));
        let index = match held {
            Some(slot) => self.base + 1 + i64::try_from(slot).unwrap_or(0),
            None => self.propose(to, Some(operation)),
        };
        self.members[to].waiters.push(Waiter { operation, attempt, index });
        if let Some(deed) = self.armed.take() {
            self.strike(deed);
        }
    }

    /// A read notes the commit index and asks all members to confirm the leader.
    fn arrive_read(&mut self, operation: usize, attempt: usize, to: usize) {
        self.meter.rounds += 1;
        let round = self.meter.rounds;
        let (index, term) = (self.members[to].commit, self.members[to].term);
        self.members[to].reads.push(Confirming { operation, attempt, round, index, votes: 1 });
        for peer in (0..N).filter(|p| *p != to) {
            let hop = self.hop();
            self.after(hop, Event::Confirm { from: to, to: peer, term, round });
        }
    }

    /// Turns a request away.
    pub fn refuse(&mut self, member: usize, operation: usize, attempt: usize, error: &'static str) {
        let m = &self.members[member];
        let answer = Answer::Refused { error, leader: m.leader, term: m.term, commit: m.commit };
        self.respond(member, operation, attempt, answer);
    }

    /// Sends an answer back, unless it is lost.
    pub fn respond(&mut self, member: usize, operation: usize, attempt: usize, answer: Answer) {
        if !self.reach(operation).contains(&member) || (self.lose_replies && self.rng.chance(500)) {
            return;
        }
        let hop = self.hop();
        self.after(hop, Event::Reply { operation, attempt, answer });
    }

    /// An answer reaches its client. What comes after the client gave the attempt up is not heard.
    pub fn reply(&mut self, operation: usize, attempt: usize, answer: Answer) {
        let (now, client) = (self.now, self.operations[operation].client);
        if self.operations[operation].attempts[attempt].returned.is_some() || self.operations[operation].result.is_some() {
            return;
        }
        let (result, error) = match &answer {
            Answer::Written { .. } | Answer::Seen { .. } => ("ok", None),
            Answer::Refused { error, leader, .. } => {
                let next = (self.hints[client] + 1) % N;
                self.hints[client] = leader.filter(|l| *l != self.hints[client]).unwrap_or(next);
                ("fail", Some(*error))
            }
            Answer::Unreachable => {
                self.hints[client] = (self.hints[client] + 1) % N;
                ("not-sent", Some("refused"))
            }
        };
        let record = &mut self.operations[operation].attempts[attempt];
        (record.returned, record.result, record.error) = (Some(now), result, error);
        if !matches!(answer, Answer::Unreachable) {
            self.operations[operation].answer = Some(answer);
        }
        if result == "ok" { self.conclude(operation) } else { self.again(operation, attempt) }
    }

    /// A client has waited long enough for an answer.
    pub fn time_out(&mut self, operation: usize, attempt: usize) {
        let current = &mut self.operations[operation];
        if current.attempts[attempt].returned.is_some() || current.result.is_some() {
            return;
        }
        current.attempts[attempt].returned = Some(self.now);
        current.attempts[attempt].error = Some("timeout");
        let client = current.client;
        self.hints[client] = (self.hints[client] + 1) % N;
        self.again(operation, attempt);
    }

    fn again(&mut self, operation: usize, attempt: usize) {
        if attempt + 1 < ATTEMPTS {
            let pause = self.rng.between(60_000, 240_000) * 1_000;
            self.after(pause * (i64::try_from(attempt).unwrap_or(0) + 1), Event::Send(operation));
        } else {
            self.conclude(operation);
        }
    }

    /// The client knows what it will ever know. A client in doubt is not used again.
    fn conclude(&mut self, operation: usize) {
        let current = &mut self.operations[operation];
        let any = |result: &str| current.attempts.iter().any(|a| a.result == result);
        let result = if any("ok") {
            "ok"
        } else if current.write && any("unknown") {
            "unknown"
        } else {
            "fail"
        };
        current.result = Some(result);
        if result != "unknown" {
            current.returned = Some(self.now);
            self.free.push(current.client);
        }
        if current.write && result == "fail" {
            self.meter.rejected += 1;
        }
        let current = &self.operations[operation];
        if current.write && result == "ok" {
            self.meter.write_latencies.push((self.now - current.invoke) / (MS / 1000));
        }
    }
}
