//! Every setting, and what is said of each before it is understood.

use std::collections::BTreeMap;

use clap::ArgMatches;

/// One setting.
pub(crate) struct OptionRow {
    /// Its name in a file; with `-` for `_` on the command line; in capitals after `CONNECT_` in the
    /// environment.
    pub(crate) name: &'static str,
    /// What it is when nothing is said.
    pub(crate) default: Option<&'static str>,
    /// What it is for.
    pub(crate) help: &'static str,
    /// Whether its value is never shown.
    pub(crate) secret: bool,
}

impl OptionRow {
    pub(crate) fn env(&self) -> String {
        format!("CONNECT_{}", self.name.to_uppercase())
    }
}

const fn row(name: &'static str, default: Option<&'static str>, help: &'static str) -> OptionRow {
    OptionRow { name, default, help, secret: false }
}

const fn secret(name: &'static str, help: &'static str) -> OptionRow {
    OptionRow { name, default: None, help, secret: true }
}

/// Every setting. The table in the README is made from this one.
pub(crate) const OPTIONS: &[OptionRow] = &[
    row("environment", Some("development"), "development, staging or production"),
    row("listen", Some("127.0.0.1:8080"), "Address and port to serve on"),
    row(
        "public_url",
        None,
        "The address people reach the desk at; links in mail begin with it [default: http://LISTEN]",
    ),
    row("data_dir", Some("data"), "Folder for the database file and the development secret"),
    row(
        "database_url",
        None,
        "sqlite://PATH or postgres://USER:PASSWORD@HOST:PORT/DATABASE [default: sqlite://DATA_DIR/connect.db]",
    ),
    row("database_schema", Some("connect"), "Schema of the tables on PostgreSQL; made if need be"),
    row("database_connections", Some("8"), "Connections that read from PostgreSQL; a few more write"),
    secret(
        "redis_url",
        "redis://… or rediss://…: exact limits and wake-ups for several nodes; without it PostgreSQL or this process does that",
    ),
    row(
        "blob_url",
        None,
        "Where attachments are kept: file:///FOLDER, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or memory:// [default: file://DATA_DIR/blobs]",
    ),
    row("s3_endpoint", None, "Address of an S3-compatible store that is not Amazon's"),
    row("s3_region", Some("us-east-1"), "Region of the S3 bucket"),
    row("s3_access_key_id", None, "Public half of the S3 credentials"),
    secret("s3_secret_access_key", "Secret half of the S3 credentials"),
    row(
        "gcs_key_file",
        None,
        "File with the key of a Google service account; without it Google's own rules find an identity",
    ),
    row(
        "audit_origin_days",
        Some("90"),
        "Days until the addresses and names of clients are removed from the journal, 1 to 3650",
    ),
    row("attachment_mib", Some("25"), "Largest attachment in MiB, 1 to 5000"),
    secret(
        "smtp_url",
        "smtp://user:password@host:port or smtps://…; without it mail is captured on /dev/mail, in development on loopback only",
    ),
    row("dkim_domain", None, "Domain that mail is signed for (DKIM) [default: that of MAIL_FROM]"),
    row("dkim_selector", None, "Selector of the key: its public half is at SELECTOR._domainkey.DOMAIN"),
    row("dkim_key_file", None, "File with the RSA key that signs, in PEM; without it mail is not signed here"),
    row("mail_from", Some("Connect <desk@localhost.localdomain>"), "Who mail is from: Name <address>"),
    secret(
        "secret_key",
        "At least 32 characters; required outside development, where one is made and kept in DATA_DIR",
    ),
    secret("secret_keys_older", "Earlier secret keys that still count, with commas between"),
    secret(
        "widget_secrets",
        "Keys by which hosts sign tokens for widgets, as ID:SECRET with commas between; a secret has at least 32 characters",
    ),
    row("sign_up", None, "open or invited [default: open in development, else invited]"),
    row("code_digits", Some("8"), "Digits of a sign-in code, 6 to 12"),
    row("code_minutes", Some("5"), "How long a code works, 1 to 10"),
    row(
        "code_failures_a_day",
        Some("5"),
        "Wrong short codes of an account in 24 hours before its codes become long, 0 to 99",
    ),
    row("puzzle_bits", Some("20"), "Work for a mail when an address has had its share, in zero bits, 16 to 26"),
    row(
        "reserved_addresses",
        None,
        "Addresses that the desk itself reads and nobody signs in with, with commas between",
    ),
    row("oauth_google_id", None, "Sign in with Google: the client id"),
    secret("oauth_google_secret", "Its client secret"),
    row(
        "oauth_google_domains",
        None,
        "Domains of your own whose mailboxes Google gives out, with commas between; gmail.com always is one",
    ),
    row("oauth_github_id", None, "Sign in with GitHub: the client id"),
    secret("oauth_github_secret", "Its client secret"),
    row("oauth_microsoft_tenant", None, "Sign in with Microsoft: the id of your tenant"),
    row("oauth_microsoft_id", None, "The client id there"),
    secret("oauth_microsoft_secret", "Its client secret"),
    row("oidc_issuer", None, "Sign in with any other OpenID provider: its issuer, to the letter"),
    row("oidc_id", None, "The client id there"),
    secret("oidc_secret", "Its client secret"),
    row("oidc_name", Some("OpenID"), "Its name on pages"),
    row(
        "oidc_domains",
        None,
        "Domains whose mailboxes it gives out itself, with commas between: for those its word replaces a code",
    ),
    row("oidc_strong_acr", None, "Values of acr by which it says that a second factor was shown, with commas between"),
    row("oidc_strong_amr", None, "Values of amr that say so, with commas between; one of them is enough"),
    row("oauth_allow_private", Some("no"), "Whether providers may be on private addresses: yes or no"),
    row("webhook_allow_private", Some("no"), "Whether webhooks may call private addresses: yes or no"),
    row(
        "mail_provider",
        None,
        "Whose SMTP server it is, if it tells what becomes of mail: postmark, ses, mailgun or sendgrid",
    ),
    secret(
        "mail_event_secret",
        "What it proves itself by at /api/v1/mail-events/PROVIDER: Postmark's password, Mailgun's signing key, SendGrid's public key or the ARN of the SNS topic",
    ),
    secret(
        "mail_report_password",
        "Password by which a mail server posts its reports (DSN) to /api/v1/mail-events/reports",
    ),
    secret(
        "vapid_key",
        "Key by which browsers are sent messages, from `connect-server vapid-key`; without it none are",
    ),
    row(
        "vapid_contact",
        None,
        "Where push services reach you: mailto:… or https://… [default: mailto: and the address of MAIL_FROM]",
    ),
    row("onesignal_app_id", None, "Send messages to devices by OneSignal: the app's id"),
    secret("onesignal_api_key", "The app's API key there"),
    row("onesignal_api_url", Some("https://api.onesignal.com"), "Where its API is"),
    row("push_allow_private", Some("no"), "Whether push services may be on private addresses: yes or no"),
    row("metrics", Some("no"), "Whether /metrics tells figures of the desk to whoever asks: yes or no"),
    row("limit_sends_per_address", Some("3/15m"), "Codes sent to one address in a short while"),
    row("limit_sends_per_address_a_day", Some("10/24h"), "Codes sent to one address in a day"),
    row("limit_paid_sends_per_address", Some("10/1h"), "Codes sent to one address besides, for a solved puzzle"),
    row("limit_sends_per_ip", Some("10/1h"), "Codes asked for from one client address"),
    row("limit_sends_per_site", Some("50/1h"), "Codes asked for from one IPv6 site, a /48"),
    row(
        "limit_addresses_per_ip",
        Some("10/1h"),
        "Different addresses that codes are asked for from one client address",
    ),
    row("limit_failures_per_ip", Some("10/10m"), "Wrong codes entered from one client address"),
    row("limit_failures_per_site", Some("50/10m"), "Wrong codes entered from one IPv6 site, a /48"),
    row("limit_oauth_starts", Some("5/15m"), "Sign-ins with a provider begun from one client address"),
    row("limit_oauth_starts_per_site", Some("25/15m"), "Sign-ins with a provider begun from one IPv6 site, a /48"),
    row(
        "limit_passkey_starts",
        Some("20/15m"),
        "Sign-ins with a passkey begun, and passkeys made, from one client address",
    ),
    row("limit_requests", Some("100/1m"), "Requests from one session, API key or client address"),
    row("limit_mails", Some("5000/1h"), "Sign-in mails of the whole desk, and as many for known browsers"),
    row("api_keys_endless", Some("no"), "yes lets API keys be made that never end by themselves"),
    row("ipv6_prefix", Some("64"), "Bits of an IPv6 address that tell clients apart, 32 to 64"),
    row("max_connections", Some("4096"), "Connections at once"),
    row("max_streams", Some("2000"), "Live streams at once; each is a connection, too"),
    row("allowed_origins", None, "Further origins whose pages may send forms and use the API, with commas between"),
    row(
        "trusted_proxies",
        None,
        "Addresses and networks, such as 10.0.0.0/8, of proxies whose X-Forwarded-For is believed, with commas between",
    ),
    row("log", Some("info"), "What is logged, as a filter of the tracing crate"),
    row("log_format", Some("text"), "text or json"),
];

/// A value that does not show itself.
#[derive(Clone)]
pub(crate) struct Hidden(pub(crate) String);

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// What is said of each setting, before it is understood.
#[derive(Default)]
pub(super) struct Said {
    values: BTreeMap<&'static str, String>,
    pub(super) errors: Vec<String>,
}

impl Said {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let default = OPTIONS.iter().find(|option| option.name == name).and_then(|option| option.default);
        self.values.get(name).map(String::as_str).or(default)
    }

    /// The value as something, or a remembered error that names setting, value and what is allowed.
    pub(super) fn read<T>(&mut self, name: &str, allowed: &str, parse: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let value = self.get(name)?.to_owned();
        let parsed = parse(&value);
        if parsed.is_none() {
            let option = OPTIONS.iter().find(|option| option.name == name);
            let shown = if option.is_some_and(|option| option.secret) { "***".to_owned() } else { masked(&value) };
            let variable = option.map(OptionRow::env).unwrap_or_default();
            self.errors.push(format!("{variable} is {shown:?}, but must be {allowed}"));
        }
        parsed
    }

    /// A switch.
    pub(super) fn switch(&mut self, name: &str) -> Option<bool> {
        self.read(name, "yes or no", |text| match text {
            "yes" => Some(true),
            "no" => Some(false),
            _ => None,
        })
    }

    /// Several of something, with commas between; none where nothing is said.
    pub(super) fn list<T>(&mut self, name: &str, allowed: &str, parse: impl Fn(&str) -> Option<T>) -> Vec<T> {
        let allowed = format!("{allowed} with commas between");
        let parsed = self.read(name, &allowed, |text| text.split(',').map(|one| parse(one.trim())).collect());
        parsed.unwrap_or_default()
    }
}

/// An address without the name and password in it.
pub(crate) fn masked(value: &str) -> String {
    match (value.split_once("://"), value.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://***@{rest}"),
        _ => value.to_owned(),
    }
}

#[allow(clippy::disallowed_methods)]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

pub(super) fn gather(matches: &ArgMatches) -> Said {
    let mut said = Said::default();
    let file = matches.get_one::<String>("config").cloned().or_else(|| environment("CONNECT_CONFIG"));
    let mut in_file = toml::Table::new();
    if let Some(path) = file {
        match std::fs::read_to_string(&path)
            .map_err(|e| e.to_string())
            .and_then(|t| t.parse().map_err(|e: toml::de::Error| e.to_string()))
        {
            Ok(table) => in_file = table,
            Err(error) => said.errors.push(format!("the settings file {path:?} cannot be read: {error}")),
        }
    }
    for name in in_file.keys().filter(|name| OPTIONS.iter().all(|option| option.name != *name)) {
        said.errors.push(format!("the settings file has {name:?}, which is no setting"));
    }
    for option in OPTIONS {
        let from_file =
            in_file.get(option.name).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        let argument = matches.get_one::<String>(option.name).cloned();
        if let Some(value) = argument.or_else(|| environment(&option.env())).or(from_file) {
            said.values.insert(option.name, value);
        }
    }
    said
}
