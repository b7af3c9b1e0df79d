//! `check --fix`: rewrites in the configuration files what has one obvious fix.

use super::places;
use crate::{
    chassis::ChassisBuilder,
    config::{self, Fixed},
    error::{Context as _, Error, Result},
};
use std::{
    collections::BTreeSet,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

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
                write(Path::new(file), &text).context(format!(
                    "`{file}` can't be written; nothing in it has changed"
                ))?;
                done.extend(more);
            }
        }
        if done.len() == before {
            break;
        }
    }
    Ok(())
}

/// Puts a new file in the place of the old one, at once: half a configuration is none.
fn write(path: &Path, text: &str) -> Result<()> {
    // Where the file is a link, that which it leads to is replaced.
    let path = fs::canonicalize(path)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let new: PathBuf = path.with_file_name(format!(".{name}.{}", std::process::id()));
    let written = (|| {
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&new)?;
        // There may be secrets in it.
        let old = fs::metadata(&path)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::{MetadataExt as _, fchown};
            // Or a service of another user could not read it any more.
            fchown(&file, Some(old.uid()), Some(old.gid()))?;
        }
        file.set_permissions(old.permissions())?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, &path)
    })();
    if written.is_err() {
        _ = fs::remove_file(&new);
    }
    Ok(written?)
}
