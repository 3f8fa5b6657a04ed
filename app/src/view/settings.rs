//! The settings dialog: name and colour, relay, look, and every key.

use egui::{Grid, Id, Label, Role, ScrollArea, Sense, Slider, Stroke, Ui, WidgetInfo, vec2};

use super::theme::{PEOPLE, Tokens, space};
use super::widgets::{dialog, error_line, field, primary_button, quiet, quiet_button, small};
use crate::editor::command::{Group, table};
use crate::editor::dialog::{Dialog, SettingsDraft};
use crate::editor::request::Request;
use crate::editor::settings::{
    COLUMN_CHARS_MAX, COLUMN_CHARS_MIN, FONT_SIZE_MAX, FONT_SIZE_MIN, FontChoice, Settings, ThemeChoice,
};

/// The width of the dialog, in points.
const WIDTH: f32 = 520.0;

/// The names of people's colours, for screen readers and tooltips.
const COLORS: [&str; PEOPLE] = ["Orange", "Sky", "Green", "Yellow", "Blue", "Vermilion", "Purple", "Grey"];

/// Shows the dialog. What is changed in it holds at once.
pub fn show(ui: &Ui, view: &SettingsDraft) -> Vec<Request> {
    let mut draft = view.clone();
    let title = if view.keys_shown { "Keys" } else { "Settings" };
    let answer = dialog(ui, "settings", title, WIDTH, |ui| {
        if view.keys_shown {
            keys(ui);
        } else {
            choices(ui, &mut draft);
        }
        ui.add_space(space::XS);
        foot(ui, &mut draft)
    });
    let mut requests = Vec::new();
    if draft != *view {
        requests.push(Request::Dialog(Dialog::Settings(draft)));
    }
    if answer.inner || answer.dismissed {
        requests.push(Request::Confirm);
    }
    requests
}

fn choices(ui: &mut Ui, draft: &mut SettingsDraft) {
    let settings = &mut draft.settings;
    let width = ui.available_width() - 128.0;
    Grid::new("settings").num_columns(2).spacing(vec2(space::L, space::M)).min_col_width(96.0).show(ui, |ui| {
        ui.label(quiet(ui, "Your name"));
        field(ui, Id::unique("settings name"), "Your name", "As others see it", &mut settings.name, width);
        ui.end_row();
        ui.label(quiet(ui, "This device"));
        field(ui, Id::unique("settings device"), "This device", "laptop", &mut settings.device, width);
        ui.end_row();
        ui.label(quiet(ui, "Your colour"));
        colors(ui, &mut settings.colour);
        ui.end_row();
        ui.label(quiet(ui, "Relay"));
        field(ui, Id::unique("settings relay"), "Relay", "None: ask when sharing", &mut draft.relay, width);
        ui.end_row();
        look(ui, settings);
    });
    if let Some(error) = &draft.error {
        error_line(ui, error);
    }
    ui.add(Label::new(quiet(ui, format!("Stored in {}", draft.file))).truncate());
}

fn look(ui: &mut Ui, settings: &mut Settings) {
    ui.style_mut().drag_value_text_style = egui::TextStyle::Small;
    ui.label(quiet(ui, "Theme"));
    ui.horizontal(|ui| {
        for (choice, word) in
            [(ThemeChoice::System, "System"), (ThemeChoice::Light, "Light"), (ThemeChoice::Dark, "Dark")]
        {
            choose(ui, &mut settings.theme, choice, word);
        }
    });
    ui.end_row();
    ui.label(quiet(ui, "Letters"));
    ui.horizontal(|ui| {
        for (choice, word) in [(FontChoice::Proportional, "Proportional"), (FontChoice::Monospace, "Monospace")] {
            choose(ui, &mut settings.font, choice, word);
        }
    });
    ui.end_row();
    ui.label(quiet(ui, "Text size"));
    let slider = Slider::new(&mut settings.font_size, FONT_SIZE_MIN..=FONT_SIZE_MAX).step_by(0.5);
    ui.add(slider).accessible_name("Text size");
    ui.end_row();
    ui.label(quiet(ui, "Column width"));
    let slider = Slider::new(&mut settings.column_chars, COLUMN_CHARS_MIN..=COLUMN_CHARS_MAX).logarithmic(true);
    ui.horizontal(|ui| {
        ui.add(slider).accessible_name("Column width");
        ui.label(small(ui, "characters"));
    });
    ui.end_row();
    ui.label(quiet(ui, "Lines"));
    ui.horizontal(|ui| {
        ui.checkbox(&mut settings.wrap, small(ui, "Wrap long lines"));
        ui.add_space(space::S);
        ui.checkbox(&mut settings.line_numbers, small(ui, "Number lines"));
    });
    ui.end_row();
    ui.label(quiet(ui, "Typing"));
    ui.checkbox(&mut settings.bracket_pairs, small(ui, "Close brackets"));
    ui.end_row();
}

fn choose<T: Copy + PartialEq>(ui: &mut Ui, value: &mut T, choice: T, word: &str) {
    let on = *value == choice;
    let response = ui.selectable_label(on, small(ui, word));
    if response.clicked() {
        *value = choice;
    }
}

fn colors(ui: &mut Ui, chosen: &mut u8) {
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = space::XS;
        for (color, name) in (0_u8..).zip(COLORS) {
            let (rect, response) = ui.allocate_exact_size(vec2(26.0, 26.0), Sense::click());
            let tokens = Tokens::current(ui);
            ui.painter().circle_filled(rect.center(), 9.0, tokens.person(color));
            let on = *chosen == color;
            if on || response.hovered() || response.has_focus() {
                let ring = if on { tokens.ink } else { tokens.quiet };
                ui.painter().circle_stroke(rect.center(), 12.0, Stroke::new(1.5, ring));
            }
            response.widget_info(|| WidgetInfo::selected(Role::RadioButton, true, on, name));
            if response.on_hover_text(name).clicked() {
                *chosen = color;
            }
        }
    });
}

fn keys(ui: &mut Ui) {
    let mac = cfg!(target_os = "macos");
    let height = (ui.ctx().content_rect().height() - 260.0).clamp(160.0, 420.0);
    ScrollArea::vertical().max_height(height).auto_shrink([false, true]).show(ui, |ui| {
        Grid::new("keys").num_columns(2).spacing(vec2(space::XL, space::XS)).show(ui, |ui| {
            for group in Group::ALL {
                ui.label(quiet(ui, group.title()));
                ui.end_row();
                for entry in table().iter().filter(|entry| entry.group == group && !entry.keys(mac).is_empty()) {
                    ui.label(small(ui, entry.title));
                    let all: Vec<String> = entry.keys(mac).iter().map(|keys| keys.label(mac)).collect();
                    ui.label(quiet(ui, all.join(",  ")));
                    ui.end_row();
                }
            }
        });
    });
}

fn foot(ui: &mut Ui, draft: &mut SettingsDraft) -> bool {
    let mut done = false;
    ui.horizontal(|ui| {
        let word = if draft.keys_shown { "Back to settings" } else { "Show all keys" };
        if quiet_button(ui, None, word).clicked() {
            draft.keys_shown = !draft.keys_shown;
        }
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            done = primary_button(ui, "Done", true).clicked();
        });
    });
    done
}
