//! Writes what `METRICS.md` should be: `cargo xtask metrics` puts it there.
#![forbid(unsafe_code)]

fn main() {
    print!("{}", chassis::__private::metrics_page());
}
