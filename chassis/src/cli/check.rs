//! `check`: whether the service could start, as far as that can be known without starting it.

use super::{mend, places, say};
use crate::chassis::ChassisBuilder;
use std::process::ExitCode;

/// Checks configuration, plugins and their order; what is still wrong after the fixes is told.
pub(super) fn check(builder: &ChassisBuilder, fix: bool) -> ExitCode {
    if fix {
        let mut done = Vec::new();
        let mended = mend::mend(builder, &mut done);
        done.iter().for_each(|done| say(done));
        if let Err(error) = mended {
            return places::refuse(builder, &error);
        }
    }
    let found = builder.lineup().and_then(|found| {
        ChassisBuilder::check_tokens(&found.0)?;
        Ok(found)
    });
    let (config, lineup) = match found {
        Ok(found) => found,
        Err(error) => return places::refuse(builder, &error),
    };
    let from = match config.file() {
        Some(file) => file.display().to_string(),
        None => "there is no config.yaml: the defaults".to_owned(),
    };
    let enabled = lineup.specs.iter().filter(|spec| spec.is_enabled()).count();
    say(&format!(
        "{from}: nothing is wrong with it, {enabled} plugins in order"
    ));
    let early: Vec<&str> = lineup
        .specs
        .iter()
        .filter(|spec| spec.is_early())
        .map(|spec| &*spec.name)
        .collect();
    if !early.is_empty() {
        say(&format!(
            "not asked: {}, which may give more configuration (config.load) when the service starts",
            early.join(", ")
        ));
    }
    ExitCode::SUCCESS
}
