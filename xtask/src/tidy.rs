//! `cargo xtask tidy`: the house rules that no other tool knows.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

use crate::process;

mod rules;
mod order;
mod mask;

/// A text file of the repository.
#[derive(Debug)]
struct File {
    /// Seen from the root, with `/`.
    path: String,
    text: String,
}

/// A place where a rule is broken, and what to do.
#[derive(Debug, PartialEq)]
struct Finding {
    path: String,
    line: usize,
    message: String,
}

/// Prints the findings; fails if there are any.
pub(crate) fn command(_: &[String]) -> Result<(), String> {
    println!("{}", run()?);
    Ok(())
}

/// Says how much was looked at, or lists the findings.
pub(crate) fn run() -> Result<String, String> {
    let root = process::root();
    let files = read(&root).map_err(|error| format!("the repository can't be read: {error}"))?;
    let mut findings = rules::check(&root, &files);
    findings.extend(order::check(&files));
    findings.sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
    if findings.is_empty() {
        return Ok(format!("{} files", files.len()));
    }
    Err(findings
        .iter()
        .map(|finding| format!("{finding}\n"))
        .collect())
}

impl File {
    fn extension(&self) -> &str {
        Path::new(&self.path)
            .extension()
            .and_then(|extension| extension.to_str())
            .unwrap_or_default()
    }

    /// A recorded input or output of a test of the macros: not ours to keep in style.
    fn is_test_data(&self) -> bool {
        ["/tests/ui/", "/tests/expand/"]
            .iter()
            .any(|folder| self.path.contains(folder))
    }
}

impl Finding {
    fn new(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line,
            message: message.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.message)
    }
}

/// Every text file that belongs to the repository, by path.
fn read(root: &Path) -> io::Result<Vec<File>> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let (path, kind) = (entry.path(), entry.file_type()?);
            if kind.is_dir() && is_ours(&entry.file_name().to_string_lossy()) {
                folders.push(path);
            } else if kind.is_file()
                && let Some(path) = relative(root, &path)
                && let Ok(text) = fs::read_to_string(entry.path())
            {
                files.push(File { path, text });
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

fn is_ours(folder: &str) -> bool {
    let hidden =
        folder.starts_with('.') && ![".cargo", ".ci", ".config", ".github"].contains(&folder);
    !hidden && !["target", "node_modules"].contains(&folder)
}

fn relative(root: &Path, path: &Path) -> Option<String> {
    let path: PathBuf = path.strip_prefix(root).ok()?.into();
    Some(path.to_string_lossy().replace('\\', "/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_and_built_folders_are_not_ours() {
        let ours: Vec<&str> = [".git", ".ci", ".idea", "target", "chassis"]
            .into_iter()
            .filter(|folder| is_ours(folder))
            .collect();
        assert_eq!(ours, [".ci", "chassis"]);
    }

    #[test]
    fn a_finding_can_be_clicked() {
        assert_eq!(
            Finding::new("a/b.rs", 7, "why").to_string(),
            "a/b.rs:7: why"
        );
    }
}
