//! Links to documents: `quire://HOST[:PORT]/DOCUMENT[?HOW]#VERSION.CHECK`.
//!
//! A link names the relay and the document; HOW is how the relay is reached, where that does not follow from its host. CHECK is the
//! CRC-32 of everything before its dot, as eight hexadecimal digits: a link with a typo is told from one that is no link of ours.

use std::fmt;
use std::str::FromStr;

use quire_crdt::{DocumentId, ParseIdError};
use thiserror::Error;

use super::checksum::crc32;

mod address;

pub use address::{AddressError, RELAY_PORT_DEFAULT, RelayAddress, Security};

/// The version of links that this program writes, and the only one that it reads.
pub const LINK_VERSION: u32 = 1;

/// The most characters that a text may have and still be looked at as a link.
pub const LINK_CHARS_MAX: usize = 512;

const SCHEME: &str = "quire://";

/// A link: which document, and at which relay.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Link {
    /// The relay where the document's changes meet.
    pub relay: RelayAddress,
    /// The document.
    pub document: DocumentId,
}

/// A text that is no link, and what is wrong with it.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum LinkError {
    /// There is no text.
    #[error("the link is empty: paste one that starts with {SCHEME}")]
    Empty,
    /// It does not start as our links do.
    #[error("this is not a Quire link: one starts with {SCHEME}, this text with {start:?}")]
    Foreign {
        /// Its first characters.
        start: String,
    },
    /// It is far longer than any link.
    #[error("the text has {chars} characters; a link has at most {LINK_CHARS_MAX}")]
    TooLong {
        /// How many characters it has.
        chars: usize,
    },
    /// The part between `//` and `/` is no relay.
    #[error("the link's relay cannot be read: {0}")]
    Relay(#[from] AddressError),
    /// Something is missing at its end.
    #[error("the link is cut off: {missing} is missing; copy it again, up to its last character")]
    CutOff {
        /// The first part that is missing.
        missing: &'static str,
    },
    /// It is of a version that this program does not know.
    #[error(
        "the link is of version {version}, this program reads version {LINK_VERSION}: a newer Quire made it; update this one"
    )]
    Version {
        /// The version found.
        version: u32,
    },
    /// The document's id is none.
    #[error("the link's document cannot be read ({0}): it has a typo; copy it again")]
    Document(#[from] ParseIdError),
    /// Its checksum does not fit the rest.
    #[error(
        "the link has a typo: its check digits are {found:?}, but {expected:08x} would fit the rest; copy it again"
    )]
    Typo {
        /// The check digits in the link.
        found: String,
        /// What the checksum of the rest is.
        expected: u32,
    },
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body = format!("{SCHEME}{}/{}{}#{LINK_VERSION}", self.relay.place(), self.document, self.relay.query());
        write!(f, "{body}.{:08x}", crc32(body.as_bytes()))
    }
}

impl FromStr for Link {
    type Err = LinkError;

    /// Reads a link; blanks, quotation marks and angle brackets around it are forgiven.
    fn from_str(text: &str) -> Result<Self, LinkError> {
        let text = text.trim_matches(|c: char| c.is_whitespace() || "<>\"'“”`".contains(c));
        let rest = after_scheme(text)?;
        let (authority, rest) = rest.split_once('/').ok_or(LinkError::CutOff { missing: "the document" })?;
        let (path, rest) = rest.split_once('#').ok_or(LinkError::CutOff { missing: "the part behind #" })?;
        let (version, check) = rest.split_once('.').ok_or(LinkError::CutOff { missing: "the check behind the dot" })?;
        let body = &text[..text.len() - check.len() - 1];
        let expected = crc32(body.as_bytes());
        if check.len() < 8 {
            return Err(LinkError::CutOff { missing: "a part of the check behind the dot" });
        }
        if !check.eq_ignore_ascii_case(&format!("{expected:08x}")) {
            return Err(LinkError::Typo { found: check.to_owned(), expected });
        }
        match version.parse() {
            Ok(LINK_VERSION) => {}
            Ok(version) => return Err(LinkError::Version { version }),
            Err(_) => return Err(LinkError::Typo { found: check.to_owned(), expected }),
        }
        let (document, query) = path.split_once('?').map_or((path, None), |(document, query)| (document, Some(query)));
        Ok(Self { relay: RelayAddress::of_link(authority, query)?, document: document.parse()? })
    }
}

fn after_scheme(text: &str) -> Result<&str, LinkError> {
    let chars = text.chars().count();
    if chars == 0 {
        return Err(LinkError::Empty);
    }
    let Some(rest) = text.strip_prefix(SCHEME) else {
        return Err(LinkError::Foreign { start: text.chars().take(16).collect() });
    };
    if chars > LINK_CHARS_MAX {
        return Err(LinkError::TooLong { chars });
    }
    Ok(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(host: &str, port: u16) -> Link {
        let relay = RelayAddress::new(host, port).unwrap();
        Link { relay, document: DocumentId::from_bytes([0xab; 16]) }
    }

    /// The error of a link made of `body` with fitting check digits.
    fn signed(body: &str) -> LinkError {
        format!("{body}.{:08x}", crc32(body.as_bytes())).parse::<Link>().unwrap_err()
    }

    #[test]
    fn a_link_reads_back() {
        for link in [link("relay.example.org", 4870), link("127.0.0.1", 9), link("[::1]", 4870), link("[fe80::1]", 80)]
        {
            let text = link.to_string();
            assert_eq!(text.parse(), Ok(link.clone()), "{text}");
            assert_eq!(format!(" <{text}>\n").parse(), Ok(link));
        }
        let text = link("Relay.local", 4870).to_string();
        assert_eq!(text, "quire://relay.local/abababababababababababababababab#1.5bd37916");
    }

    #[test]
    fn a_link_says_how_its_relay_is_reached() {
        let id = "abababababababababababababababab";
        let pin = "q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s";
        let pinned = Security::Pinned([0xab; 32]);
        let check = |host: &str, security: Security, query: &str| {
            let link = Link { relay: RelayAddress::new(host, 80).unwrap().reached_by(security), ..link("h", 1) };
            let text = link.to_string();
            assert!(text.starts_with(&format!("quire://{host}:80/{id}{query}#1.")), "{text}");
            assert_eq!(text.parse(), Ok(link));
        };
        check("relay.example.org", Security::Tls, "");
        check("relay.example.org", Security::Plain, "?plain");
        check("relay.example.org", pinned, &format!("?pin={pin}"));
        check("127.0.0.1", Security::Plain, "");
        check("127.0.0.1", Security::Tls, "?tls");
        check("127.0.0.1", pinned, &format!("?pin={pin}"));
        let unknown = AddressError::Query { query: "post".into() };
        assert_eq!(signed(&format!("quire://h/{id}?post#1")), LinkError::Relay(unknown));
    }

    #[test]
    fn one_wrong_character_is_a_typo_wherever_it_is() {
        let mut link = link("relay.example.org", 4871);
        link.relay = link.relay.reached_by(Security::Pinned([5; 32]));
        let text = link.to_string();
        for at in SCHEME.len()..text.len() {
            let mut typo = text.clone().into_bytes();
            typo[at] = if typo[at] == b'7' { b'3' } else { b'7' };
            let typo = String::from_utf8(typo).unwrap();
            let error = typo.parse::<Link>().unwrap_err();
            assert!(matches!(error, LinkError::Typo { .. } | LinkError::CutOff { .. }), "{typo}: {error}");
        }
    }

    #[test]
    fn a_link_that_is_cut_off_says_so() {
        let text = link("relay.example.org", 4871).to_string();
        for end in SCHEME.len()..text.len() {
            let error = text[..end].parse::<Link>().unwrap_err();
            assert!(matches!(error, LinkError::CutOff { .. }), "{}: {error}", &text[..end]);
        }
    }

    #[test]
    fn other_texts_say_what_is_wrong_with_them() {
        let id = "abababababababababababababababab";
        assert_eq!("".parse::<Link>(), Err(LinkError::Empty));
        assert_eq!("hello".parse::<Link>(), Err(LinkError::Foreign { start: "hello".into() }));
        assert_eq!(signed(&format!("quire://h/{id}#2")), LinkError::Version { version: 2 });
        assert_eq!(signed(&format!("quire:///{id}#1")), LinkError::Relay(AddressError::NoHost));
        assert_eq!(signed(&format!("quire://h:0x/{id}#1")), LinkError::Relay(AddressError::Port { port: "0x".into() }));
        assert_eq!(signed("quire://h/12#1"), LinkError::Document(ParseIdError::Length { length: 2 }));
        let long = format!("quire://{}/{id}#1.00000000", "h".repeat(600));
        assert!(matches!(long.parse::<Link>(), Err(LinkError::TooLong { .. })));
    }
}
