//! Every answer of management that a test gets is what `GET /openapi.json` says: an operation, a status, a media type or a
//! field that is not in the document fails the test.

use crate::client::{self, Answer, Raw};
use jsonschema::Validator;
use serde_json::{Map, Value, json};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};
use tokio::sync::OnceCell;

/// It is the same for all services.
static DOCUMENT: OnceCell<Document> = OnceCell::const_new();

pub(crate) struct Document {
    pub(crate) value: Value,
    /// With no room for fields that are not described.
    strict: Value,
    /// By the pointer to their schema.
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

/// The document, from a service that asks for no token.
pub(crate) async fn document() -> &'static Document {
    let ask = async || {
        let running = client::start(client::service([])).await;
        let management = running.management_address().expect("it is there");
        // Whoever asks for it by `Raw::management` has it checked with itself.
        let answer = Raw::connect(management).await.get("/openapi.json").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        running.stop().await;
        Document::new(answer.json())
    };
    DOCUMENT.get_or_init(ask).await
}

/// Fails unless the document says that this may be the answer. Pages of plugins are theirs.
pub(crate) async fn check(method: &str, target: &str, answer: &Answer) {
    let is_page = target.starts_with("/plugins/") && target.contains("/pages");
    if is_page {
        return;
    }
    // Whoever asks for the document asks for it here, too.
    let document = Box::pin(document()).await;
    if let Err(reason) = document.check(method, target, answer) {
        panic!("`{method} {target}` is not as in the document: {reason}\n{answer:?}");
    }
}

impl Document {
    pub(crate) fn new(value: Value) -> Self {
        let mut strict = value.clone();
        close(&mut strict);
        Self {
            value,
            strict,
            validators: Mutex::default(),
        }
    }

    fn check(&self, method: &str, target: &str, answer: &Answer) -> Result<(), String> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let status = answer.status.as_u16();
        let operation = self
            .find(path)
            .map(|template| {
                let method = if method == "HEAD" { "GET" } else { method };
                let pointer = format!("/paths/{}/{}", escaped(template), method.to_lowercase());
                (self.value.pointer(&pointer), pointer)
            })
            .and_then(|(operation, pointer)| Some((operation?, pointer)));
        let Some((operation, pointer)) = operation else {
            // No operation: then it has to be said so.
            if ![400, 401, 403, 404, 405, 413, 415].contains(&status) {
                return Err(format!("no such operation, and the status is {status}"));
            }
            let problem = "/components/responses/Problem";
            return self.content(problem, method, answer);
        };
        if status < 300 {
            for pair in query.split('&').filter(|pair| !pair.is_empty()) {
                let name = pair.split('=').next().unwrap_or_default();
                let parameters = operation["parameters"].as_array();
                let is_said = |one: &Value| one["name"] == name && one["in"] == "query";
                if !parameters.is_some_and(|all| all.iter().any(is_said)) {
                    return Err(format!("no parameter `{name}`"));
                }
            }
        }
        let pointer = format!("{pointer}/responses/{status}");
        if self.value.pointer(&pointer).is_none() {
            return Err(format!("no status {status}"));
        }
        self.content(&pointer, method, answer)
    }

    /// Whether an answer is of a media type of this response, and its body of that schema.
    fn content(&self, response: &str, method: &str, answer: &Answer) -> Result<(), String> {
        let media = answer.header("content-type").unwrap_or_default();
        let media = media.split(';').next().unwrap_or_default();
        let pointer = format!("{response}/content/{}/schema", escaped(media));
        let schema = self.strict.pointer(&pointer);
        let schema = schema.ok_or_else(|| format!("no media type `{media}`"))?;
        if method == "HEAD" {
            return Ok(());
        }
        let body = match media.ends_with("json") {
            true => answer.json(),
            false => answer.text().into(),
        };
        let validator = {
            let mut validators = self.validators.lock().unwrap();
            let validator = validators.entry(pointer).or_insert_with(|| {
                // References are from the root.
                let root = json!({ "allOf": [schema], "components": self.strict["components"] });
                Arc::new(jsonschema::draft202012::new(&root).unwrap())
            });
            Arc::clone(validator)
        };
        let errors: Vec<String> = validator
            .iter_errors(&body)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        match errors.is_empty() {
            true => Ok(()),
            false => Err(errors.join("; ")),
        }
    }

    /// The path of the document that this one matches: the most exact one.
    fn find(&self, path: &str) -> Option<&str> {
        let templates = self.value["paths"].as_object()?.keys();
        let matching = templates.filter(|template| matches(template, path));
        matching
            .min_by_key(|template| template.matches('{').count())
            .map(|template| &**template)
    }
}

fn matches(template: &str, path: &str) -> bool {
    let (mut templates, mut segments) = (template.split('/'), path.split('/'));
    loop {
        match (templates.next(), segments.next()) {
            (None, None) => return true,
            (Some(template), Some(segment)) => {
                let is_any = template.starts_with('{') && !segment.is_empty();
                if !is_any && template != segment {
                    return false;
                }
            }
            _ => return false,
        }
    }
}

/// As a JSON pointer has it.
fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// Leaves no room for fields that a schema does not name.
fn close(value: &mut Value) {
    match value {
        Value::Array(all) => all.iter_mut().for_each(close),
        Value::Object(all) => {
            all.values_mut().for_each(close);
            let is_schema = |all: &Map<String, Value>| {
                all.get("properties").is_some_and(Value::is_object)
                    && !all.contains_key("additionalProperties")
            };
            if is_schema(all) {
                all.insert("additionalProperties".into(), false.into());
            }
        }
        _ => {}
    }
}

/// Fails unless this is a document of OpenAPI 3.1 without references that lead nowhere, without two operations of one id,
/// and with schemas that are such.
pub(crate) fn assert_openapi(document: &Value) {
    let schema = include_str!("../data/openapi/3.1.json");
    let schema: Value = serde_json::from_str(schema).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let errors = validator.iter_errors(document);
    let errors: Vec<_> = errors
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");

    let mut references = Vec::new();
    gather(document, "$ref", &mut references);
    for reference in references {
        let pointer = reference.strip_prefix('#').unwrap_or_default();
        assert!(
            document.pointer(pointer).is_some(),
            "{reference} leads nowhere"
        );
    }
    let mut ids = Vec::new();
    gather(document, "operationId", &mut ids);
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count, "{ids:?}");
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        let is_schema = jsonschema::draft202012::meta::validate(schema);
        assert!(is_schema.is_ok(), "{name}: {:?}", is_schema.err());
    }
}

/// The texts that stand under this key, anywhere.
fn gather<'a>(value: &'a Value, key: &str, into: &mut Vec<&'a str>) {
    match value {
        Value::Array(all) => all.iter().for_each(|one| gather(one, key, into)),
        Value::Object(all) => {
            into.extend(all.get(key).and_then(Value::as_str));
            all.values().for_each(|one| gather(one, key, into));
        }
        _ => {}
    }
}
