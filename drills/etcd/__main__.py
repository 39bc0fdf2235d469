#!/usr/bin/env python3
"""Failover drills on a real five-member etcd 3.4 cluster, recorded as evidence.

usage (as root):  nice -n -15 python3 drills/etcd --out evidence/etcd-failover [--tests a,b] [--lock sha256:...] [--work DIR] [--list]

Needs etcd, ip and iptables (Debian: etcd-server iproute2 iptables), nothing beyond Python's standard library.
Each test starts a fresh cluster in network namespaces, drives an open-loop load of 40 writes and 60 reads a second through
a command service, injects its faults, and writes JSON Lines files to OUT/<test>/. What every file and field means is in
drills/README.md. All times are integer nanoseconds of CLOCK_MONOTONIC of this one machine.
"""
import argparse
import json
import multiprocessing as mp
import os
import shutil
import signal
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True

import authority
import cluster
import protected
import service
import wal
import watchers
from common import N, Conn, Evidence, Shared, b64, name, now, unb64


FILLERS = 32               # connections that fill the log before a run


class Drill:
    """One test: everything that runs, and helpers its fault script uses."""

    def __init__(self, test, seconds, script, folder, work, seed, threshold=8, rollback=False, prefill=0):
        self.prefill, self.test, self.seconds, self.script, self.seed, self.threshold = prefill, test, seconds, script, seed, threshold
        self.rollback, self.work = rollback, work
        self.folder = os.path.join(folder, test)
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.folder)
        self.fault_no, self.failovers, self.kills = 0, [], []

    def out(self, what):
        return Evidence(self.folder, self.test, what)

    # ---- the run ------------------------------------------------------------------------------
    def run(self):
        self.cl, self.s = cluster.Cluster(self.work), Shared()
        os.makedirs(self.work, exist_ok=True)
        procs = []
        try:
            cluster.net_up()
            for i in range(N):
                self.cl.start(i)
            self.cl.wait_ready(time.monotonic() + 20)
            self._put("cfg/service", "2")
            self._prefill()
            for i in range(N):
                self.s.config[i] = 2
            sock, go, done = os.path.join(self.work, "ledger.sock"), mp.Event(), mp.Event()
            procs = [mp.Process(target=protected.serve, args=(sock, self.folder, self.test, self.s)),
                     mp.Process(target=service.main, args=(self.s, self.folder, self.test, self.seconds, self.seed,
                                                           self.cl.ids, self.rollback, go, done))]
            for p in procs:
                p.start()
            while not os.path.exists(sock):
                time.sleep(0.01)
            self._observed(sock, go, done)
            self.s.stop.set()
            for p in procs:
                p.join()
            self._applied()
            self.commit = [int(self.cl.status(i)["raftIndex"]) for i in range(N)]
            self.cl.stop_all()
            self._log(entries=not self.prefill)                 # nobody reads thousands of entries that fill the log
            if self.failovers:
                self._phases()
        finally:
            self.s.stop.set()
            for p in procs:
                if p.is_alive():
                    p.terminate()
            self.cl.stop_all()
            cluster.net_down()

    def _observed(self, sock, go, done):
        files = {w: self.out(w) for w in ("members", "progress", "faults", "probes", "replay", "telemetry")}
        self.faults = files["faults"]
        self.sm = watchers.Sampler(self.cl, self.s, files["members"], files["progress"], bool(self.prefill))
        self.sup = watchers.Supervisor(self.cl, self.s, self.sm, files["probes"], files["replay"], 0.5, self.threshold)
        controller = Controller(self) if self.rollback else None
        self.tm = watchers.Telemetry(self.s, self.sm, files["telemetry"], controller.evaluate if controller else None)
        self.sm.start()
        self.sm.wait_leader()
        instances = authority.start(self.s, sock, self.cl)
        while not self.s.fenced_term.value:
            time.sleep(0.01)
        self.sup.start()
        self.tm.start()
        time.sleep(0.3)
        t = now()
        self.faults(id="run", kind="load", ph="start", targets=[], begin=t, end=t, seed=self.seed, clients=service.WORKERS,
                    writes_per_s=service.WRITES_PER_S, reads_per_s=service.READS_PER_S, seconds=self.seconds, keys=service.KEYS,
                    retries=service.RETRIES, backoff_s=service.BACKOFF_S, jitter="x 0.5..1.5", attempt_timeout_s=service.TIMEOUT_S[2],
                    etcd="3.4.23", heartbeat_ms=cluster.HEARTBEAT_MS, election_timeout_ms=cluster.ELECTION_MS,
                    snapshot_count=cluster.SNAPSHOT_COUNT, pre_vote=True, probe_period_ms=500, probe_timeout_ms=300, probe_threshold=self.threshold,
                    leader=name(self.sm.leader()))
        self.t0 = now()
        go.set()
        if self.script:
            self.script(self)
        done.wait(self.seconds + 40)
        t = now()
        for fid, targets in self.kills:                 # restarted by the supervisor, not by the script
            while any(i not in self.sup.restarted for i in targets):
                time.sleep(0.05)
            spans = [self.sup.restarted[i] for i in targets]
            self._fault(fid, "kill", "stop", targets, min(b for b, _ in spans), max(e for _, e in spans), how="restarted by the supervisor")
        self._wait_caught_up()
        self._put("cfg/end", self.test)                 # one more entry: makes etcd write out the commit index of all before it
        self._wait_caught_up()
        authority.join(instances)
        self.tm.join()
        if controller:
            controller.finish()
        self.sup.join()
        self.sm.join()
        self.faults(id="run", kind="load", ph="stop", targets=[], begin=t, end=t)
        for what, f in files.items():
            f.close()
            if f.n == 0:
                os.unlink(f.f.name)

    def _prefill(self):
        """Entries before the run, so many that every member has compacted its log."""
        def fill(part):
            c = Conn(cluster.addr(self.cl.leader()), 20)
            for n in range(part, self.prefill, FILLERS):
                c.call("kv/put", {"key": b64("fill/%d" % (n % 50)), "value": b64(str(n))})
            c.close()
        threads = [threading.Thread(target=fill, args=(k,)) for k in range(FILLERS if self.prefill else 0)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        if self.prefill:
            time.sleep(6)                               # etcd changes members only when all have been connected for 5 s

    def _put(self, key, value):
        for i in range(N):
            try:
                c = Conn(cluster.addr(i), 1.0)
                code, d = c.call("kv/put", {"key": b64(key), "value": b64(value)})
                c.close()
                if code == 200:
                    return int(d["header"]["revision"])
            except Exception:
                continue
        raise RuntimeError("cannot write " + key)

    def _wait_caught_up(self):
        end = time.monotonic() + 20
        while time.monotonic() < end:
            try:
                s = [self.cl.status(i) for i in range(N)]
                if len({d["header"]["revision"] for d in s}) == 1 and len({d["raftAppliedIndex"] for d in s}) == 1:
                    return
            except Exception:
                pass
            time.sleep(0.03)
        # authority instances stopped writing to etcd long ago, so this is a real failure to catch up
        raise RuntimeError("members did not catch up")

    # ---- faults -------------------------------------------------------------------------------
    def at(self, seconds):
        time.sleep(max(0, self.t0 / 1e9 + seconds - time.monotonic()))

    def _fault(self, fid, kind, ph, targets, begin, end, **more):
        self.faults(id=fid, kind=kind, ph=ph, targets=[name(i) for i in targets], begin=begin, end=end, **more)

    def new_fault(self):
        self.fault_no += 1
        return "f%d" % self.fault_no

    def with_write_in_flight(self):
        end = time.monotonic() + 0.4
        while not self.s.inflight_writes.value and time.monotonic() < end:
            time.sleep(0.0005)

    def kill(self, targets, role, failover=False, gap=0.0):
        fid, lead, term = self.new_fault(), self.sm.wait_leader(), max(self.s.view_term)
        if failover:
            self.sm.fast(2.6)
        if not gap:
            self.with_write_in_flight()
        begin = now()
        for n, i in enumerate(targets):
            if n == len(targets) - 1:
                time.sleep(gap)
            self.sup.restarted.pop(i, None)
            self.cl.kill(i)
        end = now()
        self._fault(fid, "kill", "start", targets, begin, end, layer="process", role=role, leader=name(lead), term=term, how="SIGKILL")
        self.kills.append((fid, list(targets)))
        if failover:
            self.failovers.append((fid, begin, end, list(targets), lead, term))
        return fid

    def ask(self, i, path, body):
        c = Conn(cluster.addr(i), 3)
        code, d = c.call(path, body)
        c.close()
        if code != 200:
            raise RuntimeError("%s: %s" % (path, d))
        return d

    def wait_restarted(self, targets):
        while any(i not in self.sup.restarted for i in targets):
            time.sleep(0.05)

    # ---- after the run ------------------------------------------------------------------------
    def _applied(self):
        """What every member's own state machine holds: the full history of the keys cmd/<id>, watched from revision 1."""
        out = self.out("applied")
        for i in range(N):
            c = Conn(cluster.addr(i), 5)
            code, d = c.call("kv/range", {"key": b64("cmd/"), "range_end": b64("cmd0"), "sort_target": "MOD",
                                          "sort_order": "DESCEND", "limit": "1", "serializable": True})
            last, got = int(d["kvs"][0]["mod_revision"]), 0
            c.c.request("POST", "/v3/watch", json.dumps({"create_request": {
                "key": b64("cmd/"), "range_end": b64("cmd0"), "start_revision": "1"}}))
            r = c.c.getresponse()
            while got < last:
                for e in json.loads(r.readline())["result"].get("events", []):
                    got = int(e["kv"]["mod_revision"])
                    row = dict(m=name(i), rev=got, cmd=unb64(e["kv"]["key"])[4:])
                    if unb64(e["kv"]["value"]) != "1":
                        row["try"] = int(unb64(e["kv"]["value"]))
                    out(**row)
            c.close()
        out.close()

    def _log(self, entries):
        """Every raft entry each member wrote to disk, read from its write-ahead log after the cluster was killed."""
        log, comp = self.out("log"), self.out("compaction")
        for i in range(N):
            rows, first, last, on_disk = wal.read(self.cl.data(i) + "/member/wal", self.commit[i])
            for index, term, cmd, attempt, state in rows if entries else []:
                row = dict(m=name(i), i=index, term=term, cmd=cmd, st=state)
                if attempt and attempt > 1:
                    row["try"] = attempt
                log(**row)
            installs = self.cl.log_lines(i, "applied snapshot")
            comp(m=name(i), first=first, last=last, commit=self.commit[i], commit_on_disk=on_disk, snapshots=self.cl.snapshots(i), installed=len(installs))
        log.close()
        comp.close()
        if not entries:
            os.unlink(log.f.name)

    def _phases(self):
        """Failover phases from the recorded files; an event seen by sampling lies in (last sample without it, first with it]."""
        def rows(what):
            with open(os.path.join(self.folder, what + ".jsonl")) as f:
                return [json.loads(x) for x in f][1:-1]
        out, grants = self.out("phases"), [r for r in rows("resource") if r["op"] == "grant" and r["outcome"] == "accepted"]
        history = [r for r in rows("history") if r["op"] != "get" and r["res"] == "ok"]
        for fid, begin, end, targets, lead, term in self.failovers:
            def first(shows):
                lo, hi = [], []
                for i in range(N):
                    if i in targets:
                        continue
                    mine = [r for r in self.sm.rows if r["m"] == name(i) and "err" not in r]
                    k = next((k for k, r in enumerate(mine) if r["t"] > end and shows(r)), None)
                    if k is not None:
                        hi.append(mine[k]["rt"])
                        lo.append(mine[k - 1]["t"])
                return max(begin, min(lo)), min(hi)
            detect = first(lambda r: r["leader"] is None or r["term"] > term)
            elect = first(lambda r: r["leader"] is not None and r["term"] > term)
            g = min((r for r in grants if r["term"] > term), key=lambda r: r["t"])
            ack = min(r["rsp"] for r in history if r["term"] > term)
            edges = [("detect", (begin, end), detect), ("elect", detect, elect), ("fence", elect, (g["t"], g["t"])),
                     ("catch-up", (g["t"], g["t"]), (ack, ack))]
            for phase, a, b in edges:
                out(failover=fid, phase=phase, start_lo=a[0], start_hi=a[1], stop_lo=b[0], stop_hi=b[1],
                    old_leader=name(lead), new_leader=g["leader"], old_term=term, new_term=g["term"])
        out.close()


class Controller:
    """Rolls the command service back when leader_changes_per_minute stays above 2 for 3 s."""
    ABOVE, FOR_NS = 2, 3_000_000_000

    def __init__(self, drill):
        self.d, self.out, self.since, self.fired = drill, drill.out("rollback"), None, None
        self.out(ev="rule", t=now(), metric="leader_changes_per_minute", above=self.ABOVE, for_ns=self.FOR_NS,
                 action="service configuration 2 -> 1", owner="service-oncall")

    def evaluate(self, t, value):
        if value > self.ABOVE:
            self.since = self.since or t
        else:
            self.since = None
        self.out(ev="evaluate", t=t, value=value, above=value > self.ABOVE, since=self.since)
        if self.since and t - self.since >= self.FOR_NS and not self.fired:
            self.fired = now()
            self.out(ev="fired", t=self.fired, value=value, since=self.since)
            begin = now()
            rev = self.d._put("cfg/service", "1")
            self.out(ev="rollback", t=now(), begin=begin, end=now(), frm=2, to=1, rev=rev)
            seen = set()
            while len(seen) < N and now() - begin < 3_000_000_000:
                for i in range(N):
                    if self.d.s.config[i] == 1 and i not in seen:
                        seen.add(i)
                        self.out(ev="confirmed", t=now(), instance="s%d" % i, config=1)
                time.sleep(0.002)

    def finish(self):
        self.out.close()


# ---- the tests' fault scripts -------------------------------------------------------------------
def leader_crash(d):
    for at in (2.5, 8.0):
        d.at(at)
        lead = d.sm.wait_leader()
        d.kill([lead], "leader", failover=True)
        d.wait_restarted([lead])
        fid, targets = d.kills.pop()
        b, e = d.sup.restarted[lead]
        d._fault(fid, "kill", "stop", targets, b, e, how="restarted by the supervisor")


def follower_lag(d):
    d.at(2.0)
    lead = d.sm.wait_leader()
    f, fid = (lead + 2) % N, d.new_fault()
    d.with_write_in_flight()
    b = now()
    d.cl.signal(f, signal.SIGSTOP)
    d._fault(fid, "pause", "start", [f], b, now(), layer="process", role="follower", leader=name(lead), term=max(d.s.view_term), how="SIGSTOP")
    d.at(5.0)
    d.sm.fast(1)
    b, goal = now(), max(d.sm.commit)
    d.cl.signal(f, signal.SIGCONT)
    e = now()
    d._fault(fid, "pause", "stop", [f], b, e, how="SIGCONT")
    while int(d.cl.status(f, timeout=1.0)["raftAppliedIndex"]) < goal:
        time.sleep(0.005)
    d.at(6.0)
    d.kill([d.sm.wait_leader()], "leader", failover=True)


def minority_partition(d, with_leader=True):
    """Two members on one side, three on the other; clients and service instances on both."""
    d.at(3.0)
    lead, term = d.sm.wait_leader(), max(d.s.view_term)
    minority = [lead, (lead + 1) % N] if with_leader else [(lead + 1) % N, (lead + 2) % N]
    majority = [i for i in range(N) if i not in minority]
    fid = d.new_fault()
    d.sm.fast(4)
    d.with_write_in_flight()
    for i in minority:
        d.s.side[i] = 1
    b = now()
    d.cl.cut(minority, majority, True)
    e = now()
    sides = [[name(i) for i in minority], [name(i) for i in majority]]
    d._fault(fid, "partition", "start", minority, b, e, layer="network",
             role="leader and one follower" if with_leader else "two followers", leader=name(lead), term=term,
             sides=sides, how="iptables DROP both ways in the members' network namespaces")
    if with_leader:
        d.failovers.append((fid, b, e, minority, lead, term))
    d.at(5.6)
    d.sm.fast(1.5)
    b = now()
    d.cl.cut(minority, majority, False)
    e = now()
    for i in minority:
        d.s.side[i] = 0
    d._fault(fid, "partition", "stop", minority, b, e, sides=sides, how="iptables rules removed")


def follower_partition(d):
    minority_partition(d, with_leader=False)


def member_replace(d):
    """A follower leaves the cluster and comes back as a new member on an empty disk: too far behind for entries, so by a snapshot."""
    d.at(2.5)
    lead, term = d.sm.wait_leader(), max(d.s.view_term)
    v, fid = (lead + 1) % N, d.new_fault()
    mid = next(m for m, i in d.cl.ids.items() if i == v)
    d.sup.held.add(v)
    d.s.ready[v] = 0
    d.with_write_in_flight()
    b = now()
    d.ask(lead, "cluster/member/remove", {"ID": str(mid)})
    d._fault(fid, "member-replace", "start", [v], b, now(), layer="process", role="follower", leader=name(lead), term=term,
             how="MemberRemove, MemberAdd, an empty disk")
    d.at(5.0)
    d.cl.kill(v)                                        # as a rule it has gone by itself
    d.cl.replace(v)
    commit = max(d.sm.commit)
    b = now()
    member = d.ask(d.sm.wait_leader(), "cluster/member/add", {"peerURLs": [d.cl.peer(v)]})["member"]
    d.cl.ids[int(member["ID"])] = v
    d.cl.start(v)
    end = time.monotonic() + 30
    while time.monotonic() < end:                       # caught up, and a linearizable read through it is answered
        try:
            if int(d.cl.status(v)["raftAppliedIndex"]) >= commit and d.ask(v, "kv/range", {"key": b64("r/0")}) is not None:
                break
        except Exception:
            pass
        time.sleep(0.02)
    d.s.ready[v] = 1
    d._fault(fid, "member-replace", "stop", [v], b, now(), how="joined")
    d.sup.held.discard(v)


def quorum_loss(d):
    d.at(2.5)
    lead = d.sm.wait_leader()
    # leader and a follower first, the third member 0.3 s later: no election can have ended, so nothing is half-acknowledged
    d.kill([lead, (lead + 1) % N, (lead + 2) % N], "leader and two followers", gap=0.3)


def restart_replay(d):
    d.at(3.5)
    f = (d.sm.wait_leader() + 1) % N
    while d.cl.snapshot_index(f) == 0 or max(d.sm.commit) - d.cl.snapshot_index(f) < 20:
        time.sleep(0.01)
    d.kill([f], "follower")


def rollback(d):
    for at in (1.5, 2.4, 3.3):
        d.at(at)
        d.sm.fast(0.6)
        lead, term = d.sm.wait_leader(), max(d.s.view_term)
        to, fid = (lead + 1) % N, d.new_fault()
        mid = next(m for m, i in d.cl.ids.items() if i == to)
        d.with_write_in_flight()
        c, b = Conn(cluster.addr(lead), 3), now()
        c.call("maintenance/transfer-leadership", {"targetID": str(mid)})
        e = now()
        c.close()
        d._fault(fid, "move-leader", "start", [lead], b, b, layer="process", role="leader", leader=name(lead), term=term, how="MoveLeader to " + name(to))
        d._fault(fid, "move-leader", "stop", [lead], e, e, how="MoveLeader returned")


TESTS = {  # seconds of load, fault script, further settings
    "baseline": (8, None, {}),
    "leader-crash": (13, leader_crash, {"threshold": 3}),
    "follower-lag": (11, follower_lag, {}),
    "minority-partition": (11, minority_partition, {}),
    "follower-partition": (9, follower_partition, {}),
    "member-replace": (10, member_replace, {"prefill": 5400}),
    "quorum-loss": (9, quorum_loss, {}),
    "restart-replay": (7, restart_replay, {"threshold": 3}),
    "rollback": (8, rollback, {"rollback": True}),
}


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--out", help="folder for the evidence; OUT/<test>/ is replaced")
    ap.add_argument("--tests", default=",".join(TESTS), help="comma-separated test ids")
    ap.add_argument("--lock", help="digest of the lock file of the contract; goes into the first line of every file")
    ap.add_argument("--work", help="folder for the members' data (default: a temporary one)")
    ap.add_argument("--list", action="store_true", help="list the tests")
    ap.add_argument("--seed", type=int, default=7)
    a = ap.parse_args()
    if a.list or not a.out:
        print("\n".join("%-20s %2d s" % (t, s) for t, (s, _, _) in TESTS.items()))
        return
    if os.geteuid():
        raise SystemExit("needs root (network namespaces)")
    Evidence.lock_digest = a.lock
    work = tempfile.mkdtemp(prefix="quorate-drill-", dir=a.work)
    begun = time.monotonic()
    try:
        for k, test in enumerate(a.tests.split(",")):
            seconds, script, more = TESTS[test]
            Drill(test, seconds, script, a.out, os.path.join(work, test), a.seed + k, **more).run()
            folder = os.path.join(a.out, test)
            print("%-20s %5.1f s  %d bytes" % (test, time.monotonic() - begun,
                                               sum(os.path.getsize(os.path.join(folder, f)) for f in os.listdir(folder))), flush=True)
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
