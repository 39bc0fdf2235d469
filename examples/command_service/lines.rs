//! What the watchers write down: samples, logs, applications, operations, faults.

use crate::plan::Deed;
use crate::record::Line;
use crate::sim::Sim;
use crate::world::{Answer, Entry, FIRST_TERM, N, Operation, REPLAY_RATE, Role, S, SNAPSHOT, command, key, name};

impl Sim<'_> {
    /// One sample of every member.
    pub fn sample(&mut self) {
        for member in 0..N {
            let m = &self.members[member];
            let mut line = Line::new().exact("t_lo", "t_hi", self.now).text("member", name(member));
            let reachable = m.up && !(self.silent && self.minor(member));
            if reachable {
                let replayed =
                    |(started, commit): (i64, i64)| SNAPSHOT + ((self.now - started) * REPLAY_RATE / S).min(commit - SNAPSHOT);
                line = line
                    .text(
                        "role",
                        match m.role {
                            Role::Leader => "leader",
                            Role::Follower => "follower",
                            Role::Candidate => "candidate",
                        },
                    )
                    .maybe(m.leader, |line, leader| line.text("leader", name(leader)))
                    .int("term", m.term)
                    .int("first_index", self.snapshot(member) + 1)
                    .int("last_index", self.last(member))
                    .int("commit_index", m.commit)
                    .int("applied_index", m.replay.map_or(m.applied, replayed))
                    .int("snapshot_index", self.snapshot(member))
                    .flag("serving", m.serving);
            }
            self.rec.add("members", line.flag("reachable", reachable));
        }
    }

    /// What the leader knows of the members' logs.
    pub fn progress(&mut self) {
        let Some(leader) = self.leading().filter(|l| self.holds_majority(*l)) else { return };
        for member in 0..N {
            let m = &self.members[leader];
            let line = Line::new()
                .exact("t_lo", "t_hi", self.now)
                .text("leader", name(leader))
                .int("term", m.term)
                .int("commit_index", m.commit)
                .text("member", name(member))
                .int("match_index", m.matched[member]);
            self.rec.add("progress", line);
        }
    }

    /// One entry of a member's log.
    pub fn log_line(&mut self, member: usize, index: i64, entry: Entry, state: &str) {
        let line = Line::new()
            .text("member", name(member))
            .int("index", index)
            .int("term", entry.term)
            .maybe(entry.command, |line, operation| line.text("command_id", &command(operation)))
            .text("state", state);
        self.rec.add("log", line);
    }

    /// One entry of the image, of the first term, as a member keeps it that has no later snapshot. It bears no command id: the image is older than the
    /// test, and what it held is for no gate.
    fn image_line(&mut self, member: usize, index: i64) {
        let line = Line::new().text("member", name(member)).int("index", index).int("term", FIRST_TERM);
        self.rec.add("log", line.text("state", "committed"));
    }

    /// One live application to a member's state machine, in the order of the log.
    pub fn applied_line(&mut self, member: usize, index: i64, id: &str) {
        let line = Line::new().text("member", name(member)).int("index", index).text("command_id", id);
        self.rec.add("applied", line);
    }

    /// One application in a replay. The image's entries bear their index in their id; of the others the instant is kept too.
    pub fn replayed_line(&mut self, member: usize, index: i64, id: &str, t: i64) {
        let own = index > self.base;
        let line = Line::new()
            .text("member", name(member))
            .maybe(own.then_some(index), |line, index| line.int("index", index))
            .text("command_id", id)
            .maybe(own.then_some(t), |line, t| line.int("t", t))
            .text("source", "replay");
        self.rec.add("applied", line);
    }

    /// Writes down what is only known at the end: the logs, the operations, the faults, the window of load.
    pub fn finish(&mut self) {
        for member in 0..N {
            let (entries, commit) = (self.members[member].entries.clone(), self.members[member].commit);
            for index in self.snapshot(member) + 1..=self.base {
                self.image_line(member, index);
            }
            for (index, entry) in (self.base + 1..).zip(entries) {
                self.log_line(member, index, entry, if index <= commit { "committed" } else { "appended" });
            }
        }
        for operation in 0..self.operations.len() {
            self.operation_lines(operation);
        }
        self.fault_lines();
        let line = Line::new().exact("start_lo", "start_hi", 0).exact("stop_lo", "stop_hi", self.plan.load);
        self.rec.add("run", line);
    }

    fn operation_lines(&mut self, position: usize) {
        let operation = &self.operations[position];
        let client = format!("c{}", operation.client);
        let id = if operation.write { command(position) } else { format!("r{position}") };
        let line = history_line(operation, &id, &client);
        let mut attempts = Vec::new();
        for (i, attempt) in (1..).zip(&operation.attempts) {
            attempts.push(
                Line::new()
                    .text("client", &client)
                    .text("command_id", &id)
                    .int("attempt", i)
                    .text("member", name(attempt.member))
                    .int("invoke", attempt.invoke)
                    .maybe(attempt.returned.filter(|_| attempt.result != "unknown"), |line, t| line.int("return", t))
                    .text("result", attempt.result)
                    .maybe(attempt.error, |line, error| line.text("error", error)),
            );
        }
        self.rec.add("history", line);
        for attempt in attempts {
            self.rec.add("attempts", attempt);
        }
    }

    fn fault_lines(&mut self) {
        for (i, fault) in self.faults.iter().enumerate() {
            let minority: Vec<&str> = self.plan.minority.iter().map(|m| name(*m)).collect();
            let (what, model, targets, layer, method) = match fault.deed {
                Deed::Kill(member) => ("kill", "crash", vec![name(member)], "process", "SIGKILL; the probe restarts it"),
                Deed::Cut(_) => ("partition", "send-omission", minority, "network", "drop packets to the other members"),
                Deed::Silence(_) => ("partition", "send-omission", minority, "network", "drop all packets"),
                Deed::Lag(member, ..) => ("slow-follower", "timing", vec![name(member)], "network", "throttle replication"),
                Deed::LoseReplies(_) => ("lost-replies", "send-omission", vec![name(0)], "network", "drop half of the replies"),
                Deed::HandOver(to) => ("hand-over", "none", vec![name(0), name(to)], "process", "transfer leadership"),
                Deed::Flap(_) => ("flapping", "none", (0..N).map(name).collect(), "process", "transfer leadership every 15 s"),
            };
            let line = Line::new()
                .text("id", &format!("f{}", i + 1))
                .text("fault", what)
                .text("model", model)
                .list("targets", targets)
                .text("layer", layer)
                .text("method", method)
                .exact("start_lo", "start_hi", fault.start)
                .maybe(fault.stop, |line, stop| line.exact("stop_lo", "stop_hi", stop));
            self.rec.add("faults", line);
        }
    }
}

/// One operation as its client knew it. A read that found nothing says so with a null; who answered is kept, or who was
/// asked last where nobody did.
fn history_line(operation: &Operation, id: &str, client: &str) -> Line {
    let result = operation.result.unwrap_or(if operation.write { "unknown" } else { "fail" });
    let heard = operation.attempts.iter().rev().find(|a| matches!(a.result, "ok" | "fail"));
    let last = heard.or(operation.attempts.last());
    let error = operation.attempts.last().and_then(|a| a.error);
    let line = Line::new()
        .text("client", client)
        .text("op", if operation.write { "write" } else { "read" })
        .text("key", &key(operation.key))
        .text("command_id", id)
        .maybe(operation.write.then_some(id), |line, id| line.text("value", id))
        .int("invoke", operation.attempts.first().map_or(operation.invoke, |a| a.invoke))
        .maybe(operation.returned, |line, t| line.int("return", t))
        .text("result", result)
        .maybe(last, |line, attempt| line.text("member", name(attempt.member)))
        .maybe(error.filter(|_| result != "ok"), |line, error| line.text("error", error));
    match &operation.answer {
        Some(Answer::Written { index, commit, term, leader, acks }) => line
            .text("leader", name(*leader))
            .int("term", *term)
            .int("commit_index", *commit)
            .int("version", *index)
            .list("acks", acks.iter().map(|m| name(*m))),
        Some(Answer::Seen { value, version, commit, term, leader }) => line
            .value("value", value.map(command))
            .text("leader", name(*leader))
            .int("term", *term)
            .int("commit_index", *commit)
            .int("version", *version)
            .text("path", "quorum"),
        Some(Answer::Refused { leader, term, commit, .. }) => line
            .maybe(*leader, |line, leader| line.text("leader", name(leader)))
            .int("term", *term)
            .int("commit_index", *commit)
            .maybe((!operation.write).then_some(true), |line, degraded| line.flag("degraded", degraded)),
        Some(Answer::Unreachable) | None => line,
    }
}
