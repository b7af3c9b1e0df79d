//! Nothing here but the documents whose code is tested; the tests are in `it/`.
#![forbid(unsafe_code)]

/// The front page.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub mod readme {}

/// The second page.
#[cfg(doctest)]
#[doc = include_str!("../../docs/you-have-an-axum-app.md")]
pub mod axum_app {}
