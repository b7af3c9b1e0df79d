//! Writes the plugins of `start_10`, `start_100` and `start_1000`.

use std::{env, error::Error, fmt::Write as _, fs, path::Path};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    let out = env::var_os("OUT_DIR").ok_or("cargo says where to write")?;
    for count in [10, 100, 1_000] {
        fs::write(
            Path::new(&out).join(format!("plugins_{count}.rs")),
            plugins(count)?,
        )?;
    }
    Ok(())
}

/// Functions, each of which requires two before it, so that the longest chain of a thousand has ten.
fn plugins(count: usize) -> Result<String, std::fmt::Error> {
    let mut code = String::new();
    for plugin in 0..count {
        let mut required = vec![plugin / 2, plugin / 3];
        required.dedup();
        let required = required.into_iter().filter(|&other| other < plugin);
        let required: Vec<String> = required
            .map(|other| format!("\"plugin-{other}\""))
            .collect();
        let required = required.join(", ");
        writeln!(
            code,
            "/// One of many.\n\
             #[plugin(name = \"plugin-{plugin}\", requires = [{required}])]\n\
             async fn plugin_{plugin}(_: &mut PluginContext) -> Result<()> {{ Ok(()) }}"
        )?;
    }
    Ok(code)
}
