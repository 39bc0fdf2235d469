//! The starter's ensemble: three members, one leader among them, and a supervisor that restarts what its probes find dead. Two members are killed again and
//! again; the one that is left has no quorum and must refuse.
//!
//! In: nothing. Out: one test. Which two are killed, and when, comes from a seed; what is acknowledged follows from who is up.

use crate::record::{Line, Recorder};
use crate::rng::Rng;
use crate::world::MS;
use std::io;
use std::path::Path;

/// Times that two members are killed, and from one to the next.
const RUNS: i64 = 15;
const CYCLE: i64 = 2_400 * MS;
/// The kill comes so long after the cycle's begin; the dead are restarted after three failed probes and a grace.
const KILL: i64 = 500 * MS;
const PERIOD: i64 = 200 * MS;
const GRACE: i64 = 100 * MS;
/// A restarted member takes so long until it serves again.
const START: i64 = 240 * MS;
/// One client a member.
const CLIENTS: i64 = 3;
const KEYS: usize = 3;
const NAMES: [&str; 3] = ["n1", "n2", "n3"];

struct Member {
    up: bool,
    applied: i64,
}

struct Ensemble {
    rec: Recorder,
    rng: Rng,
    members: Vec<Member>,
    leader: Option<usize>,
    term: i64,
    /// What was committed: the command of each index from 1 on, and by key the index of the last.
    log: Vec<String>,
    keys: [i64; KEYS],
    sent: i64,
    /// From and to when two members are down.
    down: (i64, i64),
    /// Commands sent while a fault stood.
    struck: Vec<String>,
}

impl Ensemble {
    fn quorum(&self) -> bool {
        self.members.iter().filter(|m| m.up).count() >= 2
    }

    /// The first member that holds everything leads in a new term; the others follow and catch up.
    fn elect(&mut self) {
        let last = i64::try_from(self.log.len()).unwrap_or(0);
        self.leader = (0..NAMES.len()).find(|m| self.members[*m].up && self.members[*m].applied == last);
        self.term += 1;
        for member in 0..NAMES.len() {
            self.catch_up(member);
        }
    }

    fn catch_up(&mut self, member: usize) {
        while self.members[member].up && self.members[member].applied < i64::try_from(self.log.len()).unwrap_or(0) {
            self.members[member].applied += 1;
            let index = self.members[member].applied;
            let command = self.log.get(usize::try_from(index - 1).unwrap_or(0)).map_or("", String::as_str);
            let line = Line::new().text("member", NAMES[member]).int("index", index).text("command_id", command);
            self.rec.add("applied", line);
        }
    }

    /// A client asks the member that holds its session, and hears what comes of it.
    fn operation(&mut self, t: i64, client: i64) {
        self.sent += 1;
        let own = usize::try_from(client).unwrap_or(0);
        let (write, key) = (self.rng.chance(600), self.rng.position(KEYS));
        let id = format!("{}{}", if write { "w" } else { "r" }, self.sent);
        let took = self.rng.between(2_000, 9_000) * 1_000;
        if t < self.down.1 && t + took > self.down.0 {
            self.struck.push(id.clone());
        }
        let line = Line::new()
            .text("client", &format!("c{client}"))
            .text("op", if write { "write" } else { "read" })
            .text("key", &format!("k{key}"))
            .text("command_id", &id)
            .maybe(write.then_some(&id), |line, id| line.text("value", id))
            .text("member", NAMES[own])
            .int("invoke", t);
        // Struck on its way: the leader dies before it has told anybody, and its client hears nothing.
        if t < self.down.0 && t + took > self.down.0 {
            self.rec.add("history", line.text("result", if write { "unknown" } else { "fail" }).text("error", "connection-lost"));
            return;
        }
        let line = line.int("return", t + took);
        let Some(leader) = self.leader.filter(|_| self.quorum() && self.members[own].up) else {
            let error = if self.members[own].up { "no-quorum" } else { "refused" };
            self.rec.add("history", line.text("result", "fail").text("error", error));
            return;
        };
        if write {
            self.log.push(id);
            self.keys[key] = i64::try_from(self.log.len()).unwrap_or(0);
            (0..NAMES.len()).for_each(|m| self.catch_up(m));
        }
        let version = self.keys[key];
        let value = self.log.get(usize::try_from(version - 1).unwrap_or(usize::MAX)).cloned();
        let line = if write { line } else { line.value("value", value) };
        let line = line.int("version", version).text("leader", NAMES[leader]).int("term", self.term);
        self.rec.add("history", line.text("result", "ok"));
    }

    fn sample(&mut self, t: i64) {
        for (m, name) in NAMES.into_iter().enumerate() {
            let (member, quorum) = (&self.members[m], self.quorum());
            let line = Line::new().exact("t_lo", "t_hi", t).text("member", name);
            let role = if self.leader == Some(m) && quorum { "leader" } else { "follower" };
            let line = match member.up {
                true => {
                    line.text("role", role).int("term", self.term).int("applied_index", member.applied).flag("serving", quorum)
                }
                false => line,
            };
            self.rec.add("members", line.flag("reachable", member.up));
        }
    }

    fn probe(&mut self, t: i64, failures: i64) {
        for (m, name) in NAMES.into_iter().enumerate() {
            let up = self.members[m].up;
            let line = Line::new().int("t", t).text("target", name).text("probe", "liveness");
            self.rec
                .add("probes", line.text("state", if up { "ok" } else { "fail" }).int("attempt", if up { 0 } else { failures }));
        }
    }

    /// One cycle: work, two members die, the third refuses, both are restarted, work goes on.
    fn cycle(&mut self, run: i64, begin: i64) {
        let spared = self.rng.position(NAMES.len());
        let dead: Vec<usize> = (0..NAMES.len()).filter(|m| *m != spared).collect();
        let kill = begin + KILL + self.rng.between(0, 40) * MS;
        let restart = begin + KILL + 3 * PERIOD + GRACE;
        self.down = (kill, restart + START);
        let mut events: Vec<(i64, u8, i64)> = (0..CYCLE / PERIOD).map(|i| (begin + 50 * MS + i * PERIOD, 3, i)).collect();
        events.extend([(kill, 0, 0), (restart, 1, 0), (restart + START, 2, 0)]);
        for client in 0..CLIENTS {
            let gap = 240 * MS;
            events.extend((0..CYCLE / gap).map(|i| (begin + i * gap + (client * 37 + 10) * MS, 4, client)));
        }
        events.sort_unstable();
        let mut failures = 0;
        for (t, what, client) in events {
            match what {
                0 => dead.iter().for_each(|m| self.members[*m].up = false),
                1 => self.restart(t, &dead, failures),
                2 => {
                    dead.iter().for_each(|m| self.members[*m].up = true);
                    self.elect();
                }
                3 => {
                    let any = self.members.iter().any(|m| !m.up);
                    failures = if any { failures + 1 } else { 0 };
                    if failures <= 3 {
                        self.probe(t, failures);
                    }
                    self.sample(t);
                }
                _ => self.operation(t, client),
            }
        }
        let id = format!("f{run}");
        let line = Line::new().text("id", &id).text("fault", "kill").text("model", "crash");
        let line = line.list("targets", dead.iter().map(|m| NAMES[*m])).text("layer", "process").text("method", "SIGKILL");
        self.rec.add("faults", line.exact("start_lo", "start_hi", kill).exact("stop_lo", "stop_hi", restart + START));
        let line = Line::new().text("id", &format!("r{run}")).text("subject", "system").text("fault", "quorum-loss");
        let struck = std::mem::take(&mut self.struck);
        let line = line.int("seed", 100 + run).list("injections", [id.as_str()]);
        self.rec.add("scenarios", line.list("commands", struck.iter().map(String::as_str).filter(|c| c.starts_with('w'))));
    }

    fn restart(&mut self, t: i64, dead: &[usize], failures: i64) {
        for m in dead {
            let line = Line::new().int("t", t).text("target", NAMES[*m]).text("probe", "liveness").text("state", "restart");
            self.rec.add("probes", line.int("attempt", failures));
        }
    }
}

/// Writes the test.
pub fn write(root: &Path) -> io::Result<()> {
    let mut ensemble = Ensemble {
        rec: Recorder::default(),
        rng: Rng::new(7),
        members: NAMES.iter().map(|_| Member { up: true, applied: 0 }).collect(),
        leader: None,
        term: 0,
        log: Vec::new(),
        keys: [0; KEYS],
        sent: 0,
        down: (i64::MAX, i64::MAX),
        struck: Vec::new(),
    };
    ensemble.elect();
    for run in 1..=RUNS {
        ensemble.cycle(run, (run - 1) * CYCLE);
    }
    let kinds = ["scenarios", "history", "faults", "members", "probes", "applied"];
    ensemble.rec.write(&root.join("quorum-loss"), "quorum-loss", &kinds)
}
