#!/usr/bin/env python3
"""Quorum-loss drills on a real three-member ZooKeeper, recorded as native evidence.

usage:  nice -n -19 python3 drills/zookeeper --out evidence/ensemble [--tests a,b] [--runs N] [--lock sha256:...] [--work DIR] [--list]

Needs Debian's zookeeper (its jars in /usr/share/java), a JRE and kazoo (PyPI). Servers listen on loopback only, ports 21811-13,
22881-83 and 23881-83; their data lie in a temporary folder that is removed at the end, also after an error or a signal.
What is recorded and what it means is in drills/README.md. All times are nanoseconds of CLOCK_MONOTONIC of this one machine.
"""
import argparse
import logging
import os
import random
import shutil
import signal
import sys
import tempfile
import time

sys.dont_write_bytecode = True

import clients
import ensemble
import watchers
from common import N, Evidence, name, now, srvr

ORIGINS = {"history": "client", "faults": "orchestrator", "probes": "orchestrator", "members": "replica", "applied": "replica",
           "run": "orchestrator", "scenarios": "orchestrator"}


class Drill:
    """One test: a fresh ensemble, clients, watchers and a fault script."""

    def __init__(self, test, script, out, work, seed, runs, count=6, pace=0.2, period=0.15):
        self.test, self.script, self.seed, self.runs, self.pace = test, script, seed, runs, pace
        self.count, self.period, self.fault_no = count, period, 0
        self.folder, self.work, self.scenarios = os.path.join(out, test), work, []
        self.rnd = random.Random(seed)

    def run(self):
        final = self.folder
        self.folder = final + ".partial"                         # an aborted run never looks like a recording
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.folder)
        os.makedirs(self.work)
        self.files = {k: Evidence(self.folder, self.test, k, o) for k, o in ORIGINS.items()}
        self.en = ensemble.Ensemble(self.work)
        try:
            for i in range(N):
                self.en.start(i)
            self.en.wait_ready(120)
            self._observed()
            self._applied()
        finally:
            self.en.stop_all()
        for f in self.files.values():
            f.close()
            if f.n == 0:
                os.unlink(f.f.name)
        shutil.rmtree(final, ignore_errors=True)
        os.rename(self.folder, final)
        self.folder = final

    def _observed(self):
        f = self.files
        self.sampler, self.supervisor = watchers.Sampler(f["members"], self.period), watchers.Supervisor(self.en, f["probes"])
        self.clients = [clients.Client(n, f["history"], f["probes"], self.pace, self.seed) for n in range(self.count)]
        for c in self.clients:
            c.open()
        for k in range(clients.KEYS):
            self.clients[0].zk.create("/r/%d" % k, b"", makepath=True)
            self.clients[0].first("/r/%d" % k)
        self.sampler.start()
        self.sampler.leader()
        self.supervisor.start()
        begin = now()
        for c in self.clients:
            c.thread.start()
        self.script(self)
        for c in self.clients:
            c.stop.set()
        for c in self.clients:
            c.thread.join()
        end = now()
        f["run"](start_lo=begin, start_hi=begin, stop_lo=end, stop_hi=end)
        self.sampler.leader()
        clients.session_order(self.clients)
        self.supervisor.join()
        self.sampler.join()
        self._settle()
        for c in self.clients:
            c.close()

    def _settle(self):
        """Until all members have applied the same last transaction, twice in a row."""
        end, before = time.monotonic() + 60, None
        while time.monotonic() < end:
            seen = [srvr(i) for i in range(N)]
            zxids = {z for _, z in seen}
            if all(r for r, _ in seen) and len(zxids) == 1 and zxids == before:
                return
            before = zxids
            time.sleep(0.3)
        raise RuntimeError("the members did not settle")

    def _applied(self):
        """What each member's transaction log holds after its process was killed; with the scenarios that it settles."""
        self.en.stop_all()
        count = {}
        for i in range(N):
            for zxid, command in self.en.writes(i):
                self.files["applied"](member=name(i), index=zxid, command_id=command)
                count.setdefault(command, [0] * N)[i] += 1
        for s, commands, acked in self.scenarios:
            twice = sum(max(count.get(c, [0])) > 1 for c in commands)
            lost = sum(c not in count for c in acked)
            self.files["scenarios"](**s, commands=commands, duplicates=twice, violations=twice + lost)

    # ---- faults -------------------------------------------------------------------------------
    def kill(self, targets, gap=0.0):
        """SIGKILL; the supervisor restarts. Returns the fault's id; the record is written when all are back."""
        self.fault_no += 1
        leader = self.sampler.leader()
        for i in targets:
            self.supervisor.restarted.pop(i, None)
        begin = now()
        for n, i in enumerate(targets):
            time.sleep(gap if n else 0)
            self.en.kill(i)
        for i in targets:
            self.en.reap(i)
        return dict(id="f%d" % self.fault_no, fault="kill", model="crash", targets=[name(i) for i in targets], layer="process",
                    method="SIGKILL of " + self.roles(targets, leader), start_lo=begin, start_hi=now()), list(targets)

    @staticmethod
    def roles(targets, leader):
        if len(targets) == 1:
            return "the leader" if leader in targets else "a follower"
        return "the leader and a follower" if leader in targets else "both followers"

    def restarted(self, fault):
        row, targets = fault
        while any(i not in self.supervisor.restarted for i in targets):
            time.sleep(0.02)
        spans = [self.supervisor.restarted[i] for i in targets]
        self.files["faults"](**row, stop_lo=min(b for b, _ in spans), stop_hi=max(e for _, e in spans))

    def served(self):
        """Until a full ensemble is there and a write is acknowledged again."""
        self.sampler.leader()
        end = time.monotonic() + 60
        while time.monotonic() < end:
            mark = now()
            time.sleep(0.2)
            if any(c.acked_at > mark for c in self.clients):
                return
        raise RuntimeError("no write was acknowledged within 60 s of a full ensemble")


# ---- the tests' fault scripts -------------------------------------------------------------------
def baseline(d):
    time.sleep(5)


def leader_loss(d):
    """One member may fail: first the leader, then a follower."""
    time.sleep(2)
    for role in ("leader", "follower"):
        leader = d.sampler.leader()
        fault = d.kill([leader if role == "leader" else (leader + 1) % N])
        d.restarted(fault)
        d.served()
        time.sleep(1)


def quorum_loss(d):
    """Two of three fail: the leader and a follower; then both followers, so that a leader is left who has sessions and no quorum."""
    time.sleep(2)
    for pair in ((0, 1), (1, 2)):
        leader = d.sampler.leader()
        fault = d.kill([(leader + k) % N for k in pair])
        d.restarted(fault)
        d.served()
        time.sleep(2)


def repeated_loss(d):
    """Many short quorum losses. Which two fall, who falls first and how far apart are drawn from the run's own seed."""
    d.served()
    for k in range(1, d.runs + 1):
        seed = d.seed * 1000 + k
        rnd, marks = random.Random(seed), [len(c.sent) for c in d.clients]
        acks = [len(c.acked) for c in d.clients]
        time.sleep(rnd.uniform(0.3, 0.9))
        leader = d.sampler.leader()
        targets = [(leader + k) % N for k in rnd.sample(range(N), 2)]
        fault = d.kill(targets, rnd.choice((0.0, rnd.uniform(0.0, 0.2))))
        d.restarted(fault)
        d.served()
        commands = [x for c, m in zip(d.clients, marks) for x in c.sent[m:]]
        acked = [x for c, m in zip(d.clients, acks) for x in c.acked[m:]]
        row = dict(id="r%d" % k, subject="system", fault="quorum-loss", seed=seed, injections=[fault[0]["id"]])
        d.scenarios.append((row, commands, [x for x in acked if x in set(commands)]))
        print("  run %d of %d" % (k, d.runs), flush=True)


TESTS = {
    "baseline": (baseline, {}),
    "member-loss": (leader_loss, {}),
    "quorum-loss": (quorum_loss, {}),
    "repeated-loss": (repeated_loss, dict(pace=0.6, period=0.4)),
}


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--out", help="folder for the evidence; OUT/<test>/ is replaced when the test is complete")
    ap.add_argument("--tests", default=",".join(TESTS), help="comma-separated test ids")
    ap.add_argument("--runs", type=int, default=30, help="runs in repeated-loss")
    ap.add_argument("--lock", help="digest of the lock file of the contract; goes into the header of every file")
    ap.add_argument("--work", help="folder for the members' data (default: a temporary one)")
    ap.add_argument("--list", action="store_true", help="list the tests")
    ap.add_argument("--seed", type=int, default=7)
    a = ap.parse_args()
    if a.list or not a.out:
        print("\n".join(TESTS))
        return
    logging.getLogger("kazoo").setLevel(logging.CRITICAL)        # lost connections are what is wanted here
    for s in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(s, lambda *_: sys.exit("stopped by a signal"))
    Evidence.lock_digest = a.lock
    work = tempfile.mkdtemp(prefix="quorate-zk-", dir=a.work)
    begun = time.monotonic()
    try:
        for k, test in enumerate(a.tests.split(",")):
            script, more = TESTS[test]
            d = Drill(test, script, a.out, os.path.join(work, test), a.seed + k, a.runs, **more)
            d.run()
            size = sum(os.path.getsize(os.path.join(d.folder, f)) for f in os.listdir(d.folder))
            print("%-14s %6.1f s  %d bytes" % (test, time.monotonic() - begun, size), flush=True)
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
