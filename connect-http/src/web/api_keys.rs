//! API keys, for those who manage them.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use connect_auth::ApiKeyToken;
use connect_core::api_key::{ApiKey, Network, NewApiKey, Scopes};
use connect_core::{Action, Error, Limit, Name, Timestamp};
use http::StatusCode;
use serde::Deserialize;

use super::form::{Form, filled, new_key, once};
use super::page::{Member, Shell, go, render, render_with, sentence};
use super::step_up;
use super::time::When;
use crate::api::shape::Fields;
use crate::app::App;
use crate::extract::Scope;
use crate::problem::Problem;

struct Entry {
    id: String,
    name: String,
    shown: String,
    scopes: String,
    networks: String,
    ends: String,
    used: Option<When>,
}

/// Something a key may be given.
struct Choice {
    word: &'static str,
    chosen: bool,
}

#[derive(Template)]
#[template(path = "api_keys.html")]
struct KeysPage {
    shell: Shell,
    slug: String,
    keys: Vec<Entry>,
    choices: Vec<Choice>,
    form: KeyForm,
    /// A key that was just made: this page is the only place that shows it.
    token: String,
    error: String,
}

#[derive(Deserialize, Default)]
pub(super) struct KeyForm {
    name: String,
    #[serde(default)]
    days: String,
    #[serde(default)]
    networks: String,
    #[serde(default)]
    once: String,
    /// The boxes that are ticked, by the words of their actions. Whatever else the form names is refused as no
    /// action.
    #[serde(flatten)]
    ticked: BTreeMap<String, String>,
}

impl KeyForm {
    fn new(app: &App) -> Self {
        Self { days: "90".to_owned(), once: new_key(app), ..Self::default() }
    }

    fn scopes(&self) -> Vec<String> {
        self.ticked.keys().cloned().collect()
    }
}

fn day(at: Timestamp) -> String {
    at.to_string().chars().take(10).collect()
}

fn entry(key: ApiKey, now: Timestamp) -> Entry {
    let networks: Vec<String> = key.networks.iter().map(ToString::to_string).collect();
    Entry {
        id: key.id.to_string(),
        name: key.name.to_string(),
        shown: format!("{}_…{}", ApiKeyToken::prefix(key.id), key.secret.last_four),
        scopes: key.scopes.words().join(" "),
        networks: networks.join(" "),
        ends: match key.expires_at {
            Some(end) if end <= now => format!("ended {}", day(end)),
            Some(end) => format!("ends {}", day(end)),
            None => "does not end".to_owned(),
        },
        used: key.last_used_at.map(|at| When::new(at, now)),
    }
}

async fn page(app: &App, scope: &Scope, form: KeyForm, token: String, error: String) -> Result<KeysPage, Problem> {
    let now = app.desk().now();
    let keys = app.desk().api_keys(&scope.access).list(None, Limit::MAX).await?.rows;
    let given = Action::ALL.iter().filter(|action| action.is_for_keys() && app.desk().may(&scope.access, **action));
    let choices =
        given.map(|action| Choice { word: action.as_str(), chosen: form.ticked.contains_key(action.as_str()) });
    Ok(KeysPage {
        shell: Shell::inside(app, "API keys", scope),
        slug: scope.access.workspace().slug.to_string(),
        choices: choices.collect(),
        keys: keys.into_iter().map(|key| entry(key, now)).collect(),
        form,
        token,
        error,
    })
}

/// `GET /{workspace}/api-keys`.
pub(super) async fn list(State(app): State<App>, Member(scope): Member) -> Result<Response, Problem> {
    Ok(render(&page(&app, &scope, KeyForm::new(&app), String::new(), String::new()).await?))
}

fn read(form: &KeyForm, now: Timestamp) -> Result<NewApiKey, Problem> {
    let mut fields = Fields::default();
    let name = fields.read(Name::parse("name", &form.name));
    let scopes = fields.read_all(Scopes::parse("scopes", &form.scopes()));
    let day = std::time::Duration::from_secs(24 * 3600);
    let end = filled(&form.days).and_then(|days| {
        let bad = || connect_core::FieldError::new("days", "out_of_range", "must be a number from 1 to 365");
        let days = days.parse::<u32>().ok().filter(|days| (1..=365).contains(days));
        fields.read(days.map(|days| now.plus(day * days)).ok_or_else(bad))
    });
    let networks = form.networks.split_whitespace().filter_map(|text| fields.read(Network::parse("networks", text)));
    let networks = networks.collect();
    fields.finish()?;
    let (Some(name), Some(scopes)) = (name, scopes) else { return Err(Problem::invalid(Vec::new())) };
    Ok(NewApiKey { name, scopes, expires_at: end.map(Some), networks })
}

/// `POST /{workspace}/api-keys`: makes one, and shows it this once.
pub(super) async fn create(
    State(app): State<App>,
    Member(scope): Member,
    Form(form): Form<KeyForm>,
) -> Result<Response, Problem> {
    let done = async {
        let person = scope.caller.clone().into_person()?;
        let new = read(&form, app.desk().now())?;
        let key = once(&form.once, &["api-key", &form.name, &form.scopes().join(" "), &form.days, &form.networks]);
        Ok::<_, Problem>(app.auth().create_api_key(&person.identity, &scope.access.clone().once(key), new).await?)
    };
    match done.await {
        Ok(issued) => {
            let token = issued.token.map(|token| token.text()).unwrap_or_default();
            let page = page(&app, &scope, KeyForm::new(&app), token, String::new()).await?;
            Ok(render_with(StatusCode::CREATED, &page))
        }
        Err(problem) if problem.code == "forbidden" => Err(problem),
        Err(problem) if problem.code == "step_up_required" => {
            Ok(step_up::lead(&app, &format!("/{}/api-keys", scope.access.workspace().slug)))
        }
        Err(problem) => {
            let page = page(&app, &scope, form, String::new(), sentence(&problem)).await?;
            Ok(render_with(problem.status, &page))
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

/// `POST /{workspace}/api-keys/{key}/revoke`: ends it.
pub(super) async fn revoke(
    State(app): State<App>,
    Member(scope): Member,
    Form(Nothing {}): Form<Nothing>,
) -> Result<Response, Problem> {
    let id = scope.id("key", "api key")?;
    match app.desk().api_keys(&scope.access).revoke(id).await {
        // Pressed twice: it is gone, as was asked for.
        Ok(()) | Err(Error::NotFound(_)) => Ok(go(&app, &format!("/{}/api-keys", scope.access.workspace().slug))),
        Err(error) => Err(error.into()),
    }
}
