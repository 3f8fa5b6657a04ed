//! One replica against a plain list of chars.

use alloc::string::ToString;
use alloc::vec;

use super::*;

/// Edits of one replica, each `(at, deleted, inserted)`.
fn edited(edits: &[(usize, usize, &str)]) -> Text {
    let (mut text, mut seq) = (Text::new(), 0);
    for (at, deleted, inserted) in edits {
        edit(&mut text, &mut seq, *at, *deleted, inserted);
        text.assert_invariants();
    }
    text
}

fn edit(text: &mut Text, seq: &mut u64, at: usize, deleted: usize, inserted: &str) {
    delete(text, at..at + deleted);
    *seq += deleted as u64;
    text.type_in(at, OpId::new(A, *seq), inserted);
    *seq += inserted.chars().count() as u64;
}

fn run(seq: u64, len: u64, deleted: bool) -> Run {
    Run { first: OpId::new(A, seq), len, deleted }
}

#[test]
fn an_empty_text_has_one_line_and_answers_everything() {
    let text = Text::new();
    text.assert_invariants();
    assert_eq!((text.len_chars(), text.len_bytes(), text.len_lines()), (0, 0, 1));
    assert_eq!((text.char_to_byte(3), text.byte_to_char(3), text.char_to_line(3), text.line_to_char(3)), (0, 0, 0, 0));
    assert_eq!((shown(&text), text.id_at(0)), (String::new(), None));
    assert_eq!((text.runs().count(), text.visible_runs(0..9).count()), (0, 0));
    assert_eq!((text.anchor(5, Bias::Left), text.anchor(5, Bias::Right)), (Anchor::Start, Anchor::End));
}

#[test]
fn positions_and_lines_are_those_of_the_plain_string() {
    for plain in
        ["", "\n", "a\r\nb\rc\n", "ä€🙂\nüñ\r\n\n日本語 text\u{2028}\u{85}end", "one\ntwo\nthree\nfour\nfive\nsix\n\n"]
    {
        let text = edited(&[(0, 0, plain)]);
        let chars: Vec<char> = plain.chars().collect();
        assert_eq!((shown(&text), text.len_chars(), text.len_bytes()), (plain.to_string(), chars.len(), plain.len()));
        assert_eq!(text.len_lines(), plain.split('\n').count());
        let mut line_starts = vec![0];
        for (at, (byte, char)) in plain.char_indices().enumerate() {
            assert_eq!(text.char_to_byte(at), byte);
            (byte..byte + char.len_utf8()).for_each(|byte| assert_eq!(text.byte_to_char(byte), at));
            assert_eq!(text.char_to_line(at), line_starts.len() - 1);
            let units: usize = chars[..at].iter().map(|char| char.len_utf16()).sum();
            assert_eq!(text.char_to_utf16(at), units);
            (units..units + char.len_utf16()).for_each(|unit| assert_eq!(text.utf16_to_char(unit), at));
            if char == '\n' {
                line_starts.push(at + 1);
            }
        }
        for (line, start) in line_starts.iter().enumerate() {
            assert_eq!(text.line_to_char(line), *start, "line {line} of {plain:?}");
        }
        assert_eq!((text.line_to_char(line_starts.len()), text.line_to_char(usize::MAX)), (chars.len(), chars.len()));
        assert_eq!((text.char_to_byte(usize::MAX), text.byte_to_char(usize::MAX)), (plain.len(), chars.len()));
        assert_eq!(text.char_to_line(usize::MAX), line_starts.len() - 1);
        let units = plain.encode_utf16().count();
        assert_eq!((text.char_to_utf16(usize::MAX), text.utf16_to_char(usize::MAX)), (units, chars.len()));
    }
}

#[test]
fn every_slice_is_that_of_the_plain_string_in_bounded_pieces() {
    let plain: Vec<char> = "zwölf Boxkämpfer\njagen 🥊 Viktor\nquer über den großen Sylter Deich".chars().collect();
    let text = edited(&[(0, 0, &plain.iter().collect::<String>())]);
    for start in 0..=plain.len() + 1 {
        for end in start..=plain.len() + 2 {
            let expected: String = plain[start.min(plain.len())..end.min(plain.len())].iter().collect();
            assert_eq!(text.slice(start..end), expected);
        }
    }
    assert!(text.chunks(0..usize::MAX).all(|chunk| !chunk.is_empty() && chunk.len() <= 7));
    #[expect(clippy::reversed_empty_ranges, reason = "a range that ends before it starts is empty")]
    let backwards = text.slice(9..3);
    assert_eq!(backwards, "");
}

#[test]
fn runs_are_joined_and_split_as_characters_come_and_go() {
    let check = |edits: &[_], expected: &[Run]| assert_eq!(edited(edits).runs().collect::<Vec<_>>(), expected);
    check(&[(0, 0, "a"), (1, 0, "b"), (2, 0, "c")], &[run(0, 3, false)]);
    check(&[(0, 0, "abcd"), (1, 2, "")], &[run(0, 1, false), run(1, 2, true), run(3, 1, false)]);
    check(&[(0, 0, "abcd"), (3, 1, ""), (2, 1, "")], &[run(0, 2, false), run(2, 2, true)]);
    check(&[(0, 0, "abcd"), (1, 1, ""), (0, 1, ""), (0, 2, "")], &[run(0, 4, true)]);
    check(&[(0, 0, "ac"), (1, 0, "b")], &[run(0, 1, false), run(2, 1, false), run(1, 1, false)]);
}

#[test]
fn a_deletion_names_what_it_deleted_in_document_order() {
    let (mut text, mut seq) = (Text::new(), 0);
    for (at, inserted) in [(0, "abef"), (2, "cd")] {
        edit(&mut text, &mut seq, at, 0, inserted);
    }
    assert_eq!(delete(&mut text, 1..5), [run(1, 1, true), run(4, 2, true), run(2, 1, true)]);
    assert_eq!(delete(&mut text, 0..2), [run(0, 1, true), run(3, 1, true)]);
    text.assert_invariants();
}

#[test]
fn visible_runs_are_the_authorship_of_a_passage() {
    let mut text = Text::new();
    text.type_in(0, OpId::new(A, 0), "abcdef");
    text.type_in(3, OpId::new(B, 7), "XY");
    delete(&mut text, 1..2);
    let visible = |first, len| Run { first, len, deleted: false };
    let check = |range, expected: &[Run]| assert_eq!(text.visible_runs(range).collect::<Vec<_>>(), expected);
    let (a, c, x, d) = (OpId::new(A, 0), OpId::new(A, 2), OpId::new(B, 7), OpId::new(A, 3));
    check(0..7, &[visible(a, 1), visible(c, 1), visible(x, 2), visible(d, 3)]);
    check(1..3, &[visible(c, 1), visible(x, 1)]);
    check(5..99, &[visible(d.plus(1), 2)]);
    check(3..3, &[]);
    check(7..9, &[]);
}

#[test]
fn anchors_stay_with_their_characters() {
    let (mut text, mut seq) = (Text::new(), 0);
    edit(&mut text, &mut seq, 0, 0, "abcd");
    let left = text.anchor(2, Bias::Left);
    let right = text.anchor(2, Bias::Right);
    assert_eq!((left, right), (Anchor::After(OpId::new(A, 1)), Anchor::Before(OpId::new(A, 2))));
    let mut check = |at, deleted, inserted, expected| {
        edit(&mut text, &mut seq, at, deleted, inserted);
        text.assert_invariants();
        assert_eq!((text.position(left), text.position(right)), expected);
        assert_eq!((text.position(Anchor::Start), text.position(Anchor::End)), (Some(0), Some(text.len_chars())));
    };
    check(2, 0, "--", (Some(2), Some(4)));
    check(0, 0, "äöü", (Some(5), Some(7)));
    check(4, 4, "", (Some(4), Some(4)));
    // What is inserted where characters were deleted stands in front of them.
    check(4, 0, "new", (Some(7), Some(7)));
    check(0, 8, "", (Some(0), Some(0)));
    assert_eq!(text.position(Anchor::After(OpId::new(A, 4))), Some(0));
    assert_eq!(text.position(Anchor::After(OpId::new(A, 999))), None);
    assert_eq!(text.position(Anchor::Before(OpId::new(B, 0))), None);
}

#[test]
fn what_was_never_inserted_is_not_contained() {
    let (mut text, mut seq) = (Text::new(), 0);
    edit(&mut text, &mut seq, 0, 0, "abcd");
    edit(&mut text, &mut seq, 1, 2, "ef");
    let check = |first, len, expected| assert_eq!(text.contains(OpId::new(A, first), len), expected, "{first} + {len}");
    check(0, 4, true);
    check(0, 5, false);
    check(4, 1, false);
    check(6, 2, true);
    check(6, 3, false);
    check(7, u64::MAX, false);
    assert!(!text.contains(OpId::new(B, 0), 1));
}

#[test]
fn random_edits_end_as_in_a_plain_list() {
    let words = ["x", "ab", "ö", "日本", "🙂", "\n", "line\r\nend", "a whole sentence that fills some pieces"];
    for seed in 0..30 {
        let (mut rng, mut text, mut seq, mut plain) = (Rng::new(seed), Text::new(), 0, Vec::<char>::new());
        for _ in 0..120 {
            let at = rng.below(plain.len() + 1);
            let deleted = if rng.below(3) == 0 { rng.below((plain.len() - at).min(20) + 1) } else { 0 };
            let inserted = if rng.below(4) == 0 { "" } else { rng.pick(&words) };
            edit(&mut text, &mut seq, at, deleted, inserted);
            plain.splice(at..at + deleted, inserted.chars());
            text.assert_invariants();
            let expected: String = plain.iter().collect();
            assert_eq!(shown(&text), expected, "seed {seed}");
            let from = rng.below(plain.len() + 1);
            assert_eq!(text.char_to_line(from), plain[..from].iter().filter(|char| **char == '\n').count());
            let visible = text.visible_runs(from..plain.len()).map(|run| run.len).sum::<u64>();
            assert_eq!(visible, (plain.len() - from) as u64);
            if let Some(id) = text.id_at(from) {
                assert_eq!(text.position(Anchor::Before(id)), Some(from), "seed {seed}");
            }
        }
    }
}

#[test]
fn a_large_insert_is_cut_into_small_pieces() {
    let plain: String = (0..2_000).map(|number| number.to_string() + "é\n").collect();
    let mut text = edited(&[(0, 0, &plain), (plain.chars().count() / 2, 0, &plain)]);
    assert_eq!(text.len_bytes(), 2 * plain.len());
    assert_eq!(text.line_to_char(1), 3);
    let end = text.len_chars() - 1;
    delete(&mut text, 1..end);
    text.assert_invariants();
    assert_eq!(shown(&text), "0\n");
}

#[test]
fn pieces_are_full_after_typing() {
    let typed: Vec<_> = (0..70).map(|at| (at, 0, "x")).collect();
    let text = edited(&typed);
    assert_eq!((shown(&text).len(), text.chunks(0..usize::MAX).count()), (70, 10));
}

#[test]
fn what_is_no_character_is_not_contained() {
    let mut text = Text::new();
    text.type_in(0, OpId::new(A, 0), "abc");
    text.pass(OpId::new(A, 3), 2);
    text.type_in(3, OpId::new(A, 5), "de");
    delete(&mut text, 1..2);
    for (first, len) in (0..9).flat_map(|first| (1..9).map(move |len| (first, len))) {
        let expected = (first..first + len).all(|seq| seq < 7 && seq != 3 && seq != 4);
        assert_eq!(text.contains(OpId::new(A, first), len), expected, "{len} from {first}");
    }
    assert!(!text.contains(OpId::new(B, 0), 1));
}

#[test]
fn an_empty_range_has_no_parts() {
    let mut text = Text::new();
    text.type_in(0, OpId::new(A, 0), "ab");
    text.type_in(1, OpId::new(A, 2), "cd");
    for at in 0..=5 {
        assert_eq!(text.visible_parts(at..at).count(), 0, "at {at}");
    }
    let parts: Vec<_> = text.visible_parts(0..3).map(|(unit, len)| (unit.0, len)).collect();
    assert_eq!(parts, [(0, 1), (2, 2)]);
}
