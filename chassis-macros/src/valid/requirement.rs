//! What stands in `requires` and `provides`: a name, perhaps with a version.

use super::name::may_be_in_a_name;
use semver::{Version, VersionReq};
use syn::LitStr;

/// `orders`, `cache ^1.2`.
pub(super) fn check_requirement(requirement: &LitStr) -> syn::Result<()> {
    check(requirement, |name, version| {
        match VersionReq::parse(version) {
            Ok(_) => Ok(()),
            Err(error) => Err(format!(
                "`{version}` is not a version requirement ({error}); write it as for Cargo: `{name} ^1.2`"
            )),
        }
    })
}

/// `cache`, `cache 1.3`.
pub(super) fn check_capability(capability: &LitStr) -> syn::Result<()> {
    check(capability, |name, version| {
        match Version::parse(&whole(version)) {
            Ok(_) => Ok(()),
            Err(error) => Err(format!(
                "`{version}` is not a version ({error}); write a plain one: `{name} 1.3`"
            )),
        }
    })
}

/// `1.2.3`.
pub(super) fn check_version(version: &LitStr) -> syn::Result<()> {
    let text = version.value();
    let wrong = |error| {
        let message =
            format!("`{text}` is not a version ({error}); write all three numbers, like `1.2.0`");
        syn::Error::new(version.span(), message)
    };
    Version::parse(&text).map(drop).map_err(wrong)
}

fn check(
    literal: &LitStr,
    version_is_good: impl FnOnce(&str, &str) -> Result<(), String>,
) -> syn::Result<()> {
    let text = literal.value();
    let text = text.trim();
    let (name, version) = text.split_at(text.find(|c| !may_be_in_a_name(c)).unwrap_or(text.len()));
    let result = match (name, version.trim_start()) {
        ("", _) => Err(format!(
            "`{text}` does not begin with a name; write `cache` or `cache ^1.2`"
        )),
        (_, "") => Ok(()),
        (name, version) => version_is_good(name, version),
    };
    result.map_err(|message| syn::Error::new(literal.span(), message))
}

/// Nobody writes `cache 1.3.0`.
fn whole(version: &str) -> String {
    let is_plain = version.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    match version.matches('.').count() {
        0 if is_plain => format!("{version}.0.0"),
        1 if is_plain => format!("{version}.0"),
        _ => version.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{check_capability, check_requirement, check_version};
    use proc_macro2::Span;
    use syn::LitStr;

    fn text(text: &str) -> LitStr {
        LitStr::new(text, Span::call_site())
    }

    #[test]
    fn a_requirement_is_a_name_and_which_versions() {
        for good in [
            "orders",
            "cache ^1.2",
            "chassis ^0.1",
            "cache>=1, <3",
            "eu/orders =1.0.0",
        ] {
            assert!(check_requirement(&text(good)).is_ok(), "{good}");
        }
        for bad in ["", "^1.2", "cache one", "cache ^", "two names"] {
            assert!(check_requirement(&text(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_capability_is_a_name_and_a_version() {
        for good in ["cache", "cache 1", "cache 1.3", "cache 1.3.7-rc.1"] {
            assert!(check_capability(&text(good)).is_ok(), "{good}");
        }
        for bad in ["", "cache x", "cache ^1.3", "cache 1.", "cache 1 2"] {
            assert!(check_capability(&text(bad)).is_err(), "{bad}");
        }
        assert!(check_version(&text("1.2.3")).is_ok() && check_version(&text("1.2")).is_err());
    }
}
