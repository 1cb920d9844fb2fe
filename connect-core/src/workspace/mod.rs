//! Workspaces: the tenants.

pub mod moving;
mod service;
mod walk;

use serde::{Deserialize, Serialize};

use crate::change::{Moment, RecordChange};
use crate::event::Fact;
use crate::outbox::UndoWindow;
use crate::record::{RecordKey, RecordKind};
use crate::user::Locale;
use crate::{Error, Name, Result, Slug, Timestamp, Version, WorkspaceId};

pub use service::Workspaces;
pub use walk::EveryWorkspace;

/// Who may come in as a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum Customers {
    /// Whoever proves an e-mail address becomes a contact when opening a first ticket.
    #[default]
    Anyone,
    /// Only contacts that the team has entered.
    Known,
}

/// A tenant. Everything but users belongs to exactly one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workspace {
    /// Its id.
    pub id: WorkspaceId,
    /// What it is called.
    pub name: Name,
    /// Its short name in addresses, unique everywhere.
    pub slug: Slug,
    /// Who may come in as a customer.
    #[serde(default)]
    pub customers: Customers,
    /// Whether its team comes in with a second factor only.
    #[serde(default)]
    pub require_second_factor: bool,
    /// The language of its mail where the reader has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<Locale>,
    /// For how long answers of its team wait before they are sent, and can be taken back.
    #[serde(default)]
    pub undo_send: UndoWindow,
    /// How often it was written.
    pub version: Version,
    /// Since when it exists.
    pub created_at: Timestamp,
}

impl RecordKind for Workspace {
    const KIND: &'static str = "workspace";

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn version(&self) -> Version {
        self.version
    }

    fn keys(&self) -> Vec<RecordKey> {
        vec![RecordKey::everywhere(Self::slug_key(&self.slug))]
    }
}

impl crate::change::Versioned for Workspace {
    fn at_version(&self, version: Version) -> Self {
        Self { version, ..self.clone() }
    }
}

/// What a new workspace needs.
#[derive(Debug, Clone)]
pub struct NewWorkspace {
    /// What it is called.
    pub name: Name,
    /// Its short name in addresses.
    pub slug: Slug,
}

/// What may change about a workspace.
#[derive(Debug, Clone, Default)]
pub struct WorkspacePatch {
    /// A new name.
    pub name: Option<Name>,
    /// A new short name. Old addresses stop working.
    pub slug: Option<Slug>,
    /// Who may come in as a customer.
    pub customers: Option<Customers>,
    /// Whether its team comes in with a second factor only. Set by somebody who has shown one.
    pub require_second_factor: Option<bool>,
    /// Another language; the inner `None` clears it.
    pub locale: Option<Option<Locale>>,
    /// For how long answers of its team wait from now on.
    pub undo_send: Option<UndoWindow>,
    /// The version the caller saw; another one refuses the change.
    pub seen: Option<Version>,
}

impl Workspace {
    /// The key a workspace is found by.
    pub(crate) fn slug_key(slug: &Slug) -> String {
        format!("slug:{slug}")
    }

    /// Decides what a new workspace is.
    pub fn create(new: NewWorkspace, moment: &Moment) -> (Self, RecordChange) {
        let workspace = Self {
            id: moment.ids().workspace(),
            name: new.name,
            slug: new.slug,
            customers: Customers::default(),
            require_second_factor: false,
            locale: None,
            undo_send: UndoWindow::default(),
            version: Version::FIRST,
            created_at: moment.now(),
        };
        let change = RecordChange::insert(&workspace, Fact::WorkspaceCreated {});
        (workspace, change)
    }

    /// Decides a change; none when nothing is different.
    pub fn update(&self, patch: WorkspacePatch) -> Result<Option<RecordChange>> {
        if let Some(seen) = patch.seen
            && seen != self.version
        {
            return Err(Error::RecordMismatch { current: self.version });
        }
        let mut next = self.clone();
        let mut fields = Vec::new();
        if let Some(name) = patch.name.filter(|name| *name != self.name) {
            next.name = name;
            fields.push("name".to_owned());
        }
        if let Some(slug) = patch.slug.filter(|slug| *slug != self.slug) {
            next.slug = slug;
            fields.push("slug".to_owned());
        }
        if let Some(customers) = patch.customers.filter(|customers| *customers != self.customers) {
            next.customers = customers;
            fields.push("customers".to_owned());
        }
        if let Some(required) = patch.require_second_factor.filter(|required| *required != self.require_second_factor) {
            next.require_second_factor = required;
            fields.push("require_second_factor".to_owned());
        }
        if let Some(locale) = patch.locale.filter(|locale| *locale != self.locale) {
            next.locale = locale;
            fields.push("locale".to_owned());
        }
        if let Some(window) = patch.undo_send.filter(|window| *window != self.undo_send) {
            next.undo_send = window;
            fields.push("undo_send".to_owned());
        }
        if fields.is_empty() {
            return Ok(None);
        }
        next.version = self.version.next();
        Ok(Some(RecordChange::update(&next, self.version, Fact::WorkspaceUpdated { fields })))
    }
}
