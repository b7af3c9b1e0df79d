//! A service with 10 plugins.
#![forbid(unsafe_code)]

chassis_benches::start!("plugins_10.rs");
