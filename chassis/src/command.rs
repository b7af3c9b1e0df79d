//! A subcommand of the program that a plugin or a service brings along.

use crate::{call::BoxFuture, error::Result, scope::Scope};
use std::{fmt, sync::Arc};

/// A subcommand: `orders migrate`. Given at [`points::CLI_COMMANDS`](crate::points::CLI_COMMANDS), for short with
/// [`Contributions::command`](crate::Contributions::command).
///
/// The plugins are built for it, and not started: it has what their `init` has made, but no task runs, and no address
/// is listened on.
///
/// ```
/// use chassis::prelude::*;
///
/// /// Keeps the database.
/// #[plugin]
/// async fn database(cx: &mut PluginContext) -> Result<()> {
///     cx.command("migrate", "Brings the database up to date", async |call| {
///         println!("migrating {}", call.arguments().join(" "));
///         Ok(())
///     });
///     Ok(())
/// }
/// ```
#[derive(Clone)]
pub struct CliCommand {
    name: Arc<str>,
    about: Arc<str>,
    run: Arc<dyn Fn(CommandCall) -> BoxFuture<'static, Result<()>> + Send + Sync>,
}

/// A call of a subcommand.
#[derive(Clone, Debug)]
pub struct CommandCall {
    arguments: Vec<String>,
    scope: Scope,
}

impl CliCommand {
    /// A subcommand. An error of `run` is told, and the program exits with 1.
    pub fn new<F, Fut>(name: impl Into<Arc<str>>, about: impl Into<Arc<str>>, run: F) -> Self
    where
        F: FnOnce(CommandCall) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        Self {
            name: name.into(),
            about: about.into(),
            run: Arc::new(move |call| Box::pin(run.clone()(call))),
        }
    }

    /// What is written after the name of the program.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it does, in a line.
    pub fn about(&self) -> &str {
        &self.about
    }

    pub(crate) fn run(&self, call: CommandCall) -> BoxFuture<'static, Result<()>> {
        (self.run)(call)
    }
}

impl fmt::Debug for CliCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CliCommand").field(&self.name).finish()
    }
}

impl CommandCall {
    pub(crate) fn new(arguments: Vec<String>, scope: Scope) -> Self {
        Self { arguments, scope }
    }

    /// What stands behind the name of the subcommand.
    pub fn arguments(&self) -> &[String] {
        &self.arguments
    }

    /// The plugins that were built for it.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }
}
