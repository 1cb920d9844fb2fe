//! What is configured about a provider.

use connect_core::EmailAddress;

/// The domains whose mailboxes Google gives to anybody.
pub(super) const GOOGLES_OWN: [&str; 2] = ["gmail.com", "googlemail.com"];

/// What a provider speaks, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProviderKind {
    /// Google.
    Google,
    /// GitHub, which speaks plain OAuth 2.
    GitHub {
        /// Its pages: `https://github.com`, or a server of one's own.
        web: String,
        /// Its API: `https://api.github.com`, or that of the server.
        api: String,
    },
    /// Microsoft Entra.
    Microsoft {
        /// `https://login.microsoftonline.com`, or that of a national cloud.
        authority: String,
        /// The id of the one tenant whose people may sign in.
        tenant: String,
    },
    /// Any other provider that speaks OpenID Connect.
    Oidc {
        /// Its issuer, to the letter.
        issuer: String,
    },
}

/// A provider people may sign in with.
#[derive(Clone, PartialEq, Eq)]
pub struct Provider {
    /// Its name in addresses, such as `google`. It is a part of what accounts are known by: once accounts are
    /// linked it must stay.
    pub id: String,
    /// Its name on pages.
    pub name: String,
    /// What it speaks, and where.
    pub kind: ProviderKind,
    /// The desk's name at the provider.
    pub client_id: String,
    /// The desk's secret there.
    pub client_secret: String,
    /// What is asked for.
    pub scopes: Vec<String>,
    /// Domains whose mailboxes the provider itself gives out: its word that somebody holds one of those is as good
    /// as a code.
    pub authoritative: Vec<String>,
    /// Values of `acr` by which the provider says that a second factor was shown. None unless configured: then an
    /// account there is one factor.
    pub strong_acr: Vec<String>,
    /// Values of `amr`, likewise: one of them is enough.
    pub strong_amr: Vec<String>,
}

impl std::fmt::Debug for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Provider").field("id", &self.id).field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// A provider that cannot be used as it is configured.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the sign-in provider {id:?} {rule}")]
pub struct BadProvider {
    /// Which.
    pub id: String,
    /// What is allowed.
    pub rule: &'static str,
}

impl Provider {
    fn new(id: &str, name: &str, kind: ProviderKind, client_id: &str, client_secret: &str) -> Self {
        let scopes: &[&str] = match kind {
            ProviderKind::GitHub { .. } => &["read:user", "user:email"],
            _ => &["openid", "email", "profile"],
        };
        Self {
            id: id.to_owned(),
            name: name.to_owned(),
            kind,
            client_id: client_id.to_owned(),
            client_secret: client_secret.to_owned(),
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            authoritative: Vec::new(),
            strong_acr: Vec::new(),
            strong_amr: Vec::new(),
        }
    }

    /// Google. It gives out the mailboxes of `gmail.com`, so for those its word is enough. For a domain of a
    /// Workspace that is named besides it is only where the account belongs to that Workspace (the claim `hd`).
    pub fn google(client_id: &str, client_secret: &str) -> Self {
        let google = Self::new("google", "Google", ProviderKind::Google, client_id, client_secret);
        google.authoritative_for(GOOGLES_OWN)
    }

    /// GitHub.
    pub fn github(client_id: &str, client_secret: &str) -> Self {
        let (web, api) = ("https://github.com".to_owned(), "https://api.github.com".to_owned());
        Self::new("github", "GitHub", ProviderKind::GitHub { web, api }, client_id, client_secret)
    }

    /// Microsoft, for the people of one tenant.
    pub fn microsoft(tenant: &str, client_id: &str, client_secret: &str) -> Self {
        let authority = "https://login.microsoftonline.com".to_owned();
        let kind = ProviderKind::Microsoft { authority, tenant: tenant.to_owned() };
        Self::new("microsoft", "Microsoft", kind, client_id, client_secret)
    }

    /// Any other provider that speaks OpenID Connect.
    pub fn oidc(id: &str, name: &str, issuer: &str, client_id: &str, client_secret: &str) -> Self {
        let kind = ProviderKind::Oidc { issuer: issuer.to_owned() };
        Self::new(id, name, kind, client_id, client_secret)
    }

    /// The same provider, whose word is enough for mailboxes of these domains.
    #[must_use]
    pub fn authoritative_for<D: Into<String>>(mut self, domains: impl IntoIterator<Item = D>) -> Self {
        self.authoritative = domains.into_iter().map(|domain| domain.into().to_ascii_lowercase()).collect();
        self
    }

    /// The same provider, of which these values of `acr` or `amr` say that a second factor was shown.
    #[must_use]
    pub fn strong_by<T: Into<String>>(
        mut self,
        acr: impl IntoIterator<Item = T>,
        amr: impl IntoIterator<Item = T>,
    ) -> Self {
        self.strong_acr = acr.into_iter().map(Into::into).collect();
        self.strong_amr = amr.into_iter().map(Into::into).collect();
        self
    }

    /// Whether the provider says with these that a second factor was shown. What is absent says nothing.
    pub(super) fn is_strong<'a>(&self, acr: Option<&str>, mut amr: impl Iterator<Item = &'a str>) -> bool {
        let is_listed = |list: &[String], value: &str| list.iter().any(|known| known == value);
        acr.is_some_and(|acr| is_listed(&self.strong_acr, acr)) || amr.any(|amr| is_listed(&self.strong_amr, amr))
    }

    /// Who speaks for its accounts. It is configured, and never taken from an answer.
    pub fn issuer(&self) -> String {
        match &self.kind {
            ProviderKind::Google => "https://accounts.google.com".to_owned(),
            ProviderKind::GitHub { web, .. } => web.clone(),
            ProviderKind::Microsoft { authority, tenant } => format!("{authority}/{tenant}/v2.0"),
            ProviderKind::Oidc { issuer } => issuer.clone(),
        }
    }

    /// Whether its word that somebody holds this mailbox is as good as a code.
    pub(super) fn vouches_for(&self, email: &EmailAddress) -> bool {
        self.authoritative.contains(&email.domain())
    }

    /// Refuses what cannot work, or cannot be safe.
    pub fn check(&self) -> Result<(), BadProvider> {
        let bad = |rule| Err(BadProvider { id: self.id.clone(), rule });
        let is_id = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if !(1..=32).contains(&self.id.len()) || !self.id.bytes().all(is_id) {
            return bad("must have a name of 1 to 32 of a-z, 0-9 and hyphens");
        }
        if self.client_id.is_empty() || self.client_secret.is_empty() || self.name.is_empty() {
            return bad("must have a name for pages, a client id and a client secret");
        }
        let is_url = |text: &str| {
            let url = url::Url::parse(text);
            url.is_ok_and(|url| {
                let web = matches!(url.scheme(), "https" | "http") && url.host().is_some();
                web && url.query().is_none() && url.fragment().is_none() && url.username().is_empty()
            })
        };
        match &self.kind {
            ProviderKind::Microsoft { tenant, .. } if !is_guid(tenant) => {
                // `common` and the like let in everybody who can make a tenant, each with an issuer of its own.
                bad("must name one tenant by its id, such as 72f988bf-86f1-41af-91ab-2d7cd011db47")
            }
            ProviderKind::Microsoft { .. } | ProviderKind::GitHub { .. } if !self.authoritative.is_empty() => {
                bad("reports addresses of mailboxes that it does not give out, so it is authoritative for none")
            }
            ProviderKind::GitHub { .. } if !(self.strong_acr.is_empty() && self.strong_amr.is_empty()) => {
                bad("does not say how people signed in, so it vouches for no second factor")
            }
            _ if self.strong_acr.iter().chain(&self.strong_amr).any(String::is_empty) => {
                bad("must not take an empty value for a second factor")
            }
            ProviderKind::GitHub { api, .. } if !is_url(api) => bad("must have an address of its API"),
            _ if !is_url(&self.issuer()) => bad("must have an issuer that is an address without '?' and '#'"),
            _ => Ok(()),
        }
    }
}

fn is_guid(text: &str) -> bool {
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12] && text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sec_46_providers_that_cannot_be_safe_are_refused_at_the_start() {
        let tenant = "72f988bf-86f1-41af-91ab-2d7cd011db47";
        for good in [
            Provider::google("id", "secret"),
            Provider::github("id", "secret"),
            Provider::microsoft(tenant, "id", "secret"),
            Provider::oidc("acme", "Acme", "https://id.acme.example/realm", "id", "secret")
                .authoritative_for(["Acme.example"]),
        ] {
            assert_eq!(good.check(), Ok(()), "{good:?}");
        }
        for bad in [
            Provider::microsoft("common", "id", "secret"),
            Provider::microsoft("organizations", "id", "secret"),
            Provider::microsoft(tenant, "id", "secret").authoritative_for(["acme.example"]),
            Provider::github("id", "secret").authoritative_for(["acme.example"]),
            Provider::oidc("Acme", "Acme", "https://id.acme.example", "id", "secret"),
            Provider::oidc("acme", "Acme", "id.acme.example", "id", "secret"),
            Provider::oidc("acme", "Acme", "https://id.acme.example/?x=1", "id", "secret"),
            Provider::oidc("acme", "Acme", "https://id.acme.example", "id", ""),
        ] {
            assert!(bad.check().is_err(), "{bad:?}");
        }
        assert!(
            !format!("{:?}", Provider::google("id", "hush-hush")).contains("hush"),
            "secrets do not show themselves"
        );
    }

    #[test]
    fn sec_86_what_a_provider_does_not_say_in_configured_words_is_one_factor() {
        let plain = Provider::oidc("acme", "Acme", "https://id.acme.example", "id", "secret");
        let strong = plain.clone().strong_by(["urn:acme:gold"], ["mfa", "hwk"]);
        for (acr, amr, is_strong) in [
            (None, vec![], false),
            (Some("urn:acme:gold"), vec![], true),
            (Some("urn:acme:gold "), vec![], false),
            (Some("mfa"), vec![], false),
            (Some("urn:acme:silver"), vec!["pwd"], false),
            (Some("0"), vec!["pwd", "hwk"], true),
            (None, vec!["MFA"], false),
            (None, vec![""], false),
        ] {
            assert_eq!(strong.is_strong(acr, amr.iter().copied()), is_strong, "{acr:?} {amr:?}");
            assert!(!plain.is_strong(acr, amr.iter().copied()), "nothing is configured: {acr:?} {amr:?}");
        }
        assert!(plain.strong_by([""], []).check().is_err());
        assert!(Provider::github("id", "secret").strong_by([], ["mfa"]).check().is_err());
    }

    #[test]
    fn sec_47_a_provider_vouches_for_its_own_domains_only() {
        let google = Provider::google("id", "secret");
        let email = |text| EmailAddress::parse("email", text).expect("an address");
        assert!(google.vouches_for(&email("ada@GMAIL.com")));
        for other in ["ada@acme.example", "ada@mail.gmail.com", "ada@gmail.com.evil.example", "ada@notgmail.com"] {
            assert!(!google.vouches_for(&email(other)), "{other}");
        }
    }
}
