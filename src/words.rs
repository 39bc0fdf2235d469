//! Closed lists of words: an enum that is read from and printed as fixed words.

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
