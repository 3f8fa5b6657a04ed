//! A small disk of one's own, which can be filled to its last byte and freed again.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::net::run;

/// What the ballast grows by, in bytes.
const STEP_BYTES: usize = 64 * 1024;

/// A file system in memory, of so many bytes; it is gone when this is dropped.
#[derive(Debug)]
pub(crate) struct SmallDisk {
    folder: PathBuf,
}

impl SmallDisk {
    /// Mounts it at this folder.
    pub(crate) fn mount(folder: &Path, mebibytes: usize) -> Result<Self, String> {
        fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let size = format!("size={mebibytes}m");
        run("mount", &["-t", "tmpfs", "-o", &size, "quire-soak", &folder.to_string_lossy()])?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// Takes all the room that is left.
    pub(crate) fn fill(&self) -> Result<(), String> {
        let path = self.ballast();
        let file = OpenOptions::new().create(true).append(true).open(&path);
        let mut file = file.map_err(|error| format!("{}: {error}", path.display()))?;
        let mut step = STEP_BYTES;
        while step > 0 {
            // It ends when there is no room for a single byte: the size of the disk bounds it.
            if file.write_all(&vec![0; step]).is_err() {
                step /= 2;
            }
        }
        Ok(())
    }

    /// Gives it back.
    pub(crate) fn free(&self) -> Result<(), String> {
        let path = self.ballast();
        fs::remove_file(&path).map_err(|error| format!("{}: {error}", path.display()))
    }

    fn ballast(&self) -> PathBuf {
        self.folder.join("ballast")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        if let Err(error) = run("umount", &[&self.folder.to_string_lossy()]) {
            eprintln!("soak: {error}");
        }
    }
}
