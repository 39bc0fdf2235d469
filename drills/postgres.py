#!/usr/bin/env python3
"""Fenced job queue on PostgreSQL: fault drills that record evidence for quorate.

usage:  postgres.py OUT [--test NAME ...] [--jobs N] [--rate P] [--seed N] [--lanes N]

    OUT      folder that receives one sub-folder a test; a sub-folder of that name is replaced when its test is complete
    --test   stale-takeover, worker-crash, retry-storm, mixed-faults, baseline-naive (default: all five)
    --jobs   jobs a rate (default 190, and 400 in the last two)
    --rate   share of scenarios that get a fault, 0..1 (default 0.25, and 0.05, 0.1, 0.2, 0.5 one after another in the last two)
    --seed   picks the faults (default 7)    --lanes  groups of four workers that run side by side (default 8)

needs:  Python 3.9, psycopg2 (PyPI: psycopg2-binary), the PostgreSQL 15 server programs. As root it runs the server as user
        "postgres", else as the caller. The server lives in a fresh temporary folder, listens on a unix socket there only,
        and is stopped and removed at the end, also after an error or a signal.

Workers are real processes. A stall is SIGSTOP, a crash is SIGKILL, a lost acknowledgement is the worker's socket shut for
reading before the request is sent (the request arrives, the reply cannot), a lost request is the socket shut both ways.

clocks: "driver-monotonic" is CLOCK_MONOTONIC of the machine that runs the workers (history, faults, recovery);
        "postgres-wall" is clock_timestamp() inside the server, whole microseconds written as ns (resource, applied).
        Nothing here converts between the two. The files and their fields are described in postgres.md.
"""
import argparse, contextlib, ctypes, glob, gzip, io, json, os, random, shutil, signal, socket, subprocess, sys, tempfile, time
import psycopg2

LEASE = 0.080                   # seconds a claim is good for
BACKOFF = 0.004                 # first retry waits about this long; doubles; times 0.5 to 1.5 at random
RETRIES, STORM_RETRIES = 2, 4   # retries after the first attempt of one operation
PATIENCE = 20                   # seconds without a word from a worker before the drill gives up
DRIVER, WALL = "driver-monotonic", "postgres-wall"
NOW = time.monotonic_ns

# ---------------------------------------------------------------- the resource

SCHEMA = """
create function now_ns() returns bigint language sql volatile as
  $$ select (extract(epoch from clock_timestamp()) * 1000000)::bigint * 1000 $$;

create table jobs (job text primary key, cmd text not null, state text not null default 'ready', owner text,
                   token bigint not null default 0, lease_until bigint);
create table ledger  (id bigserial primary key, job text not null, cmd text not null unique, token bigint not null,
                      worker text not null, at bigint not null, unique (job, token));
create table effects (id bigserial primary key, job text not null, cmd text not null, token bigint not null,
                      worker text not null, at bigint not null);                 -- the naive resource: no key, no fence
create table resource_log (seq bigserial primary key, at bigint not null, job text not null, cmd text not null,
                           op text not null, holder text not null, leader text, token bigint not null,
                           current_token bigint not null, accepted boolean not null, reason text, lease_until bigint);

create function enqueue(j text, c text) returns boolean language plpgsql as $$
begin
  insert into jobs (job, cmd) values (j, c) on conflict do nothing;
  return found;
end $$;

-- A grant of a new epoch, or null while another lease runs or the job is done.
create function claim(j text, w text, lease_ns bigint) returns bigint language plpgsql as $$
declare r jobs; t bigint;
begin
  select * into r from jobs where job = j for update;
  t := now_ns();
  if r.state = 'done' or r.lease_until >= t then return null; end if;
  update jobs set state = 'leased', owner = w, token = token + 1, lease_until = t + lease_ns where job = j returning * into r;
  insert into resource_log (at, job, cmd, op, holder, leader, token, current_token, accepted, lease_until)
    values (t, j, r.cmd, 'claim', w, r.owner, r.token, r.token, true, r.lease_until);
  return r.token;
end $$;

-- Check, effect and log row in one transaction, under the job's row lock.
create function commit_fenced(j text, c text, w text, tok bigint) returns text language plpgsql as $$
declare r jobs; t bigint; verdict text;
begin
  select * into r from jobs where job = j for update;
  t := now_ns();
  if tok < r.token then verdict := 'stale-token';
  elsif tok > r.token then verdict := 'unknown-token';
  else
    insert into ledger (job, cmd, token, worker, at) values (j, c, tok, w, t) on conflict do nothing;
    if found then verdict := 'accepted';
    elsif exists (select 1 from ledger where cmd = c) then verdict := 'duplicate-command';
    else verdict := 'duplicate-token';
    end if;
  end if;
  insert into resource_log (at, job, cmd, op, holder, leader, token, current_token, accepted, reason)
    values (t, j, c, 'commit', w, r.owner, tok, r.token, verdict = 'accepted', nullif(verdict, 'accepted'));
  return verdict;
end $$;

-- The unprotected subject: the effect is applied whatever the token and however often the command came.
create function commit_naive(j text, c text, w text, tok bigint) returns text language plpgsql as $$
declare r jobs; t bigint;
begin
  select * into r from jobs where job = j;
  t := now_ns();
  insert into effects (job, cmd, token, worker, at) values (j, c, tok, w, t);
  insert into resource_log (at, job, cmd, op, holder, leader, token, current_token, accepted)
    values (t, j, c, 'commit', w, r.owner, tok, r.token, true);
  return 'accepted';
end $$;

-- The queue's own book-keeping, a step after the effect, so that a crash can fall between.
create function mark_done(j text, tok bigint) returns void language sql as
  $$ update jobs set state = 'done' where job = j and token = tok $$;
"""


@contextlib.contextmanager
def server():
    """A throw-away PostgreSQL; yields the folder of its socket."""
    found = sorted(glob.glob("/usr/lib/postgresql/15/bin/initdb")) or sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))
    initdb = found[-1] if found else shutil.which("initdb")
    if not initdb:
        sys.exit("postgres.py: no initdb found; install the PostgreSQL 15 server")
    home = tempfile.mkdtemp(prefix="quorate-pg-", dir="/tmp")        # short: a socket path has to fit 107 bytes
    as_user = {}
    if os.geteuid() == 0:
        shutil.chown(home, "postgres", "postgres")
        as_user = dict(user="postgres", group="postgres", extra_groups=[])

    def run(program, *args, check=True):
        done = subprocess.run([os.path.join(os.path.dirname(initdb), program), *args], cwd=home, stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, **as_user)
        if check and done.returncode:
            sys.exit("postgres.py: %s failed: %s" % (program, done.stderr.strip()))
    data = home + "/data"
    try:
        run("initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C")
        run("pg_ctl", "-D", data, "-w", "-l", home + "/log", "-o", "-k %s -c listen_addresses=''" % home, "start")
        yield home
    finally:
        run("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop", check=False)
        shutil.rmtree(home, ignore_errors=True)


def connect(sock_dir, db):
    c = psycopg2.connect(host=sock_dir, user="postgres", dbname=db)
    c.autocommit = True
    return c


def call(conn, sql, *args):
    with conn.cursor() as k:
        k.execute(sql, args)
        return k.fetchone()[0] if k.description else None


# ---------------------------------------------------------------- a worker (its own process)

def worker_main(name, wire, sock_dir, db, naive, seed):
    """Obey one JSON line at a time; report with JSON lines. Every time is driver-monotonic."""
    inbox = wire.makefile("r")
    say = lambda **m: wire.sendall((json.dumps(m) + "\n").encode())
    rnd = random.Random("%s/%s" % (seed, name))
    conn = connect(sock_dir, db)
    commit_sql = "select commit_%s(%%s, %%s, %%s, %%s)" % ("naive" if naive else "fenced")

    def die():
        say(m="dying", t=NOW())
        os.kill(os.getpid(), signal.SIGKILL)

    def stall():
        say(m="stopping", t=NOW())
        os.kill(os.getpid(), signal.SIGSTOP)
        say(m="resumed", t=NOW())

    def claim(o):
        deadline = time.monotonic() + PATIENCE / 2
        while time.monotonic() < deadline:
            token = call(conn, "select claim(%s, %s, %s)", o["job"], name, int(LEASE * 1e9))
            if token is not None:
                return say(m="claimed", t=NOW(), token=token)
            time.sleep(rnd.uniform(0.005, 0.015))
        raise TimeoutError("no lease on " + o["job"])

    def attempt(o, loss):
        """One request to the resource. A lost reply and a lost request look the same from here: unknown."""
        nonlocal conn
        if loss:
            lo = NOW()
            with socket.socket(fileno=os.dup(conn.fileno())) as s:
                s.shutdown(socket.SHUT_RD if loss == "ack-lost" else socket.SHUT_RDWR)
            hi = NOW()
        say(m="invoke", t=NOW())
        try:
            reply = call(conn, commit_sql, o["job"], o["cmd"], o["holder"], o["token"])
        except psycopg2.OperationalError:
            if not loss:
                raise                                       # nobody injected this: the drill is void
            reply = None
        t = NOW()
        if reply is not None and o.get("kill") == "after-effect":
            die()
        if reply is None:
            say(m="reply", t=t, result="unknown", error="connection-lost")
            back = NOW()
            conn.close()
            conn = connect(sock_dir, db)
            say(m="lost", kind=loss, t=[lo, hi, back, NOW()])
            return False
        ok = reply in ("accepted", "duplicate-command")     # both say: the command's effect is in the ledger
        say(m="reply", t=t, result="ok" if ok else "fail", error=None if ok else reply, reply=reply)
        return True

    def commit(o):
        time.sleep(rnd.uniform(0.0005, 0.002))              # the job's work
        if o.get("kill") == "before-effect":
            die()
        if o.get("kill") == "inside":                       # effect and log row written, transaction never committed
            conn.autocommit = False
            say(m="invoke", t=NOW())
            call(conn, commit_sql, o["job"], o["cmd"], o["holder"], o["token"])
            die()
        for n in range(o["retries"] + 1):
            if n:
                time.sleep(BACKOFF * 2 ** (n - 1) * rnd.uniform(0.5, 1.5))
            if o.get("stall_before") == n:
                stall()
            if attempt(o, o["losses"][n] if n < len(o["losses"]) else None):
                break
        say(m="end")

    say(m="ready", t=NOW())
    for line in inbox:
        o = json.loads(line)
        if o["do"] == "claim":
            claim(o)
        elif o["do"] == "commit":
            commit(o)
        elif o["do"] == "enqueue":
            say(m="enqueued", new=call(conn, "select enqueue(%s, %s)", o["job"], o["cmd"]))
        elif o["do"] == "mark":
            call(conn, "select mark_done(%s, %s)", o["job"], o["token"])
            say(m="marked")


def fork(body):
    """Run body in a child that dies with its parent and never returns here."""
    parent = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        for s in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(s, signal.SIG_DFL)
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)          # PR_SET_PDEATHSIG
        if os.getppid() == parent:
            body()
            code = 0
    except BaseException as e:
        print("postgres.py: %s: %s" % (type(e).__name__, e), file=sys.stderr, flush=True)
    finally:
        os._exit(code)


class Worker:
    """A lane's handle on a worker process. A restart is a new process of the same client."""

    def __init__(self, lane, slot):
        self.lane, self.client, self.life = lane, "w%d.%s" % (lane.number, slot), 0
        self.start()

    def start(self):
        self.life += 1
        self.name = "%s.%d" % (self.client, self.life)
        ours, theirs = socket.socketpair()
        begin, lane = NOW(), self.lane

        def body():
            ours.close()
            for w in lane.workers:
                w.wire.close()
            worker_main(self.name, theirs, lane.sock_dir, lane.db, lane.naive, lane.seed)
        self.pid = fork(body)
        theirs.close()
        ours.settimeout(PATIENCE)
        self.wire, self.inbox = ours, ours.makefile("r")
        return begin, self.hear("ready")["t"]

    def tell(self, **order):
        self.wire.sendall((json.dumps(order) + "\n").encode())

    def hear(self, expected=None):
        line = self.inbox.readline()
        message = json.loads(line) if line else None        # None: the process is gone
        if expected and (message is None or message["m"] != expected):
            raise RuntimeError("%s: wanted %s, got %s" % (self.name, expected, message))
        return message

    def restart(self):
        self.inbox.close()
        self.wire.close()
        return self.start()


class Operation:
    """One commit as its worker saw it: one history record."""

    def __init__(self, worker, job, holder, token):
        self.worker, self.process, self.job, self.holder, self.token = worker, worker.name, job, holder, token
        self.attempts, self.losses, self.marks, self.gone = [], [], {}, False

    def run(self):
        """Follow the worker until it ends, stops or dies."""
        while True:
            m = self.worker.hear()
            if m is None:
                self.gone = True
                return "gone"
            if m["m"] == "invoke":
                self.attempts.append(dict(invoke=m["t"], response=None, result="unknown", error="process-killed"))
            elif m["m"] == "reply":
                self.attempts[-1].update(response=m["t"], result=m["result"], error=m["error"])
                if m.get("reply"):
                    self.attempts[-1]["reply"] = m["reply"]
            elif m["m"] == "lost":
                self.losses.append(m)
            elif m["m"] == "end":
                return "end"
            else:
                self.marks[m["m"]] = m["t"]
                if m["m"] == "stopping":
                    return "stopping"

    @property
    def result(self):
        """ok if an attempt was; a fail after an unknown attempt stays unknown, for that attempt may have been applied."""
        seen = {a["result"] for a in self.attempts}
        return next((r for r in ("ok", "unknown", "fail") if r in seen), None)

    def record(self):
        last = self.attempts[-1]
        r = dict(client=self.worker.client, process=self.process, cmd=command(self.job), job=self.job, op="write",
                 holder=self.holder, token=self.token, invoke=self.attempts[0]["invoke"], response=last["response"],
                 result=self.result, error=last["error"], reply=last.get("reply"), clock=DRIVER)
        if len(self.attempts) > 1:
            r["attempts"] = self.attempts
        return r


def command(job):
    return "c-" + job


# ---------------------------------------------------------------- scenarios (one lane: four workers, one job after another)

FAULTS = {  # variant: scenario family
    "stall-wake-after-commit": "stale-takeover", "stall-wake-before-commit": "stale-takeover",
    "stall-after-lost-ack": "stale-takeover", "stall-after-lost-request": "stale-takeover",
    "timeout-burst": "timeout-burst",
    "crash-before-effect": "crash", "crash-after-effect": "crash", "partial-write": "partial-write",
    "lost-replies": "retry-storm", "duplicate-submit": "duplicate-submission", "retry-storm": "retry-storm",
}
BURST = 4
FEW, MANY = (190, [0.25]), (400, [0.05, 0.1, 0.2, 0.5])
TESTS = {  # test: (job prefix, naive?, variants, name of the plan, (jobs a rate, rates))
    "stale-takeover": ("stale", False, list(FAULTS)[:5], "stale-takeover", FEW),
    "worker-crash": ("crash", False, list(FAULTS)[5:8], "worker-crash", FEW),
    "retry-storm": ("storm", False, list(FAULTS)[8:], "retry-storm", FEW),
    "mixed-faults": ("mixed", False, list(FAULTS), "all-faults", MANY),         # the same plan and seeds
    "baseline-naive": ("naive", True, list(FAULTS), "all-faults", MANY),        # for both subjects
}


class Lane:
    def __init__(self, number, test, sock_dir, db, seed):
        self.number, self.sock_dir, self.db, self.rate, self.seed = number, sock_dir, db, None, seed
        self.naive = TESTS[test][1]
        self.history, self.faults, self.recovery, self.scenarios, self.workers, self.serial = [], [], [], [], [], 0
        for slot in "ABCD":
            self.workers.append(Worker(self, slot))

    # -- steps

    def enqueue(self, job, workers):
        for w in workers:
            w.tell(do="enqueue", job=job, cmd=command(job))
        return sum(w.hear("enqueued")["new"] for w in workers)

    def claim(self, w, job):
        w.tell(do="claim", job=job)
        m = w.hear("claimed")
        return m["token"], m["t"]

    def begin(self, w, job, token, holder=None, retries=RETRIES, losses=(), **plan):
        w.tell(do="commit", job=job, cmd=command(job), token=token, holder=holder or w.name, retries=retries,
               losses=list(losses), **plan)
        return Operation(w, job, holder or w.name, token)

    def commit(self, w, job, token, **plan):
        op = self.begin(w, job, token, **plan)
        op.run()
        return op

    def mark(self, w, job, token):
        w.tell(do="mark", job=job, token=token)
        w.hear("marked")

    def take_over(self, w, jobs, kind, fault, source, started, between=lambda: None):
        """w waits for the leases of source to lapse, claims, applies and marks."""
        claims = [self.claim(w, j) for j in jobs]
        between()
        for job, (token, taken) in zip(jobs, claims):
            op = self.keep(self.commit(w, job, token))
            if op.result != "ok":
                raise RuntimeError("take-over of %s ended %s" % (job, op.result))
            self.mark(w, job, token)
            self.recovery.append(dict(job=job, kind=kind, fault=fault, source=source, by=w.name, token=token, started=started,
                                      taken_over=taken, finished=op.attempts[-1]["response"],
                                      found_applied=op.attempts[-1]["reply"] == "duplicate-command", clock=DRIVER))

    # -- records

    def keep(self, op, variant=None):
        if op.attempts:                                     # a worker that died before its request has no operation
            self.history.append(op.record())
        for lost in op.losses:
            self.fault(lost["kind"], variant, op.process, op.job, *lost["t"])
        return op

    def fault(self, kind, variant, target, job, *times, fault_id=None, **more):
        self.faults.append(dict(id=fault_id or self.new_id(), kind=kind, variant=variant, scenario=FAULTS[variant], target=target,
                                job=job, rate=self.rate,
                                **dict(zip(("t_start_lo", "t_start_hi", "t_stop_lo", "t_stop_hi"), times)), clock=DRIVER, **more))

    def new_id(self):
        self.serial += 1
        return "f%d.%d" % (self.number, self.serial)

    # -- the scenarios

    def run(self, number, jobs, variant, rate, own):
        """One scenario, and the record that names its commands and faults."""
        self.rate, before = rate, len(self.faults)
        self.scenario(jobs, variant, random.Random(own))
        self.scenarios.append(dict(id="s%04d" % number, subject="baseline" if self.naive else "system",
                                   fault=FAULTS.get(variant), variant=variant, rate=rate, seed=own,
                                   commands=[command(j) for j in jobs], faults=[f["id"] for f in self.faults[before:]]))

    def scenario(self, jobs, variant, rnd):
        a, b = self.workers[:2]
        if variant != "duplicate-submit":
            for job in jobs:
                self.enqueue(job, [a])
        if variant is None:
            job = jobs[0]
            token, _ = self.claim(a, job)
            if self.keep(self.commit(a, job, token)).result != "ok":
                raise RuntimeError("undisturbed job %s was not applied" % job)
            self.mark(a, job, token)
        elif variant.startswith("stall") or variant == "timeout-burst":
            self.stale(jobs, variant, rnd, a, b)
        elif FAULTS[variant] in ("crash", "partial-write"):
            self.crash(jobs[0], variant, a, b)
        else:
            self.storm(jobs[0], variant, rnd)

    def stale(self, jobs, variant, rnd, a, b):
        """a stops with leases in hand, b takes over, a wakes with the old tokens and commits late."""
        tokens = [self.claim(a, j)[0] for j in jobs]
        loss = {"stall-after-lost-ack": ["ack-lost"], "stall-after-lost-request": ["request-lost"]}.get(variant, [])
        first = self.begin(a, jobs[0], tokens[0], losses=loss, stall_before=len(loss))
        if first.run() != "stopping":
            raise RuntimeError("%s did not stop" % a.name)
        os.waitpid(a.pid, os.WUNTRACED)
        stopped, ids, woken = NOW(), [self.new_id() for _ in jobs], []

        def wake():
            woken.append(NOW())
            os.kill(a.pid, signal.SIGCONT)
            first.run()
            for op in [first] + [self.commit(a, j, t) for j, t in zip(jobs[1:], tokens[1:])]:
                self.keep(op, variant)
        early = variant == "stall-wake-before-commit" or (variant != "stall-wake-after-commit" and rnd.random() < 0.5)
        self.take_over(b, jobs, "lease-takeover", ids[0], a.name, first.marks["stopping"], wake if early else lambda: None)
        if not early:
            wake()
        for job, i in zip(jobs, ids):
            more = dict(burst=ids[0]) if len(jobs) > 1 else {}
            self.fault("stall", variant, a.name, job, first.marks["stopping"], stopped, woken[0], first.marks["resumed"],
                       fault_id=i, wake="before-commit" if early else "after-commit", **more)

    def crash(self, job, variant, a, b):
        """a is killed before the effect, inside its transaction, or between the effect and the mark; b takes over."""
        token, _ = self.claim(a, job)
        where = {"crash-before-effect": "before-effect", "crash-after-effect": "after-effect", "partial-write": "inside"}[variant]
        op = self.begin(a, job, token, kill=where)
        if op.run() != "gone":
            raise RuntimeError("%s did not die" % a.name)
        os.waitpid(a.pid, 0)
        killed, i, victim = NOW(), self.new_id(), a.name
        self.keep(op)
        self.take_over(b, [job], "worker-crash", i, victim, op.marks["dying"])
        self.fault("crash", variant, victim, job, op.marks["dying"], killed, *a.restart(), fault_id=i)

    def storm(self, job, variant, rnd):
        """The holder's command reaches the resource many times: retried after losses, delivered by several processes, or both."""
        a, last, i = self.workers[0], self.workers[-1], self.new_id()
        senders = self.workers if variant != "lost-replies" else [a]
        lo, more = NOW(), {}
        if variant == "duplicate-submit":
            more = dict(submitted=len(senders), enqueued=self.enqueue(job, senders))
        token, _ = self.claim(a, job)
        plan = lambda: [] if variant == "duplicate-submit" else \
            rnd.choices(("ack-lost", "request-lost", None), (7, 2, 1), k=STORM_RETRIES + 1)
        ops = [self.begin(w, job, token, holder=a.name, retries=STORM_RETRIES, losses=plan()) for w in senders]
        hi = NOW()
        for op in ops:
            op.run()
            self.keep(op, variant)
        end = [op.attempts[-1]["response"] for op in ops]
        self.fault(variant, variant, a.name, job, lo, hi, max(end), max(end), fault_id=i, deliveries=len(senders), **more)
        if any(op.result == "ok" for op in ops):
            self.mark(a, job, token)
        else:                                               # nobody knows: a new epoch finds out
            self.take_over(last, [job], "unresolved-takeover", i, a.name, max(end))


def plan(test, jobs, rates, seed):
    """The scenarios of a test: (number, jobs, variant or None, rate, seed of its own)."""
    prefix, _, variants, name, _ = TESTS[test]
    rnd, out, n = random.Random("%s/%s" % (name, seed)), [], 0
    for i, rate in enumerate(rates):
        while n < jobs * (i + 1):
            variant = rnd.choice(variants) if rnd.random() < rate else None
            size = min(BURST, jobs * (i + 1) - n) if variant == "timeout-burst" else 1
            names = ["%s-%04d" % (prefix, n + k + 1) for k in range(size)]
            out.append((len(out) + 1, names, variant, rate, rnd.getrandbits(48)))
            n += size
    return out


# ---------------------------------------------------------------- one test, and its files

def write(folder, test, what, records):
    with open(os.path.join(folder, what + ".jsonl.gz"), "wb") as raw, \
            gzip.GzipFile("", "wb", 9, raw, mtime=0) as z, io.TextIOWrapper(z, "utf-8") as f:
        for r in [dict(begin=test, what=what), *records, dict(end=test, what=what, records=len(records))]:
            f.write(json.dumps(r, separators=(",", ":")) + "\n")


def rows(conn, sql):
    with conn.cursor() as k:
        k.execute(sql)
        return [dict(zip([c.name for c in k.description], r)) for r in k.fetchall()]


def drill(test, sock_dir, out, a):
    db, naive = test.replace("-", "_"), TESTS[test][1]
    with contextlib.closing(connect(sock_dir, "postgres")) as c:
        call(c, "create database " + db)
    with contextlib.closing(connect(sock_dir, db)) as c:
        call(c, SCHEMA)
    jobs, rates = TESTS[test][4]
    jobs, rates = a.jobs or jobs, [a.rate] if a.rate is not None else rates
    work = plan(test, jobs, rates, a.seed)
    results = tempfile.mkdtemp(prefix="quorate-drill-", dir="/tmp")
    lanes = {}
    try:
        for n in range(1, a.lanes + 1):
            def body(n=n):
                lane = Lane(n, test, sock_dir, db, a.seed)
                for scenario in work[n - 1::a.lanes]:
                    lane.run(*scenario)
                with open("%s/%d" % (results, n), "w") as f:
                    json.dump([lane.history, lane.faults, lane.recovery, lane.scenarios], f)
            lanes[fork(body)] = n
        while lanes:
            pid, status = os.wait()
            if lanes.pop(pid, None) and status:
                sys.exit("postgres.py: %s: a lane failed" % test)
        parts = []
        for n in range(1, a.lanes + 1):
            with open("%s/%d" % (results, n)) as f:
                parts.append(json.load(f))
    finally:
        for pid in lanes:                                   # their workers die with them
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        shutil.rmtree(results, ignore_errors=True)
    history, faults, recovery, scenarios = (sum((p[k] for p in parts), []) for k in range(4))
    with contextlib.closing(connect(sock_dir, db)) as c:
        log = rows(c, "select seq, at, '%s' as time_source, job, cmd, op, holder, leader, token, current_token, accepted,"
                      " reason, lease_until from resource_log order by seq" % WALL)
        applied = rows(c, "select id, job, cmd, token, worker, at, '%s' as clock from %s order by id"
                          % (WALL, "effects" if naive else "ledger"))
    for r in log:
        if r["op"] != "claim":
            del r["lease_until"]
    os.makedirs(out, exist_ok=True)
    fresh = tempfile.mkdtemp(prefix=".%s-" % test, dir=out)
    try:
        write(fresh, test, "resource", log)
        write(fresh, test, "applied", applied)
        write(fresh, test, "history", sorted(history, key=lambda r: r["invoke"]))
        write(fresh, test, "faults", sorted(faults, key=lambda r: r["t_start_lo"]))
        write(fresh, test, "recovery", sorted(recovery, key=lambda r: r["started"]))
        write(fresh, test, "scenarios", sorted(scenarios, key=lambda r: r["id"]))
        os.chmod(fresh, 0o755)
        shutil.rmtree(os.path.join(out, test), ignore_errors=True)
        os.rename(fresh, os.path.join(out, test))
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    print("%s: %d jobs, %d log rows, %d effects, %d operations, %d faults, %d recoveries"
          % (test, jobs * len(rates), len(log), len(applied), len(history), len(faults), len(recovery)), flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("out")
    p.add_argument("--test", action="append", choices=TESTS)
    p.add_argument("--jobs", type=int)
    p.add_argument("--rate", type=float)
    p.add_argument("--seed", type=int, default=7)
    p.add_argument("--lanes", type=int, default=8)
    a = p.parse_args()
    for s in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(s, lambda *_: sys.exit("postgres.py: stopped by a signal"))
    with server() as sock_dir:
        for test in a.test or TESTS:
            drill(test, sock_dir, a.out, a)


if __name__ == "__main__":
    main()
