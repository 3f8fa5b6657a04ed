//! The table of every action.

use super::{Action, Entry, Group, Key, Keys, Motion, Travel};

const fn row(group: Group, action: Action, id: &'static str, title: &'static str, keys: &'static [Keys]) -> Entry {
    Entry { action, id, title, group, keys, mac_keys: &[] }
}

impl Entry {
    const fn mac(self, mac_keys: &'static [Keys]) -> Self {
        Self { mac_keys, ..self }
    }
}

const fn plain(key: Key) -> Keys {
    Keys::plain(key)
}

const fn command(key: Key) -> Keys {
    Keys::command(key)
}

const fn char(char: char) -> Keys {
    Keys::command(Key::Char(char))
}

/// Every action, by group in the order of menus.
pub const fn table() -> &'static [Entry] {
    TABLE
}

/// The line of an action. Every action but `Select` has one; a selection's is that of its motion.
pub fn entry(action: Action) -> Option<&'static Entry> {
    let listed = match action {
        Action::Select(motion) => Action::Move(motion),
        other => other,
    };
    TABLE.iter().find(|entry| entry.action == listed)
}

/// What these keys do, on this kind of machine. Shift with the keys of a motion selects.
pub fn action_of(keys: Keys, mac: bool) -> Option<Action> {
    let exact = |keys: Keys| TABLE.iter().find(|entry| entry.keys(mac).contains(&keys)).map(|entry| entry.action);
    if let Some(action) = exact(keys) {
        return Some(action);
    }
    if !keys.shift {
        return None;
    }
    match (exact(Keys { shift: false, ..keys }), keys.key) {
        (Some(Action::Move(motion)), _) => Some(Action::Select(motion)),
        // Some layouts need shift to type the sign at all; backspace with shift held is still backspace.
        (found, Key::Backspace) => found,
        (found, Key::Char(sign)) if sign.is_ascii_punctuation() => found,
        _ => None,
    }
}

const TABLE: &[Entry] = &[
    // Document
    row(Group::Document, Action::NewDocument, "document.new", "New document", &[char('N')]),
    row(Group::Document, Action::OpenLink, "document.open-link", "Open link…", &[char('O')]),
    row(Group::Document, Action::Import, "document.import", "Import files…", &[char('O').shift()]),
    row(Group::Document, Action::Export, "document.export", "Export to a file…", &[char('S').shift(), char('S')]),
    row(Group::Document, Action::Rename, "document.rename", "Rename", &[plain(Key::F(2))]),
    row(Group::Document, Action::Archive, "document.archive", "Archive or restore", &[]),
    row(Group::Document, Action::Remove, "document.remove", "Remove from this device…", &[]),
    // Edit
    row(Group::Edit, Action::Undo, "edit.undo", "Undo", &[char('Z')]),
    row(Group::Edit, Action::Redo, "edit.redo", "Redo", &[char('Z').shift(), char('Y')]).mac(&[char('Z').shift()]),
    row(Group::Edit, Action::Cut, "edit.cut", "Cut", &[char('X'), plain(Key::Delete).shift()]).mac(&[char('X')]),
    row(Group::Edit, Action::Copy, "edit.copy", "Copy", &[char('C'), command(Key::Insert)]).mac(&[char('C')]),
    row(Group::Edit, Action::Paste, "edit.paste", "Paste", &[char('V'), plain(Key::Insert).shift()]).mac(&[char('V')]),
    row(Group::Edit, Action::NewLine, "edit.new-line", "New line", &[plain(Key::Enter)]),
    row(
        Group::Edit,
        Action::PlainNewLine,
        "edit.plain-new-line",
        "New line without list marker",
        &[plain(Key::Enter).shift()],
    ),
    row(Group::Edit, Action::NewLineBelow, "edit.new-line-below", "New line below", &[command(Key::Enter)]),
    row(Group::Edit, Action::Backspace, "edit.backspace", "Delete backwards", &[plain(Key::Backspace)]),
    row(Group::Edit, Action::Delete, "edit.delete", "Delete forwards", &[plain(Key::Delete)]),
    row(
        Group::Edit,
        Action::DeleteWordLeft,
        "edit.delete-word-left",
        "Delete word backwards",
        &[command(Key::Backspace)],
    )
    .mac(&[Keys::alt(Key::Backspace)]),
    row(
        Group::Edit,
        Action::DeleteWordRight,
        "edit.delete-word-right",
        "Delete word forwards",
        &[command(Key::Delete)],
    )
    .mac(&[Keys::alt(Key::Delete)]),
    row(
        Group::Edit,
        Action::DeleteToLineStart,
        "edit.delete-to-line-start",
        "Delete to the start of the line",
        &[command(Key::Backspace).shift()],
    )
    .mac(&[command(Key::Backspace)]),
    row(
        Group::Edit,
        Action::DeleteToLineEnd,
        "edit.delete-to-line-end",
        "Delete to the end of the line",
        &[command(Key::Delete).shift()],
    )
    .mac(&[command(Key::Delete), Keys::mac_ctrl(Key::Char('K'))]),
    row(Group::Edit, Action::DeleteLine, "edit.delete-line", "Delete line", &[char('K').shift()]),
    row(Group::Edit, Action::DuplicateLine, "edit.duplicate-line", "Duplicate line", &[char('D').shift()]),
    row(Group::Edit, Action::MoveLineUp, "edit.move-line-up", "Move line up", &[Keys::alt(Key::Up)]).mac(&[command(
        Key::Up,
    )
    .and_alt()
    .shift()]),
    row(Group::Edit, Action::MoveLineDown, "edit.move-line-down", "Move line down", &[Keys::alt(Key::Down)])
        .mac(&[command(Key::Down).and_alt().shift()]),
    row(Group::Edit, Action::Indent, "edit.indent", "Indent", &[plain(Key::Tab), char(']')]),
    row(Group::Edit, Action::Outdent, "edit.outdent", "Outdent", &[plain(Key::Tab).shift(), char('[')]),
    row(Group::Edit, Action::SelectAll, "edit.select-all", "Select all", &[char('A')]),
    row(Group::Edit, Action::SelectLine, "edit.select-line", "Select line", &[char('L')]),
    row(
        Group::Edit,
        Action::AddNextOccurrence,
        "edit.add-next-occurrence",
        "Add a caret at the next occurrence",
        &[char('D')],
    ),
    row(
        Group::Edit,
        Action::SelectAllOccurrences,
        "edit.select-all-occurrences",
        "Add a caret at every occurrence",
        &[char('L').shift()],
    ),
    row(Group::Edit, Action::AddCaretAbove, "edit.add-caret-above", "Add a caret above", &[command(Key::Up).and_alt()]),
    row(
        Group::Edit,
        Action::AddCaretBelow,
        "edit.add-caret-below",
        "Add a caret below",
        &[command(Key::Down).and_alt()],
    ),
    row(Group::Edit, Action::ClearSelection, "edit.clear-selection", "Select nothing", &[plain(Key::Escape)]),
    // Find
    row(Group::Find, Action::Find, "find.find", "Find…", &[char('F')]),
    row(Group::Find, Action::FindNext, "find.next", "Find next", &[plain(Key::F(3))])
        .mac(&[char('G'), plain(Key::F(3))]),
    row(Group::Find, Action::FindPrevious, "find.previous", "Find previous", &[plain(Key::F(3)).shift()])
        .mac(&[char('G').shift(), plain(Key::F(3)).shift()]),
    row(Group::Find, Action::Replace, "find.replace", "Replace…", &[char('H')]).mac(&[char('F').and_alt()]),
    row(Group::Find, Action::GoToLine, "find.go-to-line", "Go to line…", &[char('G')])
        .mac(&[Keys::mac_ctrl(Key::Char('G'))]),
    // Move
    row(Group::Move, Action::Move(Motion::Left), "move.left", "Left", &[plain(Key::Left)]),
    row(Group::Move, Action::Move(Motion::Right), "move.right", "Right", &[plain(Key::Right)]),
    row(Group::Move, Action::Move(Motion::Up), "move.up", "Up", &[plain(Key::Up)]),
    row(Group::Move, Action::Move(Motion::Down), "move.down", "Down", &[plain(Key::Down)]),
    row(Group::Move, Action::Move(Motion::WordLeft), "move.word-left", "Word left", &[command(Key::Left)])
        .mac(&[Keys::alt(Key::Left)]),
    row(Group::Move, Action::Move(Motion::WordRight), "move.word-right", "Word right", &[command(Key::Right)])
        .mac(&[Keys::alt(Key::Right)]),
    row(Group::Move, Action::Move(Motion::LineStart), "move.line-start", "Start of line", &[plain(Key::Home)]).mac(&[
        command(Key::Left),
        Keys::mac_ctrl(Key::Char('A')),
        plain(Key::Home),
    ]),
    row(Group::Move, Action::Move(Motion::LineEnd), "move.line-end", "End of line", &[plain(Key::End)]).mac(&[
        command(Key::Right),
        Keys::mac_ctrl(Key::Char('E')),
        plain(Key::End),
    ]),
    row(Group::Move, Action::Move(Motion::ParagraphUp), "move.paragraph-up", "Paragraph up", &[command(Key::Up)])
        .mac(&[Keys::alt(Key::Up)]),
    row(
        Group::Move,
        Action::Move(Motion::ParagraphDown),
        "move.paragraph-down",
        "Paragraph down",
        &[command(Key::Down)],
    )
    .mac(&[Keys::alt(Key::Down)]),
    row(Group::Move, Action::Move(Motion::PageUp), "move.page-up", "Page up", &[plain(Key::PageUp)]),
    row(Group::Move, Action::Move(Motion::PageDown), "move.page-down", "Page down", &[plain(Key::PageDown)]),
    row(
        Group::Move,
        Action::Move(Motion::DocumentStart),
        "move.document-start",
        "Start of document",
        &[command(Key::Home)],
    )
    .mac(&[command(Key::Up), command(Key::Home)]),
    row(Group::Move, Action::Move(Motion::DocumentEnd), "move.document-end", "End of document", &[command(Key::End)])
        .mac(&[command(Key::Down), command(Key::End)]),
    // View
    row(Group::View, Action::ToggleLibrary, "view.library", "Show or hide the library", &[char('B')]),
    row(Group::View, Action::TogglePeople, "view.people", "Show or hide people and devices", &[char('P').and_alt()]),
    row(Group::View, Action::ZoomIn, "view.zoom-in", "Larger text", &[char('+'), char('=')]),
    row(Group::View, Action::ZoomOut, "view.zoom-out", "Smaller text", &[char('-')]),
    row(Group::View, Action::ZoomReset, "view.zoom-reset", "Normal text size", &[char('0')]),
    row(Group::View, Action::ToggleWrap, "view.wrap", "Wrap lines", &[Keys::alt(Key::Char('Z'))]),
    row(Group::View, Action::ToggleLineNumbers, "view.line-numbers", "Line numbers", &[]),
    row(Group::View, Action::ToggleMonospace, "view.monospace", "Monospace", &[]),
    row(Group::View, Action::CycleTheme, "view.theme", "Theme: system, light, dark", &[]),
    row(Group::View, Action::ToggleFullScreen, "view.full-screen", "Full screen", &[plain(Key::F(11))])
        .mac(&[Keys { mac_ctrl: true, ..char('F') }]),
    // History
    row(Group::History, Action::ToggleHistory, "history.show", "Show or hide the history", &[char('H').shift()]),
    row(Group::History, Action::Travel(Travel::Back), "history.back", "One change back", &[Keys::alt(Key::Left)])
        .mac(&[command(Key::Left).and_alt()]),
    row(Group::History, Action::Travel(Travel::Forward), "history.forward", "One change on", &[Keys::alt(Key::Right)])
        .mac(&[command(Key::Right).and_alt()]),
    row(
        Group::History,
        Action::Travel(Travel::TurnBack),
        "history.turn-back",
        "Back to where this author took over",
        &[Keys::alt(Key::Left).shift()],
    )
    .mac(&[command(Key::Left).and_alt().shift()]),
    row(
        Group::History,
        Action::Travel(Travel::TurnForward),
        "history.turn-forward",
        "On to where the next author stops",
        &[Keys::alt(Key::Right).shift()],
    )
    .mac(&[command(Key::Right).and_alt().shift()]),
    row(
        Group::History,
        Action::Travel(Travel::Start),
        "history.start",
        "To the start of the history",
        &[Keys::alt(Key::Home)],
    ),
    row(Group::History, Action::Travel(Travel::Now), "history.now", "Back to now", &[Keys::alt(Key::End)]),
    row(Group::History, Action::PlayHistory, "history.play", "Play or pause the history", &[Keys::alt(Key::Char('P'))])
        .mac(&[Keys { mac_ctrl: true, ..char('P') }]),
    row(Group::History, Action::ToggleComparison, "history.compare", "Compare with now", &[Keys::alt(Key::Char('C'))])
        .mac(&[char('C').and_alt()]),
    row(
        Group::History,
        Action::CompareFromHere,
        "history.compare-from-here",
        "Compare from here",
        &[Keys::alt(Key::Char('C')).shift()],
    )
    .mac(&[char('C').and_alt().shift()]),
    row(Group::History, Action::NameVersion, "history.name", "Name this version…", &[Keys::alt(Key::Char('N'))])
        .mac(&[char('N').and_alt()]),
    row(Group::History, Action::RestoreVersion, "history.restore", "Restore this version", &[]),
    row(Group::History, Action::RestoreSelection, "history.restore-selection", "Restore what is selected", &[]),
    // Share
    row(Group::Share, Action::Share, "share.share", "Share…", &[char('E').shift()]),
    row(Group::Share, Action::AddDevice, "share.add-device", "Add a device…", &[]),
    row(Group::Share, Action::GoOnline, "share.online", "Go online", &[]),
    row(Group::Share, Action::GoOffline, "share.offline", "Go offline", &[]),
    // Quire
    row(Group::Program, Action::Palette, "program.palette", "All commands", &[char('P').shift(), plain(Key::F(1))]),
    row(Group::Program, Action::Settings, "program.settings", "Settings", &[char(',')]),
    row(Group::Program, Action::About, "program.about", "About Quire", &[]),
    row(Group::Program, Action::Quit, "program.quit", "Quit", &[char('Q')]),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_and_keys_are_given_once() {
        let ids: BTreeSet<_> = TABLE.iter().map(|entry| entry.id).collect();
        assert_eq!(ids.len(), TABLE.len());
        for mac in [false, true] {
            let mut seen: Vec<Keys> = Vec::new();
            for keys in TABLE.iter().flat_map(|entry| entry.keys(mac)) {
                assert!(!seen.contains(keys), "{} twice", keys.label(mac));
                seen.push(*keys);
            }
        }
    }

    #[test]
    fn shift_with_the_keys_of_a_motion_selects() {
        let check = |keys, mac, action| assert_eq!(action_of(keys, mac), action);
        check(plain(Key::Left).shift(), false, Some(Action::Select(Motion::Left)));
        check(command(Key::Right).shift(), false, Some(Action::Select(Motion::WordRight)));
        check(command(Key::Right).shift(), true, Some(Action::Select(Motion::LineEnd)));
        check(plain(Key::Backspace).shift(), false, Some(Action::Backspace));
        check(char('+').shift(), false, Some(Action::ZoomIn));
        check(char('Z').shift(), false, Some(Action::Redo));
        check(plain(Key::Char('A')), false, None);
    }
}
