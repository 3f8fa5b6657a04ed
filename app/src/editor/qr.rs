//! QR codes of links: for a screen, and for a terminal.

use std::fmt::Write;

use qrcodegen::{QrCode as Encoded, QrCodeEcc};

/// How many modules are left light on every side, as ISO/IEC 18004 asks for.
pub const QUIET_MODULES: usize = 4;

/// A QR code with the light modules round it that readers need.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct QrCode {
    side: usize,
    /// Row by row.
    dark: Vec<bool>,
}

impl QrCode {
    /// The code of a text; `None` if that is too long for one (2,331 bytes always fit).
    pub fn of(text: &str) -> Option<Self> {
        let code = Encoded::encode_text(text, QrCodeEcc::Medium).ok()?;
        let inner = code.size();
        let quiet = i32::try_from(QUIET_MODULES).ok()?;
        let range = -quiet..inner + quiet;
        // Outside of it, the encoder says that a module is light.
        let dark = range.clone().flat_map(|y| range.clone().map(move |x| (x, y))).map(|(x, y)| code.get_module(x, y));
        Some(Self { side: range.len(), dark: dark.collect() })
    }

    /// How many modules a side has, the quiet ones too.
    pub const fn side(&self) -> usize {
        self.side
    }

    /// Whether a module is dark; what is outside is light.
    pub fn is_dark(&self, x: usize, y: usize) -> bool {
        x < self.side && self.dark.get(y * self.side + x).copied().unwrap_or(false)
    }

    /// The code in characters, two modules one above the other in each. With `colors`, black on white by the codes of terminals
    /// (ECMA-48, 256 colours), whatever the terminal's own colours are; without, dark where there is ink, as in a file or on paper.
    pub fn to_text(&self, colors: bool) -> String {
        let mut text = String::new();
        for y in (0..self.side).step_by(2) {
            for x in 0..self.side {
                let (upper, lower) = (self.is_dark(x, y), self.is_dark(x, y + 1));
                if colors {
                    let color = |dark: bool| if dark { BLACK } else { WHITE };
                    // Writing into a String cannot fail.
                    let _ = write!(text, "\x1b[38;5;{};48;5;{}m▀", color(upper), color(lower));
                } else {
                    text.push(match (upper, lower) {
                        (false, false) => ' ',
                        (true, false) => '▀',
                        (false, true) => '▄',
                        (true, true) => '█',
                    });
                }
            }
            text.push_str(if colors { "\x1b[0m\n" } else { "\n" });
        }
        text
    }
}

/// Black and white of the 256 colours: unlike the first 16, themes leave them as they are.
const BLACK: u8 = 16;
const WHITE: u8 = 231;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_stands_in_light_on_all_sides() {
        let code = QrCode::of("quire://relay.example.org/0#2e.x.00000000").unwrap();
        let side = code.side();
        assert_eq!((side - 2 * 4) % 4, 1, "21, 25, 29 … modules");
        for at in 0..side {
            for near in 0..4 {
                let far = side - 1 - near;
                let edges = [(at, near), (at, far), (near, at), (far, at)];
                assert!(edges.iter().all(|(x, y)| !code.is_dark(*x, *y)), "{at} {near}");
            }
        }
        assert!(code.is_dark(4, 4), "the corner of a finder");
        assert!(!code.is_dark(side, 4) && !code.is_dark(4, side));
        assert_eq!(QrCode::of(&"x".repeat(3000)), None);
    }

    #[test]
    fn characters_show_the_same_modules_with_and_without_colors() {
        let code = QrCode::of("quire://relay.example.org/0#2e.x.00000000").unwrap();
        let plain = code.to_text(false);
        let colored = code.to_text(true);
        assert_eq!(plain.lines().count(), code.side().div_ceil(2));
        for (y, (plain, colored)) in plain.lines().zip(colored.lines()).enumerate() {
            assert!(colored.ends_with("\x1b[0m"), "a line leaves no colour behind");
            let cells: Vec<&str> = colored.split('▀').collect();
            assert_eq!((plain.chars().count(), cells.len()), (code.side(), code.side() + 1));
            for (x, sign) in plain.chars().enumerate() {
                let expected = (code.is_dark(x, 2 * y), code.is_dark(x, 2 * y + 1));
                assert_eq!((matches!(sign, '▀' | '█'), matches!(sign, '▄' | '█')), expected, "{x} {y}");
                let ink = |dark: bool| if dark { "16" } else { "231" };
                assert_eq!(cells[x], format!("\x1b[38;5;{};48;5;{}m", ink(expected.0), ink(expected.1)), "{x} {y}");
            }
        }
    }
}
