//! Values that are attached to routes.

#![deny(warnings)]

use chassis::prelude::*;

#[derive(Clone)]
struct Scopes(#[expect(dead_code, reason = "no hook here reads it")] &'static [&'static str]);

#[derive(Clone)]
struct Audited;

#[plugin]
struct Shop;

impl Shop {
    const LIMIT: u32 = 3;
}

impl Plugin for Shop {
    type Config = NoConfig;

    async fn init(_: NoConfig, _: &mut PluginContext) -> Result<Self> {
        Ok(Self)
    }
}

#[contributes]
impl Shop {
    #[get("/two", with = Scopes(&["read"]), with = Audited)]
    async fn two(&self) {}

    #[get("/for-some", scopes = ["orders:read", "orders:write"], with = Audited)]
    #[put("/for-some", scopes = "orders:write", deadline = "2s")]
    #[delete("/for-some", scopes = [])]
    async fn for_some(&self, caller: Principal) -> String {
        caller.subject
    }

    #[post("/with-deadline", with = Audited, deadline = "2s", with = Self::LIMIT + 1)]
    #[delete("/with-deadline", with = { let limit = Self::LIMIT; move || limit })]
    async fn with_deadline(&self, body: String) -> String {
        body
    }
}

macro_rules! guarded {
    ($path:literal, $scopes:expr) => {
        #[contributes]
        impl Shop {
            #[get($path, with = $scopes, with = Audited)]
            async fn guarded(&self) {}
        }
    };
}

guarded!("/orders", Scopes(&["orders.read"]));

fn main() {}
