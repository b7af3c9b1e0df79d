//! The middle of the onion.

use super::{exchange::Exchange, gate, outcome::Outcome, problem::problem, table::Target};
use crate::error::{Error, code};
use http::header;
use std::sync::Arc;

/// The route's handler, a mounted router, or 404, 405 and 413.
pub(super) async fn terminal(exchange: &mut Exchange) {
    if exchange.handling().gate.is_some() && !Box::pin(gate::passes(exchange)).await {
        return;
    }
    if let Some(error) = over_limit(exchange) {
        return exchange.put_response(problem(error), Outcome::Answered);
    }
    let handling = Arc::clone(exchange.handling());
    match &handling.target {
        Target::Endpoint { endpoint, site } => {
            let since = exchange.clock();
            // The answer is put in its place inside the guard: it is large, and would be moved at each step out.
            let answered = async {
                let response = endpoint.call(exchange).await;
                exchange.leave_request();
                exchange.put_response(response, Outcome::Answered);
                if exchange.status().is_server_error() {
                    site.stats.count_error();
                }
                Ok(())
            };
            if let Err(error) = site.run(answered).await {
                exchange.fail(error);
            }
            exchange.took(site, since);
        }
        Target::NotFound => {
            let message = format!("there is nothing at `{}`", exchange.uri().path());
            exchange.put_response(
                problem(Error::new(code::NOT_FOUND, message)),
                Outcome::Answered,
            );
        }
        Target::MethodNotAllowed { allow } => {
            let message = format!(
                "`{}` does not take {}",
                exchange.uri().path(),
                exchange.method()
            );
            let mut response = problem(Error::new(code::METHOD_NOT_ALLOWED, message));
            response.headers_mut().insert(header::ALLOW, allow.clone());
            exchange.put_response(response, Outcome::Answered);
        }
    }
}

/// A body that says it is too large is refused before a handler sees it.
fn over_limit(exchange: &Exchange) -> Option<Error> {
    if !exchange.has_body {
        return None;
    }
    let length: u64 = exchange
        .headers()
        .get(header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()?;
    (length > exchange.max_body as u64).then(|| {
        let message = format!(
            "the body has {length} bytes; {} are allowed",
            exchange.max_body
        );
        Error::new(code::BODY_TOO_LARGE, message)
    })
}
