//! Who is registered: in memory, bounded, and each entry with who holds it.

use crate::{
    entry::{ServiceEntry, ServiceHealth, ServiceQuestion},
    error::{Error, Result, code},
};
use std::{collections::BTreeMap, sync::Arc};
use tokio_util::sync::CancellationToken;

/// Who has registered an entry.
#[derive(Clone, Debug)]
pub(crate) enum Holder {
    /// The chassis, for the service itself.
    Chassis,
    /// Whoever has the handle of the service.
    Handle,
    /// An instance; what it has registered goes with it.
    Instance {
        plugin: Arc<str>,
        /// Which of the instances of the plugin it is: a later one has a greater number.
        number: u64,
        /// Cancelled when the generation serves that it was built for.
        serves: CancellationToken,
        /// Cancelled when it begins to stop.
        stopping: CancellationToken,
    },
}

impl Holder {
    /// Whether it is about to go, or has gone.
    pub(super) fn is_gone(&self) -> bool {
        matches!(self, Self::Instance { stopping, .. } if stopping.is_cancelled())
    }

    pub(super) fn plugin(&self) -> Option<&Arc<str>> {
        match self {
            Self::Instance { plugin, .. } => Some(plugin),
            Self::Chassis | Self::Handle => None,
        }
    }

    /// Whether it may change what `other` has registered: the next instance of a plugin takes over from the one before,
    /// and the one before, which may run for a while yet, has no say in it from then on.
    fn may_change(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Chassis, Self::Chassis) | (Self::Handle, _) => true,
            (Self::Instance { number, .. }, Self::Instance { number: theirs, .. }) => {
                self.is_of_plugin_of(other) && number >= theirs
            }
            _ => false,
        }
    }

    /// Whether both are instances of one plugin.
    fn is_of_plugin_of(&self, other: &Self) -> bool {
        self.plugin().is_some() && self.plugin() == other.plugin()
    }
}

#[derive(Debug)]
pub(super) struct Slot {
    pub(super) entry: ServiceEntry,
    pub(super) holder: Holder,
}

/// All entries, by their ids.
#[derive(Debug, Default)]
pub(super) struct Book {
    slots: BTreeMap<String, Slot>,
    /// Nothing is registered any more: the service is about to leave.
    is_closing: bool,
}

impl Book {
    /// Whether this one could be registered, if nothing else happens meanwhile.
    pub(super) fn check(&self, id: &str, holder: &Holder, most: usize) -> Result<()> {
        if self.is_closing || holder.is_gone() {
            return Err(closed());
        }
        match self.slots.get(id) {
            Some(slot) => check_change(slot, holder),
            None if self.slots.len() >= most => {
                let message = format!("{most} services are registered, which is as many as may be");
                Err(Error::new(code::SERVICE_FULL, message)
                    .with_help("raise `discovery.max_entries`, or deregister what is not needed"))
            }
            None => Ok(()),
        }
    }

    pub(super) fn put(&mut self, entry: ServiceEntry, holder: Holder, most: usize) -> Result<()> {
        self.check(&entry.id, &holder, most)?;
        self.slots.insert(entry.id.clone(), Slot { entry, holder });
        Ok(())
    }

    /// The entry, if this holder may change it.
    pub(super) fn held(&mut self, id: &str, holder: &Holder) -> Result<&mut ServiceEntry> {
        let Some(slot) = self.slots.get_mut(id) else {
            return Err(Error::new(
                code::SERVICE_UNKNOWN,
                format!("no service is registered as `{id}`"),
            ));
        };
        check_change(slot, holder)?;
        Ok(&mut slot.entry)
    }

    pub(super) fn get(&self, id: &str) -> Option<&Slot> {
        self.slots.get(id)
    }

    pub(super) fn remove(&mut self, id: &str) {
        self.slots.remove(id);
    }

    /// Says how the service itself is.
    pub(super) fn set_own_health(&mut self, health: ServiceHealth) {
        for slot in self.slots.values_mut() {
            if matches!(slot.holder, Holder::Chassis) {
                slot.entry.health = health;
            }
        }
    }

    /// The ids of those whose holders go or have gone.
    pub(super) fn of_gone(&self) -> Vec<String> {
        let gone = self.slots.iter().filter(|(_, slot)| slot.holder.is_gone());
        gone.map(|(id, _)| id.clone()).collect()
    }

    /// All ids, that of the service itself first.
    pub(super) fn ids(&self) -> Vec<String> {
        let mut ids: Vec<(bool, &String)> = self
            .slots
            .iter()
            .map(|(id, slot)| (!matches!(slot.holder, Holder::Chassis), id))
            .collect();
        ids.sort_by_key(|(is_other, _)| *is_other);
        ids.into_iter().map(|(_, id)| id.clone()).collect()
    }

    /// All of them, by name and then by id.
    pub(super) fn list(&self) -> Vec<ServiceEntry> {
        let mut all: Vec<_> = self.slots.values().map(|slot| slot.entry.clone()).collect();
        all.sort_by(|one, other| (&one.name, &one.id).cmp(&(&other.name, &other.id)));
        all
    }

    pub(super) fn find(&self, question: &ServiceQuestion) -> Vec<ServiceEntry> {
        let entries = self.slots.values().map(|slot| &slot.entry);
        let wanted = entries.filter(|entry| question.takes(entry));
        wanted.cloned().collect()
    }

    /// From now on nothing is registered any more; whether that is new.
    pub(super) fn begin_closing(&mut self) -> bool {
        !std::mem::replace(&mut self.is_closing, true)
    }

    /// Forgets all of them; how many there were.
    pub(super) fn clear(&mut self) -> usize {
        std::mem::take(&mut self.slots).len()
    }
}

fn check_change(slot: &Slot, holder: &Holder) -> Result<()> {
    if holder.may_change(&slot.holder) {
        return Ok(());
    }
    let id = &slot.entry.id;
    let whose = match &slot.holder {
        Holder::Chassis => "the service itself".to_owned(),
        Holder::Handle => "the program".to_owned(),
        Holder::Instance { plugin, .. } if holder.is_of_plugin_of(&slot.holder) => {
            format!("a later instance of `{plugin}`")
        }
        Holder::Instance { plugin, .. } => format!("the plugin `{plugin}`"),
    };
    let message = format!("`{id}` is registered by {whose}");
    let error = Error::new(code::SERVICE_TAKEN, message);
    Err(match holder.is_of_plugin_of(&slot.holder) {
        true => {
            error.with_help("leave it to that one: what an instance has registered goes with it")
        }
        false => error.with_help("give it another id: `.id(\"..\")`"),
    })
}

pub(super) fn closed() -> Error {
    Error::new(
        code::CLOSED,
        "the service does not run yet, or not any more",
    )
    .with_help(
        "in `init` and `start` nothing can be registered; a task waits with `serving().await`",
    )
}
