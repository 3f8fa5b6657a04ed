//! Sharing a document and opening a shared one.

mod code;

use egui::text::LayoutJob;
use egui::{FontId, Frame, Id, Key, Label, Margin, Ui, vec2};

use super::icons::{self, Icon};
use super::theme::{RADIUS, Tokens, hairline, space};
use super::widgets::{
    TITLE_CHARS_MAX, button_row, dialog, dialog_buttons, error_line, field, focus_first, outlined_button,
    primary_button, quiet, quiet_button, small,
};
use crate::editor::dialog::{Dialog, HOST_LIMITS, ShareDialog, ShareStage, Shared, ShownCode};
use crate::editor::library_view::title_or_untitled;
use crate::editor::qr::QrCode;
use crate::editor::request::Request;
use crate::editor::words::cut;

/// The width of both dialogs, in points.
const WIDTH: f32 = 460.0;

/// Shows the share dialog.
pub fn show(ui: &Ui, view: &ShareDialog) -> Vec<Request> {
    let mut requests = Vec::new();
    let title = match &view.what {
        Shared::Document(title) => format!("Share “{}”", cut(title_or_untitled(title), TITLE_CHARS_MAX)),
        Shared::Library(_) => "Add a device".to_owned(),
    };
    // Each stage is a dialog of its own size.
    let name = match &view.stage {
        ShareStage::Choose { .. } => "share: choose",
        ShareStage::Ready { code: None, .. } => "share: ready",
        ShareStage::Ready { code: Some(_), .. } => "share: code",
    };
    let answer = dialog(ui, name, &title, WIDTH, |ui| match &view.stage {
        ShareStage::Choose { relay, error } => choose(ui, view, relay, error.as_deref(), &mut requests),
        ShareStage::Ready { code: Some(shown), .. } => code::show(ui, &view.what, shown, &mut requests),
        ShareStage::Ready { .. } => ready(ui, view, &mut requests),
    });
    if answer.dismissed {
        requests.push(Request::CloseDialog);
    }
    requests
}

fn choose(ui: &mut Ui, view: &ShareDialog, relay: &str, error: Option<&str>, requests: &mut Vec<Request>) {
    let words = match &view.what {
        Shared::Document(_) => {
            "People meet at a relay: a small server that keeps everyone’s edits until each device has them."
        }
        Shared::Library(_) => {
            "Devices meet at a relay: a small server that keeps what one wrote until the others have it, and cannot read it. \
             Documents that are on this computer only are sealed and sent there, too."
        }
    };
    ui.add(Label::new(small(ui, words)).wrap());
    let mut typed = relay.to_owned();
    ui.label(quiet(ui, "A relay you know"));
    let width = ui.available_width();
    let response = field(
        ui,
        Id::unique("share relay"),
        "Relay address",
        "relay.example.org or 192.168.1.20:4870",
        &mut typed,
        width,
    );
    focus_first(ui, &response);
    let entered = response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter)) && !typed.trim().is_empty();
    if response.changed() {
        let stage = ShareStage::Choose { relay: typed.clone(), error: None };
        requests.push(Request::Dialog(Dialog::Share(ShareDialog { what: view.what.clone(), stage })));
    }
    if let Some(error) = error {
        error_line(ui, error);
    }
    host_box(ui, requests);
    let button = match &view.what {
        Shared::Document(_) => "Share by this relay",
        Shared::Library(_) => "Meet at this relay",
    };
    match dialog_buttons(ui, "Cancel", button, !typed.trim().is_empty()) {
        Some(true) => requests.push(Request::Confirm),
        Some(false) => requests.push(Request::CloseDialog),
        None if entered => requests.push(Request::Confirm),
        None => {}
    }
}

fn host_box(ui: &mut Ui, requests: &mut Vec<Request>) {
    let tokens = Tokens::current(ui);
    let frame =
        Frame::new().fill(tokens.chrome).stroke(hairline(tokens)).corner_radius(RADIUS).inner_margin(Margin::same(12));
    frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.spacing_mut().item_spacing.y = space::S;
        ui.label(small(ui, "No relay at hand? This computer can be one."));
        ui.add(Label::new(quiet(ui, HOST_LIMITS)).wrap());
        if outlined_button(ui, Some(Icon::Host), "Host on this computer").clicked() {
            requests.push(Request::HostHere);
        }
    });
}

fn ready(ui: &mut Ui, view: &ShareDialog, requests: &mut Vec<Request>) {
    let ShareStage::Ready { link, viewers, can_write, relay, hosted, copied, .. } = &view.stage else { return };
    let mut row = |ui: &mut Ui, name: &str, link: &str, writes: bool| {
        link_box(ui, link);
        let copied = copied.as_deref() == Some(link);
        copy_row(ui, name, link, copied, writes == *can_write, requests)
    };
    let mut chosen = None;
    if let Shared::Library(devices) = &view.what {
        ui.add(Label::new(small(ui, LIBRARY_WORDS)).wrap());
        chosen = row(ui, "Copy link", link, true).then_some((link, true));
        ui.add(Label::new(quiet(ui, devices_words(devices))).wrap());
    } else {
        if *can_write {
            ui.label(small(ui, "Whoever has this link can read and edit the document."));
            chosen = row(ui, "Copy link", link, true).then_some((link, true));
        }
        ui.label(small(ui, "Whoever has this one can read it, and not write."));
        if row(ui, "Copy viewer’s link", viewers, false) {
            chosen = Some((viewers, false));
        }
    }
    if let Some((link, can_write)) = chosen {
        requests.push(Request::ShowCode(QrCode::of(link).map(|code| ShownCode { code, can_write })));
    }
    let via = if *hosted {
        format!("By the relay on this computer, {relay}. {HOST_LIMITS}")
    } else {
        format!("By the relay {relay}.")
    };
    ui.add(Label::new(quiet(ui, via)).wrap());
    button_row(ui, |ui| {
        if outlined_button(ui, None, "Done").clicked() {
            requests.push(Request::CloseDialog);
        }
    });
}

/// What the link of a library does.
const LIBRARY_WORDS: &str = "Open this link on your other device: it gets every document of this library, and what you write on either \
     is on both. For your own devices only: whoever has it has all that you write, now and later.";

/// Which devices have the library.
fn devices_words(devices: &[String]) -> String {
    match devices {
        [] | [_] => "No other device has this library yet.".to_owned(),
        devices => format!("In step: {}.", devices.join(", ")),
    }
}

/// A link that can be selected.
fn link_box(ui: &mut Ui, link: &str) {
    let tokens = Tokens::current(ui);
    let frame =
        Frame::new().fill(tokens.chrome).stroke(hairline(tokens)).corner_radius(RADIUS).inner_margin(Margin::same(10));
    frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        let mut text = LayoutJob::simple(link.to_owned(), FontId::monospace(12.0), tokens.ink, ui.available_width());
        // It has no words; broken at its dashes it would look like several.
        text.wrap.break_anywhere = true;
        let label = ui.add(Label::new(text).selectable(true));
        label.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, link));
    });
}

/// The button that copies a link, whether that was done, and the one that shows its QR code; whether the latter was clicked.
fn copy_row(ui: &mut Ui, name: &str, link: &str, copied: bool, is_first: bool, requests: &mut Vec<Request>) -> bool {
    let tokens = Tokens::current(ui);
    let row = ui.horizontal(|ui| {
        let button = if is_first { primary_button(ui, name, true) } else { outlined_button(ui, None, name) };
        if button.clicked() {
            requests.push(Request::Copy(link.to_owned()));
        }
        let shows_code = outlined_button(ui, Some(Icon::Code), "QR code").clicked();
        if copied {
            ui.label(quiet(ui, "Copied"));
            let (rect, _) = ui.allocate_exact_size(vec2(14.0, 14.0), egui::Sense::hover());
            icons::paint(ui.painter(), Icon::Check, rect, tokens.accent);
        }
        shows_code
    });
    row.inner
}

/// Shows the dialog that asks for a link.
pub fn show_open_link(ui: &Ui, link: &str, error: Option<&str>) -> Vec<Request> {
    let mut requests = Vec::new();
    let answer = dialog(ui, "open link", "Open a link", WIDTH, |ui| {
        ui.label(small(ui, "Paste the link that you were sent. The document opens at once and fills as it arrives."));
        let mut typed = link.to_owned();
        let response = field(ui, Id::unique("link"), "Link", "quire://…", &mut typed, ui.available_width());
        focus_first(ui, &response);
        let entered = response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
        if response.changed() {
            requests.push(Request::Dialog(Dialog::OpenLink { link: typed.clone(), error: None }));
        }
        if let Some(error) = error {
            error_line(ui, error);
        }
        let picture = quiet_button(ui, Some(Icon::Code), "From a picture…");
        if picture
            .on_hover_text("A photograph or a screenshot of the link’s QR code; you can drop it here, too")
            .clicked()
        {
            requests.push(Request::ChoosePicture);
        }
        let some = !typed.trim().is_empty();
        match dialog_buttons(ui, "Cancel", "Open", some) {
            Some(true) => requests.push(Request::Confirm),
            Some(false) => requests.push(Request::CloseDialog),
            None if entered && some => requests.push(Request::Confirm),
            None => {}
        }
    });
    if answer.dismissed {
        requests.push(Request::CloseDialog);
    }
    requests
}
