//! The log as operators want it: a format, levels, what is kept out of it, a limit of repetitions; and chosen events in an audit file.
//!
//! From the moment in which it is built, the plugin writes the lines of the log in place of the chassis
//! ([`points::TELEMETRY_LINES`]), and a reload can change how. Read it from the top: the plugin, its config, its life, its work;
//! `line.rs` is what a line looks like, `redact.rs` what is kept out, `repeat.rs` the limit, `audit.rs` the events.
//!
//! ```no_run
//! use chassis::prelude::*;
//!
//! chassis::link!(chassis_structured_logging);
//!
//! fn main() -> std::process::ExitCode {
//!     chassis::main()
//! }
//! ```
#![forbid(unsafe_code)]

use chassis::{LogFormat, LogLines, LogSettings, prelude::*};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

mod audit;
mod line;
mod log;
mod redact;
mod repeat;
mod stamp;

use audit::{Audit, AuditFile};
pub use audit::{AuditConfig, Rotate};
pub use line::Format;
use log::{Counts, Log};
use redact::Redaction;
pub use repeat::RepeatLimit;

/// Writes the log: its format, its levels, what is kept out of it; and chosen events into an audit file.
#[plugin(stage = "bootstrap")]
#[derive(Debug)]
pub struct StructuredLogging {
    level: Option<Level>,
    levels: BTreeMap<String, Level>,
    log: Arc<Log>,
    /// How many lines were lost when the health check looked last.
    lost_before: AtomicU64,
    audit: Option<Arc<Audit>>,
}

/// What can be set under `plugins.structured-logging.config`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct StructuredLoggingConfig {
    /// How lines look: `pretty`, for people, or `json`, one object each. Without, as `log.format` says: `pretty`.
    pub format: Option<Format>,
    /// The level of everything that `levels` does not name. It goes before `log.filter`, and `RUST_LOG` before it. Without, what
    /// `log.filter` says holds: `info`.
    pub level: Option<Level>,
    /// Other levels, by target: `{orders: debug, "hyper::client": warn}`. A target is the path of a module, with all below it.
    pub levels: BTreeMap<String, Level>,
    /// What is kept out: names of fields, whose values become `[redacted]`, with `*` for anything, and whatever their case; and
    /// regular expressions between slashes, for messages and texts: `/\b\d{16}\b/`. A list takes the place of this one.
    #[schemars(length(max = 256))]
    pub redact: Vec<String>,
    /// How often the same line is written; how many more there were is told afterwards. Without, always.
    pub repeat_limit: Option<RepeatLimit>,
    /// Events that are written into a file of their own, one line of JSON each.
    pub audit: AuditConfig,
}

/// What is kept out if nothing else is said.
const KEPT_OUT: [&str; 12] = [
    "*password*",
    "passwd",
    "pwd",
    "*secret*",
    "*token*",
    "*authorization",
    "*api_key",
    "*api-key",
    "*apikey",
    "*cookie",
    "*credential*",
    "*private_key",
];

impl Default for StructuredLoggingConfig {
    fn default() -> Self {
        Self {
            format: None,
            level: None,
            levels: BTreeMap::new(),
            redact: KEPT_OUT.map(ToOwned::to_owned).into(),
            repeat_limit: None,
            audit: AuditConfig::default(),
        }
    }
}

/// How grave a line has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "they are called what they are")]
pub enum Level {
    Off,
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Off => "off",
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        })
    }
}

/// How often lines are looked for that were left out, and have to be told of.
const LOOK: Duration = Duration::from_secs(1);

/// The shortest and the longest time of `repeat_limit.every`.
const EVERY: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(3_600)];

impl Plugin for StructuredLogging {
    type Config = StructuredLoggingConfig;

    fn validate(config: &StructuredLoggingConfig, found: &mut Violations) {
        for target in config.levels.keys().filter(|target| !is_target(target)) {
            let violation = found.refuse(
                &format!("levels.\"{target}\""),
                "it is no target of the log",
            );
            violation.with_help("write the path of a module: `orders::store`");
        }
        for (index, entry) in config.redact.iter().enumerate() {
            if let Err(error) = Redaction::new([entry.as_str()]) {
                let violation = found.refuse(&format!("redact[{index}]"), error);
                violation.with_help("write the name of a field (`password`, `*token*`), or a regular expression between slashes (`/[0-9]{16}/`)");
            }
        }
        if let Some(RepeatLimit { every, .. }) = config.repeat_limit
            && !(EVERY[0]..=EVERY[1]).contains(&every)
        {
            let violation = found.refuse("repeat_limit.every", "it is no time for a limit");
            violation.with_help("write at least `1s` and at most `1h`");
        }
        let mut known = BTreeSet::new();
        for (index, topic) in config.audit.topics.iter().enumerate() {
            if !known.insert(topic.as_str()) {
                let message = format!("`{topic}` is there already");
                found.refuse(&format!("audit.topics[{index}]"), message);
            }
        }
    }

    async fn init(config: StructuredLoggingConfig, cx: &mut PluginContext) -> Result<Self> {
        // Two that write one file, each for itself, would both rotate it.
        let before = cx.handed_over::<Arc<AuditFile>>();
        let redact = Redaction::new(config.redact.iter().map(String::as_str));
        let redact = Arc::new(redact.map_err(Error::msg)?);
        let log = Log::new(
            config.format,
            Arc::clone(&redact),
            config.repeat_limit,
            Counts::new(cx.meter()),
        );
        let log = Arc::new(log);
        if config.repeat_limit.is_some() {
            let log = Arc::clone(&log);
            cx.background().every("repeats", LOOK, move || {
                log.tell_what_is_due();
                async { Ok(()) }
            });
        }
        let audit = match config.audit.topics.is_empty() {
            true => None,
            false => {
                let meter = cx.meter().clone();
                let open = move || Audit::open(config.audit, before, redact, &meter);
                Some(Arc::new(tokio::task::spawn_blocking(open).await??))
            }
        };
        Ok(Self {
            level: config.level,
            levels: config.levels,
            log,
            lost_before: AtomicU64::new(0),
            audit,
        })
    }

    fn contribute(self: &Arc<Self>, to: &mut Contributions) -> Result<()> {
        if let Some(audit) = &self.audit {
            audit.subscribe(to);
            let file = Arc::clone(&audit.file);
            to.hand_over(async move || Ok(file));
        }
        to.blocks(self);
        Ok(())
    }

    /// The last requests and events are through.
    async fn stop(&self) -> Result<()> {
        self.log.close();
        match &self.audit {
            Some(audit) => audit.sync().await,
            None => Ok(()),
        }
    }
}

#[contributes]
impl StructuredLogging {
    #[provide(points::TELEMETRY_LINES)]
    async fn lines(&self, said: &LogSettings) -> Result<LogLines> {
        let otherwise = match said.format {
            LogFormat::Json => Format::Json,
            _ => Format::Pretty,
        };
        self.log.otherwise(otherwise);
        // It holds the log, and not the instance: it is used until the process ends.
        let log = Arc::clone(&self.log);
        let lines = LogLines::new(move |line| log.write(line));
        lines.filter(&self.filter(said))
    }

    #[health]
    async fn output(&self) -> Result<Health> {
        let lost = self.log.lost();
        let before = self.lost_before.swap(lost, Relaxed);
        if lost > before {
            let lost = lost - before;
            return Ok(Health::degraded(format!(
                "{lost} lines could not be written to standard error"
            )));
        }
        match &self.audit {
            Some(audit) => audit.health().await,
            None => Ok(Health::up()),
        }
    }
}

impl StructuredLogging {
    /// Levels by target, with what the chassis was told where nothing is said here.
    fn filter(&self, said: &LogSettings) -> String {
        let base = match self.level {
            Some(level) => level.to_string(),
            None => said.filter.clone(),
        };
        let levels = self.levels.iter();
        let levels = levels.map(|(target, level)| format!(",{target}={level}"));
        base + &levels.collect::<String>()
    }
}

/// Words joined by `::`, as modules are called: nothing that means something else in a filter.
fn is_target(target: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-:.".contains(c);
    let begins_well = target.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    begins_well && target.len() <= 256 && target.chars().all(is_plain)
}

#[cfg(test)]
mod tests;
