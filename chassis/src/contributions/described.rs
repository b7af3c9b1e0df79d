//! What an instance says for the document of the service, beyond its own routes: how callers can say who they are, and what its
//! hooks answer in place of handlers.

use super::{Contributions, Place};
use crate::{
    error::{Code, Error, code},
    http::RoutePattern,
    openapi::{Failure, SecurityScheme, is_component_name},
};
use std::{fmt, sync::Arc};

/// What one instance says for the document of the service.
#[derive(Clone, Default)]
pub(crate) struct Said {
    pub(crate) schemes: Vec<(String, SecurityScheme)>,
    pub(crate) early: Vec<EarlyAnswer>,
    wrong: Vec<(Arc<str>, String)>,
}

/// An error that is answered in place of handlers.
#[derive(Clone)]
pub(crate) struct EarlyAnswer {
    pub(crate) routes: RoutePattern,
    pub(crate) failure: Failure,
}

impl Contributions {
    /// Says how callers can say who they are, to the plugin's handlers at `auth.authenticate`: the document of the service
    /// (`GET /openapi.json`) has it in `securitySchemes`, and names it at each route that is not for everybody. The name is one that
    /// generated clients show: letters, digits, `.`, `-` and `_`.
    ///
    /// ```
    /// use chassis::{AuthQuestion, SecurityScheme, prelude::*};
    /// # use chassis::testing::TestChassis;
    ///
    /// /// Knows one key.
    /// #[plugin]
    /// async fn keys(cx: &mut PluginContext) -> Result<()> {
    ///     cx.security_scheme("apiKey", SecurityScheme::api_key("X-API-Key"));
    ///     cx.call(&points::AUTHENTICATE, async |asked: &AuthQuestion| {
    ///         let key = asked.header("x-api-key")?;
    ///         (key == "open sesame").then(|| Principal::new("ali").into())
    ///     });
    ///     cx.get("/cave", async || "gold").scopes(["cave:enter"]);
    ///     Ok(())
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<()> {
    /// let app = TestChassis::with::<keys>().start().await?;
    /// let document: serde_json::Value = app.get("/openapi.json").await.json();
    /// let cave = &document["paths"]["/cave"]["get"];
    /// assert_eq!(cave["security"], serde_json::json!([{ "apiKey": ["cave:enter"] }]));
    /// assert!(cave["responses"]["401"].is_object());
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn security_scheme(&mut self, name: impl Into<String>, scheme: SecurityScheme) {
        let name = name.into();
        let why = if !is_component_name(&name) {
            Some("is not a name that a document can have")
        } else if self.said.schemes.iter().any(|(other, _)| *other == name) {
            Some("stands there twice")
        } else {
            None
        };
        if let Some(why) = why {
            let Place { file, line, .. } = Place::caller();
            let origin = format!("{file}:{line}").into();
            let message = format!("the security scheme `{name}` {why}");
            self.said.wrong.push((origin, message));
        }
        self.said.schemes.push((name, scheme));
    }

    /// Says that middleware of this plugin may answer an error of this code in place of the handlers of these routes. The document of
    /// the service (`GET /openapi.json`) lists it there. (What handlers answer themselves, [`RouteDocs`](crate::RouteDocs) say.)
    ///
    /// ```
    /// use chassis::{Code, RoutePattern, prelude::*};
    ///
    /// const CLOSED: Code = Code::new("hours.closed", 503, "The shop is closed; `Retry-After` says when it opens.");
    ///
    /// /// Takes no orders before nine.
    /// #[plugin]
    /// async fn hours(cx: &mut PluginContext) -> Result<()> {
    ///     let orders = RoutePattern::all().of(Method::POST);
    ///     cx.may_answer(orders.clone(), CLOSED).header("Retry-After", "The seconds to wait.");
    ///     cx.filter(&points::PRE_REQUEST, move |exchange: &mut Exchange| -> Flow {
    ///         match orders.is_for(exchange) {
    ///             true => Flow::respond(Error::new(CLOSED, "it is too early")),
    ///             false => Flow::Continue,
    ///         }
    ///     });
    ///     Ok(())
    /// }
    /// ```
    pub fn may_answer(&mut self, routes: RoutePattern, code: Code) -> PlacedAnswer<'_> {
        let index = self.said.early.len();
        self.said.early.push(EarlyAnswer {
            routes,
            failure: Failure::new(code),
        });
        PlacedAnswer {
            failure: &mut self.said.early[index].failure,
        }
    }
}

impl Said {
    /// What is wrong with the names of schemes.
    pub(super) fn check(&self) -> impl Iterator<Item = Error> {
        self.wrong.iter().map(|(origin, message)| {
            let error = Error::new(code::POINT_MISMATCH, message.clone());
            error.from_origin(Arc::clone(origin)).with_help(
                "give each scheme a name of its own, of letters, digits, `.`, `-` and `_`",
            )
        })
    }
}

/// An error that middleware may answer, as it was just said.
pub struct PlacedAnswer<'t> {
    failure: &'t mut Failure,
}

#[expect(
    clippy::return_self_not_must_use,
    reason = "it is put already; what follows is by the way"
)]
impl PlacedAnswer<'_> {
    /// A header of the answer, and what it says.
    pub fn header(self, name: impl Into<String>, text: impl Into<String>) -> Self {
        self.failure.header(name, text);
        self
    }
}

impl fmt::Debug for PlacedAnswer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.failure.fmt(f)
    }
}
