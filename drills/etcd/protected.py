"""The protected resource: a process of its own that holds the current epoch and writes its own fsynced log.

It accepts a command only when the command's epoch equals its current epoch; a grant (fence) only when it raises the epoch.
Requests come one JSON line at a time over a Unix socket; every decision is on disk before it is answered.
"""
import json
import os
import selectors
import signal
import socket

from common import Evidence, now


def serve(path, folder, test, shared):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    log = Evidence(folder, test, "resource")
    os.fsync(log.f.fileno())
    epoch = seq = 0
    srv = socket.socket(socket.AF_UNIX)
    srv.bind(path)
    srv.listen(16)
    sel = selectors.DefaultSelector()
    sel.register(srv, selectors.EVENT_READ)
    pending = {}
    while not shared.stop.is_set():
        for key, _ in sel.select(0.1):
            s = key.fileobj
            if s is srv:
                c, _ = srv.accept()
                sel.register(c, selectors.EVENT_READ)
                pending[c] = b""
                continue
            data = s.recv(65536)
            if not data:
                sel.unregister(s)
                pending.pop(s)
                s.close()
                continue
            *lines, pending[s] = (pending[s] + data).split(b"\n")
            for line in lines:
                q = json.loads(line)
                seq += 1
                if q["op"] == "grant":
                    ok = q["epoch"] > epoch
                    reason = None if ok else "not-newer"
                    if ok:
                        epoch = q["epoch"]
                else:
                    ok = q["epoch"] == epoch
                    reason = None if ok else "stale-epoch" if q["epoch"] < epoch else "unknown-epoch"
                    if q["epoch"] < epoch:
                        shared.add("stale_leader_attempts_total")
                if not ok:
                    shared.add("resource_rejected_total")
                    shared.add("commands_rejected_total")
                log(seq=seq, t=now(), time_source="monotonic", resource="ledger", op=q["op"], cmd=q["cmd"], holder=q["holder"],
                    leader=q["leader"], term=q["term"], epoch=q["epoch"], current_epoch=epoch,
                    outcome="accepted" if ok else "rejected", **({} if ok else {"reason": reason}))
                log.f.flush()
                os.fsync(log.f.fileno())
                try:
                    s.sendall(json.dumps({"ok": ok, "t": now(), "reason": reason}).encode() + b"\n")
                except OSError:
                    pass
    log.close()


class Client:
    def __init__(self, path):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.settimeout(2)
        self.s.connect(path)
        self.f = self.s.makefile("rb")

    def ask(self, **q):
        self.s.sendall(json.dumps(q).encode() + b"\n")
        return json.loads(self.f.readline())
