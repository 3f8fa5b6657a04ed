//! Where a relay is, and how it is reached.
//!
//! | text | is reached |
//! | --- | --- |
//! | `HOST[:PORT]` | by TLS; in the clear where the host is this computer |
//! | `wss://HOST[:PORT]` | by TLS |
//! | `ws://HOST[:PORT]` | in the clear |
//! | `HOST[:PORT]?pin=PIN` | by TLS, and it shows the certificate whose key this is |

use std::fmt;
use std::str::FromStr;

// Addresses as data; the sockets beside them in `std::net` are the shell's.
use core::net::{Ipv4Addr, Ipv6Addr};
use data_encoding::BASE64URL_NOPAD;
use thiserror::Error;

/// The port of a relay whose address names none.
pub const RELAY_PORT_DEFAULT: u16 = 4870;

const HOST_CHARS_MAX: usize = 253;
const PIN_KEY: &str = "pin=";

/// How a relay is reached.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Security {
    /// By TLS: somebody whom this system trusts vouches that the relay is the one of that name.
    Tls,
    /// Unencrypted, as everybody on the way can read and alter.
    Plain,
    /// By TLS: the relay proves that it has the key whose `SubjectPublicKeyInfo` has this SHA-256; its certificate's name, issuer and
    /// dates do not count.
    Pinned([u8; 32]),
}

/// Where a relay listens, and how it is reached.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RelayAddress {
    host: String,
    port: u16,
    security: Security,
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
    /// A scheme that no relay speaks.
    #[error(
        "{scheme} is not how a relay is reached: write HOST:PORT, which is encrypted, or ws://HOST:PORT, which is not"
    )]
    Scheme {
        /// The scheme found.
        scheme: String,
    },
    /// What follows the question mark is unknown.
    #[error("“?{query}” says nothing of how a relay is reached: this version knows ?pin=PIN, ?plain and ?tls")]
    Query {
        /// What stands behind the question mark.
        query: String,
    },
    /// The pin is none.
    #[error(
        "{pin:?} is not the pin of a relay's certificate: a pin has 43 letters, digits, - and _, as the relay says it at its start"
    )]
    Pin {
        /// What stands in the pin's place.
        pin: String,
    },
    /// It says two things of how the relay is reached.
    #[error("{scheme} and “?{query}” contradict each other: leave one of them out")]
    Contradiction {
        /// The scheme.
        scheme: String,
        /// What stands behind the question mark.
        query: String,
    },
}

impl RelayAddress {
    /// The relay on this port of this host: unencrypted if the host is this computer, else by TLS.
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
        let host = host.to_lowercase();
        let security = default_security(&host);
        Ok(Self { host, port, security })
    }

    /// The same relay, reached in this way.
    #[must_use]
    pub const fn reached_by(mut self, security: Security) -> Self {
        self.security = security;
        self
    }

    /// The relay that a link names: by what stands before its path, and what stands behind a question mark if there is one.
    ///
    /// # Errors
    /// An [`AddressError`] that says which part is wrong.
    pub fn of_link(authority: &str, query: Option<&str>) -> Result<Self, AddressError> {
        let address = Self::of_authority(authority)?;
        Ok(match query {
            None => address,
            Some(query) => address.reached_by(security_of(query)?),
        })
    }

    fn of_authority(authority: &str) -> Result<Self, AddressError> {
        let bracket_end = authority.rfind(']').map_or(0, |at| at + 1);
        let Some(colon) = authority[bracket_end..].find(':').map(|at| at + bracket_end) else {
            return Self::new(authority, RELAY_PORT_DEFAULT);
        };
        let port = &authority[colon + 1..];
        let number = port.parse().map_err(|_| AddressError::Port { port: port.to_owned() })?;
        Self::new(&authority[..colon], number)
    }

    /// The host's name or address; an IPv6 address stands in brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// How it is reached.
    pub const fn security(&self) -> Security {
        self.security
    }

    /// Where the websocket is.
    pub fn url(&self) -> String {
        let scheme = if self.security == Security::Plain { "ws" } else { "wss" };
        format!("{scheme}://{}:{}/sync", self.host, self.port)
    }

    /// `HOST[:PORT]`: where it is, without how it is reached.
    pub fn place(&self) -> String {
        if self.port == RELAY_PORT_DEFAULT { self.host.clone() } else { format!("{}:{}", self.host, self.port) }
    }

    /// `HOST:PORT`: what a proof of access is bound to.
    pub fn proved(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// What a link says of how it is reached: nothing where that follows from the host, else with its question mark.
    pub fn query(&self) -> String {
        match self.security {
            Security::Pinned(pin) => format!("?{PIN_KEY}{}", BASE64URL_NOPAD.encode(&pin)),
            usual if usual == default_security(&self.host) => String::new(),
            Security::Plain => "?plain".to_owned(),
            Security::Tls => "?tls".to_owned(),
        }
    }
}

/// How a host is reached if nothing is said: what never leaves this computer needs no encryption.
fn default_security(host: &str) -> Security {
    let is_v4 = || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback());
    let inside = || host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let is_v6 =
        || inside().and_then(|inside| inside.parse().ok()).is_some_and(|address: Ipv6Addr| address.is_loopback());
    if host == "localhost" || is_v4() || is_v6() { Security::Plain } else { Security::Tls }
}

fn security_of(query: &str) -> Result<Security, AddressError> {
    if let Some(pin) = query.strip_prefix(PIN_KEY) {
        let decoded = BASE64URL_NOPAD.decode(pin.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
        return decoded.map(Security::Pinned).ok_or_else(|| AddressError::Pin { pin: pin.to_owned() });
    }
    match query {
        "plain" => Ok(Security::Plain),
        "tls" => Ok(Security::Tls),
        _ => Err(AddressError::Query { query: query.to_owned() }),
    }
}

impl fmt::Display for RelayAddress {
    /// The shortest text that reads back as the same address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.place();
        match self.security {
            Security::Pinned(_) => write!(f, "{place}{}", self.query()),
            usual if usual == default_security(&self.host) => f.write_str(&place),
            Security::Plain => write!(f, "ws://{place}"),
            Security::Tls => write!(f, "wss://{place}"),
        }
    }
}

impl FromStr for RelayAddress {
    type Err = AddressError;

    /// Reads `HOST`, `HOST:PORT`, `ws://HOST:PORT`, `wss://HOST:PORT` and links, those behind a scheme with any path; each with `?pin=PIN`
    /// behind it if the relay's certificate is pinned.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        let text = text.trim();
        let Some((scheme, rest)) = text.split_once("://") else {
            let (authority, query) = with_query(text);
            return Self::of_link(authority, query);
        };
        let asked = match scheme {
            "quire" => None,
            "ws" | "http" => Some(Security::Plain),
            "wss" | "https" => Some(Security::Tls),
            _ => return Err(AddressError::Scheme { scheme: format!("{scheme}://") }),
        };
        let (path, query) = with_query(rest.split('#').next().unwrap_or_default());
        let address = Self::of_link(path.split('/').next().unwrap_or_default(), query)?;
        match (asked, query) {
            (Some(asked), None) => Ok(address.reached_by(asked)),
            (Some(asked), Some(query)) if (asked == Security::Plain) != (address.security == Security::Plain) => {
                Err(AddressError::Contradiction { scheme: format!("{scheme}://"), query: query.to_owned() })
            }
            (None, _) | (Some(_), Some(_)) => Ok(address),
        }
    }
}

fn with_query(text: &str) -> (&str, Option<&str>) {
    text.split_once('?').map_or((text, None), |(before, query)| (before, Some(query)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIN: &str = "q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s";

    fn error(text: &str) -> AddressError {
        text.parse::<RelayAddress>().unwrap_err()
    }

    #[test]
    fn an_address_is_read_as_people_write_it() {
        let check = |text: &str, expected: &str| assert_eq!(text.parse::<RelayAddress>().unwrap().url(), expected);
        check("relay.local", "wss://relay.local:4870/sync");
        check(" Relay.local:80 ", "wss://relay.local:80/sync");
        check("ws://127.0.0.1:4870/", "ws://127.0.0.1:4870/sync");
        check("ws://relay.local", "ws://relay.local:4870/sync");
        check("wss://localhost/sync", "wss://localhost:4870/sync");
        check("quire://[::1]:5000/abc", "ws://[::1]:5000/sync");
        check("quire://relay.local/abc?plain#1.0", "ws://relay.local:4870/sync");
        assert_eq!(error("ftp://h"), AddressError::Scheme { scheme: "ftp://".into() });
        assert_eq!(error(""), AddressError::NoHost);
        assert_eq!(error(":4870"), AddressError::NoHost);
        assert_eq!(error("a b"), AddressError::Host { host: "a b".into() });
        assert_eq!(error("h/a"), AddressError::Host { host: "h/a".into() });
        assert_eq!(error("h:70000"), AddressError::Port { port: "70000".into() });
        assert_eq!(error("h?pen=1"), AddressError::Query { query: "pen=1".into() });
        assert_eq!(error("h?"), AddressError::Query { query: String::new() });
        let contradiction = AddressError::Contradiction { scheme: "ws://".into(), query: format!("pin={PIN}") };
        assert_eq!(error(&format!("ws://h?pin={PIN}")), contradiction);
        assert!(matches!(error("wss://h?plain"), AddressError::Contradiction { .. }));
    }

    #[test]
    fn only_what_never_leaves_this_computer_is_unencrypted_without_being_asked_for() {
        let check = |host: &str, expected: Security| {
            assert_eq!(host.parse::<RelayAddress>().unwrap().security(), expected, "{host}");
            assert_eq!(format!("ws://{host}").parse::<RelayAddress>().unwrap().security(), Security::Plain, "{host}");
            assert_eq!(format!("wss://{host}").parse::<RelayAddress>().unwrap().security(), Security::Tls, "{host}");
        };
        for host in ["localhost", "LocalHost:1", "127.0.0.1", "127.255.0.9:80", "[::1]", "[0:0::1]:9"] {
            check(host, Security::Plain);
        }
        let others = ["relay", "192.168.1.5", "0.0.0.0", "127.1", "127.0.0.1.example.org", "localhost.example.org"];
        for host in others.into_iter().chain(["128.0.0.1", "[::]", "[::2]", "[fe80::1]:80", "a127.0.0.1"]) {
            check(host, Security::Tls);
        }
    }

    #[test]
    fn a_pin_is_forty_three_characters() {
        let pinned: RelayAddress = format!("relay.local:5000?pin={PIN}").parse().unwrap();
        assert_eq!(pinned.security(), Security::Pinned([0xab; 32]));
        assert_eq!(pinned.url(), "wss://relay.local:5000/sync");
        assert_eq!(pinned.place(), "relay.local:5000");
        assert_eq!(format!("wss://relay.local:5000/?pin={PIN}").parse(), Ok(pinned));
        let short = &PIN[..42];
        // The last character of a pin has two bits to spare: the same pin must not be written in four ways.
        for wrong in [short, &format!("{PIN}A"), &format!("{short}t"), &format!("{short}+"), ""] {
            assert_eq!(error(&format!("h?pin={wrong}")), AddressError::Pin { pin: wrong.into() });
        }
    }

    #[test]
    fn an_address_is_written_as_short_as_can_be_and_reads_back() {
        let check = |text: &str| assert_eq!(text.parse::<RelayAddress>().unwrap().to_string(), text);
        for text in
            ["127.0.0.1:80", "localhost", "wss://localhost", "relay.local:80", "ws://192.168.1.5", "wss://[::1]:9"]
        {
            check(text);
        }
        check(&format!("127.0.0.1?pin={PIN}"));
        let hosts =
            ["localhost", "127.0.0.1", "127.9.9.9", "[::1]", "[fe80::1%25]", "relay.example.org", "10.0.0.1", "bücher"];
        let securities = [Security::Tls, Security::Plain, Security::Pinned([0xab; 32]), Security::Pinned([0xff; 32])];
        for (host, port) in hosts.into_iter().flat_map(|host| [1, 80, 4870, 65535].map(|port| (host, port))) {
            for security in securities {
                let address = RelayAddress::new(host, port).unwrap().reached_by(security);
                assert_eq!(address.to_string().parse(), Ok(address.clone()), "{address}");
                let query = address.query();
                let read = RelayAddress::of_link(&address.place(), query.strip_prefix('?'));
                assert_eq!(read, Ok(address.clone()), "{query}");
                let link = format!("quire://{}/abc{query}#1.00", address.place());
                assert_eq!(link.parse(), Ok(address), "{link}");
            }
        }
    }
}
