//! What ordering 1,000 plugins costs, beside petgraph's topological sort of the same graph.
//!
//! ```sh
//! cargo bench -p chassis --features testing --bench order
//! ```
//!
//! petgraph sorts numbers; ours reads requirements, checks versions, and breaks ties by name. So the ratio says what that
//! costs, and the time whether anybody will notice it at start.
#![forbid(unsafe_code)]

use chassis::{PluginInfo, testing};
use petgraph::{algo::toposort, graph::DiGraph};
use std::{
    hint::black_box,
    time::{Duration, Instant},
};

const PLUGINS: usize = 1_000;
const RUNS: usize = 50;

/// Five requirements each, at most, on plugins before it: some 5,000 edges.
fn requires(plugin: usize) -> impl Iterator<Item = usize> {
    (1..=5).filter_map(move |step| plugin.checked_sub(step * step * 3 + 1))
}

/// The fastest of some runs: what disturbs can only make it slower.
fn fastest(mut run: impl FnMut()) -> Duration {
    let once = |_| {
        let since = Instant::now();
        run();
        since.elapsed()
    };
    (0..RUNS).map(once).min().unwrap_or_default()
}

fn main() {
    let name = |plugin: usize| format!("plugin-{plugin}");
    let plugins: Vec<PluginInfo> = (0..PLUGINS)
        .map(|plugin| {
            let info = PluginInfo::new(name(plugin), "1.2.0").expect("the name is valid");
            info.requires(requires(plugin).map(|other| format!("{} ^1.1", name(other))))
        })
        .collect();
    let mut graph = DiGraph::<(), ()>::new();
    let nodes: Vec<_> = (0..PLUGINS).map(|_| graph.add_node(())).collect();
    for plugin in 0..PLUGINS {
        graph.extend_with_edges(requires(plugin).map(|other| (nodes[other], nodes[plugin])));
    }

    let ours = fastest(|| drop(black_box(testing::order(black_box(&plugins)))));
    let theirs = fastest(|| drop(black_box(toposort(black_box(&graph), None))));
    let ratio = ours.as_secs_f64() / theirs.as_secs_f64();
    println!("{PLUGINS} plugins, {} requirements", graph.edge_count());
    println!("chassis   {ours:?}");
    println!("petgraph  {theirs:?}");
    println!("ratio     {ratio:.1}");
}
