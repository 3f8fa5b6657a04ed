//! The command line: for people, demos, scripts and servers.
//!
//! The answer goes to the standard output and nothing else does; messages go to the standard error, progress too if it is a
//! terminal. The exit code says what happened: 0 done, 1 something failed, 2 the command line cannot be understood, 3 there is no
//! such document, change or file, 4 the library is in use, damaged, foreign or too new, 5 the relay cannot be reached or refuses, 6 it
//! took too long.

mod args;
mod ask;
mod carry;
mod demo;
mod history;
mod host;
mod link;
mod packages;
mod print;
mod recovery;
mod register;
mod run;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

use self::args::Arguments;
use crate::session::Failure;

/// Obeys the arguments of this process.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse_from(link::with_open(std::env::args_os())) {
        Ok(arguments) => arguments,
        Err(error) => return explain(&error),
    };
    // What the window's libraries warn of, nobody can do anything about.
    let quiet = if arguments.wants_log() { "info" } else { "error,quire=warn" };
    let filter = EnvFilter::try_from_env("QUIRE_LOG").unwrap_or_else(|_| EnvFilter::new(quiet));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).init();
    let json = arguments.json;
    let result = run::run(arguments).and_then(|answer| {
        let mut output = io::stdout().lock();
        let written = output.write_all(answer.as_bytes()).and_then(|()| output.flush());
        written.map_err(|error| Failure::new(Failure::FAILED, format!("the answer cannot be written: {error}")))
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let failure = Failure { message: link::without_secrets(&failure.message), ..failure };
            say(&if json { print::failure(&failure) } else { format!("quire: {}", failure.message) });
            ExitCode::from(failure.code)
        }
    }
}

/// Shows the help that was asked for, or says what is wrong with the command line, in which there may be links.
fn explain(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        error.exit();
    }
    say(link::without_secrets(&error.to_string()).trim_end());
    ExitCode::from(Failure::USAGE)
}

/// A line on the standard error. There is no better place to say that it cannot be written.
pub(crate) fn say(line: &str) {
    drop(writeln!(io::stderr().lock(), "{line}"));
}
