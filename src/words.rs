//! Words: closed lists, as enums that are read from and printed as fixed words, counted nouns, and bytes as hex.

/// Declares a closed list of words as an enum.
macro_rules! words {
    ($(#[doc = $doc:literal])+ enum $name:ident { $( $(#[doc = $vdoc:literal])+ $variant:ident = $word:literal ),+ $(,)? }) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $( $(#[doc = $vdoc])+ $variant ),+ }
        impl $name {
            /// All words.
            pub const WORDS: &'static [&'static str] = &[$($word),+];
            /// All values, in the order of the words.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
            /// The word.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $( Self::$variant => $word ),+ }
            }
            /// The value of a word.
            #[must_use]
            pub fn of(word: &str) -> Option<Self> {
                match word { $( $word => Some(Self::$variant), )+ _ => None }
            }
        }
    };
}
pub(crate) use words;

/// A noun with its article: `a read`, `an append`.
#[must_use]
pub fn a(noun: &str) -> String {
    let article = if noun.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {noun}")
}

/// A count with its words: `1 term` or `2 terms`.
pub fn plural<N: std::fmt::Display + PartialEq + From<u8>>(n: N, one: &str, many: &str) -> String {
    let word = if n == N::from(1) { one } else { many };
    format!("{n} {word}")
}

/// `the only cut` or `each of 2 cuts`.
pub fn each<N: std::fmt::Display + PartialEq + From<u8>>(n: N, one: &str, many: &str) -> String {
    if n == N::from(1) { format!("the only {one}") } else { format!("each of {n} {many}") }
}

/// Bytes, such as a digest, as lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

#[cfg(test)]
mod tests {
    use super::{each, plural};

    #[test]
    fn one_is_not_many() {
        assert_eq!(plural(1u64, "endpoint states", "endpoints state"), "1 endpoint states");
        assert_eq!((plural(0usize, "term", "terms"), plural(2i64, "term", "terms")), ("0 terms".into(), "2 terms".into()));
        assert_eq!((each(1u64, "cut", "cuts"), each(2u64, "cut", "cuts")), ("the only cut".into(), "each of 2 cuts".into()));
    }
}
