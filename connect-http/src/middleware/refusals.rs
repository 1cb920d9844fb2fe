//! What was refused goes into the journal: denied access, requests from another site, too many requests.

use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::Request;
use axum::response::Response;
use connect_auth::{Client, Refused};
use connect_core::event::Fact;
use connect_core::{Actor, ApiKeyId};
use http::StatusCode;

use crate::app::App;
use crate::problem::Problem;

/// Who asked and where, as far as that was found out before the request was refused.
#[derive(Debug, Clone, Default)]
pub(crate) struct Witness(Arc<Mutex<(Refused, Option<String>)>>);

impl Witness {
    /// Somebody is known, by this method; a program by this key.
    pub(crate) fn known(&self, actor: Actor, key: Option<ApiKeyId>, method: &str) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (seen.0.actor, seen.0.key, seen.1) = (actor, key, Some(method.to_owned()));
    }

    /// They were let into a workspace.
    pub(crate) fn place(&self, place: Refused) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0 = place;
    }

    fn seen(&self) -> (Refused, Option<String>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A request that may be refused.
pub(super) struct Watch {
    witness: Witness,
    client: Client,
    /// Method and template: no path, which names people and tickets.
    route: String,
}

impl Watch {
    pub(super) fn new(request: &Request, template: &str, client: Client) -> Self {
        Self {
            witness: Witness::default(),
            client,
            route: format!("{} {template}", request.method()).trim().to_owned(),
        }
    }

    pub(super) fn witness(&self) -> Witness {
        self.witness.clone()
    }

    /// What is to be kept of the answer, if it is a refusal. A page that shows the refusal itself has no problem.
    pub(super) fn fact(&self, response: &Response) -> Option<Fact> {
        let problem = response.extensions().get::<Problem>();
        let route = self.route.clone();
        match (response.status(), problem) {
            (StatusCode::FORBIDDEN, Some(problem)) if problem.code == "cross_site" => {
                Some(Fact::AccessCrossSite { route })
            }
            (StatusCode::FORBIDDEN, problem) => {
                let action = problem.and_then(|problem| problem.denied).unwrap_or_default().to_owned();
                Some(Fact::AccessDenied { action, route })
            }
            (StatusCode::TOO_MANY_REQUESTS, _) => Some(Fact::AccessLimited { route }),
            _ => None,
        }
    }

    /// Keeps it in the journal.
    pub(super) async fn keep(self, app: &App, fact: Fact) {
        let (place, method) = self.witness.seen();
        app.auth().refused(&self.client, place, method.as_deref(), fact).await;
    }
}
