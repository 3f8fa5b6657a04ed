use data_encoding::HEXLOWER;

use super::*;

/// A file with a fixed salt and nonce, and what a newer program may read in it for ever.
const GOLDEN: &str = include_str!("../../../../tests/golden/recovery-v1.txt");

const LINKS: &str = include_str!("../../../../tests/golden/links-v2.txt");

const SMALL: Cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };

fn passphrase() -> Secret {
    Secret::new("correct horse battery staple")
}

fn contents() -> Contents {
    let entry = |(link, title, archived): (&str, &str, bool)| Entry {
        link: Secret::new(link),
        title: title.to_owned(),
        archived,
    };
    let [editors, viewers] = *LINKS.lines().collect::<Vec<_>>() else { panic!("two links") };
    let documents = [(editors, "Plan “å 🙂”", false), (viewers, "", true)].map(entry).to_vec();
    Contents { made_us: 1_700_000_000_000_000, documents }
}

fn sealed(cost: Cost) -> Vec<u8> {
    seal(&contents(), &passphrase(), cost, [7; SALT_BYTES], [9; NONCE_BYTES]).unwrap()
}

/// The file with fitting check digits.
fn checked(mut bytes: Vec<u8>) -> Vec<u8> {
    let end = bytes.len() - CHECK_BYTES;
    let check = crc32(&bytes[..end]).to_le_bytes();
    bytes[end..].copy_from_slice(&check);
    bytes
}

#[test]
fn what_was_sealed_opens_with_its_passphrase_and_no_other() {
    let bytes = sealed(SMALL);
    assert_eq!(open(&bytes, &passphrase()), Ok(contents()));
    for wrong in ["", "correct horse battery stapl", "Correct horse battery staple", "correct horse battery staple "] {
        assert_eq!(open(&bytes, &Secret::new(wrong)), Err(RecoveryError::Passphrase), "{wrong:?}");
    }
    let shown = String::from_utf8_lossy(&bytes);
    assert!(!shown.contains("quire://") && !shown.contains("Plan"));
    assert!(!format!("{:?}", contents()).contains("quire://"));
}

#[test]
fn the_golden_file_is_written_and_read_as_ever() {
    let golden = HEXLOWER.decode(GOLDEN.lines().collect::<String>().as_bytes()).unwrap();
    assert_eq!(HEXLOWER.encode(&sealed(Cost::DEFAULT)), HEXLOWER.encode(&golden));
    assert_eq!(open(&golden, &passphrase()), Ok(contents()));
}

#[test]
fn a_file_that_is_damaged_anywhere_or_cut_off_says_so() {
    let bytes = sealed(SMALL);
    for at in 0..bytes.len() {
        let expected = if at < MAGIC.len() { RecoveryError::Foreign } else { RecoveryError::Damaged };
        assert_eq!(open(&bytes[..at], &passphrase()), Err(expected.clone()), "{at} bytes");
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x40;
        let version = damaged[MAGIC.len()];
        let expected = if at == MAGIC.len() { RecoveryError::Version { version } } else { expected };
        assert_eq!(open(&damaged, &passphrase()), Err(expected), "byte {at}");
    }
    assert_eq!(open(b"", &passphrase()), Err(RecoveryError::Foreign));
    assert_eq!(open(b"# Plan\n", &passphrase()), Err(RecoveryError::Foreign));
    assert_eq!(open(&[&bytes[..], b"x"].concat(), &passphrase()), Err(RecoveryError::Damaged));
}

#[test]
fn the_header_is_vouched_for_and_the_seal_too() {
    let bytes = sealed(Cost { memory_kib: 64, passes: 1, lanes: 1 });
    let costs = MAGIC.len() + 1;
    for at in [costs, costs + 4, costs + 12, costs + 28, HEADER_BYTES, bytes.len() - CHECK_BYTES - 1] {
        let mut forged = bytes.clone();
        forged[at] ^= 2;
        assert_eq!(open(&checked(forged), &passphrase()), Err(RecoveryError::Passphrase), "byte {at}");
    }
}

#[test]
fn a_newer_version_says_so_and_version_0_is_none() {
    let mut bytes = sealed(SMALL);
    bytes[MAGIC.len()] = 2;
    assert_eq!(open(&bytes, &passphrase()), Err(RecoveryError::Version { version: 2 }));
    bytes[MAGIC.len()] = 0;
    assert_eq!(open(&checked(bytes), &passphrase()), Err(RecoveryError::Damaged));
}

#[test]
fn a_file_that_asks_for_too_much_is_refused_before_it_gets_it() {
    let max = Cost::MAX;
    for [memory_kib, passes, lanes] in [
        [max.memory_kib + 1, 1, 1],
        [u32::MAX, u32::MAX, u32::MAX],
        [64, max.passes + 1, 1],
        [64, u32::MAX, 1],
        [64, 1, max.lanes + 1],
        [0, 1, 1],
        [64, 0, 1],
        [64, 1, 0],
        [31, 1, 4],
    ] {
        let mut bytes = sealed(SMALL);
        let numbers = [memory_kib, passes, lanes].map(u32::to_le_bytes).concat();
        bytes[MAGIC.len() + 1..MAGIC.len() + 13].copy_from_slice(&numbers);
        let refused = RecoveryError::Cost { memory_kib, passes, lanes };
        assert_eq!(open(&checked(bytes), &passphrase()), Err(refused), "{memory_kib} {passes} {lanes}");
    }
}

#[test]
fn a_passphrase_is_neither_short_nor_endless() {
    let seal = |passphrase: String| seal(&contents(), &Secret::new(passphrase), SMALL, [0; 16], [0; 24]).map(drop);
    assert_eq!(seal("å".repeat(11)), Err(RecoveryError::Short { chars: 11 }));
    assert_eq!(seal("å".repeat(12)), Ok(()));
    assert_eq!(seal("a".repeat(1025)), Err(RecoveryError::Long { bytes: 1025 }));
}

#[test]
fn contents_that_are_none_are_not_quoted() {
    let open_json = |json: &str| {
        let header = [&MAGIC[..], &[1], &[64, 1, 1].map(u32::to_le_bytes).concat(), &[7; 16], &[9; 24]].concat();
        let cipher = cipher(&passphrase(), SMALL, &[7; 16]).unwrap();
        let sealed = cipher.encrypt(XNonce::from_slice(&[9; 24]), Payload { msg: json.as_bytes(), aad: &header });
        open(&checked([&header[..], &sealed.unwrap(), &[0; 4]].concat()), &passphrase())
    };
    let error = open_json("{\"made_us\":\"#2e.secret\",\"documents\":[]}").unwrap_err();
    assert!(matches!(error, RecoveryError::Contents { .. }) && !error.to_string().contains("secret"), "{error}");
    let newer = open_json("{\"made_us\":1,\"documents\":[{\"link\":\"x\",\"color\":3}],\"relay\":\"h\"}").unwrap();
    assert_eq!(newer.documents, [Entry { link: Secret::new("x"), title: String::new(), archived: false }]);
}
