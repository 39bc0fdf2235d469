//! Records as columns: a few bytes a field, no tree a record.
//!
//! In: raw cells. Out: typed cells by row. Columns that no record fills take no room. Refuses to know which field means what.

use super::symbol::{Sym, Syms, Val};

/// The type of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldType {
    /// An instant or length in nanoseconds.
    Time,
    /// A whole number: an index, a term, an epoch, a count.
    Int,
    /// A number in millionths.
    Decimal,
    /// A text.
    Text,
    /// A list of texts.
    List,
    /// A value of the data model: nil, an integer or a text.
    Value,
    /// Yes or no.
    Bool,
    /// One of these words.
    Word(&'static [&'static str]),
}

/// A cell before it is typed. `ABSENT` marks an empty one.
pub type Raw = i64;

/// An empty cell.
pub const ABSENT: Raw = i64::MIN;

/// The cells of one field.
#[derive(Debug, Clone, Default)]
pub enum Column {
    /// No record fills it.
    #[default]
    Absent,
    /// All records have the same cell.
    Const(Raw),
    /// Times, integers, decimals, values.
    Wide(Vec<i64>),
    /// Texts and lists; `u32::MAX` is empty.
    Narrow(Vec<u32>),
    /// Words and flags; 255 is empty.
    Byte(Vec<u8>),
}

impl Column {
    /// The cell of a row.
    #[must_use]
    #[inline]
    pub fn get(&self, row: usize) -> Raw {
        match self {
            Self::Absent => ABSENT,
            Self::Const(raw) => *raw,
            Self::Wide(cells) => cells[row],
            Self::Narrow(cells) => {
                if cells[row] == u32::MAX {
                    ABSENT
                } else {
                    Raw::from(cells[row])
                }
            }
            Self::Byte(cells) => {
                if cells[row] == u8::MAX {
                    ABSENT
                } else {
                    Raw::from(cells[row])
                }
            }
        }
    }

    /// Sets the cell of row `row`, which is the next one; earlier rows without a cell become empty.
    #[inline]
    pub fn push(&mut self, row: usize, ty: FieldType, raw: Raw) {
        match self {
            Self::Wide(cells) if cells.len() == row => cells.push(raw),
            Self::Narrow(cells) if cells.len() == row => cells.push(u32::try_from(raw).unwrap_or(u32::MAX)),
            Self::Byte(cells) if cells.len() == row => cells.push(u8::try_from(raw).unwrap_or(u8::MAX)),
            _ => self.push_after(row, ty, raw),
        }
    }

    /// Sets the cell of a row after rows without one.
    fn push_after(&mut self, row: usize, ty: FieldType, raw: Raw) {
        if raw == ABSENT && matches!(self, Self::Absent) {
            return;
        }
        if let Self::Absent = self {
            *self = match ty {
                FieldType::Time | FieldType::Int | FieldType::Decimal | FieldType::Value => Self::Wide(Vec::new()),
                FieldType::Text | FieldType::List => Self::Narrow(Vec::new()),
                FieldType::Bool | FieldType::Word(_) => Self::Byte(Vec::new()),
            };
        }
        match self {
            Self::Wide(cells) => {
                cells.resize(row, ABSENT);
                cells.push(raw);
            }
            Self::Narrow(cells) => {
                cells.resize(row, u32::MAX);
                cells.push(u32::try_from(raw).unwrap_or(u32::MAX));
            }
            Self::Byte(cells) => {
                cells.resize(row, u8::MAX);
                cells.push(u8::try_from(raw).unwrap_or(u8::MAX));
            }
            Self::Absent | Self::Const(_) => {}
        }
    }

    /// Gives every one of `rows` rows a cell of its own.
    fn spread(&mut self, rows: usize, ty: FieldType) {
        if matches!(self, Self::Absent | Self::Const(_)) {
            let raw = self.get(0);
            *self = Self::Absent;
            (0..rows).for_each(|row| self.push(row, ty, raw));
            if matches!(self, Self::Absent) {
                *self = match ty {
                    FieldType::Time | FieldType::Int | FieldType::Decimal | FieldType::Value => Self::Wide(vec![ABSENT; rows]),
                    FieldType::Text | FieldType::List => Self::Narrow(vec![u32::MAX; rows]),
                    FieldType::Bool | FieldType::Word(_) => Self::Byte(vec![u8::MAX; rows]),
                };
            }
        }
    }

    /// Changes the cell of a row of `rows`.
    pub fn set(&mut self, row: usize, rows: usize, ty: FieldType, raw: Raw) {
        if self.get(row) == raw {
            return;
        }
        self.spread(rows, ty);
        match self {
            Self::Wide(cells) => cells[row] = raw,
            Self::Narrow(cells) => cells[row] = u32::try_from(raw).unwrap_or(u32::MAX),
            Self::Byte(cells) => cells[row] = u8::try_from(raw).unwrap_or(u8::MAX),
            Self::Absent | Self::Const(_) => {}
        }
    }

    /// Takes the cell of a row out.
    pub fn remove(&mut self, row: usize) {
        match self {
            Self::Wide(cells) => _ = cells.remove(row),
            Self::Narrow(cells) => _ = cells.remove(row),
            Self::Byte(cells) => _ = cells.remove(row),
            Self::Absent | Self::Const(_) => {}
        }
    }

    /// Repeats the cell of a row just after it.
    pub fn repeat(&mut self, row: usize) {
        match self {
            Self::Wide(cells) => cells.insert(row + 1, cells[row]),
            Self::Narrow(cells) => cells.insert(row + 1, cells[row]),
            Self::Byte(cells) => cells.insert(row + 1, cells[row]),
            Self::Absent | Self::Const(_) => {}
        }
    }

    /// Makes the column `rows` long by filling up with empty cells.
    pub fn finish(&mut self, rows: usize) {
        match self {
            Self::Wide(cells) => cells.resize(rows, ABSENT),
            Self::Narrow(cells) => cells.resize(rows, u32::MAX),
            Self::Byte(cells) => cells.resize(rows, u8::MAX),
            Self::Absent | Self::Const(_) => {}
        }
    }
}

/// Rows of one kind from one file.
#[derive(Debug, Clone, Default)]
pub struct Table {
    /// One column a field, in the order of the kind's fields.
    pub columns: Vec<Column>,
    /// The line of each row in its file, from 1.
    pub lines: Vec<u32>,
}

impl Table {
    /// An empty table of so many fields.
    #[must_use]
    pub fn new(fields: usize) -> Self {
        Self { columns: vec![Column::Absent; fields], lines: Vec::new() }
    }

    /// How many rows there are.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.lines.len()
    }

    /// The greatest cell in any of these columns.
    pub fn greatest(&self, columns: impl Iterator<Item = usize>) -> Option<i64> {
        let columns = columns.filter_map(|at| self.columns.get(at));
        let cells = columns.flat_map(|column| (0..self.rows()).map(move |row| column.get(row)));
        cells.filter(|raw| *raw != ABSENT).max()
    }
}

/// A Rust type that a cell turns into.
pub trait Cell: Copy {
    /// The field type that it is read from.
    const TYPE: FieldType;
    /// The value of a cell that is not empty.
    fn from_raw(raw: Raw) -> Option<Self>;
}

/// An instant or length in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ns(pub i64);

/// A number in millionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Micro(pub i64);

impl Cell for Ns {
    const TYPE: FieldType = FieldType::Time;
    #[inline]
    fn from_raw(raw: Raw) -> Option<Self> {
        Some(Self(raw))
    }
}

impl Cell for Micro {
    const TYPE: FieldType = FieldType::Decimal;
    #[inline]
    fn from_raw(raw: Raw) -> Option<Self> {
        Some(Self(raw))
    }
}

impl Cell for i64 {
    const TYPE: FieldType = FieldType::Int;
    #[inline]
    fn from_raw(raw: Raw) -> Option<Self> {
        Some(raw)
    }
}

impl Cell for Sym {
    const TYPE: FieldType = FieldType::Text;
    #[inline]
    fn from_raw(raw: Raw) -> Option<Self> {
        u32::try_from(raw).ok().map(Self)
    }
}

impl Cell for Syms {
    const TYPE: FieldType = FieldType::List;
    #[inline]
    fn from_raw(raw: Raw) -> Option<Self> {
        u32::try_from(raw).ok().map(Self)
    }
}

impl Cell for Val {
    const TYPE: FieldType = FieldType::Value;
    #[inline]
    fn from_raw(raw: Raw) -> Option<Self> {
        Some(Self(raw))
    }
}

impl Cell for bool {
    const TYPE: FieldType = FieldType::Bool;
    #[inline]
    fn from_raw(raw: Raw) -> Option<Self> {
        Some(raw == 1)
    }
}
