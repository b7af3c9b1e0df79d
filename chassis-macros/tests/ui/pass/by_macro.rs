//! Plugins written by `macro_rules!` macros, and inside functions.

#![deny(warnings)]

use chassis::prelude::*;

macro_rules! greeter {
    ($name:ident, $kebab:literal, $path:expr, $priority:expr, $point:path) => {
        #[plugin(name = $kebab)]
        struct $name;

        impl Plugin for $name {
            type Config = NoConfig;

            async fn init(_: NoConfig, _: &mut PluginContext) -> Result<Self> {
                Ok(Self)
            }
        }

        #[contributes]
        impl $name {
            #[get($path)]
            async fn hello(&self, Path(name): Path<String>) -> String {
                name
            }

            #[filter($point, priority = $priority)]
            fn stamp(&self, _: &mut Exchange) {}
        }
    };
}

greeter!(Hello, "hello-1", "/hello/{name}", 10, points::PRE_REQUEST);
greeter!(GoodBye, "good-bye-1", "/good-bye/{name}", -10, points::PRE_REQUEST);

fn main() {
    #[plugin]
    async fn inside(_: &mut PluginContext) -> Result<()> {
        Ok(())
    }
}
