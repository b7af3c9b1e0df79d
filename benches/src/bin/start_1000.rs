//! A service with 1,000 plugins.
#![forbid(unsafe_code)]

chassis_benches::start!("plugins_1000.rs");
