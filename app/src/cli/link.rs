//! Where a link comes from: a command line, which other accounts of the same computer can read while the command runs; the standard
//! input; a person who is asked; or the QR code in a picture. And how it is shown as one.

use std::ffi::OsString;
use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::path::Path;

use crate::editor::link::{LINK_CHARS_MAX, SCHEME};
use crate::editor::qr::QrCode;
use crate::session::Failure;
use crate::shell::picture::{self, PictureError};

/// The most bytes that are read for a link: four for each character, and some for blanks around it.
const LINE_BYTES_MAX: u64 = 4 * LINK_CHARS_MAX as u64 + 256;

/// What stands in the place of a link that is to be read from the standard input.
const FROM_INPUT: &str = "-";

/// The link that was given, or else the one that is read: from the standard input for `-`, from a person at a terminal for none.
pub(super) fn given_or_read(given: Option<String>) -> Result<String, Failure> {
    let mut input = io::stdin().lock();
    match given {
        Some(link) if link != FROM_INPUT => return Ok(link),
        Some(_) => {}
        None if input.is_terminal() => ask(),
        None => {
            let words =
                "no link: `quire join` asks for it on a terminal, `quire join -` reads it from the standard input";
            return Err(Failure::new(Failure::USAGE, words));
        }
    }
    read(&mut input)
}

/// Says what is asked. Not being able to say it is no failure: the answer counts.
fn ask() {
    let mut output = io::stderr().lock();
    drop(output.write_all(b"The link (paste it and press Enter): ").and_then(|()| output.flush()));
}

/// The first line that is not blank, of at most [`LINE_BYTES_MAX`] bytes.
fn read(input: &mut impl BufRead) -> Result<String, Failure> {
    let mut input = input.take(LINE_BYTES_MAX);
    let mut line = String::new();
    while line.trim().is_empty() {
        line.clear();
        let read = input.read_line(&mut line);
        // What was read is not shown: it may be the half of a link.
        let read = read.map_err(|error| Failure::new(Failure::USAGE, format!("the link cannot be read: {error}")))?;
        if read == 0 {
            return Err(Failure::new(Failure::USAGE, "the standard input ended before there was a link"));
        }
    }
    Ok(line)
}

/// The link in the QR code of a picture.
pub(super) fn in_picture(path: &Path) -> Result<String, Failure> {
    picture::text_in(path, SCHEME).map_err(|error| {
        let missing = matches!(&error, PictureError::Read { error, .. } if error.kind() == io::ErrorKind::NotFound);
        Failure::new(if missing { Failure::NOT_FOUND } else { Failure::FAILED }, error.to_string())
    })
}

/// A link as a QR code for the standard output: in colours of its own on a terminal, whose colours may be any.
pub(super) fn code(link: &str) -> Result<String, Failure> {
    let code = QrCode::of(link).ok_or_else(|| Failure::new(Failure::FAILED, "the link is too long for a QR code"))?;
    Ok(code.to_text(io::stdout().is_terminal()))
}

/// Whether a text is meant as a link of ours.
pub(super) fn is_link(text: &str) -> bool {
    text.trim_start().get(..SCHEME.len()).is_some_and(|start| start.eq_ignore_ascii_case(SCHEME))
}

/// The arguments of this process, with `open` in front of a link that stands where a command should.
pub(super) fn with_open(arguments: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = arguments.collect();
    let mut at = 1;
    while let Some(argument) = arguments.get(at).and_then(|argument| argument.to_str()) {
        match argument {
            "--json" => at += 1,
            "--library" => at += 2,
            _ if argument.starts_with("--library=") => at += 1,
            _ => {
                if is_link(argument) {
                    arguments.insert(at, "open".into());
                }
                break;
            }
        }
    }
    arguments
}

/// What is said of something that went wrong, without the secrets of the links that stand in it: somebody may have written one where
/// something else belongs.
pub(super) fn without_secrets(said: &str) -> String {
    let mut shown = String::new();
    let mut rest = said;
    while let Some(at) = rest.find('#') {
        let (before, from) = rest.split_at(at);
        let ends = |c: char| c.is_whitespace() || "'\"`".contains(c);
        let word = before.rsplit(ends).next().unwrap_or_default();
        let keys = from.trim_start_matches('#').trim_start_matches(|c: char| c.is_ascii_digit());
        let has_keys = ["e.", "l.", "v."].iter().any(|kind| keys.starts_with(kind));
        let end = if word.contains(SCHEME) || has_keys { from.find(ends).unwrap_or(from.len()) } else { 1 };
        let (secret, behind) = from.split_at(end);
        shown.push_str(before);
        shown.push_str(if end > 1 { "#…" } else { secret });
        rest = behind;
    }
    shown + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(result: Result<String, Failure>) -> String {
        let failure = result.unwrap_err();
        assert_eq!(failure.code, Failure::USAGE);
        failure.message
    }

    #[test]
    fn the_first_line_that_says_something_is_the_link() {
        let read = |text: &str| read(&mut text.as_bytes()).map(|line| line.trim().to_owned());
        assert_eq!(read("\n \n quire://a/b#c \nmore\n"), Ok("quire://a/b#c".to_owned()));
        assert_eq!(read("quire://a/b#c"), Ok("quire://a/b#c".to_owned()));
        assert!(failure(read("")).contains("ended"));
        assert!(failure(read(" \n\n")).contains("ended"));
        let blanks = "\n".repeat(100_000) + "quire://a/b#c";
        assert!(failure(read(&blanks)).contains("ended"), "no more is read than a link can have");
    }

    #[test]
    fn what_is_no_text_is_not_shown() {
        let message = failure(read(&mut &b"quire://h/x#2e.secret\xff.00\n"[..]));
        assert!(message.contains("cannot be read") && !message.contains("secret"), "{message}");
    }

    #[test]
    fn a_complaint_shows_no_secret() {
        let complaint =
            "error: unexpected argument 'quire://h/ab#2e.secret.00000000' found\n\nUsage: quire join [LINK]\n";
        let shown = without_secrets(complaint);
        assert_eq!(shown, "error: unexpected argument 'quire://h/ab#…' found\n\nUsage: quire join [LINK]\n");
        assert_eq!(without_secrets("h/ab#2v.secret.00 and h#12e.secret"), "h/ab#… and h#…");
        assert_eq!(without_secrets("h/ab#2l.secret.00"), "h/ab#…");
        assert_eq!(without_secrets("# a #b c#d #"), "# a #b c#d #");
    }

    #[test]
    fn a_link_in_the_place_of_a_command_is_opened() {
        let check = |given: &str, expected: &str| {
            let arguments = with_open(given.split(' ').map(OsString::from));
            assert_eq!(arguments, expected.split(' ').map(OsString::from).collect::<Vec<_>>());
        };
        check("quire quire://h/a#2e.b", "quire open quire://h/a#2e.b");
        check("quire --json --library /a QUIRE://h/a", "quire --json --library /a open QUIRE://h/a");
        check("quire --library=/a quire://h/a", "quire --library=/a open quire://h/a");
        for given in
            ["quire", "quire join quire://h/a", "quire --library quire://h/a", "quire list", "quire https://h/a"]
        {
            check(given, given);
        }
    }
}
