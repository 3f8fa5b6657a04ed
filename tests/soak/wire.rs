//! The wire between editors and the relay: it passes bytes on late, each host's by its own delay.
//!
//! It stands in the hub and takes connections for the relay, because not every kernel can delay packets by itself (`netem`). It is told
//! on the standard input: a line `HOST DELAY JITTER`, the last two in milliseconds.

use std::collections::BTreeMap;
use std::io::BufRead as _;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use sim::rng::Rng;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::net::{RELAY, WIRE};

/// The most that is on its way in one direction of one connection: chunks of at most [`CHUNK_BYTES_MAX`].
const CHUNKS_MAX: usize = 64;
const CHUNK_BYTES_MAX: usize = 16 * 1024;

/// What is late on the way from and to each host: the delay and its jitter, in milliseconds.
#[derive(Clone, Default)]
struct Delays(Arc<Mutex<BTreeMap<IpAddr, (u64, u64)>>>);

impl Delays {
    fn set(&self, line: &str) -> Option<()> {
        let mut words = line.split_whitespace();
        let host = words.next()?.parse().ok()?;
        let delay = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(host, delay);
        Some(())
    }

    fn next(&self, host: IpAddr, rng: &mut Rng) -> Duration {
        let delays = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (delay, jitter) = delays.get(&host).copied().unwrap_or_default();
        Duration::from_millis(delay + rng.next_u64() % (jitter + 1))
    }
}

/// Passes bytes on until the standard input ends.
pub(crate) fn run(seed: u64) -> Result<(), String> {
    let delays = Delays::default();
    let told = delays.clone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("the wire: {error}"))?;
    let input = std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if told.set(&line).is_none() {
                eprintln!("soak: the wire does not understand {line:?}");
            }
        }
    });
    runtime.block_on(async move {
        let listener = TcpListener::bind(WIRE).await.map_err(|error| format!("the wire at {WIRE}: {error}"))?;
        println!("ready");
        tokio::spawn(accept(listener, delays, Rng::new(seed)));
        let ended = tokio::task::spawn_blocking(move || input.join());
        ended.await.map(drop).map_err(|error| format!("the wire: {error}"))
    })
}

async fn accept(listener: TcpListener, delays: Delays, mut rng: Rng) {
    while let Ok((near, from)) = listener.accept().await {
        let (delays, rng) = (delays.clone(), rng.fork());
        tokio::spawn(async move {
            if let Err(error) = pass(near, from.ip(), delays, rng).await {
                // Whoever is at the ends sees a closed connection, as on any bad day.
                eprintln!("soak: the wire to {from}: {error}");
            }
        });
    }
}

async fn pass(near: TcpStream, host: IpAddr, delays: Delays, mut rng: Rng) -> std::io::Result<()> {
    let far = TcpStream::connect(RELAY).await?;
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
    // When one direction ends, the other one is of no use any more.
    tokio::select! {
        ended = pass_one_way(near_in, far_out, host, delays.clone(), rng.fork()) => ended,
        ended = pass_one_way(far_in, near_out, host, delays, rng.fork()) => ended,
    }
}

async fn pass_one_way(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    host: IpAddr,
    delays: Delays,
    mut rng: Rng,
) -> std::io::Result<()> {
    let (sender, mut late) = mpsc::channel::<(Instant, Bytes)>(CHUNKS_MAX);
    let reading = async move {
        let mut chunk = vec![0; CHUNK_BYTES_MAX];
        loop {
            let len = from.read(&mut chunk).await?;
            let due = Instant::now() + delays.next(host, &mut rng);
            if len == 0 || sender.send((due, Bytes::copy_from_slice(&chunk[..len]))).await.is_err() {
                return Ok(());
            }
        }
    };
    let writing = async move {
        while let Some((due, chunk)) = late.recv().await {
            sleep_until(due).await;
            to.write_all(&chunk).await?;
        }
        Ok(())
    };
    tokio::try_join!(reading, writing).map(drop)
}
