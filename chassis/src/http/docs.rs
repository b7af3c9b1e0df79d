//! What authors say of a route, for the document of the service.

use crate::{
    error::Code,
    openapi::{Operation, SchemaOf, inline_of, schema_of},
};
use schemars::JsonSchema;

/// What `GET /openapi.json` says of a route beyond what its types and its doc comment say. It is attached to the route.
///
/// ```
/// use chassis::{Code, RouteDocs, prelude::*};
/// # use chassis::testing::TestChassis;
///
/// /// There is no product of this name.
/// const UNKNOWN: Code = Code::new("shop.unknown", 404, "There is no product of this name.");
///
/// /// Sells things.
/// #[plugin]
/// async fn shop(cx: &mut PluginContext) -> Result<()> {
///     cx.get("/products/{name}", async |Path(name): Path<String>| match &*name {
///         "tea" => Ok(Json(450)),
///         _ => Err(Error::new(UNKNOWN, "there is tea")),
///     })
///     .with(RouteDocs::new().summary("What a product costs").answer::<u32>(200, "In cents.").fails(UNKNOWN));
///     Ok(())
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<()> {
/// let app = TestChassis::with::<shop>().start().await?;
/// let document: serde_json::Value = app.get("/openapi.json").await.json();
/// let price = &document["paths"]["/products/{name}"]["get"];
/// assert_eq!(price["summary"], "What a product costs");
/// assert!(price["responses"]["404"].is_object());
/// # Ok(())
/// # }
/// ```
///
/// On a method it is `#[get("/products/{name}", with = RouteDocs::new().fails(UNKNOWN))]`.
#[derive(Clone, Debug, Default)]
pub struct RouteDocs {
    summary: Option<String>,
    description: Option<String>,
    id: Option<String>,
    tag: Option<String>,
    is_deprecated: bool,
    pub(crate) is_hidden: bool,
    pub(super) status: Option<u16>,
    pub(super) path: Option<SchemaOf>,
    pub(super) query: Option<SchemaOf>,
    pub(super) body: Option<SchemaOf>,
    pub(super) answers: Vec<(u16, String, Option<SchemaOf>)>,
    pub(super) fails: Vec<Code>,
}

impl RouteDocs {
    /// Nothing beyond what the types say.
    pub fn new() -> Self {
        Self::default()
    }

    /// What it does, in a line. Default: the first paragraph of the doc comment of a method.
    #[must_use]
    pub fn summary(mut self, text: impl Into<String>) -> Self {
        self.summary = Some(text.into());
        self
    }

    /// What it does, at length. Default: the rest of the doc comment.
    #[must_use]
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.description = Some(text.into());
        self
    }

    /// What generated clients call it. Default: plugin and method.
    #[must_use]
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// What it is listed under. Default: the plugin.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tag = Some(tag.into());
        self
    }

    /// It should not be used any more. So says `#[deprecated]` on a method, too.
    #[must_use]
    pub fn deprecated(mut self) -> Self {
        self.is_deprecated = true;
        self
    }

    /// It is not in the document.
    #[must_use]
    pub fn hidden(mut self) -> Self {
        self.is_hidden = true;
        self
    }

    /// The status of what its types speak of. Default: 200, or any of 2xx if it gives one itself.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// The type that the path is read into.
    #[must_use]
    pub fn path<T: JsonSchema>(mut self) -> Self {
        self.path = Some(inline_of::<T>);
        self
    }

    /// The type that the query is read into.
    #[must_use]
    pub fn query<T: JsonSchema>(mut self) -> Self {
        self.query = Some(inline_of::<T>);
        self
    }

    /// The type that a JSON body is read into.
    #[must_use]
    pub fn body<T: JsonSchema>(mut self) -> Self {
        self.body = Some(schema_of::<T>);
        self
    }

    /// An answer with this type as JSON. It may be called again, for another status.
    #[must_use]
    pub fn answer<T: JsonSchema>(mut self, status: u16, description: impl Into<String>) -> Self {
        let answer = (status, description.into(), Some(schema_of::<T> as SchemaOf));
        self.answers.push(answer);
        self
    }

    /// An answer whose body is empty, or anything. It may be called again, for another status.
    #[must_use]
    pub fn answer_any(mut self, status: u16, description: impl Into<String>) -> Self {
        self.answers.push((status, description.into(), None));
        self
    }

    /// An error of this code. It may be called again. (Those of the chassis need not be told, nor those of hooks:
    /// [`Contributions::may_answer`](crate::Contributions::may_answer).)
    #[must_use]
    pub fn fails(mut self, code: Code) -> Self {
        self.fails.push(code);
        self
    }

    /// Replaces what was found out.
    pub(super) fn apply(&self, operation: &mut Operation) {
        let texts = [
            (&self.summary, &mut operation.summary),
            (&self.description, &mut operation.description),
            (&self.id, &mut operation.id),
            (&self.tag, &mut operation.tag),
        ];
        for (said, text) in texts {
            if let Some(said) = said {
                said.clone_into(text);
            }
        }
        operation.deprecated |= self.is_deprecated;
    }
}
