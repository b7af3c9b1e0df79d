//! The record: what each subject cost when it was looked at last, and whether it still does.

use super::{Counts, callgrind::Tools, subject::Subject};
use chassis::{Context as _, Result};
use serde::{Deserialize, Serialize};
use std::{fs, path::PathBuf};

/// The counts on record, and what they were made with.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    assumes: Assumptions,
    pub(crate) instructions: Counts,
}

/// What has to be the same for counts to be comparable.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Assumptions {
    /// The CPU has AVX2: valgrind shows one and the same to programs on all that have it.
    avx2: bool,
    libc: String,
    rustc: String,
    valgrind: String,
}

/// A count may be so much above or below its record, in percent.
const BAND: f64 = 3.0;
/// Or so many instructions: 3 % of a few are none.
const SLACK: f64 = 2.0;

/// A count beside its record.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Verdict {
    name: String,
    recorded: Option<f64>,
    count: f64,
}

impl Record {
    pub(crate) fn new(tools: &Tools, subjects: &[Subject], counts: &Counts) -> Self {
        let gated = subjects.iter().filter(|subject| subject.is_gated);
        let count = |subject: &Subject| {
            let count = counts.get(&subject.name)?.round();
            Some((subject.name.clone(), count))
        };
        Self {
            assumes: Assumptions::of(tools),
            instructions: gated.filter_map(count).collect(),
        }
    }

    pub(crate) fn read() -> Result<Self> {
        let text = fs::read_to_string(file()).context("can't read the record")?;
        serde_json::from_str(&text).context(format!("{}", file().display()))
    }

    pub(crate) fn write(&self) -> Result<()> {
        let text = serde_json::to_string_pretty(self)? + "\n";
        fs::write(file(), text).context("can't write the record")
    }

    /// What the record was made with, if that is not what is here.
    pub(crate) fn differs_from(&self, tools: &Tools) -> Option<String> {
        self.assumes.difference(&Assumptions::of(tools))
    }

    /// So many percent of what is on record.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "counts are small, and not negative"
    )]
    pub(crate) fn share_of(&self, name: &str, percent: f64) -> u64 {
        let recorded = self.instructions.get(name).copied().unwrap_or_default();
        (recorded * percent / 100.0).ceil() as u64
    }

    pub(crate) fn compare(&self, counts: &Counts) -> Vec<Verdict> {
        let verdict = |(name, count): (&String, &f64)| Verdict {
            name: name.clone(),
            recorded: self.instructions.get(name).copied(),
            count: *count,
        };
        counts.iter().map(verdict).collect()
    }
}

impl Assumptions {
    fn of(tools: &Tools) -> Self {
        // `rustc 1.95.0 (59807616e 2026-04-14)`
        let version = tools.rustc.split_whitespace().nth(1).unwrap_or_default();
        Self {
            avx2: tools.has_avx2,
            libc: tools.libc.clone(),
            rustc: version.to_owned(),
            valgrind: tools.valgrind_version.clone(),
        }
    }

    fn difference(&self, here: &Self) -> Option<String> {
        let avx2 = |has: bool| if has { "AVX2" } else { "no AVX2" }.to_owned();
        let rustc = |version: &str| format!("rustc {version}");
        let pairs = [
            (avx2(self.avx2), avx2(here.avx2)),
            (self.libc.clone(), here.libc.clone()),
            (rustc(&self.rustc), rustc(&here.rustc)),
            (self.valgrind.clone(), here.valgrind.clone()),
        ];
        let different = pairs.iter().filter(|(there, here)| there != here);
        let told: Vec<String> = different
            .map(|(there, here)| format!("{there} (here: {here})"))
            .collect();
        (!told.is_empty()).then(|| told.join(", "))
    }
}

impl Verdict {
    /// How much more it is than on record, in percent.
    fn percent(&self) -> Option<f64> {
        let recorded = self.recorded?;
        Some((self.count - recorded) * 100.0 / recorded.max(1.0))
    }

    pub(crate) fn is_within(&self) -> bool {
        let Some((recorded, percent)) = self.recorded.zip(self.percent()) else {
            return false;
        };
        percent.abs() <= BAND || (self.count - recorded).abs() <= SLACK
    }
}

/// All counts beside their records.
pub(crate) fn table(verdicts: &[Verdict]) -> String {
    let mut table = format!("{:<36}{:>10}{:>10}\n", "instructions", "record", "now");
    for verdict in verdicts {
        let Verdict {
            name,
            recorded,
            count,
        } = verdict;
        let recorded = recorded.map_or("none".to_owned(), |recorded| format!("{recorded:.0}"));
        let percent = verdict.percent();
        let percent = percent.map_or_else(String::new, |percent| format!("{percent:+.1} %"));
        let told = match (verdict.is_within(), verdict.percent()) {
            (true, _) => "",
            (false, Some(percent)) if percent < 0.0 => "  FASTER: put it on record",
            (false, Some(_)) => "  SLOWER",
            (false, None) => "  put it on record",
        };
        table += &format!("{name:<36}{recorded:>10}{count:>10.0}{percent:>9}{told}\n");
    }
    table
}

fn file() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/record.json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(recorded: f64, count: f64) -> Verdict {
        let record = Record {
            instructions: [("a".to_owned(), recorded)].into(),
            ..Record::default()
        };
        record.compare(&[("a".to_owned(), count)].into()).remove(0)
    }

    #[test]
    fn three_percent_are_let_pass_and_more_are_not() {
        assert!(verdict(10_000.0, 10_300.0).is_within());
        assert!(!verdict(10_000.0, 10_301.0).is_within());
        assert!(!verdict(10_000.0, 9_699.0).is_within());
    }

    #[test]
    fn an_improvement_asks_to_be_recorded() {
        let table = table(&[verdict(10_000.0, 9_000.0), verdict(10_000.0, 10_500.0)]);
        assert!(
            table.contains("-10.0 %  FASTER: put it on record"),
            "{table}"
        );
        assert!(table.contains("+5.0 %  SLOWER"), "{table}");
    }

    #[test]
    fn of_a_few_instructions_two_more_are_let_pass() {
        assert!(verdict(11.0, 13.0).is_within());
        assert!(!verdict(11.0, 14.0).is_within());
    }

    #[test]
    fn what_is_not_on_record_does_not_pass() {
        let verdicts = Record::default().compare(&[("a".to_owned(), 1.0)].into());
        assert!(!verdicts[0].is_within());
    }

    #[test]
    fn other_tools_are_named() {
        let record = Assumptions {
            rustc: "1.95.0".to_owned(),
            ..Assumptions::default()
        };
        let here = Assumptions {
            rustc: "1.96.0".to_owned(),
            avx2: true,
            ..Assumptions::default()
        };
        let difference = record.difference(&here).unwrap();
        assert_eq!(
            difference,
            "no AVX2 (here: AVX2), rustc 1.95.0 (here: rustc 1.96.0)"
        );
        assert_eq!(record.difference(&record), None);
    }

    #[test]
    fn five_percent_of_what_is_on_record() {
        let record = Record {
            instructions: [("a".to_owned(), 11_900.0)].into(),
            ..Record::default()
        };
        assert_eq!(record.share_of("a", 5.0), 595);
        assert_eq!(record.share_of("b", 5.0), 0);
    }
}
