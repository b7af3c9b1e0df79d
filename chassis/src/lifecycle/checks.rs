//! Health checks: which there are is known once all is built; each is asked from the start of its instance to its end.

use super::{Making, carry::Renewed};
use crate::{
    call::Site,
    cause::NOBODY,
    config::{CheckSettings, Config, HealthSettings},
    contributions::Contribution,
    error::{Error, Result, code},
    event::Bus,
    health::{self, Change, Check, Controls, Health, HealthState},
    instance::{Instance, Jitter, Record},
    point::{ProvideFn, handler::DEADLINE},
    points::HEALTH_CHECK,
    scope::Scope,
    text,
};
use serde_json::json;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Weak},
    time::Duration,
};
use tokio::time::Instant;

/// A check as it stands at its point.
struct Put<'a> {
    contribution: &'a Contribution,
    ask: ProvideFn<Health, ()>,
    site: Arc<Site>,
}

/// The checks of an instance, as they stand at their point.
fn puts<'a>(scope: &Scope, instance: &'a Instance) -> Result<Vec<Put<'a>>> {
    let at_point = HEALTH_CHECK.entries(scope)?;
    let handlers = instance.contributions.handlers.iter();
    let put = |contribution: &'a Contribution| {
        // The figures are those of the contribution, whatever generation it stands in.
        let mut entries = at_point.iter();
        let (ask, site) =
            entries.find(|(_, site)| Arc::ptr_eq(&site.stats, &contribution.stats))?;
        Some(Put {
            contribution,
            ask: Arc::clone(ask),
            site: Arc::clone(site),
        })
    };
    Ok(handlers.filter_map(put).collect())
}

impl Making<'_> {
    /// Writes down which checks there are, and whether the configuration speaks of others.
    pub(super) fn find_checks(&mut self, scope: &Scope) -> Result<()> {
        let config = Arc::clone(&self.plan.config);
        let health = &config.settings().health;
        let mut renewed = Vec::new();
        for (&index, instance) in &self.built {
            let puts = puts(scope, instance)?;
            let by_author = puts
                .iter()
                .filter_map(|put| put.contribution.check.as_ref());
            let mut taken = by_author.map(|wish| Arc::clone(&wish.name)).collect();
            let checks = puts.into_iter().map(|put| {
                let name = name(&put, &mut taken);
                let groups = put.contribution.check.as_ref();
                let groups = groups.map_or_else(Vec::new, |wish| wish.groups.clone());
                let owner = instance.name();
                let said = health.checks.get(&format!("{owner}/{name}"));
                let controls = controls(&put, health, said);
                Arc::new(Check::new(Arc::clone(owner), name, groups, controls))
            });
            let checks: Vec<Arc<Check>> = checks.collect();
            if self.is_carried(index) {
                renewed.push(Renewed {
                    instance: Arc::clone(instance),
                    terms: self.terms(&self.specs[index]),
                    checks,
                });
            } else {
                instance.record.set_checks(checks);
            }
        }
        self.renewed = renewed;
        check_mentions(&config, &self.records)
    }
}

/// What its author calls it. Who came to the point by the long way is called as the method, or else `health`, or
/// `health-2` if there is one.
fn name(put: &Put<'_>, taken: &mut BTreeSet<Arc<str>>) -> Arc<str> {
    let contribution = put.contribution;
    if let Some(wish) = &contribution.check {
        return Arc::clone(&wish.name);
    }
    let label = &contribution.label;
    let base: Arc<str> = match label.starts_with('(') {
        true => "health".into(),
        false => Arc::clone(label),
    };
    let numbered = (2..).map(|number| Arc::from(format!("{base}-{number}")));
    let mut names = std::iter::once(Arc::clone(&base)).chain(numbered);
    let free = names.find(|name| taken.insert(Arc::clone(name)));
    free.unwrap_or(base)
}

fn controls(put: &Put<'_>, all: &HealthSettings, said: Option<&CheckSettings>) -> Controls {
    let nothing = CheckSettings::default();
    let said = said.unwrap_or(&nothing);
    let wish = put
        .contribution
        .check
        .as_deref()
        .cloned()
        .unwrap_or_default();
    // Who came to the point by the long way has its deadline, which says nothing.
    let own = put.site.deadline;
    let own = own.filter(|_| put.contribution.check.is_some() || own != DEADLINE);
    Controls {
        interval: said.interval.or(wish.interval).unwrap_or(all.interval),
        deadline: said.deadline.or(own).unwrap_or(all.deadline),
        failures: said.failure_threshold.map_or_else(
            || wish.failures.unwrap_or(all.failure_threshold.get()).max(1),
            Into::into,
        ),
        successes: said.success_threshold.map_or_else(
            || wish.successes.unwrap_or(all.success_threshold.get()).max(1),
            Into::into,
        ),
        critical: said.critical.unwrap_or(wish.critical),
        liveness: wish.liveness,
    }
}

/// Whether the checks and plugins that the configuration names are there. Of a plugin that does not run nobody knows its
/// checks.
fn check_mentions(config: &Config, records: &[Arc<Record>]) -> Result<()> {
    let health = &config.settings().health;
    let known: BTreeMap<&str, bool> = records
        .iter()
        .map(|record| (&*record.name, record.is_built()))
        .collect();
    let ids: Vec<String> = records
        .iter()
        .flat_map(|record| record.all_checks())
        .map(|check| check.id())
        .collect();
    let may_be = |name: &str| {
        let plugin = name.split_once('/').map(|(plugin, _)| plugin);
        let is_built = plugin.and_then(|plugin| known.get(plugin));
        is_built == Some(&false) || ids.iter().any(|id| id == name)
    };
    let unknown = |place: String, name: &str, what: &str, near: Option<String>| {
        let message = format!("`{place}`: there is no {what} `{name}`");
        let help =
            near.unwrap_or_else(|| "`GET /health` lists the checks that there are".to_owned());
        let error = Error::new(code::BAD_HEALTH, message).with_help(help);
        // Of a list, where it begins.
        match config.origin(place.split('[').next().unwrap_or_default()) {
            Some(origin) => error.from_origin(origin.to_string()),
            None => error,
        }
    };
    let members = health.groups.iter().flat_map(|(group, members)| {
        let members = members.iter().enumerate();
        members.map(move |(index, member)| (group, index, member))
    });
    let groups = members
        .filter(|(_, _, member)| !known.contains_key(&***member) && !may_be(member))
        .map(|(group, index, member)| {
            let all = ids.iter().map(String::as_str).chain(known.keys().copied());
            let near = text::did_you_mean(member, all);
            let place = format!("health.groups.{group}[{index}]");
            unknown(place, member, "check or plugin", near)
        });
    let checks = health.checks.keys().filter(|id| !may_be(id)).map(|id| {
        let near = text::did_you_mean(id, ids.iter().map(String::as_str));
        unknown(format!("health.checks.{id}"), id, "check", near)
    });
    Error::all(groups.chain(checks)).map_or(Ok(()), Err)
}

/// Asks the checks of an instance that has started, until it stops.
pub(super) fn begin(scope: &Scope, instance: &Instance) {
    let record = &instance.record;
    let puts = puts(scope, instance).unwrap_or_default();
    for (check, put) in record.all_checks().iter().zip(puts) {
        let check = Arc::clone(check);
        let Put {
            ask: provider,
            site,
            ..
        } = put;
        let mut jitter = Jitter::new(&check.name);
        let stopping = record.tasks.stopping().clone();
        // The task is the record's: to hold it there would be a cycle.
        let told = Arc::downgrade(record);
        let bus = Bus::of(scope).map(|bus| Arc::downgrade(&bus));
        record.tasks.spawn("health.check", async move {
            let asking = health::keep_asking(
                &check,
                |interval| jitter.lengthen(interval),
                async || ask(&site, &provider, check.controls().deadline).await,
                |change| {
                    if let Some(record) = told.upgrade() {
                        changed(&record, &check, &change);
                        let bus = bus.as_ref().and_then(Weak::upgrade);
                        bus.inspect(|bus| publish(bus, &record, &check, &change));
                    }
                },
            );
            tokio::select! {
                () = asking => {}
                () = stopping.cancelled() => {}
            }
            Ok(())
        });
    }
}

/// Asks a check once, through the guard.
async fn ask(put: &Site, check: &ProvideFn<Health, ()>, deadline: Duration) -> Health {
    let Site {
        plugin,
        place,
        stats,
        gone,
        ..
    } = put;
    let site = Site {
        gone: Arc::clone(gone),
        ..Site::with(
            Arc::clone(plugin),
            Arc::clone(place),
            Some(deadline),
            Arc::clone(stats),
        )
        .beside(put)
    };
    let since = Instant::now();
    let mut in_time = false;
    let call = site.call(&NOBODY);
    let asked = async {
        let answer = check.call(&(), &call).await;
        in_time = since.elapsed() <= deadline;
        answer
    };
    let outcome = site.run(asked).await;
    health::said(outcome, in_time, deadline)
}

/// Tells those who subscribe that a check came into another state.
fn publish(bus: &Bus, record: &Record, check: &Check, change: &Change) {
    bus.tell_now("health.changed", || {
        json!({
            "plugin": record.name,
            "check": check.name,
            "from": change.from,
            "to": change.to,
            "message": change.message,
        })
    });
}

/// A check came into another state: what is to happen then, happens here.
fn changed(record: &Record, check: &Check, change: &Change) {
    record.follow_checks();
    let (plugin, check) = (&record.name, &check.name);
    let Change { from, to, message } = change;
    let message = message.as_deref();
    match (from, to) {
        (HealthState::Unknown, HealthState::Up) => {
            tracing::debug!(%plugin, %check, %from, %to, message, "health changed");
        }
        (_, HealthState::Up) => {
            tracing::info!(%plugin, %check, %from, %to, message, "health changed");
        }
        _ => tracing::warn!(%plugin, %check, %from, %to, message, "health changed"),
    }
}
