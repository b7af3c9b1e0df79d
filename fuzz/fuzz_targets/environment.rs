//! Variables and arguments as layers of a configuration.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| chassis_fuzz_targets::environment(input));
