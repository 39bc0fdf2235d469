"""Shared pieces: the clock, evidence files, HTTP calls to etcd's JSON gateway, state shared between processes."""
import base64
import ctypes
import http.client
import json
import multiprocessing as mp
import os
import socket
import threading
import time

N = 5                      # members; a majority is 3
QUORUM = N // 2 + 1
now = time.monotonic_ns    # CLOCK_MONOTONIC, one machine, one clock


def name(i):
    """Evidence calls members m0..m4 and the command service instances beside them s0..s4."""
    return "m%d" % i


def b64(s):
    return base64.b64encode(s.encode()).decode()


def unb64(s):
    return base64.b64decode(s).decode() if s else ""


def sleep_until(t_ns):
    d = (t_ns - now()) / 1e9
    if d > 0:
        time.sleep(d)


class Evidence:
    """One JSON Lines file between a `begin` line and an `end` line that counts the records."""
    lock_digest = None         # digest of the contract's lock file; written into every begin line when given

    def __init__(self, folder, test, what):
        self.test, self.what, self.n = test, what, 0
        self.f = open(os.path.join(folder, what + ".jsonl"), "w")
        self.lock = threading.Lock()
        self._line({"begin": test, "what": what, **({"lock": self.lock_digest} if self.lock_digest else {})})

    def _line(self, row):
        self.f.write(json.dumps(row, separators=(",", ":")) + "\n")

    def __call__(self, **row):
        with self.lock:
            self._line(row)
            self.n += 1

    def close(self):
        with self.lock:
            self._line({"end": self.test, "what": self.what, "records": self.n})
            self.f.close()


class NotSent(Exception):
    """The request never left this process: it certainly had no effect."""


class Conn:
    """A keep-alive connection to one member's client address."""

    def __init__(self, addr, timeout):
        self.addr, self.timeout, self.c = addr, timeout, None

    def close(self):
        if self.c:
            self.c.close()
        self.c = None

    def request(self, method, path, body=None, timeout=None):
        timeout = timeout or self.timeout
        if self.c is None:
            c = http.client.HTTPConnection(*self.addr, timeout=timeout)
            try:
                c.connect()
            except OSError as e:
                raise NotSent(type(e).__name__) from e
            c.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.c = c
        self.c.sock.settimeout(timeout)
        try:
            self.c.request(method, path, body, {"Content-Type": "application/json"} if body else {})
            r = self.c.getresponse()
            return r.status, r.read()
        except Exception:
            self.close()
            raise

    def call(self, path, body, timeout=None):
        status, data = self.request("POST", "/v3/" + path, json.dumps(body), timeout)
        return status, json.loads(data or b"{}")

    def get(self, path):
        return self.request("GET", path)[1]


class Shared:
    """Memory shared by the drill, the load generator with its command service, and the protected resource."""
    COUNTERS = ("operations_original_total", "operations_retry_total",
                "commands_original_total", "commands_retry_total",
                "commands_failed_total", "resource_rejected_total", "commands_rejected_total",
                "stale_leader_attempts_total", "replay_entries_total",
                "rejected_requests_due_to_admission_control")

    def __init__(self):
        self.counters = {c: mp.Value("q", 0) for c in self.COUNTERS}
        self.view_term = mp.Array("q", N, lock=False)        # latest status sample of every member
        self.view_lead = mp.Array("q", [-1] * N, lock=False)  # -1: none or unreachable
        self.view_up = mp.Array("b", N, lock=False)
        self.ready = mp.Array("b", [1] * N, lock=False)      # readiness of each service instance
        self.side = mp.Array("b", N, lock=False)             # which side of a partition each member is on
        self.fenced_term = mp.Value("q", 0)                  # highest term whose leader was granted authority
        self.inflight_writes = mp.Value("q", 0)
        self.ack_p99_ns = mp.Value(ctypes.c_longlong, 0)
        self.config = mp.Array("q", N, lock=False)           # configuration version of each service instance
        self.stop = mp.Event()

    def add(self, counter, n=1):
        v = self.counters[counter]
        with v.get_lock():
            v.value += n
