"""The service instance beside each member: takes authority when its member leads, and writes to the protected resource.

Authority in a term is a compare-and-set of the key `epoch` in etcd; the revision it got is the epoch. The instance fences the
resource with it before it writes. Before every write it confirms by a linearizable read through its own member that the epoch
is still its own, so a cut-off leader's instance falls silent. The drill then makes it misbehave on purpose, as a process
would that was paused between check and write: once a newer epoch is established it goes on with its old token, until
one second after its member names the new leader. Only the resource's check stands against these stale writes.
"""
import threading
import time

import protected
from cluster import addr
from common import N, Conn, b64, name, now

PERIOD_S, AFTER_REJECTION_S, SLOW_TO_NOTICE_S = 0.1, 0.35, 1.0


class Instance:
    def __init__(self, i, shared, socket_path, cluster):
        self.i, self.s, self.cl, self.path = i, shared, cluster, socket_path
        self.term = self.epoch = self.n = 0
        self.holding, self.deposed_at = False, None
        self.grants, self.stop = [], threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _acquire(self, conn, term):
        code, d = conn.call("kv/range", {"key": b64("epoch")}, 1.0)
        if code != 200:
            return
        mod = (d.get("kvs") or [{}])[0].get("mod_revision", "0")
        code, d = conn.call("kv/txn", {
            "compare": [{"key": b64("epoch"), "target": "MOD", "result": "EQUAL", "mod_revision": mod}],
            "success": [{"request_put": {"key": b64("epoch"), "value": b64("s%d" % self.i)}}]}, 1.0)
        if code != 200 or not d.get("succeeded") or int(d["header"]["raft_term"]) != term:
            return
        self.epoch, self.term = int(d["header"]["revision"]), term
        r = self.res.ask(op="grant", cmd=None, holder="s%d" % self.i, leader=name(self.i), term=term, epoch=self.epoch)
        if r["ok"]:
            self.holding, self.deposed_at = True, None
            with self.s.fenced_term.get_lock():
                self.s.fenced_term.value = max(self.s.fenced_term.value, term)

    def _confirmed(self, conn):
        try:
            code, d = conn.call("kv/range", {"key": b64("epoch")}, 0.3)
            return code == 200 and int(d["kvs"][0]["mod_revision"]) == self.epoch
        except Exception:
            conn.close()
            return False

    def _run(self):
        self.res, conn, due = protected.Client(self.path), Conn(addr(self.i), 1.0), 0
        while not self.stop.wait(0.01):
            up, lead, term = self.s.view_up[self.i], self.s.view_lead[self.i], self.s.view_term[self.i]
            if up and lead == self.i and term > self.term:
                try:
                    self._acquire(conn, term)
                except Exception:
                    conn.close()
                due = time.monotonic()
            elif self.holding and up and lead >= 0 and lead != self.i:
                self.deposed_at = self.deposed_at or time.monotonic()
                if time.monotonic() - self.deposed_at > SLOW_TO_NOTICE_S:
                    self.holding = False
            if self.holding and time.monotonic() >= due:
                ok = None
                if self.s.fenced_term.value > self.term or self._confirmed(conn):
                    self.n += 1
                    ok = self.res.ask(op="command", cmd="j%d.%d" % (self.i, self.n), holder="s%d" % self.i, leader=name(self.i),
                                      term=self.term, epoch=self.epoch)["ok"]
                due = max(due, time.monotonic() - 0.2) + (AFTER_REJECTION_S if ok is False else PERIOD_S)
        self.res.s.close()


def start(shared, socket_path, cluster):
    all_ = [Instance(i, shared, socket_path, cluster) for i in range(N)]
    for a in all_:
        a.thread.start()
    return all_


def join(instances):
    for a in instances:
        a.stop.set()
    for a in instances:
        a.thread.join()
