//! Any headers as a trace.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| chassis_fuzz_targets::trace(input));
