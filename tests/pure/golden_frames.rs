//! The bytes of every frame of protocol version 5, as they will be for ever, and that older versions are known by their Hello.

use quire_crdt::sync::frame::{Frame, PROTOCOL_VERSION};
use quire_crdt::sync::{ConnId, Gate, Now, RelayLimits, RelayPolicy};
use sim::frames::{Reader, To, examples, hex};

/// Lines of a name, a colon and the bytes.
const GOLDEN: &str = include_str!("../golden/frames-v5.txt");
const OLDER: [(u64, &str); 4] = [
    (1, include_str!("../golden/frames-v1.txt")),
    (2, include_str!("../golden/frames-v2.txt")),
    (3, include_str!("../golden/frames-v3.txt")),
    (4, include_str!("../golden/frames-v4.txt")),
];

fn lines(kept: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let lines = kept.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.split_once(": ").expect("a name and bytes"))
}

/// The bytes that hexadecimal digits say.
pub(crate) fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal")).collect()
}

/// Which way an example goes.
fn to(name: &str) -> To {
    if name == "change, to the replica" { To::Replica } else { To::Relay }
}

#[test]
fn golden_frames_are_made_as_ever() {
    let made: Vec<_> = examples().into_iter().map(|(name, bytes)| format!("{name}: {}", hex(&bytes))).collect();
    let kept: Vec<_> = lines(GOLDEN).map(|(name, hex)| format!("{name}: {hex}")).collect();
    assert_eq!(made, kept, "\n{}", made.join("\n"));
}

#[test]
fn golden_frames_read_as_ever() {
    let (mut of_golden, mut of_examples) = (Reader::default(), Reader::default());
    for ((name, hex), (_, example)) in lines(GOLDEN).zip(examples()) {
        let read = of_golden.to_json(to(name), &bytes(hex));
        assert_eq!(read, of_examples.to_json(to(name), &example), "{name}");
        assert!(read.is_ok(), "{name}: {read:?}");
    }
}

#[test]
fn every_prefix_of_a_golden_frame_is_refused() {
    let mut reader = Reader::default();
    for (name, hex) in lines(GOLDEN) {
        let whole = bytes(hex);
        for len in 0..whole.len() {
            let read = reader.clone().to_json(to(name), &whole[..len]);
            assert!(read.is_err(), "{name}, {len} of {} bytes: {read:?}", whole.len());
        }
        assert!(reader.to_json(to(name), &whole).is_ok(), "{name}");
    }
}

/// Every Hello of an older version is answered with a Refused that names both versions.
#[test]
fn golden_hellos_of_older_versions_are_refused_in_words_they_know() {
    for (version, older) in OLDER {
        for (name, hex) in lines(older).filter(|(name, _)| name.starts_with("hello")) {
            let policy = RelayPolicy::default();
            let (mut gate, now) = (Gate::new([1; 16], RelayLimits::default(), policy, 0), Now::default());
            gate.handle_connected(now, ConnId(1), [2; 32], Vec::new());
            gate.handle_frame(now, ConnId(1), &bytes(hex).into());
            let challenge = gate.poll_transmit(now, ConnId(1)).expect("a challenge");
            assert_eq!(Frame::decode(&challenge), Ok(Frame::Challenge { challenge: [2; 32] }));
            let answer = gate.poll_transmit(now, ConnId(1)).expect("an answer");
            let Ok(Frame::Refused(refusal)) = Frame::decode(&answer) else { panic!("{name}: {answer:?}") };
            assert_eq!((refusal.limit, refusal.value), (u64::from(PROTOCOL_VERSION), version));
            assert_eq!(refusal.retry_after_ms, 0);
            let (_, refused) = lines(older).find(|(name, _)| *name == "refused, protocol").expect("a reason");
            assert_eq!(answer[..2], bytes(refused)[..2], "as that version writes it");
        }
    }
}
