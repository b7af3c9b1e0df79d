//! A service that takes orders: the main example of `chassis`. Its README walks through it with curl.
//!
//! Each plugin has a file, and so has each noun; the plugins come first.
#![forbid(unsafe_code)]

pub mod orders;
pub mod payments;
pub mod discount;
pub mod announce;
pub mod catalog;
pub mod signing_key;
pub mod points;
pub mod store;
pub mod order;
pub mod request;

// Here and not in `main.rs`, so that the tests link the same plugins.
chassis::link!(
    chassis_compression,
    chassis_cors,
    chassis_custom_metrics,
    chassis_jwt_authentication,
    chassis_rate_limit,
    chassis_request_tracing,
    chassis_security_headers,
    chassis_structured_logging,
    chassis_timeout
);
