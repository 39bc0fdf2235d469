//! Operations in `jepsen.log`: each line behind what a logger writes before it.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let before = b"2026-01-02 03:04:05,678\tINFO\t[jepsen worker 0] jepsen.util: ";
    let lines = bytes.split(|b| *b == b'\n').flat_map(|line| [before, line, b"\n"].concat());
    let _ = quorate_fuzz::history(Some("jepsen-log"), &lines.collect::<Vec<u8>>());
});
