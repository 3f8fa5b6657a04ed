//! Reports of copies that differ, as files in the library's folder. Each is written on a thread of its own, so that nobody waits for
//! the disk.

use std::path::{Path, PathBuf};
use std::{fs, io, thread};

use quire_crdt::DocumentId;

use super::files::{FileError, write_whole};
use super::inbox::{Event, Outlet, Places};
use crate::editor::report::Report;

/// The most reports that are kept. The first ones stay: they are nearest to the fault.
pub const REPORTS_MAX: usize = 8;

const PREFIX: &str = "divergence-";
const SUFFIX: &str = ".txt";

/// What became of a report.
#[derive(Debug)]
pub struct Reported {
    /// The document that it is about.
    pub document: DocumentId,
    /// The file; `None` when there are [`REPORTS_MAX`] already, or this one.
    pub file: Result<Option<PathBuf>, FileError>,
}

/// Writes reports.
#[derive(Debug)]
pub struct Reports {
    folder: PathBuf,
    places: Places,
}

impl Reports {
    /// In this folder; what becomes of them is left at the outlet.
    pub fn new(folder: &Path, outlet: Outlet) -> Self {
        Self { folder: folder.to_owned(), places: outlet.places(1) }
    }

    /// Writes a report; [`Event::Reported`] says what became of it. Whether it is begun: one is written at a time.
    ///
    /// # Errors
    /// When there can be no thread.
    pub fn write(&self, report: Report) -> io::Result<bool> {
        let Some(place) = self.places.try_take() else { return Ok(false) };
        let (folder, outlet) = (self.folder.clone(), self.places.outlet());
        let written = move || {
            let reported = Reported { document: report.document, file: write(&folder, &report) };
            if !outlet.leave(place, Event::Reported(reported)) {
                tracing::debug!("the library was closed before a report was written");
            }
        };
        thread::Builder::new().name("report".to_owned()).spawn(written).map(|_detached| true)
    }
}

fn write(folder: &Path, report: &Report) -> Result<Option<PathBuf>, FileError> {
    let path = folder.join(format!("{PREFIX}{}-{}{SUFFIX}", report.document, report.noticed_us));
    let kept = kept(folder).map_err(|error| FileError::Read { path: folder.to_owned(), error })?;
    if kept.len() >= REPORTS_MAX || kept.contains(&path) {
        return Ok(None);
    }
    write_whole(&path, report.to_text().as_bytes())?;
    Ok(Some(path))
}

fn kept(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut kept = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX) && name.ends_with(SUFFIX)) {
            kept.push(entry.path());
        }
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use quire_crdt::sync::Divergence;
    use quire_crdt::{Document, ReplicaId, StateDigest};

    use super::*;

    #[test]
    fn the_first_few_are_kept_and_none_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("settings.toml"), "").unwrap();
        let mut document = Document::new(DocumentId::from_bytes([9; 16]), ReplicaId::from_bytes([1; 16]));
        let state = StateDigest::default();
        let divergence = Divergence { peer: ReplicaId::from_bytes([2; 16]), version: 0, ours: state, theirs: state };
        let first = Report::of(&document, divergence, 0);
        let file = write(folder.path(), &first).unwrap().expect("a file");
        assert_eq!(file.file_name().unwrap(), "divergence-09090909090909090909090909090909-0.txt");
        document.insert(0, "more").unwrap();
        document.commit();
        assert_eq!(write(folder.path(), &Report::of(&document, divergence, 0)).unwrap(), None);
        for time in 1..20 {
            write(folder.path(), &Report::of(&document, divergence, time)).unwrap();
        }
        assert_eq!(kept(folder.path()).unwrap().len(), REPORTS_MAX);
        assert_eq!(Report::parse(&fs::read_to_string(file).unwrap()), Ok(first));
    }

    #[test]
    fn a_folder_that_is_gone_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gone");
        let document = Document::new(DocumentId::from_bytes([9; 16]), ReplicaId::from_bytes([1; 16]));
        let state = StateDigest::default();
        let divergence = Divergence { peer: ReplicaId::from_bytes([2; 16]), version: 0, ours: state, theirs: state };
        let error = write(&path, &Report::of(&document, divergence, 0)).unwrap_err();
        assert!(error.to_string().contains("gone"), "{error}");
    }
}
