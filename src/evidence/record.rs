//! Record kinds: one declaration gives the fields, their documentation and the typed row.
//!
//! In: a table. Out: rows as small structs. Refuses to know files.

use super::table::{ABSENT, FieldType, Ns, Table};

/// One field of a kind.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Kebab-case name; native files may use `_` for `-`.
    pub name: &'static str,
    /// Its type.
    pub ty: FieldType,
    /// Whether a record without it is an error.
    pub required: bool,
    /// What it means, with its unit.
    pub doc: &'static str,
}

/// A kind of record.
#[derive(Debug)]
pub struct Kind {
    /// Its name, as in matrices and headers.
    pub name: &'static str,
    /// What one record is.
    pub doc: &'static str,
    /// Its fields.
    pub fields: &'static [Field],
}

impl Kind {
    /// The position of a field, `_` and `-` taken as the same.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|f| {
            f.name.len() == name.len() && f.name.bytes().zip(name.bytes()).all(|(a, b)| a == b || (a == b'-' && b == b'_'))
        })
    }
}

/// A typed row of a kind.
pub trait Record: Sized + Copy {
    /// The kind.
    const KIND: &'static Kind;
    /// The row, or `None` when a required cell is empty (which reading has refused already).
    fn read(table: &Table, row: usize) -> Option<Self>;
    /// The row with every instant that is known by bounds known less well by so many ns. Exact instants stay: their judges widen what they compare.
    #[must_use]
    fn widened(self, _ns: i64) -> Self {
        self
    }
}

/// A bound of an instant, which may be missing.
pub trait Bound {
    /// Moves it by so many ns.
    fn shift(&mut self, ns: i64);
}

impl Bound for Ns {
    fn shift(&mut self, ns: i64) {
        self.0 = self.0.saturating_add(ns);
    }
}

impl Bound for Option<Ns> {
    fn shift(&mut self, ns: i64) {
        if let Some(t) = self {
            t.shift(ns);
        }
    }
}

/// Reads a required or optional cell.
pub trait Slot: Sized {
    /// The type of the field.
    const TYPE: FieldType;
    /// Whether it must be there.
    const REQUIRED: bool;
    /// The value.
    fn slot(raw: i64) -> Option<Self>;
}

impl<T: super::table::Cell> Slot for T {
    const TYPE: FieldType = T::TYPE;
    const REQUIRED: bool = true;
    #[inline]
    fn slot(raw: i64) -> Option<Self> {
        if raw == ABSENT { None } else { T::from_raw(raw) }
    }
}

impl<T: super::table::Cell> Slot for Option<T> {
    const TYPE: FieldType = T::TYPE;
    const REQUIRED: bool = false;
    #[inline]
    fn slot(raw: i64) -> Option<Self> {
        Some(if raw == ABSENT { None } else { T::from_raw(raw) })
    }
}

/// Declares a kind: `"name" as Type { field: type, … }`; `Option` marks what a record may leave out. `between lo .. hi` names the bounds of instants.
macro_rules! record {
    ($(#[doc = $doc:literal])+ $kind:literal as $name:ident { $( $(#[doc = $fdoc:literal])+ $key:literal $field:ident : $ty:ty ),* $(,)? } $(between $( $lo:ident .. $hi:ident ),+)?) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy)]
        pub struct $name { $( $(#[doc = $fdoc])+ pub $field: $ty ),* }
        impl $crate::evidence::record::Record for $name {
            const KIND: &'static $crate::evidence::record::Kind = &$crate::evidence::record::Kind {
                name: $kind,
                doc: concat!($($doc),+),
                fields: &[ $( $crate::evidence::record::Field {
                    name: $key,
                    ty: <$ty as $crate::evidence::record::Slot>::TYPE,
                    required: <$ty as $crate::evidence::record::Slot>::REQUIRED,
                    doc: concat!($($fdoc),+),
                } ),* ],
            };
            #[inline]
            fn read(table: &$crate::evidence::table::Table, row: usize) -> Option<Self> {
                let mut columns = table.columns.iter();
                Some(Self { $( $field: <$ty as $crate::evidence::record::Slot>::slot(columns.next()?.get(row))? ),* })
            }
            $(
                fn widened(mut self, ns: i64) -> Self {
                    use $crate::evidence::record::Bound;
                    $( self.$lo.shift(ns.saturating_neg()); self.$hi.shift(ns); )+
                    self
                }
            )?
        }
    };
}
pub(crate) use record;

/// Makes a closed list of words usable as a cell.
macro_rules! word_cell {
    ($name:ident) => {
        impl $crate::evidence::table::Cell for $name {
            const TYPE: $crate::evidence::table::FieldType = $crate::evidence::table::FieldType::Word($name::WORDS);
            #[inline]
            fn from_raw(raw: i64) -> Option<Self> {
                usize::try_from(raw).ok().and_then(|i| $name::ALL.get(i).copied())
            }
        }
    };
}
pub(crate) use word_cell;
