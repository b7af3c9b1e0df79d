//! A reader of the text format, as strict as Prometheus: each name has its head before its series, each series is there once.

use std::collections::{BTreeMap, BTreeSet};

/// A page that was read.
#[derive(Debug)]
pub(super) struct Page {
    /// The kind of each name.
    pub(super) kinds: BTreeMap<String, String>,
    pub(super) helps: BTreeMap<String, String>,
    /// By name and labels, as they stand there.
    values: BTreeMap<String, f64>,
}

impl Page {
    #[track_caller]
    pub(super) fn read(text: &str) -> Self {
        let mut page = Self {
            kinds: BTreeMap::new(),
            helps: BTreeMap::new(),
            values: BTreeMap::new(),
        };
        assert!(text.ends_with('\n'));
        let mut done = BTreeSet::new();
        let mut current = String::new();
        for line in text.lines() {
            if let Some(comment) = line.strip_prefix("# ") {
                let mut words = comment.splitn(3, ' ');
                let [Some(word), Some(name), Some(rest)] =
                    [words.next(), words.next(), words.next()]
                else {
                    panic!("{line}");
                };
                match word {
                    "HELP" => {
                        assert!(done.insert(name.to_owned()), "{name} begins twice");
                        assert!(!rest.is_empty(), "{name} is not explained");
                        name.clone_into(&mut current);
                        page.helps.insert(name.to_owned(), rest.to_owned());
                    }
                    "TYPE" => {
                        assert_eq!(name, current);
                        page.kinds.insert(name.to_owned(), rest.to_owned());
                    }
                    "UNIT" => assert!(name.trim_end_matches("_total").ends_with(rest), "{line}"),
                    _ => panic!("{line}"),
                }
                continue;
            }
            let (series, value) = line.rsplit_once(' ').expect("a series has a value");
            let name = series.split('{').next().unwrap_or_default();
            let rest = name
                .strip_prefix(&*current)
                .unwrap_or_else(|| panic!("{line} in {current}"));
            match &*page.kinds[&current] {
                "histogram" => assert!(["_bucket", "_sum", "_count"].contains(&rest), "{line}"),
                "summary" => assert!(["_sum", "_count"].contains(&rest), "{line}"),
                _ => assert_eq!(rest, "", "{line}"),
            }
            let legal = |c: char| c.is_ascii_alphanumeric() || c == '_';
            assert!(name.chars().all(legal), "{line}");
            let value = value
                .replace("+Inf", "inf")
                .parse()
                .expect("a value is a number");
            let old = page.values.insert(series.to_owned(), value);
            assert!(old.is_none(), "{series} is there twice");
        }
        page
    }

    /// The value of a series that has to be there.
    #[track_caller]
    pub(super) fn value(&self, series: &str) -> f64 {
        self.get(series).unwrap_or_else(|| {
            let name = series.split('{').next().unwrap_or_default();
            panic!("no {series} in {:#?}", self.of(name))
        })
    }

    pub(super) fn get(&self, series: &str) -> Option<f64> {
        self.values.get(series).copied()
    }

    /// All series whose name begins so.
    pub(super) fn of(&self, name: &str) -> BTreeMap<&str, f64> {
        let all = self
            .values
            .iter()
            .filter(|(series, _)| series.starts_with(name));
        all.map(|(series, value)| (&**series, *value)).collect()
    }

    /// How many series there are.
    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    /// All series that say something of a plugin.
    pub(super) fn about(&self, plugin: &str) -> Vec<&str> {
        let label = format!("plugin=\"{plugin}\"");
        let all = self.values.keys().filter(|series| series.contains(&label));
        all.map(String::as_str).collect()
    }

    /// Fails if something that only grows has become less since `before`.
    #[track_caller]
    pub(super) fn only_grew(&self, before: &Self) {
        for (series, old) in &before.values {
            let name = series.split('{').next().unwrap_or_default();
            let base = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|end| name.strip_suffix(end));
            let kind = self
                .kinds
                .get(base.unwrap_or(name))
                .or(self.kinds.get(name));
            if kind.is_some_and(|kind| kind != "gauge") {
                let new = self.value(series);
                assert!(new >= *old, "{series} was {old}, and is {new}");
            }
        }
    }
}
