//! Whether what is judged was declared before it was run: the digests of locks in the evidence.
//!
//! In: the locks, the digests of contract and matrix, and which lock each file names. Out: one judgement on the release.

use crate::contract::{Lock, chain_faults};
use crate::evidence::Artifact;
use crate::gate::ReleaseCx;
use crate::verdict::{Finding, Gap, Judged, Judgement, SourceRef};
use crate::words::plural;

/// What is wrong with one file: `true` when it disproves, `false` when it does not prove.
fn wrong(cx: &ReleaseCx<'_>, artifact: &Artifact) -> Option<(bool, String)> {
    let Some(digest) = artifact.lock.as_deref() else {
        return Some((false, format!("{} carries no digest of a lock", artifact.path)));
    };
    let Some(lock) = cx.locks.iter().find(|l| l.sha256 == digest) else {
        return Some((true, format!("{} was recorded under lock sha256:{digest}, which is not disclosed", artifact.path)));
    };
    stale(cx, lock)
        .map(|what| (true, format!("{} was recorded under lock {}, which holds another {what}", artifact.path, lock.sequence)))
}

/// What a lock holds that is not what is judged.
fn stale(cx: &ReleaseCx<'_>, lock: &Lock) -> Option<&'static str> {
    let digest = |source: crate::source::SourceId| cx.digests.get(source.0 as usize).map(|d| &**d);
    if digest(cx.contract.source) != Some(lock.contract.as_str()) {
        Some("contract")
    } else if digest(cx.matrix.source) != Some(lock.matrix.as_str()) {
        Some("matrix")
    } else {
        None
    }
}

/// How evidence was picked from several attempts, if it was: whoever may run again until each test has passed once proves little.
fn picked(cx: &ReleaseCx<'_>, files: &[&Artifact]) -> Option<String> {
    let recorded = |lock: &Lock| files.iter().filter(|a| a.lock.as_deref() == Some(lock.sha256.as_str())).count();
    let used: Vec<(u64, usize)> = cx.locks.iter().map(|l| (l.sequence, recorded(l))).filter(|(_, n)| *n > 0).collect();
    let newest = cx.locks.last()?.sequence;
    if used.len() > 1 {
        let each = used.iter().map(|(lock, n)| format!("{} under lock {lock}", plural(*n, "file", "files")));
        let each = each.collect::<Vec<_>>().join(", ");
        return Some(format!("evidence of {} attempts is mixed: {each}; a release rests on one attempt, the newest", used.len()));
    }
    let held = used.iter().all(|(lock, _)| *lock != newest);
    held.then(|| format!("nothing was recorded under the newest lock, {newest}: what came of that attempt is not shown"))
}

/// One finding a lock: an attempt, with what was recorded under it.
fn attempt(cx: &ReleaseCx<'_>, lock: &Lock, files: &[&Artifact]) -> Finding {
    let recorded = files.iter().filter(|a| a.lock.as_deref() == Some(lock.sha256.as_str())).count();
    Finding::new("attempt")
        .with("lock", lock.sequence)
        .with("files", recorded)
        .with("declares", stale(cx, lock).map_or("what is judged".to_string(), |what| format!("another {what}")))
        .with("reason", lock.reason.as_deref().unwrap_or("first lock"))
        .with("signed", if lock.signed { "yes" } else { "no" })
        .source(SourceRef { path: format!("lock/{}", lock.path).into(), sha256: lock.sha256.as_str().into(), line: None })
}

pub(super) fn declared_before_run(cx: &ReleaseCx<'_>) -> Judged {
    let files: Vec<&Artifact> = cx.evidence.artifacts.iter().filter(|a| !a.sha256.is_empty()).collect();
    if cx.locks.is_empty() && files.iter().all(|a| a.lock.is_none()) {
        return Err(Gap::new("there is no lock: nothing shows that the contract came before the run"));
    }
    let attempts = || cx.locks.iter().map(|lock| attempt(cx, lock, &files));
    if let Some((path, why)) = chain_faults(cx.locks).into_iter().next() {
        return Ok(Judgement::fail(format!("the chain of locks is broken: {path}: {why}"), files.len()).findings(attempts()));
    }
    let mut found: Vec<(bool, String, &Artifact)> =
        files.iter().filter_map(|a| wrong(cx, a).map(|(disproves, why)| (disproves, why, *a))).collect();
    found.sort_by_key(|f| !f.0);
    let told: Vec<Finding> =
        found.iter().map(|(_, why, a)| Finding::new("not-declared-before").with("why", why).source(a.source())).collect();
    let count = files.len();
    let judgement = match (found.first(), cx.locks.last()) {
        (Some((true, why, _)), _) => Judgement::fail(why.clone(), count),
        (_, Some(head)) if stale(cx, head).is_some() => {
            let what = stale(cx, head).unwrap_or_default();
            Judgement::fail(format!("the {what} that is judged is not that of the newest lock, {}", head.sequence), count)
        }
        (Some((false, why, _)), _) => {
            Judgement::inconclusive(format!("{why} ({} of {count} files carry none)", found.len()), count)
        }
        (None, _) if picked(cx, &files).is_some() => Judgement::inconclusive(picked(cx, &files).unwrap_or_default(), count),
        (None, _) => {
            let locks = plural(cx.locks.len(), "lock, unbroken", "locks, unbroken");
            let carry = plural(count, "file carries the digest of a lock", "files carry the digest of a lock");
            Judgement::pass(format!("{carry} of what is judged; {locks}"), count)
        }
    };
    Ok(judgement.findings(attempts()).findings(told))
}
