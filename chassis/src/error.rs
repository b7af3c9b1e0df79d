//! The one error type: a stable code, a message, and where it happened.

use std::{
    backtrace::Backtrace,
    error::Error as StdError,
    fmt::{self, Write as _},
    sync::Arc,
};

pub mod code;
mod fix;

pub use code::Code;
pub(crate) use fix::Fix;

/// A boxed error of any type.
pub type BoxError = Box<dyn StdError + Send + Sync>;

/// A result whose error is [`Error`] unless said otherwise.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, where, and what to do about it.
///
/// Every error has a [`Code`]: stable, listed in `docs/errors.md`, and the only thing that a program
/// should look at. The message is for people.
///
/// `?` turns any [`std::error::Error`] into an `Error` with the code [`code::INTERNAL`]: an HTTP client is
/// told *that* it happened, the log is told *what*. To tell the client, name a code:
///
/// ```
/// use chassis::{Code, Error, Result};
///
/// const UNKNOWN_ORDER: Code = Code::new("orders.unknown", 404, "There is no order of this number.");
///
/// fn find(id: u64) -> Result<String> {
///     Err(Error::new(UNKNOWN_ORDER, format!("there is no order {id}")))
/// }
///
/// let error = find(7).unwrap_err();
/// assert_eq!(error.code().name(), "orders.unknown");
/// assert_eq!(error.to_string(), "there is no order 7");
/// ```
// Like `anyhow::Error`, this type does not implement `std::error::Error` itself: only so can `?` take any
// error. `Error::into_boxed` gives one that does.
pub struct Error(Box<Inner>);

struct Inner {
    code: Code,
    message: String,
    plugin: Option<Arc<str>>,
    place: Option<Arc<str>>,
    origin: Option<Arc<str>>,
    help: Option<String>,
    fix: Option<Box<Fix>>,
    cause: Option<&'static str>,
    retryable: bool,
    source: Option<BoxError>,
    others: Vec<Error>,
    backtrace: Backtrace,
}

impl Error {
    /// An error of this code. The message says what happened, in lower case, without a full stop.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            code,
            message: message.into(),
            plugin: None,
            place: None,
            origin: None,
            help: None,
            fix: None,
            cause: None,
            retryable: false,
            source: None,
            others: Vec::new(),
            backtrace: Backtrace::capture(),
        }))
    }

    /// An error that only its message describes; its code is [`code::INTERNAL`].
    pub fn msg(message: impl Into<String>) -> Self {
        Self::new(code::INTERNAL, message)
    }

    /// Several errors as one: the first, with the others behind it. `None` if there are none.
    pub fn all(errors: impl IntoIterator<Item = Error>) -> Option<Self> {
        let mut errors = errors.into_iter();
        let mut first = errors.next()?;
        first.0.others.extend(errors);
        Some(first)
    }

    /// Names the plugin it happened in, unless one is named already: the innermost knows best.
    #[must_use]
    pub fn in_plugin(mut self, plugin: impl Into<Arc<str>>) -> Self {
        self.0.plugin.get_or_insert_with(|| plugin.into());
        self
    }

    /// Names the phase (`init`) or the extension point it happened at, unless one is named already.
    #[must_use]
    pub fn at(mut self, place: impl Into<Arc<str>>) -> Self {
        self.0.place.get_or_insert_with(|| place.into());
        self
    }

    /// Names the place in a text that is to blame: `config.yaml:12:7`, `src/lib.rs:40`.
    #[must_use]
    pub fn from_origin(mut self, origin: impl Into<Arc<str>>) -> Self {
        self.0.origin.get_or_insert_with(|| origin.into());
        self
    }

    /// Says what the reader can do.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.0.help = Some(help.into());
        self
    }

    /// Says the same to programs, if it can be said so.
    #[must_use]
    pub(crate) fn with_fix(mut self, fix: impl Into<Option<Fix>>) -> Self {
        self.0.fix = fix.into().map(Box::new);
        self
    }

    /// Keeps the error that caused this one.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Names the code of what it goes back to.
    #[must_use]
    pub(crate) fn caused_by(mut self, code: &'static str) -> Self {
        self.0.cause = Some(code);
        self
    }

    /// Says that the same call may succeed if it is made again. Retries look at nothing else.
    #[must_use]
    pub fn retryable(mut self) -> Self {
        self.0.retryable = true;
        self
    }

    /// What kind of error it is.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// What happened, without the causes.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The plugin it happened in.
    pub fn plugin(&self) -> Option<&str> {
        self.0.plugin.as_deref()
    }

    /// The phase or extension point it happened at.
    pub fn place(&self) -> Option<&str> {
        self.0.place.as_deref()
    }

    /// The place in a text that is to blame.
    pub fn origin(&self) -> Option<&str> {
        self.0.origin.as_deref()
    }

    /// What the reader can do.
    pub fn help(&self) -> Option<&str> {
        self.0.help.as_deref()
    }

    /// What a program can do to the text at [`origin`](Self::origin).
    pub(crate) fn fix(&self) -> Option<&Fix> {
        self.0.fix.as_deref()
    }

    /// The code of what it goes back to, if it tells of the end of something larger: of a reload that is given up because an
    /// `init` was too slow it is `deadline`.
    pub fn cause(&self) -> Option<&'static str> {
        self.0.cause
    }

    /// Whether the same call may succeed if it is made again.
    pub fn is_retryable(&self) -> bool {
        self.0.retryable
    }

    /// The error that caused this one.
    pub fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }

    /// The errors that were found together with this one.
    pub fn others(&self) -> &[Error] {
        &self.0.others
    }

    /// Where it was made, if `RUST_BACKTRACE` asks for it.
    pub fn backtrace(&self) -> &Backtrace {
        &self.0.backtrace
    }

    /// This error as one that implements [`std::error::Error`].
    pub fn into_boxed(self) -> BoxError {
        Box::new(Boxed(self))
    }

    /// Everything known, for people: place, message, causes, help, and the errors found with it.
    ///
    /// ```text
    /// plugin `orders` (init): the connection was refused
    ///   caused by: Connection refused (os error 111)
    ///   at: config.yaml:12:7
    ///   help: is the database running?
    /// ```
    pub fn report(&self) -> String {
        let mut text = self.report_alone();
        for other in &self.0.others {
            text.push('\n');
            text.push_str(&other.report());
        }
        text
    }

    /// What [`report`](Self::report) tells, without the errors found with it.
    pub(crate) fn report_alone(&self) -> String {
        let mut text = String::new();
        self.write_report(&mut text);
        text
    }

    /// What [`report`](Self::report) tells, in one line.
    pub(crate) fn line(&self) -> String {
        let report = self.report();
        let lines = report
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty());
        lines.collect::<Vec<_>>().join("; ")
    }

    /// The same, where the plugin is named already.
    pub(crate) fn line_of(&self, plugin: &str) -> String {
        let line = self.line();
        let prefix = match self.place() {
            Some(place) => format!("plugin `{plugin}` ({place}): "),
            None => format!("plugin `{plugin}`: "),
        };
        match line.strip_prefix(&prefix) {
            Some(rest) => rest.to_owned(),
            None => line,
        }
    }

    fn write_report(&self, text: &mut String) {
        let inner = &self.0;
        match (&inner.plugin, &inner.place) {
            (Some(plugin), Some(place)) => _ = write!(text, "plugin `{plugin}` ({place}): "),
            (Some(plugin), None) => _ = write!(text, "plugin `{plugin}`: "),
            (None, Some(place)) => _ = write!(text, "{place}: "),
            (None, None) => {}
        }
        text.push_str(&inner.message);
        let mut source = self.source();
        while let Some(cause) = source {
            _ = write!(text, "\n  caused by: {cause}");
            source = cause.source();
        }
        if let Some(origin) = &inner.origin {
            _ = write!(text, "\n  at: {origin}");
        }
        if let Some(help) = &inner.help {
            _ = write!(text, "\n  help: {help}");
        }
    }
}

impl<E> From<E> for Error
where
    E: StdError + Send + Sync + 'static,
{
    fn from(error: E) -> Self {
        let mut error: BoxError = Box::new(error);
        // An `Error` that went through `into_boxed` and back keeps its code.
        error = match error.downcast::<Boxed>() {
            Ok(boxed) => return boxed.0,
            Err(error) => error,
        };
        let mut result = Self::new(code::INTERNAL, error.to_string());
        result.0.source = error
            .source()
            .map(|source| Box::new(Text(source.to_string())) as _);
        result
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] {}", self.0.code.name(), self.report())
    }
}

/// Adds what was being done to an error that passes by.
pub trait Context<T> {
    /// Puts `message` before the error, which becomes its source. Code, plugin and place stay.
    ///
    /// # Errors
    ///
    /// If there was one.
    fn context(self, message: impl fmt::Display) -> Result<T>;
}

impl<T, E: Into<Error>> Context<T> for Result<T, E> {
    fn context(self, message: impl fmt::Display) -> Result<T> {
        self.map_err(|error| {
            let mut error: Error = error.into();
            error.0.message = format!("{message}: {}", error.0.message);
            error
        })
    }
}

impl<T> Context<T> for Option<T> {
    fn context(self, message: impl fmt::Display) -> Result<T> {
        self.ok_or_else(|| Error::msg(message.to_string()))
    }
}

/// An [`Error`] in the clothes of [`std::error::Error`].
#[derive(Debug)]
struct Boxed(Error);

impl fmt::Display for Boxed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl StdError for Boxed {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source()
    }
}

/// What is left of a cause that was only borrowed.
#[derive(Debug)]
struct Text(String);

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for Text {}
