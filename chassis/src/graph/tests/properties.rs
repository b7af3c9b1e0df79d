//! What holds for every graph, with petgraph as an oracle.

use std::sync::Arc;

use petgraph::{algo::is_cyclic_directed, graph::DiGraph};
use proptest::{collection::vec, prelude::*, sample::subsequence};

use super::{node, run};
use crate::{
    error::{Error, code},
    graph::Node,
};

/// Nodes `p0` .. with edges of all kinds to any other; `free` says whether cycles may come of it.
fn graphs(free: bool) -> impl Strategy<Value = Vec<Node>> {
    (1_usize..14).prop_flat_map(move |count| {
        let all: Vec<usize> = (0..count).collect();
        vec((subsequence(all, 0..=count.min(3)), 0..4_u8), count).prop_map(move |rows| {
            let mut nodes: Vec<Node> = (0..count).map(|i| node(&format!("p{i}"))).collect();
            for (i, (others, kind)) in rows.into_iter().enumerate() {
                for other in others
                    .into_iter()
                    .filter(|&other| if free { other != i } else { other < i })
                {
                    let name = format!("p{other}");
                    match kind {
                        0 => nodes[i].requires.push(name),
                        1 => nodes[i].after.push(name),
                        2 => nodes[other].before.push(format!("p{i}")),
                        _ => {
                            nodes[other].provides.push(format!("c{other} 1.2"));
                            nodes[i].requires.push(format!("c{other} ^1"));
                        }
                    }
                }
            }
            nodes
        })
    })
}

/// What must come before what, worked out a second time in the plainest way.
fn plain_edges(nodes: &[Node]) -> Vec<(usize, usize)> {
    let index = |text: &str| {
        let number = text.split(' ').next().unwrap()[1..]
            .parse::<usize>()
            .unwrap();
        nodes
            .iter()
            .position(|node| *node.name == *format!("p{number}"))
            .unwrap()
    };
    let mut edges = Vec::new();
    for (i, node) in nodes.iter().enumerate() {
        edges.extend(
            node.requires
                .iter()
                .chain(&node.after)
                .map(|text| (index(text), i)),
        );
        edges.extend(node.before.iter().map(|text| (i, index(text))));
    }
    edges
}

proptest! {
    #[test]
    fn the_order_respects_every_edge(nodes in graphs(false).prop_shuffle()) {
        let order = run(&nodes).unwrap();
        let mut position = vec![usize::MAX; nodes.len()];
        for (at, &node) in order.sequence.iter().enumerate() {
            position[node] = at;
        }
        prop_assert!(!position.contains(&usize::MAX));
        for (first, then) in plain_edges(&nodes) {
            prop_assert!(position[first] < position[then]);
        }
        // Ties: whoever comes next has the smallest name of all that could.
        for (at, &node) in order.sequence.iter().enumerate() {
            for &later in &order.sequence[at + 1..] {
                let could = order.waits_for(later).iter().all(|&before| position[before] < at);
                prop_assert!(!could || nodes[node].name < nodes[later].name);
            }
        }
    }

    #[test]
    fn the_order_of_the_input_is_irrelevant(
        (nodes, shuffled) in graphs(true).prop_flat_map(|nodes| (Just(nodes.clone()), Just(nodes).prop_shuffle()))
    ) {
        let told = |nodes: &[Node]| match run(nodes) {
            Ok(order) => {
                let names: Vec<Arc<str>> =
                    order.sequence.iter().map(|&node| nodes[node].name.clone()).collect();
                format!("{names:?}\n{}\n{}", order.to_dot(nodes), order.to_mermaid(nodes))
            }
            Err(errors) => errors.iter().map(Error::report).collect::<Vec<_>>().join("\n"),
        };
        prop_assert_eq!(told(&nodes), told(&shuffled));
    }

    #[test]
    fn cycles_are_found_where_petgraph_finds_them(nodes in graphs(true)) {
        let mut oracle = DiGraph::<(), ()>::new();
        let ids: Vec<_> = nodes.iter().map(|_| oracle.add_node(())).collect();
        for (first, then) in plain_edges(&nodes) {
            oracle.add_edge(ids[first], ids[then], ());
        }
        match run(&nodes) {
            Ok(_) => prop_assert!(!is_cyclic_directed(&oracle)),
            Err(errors) => {
                prop_assert!(is_cyclic_directed(&oracle));
                prop_assert!(errors.iter().all(|error| error.code() == code::CYCLE));
            }
        }
    }
}

/// A guard against anything quadratic; the figure itself (about 1 ms in release) is for benches.
#[test]
fn a_thousand_plugins() {
    let nodes: Vec<Node> = (0..1000_usize)
        .map(|i| {
            let mut node = node(&format!("p{i:04}"));
            let earlier = (1..=5_usize).filter_map(|back| i.checked_sub(back * back));
            node.requires = earlier.map(|other| format!("p{other:04} ^1")).collect();
            node
        })
        .rev()
        .collect();
    let started = std::time::Instant::now();
    let order = run(&nodes).unwrap();
    let took = started.elapsed();
    assert_eq!(&*nodes[order.sequence[999]].name, "p0999");
    assert!(took.as_millis() < 1000, "{took:?}");
    println!(
        "ordered 1000 plugins, {} edges, in {took:?}",
        order.edges.len()
    );
}
