//! When changes were made, as their authors say: to be shown, and for nothing else.

use alloc::vec::Vec;

use super::Document;

/// Seconds since the start of 1970 in UTC, one time for each change of a log; or none, for those of whose times nothing is known. Whatever
/// anybody says is kept: times may be far off, and go backwards.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Times {
    /// Where another time begins than that of the change before, by the number of the change. In front of the first is none.
    runs: Vec<(u32, Option<i64>)>,
}

impl Times {
    /// Takes in the time of a change, behind all others. Costs memory only where it is another one than the last.
    #[inline]
    pub(super) fn push(&mut self, change: usize, time: Option<i64>) {
        if !self.runs.is_empty() || time.is_some() {
            self.begin(change, time);
        }
    }

    #[inline(never)]
    fn begin(&mut self, change: usize, time: Option<i64>) {
        if self.runs.last().is_none_or(|(_, last)| *last != time) {
            // There are no more changes than units.
            self.runs.push((u32::try_from(change).unwrap_or(u32::MAX), time));
        }
    }

    /// The time of a change. O(log n).
    pub(super) fn get(&self, change: usize) -> Option<i64> {
        self.up_to(change).last().and_then(|(_, time)| *time)
    }

    /// The newest time that is known at a change, its own or of one in front of it. O(log n), more where changes without times came between.
    pub(super) fn latest(&self, change: usize) -> Option<i64> {
        self.up_to(change).iter().rev().find_map(|(_, time)| *time)
    }

    /// Whether no time is known.
    pub(super) const fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// The changes at which another time begins, and that.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, Option<i64>)> + '_ {
        self.runs.iter().map(|(change, time)| (*change as usize, *time))
    }

    fn up_to(&self, change: usize) -> &[(u32, Option<i64>)] {
        &self.runs[..self.runs.partition_point(|(start, _)| *start as usize <= change)]
    }
}

impl Document {
    /// Says what time it is, in seconds since the start of 1970 in UTC: own changes are made then, until another time is said. It is kept with them
    /// to be shown ([`Log::time`](crate::Log::time)), and decides nothing.
    pub const fn set_time(&mut self, seconds: i64) {
        self.time = Some(seconds);
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use crate::causal::Delivery;
    use crate::change::{Change, Header, Op};
    use crate::clock::VersionVector;
    use crate::document::{Document, Received};
    use crate::envelope::{self, Envelope, seal};
    use crate::id::{DocumentId, ReplicaId};
    use crate::{Checkpoint, OpId};

    const DOCUMENT: DocumentId = DocumentId::from_bytes([9; 16]);

    fn id(at: u8) -> ReplicaId {
        ReplicaId::from_bytes([at; 16])
    }

    fn document(at: u8) -> Document {
        Document::new(DOCUMENT, id(at))
    }

    fn write(document: &mut Document, time: Option<i64>) {
        if let Some(time) = time {
            document.set_time(time);
        }
        document.insert(0, "x").unwrap();
        document.commit();
    }

    fn pass(from: &Document, to: &mut Document) {
        for envelope in from.log() {
            to.receive(envelope, &mut Received::default()).unwrap();
        }
    }

    fn times(document: &Document) -> Vec<Option<i64>> {
        (0..document.log().len()).map(|at| document.log().time(at)).collect()
    }

    fn read(document: &Document) -> Document {
        let bytes = document.checkpoint().unwrap();
        let read = Checkpoint::decode(bytes.clone().into()).unwrap().document(document.replica()).unwrap();
        assert_eq!(read.checkpoint(), Some(bytes));
        read
    }

    /// Two authors, one of whom at first says no times; every kind of nonsense among them.
    #[test]
    fn times_are_what_authors_said_wherever_they_are_kept() {
        let (mut ana, mut ben) = (document(1), document(2));
        write(&mut ben, None);
        for time in [1_790_000_000, 1_790_000_000, 1_790_000_061, 5, i64::MIN, i64::MAX, 0, -1] {
            write(&mut ana, Some(time));
        }
        pass(&ana, &mut ben);
        write(&mut ben, None);
        write(&mut ben, Some(1_790_000_100));
        pass(&ben, &mut ana);
        let said = [1_790_000_000, 1_790_000_000, 1_790_000_061, 5, i64::MIN, i64::MAX, 0, -1].map(Some);
        let expected: Vec<_> = said.into_iter().chain([None, None, Some(1_790_000_100)]).collect();
        assert_eq!(times(&ana), expected);
        assert_eq!((ana.log().time(11), ana.log().latest_time(9), ana.log().latest_time(2)), (None, Some(-1), said[2]));
        let mut cai = document(3);
        pass(&ben, &mut cai);
        for document in [&ana, &ben, &cai] {
            assert_eq!(times(&read(document)), times(document));
            for position in 0..document.log().len() {
                let at = ana.log().from(0).position(|envelope| Some(envelope) == document.log().envelope(position));
                assert_eq!(document.log().time(position), ana.log().time(at.unwrap()));
            }
        }
    }

    #[test]
    fn whoever_goes_on_after_a_restart_says_no_earlier_time_than_before_unless_told() {
        let mut ana = document(1);
        write(&mut ana, Some(70));
        let mut restarted = document(1);
        pass(&ana, &mut restarted);
        for mut document in [read(&ana), restarted] {
            write(&mut document, None);
            assert_eq!(times(&document), [Some(70); 2]);
            write(&mut document, Some(69));
            assert_eq!(times(&read(&document)), [Some(70), Some(70), Some(69)]);
        }
    }

    #[test]
    fn a_time_costs_a_byte_where_it_moves_and_none_where_it_does_not() {
        let mut ana = document(1);
        write(&mut ana, Some(1_790_000_000));
        let mut bytes = |time| {
            write(&mut ana, Some(time));
            let envelope = ana.log().envelope(ana.log().len() - 1).unwrap();
            envelope.payload().len()
        };
        let (at_once, minute) = (bytes(1_790_000_000), bytes(1_790_000_060));
        assert_eq!(
            [minute, bytes(1_790_000_061), bytes(1_790_000_060), bytes(1_790_003_660)],
            [1, 1, 1, 2].map(|more| at_once + more)
        );
        assert_eq!(ana.record.times().runs.len(), 5, "what goes on at one time is kept once");
        for _ in 0..1_000 {
            write(&mut ana, Some(1_790_003_660));
        }
        assert_eq!(ana.record.times().runs.len(), 5);
    }

    /// A writer may say that no time went by; it is the same as to say nothing.
    #[test]
    fn no_time_that_went_by_need_not_be_told() {
        let mut reader = document(3);
        let header = |first_seq| Header { replica: id(1), first_seq, len: 1, deps: VersionVector::new(), heads: false };
        let told = |first_seq, later: u8| {
            let change = Change {
                header: header(first_seq),
                ops: [Op::Insert { left: None, right: None, text: "x".into() }].into(),
            };
            let sealed = seal(DOCUMENT, &change);
            let operations = &sealed.payload()[1..];
            Envelope::put_together(DOCUMENT, header(first_seq), &[&[3, later], operations].concat()).unwrap()
        };
        for (first_seq, later) in [(0, 0), (1, 0), (2, 2)] {
            let delivery = reader.receive(told(first_seq, later), &mut Received::default());
            assert_eq!(delivery, Ok(Delivery::Delivered));
        }
        assert_eq!(times(&reader), [Some(0), Some(0), Some(1)]);
        let versions: Vec<u8> = reader.log().iter().map(|envelope| envelope.payload()[0]).collect();
        assert_eq!(versions, [3, 2, 3]);
        assert!(envelope::open(&told(0, 0)).is_ok_and(|change| change.header.first_id() == OpId::new(id(1), 0)));
        assert_eq!(times(&read(&reader)), times(&reader));
    }
}
