//! The look: every colour, distance and size, in one place.
//!
//! Calm, like paper: the text is the only loud thing. [`install`] gives egui both styles once; views read [`Tokens`].
#![expect(clippy::unreadable_literal, reason = "a colour is written as RRGGBB")]

use egui::{
    Color32, Context, CornerRadius, FontFamily, FontId, Margin, Shadow, Stroke, Style, TextStyle, Theme, Ui, Visuals,
    vec2,
};

/// The spacing scale, in points.
pub mod space {
    /// Between a sign and its word.
    pub const XS: f32 = 4.0;
    /// Between things that belong together.
    pub const S: f32 = 8.0;
    /// Inside of a panel.
    pub const M: f32 = 12.0;
    /// Between groups.
    pub const L: f32 = 16.0;
    /// Around the page.
    pub const XL: f32 = 24.0;
}

/// Sizes of letters, in points.
pub mod size {
    /// Text.
    pub const TEXT: f32 = 15.0;
    /// Status, labels, hints.
    pub const SMALL: f32 = 12.5;
    /// Titles.
    pub const TITLE: f32 = 22.0;
}

/// The radius of corners, in points.
pub const RADIUS: u8 = 6;

/// The height of a line of text, as a multiple of the size of its letters.
pub const LINE_HEIGHT: f32 = 1.5;
/// How many colours there are for people.
pub const PEOPLE: usize = 8;

/// The colours of one theme.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Tokens {
    /// Behind the text.
    pub paper: Color32,
    /// Behind library, bars and panels: a shade off the paper.
    pub chrome: Color32,
    /// Text.
    pub ink: Color32,
    /// Labels, hints, markup signs.
    pub quiet: Color32,
    /// Hairlines.
    pub line: Color32,
    /// The one accent.
    pub accent: Color32,
    /// Text on the accent.
    pub on_accent: Color32,
    /// Behind what is selected.
    pub selection: Color32,
    /// Behind a hovered row or button.
    pub hover: Color32,
    /// Behind code.
    pub code: Color32,
    /// Behind what a search found.
    pub found: Color32,
    /// A warning's text.
    pub warning: Color32,
    /// An error's text.
    pub error: Color32,
    /// People's colours (after Okabe and Ito): orange, sky, green, yellow, blue, vermilion, purple, grey.
    pub people: [Color32; PEOPLE],
    /// Text on a person's colour.
    pub on_person: Color32,
}

/// Paper by day.
pub const LIGHT: Tokens = Tokens {
    paper: rgb(0xFBFAF7),
    chrome: rgb(0xF5F3EE),
    ink: rgb(0x22252A),
    quiet: rgb(0x6A6F7B),
    line: rgb(0xE4E1DA),
    accent: rgb(0x2F6B5E),
    on_accent: rgb(0xFFFFFF),
    selection: rgb(0xCFE3DC),
    hover: rgb(0xECE9E2),
    code: rgb(0xF1EEE7),
    found: rgb(0xF6E3B0),
    warning: rgb(0x8A5A00),
    error: rgb(0xB3261E),
    people: [
        rgb(0xA05F00),
        rgb(0x1A78B4),
        rgb(0x00785A),
        rgb(0x766B00),
        rgb(0x004F86),
        rgb(0xB84A00),
        rgb(0xA3457C),
        rgb(0x565C66),
    ],
    on_person: rgb(0xFFFFFF),
};

/// Paper by night.
pub const DARK: Tokens = Tokens {
    paper: rgb(0x17191D),
    chrome: rgb(0x1C1F24),
    ink: rgb(0xE7E4DD),
    quiet: rgb(0x8B909A),
    line: rgb(0x2A2D33),
    accent: rgb(0x6FBFA9),
    on_accent: rgb(0x10211C),
    selection: rgb(0x29453E),
    hover: rgb(0x262A30),
    code: rgb(0x202329),
    found: rgb(0x54451D),
    warning: rgb(0xE5B567),
    error: rgb(0xF2827A),
    people: [
        rgb(0xF0B43C),
        rgb(0x7CC7F0),
        rgb(0x3CC79C),
        rgb(0xF0E442),
        rgb(0x5AA2E0),
        rgb(0xF58A4B),
        rgb(0xE39AC1),
        rgb(0xB8BDC6),
    ],
    on_person: rgb(0x17191D),
};

impl Tokens {
    /// The colours of this theme.
    pub const fn of(theme: Theme) -> &'static Self {
        match theme {
            Theme::Light => &LIGHT,
            Theme::Dark => &DARK,
        }
    }

    /// The colours of the theme that is shown.
    pub fn current(ui: &Ui) -> &'static Self {
        if ui.visuals().dark_mode { &DARK } else { &LIGHT }
    }

    /// A person's colour; indices wrap round.
    pub const fn person(&self, index: u8) -> Color32 {
        self.people[index as usize % PEOPLE]
    }
}

/// Gives egui both styles, and switches off what it would do with keys that are the editor's own. Once, at the start.
pub fn install(context: &Context) {
    context.set_style_of(Theme::Light, style(&LIGHT, Style { visuals: Visuals::light(), ..Style::default() }));
    context.set_style_of(Theme::Dark, style(&DARK, Style { visuals: Visuals::dark(), ..Style::default() }));
    context.options_mut(|options| options.zoom_with_keyboard = false);
}

/// A thin line between parts of the window.
pub const fn hairline(tokens: &Tokens) -> Stroke {
    Stroke { width: 1.0, color: tokens.line }
}

/// A colour between two, `share` of the way (0 to 1) from the first.
pub fn mix(from: Color32, to: Color32, share: f32) -> Color32 {
    from.lerp_to_gamma(to, share)
}

const fn rgb(hex: u32) -> Color32 {
    let [_, red, green, blue] = hex.to_be_bytes();
    Color32::from_rgb(red, green, blue)
}

fn style(tokens: &Tokens, mut style: Style) -> Style {
    style.text_styles = [
        (TextStyle::Small, FontId::new(size::SMALL, FontFamily::Proportional)),
        (TextStyle::Body, FontId::new(size::TEXT, FontFamily::Proportional)),
        (TextStyle::Button, FontId::new(size::TEXT, FontFamily::Proportional)),
        (TextStyle::Monospace, FontId::new(size::TEXT - 1.0, FontFamily::Monospace)),
        (TextStyle::Heading, FontId::new(size::TITLE, FontFamily::Proportional)),
    ]
    .into();
    style.spacing.item_spacing = vec2(space::S, space::S);
    style.spacing.button_padding = vec2(space::S, space::XS);
    style.spacing.menu_margin = Margin::same(4);
    style.spacing.window_margin = Margin::same(16);
    style.spacing.interact_size = vec2(32.0, 28.0);
    style.animation_time = 0.1;
    style.interaction.selectable_labels = false;
    visuals(tokens, &mut style.visuals);
    style
}

fn visuals(tokens: &Tokens, visuals: &mut Visuals) {
    visuals.override_text_color = Some(tokens.ink);
    visuals.weak_text_color = Some(tokens.quiet);
    visuals.hyperlink_color = tokens.accent;
    visuals.faint_bg_color = tokens.chrome;
    visuals.extreme_bg_color = tokens.paper;
    visuals.text_edit_bg_color = Some(tokens.paper);
    visuals.code_bg_color = tokens.code;
    visuals.warn_fg_color = tokens.warning;
    visuals.error_fg_color = tokens.error;
    visuals.panel_fill = tokens.chrome;
    visuals.window_fill = tokens.paper;
    visuals.window_stroke = hairline(tokens);
    visuals.window_corner_radius = CornerRadius::same(RADIUS);
    visuals.menu_corner_radius = CornerRadius::same(RADIUS);
    let shadow = Shadow { offset: [0, 4], blur: 16, spread: 0, color: Color32::from_black_alpha(40) };
    visuals.window_shadow = shadow;
    visuals.popup_shadow = shadow;
    visuals.selection.bg_fill = tokens.selection;
    visuals.selection.stroke = Stroke::new(1.0, tokens.ink);
    visuals.text_cursor.stroke = Stroke::new(1.5, tokens.accent);
    // A caret that blinks in a field would blink for ever, and a window that nobody touches would never rest.
    visuals.text_cursor.blink = false;
    visuals.collapsing_header_frame = false;
    widgets(tokens, visuals);
}

fn widgets(tokens: &Tokens, visuals: &mut Visuals) {
    let states = &mut visuals.widgets;
    for (state, fill, stroke) in [
        (&mut states.noninteractive, tokens.chrome, tokens.line),
        (&mut states.inactive, tokens.hover, Color32::TRANSPARENT),
        (&mut states.hovered, tokens.hover, tokens.line),
        (&mut states.active, tokens.line, tokens.quiet),
        (&mut states.open, tokens.hover, tokens.line),
    ] {
        state.bg_fill = fill;
        state.weak_bg_fill = fill;
        state.bg_stroke = Stroke::new(1.0, stroke);
        state.fg_stroke = Stroke::new(1.0, tokens.ink);
        state.corner_radius = CornerRadius::same(RADIUS);
        state.expansion = 0.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn luminance(colour: Color32) -> f64 {
        let channel = |value: u8| {
            let value = f64::from(value) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(colour.r()) + 0.7152 * channel(colour.g()) + 0.0722 * channel(colour.b())
    }

    fn contrast(one: Color32, other: Color32) -> f64 {
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    #[test]
    fn text_can_be_read_on_everything_that_it_stands_on() {
        for tokens in [&LIGHT, &DARK] {
            let mut pairs = vec![(tokens.on_accent, tokens.accent)];
            for back in [tokens.paper, tokens.chrome] {
                let texts = [tokens.ink, tokens.quiet, tokens.accent, tokens.warning, tokens.error];
                pairs.extend(texts.map(|text| (text, back)));
            }
            for back in [tokens.selection, tokens.hover, tokens.code, tokens.found] {
                pairs.push((tokens.ink, back));
            }
            pairs.extend(tokens.people.map(|person| (tokens.on_person, person)));
            for (text, back) in pairs {
                let found = contrast(text, back);
                assert!(found >= 4.5, "{text:?} on {back:?}: {found:.2}");
            }
        }
    }

    #[test]
    fn any_index_is_somebodys_colour() {
        assert_eq!(LIGHT.person(255), LIGHT.people[7]);
    }
}
