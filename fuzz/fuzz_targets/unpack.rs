//! gzip and zstd: bytes as they are, behind both signs, and bytes packed.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for sign in [&[0x1f, 0x8b][..], &[0x28, 0xb5, 0x2f, 0xfd], &[]] {
        let _ = quorate_fuzz::history(Some("jsonl"), &[sign, bytes].concat());
    }
    quorate_fuzz::packed(Some("jsonl"), bytes);
});
