//! The golden cases and the traces: where they are, and how they are read. They are not part of the project; without them the
//! tests that need them fail.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, ErrorKind};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;

/// The folder that the environment variable names, or else `../shared/NAME` beside the project.
///
/// # Errors
/// When it is no folder; the message says what to do.
pub fn folder(variable: &str, name: &str) -> io::Result<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared").join(name);
    let folder = std::env::var_os(variable).map_or_else(beside, PathBuf::from);
    if folder.is_dir() {
        return Ok(folder);
    }
    let message =
        format!("{} is no folder: put the {name} there, or name their folder by {variable}", folder.display());
    Err(io::Error::new(ErrorKind::NotFound, message))
}

/// The files of a folder whose names end so, in the order of their names; at least one.
///
/// # Errors
/// When the folder cannot be read or has no such file.
pub fn files(folder: &Path, ending: &str) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in folder.read_dir()? {
        let path = entry?.path();
        if path.to_string_lossy().ends_with(ending) {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(io::Error::new(ErrorKind::NotFound, format!("{} has no file *{ending}", folder.display())));
    }
    Ok(files)
}

/// A gzipped file, unzipped as it is read.
///
/// # Errors
/// When it cannot be opened.
pub fn open(file: &Path) -> io::Result<BufReader<GzDecoder<File>>> {
    let opened =
        File::open(file).map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", file.display())))?;
    Ok(BufReader::new(GzDecoder::new(opened)))
}

/// The lines of a gzipped file.
///
/// # Errors
/// When it cannot be read or is not UTF-8.
pub fn lines(file: &Path) -> io::Result<Vec<String>> {
    open(file)?.lines().collect()
}
