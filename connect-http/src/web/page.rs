//! What all pages share: the shell around them, who may see them, and how errors look.

use std::fmt::Write;

use askama::Template;
use axum::extract::{FromRequestParts, OriginalUri};
use axum::response::{Html, IntoResponse, Redirect, Response};
use connect_core::{Access, Error, Standing};
use http::StatusCode;
use http::request::Parts;

use crate::app::App;
use crate::extract::{self, Caller, Scope};
use crate::problem::Problem;

/// The frame of a page: where the desk is mounted, who is signed in, in which workspace.
#[derive(Debug, Clone, Default)]
pub(super) struct Shell {
    pub(super) base: String,
    pub(super) home: String,
    pub(super) title: String,
    pub(super) person: Option<String>,
    /// Whether they have an account here, with pages of its own.
    pub(super) account: bool,
    /// Whether they have signed in here; else they sign out where they have.
    pub(super) signs_out: bool,
    pub(super) workspace: Option<Place>,
    /// Whether messages may carry files.
    pub(super) files: bool,
    /// Whether people may sign in with accounts elsewhere.
    pub(super) providers: bool,
    /// Whether people may sign in with passkeys.
    pub(super) passkeys: bool,
}

/// The workspace of a page.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) name: String,
    pub(super) slug: String,
    /// Whether the page is the team's; else it is the customers'.
    pub(super) team: bool,
    pub(super) may_open: bool,
    /// Whether there is a page of API keys.
    pub(super) keys: bool,
    /// Whether the journal may be read.
    pub(super) audit: bool,
}

impl Shell {
    pub(super) fn new(app: &App, title: impl Into<String>, caller: Option<&extract::Person>) -> Self {
        Self {
            base: app.base().to_owned(),
            home: app.home().to_owned(),
            title: title.into(),
            person: caller.map(|caller| caller.identity.user.name.to_string()),
            account: caller.is_some(),
            signs_out: caller.is_some_and(|caller| !caller.identity.is_vouched()),
            workspace: None,
            files: app.desk().blobs().is_some(),
            providers: !sign_in_providers(app).is_empty(),
            passkeys: has_passkeys(app),
        }
    }

    pub(super) fn inside(app: &App, title: impl Into<String>, scope: &Scope) -> Self {
        let workspace = scope.access.workspace();
        let place = Place {
            name: workspace.name.to_string(),
            slug: workspace.slug.to_string(),
            team: is_team(&scope.access),
            may_open: app.desk().may(&scope.access, connect_core::Action::OpenTickets),
            keys: app.desk().may(&scope.access, connect_core::Action::ManageApiKeys),
            audit: app.desk().may(&scope.access, connect_core::Action::ReadAudit),
        };
        let person = scope.caller.name();
        Self { workspace: Some(place), person, ..Self::new(app, title, scope.caller.person()) }
    }
}

pub(super) fn is_team(access: &Access) -> bool {
    matches!(access.standing(), Standing::Member(_))
}

/// A provider people may sign in with, as pages show it.
#[derive(Debug, Clone)]
pub(super) struct ProviderLink {
    pub(super) id: String,
    pub(super) name: String,
}

/// The providers people may sign in with.
#[cfg(feature = "oidc")]
pub(super) fn sign_in_providers(app: &App) -> Vec<ProviderLink> {
    let link = |provider: &connect_auth::oauth::Provider| ProviderLink {
        id: provider.id.clone(),
        name: provider.name.clone(),
    };
    app.auth().providers().map(link).collect()
}

/// There are none without the feature.
#[cfg(not(feature = "oidc"))]
pub(super) fn sign_in_providers(_: &App) -> Vec<ProviderLink> {
    Vec::new()
}

/// Whether people may sign in with passkeys.
#[cfg(feature = "passkeys")]
fn has_passkeys(app: &App) -> bool {
    app.auth().has_passkeys()
}

/// Nobody may without the feature.
#[cfg(not(feature = "passkeys"))]
fn has_passkeys(_: &App) -> bool {
    false
}

/// A page as a response.
pub(super) fn render(page: &impl Template) -> Response {
    render_with(StatusCode::OK, page)
}

/// A page as a response of this status.
pub(super) fn render_with(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(html) => (status, Html(html)).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "this page cannot be shown").into_response()
        }
    }
}

/// A page that says what is wrong, with the status and the headers of the problem.
pub(super) fn render_problem(problem: &Problem, page: &impl Template) -> Response {
    let mut response = render_with(problem.status, page);
    problem.add_headers(response.headers_mut());
    response
}

/// Goes to another page of the desk.
pub(crate) fn go(app: &App, path: &str) -> Response {
    if path == "/" {
        Redirect::to(app.home()).into_response()
    } else {
        Redirect::to(&format!("{}{path}", app.base())).into_response()
    }
}

/// A path of the desk to go to after signing in. Anything that is not plainly one is the front page.
pub(crate) fn safe_target(path: &str) -> &str {
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '\\' | '"' | '<' | '>');
    let is_path = path.starts_with('/') && !path.starts_with("//") && path.len() <= 500;
    let lower = path.to_ascii_lowercase();
    let is_encoded = lower.contains("%2f") || lower.contains("%5c") || lower.contains("%0") || lower.contains("..");
    if is_path && path.chars().all(plain) && !is_encoded { path } else { "/" }
}

/// Somebody who may see a page of a workspace. Who is not signed in is sent to sign in first and comes
/// back.
pub(super) struct Member(pub(super) Scope);

/// Somebody who is signed in, likewise.
pub(super) struct Person(pub(super) extract::Person);

/// Somebody who has signed in, if only with a first factor, likewise.
pub(super) struct Arrival(pub(super) extract::Arrival);

/// The path of a request below the place where the desk is mounted, with its query.
fn own_path(parts: &Parts, app: &App) -> String {
    let uri = parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |original| &original.0);
    let path = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    path.strip_prefix(app.base()).unwrap_or(path).to_owned()
}

fn to_sign_in(app: &App, parts: &Parts, problem: Problem) -> Response {
    let page = match (problem.status, problem.code) {
        (_, "second_factor_required") => super::second_factor::SHOW,
        // The way on is a page of the person's own; whoever is refused there comes no further by it.
        (_, "second_factor_enrolment_required") => return go(app, super::factors::PAGE),
        (StatusCode::UNAUTHORIZED, _) => "/sign-in",
        _ => return problem.into_response(),
    };
    let path = if parts.method == http::Method::GET { own_path(parts, app) } else { "/".to_owned() };
    let target: String = url::form_urlencoded::byte_serialize(path.as_bytes()).collect();
    go(app, &format!("{page}?to={target}"))
}

impl FromRequestParts<App> for Person {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let caller = <extract::Person as FromRequestParts<App>>::from_request_parts(parts, app).await;
        caller.map(Self).map_err(|problem| to_sign_in(app, parts, problem))
    }
}

/// Who asks for a page, if anybody who is known. Who is not is sent to sign in first.
pub(super) async fn caller(parts: &mut Parts, app: &App) -> Result<Caller, Response> {
    let caller = <Caller as FromRequestParts<App>>::from_request_parts(parts, app).await;
    caller.map_err(|problem| to_sign_in(app, parts, problem))
}

impl FromRequestParts<App> for Arrival {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let arrival = <extract::Arrival as FromRequestParts<App>>::from_request_parts(parts, app).await;
        arrival.map(Self).map_err(|problem| to_sign_in(app, parts, problem))
    }
}

impl FromRequestParts<App> for Member {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let scope = Scope::from_request_parts(parts, app).await;
        let scope = scope.and_then(|scope| match scope.caller {
            // Pages are for people: a program has the API.
            Caller::Program(_) => Err(Error::Forbidden("this is for people, not for API keys").into()),
            Caller::Person(_) | Caller::Customer(_) => Ok(scope),
        });
        scope.map(Self).map_err(|problem| to_sign_in(app, parts, problem))
    }
}

#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage {
    shell: Shell,
    heading: &'static str,
    detail: String,
    request_id: String,
}

/// What people see of a problem.
pub(crate) fn problem_page(app: &App, problem: &Problem, request_id: &str) -> String {
    let heading = match problem.status {
        StatusCode::NOT_FOUND => "There is nothing here",
        StatusCode::FORBIDDEN => "You may not do this",
        StatusCode::TOO_MANY_REQUESTS => "That was a bit much",
        StatusCode::SERVICE_UNAVAILABLE => "Not just now",
        StatusCode::INTERNAL_SERVER_ERROR => "Something is wrong with the desk",
        _ => "That did not work",
    };
    let page = ProblemPage {
        shell: Shell::new(app, heading, None),
        heading,
        detail: sentence(problem),
        request_id: request_id.to_owned(),
    };
    page.render().unwrap_or_else(|_| heading.to_owned())
}

/// A problem as a sentence or two.
pub(super) fn sentence(problem: &Problem) -> String {
    let mut text = if problem.errors.is_empty() { problem.detail.clone() } else { String::new() };
    for error in &problem.errors {
        if !text.is_empty() {
            text.push_str("; ");
        }
        text.push_str(&error.field.replace('_', " "));
        text.push(' ');
        text.push_str(&error.detail);
    }
    if let Some(seconds) = problem.retry_after {
        let wait =
            if seconds > 90 { format!("{} minutes", seconds.div_ceil(60)) } else { format!("{seconds} seconds") };
        let _ = write!(text, ". Try again in {wait}.");
    }
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sec_49_only_plain_paths_of_the_desk_are_gone_to() {
        for good in ["/", "/acme/tickets?q=status%3Aopen&sort=-number", "/acme/requests/12"] {
            assert_eq!(safe_target(good), good);
        }
        for bad in [
            "",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            "/a\tb",
            "/a\r\nb",
            "/%2f%2fevil.example",
            "/%5cevil.example",
            "/a/../../b",
            "/%0d%0ax",
            "evil",
            "/ä",
            "/a b",
        ] {
            assert_eq!(safe_target(bad), "/", "{bad:?}");
        }
    }
}
