//! `GET /openapi.json` of the service: its routes, for programs.

use crate::{document::assert_openapi, made::plugin};
use axum::routing::get;
use chassis::{Code, prelude::*, testing::TestChassis};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

mod guarded;
mod mounted;

const GONE: Code = Code::new("library.gone", 410, "The book was given away.");

/// A book.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Book {
    /// Its title.
    title: String,
    pages: Option<u32>,
}

#[derive(Deserialize, JsonSchema)]
struct Wanted {
    /// Only books of this author.
    author: Option<String>,
    #[serde(default)]
    all: bool,
    shelf: u8,
}

/// It is called as the schema of errors is.
#[derive(Serialize, JsonSchema)]
struct Problem {
    riddle: String,
}

/// It has no schema.
#[derive(Serialize, Deserialize)]
struct Opaque {
    inside: u32,
}

/// It borrows from the plugin.
struct Borrowed<'a>(&'a str);

impl IntoResponse for Borrowed<'_> {
    fn into_response(self) -> Response {
        self.0.to_owned().into_response()
    }
}

/// Lends books.
#[plugin]
struct Library(String);

impl Plugin for Library {
    type Config = NoConfig;

    async fn init(_: NoConfig, _: &mut PluginContext) -> Result<Self> {
        Ok(Self("library".to_owned()))
    }
}

#[contributes]
impl Library {
    /// Lists books.
    ///
    /// Those that are lent, too.
    #[get("/books")]
    async fn list(&self, Query(wanted): Query<Wanted>) -> Json<Vec<Book>> {
        _ = (wanted.author, wanted.all, wanted.shelf);
        Json(Vec::new())
    }

    /// Shows a book.
    #[get("/books/{id}", with = RouteDocs::new().fails(GONE))]
    async fn show(&self, Path(id): Path<u64>) -> Result<Json<Book>> {
        Err(Error::new(GONE, format!("{id} is gone")))
    }

    /// Adds a book.
    #[post("/books", with = RouteDocs::new().status(201))]
    async fn add(&self, Json(book): Json<Book>) -> (StatusCode, Json<Book>) {
        (StatusCode::CREATED, Json(book))
    }

    /// Takes a book away.
    #[deprecated]
    #[delete("/books/{id}")]
    async fn remove(&self, Path(_): Path<u64>) {}

    #[put("/opaque")]
    async fn opaque(&self, Json(opaque): Json<Opaque>) -> Json<Opaque> {
        Json(Opaque {
            inside: opaque.inside,
        })
    }

    #[get("/unnamed")]
    async fn unnamed<'a>(&'a self) -> Result<Borrowed<'a>, StatusCode> {
        Ok(Borrowed(&self.0))
    }

    #[get("/chosen")]
    async fn chosen(&self) -> Result<(StatusCode, &'static str), StatusCode> {
        Ok((StatusCode::ACCEPTED, "chosen"))
    }

    #[get("/riddle")]
    async fn riddle(&self) -> Json<Problem> {
        let riddle = "What has keys and opens nothing?".to_owned();
        Json(Problem { riddle })
    }

    #[get("/anything")]
    async fn anything(&self) -> impl IntoResponse {
        "anything"
    }

    #[get("/secret", with = RouteDocs::new().hidden())]
    async fn secret(&self) -> &'static str {
        "secret"
    }
}

async fn library() -> (TestChassis, Value) {
    let app = TestChassis::with::<Library>()
        .config("service: {name: library, version: 1.2.0}")
        .start()
        .await
        .unwrap();
    let document = document(&app).await;
    (app, document)
}

async fn document(app: &TestChassis) -> Value {
    let answer = app.get("/openapi.json").await;
    assert_eq!(answer.status(), 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let document = answer.json();
    assert_openapi(&document);
    document
}

#[tokio::test(start_paused = true)]
async fn the_document_tells_what_routes_take_and_give() {
    let (_app, document) = library().await;
    assert_eq!(
        document["info"],
        json!({ "title": "library", "version": "1.2.0" })
    );
    let list = &document["paths"]["/books"]["get"];
    assert_eq!(list["summary"], "Lists books.");
    assert_eq!(list["description"], "Those that are lent, too.");
    assert_eq!(list["operationId"], "library_list");
    assert_eq!(list["tags"], json!(["library"]));
    let tag = json!({ "name": "library", "description": "Lends books." });
    assert_eq!(document["tags"], json!([tag]));
    let wanted = json!({
        "name": "author", "in": "query", "required": false,
        "description": "Only books of this author.", "schema": { "type": "string" },
    });
    let parameters = list["parameters"].as_array().unwrap();
    assert!(parameters.contains(&wanted), "{parameters:?}");
    let shelf = parameters.iter().find(|one| one["name"] == "shelf");
    assert_eq!(shelf.unwrap()["required"], true);
    let books = &list["responses"]["200"]["content"]["application/json"]["schema"];
    let a_book = json!({ "$ref": "#/components/schemas/Book" });
    assert_eq!(books, &json!({ "type": "array", "items": a_book }));
    let title = &document["components"]["schemas"]["Book"]["properties"]["title"];
    assert_eq!(title["description"], "Its title.");

    let show = &document["paths"]["/books/{id}"]["get"];
    let id = &show["parameters"][0];
    assert_eq!(
        (&id["name"], &id["schema"]["type"]),
        (&json!("id"), &json!("integer"))
    );
    let gone = show["responses"]["410"]["description"].as_str().unwrap();
    assert_eq!(gone, "`library.gone`: The book was given away.");
    let problem = &show["responses"]["default"]["content"]["application/problem+json"];
    assert_eq!(problem["schema"]["$ref"], "#/components/schemas/Problem_");
    let own = &document["components"]["schemas"]["Problem"]["properties"];
    assert!(own["riddle"].is_object());

    let add = &document["paths"]["/books"]["post"];
    assert_eq!(add["requestBody"]["required"], true);
    let taken = &add["requestBody"]["content"]["application/json"]["schema"]["$ref"];
    // What may be left out when it is read is written all the same.
    assert_eq!(taken, "#/components/schemas/BookInput");
    let required = |name: &str| document["components"]["schemas"][name]["required"].clone();
    assert_eq!(required("BookInput"), json!(["title"]));
    assert_eq!(required("Book"), json!(["title", "pages"]));
    assert!(add["responses"]["201"]["content"]["application/json"].is_object());
    assert!(add["responses"]["200"].is_null() && add["responses"]["2XX"].is_null());
    assert_eq!(
        document["paths"]["/books/{id}"]["delete"]["deprecated"],
        true
    );
}

#[tokio::test(start_paused = true)]
async fn what_has_no_schema_is_there_without_one() {
    let (app, document) = library().await;
    let opaque = &document["paths"]["/opaque"]["put"];
    let any = json!({ "application/json": { "schema": {} } });
    assert_eq!(opaque["requestBody"]["content"], any);
    assert_eq!(opaque["responses"]["200"]["content"], any);
    let chosen = &document["paths"]["/chosen"]["get"]["responses"];
    assert!(
        chosen["2XX"]["content"]["text/plain"].is_object(),
        "{chosen}"
    );
    for path in ["/anything", "/unnamed"] {
        let anything = &document["paths"][path]["get"]["responses"];
        assert_eq!(anything.as_object().unwrap().len(), 1);
        assert!(anything["default"]["content"].is_null());
    }
    assert_eq!(app.get("/unnamed").await.text(), "library");
    assert!(document["paths"]["/secret"].is_null());
    assert_eq!(app.get("/secret").await.text(), "secret");
}

#[tokio::test(start_paused = true)]
async fn closures_say_by_hand_what_their_types_can_t() {
    let shop = plugin("shop", |cx| {
        cx.post("/orders/{id}/lines", async |Json(_): Json<Book>| "ordered");
        cx.get("/files/{*rest}", async |Path(rest): Path<String>| rest)
            .with(
                RouteDocs::new()
                    .summary("A file")
                    .description("As it is.")
                    .id("file")
                    .tag("files")
                    .query::<Wanted>()
                    .body::<Book>()
                    .answer::<Book>(200, "A book.")
                    .answer_any(302, "It is elsewhere.")
                    .deprecated(),
            );
    });
    let app = TestChassis::builder().register(shop).start().await.unwrap();
    let document = document(&app).await;
    let lines = &document["paths"]["/orders/{id}/lines"]["post"];
    assert_eq!(lines["operationId"], "shop_post_orders_id_lines");
    assert!(lines["requestBody"]["content"]["application/json"].is_object());
    let file = &document["paths"]["/files/{rest}"]["get"];
    assert_eq!(
        [&file["summary"], &file["description"], &file["operationId"]],
        ["A file", "As it is.", "file"]
    );
    assert_eq!(
        (&file["tags"], &file["deprecated"]),
        (&json!(["files"]), &json!(true))
    );
    let names = file["parameters"].as_array().unwrap().iter();
    let names: Vec<_> = names.map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["rest", "all", "author", "shelf"]);
    assert_eq!(file["responses"]["200"]["description"], "A book.");
    assert_eq!(file["responses"]["302"]["description"], "It is elsewhere.");
}

#[tokio::test(start_paused = true)]
async fn it_stands_behind_all_hooks_and_is_the_same_until_a_reload() {
    let door = plugin("door", |cx| {
        cx.filter(&points::PRE_REQUEST, |exchange: &mut Exchange| -> Flow {
            match exchange.headers().contains_key("x-key") {
                true => Flow::Continue,
                false => Flow::respond(StatusCode::UNAUTHORIZED),
            }
        });
    });
    let app = TestChassis::with::<Library>()
        .register(door)
        .start()
        .await
        .unwrap();
    assert_eq!(app.get("/openapi.json").await.status(), 401);
    let ask = async |etag: &str| {
        let request = http::Request::get("/openapi.json").header("x-key", "1");
        let request = request.header("if-none-match", etag);
        app.send(request.body(chassis::Body::empty()).unwrap())
            .await
    };
    let first = ask("").await;
    let etag = first.header("etag").unwrap().to_owned();
    assert_eq!(first.header("cache-control"), Some("no-cache"));
    let again = ask(&format!("\"other\", W/{etag}")).await;
    assert_eq!((again.status().as_u16(), again.text()), (304, ""));
    assert_eq!(again.header("etag"), Some(&*etag));
    app.reload().await.unwrap();
    assert_eq!(ask(&etag).await.status(), 304, "it says the same");
}

#[tokio::test(start_paused = true)]
async fn who_answers_there_alone_goes_on_to() {
    let own = plugin("own", |cx| _ = cx.get("/openapi.json", async || "mine"));
    let app = TestChassis::builder().register(own).start().await.unwrap();
    assert_eq!(app.get("/openapi.json").await.text(), "mine");

    let router = axum::Router::new().route("/openapi.json", get(async || "mounted"));
    let app = TestChassis::builder().router(router).start().await.unwrap();
    assert_eq!(app.get("/openapi.json").await.text(), "mounted");

    // A pattern is not meant for it.
    let any = || plugin("any", |cx| _ = cx.get("/{page}", async || "page"));
    let builder = || TestChassis::builder().register(any());
    let app = builder().start().await.unwrap();
    assert!(document(&app).await["paths"]["/{page}"].is_object());
    let app = builder()
        .set("server.openapi", false)
        .start()
        .await
        .unwrap();
    assert_eq!(app.get("/openapi.json").await.text(), "page");
}

/// Its schema is no good.
#[derive(Serialize)]
struct Broken;

impl JsonSchema for Broken {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Broken".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        panic!("there is none")
    }
}

#[tokio::test(start_paused = true)]
async fn a_schema_that_panics_takes_its_own_route_s_types_only() {
    let broken = plugin("broken", |cx| {
        let docs = RouteDocs::new().answer::<Broken>(200, "never");
        cx.get("/broken", async || Json(Broken)).with(docs);
    });
    let app = TestChassis::with::<Library>()
        .register(broken)
        .start()
        .await
        .unwrap();
    let document = document(&app).await;
    assert!(document["paths"]["/broken"]["get"]["responses"]["200"].is_null());
    assert!(document["paths"]["/books"]["get"]["responses"]["200"].is_object());
}
