//! Files that have become large: numbered, the newest first, and the oldest gone.

use chassis::units;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
};

/// When the next file is begun, and how many old ones are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Rotate {
    /// How large a file may become. `0B`: as large as the disk.
    #[serde(with = "units::Size")]
    pub size: u64,
    /// How many files are kept beside the one that is written: `audit.1.jsonl` is the newest of them.
    #[schemars(range(min = 1, max = 1000))]
    pub keep: u32,
}

impl Default for Rotate {
    fn default() -> Self {
        Self {
            size: 100 << 20,
            keep: 10,
        }
    }
}

impl Rotate {
    /// Whether a file of so many bytes has no room for so many more.
    pub(super) fn is_due(self, len: u64, more: usize) -> bool {
        self.size > 0 && len > 0 && len.saturating_add(more as u64) > self.size
    }

    /// Makes room for a new file at this path.
    pub(super) fn shift(self, path: &Path) -> io::Result<()> {
        // Those that were kept once, and are too many now.
        for number in self.keep.. {
            match fs::remove_file(numbered(path, number)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => break,
                removed => removed?,
            }
        }
        for number in (1..self.keep).rev() {
            let next = numbered(path, number + 1);
            match fs::rename(numbered(path, number), next) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                renamed => renamed?,
            }
        }
        fs::rename(path, numbered(path, 1))
    }
}

/// `audit.jsonl` with a number: `audit.3.jsonl`.
fn numbered(path: &Path, number: u32) -> PathBuf {
    let mut name = OsString::from(path.file_stem().unwrap_or_default());
    name.push(format!(".{number}"));
    if let Some(ending) = path.extension() {
        name.push(".");
        name.push(ending);
    }
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_comes_before_the_ending() {
        for (path, expected) in [
            ("log/audit.jsonl", "log/audit.3.jsonl"),
            ("audit", "audit.3"),
            ("a.b.c", "a.b.3.c"),
        ] {
            assert_eq!(numbered(Path::new(path), 3), Path::new(expected));
        }
    }

    #[test]
    fn a_file_without_room_for_a_line_is_full() {
        let rotate = Rotate { size: 10, keep: 1 };
        assert!(!rotate.is_due(5, 5) && rotate.is_due(5, 6));
        // A line that fits nowhere has a file of its own.
        assert!(!rotate.is_due(0, 11));
        assert!(!Rotate { size: 0, keep: 1 }.is_due(u64::MAX, 1));
    }
}
