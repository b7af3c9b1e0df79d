//! What stands before an operation: who may call it, and what may be answered in its place.

use super::{Answer, Operation, each_reference, operation::PROBLEM};
use crate::error::{Code, code};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// What stands before an operation.
#[derive(Clone, Debug, Default)]
pub(crate) struct InFront {
    /// Who may call it; none if everybody may.
    pub(crate) callers: Option<Callers>,
    /// Whether somebody has a say in what callers who are known may do.
    pub(crate) may_be_denied: bool,
    /// What may be answered in its place, besides.
    pub(crate) failures: Vec<Failure>,
}

/// Who may call an operation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Callers {
    pub(crate) scopes: Vec<String>,
    /// One of these, if there are any.
    pub(crate) roles: Vec<String>,
    /// Whether it may be called by nobody in particular, too; who says who it is has to be right all the same.
    pub(crate) are_optional: bool,
}

/// An error that may be answered.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    code: Code,
    /// What there is to be said of it here, beyond its meaning.
    more: String,
    /// Its headers, and what they say.
    headers: BTreeMap<String, String>,
}

impl Failure {
    pub(crate) fn new(code: Code) -> Self {
        Self {
            code,
            more: String::new(),
            headers: BTreeMap::new(),
        }
    }

    pub(crate) fn header(&mut self, name: impl Into<String>, text: impl Into<String>) {
        self.headers.insert(name.into(), text.into());
    }

    fn more(mut self, more: String) -> Self {
        self.more = more;
        self
    }
}

impl Callers {
    /// The requirements of the operation, one of which is enough; `schemes` are those that there are.
    fn security(&self, schemes: &[String]) -> Vec<Value> {
        let nobody = self.are_optional.then(|| json!({}));
        let known = schemes.iter().map(|name| json!({ name: self.scopes }));
        match schemes {
            // To ask for nothing would say that everybody may, and there is nothing else to ask for.
            [] => Vec::new(),
            _ => nobody.into_iter().chain(known).collect(),
        }
    }

    fn failures(&self, may_be_denied: bool) -> impl Iterator<Item = Failure> {
        let mut unknown = Failure::new(code::UNAUTHORIZED);
        unknown.header(
            "WWW-Authenticate",
            "In which ways a caller can say who it is, and perhaps what is wrong.",
        );
        let scopes = match &self.scopes[..] {
            [] => None,
            all => Some(Failure::new(code::MISSING_SCOPE).more(format!("It needs {}.", list(all)))),
        };
        let roles = match &self.roles[..] {
            [] => None,
            [only] => Some(format!("It needs the role `{only}`.")),
            all => Some(format!("It needs one of the roles {}.", list(all))),
        };
        let roles = roles.or_else(|| may_be_denied.then(String::new));
        let denied = roles.map(|more| Failure::new(code::AUTH_DENIED).more(more));
        let unavailable = Failure::new(code::AUTH_UNAVAILABLE);
        let all = [Some(unknown), scopes, denied, Some(unavailable)];
        all.into_iter().flatten()
    }
}

fn list(names: &[String]) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

impl InFront {
    /// Adds it to an operation of ours.
    pub(super) fn stand_before(&self, operation: &mut Operation, schemes: &[String]) {
        operation.security = self.security(schemes);
        for (status, answer) in self.answers() {
            // What its author says of a status is more.
            operation.answers.entry(status).or_insert(answer);
        }
    }

    /// Adds it to an operation of somebody else, which may have requirements of its own: both are to be met. `problem` refers to
    /// the schema of errors.
    pub(super) fn stand_before_guest(
        &self,
        operation: &mut Map<String, Value>,
        schemes: &[String],
        problem: &str,
    ) {
        let ours = self.security(schemes);
        if !ours.is_empty() {
            let theirs = operation.get("security").and_then(Value::as_array);
            let theirs = theirs.filter(|all| !all.is_empty()).cloned();
            let theirs = theirs.unwrap_or_else(|| vec![json!({})]);
            let both = theirs.iter().flat_map(|theirs| {
                ours.iter().map(move |ours| {
                    let mut both = theirs.as_object().cloned().unwrap_or_default();
                    both.extend(ours.as_object().cloned().unwrap_or_default());
                    Value::Object(both)
                })
            });
            let both = both.collect();
            operation.insert("security".to_owned(), Value::Array(both));
        }
        let answers = operation.entry("responses").or_insert_with(|| json!({}));
        if let Value::Object(answers) = answers {
            for (status, answer) in self.answers() {
                let mut answer = answer.into_value();
                each_reference(&mut answer, &mut |reference| {
                    (reference == PROBLEM).then(|| problem.to_owned())
                });
                answers.entry(status).or_insert(answer);
            }
        }
    }

    fn security(&self, schemes: &[String]) -> Vec<Value> {
        let callers = self.callers.as_ref();
        callers.map_or_else(Vec::new, |callers| callers.security(schemes))
    }

    /// What may be answered, by status.
    fn answers(&self) -> BTreeMap<String, Answer> {
        let of_callers = self.callers.iter();
        let of_callers = of_callers.flat_map(|callers| callers.failures(self.may_be_denied));
        let mut told: Vec<Code> = Vec::new();
        let mut answers: BTreeMap<String, Answer> = BTreeMap::new();
        for failure in self.failures.iter().cloned().chain(of_callers) {
            let Failure {
                code,
                more,
                headers,
            } = failure;
            let answer = answers.entry(code.status().to_string());
            let answer = answer.or_insert_with(|| Answer::problem(""));
            answer.headers.extend(headers);
            if told.contains(&code) {
                continue;
            }
            told.push(code);
            let text = format!("`{}`: {} {more}", code.name(), code.meaning().trim());
            if !answer.description.is_empty() {
                answer.description.push(' ');
            }
            answer.description.push_str(text.trim_end());
        }
        answers
    }
}
