//! Changes that go by file: between devices that have no relay, and from there to one.

use super::*;
use crate::causal::Delivery;
use crate::keys::KeyError;
use crate::sealed::SealError;
use crate::sync::{Bundle, BundleError, Opened, bundle};

impl World {
    /// A bundle of what a device has on its disk and `since` does not.
    fn bundle(&mut self, at: usize, since: &VersionVector) -> Bytes {
        let Device { credentials, replica, .. } = &mut self.devices[at];
        let log_end = usize::try_from(replica.handle_given_out()).unwrap();
        let (document, seals) = (replica.document(), replica.seals().unwrap());
        bundle(document, log_end, seals, &credentials.keys, &credentials.replica, since).unwrap().into()
    }

    fn everything(&mut self, at: usize) -> Bytes {
        self.bundle(at, &VersionVector::new())
    }

    fn open(&self, at: usize, bytes: &Bytes) -> Result<Opened, BundleError> {
        let Device { credentials, replica, .. } = &self.devices[at];
        let seals = replica.seals().unwrap();
        Bundle::decode(bytes)?.open(replica.document(), seals, &credentials.keys, &credentials.replica)
    }

    /// Applies a bundle: how many changes were new, known and waiting.
    fn apply(&mut self, at: usize, bytes: &Bytes) -> (usize, usize, usize) {
        let opened = self.open(at, bytes).unwrap();
        for (envelope, seal) in &opened.changes {
            let taken = self.devices[at].replica.handle_bundled(self.now, envelope, seal);
            assert_eq!(taken, Ok(Delivery::Delivered));
        }
        self.settle();
        (opened.changes.len(), opened.known, opened.waiting)
    }
}

/// What was read of it cannot be told from a bundle that was made so.
fn with_right_checksum(mut bytes: Vec<u8>) -> Bytes {
    bytes.truncate(bytes.len() - 32);
    let checksum = blake3::derive_key("quire v1 bundle", &bytes);
    bytes.extend(checksum);
    bytes.into()
}

#[test]
fn what_is_written_off_line_goes_by_file_both_ways() {
    let mut world = World::new(2);
    world.write(0, "off line");
    let there = world.everything(0);
    assert_eq!(world.apply(1, &there), (8, 0, 0));
    assert_eq!(world.text(1), "off line");
    assert_eq!(world.apply(1, &there), (0, 8, 0), "applied again, it says nothing new");
    world.write(1, ", too");
    let back = world.bundle(1, Bundle::decode(&there).unwrap().version());
    assert_eq!(Bundle::decode(&back).unwrap().len(), 5, "only what the other lacks");
    assert_eq!(world.apply(0, &back), (5, 0, 0));
    assert_eq!(world.text(0), "off line, too");
    assert_eq!(world.everything(0), world.everything(0), "the same bytes each time");
    let whole = world.everything(1);
    assert_eq!(world.apply(0, &whole), (0, 13, 0), "what comes home is compared with what is here");
}

#[test]
fn a_bundle_carries_what_others_made_and_a_viewer_may_make_and_take_one() {
    let mut world = World::new(3);
    world.write(0, "Ana's");
    let of_ana = world.everything(0);
    world.apply(1, &of_ana);
    world.write(1, ", Bo's");
    let viewers = DocumentKeys::viewer(keys().read().clone(), *keys().write_public()).unwrap();
    world.devices[2].credentials.keys = viewers;
    let of_bo = world.everything(1);
    assert_eq!(world.apply(2, &of_bo), (11, 0, 0));
    assert_eq!(world.text(2), "Ana's, Bo's");
    let of_viewer = world.everything(2);
    assert_eq!(Bundle::decode(&of_viewer).unwrap().len(), 11);
    assert_eq!(world.apply(0, &of_viewer), (6, 5, 0));
    assert_eq!(world.text(0), "Ana's, Bo's");
}

#[test]
fn who_finds_a_bundle_reads_nothing() {
    let mut world = World::new(1);
    world.devices[0].replica.insert(0, "the place of the treasure").unwrap();
    world.devices[0].replica.commit();
    world.settle();
    let bytes = world.everything(0);
    assert!(!bytes.windows(8).any(|window| window == b"treasure"));
    let strangers = DocumentKeys::editor(&RootSecret::from_bytes([8; 16]));
    let Device { replica, credentials, .. } = &world.devices[0];
    let opened =
        Bundle::decode(&bytes).unwrap().open(replica.document(), &Seals::default(), &strangers, &credentials.replica);
    assert!(matches!(opened, Err(BundleError::Key(KeyError::Document { .. }))), "{opened:?}");
}

#[test]
fn a_bundle_with_any_bit_changed_or_cut_off_anywhere_is_not_taken() {
    let mut world = World::new(2);
    world.write(0, "ab");
    let bytes = world.everything(0);
    for at in 0..bytes.len() {
        let mut changed = bytes.to_vec();
        changed[at] ^= 1 << (at % 8);
        world.open(1, &changed.into()).unwrap_err();
        let cut = world.open(1, &bytes.slice(..at)).unwrap_err();
        assert!(!matches!(cut, BundleError::Altered), "{at} bytes: what is cut off is told from what is altered");
    }
    let longer = [&bytes[..], &[0]].concat().into();
    let expected = bytes.len() as u64;
    assert_eq!(world.open(1, &longer).unwrap_err(), BundleError::Length { bytes: expected + 1, expected });
}

#[test]
fn who_mends_the_checksum_changes_nothing_that_is_taken() {
    let mut world = World::new(2);
    world.write(0, "ab");
    let bytes = world.everything(0);
    let right = world.open(1, &bytes).unwrap().changes;
    let mut refused = 0;
    for at in 0..bytes.len() - 32 {
        let mut changed = bytes.to_vec();
        changed[at] ^= 1 << (at % 8);
        match world.open(1, &with_right_checksum(changed)) {
            // What its maker says that he has vouches for nothing.
            Ok(opened) => assert_eq!(opened.changes, right, "byte {at}"),
            Err(_) => refused += 1,
        }
    }
    assert!(refused > 300, "{refused} of {}", bytes.len());
}

#[test]
fn a_bundle_of_another_document_is_not_taken() {
    let mut world = World::new(1);
    let mut other = World::new(1);
    let keys = DocumentKeys::editor(&RootSecret::from_bytes([9; 16]));
    other.devices[0] = Device::new(keys, key(1));
    other.write(0, "elsewhere");
    let bytes = other.everything(0);
    assert!(matches!(world.open(0, &bytes), Err(BundleError::Key(KeyError::Document { .. }))));
    assert_eq!(world.everything(0).len(), 13 + 16 + 16 + 1 + 1 + 32, "nothing is here, and that can be said, too");
}

#[test]
fn what_follows_upon_something_that_is_not_here_waits() {
    let mut world = World::new(3);
    world.write(0, "one");
    let first = world.everything(0);
    world.apply(1, &first);
    world.write(1, " two");
    let since_first = world.bundle(1, Bundle::decode(&first).unwrap().version());
    world.write(0, "!");
    let since_first_of_ana = world.bundle(0, Bundle::decode(&first).unwrap().version());
    assert_eq!(world.apply(2, &since_first), (0, 0, 4), "their past is not here");
    assert_eq!(world.apply(2, &since_first_of_ana), (0, 0, 1), "nor the chain that it goes on");
    assert_eq!(world.devices[2].replica.document().held_back(), 0, "nothing of it is kept in memory");
    assert_eq!(world.apply(2, &first), (3, 0, 0));
    assert_eq!(world.apply(2, &since_first), (4, 0, 0));
    assert_eq!(world.apply(2, &since_first_of_ana), (1, 0, 0));
    assert_eq!(world.text(2).len(), 8);
}

#[test]
fn what_was_verified_a_while_ago_is_left_if_its_place_is_another_now() {
    let mut world = World::new(2);
    world.write(0, "abc");
    let bytes = world.everything(0);
    let opened = world.open(1, &bytes).unwrap();
    let mut hand_in = |at: usize| {
        let (envelope, seal) = &opened.changes[at];
        world.devices[1].replica.handle_bundled(world.now, envelope, seal)
    };
    assert_eq!(hand_in(1), Ok(Delivery::HeldBack));
    assert_eq!(hand_in(0), Ok(Delivery::Delivered));
    assert_eq!(hand_in(0), Ok(Delivery::Duplicate));
    assert_eq!(world.devices[1].replica.document().held_back(), 0);
    assert_eq!(world.text(1), "a");
}

#[test]
fn what_came_by_file_goes_to_a_relay_and_its_author_finds_his_own_there() {
    let mut world = World::new(2);
    world.write(0, "by stick");
    let bytes = world.everything(0);
    world.apply(1, &bytes);
    world.go_online(1);
    assert_eq!(world.store.log.len(), 8, "the relay has what its author never sent");
    world.go_online(0);
    world.assert_equal();
    world.write(0, "!");
    world.write(1, "?");
    world.assert_equal();
    assert!(world.devices.iter().all(|device| device.errors.is_empty()));
}

#[test]
fn what_comes_by_file_during_a_link_goes_on_to_the_relay() {
    let mut world = World::online(2);
    world.write(0, "linked");
    world.go_offline(0);
    world.write(0, " and not");
    let bytes = world.everything(0);
    assert_eq!(Bundle::decode(&bytes).unwrap().len(), 14, "also what a relay has acknowledged");
    world.apply(1, &bytes);
    assert_eq!(world.store.log.len(), 14);
    world.go_online(0);
    world.write(0, "!");
    world.assert_equal();
    assert!(world.devices.iter().all(|device| device.errors.is_empty()), "{:?}", world.devices[1].errors);
}

#[test]
fn a_relay_is_refilled_with_what_came_by_file_after_a_restart() {
    let mut world = World::new(2);
    world.write(0, "by stick");
    let bytes = world.everything(0);
    world.apply(1, &bytes);
    let disk = world.devices[1].disk.clone();
    world.restart(1, disk);
    world.go_online(1);
    world.go_online(0);
    world.assert_equal();
}

#[test]
fn a_copied_library_is_noticed_by_file() {
    let mut world = World::new(3);
    world.write(0, "one");
    let copy = world.devices[0].disk.clone();
    world.write(0, " original");
    world.devices[1].credentials.replica = key(0);
    world.restart(1, copy);
    world.write(1, "-copy");
    let of_copy = world.everything(1);
    let forked = world.open(0, &of_copy).unwrap_err();
    assert!(matches!(forked, BundleError::Sealed(SealError::Forked { first_seq: 3, .. })), "{forked}");
    let of_original = world.everything(0);
    assert_eq!(world.open(1, &of_original).unwrap_err(), BundleError::Copied { here: 8, there: 12 });
    world.apply(2, &of_original);
    let forked = world.open(2, &of_copy).unwrap_err();
    assert!(matches!(forked, BundleError::Sealed(SealError::Forked { first_seq: 3, .. })), "{forked}");
}

#[test]
fn what_a_viewer_or_somebody_else_wrote_is_not_taken() {
    let mut world = World::new(2);
    let forger = DocumentKeys::editor(&RootSecret::from_bytes([9; 16]));
    let Device { credentials, replica, .. } = &mut world.devices[0];
    replica.insert(0, "x").unwrap();
    replica.commit();
    let certificate = forger.certify(&credentials.replica).unwrap();
    let envelope = replica.document().log().envelope(0).unwrap();
    let sealed = crate::sealed::seal(
        &envelope,
        &credentials.keys,
        crate::sealed::Before::Nothing(&certificate),
        crate::sealed::Proof::Sign(&credentials.replica),
    );
    let frames = crate::sync::frame::ChangeWriter::new(credentials.replica.id()).frame(&sealed.unwrap().0);
    let mut bytes = [&b"QBND\x01"[..], &[0; 8], credentials.keys.document().as_bytes()].concat();
    bytes.extend(credentials.replica.id().as_bytes());
    bytes.extend([0, 1, u8::try_from(frames.len()).unwrap() & 0x7f | 0x80, u8::try_from(frames.len() >> 7).unwrap()]);
    bytes.extend(&frames);
    bytes.extend([0; 32]);
    let length = (bytes.len() as u64).to_le_bytes();
    bytes[5..13].copy_from_slice(&length);
    let refused = world.open(1, &with_right_checksum(bytes)).unwrap_err();
    assert!(matches!(refused, BundleError::Sealed(SealError::Key(_))), "{refused}");
}
