"""What looks at the ensemble from outside: member samples, and the supervisor that probes and restarts."""
import threading
import time

from common import N, name, now, srvr, word

PERIOD_S, THRESHOLD, PATIENCE_S = 0.5, 4, 3.0     # liveness: ruok every 500 ms; four failures in a row restart the member


class Sampler:
    """Asks every member for `srvr` at a fixed pace. A member that answers without serving is reachable and has no role."""

    def __init__(self, out, period):
        self.out, self.period, self.roles, self.stop = out, period, [None] * N, threading.Event()
        self.zxid = [0] * N
        self.threads = [threading.Thread(target=self._member, args=(i,), daemon=True) for i in range(N)]

    def _member(self, i):
        due = time.monotonic()
        while not self.stop.is_set():
            t = now()
            try:
                role, zxid = srvr(i, PATIENCE_S)
                self.roles[i] = role
                self.zxid[i] = max(self.zxid[i], zxid or 0)
                self.out(t_lo=t, t_hi=now(), member=name(i), role=role, term=zxid and zxid >> 32, applied_index=zxid,
                         serving=role is not None, reachable=True)
            except OSError:
                self.roles[i] = None
                self.out(t_lo=t, t_hi=now(), member=name(i), reachable=False)
            due = max(due + self.period, time.monotonic())
            self.stop.wait(due - time.monotonic())

    def leader(self, seconds=90):
        """The leader, once one member leads and the others follow."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if sorted(r or "" for r in self.roles) == ["follower"] * (N - 1) + ["leader"]:
                return self.roles.index("leader")
            time.sleep(0.02)
        raise RuntimeError("no full ensemble within %d s" % seconds)

    def start(self):
        for t in self.threads:
            t.start()

    def join(self):
        self.stop.set()
        for t in self.threads:
            t.join()


class Supervisor:
    """Probes every member with `ruok`; after THRESHOLD failures in a row starts it again."""

    def __init__(self, ensemble, out):
        self.en, self.out, self.stop, self.restarted = ensemble, out, threading.Event(), {}
        self.threads = [threading.Thread(target=self._member, args=(i,), daemon=True) for i in range(N)]

    def _alive(self, i):
        try:
            return word(i, "ruok", PATIENCE_S) == "imok"
        except OSError:
            return False

    def _member(self, i):
        failed, due = 0, time.monotonic()
        while not self.stop.is_set():
            t = now()
            if self._alive(i):
                failed = 0
                self.out(t=t, target=name(i), probe="liveness", state="ok", attempt=0)
            else:
                failed += 1
                self.out(t=t, target=name(i), probe="liveness", state="fail", attempt=failed)
            if failed >= THRESHOLD:
                self._restart(i, failed)
                failed, due = 0, time.monotonic()
            due = max(due + PERIOD_S, time.monotonic())
            self.stop.wait(due - time.monotonic())

    def _restart(self, i, failed):
        self.en.kill(i)
        self.en.reap(i)
        began = now()
        self.en.start(i)
        ended = now()
        self.out(t=began, target=name(i), probe="liveness", state="restart", attempt=failed)
        self.restarted[i] = (began, ended)
        while not self.stop.is_set() and not self._alive(i):      # the start-up of a JVM is not probed
            time.sleep(0.05)

    def start(self):
        for t in self.threads:
            t.start()

    def join(self):
        self.stop.set()
        for t in self.threads:
            t.join()
