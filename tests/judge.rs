//! Judges the judges: plants one fault after the other into a copy of the project, and tells what notices it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output};

use sim::cases;
use sim::planted::{FAULTS, Fault};

/// Plants each fault whose name holds `part`, and looks for it by so many runs of the simulator, then by the engine's own tests.
pub(crate) fn judge(part: &str, runs: u64) -> ExitCode {
    match judge_all(part, runs) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(missed) => {
            println!("{missed} faults were not noticed");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn judge_all(part: &str, runs: u64) -> io::Result<usize> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let copy = project.join("target/planted");
    copy_sources(&project, &copy)?;
    let traces = cases::folder("QUIRE_TRACES", "traces")?.canonicalize()?;
    println!("| fault | noticed by |\n| --- | --- |");
    let mut missed = 0;
    for fault in FAULTS.iter().filter(|fault| fault.name.contains(part)) {
        let path = copy.join(fault.file);
        let sound = fs::read_to_string(&path)?;
        fs::write(&path, plant(fault, &sound)?)?;
        let noticed = look(&copy, &traces, runs);
        fs::write(&path, sound)?;
        let noticed = noticed?;
        missed += usize::from(noticed.is_none());
        println!("| {} | {} |", fault.name, noticed.unwrap_or_else(|| "**nothing**".to_owned()));
    }
    Ok(missed)
}

/// The text with the fault in it.
fn plant(fault: &Fault, sound: &str) -> io::Result<String> {
    if sound.matches(fault.from).count() != 1 {
        return Err(io::Error::other(format!("{}: what is to be replaced is not there once", fault.name)));
    }
    Ok(sound.replace(fault.from, fault.to))
}

/// What notices the fault that is in the copy.
fn look(copy: &Path, traces: &Path, runs: u64) -> io::Result<Option<String>> {
    let built = cargo(copy, &["build", "--quiet", "--package", "quire-tests", "--bin", "quire-tests"])?;
    if !built.status.success() {
        eprintln!("{}", String::from_utf8_lossy(&built.stderr));
        // What cannot be built judges nothing.
        return Ok(None);
    }
    let program = copy.join("target/debug/quire-tests");
    let swarm = Command::new(program)
        .args(["swarm", "--from", "0", "--runs", &runs.to_string()])
        .env("QUIRE_TRACES", traces)
        .output()?;
    let said = String::from_utf8_lossy(&swarm.stdout).into_owned();
    if let Some(breach) = said.lines().find(|line| line.starts_with("seed ")) {
        let (seed, what) = breach.split_once(", ").unwrap_or((breach, ""));
        let what = what.split(": ").nth(1).unwrap_or(what);
        return Ok(Some(format!("the simulator, {seed}: {what}")));
    }
    if !swarm.status.success() {
        let error = String::from_utf8_lossy(&swarm.stderr).into_owned();
        let line = error.lines().find(|line| line.contains("panicked")).unwrap_or("it ended").to_owned();
        return Ok(Some(format!("the simulator: {line}")));
    }
    let tests = cargo(copy, &["test", "--quiet", "--package", "quire-crdt", "--lib"])?;
    let said = String::from_utf8_lossy(&tests.stdout).into_owned();
    let failed = said.lines().find(|line| line.starts_with("---- ")).map(|line| line.replace(['-'], ""));
    Ok(failed.map(|test| format!("`{}`", test.trim().trim_end_matches(" stdout"))))
}

fn cargo(folder: &Path, arguments: &[&str]) -> io::Result<Output> {
    Command::new("cargo").args(arguments).current_dir(folder).env_remove("CARGO_TARGET_DIR").output()
}

/// Copies what git knows of, and only what differs, so that little is built anew.
fn copy_sources(from: &Path, to: &Path) -> io::Result<()> {
    let listed = Command::new("git").args(["ls-files", "-z"]).current_dir(from).output()?;
    for name in listed.stdout.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let name = PathBuf::from(String::from_utf8_lossy(name).into_owned());
        let (source, target) = (from.join(&name), to.join(&name));
        let bytes = fs::read(&source)?;
        if fs::read(&target).is_ok_and(|there| there == bytes) {
            continue;
        }
        if let Some(folder) = target.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(target, bytes)?;
    }
    Ok(())
}
