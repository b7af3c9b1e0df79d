//! Examples, and every error by its message.

use semver::Version;

use super::{EdgeKind, Node, Order, order};
use crate::error::{Error, code};

mod properties;

fn node(name: &str) -> Node {
    Node {
        name: name.into(),
        version: Version::new(1, 4, 0),
        requires: Vec::new(),
        after: Vec::new(),
        before: Vec::new(),
        provides: Vec::new(),
        origin: format!("{name}/src/lib.rs:12").into(),
    }
}

impl Node {
    fn requires(mut self, texts: &[&str]) -> Self {
        self.requires = texts.iter().map(ToString::to_string).collect();
        self
    }

    fn after(mut self, texts: &[&str]) -> Self {
        self.after = texts.iter().map(ToString::to_string).collect();
        self
    }

    fn before(mut self, texts: &[&str]) -> Self {
        self.before = texts.iter().map(ToString::to_string).collect();
        self
    }

    fn provides(mut self, texts: &[&str]) -> Self {
        self.provides = texts.iter().map(ToString::to_string).collect();
        self
    }

    fn version(mut self, version: &str) -> Self {
        self.version = version.parse().unwrap();
        self
    }
}

fn run(nodes: &[Node]) -> Result<Order, Vec<Error>> {
    order(nodes, &Version::new(0, 1, 0))
}

fn names(nodes: &[Node]) -> Vec<&str> {
    run(nodes)
        .unwrap()
        .sequence
        .into_iter()
        .map(|node| &*nodes[node].name)
        .collect()
}

/// The only error there is.
fn error(nodes: &[Node]) -> Error {
    let mut errors = run(nodes).unwrap_err();
    assert_eq!(errors.len(), 1, "{errors:#?}");
    errors.remove(0)
}

#[test]
fn nothing_is_in_order() {
    assert_eq!(names(&[]), Vec::<&str>::new());
}

#[test]
fn ties_go_by_name() {
    assert_eq!(names(&[node("c"), node("a"), node("b")]), ["a", "b", "c"]);
    // `a` waits for `z`, and is still before `b` as soon as it may be.
    let nodes = [
        node("b").after(&["z"]),
        node("a").requires(&["z"]),
        node("z"),
    ];
    assert_eq!(names(&nodes), ["z", "a", "b"]);
}

#[test]
fn hard_and_soft_edges_order() {
    let nodes = [
        node("orders").requires(&["billing ^1.2", "chassis ^0.1"]),
        node("billing").after(&["tracing", "absent"]),
        node("tracing"),
        node("zero").before(&["tracing", "also-absent"]),
    ];
    assert_eq!(names(&nodes), ["zero", "tracing", "billing", "orders"]);
    let order = run(&nodes).unwrap();
    assert_eq!(order.requires[0], [1]);
    assert_eq!(order.waits_for(1), [2]);
    // What only orders is no requirement.
    assert_eq!(order.transitive(0).into_iter().collect::<Vec<_>>(), [1]);
}

#[test]
fn requirements_are_transitive() {
    let nodes = [
        node("a").requires(&["b", "c"]),
        node("b").requires(&["d"]),
        node("c").requires(&["d"]),
        node("d").after(&["e"]),
        node("e"),
    ];
    let order = run(&nodes).unwrap();
    assert_eq!(
        order.transitive(0).into_iter().collect::<Vec<_>>(),
        [1, 2, 3]
    );
    assert_eq!(order.transitive(4).len(), 0);
}

#[test]
fn a_capability_stands_for_its_provider() {
    let nodes = [
        node("orders").requires(&["cache ^1.2"]).after(&["log"]),
        node("redis").provides(&["cache 1.3"]),
        node("file-log").provides(&["log"]),
        node("net-log").provides(&["log"]),
    ];
    let order = run(&nodes).unwrap();
    assert_eq!(order.requires[0], [1]);
    // `after` means every provider: there is nothing to choose.
    assert_eq!(order.waits_for(0), [1, 2, 3]);
    let edge = order
        .edges
        .iter()
        .find(|edge| edge.kind == EdgeKind::Provides)
        .unwrap();
    assert_eq!(
        edge.describe(&nodes),
        "`orders` requires `cache ^1.2`, which `redis` provides"
    );
}

#[test]
fn a_name_wins_over_capabilities() {
    let nodes = [
        node("cache"),
        node("memcached").provides(&["cache"]),
        node("redis").provides(&["cache"]),
        node("user").requires(&["cache ^1"]),
    ];
    assert_eq!(run(&nodes).unwrap().requires[3], [0]);
}

#[test]
fn a_wrapper_requires_what_it_provides_from_another() {
    let nodes = [
        node("layered").requires(&["cache"]).provides(&["cache"]),
        node("redis").provides(&["cache"]),
    ];
    assert_eq!(names(&nodes), ["redis", "layered"]);
}

#[test]
fn a_plugin_may_version_its_own_name() {
    let nodes = [
        node("cache").provides(&["cache 3"]),
        node("user").requires(&["cache ^3"]),
    ];
    assert_eq!(names(&nodes), ["cache", "user"]);
}

#[test]
fn missing_names_the_nearest() {
    let error = error(&[node("orders").requires(&["biling ^1"]), node("billing")]);
    assert_eq!(error.code(), code::MISSING);
    assert_eq!(
        error.report(),
        "plugin `orders`: `orders` requires `biling ^1`, but no plugin has this name or provides it\n  \
         at: orders/src/lib.rs:12\n  help: did you mean `billing`?"
    );
}

#[test]
fn missing_without_a_near_name_says_how_to_link() {
    let error = error(&[node("orders").requires(&["request-tracing"])]);
    assert_eq!(
        error.help(),
        Some("no linked crate has it; is one missing in `chassis::link!(..)`?")
    );
}

#[test]
fn a_version_that_is_too_old_or_too_new() {
    let old = error(&[node("orders").requires(&["billing ^2"]), node("billing")]);
    assert_eq!(old.code(), code::VERSION);
    assert_eq!(
        old.message(),
        "`orders` requires `billing ^2`, but `billing` is version 1.4.0"
    );
    assert_eq!(
        old.help(),
        Some("update `billing` (billing/src/lib.rs:12) to a version that is `^2`")
    );
    let new = error(&[
        node("orders").requires(&["billing ^1"]),
        node("billing").version("2.0.0"),
    ]);
    assert_eq!(
        new.help(),
        Some("update `orders` (orders/src/lib.rs:12), which asks for the older `^1`")
    );
}

#[test]
fn a_version_of_a_capability() {
    let old = error(&[
        node("orders").requires(&["cache ^2"]),
        node("redis").provides(&["cache 1.3"]),
    ]);
    assert_eq!(
        old.message(),
        "`orders` requires `cache ^2`, but `redis` provides `cache 1.3.0`"
    );
    let none = error(&[
        node("orders").requires(&["cache ^2"]),
        node("redis").provides(&["cache"]),
    ]);
    assert_eq!(
        none.message(),
        "`orders` requires `cache ^2`, but `redis` provides `cache` without a version"
    );
}

#[test]
fn a_version_of_the_host() {
    let error = error(&[node("orders").requires(&["chassis ^0.2"])]);
    assert_eq!(error.code(), code::VERSION);
    assert_eq!(
        error.message(),
        "`orders` requires `chassis ^0.2`, but this is chassis 0.1.0"
    );
    assert_eq!(
        error.help(),
        Some("update the dependency on `chassis` to a version that is `^0.2`")
    );
}

#[test]
fn two_providers_are_ambiguous() {
    let error = error(&[
        node("redis").provides(&["cache"]),
        node("memcached").provides(&["cache 1.0"]),
        node("orders").requires(&["cache"]),
    ]);
    assert_eq!(error.code(), code::AMBIGUOUS);
    assert_eq!(
        error.message(),
        "`orders` requires `cache`, which more than one plugin provides: `memcached`, `redis`"
    );
    assert_eq!(
        error.help(),
        Some("require one of them by name: `requires = [\"memcached\"]`")
    );
}

#[test]
fn a_cycle_is_walked() {
    let error = error(&[
        node("orders").requires(&["billing"]),
        node("billing").requires(&["orders"]),
        node("innocent").requires(&["orders"]),
    ]);
    assert_eq!(error.code(), code::CYCLE);
    assert_eq!(
        error.message(),
        "plugins depend on each other in a cycle: `billing` -> `orders` -> `billing`\n\
         `billing` requires `orders` (billing/src/lib.rs:12)\n\
         `orders` requires `billing` (orders/src/lib.rs:12)"
    );
}

#[test]
fn a_cycle_names_every_kind_of_edge() {
    let error = error(&[
        node("a").requires(&["cache"]),
        node("b").provides(&["cache"]).after(&["c"]),
        node("c"),
        node("d").before(&["c"]).requires(&["a"]),
    ]);
    assert_eq!(
        error.message(),
        "plugins depend on each other in a cycle: `a` -> `b` -> `c` -> `d` -> `a`\n\
         `a` requires `cache`, which `b` provides (a/src/lib.rs:12)\n\
         `b` comes after `c` (b/src/lib.rs:12)\n\
         `d` comes before `c` (d/src/lib.rs:12)\n\
         `d` requires `a` (d/src/lib.rs:12)"
    );
    assert_eq!(
        error.help(),
        Some("remove an edge that only orders: `after = [\"c\"]` of `b`")
    );
}

#[test]
fn the_smallest_cycles_are_told_and_share_no_plugin() {
    let errors = run(&[
        node("a").requires(&["b"]),
        node("b").requires(&["c"]),
        node("c").requires(&["a", "d"]),
        node("d").requires(&["c"]),
        node("y").requires(&["x"]),
        node("x").requires(&["y"]),
    ])
    .unwrap_err();
    let first_lines: Vec<&str> = errors
        .iter()
        .map(|error| error.message().lines().next().unwrap())
        .collect();
    assert_eq!(
        first_lines,
        [
            "plugins depend on each other in a cycle: `c` -> `d` -> `c`",
            "plugins depend on each other in a cycle: `x` -> `y` -> `x`",
        ]
    );
}

#[test]
fn nobody_requires_itself() {
    let by_name = error(&[node("orders").requires(&["orders"])]);
    assert_eq!(
        (by_name.code(), by_name.message()),
        (code::CYCLE, "`orders` requires itself")
    );
    let by_capability = error(&[node("redis").requires(&["cache"]).provides(&["cache"])]);
    assert_eq!(
        by_capability.message(),
        "`redis` requires `cache`, which only it provides"
    );
    let soft = error(&[node("orders").after(&["orders"])]);
    assert_eq!(soft.message(), "`orders` is to come after itself");
}

#[test]
fn bad_requirements() {
    let version = error(&[node("a").requires(&["b ^^1"]), node("b")]);
    assert_eq!(version.code(), code::BAD_VERSION);
    assert!(
        version
            .message()
            .starts_with("`^^1` in `b ^^1` is not a version requirement: ")
    );
    assert_eq!(version.help(), Some("write it as for Cargo: `b ^1.2`"));

    let provided = error(&[node("a").provides(&["b ^1"])]);
    assert_eq!(provided.code(), code::BAD_VERSION);
    assert!(
        provided
            .message()
            .starts_with("`^1` in `b ^1` is not a version: ")
    );

    let soft = error(&[node("a").after(&["b ^1"])]);
    assert_eq!(soft.code(), code::BAD_VERSION);
    assert_eq!(soft.message(), "`after = [\"b ^1\"]` names a version");

    let empty = error(&[node("a").requires(&[" "])]);
    assert_eq!(empty.code(), code::BAD_NAME);
    // No space is needed before the operator.
    assert_eq!(
        names(&[node("a").requires(&["b>=1.2,<2"]), node("b")]),
        ["b", "a"]
    );
}

#[test]
fn duplicate_names() {
    let mut other = node("orders");
    other.origin = "shop/src/lib.rs:3".into();
    let error = error(&[other, node("orders")]);
    assert_eq!(error.code(), code::DUPLICATE);
    assert_eq!(
        error.message(),
        "two plugins are named `orders`: orders/src/lib.rs:12 and shop/src/lib.rs:3"
    );
}

#[test]
fn all_errors_are_gathered() {
    let errors = run(&[
        node("a").requires(&["absent", "b ^9", "c"]),
        node("b").requires(&["c ^"]),
        node("c").requires(&["a"]),
    ])
    .unwrap_err();
    let codes: Vec<&str> = errors.iter().map(|error| error.code().name()).collect();
    assert_eq!(
        codes,
        [
            "plugin.missing",
            "plugin.version",
            "plugin.bad_version",
            "plugin.cycle"
        ]
    );
}

#[test]
fn diagrams_are_escaped_and_stable() {
    let mut nodes = vec![
        node("b").requires(&["a\"<x>"]).after(&["c"]),
        node("a\"<x>"),
        node("c"),
    ];
    // A quote ends a name in a requirement, so this plugin is reached by `before` only.
    nodes[0].requires.clear();
    nodes[1].before = vec!["b".to_owned()];
    let order = run(&nodes).unwrap();
    assert_eq!(
        order.to_mermaid(&nodes),
        "flowchart TD\n    n0[\"a#quot;#lt;x#gt; 1.4.0\"]\n    n1[\"c 1.4.0\"]\n    n2[\"b 1.4.0\"]\n    \
         n0 -.->|\"before\"| n2\n    n2 -.->|\"after\"| n1\n"
    );
    assert_eq!(
        order.to_dot(&nodes),
        "digraph plugins {\n    node [shape=box];\n    n0 [label=\"a\\\"<x> 1.4.0\"];\n    \
         n1 [label=\"c 1.4.0\"];\n    n2 [label=\"b 1.4.0\"];\n    \
         n0 -> n2 [label=\"before\", style=dashed];\n    n2 -> n1 [label=\"after\", style=dashed];\n}\n"
    );
    let json = order.to_json(&nodes);
    nodes.reverse();
    assert_eq!(json, run(&nodes).unwrap().to_json(&nodes));
    assert_eq!(json["nodes"][2]["name"], "b");
    assert_eq!(json["edges"][1]["from"], "c");
}
