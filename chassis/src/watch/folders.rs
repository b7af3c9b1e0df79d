//! The folders in which something happens when a file changes, whoever changes it, and however.

use std::{
    collections::{BTreeSet, VecDeque},
    ffi::OsString,
    fs,
    path::{Component, Path, PathBuf, absolute},
};

/// Links in a ring have no end; the kernel gives up here, too.
const MAX_LINKS: usize = 40;

/// For each path: the folder it is in, the folder it is, and every folder that has a link on the way. Where the way
/// ends, the last folder that exists.
///
/// All of them are without links themselves: a folder that is watched by two names is not heard by the other when it is
/// left by one.
pub(super) fn of(paths: &[PathBuf]) -> BTreeSet<PathBuf> {
    let mut folders = BTreeSet::new();
    for path in paths.iter().filter_map(|path| absolute(path).ok()) {
        follow(&path, &mut folders);
    }
    folders
}

fn follow(path: &Path, folders: &mut BTreeSet<PathBuf>) {
    let mut here = PathBuf::new();
    let mut ahead = steps(path);
    let mut links = 0;
    while let Some(step) = ahead.pop_front() {
        if step == ".." {
            here.pop();
            continue;
        }
        let next = here.join(&step);
        let Ok(metadata) = fs::symlink_metadata(&next) else {
            break;
        };
        if metadata.is_symlink() {
            folders.insert(here.clone());
            links += 1;
            let Ok(target) = fs::read_link(&next) else {
                break;
            };
            if links > MAX_LINKS {
                break;
            }
            // A target that begins at the root begins anew there: what is joined to `here` replaces it.
            let mut way = steps(&target);
            way.append(&mut ahead);
            ahead = way;
        } else if metadata.is_dir() {
            if ahead.is_empty() && step != Component::RootDir.as_os_str() {
                folders.insert(here);
            }
            here = next;
        } else {
            break;
        }
    }
    folders.insert(here);
}

fn steps(path: &Path) -> VecDeque<OsString> {
    path.components()
        .filter(|step| *step != Component::CurDir)
        .map(|step| step.as_os_str().to_owned())
        .collect()
}
