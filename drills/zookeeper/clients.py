"""Clients: writers and readers over kazoo sessions, each operation a record from invocation to result.

A write is `set` of the command id itself; it is sent once and never again, for ZooKeeper has no command ids and a blind retry could
apply a write twice. Reads come in three kinds:

registers  a write to a node of the client's own, and then `get` in the same session: once a quorum has taken the write, the member
           has applied all that was committed before it was sent. Linearizable.
synced     `sync` and then `get`. The leader answers a sync by itself, also in the moment between losing its quorum and noticing it.
local      `get` alone, answered by whichever member holds the session.

ok      the ensemble answered
fail    a read without an answer; it changed nothing
unknown a write whose session broke, or that had no answer in time: it may have taken effect, or may yet
"""
import random
import threading
import time

from kazoo.client import KazooClient
from kazoo.exceptions import KazooException
from kazoo.handlers.threading import KazooTimeoutError

from common import CLIENT_PORT, HOST, N, name, now

KEYS, SESSION_S, TIMEOUT_S = 4, 6.0, 1.0
MIX = (("write", "registers", 0.4), ("read", "registers", 0.25), ("read", "synced", 0.1), ("read", "local", 0.25))
PATHS = {"registers": "quorum", "synced": "leader", "local": "follower"}


class Client:
    """One session at a time. A new logical process begins with each new session and after each time-out, when an earlier operation
    may still be under way."""

    def __init__(self, number, history, probes, pace_s, seed):
        self.id, self.history, self.probes, self.pace = "c%d" % number, history, probes, pace_s
        self.rnd, self.n = random.Random("%d/%d" % (seed, number)), 0
        self.life, self.session = 0, None                        # logical process, and the session it began with
        self.sent, self.acked, self.acked_at = [], [], 0         # commands, and when the last one was acknowledged
        order = [(number + k) % N for k in range(N)]             # home first, then the others
        self.zk = KazooClient(hosts=",".join("%s:%d" % (HOST, CLIENT_PORT + i) for i in order), timeout=SESSION_S,
                              randomize_hosts=False)
        self.zk.add_listener(self._session)
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _session(self, state):
        self.probes(t=now(), target=self.id, probe="session", state=str(state).lower())

    def open(self):
        self.zk.start(timeout=60)
        self.own = "/own/" + self.id
        self.zk.create(self.own, b"", makepath=True)

    def _member(self):
        """The member at the other end of the session's connection; None while there is none."""
        try:
            return name(self.zk._connection._socket.getpeername()[1] - CLIENT_PORT)
        except (OSError, AttributeError):
            return None

    def _process(self):
        session = (self.zk.client_id or (0,))[0]
        if session and session != self.session:
            self.life, self.session = self.life + 1, session
        return "%s.%d" % (self.id, self.life)

    def _ask(self, op, endpoint, key, command):
        """(stat, value) as the ensemble answered, or an exception."""
        if op == "write":
            return self.zk.set_async(key, command.encode()).get(timeout=TIMEOUT_S), command
        before = {"registers": lambda: self.zk.set_async(self.own, b""), "synced": lambda: self.zk.sync_async(key),
                  "local": lambda: None}[endpoint]()
        get = self.zk.get_async(key)                            # queued behind it in the same session
        if before:
            before.get(timeout=TIMEOUT_S)
        value, stat = get.get(timeout=TIMEOUT_S)
        return stat, value.decode()

    def one(self):
        op, endpoint, _ = self.rnd.choices(MIX, [share for _, _, share in MIX])[0]
        self.do(op, endpoint, "/r/%d" % self.rnd.randrange(KEYS))

    def first(self, key):
        """The first write of a key."""
        self.do("write", "registers", key)

    def do(self, op, endpoint, key):
        self.n += 1
        command = "%s-%d" % (self.id, self.n) if op == "write" else None
        row = dict(client=self.id, process=self._process(), endpoint=endpoint, op=op, key=key, command_id=command, value=command)
        if command:
            self.sent.append(command)
        row["invoke"] = now()
        try:
            stat, value = self._ask(op, endpoint, key, command)
            row.update({"return": now()}, result="ok", value=value, version=stat.mzxid, member=self._member())
            if op == "write":
                self.acked.append(command)
                self.acked_at = row["return"]
            else:
                row["path"] = PATHS[endpoint]
        except (KazooException, KazooTimeoutError) as e:
            row.update({"return": now()}, result="unknown" if op == "write" else "fail", error=type(e).__name__)
            self.life += 1
        self.history(**row)

    def _run(self):
        while not self.stop.wait(self.rnd.expovariate(1 / self.pace)):
            self.one()

    def close(self):
        self.stop.set()
        self.thread.join()
        self.zk.stop()
        self.zk.close()


def session_order(clients):
    """A sync through every client's own session: afterwards each member has applied what was acknowledged before."""
    for c in clients:
        deadline = time.monotonic() + 60
        while True:
            try:
                c.zk.sync("/r")
                break
            except (KazooException, KazooTimeoutError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
