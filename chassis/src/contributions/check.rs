//! Health checks: the short way to `health.check`.

use super::{Contribution, Contributions, Place};
use crate::{
    error::{Error, code},
    health::{Health, IntoHealth, Wish},
    point::{ProvideClosure, ProvideFn},
    points,
};
use std::{fmt, sync::Arc, time::Duration};

impl Contributions {
    /// Puts a health check: an async closure or function that says how something is. It is asked in the background, again
    /// and again, from the start of the instance to its end; whoever wants to know gets the last answer.
    ///
    /// Its name is unique in the plugin; in the service it is called `plugin/name`.
    ///
    /// ```
    /// use chassis::{Health, prelude::*};
    /// use std::time::Duration;
    ///
    /// /// Keeps orders.
    /// #[plugin]
    /// async fn orders(cx: &mut PluginContext) -> Result<()> {
    ///     cx.health("database", async || {
    ///         let free = 5; // as the pool says
    ///         match free {
    ///             0 => Health::degraded("no connection is free"),
    ///             _ => Health::up().with("free", free),
    ///         }
    ///     })
    ///     .interval(Duration::from_secs(30))
    ///     .critical();
    ///     Ok(())
    /// }
    /// ```
    #[track_caller]
    pub fn health<F, Fut>(&mut self, name: &str, check: F) -> PlacedCheck<'_>
    where
        F: FnOnce() -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output: IntoHealth> + Send + 'static,
    {
        let ask = move |_: &()| {
            let asked = check();
            async move { asked.await.into_health() }
        };
        let handler: ProvideFn<Health, ()> = Arc::new(ProvideClosure(ask));
        self.add_check(name, Place::caller(), handler)
    }

    pub(crate) fn add_check(
        &mut self,
        name: &str,
        place: Place,
        handler: ProvideFn<Health, ()>,
    ) -> PlacedCheck<'_> {
        let placed =
            self.add::<crate::point::Open, _>(points::HEALTH_CHECK.name, place, handler, None);
        let contribution = placed.contribution;
        let wish = contribution.check.insert(Box::new(Wish {
            name: name.into(),
            ..Wish::default()
        }));
        PlacedCheck {
            wish,
            deadline: &mut contribution.deadline,
        }
    }

    /// What is wrong with the names of the checks.
    pub(super) fn check_checks(&self) -> impl Iterator<Item = Error> {
        let with = |(index, one): (usize, &Contribution)| {
            let wish = one.check.as_deref()?;
            let before = self.handlers[..index].iter();
            let mut before = before.filter_map(|one| one.check.as_deref());
            let checked = match before.any(|other| other.name == wish.name) {
                true => Err(twice(&wish.name)),
                false => wish.check(),
            };
            Some(checked.err()?.from_origin(Arc::clone(&one.origin)))
        };
        self.handlers.iter().enumerate().filter_map(with)
    }
}

fn twice(name: &str) -> Error {
    let message = format!("there are two health checks `{name}`");
    Error::new(code::DUPLICATE, message).with_help("give one of them another name")
}

/// A health check that was just put: when it is asked, and what it means.
pub struct PlacedCheck<'t> {
    wish: &'t mut Wish,
    deadline: &'t mut Option<Duration>,
}

#[expect(
    clippy::return_self_not_must_use,
    reason = "it is put already; what follows is by the way"
)]
impl PlacedCheck<'_> {
    /// How long after its last answer it is asked again, and up to a tenth longer; zero never asks. Default:
    /// `health.interval`.
    pub fn interval(self, interval: Duration) -> Self {
        self.wish.interval = Some(interval);
        self
    }

    /// How long an answer may take; later it is down. Default: `health.deadline`.
    pub fn deadline(self, deadline: Duration) -> Self {
        *self.deadline = Some(deadline);
        self
    }

    /// How many failures in a row call it down, at least one; the first answer counts at once. Default:
    /// `health.failure_threshold`.
    pub fn failures(self, failures: u32) -> Self {
        self.wish.failures = Some(failures);
        self
    }

    /// How many other answers in a row call it up again, at least one. Default: `health.success_threshold`.
    pub fn successes(self, successes: u32) -> Self {
        self.wish.successes = Some(successes);
        self
    }

    /// The service can't do without: while it is down, the service is down, and not ready. At the start of the service it
    /// has to answer before the service is ready. A reload that builds its plugin waits for its first answer, and is given
    /// up if that says that it is not well; unless it was not well before.
    pub fn critical(self) -> Self {
        self.wish.critical = true;
        self
    }

    /// While it is down, the process is to be restarted. For what a restart mends, and nothing else: a database that is
    /// away is no reason.
    pub fn liveness(self) -> Self {
        self.wish.liveness = true;
        self
    }

    /// Puts it into a group: `GET /health/{group}` asks for all of one.
    pub fn group(self, group: &str) -> Self {
        self.wish.groups.push(group.into());
        self
    }
}

impl fmt::Debug for PlacedCheck<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PlacedCheck").field(&self.wish.name).finish()
    }
}
