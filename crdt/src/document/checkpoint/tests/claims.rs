//! Columns that claim what cannot be: each is refused by name, at its own limit.

use alloc::string::String;
use alloc::vec::Vec;

use super::*;
use crate::codec::{DecodeErrorKind, Writer};
use crate::units::UNITS_MAX;
use crate::{ENVELOPE_BYTES_MAX, MAP_ENTRY_BYTES_MAX};

fn column(values: &[u64]) -> Vec<u8> {
    let mut column = Writer::default();
    for value in values {
        column.varint(*value);
    }
    column.finish()
}

/// What is said of a checkpoint with another column.
fn error(parts: &Parts, section: Section, values: &[u64]) -> CheckpointError {
    let mut parts = parts.clone();
    *parts.column(section) = column(values);
    parts.read().map(|_| ()).unwrap_err()
}

/// The field that a column claims too much or too little of, and the number.
fn out_of_range(error: CheckpointError) -> (&'static str, u64) {
    match error {
        CheckpointError::Decode { error, .. } => match error.kind {
            DecodeErrorKind::Range { field, value } => (field, value),
            kind => panic!("{kind:?}"),
        },
        error => panic!("{error}"),
    }
}

/// One wrote two characters, another who had read them a third.
fn two_authors() -> Parts {
    let (mut one, mut two) = (new(1), new(2));
    one.insert(0, "ab").unwrap();
    deliver(&mut one, &mut two);
    two.insert(0, "c").unwrap();
    deliver(&mut two, &mut one);
    let parts = Parts::of(&one);
    assert_eq!(parts.raw[Section::Changes as usize], column(&[0, 1, 2, 1, 1, 1]));
    assert_eq!(parts.raw[Section::Deps as usize], column(&[1, 1, 0, 0]));
    parts
}

#[test]
fn turns_that_cannot_be_are_refused() {
    let parts = two_authors();
    let changes = |values: &[u64]| out_of_range(error(&parts, Section::Changes, values));
    assert_eq!(changes(&[2, 1, 2, 1, 1, 1]), ("author of a turn", 2), "there are two");
    assert_eq!(changes(&[0, 1, 2, 0, 1, 1]), ("author of a turn", 0), "that would be one turn");
    assert_eq!(changes(&[0, 0, 1, 1, 1]), ("changes of a turn", 0));
    assert_eq!(changes(&[0, 3, 1, 1, 1]), ("changes of a turn", 3), "there are two");
    assert_eq!(changes(&[0, 1, 2, 1, 2, 1, 1]), ("changes of a turn", 2), "one is left");
    assert_eq!(changes(&[0, 1, 0, 1, 1, 1]), ("length of a change", 0));
    let most = UNITS_MAX as u64;
    assert_eq!(changes(&[0, 1, most + 1, 1, 1, 1]), ("length of a change", most + 1));
    assert_eq!(changes(&[0, 1, 2, 1, 1, most - 1]), ("length of a change", most - 1), "two units fewer are left");
}

#[test]
fn authors_that_made_nothing_or_too_much_are_refused() {
    let parts = two_authors();
    let error = |units: u64| {
        let mut parts = parts.clone();
        parts.authors[1].1 = units;
        parts.read().map(|_| ()).unwrap_err()
    };
    let most = UNITS_MAX as u64;
    assert_eq!(out_of_range(error(0)), ("units of an author", 0));
    assert_eq!(out_of_range(error(most + 1)), ("units of an author", most + 1));
    assert_eq!(error(most), CheckpointError::Claim { claim: "version" }, "as many as there can be");
}

#[test]
fn deps_that_name_nothing_or_the_same_twice_are_refused() {
    let parts = two_authors();
    let deps = |values: &[u64]| out_of_range(error(&parts, Section::Deps, values));
    assert_eq!(deps(&[1, 1, 0, 2]), ("dep", 2), "none of its units");
    assert_eq!(deps(&[1, 1, 0, 3]), ("dep", 3), "less than none");
    assert_eq!(deps(&[1, 1, 1, 0]), ("dep", 0), "its own");
    assert_eq!(deps(&[1, 2, 0, 1, 0, 1]), ("dep", 1), "the same twice");
    assert_eq!(deps(&[2, 1, 0, 0]), ("change with deps", 2), "there are two changes");
}

#[test]
fn the_time_of_no_change_is_refused() {
    let mut parts = two_authors();
    parts.version = CHECKPOINT_VERSION;
    *parts.column(Section::Times) = column(&[2, 14]);
    assert_eq!(parts.read().unwrap().log().time(1), Some(7));
    assert_eq!(out_of_range(error(&parts, Section::Times, &[4, 14])), ("change with a time", 4));
}

#[test]
fn a_step_that_is_longer_than_all_units_is_refused() {
    let parts = two_authors();
    let steps = parts.raw[Section::Steps as usize].clone();
    let [insert, other] = *steps.as_slice() else { panic!("{steps:?}") };
    // The rest of a step's number by three is its kind.
    let long = 3 * (UNITS_MAX as u64 - 1) + u64::from(other % 3);
    let error = error(&parts, Section::Steps, &[u64::from(insert), long]);
    assert_eq!(out_of_range(error), ("length of a step", UNITS_MAX as u64 - 1), "two units fewer are left");
}

#[test]
fn it_is_said_where_letters_are_no_text() {
    let mut one = new(1);
    one.insert(0, "abcdef").unwrap();
    one.delete(1..4).unwrap();
    one.commit();
    let parts = Parts::of(&one);
    // What is shown comes first.
    for at in 0..6 {
        let mut parts = parts.clone();
        parts.column(Section::Letters)[at] = 0xff;
        match parts.read().map(|_| ()).unwrap_err() {
            CheckpointError::Decode { section: "text", error } => assert_eq!(error.at, at),
            error => panic!("{error}"),
        }
    }
}

#[test]
fn a_value_may_be_as_long_as_an_entry_and_no_longer() {
    let mut one = new(1);
    let value = |len: usize| Some(Value::Text("v".repeat(len)));
    let len = (1..=MAP_ENTRY_BYTES_MAX).rev().find(|len| one.set("k", value(*len)).is_ok()).unwrap();
    one.commit();
    let parts = Parts::of(&one);
    assert_received(&parts.read().unwrap());
    let column = &parts.raw[Section::Writes as usize];
    let (head, letters) = column.split_at(column.len() - len);
    let claim = super::claims::column(&[len as u64]);
    let mut longer = Writer::default();
    longer.raw(head.strip_suffix(&*claim).unwrap());
    longer.text(&"v".repeat(len + 1));
    assert!(letters.iter().all(|letter| *letter == b'v'));
    let mut parts = parts.clone();
    *parts.column(Section::Writes) = longer.finish();
    let id = OpId::new(one.replica(), 0);
    let too_long = CheckpointError::TooLong { change: id, bytes: MAP_ENTRY_BYTES_MAX + 1, limit: MAP_ENTRY_BYTES_MAX };
    assert_eq!(parts.read().map(|_| ()), Err(too_long));
}

/// A checkpoint that makes one change of all that one author wrote.
fn in_one_change(document: &Document) -> Parts {
    let mut parts = Parts::of(document);
    assert!(parts.counts[0] > 1 && parts.authors.len() == 1);
    parts.counts[0] = 1;
    *parts.column(Section::Changes) = column(&[0, 1, parts.authors[0].1]);
    parts
}

fn assert_too_long(parts: &Parts) {
    let error = parts.read().map(|_| ()).unwrap_err();
    assert!(matches!(error, CheckpointError::TooLong { bytes, .. } if bytes > ENVELOPE_BYTES_MAX), "{error}");
}

#[test]
fn a_change_of_more_values_than_an_envelope_holds_is_refused() {
    let mut one = new(1);
    let long: String = "v".repeat(MAP_ENTRY_BYTES_MAX / 2);
    for at in 0..=2 * ENVELOPE_BYTES_MAX / MAP_ENTRY_BYTES_MAX {
        one.set(&format!("key {at}"), Some(Value::Text(long.clone()))).unwrap();
        one.commit();
    }
    assert_received(&one);
    assert_too_long(&in_one_change(&one));
}

#[test]
fn a_change_of_more_steps_than_an_envelope_holds_is_refused() {
    let mut one = new(1);
    one.insert(0, "ab").unwrap();
    one.commit();
    let mut dice = Dice(7);
    for _ in 0..110_000 {
        let at = dice.below(one.text().len_chars());
        one.insert(at, "x").unwrap();
    }
    one.commit();
    assert!(4 * one.text().len_chars() < ENVELOPE_BYTES_MAX, "its letters alone would fit");
    assert_too_long(&in_one_change(&one));
}

#[test]
fn a_section_that_decompresses_to_another_length_than_it_claims_is_refused() {
    let mut one = new(1);
    for _ in 0..500 {
        one.insert(0, "ab").unwrap();
    }
    one.commit();
    let Parts { version, document, authors, counts, raw } = Parts::of(&one);
    let read = |claimed: usize| {
        let mut stored = raw.clone();
        let steps = &mut stored[Section::Steps as usize];
        *steps = miniz_oxide::deflate::compress_to_vec(steps, 9);
        let mut raw = raw.clone();
        raw[Section::Steps as usize].resize(claimed, 0);
        let bytes = sections::join(version, document, &authors, counts, &raw, &stored);
        Checkpoint::decode(bytes.into()).unwrap().document(one.replica()).map(|document| document.text().len_chars())
    };
    let len = raw[Section::Steps as usize].len();
    assert_eq!(read(len), Ok(1_000));
    for bytes in [len - 1, len + 1] {
        assert_eq!(read(bytes), Err(CheckpointError::Compression { section: "list of steps", bytes }));
    }
}
