//! The codes of all errors that the chassis itself makes, in one list.

use std::fmt;

/// What kind of error it is: a name that never changes, the HTTP status it is answered with, and its meaning.
///
/// Services and plugins make their own as constants; by habit the name begins with that of the plugin.
///
/// ```
/// use chassis::Code;
///
/// /// There is no order of this number.
/// const UNKNOWN_ORDER: Code = Code::new("orders.unknown", 404, "There is no order of this number.");
/// assert_eq!(UNKNOWN_ORDER.status(), 404);
/// ```
#[derive(Clone, Copy)]
pub struct Code {
    name: &'static str,
    status: u16,
    meaning: &'static str,
}

impl Code {
    /// A code.
    ///
    /// # Panics
    ///
    /// If `status` is not an HTTP error status (400 to 599); in a constant that is a compile error.
    pub const fn new(name: &'static str, status: u16, meaning: &'static str) -> Self {
        assert!(
            status >= 400 && status <= 599,
            "the status of an error code is 400 to 599"
        );
        Self {
            name,
            status,
            meaning,
        }
    }

    /// The name: stable, unique, `snake_case` with dots.
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// The HTTP status that an error of this code is answered with.
    pub const fn status(self) -> u16 {
        self.status
    }

    /// What it means, and what to do about it.
    pub const fn meaning(self) -> &'static str {
        self.meaning
    }

    /// Whether it tells of the inside of the service, which is nothing to its clients: they are answered 500 without the
    /// text. All codes of the chassis are such, but those about the request itself; the codes of plugins are not.
    pub(crate) fn is_inside(self) -> bool {
        let about_requests =
            [DEADLINE, CLOSED, NO_ANSWER, BUSY, AWAY, EVENT_REJECTED].contains(&self);
        let topics = ["http.", "auth."];
        let is_topic = topics.iter().any(|topic| self.name.starts_with(topic));
        !about_requests && !is_topic && ALL.contains(&self)
    }
}

impl PartialEq for Code {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Code {}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

macro_rules! codes {
    ($($(#[doc = $meaning:literal])+ $const:ident = $name:literal, $status:literal;)*) => {
        $(
            $(#[doc = $meaning])+
            pub const $const: Code = Code::new($name, $status, concat!($($meaning),+));
        )*

        /// Every code of the chassis itself, sorted by topic: the source of `docs/errors.md`.
        pub const ALL: &[Code] = &[$($const),*];
    };
}

codes! {
    /// Something failed that has no code of its own. The log has the text; the client is not told it.
    INTERNAL = "internal", 500;
    /// A plugin panicked. The panic was contained; the log has its text and its place.
    PANIC = "panic", 500;
    /// A call took longer than it may. The log names the plugin and the point or phase.
    DEADLINE = "deadline", 504;
    /// The service is stopping, or not started yet; nothing more can be asked of it.
    CLOSED = "closed", 503;

    /// The configuration can't be read: the file is absent, or it is not the YAML or JSON it should be.
    CONFIG_UNREADABLE = "config.unreadable", 422;
    /// A key of the configuration is not known. The error names the nearest one that is.
    CONFIG_UNKNOWN_KEY = "config.unknown_key", 422;
    /// A value of the configuration is of the wrong type, or not one that is allowed.
    CONFIG_INVALID = "config.invalid", 422;
    /// A key of the configuration that must be there is not.
    CONFIG_MISSING = "config.missing", 422;
    /// A reference in the configuration (`${NAME}`, `${file:PATH}`) leads nowhere, or is malformed.
    CONFIG_REFERENCE = "config.reference", 422;
    /// A plugin that gives configuration at `config.load` has failed, and it is `required`.
    CONFIG_SOURCE = "config.source", 422;
    /// There is no configuration file that `config.local.yaml` could stand beside, so that nothing can be persisted.
    CONFIG_NO_FILE = "config.no_file", 409;
    /// `config.local.yaml` can't be written, so that the change was not made.
    CONFIG_UNWRITABLE = "config.unwritable", 409;
    /// The change was made, but `config.local.yaml` could not be written in the end: a restart forgets it.
    NOT_PERSISTED = "config.not_persisted", 500;
    /// The configuration names a plugin that is not linked. Is its crate missing in `chassis::link!(..)`?
    CONFIG_UNKNOWN_PLUGIN = "config.unknown_plugin", 422;

    /// Two plugins, points or capabilities have one name. The error names both places.
    DUPLICATE = "plugin.duplicate", 422;
    /// A name is not lower-case words joined by hyphens, or it is reserved.
    BAD_NAME = "plugin.bad_name", 422;
    /// A version or version requirement does not follow Semantic Versioning.
    BAD_VERSION = "plugin.bad_version", 422;
    /// A crate was listed in `chassis::link!` but registers nothing.
    NOT_LINKED = "plugin.not_linked", 422;
    /// A plugin requires something that no plugin is or provides.
    MISSING = "plugin.missing", 422;
    /// A plugin requires another version of something than there is.
    VERSION = "plugin.version", 422;
    /// Two plugins provide a capability that a third requires: name one of them instead.
    AMBIGUOUS = "plugin.ambiguous", 422;
    /// Plugins depend on each other in a cycle. The error walks its edges.
    CYCLE = "plugin.cycle", 422;
    /// A plugin was refused by a handler of `plugin.admit`.
    DENIED = "plugin.denied", 403;
    /// A plugin that is `required` is not running, so neither is the service.
    REQUIRED = "plugin.required", 422;
    /// The plugin is disabled, so there is no instance of it to do something with.
    DISABLED = "plugin.disabled", 409;
    /// As many calls of a handler are under way as `limits.in_flight` of its plugin allows. Try again later.
    BUSY = "plugin.busy", 503;
    /// The plugin is stopped while a reload builds it anew, because it holds something that can't be there twice. Try again soon.
    AWAY = "plugin.away", 503;
    /// Two plugins hold the same thing, and it can't be there twice: a port, a file. The error names both, and the thing.
    EXCLUSIVE = "plugin.exclusive", 422;
    /// `cx.require::<T>()` found no export of that type among the plugins that are required.
    NO_EXPORT = "plugin.no_export", 500;
    /// There is no plugin of this name.
    UNKNOWN_PLUGIN = "plugin.unknown", 404;

    /// There is no service of this name or id in the registry.
    SERVICE_UNKNOWN = "service.unknown", 404;
    /// A plugin at `service.pre_register` has denied a service.
    SERVICE_DENIED = "service.denied", 403;
    /// Somebody else has registered a service by this id.
    SERVICE_TAKEN = "service.taken", 409;
    /// A service can't be registered as it is: a text of it is empty or too long, or there are too many tags.
    SERVICE_INVALID = "service.invalid", 422;
    /// As many services are registered as `discovery.max_entries` allows.
    SERVICE_FULL = "service.full", 503;

    /// There is no subcommand of this name. The error names the nearest one.
    UNKNOWN_COMMAND = "command.unknown", 404;

    /// There is no extension point of this name. The error names the nearest one.
    UNKNOWN_POINT = "point.unknown", 422;
    /// A contribution does not fit the extension point: another kind, another type, no JSON form.
    POINT_MISMATCH = "point.mismatch", 422;
    /// Contributions can't be put in order: a cycle, or one requires another that is not there.
    POINT_ORDER = "point.order", 422;
    /// A health check, or a group of them, has a name that can't stand in a path; or the configuration names one that is not
    /// there.
    BAD_HEALTH = "health.bad_name", 422;

    /// Nobody answered at a call point.
    NO_ANSWER = "point.no_answer", 503;

    /// A topic of events, or a pattern of topics, is malformed, or it is the chassis's own.
    EVENT_TOPIC = "event.topic", 422;
    /// An event can't be read as the type that a subscriber wants. It becomes a dead letter at once.
    EVENT_MALFORMED = "event.malformed", 422;
    /// The queue of a subscriber is full, and `limits.when_full` of its plugin is `reject`. Try again later.
    EVENT_REJECTED = "event.rejected", 503;

    /// Nobody is alive who could find out who the caller is (`auth.authenticate`). The door stays shut.
    AUTH_UNAVAILABLE = "auth.unavailable", 503;
    /// A plugin at `auth.authorize` has denied the caller what it wants to do.
    AUTH_DENIED = "auth.denied", 403;
    /// The caller is known, and does not have the scopes that the route asks for.
    MISSING_SCOPE = "auth.missing_scope", 403;

    /// Two plugins claim the same route. The error names both.
    ROUTE_CONFLICT = "route.conflict", 422;
    /// The path of a route is malformed.
    BAD_ROUTE = "route.bad_path", 422;

    /// There is nothing at this path.
    NOT_FOUND = "http.not_found", 404;
    /// The path is right, the method is not; `Allow` lists those that are.
    METHOD_NOT_ALLOWED = "http.method_not_allowed", 405;
    /// The body of the request is larger than `server.max_body`.
    BODY_TOO_LARGE = "http.body_too_large", 413;
    /// The request can't be understood: a path parameter, query, header or body is malformed.
    BAD_REQUEST = "http.bad_request", 400;
    /// The body is not of the media type that is expected here.
    UNSUPPORTED_MEDIA_TYPE = "http.unsupported_media_type", 415;
    /// The content is well-formed, but not what is expected here.
    UNPROCESSABLE = "http.unprocessable", 422;
    /// The request needs credentials, and has none or wrong ones. `WWW-Authenticate` says which are asked for.
    UNAUTHORIZED = "http.unauthorized", 401;
    /// The request is not allowed from here: wrong `Host`, or a cross-site request to a management endpoint.
    FORBIDDEN = "http.forbidden", 403;
    /// The request can't be done in this state; the detail says why.
    CONFLICT = "http.conflict", 409;

    /// An address can't be listened on. Does another process have the port? A reload that changes it leaves the service where
    /// it is.
    LISTEN = "listen", 422;
    /// The levels of the log can't be changed: it was not installed by `chassis::main`.
    LOG_NOT_OWNED = "log.not_owned", 409;
    /// A reload is running already; only one runs at a time.
    RELOAD_BUSY = "reload.busy", 409;
    /// The generation that `If-Match` names does not serve any more: somebody else has changed something meanwhile.
    RELOAD_STALE = "reload.stale", 412;
    /// What the files say has failed probation (`reload.probation`), and has not changed since. `?force=true` loads it.
    RELOAD_REJECTED = "reload.rejected", 409;
    /// A plugin that is not down already can't be built or started; the old generation serves on.
    RELOAD_FAILED = "reload.failed", 422;
    /// The change needs a restart of the process.
    NEEDS_RESTART = "reload.needs_restart", 409;
}
