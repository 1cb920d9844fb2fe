//! Where a ticket stands and how much it presses.

use serde::{Deserialize, Serialize};

use crate::FieldError;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $field:literal, $article:literal { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "lowercase")]
        pub enum $name { $($(#[$vdoc])* $variant,)+ }

        impl $name {
            /// All of them, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The word used in the API.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// Checks and keeps.
            pub fn parse(field: &str, text: &str) -> Result<Self, FieldError> {
                Self::ALL.iter().copied().find(|known| known.as_str() == text).ok_or_else(|| {
                    FieldError::new(field, "unknown", concat!("must be ", $article, " of ", $($text, " ",)+).trim_end())
                })
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words! {
    /// What a status stands for. Rules reason about this and never about a workspace's own words.
    Category, "category", "one" {
        /// Nobody of the team has answered yet.
        New = "new",
        /// The team is on it.
        Open = "open",
        /// Waiting for the customer.
        Pending = "pending",
        /// Put off until the customer answers.
        Snoozed = "snoozed",
        /// Done, as far as the team knows; an answer of the customer opens it again.
        Resolved = "resolved",
        /// Done for good.
        Closed = "closed",
    }
}

words! {
    /// How much a ticket presses. The order is that of urgency.
    Priority, "priority", "one" {
        /// Not judged.
        None = "none",
        /// Can wait.
        Low = "low",
        /// As usual.
        Normal = "normal",
        /// Before others.
        High = "high",
        /// Now.
        Urgent = "urgent",
    }
}

impl Priority {
    /// Its place in the order of urgency, from 0.
    pub const fn rank(self) -> i64 {
        self as i64
    }
}

/// A status in the workspace's words. Every workspace starts with one status for each [`Category`], of
/// the same name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StatusName(String);

impl StatusName {
    /// The workspace's status for a category.
    pub fn of(category: Category) -> Self {
        Self(category.as_str().to_owned())
    }

    /// Checks that the workspace has such a status, and says what it stands for.
    pub fn parse(field: &str, text: &str) -> Result<(Self, Category), FieldError> {
        Category::parse(field, text).map(|category| (Self::of(category), category))
    }

    /// The word.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for StatusName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
