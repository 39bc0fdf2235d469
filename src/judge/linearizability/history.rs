//! A recorded history, packed in columns.
//!
//! Comes in: operations, one `push` each, in any order. Goes out: cheap column access for the checkers.
//! Refuses to know: files, formats, clocks. Columns that a history does not need (versions, expected values, rows that
//! differ from the position) are not stored, so that an operation takes 29 to 53 bytes.

/// "Absent", "empty" or "nil": the value of a register never written, the answer of an empty queue.
pub const NIL: i64 = i64::MIN;
/// The return time of an operation that never returned.
pub const NEVER: i64 = i64::MAX;
/// Times must lie within plus and minus this bound, so that sums of two times cannot overflow.
pub const TIME_LIMIT: i64 = 1 << 61;

const NO_VERSION: u64 = u64::MAX;

/// What an operation asks for. `value` and `expected` mean what the variant says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    /// Register: returns `value`.
    Read,
    /// Register: sets `value`.
    Write,
    /// Register: sets `value` if the register holds `expected`.
    Cas,
    /// Log: appends the element `value`; `version` is its position counted from 1, where known.
    Append,
    /// Log and set: returns the whole object, `value` is an id from [`History::list`]. The list of a set ascends, without repeats.
    ReadLog,
    /// Set: adds the element `value`, whether or not it was there.
    Add,
    /// Set: removes the element `value`, which was there.
    Remove,
    /// Set: tells whether `value` is an element; `expected` is 1 for yes, 0 for no.
    Contains,
    /// Queue: puts `value` at the end.
    Enqueue,
    /// Queue: takes `value` from the front, or [`NIL`] from an empty queue.
    Dequeue,
    /// Mutex: taken by `process`.
    Acquire,
    /// Mutex: given back by `process`.
    Release,
    /// Counter: adds `value`, which may be negative.
    Increment,
    /// Counter: returns `value`.
    ReadCounter,
    /// Stack: puts `value` on top.
    Push,
    /// Stack: takes `value` from the top, or [`NIL`] from an empty stack.
    Pop,
    /// Text store: returns the text `value` (an id from [`History::text`]).
    Get,
    /// Text store: sets the text `value` (an id from [`History::text`]).
    Put,
    /// Text store: appends the text `value` (an id from [`History::text`]).
    AppendText,
}

impl Kind {
    pub(super) const ALL: [Kind; 19] = [
        Kind::Read,
        Kind::Write,
        Kind::Cas,
        Kind::Append,
        Kind::ReadLog,
        Kind::Add,
        Kind::Remove,
        Kind::Contains,
        Kind::Enqueue,
        Kind::Dequeue,
        Kind::Acquire,
        Kind::Release,
        Kind::Increment,
        Kind::ReadCounter,
        Kind::Push,
        Kind::Pop,
        Kind::Get,
        Kind::Put,
        Kind::AppendText,
    ];

    /// Does this kind leave the object as it was?
    #[inline]
    pub fn observes_only(self) -> bool {
        matches!(self, Kind::Read | Kind::ReadLog | Kind::Contains | Kind::ReadCounter | Kind::Get)
    }
}

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum OpOutcome {
    /// It took effect between invoke and return.
    Ok,
    /// It did not take effect, and never will.
    Fail,
    /// Nobody knows: it may take effect at any time after its invoke, or never.
    Unknown,
}

/// One client operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Operation {
    /// The logical process. After a time-out a client goes on as a new process.
    pub process: u32,
    /// The object. Linearizability is judged for each key by itself.
    pub key: u32,
    /// What was asked.
    pub kind: Kind,
    /// Argument or answer: small integers directly, everything else as an id of the caller, [`NIL`] for absent.
    pub value: i64,
    /// The expected value of a compare-and-set, the answer of `Contains`; else unused.
    pub expected: i64,
    /// The version (commit index, revision) a write got or a read saw, if the system tells.
    pub version: Option<u64>,
    /// When the client sent it, in nanoseconds.
    pub invoke: i64,
    /// When the answer came; [`NEVER`] if it did not.
    pub ret: i64,
    /// How it ended.
    pub outcome: OpOutcome,
    /// The caller's name for it, usually the record number in the evidence.
    pub row: u32,
}

impl Operation {
    /// A successful operation of process 0 on key 0, to be changed with struct update syntax.
    pub fn ok(kind: Kind, value: i64, invoke: i64, ret: i64) -> Operation {
        Operation { process: 0, key: 0, kind, value, expected: NIL, version: None, invoke, ret, outcome: OpOutcome::Ok, row: 0 }
    }
}

/// Why an operation cannot be part of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadOperation {
    /// It returned before it was invoked.
    ReturnBeforeInvoke,
    /// It succeeded, but has no return time.
    OkWithoutReturn,
    /// A time lies outside of plus and minus [`TIME_LIMIT`].
    TimeOutOfRange,
    /// The history holds 2^32 - 1 operations already.
    Full,
}

impl std::fmt::Display for BadOperation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            BadOperation::ReturnBeforeInvoke => "operation returned before it was invoked",
            BadOperation::OkWithoutReturn => "operation is ok but never returned",
            BadOperation::TimeOutOfRange => "time is out of range",
            BadOperation::Full => "too many operations in one history",
        })
    }
}

impl std::error::Error for BadOperation {}

/// Packed operations.
#[derive(Clone, Debug, Default)]
pub struct History {
    pub(super) tags: Vec<u8>,
    pub(super) keys: Vec<u32>,
    processes: Vec<u32>,
    pub(super) values: Vec<i64>,
    pub(super) invokes: Vec<i64>,
    pub(super) returns: Vec<i64>,
    expected: Vec<i64>,
    versions: Vec<u64>,
    rows: Vec<u32>,
    lists: Vec<Box<[i64]>>,
    texts: Vec<Box<str>>,
}

#[inline]
pub(super) fn tag(kind: Kind, outcome: OpOutcome) -> u8 {
    ((kind as u8) << 2) | outcome as u8
}

impl History {
    /// An empty history.
    pub fn new() -> History {
        History::default()
    }

    /// An empty history with room for `n` operations.
    pub fn with_capacity(n: usize) -> History {
        History {
            tags: Vec::with_capacity(n),
            keys: Vec::with_capacity(n),
            processes: Vec::with_capacity(n),
            values: Vec::with_capacity(n),
            invokes: Vec::with_capacity(n),
            returns: Vec::with_capacity(n),
            ..History::default()
        }
    }

    /// An empty history that knows the same lists and texts.
    pub fn clone_empty(&self) -> History {
        History { lists: self.lists.clone(), texts: self.texts.clone(), ..History::default() }
    }

    /// The operations at these positions, with the same lists and texts left behind.
    pub(super) fn restricted_to(&self, positions: &[u32]) -> History {
        let mut part = History::with_capacity(positions.len());
        for &at in positions {
            // It was well-formed here, so it is there.
            let _ = part.push(self.operation(at as usize));
        }
        part
    }

    /// Number of operations.
    #[inline]
    pub fn len(&self) -> usize {
        self.tags.len()
    }

    /// Is there no operation at all?
    pub fn is_empty(&self) -> bool {
        self.tags.is_empty()
    }

    /// Adds one operation. The return time of an operation of unknown outcome is forgotten.
    #[inline]
    pub fn push(&mut self, op: Operation) -> Result<(), BadOperation> {
        let at = self.tags.len();
        let ret = checked_return(&op)?;
        if at >= u32::MAX as usize {
            return Err(BadOperation::Full);
        }
        let room = self.tags.capacity().max(at + 1);
        if matches!(op.kind, Kind::Cas | Kind::Contains) {
            put(&mut self.expected, at, room, op.expected, NIL);
        } else if !self.expected.is_empty() {
            self.expected.push(NIL);
        }
        match op.version {
            Some(version) => put(&mut self.versions, at, room, version, NO_VERSION),
            None if !self.versions.is_empty() => self.versions.push(NO_VERSION),
            None => {}
        }
        if self.rows.is_empty() && op.row as usize != at {
            self.rows.extend(0..at as u32);
        }
        if !self.rows.is_empty() || op.row as usize != at {
            self.rows.push(op.row);
        }
        self.tags.push(tag(op.kind, op.outcome));
        self.keys.push(op.key);
        self.processes.push(op.process);
        self.values.push(op.value);
        self.invokes.push(op.invoke);
        self.returns.push(ret);
        Ok(())
    }

    /// Keeps a list (the answer of a `ReadLog`) and returns its id.
    pub fn list(&mut self, elements: &[i64]) -> i64 {
        self.lists.push(elements.into());
        self.lists.len() as i64 - 1
    }

    /// Keeps a text and returns its id. Equal texts may get different ids.
    pub fn text(&mut self, text: &str) -> i64 {
        self.texts.push(text.into());
        self.texts.len() as i64 - 1
    }

    /// The list behind an id; an unknown id is the empty list.
    #[inline]
    pub fn list_of(&self, id: i64) -> &[i64] {
        usize::try_from(id).ok().and_then(|i| self.lists.get(i)).map_or(&[], |l| l)
    }

    /// The text behind an id; an unknown id is the empty text.
    #[inline]
    pub fn text_of(&self, id: i64) -> &str {
        usize::try_from(id).ok().and_then(|i| self.texts.get(i)).map_or("", |t| t)
    }

    /// The operation at a position.
    #[inline]
    pub fn operation(&self, at: usize) -> Operation {
        Operation {
            process: self.processes[at],
            key: self.keys[at],
            kind: self.kind(at),
            value: self.values[at],
            expected: self.expected(at),
            version: self.version(at),
            invoke: self.invokes[at],
            ret: self.returns[at],
            outcome: self.outcome(at),
            row: self.row(at),
        }
    }

    /// All operations, unpacked one by one.
    pub fn operations(&self) -> impl Iterator<Item = Operation> + '_ {
        (0..self.len()).map(|at| self.operation(at))
    }

    /// Bytes held by the columns.
    pub fn bytes(&self) -> usize {
        self.tags.capacity()
            + 4 * (self.keys.capacity() + self.processes.capacity() + self.rows.capacity())
            + 8 * (self.values.capacity() + self.invokes.capacity() + self.returns.capacity())
            + 8 * (self.expected.capacity() + self.versions.capacity())
            + self.lists.iter().map(|l| 16 + 8 * l.len()).sum::<usize>()
            + self.texts.iter().map(|t| 16 + t.len()).sum::<usize>()
    }

    #[inline]
    pub(super) fn kind(&self, at: usize) -> Kind {
        Kind::ALL[(self.tags[at] >> 2) as usize]
    }

    #[inline]
    pub(super) fn outcome(&self, at: usize) -> OpOutcome {
        match self.tags[at] & 3 {
            0 => OpOutcome::Ok,
            1 => OpOutcome::Fail,
            _ => OpOutcome::Unknown,
        }
    }

    #[inline]
    pub(super) fn process(&self, at: usize) -> u32 {
        self.processes[at]
    }

    #[inline]
    pub(super) fn expected(&self, at: usize) -> i64 {
        self.expected.get(at).copied().unwrap_or(NIL)
    }

    #[inline]
    pub(super) fn version(&self, at: usize) -> Option<u64> {
        self.versions.get(at).copied().filter(|&v| v != NO_VERSION)
    }

    /// The versions of a run of operations; only where there are some.
    #[inline]
    pub(super) fn versions(&self, run: std::ops::Range<usize>) -> impl Iterator<Item = Option<u64>> + '_ {
        self.versions[run].iter().map(|&version| (version != NO_VERSION).then_some(version))
    }

    #[inline]
    pub(super) fn has_versions(&self) -> bool {
        !self.versions.is_empty()
    }

    #[inline]
    pub(super) fn row(&self, at: usize) -> u32 {
        self.rows.get(at).copied().unwrap_or(at as u32)
    }
}

#[inline]
fn checked_return(op: &Operation) -> Result<i64, BadOperation> {
    let ret = match op.outcome {
        OpOutcome::Unknown => NEVER,
        OpOutcome::Fail if op.ret == NEVER => op.invoke,
        OpOutcome::Ok if op.ret == NEVER => return Err(BadOperation::OkWithoutReturn),
        _ => op.ret,
    };
    let range = -TIME_LIMIT..=TIME_LIMIT;
    if !range.contains(&op.invoke) || (ret != NEVER && !range.contains(&ret)) {
        return Err(BadOperation::TimeOutOfRange);
    }
    if ret < op.invoke { Err(BadOperation::ReturnBeforeInvoke) } else { Ok(ret) }
}

/// Pushes to a column that begins to exist with the first operation that needs it.
#[inline]
fn put<T: Copy>(column: &mut Vec<T>, at: usize, room: usize, value: T, filler: T) {
    if column.is_empty() {
        column.reserve_exact(room);
        column.resize(at, filler);
    }
    column.push(value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_come_back_as_they_were_pushed() {
        let mut history = History::new();
        let plain = Operation::ok(Kind::Write, 7, 1, 2);
        let cas = Operation { kind: Kind::Cas, expected: 3, version: Some(9), row: 40, ..plain };
        let unknown = Operation { outcome: OpOutcome::Unknown, ret: NEVER, row: 2, ..plain };
        for op in [plain, cas, unknown] {
            history.push(op).unwrap();
        }
        assert_eq!(history.operations().collect::<Vec<_>>(), [plain, cas, unknown]);
    }

    #[test]
    fn malformed_operations_are_refused() {
        let mut history = History::new();
        let op = Operation::ok(Kind::Read, 7, 5, 2);
        assert_eq!(history.push(op), Err(BadOperation::ReturnBeforeInvoke));
        assert_eq!(history.push(Operation { ret: NEVER, ..op }), Err(BadOperation::OkWithoutReturn));
        assert_eq!(history.push(Operation { invoke: i64::MIN, ..op }), Err(BadOperation::TimeOutOfRange));
        assert!(history.is_empty());
    }
}
