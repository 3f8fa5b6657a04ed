//! What a screen reader, a test, the input method and the system's selection get to know.
//!
//! The area is a text node with a run for every row that can be seen: at most 255 characters each, as AccessKit counts the
//! words of a run in bytes.

use egui::accesskit::{self, NodeId, Role, TextDirection, TextPosition, TextSelection};
use egui::output::IMEOutput;
use egui::{IMEPurpose, OutputCommand, Rect, Ui, UiBuilder};
use unicode_segmentation::UnicodeSegmentation;

use super::layout::Laid;
use super::{PageView, TextArea, VisiblePage};
use crate::editor::motion::Spot;
use crate::editor::selection::Selection;
use crate::editor::state::EditorState;

/// The most characters of a run.
const RUN_CHARS_MAX: usize = 255;

/// A text up to this length is the node's value whole; of a longer one only what can be seen is told, in runs.
const VALUE_BYTES_MAX: usize = 16 * 1024;

/// The most that is offered as the system's primary selection, in chars.
const PRIMARY_CHARS_MAX: usize = 1024 * 1024;

/// A run that was told, and its chars.
#[derive(Clone, Debug)]
pub(super) struct Run {
    node: NodeId,
    chars: std::ops::Range<usize>,
}

impl TextArea {
    pub(super) fn publish(&self, ui: &mut Ui, view: PageView<'_>, state: &EditorState, page: &VisiblePage) {
        self.publish_node(ui, view, state, page);
        if !view.read_only {
            self.publish_ime(ui, view, state, page);
        }
        self.publish_primary(ui, view, state);
    }

    fn publish_node(&self, ui: &mut Ui, view: PageView<'_>, state: &EditorState, page: &VisiblePage) {
        let id = self.response.id;
        let is_wanted = ui.ctx().accesskit_node_builder(id, |node| {
            node.set_role(Role::MultilineTextInput);
            node.set_label(view.label);
            if view.text.len_chars() == 0 {
                node.set_placeholder(view.placeholder);
            }
            if view.text.len_bytes() <= VALUE_BYTES_MAX {
                node.set_value(view.text.slice(0..view.text.len_chars()));
            }
            if view.read_only {
                node.set_read_only();
            } else {
                node.add_action(accesskit::Action::SetValue);
                node.add_action(accesskit::Action::ReplaceSelectedText);
            }
            for action in [
                accesskit::Action::Focus,
                accesskit::Action::SetTextSelection,
                accesskit::Action::ScrollDown,
                accesskit::Action::ScrollUp,
            ] {
                node.add_action(action);
            }
        });
        if is_wanted.is_none() {
            return;
        }
        let mut runs = Vec::new();
        for laid in &page.segments {
            self.publish_rows(ui, page, laid, &mut runs);
        }
        let Selection { tail, head } = state.selection(view.text);
        if let (Some(anchor), Some(focus)) = (position(&runs, tail), position(&runs, head)) {
            ui.ctx().accesskit_node_builder(id, |node| node.set_text_selection(TextSelection { anchor, focus }));
        }
        let mut memory = self.memory(ui);
        memory.runs = runs.into();
        self.remember(ui, memory);
    }

    fn publish_rows(&self, ui: &mut Ui, page: &VisiblePage, laid: &Laid, runs: &mut Vec<Run>) {
        let origin = page.origin(self.layout.rect, laid).to_vec2();
        let count = laid.galley.rows.len();
        for (number, chars, rect) in laid.rows() {
            let row = &laid.galley.rows[number];
            let mut glyphs: Vec<(char, f32, f32)> =
                row.glyphs.iter().map(|glyph| (glyph.chr, glyph.pos.x, glyph.advance_width)).collect();
            if number + 1 == count && laid.located.ends_line {
                glyphs.push(('\n', row.size.x, 0.0));
            }
            let pieces = glyphs.chunks(RUN_CHARS_MAX).map(<[_]>::to_vec);
            let pieces: Vec<_> = if glyphs.is_empty() { vec![Vec::new()] } else { pieces.collect() };
            for (piece, glyphs) in pieces.into_iter().enumerate() {
                let start = chars.start + piece * RUN_CHARS_MAX;
                let builder = UiBuilder::new()
                    .id_salt(("run", laid.located.number, number, piece))
                    .max_rect(rect.translate(origin))
                    .accessibility_parent(self.response.id)
                    .accessibility_role(Role::TextRun);
                let run = ui.new_child(builder).unique_id();
                let is_told =
                    ui.ctx().accesskit_node_builder(run, |node| fill_run(node, &glyphs, rect.translate(origin)));
                if is_told.is_some() {
                    runs.push(Run { node: run.accesskit_id(), chars: start..start + glyphs.len() });
                }
            }
        }
    }

    fn publish_ime(&self, ui: &Ui, view: PageView<'_>, state: &EditorState, page: &VisiblePage) {
        if !ui.memory(|memory| memory.owns_ime_events(self.response.id)) {
            return;
        }
        let spot = Spot::at(state.selection(view.text).head);
        let caret =
            self.caret_box(page, spot).unwrap_or_else(|| Rect::from_min_size(self.layout.rect.min, egui::Vec2::ZERO));
        let to_global = ui.ctx().layer_transform_to_global(ui.layer_id()).unwrap_or_default();
        ui.output_mut(|output| {
            output.ime = Some(IMEOutput {
                purpose: IMEPurpose::Normal,
                rect: to_global * self.layout.rect,
                cursor_rect: to_global * caret,
                should_interrupt_composition: false,
            });
        });
    }

    /// Offers what is selected to a middle click elsewhere, once the selection stands.
    fn publish_primary(&self, ui: &Ui, view: PageView<'_>, state: &EditorState) {
        let selection = state.selection(view.text);
        let mut memory = self.memory(ui);
        if memory.reported == Some(selection) || ui.input(|input| input.pointer.any_down()) {
            return;
        }
        memory.reported = Some(selection);
        self.remember(ui, memory);
        let range = selection.range();
        if !range.is_empty() && range.len() <= PRIMARY_CHARS_MAX {
            ui.send_cmd(OutputCommand::TextSelectionSettled(view.text.slice(range)));
        }
    }
}

/// Says something politely, without showing it: a screen reader speaks it in a pause, when it has changed.
pub fn announce(ui: &mut Ui, words: &str) {
    let room = Rect::from_min_size(ui.max_rect().min, egui::Vec2::ZERO);
    let builder = UiBuilder::new().id_salt("announcement").max_rect(room).accessibility_role(Role::Status);
    let id = ui.new_child(builder).unique_id();
    ui.ctx().accesskit_node_builder(id, |node| {
        node.set_live(accesskit::Live::Polite);
        node.set_label(words);
    });
}

fn position(runs: &[Run], at: usize) -> Option<TextPosition> {
    let run =
        runs.iter().find(|run| run.chars.contains(&at)).or_else(|| runs.last().filter(|run| run.chars.end == at))?;
    Some(TextPosition { node: run.node, character_index: at - run.chars.start })
}

/// The char at a place in a run that was told.
pub(super) fn char_at(runs: &[Run], position: TextPosition) -> Option<usize> {
    let run = runs.iter().find(|run| run.node == position.node)?;
    Some(run.chars.start + position.character_index.min(run.chars.len()))
}

fn fill_run(node: &mut accesskit::Node, glyphs: &[(char, f32, f32)], bounds: Rect) {
    let value: String = glyphs.iter().map(|(char, ..)| *char).collect();
    let start = glyphs.first().map_or(0.0, |(_, x, _)| *x);
    node.set_role(Role::TextRun);
    node.set_text_direction(TextDirection::LeftToRight);
    node.set_bounds(accesskit::Rect {
        x0: f64::from(bounds.min.x),
        y0: f64::from(bounds.min.y),
        x1: f64::from(bounds.max.x),
        y1: f64::from(bounds.max.y),
    });
    node.set_character_lengths(glyphs.iter().map(|(char, ..)| char.len_utf8() as u8).collect::<Vec<u8>>());
    node.set_character_positions(glyphs.iter().map(|(_, x, _)| x - start).collect::<Vec<f32>>());
    node.set_character_widths(glyphs.iter().map(|(.., width)| *width).collect::<Vec<f32>>());
    node.set_word_starts(word_starts(&value));
    node.set_value(value);
}

/// The characters at which words begin, besides the first.
fn word_starts(value: &str) -> Vec<u8> {
    let mut starts = Vec::new();
    let mut at = 0;
    for part in value.split_word_bounds() {
        if at > 0 && part.chars().next().is_some_and(char::is_alphanumeric) {
            starts.push(at as u8);
        }
        at += part.chars().count();
    }
    starts
}
