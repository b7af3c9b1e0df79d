//! A reload of a thousand plugins, each with a route, of which one is built anew.

use super::Meter;
use crate::Hello;
use chassis::{ChassisBuilder, PluginInfo, Registration, prelude::*};

/// One of many.
struct Page;

impl Plugin for Page {
    type Config = NoConfig;

    async fn init(_: NoConfig, cx: &mut PluginContext) -> Result<Self> {
        let path = format!("/{}", cx.name());
        cx.get(&path, async || Hello);
        Ok(Self)
    }
}

/// A service of so many plugins, each of which answers at a path that is its name: `/plugin-7`. Most require two others.
///
/// # Errors
///
/// None that depends on the number.
pub fn pages(plugins: usize) -> Result<ChassisBuilder> {
    let mut builder = Chassis::builder()
        .without_linked_plugins()
        .set("server.listen", "127.0.0.1:0")
        .set("management.listen", "127.0.0.1:0");
    for plugin in 0..plugins {
        let mut required = vec![plugin / 2, plugin / 3];
        required.dedup();
        let required = required.into_iter().filter(|&other| other < plugin);
        let info = PluginInfo::new(format!("plugin-{plugin}"), "1.0.0")?
            .requires(required.map(|other| format!("plugin-{other}")));
        builder = builder.register(Registration::new::<Page>(info));
    }
    Ok(builder)
}

pub(super) async fn run(plugins: usize, times: u64, meter: &Meter) -> Result<()> {
    let running = pages(plugins)?.start().await?;
    let handle = running.handle();
    // Nobody requires the last one.
    let last = format!("plugin-{}", plugins - 1);
    handle.reload_plugin(&last).await?;
    (meter.begin)();
    for _ in 0..times {
        handle.reload_plugin(&last).await?;
    }
    (meter.end)();
    running.stop().await;
    Ok(())
}
