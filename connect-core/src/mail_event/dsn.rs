//! Reports of mail servers: `multipart/report` with a part for machines (RFC 3464) and the headers of the mail it is about.

use mail_parser::{ContentType, MessageParser, MimeHeaders, PartType};

use super::{MailEvent, MailOutcome, MailReference, address, detail, is_no_such_address};

/// The fields of a group of lines, each name once; folded lines are joined.
fn fields(group: &str) -> Vec<(String, String)> {
    let unfolded = group.replace("\n ", " ").replace("\n\t", " ");
    let field = |line: &str| line.split_once(':').map(|(n, v)| (n.trim().to_ascii_lowercase(), v.trim().to_owned()));
    unfolded.lines().filter_map(field).collect()
}

fn field<'a>(fields: &'a [(String, String)], name: &str) -> Option<&'a str> {
    fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

/// `rfc822; ada@example.org`: what stands behind the type.
fn typed(value: &str) -> &str {
    value.split_once(';').map_or(value, |(_, rest)| rest).trim()
}

fn is_of(known: &ContentType<'_>, kind: &str, sub: &str) -> bool {
    known.ctype().eq_ignore_ascii_case(kind) && known.subtype().is_some_and(|known| known.eq_ignore_ascii_case(sub))
}

/// The events of a report; none of a mail that is no report, or about no mail of the desk.
pub(super) fn read(raw: &[u8]) -> Vec<MailEvent> {
    let Some(message) = MessageParser::default().parse(raw) else { return Vec::new() };
    if !message.content_type().is_some_and(|known| is_of(known, "multipart", "report")) {
        return Vec::new();
    }
    let mut status = None;
    let mut mail = None;
    for part in &message.parts {
        let is = |kind: &str, sub: &str| part.content_type().is_some_and(|known| is_of(known, kind, sub));
        let text = match &part.body {
            PartType::Text(text) | PartType::Html(text) => text.to_string(),
            PartType::Binary(bytes) | PartType::InlineBinary(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            PartType::Message(inner) => String::from_utf8_lossy(inner.raw_message()).into_owned(),
            PartType::Multipart(_) => continue,
        };
        if is("message", "delivery-status") || is("message", "global-delivery-status") {
            status = Some(text.replace("\r\n", "\n"));
        } else if is("message", "rfc822") || is("text", "rfc822-headers") || is("message", "global") {
            let text = text.replace("\r\n", "\n");
            let head = text.split("\n\n").next().unwrap_or_default();
            mail = field(&fields(head), &MailReference::HEADER.to_ascii_lowercase()).and_then(MailReference::parse);
        }
    }
    let (Some(status), Some(mail)) = (status, mail) else { return Vec::new() };
    let event = |group: &str| {
        let fields = fields(group);
        let code = field(&fields, "status").unwrap_or_default();
        let outcome = match field(&fields, "action")?.to_ascii_lowercase().as_str() {
            "delivered" | "relayed" | "expanded" => MailOutcome::Delivered,
            "delayed" => MailOutcome::Deferred,
            "failed" => MailOutcome::Bounced { hard: is_no_such_address(code) },
            _ => return None,
        };
        let to = field(&fields, "original-recipient").or_else(|| field(&fields, "final-recipient"))?;
        let said = field(&fields, "diagnostic-code").map(typed);
        Some(MailEvent { mail, outcome, address: address(Some(typed(to))), detail: detail([Some(code), said]) })
    };
    status.split("\n\n").filter_map(event).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DeliveryId, WorkspaceId};

    fn report(action: &str, status: &str) -> String {
        let mail = MailReference { workspace: WorkspaceId::from_bits(1), delivery: DeliveryId::from_bits(2) };
        format!(
            "From: MAILER-DAEMON@mx.example\r\nTo: desk@desk.example\r\nSubject: Undelivered\r\nMIME-Version: 1.0\r\n\
             Content-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\r\n\r\n\
             --b\r\nContent-Type: text/plain\r\n\r\nSorry.\r\n\
             --b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\n\
             Final-Recipient: rfc822; Carla@customer.example\r\nAction: {action}\r\nStatus: {status}\r\n\
             Diagnostic-Code: smtp; 550 no such\r\n mailbox\r\n\
             --b\r\nContent-Type: text/rfc822-headers\r\n\r\nFrom: desk@desk.example\r\nX-Connect-Delivery: {mail}\r\nSubject: Re\r\n\
             --b--\r\n"
        )
    }

    #[test]
    fn a_report_tells_what_became_of_which_mail() {
        let events = read(report("failed", "5.1.1").as_bytes());
        assert_eq!(events.len(), 1, "{events:?}");
        assert_eq!(events[0].outcome, MailOutcome::Bounced { hard: true });
        assert_eq!(
            events[0].address.as_ref().map(|a| a.as_str().to_ascii_lowercase()),
            Some("carla@customer.example".to_owned())
        );
        assert_eq!(events[0].detail, "5.1.1: 550 no such mailbox");
        assert_eq!(events[0].mail.delivery, DeliveryId::from_bits(2));
        for (action, status, outcome) in [
            ("failed", "5.2.2", MailOutcome::Bounced { hard: false }),
            ("failed", "5.1.8", MailOutcome::Bounced { hard: false }),
            ("failed", "5.7.1", MailOutcome::Bounced { hard: false }),
            ("delayed", "4.4.7", MailOutcome::Deferred),
            ("Relayed", "2.0.0", MailOutcome::Delivered),
        ] {
            assert_eq!(read(report(action, status).as_bytes())[0].outcome, outcome, "{action} {status}");
        }
    }

    #[test]
    fn what_is_no_report_of_ours_tells_nothing() {
        let text = report("failed", "5.1.1");
        for other in [
            String::new(),
            "no mail".to_owned(),
            text.replace("multipart/report", "multipart/mixed"),
            text.replace("X-Connect-Delivery", "X-Other"),
            text.replace("message/delivery-status", "text/plain"),
            text.replace("Action: failed", "Action: exploded"),
            text[..text.len() / 2].to_owned(),
        ] {
            assert_eq!(read(other.as_bytes()), [], "{other}");
        }
    }
}
