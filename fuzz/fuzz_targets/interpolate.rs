//! References in a value, and variables that they lead to.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| chassis_fuzz_targets::interpolate(input));
