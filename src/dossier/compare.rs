//! Compares two decisions gate by gate and figure by figure.
//!
//! In: two [`Summary`]s. Out: the gates in which they differ, each with what became better or worse and every value that is another.
//! `verify` compares what is packaged with what was judged again; `diff` compares two releases. Refuses to know files.
//!
//! What counts as worse, gate by gate: a verdict further from pass (pass, not applicable, inconclusive, fail); a waiver that was not in
//! force before; a gate that is no longer asked for, or not there; a bound that is looser (`≤` with a greater number, `≥` with a smaller
//! one); a test less that it is judged on. A margin that shrank under the same verdict is told, and is not worse: runs are never twice the same.

use super::Decision;
use super::summary::{GateSummary, Summary, TestSummary};
use crate::exact::Ratio;
use crate::verdict::Verdict;
use crate::words::words;
use serde_json::{Value, json};
use std::cmp::Ordering;
use std::collections::BTreeMap;

words! {
    /// Which way something went.
    enum Trend {
        /// Less is proven.
        Worse = "worse",
        /// More is proven.
        Better = "better",
        /// Another value.
        Changed = "changed",
    }
}

/// A value that is another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueChange {
    /// The test; empty for the release as a whole.
    pub test: String,
    /// What it is: `test` (a test that came or went, with its verdict), `verdict`, `objective`, `measured`, `margin`, `judged`, `found`, or the id of a figure.
    pub name: String,
    /// Before; `None` when it was not there.
    pub from: Option<String>,
    /// Now; `None` when it is not there.
    pub to: Option<String>,
    /// Which way it went.
    pub trend: Trend,
}

/// A gate in which two decisions differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateChange {
    /// Its id.
    pub gate: String,
    /// The verdict before, with ` (waived)`; `None` when the gate was not there.
    pub from: Option<String>,
    /// The verdict now.
    pub to: Option<String>,
    /// Which way it went.
    pub trend: Trend,
    /// What makes it better or worse: `verdict`, `newly waived`, `newly excluded`, `no longer waived`, `appeared`, `vanished`,
    /// `looser objective`, `fewer tests`.
    pub reasons: Vec<&'static str>,
    /// Every value that is another.
    pub values: Vec<ValueChange>,
}

impl GateChange {
    /// Both verdicts in one text.
    #[must_use]
    pub fn verdicts(&self) -> String {
        let word = |v: &Option<String>| v.clone().unwrap_or_else(|| "not there".into());
        let (from, to) = (word(&self.from), word(&self.to));
        if from == to { from } else { format!("{from} → {to}") }
    }

    /// As JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        let value =
            |v: &ValueChange| json!({ "test": v.test, "name": v.name, "from": v.from, "to": v.to, "trend": v.trend.word() });
        json!({
            "gate": self.gate,
            "trend": self.trend.word(),
            "from": self.from,
            "to": self.to,
            "reasons": self.reasons,
            "values": self.values.iter().map(value).collect::<Vec<_>>(),
        })
    }
}

/// The gates in which two decisions differ, in the order of the new one; those that vanished come last.
#[must_use]
pub fn compare_gates(old: &Summary, new: &Summary) -> Vec<GateChange> {
    let before: BTreeMap<&str, &GateSummary> = old.gates.iter().map(|g| (g.id.as_str(), g)).collect();
    let now: BTreeMap<&str, &GateSummary> = new.gates.iter().map(|g| (g.id.as_str(), g)).collect();
    let kept = new.gates.iter().map(|g| compare(before.get(g.id.as_str()).copied(), Some(g)));
    let gone = old.gates.iter().filter(|g| !now.contains_key(g.id.as_str())).map(|g| compare(Some(g), None));
    kept.chain(gone).flatten().collect()
}

/// Which way the decision itself went.
#[must_use]
pub fn compare_decisions(old: Decision, new: Decision) -> Option<Trend> {
    let rank = |d| match d {
        Decision::Accept => 2,
        Decision::Inconclusive => 1,
        Decision::Reject => 0,
    };
    trend(rank(new).cmp(&rank(old)))
}

fn trend(order: Ordering) -> Option<Trend> {
    match order {
        Ordering::Less => Some(Trend::Worse),
        Ordering::Greater => Some(Trend::Better),
        Ordering::Equal => None,
    }
}

/// How near a verdict is to pass.
fn rank(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Fail => 0,
        Verdict::Inconclusive => 1,
        Verdict::NotApplicable => 2,
        Verdict::Pass => 3,
    }
}

fn word(gate: &GateSummary) -> String {
    format!("{}{}", gate.verdict.word(), if gate.waived { " (waived)" } else { "" })
}

fn compare(old: Option<&GateSummary>, new: Option<&GateSummary>) -> Option<GateChange> {
    let asked = |g: &GateSummary| g.verdict != Verdict::NotApplicable;
    let mut reasons: Vec<(Trend, &'static str)> = Vec::new();
    let mut values = Vec::new();
    match (old, new) {
        (Some(old), Some(new)) => {
            reasons.extend(judged(old, new));
            values = tests(&old.tests, &new.tests);
            let worse = |name: &str| values.iter().any(|v| v.name == name && v.trend == Trend::Worse);
            if worse("objective") {
                reasons.push((Trend::Worse, "looser objective"));
            }
            if worse("test") && asked(new) {
                reasons.push((Trend::Worse, "fewer tests"));
            }
        }
        (None, Some(new)) if asked(new) => {
            let proven = new.verdict == Verdict::Pass;
            reasons.push((if proven { Trend::Better } else { Trend::Worse }, "appeared"));
        }
        (Some(old), None) if asked(old) => reasons.push((Trend::Worse, "vanished")),
        _ => return None,
    }
    if reasons.is_empty() && values.is_empty() && old.map(|g| &g.why) == new.map(|g| &g.why) {
        return None;
    }
    let trend = reasons.iter().map(|r| r.0).min().unwrap_or(Trend::Changed);
    let gate = old.or(new).map(|g| g.id.clone()).unwrap_or_default();
    let reasons = reasons.into_iter().map(|r| r.1).collect();
    Some(GateChange { gate, from: old.map(word), to: new.map(word), trend, reasons, values })
}

/// What became better or worse in a gate that is in both.
fn judged(old: &GateSummary, new: &GateSummary) -> Vec<(Trend, &'static str)> {
    let excluded = new.verdict == Verdict::NotApplicable;
    let mut reasons = Vec::new();
    if let Some(trend) = trend(rank(new.verdict).cmp(&rank(old.verdict))) {
        // What is no longer asked for is not better, even where it failed before.
        reasons.push(if excluded { (Trend::Worse, "newly excluded") } else { (trend, "verdict") });
    }
    match (old.waived, new.waived) {
        (false, true) => reasons.push((Trend::Worse, "newly waived")),
        (true, false) => reasons.push((Trend::Changed, "no longer waived")),
        _ => {}
    }
    reasons
}

fn tests(old: &[TestSummary], new: &[TestSummary]) -> Vec<ValueChange> {
    let names = |list: &[TestSummary]| list.iter().map(|t| t.test.clone()).collect::<Vec<_>>();
    let mut all = names(new);
    all.extend(names(old).into_iter().filter(|n| !new.iter().any(|t| t.test == *n)));
    let find = |list: &[TestSummary], name: &str| list.iter().find(|t| t.test == name).cloned();
    let each = |name: &String| match (find(old, name), find(new, name)) {
        (Some(old), Some(new)) => pair(name, &facts(&old), &facts(&new)),
        (old, new) => {
            let trend = if new.is_none() { Trend::Worse } else { Trend::Changed };
            let word = |test: Option<TestSummary>| test.map(|t| t.verdict.word().to_string());
            vec![ValueChange { test: name.clone(), name: "test".into(), from: word(old), to: word(new), trend }]
        }
    };
    all.iter().flat_map(each).collect()
}

/// What is said about one test, by name.
fn facts(test: &TestSummary) -> Vec<(String, String)> {
    let mut facts: Vec<(String, String)> = vec![("verdict".into(), test.verdict.word().into())];
    for (name, value) in [("objective", &test.objective), ("measured", &test.measured), ("margin", &test.margin)] {
        facts.push((name.into(), value.clone()));
    }
    facts.push(("judged".into(), test.judged.to_string()));
    facts.push(("found".into(), test.found.to_string()));
    facts.retain(|(_, value)| !value.is_empty());
    let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
    for figure in &test.figures {
        let times = seen.entry(&figure.id).or_default();
        *times += 1;
        let name = if *times == 1 { figure.id.clone() } else { format!("{} ({times})", figure.id) };
        facts.push((name, figure.shown()));
    }
    facts
}

fn pair(test: &str, old: &[(String, String)], new: &[(String, String)]) -> Vec<ValueChange> {
    let get = |list: &[(String, String)], name: &str| list.iter().find(|f| f.0 == name).map(|f| f.1.clone());
    let mut names: Vec<&String> = new.iter().map(|f| &f.0).collect();
    names.extend(old.iter().map(|f| &f.0).filter(|n| !new.iter().any(|f| f.0 == **n)));
    let change = |name: &String| {
        let (from, to) = (get(old, name), get(new, name));
        let trend = direction(name, from.as_deref(), to.as_deref());
        (from != to).then(|| ValueChange { test: test.to_string(), name: name.clone(), from, to, trend })
    };
    names.into_iter().filter_map(change).collect()
}

/// Which way a value went, where that can be told.
fn direction(name: &str, from: Option<&str>, to: Option<&str>) -> Trend {
    let order = match (name, from, to) {
        ("margin", Some(from), Some(to)) => number(to).zip(number(from)).filter(|(a, b)| a.1 == b.1).map(|(a, b)| a.0.cmp(&b.0)),
        ("objective", Some(from), Some(to)) => tightness(from, to),
        ("objective", Some(_), None) => Some(Ordering::Less),
        ("objective", None, Some(_)) => Some(Ordering::Greater),
        _ => None,
    };
    order.and_then(trend).unwrap_or(Trend::Changed)
}

/// A number and its unit, such as `0.400 s`.
fn number(text: &str) -> Option<(Ratio, &str)> {
    let (number, unit) = text.split_once(' ').unwrap_or((text, ""));
    Some((Ratio::parse(&number.replace('−', "-").replace(',', ""))?, unit))
}

/// Whether the second bound is tighter than the first, when both are of one form, such as `≤ 3.000 s`.
fn tightness(from: &str, to: &str) -> Option<Ordering> {
    let bound = |text| ["≤ ", "< ", "≥ ", "> "].iter().find_map(|op| Some((*op, number(str::strip_prefix(text, op)?)?)));
    let ((op, a), (same, b)) = (bound(from)?, bound(to)?);
    if op != same || a.1 != b.1 {
        return None;
    }
    Some(if matches!(op, "≤ " | "< ") { a.0.cmp(&b.0) } else { b.0.cmp(&a.0) })
}

/// The places, as JSON pointers, at which two values differ; at most `cap` of them.
#[must_use]
pub fn pointers(old: &Value, new: &Value, cap: usize) -> Vec<String> {
    let mut found = Vec::new();
    walk(old, new, &mut String::new(), cap, &mut found);
    found
}

fn walk(old: &Value, new: &Value, at: &mut String, cap: usize, found: &mut Vec<String>) {
    if old == new || found.len() >= cap {
        return;
    }
    let length = at.len();
    match (old, new) {
        (Value::Object(a), Value::Object(b)) => {
            let keys = a.keys().chain(b.keys().filter(|k| !a.contains_key(*k)));
            for key in keys {
                at.push_str(&format!("/{}", key.replace('~', "~0").replace('/', "~1")));
                walk(a.get(key).unwrap_or(&Value::Null), b.get(key).unwrap_or(&Value::Null), at, cap, found);
                at.truncate(length);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (i, (x, y)) in a.iter().zip(b).enumerate() {
                at.push_str(&format!("/{i}"));
                walk(x, y, at, cap, found);
                at.truncate(length);
            }
        }
        _ => found.push(at.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(verdict: &str, waived: bool, objective: &str, margin: &str, value: &str) -> Value {
        json!({ "id": "g.one", "required": verdict != "not-applicable", "verdict": verdict, "waived": waived, "tests": [{
            "test": "t", "verdict": verdict, "objective": objective, "margin": margin,
            "figures": [{ "id": "time", "value": value, "unit": "s" }] }] })
    }

    fn summary(gates: &[Value]) -> Summary {
        let file = json!({ "sha256": "" });
        let value = json!({ "tool": { "name": "q", "version": "1" }, "decision": "accept", "contract": file, "matrix": file,
            "release": { "service": "s", "version": "1" }, "gates": gates });
        Summary::read(value.to_string().as_bytes()).unwrap()
    }

    fn one(old: &[Value], new: &[Value]) -> (Trend, Vec<&'static str>) {
        let mut changes = compare_gates(&summary(old), &summary(new));
        assert_eq!(changes.len(), 1, "{changes:?}");
        let change = changes.remove(0);
        (change.trend, change.reasons)
    }

    #[test]
    fn what_is_worse() {
        let pass = gate("pass", false, "≤ 3.000 s", "0.400 s", "2.600");
        let fail = gate("fail", false, "≤ 3.000 s", "0.400 s", "2.600");
        let open = gate("inconclusive", false, "≤ 3.000 s", "0.400 s", "2.600");
        let none = gate("not-applicable", false, "≤ 3.000 s", "0.400 s", "2.600");
        let waived = gate("fail", true, "≤ 3.000 s", "0.400 s", "2.600");
        let one = |a: &Value, b: &Value| one(std::slice::from_ref(a), std::slice::from_ref(b));
        assert_eq!(one(&pass, &fail), (Trend::Worse, vec!["verdict"]));
        assert_eq!(one(&open, &fail), (Trend::Worse, vec!["verdict"]));
        assert_eq!(one(&fail, &pass), (Trend::Better, vec!["verdict"]));
        assert_eq!(one(&none, &pass), (Trend::Better, vec!["verdict"]));
        assert_eq!(one(&pass, &none), (Trend::Worse, vec!["newly excluded"]));
        assert_eq!(one(&fail, &none), (Trend::Worse, vec!["newly excluded"]));
        assert_eq!(one(&fail, &waived), (Trend::Worse, vec!["newly waived"]));
        assert_eq!(one(&waived, &pass), (Trend::Better, vec!["verdict", "no longer waived"]));
        let looser = gate("pass", false, "≤ 5.000 s", "2.400 s", "2.600");
        assert_eq!(one(&pass, &looser), (Trend::Worse, vec!["looser objective"]));
        assert_eq!(one(&looser, &pass).0, Trend::Changed);
        assert_eq!(tightness("≥ 99 %", "≥ 90 %"), Some(Ordering::Less));
        assert_eq!(tightness("≥ 99 %", "≤ 90 %"), None);
    }

    #[test]
    fn gates_come_and_go() {
        let (pass, fail) = (gate("pass", false, "", "", "1"), gate("fail", false, "", "", "1"));
        assert_eq!(one(&[], std::slice::from_ref(&pass)), (Trend::Better, vec!["appeared"]));
        assert_eq!(one(&[], std::slice::from_ref(&fail)), (Trend::Worse, vec!["appeared"]));
        assert_eq!(one(&[fail], &[]), (Trend::Worse, vec!["vanished"]));
        assert_eq!(compare_gates(&summary(std::slice::from_ref(&pass)), &summary(&[pass])), []);
    }

    #[test]
    fn figures_are_compared_one_by_one() {
        let old = summary(&[gate("pass", false, "≤ 3.000 s", "0.400 s", "2.600")]);
        let new = summary(&[gate("pass", false, "≤ 3.000 s", "0.100 s", "2.900")]);
        let changes = compare_gates(&old, &new);
        let values: Vec<_> = changes[0].values.iter().map(|v| (v.name.as_str(), v.to.as_deref(), v.trend)).collect();
        assert_eq!(values, [("margin", Some("0.100 s"), Trend::Worse), ("time", Some("2.900 s"), Trend::Changed)]);
        assert_eq!(changes[0].trend, Trend::Changed, "a smaller margin alone is not worse");
    }

    #[test]
    fn places_are_pointers() {
        let (old, new) = (json!({ "a": [1, { "b/c": 2 }], "d": 1 }), json!({ "a": [1, { "b/c": 3 }], "e": 1 }));
        assert_eq!(pointers(&old, &new, 9), ["/a/1/b~1c", "/d", "/e"]);
        assert_eq!(pointers(&old, &new, 1).len(), 1);
    }
}
