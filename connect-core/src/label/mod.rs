//! Labels: tags of a workspace, each with a colour.

mod service;

use serde::{Deserialize, Serialize};

use crate::change::{Moment, RecordChange};
use crate::event::Fact;
use crate::record::{RecordKey, RecordKind};
use crate::{FieldError, LabelId, LabelName, Result, Timestamp, Version};

pub use service::Labels;

/// A tag. Tickets carry its name, so a label is made by its first use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// Its id.
    pub id: LabelId,
    /// Its name, unique in the workspace.
    pub name: LabelName,
    /// Its colour, `#rrggbb`.
    pub color: String,
    /// How often it was written.
    pub version: Version,
    /// Since when it exists.
    pub created_at: Timestamp,
}

impl RecordKind for Label {
    const KIND: &'static str = "label";

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn version(&self) -> Version {
        self.version
    }

    fn keys(&self) -> Vec<RecordKey> {
        vec![RecordKey::in_workspace(Self::name_key(&self.name))]
    }
}

impl Label {
    /// Colours that stand out against white, given in turn by the name when none is asked for.
    const COLORS: [&'static str; 8] =
        ["#1d4ed8", "#047857", "#b45309", "#b91c1c", "#6d28d9", "#0e7490", "#be185d", "#4d7c0f"];

    /// The key a label is found by.
    pub(crate) fn name_key(name: &LabelName) -> String {
        format!("name:{name}")
    }

    /// The colour a label has when none is asked for.
    pub fn default_color(name: &LabelName) -> &'static str {
        let sum: usize = name.as_str().bytes().map(usize::from).sum();
        Self::COLORS[sum % Self::COLORS.len()]
    }

    /// Decides what a new label is.
    pub fn create(name: LabelName, color: Option<String>, moment: &Moment) -> Result<(Self, RecordChange)> {
        let color = match color {
            None => Self::default_color(&name).to_owned(),
            Some(color)
                if color.len() == 7 && color.starts_with('#') && color[1..].bytes().all(|b| b.is_ascii_hexdigit()) =>
            {
                color.to_ascii_lowercase()
            }
            Some(_) => return Err(FieldError::new("color", "bad_color", "must have the form #rrggbb").into()),
        };
        let label = Self { id: moment.ids().label(), name, color, version: Version::FIRST, created_at: moment.now() };
        let change = RecordChange::insert(&label, Fact::LabelCreated { label: label.id });
        Ok((label, change))
    }
}
