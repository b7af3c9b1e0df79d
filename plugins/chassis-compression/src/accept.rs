//! What a client accepts: `Accept-Encoding`, RFC 9110, 12.5.3.

use crate::Algorithm;
use chassis::axum::http::{
    HeaderMap, HeaderValue,
    header::{ACCEPT_ENCODING, IF_NONE_MATCH, RANGE},
};

/// What the answer to a request may be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Accepted {
    /// What it is to be compressed with, if it is.
    pub(crate) algorithm: Option<Algorithm>,
    /// Whether a plain answer was refused.
    pub(crate) refuses_plain: bool,
    /// What the client has already, if some of it was compressed.
    pub(crate) has: Option<HeaderValue>,
}

/// A weight, in thousandths.
type Weight = u16;

impl Accepted {
    /// None where the request says nothing of it: then a plain answer is best.
    pub(crate) fn of(headers: &HeaderMap, ours: &[Algorithm]) -> Option<Self> {
        if !headers.contains_key(ACCEPT_ENCODING) {
            return None;
        }
        let values = headers.get_all(ACCEPT_ENCODING).into_iter();
        // What is no text names no coding that is known here.
        let values = values.filter_map(|value| value.to_str().ok());
        let wishes = Wishes::read(values);
        let algorithm = wishes.best(ours);
        // A part of what is compressed is none that anybody could use.
        let is_whole = !headers.contains_key(RANGE);
        let has = headers.get(IF_NONE_MATCH);
        let has = has.filter(|tags| tags.as_bytes().windows(2).any(|two| two == b"W/"));
        Some(Self {
            algorithm: algorithm.filter(|_| is_whole),
            refuses_plain: wishes.refuse_plain() && algorithm.is_some() && is_whole,
            has: has.cloned(),
        })
    }
}

/// The weights that a client has given.
#[derive(Debug, Default)]
struct Wishes {
    /// In the order of [`Algorithm::ALL`].
    algorithms: [Option<Weight>; Algorithm::ALL.len()],
    identity: Option<Weight>,
    /// For all that is not named.
    any: Option<Weight>,
}

impl Wishes {
    fn read<'h>(values: impl Iterator<Item = &'h str>) -> Self {
        let mut wishes = Self::default();
        for item in values.flat_map(|value| value.split(',')) {
            // What can't be read is as if it were not there.
            if let Some((coding, weight)) = read(item)
                && let Some(of) = wishes.of(coding)
            {
                // Of two, the better one is meant.
                *of = (*of).max(Some(weight));
            }
        }
        wishes
    }

    fn of(&mut self, coding: &str) -> Option<&mut Option<Weight>> {
        let is = |name: &str| coding.eq_ignore_ascii_case(name);
        if coding == "*" {
            return Some(&mut self.any);
        }
        if is("identity") {
            return Some(&mut self.identity);
        }
        let known = Algorithm::ALL.iter().zip(&mut self.algorithms);
        let mut known = known.filter(|(algorithm, _)| {
            is(algorithm.as_str()) || **algorithm == Algorithm::Gzip && is("x-gzip")
        });
        known.next().map(|(_, weight)| weight)
    }

    /// The one with the highest weight, of those the first of ours. None if a plain answer is liked better, or none is accepted.
    fn best(&self, ours: &[Algorithm]) -> Option<Algorithm> {
        let weight = |algorithm: &Algorithm| {
            let mut known = Algorithm::ALL.iter().zip(&self.algorithms);
            let named = known.find(|(one, _)| *one == algorithm);
            let named = named.and_then(|(_, weight)| *weight);
            named.or(self.any).unwrap_or(0)
        };
        let mut best = None;
        // A plain answer that is not named is what remains, whatever the others weigh.
        let mut highest = self.identity.map_or(1, |plain| plain.max(1));
        for algorithm in ours {
            let weight = weight(algorithm);
            if weight > highest || weight == highest && best.is_none() {
                (best, highest) = (Some(*algorithm), weight);
            }
        }
        best
    }

    fn refuse_plain(&self) -> bool {
        self.identity.or(self.any) == Some(0)
    }
}

/// `gzip;q=0.5`.
fn read(item: &str) -> Option<(&str, Weight)> {
    let Some((coding, parameter)) = item.split_once(';') else {
        return Some((item.trim(), 1_000));
    };
    let (name, weight) = parameter.split_once('=')?;
    if !name.trim().eq_ignore_ascii_case("q") {
        return None;
    }
    Some((coding.trim(), thousandths(weight.trim())?))
}

/// `0`, `1`, `0.25`, `1.000`.
fn thousandths(weight: &str) -> Option<Weight> {
    let (whole, part) = weight.split_once('.').unwrap_or((weight, ""));
    if part.len() > 3 || !part.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits = part.bytes().map(|byte| Weight::from(byte - b'0'));
    let digits = digits.chain(std::iter::repeat(0)).take(3);
    let part = digits.fold(0, |sum, digit| sum * 10 + digit);
    match (whole, part) {
        ("0", part) => Some(part),
        ("1", 0) => Some(1_000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Algorithm::{Br, Gzip, Zstd};

    #[test]
    fn the_best_that_is_accepted_is_taken() {
        for (accepts, best) in [
            ("", None),
            ("gzip", Some(Gzip)),
            ("GZip", Some(Gzip)),
            ("x-gzip", Some(Gzip)),
            ("gzip, deflate, br, zstd", Some(Zstd)),
            ("gzip, deflate, br", Some(Br)),
            ("gzip;q=1.0, br;q=0.9, zstd;q=0.8", Some(Gzip)),
            ("gzip ; Q=0.5 , br ; q=0.501", Some(Br)),
            ("*", Some(Zstd)),
            ("*;q=0.1", Some(Zstd)),
            ("zstd;q=0, *", Some(Br)),
            ("zstd;q=0, *;q=0.5, gzip", Some(Gzip)),
            ("gzip;q=0", None),
            ("gzip;q=0.000", None),
            ("*;q=0", None),
            ("deflate, compress", None),
            ("identity", None),
            ("identity;q=0, gzip;q=0.1", Some(Gzip)),
            ("identity;q=0.5, gzip;q=0.1", None),
            ("identity;q=0.5, gzip;q=0.5", Some(Gzip)),
            ("identity, gzip, *;q=0", Some(Gzip)),
            ("gzip;q=2, br;q=0.5", Some(Br)),
            ("gzip;q=, br;q=0.5", Some(Br)),
            ("gzip;q=0.1234, br;q=-1", None),
            ("gzip;level=9, br", Some(Br)),
            (",,gzip,,", Some(Gzip)),
            ("gzip;q=0, gzip;q=0.3", Some(Gzip)),
        ] {
            let wishes = Wishes::read([accepts].into_iter());
            assert_eq!(wishes.best(&Algorithm::ALL), best, "{accepts}");
        }
    }

    #[test]
    fn of_equals_the_first_of_ours_is_taken() {
        let wishes = Wishes::read(["gzip, br", "zstd;q=0.9"].into_iter());
        assert_eq!(wishes.best(&[Zstd, Gzip, Br]), Some(Gzip));
        assert_eq!(wishes.best(&[Br, Gzip]), Some(Br));
        assert_eq!(wishes.best(&[Zstd]), Some(Zstd));
    }

    #[test]
    fn a_plain_answer_may_be_refused() {
        let refuses = |accepts: &str| Wishes::read([accepts].into_iter()).refuse_plain();
        assert!(refuses("identity;q=0") && refuses("*;q=0") && refuses("gzip, *;q=0.0"));
        assert!(!refuses("gzip") && !refuses("") && !refuses("identity;q=0.1, *;q=0"));
    }
}
