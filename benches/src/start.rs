//! A service of many plugins.

/// The whole program: the plugins in this file, which the build script writes, and one route.
#[macro_export]
macro_rules! start {
    ($plugins:literal) => {
        use chassis::prelude::*;

        include!(concat!(env!("OUT_DIR"), "/", $plugins));

        /// Says hello.
        #[plugin]
        async fn greeter(cx: &mut PluginContext) -> Result<()> {
            cx.get("/", async || $crate::Hello);
            Ok(())
        }

        fn main() -> std::io::Result<std::process::ExitCode> {
            if std::env::args().any(|argument| argument == "--walk") {
                println!("{}", $crate::walk());
                return Ok(std::process::ExitCode::SUCCESS);
            }
            let chassis = Chassis::builder().listener($crate::listen()?);
            let chassis = chassis.set("management.listen", "127.0.0.1:0");
            // A line for each plugin is not what is measured.
            Ok(chassis.set("log.filter", "warn").main())
        }
    };
}
