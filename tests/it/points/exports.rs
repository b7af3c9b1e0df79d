//! What plugins export to those that require them.

use chassis::{
    prelude::{PluginContext, Result, Shared, plugin},
    testing::TestChassis,
};

pub(crate) struct Pool(&'static str);

#[plugin]
async fn pool(cx: &mut PluginContext) -> Result<()> {
    cx.export(Pool("the pool"));
    Ok(())
}

#[plugin(requires = ["pool"])]
async fn store(cx: &mut PluginContext) -> Result<()> {
    cx.require::<Pool>()?;
    Ok(())
}

#[plugin(requires = ["store"])]
async fn front(cx: &mut PluginContext) -> Result<()> {
    let pool = cx.require::<Pool>()?;
    cx.get("/kept", async move || pool.0);
    cx.get("/shared", async |pool: Shared<Pool>| pool.0);
    Ok(())
}

#[plugin]
async fn outsider(cx: &mut PluginContext) -> Result<()> {
    cx.get("/outside", async |pool: Shared<Pool>| pool.0);
    cx.require::<Pool>()?;
    Ok(())
}

#[tokio::test]
async fn exports_are_seen_by_those_who_require_their_owner_and_by_nobody_else() {
    let all = TestChassis::with::<pool>()
        .plugin::<store>()
        .plugin::<front>()
        .plugin::<outsider>();
    let app = all.start().await.unwrap();
    assert_eq!(app.get("/kept").await.text(), "the pool");
    assert_eq!(app.get("/shared").await.text(), "the pool");
    let outsider = app.handle().plugin("outsider").unwrap();
    let told = outsider.last_error().unwrap();
    assert!(
        told.contains("`outsider` asks for a") && told.contains("requires no plugin"),
        "{told}"
    );
}
