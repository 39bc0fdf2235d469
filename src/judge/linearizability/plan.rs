//! Chooses a method for each key: the fastest whose preconditions hold exactly, else a search.

use super::blocks::{self, Clash, Said, Scratch};
use super::elements::{Ops, Special, gather};
use super::groups::{Groups, in_parallel};
use super::history::History;
use super::outcome::{Counterexample, DataType, Gap, KeyVerdict, Method, Outcome, Settings, Undecided, Verdict};
use super::profile::Profile;
use super::versions::{self, Swept};
use super::{builtin, counter, log, mutex, queue, register_case, set, stack, whole_set, witness};

/// A verdict with the way it was reached.
pub(super) struct Judged {
    pub(super) verdict: Verdict,
    pub(super) method: Method,
    pub(super) why: &'static str,
}

/// Judges every key of a history.
pub fn check(history: &History, data: DataType, settings: &Settings) -> Outcome {
    let profile = Profile::new(history, data);
    let mut judged: Vec<Option<Judged>> = profile.of.iter().map(without_looking).collect();
    if settings.stopped() {
        judged.iter_mut().filter(|judged| judged.is_none()).for_each(|judged| *judged = Some(gave_up()));
    }
    let mut reasons = vec!["no faster method applies"; judged.len()];
    let mut clashes: Vec<Option<versions::Clash>> = Vec::new();
    if data == DataType::Register {
        if settings.use_versions && history.has_versions() {
            clashes = by_versions(history, &profile, settings, &mut judged, &mut reasons);
        }
        if judged.iter().any(Option::is_none) {
            by_blocks(history, &profile, settings, &mut judged, &mut reasons);
        }
    }
    let wanted: Vec<bool> = judged.iter().zip(&profile.of).map(|(judged, of)| judged.is_none() && of.operations > 0).collect();
    let mut alone: Vec<Option<Verdict>> = vec![None; judged.len()];
    if wanted.contains(&true) {
        let groups = Groups::new(history, &profile.keys, &wanted);
        let done = in_parallel(&groups, &wanted, settings.threads, |key, positions| {
            if settings.stopped() { (gave_up(), None) } else { judge_one(history, positions, data, settings, reasons[key]) }
        });
        for (key, (verdict, without_versions)) in done {
            (judged[key], alone[key]) = (Some(verdict), without_versions);
        }
    }
    set_version_clashes(history, &profile, settings, &mut judged, &mut alone, clashes);
    let keys = judged.into_iter().zip(alone).enumerate().filter_map(|(key, (judged, values_alone))| {
        let judged = judged.filter(|_| profile.of[key].operations > 0)?;
        Some(KeyVerdict {
            key: profile.keys.names[key],
            operations: profile.of[key].operations,
            ok_operations: profile.of[key].ok,
            verdict: judged.verdict,
            method: judged.method,
            why: judged.why,
            values_alone,
        })
    });
    Outcome { keys: keys.collect() }
}

/// Runs a judge of keys in parts, each on a thread with its share of the keys.
fn in_parts<T: Send>(threads: usize, keys: usize, judge: impl Fn(usize, usize) -> Vec<T> + Sync) -> Vec<T> {
    let parts = threads.clamp(1, keys.clamp(1, 8));
    if parts == 1 {
        return judge(0, 1);
    }
    std::thread::scope(|scope| {
        let judge = &judge;
        let running: Vec<_> = (0..parts).map(|part| scope.spawn(move || judge(part, parts))).collect();
        running.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect()
    })
}

/// Registers with versions. Returns the clashes; their keys stay open so that the values are judged alone.
fn by_versions(
    history: &History,
    profile: &Profile,
    settings: &Settings,
    judged: &mut [Option<Judged>],
    reasons: &mut [&'static str],
) -> Vec<Option<versions::Clash>> {
    let open: Vec<bool> = judged.iter().map(Option::is_none).collect();
    let swept: Vec<(usize, Swept)> = in_parts(settings.threads, judged.len(), |part, parts| {
        let mine = |key: usize| open[key] && (parts == 1 || key % parts == part);
        sweep_share(history, profile, settings, mine)
    });
    let mut clashes = vec![None; judged.len()];
    for (key, swept) in swept {
        match swept {
            Swept::Order => {
                let why = "every operation tells its version";
                judged[key] = Some(Judged { verdict: Verdict::Linearizable, method: Method::VersionSweep, why });
            }
            Swept::Clash(clash) => clashes[key] = Some(clash),
            Swept::Other(why) => reasons[key] = why,
        }
    }
    clashes
}

/// Versions of some keys: in windows first, where keys are long enough for that to pay, then with tables.
fn sweep_share(history: &History, profile: &Profile, settings: &Settings, mine: impl Fn(usize) -> bool) -> Vec<(usize, Swept)> {
    let count = profile.of.len();
    let sure = match history.len() / count.max(1) {
        0..256 => vec![false; count],
        _ => versions::sure::<32>(history, profile.keys.of(history), count, settings, &mine),
    };
    let mut done: Vec<(usize, Swept)> = (0..count).filter(|&key| sure[key]).map(|key| (key, Swept::Order)).collect();
    let left = |key: usize| mine(key) && !sure[key];
    if (0..count).any(left) {
        let swept = versions::sweep(history, profile, settings, left);
        done.extend(swept.into_iter().enumerate().filter_map(|(key, swept)| Some((key, swept?))));
    }
    done
}

/// Where versions clash, that is the verdict, and the one on the values stands beside it.
fn set_version_clashes(
    history: &History,
    profile: &Profile,
    settings: &Settings,
    judged: &mut [Option<Judged>],
    alone: &mut [Option<Verdict>],
    clashes: Vec<Option<versions::Clash>>,
) {
    let wanted: Vec<bool> = clashes.iter().map(Option::is_some).collect();
    if !wanted.contains(&true) {
        return;
    }
    let groups = Groups::new(history, &profile.keys, &wanted);
    for (key, clash) in clashes.into_iter().enumerate() {
        if let Some(clash) = clash {
            let example = show_version_clash(history, groups.of(key), clash, settings);
            let why = "every operation tells its version";
            let verdict = Verdict::Violation(Box::new(example));
            let by_values = judged[key].replace(Judged { verdict, method: Method::VersionSweep, why });
            alone[key] = by_values.map(|judged| judged.verdict);
        }
    }
}

fn gave_up() -> Judged {
    let gap = Undecided { gap: Gap::Stopped, explained: 0, stuck_at: None };
    let why = "the caller asked to stop";
    Judged { verdict: Verdict::Undecided(Box::new(gap)), method: Method::ModelSearch, why }
}

/// Keys on which there is nothing to judge.
fn without_looking(of: &super::profile::KeyProfile) -> Option<Judged> {
    let method = Method::ModelSearch;
    if of.foreign {
        let gap = Undecided { gap: Gap::ForeignOperation, explained: 0, stuck_at: None };
        let why = "an operation does not belong to the data type";
        return Some(Judged { verdict: Verdict::Undecided(Box::new(gap)), method, why });
    }
    (of.ok == 0).then_some(Judged { verdict: Verdict::Vacuous, method, why: "no successful operation" })
}

/// Registers with unique values, each thread with its share of the keys.
fn by_blocks(
    history: &History,
    profile: &Profile,
    settings: &Settings,
    judged: &mut [Option<Judged>],
    reasons: &mut [&'static str],
) {
    let open: Vec<bool> = judged.iter().map(Option::is_none).collect();
    let said: Vec<(usize, Said)> = in_parts(settings.threads, judged.len(), |part, parts| {
        let mine = |key: usize| open[key] && (parts == 1 || key % parts == part);
        let mut table = blocks::read(history, profile, settings, mine);
        let mut scratch = Scratch::default();
        (0..open.len()).filter(|&key| mine(key)).map(|key| (key, table.judge(key, &mut scratch))).collect()
    });
    let mut clashes: Vec<Option<Clash>> = vec![None; judged.len()];
    for (key, said) in said {
        match said {
            Said::Order => {
                judged[key] =
                    Some(Judged { verdict: Verdict::Linearizable, method: Method::Blocks, why: "written values are unique" });
            }
            Said::Clash(clash) => clashes[key] = Some(clash),
            Said::Other(why) => reasons[key] = why,
        }
    }
    show_clashes(history, profile, settings, judged, clashes);
}

fn show_clashes(
    history: &History,
    profile: &Profile,
    settings: &Settings,
    judged: &mut [Option<Judged>],
    clashes: Vec<Option<Clash>>,
) {
    let wanted: Vec<bool> = clashes.iter().map(Option::is_some).collect();
    if !wanted.contains(&true) {
        return;
    }
    let groups = Groups::new(history, &profile.keys, &wanted);
    for (key, clash) in clashes.into_iter().enumerate() {
        if let Some(clash) = clash {
            let example = show_clash(history, groups.of(key), clash, settings);
            judged[key] = Some(Judged {
                verdict: Verdict::Violation(Box::new(example)),
                method: Method::Blocks,
                why: "written values are unique",
            });
        }
    }
}

/// The clash of a key, looked for again in its operations alone: which of several is found must not depend on the other
/// keys of the same thread.
fn show_clash(history: &History, positions: &[u32], clash: Clash, settings: &Settings) -> Counterexample {
    let part = history.restricted_to(positions);
    let profile = Profile::new(&part, DataType::Register);
    let key = profile.keys.of(&part).first().map_or(0, |&key| key as usize);
    let said = blocks::read(&part, &profile, settings, |_| true).judge(key, &mut Scratch::default());
    let all: Vec<u32> = (0..part.len() as u32).collect();
    match said {
        Said::Clash(clash) => witness::show(&part, &all, &clash, settings),
        _ => witness::show(history, positions, &clash, settings),
    }
}

/// The same for a clash of versions.
fn show_version_clash(history: &History, positions: &[u32], clash: versions::Clash, settings: &Settings) -> Counterexample {
    let part = history.restricted_to(positions);
    let profile = Profile::new(&part, DataType::Register);
    let swept = versions::sweep(&part, &profile, settings, |_| true);
    let clash = match swept.into_iter().flatten().find(|swept| matches!(swept, Swept::Clash(_))) {
        Some(Swept::Clash(clash)) => clash,
        _ => clash,
    };
    witness::show_versions(history, positions, &clash, settings)
}

/// One key whose operations are listed; and the verdict without versions, where it is contradicted with them.
fn judge_one(
    history: &History,
    positions: &[u32],
    data: DataType,
    settings: &Settings,
    why: &'static str,
) -> (Judged, Option<Verdict>) {
    let listed = !matches!(data, DataType::Register | DataType::Text);
    let Some(judged) = gather(history, if listed { positions } else { &[] }, settings) else {
        return (gave_up(), None);
    };
    let ops = Ops::new(history, positions, &judged, settings.skew_ns);
    let told = match data {
        DataType::Log if settings.use_versions && history.has_versions() => log::judge(ops, true),
        DataType::Mutex if settings.use_versions && history.has_versions() => mutex::judge(ops, true),
        _ => Err("no versions"),
    };
    let by_versions = |verdict| Judged { verdict, method: Method::VersionSweep, why: "every change tells its version" };
    match told {
        Ok(Verdict::Linearizable) => (by_versions(Verdict::Linearizable), None),
        Ok(verdict) => {
            let alone = judge_values(ops, data, settings, why);
            (by_versions(verdict), Some(alone.verdict))
        }
        Err(_) => (judge_values(ops, data, settings, why), None),
    }
}

/// One key by the answers of its operations alone.
fn judge_values(ops: Ops, data: DataType, settings: &Settings, why: &'static str) -> Judged {
    let special: Option<(Method, Special, &'static str)> = match data {
        DataType::Set if whole_set::asked(ops) => {
            return match whole_set::judge(ops, settings) {
                Ok((verdict, why)) => Judged { verdict, method: Method::SetElements, why },
                Err(why) => {
                    let verdict = builtin::search(ops.history, ops.positions, data, settings);
                    Judged { verdict, method: Method::ModelSearch, why }
                }
            };
        }
        DataType::Set => {
            let (verdict, searched) = set::judge(ops, settings);
            let (method, why) = match searched {
                true => (Method::RegisterSearch, "some elements are added or removed more than once"),
                false => (Method::SetElements, "each element is added and removed at most once"),
            };
            return Judged { verdict, method, why };
        }
        DataType::Queue => Some((Method::QueueConditions, queue::judge(ops), "elements are distinct")),
        DataType::Stack => Some((Method::StackConditions, stack::judge(ops), "elements are distinct")),
        DataType::Counter => Some((Method::CounterSlots, counter::judge(ops), "all increments are 1")),
        DataType::Log => Some((Method::LogPrefixes, log::judge(ops, false), "elements are distinct")),
        DataType::Mutex => Some((Method::MutexBlocks, mutex::judge(ops, false), "each process acquires and releases in turn")),
        DataType::Register | DataType::Text => None,
    };
    let why = match special {
        Some((method, Ok(verdict), why)) => {
            return Judged { verdict, method, why };
        }
        Some((_, Err(why), _)) => why,
        None => why,
    };
    let (verdict, method) = match data {
        DataType::Register | DataType::Mutex => {
            (register_case::judge(ops.history, ops.positions, data, settings), Method::RegisterSearch)
        }
        _ => (builtin::search(ops.history, ops.positions, data, settings), Method::ModelSearch),
    };
    Judged { verdict, method, why }
}
