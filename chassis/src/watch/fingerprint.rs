//! What is in files, in a few bytes.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fmt,
    fs::{self, File},
    hash::{DefaultHasher, Hasher as _},
    io::{self, Read as _},
    path::{Path, PathBuf},
};

/// Of a file that is longer, the beginning and the length count. A configuration is not so long.
const MAX_READ: u64 = 4 * 1024 * 1024;

/// Paths and what was in them when they were last looked at.
#[derive(Clone, Default, PartialEq)]
pub(crate) struct Fingerprint(BTreeMap<PathBuf, Found>);

#[derive(Clone, PartialEq)]
enum Found {
    Nothing,
    /// It may not be read; or it is neither a file nor a folder.
    Unreadable,
    File {
        length: u64,
        hash: u64,
    },
    /// The files in it, but not those in the folders in it.
    Folder(BTreeMap<OsString, Found>),
}

impl Fingerprint {
    /// Reads what is there now. Links are followed; what is not there, or cannot be read, is no error but a state.
    ///
    /// It blocks.
    pub(crate) fn of(paths: &[PathBuf]) -> Self {
        Self(
            paths
                .iter()
                .map(|path| (path.clone(), Found::at(path)))
                .collect(),
        )
    }

    /// Looks at those of these paths too that are not in it.
    ///
    /// It blocks.
    pub(crate) fn extend(&mut self, paths: &[PathBuf]) {
        for path in paths {
            if !self.0.contains_key(path) {
                self.0.insert(path.clone(), Found::at(path));
            }
        }
    }

    /// As if this were in a file, if that is looked at.
    pub(crate) fn expect(&mut self, path: &Path, content: &[u8]) {
        if let Some(found) = self.0.get_mut(path) {
            *found = Found::of(content, content.len() as u64);
        }
    }

    /// Forgets all other paths.
    pub(super) fn keep(&mut self, paths: &[PathBuf]) {
        self.0.retain(|path, _| paths.contains(path));
    }
}

/// Only the paths: the hash of a short secret tells the secret.
impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fingerprint")?;
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Found {
    fn at(path: &Path) -> Self {
        Self::look(path).unwrap_or_else(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Self::Nothing,
            _ => Self::Unreadable,
        })
    }

    fn look(path: &Path) -> io::Result<Self> {
        let metadata = fs::metadata(path)?;
        if metadata.is_dir() {
            Self::in_folder(path)
        } else if metadata.is_file() {
            Self::in_file(path)
        } else {
            // Who opens a pipe waits for its writer.
            Ok(Self::Unreadable)
        }
    }

    fn in_file(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let mut content = Vec::new();
        (&file).take(MAX_READ).read_to_end(&mut content)?;
        let mut length = content.len() as u64;
        if length == MAX_READ {
            length = file.metadata()?.len();
        }
        Ok(Self::of(&content, length))
    }

    fn of(content: &[u8], length: u64) -> Self {
        let mut hasher = DefaultHasher::new();
        hasher.write(content);
        let hash = hasher.finish();
        Self::File { length, hash }
    }

    fn in_folder(path: &Path) -> io::Result<Self> {
        let mut files = BTreeMap::new();
        for entry in fs::read_dir(path)? {
            let name = entry?.file_name();
            // `..data` and what it points to: Kubernetes keeps there what the other names are links to.
            if name.as_encoded_bytes().starts_with(b"..") {
                continue;
            }
            let path = path.join(&name);
            // Links that lead nowhere are the locks of editors.
            if fs::metadata(&path).is_ok_and(|metadata| !metadata.is_dir()) {
                files.insert(name, Self::at(&path));
            }
        }
        Ok(Self::Folder(files))
    }
}
