//! For whom there is room. Strangers can ask for any number of codes for an address, so what they use up must not be
//! what others need.

use connect_core::{Result, UserId};

use crate::auth::Auth;
use crate::guesser::Guesser;

/// How many ranks there are.
pub(crate) const RANKS: u32 = 4;

/// For what a code is made. Each has room of its own for live codes, which none before it can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rank {
    /// For nothing: no mail carries it, and it only looks like a code.
    Muted,
    /// For a stranger, within the share of the address.
    Stranger,
    /// For somebody who has done work for it.
    Paid,
    /// For a browser that is known for the account, or a person who is signed in to it.
    Known,
}

impl Rank {
    /// At how many live codes of the address there is no room for one more of this rank.
    pub(crate) fn cap(self, live_codes: u32) -> u32 {
        let rooms = match self {
            Self::Muted => 1,
            Self::Stranger => 2,
            Self::Paid => 3,
            Self::Known => RANKS,
        };
        live_codes.saturating_mul(rooms)
    }

    /// From which of the desk's shares of mail one is taken. What will not leave is counted apart, else one muted
    /// address could use up everybody's mail.
    fn purse(self) -> &'static str {
        match self {
            Self::Muted => "mail:muted",
            Self::Stranger | Self::Paid => STRANGERS_MAIL,
            Self::Known => "mail:known",
        }
    }
}

/// What the mails are counted under that strangers ask for.
pub(crate) const STRANGERS_MAIL: &str = "mail:all";

impl Auth {
    /// Counts a code that is asked for, and answers its rank. `person` is who is signed in to the account.
    pub(crate) async fn rank(&self, guesser: &Guesser, person: Option<UserId>, paid: bool) -> Result<Rank> {
        let quotas = &self.inner.settings.quotas;
        let is_known = guesser.is_known() || person.is_some();
        let sender = match person.filter(|_| !guesser.is_known()) {
            Some(person) => format!("user:{person}"),
            None => guesser.sends(),
        };
        // All are asked, so that the work is the same whatever they say.
        let short = self.take(format!("send:{sender}"), quotas.sends_per_address).await?.allowed;
        let day = self.take(format!("send-day:{sender}"), quotas.sends_per_address_a_day).await?.allowed;
        // Work is cheap to whoever has many machines, and a mailbox must not be filled by it either.
        let paid = paid && self.take(format!("send-paid:{sender}"), quotas.paid_sends_per_address).await?.allowed;
        let rank = match (short && day, paid) {
            (false, false) => Rank::Muted,
            _ if is_known => Rank::Known,
            (true, _) => Rank::Stranger,
            (false, true) => Rank::Paid,
        };
        let desk_wide = self.take(rank.purse().to_owned(), quotas.mails).await?.allowed;
        Ok(if desk_wide { rank } else { Rank::Muted })
    }
}
