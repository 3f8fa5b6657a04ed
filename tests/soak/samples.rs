//! What every process takes of memory and descriptors, every few seconds, and whether that stays flat.

use std::fs;

/// The fewest samples of a process's life that say something about it.
const SAMPLES_MIN: usize = 60;
/// What the last quarter of a life may have more than the third, beside a tenth: kibibytes, and descriptors.
const MEMORY_ALLOWANCE_KIB: u64 = 8 * 1024;
const DESCRIPTORS_ALLOWANCE: u64 = 8;

/// One process at one moment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Sample {
    /// When, in milliseconds since the begin.
    pub(crate) at_ms: u64,
    /// Which process had this name then: a life ends with it.
    pub(crate) process: u32,
    /// Resident memory, in kibibytes.
    pub(crate) memory_kib: u64,
    /// Open descriptors.
    pub(crate) descriptors: u64,
}

/// The samples of all processes of one name.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    pub(crate) name: String,
    /// Whether it is a program of this project, and not a helper of the soak.
    judged: bool,
    pub(crate) samples: Vec<Sample>,
}

impl Series {
    pub(crate) fn new(name: &str, judged: bool) -> Self {
        Self { name: name.to_owned(), judged, samples: Vec::new() }
    }

    /// Whether it must stay flat.
    pub(crate) const fn is_judged(&self) -> bool {
        self.judged
    }

    /// Looks at a process, if it is there.
    pub(crate) fn look(&mut self, at_ms: u64, process: u32) {
        let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
        let memory =
            status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next()?.parse().ok());
        let descriptors = fs::read_dir(format!("/proc/{process}/fd")).map(|entries| entries.count() as u64);
        if let (Some(memory_kib), Ok(descriptors)) = (memory, descriptors) {
            self.samples.push(Sample { at_ms, process, memory_kib, descriptors });
        }
    }

    /// The samples of each process that had this name.
    pub(crate) fn lives(&self) -> impl Iterator<Item = &[Sample]> {
        self.samples.chunk_by(|one, next| one.process == next.process)
    }

    /// What grew from this moment on, in the lives that were long enough then, and how many those are. Before it, documents grow by
    /// much, and checkpoints of them are made now and then: such a one needs as much memory once more, which the allocator keeps.
    pub(crate) fn growth(&self, from_ms: u64) -> (Vec<String>, usize) {
        let lives = self.lives().map(|life| &life[life.partition_point(|sample| sample.at_ms < from_ms)..]);
        let long: Vec<&[Sample]> = lives.filter(|life| life.len() >= SAMPLES_MIN).collect();
        let grew = long.iter().flat_map(|life| {
            let memory = grew(life, |sample| sample.memory_kib, MEMORY_ALLOWANCE_KIB, "KiB of memory");
            let descriptors = grew(life, |sample| sample.descriptors, DESCRIPTORS_ALLOWANCE, "descriptors");
            memory.into_iter().chain(descriptors)
        });
        (grew.map(|what| format!("{}: {what}", self.name)).collect(), long.len())
    }
}

fn grew(life: &[Sample], of: impl Fn(&Sample) -> u64, allowance: u64, unit: &str) -> Option<String> {
    let quarter = life.len() / 4;
    let median = |part: &[Sample]| {
        let mut values: Vec<u64> = part.iter().map(&of).collect();
        values.sort_unstable();
        values.get(values.len() / 2).copied().unwrap_or(0)
    };
    let (third, last) = (median(&life[2 * quarter..3 * quarter]), median(&life[3 * quarter..]));
    let from_s = life.first().map_or(0, |sample| sample.at_ms / 1000);
    (last > third + third / 10 + allowance).then(|| {
        format!("{last} {unit} in the last quarter of its life from {from_s} s on, {third} in the quarter before")
    })
}

/// All samples, one a line.
pub(crate) fn csv(all: &[Series]) -> String {
    let line = |series: &Series, sample: &Sample| {
        let Sample { at_ms, process, memory_kib, descriptors } = sample;
        format!("{},{},{process},{memory_kib},{descriptors}\n", at_ms / 1000, series.name)
    };
    let lines = all.iter().flat_map(|series| series.samples.iter().map(move |sample| line(series, sample)));
    "seconds,name,process,memory_kib,descriptors\n".to_owned() + &lines.collect::<String>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(memory: impl Fn(u64) -> u64, process: impl Fn(u64) -> u32) -> Series {
        let sample =
            |at: u64| Sample { at_ms: at * 5000, process: process(at), memory_kib: memory(at), descriptors: 20 };
        Series { name: "relay".to_owned(), judged: true, samples: (0..200).map(sample).collect() }
    }

    #[test]
    fn what_is_flat_or_grows_at_first_has_not_grown() {
        assert_eq!(series(|_| 50_000, |_| 1).growth(0), (vec![], 1));
        assert_eq!(series(|at| 50_000 + at.min(40) * 10_000, |_| 1).growth(0), (vec![], 1));
        let step = |at_step: u64| series(move |at| if at < at_step { 50_000 } else { 90_000 }, |_| 1);
        assert_eq!(step(175).growth(500_000).0.len(), 1);
        // One that was over when the calm began is none, and what is left of a life may be too little.
        assert_eq!(step(99).growth(0).1, 1);
        assert_eq!((step(99).growth(500_000), step(175).growth(800_000)), ((vec![], 1), (vec![], 0)));
    }

    #[test]
    fn what_grows_to_the_end_is_named() {
        let (grew, lives) = series(|at| 50_000 + at * 2_000, |_| 1).growth(500_000);
        assert!(lives == 1 && grew.len() == 1 && grew[0].contains("relay: "), "{grew:?}");
    }

    #[test]
    fn a_new_process_is_a_new_life() {
        let (grew, lives) = series(|at| 50_000 + at % 100 * 2_000, |at| 1 + u32::from(at >= 100)).growth(0);
        assert!(lives == 2 && grew.len() == 2, "{grew:?}");
        assert_eq!(series(|at| at * 100_000, |at| u32::try_from(at / 10).unwrap_or(0)).growth(0), (vec![], 0));
    }
}
