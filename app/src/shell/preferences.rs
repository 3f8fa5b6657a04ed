//! The file that holds a person's settings: `settings.toml` in the library's folder.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::files::{self, FileError};
use crate::editor::checksum::crc32;
use crate::editor::settings::{COLOURS, Settings, SettingsError, SettingsProblem, TEMPLATE};

/// The name of the file.
pub const FILE_NAME: &str = "settings.toml";

/// Settings that could not be kept.
#[derive(Debug, Error)]
pub enum PreferencesError {
    /// The file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file is no TOML: it is left alone.
    #[error("{}: {error}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: SettingsError,
    },
}

/// Reads the settings of the library in `folder`; the second part says in words what could not be used. A file that is
/// missing stands for the defaults, with a colour that differs from library to library.
pub fn load(folder: &Path) -> (Settings, Vec<String>) {
    let path = folder.join(FILE_NAME);
    let text = match read(&path) {
        Ok(Some(text)) => text,
        Ok(None) => return (Settings { colour: colour_of(folder), ..Settings::default() }, Vec::new()),
        Err(error) => return (Settings::default(), vec![error.to_string()]),
    };
    match Settings::parse(&text) {
        Ok((settings, problems)) => {
            let named = |problem: SettingsProblem| format!("{}: {problem}", path.display());
            (settings, problems.into_iter().map(named).collect())
        }
        Err(error) => (Settings::default(), vec![PreferencesError::Syntax { path, error }.to_string()]),
    }
}

/// Writes what differs from the file's values, and keeps everything else in it.
///
/// # Errors
/// A [`PreferencesError`] when the file cannot be read or written, or is no TOML; it is untouched then.
pub fn save(folder: &Path, settings: &Settings) -> Result<(), PreferencesError> {
    let path = folder.join(FILE_NAME);
    let old = read(&path)?.unwrap_or_else(|| TEMPLATE.to_owned());
    let new = settings.write_into(&old).map_err(|error| PreferencesError::Syntax { path: path.clone(), error })?;
    Ok(files::write_whole(&path, new.as_bytes())?)
}

/// The file's text; `None` if there is no such file.
fn read(path: &Path) -> Result<Option<String>, FileError> {
    match files::import(path, false) {
        Ok(read) => Ok(Some(read.text)),
        Err(FileError::Read { error, .. }) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// A colour for whoever has not chosen one: two libraries have the same only by chance.
fn colour_of(folder: &Path) -> u8 {
    let hash = crc32(folder.as_os_str().as_encoded_bytes());
    u8::try_from(hash % u32::from(COLOURS)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_first_save_makes_a_commented_file() {
        let folder = tempfile::tempdir().unwrap();
        let first = Settings { colour: colour_of(folder.path()), ..Settings::default() };
        assert_eq!(load(folder.path()), (first.clone(), Vec::new()));
        let settings = Settings { name: "Ana".into(), ..first };
        save(folder.path(), &settings).unwrap();
        assert_eq!(load(folder.path()), (settings, Vec::new()));
        assert!(fs::read_to_string(folder.path().join(FILE_NAME)).unwrap().starts_with("# Quire's settings."));
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named_and_not_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE_NAME);
        for bad in [b"name = \n".as_slice(), b"name = \"\xff\"\n"] {
            fs::write(&path, bad).unwrap();
            let (settings, words) = load(folder.path());
            assert_eq!((settings, words.len()), (Settings::default(), 1), "{words:?}");
            assert!(words[0].contains(FILE_NAME), "{words:?}");
            assert!(save(folder.path(), &Settings { colour: 3, ..Settings::default() }).is_err());
            assert_eq!(fs::read(&path).unwrap(), bad);
        }
    }
}
