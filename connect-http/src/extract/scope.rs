//! In which workspace, allowed what.

use axum::extract::{FromRequestParts, RawPathParams};
use connect_auth::Refused;
use connect_core::member::Offer;
use connect_core::store::TicketKey;
use connect_core::{Access, Role};
use http::request::Parts;

use super::caller::{Caller, Person};
use crate::app::App;
use crate::middleware::Witness;
use crate::problem::Problem;

/// A caller who was let into the workspace that the path names. Handlers use its access and no other, so
/// the workspace that was authorised is the one that is used.
#[derive(Debug, Clone)]
pub(crate) struct Scope {
    pub(crate) access: Access,
    pub(crate) caller: Caller,
    segments: Vec<(String, String)>,
}

/// The scope of somebody who is signed in: for what no program may do.
#[derive(Debug, Clone)]
pub(crate) struct PersonScope {
    pub(crate) scope: Scope,
    pub(crate) person: Person,
}

#[cfg(feature = "oidc")]
impl PersonScope {
    /// The access, for changing how people come in: from somebody who proved a short while ago who they are. Whoever may
    /// not do it at all is not asked for a proof first.
    pub(crate) fn changes_sign_in(&self, app: &App) -> Result<Access, Problem> {
        if app.desk().may(&self.scope.access, connect_core::Action::UpdateWorkspace) {
            app.auth().require_recent(&self.person.identity)?;
        }
        Ok(self.scope.access.clone())
    }
}

impl Scope {
    /// Refuses what only somebody may do who proved a short while ago who they are: making somebody an admin or
    /// an owner.
    pub(crate) fn may_grant(&self, app: &App, role: Role) -> Result<(), Problem> {
        match &self.caller {
            Caller::Person(person) if role >= Role::Admin => Ok(app.auth().require_recent(&person.identity)?),
            // A program or a customer grants no role at all: the desk sees to that.
            Caller::Person(_) | Caller::Program(_) | Caller::Customer(_) => Ok(()),
        }
    }

    /// The same for a role that may be a custom one: which proof it needs hangs on what it is a part of. One that is not
    /// there is told of by the desk.
    pub(crate) async fn may_offer(&self, app: &App, offer: Offer) -> Result<(), Problem> {
        let role = match offer {
            Offer::Role(role) => role,
            Offer::Custom(id) => match app.desk().roles(&self.access).get(id).await {
                Ok(found) => found.base,
                Err(connect_core::Error::NotFound(_)) => return Ok(()),
                Err(error) => return Err(error.into()),
            },
        };
        self.may_grant(app, role)
    }

    /// Refuses what only a person may do who showed their second factor a short while ago: asking the team for one.
    pub(crate) async fn may_ask_second_factor(&self, app: &App) -> Result<(), Problem> {
        match &self.caller {
            Caller::Person(person) => Ok(app.auth().require_recent_strong(&person.identity).await?),
            // A program or a customer changes no workspace at all: the desk sees to that.
            Caller::Program(_) | Caller::Customer(_) => Ok(()),
        }
    }

    /// A further segment of the path as an id. What is no id is answered as one that does not exist.
    pub(crate) fn id<T: std::str::FromStr>(&self, name: &str, what: &'static str) -> Result<T, Problem> {
        let id = self.segment(name).and_then(|text| text.parse().ok());
        id.ok_or_else(|| connect_core::Error::NotFound(what).into())
    }

    /// The ticket of the path, by id or by number.
    pub(crate) fn ticket(&self) -> Result<TicketKey, Problem> {
        let text = self.segment("ticket").unwrap_or_default();
        let by_number =
            || text.parse().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit())).map(TicketKey::Number);
        let key = text.parse().ok().map(TicketKey::Id).or_else(by_number);
        key.ok_or_else(|| connect_core::Error::NotFound("ticket").into())
    }

    /// A further segment of the path.
    pub(crate) fn segment(&self, name: &str) -> Option<&str> {
        self.segments.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Whether this names the workspace of an access, which was asked for by this name.
fn is_of(access: &Access, asked: &str, name: &str) -> bool {
    name == asked || name == access.workspace().slug.as_str() || name == access.workspace_id().to_string()
}

/// Refuses a query that names another workspace than the path does. Nothing would read it; but whoever sends two
/// must not believe that the one that was authorised is the other. Bodies take no workspace at all.
pub(crate) fn names_no_other(query: Option<&str>, is_own: impl Fn(&str) -> bool) -> Result<(), Problem> {
    let mut pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    if pairs.any(|(name, value)| matches!(&*name, "workspace" | "workspace_id") && !is_own(&value)) {
        let detail = "the query names another workspace than the path";
        return Err(Problem::new(http::StatusCode::BAD_REQUEST, "second_workspace", detail));
    }
    Ok(())
}

impl FromRequestParts<App> for Scope {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let caller = <Caller as FromRequestParts<App>>::from_request_parts(parts, app).await?;
        let not_found = || Problem::from(connect_core::Error::NotFound("workspace"));
        let params = RawPathParams::from_request_parts(parts, app).await.map_err(|_| not_found())?;
        let segments: Vec<(String, String)> = params.iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
        let workspace = segments.iter().find(|(name, _)| name == "workspace").ok_or_else(not_found)?;
        let access = match &caller {
            Caller::Person(person) => app.desk().admit(&person.identity.person(), &workspace.1).await?,
            // A key is let into its own workspace; to it there are no others.
            Caller::Program(program) if program.identity.is_of(&workspace.1) => program.identity.access.clone(),
            Caller::Program(_) => return Err(not_found()),
            Caller::Customer(customer) => customer.access_to(&workspace.1)?,
        };
        names_no_other(parts.uri.query(), |name| is_of(&access, &workspace.1, name))?;
        if let Some(witness) = parts.extensions.get::<Witness>() {
            let (workspace, actor, key) = (access.workspace_id(), access.actor(), access.key());
            witness.place(Refused { workspace, actor, key });
        }
        Ok(Self { access, caller, segments })
    }
}

impl FromRequestParts<App> for PersonScope {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let scope = Scope::from_request_parts(parts, app).await?;
        let person = scope.caller.clone().into_person()?;
        Ok(Self { scope, person })
    }
}
