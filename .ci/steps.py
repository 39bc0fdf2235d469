"""Runs the steps of ci/action.yml and the script of ci/gitlab.yml as their runners would. In: the binary and an empty folder. Each is run on a release that
is accepted and on one that is rejected: the exit code must go through, and everything that the files promise must be there both times. Then in folders
in which an accepted release lies, with evidence that cannot be read and with contracts that look like options: nothing of the accepted release may be kept
as if it were of this run, and no step may end well."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from ruamel.yaml import YAML

quorate, work = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
root = Path(__file__).resolve().parent.parent
faults: list[str] = []
CONTRACTS = {'ensemble': (0, 'accept'), 'command-service': (1, 'reject')}


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


def filled(text: str, values: dict[str, str]) -> str:
    return re.sub(r"\$\{\{ ([\w.-]+)(?: \|\| '(\w+)')? \}\}", lambda m: values.get(m.group(1)) or m.group(2) or '', text)


def action(folder: Path, contract: str, **given: str) -> tuple[int, dict[str, str], list[str]]:
    """Runs the action; gives the exit code, its outputs, and the paths that are uploaded and exist."""
    spec, code, kept, steps = load('action.yml'), 0, [], {}
    values = {f'inputs.{name}': str(i.get('default', '')) for name, i in spec['inputs'].items()}
    values |= {f'inputs.{name}': value for name, value in {'contract': contract, **given}.items()}
    for step in spec['runs']['steps']:
        if 'uses' in step:
            demand('always()' in step.get('if', ''), f'action: {step["uses"]} is skipped when the release is rejected')
            demand(re.search('@[0-9a-f]{40}$', step['uses']) is not None, f'action: {step["uses"]} is not pinned')
            kept += [folder / path for path in filled(step['with']['path'], values).split('\n') if path and (folder / path).exists()]
            continue
        files = {name: folder / f'{name}.txt' for name in ('GITHUB_STEP_SUMMARY', 'GITHUB_OUTPUT')}
        for file in files.values():
            file.unlink(missing_ok=True)
        env = {k: filled(v, values) for k, v in step.get('env', {}).items()}
        code = shell(step['run'], folder, {**env, **{k: str(v) for k, v in files.items()}})
        demand('${{' not in step['run'], 'action: an expression inside a script can be made to run words of others')
        rows = files['GITHUB_OUTPUT'].read_text('utf-8').splitlines() if files['GITHUB_OUTPUT'].exists() else []
        values |= {f'steps.{step["id"]}.outputs.{row.split("=", 1)[0]}': row.split('=', 1)[1] for row in rows}
    return code, {name: filled(output['value'], values) for name, output in spec['outputs'].items()}, [str(k.relative_to(folder)) for k in kept]


def gitlab(folder: Path, contract: str) -> tuple[int, list[str]]:
    """Runs the jobs that a pipeline would run; gives the last exit code, and the paths that are kept and exist."""
    jobs = {name: job for name, job in load('gitlab.yml').items() if not name.startswith('.')}
    demand(bool(jobs), 'gitlab: every job is hidden: who includes the file runs nothing')
    code, kept = 0, []
    for name, job in jobs.items():
        variables = {k: str(v) for k, v in job.get('variables', {}).items()}
        code = shell('\n'.join([*job.get('before_script', []), *job['script']]), folder, {**variables, 'CONTRACT': contract})
        demand(job['artifacts']['when'] == 'always', f'gitlab: {name} keeps nothing of a rejected release')
        kept += [path for path in [*job['artifacts']['paths'], *job['artifacts']['reports'].values()] if (folder / path).exists()]
    return code, kept


def judged(contract: str, code: int, decision: str) -> None:
    """A release that is judged: the exit code goes through, and all is there."""
    path, folder = f'contracts/{contract}/contract.toml', place(f'action-{contract}')
    found, outputs, kept = action(folder, path)
    demand(found == code, f'action: exit code {found} for {contract}')
    demand(outputs['decision'] == decision, f'action: decision {outputs["decision"]} for {contract}')
    for name, value in outputs.items():
        demand(bool(value), f'action: the output {name} is empty for {contract}')
    demand(len(kept) == 6, f'action: only {kept} is kept for {contract}')
    demand((folder / 'GITHUB_STEP_SUMMARY.txt').stat().st_size > 1000, f'action: no summary for {contract}')
    found, kept = gitlab(place(f'gitlab-{contract}'), path)
    demand(found == code, f'gitlab: exit code {found} for {contract}')
    demand(len(kept) == 3, f'gitlab: only {kept} is kept for {contract}')


def unjudged() -> None:
    """A workspace that was kept: of the accepted release in it, nothing is handed on once a run has judged nothing."""
    for made, what in ((action, 'action'), (gitlab, 'gitlab')):
        folder = work / f'{what}-kept'
        shutil.copytree(root / 'contracts/ensemble', folder / 'contracts/ensemble')
        shutil.copytree(root / 'evidence/ensemble', folder / 'evidence/ensemble')
        contract = 'contracts/ensemble/contract.toml'
        demand(made(folder, contract)[0] == 0, f'{what}: the release is not accepted')
        out, accepted = folder / ('out' if what == 'action' else 'quorate-out'), work / f'{what}-accepted'
        out.rename(accepted)
        for name in sorted(folder.glob('evidence/ensemble/**/*.jsonl*'))[:1]:
            name.write_bytes(b'\x1f\x8bgarbage')
        for words in (contract, '--help', '-h', '--version', '', 'nowhere.toml', '$(true)'):
            shutil.copytree(accepted, out, dirs_exist_ok=True)
            result = made(folder, words)
            kept = result[-1]
            demand(result[0] not in (0, 1, 2), f'{what}: exit code {result[0]} for the contract {words!r}')
            demand(not any('ensemble-' in path for path in kept), f'{what}: {kept} is kept although nothing was judged ({words!r})')
            for path in (folder / p for p in kept if p.endswith('junit.xml')):
                demand('<error ' in path.read_text('utf-8') and 'quorate.release' in path.read_text('utf-8'), f'{what}: an old {path} for {words!r}')
            if what == 'action':
                demand(result[1]['decision'] == 'error', f'action: decision {result[1]["decision"]!r} for {words!r}')
            else:
                demand(not any((folder / 'quorate-out').glob('ensemble-*')), f'gitlab: an old package for {words!r}')


(work / 'bin').mkdir(parents=True)
(work / 'bin/quorate').symlink_to(quorate)
for contract, (code, decision) in CONTRACTS.items():
    judged(contract, code, decision)
unjudged()
for text in faults:
    print(text, file=sys.stderr)
sys.exit(1 if faults else 0)
