//! Integrity: whether the evidence itself can carry a verdict.

mod beside;

use super::{Gate, Judge, Outcome, ReleaseCx, TestCx};
use crate::evidence::clocks::{Key, key};
use crate::evidence::kinds::{Injection, OpKind, Operation, Outcome as Told, ReadPath, Sample};
use crate::evidence::symbol::Sym;
use crate::evidence::{Artifact, Part, RowId, Rows, State};
use crate::verdict::{Figure, Finding, Gap, Judged, Judgement, SourceRef, Verdict};
use crate::words::plural;
use beside::{astray, other_faults};
use std::collections::{BTreeMap, BTreeSet};

pub(super) const GATES: &[Gate] = &[
    Gate {
        id: "integrity.artifacts",
        title: "every artifact is there, hashed and whole",
        proves: "Every file that the matrix binds was there, hashed, shown to be whole and read to its last byte, every required kind is bound, and \
                 the fault records of each test are as many as it declares, and of its failure model.",
        blind: "A file can be whole and wrong: who wrote it is taken from its header or the matrix. Faults are counted only where the test declares \
                how many it injects.",
        needs: &[],
        safety: true,
        judge: Judge::Release(artifacts),
    },
    Gate {
        id: "integrity.fields",
        title: "histories carry the minimum fields",
        proves: "Operations carry invocation and response time, client, command id, term, leader, commit index, observed version and result, and \
                 contradict neither themselves nor one another; a command id names one command, and no attempt lies outside of its operation.",
        blind: "Reads need no command id, and those that say that one member answered alone, or that they are degraded, need no term, leader and commit \
                index. A leader may be told by the samples of the members for the term of the answer. Whether the values are true is for other gates.",
        needs: &["history"],
        safety: true,
        judge: Judge::Test(fields),
    },
    Gate {
        id: "integrity.no-vacuous",
        title: "no gate passed on nothing",
        proves: "Every gate that passed names how many records it judged, no record counts twice in one test, and every history that a test requires has \
                 successful operations.",
        blind: "A gate that judged few records passed on few records: how many is shown, whether they are enough is for the gate. Records that were \
                copied and altered are not recognised.",
        needs: &[],
        safety: true,
        judge: Judge::Outcomes(no_vacuous),
    },
];

fn artifacts(cx: &ReleaseCx<'_>) -> Judged {
    let all = &cx.evidence.artifacts;
    let broken: Vec<(&Artifact, String)> = all.iter().filter_map(|a| Some((a, flaw(a)?))).collect();
    let unbound: Vec<String> = unbound(cx);
    let (mut wrong, mut untold) = injections(cx);
    untold.extend(other_faults(cx));
    wrong.extend(cx.matrix.tests.iter().flat_map(|test| faults_named_twice(cx, &test.id.value)));
    let synthetic = all.iter().filter(|a| a.synthetic).count();
    let figures = vec![
        count("artifacts", "files that the matrix binds", all.len()),
        count("synthetic-artifacts", "files whose header says that they were generated", synthetic),
    ];
    let mut findings = wrong.clone();
    findings.extend(broken.iter().map(|(a, why)| {
        let finding = Finding::new("artifact-not-whole").with("path", &a.path).with("why", why);
        if a.sha256.is_empty() { finding } else { finding.source(a.source()) }
    }));
    let judgement = if let Some(first) = wrong.first() {
        let word = |key: &str| first.data.get(key).cloned().unwrap_or_default();
        let why = match first.claim.as_str() {
            "fault-named-twice" => format!("test {} has two records of fault {}", word("test"), word("fault")),
            _ => format!("test {} declares {} injections, its records show {}", word("test"), word("declared"), word("recorded")),
        };
        Judgement::fail(why, all.len())
    } else if let Some((artifact, why)) = broken.first() {
        Judgement::inconclusive(
            format!("{} of {} artifacts are not whole: {} {why}", broken.len(), all.len(), artifact.path),
            all.len(),
        )
    } else if let Some(why) = unbound.first().or(untold.first()) {
        Judgement::inconclusive(why.clone(), all.len())
    } else {
        Judgement::pass(format!("{} artifacts are there, hashed and whole", all.len()), all.len())
    };
    Ok(Judgement { figures, ..judgement }.findings(findings))
}

fn count(id: &str, formula: &str, value: usize) -> Figure {
    Figure {
        id: id.into(),
        symbol: "n".into(),
        formula: formula.into(),
        substitution: value.to_string(),
        value: value.to_string(),
        unit: String::new(),
        sources: Vec::new(),
    }
}

/// What is wrong with an artifact as a whole. One that belongs to another test proves nothing about this one.
fn flaw(artifact: &Artifact) -> Option<String> {
    match &artifact.state {
        State::Whole if artifact.sha256.is_empty() => Some("has no digest".into()),
        State::Whole => None,
        State::Absent => Some("is missing".into()),
        State::Empty => Some("is empty".into()),
        State::Unproven(why) | State::Foreign(why) => Some(why.clone()),
    }
}

/// Required kinds that a test does not bind.
fn unbound(cx: &ReleaseCx<'_>) -> Vec<String> {
    let missing = |test: &crate::contract::Test| {
        let kinds = test.requires.iter().filter(|k| !cx.evidence.binds(&test.id.value, &k.value));
        kinds.map(|k| format!("test {} requires {} and binds none", test.id.value, k.value)).collect::<Vec<_>>()
    };
    cx.matrix.tests.iter().flat_map(missing).collect()
}

/// Tests whose fault records are not as many as declared, and tests that declare faults of which nothing tells.
fn injections(cx: &ReleaseCx<'_>) -> (Vec<Finding>, Vec<String>) {
    let (mut wrong, mut untold) = (Vec::new(), Vec::new());
    for test in &cx.matrix.tests {
        let Some(declared) = &test.injections else { continue };
        let recorded = match cx.evidence.rows::<Injection>(&test.id.value) {
            Ok(rows) => rows.len() as u64,
            Err(_) if declared.value == 0 && !cx.evidence.binds(&test.id.value, "faults") => 0,
            Err(gap) => {
                untold.push(format!("test {} declares {} injections: {}", test.id.value, declared.value, gap.why));
                continue;
            }
        };
        if recorded != declared.value {
            let finding = Finding::new("injections-differ")
                .with("test", &test.id.value)
                .with("declared", declared.value)
                .with("recorded", recorded);
            wrong.push(finding.source(cx.declared(declared.span)));
        }
    }
    (wrong, untold)
}

/// Faults of a test of which two records have one id: one of them would count for another.
fn faults_named_twice(cx: &ReleaseCx<'_>, test: &str) -> Vec<Finding> {
    let Ok(rows) = cx.evidence.rows::<Injection>(test) else { return Vec::new() };
    let mut known: BTreeMap<Sym, RowId> = BTreeMap::new();
    let mut found = Vec::new();
    for (id, fault) in rows.iter() {
        if let Some(other) = known.insert(fault.id, id) {
            let finding = Finding::new("fault-named-twice").with("test", test).with("fault", cx.evidence.text(fault.id));
            found.push(finding.source(rows.source(other)).source(rows.source(id)));
        }
    }
    found
}

/// Whether an answer rests on a leader: all but those of a read that says that one member answered it alone, or that it is degraded.
fn by_leader(op: &Operation) -> bool {
    let alone = matches!(op.path, Some(ReadPath::Follower | ReadPath::Cache)) || op.degraded == Some(true);
    op.result == Told::Ok && !(op.op == OpKind::Read && alone)
}

/// A field of the minimum, whether an operation that should have it has it, and the gates that are weaker without it.
struct Wanted {
    name: &'static str,
    applies: fn(&Operation) -> bool,
    has: fn(&Operation) -> bool,
    weakens: &'static str,
}

const WANTED: [Wanted; 6] = [
    Wanted {
        name: "return",
        applies: |op| op.result == Told::Ok,
        has: |op| op.returned.is_some(),
        weakens: "consistency.linearizable, consistency.read-freshness, latency.write-p99 and latency.read-p99",
    },
    Wanted {
        name: "command-id",
        applies: |op| op.op != OpKind::Read,
        has: |op| op.command_id.is_some(),
        weakens: "commands.no-duplicates, commands.none-missing, commands.unknown-resolved and log.no-loss",
    },
    Wanted {
        name: "term",
        applies: by_leader,
        has: |op| op.term.is_some(),
        weakens: "log.continuity and fencing.no-stale-accept",
    },
    Wanted {
        name: "leader",
        applies: by_leader,
        has: |op| op.leader.is_some(),
        weakens: "fencing.no-stale-accept and log.single-leader",
    },
    Wanted {
        name: "commit-index",
        applies: by_leader,
        has: |op| op.commit_index.is_some(),
        weakens: "log.continuity and consistency.read-freshness",
    },
    Wanted {
        name: "version",
        applies: |op| op.result == Told::Ok,
        has: |op| op.version.is_some(),
        weakens: "consistency.read-freshness and consistency.linearizable",
    },
];

fn fields(cx: &TestCx<'_>) -> Judged {
    let rows = cx.rows::<Operation>()?;
    let n = rows.len();
    let mut contradictions = contradictions(cx, &rows);
    contradictions.extend(astray(cx, &rows)?);
    if let Some(first) = contradictions.first() {
        let line = first.sources.first().and_then(|s| s.line).unwrap_or(0);
        let why = format!(
            "{}: {} at line {line}",
            plural(contradictions.len(), "operation contradicts itself", "operations contradict themselves"),
            first.claim.replace('-', " ")
        );
        return Ok(Judgement::fail(why, n).findings(contradictions));
    }
    if !rows.iter().any(|(_, op)| op.result == Told::Ok) {
        return Err(Gap { why: "no operation succeeded, so no answer shows its fields".into(), sources: rows.files() });
    }
    let mut findings = Vec::new();
    let mut short: Vec<(&Wanted, usize, usize)> = Vec::new();
    for wanted in &WANTED {
        let total = rows.iter().filter(|(_, op)| (wanted.applies)(op)).count();
        let with = rows.iter().filter(|(_, op)| (wanted.applies)(op) && (wanted.has)(op)).count();
        if with == total || (wanted.name == "leader" && leaders_by_term(cx, &rows)) {
            continue;
        }
        let finding = Finding::new("field-missing").with("field", wanted.name).with("records", total - with).with("of", total);
        findings.push(finding.with("weakens", wanted.weakens));
        short.push((wanted, total - with, total));
    }
    let absent: Vec<&str> = short.iter().filter(|(_, without, total)| without == total).map(|(w, ..)| w.name).collect();
    let judgement = if let (Some(first), Some(gone)) = (short.iter().find(|s| s.1 == s.2), absent.first()) {
        let why = format!("no record carries {}; without {gone} weaker: {}", absent.join(", "), first.0.weakens);
        Judgement::inconclusive(why, n)
    } else if let Some((wanted, without, total)) = short.first() {
        let why = format!("{without} of {total} operations do not carry {}; without it weaker: {}", wanted.name, wanted.weakens);
        Judgement::inconclusive(why, n)
    } else {
        Judgement::pass(format!("all {n} operations carry the minimum fields"), n)
    };
    Ok(judgement.findings(findings))
}

/// Whether member samples name one leader for the term of every successful answer.
fn leaders_by_term(cx: &TestCx<'_>, rows: &Rows<'_, Operation>) -> bool {
    let Ok(Some(samples)) = cx.rows_if_bound::<Sample>() else { return false };
    let mut leaders: BTreeMap<i64, BTreeSet<Sym>> = BTreeMap::new();
    for (_, sample) in samples.iter() {
        if let (Some(term), Some(leader)) = (sample.term, sample.leader) {
            leaders.entry(term).or_default().insert(leader);
        }
    }
    let named = |term: i64| leaders.get(&term).is_some_and(|l| l.len() == 1);
    rows.iter().filter(|(_, op)| by_leader(op) && op.leader.is_none()).all(|(_, op)| op.term.is_some_and(named))
}

/// When an operation was sent and returned, and its record.
type Span = (i64, i64, RowId);

/// Operations that return before they are sent, succeed without an answer, or overlap in one process.
fn contradictions(cx: &TestCx<'_>, rows: &Rows<'_, Operation>) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut processes: BTreeMap<(Key<'_>, Sym), Vec<Span>> = BTreeMap::new();
    for (id, op) in rows.iter() {
        match op.returned {
            Some(returned) if returned < op.invoke => {
                found.push(Finding::new("returned-before-it-was-sent").source(rows.source(id)))
            }
            None if op.result == Told::Ok => found.push(Finding::new("ok-without-an-answer").source(rows.source(id))),
            Some(returned) => {
                let process = (key(&rows.part(id).clock), op.process.unwrap_or(op.client));
                processes.entry(process).or_default().push((op.invoke.0, returned.0, id));
            }
            None => {}
        }
    }
    found.extend(reused(cx, rows));
    for ((_, process), mut operations) in processes {
        operations.sort_unstable();
        let mut last: Option<(i64, RowId)> = None;
        for (invoke, returned, id) in operations {
            if let Some((busy, other)) = last.filter(|l| invoke < l.0) {
                let finding = Finding::new("one-process-did-two-things-at-once")
                    .with("process", cx.evidence().text(process))
                    .with("overlap-ns", busy - invoke);
                found.push(finding.source(rows.source(id)).source(rows.source(other)));
            }
            if last.is_none_or(|l| returned > l.0) {
                last = Some((returned, id));
            }
        }
    }
    found
}

/// Writes that share a command id and ask for different things: the id of a command names one command over all its retries.
fn reused(cx: &TestCx<'_>, rows: &Rows<'_, Operation>) -> Vec<Finding> {
    let mut asked: BTreeMap<Sym, (RowId, Operation)> = BTreeMap::new();
    let mut found = Vec::new();
    for (id, op) in rows.iter().filter(|(_, op)| matches!(op.op, OpKind::Write | OpKind::Cas)) {
        let Some(command) = op.command_id else { continue };
        let (other, first) = *asked.entry(command).or_insert((id, op));
        if (first.op, first.key, first.value, first.expected) != (op.op, op.key, op.value, op.expected) {
            let finding = Finding::new("one-command-id-names-two-commands").with("command", cx.evidence().text(command));
            found.push(finding.source(rows.source(id)).source(rows.source(other)));
        }
    }
    found
}

fn no_vacuous(cx: &ReleaseCx<'_>, outcomes: &[Outcome]) -> Judged {
    let passed: Vec<&Outcome> = outcomes.iter().filter(|o| o.verdict == Verdict::Pass).collect();
    let empty = passed.iter().filter(|o| o.judged() == 0);
    let mut wrong: Vec<Finding> = empty.map(|o| Finding::new("passed-on-nothing").with("gate", o.gate.id)).collect();
    wrong.extend(counted_twice(cx));
    if let Some(first) = wrong.first() {
        let particulars: Vec<String> = first.data.iter().map(|(k, v)| format!("{k} {v}")).collect();
        let why = format!("{}: {}", first.claim.replace('-', " "), particulars.join(", "));
        return Ok(Judgement::fail(why, passed.len()).findings(wrong));
    }
    for test in cx.matrix.of_system().filter(|t| t.requires("history")) {
        let rows = cx.evidence.rows::<Operation>(&test.id.value)?;
        if !rows.iter().any(|(_, op)| op.result == Told::Ok) {
            let why = format!(
                "vacuous: the history of test {} records {} operations and none that succeeded",
                test.id.value,
                rows.len()
            );
            return Err(Gap { why, sources: rows.files() });
        }
    }
    if passed.is_empty() {
        return Err(Gap::new("no gate passed, so there is nothing to weigh"));
    }
    let judged = passed.iter().map(|o| o.judged()).sum::<u64>();
    let fewest = passed
        .iter()
        .min_by_key(|o| o.judged())
        .map_or(String::new(), |o| format!("; the fewest, {}, by {}", o.judged(), o.gate.id));
    let synthetic = cx.evidence.artifacts.iter().filter(|a| a.synthetic).count();
    let why = format!("{} gates passed on {judged} judged records{fewest}", passed.len());
    Ok(Judgement::pass(why, passed.len()).figure(count("passing-gates", "gates that passed", passed.len())).figure(count(
        "synthetic-artifacts",
        "files whose header says that they were generated",
        synthetic,
    )))
}

/// Rows of one kind that one test holds twice: the same cells from the same line of the same bytes. A finding for each part that holds rows of an
/// earlier one.
fn counted_twice(cx: &ReleaseCx<'_>) -> Vec<Finding> {
    let artifact = |part: &Part| &cx.evidence.artifacts[part.artifact];
    let mut alike: BTreeMap<(&str, &str, &str), Vec<&Part>> = BTreeMap::new();
    for part in &cx.evidence.parts {
        alike.entry((&part.test, part.kind, &artifact(part).sha256)).or_default().push(part);
    }
    let mut found = Vec::new();
    for ((test, kind, _), parts) in alike.iter().filter(|(_, parts)| parts.len() > 1) {
        for (later, (lines, first, earlier)) in same_rows(parts) {
            let line = |at: usize| SourceRef { line: Some(u64::from(first)), ..artifact(parts[at]).source() };
            let finding = Finding::new("records-count-twice").with("test", test).with("kind", kind).with("records", lines);
            found.push(finding.source(line(earlier)).source(line(later)));
        }
    }
    found
}

/// By table: how many of its rows an earlier table holds too, the line of the first of them, and which table that is. Rows are put in order, not held
/// against each other table by table: a matrix may bind one file ten thousand times.
fn same_rows(parts: &[&Part]) -> BTreeMap<usize, (usize, u32, usize)> {
    let cells = |(_, at, row): &(u32, usize, usize)| parts[*at].table.columns.iter().map(|c| c.get(*row)).collect::<Vec<_>>();
    let rows = parts
        .iter()
        .enumerate()
        .flat_map(|(at, part)| part.table.lines.iter().enumerate().map(move |(row, line)| (*line, at, row)));
    let mut rows: Vec<(u32, usize, usize)> = rows.collect();
    rows.sort_unstable();
    let mut same: BTreeMap<usize, (usize, u32, usize)> = BTreeMap::new();
    for line in rows.chunk_by(|a, b| a.0 == b.0).filter(|line| line.len() > 1) {
        let mut first: BTreeMap<Vec<i64>, usize> = BTreeMap::new();
        for row in line {
            let earlier = *first.entry(cells(row)).or_insert(row.1);
            if earlier != row.1 {
                same.entry(row.1).or_insert((0, row.0, earlier)).0 += 1;
            }
        }
    }
    same
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{Clock, ClockKind, Model, NilRead, Origin, TimeUnit, parse_contract, parse_matrix};
    use crate::evidence::Evidence;
    use crate::evidence::table::{Column, Table};
    use crate::source::Sources;

    /// What the gate says when another gate has passed on so many records.
    fn after_a_pass_on(judged: u64) -> Judgement {
        let texts = [
            include_str!("../../tests/data/gates/contract.toml"),
            include_str!("../../tests/data/gates/log.matching/matrix.toml"),
        ];
        let mut sources = Sources::default();
        let (c, m) = (sources.add("contract.toml", texts[0]), sources.add("matrix.toml", texts[1]));
        let contract = parse_contract(c, texts[0]).unwrap();
        let matrix = parse_matrix(m, texts[1], Some(&contract)).unwrap();
        let evidence = Evidence::default();
        let cx =
            ReleaseCx { contract: &contract, matrix: &matrix, evidence: &evidence, sources: &sources, digests: &[], locks: &[] };
        let judgement = Judgement { judged, ..Judgement::pass("by hand", 1) };
        let tests = vec![super::super::TestOutcome { test: "t1".into(), judgement }];
        let gate = super::super::gate("log.matching").unwrap();
        no_vacuous(&cx, &[Outcome { gate, verdict: Verdict::Pass, why: String::new(), tests }]).unwrap()
    }

    #[test]
    fn rows_of_many_tables_are_counted_once_a_table() {
        let part = |lines: &[u32], cells: &[i64]| Part {
            artifact: 0,
            test: "t".into(),
            kind: "faults",
            origin: Origin::Client,
            clock: Clock { kind: ClockKind::Monotonic, id: "c".into(), unit: TimeUnit::Ns },
            model: Model { name: "register".into(), initial: None, nil_read: NilRead::Absent },
            table: Table { columns: vec![Column::Wide(cells.to_vec())], lines: lines.to_vec() }.into(),
        };
        let tables = [part(&[1, 2, 3], &[7, 8, 9]), part(&[2, 3], &[8, 5]), part(&[4], &[7]), part(&[1, 3, 3], &[7, 9, 5])];
        let same = same_rows(&tables.iter().collect::<Vec<_>>());
        assert_eq!(same.into_iter().collect::<Vec<_>>(), [(1, (1, 2, 0)), (3, (3, 1, 0))]);
    }

    #[test]
    fn a_pass_on_nothing_is_found() {
        let judgement = after_a_pass_on(0);
        assert_eq!((judgement.verdict, judgement.findings[0].claim.as_str()), (Verdict::Fail, "passed-on-nothing"));
        assert_eq!(judgement.why, "passed on nothing: gate log.matching");
        assert_eq!(after_a_pass_on(1).verdict, Verdict::Pass);
    }
}
