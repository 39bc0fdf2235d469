//! The starter's job queue: workers claim jobs under a lease and commit them with the token of the claim, one scenario after another.
//!
//! In: nothing. Out: two tests of the same scenarios: against a database that checks tokens and knows its commands, and against one that checks
//! nothing. What happens follows from what the database decides; nothing here says what a verdict should be.

use crate::record::{Line, Recorder};
use crate::world::MS;
use std::collections::BTreeSet;
use std::io;
use std::path::Path;

/// One scenario starts so long after the one before.
const SLOT: i64 = 400 * MS;
/// How long a claim holds.
const LEASE: i64 = 60 * MS;
/// The faults, each of them so many times.
const FAULTS: [&str; 6] = ["crash", "stale-takeover", "retry-storm", "timeout-burst", "duplicate-submission", "partial-write"];
const TIMES: usize = 5;
/// As many scenarios in which nothing is done: a fault in every second one.
const QUIET: usize = FAULTS.len() * TIMES;

/// The database: its log, its ledger, and whether it looks at tokens and at commands.
struct Database {
    protects: bool,
    seq: i64,
    token: i64,
    holder: &'static str,
    ledger: BTreeSet<String>,
    entries: i64,
}

/// A worker's message, which the scenario brings to the database.
struct Commit<'a> {
    at: i64,
    worker: &'static str,
    token: i64,
    command: &'a str,
}

/// One test.
struct Drill {
    db: Database,
    rec: Recorder,
    job: String,
    faults: i64,
    /// From a client to the database, and back.
    hop: i64,
}

impl Drill {
    /// A worker takes the job; the token is one more than that of the claim before.
    fn claim(&mut self, at: i64, worker: &'static str) -> i64 {
        self.db.seq += 1;
        self.db.token += 1;
        self.db.holder = worker;
        let line = Line::new().int("t", at).int("seq", self.db.seq).text("resource", "ledger").text("job", &self.job);
        let line = line.text("holder", worker).int("epoch", self.db.token).int("lease_until", at + LEASE);
        self.rec.add("epochs", line);
        self.db.token
    }

    /// The database decides on a commit. Its answer is `None` when the command took or has taken effect, else why it did not.
    fn commit(&mut self, commit: &Commit<'_>) -> Option<&'static str> {
        let db = &mut self.db;
        db.seq += 1;
        let known = db.ledger.contains(commit.command);
        let reason = match (commit.token < db.token, known) {
            _ if !db.protects => None,
            (true, _) => Some("stale-token"),
            (_, true) => Some("duplicate-command"),
            _ => None,
        };
        let line = Line::new()
            .int("t", commit.at)
            .int("seq", db.seq)
            .text("resource", "ledger")
            .text("job", &self.job)
            .text("command_id", commit.command)
            .text("holder", commit.worker)
            .text("leader", db.holder)
            .int("epoch", commit.token)
            .int("current_epoch", db.token)
            .text("outcome", if reason.is_none() { "accepted" } else { "rejected" })
            .maybe(reason, |line, reason| line.text("reason", reason))
            .text("time_source", "database");
        self.rec.add("fencing", line);
        if reason.is_none() {
            db.entries += 1;
            db.ledger.insert(commit.command.into());
            let line = Line::new().text("member", "db").int("index", db.entries).text("command_id", commit.command);
            self.rec.add("applied", line.int("t", commit.at));
        }
        reason.filter(|r| *r != "duplicate-command")
    }

    /// One operation as its worker knew it: when its commits were sent, and which answers came back.
    fn operation(&mut self, worker: &'static str, command: &str, sent: &[(i64, Option<Option<&'static str>>)], token: i64) {
        let mut last = (None, "unknown", Some("connection-lost"));
        for (i, (at, heard)) in (1..).zip(sent) {
            let reason = self.commit(&Commit { at: at + self.hop, worker, token, command });
            last = match (heard, reason) {
                (None, _) => (None, "unknown", Some("connection-lost")),
                (Some(_), None) => (Some(at + 2 * self.hop), "ok", None),
                (Some(_), Some(reason)) => (Some(at + 2 * self.hop), "fail", Some(reason)),
            };
            let line = Line::new().text("client", worker).text("command_id", command).int("attempt", i).int("invoke", *at);
            let line = line.maybe(last.0, |line, t| line.int("return", t)).text("result", last.1);
            self.rec.add("attempts", line.maybe(last.2, |line, error| line.text("error", error)));
        }
        self.told(worker, command, sent.first().map_or(0, |s| s.0), last);
    }

    fn told(&mut self, worker: &str, command: &str, invoke: i64, last: (Option<i64>, &str, Option<&str>)) {
        let line = Line::new().text("client", worker).text("op", "write").text("endpoint", "jobs").text("key", &self.job);
        let line = line.text("command_id", command).int("invoke", invoke).maybe(last.0, |line, t| line.int("return", t));
        self.rec.add("history", line.text("result", last.1).maybe(last.2, |line, error| line.text("error", error)));
    }

    fn fault(&mut self, (fault, model, method): (&str, &str, &str), layer: &str, from: i64, to: i64) -> String {
        self.faults += 1;
        let id = format!("f{}", self.faults);
        let line = Line::new().text("id", &id).text("fault", fault).text("model", model).list("targets", ["w1"]);
        let line = line.text("layer", layer).text("method", method).exact("start_lo", "start_hi", from);
        self.rec.add("faults", line.exact("stop_lo", "stop_hi", to));
        id
    }

    /// One scenario that begins at `t`. Returns the ids of its faults.
    fn scenario(&mut self, t: i64, command: &str, fault: Option<&str>) -> Vec<String> {
        const HEARD: Option<Option<&str>> = Some(None);
        let at = |ms: i64| t + ms * MS;
        self.db.token = 0;
        let token = self.claim(at(2), "w1");
        let kill = ("kill", "crash", "SIGKILL; the supervisor starts it again");
        let stall = ("stall", "timing", "SIGSTOP, SIGCONT");
        match fault {
            None => {
                self.operation("w1", command, &[(at(10), HEARD)], token);
                Vec::new()
            }
            // Dies before it has sent its commit, or in the middle of it: the lease lapses and another worker does the job.
            Some(which @ ("crash" | "partial-write")) => {
                if which == "crash" {
                    self.told("w1", command, at(10), (None, "unknown", Some("process-killed")));
                } else {
                    self.operation("w1", command, &[(at(10), None)], token);
                }
                let id = self.fault(kill, "process", at(11), at(120));
                let token = self.claim(at(70), "w2");
                self.operation("w2", command, &[(at(75), HEARD)], token);
                vec![id]
            }
            // Sleeps past its lease; wakes when another has done the job, or is still on its way, and commits all the same.
            Some(which @ ("stale-takeover" | "timeout-burst")) => {
                let id = self.fault(stall, "process", at(5), at(110));
                let next = self.claim(at(70), "w2");
                let late = [(at(111), HEARD)];
                if which == "stale-takeover" {
                    self.operation("w2", command, &[(at(75), HEARD)], next);
                    self.operation("w1", command, &late, token);
                } else {
                    self.operation("w1", command, &late, token);
                    self.hop = 8 * MS;
                    self.operation("w2", command, &[(at(106), HEARD)], next);
                    self.hop = MS;
                }
                vec![id]
            }
            // Hears nothing of two commits and sends the command a third time.
            Some("retry-storm") => {
                let lost = ("lost-replies", "receive-omission", "the socket is shut before the answer");
                let id = self.fault(lost, "network", at(9), at(25));
                self.operation("w1", command, &[(at(10), None), (at(18), None), (at(30), HEARD)], token);
                vec![id]
            }
            // Three workers are handed the same job.
            Some(_) => {
                let twice = ("duplicate-submit", "timing", "the job is delivered three times");
                let id = self.fault(twice, "process", at(9), at(20));
                for (i, worker) in (0..).zip(["w1", "w2", "w3"]) {
                    self.operation(worker, command, &[(at(10 + 3 * i), HEARD)], token);
                }
                vec![id]
            }
        }
    }

    fn run(protects: bool) -> Recorder {
        let db = Database { protects, seq: 0, token: 0, holder: "w1", ledger: BTreeSet::new(), entries: 0 };
        let mut drill = Self { db, rec: Recorder::default(), job: String::new(), faults: 0, hop: MS };
        let injected = (0..TIMES).flat_map(|_| FAULTS.map(Some));
        let all = std::iter::repeat_n(None, QUIET).chain(injected);
        for (i, fault) in (1..).zip(all) {
            let command = format!("job-{i}");
            drill.job = format!("j{i}");
            let faults = drill.scenario(i * SLOT, &command, fault);
            let line = Line::new()
                .text("id", &format!("s{i}"))
                .text("subject", if protects { "system" } else { "baseline" })
                .maybe(fault, |line, fault| line.text("fault", fault))
                .milli("rate", 500)
                .int("seed", 1_000 + i)
                .list("commands", [command.as_str()])
                .list("injections", faults.iter().map(String::as_str));
            drill.rec.add("scenarios", line);
        }
        drill.rec
    }
}

/// Writes both tests.
pub fn write(root: &Path) -> io::Result<()> {
    let kinds = ["scenarios", "history", "attempts", "faults", "applied", "fencing", "epochs"];
    for (test, protects) in [("mixed-faults", true), ("baseline-naive", false)] {
        Drill::run(protects).write(&root.join(test), test, &kinds)?;
    }
    Ok(())
}
