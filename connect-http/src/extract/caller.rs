//! Who calls.

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use connect_auth::{
    ApiKeyToken, Claimant, Client, CustomerIdentity, Identity, KEY_METHOD, KeyIdentity, SessionToken, WidgetKey,
};
use connect_core::{Access, Actor};
use http::header::{AUTHORIZATION, COOKIE};
use http::request::Parts;
use http::{HeaderMap, StatusCode};

use super::host::{self, Asked};
use crate::app::{App, Cookie};
use crate::middleware::Witness;
use crate::problem::Problem;

/// Somebody who is known: a person, a program that acts for one, or a customer for whom the host vouches. What is
/// for people who have an account here takes a [`Person`].
#[derive(Debug, Clone)]
pub(crate) enum Caller {
    /// Signed in.
    Person(Person),
    /// With an API key.
    Program(Program),
    /// A customer of one workspace, who has no account here.
    Customer(Customer),
}

/// Somebody who is signed in: here, or at the host.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) identity: Identity,
    pub(crate) client: Client,
    /// What the host was asked about, where it vouches for them.
    pub(crate) asked: Option<Asked>,
}

/// Somebody who has signed in, if only with a first factor: for what they may do before they show the second. All
/// else takes a [`Person`] or a [`Caller`].
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    pub(crate) claimant: Claimant,
    pub(crate) client: Client,
}

/// A program that has shown an API key.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    pub(crate) identity: KeyIdentity,
    pub(crate) client: Client,
}

/// A customer for whom the host vouches, in its own process or by a token for its widget.
#[derive(Debug, Clone)]
pub(crate) struct Customer {
    pub(crate) identity: CustomerIdentity,
    /// What the host was asked about; nothing where there is a token.
    pub(super) asked: Option<Asked>,
}

impl Caller {
    /// The person, if it is one.
    #[cfg_attr(not(feature = "web"), allow(dead_code))]
    pub(crate) fn person(&self) -> Option<&Person> {
        match self {
            Self::Person(person) => Some(person),
            Self::Program(_) | Self::Customer(_) => None,
        }
    }

    /// What pages call them; programs see no pages.
    #[cfg_attr(not(feature = "web"), allow(dead_code))]
    pub(crate) fn name(&self) -> Option<String> {
        match self {
            Self::Person(person) => Some(person.identity.user.name.to_string()),
            Self::Customer(customer) => Some(customer.identity.contact.name.to_string()),
            Self::Program(_) => None,
        }
    }

    /// What a caller who was let into a workspace a while ago may do there now: for answers that last. None
    /// once the session has ended, the key is good no more, or they do not belong there any longer.
    pub(crate) async fn still_in(&self, app: &App, workspace: &str) -> connect_core::Result<Option<Access>> {
        let access = match self {
            Self::Person(Person { asked: Some(asked), identity, client }) => {
                let again = asked.again(app, client).await?;
                let same = again.and_then(|caller| caller.into_person().ok());
                match same.filter(|person| person.identity.user.id == identity.user.id) {
                    Some(person) => app.desk().admit(&person.identity.person(), workspace).await,
                    None => return Ok(None),
                }
            }
            Self::Customer(customer) => return customer.still_in(app).await,
            Self::Person(person) => {
                if !app.auth().is_live(&person.identity).await? {
                    return Ok(None);
                }
                app.desk().admit(&person.identity.person(), workspace).await
            }
            Self::Program(program) => {
                let renewed = app.auth().renew_key(&program.identity, &program.client).await?;
                return Ok(renewed.map(|identity| identity.access));
            }
        };
        match access {
            Ok(access) => Ok(Some(access)),
            Err(connect_core::Error::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The person; a program is told that this is not for it.
    pub(crate) fn into_person(self) -> Result<Person, Problem> {
        match self {
            Self::Person(person) => Ok(person),
            Self::Program(_) => Err(connect_core::Error::Forbidden("this is for people, not for API keys").into()),
            Self::Customer(_) => Err(connect_core::Error::Forbidden("this is for people with an account here").into()),
        }
    }

    /// Who they are in the journal, with which key, and by which method they are known.
    fn known(&self) -> (Actor, Option<connect_core::ApiKeyId>, &str) {
        match self {
            Self::Person(person) => (Actor::User(person.identity.user.id), None, &person.identity.session.method),
            Self::Program(program) => (program.identity.access.actor(), program.identity.access.key(), KEY_METHOD),
            Self::Customer(customer) => (customer.identity.access.actor(), None, customer.identity.method),
        }
    }

    /// What their requests are counted by.
    fn quota_key(&self) -> String {
        match self {
            Self::Person(person) => person.identity.session.id.to_string(),
            Self::Program(program) => program.identity.key.id.to_string(),
            Self::Customer(customer) => customer.identity.contact.id.to_string(),
        }
    }
}

impl Customer {
    /// Their access, to the workspace they are a customer of. To who is signed in at the host there is no other; a
    /// token is good for its own only.
    pub(super) fn access_to(&self, workspace: &str) -> Result<Access, Problem> {
        if self.identity.is_of(workspace) {
            return Ok(self.identity.access.clone());
        }
        let is_token = self.asked.is_none();
        Err(if is_token { Problem::bad_token() } else { connect_core::Error::NotFound("workspace").into() })
    }

    /// What a customer may do now who was let in a while ago: nothing once their token has ended, or the host does
    /// not vouch for them any longer.
    async fn still_in(&self, app: &App) -> connect_core::Result<Option<Access>> {
        if self.identity.ends_at.is_some_and(|end| end <= app.desk().now()) {
            return Ok(None);
        }
        let Some(asked) = &self.asked else { return Ok(Some(self.identity.access.clone())) };
        Ok(match asked.again(app, &Client::default()).await? {
            Some(Caller::Customer(now)) if now.identity.access.actor() == self.identity.access.actor() => {
                Some(now.identity.access)
            }
            _ => None,
        })
    }
}

/// The value of a cookie. Of two with one name the first counts. A request with an `Authorization` header has
/// none, whatever the header says: such requests pass the guard against forged ones.
pub(crate) fn cookie<'h>(app: &App, headers: &'h HeaderMap, cookie: Cookie) -> Option<&'h str> {
    if headers.contains_key(AUTHORIZATION) {
        return None;
    }
    named_cookie(app.cookie_name(cookie), headers)
}

/// The value of the first cookie of this name.
pub(crate) fn named_cookie<'h>(name: &str, headers: &'h HeaderMap) -> Option<&'h str> {
    let values = headers.get_all(COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut pairs = values.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(known, _)| *known == name).map(|(_, value)| value)
}

/// What a request shows.
enum Credential {
    Session(SessionToken),
    Key(ApiKeyToken),
    /// What begins like a token for a widget.
    Widget(String),
    /// What begins like a key and is none.
    BrokenKey,
    Nothing,
}

impl Credential {
    fn of(app: &App, headers: &HeaderMap) -> Self {
        // A request with an Authorization header ignores cookies, whatever the header says. Keys are taken from
        // there and from nowhere else.
        let Some(value) = headers.get(AUTHORIZATION) else {
            let token = cookie(app, headers, Cookie::Session).and_then(SessionToken::parse);
            return token.map_or(Self::Nothing, Self::Session);
        };
        let text = value.to_str().ok().and_then(|value| value.split_once(' '));
        let bearer = text.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token.trim());
        match bearer {
            Some(text) if WidgetKey::is_token(text) => Self::Widget(text.to_owned()),
            Some(text) if text.starts_with("ck_") => ApiKeyToken::parse(text).map_or(Self::BrokenKey, Self::Key),
            Some(text) => SessionToken::parse(text).map_or(Self::Nothing, Self::Session),
            None => Self::Nothing,
        }
    }
}

impl FromRequestParts<App> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let client = parts.extensions.get::<Client>().cloned().unwrap_or_default();
        let credential = Credential::of(app, &parts.headers);
        let mut caller = Self::showing(app, &credential, &client, parts.extensions.get::<Witness>()).await?;
        if caller.is_none() {
            caller = host::vouched(app, parts, &client).await?;
        }
        Self::counted(app, caller, &credential, &client, parts.extensions.get::<Witness>()).await
    }
}

impl OptionalFromRequestParts<App> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Option<Self>, Problem> {
        match <Self as FromRequestParts<App>>::from_request_parts(parts, app).await {
            Ok(caller) => Ok(Some(caller)),
            Err(problem) if problem.status == StatusCode::UNAUTHORIZED => Ok(None),
            Err(problem) => Err(problem),
        }
    }
}

impl Caller {
    /// Who shows something that is the desk's own and good.
    async fn showing(
        app: &App,
        credential: &Credential,
        client: &Client,
        witness: Option<&Witness>,
    ) -> Result<Option<Self>, Problem> {
        let client = client.clone();
        Ok(match credential {
            Credential::Session(token) => {
                let Some(arrival) = Arrival::with(app, token, &client).await? else { return Ok(None) };
                if arrival.claimant.is_awaited() {
                    // They are refused here, and have cost a request.
                    arrival.count(app, witness).await?;
                }
                // Here a session becomes somebody: not before their second factor was shown.
                let identity = arrival.claimant.into_identity()?;
                Some(Self::Person(Person { identity, client, asked: None }))
            }
            Credential::Key(token) => {
                let identity = app.auth().authenticate_key(token, &client).await?;
                identity.map(|identity| Self::Program(Program { identity, client }))
            }
            Credential::Widget(token) => {
                let identity = app.auth().authenticate_widget(token, &client).await?;
                identity.map(|identity| Self::Customer(Customer { identity, asked: None }))
            }
            Credential::BrokenKey | Credential::Nothing => None,
        })
    }

    /// Counts the request: by whoever sent it only after the credential was found good, so that nobody spends
    /// another's share; who is nobody yet is counted by their address, and refused.
    async fn counted(
        app: &App,
        caller: Option<Self>,
        credential: &Credential,
        client: &Client,
        witness: Option<&Witness>,
    ) -> Result<Self, Problem> {
        if let Some(caller) = caller {
            let (actor, key, method) = caller.known();
            witness.inspect(|witness| witness.known(actor, key, method));
            app.auth().count_request(caller.quota_key()).await?;
            return Ok(caller);
        }
        app.auth().count_request(client.quota_key()).await?;
        Err(match credential {
            Credential::Key(_) | Credential::BrokenKey => Problem::bad_key(),
            Credential::Widget(_) => Problem::bad_token(),
            Credential::Session(_) | Credential::Nothing => Problem::unauthorized(),
        })
    }
}

impl Arrival {
    /// Whoever holds this token.
    async fn with(app: &App, token: &SessionToken, client: &Client) -> Result<Option<Self>, Problem> {
        let Some(claimant) = app.auth().recognise(token).await? else { return Ok(None) };
        let claimant = claimant.in_request(client, app.desk().random());
        Ok(Some(Self { claimant, client: client.clone() }))
    }

    /// Counts the request by whoever sent it.
    async fn count(&self, app: &App, witness: Option<&Witness>) -> Result<(), Problem> {
        let actor = Actor::User(self.claimant.user().id);
        witness.inspect(|witness| witness.known(actor, None, self.claimant.method()));
        app.auth().count_request(self.claimant.session().to_string()).await?;
        Ok(())
    }

    /// Whoever has a session of the desk's.
    async fn by_session(parts: &Parts, app: &App) -> Result<Option<Self>, Problem> {
        let Credential::Session(token) = Credential::of(app, &parts.headers) else { return Ok(None) };
        let client = parts.extensions.get::<Client>().cloned().unwrap_or_default();
        let Some(arrival) = Self::with(app, &token, &client).await? else { return Ok(None) };
        arrival.count(app, parts.extensions.get::<Witness>()).await?;
        Ok(Some(arrival))
    }
}

impl From<Person> for Arrival {
    fn from(person: Person) -> Self {
        Self { claimant: person.identity.into(), client: person.client }
    }
}

impl FromRequestParts<App> for Arrival {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        match Self::by_session(parts, app).await? {
            Some(arrival) => Ok(arrival),
            // Somebody for whom the host vouches; others are told what all are told.
            None => <Person as FromRequestParts<App>>::from_request_parts(parts, app).await.map(Self::from),
        }
    }
}

impl OptionalFromRequestParts<App> for Arrival {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Option<Self>, Problem> {
        if let Some(arrival) = Self::by_session(parts, app).await? {
            return Ok(Some(arrival));
        }
        let person = <Person as OptionalFromRequestParts<App>>::from_request_parts(parts, app).await?;
        Ok(person.map(Self::from))
    }
}

impl Person {
    /// The person who asks, for handlers that take others, too: those cost nobody a request.
    pub(crate) async fn of(app: &App, headers: &HeaderMap, client: Client) -> Result<Self, Problem> {
        let credential = Credential::of(app, headers);
        let caller = Caller::showing(app, &credential, &client, None).await?;
        Caller::counted(app, caller, &credential, &client, None).await?.into_person()
    }
}

impl FromRequestParts<App> for Person {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        <Caller as FromRequestParts<App>>::from_request_parts(parts, app).await?.into_person()
    }
}

impl OptionalFromRequestParts<App> for Person {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Option<Self>, Problem> {
        match <Caller as OptionalFromRequestParts<App>>::from_request_parts(parts, app).await? {
            // Who has no account here may get one.
            None | Some(Caller::Customer(_)) => Ok(None),
            Some(caller) => caller.into_person().map(Some),
        }
    }
}
