//! Which tickets a list shows, and in which order.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::ticket::{Category, Priority, Ticket, Within};
use crate::{ContactId, FieldError, LabelName, Limit, TeamId, TicketId, Timestamp, UserId, search};

/// What tickets are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SortKey {
    /// When it was last written.
    UpdatedAt,
    /// When it was opened.
    CreatedAt,
    /// Its number.
    Number,
    /// How much it presses.
    Priority,
}

/// An order of tickets: by one key, then by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TicketSort {
    /// What it is by.
    pub key: SortKey,
    /// Whether the largest comes first.
    pub descending: bool,
}

impl Default for TicketSort {
    /// The last written first.
    fn default() -> Self {
        Self { key: SortKey::UpdatedAt, descending: true }
    }
}

impl TicketSort {
    const WORDS: [(&'static str, SortKey); 4] = [
        ("updated_at", SortKey::UpdatedAt),
        ("created_at", SortKey::CreatedAt),
        ("number", SortKey::Number),
        ("priority", SortKey::Priority),
    ];

    /// Reads `updated_at`, or `-updated_at` for the largest first.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        let (descending, word) = text.strip_prefix('-').map_or((false, text), |word| (true, word));
        Self::WORDS.into_iter().find(|(known, _)| *known == word).map(|(_, key)| Self { key, descending }).ok_or_else(
            || {
                FieldError::new(
                    "sort",
                    "unknown",
                    "must be updated_at, created_at, number or priority, with - before it for the largest first",
                )
            },
        )
    }

    /// The text that [`TicketSort::parse`] reads.
    pub fn text(self) -> String {
        let word = Self::WORDS.into_iter().find(|(_, key)| *key == self.key).map_or("", |(word, _)| word);
        format!("{}{word}", if self.descending { "-" } else { "" })
    }

    /// A ticket's value of the key, as the number it sorts by.
    pub fn value(self, ticket: &Ticket) -> i64 {
        match self.key {
            SortKey::UpdatedAt => ticket.updated_at.as_micros(),
            SortKey::CreatedAt => ticket.created_at.as_micros(),
            SortKey::Number => i64::try_from(ticket.number).unwrap_or(i64::MAX),
            SortKey::Priority => ticket.priority.rank(),
        }
    }
}

/// The place of a ticket in a list of a certain order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketCursor {
    /// The order it belongs to.
    pub sort: TicketSort,
    /// The ticket's value of the key.
    pub value: i64,
    /// The ticket's id.
    pub id: TicketId,
}

/// Which tickets are meant: those that fit every part. An empty part fits all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TicketFilter {
    /// The category is one of these.
    pub categories: BTreeSet<Category>,
    /// The category is none of these.
    pub not_categories: BTreeSet<Category>,
    /// The assignee is this one; the inner `None` means nobody.
    pub assignee: Option<Option<UserId>>,
    /// The team is this one; the inner `None` means no team.
    pub team: Option<Option<TeamId>>,
    /// It is one of these. Set by who asks, and no part of query text.
    pub within: Option<Within>,
    /// The contact is this one.
    pub contact: Option<ContactId>,
    /// It carries all of these labels.
    pub labels: BTreeSet<LabelName>,
    /// It carries none of these labels.
    pub not_labels: BTreeSet<LabelName>,
    /// The priority is at least this.
    pub priority_from: Option<Priority>,
    /// The priority is at most this.
    pub priority_to: Option<Priority>,
    /// Opened at this instant or later.
    pub created_from: Option<Timestamp>,
    /// Opened before this instant.
    pub created_before: Option<Timestamp>,
    /// Written at this instant or later.
    pub updated_from: Option<Timestamp>,
    /// Written before this instant.
    pub updated_before: Option<Timestamp>,
    /// Has this number.
    pub number: Option<u64>,
    /// Every one of these words (folded by [`search::words`]) stands in the subject or a message, the
    /// last one at least as the beginning of a word.
    pub words: Vec<String>,
    /// Whether the words may also stand in internal notes.
    pub search_notes: bool,
}

impl TicketFilter {
    /// Whether a ticket fits, its words aside.
    pub fn fits(&self, ticket: &Ticket) -> bool {
        let Self {
            categories,
            not_categories,
            assignee,
            team,
            within,
            contact,
            labels,
            not_labels,
            priority_from,
            priority_to,
            created_from,
            created_before,
            updated_from,
            updated_before,
            number,
            words: _,
            search_notes: _,
        } = self;
        (categories.is_empty() || categories.contains(&ticket.category))
            && !not_categories.contains(&ticket.category)
            && assignee.is_none_or(|assignee| ticket.assignee == assignee)
            && team.is_none_or(|team| ticket.team == team)
            && within.as_ref().is_none_or(|within| within.holds(ticket))
            && contact.is_none_or(|contact| ticket.contact == contact)
            && labels.is_subset(&ticket.labels)
            && not_labels.is_disjoint(&ticket.labels)
            && priority_from.is_none_or(|from| ticket.priority >= from)
            && priority_to.is_none_or(|to| ticket.priority <= to)
            && created_from.is_none_or(|from| ticket.created_at >= from)
            && created_before.is_none_or(|before| ticket.created_at < before)
            && updated_from.is_none_or(|from| ticket.updated_at >= from)
            && updated_before.is_none_or(|before| ticket.updated_at < before)
            && number.is_none_or(|number| ticket.number == number)
    }

    /// Whether the words stand in these texts together (each already folded by [`search::indexed`]).
    pub fn words_stand_in<'a>(&self, texts: impl Iterator<Item = &'a str> + Clone) -> bool {
        self.words.iter().enumerate().all(|(place, word)| {
            let last = place + 1 == self.words.len();
            texts
                .clone()
                .flat_map(str::split_whitespace)
                .any(|known| if last { known.starts_with(word) } else { known == word })
        })
    }

    /// Adds the words of a text to what must be found.
    pub fn add_words(&mut self, text: &str) {
        self.words.extend(search::words(text));
    }
}

/// A page of tickets to be read.
#[derive(Debug, Clone, Default)]
pub struct TicketList {
    /// Which tickets.
    pub filter: TicketFilter,
    /// In which order.
    pub sort: TicketSort,
    /// After which place.
    pub after: Option<TicketCursor>,
    /// How many at most.
    pub limit: Limit,
}
