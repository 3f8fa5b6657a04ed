//! What happened outside, taken into the model.

use quire_crdt::sync::LinkState;
use quire_crdt::{DocumentId, Patch, Succession};

use super::App;
use super::confirm::sentence;
use super::entries::entry;
use super::file_dialogs::Chosen;
use super::model::Trouble;
use crate::editor::dialog::{Dialog, PathDialog, PathPurpose};
use crate::editor::library_view::{LibraryEntry, title_or_untitled};
use crate::editor::presence::Presence;
use crate::editor::returned::{added_since, added_words};
use crate::editor::secret::Secret;
use crate::session::{self, Notice, relay_words};

impl App {
    /// Lets the session go on, and takes in what came of it.
    pub(super) fn take_what_happened(&mut self, ctx: &egui::Context) {
        self.pane.sync(&mut self.session, &mut self.happened);
        for notice in std::mem::take(&mut self.happened) {
            self.take_notice(ctx, notice);
        }
        // Names of versions among what happened are shown in this frame.
        self.pane.follow_history(&self.session);
        if let Some(id) = self.model.open
            && self.session.document(id).is_none()
        {
            self.model.open = None;
        }
        self.watch_return();
    }

    fn take_notice(&mut self, ctx: &egui::Context, notice: Notice) {
        match notice {
            Notice::Patched { document, patch } => self.note_patch(document, patch),
            Notice::MapChanged { key, document } => {
                self.entries_stale = true;
                if self.model.open == Some(document) {
                    self.pane.hear_of_key(&key);
                }
            }
            // A refusal that is tried again by itself is a matter of the status bar.
            Notice::ListChanged | Notice::Refused { is_final: false, .. } => {
                self.entries_stale = true;
            }
            Notice::StatusChanged { document } => {
                self.entries_stale = true;
                self.pane.forget_names();
                self.end_refusal(document);
            }
            Notice::WriteFailed { error, .. } => {
                self.entries_stale = true;
                let text = format!(
                    "This disk refused the last write: {error}. Your words are in memory, and nothing is sent until they are \
                     on disk. Free some space, then retry."
                );
                self.model.warn_of(Trouble::Disk, text);
            }
            Notice::WriteMended { .. } => {
                self.entries_stale = true;
                if !self.session.write_failed() && self.model.unwarn(Trouble::Disk) {
                    self.say("Everything is on disk again.");
                }
            }
            Notice::Refused { document, reason, is_final: true } => {
                let title = self.shown_title(document);
                self.refused.note(document, title, reason);
                self.show_refusals();
            }
            Notice::RelayChanged { notice, .. } => {
                self.say(format!("{} Quire sends it what it lacks.", relay_words(notice)));
            }
            Notice::ReadOnly { .. } => self.tell_read_only(),
            Notice::Cloned { document } => self.tell_cloned(document),
            Notice::Succeeded { document, succession } => self.take_succession(document, succession),
            Notice::SetAside { document, words } | Notice::Diverged { document, words } => {
                self.entries_stale = true;
                let title = self.shown_title(document);
                self.warn(format!("“{title}”: {words}"));
            }
            Notice::Reported { words, .. } => self.say(words),
            Notice::Unreadable { error, .. } => self.warn(format!("A document cannot be opened: {}", sentence(&error))),
            Notice::TextRead { document, text } => self.search.take_text(document, text),
            Notice::CheckpointDamaged { damage, .. } => self.warn(format!(
                "This disk has damaged a file of the library: {damage}. Nothing of the text is missing: the checkpoint before it and \
                 the log were read. Make a copy of the library, and look after the disk."
            )),
            Notice::Show { document } => {
                if let Some(id) = document {
                    self.open(id);
                }
                ctx.send_viewport_cmd(egui::ViewportCommand::Focus);
            }
            Notice::OpenLink { link } => self.open_link_from_outside(ctx, &link),
            Notice::CaretPlaced { document, caret } => {
                self.pane.place_caret(&self.session, document, caret);
                ctx.request_repaint();
            }
            Notice::Quit => ctx.send_viewport_cmd(egui::ViewportCommand::Close),
        }
    }

    fn open_link_from_outside(&mut self, ctx: &egui::Context, link: &Secret) {
        // What somebody is just writing in a dialog stays, unless there is something to ask or to say.
        if let Some(asked) = self.open_link(link.expose().to_owned()) {
            self.model.dialog = Some(asked);
        }
        ctx.send_viewport_cmd(egui::ViewportCommand::Focus);
    }

    fn take_succession(&mut self, document: DocumentId, succession: Succession) {
        self.pane.succeed(&self.session, document, succession);
        self.say(session::SUCCEEDED_WORDS);
    }

    fn tell_read_only(&mut self) {
        self.say("You have a viewer’s link: it lets you read, and not write.");
    }

    fn tell_cloned(&mut self, document: DocumentId) {
        let title = self.shown_title(document);
        self.warn(format!("“{title}” stays offline: {}.", session::CLONED_WORDS));
    }

    fn shown_title(&self, document: DocumentId) -> String {
        title_or_untitled(&self.session.title(document)).to_owned()
    }

    /// A document whose link lives, or that is gone, is not refused.
    fn end_refusal(&mut self, document: DocumentId) {
        let ended = self.session.status(document).is_none_or(|status| status.link == LinkState::Live);
        if ended && self.refused.forget(document) {
            self.show_refusals();
        }
    }

    fn show_refusals(&mut self) {
        match self.refused.words() {
            Some(words) => self.model.warn_of(Trouble::Refused, words),
            None => drop(self.model.unwarn(Trouble::Refused)),
        }
    }

    fn note_patch(&mut self, document: DocumentId, patch: Patch) {
        self.entries_stale = true;
        self.search.forget(document);
        let own = self.session.document(document).map(quire_crdt::Document::replica);
        if own != Some(patch.author) && self.model.open != Some(document) && !self.session.is_arriving(document) {
            self.unread.insert(document);
        }
    }

    /// Remembers what the open document had when its link went away, and says what came when it is back.
    fn watch_return(&mut self) {
        let Some(id) = self.model.open else { return };
        let Some(status) = self.session.status(id).filter(|status| status.relay.is_some()) else { return };
        let Some(document) = self.session.document(id) else { return };
        if status.link != LinkState::Live {
            let version = document.version();
            // A document that has nothing yet is being opened by its link: everything in it is new, and none of it is news.
            if !version.is_empty() {
                self.away.entry(id).or_insert_with(|| version.clone());
            }
            return;
        }
        let Some(before) = self.away.remove(&id) else { return };
        let now_us = self.session.now().monotonic_us;
        for added in added_since(document, &before) {
            let text = added_words(&self.name_of(id, added.author), &added);
            self.model.say_of_place(now_us, text, id, added.at);
        }
    }

    /// The person who writes as this replica, or their device.
    fn name_of(&self, id: DocumentId, replica: quire_crdt::ReplicaId) -> String {
        let presences = self.session.presences(id);
        let shown =
            presences.iter().find(|(shown, _)| *shown == replica).and_then(|(_, bytes)| Presence::decode(bytes).ok());
        let name = shown.map(|shown| shown.person).filter(|name| !name.trim().is_empty());
        name.unwrap_or_else(|| self.session.device_name(id, replica))
    }

    /// Takes in what was chosen in file dialogs.
    pub(super) fn take_chosen_files(&mut self) {
        while let Some(chosen) = self.files.take() {
            match chosen {
                Chosen::Nothing => {}
                Chosen::Link(found) => self.take_picture(found),
                Chosen::Paths(PathPurpose::Picture, paths) => {
                    if let Some(path) = paths.first() {
                        self.files.read_picture(path);
                    }
                }
                Chosen::NoDialog(purpose) => {
                    self.model.dialog = Some(Dialog::Path(PathDialog { purpose, path: String::new(), error: None }));
                }
                Chosen::Paths(PathPurpose::Import, paths) => {
                    if let Some(dialog) = self.import_all(&paths, false) {
                        self.model.dialog = Some(dialog);
                    }
                }
                Chosen::Paths(PathPurpose::Export(id), paths) => {
                    for error in paths.iter().filter_map(|path| self.export(id, path).err()).collect::<Vec<_>>() {
                        self.warn(error);
                    }
                }
            }
        }
    }

    /// Looks into one more document for what the library searches.
    pub(super) fn look_further(&mut self, ctx: &egui::Context) {
        let documents: Vec<_> = self.entries.iter().map(|entry| (entry.id, entry.edited_us)).collect();
        if self.search.step(&mut self.session, &documents) {
            ctx.request_repaint();
        }
    }

    /// The library as it is now, listed again if something changed.
    pub(super) fn listed(&mut self, now_us: i64) -> Vec<LibraryEntry> {
        if std::mem::take(&mut self.entries_stale) {
            let list = self.session.list();
            let entries =
                list.iter().map(|summary| entry(&self.session, summary, self.unread.contains(&summary.id), now_us));
            self.entries = entries.collect();
        }
        let found = |entry: &LibraryEntry| LibraryEntry { found: self.search.passage(entry.id), ..entry.clone() };
        self.entries.iter().map(found).collect()
    }
}
