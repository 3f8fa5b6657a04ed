//! egui's keys as the editor's.

use egui::{Context, Key as EguiKey, KeyboardShortcut, Modifiers, os::OperatingSystem};

use crate::editor::command::{Action, Key, Keys, action_of};

/// Whether keys are those of a Mac.
pub fn is_mac(context: &Context) -> bool {
    matches!(context.os(), OperatingSystem::Mac | OperatingSystem::IOS)
}

/// The editor's name for a key with its modifiers, if it has one.
pub fn keys_of(key: EguiKey, modifiers: Modifiers, mac: bool) -> Option<Keys> {
    Some(Keys {
        key: key_of(key)?,
        command: modifiers.command,
        alt: modifiers.alt,
        shift: modifiers.shift,
        mac_ctrl: mac && modifiers.ctrl,
    })
}

/// What a key that was pressed does, by the table of commands.
pub fn action_for(key: EguiKey, modifiers: Modifiers, mac: bool) -> Option<Action> {
    action_of(keys_of(key, modifiers, mac)?, mac)
}

/// egui's name for keys, for menus and for taking keys before others do; `None` for a sign that egui has no key for.
pub fn shortcut(keys: Keys) -> Option<KeyboardShortcut> {
    let key = EguiKey::ALL.iter().copied().find(|key| key_of(*key) == Some(keys.key))?;
    let modifiers =
        Modifiers { alt: keys.alt, ctrl: keys.mac_ctrl, shift: keys.shift, mac_cmd: false, command: keys.command };
    Some(KeyboardShortcut::new(modifiers, key))
}

fn key_of(key: EguiKey) -> Option<Key> {
    let named = match key {
        EguiKey::ArrowLeft => Key::Left,
        EguiKey::ArrowRight => Key::Right,
        EguiKey::ArrowUp => Key::Up,
        EguiKey::ArrowDown => Key::Down,
        EguiKey::Home => Key::Home,
        EguiKey::End => Key::End,
        EguiKey::PageUp => Key::PageUp,
        EguiKey::PageDown => Key::PageDown,
        EguiKey::Enter => Key::Enter,
        EguiKey::Tab => Key::Tab,
        EguiKey::Backspace => Key::Backspace,
        EguiKey::Delete => Key::Delete,
        EguiKey::Insert => Key::Insert,
        EguiKey::Escape => Key::Escape,
        EguiKey::Space => Key::Char(' '),
        EguiKey::Plus => Key::Char('+'),
        EguiKey::Minus => Key::Char('-'),
        EguiKey::Equals => Key::Char('='),
        EguiKey::Comma => Key::Char(','),
        EguiKey::Period => Key::Char('.'),
        EguiKey::Slash => Key::Char('/'),
        EguiKey::OpenBracket => Key::Char('['),
        EguiKey::CloseBracket => Key::Char(']'),
        other => return key_by_name(other.name()),
    };
    Some(named)
}

/// Letters, digits and function keys, whose names are what they are.
fn key_by_name(name: &str) -> Option<Key> {
    let mut chars = name.chars();
    match (chars.next(), chars.as_str()) {
        (Some(char), "") if char.is_ascii_alphanumeric() => Some(Key::Char(char)),
        (Some('F'), number) => number.parse().ok().map(Key::F),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::editor::command::table;

    #[test]
    fn egui_has_a_key_for_every_line_of_the_table() {
        for entry in table() {
            for (mac, keys) in [(false, entry.keys(false)), (true, entry.keys(true))] {
                for keys in keys {
                    let shortcut = shortcut(*keys).unwrap_or_else(|| panic!("{}: {}", entry.id, keys.label(mac)));
                    let found = keys_of(shortcut.logical_key, shortcut.modifiers, mac);
                    assert_eq!(found, Some(*keys), "{}", entry.id);
                }
            }
        }
    }

    #[test]
    fn a_pressed_key_finds_its_action() {
        assert_eq!(action_for(EguiKey::Z, Modifiers::COMMAND, false), Some(Action::Undo));
        assert_eq!(action_for(EguiKey::Num0, Modifiers::COMMAND, false), Some(Action::ZoomReset));
        assert_eq!(action_for(EguiKey::A, Modifiers::NONE, false), None);
    }
}
