//! Any text as a configuration file.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| chassis_fuzz_targets::load(input));
