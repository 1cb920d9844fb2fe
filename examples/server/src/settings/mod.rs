//! Settings, from a file, the environment and the arguments, in that order of growing strength. The one
//! place that reads the environment ([`options`]).

mod options;
mod providers;
mod proxies;
mod sending;
mod storage;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::ArgMatches;
use connect_auth::{AuthSettings, SignUp, WidgetKey};
use connect_core::EmailAddress;
use connect_core::fetch::FetchSettings;
use connect_core::notify::MailIdentity;
use connect_core::store::{CodeForm, Quota};
use connect_http::{Network, is_origin};

pub(crate) use options::{Hidden, OPTIONS};
pub(crate) use providers::Providers;
pub(crate) use sending::Sending;
pub(crate) use storage::{Database, Storage};

use options::{Said, gather};

/// How the server runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Environment {
    Development,
    Staging,
    Production,
}

/// All settings, checked.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) environment: Environment,
    pub(crate) listen: SocketAddr,
    pub(crate) public_url: String,
    pub(crate) data_dir: PathBuf,
    pub(crate) storage: Storage,
    pub(crate) smtp_url: Option<Hidden>,
    pub(crate) mail_from: MailIdentity,
    pub(crate) secret_key: Option<Hidden>,
    pub(crate) older_keys: Vec<Hidden>,
    pub(crate) auth: AuthSettings,
    pub(crate) providers: Providers,
    pub(crate) webhook_fetch: FetchSettings,
    pub(crate) sending: Sending,
    pub(crate) metrics: bool,
    pub(crate) max_connections: usize,
    pub(crate) max_streams: usize,
    /// How long the origins of events are kept.
    pub(crate) origins: Duration,
    pub(crate) allowed_origins: Vec<String>,
    pub(crate) trusted_proxies: Vec<Network>,
    pub(crate) log: String,
    pub(crate) log_json: bool,
}

/// `3/15m`: so many in so long.
fn quota(text: &str) -> Option<Quota> {
    let (limit, window) = text.split_once('/')?;
    let unit = window.chars().last()?;
    let count: u64 = window[..window.len() - unit.len_utf8()].parse().ok()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return None,
    };
    let window = Duration::from_secs(count.checked_mul(seconds)?);
    (!window.is_zero()).then_some(Quota { limit: limit.parse().ok()?, window })
}

/// `Name <address>`, or an address alone.
fn identity(text: &str) -> Option<MailIdentity> {
    let (name, address) = match text.split_once('<') {
        Some((name, rest)) => (Some(name.trim().to_owned()).filter(|n| !n.is_empty()), rest.strip_suffix('>')?),
        None => (None, text),
    };
    Some(MailIdentity { name, address: EmailAddress::parse("mail_from", address).ok()? })
}

fn http_url(text: &str) -> Option<String> {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"))?;
    let plain = !rest.is_empty()
        && !rest.starts_with('/')
        && rest.chars().all(|c| c.is_ascii_graphic() && !"?#\\\"<>".contains(c));
    plain.then(|| text.trim_end_matches('/').to_owned())
}

const QUOTA: &str = "so many in so long, such as 3/15m, 10/24h or 100/1m";

impl Settings {
    /// Reads all settings; every one that is wrong is told.
    pub(crate) fn load(matches: &ArgMatches) -> Result<Self, Vec<String>> {
        let mut said = gather(matches);
        let settings = Self::understand(&mut said);
        match settings {
            Some(settings) if said.errors.is_empty() => Ok(settings),
            _ => Err(said.errors),
        }
    }

    fn understand(said: &mut Said) -> Option<Self> {
        let environment = said.read("environment", "development, staging or production", |text| match text {
            "development" => Some(Environment::Development),
            "staging" => Some(Environment::Staging),
            "production" => Some(Environment::Production),
            _ => None,
        });
        let listen: Option<SocketAddr> =
            said.read("listen", "an address and a port, such as 127.0.0.1:8080", |t| t.parse().ok());
        let public_url = said.read("public_url", "an address that begins with http:// or https://", http_url);
        let data_dir = said.read("data_dir", "a folder", |text| Some(PathBuf::from(text)));
        let storage = data_dir.as_deref().and_then(|folder| Storage::understand(said, folder));
        let smtp_url = said.read("smtp_url", "an address that begins with smtp:// or smtps://", |text| {
            (text.starts_with("smtp://") || text.starts_with("smtps://")).then(|| Hidden(text.to_owned()))
        });
        let mail_from = said.read("mail_from", "Name <address@example.org>", identity);
        let long = |text: &str| (text.len() >= 32).then(|| Hidden(text.to_owned()));
        let secret_key = said.read("secret_key", "at least 32 characters", long);
        let older_keys = said.list("secret_keys_older", "keys of at least 32 characters", long);
        let auth = auth(said, environment);
        let providers = Providers::understand(said, environment == Some(Environment::Development));
        // As providers: in development a receiver may run on this machine, without TLS. Of an answer only the status counts.
        let webhook_fetch = said.switch("webhook_allow_private").map(|allow_private| FetchSettings {
            allow_private,
            allow_local_http: environment == Some(Environment::Development),
            timeout: Duration::from_secs(15),
            limit: 64 * 1024,
            cut: true,
            ..FetchSettings::default()
        });
        let is_development = environment == Some(Environment::Development);
        let sending = mail_from.as_ref().and_then(|from| Sending::understand(said, from, is_development));
        let metrics = said.switch("metrics");
        let max_connections = said.read("max_connections", "a number from 1 to 1000000", |text| {
            text.parse().ok().filter(|count| (1..=1_000_000).contains(count))
        });
        let max_streams = said.read("max_streams", "a number from 1 to 1000000", |text| {
            text.parse().ok().filter(|count| (1..=1_000_000).contains(count))
        });
        let origin_days: Option<u64> = said.read("audit_origin_days", "a number from 1 to 3650", |text| {
            text.parse().ok().filter(|days| (1..=3650).contains(days))
        });
        let allowed_origins = said.list("allowed_origins", "origins such as https://example.org", |text| {
            is_origin(text).then(|| text.to_owned())
        });
        let trusted_proxies = proxies::understand(said);
        let log_json = said.read("log_format", "text or json", |text| match text {
            "text" => Some(false),
            "json" => Some(true),
            _ => None,
        });
        let log = said.get("log").unwrap_or("info").to_owned();
        let (environment, listen, data_dir) = (environment?, listen?, data_dir?);
        if environment != Environment::Development {
            if secret_key.is_none() && said.get("secret_key").is_none() {
                said.errors.push(
                    "CONNECT_SECRET_KEY is not set, but must be outside development: at least 32 random characters"
                        .to_owned(),
                );
            }
            if smtp_url.is_none() && said.get("smtp_url").is_none() {
                said.errors.push("CONNECT_SMTP_URL is not set, but must be outside development: captured mail is for one's own machine".to_owned());
            }
        } else if smtp_url.is_none() && said.get("smtp_url").is_none() && !listen.ip().is_loopback() {
            said.errors.push(format!(
                "CONNECT_LISTEN is {listen}, but must be a loopback address while no CONNECT_SMTP_URL is set: the captured mail on /dev/mail would be open to others"
            ));
        }
        Some(Self {
            environment,
            listen,
            public_url: public_url.unwrap_or_else(|| format!("http://{listen}")),
            storage: storage?,
            data_dir,
            smtp_url,
            mail_from: mail_from?,
            secret_key,
            older_keys,
            auth: auth?,
            providers: providers?,
            webhook_fetch: webhook_fetch?,
            sending: sending?,
            metrics: metrics?,
            max_connections: max_connections?,
            max_streams: max_streams?,
            origins: Duration::from_secs(origin_days? * 24 * 3600),
            allowed_origins,
            trusted_proxies,
            log,
            log_json: log_json?,
        })
    }

    /// Whether mail is captured instead of sent.
    pub(crate) fn captures_mail(&self) -> bool {
        self.smtp_url.is_none()
    }

    /// Whether people reach the desk over HTTPS.
    pub(crate) fn is_secure(&self) -> bool {
        self.public_url.starts_with("https://") || self.environment != Environment::Development
    }
}

fn auth(said: &mut Said, environment: Option<Environment>) -> Option<AuthSettings> {
    let sign_up = said.read("sign_up", "open or invited", |text| match text {
        "open" => Some(SignUp::Open),
        "invited" => Some(SignUp::Invited),
        _ => None,
    });
    let usual = if environment == Some(Environment::Development) { SignUp::Open } else { SignUp::Invited };
    let digits = said.read("code_digits", "a number from 6 to 12", |t| t.parse().ok().filter(|d| (6..=12).contains(d)));
    let minutes: Option<u64> =
        said.read("code_minutes", "a number from 1 to 10", |t| t.parse().ok().filter(|m| (1..=10).contains(m)));
    let mut settings = AuthSettings { sign_up: sign_up.unwrap_or(usual), ..AuthSettings::default() };
    settings.code_form = CodeForm::Digits(digits?);
    settings.code_lifetime = Duration::from_secs(minutes? * 60);
    settings.api_keys.endless = said.switch("api_keys_endless")?;
    settings.failures_a_day =
        said.read("code_failures_a_day", "a number from 0 to 99", |t| t.parse().ok().filter(|n| *n <= 99))?;
    settings.puzzle_bits =
        said.read("puzzle_bits", "a number from 16 to 26", |t| t.parse().ok().filter(|b| (16..=26).contains(b)))?;
    settings.reserved_addresses =
        said.list("reserved_addresses", "e-mail addresses", |one| EmailAddress::parse("reserved_addresses", one).ok());
    if said.get("widget_secrets").is_some() {
        let rule = "pairs of ID:SECRET with commas between, a secret of at least 32 characters without commas";
        settings.widget_keys = said.read("widget_secrets", rule, widget_keys)?;
    }
    settings.ipv6_prefix = said.read("ipv6_prefix", "a number from 32 to 64", |text| {
        text.parse().ok().filter(|bits| (32..=64).contains(bits))
    })?;
    let quotas = &mut settings.quotas;
    for (name, place) in [
        ("limit_sends_per_address", &mut quotas.sends_per_address),
        ("limit_sends_per_address_a_day", &mut quotas.sends_per_address_a_day),
        ("limit_paid_sends_per_address", &mut quotas.paid_sends_per_address),
        ("limit_sends_per_ip", &mut quotas.sends_per_ip),
        ("limit_sends_per_site", &mut quotas.sends_per_site),
        ("limit_addresses_per_ip", &mut quotas.addresses_per_ip),
        ("limit_failures_per_ip", &mut quotas.failures_per_ip),
        ("limit_failures_per_site", &mut quotas.failures_per_site),
        ("limit_oauth_starts", &mut quotas.oauth_starts),
        ("limit_oauth_starts_per_site", &mut quotas.oauth_starts_per_site),
        ("limit_passkey_starts", &mut quotas.passkey_starts),
        ("limit_requests", &mut quotas.requests),
        ("limit_mails", &mut quotas.mails),
    ] {
        *place = said.read(name, QUOTA, quota)?;
    }
    Some(settings)
}

/// Pairs of `ID:SECRET`, each id once.
fn widget_keys(text: &str) -> Option<Vec<WidgetKey>> {
    let key = |pair: &str| pair.trim().split_once(':').and_then(|(id, secret)| WidgetKey::new(id, secret).ok());
    let keys = text.split(',').map(key).collect::<Option<Vec<_>>>()?;
    let ids: BTreeSet<&str> = keys.iter().map(WidgetKey::id).collect();
    (ids.len() == keys.len()).then_some(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(arguments: &[&str]) -> Result<Settings, Vec<String>> {
        let arguments = std::iter::once("connect-server").chain(arguments.iter().copied());
        Settings::load(&crate::command().get_matches_from(arguments))
    }

    #[test]
    fn every_wrong_setting_is_told_with_its_value_and_what_is_allowed() {
        let errors = load(&["--listen", "nowhere", "--limit-requests", "many", "--smtp-url", "secret-thing"])
            .expect_err("wrong");
        let told = errors.join("\n");
        assert!(told.contains("CONNECT_LISTEN is \"nowhere\", but must be an address and a port"), "{told}");
        assert!(told.contains("CONNECT_LIMIT_REQUESTS is \"many\""), "{told}");
        assert!(told.contains("CONNECT_SMTP_URL is \"***\"") && !told.contains("secret-thing"), "{told}");
    }

    #[test]
    fn outside_development_a_secret_and_smtp_are_required() {
        let told = load(&["--environment", "production"]).expect_err("missing").join("\n");
        assert!(told.contains("CONNECT_SECRET_KEY") && told.contains("CONNECT_SMTP_URL"), "{told}");
        let key = "k".repeat(32);
        let all = ["--environment", "production", "--secret-key", &key, "--smtp-url", "smtps://u:p@mail.example.org"];
        let settings = load(&all).expect("complete");
        assert_eq!(settings.auth.sign_up, SignUp::Invited);
        assert!(settings.is_secure());
        assert!(!format!("{settings:?}").contains(&key), "secrets do not show themselves");
    }

    #[test]
    fn sec_21_captured_mail_needs_a_loopback_listener() {
        let told = load(&["--listen", "0.0.0.0:8080"]).expect_err("open to others").join("\n");
        assert!(told.contains("/dev/mail would be open to others"), "{told}");
        assert!(load(&["--listen", "127.0.0.1:0"]).is_ok());
    }

    #[test]
    fn sec_72_what_is_not_set_is_as_the_library_has_it() {
        let settings = load(&[]).expect("defaults");
        assert_eq!(settings.auth.quotas, AuthSettings::default().quotas);
        assert_eq!(settings.auth.ipv6_prefix, 64);
        assert!(settings.trusted_proxies.is_empty() && settings.allowed_origins.is_empty());
    }

    #[test]
    fn sec_41_only_exact_origins_can_be_allowed() {
        let allowed = load(&["--allowed-origins", "https://a.example, http://localhost:3000"]).expect("origins");
        assert_eq!(allowed.allowed_origins, ["https://a.example", "http://localhost:3000"]);
        for bad in ["*", "null", "https://a.example/", "https://A.example", "https://a.example,", "https://*.example"] {
            let told = load(&["--allowed-origins", bad]).expect_err(bad).join("\n");
            assert!(told.contains("CONNECT_ALLOWED_ORIGINS is"), "{told}");
        }
    }

    #[test]
    fn sec_27_widget_keys_are_read_strictly_and_never_shown() {
        let (one, two) = ("a".repeat(32), "b".repeat(40));
        let said = format!("2026-a:{one}, old:{two}");
        let settings = load(&["--widget-secrets", &said]).expect("two keys");
        let ids: Vec<&str> = settings.auth.widget_keys.iter().map(WidgetKey::id).collect();
        assert_eq!(ids, ["2026-a", "old"]);
        assert!(!format!("{settings:?}").contains(&one), "secrets do not show themselves");
        for bad in
            [one.clone(), "a:short".to_owned(), format!("a:{one},a:{two}"), format!("A:{one}"), format!("{said},")]
        {
            let told = load(&["--widget-secrets", &bad]).expect_err(&bad).join("\n");
            assert!(told.contains("CONNECT_WIDGET_SECRETS is \"***\"") && !told.contains(&one), "{told}");
        }
        assert!(load(&[]).expect("defaults").auth.widget_keys.is_empty(), "without any no token is taken");
    }

    #[test]
    fn quotas_and_identities_are_read() {
        assert_eq!(quota("3/15m"), Some(Quota::per_seconds(3, 900)));
        for bad in ["3", "3/m", "x/1m", "3/0s", "3/5y", "/"] {
            assert_eq!(quota(bad), None, "{bad}");
        }
        let from = identity("Acme <help@acme.example>").expect("an identity");
        assert_eq!((from.name.as_deref(), from.address.as_str()), (Some("Acme"), "help@acme.example"));
        assert!(identity("nobody").is_none() && identity("A <b@c.example").is_none());
    }

    #[test]
    fn the_table_in_the_readme_is_this_one() {
        let mut table = String::from("| variable | default | what it is |\n|---|---|---|\n");
        for option in OPTIONS {
            use std::fmt::Write;
            let default = option.default.map(|text| format!("`{text}`")).unwrap_or_default();
            let _ = writeln!(table, "| `{}` | {default} | {} |", option.env(), option.help.replace('|', "\\|"));
        }
        let readme =
            std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md")).expect("README.md");
        assert!(readme.contains(&table), "README.md must hold:\n{table}");
    }
}
