//! Links that come, write, stall and go at random, a slow disk, and small limits: everybody is sent everything, in causal order.

use super::*;

/// A linear congruential generator, as good as is needed here.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// As much of a replica as there is to a link: what it has, its own changes, the position it knows.
#[derive(Default)]
struct Author {
    conn: Option<ConnId>,
    has: VersionVector,
    own: Vec<Bytes>,
    resume: Option<Resume>,
}

impl Author {
    fn take(&mut self, frame: &Bytes) {
        match Frame::decode(frame).unwrap() {
            Frame::Change(part) => {
                let envelope = Envelope::decode(frame.slice_ref(part)).unwrap();
                let header = envelope.header();
                assert_eq!(header.first_seq, self.has.get(header.replica), "no gap and nothing twice");
                assert!(header.deps <= self.has, "its past came before");
                self.has.observe(header.replica, header.end_seq());
            }
            Frame::Progress { position, head } => {
                assert!(position <= head);
                self.resume = Some(Resume { epoch: EPOCH, position });
            }
            _ => {}
        }
    }
}

fn step(shell: &mut Shell, dice: &mut Dice, authors: &mut [Author], who: usize) {
    let id = replica(u8::try_from(who + 1).unwrap());
    let author = &mut authors[who];
    match (author.conn, dice.below(12)) {
        (None, 0..3) => {
            let version = author.has.clone();
            author.conn = Some(shell.join(Hello { version, resume: author.resume, ..hello(id, &[]) }));
        }
        (Some(conn), 0) => {
            shell.close(conn);
            author.conn = None;
        }
        (Some(conn), 1..5) => {
            let at = author.own.len() as u64;
            let deps: Vec<_> = author.has.iter().filter(|(other, _)| *other != id).collect();
            author.own.push(change(id, at, 1, &deps));
            author.has.observe(id, at + 1);
            // Everything of its own, as after a Welcome: what came before is a duplicate.
            author.own.iter().for_each(|frame| shell.send(conn, frame));
        }
        (Some(conn), 5..11) => {
            for _ in 0..dice.below(8) {
                let Some(frame) = shell.fetch_one(conn) else { break };
                author.take(&frame);
            }
        }
        (_, 11) => shell.write(),
        _ => {}
    }
}

fn run(seed: u64) {
    let limits = RelayLimits {
        ring_bytes_max: 400,
        ring_changes_max: 5,
        read_bytes_max: 150,
        reads_bytes_max: 400,
        progress_changes: 3,
        ..RelayLimits::default()
    };
    let (mut shell, mut dice) = (Shell::new(limits), Dice(seed));
    let mut authors: Vec<Author> = (0..4).map(|_| Author::default()).collect();
    for _ in 0..200 {
        let who = usize::try_from(dice.below(4)).unwrap();
        step(&mut shell, &mut dice, &mut authors, who);
    }
    shell.write();
    for (number, author) in (1..).zip(&mut authors) {
        let conn = author.conn.unwrap_or_else(|| {
            let version = author.has.clone();
            shell.join(Hello { version, resume: author.resume, ..hello(replica(number), &[]) })
        });
        author.conn = Some(conn);
        author.own.iter().for_each(|frame| shell.send(conn, frame));
    }
    shell.write();
    // Whoever reads the log takes turns: the relay says when somebody's has come.
    while let Some(author) = authors.iter_mut().find(|author| shell.awake.contains(&author.conn.unwrap())) {
        for frame in shell.fetch(author.conn.unwrap()) {
            author.take(&frame);
        }
    }
    let made: VersionVector =
        (1..).zip(&authors).map(|(number, author)| (replica(number), author.own.len() as u64)).collect();
    for author in &authors {
        assert_eq!(author.has, made, "seed {seed}");
    }
    assert!(shell.closed.is_empty(), "seed {seed}: {:?}", shell.closed);
}

#[test]
fn nobody_misses_anything() {
    (0..200).for_each(run);
}
