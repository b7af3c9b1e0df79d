//! What is wrong: all of it, each mistake at its token.

mod plugin;
mod block;
mod method;
mod name;
mod requirement;
mod topic;
mod path;

pub(crate) use self::{block::check_block, name::kebab, plugin::check_plugin};
