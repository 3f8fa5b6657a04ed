//! The files of the project.

use std::fs;
use std::path::{Path, PathBuf};

/// A text file of the project.
#[derive(Clone, Debug)]
pub(crate) struct File {
    /// Its path from the project's root, with `/`.
    pub(crate) path: String,
    /// What it says.
    pub(crate) text: String,
}

impl File {
    /// Whether it is Rust.
    pub(crate) fn is_rust(&self) -> bool {
        has_ending(&self.path, "rs")
    }

    /// Whether it is Markdown.
    pub(crate) fn is_markdown(&self) -> bool {
        has_ending(&self.path, "md")
    }
}

/// Whether the file's name ends with a dot and this.
pub(crate) fn has_ending(path: &str, ending: &str) -> bool {
    Path::new(path).extension().is_some_and(|found| found == ending)
}

/// The project's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the project has a root")
}

/// Every text file, in the order of the paths; build output and what belongs to git are left out.
pub(crate) fn files() -> Vec<File> {
    let root = root();
    let mut files = Vec::new();
    collect(&root, &root, &mut files);
    files.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(files.iter().any(|file| file.path == "tests/tidy/tree.rs"), "the walk of the tree finds this file");
    files
}

/// Every Rust file.
pub(crate) fn rust_files() -> impl Iterator<Item = File> {
    files().into_iter().filter(File::is_rust)
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<File>) {
    for entry in fs::read_dir(folder).expect("a folder of the project can be read") {
        let path = entry.expect("an entry can be read").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_hidden = name.starts_with('.') && !matches!(name.as_str(), ".ci" | ".github" | ".gitignore");
        if is_hidden || name == "target" {
            continue;
        }
        if path.is_dir() {
            collect(root, &path, files);
        } else if let Ok(text) = fs::read_to_string(&path) {
            let relative = path.strip_prefix(root).expect("a file of the project is under its root");
            files.push(File { path: relative.to_string_lossy().replace('\\', "/"), text });
        }
    }
}
