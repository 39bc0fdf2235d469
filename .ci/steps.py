"""Runs the steps of ci/action.yml and the script of ci/gitlab.yml as their runners would. In: the binary and an empty folder. Each is run on a release that
is accepted and on one that is rejected: the exit code must go through, and everything that the files promise must be there both times."""

import os
import re
import subprocess
import sys
from pathlib import Path

from ruamel.yaml import YAML

quorate, work = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
root = Path(__file__).resolve().parent.parent
faults: list[str] = []
CONTRACTS = {'ensemble': 0, 'command-service': 1}


def load(name: str) -> dict:
    return YAML(typ='safe').load((root / 'ci' / name).read_text('utf-8'))


def demand(holds: bool, what: str) -> None:
    if not holds:
        faults.append(what)


def shell(script: str, folder: Path, more: dict[str, str]) -> int:
    """As both runners call it: bash that stops at the first failure."""
    env = {'PATH': f'{work / "bin"}:{os.environ["PATH"]}', 'HOME': str(folder), **more}
    done = subprocess.run(['bash', '--noprofile', '--norc', '-eo', 'pipefail', '-c', script], cwd=folder, env=env, capture_output=True, text=True)
    (folder / 'log.txt').write_text(done.stdout + done.stderr, 'utf-8')
    return done.returncode


def place(name: str) -> Path:
    folder = work / name
    folder.mkdir(parents=True)
    for part in ('contracts', 'evidence'):
        (folder / part).symlink_to(root / part)
    return folder


def filled(text: str, inputs: dict[str, str]) -> str:
    return re.sub(r'\$\{\{ inputs\.([\w-]+) \}\}', lambda m: inputs[m.group(1)], text)


def action(contract: str, code: int) -> None:
    spec, folder = load('action.yml'), place(f'action-{contract}')
    given = {'contract': f'contracts/{contract}/contract.toml'}
    inputs = {name: given.get(name, str(i.get('default', ''))) for name, i in spec['inputs'].items()}
    codes, values = [], {}
    for step in spec['runs']['steps']:
        if 'uses' in step:
            demand('always()' in step.get('if', ''), f'action: {step["uses"]} is skipped when the release is rejected')
            demand((folder / filled(step['with']['path'], inputs)).is_dir(), f'action: nothing to upload for {contract}')
            continue
        files = {name: folder / f'{name}.txt' for name in ('GITHUB_STEP_SUMMARY', 'GITHUB_OUTPUT')}
        env = {k: filled(v, inputs) for k, v in step.get('env', {}).items()}
        codes.append(shell(step['run'], folder, {**env, **{k: str(v) for k, v in files.items()}}))
        demand('${{' not in step['run'], 'action: an expression inside a script can be made to run words of others')
        demand(files['GITHUB_STEP_SUMMARY'].stat().st_size > 1000, f'action: no summary for {contract}')
        values[step['id']] = dict(row.split('=', 1) for row in files['GITHUB_OUTPUT'].read_text('utf-8').splitlines())
    demand(codes == [code], f'action: exit codes {codes} for {contract}')
    for name, output in spec['outputs'].items():
        step, value = re.fullmatch(r'\$\{\{ steps\.(\w+)\.outputs\.(\w+) \}\}', output['value']).groups()
        demand(bool(values[step].get(value)), f'action: the output {name} is empty for {contract}')
    for name in ('junit.xml', 'quorate.sarif', 'ctrf.json', 'metrics.txt'):
        demand((folder / inputs['out'] / name).is_file(), f'action: no {name} for {contract}')


def gitlab(contract: str, code: int) -> None:
    folder = place(f'gitlab-{contract}')
    jobs = load('gitlab.yml')
    demand(any(not name.startswith('.') for name in jobs), 'gitlab: every job is hidden, so that who includes the file runs nothing')
    for name, job in jobs.items():
        variables = {k: str(v) for k, v in job.get('variables', {}).items()}
        script = '\n'.join(job['script'])
        found = shell(script, folder, {**variables, 'CONTRACT': f'contracts/{contract}/contract.toml'})
        demand(found == code, f'gitlab: {name} ends with {found} for {contract}')
        demand(job['artifacts']['when'] == 'always', f'gitlab: {name} keeps nothing of a rejected release')
        for path in [*job['artifacts']['paths'], *job['artifacts']['reports'].values()]:
            demand((folder / path).exists(), f'gitlab: {name} has no {path} for {contract}')


(work / 'bin').mkdir(parents=True)
(work / 'bin/quorate').symlink_to(quorate)
for contract, code in CONTRACTS.items():
    action(contract, code)
    gitlab(contract, code)
for text in faults:
    print(text, file=sys.stderr)
sys.exit(1 if faults else 0)
