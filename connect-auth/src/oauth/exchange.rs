//! The way to a provider and back: the address a browser is sent to, and the code it comes back with.

use std::future::Future;
use std::pin::Pin;

use oauth2::basic::{
    BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse, BasicTokenType,
};
use oauth2::{
    AsyncHttpClient, AuthType, AuthUrl, AuthorizationCode, Client, ClientId, ClientSecret, CsrfToken, EndpointNotSet,
    EndpointSet, ExtraTokenFields, HttpRequest, HttpResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope,
    StandardRevocableToken, StandardTokenResponse, TokenResponse, TokenUrl,
};
use serde::{Deserialize, Serialize};

use super::Failure;
use super::discovery::Endpoints;
use super::provider::Provider;
use super::start::Transaction;
use crate::fetch::{Fetch, FetchError, FetchRequest};

/// What a token answer of OpenID Connect has besides.
#[derive(Debug, Serialize, Deserialize)]
struct IdTokenField {
    id_token: Option<String>,
}

impl ExtraTokenFields for IdTokenField {}

type Answer = StandardTokenResponse<IdTokenField, BasicTokenType>;

type ReadyClient = Client<
    BasicErrorResponse,
    Answer,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

/// The tokens of an answer. They live as long as the request that got them.
pub(super) struct Tokens {
    pub(super) access: String,
    pub(super) id: Option<String>,
}

fn client(provider: &Provider, endpoints: &Endpoints, redirect: &str) -> Result<ReadyClient, Failure> {
    let bad = |_| Failure::Refused("discovery_endpoint");
    let auth = if endpoints.secret_in_body { AuthType::RequestBody } else { AuthType::BasicAuth };
    Ok(Client::new(ClientId::new(provider.client_id.clone()))
        .set_client_secret(ClientSecret::new(provider.client_secret.clone()))
        .set_auth_type(auth)
        .set_auth_uri(AuthUrl::new(endpoints.authorize.clone()).map_err(bad)?)
        .set_token_uri(TokenUrl::new(endpoints.token.clone()).map_err(bad)?)
        .set_redirect_uri(RedirectUrl::new(redirect.to_owned()).map_err(bad)?))
}

/// The address a browser is sent to.
pub(super) fn authorize_url(provider: &Provider, redirect: &str, transaction: &Transaction) -> Result<String, Failure> {
    let client = client(provider, &transaction.endpoints, redirect)?;
    let challenge = PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(transaction.verifier.clone()));
    let mut request = client
        .authorize_url(|| CsrfToken::new(transaction.state.clone()))
        .add_scopes(provider.scopes.iter().cloned().map(Scope::new))
        .set_pkce_challenge(challenge);
    if transaction.endpoints.keys.is_some() {
        request = request.add_extra_param("nonce", transaction.nonce.clone());
    }
    Ok(request.url().0.to_string())
}

/// Exchanges a code for tokens. What the provider says when it refuses is told to nobody.
pub(super) async fn exchange(
    fetch: &dyn Fetch,
    provider: &Provider,
    redirect: &str,
    transaction: &Transaction,
    code: &str,
) -> Result<Tokens, Failure> {
    let client = client(provider, &transaction.endpoints, redirect)?;
    let request = client
        .exchange_code(AuthorizationCode::new(code.to_owned()))
        .set_pkce_verifier(PkceCodeVerifier::new(transaction.verifier.clone()));
    let through = Through(fetch);
    // Boxed, as the library's own future is not `Send` for every lifetime.
    let answer: Sending<'_, Result<Answer, _>> = Box::pin(request.request_async(&through));
    let answer = answer.await.map_err(|_| Failure::Refused("code_exchange"))?;
    let id = answer.extra_fields().id_token.clone();
    Ok(Tokens { access: answer.access_token().secret().clone(), id })
}

type Sending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The port, as the library asks through it.
struct Through<'f>(&'f dyn Fetch);

impl<'c> AsyncHttpClient<'c> for Through<'_> {
    type Error = FetchError;
    type Future = Sending<'c, Result<HttpResponse, FetchError>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(through(self.0, request))
    }
}

async fn through(fetch: &dyn Fetch, request: HttpRequest) -> Result<HttpResponse, FetchError> {
    let (parts, body) = request.into_parts();
    let text = |value: &http::HeaderValue| value.to_str().unwrap_or_default().to_owned();
    let headers = parts.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    let fetched = fetch.fetch(FetchRequest { url: parts.uri.to_string(), headers, body: Some(body) }).await?;
    let mut answer = http::Response::builder().status(fetched.status);
    if let Some(kind) = fetched.content_type {
        answer = answer.header(http::header::CONTENT_TYPE, kind);
    }
    answer.body(fetched.body).map_err(|error| FetchError::Failed(error.to_string()))
}
