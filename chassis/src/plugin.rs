//! Plugins: what their authors write, and the erasure of their types behind it.

use crate::{
    call::{BoxFuture, catch},
    config::{PluginSection, Violations},
    context::{Background, PluginContext},
    contributions::Contributions,
    error::{Error, Result, code},
    info::PluginInfo,
    instance::{Instance, Life, Record},
};
use schemars::JsonSchema;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use std::{any::TypeId, collections::BTreeSet, fmt, sync::Arc};

mod linked;

pub use linked::{Block, Linked, LinkedCrate, LinkedPlugin, StaticInfo, registration};

/// A part of a service, with a life of its own.
///
/// # The life of a plugin
///
/// 1. [`init`](Self::init) builds it from its configuration, after everything that it requires was built. It
///    connects, reads, checks; it does not act. What it did is undone by dropping it.
/// 2. [`contribute`](Self::contribute) puts what it has at extension points. By default that is every
///    `#[contributes]` block of the type.
/// 3. [`start`](Self::start) acts, after everything that it requires has started, and before requests arrive.
/// 4. It serves: its handlers are called, its tasks run.
/// 5. [`stop`](Self::stop) ends it, before anything that it requires is stopped, and after the last request that could
///    reach it has ended (or `reload.drain` is over). Then its tasks are dropped, and at last the value itself.
///
/// A reload builds a new one before it ends the old one: for a moment there are two. What the old one knows can be
/// [handed over](Contributions::hand_over).
///
/// ```
/// use chassis::prelude::*;
///
/// /// Greets callers at `GET /hello/{name}`.
/// #[plugin]
/// pub struct Hello {
///     greeting: String,
/// }
///
/// #[derive(serde::Deserialize, schemars::JsonSchema)]
/// #[serde(default, deny_unknown_fields)]
/// pub struct HelloConfig {
///     /// What to say before the name.
///     greeting: String,
/// }
///
/// impl Default for HelloConfig {
///     fn default() -> Self {
///         Self { greeting: "Hello".to_owned() }
///     }
/// }
///
/// impl Plugin for Hello {
///     type Config = HelloConfig;
///
///     async fn init(config: HelloConfig, _: &mut PluginContext) -> Result<Self> {
///         Ok(Self { greeting: config.greeting })
///     }
/// }
///
/// #[contributes]
/// impl Hello {
///     #[get("/hello/{name}")]
///     async fn hello(&self, Path(name): Path<String>) -> String {
///         format!("{}, {name}!", self.greeting)
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not implement `Plugin`",
    label = "`impl Plugin for {Self}` is missing",
    note = "a plugin is a struct with `impl Plugin`, or an `async fn(cx: &mut PluginContext) -> Result<()>`"
)]
pub trait Plugin: Sized + Send + Sync + 'static {
    /// What stands under `config:` in the plugin's section; [`NoConfig`] if there is nothing to set.
    type Config: PluginConfig;

    /// Whether routes that do not say who may call them (`scopes`, [`Roles`](crate::Roles), [`Public`](crate::Public)) are for callers
    /// who are known, where this plugin is linked; what a mounted router answers, too. The plugin names those that stay open with
    /// [`Contributions::open_routes`].
    ///
    /// They stay shut where the plugin is disabled or could not be built: nobody knows the callers then, and the answer is 503.
    const SHUTS_ROUTES: bool = false;

    /// Refuses settings that the type and its schema allow: an upper bound below the lower one, say. It is called before
    /// anything is built, on start and on every reload, by `check` too, so it does nothing but look.
    ///
    /// ```
    /// # use chassis::{prelude::*, Violations};
    /// # #[derive(serde::Deserialize, schemars::JsonSchema)]
    /// # struct PoolConfig { min: u32, max: u32 }
    /// # struct Pool;
    /// impl Plugin for Pool {
    ///     type Config = PoolConfig;
    ///
    ///     fn validate(config: &PoolConfig, found: &mut Violations) {
    ///         if config.max < config.min {
    ///             found.refuse("max", "it is less than `min`").with_help("write at least as much");
    ///         }
    ///     }
    ///     // ..
    /// #     async fn init(_: PoolConfig, _: &mut PluginContext) -> Result<Self> { Ok(Self) }
    /// }
    /// ```
    fn validate(config: &Self::Config, found: &mut Violations) {
        _ = (config, found);
    }

    /// What an instance of this configuration holds and can't be there twice: a port, a file, a lock. The texts are names that
    /// plugins agree on. What does not depend on the configuration can also be said in the attribute:
    /// `#[plugin(exclusive = ["port 9000"])]`.
    ///
    /// A reload builds new instances beside the old ones, and a port can't be bound twice. So if a new instance is to hold what
    /// an old one holds that does not go on, the old one is stopped first, and with it those that require it: after
    /// everything else of the next generation has been built, and after the last request that could reach it. Until the
    /// new one serves, its routes are answered 503 (`plugin.away`), and events wait for it. If the new one can't be built,
    /// the old one is built again. `POST /reload?dry_run=true` says what would be stopped first.
    ///
    /// What it holds has to be free once it has stopped and is dropped. A request that outlives `reload.drain` keeps the value
    /// alive; so what a request may wait for ever with should be let go in [`stop`](Self::stop).
    ///
    /// Two instances of one configuration that hold the same are an error before anything has changed. At the stage
    /// `bootstrap` nothing can be stopped first: there such a change needs a restart.
    ///
    /// ```
    /// # use chassis::prelude::*;
    /// # use tokio::net::UdpSocket;
    /// # #[derive(serde::Deserialize, schemars::JsonSchema)]
    /// # struct SyslogConfig { port: u16 }
    /// # struct Syslog(UdpSocket);
    /// impl Plugin for Syslog {
    ///     type Config = SyslogConfig;
    ///
    ///     fn exclusive(config: &SyslogConfig) -> Vec<String> {
    ///         vec![format!("udp port {}", config.port)]
    ///     }
    ///
    ///     async fn init(config: SyslogConfig, _: &mut PluginContext) -> Result<Self> {
    ///         Ok(Self(UdpSocket::bind(("127.0.0.1", config.port)).await?))
    ///     }
    /// }
    /// ```
    fn exclusive(config: &Self::Config) -> Vec<String> {
        _ = config;
        Vec::new()
    }

    /// Builds the plugin. It runs on a task of its own, has a deadline (`lifecycle.init_deadline`, 30 s), and may be
    /// dropped at any await.
    ///
    /// # Errors
    ///
    /// An error, a panic or a missed deadline makes the instance `failed`, and those that require it `blocked`; if it
    /// is `required`, the service does not start (a reload leaves the old generation serving).
    fn init(
        config: Self::Config,
        cx: &mut PluginContext,
    ) -> impl Future<Output = Result<Self>> + Send;

    /// Puts what the plugin has at extension points. Called once, right after `init`.
    ///
    /// The default wires every `#[contributes]` block of the type; to add to these, call
    /// [`Contributions::blocks`] as well.
    ///
    /// # Errors
    ///
    /// As for `init`.
    fn contribute(self: &Arc<Self>, to: &mut Contributions) -> Result<()> {
        to.blocks(self);
        Ok(())
    }

    /// Begins to act. It should return soon, and leave what goes on to tasks; its deadline is
    /// `lifecycle.start_deadline`, 30 s.
    ///
    /// # Errors
    ///
    /// As for `init`.
    fn start(self: &Arc<Self>, cx: &Background) -> impl Future<Output = Result<()>> + Send {
        _ = cx;
        async { Ok(()) }
    }

    /// Ends what `start` began; its deadline is `lifecycle.stop_deadline`, 10 s. Called once, and only after `start`
    /// has succeeded.
    ///
    /// # Errors
    ///
    /// An error is logged, and stops nothing.
    fn stop(&self) -> impl Future<Output = Result<()>> + Send {
        async { Ok(()) }
    }
}

/// What a plugin's configuration has to be: readable by serde, and with a JSON Schema.
///
/// Every type with `#[derive(Deserialize, JsonSchema)]` is. Let it say `#[serde(deny_unknown_fields)]`: then a
/// misspelt key is an error with the nearest name, rather than silence.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be the configuration of a plugin",
    label = "`#[derive(serde::Deserialize, schemars::JsonSchema)]` is missing"
)]
pub trait PluginConfig: DeserializeOwned + JsonSchema + Send + 'static {}

impl<C: DeserializeOwned + JsonSchema + Send + 'static> PluginConfig for C {}

/// The configuration of a plugin that has none: every key under `config:` is an error.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoConfig {}

/// Says what is wrong with a section; the schema is made only if there is something to check.
type Check = fn(&PluginSection, fn() -> Value) -> Vec<Error>;

/// A plugin that can be built: what is known of it, and how.
///
/// `#[plugin]` makes one at link time; this is the plain call beneath it, for generic types and for plugins that are
/// only known at run time:
///
/// ```
/// # use chassis::{prelude::*, PluginInfo, Registration};
/// # use std::marker::PhantomData;
/// struct Store<B>(PhantomData<B>);
///
/// impl<B: Send + Sync + 'static> Plugin for Store<B> {
///     type Config = NoConfig;
///     async fn init(_: NoConfig, _: &mut PluginContext) -> Result<Self> {
///         Ok(Self(PhantomData))
///     }
///     fn contribute(self: &Arc<Self>, to: &mut Contributions) -> Result<()> {
///         to.get("/store", async || "open");
///         Ok(())
///     }
/// }
///
/// let builder = Chassis::builder()
///     .register(Registration::new::<Store<u8>>(PluginInfo::new("store", "1.0.0")?));
/// # Ok::<(), chassis::Error>(())
/// ```
#[derive(Clone)]
pub struct Registration {
    pub(crate) info: Arc<PluginInfo>,
    pub(crate) schema: fn() -> Value,
    pub(crate) type_id: Option<TypeId>,
    check: Check,
    holds: fn(&PluginSection) -> Vec<String>,
    build: Arc<dyn Build>,
}

impl Registration {
    /// A plugin of this type.
    pub fn new<P: Plugin>(mut info: PluginInfo) -> Self {
        info.shuts_routes = P::SHUTS_ROUTES;
        Self {
            info: Arc::new(info),
            schema: || schemars::schema_for!(P::Config).to_value(),
            type_id: Some(TypeId::of::<P>()),
            check: |section, schema| section.check::<P::Config>(schema, P::validate),
            holds: |section| {
                // What is wrong with them is told elsewhere.
                let config = section.read::<P::Config>();
                config.map_or_else(|_| Vec::new(), |config| P::exclusive(&config))
            },
            build: Arc::new(
                |section: &PluginSection, cx: PluginContext, record: Arc<Record>| {
                    let config = section.read::<P::Config>().map_err(|errors| {
                        Error::all(errors)
                            .unwrap_or_else(|| Error::msg("the configuration can't be read"))
                    });
                    let build: BoxFuture<'static, Result<Instance>> = match config {
                        Ok(config) => Box::pin(build::<P>(config, cx, record)),
                        Err(error) => Box::pin(async { Err(error) }),
                    };
                    build
                },
            ),
        }
    }

    /// What is known of the plugin.
    pub fn info(&self) -> &PluginInfo {
        &self.info
    }

    /// What is wrong with a section; nothing is built.
    pub(crate) fn check(&self, section: &PluginSection) -> Vec<Error> {
        // The types of the settings, their schema and `validate` are the plugin's own code.
        catch(|| (self.check)(section, self.schema)).unwrap_or_else(|panic| {
            let message = format!("the check of its settings panicked: {}", panic.text);
            let error = Error::new(code::PANIC, message).in_plugin(&*section.name);
            vec![match panic.place {
                Some(place) => error.from_origin(place),
                None => error,
            }]
        })
    }

    /// What an instance of this section holds and can't be there twice.
    pub(crate) fn holds(&self, section: &PluginSection) -> Result<BTreeSet<String>> {
        let own = catch(|| (self.holds)(section)).map_err(|panic| {
            let message = format!("`exclusive` panicked: {}", panic.text);
            let error = Error::new(code::PANIC, message).in_plugin(&*section.name);
            match panic.place {
                Some(place) => error.from_origin(place),
                None => error,
            }
        })?;
        Ok(self.info.exclusive.iter().cloned().chain(own).collect())
    }

    /// Builds an instance. The future owns all it needs: it runs on a task of its own.
    pub(crate) fn build(
        &self,
        section: &PluginSection,
        cx: PluginContext,
        record: Arc<Record>,
    ) -> BoxFuture<'static, Result<Instance>> {
        self.build.build(section, cx, record)
    }
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registration")
            .field("info", &self.info)
            .finish_non_exhaustive()
    }
}

/// How an instance is built; linked types and hosts differ here, and only here.
trait Build: Send + Sync {
    fn build(
        &self,
        section: &PluginSection,
        cx: PluginContext,
        record: Arc<Record>,
    ) -> BoxFuture<'static, Result<Instance>>;
}

impl<F> Build for F
where
    F: Fn(&PluginSection, PluginContext, Arc<Record>) -> BoxFuture<'static, Result<Instance>>
        + Send
        + Sync,
{
    fn build(
        &self,
        section: &PluginSection,
        cx: PluginContext,
        record: Arc<Record>,
    ) -> BoxFuture<'static, Result<Instance>> {
        self(section, cx, record)
    }
}

async fn build<P: Plugin>(
    config: P::Config,
    mut cx: PluginContext,
    record: Arc<Record>,
) -> Result<Instance> {
    let plugin = Arc::new(P::init(config, &mut cx).await?);
    plugin.contribute(&mut cx.contributions)?;
    cx.contributions.check()?;
    let life = Box::new(Living {
        plugin,
        background: cx.background().clone(),
    });
    let PluginContext {
        contributions,
        exports,
        ..
    } = cx;
    Ok(Instance {
        record,
        life,
        contributions,
        exports,
    })
}

struct Living<P> {
    plugin: Arc<P>,
    background: Background,
}

impl<P: Plugin> Life for Living<P> {
    fn start(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.plugin.start(&self.background))
    }

    fn stop(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.plugin.stop())
    }
}
