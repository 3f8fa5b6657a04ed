//! The bytes of every frame of protocol version 1, as they will be for ever.

use sim::frames::{examples, hex, to_json};

/// Lines of a name, a colon and the bytes.
const GOLDEN: &str = include_str!("../golden/frames-v1.txt");

fn golden() -> impl Iterator<Item = (&'static str, &'static str)> {
    let lines = GOLDEN.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.split_once(": ").expect("a name and bytes"))
}

/// The bytes that hexadecimal digits say.
pub(crate) fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal")).collect()
}

#[test]
fn golden_frames_are_made_as_ever() {
    let made: Vec<_> = examples().into_iter().map(|(name, bytes)| format!("{name}: {}", hex(&bytes))).collect();
    let kept: Vec<_> = golden().map(|(name, hex)| format!("{name}: {hex}")).collect();
    assert_eq!(made, kept, "\n{}", made.join("\n"));
}

#[test]
fn golden_frames_read_as_ever() {
    for ((name, hex), (_, example)) in golden().zip(examples()) {
        assert_eq!(to_json(&bytes(hex)), to_json(&example), "{name}");
        assert!(to_json(&example).is_ok(), "{name}");
    }
}

#[test]
fn every_prefix_of_a_golden_frame_is_refused() {
    for (name, hex) in golden() {
        let whole = bytes(hex);
        for len in 0..whole.len() {
            assert!(to_json(&whole[..len]).is_err(), "{name}, {len} of {} bytes", whole.len());
        }
    }
}
