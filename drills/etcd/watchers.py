"""What looks at the cluster while it runs: member samples, raft progress, health probes with restarts, telemetry."""
import json
import threading
import time

from cluster import addr
from common import N, Conn, b64, name, now


class Sampler:
    """Samples of every member, each on a thread of its own: every 100 ms, or 30 ms around a failover.

    The applied index is from maintenance/status. Term, role, leader and commit index are from etcd's expvar raft.status, which
    raft hands out as one consistent snapshot (maintenance/status reads term and leader one after the other, and may pair
    a new term with the old leader). On a leader that snapshot also holds the match index of every member.
    """
    ROLES = {"StateLeader": "leader", "StateFollower": "follower", "StateCandidate": "candidate", "StatePreCandidate": "candidate"}

    def __init__(self, cluster, shared, out, progress, membership=False):
        self.membership, self.configs, self.cl, self.s, self.out, self.progress = membership, [], cluster, shared, out, progress
        self.fast_until, self.commit = 0, [0] * N
        self.rows, self.lock = [], threading.Lock()     # kept in memory for the failover phases
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=self._member, args=(i,), daemon=True) for i in range(N)]

    def fast(self, seconds):
        self.fast_until = max(self.fast_until, now() + int(seconds * 1e9))

    def _member(self, i):
        conn, progress_due = Conn(addr(i), 0.25), 0
        while not self.stop.is_set():
            t = now()
            try:
                d = self.cl.status(i, conn)
                st = json.loads(conn.get("/debug/vars"))["raft.status"]
                rt, lead = now(), self.cl.ids.get(int(st["lead"], 16), -1)
                row = dict(t=t, rt=rt, m=name(i), role=self.ROLES[st["raftState"]], leader=name(lead) if lead >= 0 else None,
                           term=st["term"], commit=st["commit"], applied=int(d["raftAppliedIndex"]), snap=self.cl.snapshot_index(i))
                if self.membership:
                    row.update(self._configuration(i, conn), rt=now())
                self.s.view_term[i], self.s.view_lead[i], self.s.view_up[i] = st["term"], lead, 1
                self.commit[i] = st["commit"]
                if row["role"] == "leader" and t >= progress_due:
                    progress_due = t + 200_000_000
                    known = {self.cl.ids[int(mid, 16)]: p for mid, p in st["progress"].items() if int(mid, 16) in self.cl.ids}
                    for j, p in sorted(known.items()):
                        self.progress(t=t, rt=rt, leader=name(i), term=st["term"], commit=st["commit"], m=name(j), match=p["match"])
            except Exception as e:
                conn.close()
                self.s.view_lead[i], self.s.view_up[i] = -1, 0
                row = dict(t=t, rt=now(), m=name(i), err=type(e).__name__)
            self.out(**row)
            with self.lock:
                self.rows.append(row)
            time.sleep(max(0, (t - now()) / 1e9 + (0.03 if now() < self.fast_until else 0.1)))

    def _configuration(self, i, conn):
        """First index, voters and configuration of a sample. etcd numbers no configurations: the version is the place of the set of
        member ids among those that any sample has shown, in the order in which they were first seen."""
        voters = self.cl.voters(conn)
        ids = sorted(voters.values())
        with self.lock:
            if ids not in self.configs:
                self.configs.append(ids)
            version = self.configs.index(ids) + 1
        return dict(first=self.cl.first_index(i), config=version, voters=sorted(voters))

    def leader(self):
        """The member that takes itself for the leader in the highest term, or None."""
        best = max(((self.s.view_term[i], i) for i in range(N) if self.s.view_lead[i] == i), default=None)
        return best[1] if best else None

    def wait_leader(self, not_before_term=0, seconds=15):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            i = self.leader()
            if i is not None and self.s.view_term[i] >= not_before_term:
                return i
            time.sleep(0.01)
        raise RuntimeError("no leader within %d s" % seconds)

    def start(self):
        for t in self.threads:
            t.start()

    def join(self):
        self.stop.set()
        for t in self.threads:
            t.join()


class Supervisor:
    """Probes every member; after `threshold` consecutive failures restarts it, and lets its service instance
    serve again (readiness) only after the member has applied all that was committed when it was restarted."""

    def __init__(self, cluster, shared, sampler, out, replay, period=0.5, threshold=3):
        self.cl, self.s, self.sm, self.out, self.replay = cluster, shared, sampler, out, replay
        self.period, self.threshold, self.stop = period, threshold, threading.Event()
        self.restarted = {}                             # member -> (spawn began, serving again)
        self.held = set()                               # members that are left alone
        self.threads = [threading.Thread(target=self._member, args=(i,), daemon=True) for i in range(N)]

    def _member(self, i):
        conn, failed, due = Conn(addr(i), 0.3), 0, time.monotonic()
        while not self.stop.is_set():
            t = now()
            if i in self.held:
                failed, due = 0, time.monotonic() + self.period
                self.stop.wait(self.period)
                continue
            try:
                self.cl.status(i, conn, 0.3)
                failed = 0
                self.out(t=t, rt=now(), target=name(i), probe="liveness", state="ok", attempt=0)
            except Exception as e:
                conn.close()
                failed += 1
                self.out(t=t, rt=now(), target=name(i), probe="liveness", state="fail", attempt=failed, err=type(e).__name__)
                if failed >= self.threshold:
                    self._restart(i, failed)
                    failed, due = 0, time.monotonic()
            due += self.period
            self.stop.wait(max(0, due - time.monotonic()))

    def _restart(self, i, failed):
        self.s.ready[i] = 0
        self.cl.kill(i)
        self.out(t=now(), rt=now(), target=name(i), probe="readiness", state="fail", attempt=1)
        snap, commit = self.cl.snapshot_index(i), max(self.sm.commit)
        began = now()
        self.cl.start(i)
        self.out(t=began, rt=now(), target=name(i), probe="liveness", state="restart", attempt=failed)
        first = finished = None
        conn = Conn(addr(i), 0.3)
        while not self.stop.is_set():
            try:
                d = self.cl.status(i, conn, 0.3)
                first = first or (now(), int(d["raftAppliedIndex"]))
                if int(d["raftAppliedIndex"]) >= commit:
                    finished = now()
                    break
            except Exception:
                conn.close()
            time.sleep(0.01)
        while not self.stop.is_set():                   # a linearizable read through the member itself
            try:
                if conn.call("kv/range", {"key": b64("r/0")}, 0.5)[0] == 200:
                    break
            except Exception:
                conn.close()
            time.sleep(0.02)
        if finished is None or self.stop.is_set():
            return
        self.s.ready[i] = 1
        serving = now()
        self.restarted[i] = (began, serving)
        self.out(t=finished, rt=serving, target=name(i), probe="readiness", state="ok", attempt=0)
        log = self.cl.log_lines(i, "recovered v2 store from snapshot")
        self.replay(m=name(i), snapshot_index=snap, commit_index=commit, started=began, finished=finished, serving=serving,
                    entries=commit - snap, first_answer=first[0], applied_at_first_answer=first[1],
                    logged_snapshot_index=int(log[-1]["snapshot-index"]) if log else None)
        self.s.add("replay_entries_total", commit - snap)

    def start(self):
        for t in self.threads:
            t.start()

    def join(self):
        self.stop.set()
        for t in self.threads:
            t.join()


class Telemetry:
    """Every 500 ms, and once after the load ended: counters and gauges as they stand at that moment."""

    def __init__(self, shared, sampler, out, on_sample=None):
        self.s, self.sm, self.out, self.on_sample = shared, sampler, out, on_sample
        self.seen, self.base, self.changes, self.times = [0] * N, None, [0] * N, []
        self.send_fail = [0] * N
        self.conns = [Conn(addr(i), 0.25) for i in range(N)]
        self.stop, self.thread = threading.Event(), threading.Thread(target=self._run, daemon=True)

    def _scrape(self):
        """etcd's own counters: leader changes seen (a restarted member's counter starts again at 0), snapshot failures."""
        for i in range(N):
            if not self.s.view_up[i]:
                continue
            try:
                text = self.conns[i].get("/metrics").decode()
            except Exception:
                self.conns[i].close()
                continue
            fails = 0
            for line in text.splitlines():
                if line.startswith("etcd_server_leader_changes_seen_total "):
                    v = int(float(line.split()[1]))
                    if self.base is not None:
                        self.changes[i] += v - self.seen[i] if v >= self.seen[i] else v
                    self.seen[i] = v
                elif line.startswith(("etcd_network_snapshot_send_failures", "etcd_network_snapshot_receive_failures")):
                    fails += int(float(line.rsplit(" ", 1)[1]))
            self.send_fail[i] = max(self.send_fail[i], fails)
        if self.base is None:
            self.base = now()
        total = max(self.changes)
        while len(self.times) < total:
            self.times.append(now())
        return total

    def sample(self):
        total, t = self._scrape(), now()
        per_minute = sum(x > t - 60_000_000_000 for x in self.times)
        rows = [(c, "counter", v.value) for c, v in self.s.counters.items()]
        rows += [("leader_changes_total", "counter", total), ("leader_changes_per_minute", "gauge", per_minute),
                 ("commit_index", "gauge", max(self.sm.commit)), ("snapshot_install_failures", "counter", sum(self.send_fail)),
                 ("quorum_acks_latency_p99_ms", "gauge", round(self.s.ack_p99_ns.value / 1e6, 2))]
        for s, k, v in rows:
            self.out(t=t, s=s, kind=k, v=v)
        if self.on_sample:
            self.on_sample(t, per_minute)

    def _run(self):
        due = time.monotonic()
        while not self.stop.is_set():
            self.sample()
            due = max(due + 0.5, time.monotonic())
            self.stop.wait(due - time.monotonic())

    def start(self):
        self.thread.start()

    def join(self):
        self.stop.set()
        self.thread.join()
        self.sample()
