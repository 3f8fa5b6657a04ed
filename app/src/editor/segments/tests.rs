use super::*;
use crate::editor::buffer::{Buffer, LocalBuffer};
use crate::editor::rng::Rng;

fn index_of(text: &str) -> (LocalBuffer, Segments) {
    let buffer = LocalBuffer::new(text);
    let segments = Segments::new(buffer.text(), Estimate::default());
    segments.assert_is_of(buffer.text());
    (buffer, segments)
}

fn follow(buffer: &mut LocalBuffer, segments: &mut Segments) {
    let mut patches = Vec::new();
    buffer.take_patches(&mut patches);
    segments.apply(patches.iter().map(|patch| patch.splice), buffer.text());
    segments.assert_is_of(buffer.text());
}

#[test]
fn a_char_or_a_height_names_its_segment() {
    let (_, segments) = index_of("one\ntwo\n\nfour");
    let check = |char, line, start| {
        let found = segments.at_char(char);
        assert_eq!((found.line, found.start), (line, start), "char {char}");
        assert_eq!(segments.at_y(found.top + 1.0).line, line, "the line at the height of char {char}");
    };
    check(0, 0, 0);
    check(3, 0, 0);
    check(4, 1, 4);
    check(8, 2, 8);
    check(9, 3, 9);
    check(99, 3, 9);
    let (_, empty) = index_of("");
    assert_eq!(empty.at_char(7).start, 0);
    let (_, ended) = index_of("end\n");
    assert_eq!(ended.at_char(4).line, 1);
}

#[test]
fn measured_heights_move_what_is_below() {
    let (_, mut segments) = index_of("one\ntwo\nthree");
    let before = segments.at_char(8).top;
    segments.measure(&segments.at_char(0), 100.0);
    assert!((segments.at_char(8).top - before - 77.5).abs() < 1e-9);
    segments.estimate_anew(Estimate { row_height: 10.0, chars_per_row: Some(2.0) });
    assert!((segments.height() - (20.0 + 20.0 + 30.0)).abs() < 1e-9);
}

#[test]
fn fences_are_known_at_any_line() {
    let (mut buffer, mut segments) = index_of("a\n```\ncode\n```\nb\n");
    let inside =
        |segments: &Segments| (0..5).map(|line| segments.at_number(line).fence.is_inside()).collect::<Vec<_>>();
    assert_eq!(inside(&segments), [false, false, true, true, false]);
    buffer.replace(2..3, "").expect("in the text");
    follow(&mut buffer, &mut segments);
    assert_eq!(inside(&segments), [false, false, false, false, true]);
}

#[test]
fn many_changes_at_once_are_followed_one_after_the_other() {
    let (mut buffer, mut segments) = index_of("abc\ndef\nghi\n");
    buffer.replace(2..6, "").expect("in the text");
    buffer.replace(0..1, "x\ny\n").expect("in the text");
    buffer.replace(7..7, "\n\n").expect("in the text");
    follow(&mut buffer, &mut segments);
}

#[test]
fn a_very_long_line_is_edited_in_pieces() {
    let (mut buffer, mut segments) = index_of(&"å ".repeat(5000));
    let pieces = segments.len();
    buffer.replace(5000..5000, "x").expect("in the text");
    follow(&mut buffer, &mut segments);
    buffer.replace(100..9000, "").expect("in the text");
    follow(&mut buffer, &mut segments);
    assert!(segments.len() < pieces);
    buffer.replace(50..51, "\n").expect("in the text");
    follow(&mut buffer, &mut segments);
}

#[test]
fn any_changes_keep_the_sums_equal_to_the_text() {
    let pieces = ["a", "\n", "word ", "å\u{301}", "👩‍👩‍👧", "```\n", "\n\n", &"long ".repeat(700), "\r\n"];
    for seed in 0..30 {
        let mut rng = Rng::new(seed);
        let (mut buffer, mut segments) = index_of("seed\ntext\n");
        for _ in 0..40 {
            for _ in 0..=rng.below(3) {
                let len = buffer.text().len_chars();
                let start = rng.below(len + 1);
                let end = (start + rng.below(6) * rng.below(40)).min(len);
                let piece = pieces[rng.below(pieces.len())];
                buffer.replace(start..end, piece).expect("in the text");
            }
            follow(&mut buffer, &mut segments);
        }
    }
}
