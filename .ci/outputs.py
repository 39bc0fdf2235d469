"""What public readers say of the outputs for build systems. In: a folder of packages with ci/NAME/ beside them, and the folder with the schemas.
Out: a line a package, and exit code 1 with every fault when there is one."""

import json
import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import jsonschema
import xmlschema
from prometheus_client.openmetrics.parser import text_string_to_metric_families

packages, schemas = Path(sys.argv[1]), Path(sys.argv[2])
faults: list[str] = []
HIDDEN = re.compile('[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]')
MOST_SUMMARY = 900 * 1024
MOST_ANNOTATIONS = 10
COMMANDS = set('set-env set-output save-state add-path add-mask add-matcher remove-matcher warning error notice debug group endgroup echo '
               'stop-commands internal-set-repo-path'.split())


def fault(where: str, what: object) -> None:
    faults.append(f'{where}: {str(what)[:600]}')


def validator(path: Path) -> jsonschema.Draft7Validator:
    schema = json.loads(path.read_text('utf-8'))
    jsonschema.Draft7Validator.check_schema(schema)
    return jsonschema.Draft7Validator(schema, format_checker=jsonschema.Draft7Validator.FORMAT_CHECKER)


JUNIT = xmlschema.XMLSchema(str(schemas / 'junit-10.xsd'))
SARIF, CTRF, DECISION = (validator(schemas / f'{name}.json') for name in ('sarif', 'ctrf', 'decision'))


def ended(decision: dict) -> dict[str, str]:
    """How each gate that counts ended: pass, fail, inconclusive, waived or skipped."""
    excluded = {e['gate'] for e in decision['exclusions']}
    gates = [g for g in decision['gates'] if g['required'] or g['id'] in excluded]
    word = lambda g: 'skipped' if g['verdict'] == 'not-applicable' else 'waived' if g['waived'] and g['verdict'] != 'pass' else g['verdict']
    return {g['id']: word(g) for g in gates}


def against(where: str, found: dict[str, str], words: dict[str, str], gates: dict[str, str]) -> None:
    """The gates of an output are those of the decision, and each ended as the decision says."""
    wanted = {gate: words[how] for gate, how in gates.items() if how in words}
    if found != wanted:
        fault(where, f'does not say what decision.json says: {sorted(set(found.items()) ^ set(wanted.items()))[:8]}')


def junit(where: str, path: Path, gates: dict[str, str]) -> None:
    for error in JUNIT.iter_errors(str(path)):
        fault(where, error.reason)
    cases = ElementTree.parse(path).getroot().findall('.//testcase')
    names = [(c.get('classname'), c.get('name')) for c in cases]
    if len(set(names)) != len(names):
        fault(where, 'a name stands twice')
    how = lambda c: next((tag for tag in ('failure', 'error', 'skipped') if c.find(tag) is not None), 'passed')
    words = {'pass': 'passed', 'fail': 'failure', 'inconclusive': 'error', 'waived': 'skipped', 'skipped': 'skipped'}
    against(where, {c.get('name', ''): how(c) for c in cases}, words, gates)


# Where a gate's objective has a line of its own: the key that must stand there.
KEYS = {'latency.write-p99': 'write-p99', 'latency.read-p99': 'read-p99', 'recovery.failover-time': 'recovery', 'recovery.replay-fits': 'catch-up',
        'commands.retry-limit': 'retry', 'consistency.linearizable': 'consistency', 'fencing.monotonic': 'fence', 'budget.consumed': 'share',
        'contract.fault-models-covered': 'fault-assumptions', 'recovery.masking': '[probe]', 'quorum.durable-acks': 'members'}


def lines(where: str, found: dict[str, int], contract: str) -> None:
    """Each gate is shown at its waiver or exclusion, at its objective, or at the profile."""
    rows = contract.splitlines()
    for gate, line in found.items():
        row = rows[line - 1].strip()
        key = KEYS.get(gate, '')
        own = bool(key) and any(r.strip().startswith(key) for r in rows)
        if f'"{gate}"' not in row and not (row.startswith(key) if own else '=' in row or row.startswith('[')):
            fault(where, f'{gate} is shown at line {line}: {row}')


def sarif(where: str, path: Path, gates: dict[str, str], contract: str) -> None:
    log = json.loads(path.read_text('utf-8'))
    for error in SARIF.iter_errors(log):
        fault(where, f'{error.json_path}: {error.message}')
    results = log['runs'][0]['results']
    how = lambda r: 'waived' if r.get('suppressions') else r['level']
    words = {'fail': 'error', 'inconclusive': 'warning', 'waived': 'waived'}
    against(where, {r['ruleId']: how(r) for r in results}, words, gates)
    at = lambda r: r['locations'][0]['physicalLocation']['region']['startLine']
    lines(where, {r['ruleId']: at(r) for r in results}, contract)
    rules = log['runs'][0]['tool']['driver']['rules']
    for r in results:
        if rules[r['ruleIndex']]['id'] != r['ruleId']:
            fault(where, f'ruleIndex of {r["ruleId"]}')


def ctrf(where: str, path: Path, gates: dict[str, str]) -> None:
    report = json.loads(path.read_text('utf-8'))
    for error in CTRF.iter_errors(report):
        fault(where, f'{error.json_path}: {error.message}')
    tests, summary = report['results']['tests'], report['results']['summary']
    words = {'pass': 'passed', 'fail': 'failed', 'inconclusive': 'other', 'waived': 'other', 'skipped': 'skipped'}
    against(where, {t['name']: t['status'] for t in tests}, words, gates)
    for status in ('passed', 'failed', 'skipped', 'pending', 'other'):
        if summary[status] != sum(t['status'] == status for t in tests):
            fault(where, f'the summary counts {summary[status]} {status}')


def metrics(where: str, path: Path, decision: dict) -> None:
    text = path.read_bytes().decode('utf-8')
    families = {f.name: f for f in text_string_to_metric_families(text)}
    samples = [row.rsplit(' ', 1)[0] for row in text.splitlines() if not row.startswith('#')]
    if len(set(samples)) != len(samples):
        fault(where, 'a sample stands twice')
    on = lambda name: [s.labels for s in families[name].samples if s.value == 1]
    if [s['quorate_decision'] for s in on('quorate_decision')] != [decision['decision']]:
        fault(where, f'the decision is {on("quorate_decision")}')
    found = {s['gate']: s['quorate_gate'].replace(' ', '-') for s in on('quorate_gate')}
    excluded = {e['gate'] for e in decision['exclusions']}
    wanted = {g['id']: g['verdict'] for g in decision['gates'] if g['required'] or g['id'] in excluded}
    if found != wanted:
        fault(where, sorted(set(found.items()) ^ set(wanted.items()))[:8])


def commands(text: str) -> list[tuple[str, str, str]]:
    """What GitHub's runner takes for commands in a step's output: name, properties, message. Lines split at CR and LF; `::name props::message` at the
    start of a line, the older `##[name props]message` anywhere in it; nothing between stop-commands and its token."""
    found, token = [], None
    for row in re.split('\r\n|\r|\n', text):
        new = re.match(r'\s*::([^:\s]+)\s*(.*?)::(.*)', row)
        old = re.search(r'##\[([^\]\s]+)\s*([^\]]*)\](.*)', row)
        name, props, message = new.groups() if new else old.groups() if old else (None, '', '')
        if token is not None:
            token = None if name == token else token
        elif name == 'stop-commands':
            token = message.strip()
        elif name in COMMANDS:
            found.append((name, props, message))
    if token is not None:
        found.append(('stop-commands', token, 'is never ended'))
    return found


def github(where: str, folder: Path, decision: dict, gates: dict[str, str], contract: str) -> None:
    stated = commands((folder / 'log.txt').read_bytes().decode('utf-8'))
    if any(name != 'error' for name, _, _ in stated) or len(stated) > MOST_ANNOTATIONS:
        fault(where, f'the runner would take {[s for s in stated if s[0] != "error"][:3]} for commands, {len(stated)} in all')
    unescape = lambda s: s.replace('%0D', '\r').replace('%0A', '\n').replace('%3A', ':').replace('%2C', ',').replace('%25', '%')
    titles = [dict(p.split('=', 1) for p in props.split(',')) for _, props, _ in stated]
    named = [unescape(t['title']).split(' ')[0] for t in titles if 'file' in t]
    lines(where, {gate: int(t['line']) for gate, t in zip(named, (t for t in titles if 'file' in t))}, contract)
    open_gates = [g for g, how in gates.items() if how in ('fail', 'inconclusive')]
    if not set(named) <= set(open_gates) or len(named) != min(9, len(open_gates)) or len(stated) != min(10, len(open_gates)):
        fault(where, f'{len(open_gates)} gates are open, but the annotations name {named}')
    summary = (folder / 'summary.md').read_bytes()
    if len(summary) > MOST_SUMMARY or decision['decision'].upper().encode() not in summary[:600]:
        fault(where, f'the summary has {len(summary)} bytes and begins {summary[:200]!r}')
    values = dict(row.split('=', 1) for row in (folder / 'outputs.txt').read_text('utf-8').splitlines())
    if values['decision'] != decision['decision'] or set(values) != {'decision', 'package', 'root'}:
        fault(where, values)


def hidden(where: str, path: Path) -> None:
    text = path.read_bytes().decode('utf-8')
    found = HIDDEN.search(text)
    if found:
        fault(where, f'a hidden character {found.group()!r} after {text[max(0, found.start() - 60):found.start()]!r}')
    if 'W' * 5000 in text:
        fault(where, 'a word of more than 5,000 characters')


def one(package: Path) -> None:
    before, name = len(faults), package.name
    decision = json.loads((package / 'data/decision.json').read_text('utf-8'))
    for error in list(DECISION.iter_errors(decision))[:5]:
        fault(f'{name}: decision.json', f'{error.json_path}: {error.message}')
    gates, folder = ended(decision), packages / 'ci' / name
    junit(f'{name}: junit', folder / 'junit.xml', gates)
    contract = (package / 'data/contract/contract.toml').read_text('utf-8')
    sarif(f'{name}: sarif', folder / 'quorate.sarif', gates, contract)
    ctrf(f'{name}: ctrf', folder / 'ctrf.json', gates)
    metrics(f'{name}: metrics', folder / 'metrics.txt', decision)
    github(f'{name}: github', folder, decision, gates, contract)
    for path in sorted([*folder.iterdir(), *(package / 'data/report').rglob('*')]):
        if path.is_file():
            hidden(f'{name}: {path.name}', path)
    words = sorted(set(gates.values()))
    print(f'{"ok" if len(faults) == before else "FAULTY"}  {name}: {decision["decision"]}, {len(gates)} gates ({", ".join(words)})')


found = [p for p in sorted(packages.iterdir()) if (p / 'data/decision.json').is_file()]
if not found:
    fault(str(packages), 'no package')
for each in found:
    try:
        one(each)
    except Exception as error:  # a file that cannot be read at all is a fault like any other
        fault(each.name, f'{type(error).__name__}: {error}')
for text in faults:
    print(text, file=sys.stderr)
sys.exit(1 if faults else 0)
