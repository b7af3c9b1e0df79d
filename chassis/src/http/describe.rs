//! What the types of a handler say of its route. The compiler knows whether a type has a schema, and the macro does not:
//! so it writes a call, and the compiler chooses which.
//!
//! Nothing of this runs while requests are served: only when the document is written.

use super::{Json, Path, Query, RouteDocs, known::Argument};
use crate::{
    auth::Principal,
    openapi::{
        Answer, Callers, Document, Failure, InFront, Operation, SchemaOf, in_path, inline_of,
        parameters, schema_of,
    },
};
use axum::response::{AppendHeaders, Html, NoContent, Redirect, Sse};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use schemars::JsonSchema;
use serde_json::{Value, json};
use std::{any::type_name, borrow::Cow, marker::PhantomData};

const JSON: &str = "application/json";

/// A route that is being described.
#[doc(hidden)]
#[derive(Debug)]
pub struct Describing<'d> {
    document: &'d mut Document,
    operation: Operation,
    path: &'d str,
    /// The type that the path is read into.
    path_schema: Option<Value>,
    /// The status of what it answers if all is well; none if the handler chooses it.
    status: Option<u16>,
    is_answered: bool,
    /// Who the caller is, if the handler asks for it by itself.
    caller: Option<Caller>,
}

/// What a handler wants to know of its caller.
#[derive(Clone, Copy, Debug)]
enum Caller {
    Known,
    Perhaps,
}

/// What a macro knows of a handler.
#[derive(Clone, Copy)]
pub(crate) struct Described {
    pub(crate) text: &'static str,
    pub(crate) deprecated: bool,
    pub(crate) types: fn(&mut Describing<'_>),
}

impl<'d> Describing<'d> {
    pub(crate) fn new(document: &'d mut Document, path: &'d str) -> Self {
        Self {
            document,
            operation: Operation::default(),
            path,
            path_schema: None,
            status: Some(200),
            is_answered: false,
            caller: None,
        }
    }

    /// Names it, unless its author does.
    pub(crate) fn named(&mut self, owner: &str, handler: &str, method: &http::Method) {
        let words = |text: &str| -> String {
            let words = text.split(|c: char| !c.is_ascii_alphanumeric());
            let words = words.filter(|word| !word.is_empty());
            words.collect::<Vec<_>>().join("_")
        };
        let handler = match handler {
            "" | "(closure)" => format!("{}_{}", method.as_str().to_lowercase(), words(self.path)),
            method => method.to_owned(),
        };
        self.operation.id = format!("{}_{}", words(owner), handler.trim_end_matches('_'));
        owner.clone_into(&mut self.operation.tag);
    }

    fn takes(&mut self, media_type: &str, schema: Option<SchemaOf>, is_required: bool) {
        let schema = schema.map_or(json!({}), |schema| {
            schema(&mut self.document.taken).to_value()
        });
        self.operation.body = Some(json!({
            "required": is_required,
            "content": { media_type: { "schema": schema } },
        }));
    }

    fn gives(&mut self, media_type: Option<&str>, schema: Option<SchemaOf>) {
        let schema = schema.map(|schema| schema(&mut self.document.given).to_value());
        self.answers(media_type, schema);
    }

    fn answers(&mut self, media_type: Option<&str>, schema: Option<Value>) {
        self.is_answered = true;
        let status = self
            .status
            .map_or("2XX".to_owned(), |status| status.to_string());
        let mut answer = Answer::new("All is well.");
        if let Some(media_type) = media_type {
            answer = answer.with(media_type, schema.unwrap_or(json!({})));
        }
        self.operation.answers.insert(status, answer);
    }

    fn text(&mut self, media_type: &str) {
        self.answers(Some(media_type), Some(json!({ "type": "string" })));
    }

    /// Adds what the names of the arguments of a closure tell: that there is a body, and of which kind; that it wants to know
    /// who the caller is.
    pub(crate) fn guess(&mut self, arguments: &str) {
        let principal = type_name::<Principal>();
        if arguments.contains(type_name::<Option<Principal>>()) {
            self.caller = Some(Caller::Perhaps);
        } else if arguments.contains(principal) {
            self.caller = Some(Caller::Known);
        }
        let is_json = ["http::extract::Json<", "axum::json::Json<"];
        if is_json.iter().any(|name| arguments.contains(name)) {
            self.takes(JSON, None, true);
        }
    }

    /// The operation, with what its author says of it, what stands before it, and the errors of the chassis.
    pub(crate) fn finish(
        mut self,
        method: &http::Method,
        docs: &RouteDocs,
        described: Option<Described>,
        mut before: InFront,
    ) {
        let text = described.map_or("", |described| described.text);
        let (summary, description) = text.split_once("\n\n").unwrap_or((text, ""));
        let operation = &mut self.operation;
        operation.summary = summary.replace('\n', " ");
        description.trim().clone_into(&mut operation.description);
        operation.deprecated = described.is_some_and(|described| described.deprecated);
        if let Some(path) = docs.path {
            self.path_schema = Some(path(&mut self.document.taken).to_value());
        }
        let of_path = in_path(self.path, self.path_schema.as_ref());
        operation.parameters.splice(0..0, of_path);
        if let Some(query) = docs.query {
            let schema = query(&mut self.document.taken);
            operation.parameters.extend(parameters(schema.as_value()));
        }
        if let Some(body) = docs.body {
            self.takes(JSON, Some(body), true);
        }
        let operation = &mut self.operation;
        if let Some(status) = docs.status {
            let unknown = operation.answers.remove("2XX");
            let said = unknown.or_else(|| operation.answers.remove("200"));
            let said = said.unwrap_or_else(|| Answer::new("All is well."));
            operation.answers.insert(status.to_string(), said);
            self.is_answered = true;
        }
        for (status, text, schema) in &docs.answers {
            self.is_answered = true;
            if *status < 300 {
                // What its author says of it is more than what its types say.
                operation.answers.retain(|status, _| status != "2XX");
            }
            let answer = Answer::new(text.clone());
            let schema = schema.map(|schema| schema(&mut self.document.given).to_value());
            let answer = match schema {
                Some(schema) => answer.with(JSON, schema),
                None => answer,
            };
            operation.answers.insert(status.to_string(), answer);
        }
        self.errors();
        docs.apply(&mut self.operation);
        if let Some(caller) = self.caller
            && before.callers.is_none()
        {
            before.callers = Some(Callers {
                are_optional: matches!(caller, Caller::Perhaps),
                ..Callers::default()
            });
        }
        let own = docs.fails.iter().copied().map(Failure::new);
        before.failures.splice(0..0, own);
        self.document
            .add(method, &template(self.path), self.operation, &before);
    }

    fn errors(&mut self) {
        let any = match self.is_answered {
            true => Answer::problem("Something is wrong: with the request, or with the service."),
            // Nobody knows what the handler gives, and errors are among it.
            false => Answer::new("What the handler gives, or problem details."),
        };
        let answers = &mut self.operation.answers;
        answers.entry("default".into()).or_insert(any);
    }
}

/// The path as OpenAPI writes it: `{*rest}` is a parameter like any other, and a brace is none.
fn template(path: &str) -> String {
    let path = path.replace("{{", "%7B").replace("}}", "%7D");
    path.replace("{*", "{")
}

/// The answer of a handler, of which the macro sees the type only.
#[doc(hidden)]
#[derive(Debug)]
pub struct Answered<T>(PhantomData<fn() -> T>);

impl<T> Answered<T> {
    /// There is only one.
    pub const NEW: Self = Self(PhantomData);
}

macro_rules! probes {
    ($wrapper:ident, $known:ident, $bare:ident, $nothing:ident: $of_known:ident, $of_bare:ident) => {
        /// Of three methods `describe`, the compiler takes the one that is fewest references away from `&&&`: this one
        /// where all is known of the type.
        #[doc(hidden)]
        pub trait $known {
            /// Says what the type says.
            fn describe(&self, to: &mut Describing<'_>);
        }

        impl<T: $of_known> $known for &&$wrapper<T> {
            fn describe(&self, to: &mut Describing<'_>) {
                T::describe(to);
            }
        }

        /// Where the type has no schema.
        #[doc(hidden)]
        pub trait $bare {
            /// Says what the type says.
            fn describe(&self, to: &mut Describing<'_>);
        }

        impl<T: $of_bare> $bare for &$wrapper<T> {
            fn describe(&self, to: &mut Describing<'_>) {
                T::describe_bare(to);
            }
        }

        /// Where nothing is known of it.
        #[doc(hidden)]
        pub trait $nothing {
            /// Says nothing.
            fn describe(&self, to: &mut Describing<'_>);
        }

        impl<T> $nothing for $wrapper<T> {
            fn describe(&self, _: &mut Describing<'_>) {}
        }
    };
}

probes!(Argument, ArgumentKnown, ArgumentBare, ArgumentUnknown: Taken, TakenBare);
probes!(Answered, AnswerKnown, AnswerBare, AnswerUnknown: Given, GivenBare);

/// An argument that says what a request has to be.
#[doc(hidden)]
pub trait Taken {
    fn describe(to: &mut Describing<'_>);
}

/// The same without a schema.
#[doc(hidden)]
pub trait TakenBare {
    fn describe_bare(to: &mut Describing<'_>);
}

/// A result that says what an answer is.
#[doc(hidden)]
pub trait Given {
    fn describe(to: &mut Describing<'_>);
}

/// The same without a schema.
#[doc(hidden)]
pub trait GivenBare {
    fn describe_bare(to: &mut Describing<'_>);
}

impl<T: JsonSchema> Taken for Path<T> {
    fn describe(to: &mut Describing<'_>) {
        to.path_schema = Some(T::json_schema(&mut to.document.taken).to_value());
    }
}

impl<T: JsonSchema> Taken for Query<T> {
    fn describe(to: &mut Describing<'_>) {
        let schema = inline_of::<T>(&mut to.document.taken);
        let all = parameters(schema.as_value());
        to.operation.parameters.extend(all);
    }
}

impl<T: JsonSchema> Taken for axum::extract::Query<T> {
    fn describe(to: &mut Describing<'_>) {
        Query::<T>::describe(to);
    }
}

impl Taken for Principal {
    fn describe(to: &mut Describing<'_>) {
        to.caller = Some(Caller::Known);
    }
}

impl Taken for Option<Principal> {
    fn describe(to: &mut Describing<'_>) {
        to.caller.get_or_insert(Caller::Perhaps);
    }
}

impl<T: JsonSchema> Taken for Json<T> {
    fn describe(to: &mut Describing<'_>) {
        to.takes(JSON, Some(schema_of::<T>), true);
    }
}

impl<T> TakenBare for Json<T> {
    fn describe_bare(to: &mut Describing<'_>) {
        to.takes(JSON, None, true);
    }
}

impl<T: JsonSchema> Taken for axum::Json<T> {
    fn describe(to: &mut Describing<'_>) {
        <Json<T> as Taken>::describe(to);
    }
}

impl<T> TakenBare for axum::Json<T> {
    fn describe_bare(to: &mut Describing<'_>) {
        to.takes(JSON, None, true);
    }
}

macro_rules! any_body {
    ($($type:ty),*) => {$(
        impl Taken for $type {
            fn describe(to: &mut Describing<'_>) {
                to.takes("*/*", None, false);
            }
        }
    )*};
}

any_body!(String, Bytes, super::Body, super::Request);

impl<T: JsonSchema> Given for Json<T> {
    fn describe(to: &mut Describing<'_>) {
        to.gives(Some(JSON), Some(schema_of::<T>));
    }
}

impl<T> GivenBare for Json<T> {
    fn describe_bare(to: &mut Describing<'_>) {
        to.gives(Some(JSON), None);
    }
}

impl<T: JsonSchema> Given for axum::Json<T> {
    fn describe(to: &mut Describing<'_>) {
        <Json<T> as Given>::describe(to);
    }
}

impl<T> GivenBare for axum::Json<T> {
    fn describe_bare(to: &mut Describing<'_>) {
        <Json<T> as GivenBare>::describe_bare(to);
    }
}

macro_rules! texts {
    ($([$($generic:tt)*] $type:ty: $media_type:literal;)*) => {$(
        impl<$($generic)*> Given for $type {
            fn describe(to: &mut Describing<'_>) {
                to.text($media_type);
            }
        }
    )*};
}

texts! {
    [] &str: "text/plain";
    [] String: "text/plain";
    [] Box<str>: "text/plain";
    [] Cow<'_, str>: "text/plain";
    [T] Html<T>: "text/html";
    [S] Sse<S>: "text/event-stream";
    [] Bytes: "application/octet-stream";
    [] Vec<u8>: "application/octet-stream";
    [] &[u8]: "application/octet-stream";
}

impl Given for () {
    fn describe(to: &mut Describing<'_>) {
        to.gives(None, None);
    }
}

impl Given for NoContent {
    fn describe(to: &mut Describing<'_>) {
        to.status = Some(204);
        to.gives(None, None);
    }
}

impl Given for Redirect {
    fn describe(to: &mut Describing<'_>) {
        to.is_answered = true;
        let answer = Answer::new("The answer is elsewhere.");
        to.operation.answers.insert("3XX".into(), answer);
    }
}

impl<T: Given, E> Given for Result<T, E> {
    fn describe(to: &mut Describing<'_>) {
        T::describe(to);
    }
}

impl<T: GivenBare, E> GivenBare for Result<T, E> {
    fn describe_bare(to: &mut Describing<'_>) {
        T::describe_bare(to);
    }
}

/// What may stand before a body in an answer.
#[doc(hidden)]
pub trait Before {
    /// Whether the handler chooses the status.
    const IS_STATUS: bool = false;
}

impl Before for StatusCode {
    const IS_STATUS: bool = true;
}
impl Before for HeaderMap {}
impl<K, V, const N: usize> Before for [(K, V); N] {}
impl<I> Before for AppendHeaders<I> {}

macro_rules! tuples {
    ($(($($before:ident),+))*) => {$(
        impl<$($before: Before,)+ T: Given> Given for ($($before,)+ T) {
            fn describe(to: &mut Describing<'_>) {
                if $($before::IS_STATUS)||+ {
                    to.status = None;
                }
                T::describe(to);
            }
        }

        impl<$($before: Before,)+ T: GivenBare> GivenBare for ($($before,)+ T) {
            fn describe_bare(to: &mut Describing<'_>) {
                if $($before::IS_STATUS)||+ {
                    to.status = None;
                }
                T::describe_bare(to);
            }
        }
    )*};
}

tuples! { (A) (A, B) (A, B, C) }
