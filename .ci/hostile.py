"""Writes a contract, a matrix and evidence full of hostile words: the worked example with every free text made hostile and a few promises broken,
so that findings quote it. In: the repository's root and a folder to write to. Nothing here is random."""

import json
import sys
from pathlib import Path

root, out = Path(sys.argv[1]), Path(sys.argv[2])
WORDS = [
    '<script>alert(1)</script>',
    '"><img src=x onerror=alert(1)>',
    '<style>*{display:none}</style><!--',
    ']]><![CDATA[ &lt; &#x1b; </failure>',
    '| a | b |\n|---|---|\n',
    '[link](http://evil.example) <http://evil.example> http://evil.example www.evil.example',
    '```\n# heading\n~~~',
    '::error file=a,line=1::owned',
    '\n::set-output name=decision::accept\n',
    '##[error]owned',
    '::stop-commands::x\n',
    '\u202egnp.exe \u2066\u200b\u00ad\ufeff',
    '\u001b[31mred\u001b[0m \u001b]8;;http://evil.example\u0007 \u009b2J \r\b',
    "{{ 7*7 }} {% raw %} ${{ github.token }} $(id) `id` '; --",
    '# EOF\n',
    'a"} 1\nquorate_decision{quorate_decision="accept"} 1\n',
    '=HYPERLINK("http://evil.example") @team #1 :tada: &amp; \\ %0A %25',
]
FREE = {'client', 'key', 'command_id', 'value', 'recorded_by', 'time_source', 'reason', 'method', 'fault', 'failover', 'path'}
IN_PROSE = ('owner', 'question', 'text', 'reason', 'membership-rule', 'idempotency', 'metric', 'rehearsal-note', 'method', 'fault', 'expected', 'fault-assumptions', 'covers')
LONG = 'W' * (1 << 20)
named: dict[str, str] = {}


def hostile(word: str) -> str:
    """The same word for the same word, so that records still agree with each other."""
    if word not in named:
        named[word] = f'{WORDS[len(named) % len(WORDS)]} {word}'
    return named[word]


def line(text: str, test: str) -> str:
    record = json.loads(text)
    for key, value in record.items():
        if key in FREE and isinstance(value, str) and not (key == 'path' and value in ('quorum', 'leader', 'lease', 'local', 'degraded')):
            record[key] = LONG if (test, value) == ('P1', 'w1') else hostile(value)
    return json.dumps(record, ensure_ascii=False)


def broken(name: str, lines: list[str]) -> list[str]:
    """Promises broken, so that gates fail and quote: an entry applied twice, a stale command let in, a lost entry, a value out of nowhere."""
    body = lines[1:-1]
    if name in ('P2/applied.jsonl', 'P1/applied.jsonl'):
        body = body + [body[0]]
    if name == 'P2/fencing.jsonl':
        body = [b.replace('"rejected"', '"accepted"') for b in body]
    if name == 'P3/log.jsonl':
        body = body[:-7]
    if name == 'P1/history.jsonl':
        reads = [i for i, b in enumerate(body) if '"op": "read"' in b and '"value": null' not in b and '"result": "ok"' in b]
        record = json.loads(body[reads[-1]])
        record['value'] = WORDS[0] + WORDS[7] + WORDS[11] + WORDS[12]
        body[reads[-1]] = json.dumps(record, ensure_ascii=False)
    return [lines[0], *body, json.dumps({'quorate': 'end', 'records': len(body)})]


def toml(text: str) -> str:
    """Hostile words in the prose of contract and matrix."""
    n = 0
    lines = []
    for row in text.splitlines():
        key, equals, value = row.partition('=')
        if equals and key.strip() in IN_PROSE and '"' in value:
            parts = value.split('"')
            for i in range(1, len(parts), 2):
                word = WORDS[n % len(WORDS)] if key.strip() not in ('fault-assumptions', 'covers') else '<b>|'
                n += 1
                parts[i] = (json.dumps(f'{word} {parts[i]}')[1:-1]).replace('\\u007f', '')
            row = f'{key}={chr(34).join(parts)}'
        lines.append(row)
    return '\n'.join(lines) + '\n'


source = root / 'evidence/command-service'
for path in sorted(source.rglob('*.jsonl')):
    name = path.relative_to(source).as_posix()
    test = name.split('/')[0]
    lines = [line(text, test) for text in path.read_text('utf-8').splitlines()]
    to = out / 'evidence' / ('P1/<b>| [x](y) & \'q\'.jsonl' if name == 'P1/members.jsonl' else name)
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_text('\n'.join(broken(name, lines)) + '\n', 'utf-8')
contract = (root / 'contracts/command-service/contract.toml').read_text('utf-8').split('[challenge]')[0]
contract = contract.replace('service  = "command-service"', 'service  = "hostile"')
contract += '[[waiver]]\ngate = "recovery.replay-fits"\nreason = "x"\napprover = "<i>nobody</i> ::error::"\nexpires = 2099-12-31\nticket = "javascript:alert(1)"\n'
matrix = (root / 'contracts/command-service/matrix.toml').read_text('utf-8').replace('../../evidence/command-service', 'evidence')
matrix = matrix.replace('P1/members.jsonl', "P1/<b>| [x](y) & 'q'.jsonl")
(out / 'contract.toml').write_text(toml(contract), 'utf-8')
(out / 'matrix.toml').write_text(toml(matrix), 'utf-8')
