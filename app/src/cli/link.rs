//! Where a link comes from: a command line, which other accounts of the same computer can read while the command runs; the standard
//! input; a person who is asked; or the QR code in a picture. And how it is shown as one.

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

/// A complaint about the command line without the secrets of the links that stand in it.
pub(super) fn without_secrets(complaint: &str) -> String {
    let mut shown = String::new();
    let mut rest = complaint;
    while let Some(at) = rest.find('#') {
        let (before, from) = rest.split_at(at);
        let end = from.find(|c: char| c.is_whitespace() || "'\"`".contains(c)).unwrap_or(from.len());
        shown.push_str(before);
        shown.push_str("#…");
        rest = from.get(end..).unwrap_or_default();
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
        assert_eq!(without_secrets("a #b c#d"), "a #… c#…");
    }
}
