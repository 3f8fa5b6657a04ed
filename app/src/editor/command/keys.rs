//! Keys as plain data: which key, with which modifiers.

/// A key that does something besides typing its character.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Key {
    /// A letter (upper case), digit or sign, as the keyboard layout has it.
    Char(char),
    /// Left arrow.
    Left,
    /// Right arrow.
    Right,
    /// Up arrow.
    Up,
    /// Down arrow.
    Down,
    /// Home.
    Home,
    /// End.
    End,
    /// Page up.
    PageUp,
    /// Page down.
    PageDown,
    /// Return or enter.
    Enter,
    /// Tab.
    Tab,
    /// Backspace.
    Backspace,
    /// Delete forwards.
    Delete,
    /// Insert.
    Insert,
    /// Escape.
    Escape,
    /// A function key, from 1.
    F(u8),
}

/// A key with its modifiers.
#[expect(clippy::struct_excessive_bools, reason = "each modifier is held or not")]
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Keys {
    /// The key.
    pub key: Key,
    /// Ctrl, or Cmd on a Mac.
    pub command: bool,
    /// Alt, or Option on a Mac.
    pub alt: bool,
    /// Shift.
    pub shift: bool,
    /// The Mac's Ctrl key; never set elsewhere.
    pub mac_ctrl: bool,
}

impl Keys {
    /// The key alone.
    pub const fn plain(key: Key) -> Self {
        Self { key, command: false, alt: false, shift: false, mac_ctrl: false }
    }

    /// Ctrl (Cmd on a Mac) and the key.
    pub const fn command(key: Key) -> Self {
        Self { command: true, ..Self::plain(key) }
    }

    /// Alt (Option on a Mac) and the key.
    pub const fn alt(key: Key) -> Self {
        Self { alt: true, ..Self::plain(key) }
    }

    /// The Mac's Ctrl and the key.
    pub const fn mac_ctrl(key: Key) -> Self {
        Self { mac_ctrl: true, ..Self::plain(key) }
    }

    /// With shift too.
    #[must_use]
    pub const fn shift(self) -> Self {
        Self { shift: true, ..self }
    }

    /// With alt too.
    #[must_use]
    pub const fn and_alt(self) -> Self {
        Self { alt: true, ..self }
    }

    /// As people write it: `Ctrl+Shift+P`, or `⇧⌘P` on a Mac.
    pub fn label(&self, mac: bool) -> String {
        let modifiers: [(bool, &str, &str); 4] = [
            (self.mac_ctrl, "⌃", "Ctrl+"),
            (self.alt, "⌥", "Alt+"),
            (self.shift, "⇧", "Shift+"),
            (self.command, "⌘", "Ctrl+"),
        ];
        let order: [usize; 4] = if mac { [0, 1, 2, 3] } else { [0, 3, 1, 2] };
        let mut label = String::new();
        for (on, symbol, name) in order.map(|at| modifiers[at]) {
            if on {
                label.push_str(if mac { symbol } else { name });
            }
        }
        label + &self.key.label()
    }
}

impl Key {
    fn label(self) -> String {
        let name = match self {
            Self::Char('+') => "Plus",
            Self::Char(' ') => "Space",
            Self::Char(char) => return char.to_string(),
            Self::F(number) => return format!("F{number}"),
            Self::Left => "←",
            Self::Right => "→",
            Self::Up => "↑",
            Self::Down => "↓",
            Self::Home => "Home",
            Self::End => "End",
            Self::PageUp => "PgUp",
            Self::PageDown => "PgDn",
            Self::Enter => "Enter",
            Self::Tab => "Tab",
            Self::Backspace => "Backspace",
            Self::Delete => "Del",
            Self::Insert => "Ins",
            Self::Escape => "Esc",
        };
        name.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_read_as_people_write_them() {
        let palette = Keys::command(Key::Char('P')).shift();
        assert_eq!(palette.label(false), "Ctrl+Shift+P");
        assert_eq!(palette.label(true), "⇧⌘P");
        assert_eq!(Keys::alt(Key::Up).label(false), "Alt+↑");
        assert_eq!(Keys::plain(Key::F(3)).label(false), "F3");
        assert_eq!(Keys::command(Key::Char('+')).label(false), "Ctrl+Plus");
    }
}
