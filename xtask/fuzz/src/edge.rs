//! What stands around a request: its headers, its networks, its forms.

use std::net::IpAddr;

use connect_core::api_key;
use connect_http::{Network, parsers};
use http::header::COOKIE;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::texts::check_name;
use crate::{Outcome, outcome, secrets, size};

const SESSION: &str = "__Host-connect_session";

/// The lines of an input as so many headers of one name; what cannot be sent is left out.
fn headers(name: HeaderName, input: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in input.split(|byte| *byte == b'\n') {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append(name.clone(), value);
        }
    }
    headers
}

/// A cookie's value stands in the header after its name, and is one value.
pub(crate) fn cookie(input: &[u8]) -> Outcome {
    let headers = headers(COOKIE, input);
    let Some(value) = parsers::cookie(SESSION, &headers) else {
        return outcome((headers.len().min(8), false, secrets::token(&String::from_utf8_lossy(input))));
    };
    assert!(!value.contains(';'), "{value:?}");
    let pair = format!("{SESSION}={value}");
    let is_there = headers.values().any(|line| line.to_str().is_ok_and(|line| line.contains(&pair)));
    assert!(is_there, "{value:?} stands nowhere");
    outcome((headers.len().min(8), true, secrets::token(value)))
}

/// However a list begins: the client is whom the trusted proxy saw, and nobody but the peer where none is trusted.
pub(crate) fn forwarded_for(input: &[u8]) -> Outcome {
    let name = HeaderName::from_static("x-forwarded-for");
    let given = headers(name.clone(), input);
    let Ok(proxies) = "10.0.0.0/8".parse::<Network>() else { return 0 };
    let [proxy, peer, seen] = [[10, 0, 0, 1], [192, 0, 2, 1], [203, 0, 113, 9]].map(IpAddr::from);
    assert_eq!(parsers::client_address(peer, &given, &[]), peer, "nobody is trusted");
    assert_eq!(parsers::client_address(peer, &given, &[proxies]), peer, "the peer is not trusted");
    let client = parsers::client_address(proxy, &given, &[proxies]);
    assert_eq!(client, client.to_canonical(), "mapped addresses are IPv4");
    // The proxy appends to the last line, or in a line of its own.
    let mut lines: Vec<HeaderValue> = given.values().cloned().collect();
    let mut own_line = given.clone();
    own_line.append(name.clone(), HeaderValue::from_static("203.0.113.9"));
    assert_eq!(parsers::client_address(proxy, &own_line, &[proxies]), seen);
    if let Some(last) = lines.pop() {
        let appended = [last.as_bytes(), b", 203.0.113.9"].concat();
        let mut appended_to = HeaderMap::new();
        lines.into_iter().chain(HeaderValue::from_bytes(&appended)).for_each(|line| {
            appended_to.append(name.clone(), line);
        });
        assert_eq!(parsers::client_address(proxy, &appended_to, &[proxies]), seen, "a client chose who it is");
    }
    outcome((client == proxy, client.is_ipv4(), proxies.contains(client), given.len().min(8)))
}

/// A network is printed so that it reads the same, and has its own first address in it.
pub(crate) fn network(input: &[u8]) -> Outcome {
    let text = String::from_utf8_lossy(input);
    let first = |shown: &str| shown.split('/').next().and_then(|address| address.parse::<IpAddr>().ok());
    let proxies = text.parse::<Network>();
    if let Ok(network) = &proxies {
        let shown = network.to_string();
        assert_eq!(shown.parse::<Network>().as_ref(), Ok(network), "{shown}");
        assert!(first(&shown).is_some_and(|ip| network.contains(ip)), "{shown}");
        let is_everybody =
            ["0.0.0.1", "255.255.255.254"].iter().all(|ip| first(ip).is_some_and(|ip| network.contains(ip)));
        assert!(!is_everybody, "{shown} is everybody");
    }
    let key = api_key::Network::parse("networks", &text);
    if let Ok(network) = &key {
        let shown = network.to_string();
        assert_eq!(api_key::Network::parse("networks", &shown).as_ref(), Ok(network), "{shown}");
        assert!(first(&shown).is_some_and(|ip| network.contains(ip)), "{shown}");
    }
    let why = proxies.as_ref().err().map(std::mem::discriminant);
    outcome((why, key.is_ok(), size(input.len())))
}

/// A form gives files whose names are clean and whose sizes are no larger than it is, or is refused.
pub(crate) fn multipart(input: &[u8]) -> Outcome {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().build() else { return 0 };
    match runtime.block_on(parsers::files("cut", input.to_vec(), 1 << 20)) {
        Ok(files) => {
            assert!(files.iter().map(|(_, size)| size).sum::<usize>() <= input.len());
            files.iter().for_each(|(name, _)| check_name(name));
            outcome((files.len().min(5), files.first().map(|(name, length)| (name.extension().len(), size(*length)))))
        }
        Err(status) => {
            assert!((400..500).contains(&status), "{status}: a bad form is the client's fault");
            outcome(status)
        }
    }
}
