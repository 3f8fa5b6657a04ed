//! What a person has chosen, as a commented TOML text: read with a word about every value that cannot be used, and changed
//! without touching the comments or the keys that belong to somebody else.

use std::fmt;

use thiserror::Error;
use toml_edit::{DocumentMut, Item, Value, value};

use super::link::RelayAddress;

/// How many colours a person can choose from.
pub const COLOURS: u8 = 8;

/// The smallest size of the text, in points.
pub const FONT_SIZE_MIN: f32 = 8.0;

/// The largest size of the text, in points.
pub const FONT_SIZE_MAX: f32 = 48.0;

/// The fewest characters that the writing column may be wide.
pub const COLUMN_CHARS_MIN: u32 = 30;

/// The most characters that the writing column may be wide.
pub const COLUMN_CHARS_MAX: u32 = 400;

/// The width of the writing column in characters, unless another is chosen.
pub const COLUMN_CHARS: u32 = 76;

/// The most characters that a name may have.
pub const NAME_CHARS_MAX: usize = 60;

/// Light, dark, or as the system is.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum ThemeChoice {
    /// As the system is.
    #[default]
    System,
    /// Paper.
    Light,
    /// Night.
    Dark,
}

/// The kind of letters.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum FontChoice {
    /// Letters as wide as they need to be.
    #[default]
    Proportional,
    /// All letters equally wide.
    Monospace,
}

/// What a person has chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The person's name as others see it; empty: not chosen.
    pub name: String,
    /// This device's name as others see it.
    pub device: String,
    /// Which of the [`COLOURS`] the person has, from 0.
    pub colour: u8,
    /// The relay that *Share* takes; `None`: none chosen.
    pub relay: Option<RelayAddress>,
    /// What that relay wants to hear from who makes a document there; empty: nothing.
    pub relay_token: String,
    /// Light or dark.
    pub theme: ThemeChoice,
    /// The letters.
    pub font: FontChoice,
    /// The text's size in points.
    pub font_size: f32,
    /// Whether long lines are broken at the width of the column.
    pub wrap: bool,
    /// Whether lines are numbered.
    pub line_numbers: bool,
    /// Whether an opening bracket that is typed brings the closing one.
    pub bracket_pairs: bool,
    /// The width of the writing column, in characters.
    pub column_chars: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            name: String::new(),
            device: String::new(),
            colour: 0,
            relay: None,
            relay_token: String::new(),
            theme: ThemeChoice::System,
            font: FontChoice::Proportional,
            font_size: 15.0,
            wrap: true,
            line_numbers: false,
            bracket_pairs: false,
            column_chars: COLUMN_CHARS,
        }
    }
}

/// A value that cannot be used: the default stands in for it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SettingsProblem {
    /// The key.
    pub key: &'static str,
    /// What stands there.
    pub found: String,
    /// What may stand there.
    pub wanted: String,
}

impl fmt::Display for SettingsProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, found, wanted } = self;
        write!(f, "{key} = {found} cannot be used: it should be {wanted}; the default is used until it is")
    }
}

/// The text is no TOML at all: nothing of it can be used, and it must not be written over.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error(
    "the settings are no valid TOML: {message}; the defaults are used, and nothing is written there, until it is mended"
)]
pub struct SettingsError {
    /// What the reader says, with line and column.
    pub message: String,
}

/// What a new file says.
pub const TEMPLATE: &str = r#"# Quire's settings. Changes made in the program keep these comments.

# Your name and this device's, as the people you write with see them.
name = ""
device = ""

# Your colour: 0 to 7.
colour = 0

# The relay that Share takes: "HOST" or "HOST:PORT", with "?pin=PIN" behind it for a relay that shows a certificate of its own;
# "ws://HOST:PORT" for one without encryption, on a network that you trust. Empty: none.
relay = ""

# What the relay's operator told you, if only who knows it may make documents there.
relay_token = ""

# "system", "light" or "dark".
theme = "system"

# "proportional" or "monospace"; its size in points (8 to 48).
font = "proportional"
font_size = 15.0

# Break long lines; number lines; the width of the writing column in characters (30 to 400).
wrap = true
line_numbers = false
column_chars = 76

# An opening bracket brings the closing one.
bracket_pairs = false
"#;

impl Settings {
    /// Reads the settings; the second part names every value that could not be used. Unknown keys are left alone.
    ///
    /// # Errors
    /// A [`SettingsError`] when the text is no TOML.
    pub fn parse(text: &str) -> Result<(Self, Vec<SettingsProblem>), SettingsError> {
        let document = read(text)?;
        let mut reader = Reader { document: &document, problems: Vec::new() };
        let defaults = Self::default();
        let settings = Self {
            name: reader.name("name"),
            device: reader.name("device"),
            colour: reader.colour(defaults.colour),
            relay: reader.relay(),
            relay_token: reader.name("relay_token"),
            theme: reader.choice("theme", &THEMES, defaults.theme),
            font: reader.choice("font", &FONTS, defaults.font),
            font_size: reader.font_size(defaults.font_size),
            wrap: reader.flag("wrap", defaults.wrap),
            line_numbers: reader.flag("line_numbers", defaults.line_numbers),
            bracket_pairs: reader.flag("bracket_pairs", defaults.bracket_pairs),
            column_chars: reader.column_chars(defaults.column_chars),
        };
        Ok((settings, reader.problems))
    }

    /// `text` with the values of these settings that differ from what [`Settings::parse`] makes of it; everything else,
    /// comments and values that could not be used included, stays as it is.
    ///
    /// # Errors
    /// A [`SettingsError`] when `text` is no TOML: it is not written over.
    pub fn write_into(&self, text: &str) -> Result<String, SettingsError> {
        let mut document = read(text)?;
        let (old, _) = Self::parse(text)?;
        let mut put = |key: &str, changed: bool, new: Item| {
            if changed {
                replace(&mut document, key, new);
            }
        };
        put("name", self.name != old.name, value(&self.name));
        put("device", self.device != old.device, value(&self.device));
        put("colour", self.colour != old.colour, value(i64::from(self.colour)));
        let relay = self.relay.as_ref().map(ToString::to_string).unwrap_or_default();
        put("relay", self.relay != old.relay, value(relay));
        put("relay_token", self.relay_token != old.relay_token, value(&self.relay_token));
        put("theme", self.theme != old.theme, value(word_of(&THEMES, self.theme)));
        put("font", self.font != old.font, value(word_of(&FONTS, self.font)));
        let size_changed = (self.font_size - old.font_size).abs() > f32::EPSILON;
        put("font_size", size_changed, value(f64::from(self.font_size)));
        put("wrap", self.wrap != old.wrap, value(self.wrap));
        put("line_numbers", self.line_numbers != old.line_numbers, value(self.line_numbers));
        put("bracket_pairs", self.bracket_pairs != old.bracket_pairs, value(self.bracket_pairs));
        put("column_chars", self.column_chars != old.column_chars, value(i64::from(self.column_chars)));
        Ok(document.to_string())
    }

    /// Cuts from the names what cannot be stored: what is beyond [`NAME_CHARS_MAX`], and control characters.
    pub fn cap_names(&mut self) {
        for name in [&mut self.name, &mut self.device] {
            if !is_name(name) {
                *name = name.chars().filter(|char| !char.is_control()).take(NAME_CHARS_MAX).collect();
            }
        }
    }

    /// How others see this device: the person's and the device's name together.
    pub fn device_label(&self) -> String {
        match (self.name.as_str(), self.device.as_str()) {
            ("", "") => "a device without a name".to_owned(),
            ("", device) => device.to_owned(),
            (name, "") => format!("{name}’s device"),
            (name, device) if device.contains(name) => device.to_owned(),
            (name, device) => format!("{name}’s {device}"),
        }
    }
}

const THEMES: [(&str, ThemeChoice); 3] =
    [("system", ThemeChoice::System), ("light", ThemeChoice::Light), ("dark", ThemeChoice::Dark)];

const FONTS: [(&str, FontChoice); 2] =
    [("proportional", FontChoice::Proportional), ("monospace", FontChoice::Monospace)];

fn word_of<T: Copy + PartialEq>(words: &[(&'static str, T)], choice: T) -> &'static str {
    words.iter().find(|(_, of)| *of == choice).map_or("", |(word, _)| *word)
}

fn read(text: &str) -> Result<DocumentMut, SettingsError> {
    text.parse()
        .map_err(|error: toml_edit::TomlError| SettingsError { message: error.to_string().trim_end().to_owned() })
}

fn is_name(text: &str) -> bool {
    text.chars().count() <= NAME_CHARS_MAX && !text.chars().any(char::is_control)
}

/// Puts a value at a key and keeps the comments around the old one.
fn replace(document: &mut DocumentMut, key: &str, mut new: Item) {
    let decor = document.get(key).and_then(Item::as_value).map(|old| old.decor().clone());
    if let (Some(decor), Some(new)) = (decor, new.as_value_mut()) {
        *new.decor_mut() = decor;
    }
    document[key] = new;
}

/// Reads values by key and collects what cannot be used.
struct Reader<'a> {
    document: &'a DocumentMut,
    problems: Vec<SettingsProblem>,
}

impl Reader<'_> {
    /// The value at `key` if it is there and `of` can use it; a problem is noted if it is there and cannot be used.
    fn value<T>(&mut self, key: &'static str, wanted: &str, of: impl Fn(&Value) -> Option<T>) -> Option<T> {
        let item = self.document.get(key)?;
        let found = item.as_value().and_then(of);
        if found.is_none() {
            let text =
                item.as_value().map_or_else(|| "a table".to_owned(), |value| value.to_string().trim().to_owned());
            self.problems.push(SettingsProblem { key, found: text, wanted: wanted.to_owned() });
        }
        found
    }

    fn name(&mut self, key: &'static str) -> String {
        let wanted = format!("a text of at most {NAME_CHARS_MAX} characters in quotation marks");
        self.value(key, &wanted, |value| value.as_str().filter(|text| is_name(text)).map(str::to_owned))
            .unwrap_or_default()
    }

    fn colour(&mut self, default: u8) -> u8 {
        let usable = |number: i64| u8::try_from(number).ok().filter(|colour| *colour < COLOURS);
        let wanted = format!("a whole number from 0 to {}", COLOURS - 1);
        self.value("colour", &wanted, |value| value.as_integer().and_then(usable)).unwrap_or(default)
    }

    fn relay(&mut self) -> Option<RelayAddress> {
        let read = |text: &str| match text {
            "" => Some(None),
            address => address.parse().ok().map(Some),
        };
        self.value("relay", "\"HOST:PORT\", \"ws://HOST:PORT\", \"HOST:PORT?pin=PIN\" or \"\"", |value| {
            value.as_str().and_then(read)
        })
        .flatten()
    }

    fn choice<T: Copy>(&mut self, key: &'static str, words: &[(&str, T)], default: T) -> T {
        let list = words.iter().map(|(word, _)| format!("\"{word}\"")).collect::<Vec<_>>().join(" or ");
        let read = |text: &str| words.iter().find(|(word, _)| *word == text).map(|(_, choice)| *choice);
        self.value(key, &list, |value| value.as_str().and_then(read)).unwrap_or(default)
    }

    fn flag(&mut self, key: &'static str, default: bool) -> bool {
        self.value(key, "true or false", Value::as_bool).unwrap_or(default)
    }

    fn font_size(&mut self, default: f32) -> f32 {
        let wanted = format!("a number from {FONT_SIZE_MIN} to {FONT_SIZE_MAX}");
        let number = |value: &Value| value.to_string().trim().parse::<f32>().ok();
        let usable = |size: &f32| (FONT_SIZE_MIN..=FONT_SIZE_MAX).contains(size);
        self.value("font_size", &wanted, |value| number(value).filter(usable)).unwrap_or(default)
    }

    fn column_chars(&mut self, default: u32) -> u32 {
        let usable = |number: i64| {
            u32::try_from(number).ok().filter(|chars| (COLUMN_CHARS_MIN..=COLUMN_CHARS_MAX).contains(chars))
        };
        let wanted = format!("a whole number from {COLUMN_CHARS_MIN} to {COLUMN_CHARS_MAX}");
        self.value("column_chars", &wanted, |value| value.as_integer().and_then(usable)).unwrap_or(default)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_called_after_its_person_once() {
        let check = |name: &str, device: &str, label: &str| {
            let settings = Settings { name: name.to_owned(), device: device.to_owned(), ..Settings::default() };
            assert_eq!(settings.device_label(), label);
        };
        check("Ana", "laptop", "Ana’s laptop");
        check("Ana", "Ana's laptop", "Ana's laptop");
        check("Ana", "", "Ana’s device");
        check("", "laptop", "laptop");
        check("", "", "a device without a name");
    }

    #[test]
    fn the_template_says_the_defaults() {
        assert_eq!(Settings::parse(TEMPLATE), Ok((Settings::default(), Vec::new())));
    }

    #[test]
    fn changes_keep_comments_and_foreign_keys() {
        let text = "# mine\nname = \"Ana\" # me\nshoe = 38\n";
        let changed = Settings { name: "Bo".into(), wrap: false, ..Settings::default() };
        assert_eq!(changed.write_into(text).unwrap(), "# mine\nname = \"Bo\" # me\nshoe = 38\nwrap = false\n");
    }

    #[test]
    fn everything_reads_back() {
        let settings = Settings {
            name: "Ana \"the pen\"".into(),
            device: "laptop".into(),
            colour: 7,
            relay: "relay.local:80".parse().ok(),
            relay_token: "open sesame".to_owned(),
            theme: ThemeChoice::Dark,
            font: FontChoice::Monospace,
            font_size: 17.5,
            wrap: false,
            line_numbers: true,
            bracket_pairs: true,
            column_chars: 100,
        };
        let text = settings.write_into(TEMPLATE).unwrap();
        assert_eq!(Settings::parse(&text), Ok((settings, Vec::new())));
        assert!(text.contains("# Your colour: 0 to 7."));
    }

    #[test]
    fn names_are_cut_to_what_reads_back() {
        let mut settings = Settings { name: "é".repeat(61), device: "lap\ttop".into(), ..Settings::default() };
        settings.cap_names();
        assert_eq!((settings.name.as_str(), settings.device.as_str()), ("é".repeat(60).as_str(), "laptop"));
        let text = settings.write_into(TEMPLATE).unwrap();
        assert_eq!(Settings::parse(&text), Ok((settings, Vec::new())));
    }

    #[test]
    fn a_bad_value_is_named_and_left_where_it_is() {
        let text =
            "colour = 9\nwrap = \"yes\"\nfont_size = 900\ntheme = \"pink\"\nrelay = \"ftp://x\"\nname = \"Ana\"\n";
        let (settings, problems) = Settings::parse(text).unwrap();
        assert_eq!(settings, Settings { name: "Ana".into(), ..Settings::default() });
        let keys: Vec<_> = problems.iter().map(|problem| problem.key).collect();
        assert_eq!(keys, ["colour", "relay", "theme", "font_size", "wrap"]);
        let shown = problems[0].to_string();
        assert_eq!(
            shown,
            "colour = 9 cannot be used: it should be a whole number from 0 to 7; the default is used until it is"
        );
        assert_eq!(settings.write_into(text).unwrap(), text);
    }

    #[test]
    fn a_text_that_is_no_toml_is_not_written_over() {
        let error = Settings::parse("name = \n").unwrap_err();
        assert!(error.message.contains("line 1"), "{error}");
        assert_eq!(Settings::default().write_into("name = \n"), Err(error));
    }

    #[test]
    fn a_device_is_named_after_its_owner() {
        let check = |name: &str, device: &str, expected: &str| {
            let settings = Settings { name: name.into(), device: device.into(), ..Settings::default() };
            assert_eq!(settings.device_label(), expected);
        };
        check("Ana", "laptop", "Ana’s laptop");
        check("Ana", "", "Ana’s device");
        check("", "laptop", "laptop");
    }
}
