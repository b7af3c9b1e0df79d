//! Any text as a token.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| chassis_fuzz_targets::bearer(input));
