//! The levels of the log while the service runs: changed for a time, and back by themselves.

use super::{Brought, Place, RUST_LOG};
use crate::{
    config::log_filter,
    error::{Error, Result, code},
    layers::{Layers, TelemetryLayer},
    text,
};
use schemars::JsonSchema;
use serde::Serialize;
use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::{Duration, SystemTime},
};
use tokio::{runtime::Handle, task::AbortHandle};
use tracing_subscriber::{EnvFilter, filter::LevelFilter, reload};

/// How many targets may have another level at a time.
const MAX_CHANGED: usize = 64;

/// The longest time that a level may be another one.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// The longest name of a target.
const MAX_TARGET: usize = 256;

/// What the level of everything else is called.
const ROOT: &str = "root";

const TARGET_HELP: &str = "write the path of a module (`orders::store`), or `root` for all others";

pub(crate) const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// The levels of the log: what `GET /loggers` answers.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct LogReport {
    /// Levels by target; none where the log is not the service's own.
    pub filter: Option<String>,
    /// Who says so: `RUST_LOG`, `log.filter`, or the plugin that writes the lines.
    pub filter_of: Option<Arc<str>>,
    /// The plugin that writes the lines; none where the chassis does.
    pub written_by: Option<Arc<str>>,
    /// The targets that have another level for a time.
    pub changed: Vec<ChangedLevel>,
}

impl LogReport {
    /// Where the log is somebody else's.
    pub(crate) fn of_nobody() -> Self {
        Self {
            filter: None,
            filter_of: None,
            written_by: None,
            changed: Vec::new(),
        }
    }
}

/// A target that has another level for a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct ChangedLevel {
    /// The target; `root` is everything that no other names.
    pub target: String,
    /// Its level.
    #[schemars(extend("enum" = LEVELS))]
    pub level: &'static str,
    /// When it has its own again, in milliseconds since 1970.
    #[serde(serialize_with = "unix_millis")]
    #[schemars(with = "u64")]
    pub until: SystemTime,
}

fn unix_millis<S: serde::Serializer>(time: &SystemTime, to: S) -> Result<S::Ok, S::Error> {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    let millis = since.unwrap_or_default().as_millis();
    to.serialize_u64(u64::try_from(millis).unwrap_or(u64::MAX))
}

/// The levels of the log that `chassis::main` has installed.
pub(crate) struct Levels {
    /// What was said at the start.
    own: Base,
    filter: Box<dyn Fn(EnvFilter) -> Result<()> + Send + Sync>,
    /// What plugins listen with.
    layers: Layers,
    /// Who writes.
    place: Place,
    changed: Mutex<Changes>,
}

/// The levels as they are by themselves, and who says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Base {
    text: Arc<str>,
    of: Arc<str>,
}

impl Base {
    pub(super) fn new(text: impl Into<Arc<str>>, of: impl Into<Arc<str>>) -> Self {
        Self {
            text: text.into(),
            of: of.into(),
        }
    }
}

#[derive(Default)]
struct Changes {
    /// What the plugin says that writes.
    brought: Option<Base>,
    by_target: BTreeMap<String, Change>,
    /// How many there were: each has another number.
    count: u64,
}

struct Change {
    level: &'static str,
    until: SystemTime,
    number: u64,
    back: AbortHandle,
}

impl Levels {
    pub(super) fn new<S: 'static>(
        own: Base,
        filter: reload::Handle<EnvFilter, S>,
        layers: Layers,
        place: Place,
    ) -> Self {
        Self {
            own,
            filter: Box::new(move |next| Ok(filter.reload(next)?)),
            layers,
            place,
            changed: Mutex::default(),
        }
    }

    fn changed(&self) -> MutexGuard<'_, Changes> {
        self.changed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn report(&self) -> LogReport {
        let changed = self.changed();
        let all = changed.by_target.iter();
        let base = self.base(&changed);
        LogReport {
            filter: Some(base.text.to_string()),
            filter_of: Some(Arc::clone(&base.of)),
            written_by: self.place.plugin(),
            changed: all.map(|(target, change)| change.report(target)).collect(),
        }
    }

    /// Gives a target another level for a time. The runtime is where that time is waited for.
    pub(crate) fn set(
        self: &Arc<Self>,
        target: &str,
        level: &str,
        lasts: Duration,
        runtime: &Handle,
    ) -> Result<ChangedLevel> {
        check_target(target)?;
        let level = level_of(level)?;
        if lasts.is_zero() || lasts > LONGEST {
            let message = format!("`{}` is no time for a level", text::show_duration(lasts));
            return Err(Error::new(code::BAD_REQUEST, message)
                .with_help("write more than nothing and at most a day: `\"for\": \"10m\"`"));
        }
        let mut changed = self.changed();
        if changed.by_target.len() >= MAX_CHANGED && !changed.by_target.contains_key(target) {
            let message = format!("{MAX_CHANGED} targets have another level, as many as may have");
            return Err(Error::new(code::CONFLICT, message)
                .with_help("take one back: `DELETE /loggers/{target}`"));
        }
        let mut wanted = changed.levels();
        wanted.insert(target, level);
        self.apply(self.base(&changed), &wanted)?;
        changed.count += 1;
        let number = changed.count;
        let back = {
            let (levels, target) = (Arc::downgrade(self), target.to_owned());
            runtime.spawn(async move {
                tokio::time::sleep(lasts).await;
                expire(&levels, &target, number);
            })
        };
        let change = Change {
            level,
            until: SystemTime::now() + lasts,
            number,
            back: back.abort_handle(),
        };
        let report = change.report(target);
        if let Some(before) = changed.by_target.insert(target.to_owned(), change) {
            before.back.abort();
        }
        Ok(report)
    }

    /// Gives a target its own level back.
    pub(crate) fn reset(&self, target: &str) -> Result<()> {
        let mut changed = self.changed();
        if !self.take_back(&mut changed, target)? {
            let target = text::visible(target);
            let message = format!("the level of `{target}` is its own");
            return Err(Error::new(code::NOT_FOUND, message)
                .with_help("`GET /loggers` lists those that have another"));
        }
        Ok(())
    }

    /// Takes a change back; whether there was one.
    fn take_back(&self, changed: &mut Changes, target: &str) -> Result<bool> {
        let mut wanted = changed.levels();
        if wanted.remove(target).is_none() {
            return Ok(false);
        }
        self.apply(self.base(changed), &wanted)?;
        if let Some(change) = changed.by_target.remove(target) {
            change.back.abort();
        }
        Ok(true)
    }

    /// Has these levels hold, or leaves everything as it was: what is written down is what holds.
    fn apply(&self, base: &Base, wanted: &BTreeMap<&str, &'static str>) -> Result<()> {
        let mut text = base.text.to_string();
        for (&target, level) in wanted {
            text += &match target {
                ROOT => format!(",{level}"),
                target => format!(",{target}={level}"),
            };
        }
        let filter = log_filter(&text).map_err(|error| {
            let message = format!("`{text}` is not a filter of the log: {error}");
            Error::new(code::BAD_REQUEST, message).with_help(TARGET_HELP)
        })?;
        (self.filter)(filter)?;
        follow();
        Ok(())
    }

    fn base<'a>(&'a self, changed: &'a Changes) -> &'a Base {
        changed.brought.as_ref().unwrap_or(&self.own)
    }

    /// Has a plugin write the lines from now on, or the chassis again. What operators have changed goes on.
    pub(crate) fn write_by(&self, brought: Option<Brought>) {
        let mut changed = self.changed();
        let said = brought.as_ref().filter(|_| &*self.own.of != RUST_LOG);
        let said = said.and_then(|brought| {
            let levels = brought.lines.levels()?;
            Some(Base::new(Arc::clone(levels), Arc::clone(&brought.plugin)))
        });
        let mut applied = Ok(());
        if changed.brought != said {
            let base = said.as_ref().unwrap_or(&self.own);
            applied = self.apply(base, &changed.levels());
            if applied.is_ok() {
                changed.brought = said;
            }
        }
        drop(changed);
        self.place.put(brought);
        if let Err(error) = applied {
            tracing::error!(error = %error.line(), "the levels of the log stay as they were");
        }
    }

    /// Whether plugins have been asked for layers, and have given some.
    pub(crate) fn has_layers(&self) -> bool {
        self.layers.are_there()
    }

    /// Has plugins listen, from now on until the process ends.
    pub(crate) fn install(&self, layers: Vec<(Arc<str>, TelemetryLayer)>) {
        self.layers.install(layers);
        follow();
    }
}

impl Changes {
    fn levels(&self) -> BTreeMap<&str, &'static str> {
        let all = self.by_target.iter();
        all.map(|(target, change)| (&**target, change.level))
            .collect()
    }
}

/// Libraries of the crate `log` look here first, and so would leave out what is wanted now.
fn follow() {
    log::set_max_level(of_log(LevelFilter::current()));
}

/// The same level, as the crate `log` calls it.
fn of_log(level: LevelFilter) -> log::LevelFilter {
    match level {
        LevelFilter::OFF => log::LevelFilter::Off,
        LevelFilter::ERROR => log::LevelFilter::Error,
        LevelFilter::WARN => log::LevelFilter::Warn,
        LevelFilter::INFO => log::LevelFilter::Info,
        LevelFilter::DEBUG => log::LevelFilter::Debug,
        LevelFilter::TRACE => log::LevelFilter::Trace,
    }
}

fn expire(levels: &Weak<Levels>, target: &str, number: u64) {
    let Some(levels) = levels.upgrade() else {
        return;
    };
    let mut changed = levels.changed();
    let is_the_same = |change: &Change| change.number == number;
    if !changed.by_target.get(target).is_some_and(is_the_same) {
        return;
    }
    let outcome = levels.take_back(&mut changed, target);
    drop(changed);
    match outcome {
        Ok(_) => tracing::info!(
            target,
            "the level of this target of the log is its own again"
        ),
        Err(error) => tracing::error!(error = %error.line(), "the levels of the log can't be set"),
    }
}

impl Change {
    fn report(&self, target: &str) -> ChangedLevel {
        ChangedLevel {
            target: target.to_owned(),
            level: self.level,
            until: self.until,
        }
    }
}

/// Words joined by `::`, as modules are called: nothing that means something else in a filter.
fn check_target(target: &str) -> Result<()> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-:.".contains(c);
    // As `EnvFilter` wants it.
    let begins_well = target.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    if begins_well && target.len() <= MAX_TARGET && target.chars().all(is_plain) {
        return Ok(());
    }
    let message = format!("`{}` is not a target of the log", text::visible(target));
    Err(Error::new(code::BAD_REQUEST, message).with_help(TARGET_HELP))
}

fn level_of(level: &str) -> Result<&'static str> {
    let known = LEVELS
        .iter()
        .find(|known| level.eq_ignore_ascii_case(known));
    known.copied().ok_or_else(|| {
        let message = format!("`{}` is not a level", text::visible(level));
        let help = format!("write one of {}", text::quoted(LEVELS));
        Error::new(code::BAD_REQUEST, message).with_help(help)
    })
}

impl fmt::Debug for Levels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Levels")
            .field("own", &self.own)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;
    use tracing_subscriber::{fmt::MakeWriter, layer::SubscriberExt as _};

    /// What was written.
    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl MakeWriter<'_> for Written {
        type Writer = Self;

        fn make_writer(&self) -> Self {
            self.clone()
        }
    }

    fn levels<S: 'static>(base: &str, handle: reload::Handle<EnvFilter, S>) -> Levels {
        let base = Base::new(base, "log.filter");
        Levels::new(base, handle, Layers::default(), Place::default())
    }

    /// The levels that are logged of a target, while something is set.
    fn logged(base: &str, set: &[(&str, &str)]) -> String {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_time().build().unwrap();
        let (filter, handle) = reload::Layer::new(log_filter(base).unwrap());
        let levels = Arc::new(levels(base, handle));
        let written = Written::default();
        let layer = tracing_subscriber::fmt::layer().with_writer(written.clone());
        let subscriber = tracing_subscriber::registry().with(filter).with(layer);
        tracing::subscriber::with_default(subscriber, || {
            for (target, level) in set {
                let minute = Duration::from_secs(60);
                levels.set(target, level, minute, runtime.handle()).unwrap();
            }
            tracing::error!(target: "orders::store", "line");
            tracing::warn!(target: "orders::store", "line");
            tracing::info!(target: "orders::store", "line");
            tracing::debug!(target: "orders::store", "line");
        });
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        let all = ["ERROR", "WARN", "INFO", "DEBUG"].into_iter();
        let found: Vec<&str> = all.filter(|level| text.contains(level)).collect();
        found.join(" ")
    }

    #[test]
    fn what_is_set_comes_before_what_is_said() {
        assert_eq!(logged("info", &[]), "ERROR WARN INFO");
        assert_eq!(logged("info", &[("root", "warn")]), "ERROR WARN");
        assert_eq!(
            logged("info", &[("orders", "debug")]),
            "ERROR WARN INFO DEBUG"
        );
        assert_eq!(
            logged("info,orders=error", &[("orders", "WARN")]),
            "ERROR WARN"
        );
        assert_eq!(
            logged("info", &[("orders", "debug"), ("orders::store", "off")]),
            ""
        );
        assert_eq!(logged("info", &[("prices", "trace")]), "ERROR WARN INFO");
        // Not at the same time: what is logged at all, is known once in a process.
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_time().build().unwrap();
        runtime.block_on(what_the_filter_refuses_changes_nothing());
    }

    async fn what_the_filter_refuses_changes_nothing() {
        let (filter, handle) = reload::Layer::new(log_filter("info").unwrap());
        let _subscriber = tracing_subscriber::registry().with(filter);
        let levels = Arc::new(levels("info", handle));
        let set =
            |target: &str| levels.set(target, "debug", Duration::from_secs(60), &Handle::current());
        set("orders").unwrap();
        let refused = levels.apply(&levels.own, &BTreeMap::from([(".x", "debug")]));
        assert_eq!(refused.unwrap_err().code(), code::BAD_REQUEST);
        assert_eq!(set(".x").unwrap_err().code(), code::BAD_REQUEST);
        assert_eq!(levels.report().changed.len(), 1);
        set("prices").unwrap();
        levels.reset("orders").unwrap();
        assert_eq!(levels.report().changed.len(), 1);
    }

    #[test]
    fn nothing_gets_into_the_filter_that_is_no_target() {
        for target in [
            "",
            "a=b",
            "a,b",
            "[a]",
            "a b",
            "\u{e4}",
            ".x",
            "-x",
            ":x",
            &"x".repeat(257),
        ] {
            assert!(check_target(target).is_err(), "{target}");
        }
        assert!(check_target("orders::store").is_ok() && check_target("a.b-c_d").is_ok());
        assert!(level_of("loud").is_err());
    }
}
