//! The mail that shows somebody their template.

use async_trait::async_trait;

use super::{Draft, words};
use crate::delivery::{Delivery, Recipient};
use crate::dispatch::{Composed, Plan, Subscriber};
use crate::event::{Event, Fact};
use crate::notify::{Mail, Outgoing};
use crate::store::EventList;
use crate::{Desk, Limit, Result, WorkspaceId};

/// Mails templates to whoever tries them.
#[derive(Debug)]
pub(crate) struct TestMail;

#[async_trait]
impl Subscriber for TestMail {
    fn name(&self) -> &'static str {
        "template-tests"
    }

    async fn plan(&self, _: &Desk, _: WorkspaceId, events: &[Event]) -> Result<Vec<Plan>> {
        let plan = |event: &Event| match event.fact {
            Fact::TemplateTested { by, .. } => Some(Plan::mail(event, "template.tested", Recipient::User(by))),
            _ => None,
        };
        Ok(events.iter().filter_map(plan).collect())
    }

    async fn compose(&self, desk: &Desk, delivery: &Delivery) -> Result<Composed> {
        let after = delivery.event.saturating_sub(1);
        let list = EventList { after, limit: Limit::ONE, ..EventList::default() };
        let event = desk.store().events(delivery.workspace, list).await?.into_iter().next();
        let Some(Fact::TemplateTested { topic, language, by }) = event.map(|event| event.fact) else {
            return Ok(Composed::Drop("unknown topic"));
        };
        let (Some(workspace), Some(user)) = (desk.workspace(delivery.workspace).await?, desk.user(by).await?) else {
            return Ok(Composed::Drop("the member is gone"));
        };
        let found = words::found(desk, &workspace, topic, Some(&language)).await?;
        let draft = found.map_or_else(|| Draft::own(topic), |template| template.draft);
        let rendered = desk.templates_engine().preview(topic, &draft)?;
        let mail = Mail {
            auto_submitted: Some("auto-generated"),
            ..Mail::of(
                rendered,
                user.email,
                desk.identity(Some(workspace.name.to_string())),
                desk.message_id(&delivery.id),
            )
        };
        Ok(Composed::Send(Outgoing::Mail(Box::new(mail))))
    }
}
