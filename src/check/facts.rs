//! The facts of a check: what was read, what was assumed, a verdict for each key, and the counterexamples.
//!
//! In: an outcome and the rows behind it. Out: [`Checked`], with every name and place as text, worst keys first. Refuses to know pages.

use super::read::Loaded;
use super::{Answer as A, Ask};
use crate::contract::NilRead;
use crate::evidence::kinds::Operation;
use crate::evidence::symbol::{Sym, Val};
use crate::evidence::{Evidence, RowId, Rows};
use crate::judge::linearizability as lin;
use serde::Serialize;

/// The answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// An order exists, for every key.
    Linearizable,
    /// For at least one key there is none.
    NotLinearizable,
    /// It is not known, or there was nothing to judge.
    Undecided,
}

impl Answer {
    /// The answer in words.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Linearizable => "linearizable",
            Self::NotLinearizable => "not linearizable",
            Self::Undecided => "undecided",
        }
    }
}

/// One file.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct FileFacts {
    /// Its path as it was given.
    pub path: String,
    /// Its digest.
    pub sha256: String,
    /// Its length.
    pub bytes: u64,
    /// Its records.
    pub records: u64,
    /// The format it was read as.
    pub format: String,
    /// Whether that was guessed.
    pub format_guessed: bool,
}

/// What an operation is in a counterexample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mark {
    /// The one that cannot be.
    Impossible,
    /// Part of the contradiction.
    Involved,
    /// Was in flight nearby.
    Nearby,
}

/// One operation.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct OpFacts {
    /// The file.
    pub path: String,
    /// The line.
    pub line: u64,
    /// The logical process.
    pub process: String,
    /// What was asked, and answered.
    pub what: String,
    /// When it was sent.
    pub invoke: i64,
    /// When the answer came; none did when absent.
    #[serde(rename = "return")]
    pub ret: Option<i64>,
    /// What it is here.
    pub mark: Mark,
}

/// A counterexample.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Example {
    /// Why these operations cannot be put into an order, in one sentence.
    pub why: String,
    /// What all other operations may have done without excusing it; nothing where they all count.
    pub whatever: Option<&'static str>,
    /// By how much clocks would have to be wrong to excuse it, in ns.
    pub margin_ns: Option<i64>,
    /// The operations, by the time they were sent.
    pub operations: Vec<OpFacts>,
    /// Those in flight nearby that are not shown.
    pub left_out: usize,
}

/// One key.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct KeyFacts {
    /// Its name; absent when the history has no keys.
    pub key: Option<String>,
    /// The answer.
    pub answer: Answer,
    /// Operations.
    pub operations: u32,
    /// Successful ones.
    pub ok: u32,
    /// How it was judged.
    pub method: String,
    /// Why this method.
    pub method_why: String,
    /// Why it is undecided, or why it is contradicted when its counterexample is not shown.
    pub why: Option<String>,
    /// The counterexample, for the twenty smallest.
    pub example: Option<Example>,
}

/// All facts of a check.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Checked {
    /// The answer.
    pub answer: Answer,
    /// Why it is undecided.
    pub why: Option<String>,
    /// The files.
    pub files: Vec<FileFacts>,
    /// The model.
    pub model: String,
    /// Whether it was guessed.
    pub model_guessed: bool,
    /// The value before the first write.
    pub initial: String,
    /// What a nil read says.
    pub nil_read: String,
    /// By how much each time may be wrong.
    pub skew_ns: i64,
    /// What was assumed.
    pub assumed: Vec<String>,
    /// Whether times are places in the file.
    pub order_only: bool,
    /// Operations judged.
    pub operations: u64,
    /// Successful ones.
    pub ok: u64,
    /// The keys, worst first.
    pub keys: Vec<KeyFacts>,
}

impl Checked {
    /// Adds what is to be known.
    pub fn note(&mut self, said: Vec<String>) {
        self.assumed.extend(said);
    }

    /// Says why the one object is contradicted.
    pub fn because(&mut self, why: &str) {
        for example in self.keys.iter_mut().filter_map(|key| key.example.as_mut()) {
            (example.why, example.whatever) = (why.to_string(), None);
        }
    }

    /// Makes the answer undecided, unless a contradiction stands.
    pub fn unclear(&mut self, why: String) {
        if self.answer != A::NotLinearizable {
            self.answer = A::Undecided;
            for key in &mut self.keys {
                (key.answer, key.why) = (A::Undecided, Some(why.clone()));
            }
            self.why = Some(why);
        }
    }
}

/// The most counterexamples that are shown in full.
const DRAWN: usize = 20;
/// The most operations nearby that are shown.
const NEARBY: usize = 12;

/// What facts are made of.
pub(super) struct Facts<'a> {
    pub ask: &'a Ask,
    pub loaded: &'a Loaded,
    pub evidence: &'a Evidence,
    pub rows: &'a Rows<'a, Operation>,
    pub ids: &'a [RowId],
    pub history: &'a lin::History,
    pub model: &'a str,
    pub guessed: bool,
}

/// What is known of a history of which no row can be judged.
pub(super) fn open(loaded: &Loaded, why: String) -> Checked {
    let empty = Checked {
        answer: A::Undecided,
        why: Some(why),
        files: files(loaded),
        model: "none".into(),
        model_guessed: false,
        initial: "nil".into(),
        nil_read: NilRead::Absent.word().into(),
        skew_ns: 0,
        assumed: Vec::new(),
        order_only: false,
        operations: 0,
        ok: 0,
        keys: Vec::new(),
    };
    Checked { assumed: loaded.assumed.clone(), ..empty }
}

fn files(loaded: &Loaded) -> Vec<FileFacts> {
    let facts = |artifact: &crate::evidence::Artifact| {
        let taken = loaded.files.iter().find(|t| *t.path == *artifact.path);
        FileFacts {
            path: artifact.path.to_string(),
            sha256: artifact.sha256.to_string(),
            bytes: artifact.bytes,
            records: artifact.records,
            format: taken.map_or("mapped", |t| t.format).into(),
            format_guessed: taken.is_some_and(|t| t.guessed),
        }
    };
    loaded.evidence.artifacts.iter().map(facts).collect()
}

impl Facts<'_> {
    /// All facts of an outcome.
    pub fn checked(&self, outcome: &lin::Outcome) -> Checked {
        let drawn = drawn(outcome);
        let mut keys: Vec<KeyFacts> = outcome.keys.iter().map(|key| self.key(key, drawn.contains(&key.key))).collect();
        let rank = |k: &KeyFacts| match k.answer {
            A::NotLinearizable => 0,
            A::Undecided => 1,
            A::Linearizable => 2,
        };
        let size = |k: &KeyFacts| {
            k.example.as_ref().map_or(usize::MAX, |e| e.operations.iter().filter(|o| o.mark != Mark::Nearby).count())
        };
        keys.sort_by_key(|k| (rank(k), size(k)));
        let verdict = outcome.verdict();
        let (answer, why) = match &verdict {
            lin::Verdict::Linearizable => (A::Linearizable, None),
            lin::Verdict::Violation(_) => (A::NotLinearizable, None),
            lin::Verdict::Undecided(gap) => (A::Undecided, Some(lin::explain_gap(&lin::Undecided { stuck_at: None, ..**gap }))),
            lin::Verdict::Vacuous => (A::Undecided, Some("vacuous: no operation succeeded, so there is nothing to order".into())),
        };
        let register = matches!(self.model, "register" | "cas-register");
        let initial = if register { self.ask.initial.clone().unwrap_or_else(|| "nil".into()) } else { "empty".into() };
        Checked {
            answer,
            why,
            model: self.model.into(),
            model_guessed: self.guessed,
            initial,
            nil_read: self.ask.nil_read.word().into(),
            skew_ns: self.ask.skew_ns,
            order_only: self.rows.clock().is_some_and(|id| id.starts_with("order of lines in ")),
            operations: outcome.keys.iter().map(|k| u64::from(k.operations)).sum(),
            ok: outcome.ok_operations(),
            keys,
            ..open(self.loaded, String::new())
        }
    }

    fn key(&self, key: &lin::KeyVerdict, drawn: bool) -> KeyFacts {
        let (answer, why, example) = match &key.verdict {
            lin::Verdict::Linearizable => (A::Linearizable, None, None),
            lin::Verdict::Violation(example) if drawn => (A::NotLinearizable, None, Some(self.example(key.key, example))),
            lin::Verdict::Violation(example) => (A::NotLinearizable, Some(lin::why(example)), None),
            lin::Verdict::Undecided(gap) => {
                let why = lin::explain_gap(&lin::Undecided { stuck_at: None, ..**gap });
                let at = gap.stuck_at.map(|op| format!(", at {}", self.place(&op))).unwrap_or_default();
                (A::Undecided, Some(format!("{why}{at}")), None)
            }
            lin::Verdict::Vacuous => (A::Undecided, Some("no operation succeeded".into()), None),
        };
        KeyFacts {
            key: key.key.checked_sub(1).map(|k| self.evidence.text(Sym(k)).to_string()),
            answer,
            operations: key.operations,
            ok: key.ok_operations,
            method: method(key.method).into(),
            method_why: key.why.into(),
            why,
            example,
        }
    }

    fn place(&self, op: &lin::Operation) -> String {
        let at = self.ids.get(op.row as usize).map(|id| self.rows.source(*id));
        at.map_or_else(|| "no line".into(), |s| format!("{}:{}", s.path, s.line.unwrap_or(0)))
    }

    fn example(&self, key: u32, example: &lin::Counterexample) -> Example {
        let why = lin::why(example);
        let impossible = impossible(&example.operations);
        let involved: Vec<u32> = example.operations.iter().map(|o| o.row).collect();
        let from = example.operations.iter().map(|o| o.invoke).min().unwrap_or(0);
        let to = example.operations.iter().filter(|o| o.ret != lin::NEVER).map(|o| o.ret).max().unwrap_or(from);
        let nearby = |op: &lin::Operation| op.key == key && op.ret >= from && op.invoke <= to && !involved.contains(&op.row);
        let near = |op: &lin::Operation| nearby(op) && op.outcome != lin::OpOutcome::Fail;
        let mut all: Vec<lin::Operation> = self.history.operations().filter(near).take(10_000).collect();
        // Those closest to the impossible operation tell most.
        let centre = impossible.map_or(to, |op| op.invoke);
        all.sort_by_key(|op| (op.invoke.saturating_sub(centre).saturating_abs(), op.row));
        let left_out = all.len().saturating_sub(NEARBY);
        all.truncate(NEARBY);
        let mut shown: Vec<(lin::Operation, Mark)> = all.into_iter().map(|op| (op, Mark::Nearby)).collect();
        for op in &example.operations {
            let mark = if impossible.is_some_and(|i| i.row == op.row) { Mark::Impossible } else { Mark::Involved };
            shown.push((*op, mark));
        }
        shown.sort_by_key(|(op, _)| (op.invoke, op.row));
        let operations = shown.iter().map(|(op, mark)| self.op(op, *mark)).collect();
        Example { why, whatever: lin::whatever(example), margin_ns: example.margin_ns, operations, left_out }
    }

    fn op(&self, op: &lin::Operation, mark: Mark) -> OpFacts {
        let at = self.ids.get(op.row as usize).map(|id| self.rows.source(*id));
        let unknown = if op.outcome == lin::OpOutcome::Unknown { ", outcome unknown" } else { "" };
        let row = self.ids.get(op.row as usize).and_then(|id| self.rows.get(*id));
        let version = op.version.map_or(String::new(), |v| format!(" version {v}"));
        OpFacts {
            path: at.as_ref().map_or(String::new(), |s| s.path.to_string()),
            line: at.and_then(|s| s.line).unwrap_or(0),
            process: row.map_or(String::new(), |r| self.evidence.text(r.process.unwrap_or(r.client)).to_string()),
            what: format!("{}{version}{unknown}", row.map_or_else(|| "operation".into(), |r| self.what(&r))),
            invoke: op.invoke,
            ret: (op.ret != lin::NEVER).then_some(op.ret),
            mark,
        }
    }

    fn what(&self, row: &Operation) -> String {
        let text = |v: Option<Val>| v.map_or("nothing".into(), |v| self.evidence.symbols.value(v));
        use crate::evidence::kinds::OpKind as K;
        let whole = match row.op {
            K::Cas => format!("cas {} to {}", text(row.expected), text(row.value)),
            K::Acquire | K::Release => row.op.word().to_string(),
            K::Txn => format!("revision {}", row.commit_index.map_or("unknown".into(), |r| r.to_string())),
            op => format!("{} {}", op.word(), text(row.value)),
        };
        let cut: String = whole.chars().take(60).collect();
        if cut.len() < whole.len() { format!("{cut}…") } else { cut }
    }
}

/// The keys whose counterexamples are shown with what was in flight nearby: the smallest. Each costs a walk over the history.
fn drawn(outcome: &lin::Outcome) -> std::collections::BTreeSet<u32> {
    let mut violated: Vec<(usize, u32)> = outcome.violations().map(|(key, e)| (e.operations.len(), key.key)).collect();
    violated.sort_unstable();
    violated.into_iter().take(DRAWN).map(|(_, key)| key).collect()
}

/// The operation that cannot be: the last sent of those that observed something, else the last.
fn impossible(operations: &[lin::Operation]) -> Option<lin::Operation> {
    let observes = |op: &&lin::Operation| op.kind.observes_only() || matches!(op.kind, lin::Kind::Dequeue | lin::Kind::Pop);
    let last = |op: &&lin::Operation| (op.invoke, op.ret);
    operations.iter().filter(observes).max_by_key(last).or(operations.last()).copied()
}

fn method(method: lin::Method) -> &'static str {
    match method {
        lin::Method::VersionSweep => "version sweep",
        lin::Method::Blocks => "unique-value blocks",
        lin::Method::QueueConditions => "queue conditions",
        lin::Method::SetElements => "set elements",
        lin::Method::StackConditions => "stack conditions",
        lin::Method::CounterSlots => "counter slots",
        lin::Method::LogPrefixes => "log prefixes",
        lin::Method::MutexBlocks => "mutex blocks",
        lin::Method::RegisterSearch => "register search",
        lin::Method::ModelSearch => "model search",
    }
}
