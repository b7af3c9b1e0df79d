//! What we want to cost at most.

use super::{report::Found, start::ORDERS, subject::POINTS};

/// A goal, and what came of it.
#[derive(Clone, Debug)]
pub(crate) struct Goal {
    pub(crate) what: String,
    pub(crate) limit: f64,
    pub(crate) found: f64,
}

impl Goal {
    pub(crate) fn is_met(&self) -> bool {
        self.found <= self.limit
    }
}

/// All goals whose subjects were measured.
pub(crate) fn all(found: &Found) -> Vec<Goal> {
    let count = |name: &str| found.counts.get(name).copied();
    let allocations = |name: &str| found.allocations.get(name).copied();
    let mut goals = Vec::new();
    let mut goal = |what: &str, limit: Option<f64>, found: Option<f64>| {
        if let Some((limit, found)) = limit.zip(found) {
            let what = what.to_owned();
            goals.push(Goal { what, limit, found });
        }
    };
    // What each of `of` pieces costs, above none of them.
    let each = |family: &str, of: u32| {
        let some = count(&format!("{family}/{of}"))?;
        Some((some - count(&format!("{family}/0"))?) / f64::from(of))
    };

    let (axum, chassis) = (count("hello/axum"), count("hello/chassis"));
    goal("hello, shipped defaults", Some(11_500.0), chassis);
    goal(
        "hello, log off",
        Some(10_000.0),
        count("hello/chassis/quiet"),
    );
    goal(
        "hello, ten pairs of hooks, below bare axum with none",
        axum,
        count("hello/chassis/pairs/10"),
    );
    let pair = count("hello/chassis/pairs/20").zip(chassis);
    goal(
        "a pair of hooks",
        Some(100.0),
        pair.map(|(some, none)| (some - none) / 20.0),
    );
    goal(
        "hello with a path parameter, below axum's",
        count("hello/axum/parameter"),
        count("hello/chassis/parameter"),
    );
    let parameter = |server: &str| {
        let with = count(&format!("hello/{server}/parameter"))?;
        Some(with - count(&format!("hello/{server}"))?)
    };
    goal(
        "the path parameter alone, below axum's",
        parameter("axum"),
        parameter("chassis"),
    );

    let write = each("middleware/handler/header", 10);
    goal(
        "a hook that writes a header, 1.25 x the header",
        write.map(|write| write * 1.25),
        each("middleware/hooks/header", 10),
    );
    goal(
        "an around",
        Some(1_000.0),
        each("middleware/around/noop", 10),
    );
    let made = allocations("middleware/hooks/noop/10").zip(allocations("middleware/hooks/noop/0"));
    goal(
        "allocations of ten pairs of hooks",
        Some(0.0),
        made.map(|(some, none)| (some - none).round()),
    );
    // Linear: the last ten cost what the first ten cost.
    let twenty = count("middleware/hooks/noop/20").zip(count("middleware/hooks/noop/10"));
    goal(
        "pairs of hooks 11 to 20, 1.1 x those before",
        each("middleware/hooks/noop", 10).map(|first| first * 11.0),
        twenty.map(|(twenty, ten)| twenty - ten),
    );

    let observed = count("observed/all").zip(count("observed/nothing"));
    goal(
        "metrics, trace and span of a request, all of them",
        Some(1_500.0),
        observed.map(|(all, nothing)| all - nothing),
    );

    // 5 ns are some 20 instructions, and so on.
    let nothing = count("points/nothing/0").unwrap_or_default();
    for point in POINTS {
        let empty = count(&format!("points/{point}/0")).map(|empty| empty - nothing);
        // Where nobody can answer, a call is an error.
        if point != "call" {
            goal(&format!("an empty point, {point}"), Some(20.0), empty);
        }
        let limit = if point == "filter-sync" { 40.0 } else { 800.0 };
        let [one, ten] = [1, 10].map(|of| count(&format!("points/{point}/{of}")));
        let handler = ten.zip(one).map(|(ten, one)| (ten - one) / 9.0);
        goal(&format!("a handler, {point}"), Some(limit), handler);
    }

    let nanos = |what: &str| found.generation.get(what)?.as_f64();
    goal(
        "an event that nobody wants, in ns",
        Some(20.0),
        nanos("unheard/1"),
    );
    goal(
        "to enter and leave a generation, in ns",
        Some(60.0),
        nanos("enter/1"),
    );
    goal(
        "the same on two threads, 1.3 x that on one",
        nanos("enter/1").map(|one| one * 1.3),
        nanos("enter/2"),
    );

    for plugins in [10, 1_000] {
        let reloading = found.generation.get(&format!("reloading/{plugins}"));
        goal(
            &format!("p99 while one of {plugins} plugins is reloaded, x that without"),
            Some(1.2),
            reloading.and_then(|found| found["ratio"].as_f64()),
        );
    }

    let start = |program: &str| found.start.iter().find(|start| start.program == program);
    goal(
        "start with 100 plugins, in ms",
        Some(10.0),
        start("start_100").map(|start| start.median_ms),
    );
    goal(
        "orders, all its plugins, from exec to ready, in ms",
        Some(50.0),
        start(ORDERS).map(|start| start.median_ms),
    );
    let resident = |program: &str| {
        #[expect(clippy::cast_precision_loss, reason = "it is small")]
        start(program).map(|start| start.resident_kib as f64)
    };
    let resident = resident("hello_chassis").zip(resident("hello_axum"));
    goal(
        "memory of hello, as a multiple of axum's",
        Some(1.3),
        resident.map(|(ours, axums)| ours / axums),
    );
    goals
}
