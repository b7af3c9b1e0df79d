//! Lines of the log that a plugin writes in place of the chassis.

use crate::{
    config::log_filter,
    error::{Error, Result, code},
    request_id::RequestId,
    trace_context::TraceId,
};
use std::{fmt, sync::Arc, time::SystemTime};
use tracing::Level;

/// Who writes the lines of the log, at [`points::TELEMETRY_LINES`](crate::points::TELEMETRY_LINES): something that is handed one
/// [`LogLine`] after the other, by all threads at once.
#[derive(Clone)]
pub struct LogLines {
    write: Arc<dyn Fn(&LogLine<'_>) + Send + Sync>,
    filter: Option<Arc<str>>,
}

impl LogLines {
    /// Writes lines so. Which there are, `log.filter` says.
    ///
    /// It is called by whoever logs, in the middle of a request perhaps: it must be quick, and not wait for anybody who may log. What
    /// it logs itself the chassis writes.
    pub fn new(write: impl Fn(&LogLine<'_>) + Send + Sync + 'static) -> Self {
        Self {
            write: Arc::new(write),
            filter: None,
        }
    }

    /// Says which lines there are, in place of `log.filter`: levels by target, `info,orders=debug`. `RUST_LOG` goes before it.
    ///
    /// # Errors
    ///
    /// If it is malformed.
    pub fn filter(mut self, levels: &str) -> Result<Self> {
        log_filter(levels).map_err(|error| {
            let message = format!("`{levels}` is not a filter of the log: {error}");
            Error::new(code::BAD_REQUEST, message)
                .with_help("write a level (`info`), or targets with levels: `info,orders=debug`")
        })?;
        // What an empty one means; more directives would replace it.
        let is_empty = levels.trim_matches([',', ' ']).is_empty();
        self.filter = Some(if is_empty { "error" } else { levels }.into());
        Ok(self)
    }

    pub(crate) fn levels(&self) -> Option<&Arc<str>> {
        self.filter.as_ref()
    }

    pub(crate) fn write(&self, line: &LogLine<'_>) {
        (self.write)(line);
    }
}

impl fmt::Debug for LogLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogLines")
            .field("filter", &self.filter)
            .finish_non_exhaustive()
    }
}

/// One line of the log, with all that is known of it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LogLine<'a> {
    /// When it was logged.
    pub time: SystemTime,
    /// How grave it is.
    pub level: Level,
    /// Where in the program it comes from: the path of a module, if nothing else was said.
    pub target: &'a str,
    /// What it says; empty if it has fields only.
    pub message: &'a str,
    /// The fields, in the order in which they are written.
    pub fields: &'a [(&'static str, LogValue)],
    /// The spans that it is in, the outermost first.
    pub spans: &'a [LogSpan],
    /// The name of the service.
    pub service: &'a str,
    /// Its version.
    pub version: &'a str,
    /// The plugin whose code has written it: in a handler, a task, a step of its life. None in threads and tasks that the chassis
    /// does not know of. For lines of the chassis itself, the plugin that they tell of.
    pub plugin: Option<&'a str>,
    /// The id of the request that it belongs to, or that its event follows from.
    pub request_id: Option<&'a RequestId>,
    /// The trace that it belongs to.
    pub trace_id: Option<TraceId>,
    /// What was worked on.
    pub subject: Option<LogSubject<'a>>,
}

impl<'a> LogLine<'a> {
    /// A line of this moment, of which nothing else is known: to write one that nobody has logged, or for a test.
    pub fn new(level: Level, target: &'a str, message: &'a str) -> Self {
        Self {
            time: SystemTime::now(),
            level,
            target,
            message,
            fields: &[],
            spans: &[],
            service: "",
            version: "",
            plugin: None,
            request_id: None,
            trace_id: None,
            subject: None,
        }
    }
}

/// What was worked on when a line was logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogSubject<'a> {
    /// A request.
    #[non_exhaustive]
    Request {
        /// Its method.
        method: &'a str,
        /// Its route as it is declared: `/orders/{id}`. None where there is none, and below a mounted router.
        route: Option<&'a str>,
    },
    /// An event.
    #[non_exhaustive]
    Event {
        /// What it was published under.
        topic: &'a str,
        /// Its id.
        id: &'a str,
    },
}

/// A span that a line is in.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LogSpan {
    /// What it is called.
    pub name: &'static str,
    /// Its fields. Those of a span that was there before this plugin wrote the lines are not known.
    pub fields: Vec<(&'static str, LogValue)>,
}

impl LogSpan {
    /// A span without fields.
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            fields: Vec::new(),
        }
    }
}

/// The value of a field.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum LogValue {
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A whole number that is not negative.
    Uint(u64),
    /// Any number.
    Float(f64),
    /// A text.
    Text(String),
    /// What something of another type shows of itself.
    Shown(String),
}
