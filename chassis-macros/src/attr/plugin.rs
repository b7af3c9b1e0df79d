//! What `#[plugin(..)]` says.

use super::args::{Args, default_krate};
use crate::errors::Errors;
use proc_macro2::TokenStream;
use syn::{LitStr, Path};

const KEYS: &[&str] = &[
    "name",
    "version",
    "requires",
    "after",
    "before",
    "provides",
    "exclusive",
    "tags",
    "required",
    "stage",
    "crate",
];

/// The keys of `#[plugin]`.
pub(crate) struct PluginAttr {
    pub(crate) krate: Path,
    pub(crate) name: Option<LitStr>,
    pub(crate) version: Option<LitStr>,
    pub(crate) requires: Vec<LitStr>,
    pub(crate) after: Vec<LitStr>,
    pub(crate) before: Vec<LitStr>,
    pub(crate) provides: Vec<LitStr>,
    pub(crate) exclusive: Vec<LitStr>,
    pub(crate) tags: Vec<LitStr>,
    pub(crate) required: bool,
    pub(crate) bootstrap: bool,
}

impl PluginAttr {
    pub(crate) fn parse(tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut attr = Self {
            krate: default_krate(),
            name: None,
            version: None,
            requires: Vec::new(),
            after: Vec::new(),
            before: Vec::new(),
            provides: Vec::new(),
            exclusive: Vec::new(),
            tags: Vec::new(),
            required: false,
            bootstrap: false,
        };
        let Some(args) = errors.ok(Args::parse(tokens, false)) else {
            return attr;
        };
        args.read("plugin", KEYS, errors, |key, arg| {
            match key {
                "name" => attr.name = Some(arg.text()?),
                "version" => attr.version = Some(arg.text()?),
                "requires" => attr.requires = arg.texts()?,
                "after" => attr.after = arg.texts()?,
                "before" => attr.before = arg.texts()?,
                "provides" => attr.provides = arg.texts()?,
                "exclusive" => attr.exclusive = arg.texts()?,
                "tags" => attr.tags = arg.texts()?,
                "required" => attr.required = arg.flag()?,
                "stage" => attr.bootstrap = is_bootstrap(&arg.text()?)?,
                _ => attr.krate = arg.path()?,
            }
            Ok(())
        });
        attr
    }
}

fn is_bootstrap(stage: &LitStr) -> syn::Result<bool> {
    match &*stage.value() {
        "bootstrap" => Ok(true),
        "service" => Ok(false),
        other => {
            let message =
                format!("`{other}` is not a stage; write `bootstrap`, or leave `stage` out");
            Err(syn::Error::new(stage.span(), message))
        }
    }
}
