"""Shared pieces: the clock, native evidence files, four-letter words."""
import json
import os
import re
import socket
import threading
import time

N = 3                      # members; a majority is 2
now = time.monotonic_ns    # CLOCK_MONOTONIC, one machine, one clock
HOST, CLIENT_PORT, PEER_PORT, VOTE_PORT = "127.0.0.1", 21811, 22881, 23881


def name(i):
    """Evidence calls members z1..z3, as ZooKeeper's own ids."""
    return "z%d" % (i + 1)


class Evidence:
    """One native JSON Lines file: a header that says what it holds, records, and an end record that counts them."""
    lock_digest = None     # digest of the contract's lock file; written into every header when given

    def __init__(self, folder, test, kind, origin):
        self.kind, self.n, self.lock = kind, 0, threading.Lock()
        self.f = open(os.path.join(folder, kind + ".jsonl"), "w")
        header = dict(quorate=kind + "/v1", test=test, origin=origin, clock="monotonic", clock_id="drill",
                      recorded_by="drills/zookeeper", synthetic=False)
        self._line({**header, **({"lock": self.lock_digest} if self.lock_digest else {})})

    def _line(self, row):
        self.f.write(json.dumps(row, separators=(",", ":")) + "\n")

    def __call__(self, **row):
        """Fields that are None are left out: absent and null are the same to the reader."""
        with self.lock:
            self._line({k: v for k, v in row.items() if v is not None})
            self.n += 1

    def close(self):
        with self.lock:
            self._line({"quorate": "end", "records": self.n})
            self.f.close()


def word(i, letters, timeout):
    """The answer of member i to a four-letter word; OSError when there is none."""
    with socket.create_connection((HOST, CLIENT_PORT + i), timeout) as s:
        s.settimeout(timeout)
        s.sendall(letters.encode())
        answer = b""
        while True:
            part = s.recv(4096)
            if not part:
                break
            answer += part
    if not answer:
        raise OSError("empty answer")
    return answer.decode()


def srvr(i, timeout=2.0):
    """(role or None when it does not serve, zxid or None)."""
    text = word(i, "srvr", timeout)
    mode, zxid = re.search(r"Mode: (\w+)", text), re.search(r"Zxid: 0x([0-9a-f]+)", text)
    return (mode[1] if mode else None), (int(zxid[1], 16) if zxid else None)
