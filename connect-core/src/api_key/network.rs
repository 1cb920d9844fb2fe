//! Networks that a key may be used from.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::FieldError;

/// Addresses with the same beginning, such as `192.0.2.0/24` or `2001:db8::/32`; one address is a network, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network(IpNet);

impl Network {
    /// Checks and keeps. Bits behind the beginning are dropped; an IPv4 address in IPv6 clothes is refused, as
    /// clients are told apart by what they wear underneath.
    pub fn parse(field: &str, text: &str) -> Result<Self, FieldError> {
        let bad = |detail: &str| FieldError::new(field, "bad_network", detail);
        let text = text.trim();
        let network = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
        let network = network.ok_or_else(|| bad("must be a network such as 192.0.2.0/24 or 2001:db8::/32"))?;
        if network.addr().to_canonical() != network.addr() {
            return Err(bad("must be written as the IPv4 network that it is"));
        }
        Ok(Self(network.trunc()))
    }

    /// Whether the address is in it.
    pub fn contains(&self, ip: IpAddr) -> bool {
        self.0.contains(&ip.to_canonical())
    }
}

impl std::fmt::Display for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Network {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::parse("network", &text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_holds_its_addresses_and_no_others() {
        for (network, shown, ip, inside) in [
            ("192.0.2.0/24", "192.0.2.0/24", "192.0.2.255", true),
            ("192.0.2.77/24", "192.0.2.0/24", "192.0.2.1", true),
            ("192.0.2.0/24", "192.0.2.0/24", "192.0.3.0", false),
            ("192.0.2.0/24", "192.0.2.0/24", "::ffff:192.0.2.9", true),
            ("192.0.2.0/24", "192.0.2.0/24", "2001:db8::1", false),
            (" 203.0.113.5 ", "203.0.113.5/32", "203.0.113.5", true),
            ("203.0.113.5", "203.0.113.5/32", "203.0.113.6", false),
            ("2001:db8::/32", "2001:db8::/32", "2001:db8:ffff::1", true),
            ("2001:db8::/32", "2001:db8::/32", "2001:db9::1", false),
            ("0.0.0.0/0", "0.0.0.0/0", "::1", false),
        ] {
            let read = Network::parse("networks", network).expect(network);
            assert_eq!(read.to_string(), shown);
            assert_eq!(read.contains(ip.parse().expect("an address")), inside, "{ip} in {network}");
        }
        for bad in ["", "*", "example.org", "192.0.2.0/33", "192.0.2/24", "::ffff:192.0.2.0/120", "10.0.0.0/8,::1"] {
            assert_eq!(Network::parse("networks", bad).map_err(|e| e.code), Err("bad_network"), "{bad}");
        }
    }
}
