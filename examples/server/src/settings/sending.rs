//! What leaves the desk besides plain mail: its signature, and messages to devices.

use connect_core::fetch::FetchSettings;
use connect_core::mail_event::MailProvider;
use connect_core::notify::{DkimKey, MailIdentity};
use connect_core::push::{OneSignalSettings, VapidKey};

use super::http_url;
use super::options::{Hidden, Said};

/// How mail is signed and devices are reached.
#[derive(Debug, Clone)]
pub(crate) struct Sending {
    pub(crate) dkim: Option<DkimKey>,
    pub(crate) vapid: Option<VapidKey>,
    pub(crate) onesignal: Option<OneSignalSettings>,
    pub(crate) push_fetch: FetchSettings,
    pub(crate) provider: Option<MailProvider>,
    pub(crate) event_secret: Option<Hidden>,
    pub(crate) report_password: Option<Hidden>,
}

impl Sending {
    pub(super) fn understand(said: &mut Said, from: &MailIdentity, is_development: bool) -> Option<Self> {
        let contact = said.read("vapid_contact", "an address that begins with mailto: or https://", |text| {
            (text.starts_with("mailto:") || text.starts_with("https://")).then(|| text.to_owned())
        });
        let contact = contact.unwrap_or_else(|| format!("mailto:{}", from.address));
        let vapid = said.read("vapid_key", "a key that `connect-server vapid-key` prints", |text| {
            VapidKey::parse(text, contact).ok()
        });
        let push_fetch = said.switch("push_allow_private").map(|allow_private| FetchSettings {
            allow_private,
            allow_local_http: is_development,
            limit: 64 * 1024,
            cut: true,
            ..FetchSettings::default()
        });
        let provider = said.read("mail_provider", "postmark, ses, mailgun or sendgrid", MailProvider::parse);
        let event_secret = said.get("mail_event_secret").map(|text| Hidden(text.to_owned()));
        if event_secret.is_some() && provider.is_none() {
            said.errors.push("CONNECT_MAIL_EVENT_SECRET is set, but CONNECT_MAIL_PROVIDER is not".to_owned());
        }
        let report_password = said.read("mail_report_password", "at least 16 characters", |text| {
            (text.len() >= 16).then(|| Hidden(text.to_owned()))
        });
        Some(Self {
            provider,
            event_secret,
            report_password,
            dkim: dkim(said, from),
            vapid,
            onesignal: onesignal(said),
            push_fetch: push_fetch?,
        })
    }
}

fn dkim(said: &mut Said, from: &MailIdentity) -> Option<DkimKey> {
    let (file, selector) = (said.get("dkim_key_file"), said.get("dkim_selector"));
    let (file, selector) = match (file, selector) {
        (None, None) => return None,
        (Some(file), Some(selector)) => (file.to_owned(), selector.to_owned()),
        _ => {
            said.errors.push("CONNECT_DKIM_KEY_FILE and CONNECT_DKIM_SELECTOR go together: only one is set".to_owned());
            return None;
        }
    };
    let domain = said.get("dkim_domain").map_or_else(|| from.address.domain().clone(), str::to_owned);
    let read = std::fs::read_to_string(&file).map_err(|error| error.to_string());
    let key = read.and_then(|pem| DkimKey::parse(&domain, &selector, &pem).map_err(|error| error.to_string()));
    key.map_err(|error| said.errors.push(format!("CONNECT_DKIM_KEY_FILE is {file:?}, which cannot sign: {error}"))).ok()
}

fn onesignal(said: &mut Said) -> Option<OneSignalSettings> {
    let api_url = said.read("onesignal_api_url", "an address that begins with http:// or https://", http_url);
    let (app_id, api_key) = (said.get("onesignal_app_id"), said.get("onesignal_api_key"));
    match (app_id, api_key) {
        (Some(app_id), Some(api_key)) => {
            let (app_id, api_key) = (app_id.to_owned(), api_key.to_owned());
            Some(OneSignalSettings { app_id, api_key, api_url: api_url? })
        }
        (None, None) => None,
        _ => {
            said.errors
                .push("CONNECT_ONESIGNAL_APP_ID and CONNECT_ONESIGNAL_API_KEY go together: only one is set".to_owned());
            None
        }
    }
}
