//! A file in the place of another, at once: half a configuration is none.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

/// Who may read the new file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Who could read the one that was there, which has to be there.
    AsBefore,
    /// Who runs this process, and nobody else.
    OwnerOnly,
}

/// A file that was written, and has not taken its place yet. Dropped, it is removed, and nothing has happened.
#[derive(Debug)]
pub(crate) struct Replacement {
    new: PathBuf,
    path: PathBuf,
}

impl Replacement {
    /// Writes it, to the disk, in the folder where it belongs.
    ///
    /// It blocks.
    pub(crate) fn write(path: &Path, text: &str, access: Access) -> io::Result<Self> {
        // Where there is a link, that which it leads to is replaced.
        let path = match fs::canonicalize(path) {
            Ok(path) => path,
            Err(error) if access == Access::AsBefore => return Err(error),
            Err(_) => path.to_owned(),
        };
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let new = path.with_file_name(format!(".{name}.{}", std::process::id()));
        // A process of this number may have died with it; in a container all have the same.
        _ = fs::remove_file(&new);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt as _;
            // There may be secrets in it.
            options.mode(0o600);
        }
        let mut file = options.open(&new)?;
        let written = Self { new, path };
        if access == Access::AsBefore {
            let old = fs::metadata(&written.path)?;
            #[cfg(unix)]
            {
                use std::os::unix::fs::{MetadataExt as _, fchown};
                // Or a service of another user could not read it any more.
                fchown(&file, Some(old.uid()), Some(old.gid()))?;
            }
            file.set_permissions(old.permissions())?;
        }
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        Ok(written)
    }

    /// Puts it in its place.
    pub(crate) fn commit(self) -> io::Result<Replaced> {
        fs::rename(&self.new, &self.path)?;
        Ok(Replaced(self.path.clone()))
    }
}

impl Drop for Replacement {
    fn drop(&mut self) {
        // After `commit` there is none.
        _ = fs::remove_file(&self.new);
    }
}

/// A file that is in its place.
#[derive(Debug)]
#[must_use]
pub(crate) struct Replaced(PathBuf);

impl Replaced {
    /// Where it is, links followed.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Has the folder written to the disk, so that it is there after a loss of power too. Not all file systems can do it.
    ///
    /// It blocks.
    pub(crate) fn sync(&self) {
        let folder = self.0.parent().filter(|path| *path != Path::new(""));
        let folder = File::open(folder.unwrap_or(Path::new(".")));
        _ = folder.and_then(|folder| folder.sync_all());
    }
}
