//! `check --fix`: rewrites in the configuration files what has one obvious fix.

use super::places;
use crate::{
    chassis::ChassisBuilder,
    config::{self, Access, Fixed, Replacement},
    error::{Context as _, Error, Result},
};
use std::{collections::BTreeSet, fs, path::Path};

/// One mistake can hide another, but not for ever.
const MAX_ROUNDS: usize = 50;

/// Mends what can be mended; each thing that was done is added to `done`, also if the next one fails.
pub(super) fn mend(builder: &ChassisBuilder, done: &mut Vec<String>) -> Result<()> {
    for _ in 0..MAX_ROUNDS {
        let Err(error) = builder.lineup() else { break };
        let errors: Vec<&Error> = std::iter::once(&error).chain(error.others()).collect();
        let origins = errors.iter().filter_map(|error| error.origin());
        let files: BTreeSet<&str> = origins
            .filter_map(|origin| Some(places::parse(origin)?.0))
            .filter(|file| Path::new(file).is_file())
            .collect();
        let before = done.len();
        for file in files {
            let text = fs::read_to_string(file).context(format!("`{file}` can't be read"))?;
            let Fixed { text, done: more } = config::fix(file, &text, &errors);
            if !more.is_empty() {
                let new = Replacement::write(Path::new(file), &text, Access::AsBefore);
                let replaced = new.and_then(Replacement::commit).context(format!(
                    "`{file}` can't be written; nothing in it has changed"
                ))?;
                replaced.sync();
                done.extend(more);
            }
        }
        if done.len() == before {
            break;
        }
    }
    Ok(())
}
