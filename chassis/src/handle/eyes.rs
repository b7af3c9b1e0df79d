//! What a service says of itself while it runs: its health, its metrics, its events.

use super::ChassisHandle;
use crate::{
    error::Result,
    event::{DeadLetter, EventTransport, Events, EventsReport, InProcess, Watch},
    report::{self, HealthReport, MetricReport, Probe},
};
use serde_json::{Map, Value};
use std::{collections::BTreeMap, sync::Arc};

impl ChassisHandle {
    /// How the service is, with all its health checks. Each was asked in the background: this only looks at the answers.
    ///
    /// # Errors
    ///
    /// If the service has stopped.
    pub fn health(&self) -> Result<HealthReport> {
        Ok(HealthReport::of_service(&*self.reloader()?))
    }

    /// How one instance is: the worst that its checks say.
    ///
    /// # Errors
    ///
    /// If there is none of this name; the error names the nearest.
    pub fn health_of_plugin(&self, name: &str) -> Result<HealthReport> {
        HealthReport::of_plugin(&*self.reloader()?, name)
    }

    /// How a group of checks is: the worst that one of them says.
    ///
    /// # Errors
    ///
    /// If there is none of this name, or nothing serves.
    pub fn health_of_group(&self, name: &str) -> Result<HealthReport> {
        HealthReport::of_group(&*self.reloader()?, name)
    }

    /// Whether the process is alive: not, if a health check that is marked `liveness` is down.
    ///
    /// # Errors
    ///
    /// If the service has stopped.
    pub fn liveness(&self) -> Result<Probe> {
        Ok(Probe::live(&*self.reloader()?))
    }

    /// Whether requests should come: the service serves and is not about to stop, its required plugins run, and no
    /// critical health check is down. At the start of the service each critical check has to answer first.
    ///
    /// # Errors
    ///
    /// If the service has stopped.
    pub fn readiness(&self) -> Result<Probe> {
        Ok(Probe::ready(&*self.reloader()?))
    }

    /// Whether the service has started: every required plugin has run once.
    ///
    /// # Errors
    ///
    /// If the service has stopped.
    pub fn startup(&self) -> Result<Probe> {
        Ok(Probe::startup(&*self.reloader()?))
    }

    /// The metrics of the service, as Prometheus reads them. No plugin is called: what plugins collect was collected before.
    ///
    /// # Errors
    ///
    /// If the service has stopped.
    pub fn metrics(&self) -> Result<String> {
        let told = self.birth.told.get().cloned().unwrap_or_default();
        Ok(report::page(&*self.reloader()?, &told))
    }

    /// The metrics of each plugin that has some: by `plugin.NAME`, and by the names that the plugin gave them.
    ///
    /// # Errors
    ///
    /// If the service has stopped.
    pub fn plugin_metrics(&self) -> Result<BTreeMap<String, Map<String, Value>>> {
        Ok(report::of_plugins(&*self.reloader()?))
    }

    /// The metrics of one plugin.
    ///
    /// # Errors
    ///
    /// If there is none of this name; the error names the nearest.
    pub fn metrics_of(&self, plugin: &str) -> Result<Vec<MetricReport>> {
        report::of_plugin(&*self.reloader()?, plugin)
    }

    /// What is published, who subscribes, and what waits.
    ///
    /// # Errors
    ///
    /// If nothing serves.
    pub fn events_report(&self) -> Result<EventsReport> {
        self.reloader()?.bus.report()
    }

    /// The events that could not be delivered, the newest first.
    ///
    /// # Errors
    ///
    /// If the service has stopped.
    pub fn dead_letters(&self) -> Result<Vec<DeadLetter>> {
        Ok(self.reloader()?.bus.dead_letters())
    }

    /// Tries once more to deliver an event that could not be delivered.
    ///
    /// # Errors
    ///
    /// If there is no such dead letter, its plugin does not subscribe any more, or its queue is full.
    pub fn retry_dead_letter(&self, id: &str) -> Result<()> {
        self.reloader()?.bus.retry_dead_letter(id)
    }

    /// The events of this service as a transport has them: for a bridge to elsewhere, and for tests. To close it ends what it
    /// gave, and not the service.
    ///
    /// # Errors
    ///
    /// If the service has stopped.
    pub fn event_transport(&self) -> Result<Arc<dyn EventTransport>> {
        Ok(Arc::new(InProcess::new(&self.reloader()?.bus)))
    }

    /// Events from now on whose topic fits a pattern.
    pub(crate) fn watch_events(&self, pattern: &str) -> Result<Watch> {
        self.reloader()?.bus.watch(pattern)
    }

    /// What the program itself publishes events with.
    ///
    /// # Errors
    ///
    /// If the service has stopped.
    pub fn events(&self) -> Result<Events> {
        let way = self.reloader()?.bus.way();
        Ok(Events::outside(way, "service".into(), None))
    }
}
