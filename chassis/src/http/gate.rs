//! What stands before a handler that is not for everybody.
//!
//! Who the caller is, is found out before the first hook, so that all of them know; but who is refused goes through the onion
//! all the same, and is refused in its middle, in place of the handler: headers for other origins, ids and times are on that
//! answer as on any other. An around or a layer that answers by itself, from a cache perhaps, must not be a way past the gate:
//! see [`enforce`].

use super::{
    Response, exchange::Exchange, outcome::Outcome, problem::problem_of, request::RequestContext,
};
use crate::{
    auth::{AuthQuestion, Principal, Public},
    call::BoxFuture,
    error::{Error, code},
    scope::Scope,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header, request::Parts};
use std::sync::Arc;
use tokio::time::Instant;

/// Decides who may call a handler.
pub(crate) trait Gate: Send + Sync {
    fn admit(&self, asked: Asked) -> BoxFuture<'_, Admitted>;
}

/// Who it is that may pass; nobody in particular where the gate is open.
pub(crate) type Admitted = Result<Option<Arc<Principal>>, Refusal>;

/// A request that wants to pass.
pub(crate) struct Asked {
    pub(crate) scope: Scope,
    pub(crate) question: AuthQuestion,
    /// Who it is, if that is known already.
    pub(crate) principal: Option<Arc<Principal>>,
}

/// Why a request may not pass.
#[derive(Clone)]
pub(crate) struct Refusal {
    error: Arc<Error>,
    challenges: Vec<HeaderValue>,
    /// Whether there were no credentials at all.
    is_anonymous: bool,
}

impl Refusal {
    /// Who it is would have to be known.
    pub(crate) fn unknown(error: Error, challenges: Vec<HeaderValue>) -> Self {
        Self {
            error: Arc::new(error),
            challenges,
            is_anonymous: false,
        }
    }

    /// There are no credentials at all.
    pub(crate) fn anonymous(error: Error, challenges: Vec<HeaderValue>) -> Self {
        Self {
            is_anonymous: true,
            ..Self::unknown(error, challenges)
        }
    }

    pub(crate) fn is_anonymous(&self) -> bool {
        self.is_anonymous
    }

    pub(crate) fn response(&self) -> Response {
        let mut response = problem_of(Arc::clone(&self.error));
        for challenge in &self.challenges {
            let headers = response.headers_mut();
            headers.append(header::WWW_AUTHENTICATE, challenge.clone());
        }
        response
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::unknown(error, Vec::new())
    }
}

/// What a gate has decided.
pub(super) struct Judged {
    /// Which gate it was: a hook may send the request to another one.
    gate: Arc<dyn Gate>,
    refusal: Option<Refusal>,
}

impl Asked {
    /// For an argument of a handler.
    pub(crate) fn of(cx: &RequestContext, parts: &Parts) -> Self {
        Self::new(cx, (&parts.method, &parts.uri, &parts.headers))
    }

    fn new(cx: &RequestContext, (method, uri, headers): (&Method, &Uri, &HeaderMap)) -> Self {
        let route = cx.handling.info.as_deref();
        Self {
            scope: cx.arrived.scope.clone(),
            principal: cx.principal.get().cloned(),
            question: AuthQuestion {
                method: method.to_string(),
                path: uri.path().to_owned(),
                query: uri.query().map(str::to_owned),
                route: route.map(|route| route.path.to_string()),
                plugin: route.map(|route| route.owner.to_string()),
                client: cx.arrived.client.0,
                headers: headers.clone(),
            },
        }
    }
}

/// Asks the gate before the route of a request, once. Until the deadline, if nothing else cuts it off.
pub(super) async fn judge(exchange: &mut Exchange, deadline: Option<Instant>) {
    let Some(gate) = exchange.handling().gate.clone() else {
        return;
    };
    if exchange.is_judged_by(&gate) {
        return;
    }
    let since = exchange.clock();
    let asked = exchange.asked();
    let admitted = match deadline {
        None => gate.admit(asked).await,
        Some(deadline) => {
            let admitted = tokio::time::timeout_at(deadline, gate.admit(asked)).await;
            admitted.unwrap_or_else(|_| {
                let message = "who the caller is was not found out in time";
                Err(Error::new(code::DEADLINE, message).into())
            })
        }
    };
    exchange.took_at("chassis", "auth", since);
    let refusal = match admitted {
        Ok(principal) => {
            if let Some(principal) = principal {
                exchange.know(principal);
            }
            None
        }
        Err(refusal) => Some(refusal),
    };
    exchange.judged = Some(Box::new(Judged { gate, refusal }));
}

/// In place of the handler: whether it may be called. One whose gate has not been asked is so now: a hook has sent the request
/// there.
pub(super) async fn passes(exchange: &mut Exchange) -> bool {
    judge(exchange, None).await;
    let refused = exchange.refusal().map(Refusal::response);
    let is_refused = refused.is_some();
    if let Some(response) = refused {
        exchange.put_response(response, Outcome::AnsweredEarly);
    }
    !is_refused
}

/// The last word: who was refused gets no success and no upgraded connection, whoever has answered. Something else that is
/// no success may stand there: a redirect to a page for logging in, a 429. So may an answer that says of itself that it is for
/// everybody, [`Public`]: to a preflight, which never has credentials.
pub(super) fn enforce(exchange: &mut Exchange) {
    let response = exchange.response();
    let is_public = response.is_some_and(|answer| answer.extensions().get::<Public>().is_some());
    if exchange.status() < StatusCode::MULTIPLE_CHOICES
        && !is_public
        && let Some(refused) = exchange.refusal().map(Refusal::response)
    {
        tracing::warn!(
            route = exchange.route().map(|route| &*route.path),
            "something in the onion has answered a request that was refused: the answer is not sent"
        );
        exchange.put_response(refused, Outcome::AnsweredEarly);
    }
}

impl Exchange {
    /// Who the caller is, if the route asks for it: `scopes = [..]`. Who is refused is nobody.
    pub fn principal(&self) -> Option<&Principal> {
        let shared = self.shared.as_ref();
        let shared = shared.and_then(|shared| shared.principal.get());
        self.cx.principal.get().or(shared).map(|known| &**known)
    }

    fn asked(&self) -> Asked {
        Asked::new(&self.cx, (self.method(), self.uri(), self.headers()))
    }

    /// From here on it is known who the caller is; a second gate may have found out more.
    fn know(&mut self, principal: Arc<Principal>) {
        _ = self.cx.principal.take();
        _ = self.cx.principal.set(principal);
        // It is made anew for the handler.
        if let Some(shared) = self.shared.take() {
            let now = shared.arrived.scope.cause();
            self.cx.arrived.scope.cause_mut().take_trace(now);
        }
    }

    fn is_judged_by(&self, gate: &Arc<dyn Gate>) -> bool {
        let judged = self.judged.as_ref();
        judged.is_some_and(|judged| Arc::ptr_eq(&judged.gate, gate))
    }

    /// Why the handler that it is at may not be called.
    fn refusal(&self) -> Option<&Refusal> {
        let gate = self.handling().gate.as_ref()?;
        let judged = self.judged.as_ref()?;
        let is_this = Arc::ptr_eq(&judged.gate, gate);
        judged.refusal.as_ref().filter(|_| is_this)
    }
}
