//! Where lines go: to standard error, one write for each.

use crate::{
    line::{self, Format},
    redact::Redaction,
    repeat::{LeftOut, RepeatLimit, Repeats},
};
use chassis::{LogLine, LogValue, Meter};
use metrics::Counter;
use std::{
    cell::RefCell,
    fmt,
    io::{self, IsTerminal as _, Write as _},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Instant,
};
use tracing::Level;

/// What one thread keeps for its next line.
const MAX_KEPT: usize = 64 << 10;

/// How lines are written.
pub(crate) struct Log {
    format: Option<Format>,
    /// The format if none was set.
    otherwise: OnceLock<Format>,
    redact: Arc<Redaction>,
    repeats: Option<Repeats>,
    counts: Counts,
    is_colourful: bool,
}

/// What was written.
pub(crate) struct Counts {
    lines: [Counter; 5],
    suppressed: Counter,
    bytes: Counter,
    lost: Counter,
    /// How many could not be written.
    failed: AtomicU64,
}

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

impl Log {
    pub(crate) fn new(
        format: Option<Format>,
        redact: Arc<Redaction>,
        limit: Option<RepeatLimit>,
        counts: Counts,
    ) -> Self {
        Self {
            format,
            otherwise: OnceLock::new(),
            redact,
            repeats: limit.map(Repeats::new),
            counts,
            is_colourful: io::stderr().is_terminal(),
        }
    }

    /// Says which format it has if none was set.
    pub(crate) fn otherwise(&self, format: Format) {
        // An instance that goes on over a reload is told the same: `log` can't be changed.
        _ = self.otherwise.set(format);
    }

    fn format(&self) -> Format {
        let otherwise = self.otherwise.get().copied();
        self.format.or(otherwise).unwrap_or(Format::Pretty)
    }

    /// Writes a line, unless it was there too often.
    pub(crate) fn write(&self, line: &LogLine<'_>) {
        if let Some(repeats) = &self.repeats {
            let verdict = repeats.see(line, Instant::now());
            if let Some(left_out) = verdict.left_out {
                self.tell(&left_out);
            }
            if !verdict.is_written {
                return self.counts.suppressed.increment(1);
            }
        }
        self.put(line);
    }

    /// Tells how many lines were left out in a time that is over.
    pub(crate) fn tell_what_is_due(&self) {
        let due = self.repeats.iter().flat_map(|all| all.due(Instant::now()));
        due.for_each(|left_out| self.tell(&left_out));
    }

    /// Tells how many were left out so far. From now on every line is written.
    pub(crate) fn close(&self) {
        let all = self.repeats.iter();
        let left_out = all.flat_map(|all| all.close(Instant::now()));
        left_out.for_each(|left_out| self.tell(&left_out));
    }

    /// How many lines could not be written.
    pub(crate) fn lost(&self) -> u64 {
        self.counts.failed.load(Relaxed)
    }

    fn tell(&self, left_out: &LeftOut) {
        let LeftOut { count, took, .. } = left_out;
        let seconds = took.as_millis().div_ceil(1_000);
        let message = format!("{count} more of these in {seconds}s: {}", left_out.message);
        let fields = [("suppressed", LogValue::Uint(*count))];
        let mut line = LogLine::new(left_out.level, &left_out.target, &message);
        line.fields = &fields;
        (line.service, line.version) = (&left_out.service, &left_out.version);
        self.put(&line);
    }

    fn put(&self, line: &LogLine<'_>) {
        let is_there = BUFFER.try_with(|buffer| match buffer.try_borrow_mut() {
            Ok(mut buffer) => {
                self.put_by(line, &mut buffer);
                true
            }
            Err(_) => false,
        });
        // A thread that is at its end.
        if !is_there.unwrap_or(false) {
            self.put_by(line, &mut Vec::new());
        }
    }

    fn put_by(&self, line: &LogLine<'_>, buffer: &mut Vec<u8>) {
        buffer.clear();
        line::write(line, self.format(), &self.redact, self.is_colourful, buffer);
        // Nothing is between this and the file: what is written is not lost when the process is.
        let written = io::stderr().lock().write_all(buffer);
        self.counts.count(line.level, buffer.len(), written.is_ok());
        if buffer.capacity() > MAX_KEPT {
            *buffer = Vec::new();
        }
    }
}

impl Counts {
    pub(crate) fn new(meter: &Meter) -> Self {
        let lines = |level: &str| {
            let meter = meter.with("level", level);
            meter.counter("structured_logging.lines", "Lines of the log, by level.")
        };
        let counter = |name: &str, help: &str| meter.counter(name, help);
        Self {
            lines: ["error", "warn", "info", "debug", "trace"].map(lines),
            suppressed: counter(
                "structured_logging.suppressed",
                "Lines that were left out, because the same line was written too often.",
            ),
            bytes: counter(
                "structured_logging.bytes",
                "How much was written to standard error.",
            ),
            lost: counter(
                "structured_logging.lost",
                "Lines that could not be written to standard error.",
            ),
            failed: AtomicU64::new(0),
        }
    }

    fn count(&self, level: Level, bytes: usize, is_written: bool) {
        if !is_written {
            self.failed.fetch_add(1, Relaxed);
            return self.lost.increment(1);
        }
        let index = match level {
            Level::ERROR => 0,
            Level::WARN => 1,
            Level::INFO => 2,
            Level::DEBUG => 3,
            Level::TRACE => 4,
        };
        self.lines[index].increment(1);
        self.bytes.increment(bytes as u64);
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log")
            .field("format", &self.format())
            .finish_non_exhaustive()
    }
}
