//! Append logs with whole reads, elements distinct.
//!
//! The longest read gives the order of what it holds; every other read must be a prefix of it. The length of the log is
//! then a version: append k leads to version k, a read of n elements sees version n, and one pass decides as for registers
//! with versions. Successful appends that nobody read come after all of that; those of unknown outcome may stay away.
//! Where every successful append tells its position or offset (`told`), the order is forced: positions must rise along the
//! reads, what no read shows must lie behind what one shows, and the unread ones are swept in order of position as well.
//! Positions may have holes. Does not judge: repeated elements.

use super::elements::{Index, Op, Ops, Special};
use super::history::{Kind, NEVER};
use super::outcome::{Reason, Verdict};

#[derive(Clone, Copy)]
struct Length {
    /// Earliest return, latest invoke, invoke of the append, and who they are.
    f: i64,
    s: i64,
    append: i64,
    f_at: u32,
    s_at: u32,
    append_at: u32,
    told: Option<u64>,
}

const NOWHERE: u32 = u32::MAX;
const BLANK: Length =
    Length { f: NEVER, s: i64::MIN, append: NEVER, f_at: NOWHERE, s_at: NOWHERE, append_at: NOWHERE, told: None };

impl Length {
    fn take(&mut self, invoke: i64, ret: i64, at: u32) {
        if ret < self.f {
            (self.f, self.f_at) = (ret, at);
        }
        if invoke > self.s {
            (self.s, self.s_at) = (invoke, at);
        }
    }
}

/// Judges one log, by the positions of its appends as well if `told`.
pub(super) fn judge(ops: Ops, told: bool) -> Special {
    let reads = || ops.judged().filter(|op| op.kind == Kind::ReadLog && !op.unknown);
    let longest = reads().max_by_key(|op| ops.history.list_of(op.value).len());
    let order = longest.map_or(&[][..], |op| ops.history.list_of(op.value));
    let index = Index::new(order.iter().copied());
    let mut place = vec![0usize; index.len()];
    for (i, &element) in order.iter().enumerate() {
        let Some(id) = index.of(element) else {
            continue;
        };
        if place[id] != 0 {
            return repeated(&ops, longest.map_or(NOWHERE, |op| op.at), element);
        }
        place[id] = i + 1;
    }
    let mut lengths = vec![BLANK; order.len() + 1];
    lengths[0].append = i64::MIN;
    let mut unread = Vec::new();
    let mut seen = hashbrown::HashSet::new();
    for op in ops.judged() {
        if op.kind == Kind::ReadLog {
            if !op.unknown {
                let list = ops.history.list_of(op.value);
                if !order.starts_with(list) {
                    let other = longest.map_or(NOWHERE, |op| op.at);
                    return ops.violation(Reason::ReadsDisagree, &[op.at, other], None);
                }
                lengths[list.len()].take(op.invoke, op.ret, op.at);
            }
            continue;
        }
        let position = ops.history.version(op.at as usize).filter(|_| told && !op.unknown);
        if told && !op.unknown && position.is_none() {
            return Err("positions are incomplete");
        }
        match index.of(op.value).map(|id| place[id]).filter(|&place| place > 0) {
            Some(place) if lengths[place].append_at != NOWHERE => return unsourced(&ops),
            Some(place) => {
                lengths[place].take(op.invoke, op.ret, op.at);
                (lengths[place].append, lengths[place].append_at, lengths[place].told) = (op.invoke, op.at, position);
            }
            None if !seen.insert(op.value) => return unsourced(&ops),
            None if !op.unknown => unread.push((position.unwrap_or(0), op)),
            None => {}
        }
    }
    if let Some(i) = (1..lengths.len()).find(|&i| lengths[i].append_at == NOWHERE) {
        return ops.phantom(longest.map_or(NOWHERE, |op| op.at), order[i - 1]);
    }
    if told {
        unread.sort_unstable_by_key(|(position, op)| (*position, op.at));
        if let Some(violation) = misplaced(&ops, &lengths, &unread, longest.map_or(NOWHERE, |op| op.at)) {
            return violation;
        }
        lengths.extend(unread.drain(..).map(|(told, op)| Length {
            f: op.ret,
            s: op.invoke,
            append: op.invoke,
            f_at: op.at,
            s_at: op.at,
            append_at: op.at,
            told: Some(told),
        }));
    }
    sweep(&ops, &lengths, &unread, longest.map(|op| op.at))
}

/// Positions that do not rise along the longest read and on to what no read shows.
fn misplaced(ops: &Ops, lengths: &[Length], unread: &[(u64, Op)], read: u32) -> Option<Special> {
    let places = lengths.iter().filter_map(|length| Some((length.told?, length.append_at, true)));
    let rest = unread.iter().map(|(position, op)| (*position, op.at, false));
    let mut last: Option<(u64, u32, bool)> = None;
    for here in places.chain(rest) {
        if let Some(before) = last.filter(|before| before.0 >= here.0) {
            let reason = match () {
                () if before.0 == here.0 => Reason::SplitBrain { version: here.0 },
                () if here.2 => Reason::VersionWentBack { newer: before.0, older: here.0 },
                () => Reason::LostElement,
            };
            let read = Some(read).filter(|_| before.0 != here.0);
            let shown: Vec<u32> = [before.1, here.1].into_iter().chain(read).collect();
            return Some(ops.violation(reason, &shown, None));
        }
        last = Some(here);
    }
    None
}

/// Elements repeat, so that a search must judge; unless a read shows one that nothing appended.
fn unsourced(ops: &Ops) -> Special {
    let appended: hashbrown::HashSet<i64> = ops.judged().filter(|op| op.kind == Kind::Append).map(|op| op.value).collect();
    for read in ops.judged().filter(|op| op.kind == Kind::ReadLog && !op.unknown) {
        if let Some(&strange) = ops.history.list_of(read.value).iter().find(|element| !appended.contains(*element)) {
            return ops.phantom(read.at, strange);
        }
    }
    Err("elements repeat")
}

/// An element twice in one read: a fault unless it was appended twice.
fn repeated(ops: &Ops, read: u32, element: i64) -> Special {
    let appends: Vec<u32> = ops.judged().filter(|op| op.kind == Kind::Append && op.value == element).map(|op| op.at).collect();
    if appends.len() > 1 {
        return unsourced(ops);
    }
    let shown: Vec<u32> = appends.into_iter().chain([read]).collect();
    ops.violation(Reason::DuplicateElement, &shown, None)
}

fn sweep(ops: &Ops, lengths: &[Length], unread: &[(u64, Op)], longest: Option<u32>) -> Special {
    // Two appends contradict only beside a read that tells their order.
    let shown = |pair: [u32; 2]| -> Vec<u32> {
        let appends = pair.iter().all(|&at| ops.history.kind(at as usize) == Kind::Append);
        pair.into_iter().chain(longest.filter(|_| appends)).collect()
    };
    let (mut latest, mut holder) = (i64::MIN, NOWHERE);
    for length in lengths {
        if length.f < length.append {
            let margin = length.append - length.f;
            let pair = [length.append_at, length.f_at];
            return ops.violation(Reason::ReadBeforeWriteInvoked, &pair, Some(margin));
        }
        if length.f < latest {
            return ops.violation(Reason::StaleRead, &shown([length.f_at, holder]), Some(latest - length.f));
        }
        if length.s > latest {
            (latest, holder) = (length.s, length.s_at);
        }
    }
    match unread.iter().find(|(_, op)| op.ret < latest) {
        Some((_, lost)) => ops.violation(Reason::LostElement, &shown([lost.at, holder]), Some(latest - lost.ret)),
        None => Ok(Verdict::Linearizable),
    }
}
