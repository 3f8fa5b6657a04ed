//! A link as a QR code.

use egui::{Color32, Label, Mesh, Rect, Role, Sense, Shape, Ui, WidgetInfo, pos2, vec2};

use super::super::widgets::{button_row, outlined_button, quiet, small};
use crate::editor::dialog::{Shared, ShownCode};
use crate::editor::qr::QrCode;
use crate::editor::request::Request;

/// The longest side of a code, in points.
const SIDE_MAX: f32 = 320.0;

/// The shortest, in points: smaller ones are hard to read from a screen.
const SIDE_MIN: f32 = 160.0;

/// The room that the rest of the dialog takes, in points.
const ROOM_FOR_REST: f32 = 264.0;

/// Shows the code in the place of the links.
pub(super) fn show(ui: &mut Ui, what: &Shared, shown: &ShownCode, requests: &mut Vec<Request>) {
    let (words, name) = if matches!(what, Shared::Library(_)) {
        ("Whoever reads this code has your whole library, now and later.", "QR code of the library’s link")
    } else if shown.can_write {
        ("Whoever reads this code can read and edit the document.", "QR code of the link")
    } else {
        ("Whoever reads this code can read the document, and not write.", "QR code of the viewer’s link")
    };
    ui.label(small(ui, words));
    ui.vertical_centered(|ui| paint(ui, &shown.code, name));
    let how = "It is the link itself: whoever takes a picture of it has the key. Open link… reads it from a picture.";
    ui.add(Label::new(quiet(ui, how)).wrap());
    button_row(ui, |ui| {
        if outlined_button(ui, None, "Done").clicked() {
            requests.push(Request::CloseDialog);
        }
        if outlined_button(ui, None, "Back to the links").clicked() {
            requests.push(Request::ShowCode(None));
        }
    });
}

/// Paints a code in black on white, whatever the theme is, with the same number of the screen's pixels for every module.
#[expect(clippy::cast_precision_loss, reason = "a code has 185 modules at most")]
fn paint(ui: &mut Ui, code: &QrCode, name: &str) {
    let modules = code.side() as f32;
    let per_point = ui.pixels_per_point();
    let room = (ui.ctx().content_rect().height() - ROOM_FOR_REST).clamp(SIDE_MIN, SIDE_MAX);
    let module = (room * per_point / modules).floor().max(1.0) / per_point;
    let (rect, response) = ui.allocate_exact_size(vec2(module, module) * modules, Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, name));
    let corner = (rect.min.to_vec2() * per_point).round() / per_point;
    let mut mesh = Mesh::default();
    let mut fill = |x: f32, y: f32, width: f32, height: f32, color| {
        let at = pos2(corner.x + x * module, corner.y + y * module);
        mesh.add_colored_rect(Rect::from_min_size(at, vec2(width, height) * module), color);
    };
    fill(0.0, 0.0, modules, modules, Color32::WHITE);
    for y in 0..code.side() {
        let row: Vec<bool> = (0..code.side()).map(|x| code.is_dark(x, y)).collect();
        let mut x = 0;
        for run in row.chunk_by(|one, other| one == other) {
            if run.first() == Some(&true) {
                fill(x as f32, y as f32, run.len() as f32, 1.0, Color32::BLACK);
            }
            x += run.len();
        }
    }
    ui.painter().add(Shape::mesh(mesh));
}
