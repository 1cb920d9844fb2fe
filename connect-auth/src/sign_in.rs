//! Signing in with a code: asking for it, and entering it.

use connect_core::store::Session;
use connect_core::user::User;
use connect_core::{ChallengeId, EmailAddress, Error, Name, Result, SessionId, Timestamp};

use crate::auth::{Auth, Client};
use crate::challenge::{Asked, SIGN_IN};
use crate::code::ChallengeSecret;
use crate::evaluate::Proven;
use crate::session::SessionToken;

/// What proves who somebody is who signs in so.
pub(crate) const METHOD: &str = "email_code";

/// Somebody asks for a code.
#[derive(Debug, Clone)]
pub struct CodeRequest {
    /// Where it is to be sent.
    pub email: EmailAddress,
    /// The challenge that this browser holds already: it is continued if it can be.
    pub held: Option<(ChallengeId, ChallengeSecret)>,
    /// The workspace whose page it is asked from, by id or slug.
    pub workspace: Option<String>,
    /// A puzzle that was solved for the address, so that the code is sent although it has had its share.
    pub proof: Option<String>,
    /// Who asks.
    pub client: Client,
}

/// A code is on its way, or looks as if it were.
#[derive(Debug, Clone)]
pub struct IssuedCode {
    /// The challenge.
    pub id: ChallengeId,
    /// The secret that must come with the code.
    pub secret: ChallengeSecret,
    /// Until when the code can be used.
    pub expires_at: Timestamp,
    /// From when on another code may be asked for.
    pub resend_at: Timestamp,
    /// A puzzle whose proof may come with the next request, should no mail arrive.
    pub puzzle: String,
}

/// Somebody enters a code.
#[derive(Debug, Clone)]
pub struct VerifyCode {
    /// The challenge.
    pub id: ChallengeId,
    /// The secret of the browser that asked.
    pub secret: Option<ChallengeSecret>,
    /// What was typed.
    pub code: String,
    /// The session this browser has already; it ends.
    pub replaces: Option<SessionId>,
    /// Who enters it.
    pub client: Client,
}

/// Somebody is signed in.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// Who.
    pub user: User,
    /// The session.
    pub session: Session,
    /// Its token; it is not known afterwards.
    pub token: SessionToken,
    /// What the browser may keep so that it is known again; empty if that has to wait for a second factor.
    pub device: String,
}

/// Why a code did not sign anybody in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// Wrong, ended, used or unknown: which of them is not told. Who holds the challenge's secret is told
    /// how many guesses are left.
    #[error("the code is not right, or no longer so")]
    NotRight {
        /// Guesses left.
        remaining: Option<u32>,
    },
    /// Something else.
    #[error(transparent)]
    Other(#[from] Error),
}

impl From<connect_core::StoreError> for SignInError {
    fn from(error: connect_core::StoreError) -> Self {
        Self::Other(error.into())
    }
}

impl Auth {
    /// Sends a code to an address. Known, unknown, disabled and throttled addresses are answered alike;
    /// whether a mail leaves is decided later, off the request's way.
    pub async fn request_code(&self, request: CodeRequest) -> Result<IssuedCode> {
        let CodeRequest { email, held, workspace, proof, client } = request;
        let paid = self.is_paid(proof.as_deref(), email.as_str()).await?;
        self.issue(Asked { email, purpose: SIGN_IN.to_owned(), held, workspace, client, person: None, paid }).await
    }

    /// Signs in with a code: counted first, then compared, then used up together with the new session.
    pub async fn verify_code(&self, verify: VerifyCode) -> Result<SignedIn, SignInError> {
        let proven = self.guess(&verify, SIGN_IN).await?;
        let outcome = self.sign_in(&proven, &verify).await;
        self.conclude(&verify, proven, outcome).await
    }

    async fn sign_in(&self, proven: &Proven, verify: &VerifyCode) -> Result<SignedIn, SignInError> {
        let (desk, store, client) = (&self.inner.desk, &self.inner.store, &verify.client);
        let (challenge, not_right) = (proven.challenge(), || SignInError::NotRight { remaining: None });
        if self.is_reserved(&challenge.email) {
            return Err(not_right());
        }
        let cause = client.cause(Some(METHOD), desk.random());
        let user = desk.users().because(cause.clone()).find_or_create(&challenge.email, None::<Name>).await?;
        if user.disabled {
            return Err(not_right());
        }
        let user = self.first_proof(user, &cause).await?;
        let (session, token) = self.fresh_session(&user, METHOD, client);
        let now = desk.now();
        let mut replaced = verify.replaces;
        let mut begun = store.consume(challenge.id, session.clone(), replaced, now).await?;
        if !begun && replaced.take().is_some() {
            // The session of before may have ended meanwhile: then there is none to replace.
            begun = store.consume(challenge.id, session.clone(), None, now).await?;
        }
        if !begun {
            return Err(not_right());
        }
        Ok(self.signed_in(user, (session, token), replaced, client).await?)
    }
}
