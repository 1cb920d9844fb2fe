//! Who calls.

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use connect_auth::{ApiKeyToken, Client, Identity, KEY_METHOD, KeyIdentity, SessionToken};
use connect_core::Access;
use http::header::{AUTHORIZATION, COOKIE};
use http::request::Parts;
use http::{HeaderMap, StatusCode};

use crate::app::{App, Cookie};
use crate::middleware::Witness;
use crate::problem::Problem;

/// Somebody who is known: a person, or a program that acts for one. What is for people takes a [`Person`].
#[derive(Debug, Clone)]
pub(crate) enum Caller {
    /// Signed in.
    Person(Person),
    /// With an API key.
    Program(Program),
}

/// Somebody who is signed in.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) identity: Identity,
    pub(crate) client: Client,
}

/// A program that has shown an API key.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    pub(crate) identity: KeyIdentity,
    pub(crate) client: Client,
}

impl Caller {
    /// The person, if it is one.
    #[cfg_attr(not(feature = "web"), allow(dead_code))]
    pub(crate) fn person(&self) -> Option<&Person> {
        match self {
            Self::Person(person) => Some(person),
            Self::Program(_) => None,
        }
    }

    /// What a caller who was let into a workspace a while ago may do there now: for answers that last. None
    /// once the session has ended, the key is good no more, or they do not belong there any longer.
    pub(crate) async fn still_in(&self, app: &App, workspace: &str) -> connect_core::Result<Option<Access>> {
        let access = match self {
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
        }
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
        Self::of(app, &parts.headers, client, parts.extensions.get::<Witness>()).await
    }
}

impl Caller {
    async fn of(app: &App, headers: &HeaderMap, client: Client, witness: Option<&Witness>) -> Result<Self, Problem> {
        let credential = Credential::of(app, headers);
        // Counted only after the credential was found good, so that nobody spends another's share.
        match &credential {
            Credential::Session(token) => {
                if let Some(identity) = app.auth().authenticate(token).await? {
                    let actor = connect_core::Actor::User(identity.user.id);
                    witness.inspect(|witness| witness.known(actor, None, &identity.session.method));
                    app.auth().count_request(identity.session.id.to_string()).await?;
                    let identity = identity.in_request(&client, app.desk().random());
                    return Ok(Self::Person(Person { identity, client }));
                }
            }
            Credential::Key(token) => {
                if let Some(identity) = app.auth().authenticate_key(token, &client).await? {
                    let (actor, key) = (identity.access.actor(), identity.access.key());
                    witness.inspect(|witness| witness.known(actor, key, KEY_METHOD));
                    app.auth().count_request(identity.key.id.to_string()).await?;
                    return Ok(Self::Program(Program { identity, client }));
                }
            }
            Credential::BrokenKey | Credential::Nothing => {}
        }
        // Who is nobody yet is counted by their address.
        app.auth().count_request(client.quota_key()).await?;
        match credential {
            Credential::Key(_) | Credential::BrokenKey => Err(Problem::bad_key()),
            Credential::Session(_) | Credential::Nothing => Err(Problem::unauthorized()),
        }
    }
}

impl Person {
    /// The person who asks, for handlers that take others, too: those cost nobody a request.
    pub(crate) async fn of(app: &App, headers: &HeaderMap, client: Client) -> Result<Self, Problem> {
        Caller::of(app, headers, client, None).await?.into_person()
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
        match <Self as FromRequestParts<App>>::from_request_parts(parts, app).await {
            Ok(person) => Ok(Some(person)),
            Err(problem) if problem.status == StatusCode::UNAUTHORIZED => Ok(None),
            Err(problem) => Err(problem),
        }
    }
}
