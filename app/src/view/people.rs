//! The side panel with people and devices: who is here, who was, and what each device holds.

use egui::{Align, Frame, Label, Layout, Margin, RichText, ScrollArea, Sense, TextStyle, Ui, vec2};

use super::icons::Icon;
use super::theme::{Tokens, space};
use super::widgets::{icon_button, paint_initials, quiet, small};
use crate::editor::command::Action;
use crate::editor::people::{Person, Presence};
use crate::editor::request::Request;

/// Shows the panel.
pub fn show(ui: &mut Ui, people: &[Person]) -> Vec<Request> {
    let mut requests = Vec::new();
    Frame::new().inner_margin(Margin { left: 12, right: 8, top: 10, bottom: 8 }).show(ui, |ui| {
        ui.horizontal(|ui| {
            ui.label(RichText::new("People and devices").text_style(TextStyle::Body));
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                if icon_button(ui, Icon::Close, "Close people and devices", "").clicked() {
                    requests.push(Request::Do(Action::TogglePeople));
                }
            });
        });
        ScrollArea::vertical().id_salt("people").auto_shrink(false).show(ui, |ui| {
            ui.spacing_mut().item_spacing = vec2(space::S, space::S);
            for person in people {
                show_person(ui, person);
            }
            if people.iter().all(|person| person.presence == Presence::Me) {
                ui.add_space(space::S);
                ui.add(Label::new(quiet(ui, "Nobody else is here yet. Share the document and send the link.")).wrap());
            }
        });
    });
    requests
}

fn show_person(ui: &mut Ui, person: &Person) {
    let tokens = Tokens::current(ui);
    ui.horizontal(|ui| {
        let (rect, _) = ui.allocate_exact_size(vec2(28.0, 44.0), Sense::hover());
        let color = (person.presence != Presence::Left).then(|| tokens.person(person.color));
        paint_initials(ui, rect.center(), 13.0, &person.initials(), color, tokens.chrome);
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing.y = 2.0;
            let name = if person.name.is_empty() { "Without a name" } else { &person.name };
            let name = small(ui, name);
            let name = if person.presence == Presence::Left { name.color(tokens.quiet) } else { name };
            ui.add(Label::new(name).truncate());
            ui.add(Label::new(quiet(ui, where_words(person))).truncate());
            ui.add(Label::new(quiet(ui, person.holds_words())).wrap());
        });
    });
}

fn where_words(person: &Person) -> String {
    let presence = match person.presence {
        Presence::Me => "you",
        Presence::Here => "here now",
        Presence::Left => "left",
    };
    if person.device.is_empty() { presence.to_owned() } else { format!("{presence}, on {}", person.device) }
}
