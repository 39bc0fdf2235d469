//! Porcupine's key-value lines: maps with a `:key`, the format and the model guessed.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let first = b"{:process 99, :type :invoke, :f :get, :key \"a\", :value nil}\n";
    let _ = quorate_fuzz::history(None, &[first, bytes].concat());
});
