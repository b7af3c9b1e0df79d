//! The plugin, seen from outside.
#![forbid(unsafe_code)]

mod made;
mod good_tokens;
mod bad_tokens;
mod issuers;
mod jwks;
mod jwks_server;
mod absent;
mod document;
mod states;
mod reload;
mod api_keys;
mod basic;
mod settings;
mod tls;
