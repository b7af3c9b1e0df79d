//! Chosen events, each a line of a file of its own.

use crate::{redact::Redaction, redact::Shown, stamp::Stamp};
use chassis::{Meter, TopicPattern, prelude::*};
use metrics::Counter;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{
    fmt,
    path::PathBuf,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

mod file;
mod rotate;

pub(crate) use file::AuditFile;
pub use rotate::Rotate;

/// What can be set under `plugins.structured-logging.config.audit`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AuditConfig {
    /// Which events are written: `order.placed`, all of `order.*`, or `order.**` with those below. None: then there is no file.
    #[schemars(length(max = 256))]
    pub topics: Vec<TopicPattern>,
    /// The file, from where the service was started. Its folder is made.
    #[schemars(length(min = 1))]
    pub file: PathBuf,
    /// When the next file is begun.
    pub rotate: Rotate,
}

impl Default for AuditConfig {
    fn default() -> Self {
        Self {
            topics: Vec::new(),
            file: "audit.jsonl".into(),
            rotate: Rotate::default(),
        }
    }
}

/// How often an event is tried again that could not be written, before it is a dead letter.
const RETRIES: u32 = 3;

/// How long until the first time.
const BACKOFF: Duration = Duration::from_millis(500);

/// The events of an instance, on their way into the file.
pub(crate) struct Audit {
    topics: Vec<TopicPattern>,
    pub(crate) file: Arc<AuditFile>,
    rotate: Rotate,
    redact: Arc<Redaction>,
    written: Counter,
    failed: Counter,
    bytes: Counter,
    /// How many are in the file.
    count: AtomicU64,
    /// Why the last one is not.
    trouble: Mutex<Option<String>>,
}

/// An event, as it stands in the file.
#[derive(Serialize)]
struct Line<'a> {
    timestamp: String,
    topic: &'a str,
    id: &'a str,
    publisher: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<String>,
    correlation_id: &'a str,
    payload: Option<Shown<'a>>,
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl Audit {
    /// Opens the file; or goes on with that of the instance before, if it is the same.
    pub(crate) fn open(
        config: AuditConfig,
        before: Option<Arc<AuditFile>>,
        redact: Arc<Redaction>,
        meter: &Meter,
    ) -> Result<Self> {
        let shown = config.file.display();
        let file = AuditFile::open(&config.file, before).map_err(|error| {
            Error::msg(format!("the audit file `{shown}` can't be opened: {error}")).with_help(
                "let the service write there, or write another path at `plugins.structured-logging.config.audit.file`",
            )
        })?;
        let events = |outcome: &str| {
            let meter = meter.with("outcome", outcome);
            meter.counter(
                "structured_logging.audit.events",
                "Events for the audit file: written, and attempts that failed.",
            )
        };
        Ok(Self {
            written: events("written"),
            failed: events("failed"),
            bytes: meter.counter(
                "structured_logging.audit.bytes",
                "How much was written to the audit file.",
            ),
            topics: config.topics,
            file,
            rotate: config.rotate,
            redact,
            count: AtomicU64::new(0),
            trouble: Mutex::default(),
        })
    }

    fn trouble(&self) -> MutexGuard<'_, Option<String>> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Subscribes to the events: to each once, however many patterns it fits.
    pub(crate) fn subscribe(self: &Arc<Self>, to: &mut Contributions) {
        for (index, topic) in self.topics.iter().enumerate() {
            let (this, others) = (Arc::clone(self), self.topics[..index].to_vec());
            let write = async move |message: Message| this.write(&message).await;
            to.on(topic.as_str(), write)
                .when(move |message| !others.iter().any(|other| other.matches(message.topic())))
                .retries(RETRIES)
                .backoff(BACKOFF);
        }
    }

    async fn write(&self, message: &Message) -> Result<()> {
        let line = self.line(message)?;
        let (file, rotate, bytes) = (Arc::clone(&self.file), self.rotate, line.len() as u64);
        let written = tokio::task::spawn_blocking(move || file.append(&line, rotate)).await?;
        let path = self.file.path().display();
        match &written {
            Ok(()) => {
                self.count.fetch_add(1, Relaxed);
                self.written.increment(1);
                self.bytes.increment(bytes);
                if self.trouble().take().is_some() {
                    tracing::info!(file = %path, "events are written to the audit file again");
                }
            }
            Err(error) => {
                self.failed.increment(1);
                let before = self.trouble().replace(error.to_string());
                // The bus tells of each event that is a dead letter in the end.
                if before.is_none() {
                    tracing::error!(file = %path, error = %error, "events can't be written to the audit file");
                }
            }
        }
        written.context(format!("the audit file `{path}` can't be written"))
    }

    fn line(&self, message: &Message) -> Result<Vec<u8>> {
        let redact = &self.redact;
        let (payload, error) = match message.json() {
            Ok(value) => (Some(Shown { value, redact }), None),
            // That it happened is worth a line all the same.
            Err(error) => (None, Some(error.to_string())),
        };
        let mut line = serde_json::to_vec(&Line {
            timestamp: Stamp(message.time()).to_string(),
            topic: message.topic(),
            id: message.id(),
            publisher: message.source(),
            request_id: message.request_id().map(RequestId::as_str),
            trace_id: message.trace().map(|trace| trace.trace_id().to_string()),
            correlation_id: message.correlation_id(),
            payload,
            error,
        })?;
        line.push(b'\n');
        Ok(line)
    }

    /// How it is: whether the file could be written now, and was the last time.
    pub(crate) async fn health(&self) -> Result<Health> {
        let file = Arc::clone(&self.file);
        let (is_there, rotated) =
            tokio::task::spawn_blocking(move || (file.check(), file.rotation_trouble())).await?;
        let trouble = match (is_there, self.trouble().clone()) {
            (Err(error), _) => Some(error.to_string()),
            (Ok(()), trouble) => trouble.or(rotated),
        };
        let health = match trouble {
            None => Health::up(),
            Some(trouble) => Health::degraded(format!(
                "events can't be written to the audit file: {trouble}"
            )),
        };
        let path = self.file.path().display().to_string();
        Ok(health
            .with("file", path)
            .with("written", self.count.load(Relaxed)))
    }

    /// Everything that was written is on the disk.
    pub(crate) async fn sync(&self) -> Result<()> {
        let file = Arc::clone(&self.file);
        let synced = tokio::task::spawn_blocking(move || file.sync()).await?;
        let path = self.file.path().display();
        synced.context(format!("the audit file `{path}` can't be synced"))
    }
}

impl fmt::Debug for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Audit")
            .field("topics", &self.topics)
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}
