//! What the settings say of all metrics, also of those that code declares.

use chassis::prelude::*;

/// How many series there may be, and which answers are looked into: `custom-metrics` stands here, and what code declares
/// asks it. Where it is disabled, nothing is recorded.
#[extension_point]
pub static TERMS: CallPoint<(), Terms> = CallPoint::new("custom-metrics.terms");

/// What the settings of `custom-metrics` say of all metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Terms {
    /// How many series a metric may have.
    pub max_series: usize,
    /// The largest answer that is looked into, in bytes.
    pub max_body: usize,
    /// Whose they are.
    pub(crate) instance: usize,
}
