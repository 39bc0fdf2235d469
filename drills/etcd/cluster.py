"""A real five-member etcd cluster, each member in a network namespace of its own."""
import glob
import json
import os
import shutil
import signal
import subprocess
import time

from common import N, Conn, name

BRIDGE = "qdrill0"
HEARTBEAT_MS, ELECTION_MS, SNAPSHOT_COUNT = 100, 1000, 100


def _sh(*cmd, check=True):
    subprocess.run(cmd, check=check, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _ns(i):
    return "qdrill%d" % (i + 1)


def _ip(i):
    return "10.79.0.%d" % (10 + i)


def addr(i):
    return _ip(i), 2379


def net_up():
    net_down()
    _sh("ip", "link", "add", BRIDGE, "type", "bridge")
    _sh("ip", "addr", "add", "10.79.0.1/24", "dev", BRIDGE)
    _sh("ip", "link", "set", BRIDGE, "up")
    for i in range(N):
        _sh("ip", "netns", "add", _ns(i))
        _sh("ip", "link", "add", "qdv%d" % i, "type", "veth", "peer", "name", "eth0", "netns", _ns(i))
        _sh("ip", "link", "set", "qdv%d" % i, "master", BRIDGE, "up")
        for c in (["addr", "add", _ip(i) + "/24", "dev", "eth0"], ["link", "set", "eth0", "up"], ["link", "set", "lo", "up"]):
            _sh("ip", "-n", _ns(i), *c)


def net_down():
    for i in range(N):
        _sh("ip", "netns", "del", _ns(i), check=False)
        _sh("ip", "link", "del", "qdv%d" % i, check=False)      # the kernel takes a deleted namespace down in its own time
    _sh("ip", "link", "del", BRIDGE, check=False)


class Cluster:
    def __init__(self, work):
        self.work, self.proc, self.ids = work, [None] * N, {}
        self.joined = set()                     # members that joined a running cluster
        self.tails = {}                         # member -> (bytes of its log read, highest compacted index)

    def data(self, i):
        return os.path.join(self.work, name(i))

    def leader(self):
        return self.ids[int(self.status(0, timeout=2.0)["leader"])]

    def peer(self, i):
        return "http://%s:2380" % _ip(i)

    def start(self, i):
        members = ",".join("%s=http://%s:2380" % (name(j), _ip(j)) for j in range(N))
        peer, client = "http://%s:2380" % _ip(i), "http://%s:2379" % _ip(i)
        with open(os.path.join(self.work, "%s.log" % name(i)), "ab") as log:
            self.proc[i] = subprocess.Popen(
                ["ip", "netns", "exec", _ns(i), "etcd", "--name", name(i), "--data-dir", self.data(i),
                 "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
                 "--listen-client-urls", client, "--advertise-client-urls", client,
                 "--initial-cluster", members, "--initial-cluster-state", "existing" if i in self.joined else "new",
                 "--logger", "zap", "--log-outputs", "stderr",
                 "--heartbeat-interval", str(HEARTBEAT_MS), "--election-timeout", str(ELECTION_MS),
                 "--snapshot-count", str(SNAPSHOT_COUNT), "--pre-vote"], stdout=subprocess.DEVNULL, stderr=log)

    def signal(self, i, sig):       # `ip netns exec` execs etcd in place: the pid is etcd's own
        self.proc[i].send_signal(sig)

    def kill(self, i):
        if self.proc[i] and self.proc[i].poll() is None:
            self.signal(i, signal.SIGKILL)
            self.proc[i].wait()

    def status(self, i, conn=None, timeout=0.25):
        c = conn or Conn(addr(i), timeout)
        code, d = c.call("maintenance/status", {}, timeout)
        if conn is None:
            c.close()
        if code != 200:
            raise OSError(d.get("error", str(code)))
        return d

    def wait_ready(self, deadline):
        """Until every member answers and all agree on one leader; remembers which member id is whose."""
        while time.monotonic() < deadline:
            try:
                s = [self.status(i, timeout=0.5) for i in range(N)]
                self.ids = {int(d["header"]["member_id"]): i for i, d in enumerate(s)}
                if len({(d.get("leader", "0"), d["raftTerm"]) for d in s}) == 1 and s[0].get("leader", "0") != "0":
                    return
            except Exception:
                pass
            time.sleep(0.1)
        raise SystemExit("the cluster did not become ready")

    def replace(self, i):
        """An empty disk for a member that joins again as a new one; its old log is put aside."""
        shutil.rmtree(self.data(i))
        log = os.path.join(self.work, "%s.log" % name(i))
        os.rename(log, log + ".old")
        self.joined.add(i)
        self.tails.pop(i, None)

    def voters(self, conn):
        """The voting members as the member at the other end of the connection knows them: their ids by name."""
        code, d = conn.call("cluster/member/list", {}, 0.5)
        if code != 200:
            raise OSError(str(code))
        where = {"http://%s:2380" % _ip(i): i for i in range(N)}
        return {name(where[m["peerURLs"][0]]): int(m["ID"]) for m in d["members"] if not m.get("isLearner")}

    def first_index(self, i):
        """The first index that the member's raft log still holds, by what it has logged of compactions and installed snapshots; 1 before."""
        at, gone = self.tails.get(i, (0, 0))
        try:
            with open(os.path.join(self.work, "%s.log" % name(i)), "rb") as f:
                f.seek(at)
                new = f.read()
        except FileNotFoundError:
            return gone + 1
        whole = new[:new.rfind(b"\n") + 1]
        for line in whole.splitlines():
            if b"compacted Raft logs" in line:
                gone = max(gone, int(json.loads(line)["compact-index"]))
            elif b"applied incoming Raft snapshot" in line:
                gone = max(gone, int(json.loads(line)["snapshot-index"]))
        self.tails[i] = (at + len(whole), gone)
        return gone + 1

    def snapshot_index(self, i):
        """Index of the newest snapshot on the member's disk (file name: <term>-<index>.snap)."""
        found = [int(os.path.basename(p)[17:33], 16) for p in glob.glob(self.data(i) + "/member/snap/*-*.snap")]
        return max(found, default=0)

    def snapshots(self, i):
        return sorted(int(os.path.basename(p)[17:33], 16) for p in glob.glob(self.data(i) + "/member/snap/*-*.snap"))

    def log_lines(self, i, msg):
        """The member's own log lines with this message (etcd's zap JSON)."""
        out = []
        with open(os.path.join(self.work, "%s.log" % name(i)), errors="replace") as f:
            for line in f:
                try:
                    d = json.loads(line)
                except ValueError:
                    continue
                if msg in d.get("msg", ""):
                    out.append(d)
        return out

    def cut(self, side, other, on):
        """Drop all packets between two groups of members, in both directions, at the first group's interfaces."""
        op = "-A" if on else "-D"
        for i in side:
            rules = "".join("%s %s %s %s -j DROP\n" % (op, chain, flag, _ip(j))
                            for j in other for chain, flag in (("INPUT", "-s"), ("OUTPUT", "-d")))
            subprocess.run(["ip", "netns", "exec", _ns(i), "iptables-restore", "--noflush"],
                           input="*filter\n%sCOMMIT\n" % rules, text=True, check=True, stdout=subprocess.DEVNULL)

    def stop_all(self):
        for p in self.proc:
            if p and p.poll() is None:
                p.send_signal(signal.SIGCONT)
                p.kill()
        for p in self.proc:
            if p:
                p.wait()
