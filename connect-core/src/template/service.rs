//! Reading, writing and trying templates.

use super::{Draft, MailTopic, Rendered, Template, words};
use crate::change::ChangeSet;
use crate::desk::Tries;
use crate::event::Fact;
use crate::record::RecordKind;
use crate::store::RecordList;
use crate::user::Locale;
use crate::{Access, Action, Desk, Error, Limit, Result, Version};

/// Languages that a workspace may have templates in, for each topic.
const MAX_LANGUAGES: usize = 30;

/// The words of a topic in a language, as its readers get them.
#[derive(Debug, Clone)]
pub struct Effective {
    /// About what.
    pub topic: MailTopic,
    /// The words.
    pub draft: Draft,
    /// The workspace's template they come from; none where they are the desk's own.
    pub template: Option<Template>,
}

/// The templates of a workspace.
#[derive(Debug)]
pub struct Templates<'a> {
    desk: &'a Desk,
    access: &'a Access,
}

impl Desk {
    /// The templates of the access's workspace.
    pub fn templates<'a>(&'a self, access: &'a Access) -> Templates<'a> {
        Templates { desk: self, access }
    }
}

impl Templates<'_> {
    fn admit(&self) -> Result<()> {
        self.desk.demand(self.access, Action::ManageMail)
    }

    /// Those that the workspace has written.
    async fn written(&self) -> Result<Vec<Template>> {
        let mut list = RecordList { limit: Limit::MAX, ..RecordList::default() };
        let mut written = Vec::new();
        loop {
            let records = self.desk.store().records(self.access.workspace_id(), Template::KIND, list.clone()).await?;
            for record in &records {
                written.push(record.read()?);
            }
            list.after = records.last().map(|record| record.id.clone());
            if records.len() <= list.limit.get() {
                return Ok(written);
            }
        }
    }

    /// All of them, and the desk's own of topics that have none in English.
    pub async fn list(&self) -> Result<Vec<Effective>> {
        self.admit()?;
        let written = self.written().await?;
        let has = |topic| written.iter().any(|template| template.topic == topic && template.language.as_str() == "en");
        let own = MailTopic::ALL.into_iter().filter(|topic| !has(*topic));
        let own: Vec<Effective> =
            own.map(|topic| Effective { topic, draft: Draft::own(topic), template: None }).collect();
        let theirs = written.into_iter().map(|template| Effective {
            topic: template.topic,
            draft: template.draft.clone(),
            template: Some(template),
        });
        let mut all: Vec<Effective> = theirs.chain(own).collect();
        all.sort_by_key(|one| one.topic);
        Ok(all)
    }

    /// What a reader of this language gets.
    pub async fn get(&self, topic: MailTopic, language: &Locale) -> Result<Effective> {
        self.admit()?;
        let found = words::found(self.desk, self.access.workspace(), topic, Some(language)).await?;
        let draft = found.as_ref().map_or_else(|| Draft::own(topic), |template| template.draft.clone());
        Ok(Effective { topic, draft, template: found })
    }

    async fn present(&self, topic: MailTopic, language: &Locale) -> Result<Option<Template>> {
        let id = Template::id_of(topic, language);
        let record = self.desk.store().record(self.access.workspace_id(), Template::KIND, id).await?;
        Ok(record.map(|record| record.read()).transpose()?)
    }

    /// Writes one. What does not fill is refused with the field that is wrong.
    pub async fn write(
        &self,
        topic: MailTopic,
        language: &Locale,
        draft: Draft,
        seen: Option<Version>,
    ) -> Result<Effective> {
        self.admit()?;
        let html = self.desk.templates_engine().check(topic, &draft)?;
        if self.desk.replayed(self.access).await?.is_some() {
            return self.get(topic, language).await;
        }
        let mut tries = Tries::default();
        loop {
            tries.next().await?;
            let present = self.present(topic, language).await?;
            let current = present.as_ref().map_or(Version::ABSENT, |present| present.version);
            if seen.is_some_and(|seen| seen != current) {
                return Err(Error::RecordMismatch { current });
            }
            if present.is_none()
                && self.written().await?.iter().filter(|one| one.topic == topic).count() >= MAX_LANGUAGES
            {
                return Err(Error::refused(
                    "too_many_templates",
                    format!("a topic has templates in at most {MAX_LANGUAGES} languages"),
                ));
            }
            let moment = self.desk.moment(self.access);
            let change = Template::write((topic, language), present.as_ref(), (draft.clone(), html.clone()), &moment);
            let Some(change) = change else { return self.get(topic, language).await };
            let changes = ChangeSet::new(&moment).record(change, &moment);
            if self.desk.commit(self.access, changes).await?.is_some() {
                return self.get(topic, language).await;
            }
        }
    }

    /// Takes one back.
    pub async fn remove(&self, topic: MailTopic, language: &Locale) -> Result<()> {
        self.admit()?;
        if self.desk.replayed(self.access).await?.is_some() {
            return Ok(());
        }
        let mut tries = Tries::default();
        loop {
            tries.next().await?;
            let present = self.present(topic, language).await?.ok_or(Error::NotFound("template"))?;
            let moment = self.desk.moment(self.access);
            let changes = ChangeSet::new(&moment).record(present.remove(), &moment);
            if self.desk.commit(self.access, changes).await?.is_some() {
                return Ok(());
            }
        }
    }

    /// Fills a draft, or what readers of the language get, with made-up values.
    pub async fn preview(&self, topic: MailTopic, language: &Locale, draft: Option<Draft>) -> Result<Rendered> {
        self.admit()?;
        let draft = match draft {
            Some(draft) => draft,
            None => self.get(topic, language).await?.draft,
        };
        self.desk.templates_engine().preview(topic, &draft)
    }

    /// Has what readers of the language get mailed to the caller, filled with made-up values.
    pub async fn test(&self, topic: MailTopic, language: &Locale) -> Result<()> {
        self.admit()?;
        let by = self.access.user().ok_or(Error::Forbidden(Action::ManageMail.as_str()))?;
        if self.desk.replayed(self.access).await?.is_some() {
            return Ok(());
        }
        let moment = self.desk.moment(self.access);
        let fact = Fact::TemplateTested { topic, language: language.clone(), by };
        self.desk.commit(self.access, ChangeSet::new(&moment).fact(fact, &moment)).await.map(|_| ())
    }
}
