//! How a store is found, made and recognised. Never an empty store instead of one that cannot be read.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use redb::{Database, ReadableDatabase, StorageBackend};

use super::{AUTHORS, ENDS, ENTRIES, HEADER, Log, StoreError, guarded};

/// The store's file in its directory.
const FILE: &str = "relay.redb";
/// Where a new store is made before it takes that name. What lies there holds nothing that was acknowledged.
const FILE_NEW: &str = "relay.redb.new";
/// What errors call a storage that has no path.
const STORAGE: &str = "(storage)";
const FORMAT: &[u8] = b"quire relay log";
/// Version 1 had no authors; what it holds is kept.
const FORMAT_VERSION: u32 = 2;
/// The first bytes of every redb file.
const MAGIC: &[u8; 9] = b"redb\x1a\x0a\xa9\x0d\x0a";

impl Log {
    /// Opens the store in this directory; makes both if there is none.
    ///
    /// A store of at most `check_bytes_max` bytes is read whole, and every checksum in it looked at, before it is used. One
    /// that is longer is checked where it is read.
    ///
    /// # Errors
    /// A [`StoreError`] when the store is in use, damaged, another program's or a newer version's, or the disk refuses.
    pub fn open(directory: &Path, cache_bytes: usize, check_bytes_max: u64) -> Result<Self, StoreError> {
        fs::create_dir_all(directory).map_err(|error| StoreError::io(directory, error))?;
        let path = directory.join(FILE);
        if !path.try_exists().map_err(|error| StoreError::io(&path, error))? {
            make(directory, &path)?;
        }
        Self::open_existing(directory, cache_bytes, check_bytes_max)
    }

    /// Opens the store in this directory.
    ///
    /// # Errors
    /// As [`Log::open`], and when there is none.
    pub fn open_existing(directory: &Path, cache_bytes: usize, check_bytes_max: u64) -> Result<Self, StoreError> {
        let path = directory.join(FILE);
        let bytes = recognise(&path)?;
        let mut builder = Database::builder();
        builder.set_cache_size(cache_bytes).set_check_integrity_on_open(bytes <= check_bytes_max);
        guarded(&path, || Self::from_database(builder.open(&path)?, &path))
    }

    /// Opens the store on this storage, or makes one of this epoch if the storage has no bytes. With `check`, a store that is there is read
    /// whole, and every checksum in it looked at, before it is used.
    ///
    /// # Errors
    /// As [`Log::open_existing`]; nothing takes the place of what cannot be read.
    pub fn with_backend(backend: impl StorageBackend, epoch: [u8; 16], check: bool) -> Result<Self, StoreError> {
        let path = Path::new(STORAGE);
        guarded(path, || {
            let empty = backend.len().map_err(|error| StoreError::io(path, error))? == 0;
            let mut builder = Database::builder();
            let db = builder.set_check_integrity_on_open(check && !empty).create_with_backend(backend)?;
            if empty {
                initialise(&db, epoch)?;
            }
            Self::from_database(db, path)
        })
    }

    fn from_database(db: Database, path: &Path) -> Result<Self, StoreError> {
        let foreign = |detail| StoreError::Foreign { path: path.to_owned(), detail };
        let damaged = |detail: &str| StoreError::Damaged { path: path.to_owned(), detail: detail.to_owned() };
        let read = db.begin_read()?;
        let header = match read.open_table(HEADER) {
            Err(redb::TableError::TableDoesNotExist(_) | redb::TableError::TableTypeMismatch { .. }) => {
                return Err(foreign("a database of another program"));
            }
            header => header?,
        };
        if header.get("format")?.is_none_or(|format| format.value() != FORMAT) {
            return Err(foreign("a database of another program"));
        }
        let version = header.get("version")?.and_then(|version| Some(u32::from_le_bytes(*version.value().as_array()?)));
        let found = version.ok_or_else(|| damaged("its header has no version"))?;
        if found > FORMAT_VERSION {
            return Err(StoreError::Newer { path: path.to_owned(), found, newest: FORMAT_VERSION });
        }
        let epoch = header.get("epoch")?.and_then(|epoch| epoch.value().as_array::<16>().copied());
        let epoch = epoch.ok_or_else(|| damaged("its header has no epoch"))?;
        read.open_table(ENTRIES)?;
        read.open_table(ENDS)?;
        drop((header, read));
        if found < FORMAT_VERSION {
            let transaction = db.begin_write()?;
            transaction.open_table(HEADER)?.insert("version", FORMAT_VERSION.to_le_bytes().as_slice())?;
            transaction.open_table(AUTHORS)?;
            transaction.commit()?;
        }
        Ok(Self { db, path: path.to_owned(), epoch })
    }
}

/// Whether the file may be a store; its length in bytes.
fn recognise(path: &Path) -> Result<u64, StoreError> {
    let io = |error| StoreError::io(path, error);
    let mut file = File::open(path).map_err(io)?;
    let bytes = file.metadata().map_err(io)?.len();
    let mut magic = [0; MAGIC.len()];
    match file.read_exact(&mut magic) {
        Ok(()) if magic == *MAGIC => Ok(bytes),
        Ok(()) => Err(StoreError::Foreign { path: path.to_owned(), detail: "its first bytes are not a database's" }),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Err(StoreError::Damaged { path: path.to_owned(), detail: format!("it has {bytes} bytes") })
        }
        Err(error) => Err(io(error)),
    }
}

/// Makes an empty store under another name and gives it its own when it is complete and on disk.
fn make(directory: &Path, path: &Path) -> Result<(), StoreError> {
    let new = directory.join(FILE_NEW);
    guarded(&new, || {
        if new.try_exists().map_err(|error| StoreError::io(&new, error))? {
            fs::remove_file(&new).map_err(|error| StoreError::io(&new, error))?;
        }
        let db = Database::builder().create(&new)?;
        initialise(&db, random_epoch()?)?;
        db.close()?;
        fs::rename(&new, path).map_err(|error| StoreError::io(path, error))?;
        File::open(directory).and_then(|file| file.sync_all()).map_err(|error| StoreError::io(directory, error))
    })
}

fn random_epoch() -> Result<[u8; 16], StoreError> {
    let mut epoch = [0; 16];
    getrandom::fill(&mut epoch)
        .map_err(|error| StoreError::io(Path::new("the system's random source"), error.into()))?;
    Ok(epoch)
}

fn initialise(db: &Database, epoch: [u8; 16]) -> Result<(), StoreError> {
    let transaction = db.begin_write()?;
    {
        let mut header = transaction.open_table(HEADER)?;
        header.insert("format", FORMAT)?;
        header.insert("version", FORMAT_VERSION.to_le_bytes().as_slice())?;
        header.insert("epoch", epoch.as_slice())?;
        transaction.open_table(ENTRIES)?;
        transaction.open_table(ENDS)?;
        transaction.open_table(AUTHORS)?;
    }
    Ok(transaction.commit()?)
}
