//! What the user does, as commands in order.

use egui::accesskit::{self, ActionData, ActionRequest};
use egui::{Event, EventFilter, ImeEvent, PointerButton, Pos2, Ui, ViewportCommand};
use quire_crdt::Text;

use super::TextArea;
use super::accessible::char_at;
use crate::editor::command::{Action, Command, Group, Unit, entry};
use crate::editor::motion::{Page, Spot};
use crate::editor::state::EditorState;
use crate::view::keys;

/// Presses so near in time and place are one double or triple click.
const CLICK_SECONDS: f64 = 0.4;
const CLICK_POINTS: f32 = 5.0;

/// How fast the text scrolls while a drag is held outside, for each point outside, in points a second.
const DRAG_SCROLL_SPEED: f32 = 12.0;

/// A press of the first button.
#[derive(Clone, Copy, Debug)]
pub(super) struct Press {
    time: f64,
    pos: Pos2,
    count: u32,
}

impl Press {
    /// A press at this time and place, after another.
    fn after(last: Option<Self>, time: f64, pos: Pos2) -> Self {
        let goes_on = |last: &Self| time - last.time < CLICK_SECONDS && last.pos.distance(pos) < CLICK_POINTS;
        let count = last.filter(goes_on).map_or(1, |last| last.count % 3 + 1);
        Self { time, pos, count }
    }

    const fn unit(&self) -> Unit {
        match self.count {
            1 => Unit::Grapheme,
            2 => Unit::Word,
            _ => Unit::Line,
        }
    }
}

impl TextArea {
    pub(super) fn read_input(&mut self, ui: &Ui, text: &Text, state: &EditorState) {
        let page = Page { text, segments: state.segments() };
        let top = self.top(page, state.scroll());
        self.read_pointer(ui, page, state, top);
        if !self.response.has_focus() {
            if state.preedit().is_some() {
                self.commands.push(Command::Preedit { text: String::new(), active: None });
            }
            return;
        }
        let filter = EventFilter { tab: true, horizontal_arrows: true, vertical_arrows: true, escape: true };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(self.response.id, filter));
        let mac = keys::is_mac(ui.ctx());
        for event in ui.input(|input| input.filtered_events(&filter)) {
            self.read_event(ui, event, mac, text, state);
        }
    }

    fn read_event(&mut self, ui: &Ui, event: Event, mac: bool, text: &Text, state: &EditorState) {
        let command = match event {
            Event::Copy => Command::Do(Action::Copy),
            Event::Cut => Command::Do(Action::Cut),
            Event::Paste(text) => Command::Paste(text),
            Event::Text(text) if !matches!(text.as_str(), "" | "\n" | "\r") => Command::Insert(text),
            Event::Key { key, pressed: true, modifiers, .. } => match keys::action_for(key, modifiers, mac) {
                Some(Action::Paste) => {
                    ui.send_viewport_cmd(ViewportCommand::RequestPaste);
                    return;
                }
                Some(action) if is_mine(action) => Command::Do(action),
                _ => return,
            },
            Event::Ime(event) => match compose(event, state) {
                Some(command) => command,
                None => return,
            },
            Event::AccessKitActionRequest(request) => {
                let wanted = self.assist(ui, request, text);
                self.commands.extend(wanted);
                return;
            }
            _ => return,
        };
        self.commands.push(command);
    }

    /// What a screen reader, or other assistance, asks for.
    fn assist(&self, ui: &Ui, request: ActionRequest, text: &Text) -> Vec<Command> {
        if request.target_node != self.response.id.accesskit_id() || request.target_tree != accesskit::TreeId::ROOT {
            return Vec::new();
        }
        match (request.action, request.data) {
            (accesskit::Action::ReplaceSelectedText, Some(ActionData::Value(value))) => {
                vec![Command::Paste(value.to_string())]
            }
            (accesskit::Action::SetValue, Some(ActionData::Value(value))) => {
                vec![Command::Replace { range: 0..text.len_chars(), text: value.to_string() }]
            }
            (accesskit::Action::SetTextSelection, Some(ActionData::SetTextSelection(wanted))) => {
                let runs = self.memory(ui).runs;
                let Some(tail) = char_at(&runs, wanted.anchor) else { return Vec::new() };
                let Some(head) = char_at(&runs, wanted.focus) else { return Vec::new() };
                let (unit, upstream) = (Unit::Grapheme, false);
                vec![Command::Place { at: tail, unit, upstream }, Command::Extend { at: head, unit, upstream }]
            }
            (accesskit::Action::ScrollDown, _) => vec![Command::Scroll { by: 100.0 }],
            (accesskit::Action::ScrollUp, _) => vec![Command::Scroll { by: -100.0 }],
            _ => Vec::new(),
        }
    }

    fn read_pointer(&mut self, ui: &Ui, page: Page<'_>, state: &EditorState, top: f64) {
        if self.response.hovered() {
            ui.set_cursor_icon(egui::CursorIcon::Text);
        }
        let mut memory = self.memory(ui);
        for event in ui.input(|input| input.events.clone()) {
            match event {
                Event::PointerButton { pos, button: PointerButton::Primary, pressed: true, modifiers }
                    if self.response.contains_pointer() && self.response.rect.contains(pos) =>
                {
                    self.response.request_focus();
                    let press = Press::after(memory.press, ui.input(|input| input.time), pos);
                    memory.press = Some(press);
                    let spot = self.under(page, state, top, pos);
                    let (at, unit, upstream) = (spot.at, press.unit(), spot.upstream);
                    self.commands.push(if modifiers.shift {
                        Command::Extend { at, unit, upstream }
                    } else if modifiers.alt {
                        Command::AddCaret { at }
                    } else {
                        Command::Place { at, unit, upstream }
                    });
                }
                Event::MiddleClickPaste { pos, text } if self.response.contains_pointer() => {
                    self.response.request_focus();
                    let spot = self.under(page, state, top, pos);
                    let (at, unit, upstream) = (spot.at, Unit::Grapheme, spot.upstream);
                    self.commands.extend([Command::Place { at, unit, upstream }, Command::Paste(text)]);
                }
                _ => {}
            }
        }
        if self.response.dragged_by(PointerButton::Primary)
            && let (Some(press), Some(pos)) = (memory.press, self.response.interact_pointer_pos())
        {
            self.drag(ui, page, state, top, press, pos);
        }
        self.remember(ui, memory);
    }

    fn drag(&mut self, ui: &Ui, page: Page<'_>, state: &EditorState, top: f64, press: Press, pos: Pos2) {
        let rect = self.layout.rect;
        let outside = (pos.y - rect.bottom()).max(0.0) + (pos.y - rect.top()).min(0.0);
        let aside = self.outside_to_a_side(pos);
        if outside != 0.0 {
            let by = outside * DRAG_SCROLL_SPEED * ui.input(|input| input.stable_dt.min(0.1));
            self.commands.push(Command::Scroll { by: f64::from(by) });
            ui.request_repaint();
        }
        let moved = ui.input(|input| input.pointer.delta()) != egui::Vec2::ZERO;
        let is_away = press.pos.distance(pos) > 2.0;
        let alt = ui.input(|input| input.modifiers.alt);
        if (moved || outside != 0.0 || aside != 0.0) && is_away && !alt {
            let spot = self.under(page, state, top, pos.clamp(rect.min, rect.max - egui::vec2(0.0, 1.0)));
            self.commands.push(Command::Extend { at: spot.at, unit: press.unit(), upstream: spot.upstream });
        }
    }

    /// How far a point is beyond the left (below 0) or the right of the text, where that can be scrolled to.
    fn outside_to_a_side(&self, pos: Pos2) -> f32 {
        if self.layout.face.wrap_width.is_finite() {
            return 0.0;
        }
        let (left, right) = (self.layout.left, self.layout.left + self.layout.column_width);
        (pos.x - right).max(0.0) + (pos.x - left).min(0.0)
    }

    /// How far a drag that is held beyond a side scrolls in this frame, in points.
    pub(super) fn drag_aside(&self, ui: &Ui) -> f32 {
        let pos = self.response.interact_pointer_pos().filter(|_| self.response.dragged_by(PointerButton::Primary));
        let aside = pos.map_or(0.0, |pos| self.outside_to_a_side(pos));
        if aside != 0.0 {
            ui.request_repaint();
        }
        aside * DRAG_SCROLL_SPEED * ui.input(|input| input.stable_dt.min(0.1))
    }

    /// The place in the text under a point of the screen.
    fn under(&self, page: Page<'_>, state: &EditorState, top: f64, pos: Pos2) -> Spot {
        let x = pos.x - self.layout.left + state.scroll().left;
        self.layout.at(page, x, top + f64::from(pos.y - self.layout.rect.top()))
    }
}

/// Whether an action's keys are read by the text area; the others are the window's.
fn is_mine(action: Action) -> bool {
    entry(action).is_some_and(|entry| matches!(entry.group, Group::Edit | Group::Move))
}

fn compose(event: ImeEvent, state: &EditorState) -> Option<Command> {
    let is_composing = state.preedit().is_some();
    match event {
        ImeEvent::Preedit { text, .. } if text.is_empty() && !is_composing => None,
        ImeEvent::Preedit { text, active_range_chars } => Some(Command::Preedit { text, active: active_range_chars }),
        ImeEvent::Commit(text) if text.is_empty() => {
            is_composing.then(|| Command::Preedit { text: String::new(), active: None })
        }
        ImeEvent::Commit(text) => Some(Command::Insert(text)),
        ImeEvent::DeleteSurrounding { before_chars, after_chars } => {
            Some(Command::DeleteAround { before: before_chars, after: after_chars })
        }
        _ => None,
    }
}
