//! What a member is told of in the desk, and what they choose to be told of.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use connect_core::notice::{Choice, ClockTime, Digest, Medium, Notice, NoticeSettings, QuietHours, Topic, ZoneName};
use connect_core::push::PushDevice;
use connect_core::{Action, FieldError, Limit};
use serde::Deserialize;

use super::form::{Form, filled};
use super::page::{Member, Shell, go, render, render_with, sentence};
use super::time::When;
use crate::api::message::shape::People;
use crate::api::shape::Fields;
use crate::app::App;
use crate::extract::{Params, Scope};
use crate::problem::Problem;

/// Notices of a page.
const ROWS: u64 = 50;

/// A notice as it is shown.
struct Row {
    href: Option<String>,
    what: String,
    subject: String,
    when: When,
    is_new: bool,
}

/// A topic with what its reader has chosen, in the order of [`MEDIA`].
struct Chosen {
    topic: &'static str,
    words: &'static str,
    media: Vec<(String, bool)>,
}

const MEDIA: [(Medium, &str); 3] = [(Medium::InApp, "in_app"), (Medium::Mail, "mail"), (Medium::Push, "push")];

#[derive(Template)]
#[template(path = "notices.html")]
struct NoticesPage {
    shell: Shell,
    slug: String,
    rows: Vec<Row>,
    next: Option<String>,
    has_new: bool,
    may_choose: bool,
    topics: Vec<Chosen>,
    form: Hours,
    /// The devices that are sent messages: ids and names.
    devices: Vec<(String, String)>,
    /// The desk's key for browsers, if it sends to any.
    push_key: Option<String>,
    error: String,
}

/// When somebody is told, as the form has it.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Hours {
    time_zone: String,
    quiet_from: String,
    quiet_until: String,
    /// Empty, `hour` or `day`.
    digest: String,
    digest_at: String,
}

/// What a topic is called in the list of choices.
const fn words(topic: Topic) -> &'static str {
    match topic {
        Topic::Assigned => "a ticket is given to you",
        Topic::CustomerReplied => "a customer answers on a ticket of yours",
        Topic::Mentioned => "a note names you",
        Topic::TeamReplied => "a colleague writes on a ticket of yours",
        Topic::MailCameBack => "a mail of a ticket of yours comes back",
        Topic::ReplyRefused => "an answer of yours cannot be sent",
        Topic::TicketOpened => "a customer opens a ticket",
    }
}

/// What has happened, behind the name of who did it.
fn line(topic: &str) -> &'static str {
    match Topic::parse(topic) {
        Some(Topic::Assigned) => "gave you",
        Some(Topic::CustomerReplied) => "answered on",
        Some(Topic::Mentioned) => "named you on",
        Some(Topic::TeamReplied) => "wrote on",
        Some(Topic::MailCameBack) => "got a mail back of",
        Some(Topic::ReplyRefused) => "could not send your answer on",
        Some(Topic::TicketOpened) => "opened",
        None => "did something on",
    }
}

fn hours(settings: &NoticeSettings) -> Hours {
    let (digest, digest_at) = match settings.digest {
        None => ("", String::new()),
        Some(Digest::Hour) => ("hour", String::new()),
        Some(Digest::Day { at }) => ("day", at.to_string()),
    };
    let quiet = |time: fn(&QuietHours) -> ClockTime| settings.quiet.as_ref().map(|quiet| time(quiet).to_string());
    Hours {
        time_zone: settings.time_zone.as_str().to_owned(),
        quiet_from: quiet(|quiet| quiet.from).unwrap_or_default(),
        quiet_until: quiet(|quiet| quiet.until).unwrap_or_default(),
        digest: digest.to_owned(),
        digest_at,
    }
}

async fn rows(app: &App, scope: &Scope, notices: Vec<Notice>) -> Result<Vec<Row>, Problem> {
    let people = People::look_up(app, &scope.access, notices.iter().filter_map(|notice| notice.actor)).await?;
    let (now, slug) = (app.desk().now(), &scope.access.workspace().slug);
    let row = |notice: Notice| {
        let actor = notice.actor.and_then(|actor| people.name(actor)).unwrap_or("The desk").to_owned();
        let shown = notice.ticket.map(|ticket| {
            let href = format!("{}/{slug}/tickets/{}", app.base(), ticket.number);
            (href, format!("#{} {}", ticket.number, ticket.subject))
        });
        let (href, subject) = shown.unzip();
        Row {
            what: format!("{actor} {}", line(&notice.delivery.topic)),
            href,
            subject: subject.unwrap_or_else(|| "a ticket that you do not see any more".to_owned()),
            when: When::new(notice.delivery.created_at, now),
            is_new: notice.delivery.read_at.is_none(),
        }
    };
    Ok(notices.into_iter().map(row).collect())
}

async fn page(
    app: &App,
    scope: &Scope,
    cursor: Option<&str>,
    (form, error): (Option<Hours>, String),
) -> Result<NoticesPage, Problem> {
    let notifications = app.desk().notifications(&scope.access);
    let settings = notifications.settings().await?;
    let list = notifications.list(false, cursor, Limit::new(ROWS)?).await?;
    let has_new = notifications.unread().await? > 0;
    let chosen = |topic: &Topic| {
        let media = settings.media_of(*topic);
        let choice = |(medium, word): &(Medium, &str)| (format!("{}.{word}", topic.as_str()), media.contains(medium));
        Chosen { topic: topic.as_str(), words: words(*topic), media: MEDIA.iter().map(choice).collect() }
    };
    let may_choose = app.desk().may(&scope.access, Action::ChooseNotifications);
    let devices = if may_choose { app.desk().push_devices(&scope.access).list().await? } else { Vec::new() };
    let named = |device: PushDevice| {
        let name = if device.name.is_empty() { "a device without a name".to_owned() } else { device.name.clone() };
        (device.id.to_string(), name)
    };
    Ok(NoticesPage {
        devices: devices.into_iter().map(named).collect(),
        push_key: app.settings().push_key.clone(),
        shell: Shell::inside(app, "Notices", scope),
        slug: scope.access.workspace().slug.to_string(),
        rows: rows(app, scope, list.rows).await?,
        next: list.next,
        has_new,
        may_choose,
        topics: Topic::ALL.iter().map(chosen).collect(),
        form: form.unwrap_or_else(|| hours(&settings)),
        error,
    })
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    cursor: Option<String>,
}

/// `GET /{workspace}/notices`.
pub(super) async fn list(
    State(app): State<App>,
    Member(scope): Member,
    Params(query): Params<Query>,
) -> Result<Response, Problem> {
    Ok(render(&page(&app, &scope, query.cursor.as_deref(), (None, String::new())).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

/// `POST /{workspace}/notices/read`: all of them.
pub(super) async fn read_all(
    State(app): State<App>,
    Member(scope): Member,
    Form(Nothing {}): Form<Nothing>,
) -> Result<Response, Problem> {
    app.desk().notifications(&scope.access).read_all().await?;
    Ok(go(&app, &format!("/{}/notices", scope.access.workspace().slug)))
}

/// `POST /{workspace}/notices/devices/{device}/remove`: nothing is sent to it any more.
pub(super) async fn remove_device(
    State(app): State<App>,
    Member(scope): Member,
    Form(Nothing {}): Form<Nothing>,
) -> Result<Response, Problem> {
    let id = scope.id("device", "device")?;
    app.desk().push_devices(&scope.access).remove(id).await?;
    Ok(go(&app, &format!("/{}/notices#devices", scope.access.workspace().slug)))
}

/// `POST /{workspace}/notices/topics`: of what, and over what. A box that is not ticked is not sent.
pub(super) async fn choose_topics(
    State(app): State<App>,
    Member(scope): Member,
    Form(ticked): Form<BTreeMap<String, String>>,
) -> Result<Response, Problem> {
    let mut media: BTreeMap<Topic, BTreeSet<Medium>> =
        Topic::ALL.iter().map(|topic| (*topic, BTreeSet::new())).collect();
    for name in ticked.keys() {
        let found = name.split_once('.').and_then(|(topic, word)| {
            let medium = MEDIA.iter().find(|(_, known)| *known == word)?.0;
            Some((Topic::parse(topic)?, medium))
        });
        let (topic, medium) = found.ok_or_else(|| FieldError::new(name, "unknown", "is no choice"))?;
        media.entry(topic).or_default().insert(medium);
    }
    app.desk().notifications(&scope.access).choose(Choice { media, ..Choice::default() }).await?;
    Ok(go(&app, &format!("/{}/notices#choices", scope.access.workspace().slug)))
}

/// `POST /{workspace}/notices/hours`: when.
pub(super) async fn choose_hours(
    State(app): State<App>,
    Member(scope): Member,
    Form(form): Form<Hours>,
) -> Result<Response, Problem> {
    let done = async {
        let choice = chosen_hours(&form)?;
        app.desk().notifications(&scope.access).choose(choice).await?;
        Ok::<(), Problem>(())
    };
    match done.await {
        Ok(()) => Ok(go(&app, &format!("/{}/notices#hours", scope.access.workspace().slug))),
        Err(problem) if problem.code == "forbidden" => Err(problem),
        Err(problem) => {
            let typed = (Some(form), sentence(&problem));
            Ok(render_with(problem.status, &page(&app, &scope, None, typed).await?))
        }
    }
}

fn chosen_hours(form: &Hours) -> Result<Choice, Problem> {
    let mut fields = Fields::default();
    let mut time = |field: &str, text: &str| filled(text).and_then(|text| fields.read(ClockTime::parse(field, text)));
    let (from, until) = (time("beginning", &form.quiet_from), time("end", &form.quiet_until));
    let at = time("time of the digest", &form.digest_at);
    let time_zone = fields.read(ZoneName::parse("time zone", form.time_zone.trim()));
    let quiet = match (from, until) {
        (Some(from), Some(until)) => Some(QuietHours { from, until }),
        (None, None) => None,
        _ => fields.read(Err(FieldError::new("quiet hours", "incomplete", "need a beginning and an end"))),
    };
    let digest = match (form.digest.as_str(), at) {
        ("hour", _) => Some(Digest::Hour),
        ("day", Some(at)) => Some(Digest::Day { at }),
        ("day", None) => fields.read(Err(FieldError::new("digest", "incomplete", "needs a time of the day"))),
        _ => None,
    };
    fields.finish()?;
    Ok(Choice { media: BTreeMap::new(), time_zone, quiet: Some(quiet), digest: Some(digest) })
}
