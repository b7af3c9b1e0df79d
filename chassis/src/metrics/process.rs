//! What the operating system says of the process: Linux only, elsewhere nothing.

use super::table::{self, Own};
use std::fs;

/// Each value that is known.
pub(crate) fn process() -> Vec<(&'static Own, f64)> {
    if !cfg!(target_os = "linux") {
        return Vec::new();
    }
    let read = |file: &str| fs::read_to_string(format!("/proc/{file}")).unwrap_or_default();
    let (stat, status) = (read("self/stat"), read("self/status"));
    let mut values = Vec::new();
    let mut put = |own: &'static Own, value: Option<f64>| {
        values.extend(value.map(|value| (own, value)));
    };
    put(&table::CPU, cpu(&stat));
    put(&table::RESIDENT, kilobytes(&status, "VmRSS:"));
    put(&table::VIRTUAL, kilobytes(&status, "VmSize:"));
    let open = fs::read_dir("/proc/self/fd").ok().map(Iterator::count);
    // The one that was opened to count them is closed already.
    let open = open.and_then(|open| u32::try_from(open.saturating_sub(1)).ok());
    put(&table::OPEN_FDS, open.map(f64::from));
    put(&table::MAX_FDS, max_fds(&read("self/limits")));
    put(&table::STARTED, started(&stat, &read("stat")));
    put(&table::THREADS, field(&status, "Threads:"));
    values
}

/// The unit of times in `/proc`. The kernel shows 100 per second on every architecture that Rust runs on, whatever its own
/// clock does.
const TICKS: f64 = 100.0;

fn cpu(stat: &str) -> Option<f64> {
    let ticks = |index| numbers(stat, index);
    Some((ticks(13)? + ticks(14)?) / TICKS)
}

fn started(stat: &str, system: &str) -> Option<f64> {
    Some(field(system, "btime ")? + numbers(stat, 21)? / TICKS)
}

/// A field of `/proc/self/stat`, from 0. The second is the name of the program in brackets, with anything in it.
fn numbers(stat: &str, index: usize) -> Option<f64> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace()
        .nth(index.checked_sub(2)?)?
        .parse()
        .ok()
}

fn field(text: &str, name: &str) -> Option<f64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_whitespace().next()?.parse().ok()
}

fn kilobytes(status: &str, name: &str) -> Option<f64> {
    Some(field(status, name)? * 1024.0)
}

fn max_fds(limits: &str) -> Option<f64> {
    match limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?
        .split_whitespace()
        .next()?
    {
        "unlimited" => Some(f64::INFINITY),
        soft => soft.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_the_kernel_are_understood() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 5 0 6000 1 1";
        assert_eq!(cpu(stat), Some(3.0));
        assert_eq!(started(stat, "cpu 1\nbtime 1000\n"), Some(1060.0));
        assert_eq!(
            kilobytes("Name: a\nVmRSS:\t   12 kB\n", "VmRSS:"),
            Some(12_288.0)
        );
        assert_eq!(
            max_fds("Max open files            1024       4096       files"),
            Some(1024.0)
        );
        assert_eq!(
            max_fds("Max open files            unlimited  unlimited  files"),
            Some(f64::INFINITY)
        );
    }
}
