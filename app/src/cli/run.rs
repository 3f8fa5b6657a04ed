//! Each command, from its arguments to its answer.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::args::{AddDevice, Arguments, Command, Edit, Export, Import, Join, Open, Share, Sync};
use super::ask::{self, Holder};
use super::print::{self, field};
use super::{carry, demo, history, host, link, packages, recovery, register, say};
use crate::app;
use crate::editor::secret::Secret;
use crate::editor::words::quantity;
use crate::session::{
    Answer, At, CLONED_WORDS, Failure, Notice, Request, SUCCEEDED_WORDS, Session, SessionError, SessionOptions,
    relay_words,
};
use crate::shell::files::{self, FileError, Imported};
use crate::shell::store::exposure;

/// How long a loop sleeps when nothing happens.
const IDLE: Duration = Duration::from_secs(1);

/// Obeys the command; the answer is what goes to the standard output.
pub(super) fn run(arguments: Arguments) -> Result<String, Failure> {
    let Arguments { library, json, command } = arguments;
    let named = library.clone();
    let folder = match library {
        Some(folder) => folder,
        None => default_folder()?,
    };
    // A failure is the only thing that is said beside an answer in JSON.
    if let Some(words) = exposure(&folder).filter(|_| !json) {
        say(&words);
    }
    let options = SessionOptions { folder, introduces: true, ..SessionOptions::default() };
    if let Some(name) = silent(command.as_ref()).filter(|_| json) {
        return Err(Failure::new(
            Failure::USAGE,
            format!("{name} gives no answer that could be JSON: leave --json out"),
        ));
    }
    let (value, text) = match command {
        None => return window(options, &Open::default()),
        Some(Command::Open(open)) => return window(options, &open),
        Some(Command::Sync(sync)) if !sync.until_saved => return keep_in_step(options, &sync.ids),
        Some(Command::Edit(edit)) => return edit_by_script(options, edit),
        Some(Command::Host(host)) => return host::run(&host, &options.folder, json),
        Some(Command::Demo { headless }) => return demo::run(headless),
        Some(Command::Import(import)) => with_line(import_file(&options, &import)?, "id"),
        Some(Command::Export(export)) => (export_file(&options, export)?, String::new()),
        Some(Command::Bundle(bundle)) => carry::bundle(&options, bundle)?,
        Some(Command::Apply { file }) => carry::apply(&options, &file)?,
        Some(Command::New { title }) => with_line(ask(&options, &Request::New { title })?.value, "id"),
        Some(Command::Join(arguments)) => join(&options, arguments)?,
        Some(Command::Share(Share { id, relay, moves, viewer, qr })) => {
            let (value, line) = with_line(ask(&options, &Request::Share { id, relay, moves, viewer })?.value, "link");
            let code = if qr && !json { link::code(field(&value, "link"))? } else { String::new() };
            (value, line + &code)
        }
        Some(Command::AddDevice(arguments)) => add_device(&options, arguments, json)?,
        Some(Command::Recovery(arguments)) => recovery::make(&options, &arguments)?,
        Some(Command::RestoreLibrary(arguments)) => recovery::restore(&options, &arguments)?,
        Some(Command::Register { remove }) => register::run(remove, named.as_deref())?,
        Some(Command::List) => {
            let value = ask(&options, &Request::List)?.value;
            let text = print::list(&value);
            (value, text)
        }
        Some(Command::Cat { id, at }) => cat(&options, id, at)?,
        Some(Command::Log { id }) => history::log(&options, id)?,
        Some(Command::Diff { id, from, to }) => history::diff(&options, id, from, to)?,
        Some(Command::Blame { id }) => history::blame(&options, id)?,
        Some(Command::Restore { id, position, range }) => history::restore(&options, id, position, range)?,
        Some(Command::Name { id, name, at, remove }) => history::name(&options, id, name, at, remove)?,
        Some(Command::Versions { id }) => history::versions(&options, id)?,
        Some(Command::Sync(Sync { ids, timeout, .. })) => {
            let value = ask(&options, &Request::Sync { ids, timeout_ms: milliseconds(timeout) })?.value;
            let count = value.get("synced").and_then(Value::as_array).map_or(0, Vec::len);
            (value, format!("saved at the relay: {count} {}\n", if count == 1 { "document" } else { "documents" }))
        }
    };
    Ok(if json { print::json(&value) } else { text })
}

fn join(options: &SessionOptions, arguments: Join) -> Result<(Value, String), Failure> {
    let Join { link, qr, whole_library, timeout } = arguments;
    let link = match qr {
        Some(picture) => link::in_picture(&picture)?,
        None => link::given_or_read(link)?,
    };
    let request = Request::Join { link: Secret::new(link), whole_library, timeout_ms: milliseconds(timeout) };
    let value = ask(options, &request)?.value;
    Ok(match value.get("documents").and_then(Value::as_u64) {
        Some(count) => (value, format!("in this library now: {}\n", quantity(count, "document"))),
        None => with_line(value, "id"),
    })
}

fn add_device(options: &SessionOptions, arguments: AddDevice, json: bool) -> Result<(Value, String), Failure> {
    let AddDevice { relay, qr, stop } = arguments;
    if stop {
        let value = ask(options, &Request::LeaveLibrary)?.value;
        let left = value.get("left").and_then(Value::as_bool).unwrap_or(false);
        let words = if left { "is in step with no other device any more" } else { "was on no other device" };
        return Ok((value, format!("this library {words}\n")));
    }
    let (value, line) = with_line(ask(options, &Request::AddDevice { relay })?.value, "link");
    let code = if qr && !json { link::code(field(&value, "link"))? } else { String::new() };
    Ok((value, line + &code))
}

/// The command's name, if it gives no answer.
const fn silent(command: Option<&Command>) -> Option<&'static str> {
    match command {
        None => Some("the window"),
        Some(Command::Open(_)) => Some("`open`"),
        Some(Command::Demo { .. }) => Some("`demo`"),
        Some(Command::Sync(Sync { until_saved: false, .. })) => Some("`sync` without --until-saved"),
        Some(_) => None,
    }
}

/// Fulfils a request, and says what came for it and cannot be taken.
pub(super) fn ask(options: &SessionOptions, request: &Request) -> Result<Answer, Failure> {
    let answer = ask::fulfil(options, request, "")?;
    // Done all the same: it is nothing that this device or its person could have done better.
    for (document, words) in answer.value.get("set_aside").and_then(Value::as_object).into_iter().flatten() {
        say(&format!("document {document}: {}", words.as_str().unwrap_or_default()));
    }
    Ok(answer)
}

/// An answer, and the line that shows one field of it.
fn with_line(value: Value, name: &str) -> (Value, String) {
    let line = format!("{}\n", field(&value, name));
    (value, line)
}

fn cat(options: &SessionOptions, id: String, at: Option<At>) -> Result<(Value, String), Failure> {
    let Answer { mut value, text } = ask(options, &Request::Cat { id, at })?;
    let text = text.unwrap_or_default();
    value["text"] = Value::from(text.as_str());
    Ok((value, text))
}

pub(super) fn milliseconds(seconds: f64) -> u64 {
    Duration::try_from_secs_f64(seconds).map_or(0, |time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

fn default_folder() -> Result<PathBuf, Failure> {
    let none = "this system names no place for data: name the library's folder with --library or QUIRE_LIBRARY";
    let folders = directories::ProjectDirs::from("", "", "quire");
    folders.map(|folders| folders.data_dir().to_owned()).ok_or_else(|| Failure::new(Failure::FAILED, none))
}

fn window(options: SessionOptions, open: &Open) -> Result<String, Failure> {
    let options = SessionOptions { online: true, has_window: true, name: open.name.clone(), ..options };
    let script = open.script.is_some();
    let link = open.id.as_deref().filter(|id| link::is_link(id)).map(Secret::new);
    let id = open.id.clone().filter(|_| link.is_none());
    let mut session = if script {
        ask::open(&options)?
    } else {
        match ask::open_or_ask(&options, &Request::Show { id: id.clone(), link: link.clone() }, "")? {
            Holder::Us(session) => *session,
            Holder::Other(answer) => return answer.map(|_| String::new()),
        }
    };
    let document = id.map(|id| session.find(&id)).transpose()?;
    if link.is_some() {
        // The window hears of it as from another copy of the program.
        session.ask(Request::Show { id: None, link }, "");
    }
    if script {
        let missing = || Failure::new(Failure::USAGE, "a script needs a document: quire open ID --script -");
        session.obey_script(document.ok_or_else(missing)?)?;
    }
    let closed = app::run(session, document, open.place);
    closed.map(|()| String::new()).map_err(|error| {
        packages::say_what_is_missing();
        Failure::new(Failure::FAILED, format!("no window can be opened: {error}"))
    })
}

fn import_file(options: &SessionOptions, import: &Import) -> Result<Value, Failure> {
    let Imported { text, lossy } = read_file(import).map_err(|error| {
        let missing = matches!(&error, FileError::Read { error, .. } if error.kind() == io::ErrorKind::NotFound);
        Failure::new(if missing { Failure::NOT_FOUND } else { Failure::FAILED }, error.to_string())
    })?;
    if lossy {
        say(&format!("{}: what is not UTF-8 was replaced by \u{fffd}", import.file.display()));
    }
    let stem = import.file.file_stem().filter(|_| import.file != Path::new("-"));
    let title = import.title.clone().or_else(|| stem.map(|stem| stem.to_string_lossy().into_owned()));
    let mut value = ask::fulfil(options, &Request::New { title: title.unwrap_or_default() }, &text)?.value;
    value["bytes"] = Value::from(text.len());
    Ok(value)
}

fn read_file(import: &Import) -> Result<Imported, FileError> {
    if import.file != Path::new("-") {
        return files::import(&import.file, import.lossy);
    }
    let path = Path::new("the standard input");
    let mut bytes = Vec::new();
    let read = io::stdin().lock().take(files::IMPORT_BYTES_MAX + 1).read_to_end(&mut bytes);
    read.map_err(|error| FileError::Read { path: path.to_owned(), error })?;
    match bytes.len() as u64 {
        0..=files::IMPORT_BYTES_MAX => files::text_of(path, bytes, import.lossy),
        bytes => Err(FileError::TooLong { path: path.to_owned(), bytes }),
    }
}

fn export_file(options: &SessionOptions, export: Export) -> Result<Value, Failure> {
    let Export { id, file, force } = export;
    check_free(&file, force)?;
    let answer = ask::fulfil(options, &Request::Cat { id, at: None }, "")?;
    let text = answer.text.unwrap_or_default();
    let written = files::write_whole(&file, text.as_bytes());
    written.map_err(|error| Failure::new(Failure::FAILED, error.to_string()))?;
    let id = field(&answer.value, "id").to_owned();
    Ok(json!({ "id": id, "file": file.to_string_lossy(), "bytes": text.len() }))
}

/// A file that is there is written over only if that is wanted.
pub(super) fn check_free(file: &Path, force: bool) -> Result<(), Failure> {
    if !force && fs::symlink_metadata(file).is_ok() {
        let message = format!("{} is there already; --force writes over it", file.display());
        return Err(Failure::new(Failure::FAILED, message));
    }
    Ok(())
}

/// `quire sync` without an end: links everything and says what happens.
fn keep_in_step(options: SessionOptions, ids: &[String]) -> Result<String, Failure> {
    let options = SessionOptions { online: true, ..options };
    let mut session = ask::open(&options)?;
    session.keep_linked(ids)?;
    loop {
        for notice in session.wait(IDLE) {
            tell(&session, &notice);
        }
    }
}

/// Says what a person who watches should know.
pub(super) fn tell(session: &Session, notice: &Notice) {
    match notice {
        Notice::StatusChanged { document } => {
            if let Some(status) = session.status(*document) {
                tracing::info!(%document, link = ?status.link, waiting = status.units_waiting, "status");
            }
        }
        Notice::WriteFailed { document, error } => say(&format!("document {document} cannot be saved: {error}")),
        Notice::SetAside { document, words }
        | Notice::Diverged { document, words }
        | Notice::Reported { document, words } => {
            say(&format!("document {document}: {words}"));
        }
        Notice::Refused { document, reason, .. } => say(&format!("document {document}: {reason}")),
        Notice::RelayChanged { document, notice } => {
            say(&format!("document {document}: {} It is sent what it lacks.", relay_words(*notice)));
        }
        Notice::Succeeded { document, .. } => say(&format!("document {document}: {SUCCEEDED_WORDS}")),
        Notice::Cloned { document } => say(&format!("document {document} stays offline: {CLONED_WORDS}")),
        Notice::Unreadable { error, .. } => say(error),
        Notice::CheckpointDamaged { damage, .. } => {
            say(&format!("{damage}; nothing is missing: the one before it and the log were read. Look after the disk"));
        }
        _ => {}
    }
}

fn edit_by_script(options: SessionOptions, edit: Edit) -> Result<String, Failure> {
    let introduces = edit.name.is_some();
    let options = SessionOptions { online: true, introduces, name: edit.name, ..options };
    let mut session = ask::open(&options)?;
    let document = session.find(&edit.id)?;
    if let Some(relay) = edit.relay {
        session.share(document, Some(relay.parse().map_err(SessionError::from)?))?;
    }
    session.obey_script(document)?;
    loop {
        if session.wait(IDLE).contains(&Notice::Quit) {
            session.close();
            return Ok(String::new());
        }
    }
}
