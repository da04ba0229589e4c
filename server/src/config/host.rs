//! The host that clients are told: an address, or a name that stands for one.

use serde::Deserialize;
use std::fmt::{self, Display, Formatter};
use std::io;
use std::net::{IpAddr, ToSocketAddrs as _};
use std::str::FromStr;

/// An address, or a name that is resolved: clients and other nodes are told addresses only.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum PublicHost {
    /// An address, as it is.
    Address(IpAddr),
    /// A host name, for whatever address the system's resolver has for it.
    Name(String),
}

/// Why a text is neither an address nor a host name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublicHostError {
    /// There is a port at its end.
    #[error("a host has no port: leave it out, and set `public_tcp_port` and `public_quic_port`")]
    Port,
    /// It is something else.
    #[error("expected is an IP address, or a host name like `eu-1.game.example`")]
    Neither,
}

/// Longest host name, and longest part of one (RFC 1035).
const NAME_BYTES_MAX: usize = 253;
const LABEL_BYTES_MAX: usize = 63;

impl PublicHost {
    /// Every address that it has now. Blocks until the system's resolver has answered.
    pub fn resolve(&self) -> io::Result<Vec<IpAddr>> {
        match self {
            Self::Address(address) => Ok(vec![*address]),
            Self::Name(name) => {
                // The port is of no account, but the system wants one.
                let found: Vec<_> =
                    (name.as_str(), 0).to_socket_addrs()?.map(|address| address.ip()).collect();
                if found.is_empty() { Err(io::Error::other("it has no address")) } else { Ok(found) }
            }
        }
    }

    /// Whether it is "any address", which nobody can connect to.
    pub(super) fn is_unspecified(&self) -> bool {
        matches!(self, Self::Address(address) if address.is_unspecified())
    }
}

/// Which one of a host's addresses to tell: the one that was told before, if it is still among them, for a name may
/// stand for several, in another order each time; else one of the kind that the server listens on.
pub fn choose(before: Option<IpAddr>, found: &[IpAddr], listens_on: IpAddr) -> Option<IpAddr> {
    let still = before.filter(|before| found.contains(before));
    let alike = || found.iter().copied().find(|address| address.is_ipv4() == listens_on.is_ipv4());
    still.or_else(alike).or_else(|| found.first().copied())
}

impl FromStr for PublicHost {
    type Err = PublicHostError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(address) = text.parse() {
            return Ok(Self::Address(address));
        }
        let with_port = text.rsplit_once(':').is_some_and(|(host, port)| {
            !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) && Self::from_str(host).is_ok()
        });
        if with_port || text.parse::<std::net::SocketAddr>().is_ok() {
            return Err(PublicHostError::Port);
        }
        let is_label = |label: &str| {
            let edge = label.starts_with('-') || label.ends_with('-');
            let known = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
            !label.is_empty() && label.len() <= LABEL_BYTES_MAX && !edge && label.bytes().all(known)
        };
        // A dot at the end is allowed; it says that the name is whole.
        let name = text.strip_suffix('.').unwrap_or(text);
        // Digits only at the end: meant as an address, and one with a mistake.
        let number = |label: &str| label.bytes().all(|byte| byte.is_ascii_digit());
        let is_name = name.len() <= NAME_BYTES_MAX
            && name.split('.').all(is_label)
            && !name.rsplit('.').next().is_some_and(number);
        if is_name { Ok(Self::Name(text.to_owned())) } else { Err(PublicHostError::Neither) }
    }
}

impl TryFrom<String> for PublicHost {
    type Error = PublicHostError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl Display for PublicHost {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_host_is_an_address_or_a_name() {
        for address in ["203.0.113.7", "::1", "2001:db8::7"] {
            assert_eq!(address.parse(), Ok(PublicHost::Address(ip(address))));
        }
        for name in ["game.example", "localhost", "eu-1.game.example.", "a_b.example", "1.2.example"] {
            assert_eq!(name.parse(), Ok(PublicHost::Name(name.into())));
        }
    }

    #[test]
    fn what_is_neither_is_refused_with_the_remedy() {
        let long = "a".repeat(LABEL_BYTES_MAX + 1);
        for text in
            ["", ".", "a..b", "-a.example", "a-.example", "203.0.113", "1.2.3.4.5", "a b", "ö.example", &long]
        {
            assert_eq!(text.parse::<PublicHost>(), Err(PublicHostError::Neither), "{text}");
        }
        for text in ["game.example:7800", "203.0.113.7:7800", "[::1]:7800"] {
            assert_eq!(text.parse::<PublicHost>(), Err(PublicHostError::Port), "{text}");
        }
    }

    #[test]
    fn a_name_is_resolved_and_one_that_nobody_has_is_an_error() {
        let found = PublicHost::Name("localhost".into()).resolve().unwrap();
        assert!(found.contains(&ip("127.0.0.1")) || found.contains(&ip("::1")), "{found:?}");
        assert!(PublicHost::Name("nobody.invalid".into()).resolve().is_err());
        assert_eq!(PublicHost::Address(ip("::7")).resolve().unwrap(), [ip("::7")]);
    }

    #[test]
    fn the_address_that_was_told_stays_as_long_as_the_name_has_it() {
        let (a, b, six) = (ip("192.0.2.1"), ip("192.0.2.2"), ip("2001:db8::1"));
        let (any4, any6) = (ip("0.0.0.0"), ip("::"));
        assert_eq!(choose(None, &[six, a, b], any4), Some(a));
        assert_eq!(choose(Some(b), &[six, a, b], any4), Some(b));
        assert_eq!(choose(Some(b), &[six, a], any4), Some(a));
        assert_eq!(choose(None, &[a, six], any6), Some(six));
        assert_eq!(choose(None, &[a], any6), Some(a));
        assert_eq!(choose(Some(a), &[], any4), None);
    }
}
