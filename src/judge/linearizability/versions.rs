//! Registers that tell versions: the order of all operations is forced, one pass decides.
//!
//! Each write carries the version it got (commit index, revision), each read the one it saw. The order is (version, write
//! before reads), and it is legal iff no operation of a version returns before one of an earlier version is invoked, no
//! read returns before its write is invoked, values agree, and each compare-and-set finds what it expects. This is
//! stronger than linearizability of the values: after a clash the values are judged alone as well.
//!
//! Assumes: every successful operation of the key tells its version (a read of the initial value need not). A version
//! that nobody acknowledged belongs to the only write of unknown outcome with its value; if there are several, this
//! method does not judge.

mod window;

pub(super) use window::sure;

use super::history::{History, Kind, NEVER, NIL, OpOutcome};
use super::outcome::{FailedCas, NilRead, Settings};
use super::profile::{Profile, table, told_versions};
use super::slots::{ByKey, CHUNK, Finder, HashFinder, NO_SLOT, Range, RunFinder, SharedFinder, Slots};
use hashbrown::HashMap;

/// What the versions of one key say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Swept {
    Order,
    Clash(Clash),
    /// The method does not apply, for this reason.
    Other(&'static str),
}

/// A contradiction, named by versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clash {
    SplitBrain(i64),
    Values(i64),
    /// A read saw this value under a version that nobody gave.
    Phantom(i64),
    ReadBeforeWrite(i64),
    /// An operation of the first was complete before one of the second began.
    WentBack(i64, i64),
    /// A read of the initial value began after this version was complete.
    InitialAfter(i64),
    /// The compare-and-set of this version did not find what it expects.
    Expected(i64),
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    f: i64,
    s: i64,
    write: i64,
    value: i64,
}

impl Slot {
    const EMPTY: Slot = Slot { f: NEVER, s: i64::MIN, write: NEVER, value: NIL };

    fn used(&self) -> bool {
        self.s != i64::MIN
    }

    fn written(&self) -> bool {
        self.write != NEVER
    }
}

const SKIP: u8 = 0;
const READ: u8 = 1;
const WRITE: u8 = 2;
const CAS: u8 = 3;
const MAYBE: u8 = 4;
const FAILED_CAS: u8 = 5;

/// What to do with each kind and outcome.
fn actions(settings: &Settings) -> [u8; 128] {
    table(|kind, outcome| match (kind, outcome) {
        (Kind::Read, OpOutcome::Ok) => READ,
        (Kind::Write, OpOutcome::Ok) => WRITE,
        (Kind::Cas, OpOutcome::Ok) => CAS,
        (Kind::Write | Kind::Cas, OpOutcome::Unknown) => MAYBE,
        (Kind::Cas, OpOutcome::Fail) if settings.failed_cas == FailedCas::Mismatch => FAILED_CAS,
        _ => SKIP,
    })
}

/// Everything read from the history.
struct Filling<'a> {
    history: &'a History,
    settings: &'a Settings<'a>,
    actions: [u8; 128],
    slots: Vec<Slot>,
    initial_s: Vec<i64>,
    initial_again: Vec<bool>,
    /// Compare-and-sets by slot.
    expects: HashMap<u32, i64>,
    /// Number of the key and position: writes of unknown outcome, failed compare-and-sets.
    maybe: Vec<(u32, u32)>,
    failed: Vec<(u32, u32)>,
    trouble: Vec<Option<Swept>>,
    conflict: bool,
}

/// Judges the wanted keys by their versions; the others get `None`.
pub(super) fn sweep(
    history: &History,
    profile: &Profile,
    settings: &Settings,
    wanted: impl Fn(usize) -> bool,
) -> Vec<Option<Swept>> {
    let keys = profile.keys.of(history);
    let mut ranges = told_versions(history, keys, profile.of.len(), settings.initial);
    let skipped = ranges.iter_mut().enumerate().filter(|&(key, _)| !wanted(key));
    skipped.for_each(|(_, range)| *range = Range::EMPTY);
    let slots = Slots::new(&ranges, history.len());
    let mut filling = Filling::new(history, settings, profile.of.len(), slots.len());
    let slots = match slots {
        Slots::Runs(places) => {
            filling.fill(keys, &mut RunFinder(&places), &wanted, &ranges);
            Slots::Runs(places)
        }
        Slots::Shared { low, mut owners } => {
            filling.fill(keys, &mut SharedFinder { low, owners: &mut owners }, &wanted, &ranges);
            if !filling.conflict {
                Slots::Shared { low, owners }
            } else {
                filling = Filling::new(history, settings, profile.of.len(), 0);
                hashed(&mut filling, keys, &wanted, &ranges)
            }
        }
        Slots::Hashed { .. } => hashed(&mut filling, keys, &wanted, &ranges),
    };
    let by_key = slots.by_key(profile.of.len(), true);
    filling.maybe.sort_unstable();
    filling.failed.sort_unstable();
    (0..profile.of.len()).map(|key| wanted(key).then(|| filling.judge(key, &slots, &by_key))).collect()
}

fn hashed(filling: &mut Filling, keys: &[u32], wanted: &impl Fn(usize) -> bool, ranges: &[Range]) -> Slots {
    let (mut ids, mut owners, mut labels) = (HashMap::new(), Vec::new(), Vec::new());
    let mut finder = HashFinder { ids: &mut ids, owners: &mut owners, labels: &mut labels };
    filling.fill(keys, &mut finder, wanted, ranges);
    Slots::Hashed { owners, labels }
}

impl<'a> Filling<'a> {
    fn new(history: &'a History, settings: &'a Settings<'a>, keys: usize, slots: usize) -> Filling<'a> {
        Filling {
            history,
            settings,
            actions: actions(settings),
            slots: vec![Slot::EMPTY; slots],
            initial_s: vec![i64::MIN; keys],
            initial_again: vec![false; keys],
            expects: HashMap::new(),
            maybe: Vec::new(),
            failed: Vec::new(),
            trouble: vec![None; keys],
            conflict: false,
        }
    }

    fn fill<F: Finder>(&mut self, keys: &[u32], finder: &mut F, wanted: &impl Fn(usize) -> bool, ranges: &[Range]) {
        let history = self.history;
        for start in (0..history.len()).step_by(CHUNK) {
            if self.settings.stopped() {
                self.trouble.fill(Some(Swept::Other("the caller asked to stop")));
                return;
            }
            let part = start..(start + CHUNK).min(history.len());
            let mut touched = 0;
            for (&key, version) in keys[part.clone()].iter().zip(history.versions(part.clone())) {
                let guess = finder.guess(key, version.unwrap_or(0) as i64);
                touched ^= self.slots.get(guess as usize).map_or(0, |slot| slot.f);
            }
            std::hint::black_box(touched);
            self.fill_part(keys, finder, wanted, ranges, part);
        }
    }

    fn fill_part<F: Finder>(
        &mut self,
        keys: &[u32],
        finder: &mut F,
        wanted: &impl Fn(usize) -> bool,
        ranges: &[Range],
        part: std::ops::Range<usize>,
    ) {
        let history = self.history;
        let (initial, any_nil) = (self.settings.initial, self.settings.nil_read == NilRead::Any);
        let columns = history.tags[part.clone()].iter().zip(&keys[part.clone()]).zip(&history.values[part.clone()]);
        let times = history.invokes[part.clone()].iter().zip(&history.returns[part.clone()]);
        let columns = columns.zip(history.versions(part.clone()));
        for (at, ((((&tag, &key), &value), version), (&invoke, &ret))) in columns.zip(times).enumerate() {
            let at = part.start + at;
            let action = self.actions[(tag & 127) as usize];
            if action == SKIP || !wanted(key as usize) {
                continue;
            }
            if action >= MAYBE || value == initial || (any_nil && value == NIL) {
                let read_any = any_nil && action == READ && value == NIL;
                let range = ranges[key as usize];
                let version = version.filter(|&version| version as i64 >= range.low);
                if version.is_some_and(|version| version as i64 > range.high) {
                    self.trouble[key as usize] = Some(Swept::Other("a read saw a version beyond the written ones"));
                    continue;
                }
                if read_any || self.set_aside(action, at, key, version) {
                    continue;
                }
            }
            let Some(version) = version.filter(|&version| version < 1 << 62) else {
                self.trouble[key as usize] = Some(Swept::Other("versions are incomplete"));
                continue;
            };
            let slot = finder.bring(key, version as i64);
            if self.slots.len() < finder.grown() {
                self.slots.resize(finder.grown(), Slot::EMPTY);
            }
            let Some(here) = self.slots.get_mut(slot as usize) else {
                // Another key has this version too.
                self.conflict = true;
                self.trouble[key as usize] = Some(Swept::Other("versions cannot be told apart"));
                continue;
            };
            // Reads and writes alternate as they like: no branch may depend on which it is.
            let writes = action != READ;
            let differs = here.used() & (here.value != value);
            let again = writes & here.written();
            here.f = here.f.min(ret);
            here.s = here.s.max(invoke);
            here.value = value;
            here.write = if writes { invoke } else { here.write };
            if differs | again {
                self.clash(key, if differs { Clash::Values(version as i64) } else { Clash::SplitBrain(version as i64) });
            }
            if action == CAS {
                self.expects.insert(slot, history.expected(at));
            }
        }
    }

    #[cold]
    fn clash(&mut self, key: u32, clash: Clash) {
        let trouble = &mut self.trouble[key as usize];
        if trouble.is_none() {
            *trouble = Some(Swept::Clash(clash));
        }
    }

    /// Operations that have no place in the order yet, or touch the initial value. False if it is like any other.
    #[inline(never)]
    fn set_aside(&mut self, action: u8, at: usize, key: u32, version: Option<u64>) -> bool {
        let number = key as usize;
        let initial = self.history.values[at] == self.settings.initial;
        match action {
            READ if version.is_none() => {
                self.initial_s[number] = self.initial_s[number].max(self.history.invokes[at]);
            }
            READ => return false,
            MAYBE => {
                self.maybe.push((key, at as u32));
                self.initial_again[number] |= initial;
            }
            FAILED_CAS => self.failed.push((key, at as u32)),
            _ => {
                self.initial_again[number] |= initial;
                return false;
            }
        }
        true
    }

    fn judge(&mut self, key: usize, slots: &Slots, by_key: &ByKey) -> Swept {
        if let Some(trouble) = self.trouble[key].take() {
            return trouble;
        }
        // What leaves the order open does not excuse versions that contradict each other whatever was written between them.
        let mut open = None;
        if self.initial_again[key] && self.initial_s[key] != i64::MIN {
            open = Some("the initial value is written again, so its reads need a version");
            self.initial_s[key] = i64::MIN;
        }
        let (matched, unmatched) = match self.match_unknown(key, slots, by_key) {
            Ok(found) => found,
            Err(clash) => return Swept::Clash(clash),
        };
        let (clash, unsure) = self.scan(key, slots, by_key, matched && open.is_none());
        match (clash, open.or(unmatched).or(unsure)) {
            (Some(clash), _) => Swept::Clash(clash),
            (None, Some(why)) => Swept::Other(why),
            (None, None) => self.place_failed(key, by_key),
        }
    }

    fn of_key(list: &[(u32, u32)], key: usize) -> &[(u32, u32)] {
        let list = &list[list.partition_point(|&(k, _)| (k as usize) < key)..];
        &list[..list.partition_point(|&(k, _)| k as usize == key)]
    }

    /// Gives versions that nobody acknowledged to writes of unknown outcome. True if all of those are used up; and why some version got none.
    fn match_unknown(&mut self, key: usize, slots: &Slots, by_key: &ByKey) -> Result<(bool, Option<&'static str>), Clash> {
        let maybe = Self::of_key(&self.maybe, key);
        let mut found: Option<HashMap<i64, Vec<u32>>> = None;
        let (mut used, mut unmatched) = (0, None);
        for i in 0..by_key.count(key) {
            let slot = by_key.slot(key, i);
            let here = &mut self.slots[slot as usize];
            if !here.used() || here.written() {
                continue;
            }
            let by_value = found.get_or_insert_with(|| {
                let mut by_value: HashMap<i64, Vec<u32>> = HashMap::new();
                for &(_, at) in maybe {
                    by_value.entry(self.history.values[at as usize]).or_default().push(at);
                }
                by_value
            });
            match by_value.remove(&here.value).as_deref() {
                Some(&[at]) => {
                    let invoke = self.history.invokes[at as usize];
                    here.write = invoke;
                    here.s = here.s.max(invoke);
                    used += 1;
                    if self.history.kind(at as usize) == Kind::Cas {
                        self.expects.insert(slot, self.history.expected(at as usize));
                    }
                    // A second version of this value would find nobody.
                    by_value.insert(here.value, vec![at, at]);
                }
                Some(several) => {
                    unmatched = Some("several unknown writes may have given one version");
                    by_value.insert(here.value, several.to_vec());
                }
                None => return Err(Clash::Phantom(slots.label(key, slot))),
            }
        }
        Ok((used == maybe.len(), unmatched))
    }

    /// The one pass over the versions of a key: a contradiction, and what leaves the order open.
    fn scan(&self, key: usize, slots: &Slots, by_key: &ByKey, all_matched: bool) -> (Option<Clash>, Option<&'static str>) {
        let slack = self.settings.skew_ns.saturating_mul(2);
        let (mut latest, mut holder) = (self.initial_s[key], NO_SLOT);
        let (mut value, mut open) = (self.settings.initial, None);
        for i in 0..by_key.count(key) {
            let slot = by_key.slot(key, i);
            let here = &self.slots[slot as usize];
            if !here.used() {
                continue;
            }
            let version = || slots.label(key, slot);
            if here.written() && here.f.saturating_add(slack) < here.write {
                return (Some(Clash::ReadBeforeWrite(version())), open);
            }
            if here.f.saturating_add(slack) < latest {
                let clash = match holder {
                    NO_SLOT => Clash::InitialAfter(version()),
                    holder => Clash::WentBack(version(), slots.label(key, holder)),
                };
                return (Some(clash), open);
            }
            if !self.expects.is_empty() && self.expects.get(&slot).is_some_and(|&expected| expected != value) {
                if all_matched {
                    return (Some(Clash::Expected(version())), open);
                }
                open = Some("an unknown write may lie between two versions");
            }
            value = here.value;
            if here.s > latest {
                (latest, holder) = (here.s, slot);
            }
        }
        (None, open)
    }

    /// Places failed compare-and-sets into the forced order, each write as early as it can be.
    fn place_failed(&self, key: usize, by_key: &ByKey) -> Swept {
        let failed = Self::of_key(&self.failed, key);
        if failed.is_empty() {
            return Swept::Order;
        }
        let skew = self.settings.skew_ns;
        let mut runs = vec![(i64::MIN, self.settings.initial)];
        let mut now = self.initial_s[key].saturating_sub(skew);
        for i in 0..by_key.count(key) {
            let here = &self.slots[by_key.slot(key, i) as usize];
            if here.used() {
                now = now.max(here.write - skew);
                if runs.last().is_some_and(|&(_, value)| value != here.value) {
                    runs.push((now, here.value));
                }
                now = now.max(here.s - skew);
            }
        }
        let placed = failed.iter().all(|&(_, at)| {
            let at = at as usize;
            let (invoke, ret) = (self.history.invokes[at] - skew, self.history.returns[at].saturating_add(skew));
            let run = runs.partition_point(|&(start, _)| start < invoke) - 1;
            let end = runs.get(run + 1).map_or(NEVER, |&(start, _)| start);
            runs[run].1 != self.history.expected(at) || ret >= end
        });
        if placed { Swept::Order } else { Swept::Other("a failed compare-and-set needs a search for its place") }
    }
}
