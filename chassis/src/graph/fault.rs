//! What can be wrong with one declaration, in words that say what to write instead. Which plugin
//! declares it, and where, the caller adds.

use semver::{Version, VersionReq};

use super::{EdgeKind, Node, requirement::is_too_old};
use crate::{
    error::{Error, code},
    text::{did_you_mean, quoted},
};

pub(super) fn duplicate(first: &Node, second: &Node) -> Error {
    Error::new(
        code::DUPLICATE,
        format!(
            "two plugins are named `{}`: {} and {}",
            first.name, first.origin, second.origin
        ),
    )
    .with_help("give one of them another `name`")
}

pub(super) fn missing<'a>(
    node: &Node,
    text: &str,
    name: &str,
    known: impl Iterator<Item = &'a str>,
) -> Error {
    let help =
        did_you_mean(name, known.filter(|known| **known != *node.name)).unwrap_or_else(|| {
            "no linked crate has it; is one missing in `chassis::link!(..)`?".to_owned()
        });
    Error::new(
        code::MISSING,
        format!(
            "`{}` requires `{text}`, but no plugin has this name or provides it",
            node.name
        ),
    )
    .with_help(help)
}

pub(super) fn ambiguous(node: &Node, text: &str, providers: &[&str]) -> Error {
    let first = providers.first().copied().unwrap_or_default();
    Error::new(
        code::AMBIGUOUS,
        format!(
            "`{}` requires `{text}`, which more than one plugin provides: {}",
            node.name,
            quoted(providers.iter().copied())
        ),
    )
    .with_help(format!(
        "require one of them by name: `requires = [\"{first}\"]`"
    ))
}

pub(super) fn requires_itself(node: &Node, text: &str, kind: EdgeKind) -> Error {
    let message = match kind {
        EdgeKind::Provides => format!("`{}` requires `{text}`, which only it provides", node.name),
        _ => format!("`{}` requires itself", node.name),
    };
    Error::new(code::CYCLE, message).with_help(format!("remove `{text}` from its `requires`"))
}

pub(super) fn orders_itself(node: &Node, kind: EdgeKind) -> Error {
    let (name, word) = (&node.name, kind.word());
    Error::new(code::CYCLE, format!("`{name}` is to come {word} itself"))
        .with_help(format!("remove `{name}` from its `{word}`"))
}

pub(super) fn soft_version(text: &str, name: &str, kind: EdgeKind) -> Error {
    let word = kind.word();
    Error::new(
        code::BAD_VERSION,
        format!("`{word} = [\"{text}\"]` names a version"),
    )
    .with_help(format!(
        "write `{word} = [\"{name}\"]`; versions belong in `requires`"
    ))
}

/// `version` is that of the capability `provided`, or else that of the plugin.
pub(super) fn version(
    node: &Node,
    text: &str,
    wanted: &VersionReq,
    found: &Node,
    provided: Option<&str>,
    version: Option<&Version>,
) -> Error {
    let name = &found.name;
    let has = match (provided, version) {
        (Some(provided), Some(version)) => format!("`{name}` provides `{provided} {version}`"),
        (Some(provided), None) => format!("`{name}` provides `{provided}` without a version"),
        (None, version) => format!("`{name}` is version {}", version.unwrap_or(&found.version)),
    };
    let too_old = version.is_none_or(|version| is_too_old(version, wanted));
    Error::new(
        code::VERSION,
        format!("`{}` requires `{text}`, but {has}", node.name),
    )
    .with_help(update(
        too_old,
        &format!("`{name}` ({})", found.origin),
        node,
        wanted,
    ))
}

pub(super) fn host_version(node: &Node, text: &str, wanted: &VersionReq, host: &Version) -> Error {
    let message = format!(
        "`{}` requires `{text}`, but this is chassis {host}",
        node.name
    );
    let too_old = is_too_old(host, wanted);
    Error::new(code::VERSION, message).with_help(update(
        too_old,
        "the dependency on `chassis`",
        node,
        wanted,
    ))
}

fn update(too_old: bool, found: &str, node: &Node, wanted: &VersionReq) -> String {
    if too_old {
        format!("update {found} to a version that is `{wanted}`")
    } else {
        format!(
            "update `{}` ({}), which asks for the older `{wanted}`",
            node.name, node.origin
        )
    }
}
