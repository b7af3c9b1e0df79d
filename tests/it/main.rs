//! The whole framework, seen from outside: one module per story.
#![forbid(unsafe_code)]

// Hooks, arounds and tower layers: order, and the end of every request that one has seen.
mod onion;
// Routes, extractors, errors, ids, addresses.
mod request;
// Limits and time-outs of the server, HTTP/1 and HTTP/2.
mod limits;
// What fits in as it is: axum routers, WebSockets, events, gRPC, tower layers.
mod mounts;
// The end of a process: signals, draining, exit codes.
mod shutdown;
// The trace that a request belongs to.
mod traces;
// Who may call which handler.
mod auth;
// What browsers see of a service: who may read answers, and what is said on all of them.
mod browsers;
// What takes how long in a request, for operators.
mod server_timing;
// What the log says, and how often.
mod logs;
// The log as `structured-logging` writes it.
mod structured_logging;
// Plugins that block a thread: found, named, and told of.
mod stalls;
// The spans of calls into plugins, for whoever listens.
mod spans;
// The levels of the log, while it runs.
mod levels;
// A service on a real port, and clients that speak to it.
mod client;
// The document of a service: its routes for programs.
mod openapi;
// The document of management, and whether an answer is as it says.
mod document;
// Plugins made of a closure, and a log.
mod made;
// The life of plugins: order, failures, deadlines, roll-back, stop.
mod startup;
// A plugin for tests that does what its configuration says.
mod scripted;
// Extension points: kinds, order, failures, names, exports.
mod points;
// Events: who is told, in which order, and what becomes of the rest.
mod events;
// Configurations of other systems.
mod coming_from;
// Reload, leases, the moments of plugins.
mod reload;
// Builds: the README's plugin, a release build, the size of the smallest service.
mod builds;
// Each plugin of this repository: on, off, changed, and without what it needs, while clients ask.
mod shipped;
// Requests at fixed times, whatever becomes of them.
mod load;
// A service as a process of its own.
mod process;
// Files that change while the service runs.
mod watching;
// Secrets, and every way out that they might take.
mod secrets;
// The keys of a section that are not the plugin's own.
mod controls;
// What operators change while the service runs.
mod overrides;
// The command line of every service.
mod command_line;
// Configurations that are wrong, and what is said of each.
mod broken;
// The registry of services.
mod services;
// The management endpoints, over real HTTP.
mod management;
// Health checks, and the probes.
mod health;
// What a service says of itself in numbers.
mod metrics;
// Each setting, and what a user sees of it.
mod every_setting;

// A crate that registers nothing: what becomes of it is told in `startup`.
chassis::link!(tower);
