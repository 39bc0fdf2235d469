//! Jepsen's `history.edn`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = quorate_fuzz::history(Some("jepsen-edn"), bytes);
});
