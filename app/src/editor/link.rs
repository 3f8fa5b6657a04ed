//! Links to documents: `quire://HOST[:PORT]/DOCUMENT#VERSION.CHECK`.
//!
//! A link names the relay and the document. CHECK is the CRC-32 of everything before its dot, as eight hexadecimal digits: a
//! link with a typo is told from one that is no link of ours.

use std::fmt;
use std::str::FromStr;

use quire_crdt::{DocumentId, ParseIdError};
use thiserror::Error;

use super::checksum::crc32;

/// The port of a relay whose address names none.
pub const RELAY_PORT_DEFAULT: u16 = 4870;

/// The version of links that this program writes, and the only one that it reads.
pub const LINK_VERSION: u32 = 1;

/// The most characters that a text may have and still be looked at as a link.
pub const LINK_CHARS_MAX: usize = 512;

const SCHEME: &str = "quire://";
const HOST_CHARS_MAX: usize = 253;

/// Where a relay listens.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RelayAddress {
    host: String,
    port: u16,
}

/// A text that is no address of a relay.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum AddressError {
    /// There is no host in it.
    #[error("the relay's address names no host; write HOST or HOST:PORT, as in relay.example.org:{RELAY_PORT_DEFAULT}")]
    NoHost,
    /// The host has a character that no host name has, or too many.
    #[error("{host:?} is not the name or address of a host")]
    Host {
        /// What stands in the host's place.
        host: String,
    },
    /// What follows the colon is no port.
    #[error("{port:?} is not a port: a port is a number from 1 to 65535")]
    Port {
        /// What stands in the port's place.
        port: String,
    },
    /// An encrypted connection is asked for.
    #[error(
        "{scheme} asks for an encrypted connection, which this version cannot make: use ws://, on a network you trust"
    )]
    Encrypted {
        /// The scheme asked for.
        scheme: String,
    },
    /// A scheme that no relay speaks.
    #[error("{scheme} is not how a relay is reached: write ws://HOST:PORT, or HOST:PORT alone")]
    Scheme {
        /// The scheme found.
        scheme: String,
    },
}

impl RelayAddress {
    /// The relay on this port of this host.
    ///
    /// # Errors
    /// An [`AddressError`] when `host` is empty or no host's name, or the port is 0.
    pub fn new(host: &str, port: u16) -> Result<Self, AddressError> {
        if host.is_empty() {
            return Err(AddressError::NoHost);
        }
        let bracketed = host.starts_with('[') && host.ends_with(']');
        let in_brackets = |c: char| c.is_ascii_hexdigit() || "[]:.%".contains(c);
        let in_name = |c: char| c.is_alphanumeric() || "-._".contains(c);
        let allowed = |c: char| if bracketed { in_brackets(c) } else { in_name(c) };
        if host.chars().count() > HOST_CHARS_MAX || !host.chars().all(allowed) {
            return Err(AddressError::Host { host: host.to_owned() });
        }
        if port == 0 {
            return Err(AddressError::Port { port: "0".to_owned() });
        }
        Ok(Self { host: host.to_lowercase(), port })
    }

    /// The host's name or address; an IPv6 address stands in brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Where the websocket is.
    pub fn url(&self) -> String {
        format!("ws://{}:{}/sync", self.host, self.port)
    }
}

impl fmt::Display for RelayAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host)?;
        if self.port == RELAY_PORT_DEFAULT { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

impl FromStr for RelayAddress {
    type Err = AddressError;

    /// Reads `HOST`, `HOST:PORT`, `ws://HOST:PORT` and `quire://HOST:PORT`, the latter two with any path.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        let text = text.trim();
        let authority = match text.split_once("://") {
            None => text,
            Some(("ws" | "quire" | "http", rest)) => rest.split(['/', '#', '?']).next().unwrap_or_default(),
            Some((scheme @ ("wss" | "https"), _)) => {
                return Err(AddressError::Encrypted { scheme: format!("{scheme}://") });
            }
            Some((scheme, _)) => return Err(AddressError::Scheme { scheme: format!("{scheme}://") }),
        };
        let bracket_end = authority.rfind(']').map_or(0, |at| at + 1);
        let Some(colon) = authority[bracket_end..].find(':').map(|at| at + bracket_end) else {
            return Self::new(authority, RELAY_PORT_DEFAULT);
        };
        let port = &authority[colon + 1..];
        let number = port.parse().map_err(|_| AddressError::Port { port: port.to_owned() })?;
        Self::new(&authority[..colon], number)
    }
}

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
        let body = format!("{SCHEME}{}/{}#{LINK_VERSION}", self.relay, self.document);
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
        let (document, rest) = rest.split_once('#').ok_or(LinkError::CutOff { missing: "the part behind #" })?;
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
        Ok(Self { relay: authority.parse()?, document: document.parse()? })
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
    fn one_wrong_character_is_a_typo_wherever_it_is() {
        let text = link("relay.example.org", 4871).to_string();
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

    #[test]
    fn an_address_is_read_as_people_write_it() {
        let check = |text: &str, expected: &str| assert_eq!(text.parse::<RelayAddress>().unwrap().url(), expected);
        check("relay.local", "ws://relay.local:4870/sync");
        check(" Relay.local:80 ", "ws://relay.local:80/sync");
        check("ws://127.0.0.1:4870/", "ws://127.0.0.1:4870/sync");
        check("quire://[::1]:5000/abc", "ws://[::1]:5000/sync");
        let error = |text: &str| text.parse::<RelayAddress>().unwrap_err();
        assert_eq!(error("wss://h"), AddressError::Encrypted { scheme: "wss://".into() });
        assert_eq!(error("ftp://h"), AddressError::Scheme { scheme: "ftp://".into() });
        assert_eq!(error(""), AddressError::NoHost);
        assert_eq!(error(":4870"), AddressError::NoHost);
        assert_eq!(error("a b"), AddressError::Host { host: "a b".into() });
        assert_eq!(error("h:70000"), AddressError::Port { port: "70000".into() });
    }
}
