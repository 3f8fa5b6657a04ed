//! `quire demo`: a relay and three devices, each a process of its own with a library of its own, write one text at once. One
//! is cut off and comes back, the relay is killed and comes back, and in the end all texts are equal.

mod child;
mod stage;

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use self::child::{Device, Relay, quire};
use self::stage::{PLAYERS, Player, START, TITLE, side_by_side};
use super::print::field;
use super::{packages, say};
use crate::editor::checksum::crc32;
use crate::session::Failure;

/// How long the devices may take to agree.
const AGREE_TIME_MAX: Duration = Duration::from_secs(20);

/// How long to wait before the devices are asked again.
const AGREE_STEP: Duration = Duration::from_millis(50);

/// How long people may look at the windows when nobody is at a terminal to close them.
const LOOK_TIME: Duration = Duration::from_secs(2);

/// Plays it; the answer is `equal`, if the texts are.
pub(super) fn run(headless: bool) -> Result<String, Failure> {
    let folder = Folder::new()?;
    let windows = !headless && packages::has_display();
    say("A relay and three devices, each a process of its own with a library of its own.");
    let mut relay = Relay::start(&folder.0.join("relay"), "127.0.0.1:0")?;
    let id = share_one_text(&folder.0, &relay)?;
    let (mut devices, windows) = open_devices(&folder.0, &id, windows)?;
    for (device, player) in devices.iter_mut().zip(&PLAYERS) {
        device.ask(&json!({ "deliver": true }))?;
        device.place_caret_behind(player.paragraph)?;
    }

    say("\n1. All three write at once.");
    type_at_once(&mut devices, |player| player.at_once)?;
    agree(&mut devices)?;
    show(&mut devices)?;

    say("\n2. Cleo's network is gone. Everybody writes on.");
    devices[2].ask(&json!({ "offline": true }))?;
    type_at_once(&mut devices, |player| player.while_cut_off)?;
    show(&mut devices)?;

    say("\n3. Cleo's network is back.");
    devices[2].ask(&json!({ "online": true }))?;
    agree(&mut devices)?;
    show(&mut devices)?;

    say("\n4. The relay is killed (-9). All three write on, at the same place.");
    relay.kill()?;
    for device in &mut devices {
        device.place_caret_at_end()?;
    }
    type_at_once(&mut devices, |player| player.without_relay)?;
    show(&mut devices)?;

    say("\n5. The relay starts again, on what it had on its disk.");
    let address = relay.address().to_owned();
    drop(relay);
    let _relay = Relay::start(&folder.0.join("relay"), &address)?;
    for device in &mut devices {
        device.ask(&json!({ "online": true }))?;
    }
    agree(&mut devices)?;
    for device in &mut devices {
        device.ask(&json!({ "until_saved": true, "timeout_ms": 20_000 }))?;
    }
    show(&mut devices)?;
    prove(&mut devices)?;
    look(&mut devices, windows);
    for device in devices {
        device.quit()?;
    }
    Ok("equal\n".to_owned())
}

/// Makes the text on the first device, shares it, and joins it on the others; its id.
fn share_one_text(folder: &Path, relay: &Relay) -> Result<String, Failure> {
    let first = PLAYERS[0].library(folder);
    PLAYERS[0].settle(folder)?;
    let start = folder.join("start.md");
    fs::write(&start, START).map_err(|error| Failure::new(Failure::FAILED, format!("{}: {error}", start.display())))?;
    let made = quire(&first, &["import", &start.to_string_lossy(), "--title", TITLE])?;
    let id = field(&made, "id").to_owned();
    let shared = quire(&first, &["share", &id, "--relay", relay.address()])?;
    let link = field(&shared, "link").to_owned();
    quire(&first, &["sync", "--until-saved"])?;
    say(&format!("Ana shares a document. Bo and Cleo open her link: {link}"));
    for player in &PLAYERS[1..] {
        player.settle(folder)?;
        quire(&player.library(folder), &["join", &link])?;
    }
    Ok(id)
}

/// The three devices, in windows if that works; whether it did.
fn open_devices(folder: &Path, id: &str, windows: bool) -> Result<(Vec<Device>, bool), Failure> {
    let start = |windows: bool| -> Result<Vec<Device>, Failure> {
        let start =
            |player: &Player| Device::start(player.name, &player.library(folder), id, windows.then_some(player.place));
        PLAYERS.iter().map(start).collect()
    };
    if windows {
        match start(true) {
            Ok(devices) => return Ok((devices, true)),
            Err(failure) => {
                say(&format!("A window cannot be opened: {}", failure.message));
                packages::say_what_is_missing();
                say("So the three devices have no windows; here is their text.");
            }
        }
    }
    Ok((start(false)?, false))
}

fn type_at_once(devices: &mut [Device], part: impl Fn(&Player) -> &'static str) -> Result<(), Failure> {
    let parts: Vec<&str> = PLAYERS.iter().map(part).collect();
    thread::scope(|scope| {
        let typing: Vec<_> = devices
            .iter_mut()
            .zip(parts)
            .map(|(device, part)| scope.spawn(move || device.type_like_a_person(part)))
            .collect();
        typing.into_iter().try_for_each(|typist| {
            typist.join().unwrap_or_else(|_| Err(Failure::new(Failure::FAILED, "a typist has stumbled")))
        })
    })
}

/// Waits until all devices have delivered the same changes.
fn agree(devices: &mut [Device]) -> Result<(), Failure> {
    let started = Instant::now();
    loop {
        let versions = versions(devices)?;
        if versions.windows(2).all(|pair| pair[0] == pair[1]) {
            return Ok(());
        }
        if started.elapsed() > AGREE_TIME_MAX {
            let message = format!("after {} s the devices have still different changes", AGREE_TIME_MAX.as_secs());
            return Err(Failure::new(Failure::TIMED_OUT, message));
        }
        thread::sleep(AGREE_STEP);
    }
}

fn versions(devices: &mut [Device]) -> Result<Vec<Value>, Failure> {
    let version = |device: &mut Device| Ok(device.ask(&json!({ "version": true }))?["version"].take());
    devices.iter_mut().map(version).collect()
}

fn texts(devices: &mut [Device]) -> Result<Vec<String>, Failure> {
    devices.iter_mut().map(Device::text).collect()
}

fn show(devices: &mut [Device]) -> Result<(), Failure> {
    let names: Vec<&str> = PLAYERS.iter().map(|player| player.name).collect();
    say(&side_by_side(&names, &texts(devices)?));
    Ok(())
}

/// Compares what each device has delivered, and its text.
fn prove(devices: &mut [Device]) -> Result<(), Failure> {
    let (versions, texts) = (versions(devices)?, texts(devices)?);
    for ((player, version), text) in PLAYERS.iter().zip(&versions).zip(&texts) {
        let units: u64 = version.as_object().into_iter().flatten().filter_map(|(_, units)| units.as_u64()).sum();
        let (chars, hash) = (text.chars().count(), crc32(text.as_bytes()));
        say(&format!("{:5} has delivered {units} units; {chars} characters, CRC-32 {hash:08x}", player.name));
    }
    let same = |pair: &[(Value, String)]| pair[0] == pair[1];
    let all: Vec<(Value, String)> = versions.into_iter().zip(texts).collect();
    if all.windows(2).all(same) { Ok(()) } else { Err(Failure::new(Failure::FAILED, "the texts are not equal")) }
}

/// Leaves the windows open until somebody closes them.
fn look(devices: &mut [Device], windows: bool) {
    if !windows {
        return;
    }
    if !std::io::IsTerminal::is_terminal(&std::io::stderr()) {
        thread::sleep(LOOK_TIME);
        return;
    }
    say("All equal. Close a window to end the demo.");
    while !devices.iter_mut().any(Device::has_ended) {
        thread::sleep(AGREE_STEP);
    }
}

/// A folder for everything, gone when the demo is.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self, Failure> {
        let folder = std::env::temp_dir().join(format!("quire-demo-{}", std::process::id()));
        let failed = |error| Failure::new(Failure::FAILED, format!("{}: {error}", folder.display()));
        fs::create_dir(&folder).map_err(failed)?;
        Ok(Self(folder))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            say(&format!("{} is left over: {error}", self.0.display()));
        }
    }
}
