//! The moves of the register search: which alternatives there are at a return, and what they lead to.

use super::{Act, Config, NONE, Search};
use crate::judge::linearizability::timeline::Mask;

impl<const W: usize> Search<'_, W> {
    /// Takes note of the state for one operation in flight: an observer may be satisfied, and a write of the very value
    /// that is there may be taken as done without effect.
    pub(super) fn observe(&self, config: &mut Config<W>, op: usize) {
        match self.acts[op] {
            Act::Read(value) if value == config.state => config.done.insert(self.line.slot(op)),
            Act::Not(value) if value != config.state => config.done.insert(self.line.slot(op)),
            Act::Write(value) if value == config.state => config.optional.insert(self.line.slot(op)),
            _ => {}
        }
    }

    /// The alternatives at a return that is not done, the most promising last.
    pub(super) fn branch(&mut self, config: &Config<W>, out: &mut Vec<Config<W>>) {
        let Some(forced) = self.line.event(self.line.at()).map(|event| event.op) else {
            return;
        };
        let waiting = self.line.live().without(&config.done);
        let leave = self.find_needed(config, &waiting);
        // A write of the value that is there can hide others before a compare-and-set takes that value away.
        let hide = self.any_cas && self.spares(config) != Mask::EMPTY;
        self.branch_unknown(config, leave, hide, out);
        for slot in waiting.slots() {
            let op = self.line.owner(slot);
            match self.acts[op] {
                Act::Write(value) if op != forced => {
                    let wanted = match value == config.state {
                        true => hide,
                        false => leave || self.needed[value as usize] == self.stamp,
                    };
                    if wanted && self.best[value as usize] == (self.stamp, op as u32) {
                        out.push(self.write(config, value, Some(slot)));
                    }
                }
                _ => {}
            }
        }
        let hides = matches!(self.acts[forced], Act::Write(_)) && config.optional.has(self.line.slot(forced));
        if hides {
            self.branch_cas(config, &waiting, out);
        }
        if let Act::Write(value) = self.acts[forced] {
            self.branch_write(config, forced, value, leave, out);
        }
        if !hides {
            self.branch_cas(config, &waiting, out);
        }
        if self.any_cas {
            let mut hope = std::mem::take(&mut self.hope);
            out.retain(|config| hope.left(self, config));
            self.hope = hope;
        }
    }

    /// Compare-and-sets that fit the state: of equal ones that which returns first, and those that return soon are tried first.
    fn branch_cas(&mut self, config: &Config<W>, waiting: &Mask<W>, out: &mut Vec<Config<W>>) {
        let mut fits = std::mem::take(&mut self.fits);
        fits.clear();
        for slot in waiting.slots() {
            let op = self.line.owner(slot);
            if let Act::Cas(from, to) = self.acts[op]
                && from == config.state
            {
                fits.push((self.line.end(op), slot, to));
            }
        }
        fits.sort_unstable();
        let mut first = 0;
        while first < fits.len() {
            let to = fits[first].2;
            let mut place = 0;
            fits.retain(|fit| {
                place += 1;
                place <= first + 1 || fit.2 != to
            });
            first += 1;
        }
        for &(_, slot, to) in fits.iter().rev() {
            let mut next = Config { state: to, ..*config };
            next.done.insert(slot);
            out.push(self.settle(next));
        }
        self.fits = fits;
    }

    /// A write returns: it becomes visible now, or has hidden before.
    fn branch_write(&mut self, config: &Config<W>, forced: usize, value: u32, leave: bool, out: &mut Vec<Config<W>>) {
        let slot = self.line.slot(forced);
        let visible = self.write(config, value, Some(slot));
        if !config.optional.has(slot) {
            out.push(visible);
            return;
        }
        let mut hidden = *config;
        hidden.done.insert(slot);
        let now = config.at.max(self.line.at() as u32);
        // Not observed itself, it may still keep away a value that a failed compare-and-set rules out.
        let rules_out = |value: u32| self.last_not[value as usize] > now;
        let useful = self.last_observer[value as usize] > now
            || leave
            || rules_out(config.state)
            || self.spares(config).slots().any(|slot| match self.acts[self.line.owner(slot)] {
                Act::Write(spare) => rules_out(spare),
                _ => false,
            });
        if value == config.state && self.spares(config) != Mask::EMPTY {
            out.extend([visible, hidden]);
        } else if !useful || value == config.state {
            out.push(hidden);
        } else if self.next_observed(config) == Some(value) {
            out.extend([hidden, visible]);
        } else {
            out.extend([visible, hidden]);
        }
    }

    /// Writes in flight that still have to be seen to.
    pub(super) fn spares(&self, config: &Config<W>) -> Mask<W> {
        self.writes.without(&config.done).without(&config.optional)
    }

    /// Operations of unknown outcome, right before an observer of their value.
    fn branch_unknown(&mut self, config: &Config<W>, leave: bool, hide: bool, out: &mut Vec<Config<W>>) {
        if self.classes.acts.is_empty() {
            return;
        }
        let mut wanted = std::mem::take(&mut self.needed_list);
        if leave {
            wanted = (0..self.needed.len() as u32).collect();
        }
        if hide && !leave && self.needed[config.state as usize] != self.stamp {
            wanted.push(config.state);
        }
        for &value in wanted.iter().filter(|&&value| hide || value != config.state) {
            let class = self.classes.write[value as usize];
            let spare = class != NONE && self.best[value as usize].0 != self.stamp;
            if spare && self.unknowns.left(config.unknowns, class as usize) {
                let unknowns = self.unknowns.using(config.unknowns, class as usize);
                out.push(self.write(&Config { unknowns, ..*config }, value, None));
            }
        }
        self.needed_list = wanted;
        for i in 0..self.classes.cas_from[config.state as usize].len() {
            let (class, to) = self.classes.cas_from[config.state as usize][i];
            let wanted = leave || self.needed[to as usize] == self.stamp;
            if wanted && to != config.state && self.unknowns.left(config.unknowns, class as usize) {
                let unknowns = self.unknowns.using(config.unknowns, class as usize);
                let next = Config { state: to, unknowns, ..*config };
                out.push(self.settle(next));
            }
        }
    }

    /// Marks the values that observers in flight wait for; true if one waits for the state to be left.
    fn find_needed(&mut self, config: &Config<W>, waiting: &Mask<W>) -> bool {
        self.stamp += 1;
        self.needed_list.clear();
        let mut leave = false;
        for slot in waiting.slots() {
            let op = self.line.owner(slot);
            match self.acts[op] {
                Act::Read(value) | Act::Cas(value, _) => self.need(value),
                Act::Not(_) => leave = true,
                Act::Write(value) => {
                    let (stamp, best) = self.best[value as usize];
                    if stamp != self.stamp || self.line.end(op) < self.line.end(best as usize) {
                        self.best[value as usize] = (self.stamp, op as u32);
                    }
                }
            }
        }
        let mut i = 0;
        while i < self.needed_list.len() && !self.classes.acts.is_empty() {
            let to = self.needed_list[i] as usize;
            for k in 0..self.classes.cas_to[to].len() {
                let (class, from) = self.classes.cas_to[to][k];
                if self.unknowns.left(config.unknowns, class as usize) {
                    self.need(from);
                }
            }
            i += 1;
        }
        leave
    }

    fn need(&mut self, value: u32) {
        if self.needed[value as usize] != self.stamp {
            self.needed[value as usize] = self.stamp;
            self.needed_list.push(value);
        }
    }

    /// The value that the next returning observer waits for, if it comes soon.
    fn next_observed(&self, config: &Config<W>) -> Option<u32> {
        let from = self.line.at() + 1;
        (from..(from + 64).min(self.line.len())).find_map(|at| {
            let event = self.line.event(at)?;
            let live = event.is_return && self.line.live().has(self.line.slot(event.op));
            let mine = live && self.line.owner(self.line.slot(event.op)) == event.op;
            match self.acts[event.op] {
                Act::Read(value) | Act::Cas(value, _) if event.is_return => {
                    (!mine || !config.done.has(self.line.slot(event.op))).then_some(value)
                }
                _ => None,
            }
        })
    }

    /// A visible write: every write in flight can from now on be taken as hidden before it.
    fn write(&self, config: &Config<W>, value: u32, slot: Option<usize>) -> Config<W> {
        let mut next = Config { state: value, ..*config };
        if let Some(slot) = slot {
            next.done.insert(slot);
        }
        next.optional = next.optional.with(&self.writes).without(&next.done);
        self.settle(next)
    }

    /// After a change of state: observers that fit now are satisfied.
    pub(super) fn settle(&self, mut config: Config<W>) -> Config<W> {
        for slot in self.line.live().without(&config.done).slots() {
            self.observe(&mut config, self.line.owner(slot));
        }
        config.at = self.line.at() as u32;
        config
    }
}
