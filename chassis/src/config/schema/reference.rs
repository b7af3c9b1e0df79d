//! `$ref` within one document.

use percent_encoding::percent_decode_str;
use serde_json::Value;

/// What `#/$defs/Name` names. `None` if it is nothing, or in another document: nothing is fetched.
pub(in super::super) fn resolve<'s>(root: &'s Value, reference: &str) -> Option<&'s Value> {
    let pointer = reference.strip_prefix('#')?;
    // Generic types have names with brackets, which are escaped.
    let pointer = percent_decode_str(pointer).decode_utf8().ok()?;
    root.pointer(&pointer)
}
