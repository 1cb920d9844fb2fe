//! The walk along `X-Forwarded-For`, case by case.

use http::{HeaderName, HeaderValue};

use super::*;

const TRUSTED: [&str; 4] = ["127.0.0.1", "10.0.0.0/8", "fd00::/8", "2001:db8:ffff::1"];

fn trusted() -> Vec<Network> {
    TRUSTED.iter().map(|text| text.parse().expect("a network")).collect()
}

/// The client behind this peer, with these lines of headers.
fn seen(peer: &str, lines: &[(&str, &[u8])], trusted: &[Network]) -> String {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        let name: HeaderName = name.parse().expect("a name");
        headers.append(name, HeaderValue::from_bytes(value).expect("a value"));
    }
    client_address(peer.parse().expect("an address"), &headers, trusted).to_string()
}

#[test]
fn sec_68_the_walk_ends_at_the_first_hop_that_is_not_trusted() {
    let trusted = trusted();
    for (peer, lines, client) in [
        // The peer is not trusted: whatever it says.
        ("203.0.113.9", &["198.51.100.1"][..], "203.0.113.9"),
        ("203.0.113.9", &["127.0.0.1, 10.0.0.1"], "203.0.113.9"),
        ("127.0.0.2", &["198.51.100.1"], "127.0.0.2"),
        ("2001:db8:ffff::2", &["198.51.100.1"], "2001:db8:ffff::2"),
        // The peer is trusted.
        ("10.0.0.1", &[], "10.0.0.1"),
        ("10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", &["192.0.2.66, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", &["10.0.0.99, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", &["192.0.2.66, 198.51.100.1, 10.0.0.3, 10.0.0.2"], "198.51.100.1"),
        ("10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("::ffff:10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
        ("2001:db8:ffff::1", &["2001:db8::7"], "2001:db8::7"),
        ("fd12::1", &["2001:db8::7, fd00::5"], "2001:db8::7"),
        // All lines, in their order.
        ("10.0.0.1", &["192.0.2.66", "198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", &["198.51.100.1", "10.0.0.2"], "198.51.100.1"),
        ("10.0.0.1", &["198.51.100.1, 10.0.0.3", "10.0.0.2"], "198.51.100.1"),
        // Ports, brackets, mapped addresses, blanks.
        ("10.0.0.1", &["198.51.100.1:1234"], "198.51.100.1"),
        ("10.0.0.1", &["198.51.100.1, 10.0.0.2:80"], "198.51.100.1"),
        ("10.0.0.1", &["[2001:db8::7]"], "2001:db8::7"),
        ("10.0.0.1", &["[2001:db8::7]:443"], "2001:db8::7"),
        ("10.0.0.1", &["2001:DB8:0::7"], "2001:db8::7"),
        ("10.0.0.1", &["::ffff:198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", &["[::ffff:198.51.100.1]:8080"], "198.51.100.1"),
        ("10.0.0.1", &["198.51.100.1, ::ffff:10.0.0.2"], "198.51.100.1"),
        ("10.0.0.1", &["  198.51.100.1\t,\t10.0.0.2 "], "198.51.100.1"),
        ("10.0.0.1", &["198.51.100.1,10.0.0.2"], "198.51.100.1"),
    ] {
        let lines: Vec<(&str, &[u8])> = lines.iter().map(|line| ("X-Forwarded-For", line.as_bytes())).collect();
        assert_eq!(seen(peer, &lines, &trusted), client, "{peer} {lines:?}");
    }
}

#[test]
fn sec_68_what_does_not_read_ends_the_walk_at_the_last_good_hop() {
    let trusted = trusted();
    for bad in [
        "",
        " ",
        "unknown",
        "_hidden",
        "localhost",
        "198.51.100",
        "198.51.100.256",
        "0198.51.100.1",
        "198.51.100.1:",
        "198.51.100.1:http",
        "198.51.100.1:65536",
        "198.51.100.1:+80",
        "198.51.100.1 10.0.0.2",
        "198.51.100.1/32",
        "[198.51.100.1]",
        "[2001:db8::7",
        "2001:db8::7]",
        "[2001:db8::7]443",
        "[2001:db8::7]:",
        "[2001:db8::7]:99999",
        "[fe80::1%eth0]",
        "fe80::1%eth0",
        "\"198.51.100.1\"",
        "for=198.51.100.1",
        "2001:db8:::7",
    ] {
        let alone = [("x-forwarded-for", bad.as_bytes())];
        assert_eq!(seen("10.0.0.1", &alone, &trusted), "10.0.0.1", "{bad:?} alone");
        let line = format!("192.0.2.66, {bad}, 10.0.0.2");
        let between = [("x-forwarded-for", line.as_bytes())];
        assert_eq!(seen("10.0.0.1", &between, &trusted), "10.0.0.2", "{bad:?} between");
        let line = format!("{bad}, 198.51.100.1");
        let behind = [("x-forwarded-for", line.as_bytes())];
        assert_eq!(seen("10.0.0.1", &behind, &trusted), "198.51.100.1", "{bad:?} behind the client");
    }
    assert_eq!(seen("10.0.0.1", &[("x-forwarded-for", b"198.51.100.1, \xff\xfe")], &trusted), "10.0.0.1");
}

#[test]
fn sec_68_other_headers_of_proxies_are_ignored() {
    let trusted = trusted();
    for name in [
        "forwarded",
        "x-real-ip",
        "x-client-ip",
        "x-cluster-client-ip",
        "client-ip",
        "true-client-ip",
        "cf-connecting-ip",
        "fastly-client-ip",
        "x-azure-clientip",
        "x-appengine-user-ip",
        "x-original-forwarded-for",
        "x-forwarded",
        "forwarded-for",
        "x_forwarded_for",
        "x-forwarded_for",
        "x_real_ip",
        "http_x_forwarded_for",
    ] {
        let lines = [(name, &b"198.51.100.1"[..])];
        assert_eq!(seen("10.0.0.1", &lines, &trusted), "10.0.0.1", "{name}");
        let lines = [(name, &b"192.0.2.66"[..]), ("x-forwarded-for", &b"198.51.100.1"[..])];
        assert_eq!(seen("10.0.0.1", &lines, &trusted), "198.51.100.1", "{name} beside the one that counts");
    }
}

#[test]
fn sec_68_where_nobody_is_trusted_the_peer_is_the_client() {
    let lines = [("x-forwarded-for", &b"198.51.100.1"[..])];
    for peer in ["127.0.0.1", "::1", "10.0.0.1", "203.0.113.9"] {
        assert_eq!(seen(peer, &lines, &[]), peer);
    }
    assert_eq!(seen("::ffff:203.0.113.9", &lines, &[]), "203.0.113.9", "a mapped address is IPv4");
}
