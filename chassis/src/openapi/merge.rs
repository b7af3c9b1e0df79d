//! The document of somebody else, taken into one of ours.

use super::{Document, InFront, each_reference};
use crate::error::{Error, Result, code};
use serde_json::{Map, Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// What operations are listed under in a path; the rest is for all of them.
const METHODS: [&str; 8] = [
    "get", "put", "post", "delete", "options", "head", "patch", "trace",
];

/// Whether an operation of this method can be written down.
pub(crate) fn has_method(method: &http::Method) -> bool {
    METHODS
        .iter()
        .any(|one| method.as_str().eq_ignore_ascii_case(one))
}

/// The document of a router.
#[derive(Clone, Debug)]
pub(crate) struct Guest {
    owner: String,
    document: Arc<Value>,
}

impl Guest {
    /// # Errors
    ///
    /// If it is no document of OpenAPI 3.1.
    pub(crate) fn new(owner: &str, document: Arc<Value>) -> Result<Self> {
        let version = document.get("openapi").and_then(Value::as_str);
        let is_one = version.is_some_and(|version| version.starts_with("3.1."));
        let has_paths = document.get("paths").is_none_or(|paths| {
            let paths = paths.as_object();
            paths.is_some_and(|paths| paths.values().all(Value::is_object))
        });
        if !is_one || !has_paths {
            let is = version.map_or("no version".to_owned(), |version| format!("`{version}`"));
            let message =
                format!("the document of a router is not OpenAPI 3.1: `openapi` says {is}");
            return Err(Error::new(code::POINT_MISMATCH, message)
                .with_help("give a JSON object with `\"openapi\": \"3.1.0\"` and `paths`"));
        }
        Ok(Self {
            owner: owner.to_owned(),
            document,
        })
    }

    fn paths(&self) -> impl Iterator<Item = (&String, &Map<String, Value>)> {
        let paths = self.document.get("paths").and_then(Value::as_object);
        let paths = paths.into_iter().flatten();
        paths.filter_map(|(path, item)| Some((path, item.as_object()?)))
    }

    /// The operations that it speaks of: paths and methods.
    pub(crate) fn operations(&self) -> impl Iterator<Item = (String, String)> {
        self.paths().flat_map(|(path, item)| {
            let methods = item.keys().filter(|key| METHODS.contains(&key.as_str()));
            methods.map(move |method| (path.clone(), method.clone()))
        })
    }
}

impl Document {
    /// The document, whole, with those of others in it, and what stands before a method and a path of theirs.
    pub(crate) fn finish_with(
        self,
        guests: &[Guest],
        before: &dyn Fn(&str, &str) -> InFront,
    ) -> Value {
        let mut ids = self.ids.clone();
        let schemes = self.scheme_names();
        let mut document = self.finish();
        let problem = problem_of(&document);
        let stand_before = |method: &str, path: &str, operation: &mut Map<String, Value>| {
            before(method, path).stand_before_guest(operation, &schemes, &problem);
        };
        for guest in guests {
            take_in(&mut document, guest, &mut ids, &stand_before);
        }
        document
    }
}

/// Adds what stands before a method and a path to an operation.
type StandBefore<'a> = &'a dyn Fn(&str, &str, &mut Map<String, Value>);

/// What the schema of errors is called.
fn problem_of(document: &Value) -> String {
    let path = "/components/responses/Problem/content/application~1problem+json/schema/$ref";
    let reference = document.pointer(path).and_then(Value::as_str);
    reference.unwrap_or_default().to_owned()
}

fn take_in(
    document: &mut Value,
    guest: &Guest,
    ids: &mut BTreeSet<String>,
    stand_before: StandBefore<'_>,
) {
    let mut theirs = (*guest.document).clone();
    let renamed = rename(document, &theirs, &guest.owner);
    each_reference(&mut theirs, &mut |reference| {
        let rest = reference.strip_prefix("#/components/")?;
        let (kind, rest) = rest.split_once('/')?;
        // A reference may lead further inside.
        let (name, inside) = rest
            .split_once('/')
            .map_or((rest, ""), |(name, _)| (name, &rest[name.len()..]));
        let new = renamed.get(&(kind.to_owned(), name.to_owned()))?;
        Some(format!("#/components/{kind}/{new}{inside}"))
    });
    let of = |key: &str| theirs.get(key).cloned();
    if let Some(Value::Object(kinds)) = of("components") {
        for (kind, all) in kinds {
            let Value::Object(all) = all else { continue };
            let Some(ours) = entry(&mut document["components"], &kind) else {
                continue;
            };
            for (name, value) in all {
                let key = (kind.clone(), name);
                let name = renamed.get(&key).cloned().unwrap_or(key.1);
                ours.insert(name, value);
            }
        }
    }
    let security = of("security");
    if let (Some(Value::Object(paths)), Some(ours)) = (of("paths"), entry(document, "paths")) {
        for (path, item) in paths {
            let Value::Object(item) = item else { continue };
            let at_path = ours.entry(path.clone()).or_insert_with(|| json!({}));
            let Value::Object(at_path) = at_path else {
                continue;
            };
            for (key, mut value) in item {
                if let Some(operation) = value.as_object_mut().filter(|_| METHODS.contains(&&*key))
                {
                    adopt(operation, guest, security.as_ref(), &renamed, ids);
                    stand_before(&key.to_uppercase(), &path, operation);
                }
                at_path.insert(key, value);
            }
        }
    }
    if let (Some(Value::Array(tags)), Some(ours)) = (of("tags"), document["tags"].as_array_mut()) {
        for tag in tags {
            if !ours.iter().any(|one| one["name"] == tag["name"]) {
                ours.push(tag);
            }
        }
    }
}

/// Makes an operation of theirs one of ours: listed under its plugin, under an id that nobody else has, and with the names of
/// the ways to log in as they are called here.
fn adopt(
    operation: &mut Map<String, Value>,
    guest: &Guest,
    security: Option<&Value>,
    renamed: &Renamed,
    ids: &mut BTreeSet<String>,
) {
    operation
        .entry("tags")
        .or_insert_with(|| json!([guest.owner]));
    if let Some(security) = security {
        operation
            .entry("security")
            .or_insert_with(|| security.clone());
    }
    for wanted in operation
        .get_mut("security")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        let Value::Object(wanted) = wanted else {
            continue;
        };
        *wanted = std::mem::take(wanted)
            .into_iter()
            .map(|(name, scopes)| {
                let key = ("securitySchemes".to_owned(), name);
                (renamed.get(&key).cloned().unwrap_or(key.1), scopes)
            })
            .collect();
    }
    if let Some(Value::String(id)) = operation.get_mut("operationId") {
        let (own, mut number) = (id.clone(), 2);
        while !ids.insert(id.clone()) {
            *id = format!("{own}_{number}");
            number += 1;
        }
    }
}

/// What components are called here: by kind and name.
type Renamed = BTreeMap<(String, String), String>;

/// Those that have the name of another one that is not the same.
fn rename(document: &Value, theirs: &Value, owner: &str) -> Renamed {
    let mut renamed = Renamed::new();
    let kinds = theirs.get("components").and_then(Value::as_object);
    for (kind, all) in kinds.into_iter().flatten() {
        let ours = document["components"].get(kind);
        let is_ours = |name: &str| ours.and_then(|ours| ours.get(name));
        for (name, value) in all.as_object().into_iter().flatten() {
            // What it refers to may be called the same, and be another.
            let speaks = value.to_string().contains("\"$ref\"");
            if is_ours(name).is_none_or(|ours| ours == value && !speaks) {
                continue;
            }
            let mut new = format!("{owner}.{name}");
            while is_ours(&new).is_some() || all.get(&new).is_some() {
                new.push('_');
            }
            renamed.insert((kind.clone(), name.clone()), new);
        }
    }
    renamed
}

/// The object that stands there; an empty one is put there if there is none.
fn entry<'v>(value: &'v mut Value, key: &str) -> Option<&'v mut Map<String, Value>> {
    let all = value.as_object_mut()?;
    all.entry(key).or_insert_with(|| json!({})).as_object_mut()
}
