//! What the attributes leave behind at link time, and how it becomes plugins.

use super::{Plugin, Registration};
use crate::{
    contributions::{Contributions, Place},
    error::Result,
    info::{PluginInfo, Stage},
};
use std::{
    any::{Any, TypeId},
    sync::Arc,
};

/// What `#[plugin]` says about a type, as constants.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct StaticInfo {
    pub name: &'static str,
    pub version: &'static str,
    pub description: &'static str,
    pub authors: &'static str,
    pub license: &'static str,
    pub homepage: &'static str,
    pub repository: &'static str,
    pub requires: &'static [&'static str],
    pub after: &'static [&'static str],
    pub before: &'static [&'static str],
    pub provides: &'static [&'static str],
    pub exclusive: &'static [&'static str],
    pub tags: &'static [&'static str],
    pub required: bool,
    pub bootstrap: bool,
    pub krate: &'static str,
    pub module: &'static str,
    pub file: &'static str,
    pub line: u32,
}

/// A type (or the shadow of a function) with `#[plugin]` on it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a plugin",
    label = "this type has no `#[plugin]`",
    note = "put `#[plugin]` on the struct, and write `impl Plugin for {Self}`"
)]
pub trait LinkedPlugin: Plugin {
    #[doc(hidden)]
    const INFO: StaticInfo;
}

/// A plugin found at link time.
#[doc(hidden)]
#[derive(Debug)]
pub struct Linked(pub fn() -> Result<Registration>);

inventory::collect!(Linked);

/// The registration of a type with `#[plugin]` on it.
#[doc(hidden)]
pub fn registration<P: LinkedPlugin>() -> Result<Registration> {
    let own = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
    let of = P::INFO;
    let mut info = PluginInfo::new(of.name, of.version)?;
    info.description = of.description.to_owned();
    info.authors = of
        .authors
        .split(':')
        .filter(|author| !author.is_empty())
        .map(str::to_owned)
        .collect();
    info.license = of.license.to_owned();
    info.homepage = of.homepage.to_owned();
    info.repository = of.repository.to_owned();
    info.requires = own(of.requires);
    info.after = own(of.after);
    info.before = own(of.before);
    info.provides = own(of.provides);
    info.exclusive = own(of.exclusive);
    info.tags = own(of.tags);
    info.required = of.required;
    info.stage = if of.bootstrap {
        Stage::Bootstrap
    } else {
        Stage::Service
    };
    info.origin = format!("crate {} ({}:{})", of.krate, of.file, of.line).into();
    info.krate = of.module.split("::").next().unwrap_or_default().to_owned();
    Ok(Registration::new::<P>(info))
}

/// A `#[contributes]` block found at link time.
#[doc(hidden)]
#[derive(Debug)]
pub struct Block {
    pub of: fn() -> TypeId,
    pub file: &'static str,
    pub line: u32,
    pub wire: fn(&Arc<dyn Any + Send + Sync>, &mut Contributions),
}

inventory::collect!(Block);

impl Contributions {
    /// Wires every `#[contributes]` block of the type, in the order of their places in the source.
    pub fn blocks<P: Plugin>(&mut self, plugin: &Arc<P>) {
        let mut blocks: Vec<&Block> = inventory::iter::<Block>
            .into_iter()
            .filter(|block| (block.of)() == TypeId::of::<P>())
            .collect();
        // Never by link order.
        blocks.sort_by_key(|block| (block.file, block.line));
        let any: Arc<dyn Any + Send + Sync> = Arc::clone(plugin) as _;
        for block in blocks {
            (block.wire)(&any, self);
        }
    }
}

/// A crate named in `chassis::link!`.
#[doc(hidden)]
#[derive(Debug)]
pub struct LinkedCrate {
    pub krate: &'static str,
    pub place: Place,
}

inventory::collect!(LinkedCrate);
