//! What is counted: each subject is a program, and something that it does again and again.

/// One thing that is measured.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    pub(crate) name: String,
    pub(crate) work: Work,
    /// Whether it is the chassis that is measured, and not something beside it.
    pub(crate) is_ours: bool,
    /// Whether its count is on record, and the gate looks at it.
    pub(crate) is_gated: bool,
}

/// What a subject does.
#[derive(Clone, Debug)]
pub(crate) enum Work {
    /// A server that is asked over one connection.
    Server {
        program: &'static str,
        path: &'static str,
        environment: Vec<(&'static str, String)>,
    },
    /// A program that is given the name of the subject, and does it alone.
    InProcess { program: &'static str },
}

/// Whose allocations are counted as well.
pub(crate) const IN_PROCESS: &str = "in_process";

/// How often middleware and handlers are there.
pub(crate) const COUNTS: [u32; 5] = [0, 1, 5, 10, 20];
/// How many handlers stand at a point.
pub(crate) const HANDLERS: [u32; 4] = [0, 1, 5, 10];
/// What is compared as middleware.
pub(crate) const FORMS: [&str; 7] = [
    "hooks",
    "around",
    "layer",
    "handler",
    "axum-static",
    "axum-layer",
    "axum-from-fn",
];
/// What may be on while a request is observed.
pub(crate) const OBSERVED: [&str; 5] = ["nothing", "metrics", "trace", "span", "all"];
/// Of how many plugins one is built anew.
pub(crate) const PLUGINS: [u32; 3] = [10, 100, 1_000];
/// The extension points that are compared.
pub(crate) const POINTS: [&str; 5] = ["filter-sync", "filter-async", "action", "provider", "call"];

/// Everything that is counted, but for what plugins cost.
pub(crate) fn all() -> Vec<Subject> {
    let mut all = hello();
    for does in ["noop", "header"] {
        for form in FORMS {
            // The handler itself does nothing in place of middleware that does nothing.
            if (does, form) == ("noop", "handler") {
                continue;
            }
            for count in COUNTS {
                let is_ours = !form.starts_with("axum");
                let is_gated =
                    is_ours && matches!(count, 0 | 10) && (does, form) != ("header", "layer");
                all.push(in_process(
                    format!("middleware/{form}/{does}/{count}"),
                    is_ours,
                    is_gated,
                ));
            }
        }
    }
    for what in OBSERVED {
        let is_gated = ["nothing", "all"].contains(&what);
        all.push(in_process(format!("observed/{what}"), true, is_gated));
    }
    for plugins in PLUGINS {
        all.push(in_process(format!("reload/{plugins}"), true, false));
    }
    all.push(in_process("points/nothing/0".to_owned(), false, false));
    all.push(in_process("points/event/0".to_owned(), true, true));
    for point in POINTS {
        for count in HANDLERS {
            let is_gated = matches!(count, 0 | 10);
            all.push(in_process(
                format!("points/{point}/{count}"),
                true,
                is_gated,
            ));
        }
    }
    all
}

fn hello() -> Vec<Subject> {
    let server = |name: &str, program, path, environment: Vec<(&'static str, String)>| Subject {
        name: format!("hello/{name}"),
        work: Work::Server {
            program,
            path,
            environment,
        },
        is_ours: program == "hello_chassis",
        is_gated: true,
    };
    let quiet = || vec![("CHASSIS__LOG__FILTER", "off".to_owned())];
    let mut all = vec![
        server("hyper", "hello_hyper", "/", Vec::new()),
        server("axum", "hello_axum", "/", Vec::new()),
        server("axum/parameter", "hello_axum", "/you", Vec::new()),
        server("chassis", "hello_chassis", "/", Vec::new()),
        server("chassis/parameter", "hello_chassis", "/you", Vec::new()),
        server("chassis/quiet", "hello_chassis", "/", quiet()),
    ];
    for count in &COUNTS[1..] {
        let pairs = (
            "CHASSIS__PLUGINS__GREETER__CONFIG__PAIRS",
            count.to_string(),
        );
        let name = format!("chassis/pairs/{count}");
        all.push(server(&name, "hello_chassis", "/", vec![pairs]));
    }
    all
}

fn in_process(name: String, is_ours: bool, is_gated: bool) -> Subject {
    Subject {
        name,
        work: Work::InProcess {
            program: IN_PROCESS,
        },
        is_ours,
        is_gated,
    }
}
