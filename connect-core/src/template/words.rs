//! From what happened to the words of a mail.

use serde_json::{Value, json};
use tracing::warn;

use super::{MailTopic, Rendered, Template, chain};
use crate::contact::Contact;
use crate::record::RecordKind;
use crate::store::{RecordList, TicketRow};
use crate::user::Locale;
use crate::workspace::Workspace;
use crate::{Desk, Limit, Result};

/// What the places of a mail about a ticket are filled with.
pub(crate) struct Words<'a> {
    pub(crate) row: &'a TicketRow,
    /// What the customer is to be sent: the text, and who wrote it.
    pub(crate) message: Option<(&'a str, Option<String>)>,
    pub(crate) link: &'a str,
    pub(crate) unsubscribe: Option<&'a str>,
}

impl Words<'_> {
    pub(crate) fn values(&self, workspace: &Workspace) -> Value {
        let TicketRow { ticket, contact: Contact { name, .. } } = self.row;
        let mut values = json!({
            "workspace": {"name": workspace.name},
            "ticket": {"number": ticket.number, "subject": ticket.subject},
            "contact": {"name": name},
            "link": self.link,
            "unsubscribe_link": self.unsubscribe,
        });
        if let Some((body, author)) = &self.message {
            values["message"] = json!({ "body": body });
            values["author"] = json!({"name": author.as_deref().unwrap_or(workspace.name.as_str())});
        }
        values
    }
}

/// The template that a reader of this language gets, if the workspace has one.
pub(super) async fn found(
    desk: &Desk,
    workspace: &Workspace,
    topic: MailTopic,
    reader: Option<&Locale>,
) -> Result<Option<Template>> {
    let languages = chain(reader, workspace.locale.as_ref());
    let ids: Vec<String> = languages.iter().map(|language| format!("template_{}_{language}", topic.as_str())).collect();
    let list = RecordList { ids: Some(ids.clone()), after: None, limit: Limit::MAX };
    let records = desk.store().records(workspace.id, Template::KIND, list).await?;
    let best = ids.iter().find_map(|id| records.iter().find(|record| record.id == *id));
    let read = |record: &crate::record::Record| {
        record.read().inspect_err(|error| warn!(template = record.id, %error, "a template does not read")).ok()
    };
    Ok(best.and_then(read))
}

/// The words of a mail. A template that does not fill must not keep it from leaving: then it has the desk's own.
pub(crate) async fn composed(
    desk: &Desk,
    workspace: &Workspace,
    topic: MailTopic,
    reader: Option<&Locale>,
    values: Value,
) -> Result<Rendered> {
    if let Some(template) = found(desk, workspace, topic, reader).await? {
        match desk.templates_engine().template(&template, values.clone()) {
            Ok(rendered) => return Ok(rendered),
            Err(error) => {
                warn!(workspace = %workspace.id, topic = topic.as_str(), %error, "a template does not fill, the desk's own is used");
            }
        }
    }
    desk.templates_engine().own(topic, values)
}
