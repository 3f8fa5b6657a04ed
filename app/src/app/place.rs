//! Windows side by side, as the demo shows them.

use std::str::FromStr;

/// One of several equal columns of the screen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Place {
    /// From 1, the leftmost.
    column: u8,
    columns: u8,
}

impl FromStr for Place {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let numbers =
            text.split_once('/').and_then(|(column, columns)| Some((column.parse().ok()?, columns.parse().ok()?)));
        match numbers {
            Some((column, columns)) if (1..=columns).contains(&column) => Ok(Self { column, columns }),
            _ => Err("a place is COLUMN/COLUMNS, as in 2/3"),
        }
    }
}

impl Place {
    /// Puts the window there, once the screen's size is known; whether it is. Where windows may not place themselves (Wayland), it
    /// only takes the size.
    pub(super) fn take(self, ctx: &egui::Context) -> bool {
        let Some(screen) = ctx.input(|input| input.viewport().monitor_size) else { return false };
        let width = screen.x / f32::from(self.columns);
        let left = width * f32::from(self.column - 1);
        ctx.send_viewport_cmd(egui::ViewportCommand::InnerSize(egui::vec2(width, screen.y * 0.85)));
        ctx.send_viewport_cmd(egui::ViewportCommand::OuterPosition(egui::pos2(left, 0.0)));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_one_of_its_columns() {
        assert_eq!("2/3".parse(), Ok(Place { column: 2, columns: 3 }));
        for text in ["", "2", "0/3", "4/3", "1/0", "a/b"] {
            assert!(text.parse::<Place>().is_err(), "{text:?}");
        }
    }
}
