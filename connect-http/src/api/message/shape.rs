//! A message as the API shows it.

use std::collections::{BTreeSet, HashMap};

use connect_core::contact::Contact;
use connect_core::delivery::{Delivery, DeliveryList, Recipient};
use connect_core::message::{Direction, Message, MessageKind};
use connect_core::record::{Record, RecordKind};
use connect_core::store::RecordList;
use connect_core::user::User;
use connect_core::{Access, Actor, Limit, MessageId, UserId};
use serde_json::{Value, json};

use crate::api::attachment::shape::{Place, carried};
use crate::api::shape::Time;
use crate::app::App;
use crate::markdown;
use crate::problem::Problem;

/// The names behind actors.
pub(crate) struct People {
    users: HashMap<UserId, User>,
    contacts: HashMap<String, Contact>,
}

impl People {
    /// Looks up everybody at once.
    pub(crate) async fn look_up(
        app: &App,
        access: &Access,
        actors: impl Iterator<Item = Actor>,
    ) -> Result<Self, Problem> {
        let (mut users, mut contacts) = (BTreeSet::new(), BTreeSet::new());
        for actor in actors {
            match actor {
                Actor::User(id) => {
                    users.insert(id);
                }
                Actor::Contact(id) => {
                    contacts.insert(id.to_string());
                }
                Actor::Host | Actor::System => {}
            }
        }
        let users = app.desk().users().by_ids(users).await?;
        let list = RecordList { ids: Some(contacts.into_iter().collect()), after: None, limit: Limit::MAX };
        let records = app.desk().store().records(access.workspace_id(), Contact::KIND, list).await?;
        let contacts = records.iter().map(Record::read::<Contact>).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { users, contacts: contacts.into_iter().map(|contact| (contact.id.to_string(), contact)).collect() })
    }

    /// The name of an actor, if they have one.
    pub(crate) fn name(&self, actor: Actor) -> Option<&str> {
        match actor {
            Actor::User(id) => self.users.get(&id).map(|user| user.name.as_str()),
            Actor::Contact(id) => self.contacts.get(&id.to_string()).map(|contact| contact.name.as_str()),
            Actor::Host | Actor::System => None,
        }
    }

    /// An actor as the API shows them.
    pub(crate) fn shape(&self, actor: Actor) -> Value {
        let kind = match actor {
            Actor::User(_) => "member",
            Actor::Contact(_) => "contact",
            Actor::Host => "host",
            Actor::System => "system",
        };
        json!({"type": kind, "id": actor, "name": self.name(actor)})
    }
}

/// A message, with its deliveries where they are known.
pub(crate) fn shape(message: &Message, people: &People, place: &Place, deliveries: Option<&[Delivery]>) -> Value {
    let mut shape = json!({
        "id": message.id, "ticket_id": message.ticket, "kind": message.kind.as_str(),
        "direction": message.direction.as_str(), "author": people.shape(message.author),
        "body": message.body, "html": markdown::html(message.body.as_str()),
        "attachments": carried(&message.attachments, place), "created_at": Time(message.created_at),
    });
    if let Some(deliveries) = deliveries {
        // What colleagues are told of it is nobody else's.
        let is_own = |delivery: &&Delivery| {
            delivery.message == Some(message.id) && matches!(delivery.recipient, Recipient::Contact(_))
        };
        let own = deliveries.iter().filter(is_own);
        shape["deliveries"] = own.map(delivery).collect();
    }
    shape
}

fn delivery(delivery: &Delivery) -> Value {
    json!({
        "id": delivery.id, "channel": delivery.channel, "recipient": delivery.recipient.to_string(),
        "state": delivery.state.as_str(), "attempts": delivery.attempts, "detail": delivery.detail,
        "settled_at": delivery.settled_at.map(Time),
    })
}

/// Messages with authors and, for the team, deliveries.
pub(super) async fn shapes(app: &App, access: &Access, messages: &[Message]) -> Result<Vec<Value>, Problem> {
    let people = People::look_up(app, access, messages.iter().map(|message| message.author)).await?;
    let sent = messages.iter().filter(|m| m.kind == MessageKind::Reply && m.direction == Direction::Outbound);
    let ids: Vec<MessageId> = sent.map(|message| message.id).collect();
    let deliveries = if access.contact().is_some() || ids.is_empty() {
        Vec::new()
    } else {
        let list = DeliveryList { messages: Some(ids), limit: Limit::MAX, ..DeliveryList::default() };
        app.desk().store().deliveries(access.workspace_id(), list).await?
    };
    let known = access.contact().is_none().then_some(deliveries.as_slice());
    let place = Place::new(app.desk(), access);
    Ok(messages.iter().map(|message| shape(message, &people, &place, known)).collect())
}
