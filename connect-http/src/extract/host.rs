//! People for whom the host vouches.

use std::sync::Arc;

use connect_auth::Client;
use connect_core::HostActor;
use http::Request;
use http::header::AUTHORIZATION;
use http::request::Parts;

use super::caller::{Caller, Customer, Person};
use crate::app::App;
use crate::middleware::csrf;
use crate::problem::Problem;

/// What the host was asked about, so that it can be asked again while the answer lasts.
#[derive(Clone)]
pub(crate) struct Asked(Arc<Parts>);

impl std::fmt::Debug for Asked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Its headers are credentials.
        f.write_str("Asked(…)")
    }
}

impl Asked {
    /// Method, path and headers. What a layer of the host has put beside them was true when the request came, and
    /// may be so no longer.
    fn of(parts: &Parts) -> Self {
        let (mut bare, ()) = Request::new(()).into_parts();
        bare.method.clone_from(&parts.method);
        bare.uri.clone_from(&parts.uri);
        bare.headers.clone_from(&parts.headers);
        Self(Arc::new(bare))
    }

    /// The same caller as the host vouches for them now; none if it does so no more.
    pub(super) async fn again(&self, app: &App, client: &Client) -> connect_core::Result<Option<Caller>> {
        let Some(identify) = app.identify() else { return Ok(None) };
        match identify.identify(&self.0).await? {
            Some(actor) => resolved(app, actor, self.clone(), client).await,
            None => Ok(None),
        }
    }
}

/// For whom the host vouches in this request. It is not asked where there is an `Authorization` header: such requests
/// bring what they are to be judged by, and pass the guard against forged ones.
pub(super) async fn vouched(app: &App, parts: &Parts, client: &Client) -> Result<Option<Caller>, Problem> {
    let Some(identify) = app.identify().filter(|_| !parts.headers.contains_key(AUTHORIZATION)) else {
        return Ok(None);
    };
    let Some(actor) = identify.identify(parts).await? else { return Ok(None) };
    // Browsers send the host's cookies along, whatever page made them send.
    csrf::check_vouched(app, &parts.method, &parts.headers)?;
    Ok(resolved(app, actor, Asked::of(parts), client).await?)
}

async fn resolved(app: &App, actor: HostActor, asked: Asked, client: &Client) -> connect_core::Result<Option<Caller>> {
    let client = client.clone();
    Ok(match actor {
        HostActor::User(user) => {
            let identity = app.auth().vouched_user(&user, &client).await?;
            identity.map(|identity| Caller::Person(Person { identity, client, asked: Some(asked) }))
        }
        HostActor::Customer(customer) => {
            let identity = app.auth().vouched_customer(&customer, &client).await?;
            identity.map(|identity| Caller::Customer(Customer { identity, asked: Some(asked) }))
        }
    })
}
