//! Nothing here but the documents whose code is tested; the tests are in `it/`.
#![forbid(unsafe_code)]

/// The front page.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub mod readme {}

/// The second page.
#[cfg(doctest)]
#[doc = include_str!("../../docs/you-have-an-axum-app.md")]
pub mod axum_app {}

/// The page for people who know another plugin system, and a check that its configurations can be read.
///
/// ```
/// let page = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/coming-from.md"));
/// let blocks: Vec<&str> = page.split("<!-- config -->\n```yaml\n").skip(1).collect();
/// assert_eq!(blocks.len(), 4);
/// for block in blocks {
///     let (yaml, _) = block.split_once("```").unwrap();
///     let variables = [("EXAMPLE_API_KEY", "key"), ("MY_PLUGIN_API_KEY", "key")];
///     let builder = chassis::Config::builder().environment(variables);
///     builder.yaml("coming-from.md", yaml).build().unwrap();
/// }
/// ```
#[cfg(doctest)]
#[doc = include_str!("../../docs/coming-from.md")]
pub mod coming_from {}
