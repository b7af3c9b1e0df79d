//! `auth.authorize`: what a known caller may do.

use super::{ask, get, problem, service};
use crate::made::{Log, plugin};
use chassis::{Access, Flow, points::Denied, prelude::*};

#[tokio::test]
async fn a_known_caller_may_be_denied() {
    let hours = plugin("hours", |cx| {
        cx.filter(&points::AUTHORIZE, |access: &mut Access| {
            let route = access.route.as_deref();
            if access.principal.subject == "ada"
                && route == Some("/orders")
                && access.method == "GET"
            {
                assert_eq!(access.scopes, ["orders:read"]);
                assert_eq!(access.plugin.as_deref(), Some("orders"));
                return Flow::Answer(Denied("not at this hour".to_owned()));
            }
            Flow::Continue
        });
    });
    let app = service(&Log::new()).register(hours).start().await.unwrap();
    let denied = get(&app, "/orders", "reader").await;
    assert_eq!(
        problem(&denied, 403, "auth.denied")["detail"],
        "not at this hour"
    );
    assert_eq!(get(&app, "/orders", "writer").await.status(), 200);
    assert_eq!(get(&app, "/me", "reader").await.status(), 200);
}

#[tokio::test]
async fn scopes_may_come_from_roles() {
    let roles = plugin("roles", |cx| {
        cx.filter_async(&points::AUTHORIZE, async |access: &mut Access| {
            if access.principal.has_role("staff") {
                access.principal.scopes.insert("orders:write".to_owned());
            }
            // What the route asks for is not theirs to change.
            access.scopes.clear();
        });
    });
    let app = service(&Log::new()).register(roles).start().await.unwrap();
    let placed = ask(&app, Method::POST, "/orders", "reader").await;
    assert_eq!(placed.text(), "placed by ada");
    let me: Principal = get(&app, "/me", "reader").await.json();
    assert!(me.has_scope("orders:write"));
}

#[tokio::test]
async fn one_that_fails_denies() {
    let none = plugin("none", |cx| {
        cx.filter(&points::AUTHORIZE, |access: &mut Access| {
            access.principal.scopes.clear();
        });
    });
    let app = service(&Log::new()).register(none).start().await.unwrap();
    problem(
        &get(&app, "/orders", "writer").await,
        403,
        "auth.missing_scope",
    );

    let fails = plugin("fails", |cx| {
        cx.filter(&points::AUTHORIZE, |_: &mut Access| -> Result<()> {
            Err(Error::msg("the rules are gone"))
        });
    });
    let app = service(&Log::new()).register(fails).start().await.unwrap();
    problem(&get(&app, "/orders", "reader").await, 500, "internal");
    problem(&get(&app, "/argument", "reader").await, 500, "internal");

    let panics = plugin("panics", |cx| {
        cx.filter(&points::AUTHORIZE, |_: &mut Access| -> () {
            panic!("was told to")
        });
    });
    let app = service(&Log::new()).register(panics).start().await.unwrap();
    problem(&get(&app, "/orders", "reader").await, 500, "panic");
    assert_eq!(get(&app, "/open", "").await.status(), 200);
}
