//! What the attributes say.

mod plugin;
mod contribution;
mod value;
mod args;

pub(crate) use self::{
    args::krate_only,
    contribution::{Contribution, Health, Kind, Options, Target},
    plugin::PluginAttr,
};
