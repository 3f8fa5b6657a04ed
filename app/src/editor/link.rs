//! Links to documents: `quire://HOST[:PORT]/DOCUMENT[?HOW]#VERSION.KEYS.CHECK`.
//!
//! A link names the relay and the document, and carries what the document's keys follow from: whoever has it needs nothing else. HOW is
//! how the relay is reached, where that does not follow from its host. VERSION is 2, and `e`, `l` or `v`: an editor's link, whose KEYS are the
//! root secret; a library's, whose KEYS are that of the document that lists its documents; or a viewer's, whose KEYS are the read
//! secret and the public write key; all in base64url (RFC 4648) without padding.
//! CHECK is the CRC-32 of everything before its dot, as eight hexadecimal digits: a link with a typo is told from one that is no link
//! of ours. Nothing behind the `#` is ever sent to a relay.

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE64URL_NOPAD;
use quire_crdt::keys::{DocumentKeys, KEY_BYTES, KeyError, PublicKey, ReadSecret, RootSecret, SECRET_BYTES};
use quire_crdt::{DocumentId, ParseIdError};
use thiserror::Error;

use super::checksum::crc32;

mod address;

pub use address::{AddressError, RELAY_PORT_DEFAULT, RelayAddress, Security};

/// The version of links that this program writes, and the newest that it reads. Version 1 had no keys: it leads nowhere any more.
pub const LINK_VERSION: u32 = 2;

/// The most characters that a text may have and still be looked at as a link.
pub const LINK_CHARS_MAX: usize = 512;

/// What every link starts with.
pub const SCHEME: &str = "quire://";

/// What a link lets its reader do, and the secret that it takes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum LinkKeys {
    /// Read and write.
    Editor(RootSecret),
    /// Read and write the list of a library: all that it has.
    Library(RootSecret),
    /// Read.
    Viewer(ReadSecret, PublicKey),
}

impl LinkKeys {
    /// The keys that follow.
    ///
    /// # Errors
    /// [`KeyError::PublicKey`] when a viewer's public key is none.
    pub fn document_keys(&self) -> Result<DocumentKeys, KeyError> {
        match self {
            Self::Editor(root) | Self::Library(root) => Ok(DocumentKeys::editor(root)),
            Self::Viewer(read, write_public) => DocumentKeys::viewer(read.clone(), *write_public),
        }
    }

    /// What a viewer's link carries of them.
    ///
    /// # Errors
    /// As [`LinkKeys::document_keys`].
    pub fn to_viewer(&self) -> Result<Self, KeyError> {
        let keys = self.document_keys()?;
        Ok(Self::Viewer(keys.read().clone(), *keys.write_public()))
    }

    /// Whether they allow writing.
    pub const fn can_write(&self) -> bool {
        matches!(self, Self::Editor(_) | Self::Library(_))
    }

    /// Whether they are those of a library's list.
    pub const fn is_library(&self) -> bool {
        matches!(self, Self::Library(_))
    }

    /// As a link and the library have them: one letter, a dot, and the secret.
    pub fn expose(&self) -> String {
        match self {
            Self::Editor(root) => format!("e.{}", BASE64URL_NOPAD.encode(root.expose())),
            Self::Library(root) => format!("l.{}", BASE64URL_NOPAD.encode(root.expose())),
            Self::Viewer(read, write_public) => {
                format!("v.{}", BASE64URL_NOPAD.encode(&[&read.expose()[..], write_public].concat()))
            }
        }
    }

    /// Reads what [`LinkKeys::expose`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, secret) = text.split_once('.')?;
        let bytes = BASE64URL_NOPAD.decode(secret.as_bytes()).ok()?;
        let (read, rest) = bytes.split_first_chunk::<SECRET_BYTES>()?;
        match kind {
            "e" if rest.is_empty() => Some(Self::Editor(RootSecret::from_bytes(*read))),
            "l" if rest.is_empty() => Some(Self::Library(RootSecret::from_bytes(*read))),
            "v" => {
                let keys = Self::Viewer(ReadSecret::from_bytes(*read), *rest.as_array::<KEY_BYTES>()?);
                keys.document_keys().is_ok().then_some(keys)
            }
            _ => None,
        }
    }
}

/// A link: which document, at which relay, and the keys.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Link {
    /// The relay where the document's changes meet.
    pub relay: RelayAddress,
    /// The document.
    pub document: DocumentId,
    /// Its keys.
    pub keys: LinkKeys,
}

impl Link {
    /// The same for those who may read and not write.
    ///
    /// # Errors
    /// A [`KeyError`] when the keys are none.
    pub fn for_viewers(self) -> Result<Self, KeyError> {
        Ok(Self { keys: self.keys.to_viewer()?, ..self })
    }
}

/// A text that is no link, and what is wrong with it.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum LinkError {
    /// There is no text.
    #[error("the link is empty: paste one that starts with {SCHEME}")]
    Empty,
    /// It does not start as our links do.
    #[error("this is not a Quire link: one starts with {SCHEME}{}", of_scheme(scheme))]
    Foreign {
        /// What it starts with in that place, such as `https://`; empty if there is no such thing. No more of it is shown: it may be
        /// the half of a link, and have its secret.
        scheme: String,
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
    /// It is from before links carried keys.
    #[error(
        "the link was made before links carried keys, and leads nowhere any more: ask whoever sent it for a new one"
    )]
    NoKeys,
    /// Its keys are none, or those of another document.
    #[error("the link’s keys are not those of its document: copy it again from where it was made")]
    Keys,
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
        let (place, query, keys) = (self.relay.place(), self.relay.query(), self.keys.expose());
        let body = format!("{SCHEME}{place}/{}{query}#{LINK_VERSION}{keys}", self.document);
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
        let cut_off = LinkError::CutOff { missing: "a part of what stands behind #" };
        // One dot in front of the secret, which links of version 1 did not have, and one in front of the check.
        let dots = if rest.starts_with("1.") { 1 } else { 2 };
        let (said, check) = rest.rsplit_once('.').filter(|_| rest.matches('.').count() >= dots).ok_or(cut_off)?;
        let body = &text[..text.len() - check.len() - 1];
        let expected = crc32(body.as_bytes());
        let typo = || LinkError::Typo { found: check.to_owned(), expected };
        let number: String = said.chars().take_while(char::is_ascii_digit).collect();
        if check.len() < 8 {
            return Err(LinkError::CutOff { missing: "a part of the check behind the dot" });
        }
        if !check.eq_ignore_ascii_case(&format!("{expected:08x}")) {
            return Err(typo());
        }
        let keys = match number.parse() {
            Ok(LINK_VERSION) => LinkKeys::parse(&said[number.len()..]).ok_or(LinkError::Keys)?,
            Ok(1) => return Err(LinkError::NoKeys),
            Ok(version) => return Err(LinkError::Version { version }),
            Err(_) => return Err(typo()),
        };
        let (document, query) = path.split_once('?').map_or((path, None), |(document, query)| (document, Some(query)));
        let (relay, document) = (RelayAddress::of_link(authority, query)?, document.parse()?);
        match keys.document_keys() {
            Ok(derived) if derived.document() == document => Ok(Self { relay, document, keys }),
            _ => Err(LinkError::Keys),
        }
    }
}

fn after_scheme(text: &str) -> Result<&str, LinkError> {
    let chars = text.chars().count();
    if chars == 0 {
        return Err(LinkError::Empty);
    }
    let Some(rest) = text.strip_prefix(SCHEME) else {
        return Err(LinkError::Foreign { scheme: scheme_of(text).to_owned() });
    };
    if chars > LINK_CHARS_MAX {
        return Err(LinkError::TooLong { chars });
    }
    Ok(rest)
}

/// `https://` of a text that starts so.
fn scheme_of(text: &str) -> &str {
    let end = text.find("://").filter(|end| *end <= SCHEME_BYTES_MAX).map(|end| end + 3);
    let scheme = end.and_then(|end| text.get(..end)).unwrap_or_default();
    if scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.:/".contains(c)) { scheme } else { "" }
}

fn of_scheme(scheme: &str) -> String {
    if scheme.is_empty() { String::new() } else { format!(", this text with {scheme}") }
}

/// The most bytes of another link's scheme that are shown.
const SCHEME_BYTES_MAX: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    fn link(host: &str, port: u16) -> Link {
        let (relay, keys) =
            (RelayAddress::new(host, port).unwrap(), LinkKeys::Editor(RootSecret::from_bytes([0xab; 16])));
        Link { relay, document: keys.document_keys().unwrap().document(), keys }
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
        let editor = link("Relay.local", 4870);
        let text = editor.to_string();
        let id = editor.document;
        assert_eq!(text[..text.len() - 8], format!("quire://relay.local/{id}#2e.q6urq6urq6urq6urq6urqw."));
        let viewer = Link { keys: editor.keys.to_viewer().unwrap(), ..editor };
        let text = viewer.to_string();
        assert_eq!(text.split('#').nth(1).unwrap().len(), "2v.".len() + 64 + 9, "{text}");
        assert_eq!(text.parse(), Ok(viewer));
        assert!(!text.contains("q6urq6ur"), "a viewer's link does not carry the root secret");
    }

    #[test]
    fn the_link_of_a_library_is_told_from_that_of_a_document() {
        let library = Link { keys: LinkKeys::parse("l.q6urq6urq6urq6urq6urqw").unwrap(), ..link("h", 1) };
        assert!(library.keys.is_library() && !link("h", 1).keys.is_library());
        let text = library.to_string();
        assert_eq!(text.split('#').nth(1).map(|keys| &keys[..3]), Some("2l."));
        assert_eq!(text.parse(), Ok(library));
    }

    #[test]
    fn keys_that_are_not_the_document_s_are_refused() {
        let link = link("h", 1);
        let other = Link { document: DocumentId::from_bytes([1; 16]), ..link.clone() };
        assert_eq!(other.to_string().parse::<Link>(), Err(LinkError::Keys));
        let id = link.document;
        for keys in
            ["2e.q6urq6urq6urq6urq6urq", "2e.", "2v.q6urq6urq6urq6urq6urqw", "2x.q6urq6urq6urq6urq6urqw", "2.", "2e.="]
        {
            assert_eq!(signed(&format!("quire://h/{id}#{keys}")), LinkError::Keys, "{keys}");
        }
    }

    #[test]
    fn neither_errors_nor_debug_show_a_secret() {
        let text = link("relay.example.org", 4871).to_string();
        let secret = "q6urq6urq6urq6urq6urqw";
        for end in 1..text.len() {
            for part in [&text[..end], &text[end..]] {
                let error = part.parse::<Link>().unwrap_err();
                assert!(!format!("{error} {error:?}").contains("q6urq6"), "{error}");
            }
        }
        let typo = text.replace(secret, "q6urq6urq6urq6urq6urqQ");
        let error = typo.parse::<Link>().unwrap_err();
        assert!(!format!("{error} {error:?}").contains("q6urq6"), "{error}");
        assert!(!format!("{:?}", text.parse::<Link>()).contains("171"));
    }

    #[test]
    fn a_link_says_how_its_relay_is_reached() {
        let id = link("h", 1).document;
        let pin = "q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s";
        let pinned = Security::Pinned([0xab; 32]);
        let check = |host: &str, security: Security, query: &str| {
            let link = Link { relay: RelayAddress::new(host, 80).unwrap().reached_by(security), ..link("h", 1) };
            let text = link.to_string();
            assert!(text.starts_with(&format!("quire://{host}:80/{id}{query}#2e.")), "{text}");
            assert_eq!(text.parse(), Ok(link));
        };
        check("relay.example.org", Security::Tls, "");
        check("relay.example.org", Security::Plain, "?plain");
        check("relay.example.org", pinned, &format!("?pin={pin}"));
        check("127.0.0.1", Security::Plain, "");
        check("127.0.0.1", Security::Tls, "?tls");
        check("127.0.0.1", pinned, &format!("?pin={pin}"));
        let unknown = AddressError::Query { query: "post".into() };
        assert_eq!(signed(&format!("quire://h/{id}?post#2e.q6urq6urq6urq6urq6urqw")), LinkError::Relay(unknown));
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
            assert!(matches!(error, LinkError::CutOff { .. }), "{}: {error:?}", &text[..end]);
        }
    }

    #[test]
    fn other_texts_say_what_is_wrong_with_them() {
        let id = "abababababababababababababababab";
        assert_eq!("".parse::<Link>(), Err(LinkError::Empty));
        assert_eq!("hello".parse::<Link>(), Err(LinkError::Foreign { scheme: String::new() }));
        let foreign = "https://example.org/".parse::<Link>();
        assert_eq!(foreign, Err(LinkError::Foreign { scheme: "https://".into() }));
        let words = "this is not a Quire link: one starts with quire://, this text with https://";
        assert_eq!(foreign.map_err(|error| error.to_string()), Err(words.to_owned()));
        assert_eq!(signed(&format!("quire://h/{id}#3e.q6ur")), LinkError::Version { version: 3 });
        assert_eq!(signed(&format!("quire://h/{id}#1")), LinkError::NoKeys);
        let keys = "2e.q6urq6urq6urq6urq6urqw";
        assert_eq!(signed(&format!("quire:///{id}#{keys}")), LinkError::Relay(AddressError::NoHost));
        let port = AddressError::Port { port: "0x".into() };
        assert_eq!(signed(&format!("quire://h:0x/{id}#{keys}")), LinkError::Relay(port));
        assert_eq!(signed(&format!("quire://h/12#{keys}")), LinkError::Document(ParseIdError::Length { length: 2 }));
        let long = format!("quire://{}/{id}#1.00000000", "h".repeat(600));
        assert!(matches!(long.parse::<Link>(), Err(LinkError::TooLong { .. })));
    }
}
