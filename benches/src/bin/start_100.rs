//! A service with 100 plugins.
#![forbid(unsafe_code)]

chassis_benches::start!("plugins_100.rs");
