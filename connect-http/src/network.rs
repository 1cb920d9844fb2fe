//! Networks, such as those of proxies that are trusted.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// An address and how many of its leading bits count: `10.0.0.0/8`, `fd00::/8`, or one address alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network {
    first: IpAddr,
    prefix: u8,
}

/// Why a text is no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadNetwork {
    /// It reads as none.
    #[error("{0:?} is no address such as 192.0.2.1 or fd00::1, alone or with a prefix as in 10.0.0.0/8")]
    Unreadable(String),
    /// The prefix counts more bits than there are.
    #[error("{text:?} has a prefix of more than {most} bits")]
    TooLong {
        /// What was given.
        text: String,
        /// How many bits an address of this kind has.
        most: u8,
    },
    /// The address has bits that the prefix does not count: one of both is not what was meant.
    #[error("{text:?} has bits behind its prefix: the network is {network}")]
    BitsBehind {
        /// What was given.
        text: String,
        /// The network it is in.
        network: Network,
    },
    /// Every address is in it. Whoever is trusted may say who they are, and so would be everybody.
    #[error("{0:?} is every address there is, and not all of them can be trusted")]
    Everybody(String),
}

impl Network {
    /// Whether an address is in it. IPv4 addresses that are mapped into IPv6 are IPv4.
    pub fn contains(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        ip.is_ipv4() == self.first.is_ipv4() && begin(ip, self.prefix) == self.first
    }
}

/// How many bits an address has.
fn width(ip: IpAddr) -> u8 {
    if ip.is_ipv4() { 32 } else { 128 }
}

/// The first address of the network an address is in.
fn begin(ip: IpAddr, prefix: u8) -> IpAddr {
    match ip {
        IpAddr::V4(ip) => {
            let behind = u32::MAX.checked_shr(u32::from(prefix)).unwrap_or(0);
            Ipv4Addr::from_bits(ip.to_bits() & !behind).into()
        }
        IpAddr::V6(ip) => {
            let behind = u128::MAX.checked_shr(u32::from(prefix)).unwrap_or(0);
            Ipv6Addr::from_bits(ip.to_bits() & !behind).into()
        }
    }
}

impl FromStr for Network {
    type Err = BadNetwork;

    fn from_str(text: &str) -> Result<Self, BadNetwork> {
        let unreadable = || BadNetwork::Unreadable(text.to_owned());
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let given: IpAddr = address.parse().map_err(|_| unreadable())?;
        let most = width(given);
        let prefix = match prefix {
            None => most,
            Some(digits) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => {
                let too_long = || BadNetwork::TooLong { text: text.to_owned(), most };
                digits.parse().ok().filter(|prefix| *prefix <= most).ok_or_else(too_long)?
            }
            Some(_) => return Err(unreadable()),
        };
        let first = begin(given, prefix);
        // Networks of mapped addresses are kept as what they stand for, as addresses are compared.
        let network = match (first.to_canonical(), prefix) {
            (IpAddr::V4(first), 96..) if given.is_ipv6() => Self { first: first.into(), prefix: prefix - 96 },
            _ => Self { first, prefix },
        };
        if network.prefix == 0 {
            return Err(BadNetwork::Everybody(text.to_owned()));
        }
        if first != given {
            return Err(BadNetwork::BitsBehind { text: text.to_owned(), network });
        }
        Ok(network)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_read_and_shown() {
        for (text, shown) in [
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("192.0.2.1", "192.0.2.1/32"),
            ("192.0.2.1/32", "192.0.2.1/32"),
            ("fd00::/8", "fd00::/8"),
            ("2001:DB8::1", "2001:db8::1/128"),
            ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
            ("::ffff:192.0.2.1", "192.0.2.1/32"),
        ] {
            assert_eq!(text.parse::<Network>().map(|network| network.to_string()), Ok(shown.to_owned()));
        }
    }

    #[test]
    fn what_is_no_network_is_told_clearly() {
        for (text, told) in [
            ("", "is no address"),
            ("localhost", "is no address"),
            ("10.0.0", "is no address"),
            ("010.0.0.1", "is no address"),
            ("10.0.0.0/", "is no address"),
            ("10.0.0.0/+8", "is no address"),
            ("10.0.0.0/8/8", "is no address"),
            ("10.0.0.0 /8", "is no address"),
            ("10.0.0.0:80", "is no address"),
            ("[::1]", "is no address"),
            ("fe80::1%eth0", "is no address"),
            ("10.0.0.0/33", "more than 32 bits"),
            ("fd00::/129", "more than 128 bits"),
            ("fd00::/999", "more than 128 bits"),
            ("10.0.0.1/8", "the network is 10.0.0.0/8"),
            ("2001:db8::1/32", "the network is 2001:db8::/32"),
            ("0.0.0.0/0", "every address"),
            ("::/0", "every address"),
            ("::ffff:0:0/96", "every address"),
        ] {
            let error = text.parse::<Network>().expect_err(text).to_string();
            assert!(error.contains(told) && error.contains(&format!("{text:?}")), "{text:?}: {error}");
        }
    }

    #[test]
    fn addresses_are_in_it_or_not() {
        for (network, ip, is_in) in [
            ("10.0.0.0/8", "10.255.255.255", true),
            ("10.0.0.0/8", "11.0.0.0", false),
            ("10.0.0.0/8", "::ffff:10.1.2.3", true),
            ("10.0.0.0/8", "::10.1.2.3", false),
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("192.0.2.128/25", "192.0.2.127", false),
            ("fd00::/8", "fdff::1", true),
            ("fd00::/8", "fe00::1", false),
            ("::1", "::1", true),
            ("::1", "127.0.0.1", false),
            ("::ffff:10.0.0.0/104", "10.9.9.9", true),
        ] {
            let network: Network = network.parse().expect("a network");
            assert_eq!(network.contains(ip.parse().expect("an address")), is_in, "{ip} in {network}");
        }
    }
}
