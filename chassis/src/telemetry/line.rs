//! A line of the log: as `tracing-subscriber` writes it, and after it the mark of the request it belongs to.

use crate::http::Mark;
use serde_json::json;
use std::fmt::{self, Write as _};
use tracing::{Event, Subscriber};
use tracing_subscriber::{
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

/// For people: the mark is more fields.
pub(super) struct Pretty<F>(pub(super) F);

/// For machines: the mark is an object `request`.
pub(super) struct Json<F>(pub(super) F);

impl<S, N, F> FormatEvent<S, N> for Pretty<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        cx: &FmtContext<'_, S, N>,
        mut to: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let is_colourful = to.has_ansi_escapes();
        marked(&self.0, cx, to.by_ref(), event, "\n", |mark, line| {
            let mut field = |name: &str, value: &dyn fmt::Display| {
                if is_colourful {
                    write!(line, " \x1b[3m{name}\x1b[0m\x1b[2m=\x1b[0m{value}")
                } else {
                    write!(line, " {name}={value}")
                }
            };
            field("method", &mark.method)?;
            // In quotes, as `tracing-subscriber` writes texts.
            field("path", &format_args!("{:?}", mark.path()))?;
            field("request_id", &format_args!("{:?}", mark.id.as_str()))
        })
    }
}

impl<S, N, F> FormatEvent<S, N> for Json<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        cx: &FmtContext<'_, S, N>,
        to: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        marked(&self.0, cx, to, event, "}\n", |mark, line| {
            let request = json!({
                "method": mark.method.as_str(),
                "path": mark.path(),
                "request_id": mark.id.as_str(),
            });
            write!(line, ",\"request\":{request}")
        })
    }
}

/// Writes a line with `format`, and the mark, if there is one, before the `end` of the line.
fn marked<S, N>(
    format: &impl FormatEvent<S, N>,
    cx: &FmtContext<'_, S, N>,
    mut to: Writer<'_>,
    event: &Event<'_>,
    end: &str,
    write: impl FnOnce(&Mark, &mut String) -> fmt::Result,
) -> fmt::Result
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    Mark::with(|mark| {
        let Some(mark) = mark else {
            return format.format_event(cx, to, event);
        };
        let mut line = String::new();
        format.format_event(cx, Writer::new(&mut line), event)?;
        if line.ends_with(end) {
            line.truncate(line.len() - end.len());
            write(mark, &mut line)?;
            line.push_str(end);
        }
        to.write_str(&line)
    })
}
