//! `chassis::main`: the command line of every service.

use crate::chassis::{Chassis, ChassisBuilder, executable};
use std::process::ExitCode;

mod run;
mod check;
mod mend;
mod show;
mod commands;
mod arguments;
mod steer;
mod remote;
mod table;
mod places;

use arguments::{Asked, USAGE, What};

/// Runs a service: all plugins that are linked, the arguments of the process, its environment, its signals.
///
/// ```text
/// Usage: orders [OPTIONS] [COMMAND]
///
/// Commands:
///   run       Runs the service (so does no subcommand at all)
///   check     Checks configuration, plugins and their order; starts nothing
///   plugins   Lists the plugins, in order
///   graph     Shows the order of the plugins
///   config    Shows the configuration, and where each value comes from
///   status    Asks the running service how it is
///   reload    Reloads the running service, or one of its plugins
///   enable    Lets a plugin of the running service take part
///   disable   Keeps a plugin of the running service out
///   health    Asks the running service for its health; the exit code tells
///   commands  Lists the subcommands of plugins
///
/// Options:
///   -c, --config <FILE>     The configuration; by default ./config.yaml, if there is one
///       --profile <NAME>    Lays config.NAME.yaml over it; by default CHASSIS_PROFILE
///       --set <PATH=VALUE>  Sets one value, over files and environment
/// ```
///
/// SIGTERM and Ctrl-C stop it; a second one, a second later or more, ends it at once. SIGHUP reloads it.
///
/// The exit code is 0 after a stop in peace, 1 after a failed start or a stop that had to cut something off, and 64 for
/// arguments or a configuration that can't be used. The other subcommands exit with 1 if what they ask for is not so, and
/// with 64 as above.
pub fn main() -> ExitCode {
    Chassis::builder().main()
}

impl ChassisBuilder {
    /// [`main`], with what this builder says.
    pub fn main(mut self) -> ExitCode {
        let asked = match Asked::read(std::env::args_os(), &executable()) {
            Ok(asked) => asked,
            Err(code) => return code,
        };
        self.config = asked.layers(self.config);
        let tokens = asked.token_file.as_deref();
        match asked.what {
            What::Run => run::run(self),
            What::Check { fix } => check::check(&self, fix),
            What::Plugins { json } => show::plugins(&self, json),
            What::Graph { format } => show::graph(&self, &format),
            What::Config(shown) => show::config(&self, &shown),
            What::Status { json } => remote::status(&self, tokens, json),
            What::Steer(order) => order.run(&self, tokens),
            What::Health { which } => remote::health(&self, tokens, &which),
            What::Commands => commands::list(self),
            What::Command { name, arguments } => commands::run(self, name, arguments),
        }
    }
}

/// Writes to standard output. Who closed it has seen enough, which is no error.
fn say(text: &str) {
    use std::io::Write as _;
    _ = writeln!(std::io::stdout().lock(), "{}", text.trim_end_matches('\n'));
}
