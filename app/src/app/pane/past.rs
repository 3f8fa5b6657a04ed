//! The history of the open document: what was, in the place of the text of now.

use std::collections::BTreeMap;
use std::ops::Range;

use egui::{Event, Id, Ui};
use quire_crdt::{Document, ReplicaId};

use super::{COUNT_CHARS_PER_FRAME, FIND_CHARS_PER_FRAME, Pane};
use crate::app::buffer::SessionBuffer;
use crate::app::entries::authors;
use crate::editor::buffer::Buffer as _;
use crate::editor::command::{Action, Command, Travel};
use crate::editor::history::{
    Author, History, HistoryRequest, HistoryView, Mark, NamedVersion, Trait, VERSION_KEY_PREFIX, by_authors,
};
use crate::editor::selection::Selection;
use crate::editor::state::Outcome;
use crate::session::{Notice, Session, SessionError};
use crate::view::text_area::{PageView, TextArea, Tint, TintKind, Tints};

/// The history as it is shown, and how its authors are called.
#[expect(clippy::struct_excessive_bools, reason = "each waits for the next frame by itself")]
#[derive(Debug, Default)]
pub(super) struct Shown {
    /// Whether the panel is to be shown for whatever document is open.
    is_wanted: bool,
    pub(super) history: Option<History>,
    names: BTreeMap<ReplicaId, Author>,
    /// Whether they have to be asked for again.
    names_stale: bool,
    /// Whether versions may have other names than before.
    versions_stale: bool,
    /// Whether somebody tried to write into what was.
    was_refused: bool,
}

impl Pane {
    /// Whether the history panel is to be shown.
    pub(in crate::app) const fn shows_history(&self) -> bool {
        self.shown.is_wanted
    }

    /// Whether the text is shown as it was.
    pub(in crate::app) fn is_past(&self) -> bool {
        self.shown.history.as_ref().is_some_and(|history| history.past().is_some())
    }

    /// Shows the history panel, or hides it: then the text is that of now.
    pub(in crate::app) fn show_history(&mut self, session: &Session, shows: bool) {
        self.shown.is_wanted = shows;
        self.look_back_anew(session);
    }

    /// Begins at now.
    pub(super) fn look_back_anew(&mut self, session: &Session) {
        let document = self.id.and_then(|id| session.document(id)).filter(|_| self.shown.is_wanted);
        self.shown.history = document.map(History::new);
        self.shown.names_stale = true;
    }

    /// Takes in that a key of the map was written: people, devices or versions may be called otherwise.
    pub(in crate::app) fn hear_of_key(&mut self, key: &str) {
        self.shown.versions_stale |= key.starts_with(VERSION_KEY_PREFIX);
        self.shown.names_stale = true;
    }

    /// Takes in that people or devices may be called otherwise.
    pub(in crate::app) const fn forget_names(&mut self) {
        self.shown.names_stale = true;
    }

    /// Whether somebody tried to write into what was, since this was asked last.
    pub(in crate::app) const fn take_refusal(&mut self) -> bool {
        std::mem::replace(&mut self.shown.was_refused, false)
    }

    /// Takes a step through the history, which is shown for it.
    pub(in crate::app) fn travel(&mut self, session: &Session, travel: Travel) {
        if !self.shown.is_wanted {
            self.show_history(session, true);
        }
        self.look_back(session, |history, document, state| {
            history.travel(document, state, travel);
        });
    }

    /// Does what the panel asks for that changes nothing but what is shown, at this moment.
    pub(in crate::app) fn ask_history(&mut self, session: &Session, request: HistoryRequest, now_us: u64) {
        self.look_back(session, |history, document, state| match request {
            HistoryRequest::GoTo(shown) => {
                history.go_to(document, state, shown);
            }
            HistoryRequest::GoToNamed(named) => history.go_to_named(document, state, named),
            HistoryRequest::ShowAuthors(shows) => history.show_authors(document, state, shows),
            HistoryRequest::Compare(compares) => history.compare(document, state, compares),
            HistoryRequest::CompareFrom(changes) => history.compare_from(document, state, changes),
            HistoryRequest::CompareFromNamed(named) => history.compare_from_named(document, state, named),
            HistoryRequest::NextSpeed => history.next_speed(now_us),
            HistoryRequest::Rename(_) | HistoryRequest::RemoveName(_) | HistoryRequest::PutBackName => {}
        });
    }

    /// Marks what differs from now, or does not, or keeps what is shown to compare others with it; or plays or pauses.
    pub(in crate::app) fn act_in_history(&mut self, session: &Session, action: Action, now_us: u64) {
        if !self.shown.is_wanted {
            self.show_history(session, true);
        }
        self.look_back(session, |history, document, state| match action {
            Action::PlayHistory => history.play_or_pause(document, state, now_us),
            Action::CompareFromHere => history.compare_from(document, state, history.timeline().shown()),
            _ => history.compare(document, state, !history.compares()),
        });
    }

    /// Shows what is due while the history is played; after how many microseconds more is.
    pub(in crate::app) fn play_on(&mut self, session: &Session, now_us: u64) -> Option<u64> {
        let document = self.id.and_then(|id| session.document(id))?;
        self.shown.history.as_mut()?.play_on(document, &self.state, now_us)
    }

    /// The history, while it is shown.
    pub(in crate::app) const fn history(&self) -> Option<&History> {
        self.shown.history.as_ref()
    }

    /// Remembers which version lost its name last.
    pub(in crate::app) fn remember_removed(&mut self, removed: Option<NamedVersion>) {
        if let Some(history) = &mut self.shown.history {
            history.remember_removed(removed);
        }
    }

    /// Takes in what was written since the last frame.
    pub(in crate::app) fn follow_history(&mut self, session: &Session) {
        let are_names_stale = std::mem::take(&mut self.shown.versions_stale);
        self.look_back(session, |history, document, state| history.follow(document, state, are_names_stale));
    }

    fn look_back(
        &mut self,
        session: &Session,
        look: impl FnOnce(&mut History, &Document, &crate::editor::state::EditorState),
    ) {
        let document = self.id.and_then(|id| session.document(id));
        if let (Some(history), Some(document)) = (&mut self.shown.history, document) {
            look(history, document, &self.state);
        }
    }

    /// The panel, if it is shown.
    pub(in crate::app) fn history_view(&mut self, session: &Session) -> Option<HistoryView> {
        let (id, shown) = (self.id?, &mut self.shown);
        let history = shown.history.as_ref()?;
        let replicas = history.timeline().authors();
        if std::mem::take(&mut shown.names_stale) || replicas.len() != shown.names.len() {
            shown.names = authors(session, id, replicas.iter().map(|(replica, _)| *replica));
        }
        Some(HistoryView::new(history, |replica| shown.names.get(&replica).cloned().unwrap_or_default()))
    }

    /// Makes the text what it was, as a new edit; whether that changed anything.
    pub(in crate::app) fn restore_version(
        &mut self,
        session: &mut Session,
        happened: &mut Vec<Notice>,
    ) -> Result<bool, SessionError> {
        let Some((id, history)) = self.id.zip(self.shown.history.as_ref()) else { return Ok(false) };
        let Some(document) = session.document(id) else { return Ok(false) };
        let (version, len) = (history.version(document), document.text().len_chars());
        session.restore(id, 0..len, &version)?;
        let mut buffer = SessionBuffer::new(session, id, happened);
        Ok(self.end_restoring(&mut buffer))
    }

    /// Makes what is selected in the text that was what it was, as a new edit; whether that changed anything.
    pub(in crate::app) fn restore_selection(
        &mut self,
        session: &mut Session,
        happened: &mut Vec<Notice>,
    ) -> Result<bool, String> {
        let Some((id, history)) = self.id.zip(self.shown.history.as_ref()) else { return Ok(false) };
        let Some(document) = session.document(id) else { return Ok(false) };
        let edits = history.restoring(document);
        let mut buffer = SessionBuffer::new(session, id, happened);
        buffer.end_undo_group();
        for edit in edits.iter().rev() {
            buffer.replace(edit.range.clone(), &edit.text).map_err(|error| error.to_string())?;
        }
        Ok(self.end_restoring(&mut buffer))
    }

    /// Shows the text of now, at what was brought back; whether anything was.
    fn end_restoring(&mut self, buffer: &mut SessionBuffer<'_>) -> bool {
        buffer.end_undo_group();
        buffer.commit();
        let patches = self.state.sync(buffer);
        if let Some(first) = patches.last() {
            let at = first.splice.at + first.splice.inserted;
            self.state.select(buffer.text(), Selection::caret(at));
        }
        self.take_focus();
        if let Some(history) = &mut self.shown.history {
            history.end_at_now();
        }
        !patches.is_empty()
    }

    /// Shows the text as it was. It can be read, selected and searched; who writes is told that it is the past.
    pub(super) fn show_past(&mut self, ui: &mut Ui, session: &Session, covered: bool) {
        let Some(id) = self.id else { return };
        let title = session.title(id);
        let Shown { history: Some(history), names, was_refused, .. } = &mut self.shown else { return };
        let label = match (history.pin(), history.named()) {
            (Some(_), _) => format!("{title}, two versions in one"),
            (None, Some(named)) => format!("{title}, as it was at “{}”", named.name),
            (None, None) => format!("{title}, as it was after change {}", history.timeline().shown()),
        };
        let Some(past) = history.past_mut() else { return };
        let (buffer, state, marks) = past.page();
        let mut area = TextArea::begin(ui, Id::unique("text area"), buffer.text(), state);
        if !covered && self.focus_frames > 0 {
            self.focus_frames -= 1;
            area.response().request_focus();
            ui.ctx().request_repaint();
        }
        let mut commands = std::mem::take(&mut self.waiting);
        commands.append(&mut area.commands);
        *was_refused |= commands.iter().any(writes) || (!covered && types_into_nothing(ui));
        for command in commands.iter().filter(|command| command.only_reads()) {
            match state.perform(command, buffer, area.rows()) {
                Ok(Outcome::Copied(text)) if !text.is_empty() => ui.ctx().copy_text(text),
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "what only reads was refused"),
            }
            ui.ctx().request_repaint();
        }
        let found = state.read_for_find(buffer.text(), FIND_CHARS_PER_FRAME);
        if !state.count_words(buffer.text(), COUNT_CHARS_PER_FRAME) || !found || *was_refused {
            ui.ctx().request_repaint();
        }
        let tints = Marked { marks, names };
        let placeholder = "Nothing was written yet";
        let page =
            PageView { text: buffer.text(), guests: &[], label: &label, placeholder, tints: &tints, read_only: true };
        area.show(ui, page, state);
    }
}

/// Whether a command would write. The end of what an input method shows does not.
fn writes(command: &Command) -> bool {
    !command.only_reads() && !matches!(command, Command::Preedit { text, .. } if text.is_empty())
}

/// Whether somebody types while nothing takes it. A space that presses a button types nothing.
fn types_into_nothing(ui: &Ui) -> bool {
    let has_focus = ui.memory(|memory| memory.focused().is_some());
    let types = |event: &Event| match event {
        Event::Text(text) => !has_focus || text != " ",
        event => matches!(event, Event::Paste(_)),
    };
    ui.input(|input| input.events.iter().any(types)) && !ui.ctx().text_edit_focused()
}

/// Passages of a text that was.
#[derive(Debug)]
struct Marked<'a> {
    marks: &'a [Mark],
    names: &'a BTreeMap<ReplicaId, Author>,
}

impl Tints for Marked<'_> {
    fn within(&self, chars: Range<usize>) -> Vec<Tint> {
        let first = self.marks.partition_point(|mark| mark.chars.end <= chars.start);
        let marks = self.marks[first..].iter().take_while(|mark| mark.chars.start < chars.end);
        marks.map(|mark| tint(mark, self.names)).collect()
    }
}

/// Passages of the text of now, by who wrote them.
#[derive(Debug)]
pub(super) struct Written<'a> {
    document: &'a Document,
    names: &'a BTreeMap<ReplicaId, Author>,
}

impl<'a> Written<'a> {
    /// Those of a document, if its history is shown with them.
    pub(super) fn of(document: &'a Document, shown: &'a Shown) -> Option<Self> {
        let history = shown.history.as_ref()?;
        (history.shows_authors() && !history.compares()).then_some(Self { document, names: &shown.names })
    }
}

impl Tints for Written<'_> {
    fn within(&self, chars: Range<usize>) -> Vec<Tint> {
        let marks = by_authors(chars.start, &self.document.log().authors(chars));
        marks.iter().map(|mark| tint(mark, self.names)).collect()
    }
}

fn tint(mark: &Mark, names: &BTreeMap<ReplicaId, Author>) -> Tint {
    let kind = match mark.is {
        Trait::By(replica) => TintKind::Author(names.get(&replica).map_or(0, |author| author.colour)),
        Trait::Gone => TintKind::Gone,
        Trait::New => TintKind::New,
    };
    Tint { chars: mark.chars.clone(), kind }
}
