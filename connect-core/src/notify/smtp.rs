//! Mail over SMTP, with lettre.

use std::time::Duration;

use async_trait::async_trait;
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::PoolConfig;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};

use crate::mail_event::{MailProvider, MailReference, is_no_such_address};

use super::{Channel, ChannelLimits, DkimKey, Handed, Mail, MailIdentity, Outgoing, SendFailure};

/// How to reach the SMTP server.
#[derive(Clone)]
pub struct SmtpSettings {
    /// `smtp://[user:password@]host[:port]` for plain SMTP (to this machine only, or with `?tls=required`
    /// for STARTTLS), `smtps://…` for TLS from the first byte. The host name is checked against the
    /// certificate.
    pub url: String,
    /// How long connecting, and each answer, may take.
    pub timeout: Duration,
    /// What mail is signed with, if it is signed here and not by the server it is handed to.
    pub dkim: Option<DkimKey>,
    /// Whose server it is, where what becomes of mail is told by calls.
    pub provider: Option<MailProvider>,
}

impl std::fmt::Debug for SmtpSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SmtpSettings").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

/// The address of the SMTP server cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct BadSmtpUrl(String);

/// Sends mail over SMTP on pooled connections.
#[derive(Debug)]
pub struct SmtpChannel {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    dkim: Option<DkimKey>,
    provider: Option<MailProvider>,
}

impl SmtpChannel {
    /// A channel with these settings; it connects when there is something to send.
    pub fn new(settings: &SmtpSettings) -> Result<Self, BadSmtpUrl> {
        let builder =
            AsyncSmtpTransport::<Tokio1Executor>::from_url(&settings.url).map_err(|e| BadSmtpUrl(e.to_string()))?;
        let pool = PoolConfig::new().max_size(4).idle_timeout(Duration::from_secs(30));
        let transport = builder.timeout(Some(settings.timeout)).pool_config(pool).build();
        Ok(Self { transport, dkim: settings.dkim.clone(), provider: settings.provider })
    }
}

macro_rules! text_headers {
    ($($name:ident = $text:literal;)+) => {$(
        #[derive(Clone)]
        struct $name(String);

        impl Header for $name {
            fn name() -> HeaderName {
                HeaderName::new_from_ascii_str($text)
            }

            fn parse(value: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
                Ok(Self(value.to_owned()))
            }

            fn display(&self) -> HeaderValue {
                HeaderValue::new(Self::name(), self.0.clone())
            }
        }
    )+};
}

text_headers! {
    AutoSubmitted = "Auto-Submitted";
    ListUnsubscribe = "List-Unsubscribe";
    ListUnsubscribePost = "List-Unsubscribe-Post";
}

fn mailbox(identity: &MailIdentity) -> Result<Mailbox, SendFailure> {
    let address: Address =
        identity.address.as_str().parse().map_err(|e| SendFailure::Permanent(format!("sender: {e}")))?;
    Ok(Mailbox::new(identity.name.as_deref().map(Mail::one_line), address))
}

fn message(mail: &Mail, provider: Option<MailProvider>) -> Result<Message, SendFailure> {
    let to: Address = mail.to.as_str().parse().map_err(|e| SendFailure::Permanent(format!("recipient: {e}")))?;
    let mut builder = Message::builder()
        .from(mailbox(&mail.from)?)
        .to(Mailbox::new(None, to))
        .subject(Mail::one_line(&mail.subject))
        .message_id(Some(format!("<{}>", mail.message_id)));
    if let Some(id) = &mail.in_reply_to {
        builder = builder.in_reply_to(format!("<{id}>"));
    }
    if !mail.references.is_empty() {
        let references: Vec<String> = mail.references.iter().map(|id| format!("<{id}>")).collect();
        builder = builder.references(references.join(" "));
    }
    if let Some(value) = mail.auto_submitted {
        builder = builder.header(AutoSubmitted(value.to_owned()));
    }
    if let Some(link) = &mail.unsubscribe {
        builder = builder.header(ListUnsubscribe(format!("<{link}>")));
        builder = builder.header(ListUnsubscribePost("List-Unsubscribe=One-Click".to_owned()));
    }
    if let Some(reference) = mail.reference {
        let own = (MailReference::HEADER, reference.to_string());
        for (name, value) in std::iter::once(own).chain(provider.map(|provider| provider.header(reference))) {
            builder = builder.raw_header(HeaderValue::new(HeaderName::new_from_ascii_str(name), value));
        }
    }
    let part = |kind: ContentType, body: &str| SinglePart::builder().header(kind).body(body.to_owned());
    builder
        .multipart(
            MultiPart::alternative()
                .singlepart(part(ContentType::TEXT_PLAIN, &mail.text))
                .singlepart(part(ContentType::TEXT_HTML, &mail.html)),
        )
        .map_err(|e| SendFailure::Permanent(e.to_string()))
}

/// Whether the answer is about our signing in (RFC 4954), not about the mail.
fn is_about_us(error: &lettre::transport::smtp::Error) -> bool {
    error.status().is_some_and(|code| matches!(code.to_string().as_str(), "530" | "534" | "535" | "538"))
}

/// Whether a refusal says that there is no such address. Without an enhanced code nothing is known.
fn is_about_the_address(said: &str) -> bool {
    said.split(|c: char| c.is_whitespace() || "()[],:;-".contains(c)).any(is_no_such_address)
}

#[async_trait]
impl Channel for SmtpChannel {
    fn name(&self) -> &'static str {
        "mail"
    }

    fn limits(&self) -> ChannelLimits {
        // Two for each connection of the pool, so that one is composed while another is sent.
        ChannelLimits::at_once(8)
    }

    async fn send(&self, outgoing: &Outgoing) -> Result<Handed, SendFailure> {
        let Outgoing::Mail(mail) = outgoing else {
            return Err(SendFailure::Permanent("this is no mail".to_owned()));
        };
        let mut message = message(mail, self.provider)?;
        if let Some(dkim) = &self.dkim {
            dkim.sign(&mut message);
        }
        match self.transport.send(message).await {
            Ok(_) => Ok(Handed::default()),
            // A refusal for ever is one of this mail only if the server takes mail from us at all: a wrong password
            // or a relay that turns everybody away is repaired some day, and then the mail must still be here.
            Err(error) if error.is_permanent() && !is_about_us(&error) && self.probe().await.is_ok() => {
                let said = error.to_string();
                Err(if is_about_the_address(&said) { SendFailure::Gone(said) } else { SendFailure::Permanent(said) })
            }
            Err(error) => Err(SendFailure::Retry(error.to_string())),
        }
    }

    async fn probe(&self) -> Result<(), SendFailure> {
        match self.transport.test_connection().await {
            Ok(true) => Ok(()),
            Ok(false) => Err(SendFailure::Retry("the server does not answer".to_owned())),
            Err(error) => Err(SendFailure::Retry(error.to_string())),
        }
    }
}
