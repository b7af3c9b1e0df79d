//! An endpoint: all that the router, the index and the document know of it stands in one place.

use super::Endpoints;
use crate::{
    error::{Code, code},
    openapi::{
        Answer, Document, InFront, Operation, SchemaOf, by_status, in_path, inline_of, parameters,
        schema_of,
    },
};
use axum::routing::{MethodFilter, MethodRouter};
use http::Method;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::{Value, json};

/// An endpoint. The index shows its first three fields.
#[derive(Clone, Copy, Serialize)]
pub(super) struct Endpoint {
    method: &'static str,
    path: &'static str,
    description: &'static str,
    #[serde(skip)]
    id: &'static str,
    #[serde(skip)]
    route: Route,
    /// The type that the query is read into.
    #[serde(skip)]
    query: Option<SchemaOf>,
    #[serde(skip)]
    body: Option<Body>,
    /// The answers that are no errors, by status.
    #[serde(skip)]
    answers: &'static [(u16, Content)],
    /// The errors of this endpoint, beside those that any may answer.
    #[serde(skip)]
    errors: &'static [Code],
    /// Those that it has beside what it shares with others.
    #[serde(skip)]
    own_errors: &'static [Code],
}

/// What answers at this method.
type Route = fn(MethodFilter) -> MethodRouter<Endpoints>;

/// A body that is sent to an endpoint.
#[derive(Clone, Copy)]
pub(super) struct Body {
    pub(super) media_types: &'static [&'static str],
    pub(super) schema: SchemaOf,
    pub(super) is_required: bool,
}

/// A body that an endpoint answers with.
#[derive(Clone, Copy)]
pub(super) struct Content {
    media_type: &'static str,
    schema: SchemaOf,
}

/// A JSON document of this type.
pub(super) const fn json<T: JsonSchema>() -> Content {
    Content {
        media_type: "application/json",
        schema: schema_of::<T>,
    }
}

/// A text of this media type.
pub(super) const fn text(media_type: &'static str) -> Content {
    Content {
        media_type,
        schema: |_| json_schema!({ "type": "string" }),
    }
}

/// What each endpoint may answer: it is asked from elsewhere, a name in its path is no text, it panics.
const ANY: &[Code] = &[
    code::UNAUTHORIZED,
    code::FORBIDDEN,
    code::BAD_REQUEST,
    code::INTERNAL,
    code::PANIC,
];

/// What each that changes something may answer beside that, if its body is not what it should be.
const UNSAFE: &[Code] = &[code::BODY_TOO_LARGE, code::UNSUPPORTED_MEDIA_TYPE];

impl Endpoint {
    pub(super) const fn new(
        method: &'static str,
        path: &'static str,
        id: &'static str,
        description: &'static str,
        route: Route,
    ) -> Self {
        Self {
            method,
            path,
            description,
            id,
            route,
            query: None,
            body: None,
            answers: &[],
            errors: &[],
            own_errors: &[],
        }
    }

    /// Its query is read into this type.
    pub(super) const fn asks<Q: JsonSchema>(mut self) -> Self {
        self.query = Some(inline_of::<Q>);
        self
    }

    pub(super) const fn takes(mut self, body: Body) -> Self {
        self.body = Some(body);
        self
    }

    pub(super) const fn gives(mut self, answers: &'static [(u16, Content)]) -> Self {
        self.answers = answers;
        self
    }

    pub(super) const fn fails(mut self, errors: &'static [Code]) -> Self {
        self.errors = errors;
        self
    }

    /// It has these too, beside what it shares with others.
    pub(super) const fn fails_too(mut self, errors: &'static [Code]) -> Self {
        self.own_errors = errors;
        self
    }

    pub(super) const fn path(&self) -> &'static str {
        self.path
    }

    fn method(&self) -> Method {
        Method::from_bytes(self.method.as_bytes()).unwrap_or_default()
    }

    pub(super) fn route(&self) -> MethodRouter<Endpoints> {
        let method = MethodFilter::try_from(self.method()).unwrap_or(MethodFilter::GET);
        (self.route)(method)
    }

    /// Writes it into the document.
    pub(super) fn describe(&self, document: &mut Document) {
        let mut operation = Operation {
            id: self.id.to_owned(),
            tag: self.tag().to_owned(),
            summary: self.description.to_owned(),
            parameters: in_path(self.path, None),
            ..Operation::default()
        };
        for parameter in &mut operation.parameters {
            let name = parameter["name"].as_str().unwrap_or_default();
            let is_target = name == "target";
            parameter["description"] = of_parameter(self.path, name).into();
            parameter["schema"]["minLength"] = 1.into();
            if is_target {
                parameter["schema"]["pattern"] = "^[A-Za-z0-9_][A-Za-z0-9_.:-]*$".into();
                parameter["schema"]["maxLength"] = 256.into();
            }
        }
        if let Some(query) = self.query {
            let schema = query(&mut document.taken);
            operation.parameters.extend(parameters(schema.as_value()));
        }
        if let Some(body) = self.body {
            let schema = (body.schema)(&mut document.taken).to_value();
            let content = body.media_types.iter();
            let content = content.map(|media| ((*media).to_owned(), json!({ "schema": schema })));
            operation.body = Some(json!({
                "required": body.is_required,
                "content": content.collect::<serde_json::Map<_, Value>>(),
            }));
        }
        let mut errors = [ANY, self.errors, self.own_errors].concat();
        if !matches!(self.method(), Method::GET) {
            errors.extend(UNSAFE);
        }
        for (status, codes) in by_status(&errors) {
            let codes: Vec<String> = codes.iter().map(|code| format!("`{code}`")).collect();
            let answer = Answer::problem(format!("An error: {}.", codes.join(", ")));
            operation.answers.insert(status.to_string(), answer);
        }
        for (status, content) in self.answers {
            let schema = (content.schema)(&mut document.given);
            let answer = operation.answers.entry(status.to_string()).or_default();
            let said = if *status == 200 {
                "Done."
            } else {
                "The same, and it is not well."
            };
            answer.description = match &*answer.description {
                "" => said.to_owned(),
                other if other == said => said.to_owned(),
                // The status stands for errors as well.
                other => format!("{said} {other}"),
            };
            let schema = schema.to_value();
            answer.content.insert(content.media_type.to_owned(), schema);
        }
        document.add(&self.method(), self.path, operation, &InFront::default());
    }

    /// What it is about: the first word of its path.
    fn tag(&self) -> &'static str {
        match self.path.split('/').nth(1) {
            Some("plugins" | "explain" | "extension-points") => "plugins",
            Some("health") => "health",
            Some("events") => "events",
            Some("services") => "services",
            Some("metrics") => "metrics",
            Some("loggers") => "log",
            _ => "service",
        }
    }
}

/// What the tags stand for.
pub(super) const TAGS: &[(&str, &str)] = &[
    (
        "service",
        "The service as a whole, its configuration and its generations.",
    ),
    ("plugins", "Plugins, their order, and where they take part."),
    ("health", "How the service is."),
    ("metrics", "What is counted and measured."),
    (
        "events",
        "Events, who is told of them, and what could not be delivered.",
    ),
    ("services", "The registry of services."),
    ("log", "The levels of the log."),
];

fn of_parameter(path: &str, name: &str) -> &'static str {
    match name {
        "group" => "The name of a group of health checks.",
        "id" => "The id of a dead letter.",
        "target" => "A target of the log: the path of a module, or `root` for all others.",
        _ if path.starts_with("/services") => "The name of a service.",
        _ => "The name of a plugin.",
    }
}

/// Any JSON object.
pub(super) fn any_object(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object" })
}
