//! The small dialogs: a title, removing, a line, a path, and what Quire is.

use egui::{Id, Key, Label, Ui};

use super::widgets::{TITLE_CHARS_MAX, dialog, dialog_buttons, error_line, field, focus_first, quiet, small};
use super::{settings, share};
use crate::editor::dialog::{Dialog, PathDialog, PathPurpose, VersionDraft};
use crate::editor::history::clean_version_name;
use crate::editor::library_view::{UNTITLED, title_or_untitled};
use crate::editor::request::Request;
use crate::editor::words::cut;

/// The width of a small dialog, in points.
const WIDTH: f32 = 420.0;

/// Shows a dialog in front of the window.
pub fn show(ui: &Ui, view: &Dialog) -> Vec<Request> {
    match view {
        Dialog::Rename { id, title } => {
            let ask =
                Ask { name: "rename", title: "Rename", words: "", field: "Title", hint: UNTITLED, button: "Rename" };
            ask_text(ui, &ask, title, None, true, |title| Dialog::Rename { id: *id, title })
        }
        Dialog::NameVersion(draft) => name_version(ui, draft),
        Dialog::Remove { title, words, .. } => remove(ui, title, words),
        Dialog::OpenLink { link, error } => share::show_open_link(ui, link, error.as_deref()),
        Dialog::Move { link, title, there } if link.relay.place() == there.place() => {
            move_to_relay(ui, &link.relay.to_string(), title, &there.to_string())
        }
        Dialog::Move { link, title, there } => move_to_relay(ui, &link.relay.place(), title, &there.place()),
        Dialog::JoinLibrary { link } => join_library(ui, &link.relay.place()),
        Dialog::Share(view) => share::show(ui, view),
        Dialog::GoToLine { line, lines } => go_to_line(ui, line, *lines),
        Dialog::Path(view) => path(ui, view),
        Dialog::ImportLossy { paths, words } => import_lossy(ui, paths.len(), words),
        Dialog::Settings(draft) => settings::show(ui, draft),
        Dialog::About { version, library } => about(ui, version, library),
    }
}

/// What a dialog with one field asks.
struct Ask<'a> {
    name: &'a str,
    title: &'a str,
    words: &'a str,
    field: &'a str,
    hint: &'a str,
    button: &'a str,
}

fn ask_text(
    ui: &Ui,
    ask: &Ask<'_>,
    text: &str,
    error: Option<&str>,
    usable: bool,
    with: impl FnOnce(String) -> Dialog,
) -> Vec<Request> {
    let mut requests = Vec::new();
    let answer = dialog(ui, ask.name, ask.title, WIDTH, |ui| {
        if !ask.words.is_empty() {
            ui.add(Label::new(small(ui, ask.words)).wrap());
        }
        let mut typed = text.to_owned();
        let response =
            field(ui, Id::unique(ask.name).with("field"), ask.field, ask.hint, &mut typed, ui.available_width());
        focus_first(ui, &response);
        let entered = response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
        if let Some(error) = error {
            error_line(ui, error);
        }
        if response.changed() {
            requests.push(Request::Dialog(with(typed)));
        }
        match dialog_buttons(ui, "Cancel", ask.button, usable) {
            Some(true) => requests.push(Request::Confirm),
            Some(false) => requests.push(Request::CloseDialog),
            None if entered && usable => requests.push(Request::Confirm),
            None => {}
        }
    });
    if answer.dismissed {
        requests.push(Request::CloseDialog);
    }
    requests
}

fn remove(ui: &Ui, title: &str, words: &str) -> Vec<Request> {
    let title = cut(title_or_untitled(title), TITLE_CHARS_MAX);
    ask_whether(ui, "remove", &format!("Remove “{title}” from this device?"), words, ["Keep", "Remove"])
}

fn name_version(ui: &Ui, draft: &VersionDraft) -> Vec<Request> {
    let (title, button) =
        if draft.key.is_some() { ("Rename this version", "Rename") } else { ("Name this version", "Name it") };
    let words = "Everyone who has this document sees the name in their history.";
    let ask = Ask { name: "name version", title, words, field: "Name", hint: "First draft", button };
    let usable = !clean_version_name(&draft.name).is_empty();
    ask_text(ui, &ask, &draft.name, draft.error.as_deref(), usable, |name| {
        Dialog::NameVersion(VersionDraft { name, error: None, ..draft.clone() })
    })
}

fn move_to_relay(ui: &Ui, relay: &str, title: &str, there: &str) -> Vec<Request> {
    let title = cut(title_or_untitled(title), TITLE_CHARS_MAX);
    let words = format!(
        "The document is here already, shared at {there}; the link leads to {relay}. People who stay at the other relay do \
         not see what is written at this one. Moving sends everything that is here to {relay}."
    );
    ask_whether(ui, "move", &format!("Move “{title}” to the link’s relay?"), &words, ["Stay", "Move"])
}

fn join_library(ui: &Ui, relay: &str) -> Vec<Request> {
    let words = format!(
        "This is the link of a whole library. If it is your own, from one of your devices, go on: every document of this library \
         goes to the devices that have the link, theirs come here, and all stay in step by the relay {relay}. If somebody else \
         gave it to you, they would get everything that you have written here."
    );
    ask_whether(ui, "join library", "Put this library on your other devices?", &words, ["Cancel", "It is mine"])
}

fn import_lossy(ui: &Ui, count: usize, words: &str) -> Vec<Request> {
    let title =
        if count == 1 { "Import it all the same?".to_owned() } else { format!("Import {count} files all the same?") };
    let words =
        format!("{words} What cannot be read becomes the replacement character, U+FFFD; the file stays as it is.");
    ask_whether(ui, "lossy", &title, &words, ["Cancel", "Import"])
}

/// Asks for one of two: to leave it, or to do it.
fn ask_whether(ui: &Ui, name: &str, title: &str, words: &str, [leave, go]: [&str; 2]) -> Vec<Request> {
    let answer = dialog(ui, name, title, WIDTH, |ui| {
        ui.add(Label::new(small(ui, words)).wrap());
        dialog_buttons(ui, leave, go, true)
    });
    match answer.inner {
        Some(true) => vec![Request::Confirm],
        Some(false) => vec![Request::CloseDialog],
        None if answer.dismissed => vec![Request::CloseDialog],
        None => Vec::new(),
    }
}

fn go_to_line(ui: &Ui, line: &str, lines: usize) -> Vec<Request> {
    let number: Option<usize> = line.trim().parse().ok();
    let words = format!("From 1 to {lines}.");
    let error = match number {
        None if !line.trim().is_empty() => Some("A line is a whole number.".to_owned()),
        Some(number) if number == 0 || number > lines => Some(format!("There are {lines} lines.")),
        _ => None,
    };
    let usable = number.is_some() && error.is_none();
    let ask = Ask { name: "go to line", title: "Go to line", words: &words, field: "Line", hint: "Line", button: "Go" };
    ask_text(ui, &ask, line, error.as_deref(), usable, |line| Dialog::GoToLine { line, lines })
}

fn path(ui: &Ui, view: &PathDialog) -> Vec<Request> {
    let (title, words, button) = match view.purpose {
        PathPurpose::Import => ("Import a file", "The path of a text file. It becomes a new document.", "Import"),
        PathPurpose::Picture => {
            ("Open a picture", "The path of a photograph or screenshot of a link’s QR code: PNG or JPEG.", "Open")
        }
        PathPurpose::Export(_) => {
            ("Export to a file", "The path to write the text to. A file that is there is replaced.", "Export")
        }
    };
    let hint = if view.purpose == PathPurpose::Picture { "/home/ana/code.png" } else { "/home/ana/letter.md" };
    let ask = Ask { name: "path", title, words, field: "Path", hint, button };
    let usable = !view.path.trim().is_empty();
    ask_text(ui, &ask, &view.path, view.error.as_deref(), usable, |path| {
        Dialog::Path(PathDialog { purpose: view.purpose, path, error: None })
    })
}

fn about(ui: &Ui, version: &str, library: &str) -> Vec<Request> {
    let answer = dialog(ui, "about", "Quire", WIDTH, |ui| {
        ui.label(small(ui, format!("Version {version}")));
        let words = "A set of sheets that belong together, and it sounds like choir: many voices, one text. \
             What you write is on your own disk first; when there is a network, everyone’s edits meet.";
        ui.add(Label::new(small(ui, words)).wrap());
        ui.add(Label::new(quiet(ui, format!("Your library: {library}"))).wrap());
        super::widgets::primary_button(ui, "Close", true).clicked()
    });
    if answer.inner || answer.dismissed { vec![Request::CloseDialog] } else { Vec::new() }
}
