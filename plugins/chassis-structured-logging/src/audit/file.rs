//! The audit file: lines go to its end, each whole, or not at all.

use super::rotate::Rotate;
use std::{
    fs::{self, File, Metadata, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// A file that is written by one thread at a time. Over a reload both instances have it.
#[derive(Debug)]
pub(crate) struct AuditFile {
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    open: Option<Open>,
    /// Why the next file could not be begun.
    rotation: Option<String>,
}

#[derive(Debug)]
struct Open {
    file: File,
    /// Whether the last line in it has no end: half of it was written.
    is_torn: bool,
}

impl AuditFile {
    /// Opens it, and makes its folder; if it is that of before, goes on with that.
    pub(crate) fn open(path: &Path, before: Option<Arc<Self>>) -> io::Result<Arc<Self>> {
        let name = path.file_name();
        let name =
            name.ok_or_else(|| io::Error::other("the path does not end in the name of a file"))?;
        let folder = match path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        fs::create_dir_all(folder)?;
        let path = fs::canonicalize(folder)?.join(name);
        let file = match before {
            Some(before) if before.path == path => before,
            _ => Arc::new(Self {
                path,
                state: Mutex::default(),
            }),
        };
        file.check()?;
        Ok(file)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a line at its end. With an error nothing of it is there.
    pub(crate) fn append(&self, line: &[u8], rotate: Rotate) -> io::Result<()> {
        let mut state = self.state();
        let (mut len, is_file) = state.ready(&self.path)?;
        if is_file && rotate.is_due(len, line.len()) {
            // An event is worth more than a limit: it goes to where there is no room, if there is no other place.
            match state.begin_next(&self.path, rotate) {
                Ok(()) => (len, _) = state.ready(&self.path)?,
                Err(error) => state.rotation = Some(error.to_string()),
            }
        }
        let Some(open) = &mut state.open else {
            return Err(io::ErrorKind::NotFound.into());
        };
        if open.is_torn {
            open.file.write_all(b"\n")?;
            (open.is_torn, len) = (false, len + 1);
        }
        let written = open.file.write_all(line);
        if written.is_err() {
            // What is there of it would stand before the next line.
            open.is_torn = open.file.set_len(len).is_err();
        }
        written
    }

    /// Whether it could be written.
    pub(crate) fn check(&self) -> io::Result<()> {
        self.state().ready(&self.path).map(drop)
    }

    /// Why it has become larger than it should.
    pub(crate) fn rotation_trouble(&self) -> Option<String> {
        self.state().rotation.clone()
    }

    /// Waits until everything that was written is on the disk.
    pub(crate) fn sync(&self) -> io::Result<()> {
        match &self.state().open {
            Some(open) => sync(&open.file),
            None => Ok(()),
        }
    }
}

impl State {
    /// Opens the file unless the open one is still the one at this path; how long it is, and whether it is a file with an end. Its
    /// folder is not made anew: perhaps it was a disk that is gone, and what is written in its place nobody would find.
    fn ready(&mut self, path: &Path) -> io::Result<(u64, bool)> {
        let there = fs::metadata(path);
        if let (Some(open), Ok(there)) = (&self.open, &there)
            && is_same(&open.file.metadata()?, there)
        {
            return Ok((there.len(), there.is_file()));
        }
        self.open = None;
        let mut file = options().open(path)?;
        let metadata = file.metadata()?;
        let is_torn = metadata.is_file() && !ends_with_line(&mut file)?;
        self.open = Some(Open { file, is_torn });
        Ok((metadata.len(), metadata.is_file()))
    }

    fn begin_next(&mut self, path: &Path, rotate: Rotate) -> io::Result<()> {
        if let Some(open) = &self.open {
            sync(&open.file)?;
        }
        rotate.shift(path)?;
        (self.open, self.rotation) = (None, None);
        Ok(())
    }
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.append(true).create(true).read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Whether what was written last is whole: the process may have been killed in the middle of a line.
fn ends_with_line(file: &mut File) -> io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(true);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

/// Something that is no file on a disk, `/dev/stdout` or a pipe, can't be synced.
fn sync(file: &File) -> io::Result<()> {
    match file.metadata()?.is_file() {
        true => file.sync_data(),
        false => Ok(()),
    }
}

#[cfg(unix)]
fn is_same(one: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// Nobody can move away a file there that is open.
#[cfg(not(unix))]
fn is_same(_: &Metadata, _: &Metadata) -> bool {
    true
}

#[cfg(test)]
mod tests;
