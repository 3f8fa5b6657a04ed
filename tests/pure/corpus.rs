//! Bytes that were found to be worth keeping, given to every decoder for ever; `tests/fuzz` looks for more.

use std::fs;
use std::path::{Path, PathBuf};

use sim::targets::{TARGETS, seeds};

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

#[test]
fn the_corpus_breaks_nothing() {
    for (name, target) in TARGETS {
        let files = fs::read_dir(corpus().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut inputs: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
        inputs.sort();
        assert!(!inputs.is_empty(), "nothing is kept for {name}");
        for path in inputs {
            target(&fs::read(&path).unwrap());
        }
    }
}

#[test]
fn sound_inputs_cut_off_and_with_flipped_bits_break_nothing() {
    for (name, target) in TARGETS {
        let seeds = seeds(name);
        assert!(!seeds.is_empty(), "no sound input for {name}");
        for seed in seeds {
            target(&seed);
            let step = seed.len() / 60 + 1;
            for at in (0..seed.len()).step_by(step) {
                target(&seed[..at]);
                let mut flipped = seed.clone();
                flipped[at] ^= 1 << (at % 8);
                target(&flipped);
            }
        }
    }
}

#[test]
fn every_target_of_the_corpus_has_a_fuzzer() {
    let names = |folder: &str| {
        let files = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap();
        let mut names: Vec<String> =
            files.map(|file| file.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    };
    let mut known: Vec<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    known.sort();
    assert_eq!(names("fuzz/src/bin"), known);
    assert_eq!(names("corpus"), known);
}
