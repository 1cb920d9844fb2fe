//! Who is at the other end: the peer of the socket, or whom proxies that are trusted saw before them.

use std::net::IpAddr;

use http::HeaderMap;

use crate::network::Network;

/// The one header that is looked at. `Forwarded`, `X-Real-IP`, those of certain clouds and anything with
/// underscores may come from anybody, because the proxy in front need not know them.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// The client's address: the peer's, unless the peer is trusted. Then each proxy has written behind the list
/// whom it saw, so the list is walked from its end to the first address that is not trusted. What does not
/// read ends the walk, at the last that did: beyond it anything may have been made up.
pub(crate) fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let is_trusted = |ip: IpAddr| trusted.iter().any(|network| network.contains(ip));
    let mut client = peer.to_canonical();
    let lines = headers.get_all(FORWARDED_FOR).iter().rev();
    for entry in lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b',')) {
        let Some(before) = hop(entry).filter(|_| is_trusted(client)) else { break };
        client = before;
    }
    client
}

/// An entry of the list: an address, in brackets or not, with a port or without.
fn hop(entry: &[u8]) -> Option<IpAddr> {
    let entry = std::str::from_utf8(entry).ok()?.trim_matches([' ', '\t']);
    let address = if let Some(rest) = entry.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        let is_whole = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        IpAddr::V6(address.parse().ok().filter(|_| is_whole)?)
    } else {
        match entry.split_once(':') {
            // One colon stands before a port; an IPv6 address has more than one.
            Some((address, port)) if !port.contains(':') => IpAddr::V4(address.parse().ok().filter(|_| is_port(port))?),
            _ => entry.parse().ok()?,
        }
    };
    Some(address.to_canonical())
}

fn is_port(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

#[cfg(test)]
#[path = "peer_tests.rs"]
mod tests;
