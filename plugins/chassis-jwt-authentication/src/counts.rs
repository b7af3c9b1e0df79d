//! How many credentials were accepted and refused, by kind and reason: a fixed number of series.

use crate::refused::Refused;
use chassis::Meter;
use metrics::Counter;
use std::fmt;

/// What credentials of one kind have come to.
pub(crate) struct Counts {
    accepted: Counter,
    unavailable: Counter,
    refused: Vec<(Refused, Counter)>,
}

impl Counts {
    pub(crate) fn new(meter: &Meter, kind: &str) -> Self {
        let meter = meter.with("kind", kind);
        let of = |result: &str| {
            let help = "Credentials that were accepted, or refused and why.";
            meter
                .with("result", result)
                .counter("jwt_authentication.credentials", help)
        };
        Self {
            accepted: of("accepted"),
            unavailable: of("unavailable"),
            refused: Refused::ALL.map(|why| (why, of(why.as_str()))).into(),
        }
    }

    pub(crate) fn accept(&self) {
        self.accepted.increment(1);
    }

    pub(crate) fn refuse(&self, why: Refused) {
        if let Some((_, counter)) = self.refused.iter().find(|(of, _)| *of == why) {
            counter.increment(1);
        }
    }

    /// Nobody could say.
    pub(crate) fn fail(&self) {
        self.unavailable.increment(1);
    }
}

impl fmt::Debug for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counts").finish_non_exhaustive()
    }
}
