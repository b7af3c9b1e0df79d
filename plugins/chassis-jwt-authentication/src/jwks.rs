//! The set of keys of an issuer: fetched in the background, kept, and fetched at once (but not often) when a token names a key
//! that is not known.
//!
//! Requests never fetch. They wake the task that does, and wait for it: a client that goes away takes nothing with it.

use crate::{
    config::{IssuerConfig, JwksConfig, JwtAuthenticationConfig},
    fetch::Source,
    key::Algorithm,
    key_set::KeySet,
};
use chassis::prelude::*;
use http::Uri;
use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Mutex, OnceLock, PoisonError, Weak},
    time::Duration,
};
use tokio::{
    sync::{Notify, watch},
    time::Instant,
};

/// How often callers may have it fetched: whoever makes up names of keys must not make us a burden to the issuer.
pub(crate) const GAP: Duration = Duration::from_secs(30);

/// How long a request waits for that. At `auth.authenticate` it would be cut off after 5 s.
const PATIENCE: Duration = Duration::from_secs(4);

/// How soon what has failed is tried again.
const AGAIN: Duration = Duration::from_secs(10);

/// The set of keys of an issuer.
#[derive(Debug)]
pub(crate) struct Jwks {
    pub(crate) issuer: String,
    uri: Uri,
    ca: Option<PathBuf>,
    algorithm: Algorithm,
    times: JwksConfig,
    cache: Arc<Cache>,
    source: OnceLock<Source>,
    wake: Notify,
}

/// What is known of a set; instances share it, so that a reload does not begin without keys.
type Cache = watch::Sender<State>;

/// What decides what is in it.
type Place = (Uri, Option<PathBuf>, Algorithm);

static CACHES: Mutex<Option<HashMap<Place, Weak<Cache>>>> = Mutex::new(None);

/// What is known of a set.
#[derive(Clone, Debug, Default)]
struct State {
    keys: Option<Arc<KeySet>>,
    /// When it was fetched.
    fetched: Option<Instant>,
    /// How often it was tried, with success or not, and when last.
    attempts: u64,
    attempted: Option<Instant>,
    /// Why the last time failed.
    error: Option<Arc<str>>,
    /// How many attempts callers want to see, and when one of them said so.
    wanted: u64,
    asked: Option<Instant>,
}

/// Why there is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missed {
    /// There are keys, and none of this name.
    Unknown,
    /// There are no keys, or they are too old.
    NoKeys,
}

/// A set at one moment, for operators.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) is_usable: bool,
    pub(crate) keys: usize,
    pub(crate) skipped: usize,
    pub(crate) age: Option<Duration>,
    pub(crate) error: Option<Arc<str>>,
}

impl Jwks {
    pub(crate) fn new(of: &IssuerConfig, all: &JwtAuthenticationConfig, uri: Uri) -> Arc<Self> {
        Arc::new(Self {
            issuer: of.issuer.clone(),
            cache: cache((uri.clone(), of.jwks_ca.clone(), of.algorithm)),
            uri,
            ca: of.jwks_ca.clone(),
            algorithm: of.algorithm,
            times: all.jwks.clone(),
            source: OnceLock::new(),
            wake: Notify::new(),
        })
    }

    /// Makes it ready, and fetches it if nobody has. That it can't be had now is no reason not to start.
    ///
    /// # Errors
    ///
    /// If the certificates to trust can't be read.
    pub(crate) async fn open(self: &Arc<Self>) -> Result<()> {
        let this = Arc::clone(self);
        let made = move || Source::new(this.uri.clone(), this.ca.as_deref(), this.times.timeout);
        _ = self.source.set(tokio::task::spawn_blocking(made).await??);
        if self.cache.borrow().keys.is_none() {
            self.fetch().await;
        }
        Ok(())
    }

    /// Fetches it again and again, when it is time and when somebody wants it.
    pub(crate) async fn keep(self: Arc<Self>) -> Result<()> {
        loop {
            let due = self.due();
            tokio::select! {
                () = tokio::time::sleep_until(due) => {}
                () = self.wake.notified() => {}
            }
            let is_wanted = {
                let state = self.cache.borrow();
                state.wanted > state.attempts
            };
            if is_wanted || Instant::now() >= self.due() {
                self.fetch().await;
            }
        }
    }

    /// When it is to be fetched next.
    fn due(&self) -> Instant {
        let state = self.cache.borrow();
        let Some(attempted) = state.attempted else {
            return Instant::now();
        };
        let refresh = self.times.refresh;
        attempted
            + match state.error {
                None => refresh,
                Some(_) => refresh.min(AGAIN),
            }
    }

    async fn fetch(&self) {
        let Some(source) = self.source.get() else {
            return;
        };
        let fetched = source.fetch().await;
        let read = fetched.map_err(|error| error.message().to_owned());
        let read = read.and_then(|json| KeySet::parse(&json, self.algorithm));
        if let Err(why) = &read {
            tracing::warn!(issuer = self.issuer, url = %self.uri, why, "the keys of an issuer can't be fetched");
        }
        let now = Instant::now();
        self.cache.send_modify(|state| {
            state.attempts += 1;
            state.attempted = Some(now);
            match read {
                Ok(keys) => {
                    state.keys = Some(Arc::new(keys));
                    state.fetched = Some(now);
                    state.error = None;
                }
                // What is known goes on to count, for a while.
                Err(why) => state.error = Some(why.into()),
            }
        });
    }

    /// The keys, with the one of this name if there is such a one: perhaps after they were fetched again.
    pub(crate) async fn with(&self, kid: Option<&str>) -> Result<Arc<KeySet>, Missed> {
        let known = self.now();
        if let Ok(keys) = &known
            && (kid.is_none() || keys.find(kid).is_some())
        {
            return known;
        }
        if self.is_fetched_again().await {
            let now = self.now()?;
            return match now.find(kid) {
                Some(_) => Ok(now),
                None => Err(Missed::Unknown),
            };
        }
        known.and(Err(Missed::Unknown))
    }

    /// The keys that count now.
    fn now(&self) -> Result<Arc<KeySet>, Missed> {
        let state = self.cache.borrow();
        let counts = |at: &Instant| at.elapsed() <= self.times.max_stale;
        let is_fresh = state.fetched.as_ref().is_some_and(counts);
        let keys = state.keys.as_ref().filter(|_| is_fresh);
        keys.map(Arc::clone).ok_or(Missed::NoKeys)
    }

    /// Has it fetched and waits for that, if nobody has wanted it lately.
    async fn is_fetched_again(&self) -> bool {
        let mut wanted = None;
        self.cache.send_if_modified(|state| {
            if state.wanted > state.attempts {
                // Somebody waits already.
                wanted = Some(state.wanted);
            } else if state.asked.is_none_or(|at| at.elapsed() >= GAP) {
                state.asked = Some(Instant::now());
                state.wanted = state.attempts + 1;
                wanted = Some(state.wanted);
            }
            false
        });
        let Some(wanted) = wanted else {
            return false;
        };
        let mut state = self.cache.subscribe();
        self.wake.notify_one();
        let done = state.wait_for(|state| state.attempts >= wanted);
        matches!(tokio::time::timeout(PATIENCE, done).await, Ok(Ok(_)))
    }

    /// How it is.
    pub(crate) fn seen(&self) -> Seen {
        let is_usable = self.now().is_ok();
        let state = self.cache.borrow();
        let count = |of: fn(&KeySet) -> usize| state.keys.as_deref().map_or(0, of);
        Seen {
            is_usable,
            keys: count(KeySet::len),
            skipped: count(|keys| keys.skipped),
            age: state.fetched.map(|at| at.elapsed()),
            error: state.error.clone(),
        }
    }
}

/// The cache of a set: that which somebody has, or a new one.
fn cache(place: Place) -> Arc<Cache> {
    let mut caches = CACHES.lock().unwrap_or_else(PoisonError::into_inner);
    let caches = caches.get_or_insert_default();
    caches.retain(|_, cache| cache.strong_count() > 0);
    if let Some(cache) = caches.get(&place).and_then(Weak::upgrade) {
        return cache;
    }
    let cache = Arc::new(Cache::new(State::default()));
    caches.insert(place, Arc::downgrade(&cache));
    cache
}
