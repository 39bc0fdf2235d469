//! What the nemesis did, as faults.
//!
//! In: its remarks in the order of the file. Out: rows of faults. Refuses to know operations.

use super::rows::put;
use crate::evidence::kinds::Injection;
use crate::evidence::record::Record;
use crate::evidence::symbol::{Sym, Symbols};
use crate::evidence::table::{ABSENT, Raw, Table};

/// One thing the nemesis did: its name, line, time, and the names in its value.
#[derive(Debug)]
pub struct Deed {
    /// What.
    pub f: Box<str>,
    /// The line.
    pub line: u32,
    /// When.
    pub at: i64,
    /// The names in its value.
    pub names: Vec<String>,
}

/// A deed, when it was done, and when it was ended.
type Open = (Deed, i64, Option<(i64, i64)>);

/// Which deed ends which: `stop` ends `start`, `stop-x` ends `start-x`, `start` ends `kill`, `resume` ends `pause`.
pub fn ends(stop: &str) -> Vec<String> {
    match stop {
        "stop" => vec!["start".into()],
        "start" => vec!["kill".into()],
        "resume" => vec!["pause".into()],
        "heal" => vec!["partition".into()],
        _ => stop.strip_prefix("stop-").map(|rest| vec![format!("start-{rest}"), rest.to_string()]).unwrap_or_default(),
    }
}

/// The nemesis logs each deed twice: when it begins and when it is done. Two such deeds, start and stop, are one fault.
pub fn injections(deeds: Vec<Deed>, symbols: &mut Symbols, faults: &mut Table) {
    let mut spans: Vec<(Deed, i64)> = Vec::new();
    for deed in deeds {
        match spans.last_mut() {
            Some((first, done)) if first.f == deed.f && *done == first.at && first.names.is_empty() => {
                *done = deed.at;
                first.names = deed.names;
            }
            _ => {
                let at = deed.at;
                spans.push((deed, at));
            }
        }
    }
    let mut open: Vec<Open> = Vec::new();
    for (deed, done) in spans {
        let ended = ends(&deed.f);
        let started = open.iter_mut().rev().find(|(d, _, stop)| stop.is_none() && ended.iter().any(|e| **e == *d.f));
        match started {
            Some(started) => started.2 = Some((deed.at, done.max(deed.at))),
            None => open.push((deed, done, None)),
        }
    }
    for (i, (deed, done, stop)) in open.into_iter().enumerate() {
        let id = symbols.intern(&format!("nemesis-{}", i + 1));
        let fault = symbols.intern(&deed.f);
        let targets: Vec<Sym> = deed.names.iter().map(|n| symbols.intern(n)).collect();
        let targets = symbols.intern_list(&targets);
        put(
            faults,
            Injection::KIND,
            deed.line,
            &[
                ("id", Raw::from(id.0)),
                ("fault", Raw::from(fault.0)),
                ("targets", Raw::from(targets.0)),
                ("start-lo", deed.at),
                ("start-hi", done.max(deed.at)),
                ("stop-lo", stop.map_or(ABSENT, |s| s.0)),
                ("stop-hi", stop.map_or(ABSENT, |s| s.1)),
            ],
        );
    }
}
