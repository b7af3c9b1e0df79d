//! What is written for what. What the compiler says to it: `tests/ui`.

use super::{contributes, extension_point, plugin};
use proc_macro2::TokenStream;

/// What `#[plugin(..)]`, `#[contributes(..)]` or `#[extension_point(..)]` makes of an item, without spaces.
fn expand(attribute: &str, item: &str) -> String {
    let parse = |text: &str| text.parse::<TokenStream>().unwrap_or_default();
    let (name, args) = attribute.split_once('(').unwrap_or((attribute, ")"));
    let args = parse(args.trim_end_matches(')'));
    let expanded = match name {
        "plugin" => plugin(args, &parse(item)),
        "contributes" => contributes(args, &parse(item)),
        _ => extension_point(args, &parse(item)),
    };
    text(&expanded.to_string())
}

fn text(text: &str) -> String {
    text.replace(char::is_whitespace, "")
}

fn errors(attribute: &str, item: &str) -> usize {
    expand(attribute, item).matches("compile_error!").count()
}

#[test]
fn the_item_stays_as_it_is() {
    let item = "#[derive(Debug)] pub struct Hello { greeting: String }";
    assert!(expand("plugin", item).starts_with(&text(item)));
    assert!(expand("plugin(name = 3)", item).starts_with(&text(item)));

    let item = "pub async fn hello(c: Config, cx: &mut PluginContext) -> Result<()> { Ok(()) }";
    let expanded = expand("plugin", item);
    assert!(expanded.contains(&text(item)));
    assert!(expanded.contains("pubstructhello{}") && expanded.contains("typeConfig=Config;"));

    let item = "/// A point.\n static POINT: Point = Point::new();";
    assert!(expand("extension_point", item).contains("staticPOINT:Point=Point::new();"));
}

#[test]
fn all_goes_through_the_private_module_of_the_crate_that_is_named() {
    let block = "impl Hello {
        #[get(\"/{a}\")]
        async fn get(&self, a: A, b: B) {}

        #[filter(P, on_failure = \"skip\")]
        fn filter(&self, value: &mut V) {}
    }";
    let all = [
        expand("plugin(crate = my::framework)", "struct Hello;"),
        expand(
            "plugin(crate = my::framework)",
            "async fn hello(cx: &mut PluginContext) {}",
        ),
        expand(
            "extension_point(crate = my::framework)",
            "static P: Point = Point::new();",
        ),
        expand("contributes(crate = my::framework)", block),
    ];
    for text in all {
        assert!(
            !text.contains("compile_error") && !text.contains("::chassis"),
            "{text}"
        );
        let crates = text.matches("framework::").count();
        assert_eq!(crates, text.matches("my::framework::__private").count());
    }
}

#[test]
fn each_attribute_is_wired_where_it_says() {
    let block = "impl Hello {
        #[cfg(unix)]
        #[doc = \"kept\"]
        #[put(\"/a\", with = Scopes(3), deadline = \"2s\", with = Self::LIMIT)]
        #[post(\"/a\")]
        async fn a(&self) {}

        #[filter(\"shop.price\", priority = -1, after = [\"x\", \"y\"], body = buffered(\"1KiB\"))]
        async fn b(self: &Arc<Self>, value: &mut Value) {}

        fn helper() {}
    }";
    let expanded = expand("contributes", block);
    let contains = |part: &str| assert!(expanded.contains(part), "no `{part}` in {expanded}");
    contains("#[cfg(unix)]#[doc=\"kept\"]asyncfna(&self){}#[allow");
    contains("fnhelper(){}}");
    contains("wire:|__any,__to|{");
    contains("#[cfg(unix)]{let__placed");
    contains("Method::PUT,\"/a\"");
    contains("Method::POST,\"/a\"");
    contains(
        ".deadline(::core::time::Duration::from_millis(2000u64)).with(Scopes(3)).with(Hello::LIMIT)",
    );
    contains("filter_async_named(__to,\"shop.price\",&__this,");
    contains(".priority(-1i32).after(\"x\").after(\"y\").buffered(1024usize)");
}

#[test]
fn several_mistakes_are_all_reported() {
    assert_eq!(errors("plugin", "struct Hello;"), 0);
    assert_eq!(
        errors(
            "plugin(nam = 1, version = \"1\", required = 3)",
            "struct Hello;"
        ),
        3
    );
    let block = "impl Hello {
        #[get(\"hello\", deadline = \"30\")]
        async fn hello(&mut self) {}

        #[filter(PRICE, priority = \"first\")]
        fn price(_: &mut u64) {}
    }";
    assert_eq!(errors("contributes", block), 5);
}

#[test]
fn what_is_not_an_item_of_the_kind_is_one_mistake() {
    assert_eq!(errors("plugin", "trait Hello {}"), 1);
    assert_eq!(errors("plugin", "mod hello {}"), 1);
    assert_eq!(errors("contributes", "struct Hello;"), 1);
    assert_eq!(
        errors("extension_point", "const P: Point = Point::new();"),
        1
    );
    assert_eq!(
        errors("extension_point", "static mut P: Point = Point::new();"),
        1
    );
}
