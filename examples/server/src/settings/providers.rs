//! With which accounts elsewhere people may sign in.

use connect_auth::fetch::FetchSettings;
use connect_auth::oauth::Provider;

use super::options::Said;

/// The sign-in providers, and how they are asked.
#[derive(Debug, Clone)]
pub(crate) struct Providers {
    pub(crate) all: Vec<Provider>,
    pub(crate) fetch: FetchSettings,
}

impl Providers {
    pub(super) fn understand(said: &mut Said, is_development: bool) -> Option<Self> {
        let allow_private = said.switch("oauth_allow_private");
        // In development the provider may run on this machine, without TLS.
        let fetch = FetchSettings {
            allow_private: allow_private?,
            allow_local_http: is_development,
            ..FetchSettings::default()
        };
        let mut all = Vec::new();
        if let Some([id, secret]) = together(said, ["oauth_google_id", "oauth_google_secret"]) {
            let google = Provider::google(&id, &secret);
            let own = [google.authoritative.clone(), domains(said, "oauth_google_domains")].concat();
            all.push(google.authoritative_for(own));
        }
        if let Some([id, secret]) = together(said, ["oauth_github_id", "oauth_github_secret"]) {
            all.push(Provider::github(&id, &secret));
        }
        let microsoft = ["oauth_microsoft_tenant", "oauth_microsoft_id", "oauth_microsoft_secret"];
        if let Some([tenant, id, secret]) = together(said, microsoft) {
            all.push(Provider::microsoft(&tenant, &id, &secret));
        }
        if let Some([issuer, id, secret]) = together(said, ["oidc_issuer", "oidc_id", "oidc_secret"]) {
            let name = said.get("oidc_name").unwrap_or_default().to_owned();
            let oidc = Provider::oidc("oidc", &name, &issuer, &id, &secret);
            let oidc = oidc.authoritative_for(domains(said, "oidc_domains"));
            all.push(oidc.strong_by(words(said, "oidc_strong_acr"), words(said, "oidc_strong_amr")));
            if !is_development && issuer.starts_with("http://") {
                said.errors.push("CONNECT_OIDC_ISSUER must begin with https:// outside development".to_owned());
            }
        }
        said.errors.extend(all.iter().filter_map(|provider| provider.check().err()).map(|error| error.to_string()));
        Some(Self { all, fetch })
    }
}

/// Settings that are there together or not at all.
fn together<const N: usize>(said: &mut Said, names: [&str; N]) -> Option<[String; N]> {
    let values = names.map(|name| said.get(name).map(str::to_owned));
    if values.iter().any(Option::is_some) {
        for (name, value) in names.iter().zip(&values) {
            if value.is_none() {
                let others = names.iter().filter(|other| *other != name).map(|other| other.to_uppercase());
                let others = others.map(|other| format!("CONNECT_{other}")).collect::<Vec<_>>().join(" and ");
                said.errors.push(format!("CONNECT_{} is not set, but must be with {others}", name.to_uppercase()));
            }
        }
    }
    let values: Option<Vec<String>> = values.into_iter().collect();
    values.and_then(|values| values.try_into().ok())
}

/// Values with commas between.
fn words(said: &mut Said, name: &str) -> Vec<String> {
    let words = said.get(name).unwrap_or_default().split(',').map(|word| word.trim().to_owned());
    words.filter(|word| !word.is_empty()).collect()
}

fn domains(said: &mut Said, name: &str) -> Vec<String> {
    let is_domain =
        |text: &str| text.contains('.') && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.');
    said.list(name, "domains such as example.org", |domain| is_domain(domain).then(|| domain.to_owned()))
}

#[cfg(test)]
mod tests {
    use crate::settings::Settings;

    fn load(arguments: &[&str]) -> Result<Settings, Vec<String>> {
        let arguments = std::iter::once("connect-server").chain(arguments.iter().copied());
        Settings::load(&crate::command().get_matches_from(arguments))
    }

    #[test]
    fn providers_are_set_whole_or_not_at_all() {
        assert!(load(&[]).expect("none").providers.all.is_empty());
        let told = load(&["--oauth-google-id", "x", "--oidc-issuer", "https://id.acme.example"]).expect_err("half");
        let told = told.join("\n");
        for part in
            ["CONNECT_OAUTH_GOOGLE_SECRET is not set", "CONNECT_OIDC_ID is not set", "CONNECT_OIDC_SECRET is not set"]
        {
            assert!(told.contains(part), "{told}");
        }
        let told =
            load(&["--oauth-microsoft-tenant", "common", "--oauth-microsoft-id", "x", "--oauth-microsoft-secret", "y"]);
        assert!(told.expect_err("no tenant").join("\n").contains("must name one tenant by its id"));
        let google = [
            "--oauth-google-id",
            "x",
            "--oauth-google-secret",
            "hush-hush",
            "--oauth-google-domains",
            "Acme.example, b.example",
        ];
        let settings = load(&google).expect("whole");
        assert_eq!(
            settings.providers.all[0].authoritative,
            ["gmail.com", "googlemail.com", "acme.example", "b.example"]
        );
        assert!(!format!("{settings:?}").contains("hush-hush"), "secrets do not show themselves");
    }

    #[test]
    fn sec_86_what_a_provider_says_of_a_second_factor_is_a_setting() {
        let oidc = ["--oidc-issuer", "https://id.acme.example", "--oidc-id", "x", "--oidc-secret", "y"];
        let plain = load(&oidc).expect("whole").providers;
        assert!(plain.all[0].strong_acr.is_empty() && plain.all[0].strong_amr.is_empty(), "none unless said");
        let words = ["--oidc-strong-acr", "urn:acme:gold", "--oidc-strong-amr", "mfa, hwk,"];
        let strong = load(&[&oidc[..], &words[..]].concat()).expect("whole").providers;
        assert_eq!(strong.all[0].strong_acr, ["urn:acme:gold"]);
        assert_eq!(strong.all[0].strong_amr, ["mfa", "hwk"]);
    }

    #[test]
    fn sec_50_private_and_plain_addresses_are_a_setting() {
        let development = load(&[]).expect("settings").providers.fetch;
        assert!(!development.allow_private && development.allow_local_http);
        let key = "k".repeat(32);
        let production =
            ["--environment", "production", "--secret-key", &key, "--smtp-url", "smtps://u:p@mail.example.org"];
        let fetch = load(&production).expect("settings").providers.fetch;
        assert!(!fetch.allow_private && !fetch.allow_local_http);
        let plain = ["--oidc-issuer", "http://id.acme.example", "--oidc-id", "x", "--oidc-secret", "y"];
        let told = load(&[&production[..], &plain[..]].concat()).expect_err("plain");
        assert!(told.join("\n").contains("CONNECT_OIDC_ISSUER must begin with https://"));
        assert!(load(&["--oauth-allow-private", "yes"]).expect("settings").providers.fetch.allow_private);
        assert!(load(&["--oauth-allow-private", "maybe"]).is_err());
    }
}
