//! Chooses a method for each key: the fastest whose preconditions hold exactly, else a search.

use super::blocks::{self, Clash, Said, Scratch};
use super::groups::{Groups, in_parallel};
use super::history::History;
use super::outcome::{DataType, Gap, KeyVerdict, Method, Outcome, Settings, Undecided, Verdict};
use super::profile::Profile;
use super::{builtin, register_case, witness};

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
    let mut reasons = vec!["no faster method applies"; judged.len()];
    if data == DataType::Register {
        by_blocks(history, &profile, settings, &mut judged, &mut reasons);
    }
    let wanted: Vec<bool> = judged
        .iter()
        .zip(&profile.of)
        .map(|(judged, of)| judged.is_none() && of.operations > 0)
        .collect();
    if wanted.contains(&true) {
        let groups = Groups::new(history, &profile.keys, &wanted);
        let done = in_parallel(&groups, &wanted, settings.threads, |key, positions| {
            judge_one(history, positions, data, settings, reasons[key])
        });
        for (key, verdict) in done {
            judged[key] = Some(verdict);
        }
    }
    let keys = judged.into_iter().enumerate().filter_map(|(key, judged)| {
        let judged = judged.filter(|_| profile.of[key].operations > 0)?;
        Some(KeyVerdict {
            key: profile.keys.names[key],
            operations: profile.of[key].operations,
            ok_operations: profile.of[key].ok,
            verdict: judged.verdict,
            method: judged.method,
            why: judged.why,
            values_alone: None,
        })
    });
    Outcome {
        keys: keys.collect(),
    }
}

/// Keys on which there is nothing to judge.
fn without_looking(of: &super::profile::KeyProfile) -> Option<Judged> {
    let method = Method::ModelSearch;
    if of.foreign {
        let gap = Undecided {
            gap: Gap::ForeignOperation,
            explained: 0,
            stuck_at: None,
        };
        let why = "an operation does not belong to the data type";
        return Some(Judged {
            verdict: Verdict::Undecided(Box::new(gap)),
            method,
            why,
        });
    }
    (of.ok == 0).then_some(Judged {
        verdict: Verdict::Vacuous,
        method,
        why: "no successful operation",
    })
}

/// Registers with unique values, each thread with its share of the keys.
fn by_blocks(
    history: &History,
    profile: &Profile,
    settings: &Settings,
    judged: &mut [Option<Judged>],
    reasons: &mut [&'static str],
) {
    let parts = settings.threads.clamp(1, judged.len().clamp(1, 8));
    let open: Vec<usize> = (0..judged.len())
        .filter(|&key| judged[key].is_none())
        .collect();
    let judge_part = |part: usize| {
        let mine = |key: usize| parts == 1 || key % parts == part;
        let mut table = blocks::read(history, profile, settings, mine);
        let mut scratch = Scratch::default();
        let keys = open.iter().copied().filter(|&key| mine(key));
        keys.map(|key| (key, table.judge(key, &mut scratch)))
            .collect::<Vec<_>>()
    };
    let said: Vec<(usize, Said)> = if parts == 1 {
        judge_part(0)
    } else {
        std::thread::scope(|scope| {
            let running: Vec<_> = (0..parts)
                .map(|part| scope.spawn(move || judge_part(part)))
                .collect();
            running
                .into_iter()
                .flat_map(|thread| thread.join().unwrap_or_default())
                .collect()
        })
    };
    let mut clashes: Vec<Option<Clash>> = vec![None; judged.len()];
    for (key, said) in said {
        match said {
            Said::Order => {
                judged[key] = Some(Judged {
                    verdict: Verdict::Linearizable,
                    method: Method::Blocks,
                    why: "written values are unique",
                });
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
            let example = witness::show(history, groups.of(key), &clash, settings.initial);
            judged[key] = Some(Judged {
                verdict: Verdict::Violation(Box::new(example)),
                method: Method::Blocks,
                why: "written values are unique",
            });
        }
    }
}

/// One key whose operations are listed.
fn judge_one(
    history: &History,
    positions: &[u32],
    data: DataType,
    settings: &Settings,
    why: &'static str,
) -> Judged {
    match data {
        DataType::Register | DataType::Mutex => Judged {
            verdict: register_case::judge(history, positions, data, settings),
            method: Method::RegisterSearch,
            why,
        },
        _ => Judged {
            verdict: builtin::search(history, positions, data, settings),
            method: Method::ModelSearch,
            why,
        },
    }
}
