//! Where a provider's endpoints are.

use serde::{Deserialize, Serialize};

use super::Failure;
use super::provider::{Provider, ProviderKind};
use crate::fetch::{Fetch, FetchRequest};

/// The endpoints for one sign-in. They are kept with it, so that its code goes where its browser was sent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Endpoints {
    pub(super) authorize: String,
    pub(super) token: String,
    /// Where the keys are, of a provider that signs.
    pub(super) keys: Option<String>,
    /// Whether the provider always says in its answer who it is.
    pub(super) names_itself: bool,
    /// Whether the client's secret is a part of the body rather than a header.
    pub(super) secret_in_body: bool,
}

#[derive(Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
}

/// An address as JSON of a certain shape. Anything but a plain 200, a redirect too, is no answer.
pub(super) async fn get<T: serde::de::DeserializeOwned>(
    fetch: &dyn Fetch,
    url: &str,
    headers: &[(&str, &str)],
) -> Result<T, Failure> {
    let own = [("accept", "application/json")];
    let headers = if headers.is_empty() { &own[..] } else { headers };
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let answer = fetch.fetch(FetchRequest { url: url.to_owned(), headers, body: None }).await?;
    if answer.status != 200 {
        return Err(Failure::Refused("provider_answer"));
    }
    serde_json::from_slice(&answer.body).map_err(|_| Failure::Refused("provider_answer"))
}

/// The endpoints as the provider publishes them now.
pub(super) async fn endpoints(fetch: &dyn Fetch, provider: &Provider) -> Result<Endpoints, Failure> {
    if let ProviderKind::GitHub { web, .. } = &provider.kind {
        return Ok(Endpoints {
            authorize: format!("{web}/login/oauth/authorize"),
            token: format!("{web}/login/oauth/access_token"),
            keys: None,
            names_itself: false,
            secret_in_body: true,
        });
    }
    let issuer = provider.issuer();
    let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let document: Document = get(fetch, &url, &[]).await?;
    if document.issuer != issuer {
        return Err(Failure::Refused("discovery_issuer"));
    }
    let secure = |url: &String| url.starts_with("https://") || issuer.starts_with("http://");
    if ![&document.authorization_endpoint, &document.token_endpoint, &document.jwks_uri].into_iter().all(secure) {
        return Err(Failure::Refused("discovery_endpoint"));
    }
    let methods = document.token_endpoint_auth_methods_supported;
    Ok(Endpoints {
        authorize: document.authorization_endpoint,
        token: document.token_endpoint,
        keys: Some(document.jwks_uri),
        names_itself: document.authorization_response_iss_parameter_supported,
        // A header is what there must be unless something else is said.
        secret_in_body: methods.is_some_and(|methods| methods.iter().all(|method| method != "client_secret_basic")),
    })
}
