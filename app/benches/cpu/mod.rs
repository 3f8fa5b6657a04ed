//! What something costs the processor.

/// Prints the median and the 95th percentile of what each of some frames costs, in milliseconds.
pub(crate) fn print(name: &str, frames: usize, cost: impl FnMut(usize) -> f64) {
    let mut costs: Vec<f64> = (0..frames).map(cost).collect();
    costs.sort_by(f64::total_cmp);
    println!("  {name:<24} median {:.3}  p95 {:.3} ms", costs[frames / 2], costs[frames * 95 / 100]);
}

/// CPU time of this thread for something, in milliseconds.
pub(crate) fn cost_ms(work: impl FnOnce()) -> f64 {
    let before = cpu_ms();
    work();
    cpu_ms() - before
}

/// CPU time of this thread in milliseconds; where the system does not tell it, the time of day.
fn cpu_ms() -> f64 {
    // The kernel brings its account up to date when a thread gives way.
    std::thread::yield_now();
    let schedule = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds: Option<f64> = schedule.split(' ').next().and_then(|field| field.parse().ok());
    nanoseconds.map_or_else(wall_ms, |nanoseconds| nanoseconds / 1e6)
}

fn wall_ms() -> f64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64() * 1e3)
}
