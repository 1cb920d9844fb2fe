//! The customers' pages: their own requests, opening one, answering.

use askama::Template;
use axum::extract::{FromRequestParts, RawPathParams, Request, State};
use axum::response::{IntoResponse, Response};
use connect_core::ticket::{
    Category, Channel, ContactRef, NewTicket, Priority, ReplyOptions, TicketList, TicketSort, TicketView,
};
use connect_core::{Body, Limit, Subject};
use http::request::Parts;
use serde::Deserialize;

use super::attachment::{Kept, Posted, posted};
use super::form::{filled, new_key, once};
use super::live::Live;
use super::page::{Member, Shell, caller, go, is_team, render, render_with, sentence};
use super::ticket::{Entry, entries};
use super::tickets::{Row, customers_filter, list_href, rows};
use crate::api::shape::{Fields, id};
use crate::app::App;
use crate::extract::{Caller, Params, Scope};
use crate::problem::Problem;

/// Somebody who may see the customers' pages: who does not belong to the workspace yet becomes a customer,
/// where it is open to anyone.
pub(super) struct Customer(Scope);

impl FromRequestParts<App> for Customer {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        // Looking changes nothing: only a form makes somebody a customer. Whom the host calls one is one already.
        if parts.method == http::Method::POST
            && let Caller::Person(caller) = caller(parts, app).await?
        {
            let params = RawPathParams::from_request_parts(parts, app).await.map_err(IntoResponse::into_response)?;
            let workspace = params.iter().find(|(name, _)| *name == "workspace").map(|(_, value)| value.to_owned());
            let joined = app.desk().admit_or_join(&caller.identity.person(), &workspace.unwrap_or_default()).await;
            joined.map_err(|error| Problem::from(error).into_response())?;
        }
        let Member(scope) = Member::from_request_parts(parts, app).await?;
        Ok(Self(scope))
    }
}

#[derive(Template)]
#[template(path = "requests.html")]
struct RequestsPage {
    shell: Shell,
    slug: String,
    rows: Vec<Row>,
    all: bool,
    next: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    q: Option<String>,
    cursor: Option<String>,
}

/// Whether somebody who is signed in but does not belong here may become a customer.
async fn welcome(app: &App, parts: &mut Parts) -> Result<Option<Response>, Response> {
    let Caller::Person(caller) = caller(parts, app).await? else { return Ok(None) };
    let params = RawPathParams::from_request_parts(parts, app).await.map_err(IntoResponse::into_response)?;
    let slug =
        params.iter().find(|(name, _)| *name == "workspace").map(|(_, value)| value.to_owned()).unwrap_or_default();
    match app.desk().admit(&caller.identity.person(), &slug).await {
        Err(connect_core::Error::NotFound(_)) => {}
        _ => return Ok(None),
    }
    let found = app.desk().find_workspace(&slug).await.map_err(|error| Problem::from(error).into_response())?;
    let open = found.filter(|workspace| workspace.customers == connect_core::workspace::Customers::Anyone);
    let Some(workspace) = open else { return Ok(None) };
    let mut shell = Shell::new(app, format!("Ask {}", workspace.name), Some(&caller));
    shell.workspace = Some(super::page::Place {
        name: workspace.name.to_string(),
        slug: workspace.slug.to_string(),
        team: false,
        may_open: true,
        keys: false,
        audit: false,
    });
    let form = NewForm { once: new_key(app), ..NewForm::default() };
    Ok(Some(render(&NewPage {
        shell,
        slug: workspace.slug.to_string(),
        form,
        kept: Kept::default(),
        error: String::new(),
    })))
}

/// Somebody who belongs to the workspace, or the page for somebody who may come to.
pub(super) enum Visitor {
    Known(Box<Scope>),
    New(Box<Response>),
}

impl FromRequestParts<App> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        if let Some(page) = welcome(app, parts).await? {
            return Ok(Self::New(Box::new(page)));
        }
        let Member(scope) = Member::from_request_parts(parts, app).await?;
        Ok(Self::Known(Box::new(scope)))
    }
}

/// `GET /{workspace}/requests`: the customer's own.
pub(super) async fn list(
    State(app): State<App>,
    visitor: Visitor,
    Params(query): Params<Query>,
) -> Result<Response, Problem> {
    let scope = match visitor {
        Visitor::Known(scope) => scope,
        Visitor::New(page) => return Ok(*page),
    };
    let slug = scope.access.workspace().slug.to_string();
    if is_team(&scope.access) {
        return Ok(go(&app, &format!("/{slug}/tickets")));
    }
    let all = query.q.as_deref() == Some("all");
    let list =
        TicketList { filter: customers_filter(!all), sort: TicketSort::default(), after: None, limit: Limit::new(25)? };
    let page = app.desk().tickets(&scope.access).list(list, query.cursor.as_deref()).await?;
    let base = format!("{}/{slug}/requests", app.base());
    let q = if all { "all" } else { "open" };
    Ok(render(&RequestsPage {
        shell: Shell::inside(&app, "Your requests", &scope),
        rows: rows(&app, &page.rows).await?,
        next: page.next.as_deref().map(|cursor| list_href(&base, q, "", Some(cursor))),
        slug,
        all,
    }))
}

#[derive(Template)]
#[template(path = "request_new.html")]
struct NewPage {
    shell: Shell,
    slug: String,
    form: NewForm,
    kept: Kept,
    error: String,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct NewForm {
    subject: String,
    body: String,
    #[serde(default)]
    once: String,
}

fn new_page(app: &App, scope: &Scope, form: NewForm, kept: Kept, error: String) -> NewPage {
    let slug = scope.access.workspace().slug.to_string();
    NewPage {
        shell: Shell::inside(app, format!("Ask {}", scope.access.workspace().name), scope),
        slug,
        form,
        kept,
        error,
    }
}

/// `GET /{workspace}/requests/new`.
pub(super) async fn new(State(app): State<App>, visitor: Visitor) -> Response {
    match visitor {
        Visitor::New(page) => *page,
        Visitor::Known(scope) => {
            let form = NewForm { once: new_key(&app), ..NewForm::default() };
            render(&new_page(&app, &scope, form, Kept::default(), String::new()))
        }
    }
}

/// `POST /{workspace}/requests/new`.
pub(super) async fn open(
    State(app): State<App>,
    Customer(scope): Customer,
    request: Request,
) -> Result<Response, Problem> {
    let posted: Posted<NewForm> = posted(&app, &scope.access, request).await?;
    let form = &posted.value;
    let done = async {
        posted.check()?;
        let mut fields = Fields::default();
        let subject = fields.read(Subject::parse("subject", &form.subject));
        let body = fields.read(Body::parse("message", &form.body));
        fields.finish()?;
        let (Some(subject), Some(body)) = (subject, body) else { return Err(Problem::invalid(Vec::new())) };
        let new = NewTicket {
            subject,
            body,
            contact: ContactRef::Myself,
            priority: Priority::None,
            labels: std::collections::BTreeSet::new(),
            assignee: None,
            team: None,
            channel: Channel::Web,
        };
        let access = scope.access.clone().once(once(&form.once, &["open", &form.subject, &form.body, &posted.said()]));
        Ok(app.desk().tickets(&access).carrying(posted.ids()).open(new).await?)
    };
    match done.await {
        Ok(view) => Ok(go(&app, &format!("/{}/requests/{}", scope.access.workspace().slug, view.ticket.number))),
        Err(problem) => {
            let kept = posted.kept();
            Ok(render_with(problem.status, &new_page(&app, &scope, posted.value, kept, sentence(&problem))))
        }
    }
}

#[derive(Template)]
#[template(path = "request.html")]
struct RequestPage {
    shell: Shell,
    slug: String,
    view: TicketView,
    live: Live,
    entries: Vec<Entry>,
    earlier: bool,
    next: Option<String>,
    may_reply: bool,
    reply: String,
    kept: Kept,
    error: String,
    once: String,
}

async fn page(
    app: &App,
    scope: &Scope,
    cursor: Option<String>,
    (reply, kept): (String, Kept),
    error: String,
) -> Result<RequestPage, Problem> {
    let tickets = app.desk().tickets(&scope.access);
    let key = scope.ticket()?;
    let live = Live::of(app, scope, "requests").await?;
    let view = tickets.get(key).await?;
    let limit = Limit::new(50)?;
    let start = match &cursor {
        Some(cursor) => Some(cursor.clone()),
        None => tickets.newest_page(key, limit).await?,
    };
    let timeline = tickets.timeline(key, start.as_deref(), limit).await?;
    Ok(RequestPage {
        shell: Shell::inside(app, view.ticket.subject.to_string(), scope),
        slug: scope.access.workspace().slug.to_string(),
        live,
        entries: entries(app, scope, &timeline).await?,
        earlier: start.is_some(),
        next: timeline.next,
        may_reply: view.ticket.category != Category::Closed,
        view,
        reply,
        kept,
        error,
        once: new_key(app),
    })
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct Place {
    cursor: Option<String>,
}

/// `GET /{workspace}/requests/{ticket}`.
pub(super) async fn show(
    State(app): State<App>,
    Member(scope): Member,
    Params(place): Params<Place>,
) -> Result<Response, Problem> {
    if is_team(&scope.access) {
        let (slug, ticket) = (&scope.access.workspace().slug, scope.segment("ticket").unwrap_or_default());
        return Ok(go(&app, &format!("/{slug}/tickets/{ticket}")));
    }
    Ok(render(&page(&app, &scope, place.cursor, (String::new(), Kept::default()), String::new()).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReplyForm {
    body: String,
    #[serde(default)]
    seen: String,
    #[serde(default)]
    once: String,
}

/// `POST /{workspace}/requests/{ticket}`: answers.
pub(super) async fn reply(
    State(app): State<App>,
    Member(scope): Member,
    request: Request,
) -> Result<Response, Problem> {
    let posted: Posted<ReplyForm> = posted(&app, &scope.access, request).await?;
    let form = &posted.value;
    let done = async {
        posted.check()?;
        let mut fields = Fields::default();
        let body = fields.read(Body::parse("message", &form.body));
        let last_seen = fields.read(filled(&form.seen).map(|text| id("seen", text)).transpose()).flatten();
        fields.finish()?;
        let Some(body) = body else { return Err(Problem::invalid(Vec::new())) };
        let access = scope.access.clone().once(once(&form.once, &["reply", &form.body, &posted.said()]));
        let options = ReplyOptions { last_seen, status: None };
        let (view, _) =
            app.desk().tickets(&access).carrying(posted.ids()).reply(scope.ticket()?, body, options).await?;
        Ok(view.ticket.number)
    };
    match done.await {
        Ok(number) => Ok(go(&app, &format!("/{}/requests/{number}#end", scope.access.workspace().slug))),
        Err(problem) => {
            let page = page(&app, &scope, None, (form.body.clone(), posted.kept()), sentence(&problem)).await?;
            Ok(render_with(problem.status, &page))
        }
    }
}
