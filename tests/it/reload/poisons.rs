//! What a reload can meet that must not be served, and what has to be said of it.

use crate::scripted::{info, scripted};
use chassis::{
    Background, Plugin, PluginContext, Registration, Stage,
    points::{self, Candidate, Denied},
    prelude::*,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

/// A configuration that makes a reload fail.
pub(super) struct Poison {
    /// What is wrong.
    pub(super) what: &'static str,
    pub(super) spoil: fn(&mut Texts),
    /// The code of the answer.
    pub(super) code: &'static str,
    /// What is told of the one who is to blame.
    plugin: Option<&'static str>,
    phase: Option<&'static str>,
    cause: Option<&'static str>,
    /// A part of the detail.
    detail: &'static str,
    /// Where it stands: a part of it.
    at: &'static str,
}

const FILE: &str = "config.yaml:";

const NOTHING: Poison = Poison {
    what: "",
    spoil: |_| (),
    code: "reload.failed",
    plugin: None,
    phase: None,
    cause: None,
    detail: "",
    at: FILE,
};

const VICTIM: Poison = Poison {
    plugin: Some("victim"),
    phase: Some("init"),
    ..NOTHING
};

/// Each way to fail before the swap.
pub(super) const POISONS: &[Poison] = &[
    Poison {
        what: "a syntax error",
        spoil: |texts| texts.victim = "[",
        code: "config.unreadable",
        ..NOTHING
    },
    Poison {
        what: "a value of the wrong type",
        spoil: |texts| texts.victim = "config: {well: perhaps}",
        code: "config.invalid",
        phase: None,
        detail: "perhaps",
        ..VICTIM
    },
    Poison {
        what: "a key that nobody knows",
        spoil: |texts| texts.victim = "config: {wel: true}",
        code: "config.unknown_key",
        phase: None,
        detail: "`wel`",
        ..VICTIM
    },
    Poison {
        what: "one that is built anew is not admitted",
        spoil: |texts| texts.judge = "config: {deny: pages}",
        plugin: Some("pages"),
        phase: Some("plugin.admit"),
        cause: Some("plugin.denied"),
        detail: "the judge says so",
        ..NOTHING
    },
    Poison {
        what: "one that would go on is not admitted",
        spoil: |texts| texts.judge = "config: {deny: base}",
        plugin: Some("base"),
        phase: Some("plugin.admit"),
        cause: Some("plugin.denied"),
        detail: "`base` runs now, and would not any more",
        ..NOTHING
    },
    Poison {
        what: "an error in init",
        spoil: |texts| texts.victim = "config: {init: fail}",
        cause: Some("internal"),
        detail: "as it was told",
        ..VICTIM
    },
    Poison {
        what: "a panic in init",
        spoil: |texts| texts.victim = "config: {init: panic}",
        cause: Some("panic"),
        detail: "as it was told",
        ..VICTIM
    },
    Poison {
        what: "an init without end",
        spoil: |texts| texts.victim = "{deadlines: {init: 40ms}, config: {init: hang}}",
        cause: Some("deadline"),
        detail: "40ms",
        ..VICTIM
    },
    Poison {
        what: "an error in start",
        spoil: |texts| texts.victim = "config: {start: fail}",
        phase: Some("start"),
        cause: Some("internal"),
        detail: "as it was told",
        ..VICTIM
    },
    Poison {
        what: "a critical check that is down",
        spoil: |texts| texts.victim = "config: {well: 'no'}",
        phase: Some("health.check"),
        detail: "`victim/self` is down",
        ..VICTIM
    },
    Poison {
        what: "a critical check that does not answer",
        spoil: |texts| {
            texts.health = "{checks: {victim/self: {deadline: 40ms}}}";
            texts.victim = "config: {well: never}";
        },
        phase: Some("health.check"),
        detail: "no answer within 40ms",
        ..VICTIM
    },
    Poison {
        what: "a route that another plugin has",
        spoil: |texts| texts.victim = "config: {path: /fast}",
        code: "route.conflict",
        phase: Some("http.routes"),
        detail: "`pages`",
        at: "",
        ..VICTIM
    },
    Poison {
        what: "a plugin that is required by one that the service can't do without",
        spoil: |texts| texts.base = "enabled: false",
        code: "plugin.required",
        plugin: Some("dependant"),
        detail: "requires `base`, which is disabled",
        ..NOTHING
    },
];

impl Poison {
    /// Whether an answer says all that is to be said.
    pub(super) fn check(&self, told: &Value) {
        let all = told["errors"].as_array().expect("there are errors");
        assert_eq!(all.len(), 1, "{}: {told}", self.what);
        let one = &all[0];
        let found = (&one["code"], &one["plugin"], &one["phase"], &one["cause"]);
        let wanted = (
            &json!(self.code),
            &json!(self.plugin),
            &json!(self.phase),
            &json!(self.cause),
        );
        assert_eq!(found, wanted, "{}: {told}", self.what);
        let text = |key: &str| one[key].as_str().unwrap_or_default();
        assert!(
            text("detail").contains(self.detail),
            "{}: {told}",
            self.what
        );
        assert!(text("at").contains(self.at), "{}: {told}", self.what);
    }
}

/// The parts of a configuration.
pub(super) struct Texts {
    version: u64,
    slow: &'static str,
    health: &'static str,
    judge: &'static str,
    victim: &'static str,
    base: &'static str,
}

impl Texts {
    pub(super) fn good(version: u64, slow: &'static str) -> Self {
        Self {
            version,
            slow,
            health: "{}",
            judge: "{}",
            victim: "{}",
            base: "{}",
        }
    }

    pub(super) fn yaml(&self) -> String {
        let Self {
            version,
            slow,
            health,
            judge,
            victim,
            base,
        } = self;
        let lines = [
            "reload: {watch: false}".to_owned(),
            format!("health: {health}"),
            "plugins:".to_owned(),
            format!("  hook: {{config: {{version: {version}}}}}"),
            format!("  pages: {{config: {{version: {version}, slow: {slow}}}}}"),
            line("judge", judge),
            line("victim", victim),
            line("base", base),
            "  dependant: {required: true}".to_owned(),
        ];
        lines.join("\n") + "\n"
    }
}

fn line(plugin: &str, text: &str) -> String {
    match text.starts_with(['{', '[']) {
        true => format!("  {plugin}: {text}"),
        false => format!("  {plugin}: {{{text}}}"),
    }
}

/// Those that can be poisoned.
pub(super) fn victims() -> Vec<Registration> {
    let mut judge = info("judge");
    judge.stage = Stage::Bootstrap;
    vec![
        Registration::new::<Judge>(judge),
        Registration::new::<Victim>(info("victim")),
        scripted("base", &[]),
        scripted("dependant", &["base"]),
    ]
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct JudgeConfig {
    /// Who is not admitted.
    deny: Option<String>,
}

struct Judge;

impl Plugin for Judge {
    type Config = JudgeConfig;

    async fn init(JudgeConfig { deny }: JudgeConfig, cx: &mut PluginContext) -> Result<Self> {
        cx.filter(&points::ADMIT, move |candidate: &mut Candidate| {
            match Some(&*candidate.name) == deny.as_deref() {
                true => Flow::Answer(Denied("the judge says so".to_owned())),
                false => Flow::Continue,
            }
        });
        Ok(Self)
    }
}

#[derive(Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Step {
    #[default]
    Succeed,
    Fail,
    Panic,
    Hang,
}

impl Step {
    async fn take(self) -> Result<()> {
        match self {
            Self::Succeed => Ok(()),
            Self::Fail => Err(Error::msg("it fails, as it was told")),
            Self::Panic => panic!("it panics, as it was told"),
            Self::Hang => std::future::pending().await,
        }
    }
}

#[derive(Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Well {
    #[default]
    Yes,
    No,
    Never,
}

#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct VictimConfig {
    init: Step,
    start: Step,
    /// What its critical check says.
    well: Well,
    path: String,
}

impl Default for VictimConfig {
    fn default() -> Self {
        Self {
            init: Step::default(),
            start: Step::default(),
            well: Well::default(),
            path: "/victim".to_owned(),
        }
    }
}

struct Victim(Step);

impl Plugin for Victim {
    type Config = VictimConfig;

    async fn init(config: VictimConfig, cx: &mut PluginContext) -> Result<Self> {
        cx.health("self", async move || match config.well {
            Well::Yes => Ok(()),
            Well::No => Err(Error::msg("it is not well, as it was told")),
            Well::Never => std::future::pending().await,
        })
        .critical();
        cx.get(&config.path, async || "victim");
        cx.background().spawn("task", std::future::pending());
        config.init.take().await?;
        Ok(Self(config.start))
    }

    async fn start(self: &Arc<Self>, _: &Background) -> Result<()> {
        self.0.take().await
    }
}
