//! The names of groups of checks.

use super::wish::is_name;

/// The words that mean something else in the same place.
const RESERVED: &[&str] = &["live", "ready", "startup", "all"];

/// Whether a group may have this name; why not.
pub(crate) fn check_group(name: &str) -> Result<(), String> {
    if RESERVED.contains(&name) {
        return Err(format!("`{name}` means something else there"));
    }
    match is_name(name) {
        true => Ok(()),
        false => Err("a name has up to 64 letters, digits, `-` and `_`".to_owned()),
    }
}
