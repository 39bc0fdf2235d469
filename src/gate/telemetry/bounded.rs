//! Telemetry that cannot be flooded or forged: label sets within a cap, no control characters.
//!
//! In: the series of a test. Out: a judgement. Refuses to know what the series count.

use crate::evidence::kinds::Point;
use crate::evidence::symbol::Sym;
use crate::gate::TestCx;
use crate::judge::tally::{Flaw, Tally};
use crate::verdict::{Figure, Finding, Judged, Judgement};
use crate::words::plural;
use std::collections::{BTreeMap, BTreeSet};

/// Whether a character could rewrite what a person or a terminal sees: controls, line and paragraph separators, and marks that turn the direction of text.
fn injects(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

pub(super) fn bounded(cx: &TestCx<'_>) -> Judged {
    let rows = cx.rows::<Point>()?;
    let cap = cx.contract().telemetry.label_sets;
    let mut tally = Tally { judged: rows.len(), ..Tally::default() };
    let mut sets: BTreeMap<Sym, BTreeSet<Option<Sym>>> = BTreeMap::new();
    let mut bad: BTreeSet<Sym> = BTreeSet::new();
    for (id, p) in rows.iter() {
        let fresh = sets.entry(p.series).or_default().insert(p.labels);
        let texts = [Some(p.series), p.labels];
        for sym in texts.into_iter().flatten().filter(|_| fresh) {
            let text = cx.evidence().text(sym);
            if let Some(c) = text.chars().find(|c| injects(*c)).filter(|_| bad.insert(sym)) {
                let shown: String = text.chars().take(60).collect::<String>().escape_debug().to_string();
                let why = format!("a name or label carries the control character U+{:04X}: {shown}", u32::from(c));
                tally.faults.push(Flaw::new(
                    i64::MAX,
                    why,
                    Finding::new("control-character").with("text", shown).source(rows.source(id)),
                ));
            }
        }
    }
    let most = sets.iter().map(|(series, labels)| (labels.len(), *series)).max();
    for (series, labels) in sets.iter().filter(|(_, l)| l.len() as u64 > cap) {
        let (name, count) = (cx.evidence().text(*series).escape_debug().to_string(), labels.len());
        let why = format!("series {name} has {count} sets of labels, above the cap of {cap}");
        let finding = Finding::new("too-many-label-sets").with("series", name).with("label-sets", count);
        tally.faults.push(Flaw::new(i64::try_from(count).unwrap_or(i64::MAX), why, finding));
    }
    let (count, series) = most.map_or((0, "–".into()), |(n, s)| (n, cx.evidence().text(s).escape_debug().to_string()));
    let pass = format!(
        "{} series with at most {} each; no control characters",
        sets.len(),
        plural(count, "set of labels", "sets of labels")
    );
    let figure = Figure {
        id: "label-sets".into(),
        symbol: "N_labels".into(),
        formula: "most sets of labels of one series ≤ cap".into(),
        substitution: format!("{series}: {count} ≤ {cap}"),
        value: count.to_string(),
        unit: String::new(),
        sources: Vec::new(),
    };
    let judgement: Judgement = tally.conclude(pass, "no series was recorded").figure(figure);
    Ok(judgement.against(format!("≤ {}", plural(cap, "label set", "label sets")), plural(count, "label set", "label sets"), ""))
}
