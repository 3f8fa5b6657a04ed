//! The open document in the middle of the window: the text area, its state, and what others see of it.

mod past;

use bytes::Bytes;
use egui::{Id, Ui};
use quire_crdt::{Anchor, Bias, DocumentId, Patch, Succession, Text};

use self::past::{Shown, Written};
use super::buffer::SessionBuffer;
use super::nearby::Nearby;
use crate::editor::buffer::Buffer as _;
use crate::editor::command::{Action, Command};
use crate::editor::dialog::{FindDraft, FindView};
use crate::editor::find::{MATCHES_MAX, Query, QueryError};
use crate::editor::history::{History, Past};
use crate::editor::presence::Presence;
use crate::editor::selection::Selection;
use crate::editor::settings::{FontChoice, Settings};
use crate::editor::state::{EditorState, Look, Outcome};
use crate::session::{Notice, Session};
use crate::view::text_area::{Guest, PageView, TextArea, Tints, announce};
use crate::view::theme;

/// How many characters a frame reads for a search.
const FIND_CHARS_PER_FRAME: usize = 400_000;

/// How many characters a frame reads to count words.
const COUNT_CHARS_PER_FRAME: usize = 400_000;

/// For how many frames the text asks for the keyboard: a dialog that closes keeps it from what is behind for a frame more.
const FOCUS_FRAMES: u8 = 3;

/// The open document.
pub(super) struct Pane {
    id: Option<DocumentId>,
    state: EditorState,
    look: Look,
    bracket_pairs: bool,
    /// What is to be done in the next frame, which knows where the lines are.
    waiting: Vec<Command>,
    /// For how many more frames the text asks for the keyboard.
    focus_frames: u8,
    find_error: Option<String>,
    /// What was selected when only that was to be searched.
    searched: Option<(Anchor, Anchor)>,
    /// What others were told last.
    told: Bytes,
    /// The history, while it is shown.
    shown: Shown,
    /// Who writes near the caret.
    nearby: Nearby,
}

impl Pane {
    /// Nothing is open.
    pub(super) fn new() -> Self {
        Self {
            id: None,
            state: EditorState::new(&Text::new()),
            look: Look::default(),
            bracket_pairs: false,
            waiting: Vec::new(),
            focus_frames: 0,
            find_error: None,
            searched: None,
            told: Bytes::new(),
            shown: Shown::default(),
            nearby: Nearby::default(),
        }
    }

    /// Shows this open document from its start.
    pub(super) fn open(&mut self, session: &Session, id: DocumentId) {
        let Some(document) = session.document(id) else { return };
        self.state = EditorState::new(document.text());
        self.state.set_look(self.look);
        self.state.pair_brackets(self.bracket_pairs);
        self.id = Some(id);
        self.waiting.clear();
        self.take_focus();
        self.told = Bytes::new();
        self.searched = None;
        self.look_back_anew(session);
    }

    /// Ids of units are others, and the text is the same: carets and what else is marked stay where they are.
    pub(super) fn succeed(&mut self, session: &Session, document: DocumentId, succession: Succession) {
        if self.id == Some(document) {
            self.state.succeed(succession);
            self.searched = self.searched.map(|(start, end)| (succession.anchor(start), succession.anchor(end)));
            self.told = Bytes::new();
            self.look_back_anew(session);
        }
    }

    /// Shows nothing any more; others see this person leave.
    pub(super) fn close(&mut self, session: &mut Session) {
        if let Some(id) = self.id.take()
            && let Err(error) = session.set_presence(id, None)
        {
            tracing::debug!(%error, "nobody could be told");
        }
        self.look_back_anew(session);
    }

    /// Takes in whether others write near the caret.
    pub(super) fn hear_of(&mut self, session: &Session, patches: &[Patch]) {
        if let Some((id, document)) = self.id.and_then(|id| Some((id, session.document(id)?))) {
            let (caret, own) = (self.state.selection(document.text()).head, document.replica());
            let name = |author| session.device_name(id, author);
            self.nearby.note(session.now().monotonic_us, caret, own, patches, name);
        }
    }

    /// When something changes by time alone, on the monotonic clock in microseconds.
    pub(super) fn next_timer_us(&self) -> Option<u64> {
        self.nearby.next_timer_us()
    }

    /// The letters, wrapping and numbers of the settings, at this zoom.
    pub(super) fn set_look(&mut self, settings: &Settings, zoom_percent: u32) {
        let percent = f32::from(u16::try_from(zoom_percent).unwrap_or(100)) / 100.0;
        self.look = Look {
            zoom: settings.font_size / theme::size::TEXT * percent,
            wrap: settings.wrap,
            column_chars: settings.column_chars,
            line_numbers: settings.line_numbers,
            monospace: settings.font == FontChoice::Monospace,
        };
        self.state.set_look(self.look);
        self.bracket_pairs = settings.bracket_pairs;
        self.state.pair_brackets(self.bracket_pairs);
        if let Some(past) = self.shown.history.as_mut().and_then(History::past_mut) {
            past.page().1.set_look(self.look);
        }
        self.forget_names();
    }

    /// Gives the text area the keyboard in the next frame.
    pub(super) const fn take_focus(&mut self) {
        self.focus_frames = FOCUS_FRAMES;
    }

    /// Leaves the keyboard to something else after all.
    pub(super) const fn leave_focus(&mut self) {
        self.focus_frames = 0;
    }

    /// Does this in the next frame.
    pub(super) fn command(&mut self, command: Command) {
        self.waiting.push(command);
    }

    /// Puts the caret of an open document there, as a script wants it.
    pub(super) fn place_caret(&mut self, session: &Session, id: DocumentId, caret: Anchor) {
        if let Some(document) = session.document(id).filter(|_| self.id == Some(id)) {
            let text = document.text();
            let at = text.position(caret).unwrap_or_else(|| text.len_chars());
            self.state.select(text, Selection::caret(at));
        }
    }

    /// Follows what changed; everything that happened goes to the end of `happened`.
    pub(super) fn sync(&mut self, session: &mut Session, happened: &mut Vec<Notice>) {
        let Some(id) = self.id.filter(|id| session.document(*id).is_some()) else {
            happened.append(&mut session.pump());
            return;
        };
        let patches = self.state.sync(&mut SessionBuffer::new(session, id, happened));
        self.follow_history(session);
        if patches.is_empty() {
            return;
        }
        self.hear_of(session, &patches);
    }

    /// The text that is shown, and its carets.
    fn page<'a>(&'a self, session: &'a Session) -> Option<(&'a Text, &'a EditorState)> {
        let document = self.id.and_then(|id| session.document(id))?;
        let past = self.shown.history.as_ref().and_then(History::past);
        Some(past.map_or((document.text(), &self.state), |past| (past.text(), past.state())))
    }

    /// Shows the text, and does in it what the user wants; `covered`: something in front of it has the keyboard.
    pub(super) fn show(&mut self, ui: &mut Ui, session: &mut Session, happened: &mut Vec<Notice>, covered: bool) {
        if self.is_past() {
            self.show_past(ui, session, covered);
            return;
        }
        let Some((id, document)) = self.id.and_then(|id| Some((id, session.document(id)?))) else { return };
        let mut area = TextArea::begin(ui, Id::unique("text area"), document.text(), &mut self.state);
        if !covered && self.focus_frames > 0 {
            self.focus_frames -= 1;
            area.response().request_focus();
            ui.ctx().request_repaint();
        }
        let mut commands = std::mem::take(&mut self.waiting);
        commands.append(&mut area.commands);
        self.perform(ui, session, happened, id, &mut area, &commands);
        self.read_on(ui, session, id);
        let guests = guests(session, id);
        let label = session.title(id);
        if let Some(document) = session.document(id) {
            let text = document.text();
            let written = Written::of(document, &self.shown);
            let tints: &dyn Tints = written.as_ref().map_or(&(), |written| written);
            let placeholder = "Write here";
            let page = PageView { text, guests: &guests, label: &label, placeholder, tints, read_only: false };
            area.show(ui, page, &mut self.state);
        }
        announce(ui, self.nearby.words(session.now().monotonic_us));
        self.tell_others(session, id);
    }

    fn perform(
        &mut self,
        ui: &Ui,
        session: &mut Session,
        happened: &mut Vec<Notice>,
        id: DocumentId,
        area: &mut TextArea,
        commands: &[Command],
    ) {
        if commands.is_empty() {
            return;
        }
        let known = happened.len();
        let mut buffer = SessionBuffer::new(session, id, happened);
        for command in commands {
            match self.state.perform(command, &mut buffer, area.rows()) {
                Ok(Outcome::Copied(text)) if !text.is_empty() => ui.ctx().copy_text(text),
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "an edit was refused"),
            }
        }
        buffer.commit();
        self.state.sync(&mut buffer);
        if happened.len() == known {
            ui.ctx().request_repaint();
        }
    }

    /// Reads the text on for what goes through all of it: the search, and the count of words.
    fn read_on(&mut self, ui: &Ui, session: &Session, id: DocumentId) {
        let Some(text) = session.document(id).map(quire_crdt::Document::text) else { return };
        let words = self.state.words();
        let found = self.state.read_for_find(text, FIND_CHARS_PER_FRAME);
        let counted = self.state.count_words(text, COUNT_CHARS_PER_FRAME);
        if !counted || !found || self.state.words() != words {
            ui.ctx().request_repaint();
        }
    }

    fn tell_others(&mut self, session: &mut Session, id: DocumentId) {
        let Some(document) = session.document(id) else { return };
        let settings = session.settings();
        let presence = self.state.presence(document.text(), &settings.name, &settings.device, settings.colour);
        let payload = Bytes::from(presence.encode());
        if payload != self.told {
            self.told = payload.clone();
            if let Err(error) = session.set_presence(id, Some(payload)) {
                tracing::debug!(%error, "nobody could be told");
            }
        }
    }

    /// Looks for what the find bar says in the text that is shown, and selects the first match behind the caret.
    pub(super) fn find(&mut self, session: &Session, draft: Option<&FindDraft>) {
        let Some(document) = self.id.and_then(|id| session.document(id)) else { return };
        let selected = self.page(session).and_then(|(text, state)| selected(text, state));
        let past = self.shown.history.as_mut().and_then(History::past_mut).map(Past::page);
        let (text, state) =
            past.map_or((document.text(), &mut self.state), |(buffer, state, _)| (buffer.text(), state));
        self.searched = draft.filter(|draft| draft.within).and(self.searched.or(selected));
        let query = draft.map(|draft| Query {
            pattern: draft.query.clone(),
            match_case: draft.case,
            whole_word: draft.word,
            regex: draft.regex,
            within: self.searched,
        });
        let known = state.find().map(|find| find.query().clone());
        let is_new = query.is_some() && known != query;
        let set = state.set_query(text, query);
        self.find_error = match set {
            Err(QueryError::Pattern { message }) => Some(message),
            Ok(()) | Err(QueryError::Empty) => None,
        };
        if is_new && state.find().is_some() {
            self.command(Command::Do(Action::FindNext));
        }
    }

    /// Whether only what was selected is searched.
    pub(super) const fn searches_selection(&self) -> bool {
        self.searched.is_some()
    }

    /// The find bar with this in it.
    pub(super) fn find_view(&self, session: &Session, draft: &FindDraft, focus: u64) -> FindView {
        let page = self.page(session);
        let selection = page.map(|(text, state)| state.selection(text).range());
        let find = page.and_then(|(_, state)| state.find());
        FindView {
            draft: draft.clone(),
            count: find.map_or(0, |find| find.matches().len()),
            at_least: find.is_some_and(|find| !find.is_complete() || find.matches().len() >= MATCHES_MAX),
            current: selection.zip(find).and_then(|(range, find)| find.number_of(&range)).map(|at| at + 1),
            error: self.find_error.clone(),
            focus,
        }
    }

    /// Replaces the selected match and goes to the next; whether the document took it.
    pub(super) fn replace_one(
        &mut self,
        session: &mut Session,
        happened: &mut Vec<Notice>,
        by: &str,
    ) -> Result<(), String> {
        let Some(id) = self.id else { return Ok(()) };
        let mut buffer = SessionBuffer::new(session, id, happened);
        let replaced = self.state.replace_match(&mut buffer, by).map_err(|error| error.to_string());
        self.finish(&mut buffer);
        replaced
    }

    /// Replaces every match; how many.
    pub(super) fn replace_all(
        &mut self,
        session: &mut Session,
        happened: &mut Vec<Notice>,
        by: &str,
    ) -> Result<usize, String> {
        let Some(id) = self.id else { return Ok(0) };
        let mut buffer = SessionBuffer::new(session, id, happened);
        let replaced = self.state.replace_all(&mut buffer, by).map_err(|error| error.to_string());
        self.finish(&mut buffer);
        replaced
    }

    fn finish(&mut self, buffer: &mut SessionBuffer<'_>) {
        buffer.end_undo_group();
        buffer.commit();
        self.state.sync(buffer);
    }

    /// What is selected, if it is within one line.
    pub(super) fn selected_line(&self, session: &Session) -> Option<String> {
        let (text, state) = self.page(session)?;
        let range = state.selection(text).range();
        let selected = text.slice(range.start..range.end.min(range.start + 1_000));
        (!selected.is_empty() && !selected.contains('\n')).then_some(selected)
    }

    /// Line and column of the caret from 1, and how many characters are selected.
    pub(super) fn caret(&self, session: &Session) -> Option<((usize, usize), u64)> {
        let (text, state) = self.page(session)?;
        let (line, column) = state.line_and_column(text);
        Some(((line + 1, column + 1), state.selection(text).range().len() as u64))
    }

    /// How many words the text has, as far as it is counted; `None` while it is counted for the first time.
    pub(super) fn words(&self, session: &Session) -> Option<u64> {
        self.page(session).and_then(|(_, state)| state.words())
    }
}

/// What is selected, if anything is.
fn selected(text: &Text, state: &EditorState) -> Option<(Anchor, Anchor)> {
    let range = state.selection(text).range();
    (!range.is_empty()).then(|| (text.anchor(range.start, Bias::Left), text.anchor(range.end, Bias::Right)))
}

/// Others in the document, with their carets.
fn guests(session: &Session, id: DocumentId) -> Vec<Guest> {
    let guest = |(replica, bytes): (quire_crdt::ReplicaId, Bytes)| {
        let presence = Presence::decode(&bytes).ok()?;
        let name = if presence.person.trim().is_empty() { session.device_name(id, replica) } else { presence.person };
        Some(Guest { replica, name, colour: presence.colour, caret: presence.caret, tail: presence.tail })
    };
    session.presences(id).into_iter().filter_map(guest).collect()
}
