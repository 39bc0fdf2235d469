//! The built-in data types as models for the general search: slow, simple, and the yardstick for the fast methods.

use super::history::{History, Kind, NIL, OpOutcome};
use super::model::{Call, Model, check_model};
use super::outcome::{DataType, FailedCas, NilRead, Settings, Verdict};

/// A packed operation as the models see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Op {
    kind: Kind,
    value: i64,
    expected: i64,
    process: u32,
    failed: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum State {
    Value(i64),
    Items(Vec<i64>),
    Text(String),
}

struct Builtin<'a> {
    history: &'a History,
    data: DataType,
    initial: i64,
    any_nil: bool,
}

/// Judges the operations at these positions (of one key) by search.
pub(super) fn search(history: &History, at: &[u32], data: DataType, settings: &Settings) -> Verdict {
    let model = Builtin { history, data, initial: settings.initial, any_nil: settings.nil_read == NilRead::Any };
    let calls: Vec<Call<Op>> = at
        .iter()
        .map(|&at| {
            let mut shown = history.operation(at as usize);
            let failed =
                shown.kind == Kind::Cas && shown.outcome == OpOutcome::Fail && settings.failed_cas == FailedCas::Mismatch;
            if failed {
                shown.outcome = OpOutcome::Ok;
            }
            let process = if data == DataType::Mutex { shown.process } else { 0 };
            let expected = if matches!(shown.kind, Kind::Cas | Kind::Contains) { shown.expected } else { NIL };
            let op = Op { kind: shown.kind, value: shown.value, expected, process, failed };
            Call { op, shown }
        })
        .collect();
    check_model(&model, &calls, settings)
}

impl Model for Builtin<'_> {
    type State = State;
    type Op = Op;

    fn initial(&self) -> State {
        match self.data {
            DataType::Register => State::Value(self.initial),
            DataType::Counter => State::Value(0),
            DataType::Mutex => State::Value(NIL),
            DataType::Text => State::Text(String::new()),
            DataType::Log | DataType::Set | DataType::Queue | DataType::Stack => State::Items(Vec::new()),
        }
    }

    fn step(&self, state: &State, op: &Op) -> Option<State> {
        match state {
            State::Value(now) => self.step_value(*now, op).map(State::Value),
            State::Items(items) => self.step_items(items, op).map(State::Items),
            State::Text(text) => self.step_text(text, op).map(State::Text),
        }
    }

    fn steps_unknown(&self, state: &State, op: &Op) -> Vec<State> {
        match (state, op.kind) {
            (State::Items(items), Kind::Dequeue) if !items.is_empty() => {
                vec![State::Items(items[1..].to_vec())]
            }
            (State::Items(items), Kind::Pop) if !items.is_empty() => {
                vec![State::Items(items[..items.len() - 1].to_vec())]
            }
            (_, Kind::Dequeue | Kind::Pop) => Vec::new(),
            _ => self.step(state, op).into_iter().collect(),
        }
    }

    fn observes_only(&self, op: &Op) -> bool {
        op.kind.observes_only() || op.failed
    }

    fn size(&self, state: &State) -> usize {
        std::mem::size_of::<State>()
            + match state {
                State::Value(_) => 0,
                State::Items(items) => 8 * items.len(),
                State::Text(text) => text.len(),
            }
    }
}

impl Builtin<'_> {
    fn step_value(&self, now: i64, op: &Op) -> Option<i64> {
        let holder = i64::from(op.process);
        match op.kind {
            Kind::Read if now == op.value || (self.any_nil && op.value == NIL) => Some(now),
            Kind::ReadCounter if now == op.value => Some(now),
            Kind::Write => Some(op.value),
            Kind::Cas if op.failed => (now != op.expected).then_some(now),
            Kind::Cas if now == op.expected => Some(op.value),
            Kind::Increment => now.checked_add(op.value),
            Kind::Acquire if now == NIL => Some(holder),
            Kind::Release if now == holder => Some(NIL),
            _ => None,
        }
    }

    fn step_items(&self, items: &[i64], op: &Op) -> Option<Vec<i64>> {
        let mut next = items.to_vec();
        let place = next.binary_search(&op.value);
        match op.kind {
            Kind::Add => {
                if let Err(place) = place {
                    next.insert(place, op.value);
                }
            }
            Kind::Remove => {
                next.remove(place.ok()?);
            }
            Kind::Contains if place.is_ok() == (op.expected == 1) => {}
            Kind::Append | Kind::Enqueue | Kind::Push => next.push(op.value),
            Kind::ReadLog if self.history.list_of(op.value) == items => {}
            Kind::Dequeue | Kind::Pop if op.value == NIL && items.is_empty() => {}
            Kind::Dequeue if items.first() == Some(&op.value) => {
                next.remove(0);
            }
            Kind::Pop if items.last() == Some(&op.value) => {
                next.pop();
            }
            _ => return None,
        }
        Some(next)
    }

    fn step_text(&self, text: &str, op: &Op) -> Option<String> {
        let said = self.history.text_of(op.value);
        match op.kind {
            Kind::Get if text == said => Some(text.to_string()),
            Kind::Put => Some(said.to_string()),
            Kind::AppendText => Some(text.to_string() + said),
            _ => None,
        }
    }
}

/// Does this data type have this kind of operation?
pub(super) fn belongs(data: DataType, kind: Kind) -> bool {
    let kinds: &[Kind] = match data {
        DataType::Register => &[Kind::Read, Kind::Write, Kind::Cas],
        DataType::Log => &[Kind::Append, Kind::ReadLog],
        DataType::Set => &[Kind::Add, Kind::Remove, Kind::Contains, Kind::ReadLog],
        DataType::Queue => &[Kind::Enqueue, Kind::Dequeue],
        DataType::Stack => &[Kind::Push, Kind::Pop],
        DataType::Counter => &[Kind::Increment, Kind::ReadCounter],
        DataType::Mutex => &[Kind::Acquire, Kind::Release],
        DataType::Text => &[Kind::Get, Kind::Put, Kind::AppendText],
    };
    kinds.contains(&kind)
}
