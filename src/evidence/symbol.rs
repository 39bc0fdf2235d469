//! Interned texts: every text of the evidence once, and a small number for each use of it.
//!
//! In: texts. Out: [`Sym`], [`Syms`] and [`Val`], which are compared as numbers. Numbers depend only on the order in which texts
//! are first seen, so they are the same on every run. Refuses to know what a text means.

use hashbrown::{DefaultHashBuilder, HashTable};
use std::borrow::Cow;
use std::hash::BuildHasher;
use std::hint::black_box;
use std::sync::LazyLock;

/// The number of an interned text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sym(pub u32);

/// The number of an interned list of texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Syms(pub u32);

/// A value of a register or queue: nil, a small integer, or a text. Two values are equal exactly when their codes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Val(pub i64);

const TEXT_TAG: i64 = 1 << 62;
const INT_LIMIT: i64 = 1 << 61;

impl Val {
    /// Nothing there.
    pub const NIL: Self = Self(i64::MIN + 1);

    /// An integer, if it is small enough to be held directly (below 2^61).
    #[must_use]
    #[inline]
    pub fn int(n: i64) -> Option<Self> {
        (-INT_LIMIT < n && n < INT_LIMIT).then_some(Self(n))
    }

    /// A text.
    #[must_use]
    #[inline]
    pub fn text(sym: Sym) -> Self {
        Self(TEXT_TAG | i64::from(sym.0))
    }

    /// The text, if it is one.
    #[must_use]
    #[inline]
    pub fn as_text(self) -> Option<Sym> {
        (self.0 >= TEXT_TAG).then(|| Sym(u32::try_from(self.0 & 0xffff_ffff).unwrap_or(u32::MAX)))
    }
}

/// The text under which a text is kept as a value: itself where it can be taken for nothing else, else as JSON text with its quotes. Values are equal
/// exactly when these are, whichever format they come from, alone or as an element of a list.
#[must_use]
pub fn named(text: &str) -> Cow<'_, str> {
    if plain(text) { Cow::Borrowed(text) } else { Cow::Owned(serde_json::Value::from(text).to_string()) }
}

/// Whether a text stands for itself and for no number, flag, list or other form.
#[must_use]
pub fn plain(text: &str) -> bool {
    let first = text.as_bytes().first().copied().unwrap_or(b' ');
    if matches!(first, b'-' | b'+' | b'0'..=b'9') {
        let digits = text.trim_start_matches(['-', '+']);
        let large = || digits.bytes().all(|b| b.is_ascii_digit()) && text.parse::<i64>().ok().and_then(Val::int).is_none();
        return !digits.starts_with(|c: char| c.is_ascii_digit())
            || !(digits.contains(['.', 'e', 'E', 'N', 'M', '/', 'x', 'r']) || large());
    }
    !matches!(first, b'[' | b'{' | b'"' | b':' | b'\\' | b'#' | b'\'') && !matches!(text, "true" | "false")
}

/// One seed for the whole process, so that a hash of one block's texts is good among all evidence too. No output depends on it.
static HASHER: LazyLock<DefaultHashBuilder> = LazyLock::new(DefaultHashBuilder::default);

/// How many texts are looked up ahead, so that the memory they need is fetched at the same time.
const AHEAD: usize = 32;

/// A text's place in the index. The hash stands beside the number: growing never looks at a text, and a lookup only at one that is the same.
#[derive(Debug, Clone, Copy)]
struct Slot {
    hash: u32,
    id: u32,
}

impl Slot {
    #[inline]
    fn spread(&self) -> u64 {
        spread(self.hash)
    }
}

/// 32 bits of hash as the 64 that the index takes its bits from, at both ends.
#[inline]
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// All texts and lists of texts.
#[derive(Clone, Default)]
pub struct Symbols {
    bytes: String,
    ends: Vec<usize>,
    index: HashTable<Slot>,
    lists: Vec<Box<[Sym]>>,
    list_index: HashTable<u32>,
}

impl std::fmt::Debug for Symbols {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Symbols({} texts, {} lists)", self.ends.len(), self.lists.len())
    }
}

#[inline]
fn hash(text: &str) -> u32 {
    let hash = HASHER.hash_one(text);
    u32::try_from((hash ^ (hash >> 32)) & 0xffff_ffff).unwrap_or(0)
}

/// Whether two texts have the same bytes; short ones, which most are, without a call.
#[inline]
pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    match a.len() {
        0 => true,
        1 => a[0] == b[0],
        2..4 => a.first_chunk::<2>() == b.first_chunk::<2>() && a.last_chunk::<2>() == b.last_chunk::<2>(),
        4..8 => a.first_chunk::<4>() == b.first_chunk::<4>() && a.last_chunk::<4>() == b.last_chunk::<4>(),
        8..=16 => a.first_chunk::<8>() == b.first_chunk::<8>() && a.last_chunk::<8>() == b.last_chunk::<8>(),
        _ => a == b,
    }
}

/// Whether a text is the one of a number.
#[inline]
fn is(bytes: &str, ends: &[usize], i: u32, text: &str) -> bool {
    let i = i as usize;
    let start = if i == 0 { 0 } else { ends[i - 1] };
    bytes.as_bytes().get(start..ends[i]).is_some_and(|known| same(known, text.as_bytes()))
}

#[inline]
fn slice<'a>(bytes: &'a str, ends: &[usize], i: u32) -> &'a str {
    let i = i as usize;
    let start = if i == 0 { 0 } else { ends[i - 1] };
    &bytes[start..ends[i]]
}

impl Symbols {
    /// The text of a number.
    #[must_use]
    pub fn text(&self, sym: Sym) -> &str {
        slice(&self.bytes, &self.ends, sym.0)
    }

    /// The list of a number.
    #[must_use]
    pub fn list(&self, syms: Syms) -> &[Sym] {
        &self.lists[syms.0 as usize]
    }

    /// How many texts there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// A value as it is shown: `nil`, a number, or the text.
    #[must_use]
    pub fn value(&self, value: Val) -> String {
        match value.as_text() {
            Some(sym) => self.text(sym).to_string(),
            None if value == Val::NIL => "nil".into(),
            None => value.0.to_string(),
        }
    }

    /// The number of a text that is known.
    #[must_use]
    pub fn find(&self, text: &str) -> Option<Sym> {
        let hash = hash(text);
        let same = |slot: &Slot| slot.hash == hash && is(&self.bytes, &self.ends, slot.id, text);
        self.index.find(spread(hash), same).map(|slot| Sym(slot.id))
    }

    /// Makes room for so many texts.
    pub fn reserve(&mut self, texts: usize) {
        self.index.reserve(texts, Slot::spread);
        self.ends.reserve(texts);
    }

    /// The number of a text, new or known.
    #[inline]
    pub fn intern(&mut self, text: &str) -> Sym {
        self.place(hash(text), text)
    }

    fn place(&mut self, hash: u32, text: &str) -> Sym {
        let Self { bytes, ends, index, .. } = self;
        let same = |slot: &Slot| slot.hash == hash && is(bytes, ends, slot.id, text);
        if let Some(slot) = index.find(spread(hash), same) {
            return Sym(slot.id);
        }
        let id = u32::try_from(ends.len()).unwrap_or(u32::MAX);
        index.insert_unique(spread(hash), Slot { hash, id }, Slot::spread);
        bytes.push_str(text);
        ends.push(bytes.len());
        Sym(id)
    }

    /// The number of a list, new or known.
    pub fn intern_list(&mut self, list: &[Sym]) -> Syms {
        let hash = HASHER.hash_one(list);
        let Self { lists, list_index, .. } = self;
        if let Some(&i) = list_index.find(hash, |&i| *lists[i as usize] == *list) {
            return Syms(i);
        }
        let id = u32::try_from(lists.len()).unwrap_or(u32::MAX);
        lists.push(list.into());
        list_index.insert_unique(hash, id, |&i| HASHER.hash_one(&*lists[i as usize]));
        Syms(id)
    }

    /// Takes over all of `other` and gives the new numbers of its texts and lists.
    pub fn absorb(&mut self, other: &Self) -> (Vec<Sym>, Vec<Syms>) {
        let mut slots = vec![Slot { hash: 0, id: 0 }; other.ends.len()];
        other.index.iter().for_each(|slot| slots[slot.id as usize] = *slot);
        let mut texts: Vec<Sym> = Vec::with_capacity(slots.len());
        for ahead in slots.chunks(AHEAD) {
            for slot in ahead {
                black_box(self.index.find(slot.spread(), |known| known.hash == slot.hash));
            }
            texts.extend(ahead.iter().map(|slot| self.place(slot.hash, slice(&other.bytes, &other.ends, slot.id))));
        }
        let lists = other
            .lists
            .iter()
            .map(|list| {
                let list: Vec<Sym> = list.iter().map(|s| texts[s.0 as usize]).collect();
                self.intern_list(&list)
            })
            .collect();
        (texts, lists)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interning_is_stable_and_merges() {
        let mut a = Symbols::default();
        let (x, y) = (a.intern("x"), a.intern("y"));
        assert_eq!((a.intern("x"), a.text(y)), (x, "y"));
        let mut b = Symbols::default();
        let (z, x2) = (b.intern("z"), b.intern("x"));
        let list = b.intern_list(&[z, x2]);
        let (texts, lists) = a.absorb(&b);
        assert_eq!(texts, [Sym(2), x]);
        assert_eq!(a.list(lists[list.0 as usize]), [Sym(2), x]);
    }

    #[test]
    fn the_same_bytes() {
        let text = "0123456789abcdefghij";
        for (from, to) in (0..=text.len()).flat_map(|to| (0..=to).map(move |from| (from, to))) {
            let part = &text.as_bytes()[from..to];
            assert!(same(part, &[part, b"".as_slice()].concat()) && !same(part, &[part, b"x"].concat()));
            for i in 0..part.len() {
                let mut other = part.to_vec();
                other[i] ^= 1;
                assert!(!same(part, &other), "{from} {to} {i}");
            }
        }
    }

    #[test]
    fn values_never_mix() {
        let text = Val::text(Sym(7));
        assert_eq!(text.as_text(), Some(Sym(7)));
        assert_eq!(Val::int(7).unwrap().as_text(), None);
        assert_eq!(Val::NIL.as_text(), None);
        assert_eq!(Val::int(i64::MAX), None);
    }
}
