//! A browser comes back from a provider.

use connect_core::store::Revoke;
use connect_core::{EmailAddress, Error, SessionId};

use super::exchange::exchange;
use super::flow::BrowserSecret;
use super::identity::{Proven, proven};
use super::provider::{Provider, ProviderKind};
use super::start::{FLOW, Transaction};
use super::{Failure, OAuthError};
use crate::auth::{Auth, Client};
use crate::second_factor::Claimant;
use crate::sign_in::SignedIn;
use crate::sign_up;
use crate::unbroken::unbroken;

/// What a browser brings.
#[derive(Debug, Clone)]
pub struct OAuthAnswer {
    /// The provider whose address it came back to.
    pub provider: String,
    /// What the browser has kept.
    pub browser: Option<BrowserSecret>,
    /// The query, every name and value of it.
    pub query: Vec<(String, String)>,
    /// Who is signed in with this browser, if only with a first factor.
    pub present: Option<Claimant>,
    /// The client.
    pub client: Client,
}

/// What came of it.
#[derive(Debug, Clone)]
pub enum OAuthOutcome {
    /// Somebody is signed in.
    SignedIn {
        /// Who, by which session.
        signed_in: Box<SignedIn>,
        /// Where to go.
        to: String,
    },
    /// The account signs whoever is signed in in from now on.
    Linked {
        /// Where to go.
        to: String,
    },
    /// The address that the provider tells has to be proved by a code first. With what the browser keeps, the
    /// account is linked then, by [`Auth::link_proven`].
    CodeNeeded {
        /// Where the code is to be sent.
        email: EmailAddress,
        /// What the browser keeps.
        browser: BrowserSecret,
        /// The workspace whose customers' page this was asked from.
        workspace: Option<String>,
        /// Where to go.
        to: String,
    },
}

/// A query, read strictly: what matters stands once and is not empty.
struct Said<'a> {
    state: &'a str,
    issuer: Option<&'a str>,
    code: Option<&'a str>,
}

impl<'a> Said<'a> {
    fn read(query: &'a [(String, String)]) -> Result<Self, Failure> {
        let one = |name: &str| {
            let mut values = query.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str());
            match (values.next(), values.next()) {
                (value, None) => Ok(value),
                _ => Err(Failure::Refused("repeated")),
            }
        };
        let state = one("state")?.filter(|state| !state.is_empty()).ok_or(Failure::Refused("state"))?;
        // A refusal of the provider's has no code; whatever it says besides is told to nobody.
        let code = one("code")?.filter(|code| !code.is_empty());
        Ok(Self { state, issuer: one("iss")?, code: if one("error")?.is_some() { None } else { code } })
    }
}

/// Whether the answer is from the provider it should be from, as far as it says.
fn is_from(provider: &Provider, transaction: &Transaction, issuer: Option<&str>) -> bool {
    match issuer {
        // GitHub publishes no discovery document; where it names itself, it is by one of these.
        Some(issuer) if matches!(provider.kind, ProviderKind::GitHub { .. }) => {
            issuer == provider.issuer() || issuer == format!("{}/login/oauth", provider.issuer())
        }
        Some(issuer) => issuer == provider.issuer(),
        None => !transaction.endpoints.names_itself,
    }
}

impl Auth {
    /// Goes on with a sign-in whose browser has come back. Every failure is answered alike, and noted.
    pub async fn finish_oauth(&self, answer: OAuthAnswer) -> Result<OAuthOutcome, OAuthError> {
        let (name, client) = (answer.provider.clone(), answer.client.clone());
        self.provider(&name)?;
        // Taken first and given back when it was right, as for codes: the journal must not be flooded.
        self.count_failure(&client).await?;
        let auth = self.clone();
        unbroken(async move {
            // Boxed: it holds much.
            match Box::pin(auth.finished(answer)).await {
                Ok(outcome) => {
                    auth.forgive_failure(&client).await;
                    Ok(outcome)
                }
                Err(failure) => Err(auth.refuse(&name, &client, failure).await),
            }
        })
        .await
    }

    async fn finished(&self, answer: OAuthAnswer) -> Result<OAuthOutcome, Failure> {
        let OAuthAnswer { provider, browser, query, present, client } = answer;
        let (provider, fetch) = self.provider(&provider)?;
        let said = Said::read(&query)?;
        let browser = browser.ok_or(Failure::Refused("browser"))?;
        let kept = self.take_flow::<Transaction>(FLOW, &browser, said.state).await?;
        let transaction = kept.ok_or(Failure::Refused("state"))?;
        if transaction.provider != provider.id || transaction.state != said.state {
            return Err(Failure::Refused("provider"));
        }
        if !is_from(&provider, &transaction, said.issuer) {
            return Err(Failure::Refused("issuer"));
        }
        let code = said.code.ok_or(Failure::Refused("denied"))?;
        let tokens = exchange(fetch, &provider, &self.redirect_uri(&provider), &transaction, code).await?;
        let proven = proven(fetch, &provider, &transaction, tokens, self.inner.desk.now()).await?;
        if let Some((user, session)) = transaction.link {
            let present = present.and_then(|present| present.into_identity().ok());
            let present = present.filter(|present| present.user.id == user && present.session.id == session);
            let present = present.ok_or(Failure::Refused("session"))?;
            self.link_present(&present, &proven).await?;
            return Ok(OAuthOutcome::Linked { to: transaction.to });
        }
        self.let_in(&provider, transaction, proven, present.map(|present| present.session()), &client).await
    }

    /// Signs in whom the account belongs to. An account that belongs to nobody yet is linked only to a mailbox
    /// that was proved: by the word of the provider that gives that mailbox out, else by a code.
    async fn let_in(
        &self,
        provider: &Provider,
        transaction: Transaction,
        proven: Proven,
        replaces: Option<SessionId>,
        client: &Client,
    ) -> Result<OAuthOutcome, Failure> {
        let method = format!("oauth:{}", provider.id);
        let cause = client.cause(Some(&method), self.inner.desk.random());
        let users = self.inner.desk.users().because(cause.clone());
        let Transaction { to, workspace, .. } = transaction;
        let known = users.by_account(&proven.key).await?;
        let is_new = known.is_none();
        let open = self.joinable(provider, proven.email.as_ref(), known.as_ref()).await;
        let told_email = proven.email.as_ref().map(|told| told.email.clone());
        let known = match known {
            Some(user) => Some(user),
            None => {
                let told = proven.email.clone().ok_or(Failure::NoAddress)?;
                let holder = users.find(&told.email).await?;
                // An account that was made for somebody before they came is reached by a code alone.
                let is_seen = holder.is_none_or(|user| user.proven);
                if !(told.verified && provider.vouches_for(&told.email) && is_seen) {
                    let browser = self.keep_proven(&proven).await?;
                    return Ok(OAuthOutcome::CodeNeeded { email: told.email, browser, workspace, to });
                }
                let (desk, settings) = (&self.inner.desk, &self.inner.settings);
                let (reserved, email) = (sign_up::is_reserved(desk, settings, &told.email), &told.email);
                let is_invited = !open.is_empty() && !reserved;
                if !is_invited && !sign_up::is_allowed(desk, settings, email, workspace.as_deref()).await? {
                    return Err(Failure::Refused("sign_up"));
                }
                let user = users.find_or_create(&told.email, None).await?;
                if !user.disabled {
                    // Before the account is linked, and again when the session is there: a fault in between leaves none
                    // of them alive.
                    self.end(user.id, replaces.map_or(Revoke::All, Revoke::AllBut), None, cause.clone()).await?;
                    self.link_account(user.id, &proven, cause.clone()).await?;
                }
                Some(user)
            }
        };
        let user = known.filter(|user| !user.disabled).ok_or(Failure::Refused("disabled"))?;
        let user = users.follow(user.id, &proven.profile).await?;
        let strong_at = proven.strong_at;
        if strong_at.is_some() {
            users.vouch(user.id, &proven.key).await?;
        }
        let signed_in = match self.open_session_with(user.clone(), &method, client, replaces, strong_at).await {
            // The session of before may have ended meanwhile: then there is none to replace.
            Err(Error::Forbidden(_)) if replaces.is_some() => {
                self.open_session_with(user, &method, client, None, strong_at).await?
            }
            opened => opened?,
        };
        // The mailbox of the account, and not only one that the provider tells, is of the domain.
        if told_email.is_some_and(|told| told == signed_in.user.email) {
            self.join(&signed_in.user, open, &cause).await;
        }
        if is_new {
            // Whoever was signed in before learns of the new way in by having to sign in again.
            self.end(signed_in.user.id, Revoke::AllBut(signed_in.session.id), None, cause).await?;
        }
        Ok(OAuthOutcome::SignedIn { signed_in: Box::new(signed_in), to })
    }
}
