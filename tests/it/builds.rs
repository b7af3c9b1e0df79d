//! Builds: the README pasted into a crate, a release build, the size of the smallest service.

use crate::{client::Raw, process::Process};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests/ has a parent")
        .to_owned()
}

/// Runs cargo, and gives what it printed.
fn cargo(directory: &Path, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .current_dir(directory)
        .env_remove("RUSTFLAGS")
        .output()
        .expect("cargo can be run");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "cargo {arguments:?} failed:\n{stderr}"
    );
    String::from_utf8(output.stdout).expect("cargo prints text")
}

/// The code block that follows a comment in the README.
fn block<'a>(readme: &'a str, mark: &str) -> &'a str {
    let (_, rest) = readme
        .split_once(mark)
        .unwrap_or_else(|| panic!("the README has no {mark}"));
    let (_, rest) = rest.split_once("```").expect("a code block follows");
    let (_, code) = rest.split_once('\n').expect("it has lines");
    code.split_once("```").expect("it ends").0
}

#[tokio::test]
async fn the_plugin_of_the_readme_works_in_a_crate_of_its_own() {
    let root = root();
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let manifest = block(&readme, "<!-- readme-cargo -->");
    let git = manifest
        .split('"')
        .find(|text| text.ends_with(".git"))
        .expect("it comes from git");
    let path = root.join("chassis");
    // What a clone would give; and the versions that this repository is tested with.
    let local = manifest.replace(&format!("git = \"{git}\""), &format!("path = {path:?}"));
    let directory = root.join("target/readme");
    fs::create_dir_all(directory.join("src")).unwrap();
    fs::write(
        directory.join("Cargo.toml"),
        format!("{local}\n[workspace]\n"),
    )
    .unwrap();
    fs::write(
        directory.join("src/main.rs"),
        block(&readme, "<!-- readme-plugin -->"),
    )
    .unwrap();
    fs::copy(root.join("Cargo.lock"), directory.join("Cargo.lock")).unwrap();
    let name = manifest
        .lines()
        .find_map(|line| line.strip_prefix("name = "))
        .expect("it has a name");
    cargo(&directory, &["build", "--quiet"]);

    let program = directory.join("target/debug").join(name.trim_matches('"'));
    let service = Process::start(program, &directory);
    let answer = Raw::connect(service.service).await.get("/hello/Ada").await;
    assert_eq!(
        (answer.status.as_u16(), answer.text().trim()),
        (200, "Hello, Ada!")
    );
}

#[tokio::test]
async fn a_dev_and_a_fat_lto_build_put_the_plugins_in_the_same_order() {
    let root = root();
    cargo(&root, &["build", "--quiet", "-p", "orders"]);
    cargo(
        &root,
        &[
            "build",
            "--quiet",
            "-p",
            "orders",
            "--profile",
            "lto",
            "--target-dir",
            "target/lto",
        ],
    );
    let mut graphs = Vec::new();
    for program in ["target/debug/orders", "target/lto/lto/orders"] {
        let service = Process::start(root.join(program), &root);
        let answer = Raw::management(service.management)
            .await
            .get("/plugins/graph")
            .await;
        assert_eq!(answer.status.as_u16(), 200);
        graphs.push(answer.text().to_owned());
    }
    assert_eq!(graphs[0], graphs[1]);
    assert!(graphs[0].contains("orders"), "{}", graphs[0]);
}

#[test]
fn the_smallest_service_needs_fewer_than_160_packages() {
    let tree = cargo(
        &root(),
        &[
            "tree",
            "-p",
            "hello",
            "-e",
            "normal,build",
            "--prefix",
            "none",
            "--no-dedupe",
        ],
    );
    let mut packages: Vec<&str> = tree
        .lines()
        .map(|line| line.split(" (").next().unwrap_or(line))
        .collect();
    packages.sort_unstable();
    packages.dedup();
    assert!(
        (10..160).contains(&packages.len()),
        "{} packages",
        packages.len()
    );
}
