//! What is written in `requires` and `provides`, taken apart.

use semver::{BuildMetadata, Comparator, Op, Version, VersionReq};

use crate::error::{Error, Result, code};

/// `billing ^1.2`: a name, and which versions of it will do.
#[derive(Debug)]
pub(super) struct Requirement<'a> {
    pub(super) name: &'a str,
    /// `None`: any version, pre-releases too. (`*` would refuse those.)
    pub(super) version: Option<VersionReq>,
}

impl<'a> Requirement<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self> {
        let (name, rest) = split(text);
        if name.is_empty() {
            return Err(Error::new(
                code::BAD_NAME,
                format!("`{text}` does not begin with a name"),
            )
            .with_help("write a name, or a name and a version: `billing ^1.2`"));
        }
        let version = match rest {
            "" => None,
            rest => Some(VersionReq::parse(rest).map_err(|error| {
                Error::new(
                    code::BAD_VERSION,
                    format!("`{rest}` in `{text}` is not a version requirement: {error}"),
                )
                .with_help(format!("write it as for Cargo: `{name} ^1.2`"))
            })?),
        };
        Ok(Self { name, version })
    }
}

/// `cache 1.3`: a capability, and the version of it.
#[derive(Debug)]
pub(super) struct Capability<'a> {
    pub(super) name: &'a str,
    pub(super) version: Option<Version>,
}

impl<'a> Capability<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self> {
        let (name, rest) = split(text);
        if name.is_empty() {
            return Err(Error::new(
                code::BAD_NAME,
                format!("`{text}` does not begin with a name"),
            )
            .with_help("write a name, or a name and a version: `cache 1.3`"));
        }
        let version = match rest {
            "" => None,
            rest => Some(parse_version(rest).map_err(|error| {
                Error::new(
                    code::BAD_VERSION,
                    format!("`{rest}` in `{text}` is not a version: {error}"),
                )
                .with_help(format!("write a plain version: `{name} 1.3`"))
            })?),
        };
        Ok(Self { name, version })
    }
}

/// Whether `version` is below what the requirement asks for; else it is above. It decides which of
/// two plugins to update.
pub(super) fn is_too_old(version: &Version, requirement: &VersionReq) -> bool {
    requirement.comparators.iter().any(|comparator| {
        // `<2` and `<=2` are upper bounds; all others have a lower one.
        !matches!(comparator.op, Op::Less | Op::LessEq) && *version < lowest(comparator)
    })
}

fn lowest(comparator: &Comparator) -> Version {
    Version {
        major: comparator.major,
        minor: comparator.minor.unwrap_or(0),
        patch: comparator.patch.unwrap_or(0),
        pre: comparator.pre.clone(),
        build: BuildMetadata::EMPTY,
    }
}

/// A version of which the last parts may be left out, as nobody writes `cache 1.3.0`.
fn parse_version(text: &str) -> Result<Version, semver::Error> {
    let whole = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    if !whole {
        return Version::parse(text);
    }
    Version::parse(&match text.matches('.').count() {
        0 => format!("{text}.0.0"),
        1 => format!("{text}.0"),
        _ => text.to_owned(),
    })
}

/// The name ends where something begins that no name can have in it, so that `billing^1.2` without
/// a space is not taken for a name that nobody has.
fn split(text: &str) -> (&str, &str) {
    let text = text.trim();
    let end = text
        .find(|c: char| !(c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | ':')))
        .unwrap_or(text.len());
    (&text[..end], text[end..].trim_start())
}
