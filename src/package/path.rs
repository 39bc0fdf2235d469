//! The names that a package may hold.
//!
//! In: paths. Out: why a path cannot be in a package, or nothing. A good path means the same file on every system and in every tool that
//! reads bags. Refuses to know what lies there.

use crate::error::visible;
use std::collections::BTreeMap;
use unicode_normalization::UnicodeNormalization;

/// The longest path in a package, in bytes.
const MAX_PATH: usize = 500;

/// The longest name of one file or folder, in bytes.
const MAX_NAME: usize = 255;

/// The deepest nesting of a path.
const MAX_DEPTH: usize = 32;

/// Why a path cannot stand in a package.
///
/// `%` is refused, not encoded: RFC 8493 asks for `%25` in manifests, `sha256sum` and bagit.py read that as another name.
pub(super) fn flaw(path: &str) -> Option<&'static str> {
    let parts = || path.split('/');
    if path.is_empty() || path.len() > MAX_PATH {
        Some("the path is empty or longer than 500 bytes")
    } else if path.contains('\\') {
        Some("the path holds a backslash")
    } else if path.contains('\n') || path.contains('\r') {
        Some("the path holds a line break")
    } else if path.chars().any(char::is_control) || visible(path) != path || path.contains(['\u{2028}', '\u{2029}']) {
        Some("the path holds a control or hidden character")
    } else if path.contains(['%', ':']) {
        Some("the path holds `%` or `:`, which tools read in different ways")
    } else if parts().any(|p| p == "..") {
        Some("the path holds `..`")
    } else if parts().any(|p| p.is_empty() || p == ".") {
        Some("the path is not plain: it is absolute, or has an empty part or `.`")
    } else if parts().any(|p| p.len() > MAX_NAME) {
        Some("a name in the path is longer than 255 bytes")
    } else if parts().any(|p| p.trim() != p) {
        Some("a name in the path begins or ends with white space")
    } else if parts().count() > MAX_DEPTH {
        Some("the path is nested deeper than 32 folders")
    } else if !path.nfc().eq(path.chars()) {
        Some("the path is not in Unicode normal form C")
    } else {
        None
    }
}

/// Pairs of paths, or of their folders, that differ only in case (or are file and folder at once), so that one hides the other on
/// some systems. Sorted.
pub(super) fn collisions<'p>(paths: impl IntoIterator<Item = &'p str>) -> Vec<(String, String)> {
    let mut folded: BTreeMap<String, (&str, bool)> = BTreeMap::new();
    let mut found = Vec::new();
    for path in paths {
        let ends = path.match_indices('/').map(|(i, _)| i).chain([path.len()]);
        for end in ends {
            let (prefix, whole) = (&path[..end], end == path.len());
            match folded.get(&fold(prefix)) {
                None => {
                    folded.insert(fold(prefix), (prefix, whole));
                }
                Some((other, other_whole)) if *other != prefix || *other_whole != whole => {
                    found.push(((*other).to_string(), prefix.to_string()));
                }
                Some(_) => {}
            }
        }
    }
    found.sort();
    found.dedup();
    found
}

fn fold(text: &str) -> String {
    text.to_uppercase().to_lowercase().nfc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_paths_are_named() {
        for good in ["data/a.txt", "data/evidence/ü/x y.jsonl", "data/.hidden"] {
            assert_eq!(flaw(good), None, "{good}");
        }
        for bad in [
            "",
            "/a",
            "a//b",
            "a/./b",
            "a/../b",
            "..",
            "a\\b",
            "a\nb",
            "a\rb",
            "a\u{1}b",
            "a\u{202e}b",
            "a\u{85}b",
            "a\u{2028}b",
            "100%",
            "c:x",
            "a ",
            "a/ b",
            "u\u{308}",
            "a\u{a0}",
        ] {
            assert!(flaw(bad).is_some(), "{bad:?}");
        }
        assert!(flaw(&"a".repeat(256)).is_some());
        assert!(flaw(&"a/".repeat(40)).is_some());
    }

    #[test]
    fn collisions_are_found_in_folders_too() {
        assert_eq!(collisions(["a/x", "a/y", "b"]), []);
        assert_eq!(collisions(["A/x", "a/y"]), [("A".into(), "a".into())]);
        assert_eq!(collisions(["a/X", "a/x"]), [("a/X".into(), "a/x".into())]);
        assert_eq!(collisions(["straße", "STRASSE"]), [("straße".into(), "STRASSE".into())]);
        assert_eq!(collisions(["a", "a/b"]), [("a".into(), "a".into())]);
    }
}
