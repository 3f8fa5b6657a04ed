//! What changes say, at whoever passes them on: the same, whatever came between them there.

use super::*;

fn newest(document: &Document) -> Envelope {
    document.log().envelope(document.log().len() - 1).unwrap()
}

fn receive(document: &mut Document, envelope: Envelope) {
    assert_eq!(document.receive(envelope, &mut Received::default()), Ok(Delivery::Delivered));
}

#[test]
fn a_deletion_is_one_operation_whoever_passes_it_on() {
    let check = |parts: &[&str], backwards: bool| {
        let (mut a, mut b, mut c) = (document(1), document(2), document(3));
        for part in parts {
            a.insert(a.text().len_chars(), part).unwrap();
            b.insert(0, "-").unwrap();
            for writer in [&mut a, &mut b] {
                writer.commit();
                receive(&mut c, newest(writer));
            }
        }
        let len = a.text().len_chars();
        if backwards {
            let mut edits = a.edits();
            (0..len).rev().for_each(|at| edits.delete(at..at + 1).unwrap());
        } else {
            a.delete(0..len).unwrap();
        }
        a.commit();
        receive(&mut c, newest(&a));
        let deletion = Op::Delete { first: OpId::new(replica(1), 0), len: len as u64, backwards };
        assert_eq!(a.log().change(parts.len()).unwrap().ops, [deletion]);
        assert_eq!((newest(&c), text(&c)), (newest(&a), "-".repeat(parts.len())), "{parts:?}");
        for deleted in 0..=len {
            let then: VersionVector = [(replica(1), (len + deleted) as u64)].into_iter().collect();
            assert_eq!(c.log().text_at(&then), a.log().text_at(&then), "{deleted} of {parts:?}");
        }
    };
    for backwards in [false, true] {
        check(&["ab", "cd", "ef"], backwards);
        check(&["ab", "c", "d"], backwards);
        check(&["a", "b", "cd"], backwards);
        check(&["a", "b"], backwards);
        check(&["abc"], backwards);
    }
}

#[test]
fn text_that_goes_on_is_told_so_whatever_came_between() {
    let (mut a, mut b, mut c) = (document(1), document(2), document(3));
    a.insert(0, "a").unwrap();
    a.commit();
    b.insert(0, "b").unwrap();
    b.commit();
    receive(&mut c, newest(&a));
    receive(&mut c, newest(&b));
    receive(&mut b, newest(&a));
    assert_eq!(text(&b), "ab");
    b.insert(2, "c").unwrap();
    b.commit();
    receive(&mut c, newest(&b));
    let mut d = document(4);
    for position in [0, 1, 2] {
        receive(&mut d, c.log().envelope(position).unwrap());
    }
    for document in [&b, &c, &d] {
        assert_eq!((newest(document).payload(), text(document).as_str()), (&[2, 0x08, b'c'][..], "abc"));
    }
}

/// A payload of version 1 names replicas, to which its author's later ones refer by number.
#[test]
fn whom_a_payload_of_version_1_names_has_a_number() {
    let (mut a, mut b) = (document(1), document(2));
    a.insert(0, "a").unwrap();
    a.commit();
    receive(&mut b, newest(&a));
    let header = |first_seq, deps| Header { replica: replica(3), first_seq, len: 1, deps, heads: false };
    let first = [&[1, 1][..], replica(1).as_bytes(), &[0, 2, 0, 0, 1, b'x']].concat();
    let deps = [(replica(1), 1)].into_iter().collect();
    receive(&mut b, Envelope::put_together(ID, header(0, deps), &first).unwrap());
    // Behind the unit 0 of the replica with the number 3, from the unit 1 on; nothing to the right.
    let second = [2, 0x29, 3, 2, b'y'];
    receive(&mut b, Envelope::put_together(ID, header(1, VersionVector::new()), &second).unwrap());
    let left = Some(OpId::new(replica(1), 0));
    assert_eq!(b.log().change(2).unwrap().ops, [Op::Insert { left, right: None, text: String::from("y") }]);
    assert_eq!(newest(&b).payload(), second);
}

#[test]
fn changes_read_from_a_checkpoint_are_told_as_before() {
    let (mut a, mut b) = (document(1), document(2));
    a.insert(0, "aaaa").unwrap();
    a.commit();
    for (at, letters) in [(0, "bb"), (1, "b")] {
        b.insert(at, letters).unwrap();
        b.commit();
    }
    receive(&mut b, newest(&a));
    for at in 0..4 {
        b.insert(at * 2, "c").unwrap();
        b.delete(at * 2 + 1..at * 2 + 2).unwrap();
        b.commit();
    }
    let read = Checkpoint::decode(b.checkpoint().unwrap().into()).unwrap().document(replica(3)).unwrap();
    assert!(read.log().iter().eq(b.log().iter()));
}

#[test]
fn a_log_is_empty_until_something_is_committed() {
    let mut a = document(1);
    a.insert(0, "x").unwrap();
    assert!(a.log().is_empty());
    a.commit();
    assert!(!a.log().is_empty());
}
