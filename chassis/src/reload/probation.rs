//! Probation: what a reload has built is watched for a time, and what does not stand it is taken back.
//!
//! Nobody is asked for it, and no call costs more: the figures are those that the guard keeps anyway, of routes, hooks,
//! handlers, checks and pages. What a mounted router answers is counted for the service, and not for who mounts it.

use super::{
    Next, OnProbation, ProbationReport, Reloader, Rollback, Wanted,
    kept::{Trial, Unwritten},
    wanted::Change,
};
use crate::{
    call::{Outcomes, Stats},
    config::{Config, Overrides, ProbationSettings},
    error::{Error, Result, code},
    generation::Generation,
    instance::{Instance, Record},
    lifecycle::{Anew, Given},
    registry::Asked,
    text::show_duration,
};
use serde_json::json;
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::{Duration, SystemTime},
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How often the figures are looked at.
const LOOK: Duration = Duration::from_millis(250);

/// All that is needed to go back.
#[derive(Debug)]
pub(super) struct Before {
    pub(super) generation: u64,
    pub(super) config: Arc<Config>,
    pub(super) given: Given,
    pub(super) overrides: Overrides,
    /// What was persisted since.
    pub(super) unwritten: Option<Unwritten>,
}

/// An instance that is watched. It is not held: a plugin ends when it is stopped.
#[derive(Debug)]
struct Watched {
    record: Arc<Record>,
    stats: Vec<Arc<Stats>>,
    /// What came of its calls before it served.
    past: Outcomes,
    since: Instant,
    limits: ProbationSettings,
    told: OnProbation,
    before: Arc<Before>,
}

/// What has failed, and is not loaded until it changes.
#[derive(Debug)]
pub(super) struct Rejected {
    config: Arc<Config>,
    given: Given,
    before: Arc<Before>,
    plugin: Arc<str>,
    reason: String,
    since: Instant,
}

/// An instance that has passed a limit.
struct Failed {
    record: Arc<Record>,
    reason: String,
    before: Arc<Before>,
}

/// What is watched.
#[derive(Debug, Default)]
pub(super) struct Probation(Mutex<Book>);

#[derive(Debug, Default)]
struct Book {
    /// Which task looks: the one that the last reload has begun.
    watch: u64,
    watched: Vec<Watched>,
    /// Cancelled when one of them has failed: then nobody waits for the old generation to empty.
    failing: CancellationToken,
    rejected: Option<Arc<Rejected>>,
    rolled_back: Option<Rollback>,
}

impl Probation {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is to be told of it; nothing, if nothing is or was watched.
    pub(super) fn report(&self) -> Option<ProbationReport> {
        let book = self.book();
        let report = ProbationReport {
            watched: book.watched.iter().map(|one| one.told.clone()).collect(),
            rolled_back: book.rolled_back.clone(),
            rejected: book.rejected.is_some(),
        };
        let is_something = !report.watched.is_empty() || report.rolled_back.is_some();
        is_something.then_some(report)
    }

    pub(super) fn failing(&self) -> CancellationToken {
        self.book().failing.clone()
    }

    /// A generation is about to serve. Who was watched and goes on is watched on, until its own time is over; who is new is
    /// watched from now on, if the configuration is other than before: else there is nothing to go back to. The answer is for how
    /// long.
    fn begin(
        &self,
        old: &Generation,
        new: &Generation,
        before: Before,
        is_back: bool,
    ) -> Option<Duration> {
        let limits = &new.config.settings().reload.probation;
        let mut book = self.book();
        book.watch += 1;
        book.failing = CancellationToken::new();
        // Who goes back by hand to what served a moment ago does not want to be brought back from there.
        let mut known = book.watched.iter().map(|one| &one.before.config);
        let is_back = is_back || known.any(|config| config.is_same(&new.config));
        let is_there =
            |record: &Arc<Record>| new.records.iter().any(|one| Arc::ptr_eq(one, record));
        book.watched
            .retain(|one| limits.enabled && is_there(&one.record));
        if !limits.enabled || is_back || before.config.is_same(&new.config) {
            return None;
        }
        let before = Arc::new(before);
        let watched = book.watched.len();
        let is_new = |one: &&Arc<Instance>| {
            let mut old = old.records.iter();
            !old.any(|record| Arc::ptr_eq(record, &one.record))
        };
        for instance in new.instances.iter().filter(is_new) {
            let stats = instance.contributions.all_stats();
            book.watched.push(Watched {
                record: Arc::clone(&instance.record),
                past: outcomes(&stats),
                stats,
                since: Instant::now(),
                limits: limits.clone(),
                told: OnProbation {
                    plugin: Arc::clone(instance.name()),
                    generation: new.number,
                    back_to: before.generation,
                    until: SystemTime::now() + limits.r#for,
                },
                before: Arc::clone(&before),
            });
        }
        (book.watched.len() > watched).then_some(limits.r#for)
    }

    /// Nothing is watched any more.
    fn end(&self) {
        let mut book = self.book();
        book.watch += 1;
        book.watched.clear();
        book.failing = CancellationToken::new();
    }

    /// Who has failed, if somebody has; no more to look at is an error.
    fn look(&self, watch: u64) -> Result<Option<Failed>, ()> {
        let mut book = self.book();
        if book.watch != watch || book.watched.is_empty() {
            return Err(());
        }
        let failed = book.watched.iter().find_map(Watched::failed);
        if failed.is_some() {
            book.failing.cancel();
            return Ok(failed);
        }
        book.watched.retain(|one| {
            let is_over = one.since.elapsed() >= one.limits.r#for;
            if is_over {
                tracing::info!(plugin = %one.record.name, "has stood probation");
            }
            !is_over
        });
        Ok(None)
    }
}

impl Watched {
    fn failed(&self) -> Option<Failed> {
        let reason = self.reason()?;
        Some(Failed {
            record: Arc::clone(&self.record),
            reason,
            before: Arc::clone(&self.before),
        })
    }

    /// What is too much of what it did.
    fn reason(&self) -> Option<String> {
        let Outcomes {
            ok,
            errors,
            panics,
            timeouts,
            ..
        } = outcomes(&self.stats);
        let past = &self.past;
        let panics = panics.saturating_sub(past.panics);
        let failed = (errors + timeouts).saturating_sub(past.errors + past.timeouts) + panics;
        let calls = ok.saturating_sub(past.ok) + failed;
        let limits = &self.limits;
        let within = || show_duration(Duration::from_secs(self.since.elapsed().as_secs() + 1));
        if panics >= limits.panics.get().into() {
            return Some(format!("{panics} panics within {}", within()));
        }
        let is_enough = calls >= limits.calls.get().into();
        let is_too_much = failed * 100 >= u64::from(limits.errors) * calls;
        (is_enough && is_too_much)
            .then(|| format!("{failed} of {calls} calls failed within {}", within()))
    }
}

fn outcomes(stats: &[Arc<Stats>]) -> Outcomes {
    let mut all = Outcomes::default();
    stats.iter().for_each(|stats| all.add(&stats.outcomes()));
    all
}

impl Rejected {
    /// Whether this is what has failed; if the files are the same, the sources decide.
    pub(super) fn judge(&self, given: &Given) -> Result<()> {
        if !given.is_same(&self.given) {
            return Ok(());
        }
        let ago = show_duration(Duration::from_secs(self.since.elapsed().as_secs()));
        let message = format!(
            "the configuration has not changed since it failed probation: {} ({ago} ago)",
            self.reason
        );
        Err(Error::new(code::RELOAD_REJECTED, message)
            .with_help("mend the files; or load them all the same: `POST /reload?force=true`")
            .in_plugin(Arc::clone(&self.plugin))
            .at("probation"))
    }
}

impl Reloader {
    /// What is to be told of probation; nothing, if nothing is or was watched.
    pub(crate) fn probation(&self) -> Option<ProbationReport> {
        self.probation.report()
    }

    /// What the next generation is built from, where what the files say may have failed probation: then whoever changes
    /// something else gets what served well with that change, and nobody what has failed.
    pub(super) fn settle(&self, config: Config, trial: Trial, wanted: &Wanted) -> Result<Next> {
        let next = Next {
            config: Arc::new(config),
            anew: wanted.anew.clone(),
            trial,
            kept: None,
            judge: None,
            keeps_rejected: false,
            is_back: false,
        };
        let rejected = self.probation.book().rejected.clone();
        let rejected = rejected
            .filter(|rejected| !wanted.force && next.config.has_same_files(&rejected.config));
        let Some(rejected) = rejected else {
            return Ok(next);
        };
        // What is persisted is to be in force as it is in the file.
        let is_of_one = !wanted.persist
            && (!matches!(wanted.change, Change::Nothing) || matches!(wanted.anew, Anew::One(_)));
        if !is_of_one {
            return Ok(Next {
                judge: Some(rejected),
                ..next
            });
        }
        let draft = rejected
            .before
            .config
            .with_overrides(next.trial.overrides.clone());
        Ok(Next {
            config: Arc::new(self.registry.accept(draft, Asked::Not)?),
            kept: Some(rejected.before.given.clone()),
            keeps_rejected: true,
            ..next
        })
    }

    /// A generation is about to serve; for how long what is new in it is watched, if it is.
    pub(super) fn begin_probation(
        self: &Arc<Self>,
        old: &Generation,
        new: &Generation,
        before: Before,
        next: &Next,
    ) -> Option<Duration> {
        let time = self.probation.begin(old, new, before, next.is_back);
        let mut book = self.probation.book();
        if !next.keeps_rejected {
            book.rejected = None;
        }
        if !book.watched.is_empty() {
            tokio::spawn(watch(Arc::downgrade(self), book.watch));
        }
        time
    }

    /// Brings back what served before an instance was built that has failed, as a reload like any other.
    async fn roll_back(self: &Arc<Self>, failed: Failed) {
        let Failed {
            record,
            reason,
            before,
        } = failed;
        let plugin = Arc::clone(&record.name);
        let what = format!("what has failed probation is being taken back, with `{plugin}`");
        let _turn = self.turns.take(what).await;
        let since = Instant::now();
        let Some(old) = self.current.enter(0) else {
            return;
        };
        let mut there = old.0.records.iter();
        if self.closing.is_cancelled() || !there.any(|one| Arc::ptr_eq(one, &record)) {
            // The service stops; or another reload has replaced it meanwhile.
            return;
        }
        let (config, given) = (Arc::clone(&old.0.config), self.given().clone());
        let management = self.overrides() != before.overrides;
        let rejected = !config.has_same_files(&before.config) || !given.is_same(&before.given);
        let mut told = Rollback {
            plugin: Arc::clone(&plugin),
            reason: reason.clone(),
            at: SystemTime::now(),
            generation: old.0.number,
            back_to: before.generation,
            serves: None,
            error: None,
            rejected,
            management,
        };
        tracing::error!(
            plugin = %plugin, generation = told.generation, %reason,
            "failed probation: the configuration of generation {} comes back", before.generation
        );
        let next = Next {
            config: Arc::clone(&before.config),
            // It may be new only because others are.
            anew: Anew::One(Arc::clone(&plugin)),
            trial: Trial::without_change(before.overrides.clone()),
            kept: Some(before.given.clone()),
            judge: None,
            keeps_rejected: false,
            is_back: true,
        };
        match self.swap(old, next, since).await {
            Ok(swapped) => {
                let mut config = config;
                if self.put_back(before.unwritten.as_ref()).await {
                    config = Arc::new(config.with_local_of(&before.config));
                    told.management = true;
                    told.rejected =
                        !config.has_same_files(&before.config) || !given.is_same(&before.given);
                }
                let rejected = told.rejected.then(|| {
                    Arc::new(Rejected {
                        config,
                        given,
                        before,
                        plugin,
                        reason,
                        since,
                    })
                });
                told.serves = Some(swapped.generation());
                self.metrics.reloads.rolled_back(since.elapsed());
                let (rejected_too, management) = (rejected.is_some(), told.management);
                tracing::warn!(
                    generation = told.serves,
                    rejected = rejected_too,
                    management,
                    "what failed probation is taken back: what the files say is not loaded until it changes (rejected), what \
                     operators had changed since is forgotten (management)"
                );
                self.note(told, rejected);
                self.finish(swapped, since).await;
            }
            // The service stops, and with it all that is watched.
            Err(error) if error.code() == code::CLOSED => {}
            Err(error) => {
                self.probation.end();
                let line = error.line();
                tracing::error!(
                    plugin = %plugin, generation = told.generation, error = %line,
                    "can't go back: the generation that failed probation goes on serving, and is not watched any more"
                );
                told.error = Some(error.report());
                told.rejected = false;
                told.management = false;
                self.metrics.reloads.ended(false, since.elapsed());
                let serving = told.generation;
                self.note(told, None);
                self.retire_left(serving).await;
            }
        }
    }

    fn note(&self, told: Rollback, rejected: Option<Arc<Rejected>>) {
        let topic = match told.error {
            None => "chassis.rolled_back",
            Some(_) => "chassis.rollback_failed",
        };
        self.bus.tell_now(topic, || json!(told));
        let mut book = self.probation.book();
        book.rejected = rejected;
        book.rolled_back = Some(told);
    }
}

/// Looks again and again, until there is nothing to be watched any more.
async fn watch(reloader: Weak<Reloader>, watch: u64) {
    loop {
        tokio::time::sleep(LOOK).await;
        let Some(service) = reloader.upgrade() else {
            return;
        };
        if service.closing.is_cancelled() {
            return;
        }
        match service.probation.look(watch) {
            Ok(None) => {}
            Ok(Some(failed)) => return service.roll_back(failed).await,
            Err(()) => return,
        }
    }
}
