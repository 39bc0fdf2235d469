"""The command service in front of etcd and the open-loop load generator that uses it. Runs as one process.

A service instance sits beside each member and talks to etcd through that member. It acknowledges a write only after
(1) its transaction committed, (2) the leader of that term was granted authority at the protected resource, and
(3) at least a majority of members served the write's revision (a watch stream to each member shows what it has applied).
Retries carry the command id: the transaction applies only while the key cmd/<id> does not exist.
"""
import collections
import json
import queue
import random
import signal
import threading
import time

from cluster import addr
from common import N, QUORUM, Conn, Evidence, NotSent, b64, name, now, sleep_until, unb64

KEYS, WORKERS, RETRIES, QUEUE_LIMIT = 8, 64, 2, 2000
BACKOFF_S = (0.3, 0.7)                      # before the first and second retry, times a jitter of 0.5 .. 1.5
TIMEOUT_S = {1: 1.2, 2: 1.0}                # per attempt, by configuration version of the service
WRITES_PER_S, READS_PER_S = 40, 60
LOCAL = 0.2                                 # share of the reads that one member answers alone (serializable)
# answers with which etcd 3.4 says that it put nothing into its log
DROPPED = ("raft proposal dropped", "too many requests")


class Confirmed:
    """What every member has shown to have applied: one watch on the command and configuration keys of each."""

    def __init__(self, shared):
        self.rev, self.shared = [0] * N, shared
        self.cond, self.stop = threading.Condition(), threading.Event()
        for i in range(N):
            threading.Thread(target=self._watch, args=(i,), daemon=True).start()

    def _watch(self, i):
        import http.client
        while not self.stop.is_set():
            c = http.client.HTTPConnection(*addr(i), timeout=2.5)
            try:
                req = {"create_request": {"key": b64("cfg/"), "range_end": b64("cmd0"), "start_revision": str(self.rev[i] + 1)}}
                c.request("POST", "/v3/watch", json.dumps(req))
                r = c.getresponse()
                while True:
                    line = r.readline()
                    if not line:
                        break
                    d = json.loads(line)["result"]
                    for e in d.get("events", []):
                        if unb64(e["kv"]["key"]) == "cfg/service":
                            self.shared.config[i] = int(unb64(e["kv"]["value"]))
                    rev = max([int(e["kv"]["mod_revision"]) for e in d.get("events", [])], default=0)
                    if rev > self.rev[i]:
                        with self.cond:
                            self.rev[i] = rev
                            self.cond.notify_all()
            except Exception:
                time.sleep(0.05)
            finally:
                c.close()

    def members(self, rev):
        return [name(i) for i in range(N) if self.rev[i] >= rev]

    def wait(self, rev, deadline):
        """The members that served the revision, as soon as they are a majority; None when the deadline passes."""
        with self.cond:
            while sum(r >= rev for r in self.rev) < QUORUM:
                left = (deadline - now()) / 1e9
                if left <= 0 or not self.cond.wait(left):
                    if sum(r >= rev for r in self.rev) < QUORUM:
                        return None
            return self.members(rev)


class Load:
    def __init__(self, shared, folder, test, seconds, seed, show_config):
        self.s, self.seconds, self.seed, self.show_config = shared, seconds, seed, show_config
        self.history = Evidence(folder, test, "history")
        self.confirmed = Confirmed(shared)
        self.todo, self.seen, self.seq = queue.Queue(), {}, 0
        self.lock, self.acks = threading.Lock(), collections.deque(maxlen=200)
        self.ended = threading.Event()

    # ---- one attempt at one service instance ---------------------------------------------------
    def attempt(self, conns, i, path, body, timeout):
        """(sent, answered, outcome, error, answer); outcome ok, fail (certainly without effect) or unknown."""
        t = now()
        if not self.s.ready[i]:
            return t, now(), "fail", "not-ready", {}            # the instance refuses before etcd hears of it
        try:
            code, d = conns[i].call(path, body, timeout)
        except NotSent as e:
            return t, now(), "fail", "not-sent " + str(e), {}
        except Exception as e:
            return t, now(), "unknown", type(e).__name__, {}
        if code == 200:
            return t, now(), "ok", None, d
        error = d.get("error", str(code))[:60]
        return t, now(), "fail" if any(x in error for x in DROPPED) else "unknown", error, {}

    def leader_seen_by(self, i, term):
        """The leader that member i names in this term, from its latest sample or else by asking it now."""
        if self.s.view_term[i] == term and self.s.view_lead[i] >= 0:
            return name(self.s.view_lead[i])
        try:
            c = Conn(addr(i), 0.2)
            _, d = c.call("maintenance/status", {})
            c.close()
            if int(d["raftTerm"]) == term and d.get("leader", "0") != "0":
                return name(self.ids[int(d["leader"])])
        except Exception:
            pass
        return None

    # ---- operations ---------------------------------------------------------------------------
    def read(self, conns, home, row):
        local = {"serializable": True} if row["path"] == "follower" else {}
        answer = self.tries(conns, home, row, lambda _: ("kv/range", {"key": b64(row["key"]), **local}), None)
        if answer:
            kv = (answer.get("kvs") or [{}])[0]
            row.update(val=unb64(kv.get("value")) or None, mrev=int(kv.get("mod_revision", 0)), res="ok")
            if row["val"] and not local:
                self.seen[row["key"]] = row["val"]
        else:
            row["res"] = "fail"                                 # a read without an answer changed nothing

    def write(self, conns, home, row):
        mark, key = b64("cmd/" + row["cmd"]), b64(row["key"])
        cmp = [{"key": mark, "target": "CREATE", "result": "EQUAL", "create_revision": "0"}]
        if row["op"] == "cas":
            cmp.append({"key": key, "target": "VALUE", "result": "EQUAL", "value": b64(row["exp"])})

        def body(n):
            return "kv/txn", {"compare": cmp,
                              "success": [{"request_put": {"key": key, "value": b64(row["val"])}},
                                          {"request_put": {"key": mark, "value": b64(str(n))}}],
                              "failure": [{"request_range": {"key": mark}}]}

        def acknowledge(answer, t0, deadline):
            """After etcd's answer: outcome and error of the attempt."""
            rev = int(answer["header"]["revision"])
            if not answer.get("succeeded"):
                kv = (answer["responses"][0].get("response_range", {}).get("kvs") or [None])[0]
                if kv is None:
                    return "compare", "compare-failed"
                rev, row["dedup"] = int(kv["mod_revision"]), True   # an earlier attempt took effect; nothing was applied again
            acks = self.confirmed.wait(rev, deadline)
            if acks is None:
                return "unknown", "too-few-confirmations"
            self.acks.append(now() - t0)
            while self.s.fenced_term.value < int(answer["header"]["raft_term"]):
                if now() > deadline:
                    return "unknown", "leader-without-authority"
                time.sleep(0.002)
            row.update(mrev=rev, acks=acks)
            return "ok", None

        answer = self.tries(conns, home, row, body, acknowledge)
        outcomes = [t["res"] for t in row["tries"]]
        if answer and outcomes[-1] == "ok":
            row["res"] = "ok"
            self.seen[row["key"]] = row["val"]
        elif all(o in ("fail", "compare", "not-sent") for o in outcomes):
            row["res"] = "fail"
            if outcomes[-1] == "compare":
                self.seen.pop(row["key"], None)                 # read again before the next compare-and-set
        else:
            row["res"] = "unknown"                              # an earlier attempt may still take effect
        for t in row["tries"]:
            t["res"] = "fail" if t["res"] == "compare" else t["res"]

    def tries(self, conns, home, row, request, acknowledge):
        rnd, ep, row["tries"], sent = random, home, [], 0
        for n in range(1, RETRIES + 2):
            if n > 1:
                if row["tries"][-1]["res"] != "not-sent":       # a refused connection is no reason to wait
                    time.sleep(BACKOFF_S[n - 2] * rnd.uniform(0.5, 1.5))
                side = [(home + k) % N for k in range(N) if self.s.side[(home + k) % N] == self.s.side[home]]
                ep = side[(n - 1) % len(side)]                  # a client reaches only members on its own side
            config = self.s.config[ep]
            path, body = request(n)
            t0, t1, out, err, d = self.attempt(conns, ep, path, body, TIMEOUT_S[config])
            if out == "ok" and acknowledge:
                out, err = acknowledge(d, t0, t0 + int(TIMEOUT_S[config] * 1e9))
            if err and err.startswith(("not-sent", "not-ready")):
                out = "not-sent"
            else:
                sent += 1
                if sent > 1:                                    # a retry is a further request, not a further try to connect
                    self.s.add("operations_retry_total")
                    if acknowledge:
                        self.s.add("commands_retry_total")
            t = dict(ep=name(ep), inv=t0, rsp=0, res=out)
            if err:
                t["err"] = err
            row["tries"].append(t)
            row["ep"] = t["ep"]
            row.pop("err", None)
            if err:
                row["err"] = err
            if self.show_config:
                row["cfg"] = config
            if "header" in d:
                h = d["header"]
                row.update(rev=int(h.get("revision", 0)), term=int(h["raft_term"]))
                row["lead"] = self.leader_seen_by(ep, row["term"])
            t["rsp"] = now()
            if out in ("ok", "compare"):
                return d
            if not acknowledge and out != "not-sent":
                return None                                     # a read that had no answer is over: whoever still wants to know asks anew
        return None

    def worker(self, c):
        conns, proc = [Conn(addr(i), 1.0) for i in range(N)], c
        while True:
            job = self.todo.get()
            if job is None:
                return
            sched, op, key, cmd = job
            row = dict(client=c, proc=proc, op=op, key=key, sched=sched, inv=0, rsp=0, res=None)
            self.s.add("operations_original_total")
            if op == "get":
                row["path"] = "follower" if cmd == "local" else "quorum"
                self.read(conns, c % N, row)
            else:
                row.update(cmd=cmd, val=cmd)
                if op == "cas":
                    row["exp"] = self.seen.get(key)
                    if row["exp"] is None:
                        row["op"] = "put"
                        del row["exp"]
                self.s.add("commands_original_total")
                self._inflight(1)
                self.write(conns, c % N, row)
                self._inflight(-1)
                if row["res"] == "fail":
                    self.s.add("commands_failed_total")
                    self.s.add("commands_rejected_total")
            row["inv"], row["rsp"] = row["tries"][0]["inv"], row["tries"][-1]["rsp"]
            if len(row["tries"]) == 1:
                del row["tries"]
            self.history(**row)
            if row["res"] == "unknown":
                proc += WORKERS                                 # the client goes on as a new logical process

    def _inflight(self, d):
        with self.s.inflight_writes.get_lock():
            self.s.inflight_writes.value += d

    def p99(self):
        while not self.ended.wait(0.2):
            xs = sorted(self.acks)
            if xs:
                self.s.ack_p99_ns.value = xs[min(len(xs) - 1, int(0.99 * len(xs)))]

    def run(self, go, done):
        rnd, local_rnd = random.Random(self.seed), random.Random("local/%d" % self.seed)
        workers = [threading.Thread(target=self.worker, args=(c,), daemon=True) for c in range(WORKERS)]
        for w in workers + [threading.Thread(target=self.p99, daemon=True)]:
            w.start()
        go.wait()
        rate = WRITES_PER_S + READS_PER_S
        start, n = now(), 0
        for second in range(int(self.seconds)):
            kinds = ["w"] * WRITES_PER_S + ["r"] * READS_PER_S
            rnd.shuffle(kinds)
            for k in kinds:
                sched = start + n * 1_000_000_000 // rate
                n += 1
                key = "r/%d" % rnd.randrange(KEYS)
                op = "get" if k == "r" else "cas" if rnd.random() < 0.4 else "put"
                sleep_until(sched)
                if self.todo.qsize() >= QUEUE_LIMIT:
                    self.s.add("rejected_requests_due_to_admission_control")
                    continue
                local = "local" if local_rnd.random() < LOCAL else None
                self.todo.put((sched, op, key, local if op == "get" else "w%d" % n))
        for _ in workers:
            self.todo.put(None)
        for w in workers:
            w.join()
        self.ended.set()
        self.confirmed.stop.set()
        self.history.close()
        done.set()


def main(shared, folder, test, seconds, seed, ids, show_config, go, done):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    load = Load(shared, folder, test, seconds, seed, show_config)
    load.ids = ids
    load.run(go, done)
