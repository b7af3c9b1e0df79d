//! Types are never matched as text: aliases do, and so do `Self` and wrappers.

#![deny(warnings)]

use chassis::prelude::*;

type Res = Result<()>;
type Answer<T = Json<String>> = std::result::Result<T, Refused>;
type Cx<'a> = &'a mut PluginContext;
type InOut<'a> = &'a mut Exchange;

#[derive(Debug)]
struct Refused;

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("refused")
    }
}

impl std::error::Error for Refused {}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        StatusCode::FORBIDDEN.into_response()
    }
}

#[plugin]
async fn aliased(cx: Cx<'_>) -> Res {
    let _ = cx;
    Ok(())
}

#[plugin]
#[derive(serde::Deserialize, serde::Serialize)]
struct Hello {
    greeting: String,
}

impl Plugin for Hello {
    type Config = NoConfig;

    async fn init(_: NoConfig, _: &mut PluginContext) -> Result<Self> {
        Ok(Self { greeting: "hello".into() })
    }
}

#[contributes]
impl Hello {
    #[get("/hello")]
    async fn hello(&self) -> Answer {
        if self.greeting.is_empty() { Err(Refused) } else { Ok(Json(self.greeting.clone())) }
    }

    #[post("/hello")]
    async fn itself(&self, Json(other): Json<Self>) -> Json<Self> {
        Json(other)
    }

    #[filter(points::PRE_REQUEST)]
    async fn stamp(&self, _: InOut<'_>) -> Res {
        Ok(())
    }

    #[filter(points::PRE_REQUEST)]
    fn foreign_error(&self, _: &mut Exchange) -> std::result::Result<Flow, Refused> {
        Err(Refused)
    }
}

fn main() {}
