//! Notifications of Amazon SNS, and whether they are genuine.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use webpki::EndEntityCert;
use webpki::ring::RSA_PKCS1_2048_8192_SHA256;

/// A call of SNS.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Envelope {
    #[serde(rename = "Type")]
    pub(super) kind: String,
    message_id: String,
    pub(super) topic_arn: String,
    subject: Option<String>,
    pub(super) message: String,
    timestamp: String,
    token: Option<String>,
    #[serde(rename = "SubscribeURL")]
    pub(super) subscribe_url: Option<String>,
    signature_version: String,
    signature: String,
    #[serde(rename = "SigningCertURL")]
    pub(super) cert_url: String,
}

/// Whether an address is one of SNS itself: only there its certificates are believed, and its subscriptions confirmed.
pub(super) fn is_of_sns(address: &str) -> bool {
    let Ok(url) = url::Url::parse(address) else { return false };
    let host = url.host_str().unwrap_or_default();
    let region = host
        .strip_prefix("sns.")
        .and_then(|rest| rest.strip_suffix(".amazonaws.com").or_else(|| rest.strip_suffix(".amazonaws.com.cn")));
    let is_region = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    url.scheme() == "https"
        && url.port().is_none()
        && url.username().is_empty()
        && url.password().is_none()
        && region.is_some_and(is_region)
}

/// Whether an address is that of a certificate of SNS. Other answers of the same hosts hold what their callers wrote.
pub(super) fn is_certificate(address: &str) -> bool {
    let Ok(url) = url::Url::parse(address) else { return false };
    let name = url.path().strip_prefix("/SimpleNotificationService-").and_then(|rest| rest.strip_suffix(".pem"));
    let is_name = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_hexdigit());
    is_of_sns(address) && url.query().is_none() && url.fragment().is_none() && name.is_some_and(is_name)
}

impl Envelope {
    /// What is signed: the fields of its type, each name and value on a line of its own.
    fn signed(&self) -> String {
        let mut fields = vec![("Message", Some(&self.message)), ("MessageId", Some(&self.message_id))];
        if self.kind == "Notification" {
            fields.push(("Subject", self.subject.as_ref()));
        } else {
            fields.push(("SubscribeURL", self.subscribe_url.as_ref()));
        }
        fields.push(("Timestamp", Some(&self.timestamp)));
        if self.kind != "Notification" {
            fields.push(("Token", self.token.as_ref()));
        }
        fields.extend([("TopicArn", Some(&self.topic_arn)), ("Type", Some(&self.kind))]);
        let line = |(name, value): (&str, Option<&String>)| value.map(|value| format!("{name}\n{value}\n"));
        fields.into_iter().filter_map(line).collect()
    }

    /// Whether it is signed with this certificate, in PEM. Version 1, which signs with SHA-1, is not believed.
    pub(super) fn is_genuine(&self, pem: &[u8]) -> bool {
        let text = String::from_utf8_lossy(pem);
        let inner = text.trim_start().strip_prefix("-----BEGIN CERTIFICATE-----");
        let inner = inner.and_then(|rest| rest.split("-----END").next());
        let inner: String = inner.unwrap_or_default().split_whitespace().collect();
        let (Ok(der), Ok(signature)) = (STANDARD.decode(inner), STANDARD.decode(&self.signature)) else { return false };
        let der = rustls_pki_types::CertificateDer::from(der);
        let Ok(certificate) = EndEntityCert::try_from(&der) else { return false };
        self.signature_version == "2"
            && certificate.verify_signature(RSA_PKCS1_2048_8192_SHA256, self.signed().as_bytes(), &signature).is_ok()
    }

    /// When it was sent, in seconds since 1970.
    pub(super) fn sent_at(&self) -> Option<i64> {
        self.timestamp.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_second)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_sns_are_asked() {
        for good in [
            "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem",
            "https://sns.cn-north-1.amazonaws.com.cn/x.pem",
        ] {
            assert!(is_of_sns(good), "{good}");
        }
        for bad in [
            "http://sns.eu-west-1.amazonaws.com/x.pem",
            "https://sns.eu-west-1.amazonaws.com.evil.example/x.pem",
            "https://evil.example/sns.eu-west-1.amazonaws.com",
            "https://evil.sns.eu-west-1.amazonaws.com/x",
            "https://sns.eu-west-1.amazonaws.com:444/x",
            "https://a@sns.eu-west-1.amazonaws.com/x",
            "https://sns.a.b.amazonaws.com/x",
            "https://sns..amazonaws.com/x",
        ] {
            assert!(!is_of_sns(bad), "{bad}");
        }
    }

    #[test]
    fn only_certificates_are_believed_to_be_certificates() {
        assert!(is_certificate("https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0aF9.pem"));
        for bad in [
            "https://sns.eu-west-1.amazonaws.com/?Action=GetTopicAttributes",
            "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem?Action=GetTopicAttributes",
            "https://sns.eu-west-1.amazonaws.com/a/SimpleNotificationService-1.pem",
            "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-.pem",
            "https://evil.example/SimpleNotificationService-1.pem",
        ] {
            assert!(!is_certificate(bad), "{bad}");
        }
    }

    /// Signed with `openssl dgst -sha256 -sign`, over what `signed` gives, with a key that is kept nowhere.
    #[test]
    fn a_notification_is_believed_as_it_was_signed_and_not_otherwise() {
        let body = include_str!("fixtures/notification.json");
        let read = || serde_json::from_str::<Envelope>(body).expect("it reads");
        let certificate = include_bytes!("fixtures/certificate.pem");
        assert!(read().is_genuine(certificate));
        assert_eq!(read().sent_at(), Some(1_767_258_000));
        assert!(!Envelope { message: "{}".to_owned(), ..read() }.is_genuine(certificate));
        assert!(!Envelope { topic_arn: "arn:aws:sns:eu-west-1:1:other".to_owned(), ..read() }.is_genuine(certificate));
        assert!(!Envelope { signature_version: "1".to_owned(), ..read() }.is_genuine(certificate));
        assert!(!read().is_genuine(b"no certificate"));
        let quoted = [b"<Policy>".as_slice(), certificate].concat();
        assert!(!read().is_genuine(&quoted), "a certificate that somebody has written into another answer");
    }
}
