//! Whether the relay is still there: heartbeats, and a timeout that adapts to the round trips.
//!
//! An eventually perfect failure detector in the sense of Chandra and Toueg, *Unreliable failure detectors for reliable distributed
//! systems*, JACM 43(2), 1996: every suspicion makes the next one come later, so that a relay that is only slow ends up trusted,
//! as long as its delays stay below [`SUSPECT_AFTER_LONGEST_US`]. Round trips are smoothed as in Jacobson and Karels, *Congestion
//! avoidance and control*, SIGCOMM 1988. A suspicion changes what is shown and ends a link, never what the text is.

use super::time::Now;

/// The shortest time between two heartbeats, in microseconds.
pub const HEARTBEAT_SHORTEST_US: u64 = 1_000_000;

/// The longest time between two heartbeats, in microseconds: a link that answers is asked less and less often, down to this.
pub const HEARTBEAT_LONGEST_US: u64 = 10_000_000;

/// How long silence is borne before the first round trip was measured, in microseconds.
pub const SUSPECT_AFTER_FIRST_US: u64 = 10_000_000;

/// The longest that silence is borne, in microseconds.
pub const SUSPECT_AFTER_LONGEST_US: u64 = 60_000_000;

/// What is borne beyond the expected round trip at first, in microseconds; each suspicion doubles it.
const MARGIN_FIRST_US: u64 = 2_000_000;

/// Asks, waits and judges. Times are monotonic, in microseconds.
#[derive(Clone, Debug)]
pub(crate) struct Detector {
    round_trip: Option<RoundTrip>,
    margin_us: u64,
    interval_us: u64,
    next_id: u64,
    /// When anything came from the other side last.
    heard_us: u64,
    heartbeat: Heartbeat,
}

#[derive(Clone, Copy, Debug)]
enum Heartbeat {
    /// No link, nothing to judge.
    Stopped,
    /// The next question is due then.
    Resting { until_us: u64 },
    /// A question waits to be sent.
    Due { since_us: u64 },
    /// It was sent, and the answer is awaited.
    Asked { id: u64, sent: Now, since_us: u64 },
}

#[derive(Clone, Copy, Debug)]
struct RoundTrip {
    smoothed_us: u64,
    variation_us: u64,
}

impl Detector {
    pub(crate) const fn new() -> Self {
        Self {
            round_trip: None,
            margin_us: MARGIN_FIRST_US,
            interval_us: HEARTBEAT_SHORTEST_US,
            next_id: 0,
            heard_us: 0,
            heartbeat: Heartbeat::Stopped,
        }
    }

    /// A link is up: the first question is due at once. Round trips are measured anew, since the way may be another one.
    pub(crate) fn start(&mut self, now: Now) {
        self.round_trip = None;
        self.interval_us = HEARTBEAT_SHORTEST_US;
        self.heard_us = now.monotonic_us;
        self.heartbeat = Heartbeat::Due { since_us: now.monotonic_us };
    }

    /// The link is down.
    pub(crate) fn stop(&mut self) {
        self.heartbeat = Heartbeat::Stopped;
    }

    /// Something came from the other side.
    pub(crate) fn hear(&mut self, now: Now) {
        self.heard_us = self.heard_us.max(now.monotonic_us);
    }

    /// Lets time pass: a question may become due. Whether the other side is suspected now.
    pub(crate) fn tick(&mut self, now: Now) -> bool {
        if let Heartbeat::Resting { until_us } = self.heartbeat
            && now.monotonic_us >= until_us
        {
            self.heartbeat = Heartbeat::Due { since_us: now.monotonic_us };
        }
        let suspected = self.suspect_at_us().is_some_and(|at| now.monotonic_us >= at);
        if suspected {
            self.margin_us = self.margin_us.saturating_mul(2).min(SUSPECT_AFTER_LONGEST_US);
            self.stop();
        }
        suspected
    }

    /// The question to send now, if one is due: its id.
    pub(crate) fn ask(&mut self, now: Now) -> Option<u64> {
        let Heartbeat::Due { since_us } = self.heartbeat else { return None };
        let id = self.next_id;
        self.next_id = self.next_id.wrapping_add(1);
        self.heartbeat = Heartbeat::Asked { id, sent: now, since_us };
        Some(id)
    }

    /// An answer came: when its question was sent, unless it answers none that is open.
    pub(crate) fn answer(&mut self, now: Now, answered: u64) -> Option<Now> {
        let Heartbeat::Asked { id, sent, .. } = self.heartbeat else { return None };
        if id != answered {
            return None;
        }
        let sample_us = now.monotonic_us.saturating_sub(sent.monotonic_us);
        let late = self.round_trip.is_some_and(|known| sample_us > known.expected_us());
        self.interval_us = if late { HEARTBEAT_SHORTEST_US } else { (2 * self.interval_us).min(HEARTBEAT_LONGEST_US) };
        self.round_trip = Some(RoundTrip::after(self.round_trip, sample_us));
        self.heartbeat = Heartbeat::Resting { until_us: now.monotonic_us.saturating_add(self.interval_us) };
        Some(sent)
    }

    /// The smoothed round trip, in microseconds.
    pub(crate) fn round_trip_us(&self) -> Option<u64> {
        self.round_trip.map(|known| known.smoothed_us)
    }

    /// When [`Detector::tick`] has something to do.
    pub(crate) fn timeout_us(&self) -> Option<u64> {
        match self.heartbeat {
            Heartbeat::Resting { until_us } => Some(until_us),
            _ => self.suspect_at_us(),
        }
    }

    /// A question counts from when it was due, so that a transport that takes nothing any more is noticed too; and everything
    /// that comes is a sign of life, so that an answer behind a long catch-up is no reason to suspect.
    fn suspect_at_us(&self) -> Option<u64> {
        match self.heartbeat {
            Heartbeat::Due { since_us } | Heartbeat::Asked { since_us, .. } => {
                Some(since_us.max(self.heard_us).saturating_add(self.patience_us()))
            }
            Heartbeat::Stopped | Heartbeat::Resting { .. } => None,
        }
    }

    fn patience_us(&self) -> u64 {
        let expected = self.round_trip.map_or(SUSPECT_AFTER_FIRST_US, RoundTrip::expected_us);
        expected.saturating_add(self.margin_us).min(SUSPECT_AFTER_LONGEST_US)
    }
}

impl RoundTrip {
    fn after(known: Option<Self>, sample_us: u64) -> Self {
        let Some(known) = known else {
            return Self { smoothed_us: sample_us, variation_us: sample_us / 2 };
        };
        let error_us = known.smoothed_us.abs_diff(sample_us);
        Self {
            smoothed_us: known.smoothed_us - known.smoothed_us / 8 + sample_us / 8,
            variation_us: known.variation_us - known.variation_us / 4 + error_us / 4,
        }
    }

    const fn expected_us(self) -> u64 {
        self.smoothed_us.saturating_add(self.variation_us.saturating_mul(4))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(us: u64) -> Now {
        Now { monotonic_us: us, wall_us: 0 }
    }

    /// A detector that asks whenever it may and is answered after `round_trip_us`, for some rounds. Ends at the time given back.
    fn answered(detector: &mut Detector, mut now_us: u64, rounds: usize, round_trip_us: u64) -> u64 {
        for _ in 0..rounds {
            now_us = now_us
                .max(detector.timeout_us().filter(|_| detector.clone().ask(at(now_us)).is_none()).unwrap_or(now_us));
            assert!(!detector.tick(at(now_us)));
            let id = detector.ask(at(now_us)).expect("a question is due");
            now_us += round_trip_us;
            detector.hear(at(now_us));
            assert!(detector.answer(at(now_us), id).is_some());
        }
        now_us
    }

    #[test]
    fn round_trips_are_smoothed_and_a_good_link_is_asked_less() {
        let mut detector = Detector::new();
        detector.start(at(0));
        let now_us = answered(&mut detector, 0, 12, 40_000);
        assert_eq!(detector.round_trip_us(), Some(40_000));
        assert_eq!(detector.timeout_us(), Some(now_us + HEARTBEAT_LONGEST_US));
    }

    #[test]
    fn silence_is_suspected_and_each_suspicion_comes_later() {
        let mut detector = Detector::new();
        let mut last = 0;
        for _ in 0..8 {
            detector.start(at(0));
            let suspect_at = detector.timeout_us().expect("a deadline");
            assert!(!detector.tick(at(suspect_at - 1)) && detector.tick(at(suspect_at)));
            assert!(suspect_at > last || suspect_at == SUSPECT_AFTER_LONGEST_US);
            assert_eq!(detector.timeout_us(), None);
            last = suspect_at;
        }
        assert_eq!(last, SUSPECT_AFTER_LONGEST_US);
    }

    #[test]
    fn a_short_round_trip_makes_the_detector_quick() {
        let mut detector = Detector::new();
        detector.start(at(0));
        let now_us = answered(&mut detector, 0, 12, 1_000);
        let due = now_us + HEARTBEAT_LONGEST_US;
        assert!(!detector.tick(at(due)));
        assert!(detector.tick(at(due + MARGIN_FIRST_US + 10_000)));
    }

    #[test]
    fn whatever_comes_is_a_sign_of_life() {
        let mut detector = Detector::new();
        detector.start(at(0));
        detector.hear(at(SUSPECT_AFTER_FIRST_US));
        assert!(!detector.tick(at(SUSPECT_AFTER_FIRST_US + MARGIN_FIRST_US)));
    }

    #[test]
    fn an_answer_to_no_question_is_none() {
        let mut detector = Detector::new();
        detector.start(at(0));
        assert_eq!(detector.answer(at(5), 0), None);
        let id = detector.ask(at(5)).expect("a question is due");
        assert_eq!(detector.answer(at(6), id + 1), None);
        assert_eq!(detector.answer(at(6), id), Some(at(5)));
        assert_eq!(detector.answer(at(7), id), None);
    }

    #[test]
    fn an_answer_later_than_expected_makes_the_next_question_come_soon() {
        let check = |round_trips: &[u64], rest_us| {
            let mut detector = Detector::new();
            detector.start(at(0));
            let now_us = round_trips.iter().fold(0, |now_us, us| answered(&mut detector, now_us, 1, *us));
            assert_eq!(detector.timeout_us(), Some(now_us + rest_us), "{round_trips:?}");
        };
        // After the first, 40 ms and four times half of that are expected; after the second, 50 ms and four times 35 ms.
        check(&[40_000], 2 * HEARTBEAT_SHORTEST_US);
        check(&[40_000, 120_000], 4 * HEARTBEAT_SHORTEST_US);
        check(&[40_000, 120_001], HEARTBEAT_SHORTEST_US);
        check(&[40_000, 120_000, 190_000], 8 * HEARTBEAT_SHORTEST_US);
        check(&[40_000, 120_000, 190_001], HEARTBEAT_SHORTEST_US);
    }
}
