//! Power that goes, disks that are full, bits that flip, tails that are torn.

use super::disk::{Disk, after_power_loss};
use super::*;

/// So many commits of three changes each into one document; after each, how much had been asked of the disk.
fn fill(disk: &Disk, commits: u64) -> Vec<usize> {
    let log = Log::with_backend(disk.clone(), EPOCH, false).unwrap();
    let commit = |number: u64| {
        let batch: Vec<Append> = (0..3).map(|at| append(1, number * 3 + at)).collect();
        log.append(&batch).unwrap();
        disk.asked_len()
    };
    (0..commits).map(commit).collect()
}

#[test]
fn whenever_the_power_goes_what_was_acknowledged_is_there() {
    let disk = Disk::default();
    let acknowledged = fill(&disk, 6);
    let asked = disk.asked();
    let begun = acknowledged[0];
    for cut in begun..=asked.len() {
        let commits = acknowledged.iter().filter(|at| **at <= cut).count() as u64;
        let kept: [&dyn Fn(usize) -> bool; 4] =
            [&|_| false, &|_| true, &|number| number % 2 == 0, &|number| number % 3 != 0];
        for (way, kept) in kept.into_iter().enumerate() {
            let after = Disk::holding(after_power_loss(&asked[..cut], kept));
            let log =
                Log::with_backend(after, EPOCH, false).unwrap_or_else(|error| panic!("cut {cut}, way {way}: {error}"));
            let head = log.end(document(1)).unwrap().head;
            assert!(
                head == commits * 3 || head == commits * 3 + 3,
                "cut {cut}, way {way}: {head} of {commits} commits"
            );
            assert_eq!(log.read(document(1), 0, usize::MAX).unwrap(), envelopes(1, 0..head));
            assert_eq!(log.verify().unwrap().changes, head);
        }
    }
}

#[test]
fn a_full_disk_is_an_error_and_what_was_acknowledged_is_there() {
    let disk = Disk::default();
    fill(&disk, 2);
    let log = Log::with_backend(disk.clone(), EPOCH, false).unwrap();
    disk.fill();
    let batch = |at| Append { envelope: long_envelope(at), ..append(1, at) };
    let mut acknowledged = 6;
    let error = loop {
        match log.append(&[batch(acknowledged)]) {
            Ok(_) => acknowledged += 1,
            Err(error) => break error,
        }
        assert!(acknowledged < 1_000, "the disk is never full");
    };
    assert!(matches!(error, StoreError::Io { .. }), "{error}");
    assert!(log.append(&[batch(acknowledged)]).is_err(), "and it goes on refusing");
    drop(log);
    let log = Log::with_backend(Disk::holding(disk.bytes()), EPOCH, false).unwrap();
    assert_eq!(log.verify().unwrap().changes, acknowledged);
}

fn long_envelope(at: u64) -> Bytes {
    let header = Header {
        replica: ReplicaId::from_bytes([9; 16]),
        first_seq: at,
        len: 40_000,
        deps: VersionVector::new(),
        heads: false,
    };
    let ops = vec![Op::Insert { left: None, right: None, text: "x".repeat(40_000) }];
    seal(document(1), &Change { header, ops }).bytes().clone()
}

/// A store in these bytes is refused, or holds what it should.
fn check_damage(bytes: Vec<u8>, check: bool, what: &str) -> bool {
    let opened = Log::with_backend(Disk::holding(bytes), EPOCH, check);
    let read = opened.and_then(|log| Ok((log.verify()?.changes, log.read(document(1), 0, usize::MAX)?)));
    match read {
        Ok((changes, read)) => {
            assert_eq!((changes, read), (30, envelopes(1, 0..30)), "{what}");
            false
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            true
        }
    }
}

#[test]
fn a_flipped_bit_is_found_or_does_no_harm() {
    let disk = Disk::default();
    fill(&disk, 10);
    let sound = disk.bytes();
    let used: Vec<usize> = (0..sound.len()).filter(|at| sound[*at] != 0).collect();
    let mut found = 0;
    let stride = used.len() / 150 + 1;
    for (number, at) in used.iter().step_by(stride).enumerate() {
        let mut bytes = sound.clone();
        bytes[*at] ^= 1 << (number % 8);
        found += u32::from(check_damage(bytes, number % 2 == 0, &format!("byte {at}")));
    }
    assert!(found > 0, "no flipped bit was found");
}

/// Where an envelope stands in a file.
fn places(file: &[u8], envelope: &[u8]) -> Vec<usize> {
    let windows = file.windows(envelope.len()).enumerate();
    windows.filter(|(_, window)| *window == envelope).map(|(at, _)| at).collect()
}

fn flip_at_ends(file: &mut [u8], places: &[usize], len: usize) {
    for at in places {
        file[at + len - 1] ^= 1;
    }
}

#[test]
fn a_flipped_bit_in_an_envelope_is_always_found() {
    let disk = Disk::default();
    fill(&disk, 10);
    let sound = disk.bytes();
    let envelope = append(1, 17).envelope;
    let places = places(&sound, &envelope);
    assert!(!places.is_empty());
    for check in [false, true] {
        let mut bytes = sound.clone();
        flip_at_ends(&mut bytes, &places, envelope.len());
        assert!(check_damage(bytes, check, "an envelope"));
    }
}

#[test]
fn a_torn_tail_is_found_or_does_no_harm() {
    let disk = Disk::default();
    fill(&disk, 10);
    let sound = disk.bytes();
    for part in 0..40 {
        let len = sound.len() * part / 40;
        // An empty file is a store that is still to be made: only its directory tells (`open` refuses it).
        if len > 0 {
            check_damage(sound[..len].to_vec(), part % 2 == 0, &format!("{len} of {} bytes", sound.len()));
        }
    }
}

#[test]
fn a_damaged_file_is_refused_with_what_to_do_and_left_as_it_is() {
    let directory = TempDir::new().unwrap();
    drop(store(directory.path(), 30));
    let path = directory.path().join("relay.redb");
    let mut bytes = std::fs::read(&path).unwrap();
    let envelope = append(2, 17).envelope;
    let places = places(&bytes, &envelope);
    flip_at_ends(&mut bytes, &places, envelope.len());
    std::fs::write(&path, &bytes).unwrap();
    let error = Log::open(directory.path(), CACHE_BYTES, CHECK).unwrap_err().to_string();
    assert!(error.contains("is damaged") && error.contains("put a backup in its place"), "{error}");
    assert!(std::fs::read(&path).unwrap() == bytes, "the file was changed");
}
