//! Another plugin that writes lines, in a way of its own: what the chassis makes of it.

use super::Logger;

const LINER: &str =
    "plugins: {structured-logging: {enabled: false}, liner: {config: {writes: true}}}";

#[tokio::test]
async fn what_panics_is_left_out_until_the_next_reload() {
    let mut logger = Logger::start(LINER).await;
    logger.get("/levels").await;
    let lines = logger.logged("levels told").await;
    assert!(
        lines.contains(&"OWN ERROR Some(\"talker\") level".to_owned()),
        "{lines:#?}"
    );
    // What it logs itself the chassis writes, and it does not go round.
    let inside = lines.iter().find(|line| line.contains("inside")).unwrap();
    assert!(inside.contains(" INFO logger: inside"), "{inside}");
    assert_eq!(
        logger.manage("GET", "/loggers", "").await["written_by"],
        "liner"
    );

    logger.get("/again/2").await;
    let lines = logger.logged("again told").await;
    let told: Vec<_> = lines
        .iter()
        .filter(|line| line.contains("panicked while it wrote"))
        .collect();
    let [told] = told[..] else {
        panic!("{lines:#?}")
    };
    assert!(
        told.starts_with("plugin `liner` panicked") && told.ends_with("no more"),
        "{told}"
    );
    let own = " WARN logger: again of=\"it\" plugin=\"talker\" method=GET route=\"/again/{times}\"";
    let again = lines.iter().filter(|line| line.contains(own));
    assert_eq!(again.count(), 2, "{lines:#?}");
    assert!(logger.manage("GET", "/loggers", "").await["written_by"].is_null());

    logger.manage("POST", "/reload", "").await;
    logger.get("/levels").await;
    logger.logged("OWN ERROR Some(\"talker\") level").await;
}

#[tokio::test]
async fn of_two_the_first_writes() {
    let both =
        "plugins: {structured-logging: {config: {format: json}}, liner: {config: {writes: true}}}";
    let mut logger = Logger::start(both).await;
    logger.get("/levels").await;
    let lines = logger.logged("levels told").await;
    assert!(
        lines.iter().any(|line| line.starts_with("OWN")),
        "{lines:#?}"
    );
    let start = logger.victim.start.join("\n");
    assert!(start.contains("another plugin does"), "{start}");
}
