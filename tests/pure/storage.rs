//! The simulated device does what disks do, and no more.

use redb::StorageBackend as _;
use sim::rng::Rng;
use sim::storage::{SECTOR_BYTES, Storage};

const SECTORS: usize = 8;
const BYTES: usize = SECTORS * SECTOR_BYTES;

/// A device on which all bytes are `a`, synced.
fn device() -> Storage {
    let storage = Storage::new();
    let device = storage.device();
    device.set_len(BYTES as u64).unwrap();
    device.write(0, &[b'a'; BYTES]).unwrap();
    device.sync_data().unwrap();
    storage
}

fn read(storage: &Storage) -> Vec<u8> {
    let device = storage.device();
    let mut bytes = vec![0; usize::try_from(device.len().unwrap()).unwrap()];
    device.read(0, &mut bytes).unwrap();
    bytes
}

/// What is found after so many crashes of the same kind.
fn outcomes(happen: impl Fn(&Storage, &mut Rng)) -> Vec<Vec<u8>> {
    let outcome = |seed| {
        let (storage, mut rng) = (device(), Rng::new(seed));
        happen(&storage, &mut rng);
        storage.crash(&mut rng);
        read(&storage)
    };
    (0..300).map(outcome).collect()
}

/// Whether there is an outcome like this.
fn some(outcomes: &[Vec<u8>], is_it: impl Fn(&[u8]) -> bool) -> bool {
    outcomes.iter().any(|bytes| is_it(bytes))
}

fn is_all(bytes: &[u8], byte: u8) -> bool {
    bytes.iter().all(|found| *found == byte)
}

#[test]
fn what_was_not_synced_survives_in_whole_sectors_or_not() {
    let found = outcomes(|storage, _| storage.device().write(0, &[b'b'; BYTES]).unwrap());
    assert!(found.iter().all(|bytes| bytes.chunks(SECTOR_BYTES).all(|sector| is_all(sector, sector[0]))));
    assert!(some(&found, |bytes| is_all(bytes, b'a')) && some(&found, |bytes| is_all(bytes, b'b')));
    assert!(some(&found, |bytes| bytes[0] == b'b' && bytes[SECTOR_BYTES] == b'a' && bytes[2 * SECTOR_BYTES] == b'b'));
}

#[test]
fn a_later_write_may_survive_an_earlier_one() {
    let found = outcomes(|storage, _| {
        storage.device().write(0, b"b").unwrap();
        storage.device().write(1, b"c").unwrap();
    });
    for expected in [b"aa", b"ba", b"ac", b"bc"] {
        assert!(some(&found, |bytes| bytes.starts_with(expected)), "{expected:?}");
    }
    assert!(found.iter().all(|bytes| is_all(&bytes[2..], b'a')));
}

#[test]
fn what_was_synced_survives() {
    let found = outcomes(|storage, _| {
        storage.device().write(0, &[b'b'; BYTES]).unwrap();
        storage.device().sync_data().unwrap();
        storage.device().write(0, b"c").unwrap();
    });
    assert!(found.iter().all(|bytes| is_all(&bytes[1..], b'b')));
}

#[test]
fn a_length_that_was_not_synced_may_be_lost_with_what_is_behind_it() {
    let found = outcomes(|storage, _| {
        storage.device().set_len(2 * BYTES as u64).unwrap();
        storage.device().write(BYTES as u64, &[b'b'; BYTES]).unwrap();
    });
    assert!(some(&found, |bytes| bytes.len() == BYTES));
    assert!(some(&found, |bytes| bytes.len() == 2 * BYTES && is_all(&bytes[BYTES..], 0)));
    assert!(some(&found, |bytes| bytes.len() == 2 * BYTES && is_all(&bytes[BYTES..], b'b')));
}

#[test]
fn after_a_sync_that_failed_no_later_one_brings_back_what_it_lost() {
    let fail = |storage: &Storage, rng: &mut Rng| {
        storage.fail_sync(1, rng);
        let device = storage.device();
        device.sync_data().unwrap();
        device.write(0, b"b").unwrap();
        assert!(device.sync_data().is_err());
        device.write(1, b"c").unwrap();
        device.sync_data().unwrap();
    };
    let found = outcomes(fail);
    assert!(some(&found, |bytes| bytes.starts_with(b"ac")) && some(&found, |bytes| bytes.starts_with(b"bc")));
    assert!(found.iter().all(|bytes| bytes[1] == b'c'), "what came later is synced");
    let cached_alone = |seed| {
        let (storage, mut rng) = (device(), Rng::new(seed));
        fail(&storage, &mut rng);
        let cached = read(&storage);
        storage.crash(&mut rng);
        cached[0] == b'b' && read(&storage)[0] == b'a'
    };
    assert!((0..300).any(cached_alone), "it may be seen until the crash");
}

#[test]
fn a_full_disk_takes_what_has_its_place() {
    let storage = device();
    storage.device().set_len(4 * BYTES as u64).unwrap();
    storage.fill();
    let device = storage.device();
    device.write(0, b"b").unwrap();
    assert!(device.write(2 * BYTES as u64, b"b").is_err(), "a hole");
    assert!(device.set_len(8 * BYTES as u64).is_err());
    device.sync_data().unwrap();
    storage.free();
    device.write(2 * BYTES as u64, b"b").unwrap();
    device.set_len(8 * BYTES as u64).unwrap();
}

#[test]
fn when_the_power_goes_the_last_write_is_on_its_way() {
    let happen = |storage: &Storage, _: &mut Rng| {
        storage.cut_after(1);
        let device = storage.device();
        device.write(0, b"b").unwrap();
        assert!(device.write(1, b"c").is_err());
        assert!(device.write(2, b"d").is_err() && device.sync_data().is_err() && device.read(0, &mut [0]).is_err());
    };
    let found = outcomes(happen);
    assert!(some(&found, |bytes| bytes.starts_with(b"bca")) && some(&found, |bytes| bytes.starts_with(b"aaa")));
    assert!(found.iter().all(|bytes| bytes[2] == b'a'), "nothing comes later");
}

#[test]
fn who_was_killed_writes_no_more_and_what_it_wrote_is_seen() {
    let storage = device();
    let killed = storage.device();
    killed.write(0, b"b").unwrap();
    storage.kill();
    assert!(killed.write(0, b"c").is_err() && killed.len().is_err());
    assert!(read(&storage).starts_with(b"ba"));
    let image = storage.image();
    let other = Storage::new();
    other.restore(&image);
    assert!(is_all(&read(&other), b'a'), "an image is of what was synced");
    assert!(other.image() == image);
}
