//! The team's list of tickets, and opening one.

use std::collections::BTreeSet;

use askama::Template;
use axum::extract::{Request, State};
use axum::response::Response;
use connect_core::ticket::{
    Channel, ContactRef, NewTicket, Priority, TicketFilter, TicketList, TicketSort, TicketView, parse_query,
};
use connect_core::{Body, EmailAddress, Limit, Name, Subject, UserId};
use serde::Deserialize;

use super::attachment::{Kept, Posted, posted};
use super::form::{filled, new_key, once};
use super::page::{Member, Shell, go, is_team, render, render_with, sentence};
use super::time::When;
use crate::api::shape::Fields;
use crate::app::App;
use crate::extract::{Params, Scope};
use crate::problem::Problem;

/// Rows of a page.
const ROWS: u64 = 25;

pub(super) struct Row {
    pub(super) number: u64,
    pub(super) subject: String,
    pub(super) contact: String,
    pub(super) status: &'static str,
    pub(super) priority: &'static str,
    pub(super) assignee: String,
    pub(super) labels: Vec<String>,
    pub(super) updated: When,
    pub(super) waiting: bool,
}

/// A filter that is one click away.
struct Tab {
    name: &'static str,
    query: &'static str,
    href: String,
    current: bool,
}

const TABS: [(&str, &str); 5] = [
    ("To do", "-status:resolved -status:closed"),
    ("Mine", "assignee:me -status:resolved -status:closed"),
    ("Unassigned", "assignee:none -status:resolved -status:closed"),
    ("Urgent", "priority:>=high -status:resolved -status:closed"),
    ("All", ""),
];

const SORTS: [(&str, &str); 4] =
    [("-updated_at", "Last changed"), ("-created_at", "Newest"), ("created_at", "Oldest"), ("-priority", "Priority")];

#[derive(Template)]
#[template(path = "tickets.html")]
struct TicketsPage {
    shell: Shell,
    rows: Vec<Row>,
    tabs: Vec<Tab>,
    sorts: [(&'static str, &'static str); 4],
    q: String,
    sort: String,
    next: Option<String>,
    first: Option<String>,
    error: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    q: Option<String>,
    #[serde(default)]
    sort: String,
    cursor: Option<String>,
}

/// The address of a list with these parts.
pub(super) fn list_href(base: &str, q: &str, sort: &str, cursor: Option<&str>) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("q", q);
    if !sort.is_empty() {
        query.append_pair("sort", sort);
    }
    if let Some(cursor) = cursor {
        query.append_pair("cursor", cursor);
    }
    format!("{base}?{}", query.finish())
}

pub(super) async fn rows(app: &App, views: &[TicketView]) -> Result<Vec<Row>, Problem> {
    let assignees: BTreeSet<UserId> = views.iter().filter_map(|view| view.ticket.assignee).collect();
    let users = app.desk().users().by_ids(assignees).await?;
    let now = app.desk().now();
    let row = |view: &TicketView| Row {
        number: view.ticket.number,
        subject: view.ticket.subject.to_string(),
        contact: view.contact.name.to_string(),
        status: view.ticket.category.as_str(),
        priority: view.ticket.priority.as_str(),
        assignee: view.ticket.assignee.and_then(|id| users.get(&id)).map(|u| u.name.to_string()).unwrap_or_default(),
        labels: view.ticket.labels.iter().map(ToString::to_string).collect(),
        updated: When::new(view.ticket.updated_at, now),
        waiting: view.ticket.waiting_since.is_some(),
    };
    Ok(views.iter().map(row).collect())
}

/// `GET /{workspace}/tickets`: filter, order and place are in the address.
pub(super) async fn list(
    State(app): State<App>,
    Member(scope): Member,
    Params(query): Params<Query>,
) -> Result<Response, Problem> {
    let slug = scope.access.workspace().slug.clone();
    if !is_team(&scope.access) {
        return Ok(go(&app, &format!("/{slug}/requests")));
    }
    let base = format!("{}/{slug}/tickets", app.base());
    let q = query.q.unwrap_or_else(|| TABS[0].1.to_owned());
    let sort = if query.sort.is_empty() { TicketSort::default() } else { TicketSort::parse(&query.sort)? };
    let mut error = String::new();
    let filter = match parse_query(&q, scope.access.user()) {
        Ok(filter) => Some(filter),
        Err(wrong) => {
            error = wrong.detail;
            None
        }
    };
    let page = match filter {
        Some(filter) => {
            let list = TicketList { filter, sort, after: None, limit: Limit::new(ROWS)? };
            app.desk().tickets(&scope.access).list(list, query.cursor.as_deref()).await?
        }
        None => connect_core::Page { rows: Vec::new(), next: None },
    };
    let tabs = TABS.iter().map(|(name, query)| Tab {
        name,
        query,
        href: list_href(&base, query, &query_sort(sort), None),
        current: *query == q,
    });
    let page = TicketsPage {
        shell: Shell::inside(&app, "Tickets", &scope),
        rows: rows(&app, &page.rows).await?,
        tabs: tabs.collect(),
        sorts: SORTS,
        next: page.next.as_deref().map(|cursor| list_href(&base, &q, &query_sort(sort), Some(cursor))),
        first: query.cursor.map(|_| list_href(&base, &q, &query_sort(sort), None)),
        sort: sort.text(),
        q,
        error,
    };
    Ok(render(&page))
}

fn query_sort(sort: TicketSort) -> String {
    if sort == TicketSort::default() { String::new() } else { sort.text() }
}

#[derive(Template)]
#[template(path = "ticket_new.html")]
struct NewPage {
    shell: Shell,
    form: NewForm,
    kept: Kept,
    priorities: &'static [Priority],
    error: String,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct NewForm {
    email: String,
    #[serde(default)]
    name: String,
    subject: String,
    body: String,
    #[serde(default)]
    priority: String,
    #[serde(default)]
    once: String,
}

fn new_page(app: &App, scope: &Scope, form: NewForm, kept: Kept, error: String) -> NewPage {
    NewPage { shell: Shell::inside(app, "New ticket", scope), form, kept, priorities: Priority::ALL, error }
}

/// `GET /{workspace}/tickets/new`.
pub(super) async fn new(State(app): State<App>, Member(scope): Member) -> Response {
    let form = NewForm { once: new_key(&app), ..NewForm::default() };
    render(&new_page(&app, &scope, form, Kept::default(), String::new()))
}

/// `POST /{workspace}/tickets/new`.
pub(super) async fn open(State(app): State<App>, Member(scope): Member, request: Request) -> Result<Response, Problem> {
    let posted: Posted<NewForm> = posted(&app, &scope.access, request).await?;
    match make(&app, &scope, &posted).await {
        Ok(view) => Ok(go(&app, &format!("/{}/tickets/{}", scope.access.workspace().slug, view.ticket.number))),
        Err(problem) => {
            let kept = posted.kept();
            let page = new_page(&app, &scope, posted.value, kept, sentence(&problem));
            Ok(render_with(problem.status, &page))
        }
    }
}

async fn make(app: &App, scope: &Scope, posted: &Posted<NewForm>) -> Result<TicketView, Problem> {
    posted.check()?;
    let form = &posted.value;
    let mut fields = Fields::default();
    let email = fields.read(EmailAddress::parse("email", &form.email));
    let name = fields.read(filled(&form.name).map(|name| Name::parse("name", name)).transpose());
    let subject = fields.read(Subject::parse("subject", &form.subject));
    let body = fields.read(Body::parse("message", &form.body));
    let priority = filled(&form.priority).map_or(Ok(Priority::None), |text| Priority::parse("priority", text));
    let priority = fields.read(priority);
    fields.finish()?;
    let (Some(email), Some(name), Some(subject), Some(body), Some(priority)) = (email, name, subject, body, priority)
    else {
        return Err(Problem::invalid(Vec::new()));
    };
    let new = NewTicket {
        subject,
        body,
        contact: ContactRef::Address { email, name },
        priority,
        labels: BTreeSet::new(),
        assignee: None,
        team: None,
        channel: Channel::Web,
    };
    let asked = ["open", &form.email, &form.subject, &form.body, &posted.said()];
    let access = scope.access.clone().once(once(&form.once, &asked));
    Ok(app.desk().tickets(&access).carrying(posted.ids()).open(new).await?)
}

/// The filter for a customer's list.
pub(super) fn customers_filter(open_only: bool) -> TicketFilter {
    use connect_core::ticket::Category;
    let not_categories = if open_only { [Category::Resolved, Category::Closed].into() } else { BTreeSet::new() };
    TicketFilter { not_categories, ..TicketFilter::default() }
}
