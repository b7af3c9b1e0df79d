//! One operation of a document: what it takes, and everything that it may answer.

use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The reference to the schema of errors, until it is known what that is called.
pub(super) const PROBLEM: &str = "#/components/problem";

/// An operation.
#[derive(Debug, Default)]
pub(crate) struct Operation {
    pub(crate) id: String,
    pub(crate) tag: String,
    pub(crate) summary: String,
    pub(crate) description: String,
    pub(crate) deprecated: bool,
    pub(crate) parameters: Vec<Value>,
    pub(crate) body: Option<Value>,
    /// What callers need, one of these; empty where nothing is known of it, or nothing needed.
    pub(crate) security: Vec<Value>,
    /// By status: `200`, `4XX`, `default`.
    pub(crate) answers: BTreeMap<String, Answer>,
}

/// What an operation may answer with one status.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) description: String,
    /// Schemas by media type; none where the body is not known, or where there is none.
    pub(crate) content: BTreeMap<String, Value>,
    /// What its headers say, by name.
    pub(crate) headers: BTreeMap<String, String>,
}

impl Answer {
    pub(crate) fn new(description: impl Into<String>) -> Self {
        Self {
            description: description.into(),
            ..Self::default()
        }
    }

    pub(crate) fn with(mut self, media_type: &str, schema: impl Into<Value>) -> Self {
        let schema = schema.into();
        self.content.insert(media_type.to_owned(), schema);
        self
    }

    /// An error.
    pub(crate) fn problem(description: impl Into<String>) -> Self {
        Self::new(description).with("application/problem+json", json!({ "$ref": PROBLEM }))
    }

    pub(super) fn into_value(self) -> Value {
        let mut answer = json!({ "description": self.description });
        if !self.content.is_empty() {
            let content = self.content.into_iter();
            let content = content.map(|(media, schema)| (media, json!({ "schema": schema })));
            answer["content"] = Value::Object(content.collect());
        }
        if !self.headers.is_empty() {
            let headers = self.headers.into_iter().map(|(name, text)| {
                let header = json!({ "description": text, "schema": { "type": "string" } });
                (name, header)
            });
            answer["headers"] = Value::Object(headers.collect());
        }
        answer
    }
}

impl Operation {
    pub(super) fn into_value(self) -> Value {
        let mut all = Map::new();
        let texts = [
            ("operationId", self.id),
            ("summary", self.summary),
            ("description", self.description),
        ];
        let said = texts.into_iter().filter(|(_, text)| !text.is_empty());
        all.extend(said.map(|(key, text)| (key.to_owned(), text.into())));
        if !self.tag.is_empty() {
            all.insert("tags".into(), json!([self.tag]));
        }
        if self.deprecated {
            all.insert("deprecated".into(), true.into());
        }
        if !self.parameters.is_empty() {
            all.insert("parameters".into(), self.parameters.into());
        }
        if let Some(body) = self.body {
            all.insert("requestBody".into(), body);
        }
        if !self.security.is_empty() {
            all.insert("security".into(), self.security.into());
        }
        let answers = self.answers.into_iter();
        let answers = answers.map(|(status, answer)| (status, answer.into_value()));
        all.insert("responses".into(), Value::Object(answers.collect()));
        Value::Object(all)
    }
}

/// Errors: RFC 9457.
pub(super) fn problem_schema() -> Value {
    let text = |description: &str| json!({ "type": "string", "description": description });
    let code = json!({
        "type": "string",
        "description": "What kind of error it is; a name that never changes.",
        "examples": ["http.not_found"],
    });
    json!({
        "type": "object",
        "description": "An error: problem details, RFC 9457.",
        "required": ["type", "title", "status", "code"],
        "properties": {
            "type": text("Always `about:blank`: `code` says what it is."),
            "title": text("The status in words."),
            "status": {
                "type": "integer", "minimum": 400, "maximum": 599,
                "description": "The status of the answer.",
            },
            "code": code,
            "detail": text("What is wrong."),
            "help": text("What to do about it."),
            "errors": {
                "type": "array",
                "description": "All that is wrong, if it is more than one thing, or has a place.",
                "items": {
                    "type": "object",
                    "required": ["code", "detail"],
                    "properties": {
                        "code": code,
                        "cause": text("The code of what it goes back to: `deadline`, if an `init` was too slow."),
                        "detail": text("What is wrong."),
                        "at": text("Where: a field, or a line of a file."),
                        "plugin": text("The plugin that it concerns."),
                        "phase": text("The step of its life, or the extension point, where it failed."),
                        "help": text("What to do about it."),
                    },
                },
            },
        },
    })
}

pub(super) fn problem_response() -> Value {
    Answer::problem("An error.").into_value()
}
