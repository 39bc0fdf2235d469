"""Reads etcd 3.4 write-ahead log files from disk: every raft entry a member ever wrote, also the ones overwritten later.

A file is a run of frames: 8 bytes little endian (record size in the lower 56 bits; if the top bit is set, bits 56..58 are
the padding), then a walpb.Record {1: type, 2: crc, 3: data}. Types: 1 metadata, 2 entry, 3 hard state, 4 crc, 5 snapshot.
"""
import glob
import os
import re
import struct

_CMD = re.compile(rb"cmd/([A-Za-z0-9.\-]+)")


def fields(buf):
    """Protobuf fields as (number, value); length-delimited values are bytes, varints are ints."""
    i, n = 0, len(buf)

    def varint():
        nonlocal i
        v = s = 0
        while True:
            b = buf[i]
            i += 1
            v |= (b & 127) << s
            s += 7
            if b < 128:
                return v
    while i < n:
        tag = varint()
        kind = tag & 7
        if kind == 0:
            v = varint()
        elif kind == 2:
            size = varint()
            v = buf[i:i + size]
            i += size
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
            v = buf[i:i + size]
            i += size
        else:
            raise ValueError("wire type %d" % kind)
        yield tag >> 3, v


def records(folder):
    for path in sorted(glob.glob(os.path.join(folder, "*.wal"))):
        with open(path, "rb") as f:
            buf = f.read()
        at = 0
        while at + 8 <= len(buf):
            word = struct.unpack_from("<Q", buf, at)[0]
            if word == 0:
                break                                   # the file is pre-allocated: zeros from here on
            size, pad = word & ((1 << 56) - 1), (word >> 56) & 7 if word >> 63 else 0
            if at + 8 + size + pad > len(buf):
                break                                   # torn last write of a killed member
            r = dict(fields(buf[at + 8:at + 8 + size]))
            yield r.get(1, 0), r.get(3, b"")
            at += 8 + size + pad


def command(data):
    """(command id, attempt) of an entry's InternalRaftRequest, or (None, None)."""
    try:
        req = dict(fields(data))
    except (ValueError, IndexError):
        return None, None
    if 6 not in req:                                    # field 6 is txn; everything the service writes is a txn
        return None, None
    for no, op in fields(req[6]):
        if no != 2:                                     # 1 compare, 2 success, 3 failure
            continue
        for which, put in fields(op):
            if which == 2:                              # RequestOp.request_put {1 key, 2 value}
                p = dict(fields(put))
                m = _CMD.fullmatch(p.get(1, b""))
                if m:
                    return m.group(1).decode(), int(p.get(2, b"1"))
    return None, None


def read(folder, final_commit):
    """(rows, first index, last index, commit index on disk); rows are (index, term, command, attempt, state).

    `final_commit` is the commit index the member itself last reported: etcd does not flush the very last one to disk.
    """
    live, gone, commit, snaps = {}, [], 0, []
    for kind, data in records(folder):
        if kind == 2:
            e = dict(fields(data))
            index = e.get(3, 0)
            for j in [j for j in live if j >= index]:   # a later write at an index replaces it and all after it
                gone.append((j,) + live.pop(j))
            cmd, attempt = command(e.get(4, b"")) if e.get(1, 0) == 0 else (None, None)
            live[index] = (e.get(2, 0), cmd, attempt)
        elif kind == 3:
            commit = max(commit, dict(fields(data)).get(3, 0))
        elif kind == 5:
            snaps.append(dict(fields(data)).get(1, 0))
    rows = [(i,) + v + ("committed" if i <= max(commit, final_commit) else "appended",) for i, v in live.items()]
    kept = {(i, v[0]) for i, v in live.items()}
    rows += [g + ("discarded",) for g in gone if (g[0], g[1]) not in kept]   # same index and term: written twice, not replaced
    rows.sort(key=lambda r: (r[0], r[1]))
    return rows, min(live, default=0), max(live, default=0), commit
