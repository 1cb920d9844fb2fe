//! Contacts.

pub(super) mod create;
pub(super) mod list;
pub(super) mod read;
pub(super) mod update;

use connect_core::contact::Contact;
use serde_json::{Value, json};

use super::shape::Time;

fn shape(contact: Contact) -> Value {
    json!({
        "id": contact.id, "name": contact.name, "email": contact.email.as_ref().map(connect_core::EmailAddress::as_str),
        "external_id": contact.external_id, "traits": contact.traits, "locale": contact.locale, "version": contact.version,
        "created_at": Time(contact.created_at), "updated_at": Time(contact.updated_at),
    })
}
