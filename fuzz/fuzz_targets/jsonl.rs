//! JSON Lines, read by our own names.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = quorate_fuzz::history(Some("jsonl"), bytes);
});
