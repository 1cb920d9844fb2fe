//! Templates: the words of the desk's mail, of each workspace's own and in its people's languages.
//!
//! Every mail about a ticket has a template of the desk's own, in English. A workspace may put another in its place, for
//! each language it likes. Which one is used is found by the reader's language, without its region next, then by the
//! workspace's, then English; and the desk's own where there is none.

mod depth;
mod engine;
mod places;
mod sample;
mod service;
mod tested;
mod words;

use serde::{Deserialize, Serialize};

use crate::change::{Moment, RecordChange};
use crate::event::Fact;
use crate::record::{RecordKey, RecordKind};
use crate::user::Locale;
use crate::{Error, FieldError, Result, Timestamp, Version};

pub(crate) use engine::Engine;
pub use engine::Rendered;
pub use service::{Effective, Templates};
pub(crate) use tested::TestMail;
pub(crate) use words::{Words, composed};

/// Most characters of a subject's template.
const MAX_SUBJECT: usize = 500;
/// Most characters of a text.
const MAX_TEXT: usize = 20_000;
/// Most bytes of the MJML.
const MAX_MJML: usize = 100_000;

/// What a mail is about that has a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailTopic {
    /// To the customer, with the team's answer.
    Reply,
    /// To a member: a ticket was given to them.
    Assigned,
    /// To a member: the customer has answered.
    CustomerReplied,
    /// To a member: a note names them.
    Mentioned,
    /// To a member: a colleague has written.
    TeamReplied,
    /// To a member: a mail with an answer came back.
    MailCameBack,
    /// To a member: an answer of theirs that waited could not be sent.
    ReplyRefused,
    /// To a member: a customer has opened a ticket.
    TicketOpened,
    /// To a member: what happened while they wanted to be told of it in one.
    Digest,
}

impl MailTopic {
    /// Every topic.
    pub const ALL: [Self; 9] = [
        Self::Reply,
        Self::Assigned,
        Self::CustomerReplied,
        Self::Mentioned,
        Self::TeamReplied,
        Self::MailCameBack,
        Self::ReplyRefused,
        Self::TicketOpened,
        Self::Digest,
    ];

    /// The word used in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reply => "reply",
            Self::Assigned => "assigned",
            Self::CustomerReplied => "customer_replied",
            Self::Mentioned => "mentioned",
            Self::TeamReplied => "team_replied",
            Self::MailCameBack => "mail_came_back",
            Self::ReplyRefused => "reply_refused",
            Self::TicketOpened => "ticket_opened",
            Self::Digest => "digest",
        }
    }

    /// The topic of this word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| topic.as_str() == text)
    }

    /// The desk's own words, in English: subject and text.
    const fn own(self) -> (&'static str, &'static str) {
        match self {
            Self::Reply => ("Re: {{ ticket.subject }} [#{{ ticket.number }}]", include_str!("own/reply.txt")),
            Self::Assigned => {
                ("[#{{ ticket.number }}] assigned to you: {{ ticket.subject }}", include_str!("own/assigned.txt"))
            }
            Self::CustomerReplied => {
                ("[#{{ ticket.number }}] answered: {{ ticket.subject }}", include_str!("own/customer_replied.txt"))
            }
            Self::Mentioned => {
                ("[#{{ ticket.number }}] you are named: {{ ticket.subject }}", include_str!("own/mentioned.txt"))
            }
            Self::MailCameBack => (
                "[#{{ ticket.number }}] a mail came back: {{ ticket.subject }}",
                include_str!("own/mail_came_back.txt"),
            ),
            Self::ReplyRefused => (
                "[#{{ ticket.number }}] your answer could not be sent: {{ ticket.subject }}",
                include_str!("own/reply_refused.txt"),
            ),
            Self::TeamReplied => (
                "[#{{ ticket.number }}] a colleague has written: {{ ticket.subject }}",
                include_str!("own/team_replied.txt"),
            ),
            Self::TicketOpened => {
                ("[#{{ ticket.number }}] new: {{ ticket.subject }}", include_str!("own/ticket_opened.txt"))
            }
            Self::Digest => ("{{ count }} notices of {{ workspace.name }}", include_str!("own/digest.txt")),
        }
    }
}

/// The words of a mail, as they are written: with places such as `{{ ticket.number }}` that are filled when it is composed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// The subject.
    pub subject: String,
    /// The text part. Without MJML the HTML part is made of it, too.
    pub text: String,
    /// The HTML part, as MJML.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mjml: Option<String>,
}

impl Draft {
    /// The desk's own words about a topic.
    pub(crate) fn own(topic: MailTopic) -> Self {
        let (subject, text) = topic.own();
        Self { subject: subject.to_owned(), text: text.to_owned(), mjml: None }
    }

    /// Whether it is of a size that is taken. Whether it renders, the [`Engine`] says.
    fn check(&self) -> Result<()> {
        let mut errors = Vec::new();
        let mut bound = |field, length, most, unit| {
            if length > most {
                errors.push(FieldError::new(field, "too_long", format!("must have at most {most} {unit}")));
            }
        };
        bound("subject", self.subject.chars().count(), MAX_SUBJECT, "characters");
        bound("text", self.text.chars().count(), MAX_TEXT, "characters");
        bound("mjml", self.mjml.as_deref().map_or(0, str::len), MAX_MJML, "bytes");
        for (field, text) in [("subject", &self.subject), ("text", &self.text)] {
            if text.trim().is_empty() {
                errors.push(FieldError::new(field, "required", "must not be empty"));
            }
        }
        if errors.is_empty() { Ok(()) } else { Err(Error::Invalid(errors)) }
    }
}

/// The words that a workspace has for a topic in a language, in the place of the desk's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    /// About what.
    pub topic: MailTopic,
    /// In which language.
    pub language: Locale,
    /// The words.
    #[serde(flatten)]
    pub draft: Draft,
    /// The HTML that its MJML comes down to, with the places still to be filled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    html: Option<String>,
    /// How often it was written.
    pub version: Version,
    /// When it was last written.
    pub updated_at: Timestamp,
}

impl RecordKind for Template {
    const KIND: &'static str = "template";

    fn id(&self) -> String {
        Self::id_of(self.topic, &self.language)
    }

    fn version(&self) -> Version {
        self.version
    }

    fn keys(&self) -> Vec<RecordKey> {
        Vec::new()
    }
}

impl Template {
    fn id_of(topic: MailTopic, language: &Locale) -> String {
        format!("template_{}_{}", topic.as_str(), language.as_str().to_ascii_lowercase())
    }

    /// Decides what a workspace says about a topic in a language from now on; none when it says so already.
    fn write(
        (topic, language): (MailTopic, &Locale),
        present: Option<&Self>,
        (draft, html): (Draft, Option<String>),
        moment: &Moment,
    ) -> Option<RecordChange> {
        if present.is_some_and(|present| present.draft == draft) {
            return None;
        }
        let expected = present.map_or(Version::ABSENT, |present| present.version);
        let language = present.map_or(language, |present| &present.language).clone();
        let fact = Fact::TemplateWritten { topic, language: language.clone() };
        let next = Self { topic, language, draft, html, version: expected.next(), updated_at: moment.now() };
        Some(RecordChange::update(&next, expected, fact))
    }

    /// Decides that the desk's own words, or those of another language, are used again.
    fn remove(&self) -> RecordChange {
        RecordChange::remove(self, Fact::TemplateRemoved { topic: self.topic, language: self.language.clone() })
    }
}

/// The languages in which a mail is looked for, best first.
fn chain(reader: Option<&Locale>, workspace: Option<&Locale>) -> Vec<String> {
    let mut chain: Vec<String> = Vec::new();
    let wanted = [reader, workspace].into_iter().flatten().map(|locale| locale.as_str().to_ascii_lowercase());
    for language in wanted.chain(["en".to_owned()]) {
        let bare = language.split('-').next().unwrap_or_default().to_owned();
        for one in [language, bare] {
            if !chain.contains(&one) {
                chain.push(one);
            }
        }
    }
    chain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_falls_back_to_its_own_then_the_workspace_s_then_english() {
        let locale = |text| Locale::parse("language", text).expect("a language");
        assert_eq!(chain(Some(&locale("pt-BR")), Some(&locale("de-AT"))), ["pt-br", "pt", "de-at", "de", "en"]);
        assert_eq!(chain(None, Some(&locale("en-GB"))), ["en-gb", "en"]);
        assert_eq!(chain(None, None), ["en"]);
    }

    #[test]
    fn topics_have_one_word_everywhere() {
        for topic in MailTopic::ALL {
            assert_eq!(MailTopic::parse(topic.as_str()), Some(topic));
            assert_eq!(serde_json::to_value(topic).expect("a word"), topic.as_str());
        }
    }

    #[test]
    fn a_draft_is_of_a_size() {
        let draft = |subject: String, text: &str| Draft { subject, text: text.to_owned(), mjml: None };
        assert!(draft("Hello".to_owned(), "x").check().is_ok());
        for bad in [
            draft(" ".to_owned(), "x"),
            draft("x".repeat(501), "x"),
            draft("x".to_owned(), "\n"),
            draft("x".to_owned(), &"x".repeat(20_001)),
        ] {
            assert!(matches!(bad.check(), Err(Error::Invalid(errors)) if errors.len() == 1));
        }
    }
}
