//! Where the golden cases and the traces are, and how they are read. A missing folder fails; it is never skipped.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use quire_crdt::ReplicaId;

/// The folder that the environment variable names, or else `../shared/NAME` beside the project.
pub(crate) fn folder(variable: &str, name: &str) -> PathBuf {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared").join(name);
    let folder = std::env::var_os(variable).map_or_else(beside, PathBuf::from);
    assert!(
        folder.is_dir(),
        "{} is no folder; put the {name} there, or name their folder by {variable}",
        folder.display()
    );
    folder
}

/// The files of a folder whose names end so, in the order of their names; at least one.
pub(crate) fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = folder.read_dir().expect("the folder can be read");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry can be read").path()).collect();
    files.retain(|file| file.to_string_lossy().ends_with(ending));
    files.sort();
    assert!(!files.is_empty(), "{} has no file *{ending}", folder.display());
    files
}

/// A gzipped file, opened.
pub(crate) fn open(file: &Path) -> GzDecoder<File> {
    let opened = File::open(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    GzDecoder::new(opened)
}

/// The lines of a gzipped file.
pub(crate) fn lines(file: &Path) -> impl Iterator<Item = String> {
    let unreadable = format!("{} is gzipped UTF-8", file.display());
    BufReader::new(open(file)).lines().map(move |line| line.expect(&unreadable))
}

/// The replica of a short name; the ids are ordered as the names are.
pub(crate) fn named(name: &str) -> ReplicaId {
    assert!(name.len() <= 16, "the name {name} fits an id");
    let mut bytes = [0; 16];
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    ReplicaId::from_bytes(bytes)
}
