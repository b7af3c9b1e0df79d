//! Who goes on with series that nobody can ask for beforehand: the values of their labels come from outside.

use super::{
    family::Series,
    name::Labels,
    refused::{MOST_NAMES, MOST_SERIES},
    table::Kind,
};
use std::{collections::BTreeMap, sync::Arc};

/// The heirs, by the name that is written.
#[derive(Debug, Default)]
pub(super) struct Heirs(BTreeMap<String, Vec<Heir>>);

/// An instance that goes on with the series of a name, whatever the values of their labels.
#[derive(Debug)]
pub(super) struct Heir {
    /// Its number.
    pub(super) id: u64,
    pub(super) plugin: Arc<str>,
    pub(super) kind: Kind,
    /// The names of the labels, in order, each with its value if that is known beforehand.
    pub(super) labels: Vec<(String, Option<String>)>,
    pub(super) bounds: Option<Arc<[f64]>>,
}

impl Heirs {
    pub(super) fn add(&mut self, exported: String, heir: Heir) {
        if self.0.len() < MOST_NAMES || self.0.contains_key(&exported) {
            let heirs = self.0.entry(exported).or_default();
            heirs.retain(|other| other.id != heir.id || other.labels != heir.labels);
            // So many series there may be at most.
            if heirs.len() < MOST_SERIES {
                heirs.push(heir);
            }
        }
    }

    /// An instance is at its end.
    pub(super) fn end(&mut self, id: u64) {
        self.0.retain(|_, heirs| {
            heirs.retain(|heir| heir.id != id);
            !heirs.is_empty()
        });
    }

    /// The instance that goes on with a series whose own instances have ended.
    pub(super) fn of(
        &self,
        kind: Kind,
        exported: &str,
        labels: &Labels,
        series: &Series,
    ) -> Option<u64> {
        let mut heirs = self.0.get(exported)?.iter();
        let heir = heirs.rfind(|heir| heir.is_of(kind, labels, series))?;
        Some(heir.id)
    }
}

impl Heir {
    /// Whether the series is one of those that it goes on with.
    pub(super) fn is_of(&self, kind: Kind, labels: &Labels, series: &Series) -> bool {
        let is_label = |((name, value), (wanted, fixed)): (&(String, String), &(String, _))| {
            name == wanted && Option::as_ref(fixed).is_none_or(|fixed| fixed == value)
        };
        self.kind == kind
            && series.plugin.as_ref() == Some(&self.plugin)
            && !series.is_collected()
            && labels.len() == self.labels.len()
            && labels.iter().zip(&self.labels).all(is_label)
            && series.cell.bounds() == self.bounds.as_ref()
    }
}
