//! Notices: members learn of what concerns them, over the channels they chose. Nobody is told of their own act.
//!
//! A notice shown in the desk is a delivery like any other, over the channel [`IN_APP`](crate::dispatch::IN_APP): it is
//! there exactly once, as it is stored in the step that routes its event, and is kept as read or unread.

mod digest;
mod follow;
mod hours;
mod plan;
mod push;
mod service;
mod unsubscribe;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::change::RecordChange;
use crate::event::Fact;
use crate::record::{RecordKey, RecordKind};
use crate::{Timestamp, UserId, Version};

pub use hours::{ClockTime, Digest, QuietHours, ZoneName};
pub use plan::Notices;
pub(crate) use plan::composed_about;
pub use service::{Notice, Notifications};
pub use unsubscribe::UnsubscribeLink;

/// What somebody is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Topic {
    /// A ticket was given to them.
    Assigned,
    /// The customer has answered on a ticket that is theirs, on which they have written, or that they follow.
    CustomerReplied,
    /// Somebody has named them in a note, as `@` and their e-mail address.
    Mentioned,
    /// A colleague has answered or written a note on such a ticket.
    TeamReplied,
    /// A mail with an answer came back, on such a ticket.
    MailCameBack,
    /// An answer of their own that waited could not be sent.
    ReplyRefused,
    /// A customer has opened a ticket.
    TicketOpened,
}

impl Topic {
    /// Every topic.
    pub const ALL: [Self; 7] = [
        Self::Assigned,
        Self::CustomerReplied,
        Self::Mentioned,
        Self::TeamReplied,
        Self::MailCameBack,
        Self::ReplyRefused,
        Self::TicketOpened,
    ];

    /// The word used in the API and in deliveries.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Assigned => "assigned",
            Self::CustomerReplied => "customer_replied",
            Self::Mentioned => "mentioned",
            Self::TeamReplied => "team_replied",
            Self::MailCameBack => "mail_came_back",
            Self::ReplyRefused => "reply_refused",
            Self::TicketOpened => "ticket_opened",
        }
    }

    /// The topic of this word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| topic.as_str() == text)
    }

    /// The channels of somebody who has chosen none: all is shown in the desk, and what asks for the person is mailed.
    fn usual(self) -> BTreeSet<Medium> {
        match self {
            Self::TicketOpened => BTreeSet::new(),
            Self::TeamReplied => BTreeSet::from([Medium::InApp]),
            Self::Assigned | Self::CustomerReplied | Self::Mentioned | Self::MailCameBack | Self::ReplyRefused => {
                BTreeSet::from([Medium::InApp, Medium::Mail, Medium::Push])
            }
        }
    }
}

/// Over what somebody is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Medium {
    /// In the desk.
    InApp,
    /// By e-mail.
    Mail,
    /// By a message to their devices, of those who have let the desk send them any.
    Push,
}

/// What somebody chooses anew; the rest stays.
#[derive(Debug, Clone, Default)]
pub struct Choice {
    /// The media of some topics.
    pub media: BTreeMap<Topic, BTreeSet<Medium>>,
    /// Another zone.
    pub time_zone: Option<ZoneName>,
    /// Other quiet hours; the inner `None` clears them.
    pub quiet: Option<Option<QuietHours>>,
    /// Another digest; the inner `None` has each mail come by itself.
    pub digest: Option<Option<Digest>>,
}

/// What a member wants to be told of, and how. One for each member and workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeSettings {
    /// Whose.
    pub user: UserId,
    /// The media of each topic that they have chosen; the others have the usual ones.
    pub media: BTreeMap<Topic, BTreeSet<Medium>>,
    /// The zone of their hours.
    #[serde(default)]
    pub time_zone: ZoneName,
    /// When nothing is mailed or pushed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiet: Option<QuietHours>,
    /// Whether, and when, mail comes all in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// How often it was written.
    pub version: Version,
}

impl RecordKind for NoticeSettings {
    const KIND: &'static str = "notice_settings";

    fn id(&self) -> String {
        Self::id_of(self.user)
    }

    fn version(&self) -> Version {
        self.version
    }

    fn keys(&self) -> Vec<RecordKey> {
        Vec::new()
    }
}

impl NoticeSettings {
    /// Its id; ids are unique over all kinds, and the member has the user's.
    pub(crate) fn id_of(user: UserId) -> String {
        format!("notices_{user}")
    }

    /// Those of somebody who has chosen nothing.
    pub fn usual(user: UserId) -> Self {
        Self {
            user,
            media: BTreeMap::new(),
            time_zone: ZoneName::default(),
            quiet: None,
            digest: None,
            version: Version::ABSENT,
        }
    }

    /// The media of a topic.
    pub fn media_of(&self, topic: Topic) -> BTreeSet<Medium> {
        self.media.get(&topic).cloned().unwrap_or_else(|| topic.usual())
    }

    /// When something is mailed that comes up at this moment and waits for so long for more of the same.
    pub(crate) fn mailed_at(&self, at: Timestamp, gathered_for: std::time::Duration) -> Timestamp {
        match self.digest {
            Some(_) => self.told_at(at).plus(digest::MARGIN),
            None => self.undisturbed(at.plus(gathered_for)),
        }
    }

    /// The moment at which a digest tells of something that comes up at this one: the same for all that it tells of.
    fn told_at(&self, at: Timestamp) -> Timestamp {
        self.undisturbed(self.digest.map_or(at, |digest| digest.after(at, &self.time_zone)))
    }

    /// When they may be disturbed, from a moment on.
    pub(crate) fn undisturbed(&self, at: Timestamp) -> Timestamp {
        self.quiet.map_or(at, |quiet| quiet.after(at, &self.time_zone))
    }

    /// Decides what somebody has chosen; none when nothing is different.
    pub(crate) fn choose(&self, choice: Choice) -> Option<RecordChange> {
        let Choice { media, time_zone, quiet, digest } = choice;
        let mut next = Self { version: self.version.next(), ..self.clone() };
        next.media.extend(media.into_iter().filter(|(topic, chosen)| self.media_of(*topic) != *chosen));
        next.time_zone = time_zone.unwrap_or(next.time_zone);
        next.quiet = quiet.unwrap_or(next.quiet);
        next.digest = digest.unwrap_or(next.digest);
        if next == (Self { version: next.version, ..self.clone() }) {
            return None;
        }
        Some(RecordChange::update(&next, self.version, Fact::NoticesChosen { user: self.user }))
    }
}

/// The addresses that a text names as `@` and an e-mail address, at most so many.
pub(crate) fn mentioned(text: &str, most: usize) -> BTreeSet<String> {
    let words = text.split(|c: char| c.is_whitespace() || "()[]<>,;:!?\"'".contains(c));
    let named = words.filter_map(|word| word.trim_end_matches('.').strip_prefix('@'));
    named.filter(|word| word.contains('@')).take(most).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mentions_are_addresses_behind_an_at_sign() {
        let found =
            mentioned("Hi @ada@acme.example, ask (@Bob@acme.example) or @carl. Mail dan@x.example; @eve@x.example.", 9);
        let found: Vec<&str> = found.iter().map(String::as_str).collect();
        assert_eq!(found, ["Bob@acme.example", "ada@acme.example", "eve@x.example"]);
        assert_eq!(mentioned(&"@a@b.example ".repeat(50), 9).len(), 1);
        assert_eq!(mentioned(&(0..50).map(|n| format!("@a{n}@b.example")).collect::<Vec<_>>().join(" "), 9).len(), 9);
    }

    #[test]
    fn who_has_chosen_nothing_has_the_usual_media() {
        let settings = NoticeSettings::usual(UserId::from_bits(1));
        assert_eq!(settings.media_of(Topic::Assigned), BTreeSet::from([Medium::InApp, Medium::Mail, Medium::Push]));
        assert!(settings.media_of(Topic::TicketOpened).is_empty());
        for topic in Topic::ALL {
            assert_eq!(Topic::parse(topic.as_str()), Some(topic));
            assert_eq!(serde_json::to_value(topic).expect("a word"), topic.as_str(), "one word everywhere");
        }
    }
}
