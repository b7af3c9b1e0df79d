//! What `#[get(..)]`, `#[filter(..)]` and the other attributes of methods say.

use super::{
    args::Args,
    value::{as_path, text},
};
use crate::errors::Errors;
use syn::{Attribute, Expr, Ident, LitStr, Meta, Path, ext::IdentExt as _};

/// One attribute of a method: where the method is wired.
pub(crate) struct Contribution {
    /// The attribute's own name, for mistakes that no other token stands for.
    pub(crate) name: Ident,
    pub(crate) kind: Kind,
    pub(crate) target: Target,
    pub(crate) options: Options,
}

/// What the method becomes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// An endpoint of this HTTP method.
    Route(&'static str),
    Filter,
    Action,
    Provide,
    Call,
    Around,
    /// A subscriber of events.
    On,
    Health,
    Metrics,
}

/// Where it is wired.
pub(crate) enum Target {
    /// Where its attribute says by itself: the chain around all routes, a point of the chassis.
    Implied,
    Path(LitStr),
    Point(Path),
    Named(LitStr),
    /// A pattern of topics.
    Topic(LitStr),
}

/// Its keys.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) priority: Option<i32>,
    pub(crate) after: Vec<LitStr>,
    pub(crate) before: Vec<LitStr>,
    pub(crate) requires: Vec<LitStr>,
    /// The key itself, and the milliseconds.
    pub(crate) deadline: Option<(Ident, u64)>,
    /// The value `"skip"`, for where the point does not allow it.
    pub(crate) skip_on_failure: Option<LitStr>,
    pub(crate) routes: Option<LitStr>,
    pub(crate) buffered: Option<usize>,
    /// What callers of a route must be allowed to do; an empty list asks who they are.
    pub(crate) scopes: Option<Vec<LitStr>>,
    /// The key itself, and what is attached to the route.
    pub(crate) with: Vec<(Ident, Expr)>,
    pub(crate) retries: Option<u32>,
    /// Milliseconds.
    pub(crate) backoff: Option<u64>,
    /// The key itself, and what says whether an event is wanted.
    pub(crate) when: Option<(Ident, Expr)>,
    pub(crate) health: Health,
}

/// The keys of `#[health]` alone.
#[derive(Default)]
pub(crate) struct Health {
    pub(crate) name: Option<LitStr>,
    /// In milliseconds.
    pub(crate) interval: Option<u64>,
    pub(crate) failures: Option<u32>,
    pub(crate) successes: Option<u32>,
    pub(crate) critical: bool,
    pub(crate) liveness: bool,
    pub(crate) groups: Vec<LitStr>,
}

impl Kind {
    /// The attribute of this name, if it is one of ours.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "get" => Self::Route("GET"),
            "post" => Self::Route("POST"),
            "put" => Self::Route("PUT"),
            "patch" => Self::Route("PATCH"),
            "delete" => Self::Route("DELETE"),
            "head" => Self::Route("HEAD"),
            "options" => Self::Route("OPTIONS"),
            "filter" => Self::Filter,
            "action" => Self::Action,
            "provide" => Self::Provide,
            "call" => Self::Call,
            "around" => Self::Around,
            "on" => Self::On,
            "health" => Self::Health,
            "metrics" => Self::Metrics,
            _ => return None,
        })
    }

    fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Route(_) => &["deadline", "scopes", "with"],
            Self::Filter => &[
                "priority",
                "after",
                "before",
                "requires",
                "deadline",
                "on_failure",
                "routes",
                "body",
            ],
            Self::Action | Self::Provide | Self::Call | Self::Metrics => {
                &["priority", "after", "before", "requires", "deadline"]
            }
            Self::On => &["priority", "deadline", "retries", "backoff", "when"],
            Self::Around => &[
                "priority", "after", "before", "requires", "deadline", "routes",
            ],
            Self::Health => &[
                "name",
                "interval",
                "deadline",
                "failures",
                "successes",
                "critical",
                "liveness",
                "group",
            ],
        }
    }
}

impl Contribution {
    /// Which of our attributes this is. `krate` is the path of the crate, since one may write `#[chassis::get(..)]`.
    pub(crate) fn kind_of(attribute: &Attribute, krate: &Path) -> Option<(Ident, Kind)> {
        let path = attribute.path();
        let name = path.segments.last()?.ident.clone();
        let kind = Kind::from_name(&name.unraw().to_string())?;
        let first = &path.segments.first()?.ident;
        let ours = krate.segments.iter().any(|segment| segment.ident == *first);
        (path.segments.len() == 1 || ours || first == "chassis").then_some((name, kind))
    }

    /// Reads an attribute of this kind; nothing if it does not say where.
    pub(crate) fn parse(
        name: Ident,
        kind: Kind,
        attribute: &Attribute,
        errors: &mut Errors,
    ) -> Option<Self> {
        let tokens = match &attribute.meta {
            Meta::Path(_) => proc_macro2::TokenStream::new(),
            Meta::List(list) => list.tokens.clone(),
            Meta::NameValue(pair) => {
                let message = format!("write `#[{name}(..)]`");
                errors.at(pair, message);
                return None;
            }
        };
        let args = errors.ok(Args::parse(
            tokens,
            !matches!(kind, Kind::Around | Kind::Health | Kind::Metrics),
        ))?;
        let target = errors.ok(target(&name, kind, &args));
        let mut options = Options::default();
        args.read(
            &name.unraw().to_string(),
            kind.keys(),
            errors,
            |key, arg| {
                match key {
                    "priority" => options.priority = Some(arg.integer()?),
                    "after" => options.after = arg.texts()?,
                    "before" => options.before = arg.texts()?,
                    "requires" => options.requires = arg.texts()?,
                    "deadline" => options.deadline = Some((arg.key.clone(), arg.millis()?)),
                    "on_failure" => options.skip_on_failure = Some(skip(arg.text()?)?),
                    "with" => options.with.push((arg.key.clone(), arg.expr()?)),
                    "scopes" => options.scopes = Some(arg.texts()?),
                    "retries" => options.retries = Some(arg.count_or_none()?),
                    "backoff" => options.backoff = Some(arg.millis()?),
                    "when" => options.when = Some((arg.key.clone(), arg.expr()?)),
                    "routes" => options.routes = Some(arg.text()?),
                    "name" => options.health.name = Some(arg.text()?),
                    "interval" => options.health.interval = Some(arg.millis()?),
                    "failures" => options.health.failures = Some(arg.count()?),
                    "successes" => options.health.successes = Some(arg.count()?),
                    "critical" => options.health.critical = arg.flag()?,
                    "liveness" => options.health.liveness = arg.flag()?,
                    "group" => options.health.groups = arg.texts()?,
                    _ => options.buffered = Some(arg.buffered()?),
                }
                Ok(())
            },
        );
        Some(Self {
            name,
            kind,
            target: target?,
            options,
        })
    }
}

fn target(name: &Ident, kind: Kind, args: &Args) -> syn::Result<Target> {
    let missing = |example: &str| {
        let message = format!("`#[{name}]` does not say where: write `#[{name}({example})]`");
        syn::Error::new_spanned(name, message)
    };
    match kind {
        Kind::Around | Kind::Health | Kind::Metrics => Ok(Target::Implied),
        Kind::Route(_) => {
            let first = args
                .first
                .as_ref()
                .ok_or_else(|| missing("\"/orders/{id}\""))?;
            let wrong =
                || syn::Error::new_spanned(first, "expected a path, like `\"/orders/{id}\"`");
            text(first).map(Target::Path).ok_or_else(wrong)
        }
        Kind::On => {
            let first = args.first.as_ref();
            let first = first.ok_or_else(|| missing("\"order.placed\""))?;
            let wrong =
                || syn::Error::new_spanned(first, "expected a topic, like `\"order.placed\"`");
            text(first).map(Target::Topic).ok_or_else(wrong)
        }
        _ => {
            let first = args.first.as_ref().ok_or_else(|| missing("POINT"))?;
            let message = "expected a point, like `points::PRE_REQUEST`, or the name of one, like `\"shop.price\"`";
            let point = text(first)
                .map(Target::Named)
                .or_else(|| as_path(first).map(Target::Point));
            point.ok_or_else(|| syn::Error::new_spanned(first, message))
        }
    }
}

fn skip(value: LitStr) -> syn::Result<LitStr> {
    if value.value() == "skip" {
        return Ok(value);
    }
    let message = "`on_failure` can only be `\"skip\"`; without it a failure goes to the caller, unless the point says otherwise";
    Err(syn::Error::new(value.span(), message))
}
