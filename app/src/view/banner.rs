//! What must be seen (banners, at the top, until it is right) and what may be seen (notices, at the bottom, that go by themselves).

use egui::{
    Align2, Area, CornerRadius, FontId, Frame, Id, Label, Margin, Order, Rect, RichText, Role, Sense, TextStyle, Ui,
    WidgetInfo, vec2,
};

use super::icons::{self, Icon};
use super::theme::{RADIUS, Tokens, hairline, mix, size, space};
use super::widgets::{icon_button, one_line, outlined_button, quiet_button};
use crate::editor::request::{Banner, BannerOffer, Notice, Request};

/// The room for a banner's button, in points.
const BUTTON_ROOM: f32 = 84.0;

/// Shows the banners, each over the whole width.
pub fn show(ui: &mut Ui, banners: &[Banner]) -> Vec<Request> {
    let mut requests = Vec::new();
    ui.spacing_mut().item_spacing = vec2(space::S, 1.0);
    for banner in banners {
        show_banner(ui, banner, &mut requests);
    }
    requests
}

fn show_banner(ui: &mut Ui, banner: &Banner, requests: &mut Vec<Request>) {
    let tokens = Tokens::current(ui);
    let fill = mix(tokens.paper, tokens.error, 0.10);
    Frame::new().fill(fill).inner_margin(Margin::symmetric(16, 6)).show(ui, |ui| {
        let (word, request) = match banner.offer {
            BannerOffer::Retry => ("Retry", Request::RetryWrite),
            BannerOffer::Dismiss => ("Dismiss", Request::Dismiss(banner.id)),
        };
        ui.set_width(ui.available_width());
        ui.horizontal(|ui| {
            let (sign, _) = ui.allocate_exact_size(vec2(16.0, 16.0), Sense::hover());
            icons::paint(ui.painter(), Icon::Warning, sign, tokens.error);
            let text = RichText::new(&banner.text).text_style(TextStyle::Small).color(tokens.ink);
            let width = ui.available_width() - BUTTON_ROOM;
            ui.vertical(|ui| {
                ui.set_width(width);
                ui.add(Label::new(text).wrap());
            });
            if outlined_button(ui, None, word).clicked() {
                requests.push(request);
            }
        });
    });
}

/// Shows the notices in the lower right corner of `page`, the newest lowest.
pub fn show_notices(ui: &Ui, page: Rect, notices: &[Notice]) -> Vec<Request> {
    let mut requests = Vec::new();
    if notices.is_empty() {
        return requests;
    }
    let tokens = Tokens::current(ui);
    let area = Area::new(Id::unique("notices")).order(Order::Middle).pivot(Align2::RIGHT_BOTTOM);
    area.fixed_pos(page.right_bottom() - vec2(space::L, space::L)).show(ui.ctx(), |ui| {
        ui.spacing_mut().item_spacing = vec2(space::XS, space::S);
        ui.set_max_width(page.width());
        for notice in notices {
            let frame =
                Frame::new().fill(tokens.paper).stroke(hairline(tokens)).corner_radius(CornerRadius::same(RADIUS));
            let frame =
                frame.shadow(ui.visuals().popup_shadow).inner_margin(Margin { left: 12, right: 4, top: 4, bottom: 4 });
            frame.show(ui, |ui| show_notice(ui, notice, page.width(), &mut requests));
        }
    });
    requests
}

fn show_notice(ui: &mut Ui, notice: &Notice, page_width: f32, requests: &mut Vec<Request>) {
    ui.horizontal(|ui| {
        let tokens = Tokens::current(ui);
        let most = (page_width - 180.0).clamp(120.0, 420.0);
        let galley = one_line(ui, &notice.text, FontId::proportional(size::SMALL), tokens.ink, most);
        let (rect, response) = ui.allocate_exact_size(galley.size(), Sense::hover());
        response.widget_info(|| WidgetInfo::labeled(Role::Status, true, &notice.text));
        let elided = galley.elided;
        ui.painter().galley(rect.min, galley, tokens.ink);
        if elided {
            response.on_hover_text(&notice.text);
        }
        ui.add_space(space::S);
        if notice.show_me && quiet_button(ui, None, "Show me").clicked() {
            requests.push(Request::ShowMe(notice.id));
        }
        if icon_button(ui, Icon::Close, "Dismiss", "").clicked() {
            requests.push(Request::Dismiss(notice.id));
        }
    });
}
