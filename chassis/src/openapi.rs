//! OpenAPI 3.1 documents: how the management endpoints and the routes of a service are described to programs.

use crate::error::Code;
use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

mod merge;
mod in_front;
mod scheme;
mod operation;
mod parameters;
mod bounds;

pub use self::scheme::SecurityScheme;
pub(crate) use self::{
    in_front::{Callers, Failure, InFront},
    merge::{Guest, has_method},
    operation::{Answer, Operation},
    parameters::{in_path, parameters},
    scheme::is_component_name,
};

/// Where the schemas of what is taken stand while a document is written: a type may be read otherwise than it is
/// written, and then there are two schemas of one name.
const TAKEN: &str = "#/components/taken/";
const SCHEMAS: &str = "#/components/schemas/";

/// The schema of a type, as one of these generators makes it.
pub(crate) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// The schema of a type: a reference to it, if it has a name.
pub(crate) fn schema_of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// The schema of a type in full, for who has to look into it.
pub(crate) fn inline_of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    T::json_schema(generator)
}

/// A document that is being written.
#[derive(Debug)]
pub(crate) struct Document {
    info: Value,
    tags: BTreeMap<String, String>,
    paths: BTreeMap<String, Map<String, Value>>,
    ids: BTreeSet<String>,
    /// How callers can say who they are, in the order in which that is written down.
    schemes: Vec<(String, Value)>,
    /// Of what is answered.
    pub(crate) given: SchemaGenerator,
    /// Of what is taken.
    pub(crate) taken: SchemaGenerator,
}

impl Document {
    pub(crate) fn new(title: &str, version: &str, description: &str) -> Self {
        let settings = |path: &'static str| {
            SchemaSettings::draft2020_12().with(|settings| {
                settings.definitions_path = path.into();
                settings.meta_schema = None;
            })
        };
        let mut info = json!({ "title": title, "version": version });
        if !description.is_empty() {
            info["description"] = description.into();
        }
        Self {
            info,
            tags: BTreeMap::new(),
            paths: BTreeMap::new(),
            ids: BTreeSet::new(),
            schemes: Vec::new(),
            given: settings("/components/schemas")
                .for_serialize()
                .into_generator(),
            taken: settings("/components/taken")
                .for_deserialize()
                .into_generator(),
        }
    }

    /// Says what a tag stands for.
    pub(crate) fn tag(&mut self, name: &str, description: &str) {
        self.tags.insert(name.to_owned(), description.to_owned());
    }

    /// Says how callers can say who they are. Another scheme of the same name gets that of its plugin before it.
    pub(crate) fn scheme(&mut self, owner: &str, name: &str, scheme: &SecurityScheme) {
        let value = scheme.value();
        let other = self.schemes.iter().find(|(other, _)| other == name);
        match other {
            Some((_, other)) if other == value => {}
            Some(_) => self
                .schemes
                .push((format!("{owner}.{name}"), value.clone())),
            None => self.schemes.push((name.to_owned(), value.clone())),
        }
    }

    fn scheme_names(&self) -> Vec<String> {
        self.schemes.iter().map(|(name, _)| name.clone()).collect()
    }

    /// Adds an operation, and what stands before it. An id that is taken gets a number.
    pub(crate) fn add(
        &mut self,
        method: &http::Method,
        path: &str,
        mut operation: Operation,
        before: &InFront,
    ) {
        before.stand_before(&mut operation, &self.scheme_names());
        let mut number = 2;
        let id = operation.id.clone();
        while !self.ids.insert(operation.id.clone()) {
            operation.id = format!("{id}_{number}");
            number += 1;
        }
        let at_path = self.paths.entry(path.to_owned()).or_default();
        let method = method.as_str().to_ascii_lowercase();
        at_path.insert(method, operation.into_value());
    }

    /// The document, whole.
    pub(crate) fn finish(mut self) -> Value {
        let mut schemas = self.given.take_definitions(true);
        let taken = self.taken.take_definitions(true);
        let names = names(&schemas, &taken);
        for (name, schema) in taken {
            let name = names.get(&name).cloned().unwrap_or(name);
            schemas.entry(name).or_insert(schema);
        }
        let mut problem = "Problem".to_owned();
        // A service may have a type of that name.
        while schemas.contains_key(&problem) {
            problem.push('_');
        }
        schemas.insert(problem.clone(), operation::problem_schema());
        let tags = self
            .tags
            .iter()
            .map(|(name, text)| json!({ "name": name, "description": text }));
        let mut document = json!({
            "openapi": "3.1.0",
            "info": self.info,
            "tags": tags.collect::<Vec<_>>(),
            "paths": self.paths,
            "components": {
                "schemas": schemas,
                "responses": { "Problem": operation::problem_response() },
            },
        });
        if !self.schemes.is_empty() {
            let schemes: Map<_, _> = self.schemes.into_iter().collect();
            document["components"]["securitySchemes"] = schemes.into();
        }
        bounds::set(&mut document);
        each_reference(&mut document, &mut |reference| {
            if reference == operation::PROBLEM {
                return Some(format!("{SCHEMAS}{problem}"));
            }
            let name = reference.strip_prefix(TAKEN)?;
            let name = names.get(name).map_or(name, |name| name);
            Some(format!("{SCHEMAS}{name}"))
        });
        document
    }
}

/// What the schemas of what is taken are called, where their own name is that of another schema.
fn names(given: &Map<String, Value>, taken: &Map<String, Value>) -> BTreeMap<String, String> {
    let as_given = |schema: &Value| {
        let mut schema = schema.clone();
        each_reference(&mut schema, &mut |reference| {
            let name = reference.strip_prefix(TAKEN)?;
            Some(format!("{SCHEMAS}{name}"))
        });
        schema
    };
    let differ = |(name, schema): &(&String, &Value)| {
        let given = given.get(*name);
        given.is_some_and(|given| *given != as_given(schema))
    };
    let mut other: BTreeSet<&str> = taken
        .iter()
        .filter(differ)
        .map(|(name, _)| &**name)
        .collect();
    // One that speaks of another that differs is another one, too.
    loop {
        let before = other.len();
        for (name, schema) in taken.iter().filter(|(name, _)| given.contains_key(*name)) {
            let mut speaks = false;
            each_reference(&mut schema.clone(), &mut |reference| {
                let name = reference.strip_prefix(TAKEN)?;
                speaks |= other.contains(name);
                None
            });
            if speaks {
                other.insert(name);
            }
        }
        if other.len() == before {
            break;
        }
    }
    let free = |name: &str| {
        let mut new = format!("{name}Input");
        while given.contains_key(&new) || taken.contains_key(&new) {
            new.push('_');
        }
        (name.to_owned(), new)
    };
    other.into_iter().map(free).collect()
}

/// Replaces references: all texts that stand under the key `$ref`, and the mappings of discriminators.
fn each_reference(value: &mut Value, replace: &mut dyn FnMut(&str) -> Option<String>) {
    match value {
        Value::Array(all) => all.iter_mut().for_each(|one| each_reference(one, replace)),
        Value::Object(all) => {
            for (key, value) in all {
                match value {
                    Value::String(reference) if key == "$ref" => {
                        if let Some(new) = replace(reference) {
                            *reference = new;
                        }
                    }
                    value => each_reference(value, replace),
                }
            }
        }
        _ => {}
    }
}

/// What the statuses of these codes are, each with the names of its codes.
pub(crate) fn by_status(codes: &[Code]) -> BTreeMap<u16, Vec<&'static str>> {
    let mut by_status: BTreeMap<u16, Vec<&'static str>> = BTreeMap::new();
    for code in codes {
        by_status
            .entry(code.status())
            .or_default()
            .push(code.name());
    }
    by_status
}
