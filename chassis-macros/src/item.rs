//! What the attributes stand on.

mod plugin;
mod block;
mod point;
mod docs;

pub(crate) use self::{
    block::{Block, Method},
    plugin::{Form, PluginItem},
    point::PointItem,
};
