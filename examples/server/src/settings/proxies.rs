//! Which proxies are believed.

use connect_http::Network;

use super::options::Said;

/// The networks of the proxies; each that is none is told, with why.
pub(super) fn understand(said: &mut Said) -> Vec<Network> {
    let text = said.get("trusted_proxies").unwrap_or_default().to_owned();
    let mut networks = Vec::new();
    for part in text.split(',').map(str::trim).filter(|_| !text.is_empty()) {
        match part.parse() {
            Ok(network) => networks.push(network),
            Err(error) => said.errors.push(format!("CONNECT_TRUSTED_PROXIES is {text:?}, but {error}")),
        }
    }
    networks
}

#[cfg(test)]
mod tests {
    use crate::settings::Settings;

    fn load(proxies: &str) -> Result<Settings, Vec<String>> {
        Settings::load(&crate::command().get_matches_from(["connect-server", "--trusted-proxies", proxies]))
    }

    #[test]
    fn sec_68_proxies_are_networks_and_whatever_is_none_is_told() {
        let settings = load("10.0.0.0/8, ::1,192.0.2.1").expect("networks");
        let shown: Vec<String> = settings.trusted_proxies.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["10.0.0.0/8", "::1/128", "192.0.2.1/32"]);
        for (proxies, told) in [
            ("10.0.0.1/8", "\"10.0.0.1/8\" has bits behind its prefix: the network is 10.0.0.0/8"),
            ("nginx", "\"nginx\" is no address"),
            ("::1,", "\"\" is no address"),
            ("0.0.0.0/0", "every address there is"),
        ] {
            let errors = load(proxies).expect_err(proxies).join("\n");
            assert!(errors.contains("CONNECT_TRUSTED_PROXIES is") && errors.contains(told), "{errors}");
        }
    }
}
