//! A matrix, a NUL byte, and the file it maps.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut parts = bytes.splitn(2, |b| *b == 0);
    if let (Some(Ok(matrix)), Some(file)) = (parts.next().map(std::str::from_utf8), parts.next()) {
        let _ = quorate_fuzz::mapped(matrix, file);
    }
});
