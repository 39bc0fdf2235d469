"""A real three-member ZooKeeper ensemble on loopback, each member a JVM with a data folder of its own."""
import glob
import os
import signal
import struct
import subprocess
import time

from common import CLIENT_PORT, HOST, N, PEER_PORT, VOTE_PORT, name, srvr

TICK_MS, INIT_TICKS, SYNC_TICKS = 500, 20, 8
CLASSPATH = "/usr/share/java/zookeeper.jar:/usr/share/java/zookeeper-jute.jar:/usr/share/java/*"


class Ensemble:
    def __init__(self, work):
        self.work, self.proc = work, [None] * N

    def folder(self, i):
        return os.path.join(self.work, name(i))

    def start(self, i):
        data = os.path.join(self.folder(i), "data")
        os.makedirs(data, exist_ok=True)
        with open(os.path.join(data, "myid"), "w") as f:
            f.write("%d\n" % (i + 1))
        config = os.path.join(self.folder(i), "zoo.cfg")
        lines = ["tickTime=%d" % TICK_MS, "initLimit=%d" % INIT_TICKS, "syncLimit=%d" % SYNC_TICKS, "dataDir=" + data,
                 "clientPort=%d" % (CLIENT_PORT + i), "clientPortAddress=" + HOST, "admin.enableServer=false",
                 "4lw.commands.whitelist=srvr,ruok,mntr", "maxClientCnxns=0", "autopurge.purgeInterval=0"]
        lines += ["server.%d=%s:%d:%d" % (j + 1, HOST, PEER_PORT + j, VOTE_PORT + j) for j in range(N)]
        with open(config, "w") as f:
            f.write("\n".join(lines) + "\n")
        with open(os.path.join(self.folder(i), "log"), "ab") as log:
            self.proc[i] = subprocess.Popen(
                ["java", "-Xmx96m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-cp", CLASSPATH,
                 "org.apache.zookeeper.server.quorum.QuorumPeerMain", config], stdout=log, stderr=subprocess.STDOUT)

    def kill(self, i):
        if self.proc[i] and self.proc[i].poll() is None:
            self.proc[i].send_signal(signal.SIGKILL)

    def reap(self, i):
        if self.proc[i]:
            self.proc[i].wait()

    def roles(self):
        found = []
        for i in range(N):
            try:
                found.append(srvr(i)[0])
            except OSError:
                found.append(None)
        return found

    def wait_ready(self, seconds):
        """Until one member leads and all others follow."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if sorted(r or "" for r in self.roles()) == ["follower"] * (N - 1) + ["leader"]:
                return
            time.sleep(0.1)
        raise SystemExit("the ensemble did not become ready in %d s" % seconds)

    def stop_all(self):
        for i in range(N):
            self.kill(i)
        for i in range(N):
            self.reap(i)

    def writes(self, i):
        """(zxid, command) of every write in the member's transaction log on disk, in order."""
        rows = {}
        for path in sorted(glob.glob(self.folder(i) + "/data/version-2/log.*")):
            with open(path, "rb") as f:
                for at, zxid, command in transactions(f.read()):
                    rows[(os.path.basename(path), at)] = (zxid, command)
        return sorted(rows.values())


def transactions(buf):
    """The setData transactions of a log file. A file is a header (magic ZKLG, version, database id: 16 bytes), then records of
    checksum (8), length (4), transaction, 'B'; zeros follow the last one. A transaction is session (8), cxid (4), zxid (8),
    time (8), type (4), and for setData (type 5) path and data, each with its length (4)."""
    if buf[:4] != b"ZKLG":
        raise ValueError("not a ZooKeeper transaction log")
    at = 16
    while at + 12 <= len(buf):
        size = struct.unpack_from(">i", buf, at + 8)[0]
        if size <= 0 or at + 12 + size + 1 > len(buf) or buf[at + 12 + size:at + 13 + size] != b"B":
            return                                              # pre-allocated zeros, or the torn last write of a killed member
        txn = buf[at + 12:at + 12 + size]
        zxid, kind = struct.unpack_from(">q", txn, 12)[0], struct.unpack_from(">i", txn, 28)[0]
        if kind == 5:
            n = struct.unpack_from(">i", txn, 32)[0]
            path = txn[36:36 + n].decode()
            m = struct.unpack_from(">i", txn, 36 + n)[0]
            if path.startswith("/r/") and m > 0:
                yield at, zxid, txn[40 + n:40 + n + m].decode()
        at += 12 + size + 1
