//! What an ID token says, once it is known to be true.

use connect_core::Timestamp;
use openidconnect::core::{
    CoreGenderClaim, CoreIdTokenVerifier, CoreJsonWebKeySet, CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm as Algorithm,
};
use openidconnect::{AdditionalClaims, ClientId, IdToken, IdTokenClaims, IssuerUrl, Nonce};
use serde::{Deserialize, Serialize};

use super::Failure;
use super::provider::{Provider, ProviderKind};

/// Signatures that are taken. All are made with a key that only the provider has: none with a shared secret, and
/// not none at all.
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RsaSsaPkcs1V15Sha256,
    Algorithm::RsaSsaPkcs1V15Sha384,
    Algorithm::RsaSsaPkcs1V15Sha512,
    Algorithm::RsaSsaPssSha256,
    Algorithm::RsaSsaPssSha384,
    Algorithm::RsaSsaPssSha512,
    Algorithm::EcdsaP256Sha256,
    Algorithm::EcdsaP384Sha384,
    Algorithm::EdDsa,
];

/// How far in the future a token may have been issued: clocks differ.
const SKEW_SECONDS: i64 = 300;

/// What some say besides: Entra the tenant and the person in it, Google the Workspace that an account is of.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Further {
    tid: Option<String>,
    oid: Option<String>,
    pub(super) hd: Option<String>,
}

impl AdditionalClaims for Further {}

type Token = IdToken<Further, CoreGenderClaim, CoreJweContentEncryptionAlgorithm, Algorithm>;
pub(super) type Claims = IdTokenClaims<Further, CoreGenderClaim>;

/// The claims of a token that this provider has signed for this desk and this sign-in, and that has not ended.
/// The issuer it must be from is the configured one, whatever the token says.
pub(super) fn verified(
    provider: &Provider,
    keys: CoreJsonWebKeySet,
    token: &str,
    nonce: &str,
    now: Timestamp,
) -> Result<Claims, Failure> {
    let bad = |_| Failure::Refused("id_token");
    let token: Token = token.parse().map_err(bad)?;
    let issuer = IssuerUrl::new(provider.issuer()).map_err(|_| Failure::Refused("id_token"))?;
    let now = chrono::DateTime::from_timestamp_micros(now.as_micros()).ok_or(Failure::Refused("id_token"))?;
    let latest = now + chrono::TimeDelta::seconds(SKEW_SECONDS);
    let verifier = CoreIdTokenVerifier::new_public_client(ClientId::new(provider.client_id.clone()), issuer, keys)
        .set_allowed_algs(ALGORITHMS)
        .set_time_fn(move || now)
        .set_issue_time_verifier_fn(move |at| if at <= latest { Ok(()) } else { Err("not issued yet".to_owned()) });
    let claims = token.into_claims(&verifier, &Nonce::new(nonce.to_owned())).map_err(|error| {
        tracing::debug!(%error, provider = provider.id, "an ID token was refused");
        Failure::Refused("id_token")
    })?;
    let is_ours = claims.authorized_party().is_none_or(|party| party.as_str() == provider.client_id);
    if !is_ours || claims.issuer().as_str() != provider.issuer() {
        return Err(Failure::Refused("id_token"));
    }
    Ok(claims)
}

/// Whom the token means, in words that never change. At Entra, where `sub` is another one for each application,
/// tenant and object id belong to it, and the tenant must be the configured one.
pub(super) fn subject(provider: &Provider, claims: &Claims) -> Result<String, Failure> {
    let subject = claims.subject().as_str();
    if !(1..=255).contains(&subject.len()) {
        return Err(Failure::Refused("subject"));
    }
    let ProviderKind::Microsoft { tenant, .. } = &provider.kind else { return Ok(subject.to_owned()) };
    let Further { tid, oid, .. } = claims.additional_claims();
    match (tid, oid) {
        (Some(tid), Some(oid)) if tid == tenant && (1..=255).contains(&oid.len()) => {
            Ok(format!("{subject} {tid} {oid}"))
        }
        _ => Err(Failure::Refused("tenant")),
    }
}
