//! What took how long in one request: the header `Server-Timing`, for whoever may know.

use super::exchange::Exchange;
use crate::call::Site;
use http::{HeaderName, HeaderValue};
use std::{fmt::Write as _, sync::Arc, time::Duration};
use tokio::time::Instant;

/// What it is told in: W3C Server Timing.
pub(crate) const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// Proxies refuse heads that are too large.
const MOST_BYTES: usize = 4 << 10;

/// What took how long, in the order in which it ended.
#[derive(Default)]
pub(crate) struct Timing(Vec<Took>);

struct Took {
    plugin: Arc<str>,
    place: Arc<str>,
    time: Duration,
}

impl Exchange {
    /// From here on it is measured what takes how long.
    pub(crate) fn measure(&mut self) {
        self.timing = Some(Box::default());
    }

    /// The time, if it is wanted.
    #[inline]
    pub(super) fn clock(&self) -> Option<Instant> {
        self.timing.as_ref().map(|_| Instant::now())
    }

    /// A call has ended that began at this time.
    #[inline]
    pub(super) fn took(&mut self, site: &Site, since: Option<Instant>) {
        if let (Some(timing), Some(since)) = (&mut self.timing, since) {
            timing.0.push(Took {
                plugin: Arc::clone(&site.plugin),
                place: Arc::clone(&site.place),
                time: since.elapsed(),
            });
        }
    }

    /// The same of something of the chassis itself.
    pub(super) fn took_at(&mut self, name: &str, place: &str, since: Option<Instant>) {
        if let (Some(timing), Some(since)) = (&mut self.timing, since) {
            timing.0.push(Took {
                plugin: name.into(),
                place: place.into(),
                time: since.elapsed(),
            });
        }
    }

    /// What has been measured, as it is sent.
    #[inline]
    pub(crate) fn server_timing(&mut self) -> Option<HeaderValue> {
        let timing = self.timing.take()?;
        Some(timing.header(self.started().elapsed()))
    }
}

impl Timing {
    #[cold]
    fn header(&self, total: Duration) -> HeaderValue {
        let mut text = format!("total;dur={}", millis(total));
        for (
            told,
            Took {
                plugin,
                place,
                time,
            },
        ) in self.0.iter().enumerate()
        {
            let one = format!(
                ", {plugin};desc=\"{}\";dur={}",
                quoted(place),
                millis(*time)
            );
            if text.len() + one.len() > MOST_BYTES {
                let rest = self.0.len() - told;
                _ = write!(text, ", more;desc=\"{rest} left out\"");
                break;
            }
            text += &one;
        }
        // Names are words, and what is quoted is plain ASCII.
        HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("total"))
    }
}

fn millis(time: Duration) -> String {
    format!("{:.3}", time.as_secs_f64() * 1_000.0)
}

/// What stands between quotes in a header: the path of a route may have any characters.
fn quoted(text: &str) -> String {
    let plain = |c: char| match c {
        '"' | '\\' => '\'',
        ' '..='~' => c,
        _ => '?',
    };
    text.chars().map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn took(plugin: &str, place: &str, micros: u64) -> Took {
        Took {
            plugin: plugin.into(),
            place: place.into(),
            time: Duration::from_micros(micros),
        }
    }

    #[test]
    fn it_is_a_header_whatever_the_path() {
        let timing = Timing(vec![
            took("request-tracing", "middleware.pre_request", 12),
            took("shop", "GET /caf\u{e9}/\"{id}\"", 1_500),
        ]);
        assert_eq!(
            timing.header(Duration::from_millis(2)),
            "total;dur=2.000, request-tracing;desc=\"middleware.pre_request\";dur=0.012, \
             shop;desc=\"GET /caf?/'{id}'\";dur=1.500"
        );
    }

    #[test]
    fn it_is_not_too_long() {
        let timing = Timing(
            (0..1_000)
                .map(|_| took("stamp", "middleware.pre_request", 1))
                .collect(),
        );
        let header = timing.header(Duration::ZERO);
        let text = header.to_str().unwrap();
        assert!(text.len() < 5_000 && text.contains(" left out"), "{text}");
    }
}
