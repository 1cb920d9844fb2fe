//! Typed ids: a UUID of version 7 behind a prefix that names the kind, such as
//! `tkt_01jd8v3k6qf2m9x7c5b4n8h0wz`.
//!
//! The text is the 128 bits in Crockford's base 32, lower case, 26 characters, so it sorts as the id
//! does: by time of creation. An id is not a secret: it tells when it was made.

use std::sync::{Mutex, PoisonError};

use crate::{Clock, Random};

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const TEXT_LEN: usize = 26;

/// A text that is not an id of the expected kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id of the form {prefix}_ followed by 26 characters")]
pub struct NotAnId {
    /// The prefix that was expected.
    pub prefix: &'static str,
}

fn encode(prefix: &str, value: u128) -> String {
    let mut text = String::with_capacity(prefix.len() + 1 + TEXT_LEN);
    text.push_str(prefix);
    text.push('_');
    for place in (0..TEXT_LEN).rev() {
        let digit = (value >> (place * 5)) & 31;
        text.push(char::from(ALPHABET[usize::try_from(digit).unwrap_or(0)]));
    }
    text
}

fn decode(prefix: &'static str, text: &str) -> Result<u128, NotAnId> {
    let digits = text
        .strip_prefix(prefix)
        .and_then(|rest| rest.strip_prefix('_'))
        .filter(|digits| digits.len() == TEXT_LEN)
        .ok_or(NotAnId { prefix })?;
    let mut value: u128 = 0;
    for (place, byte) in digits.bytes().enumerate() {
        let digit = ALPHABET.iter().position(|known| *known == byte).ok_or(NotAnId { prefix })?;
        // 26 digits hold 130 bits: the first may use only three of its five.
        if place == 0 && digit > 7 {
            return Err(NotAnId { prefix });
        }
        value = (value << 5) | digit as u128;
    }
    Ok(value)
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u128);

        impl $name {
            /// What the text form begins with, before the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// The id that holds these 128 bits.
            pub const fn from_bits(bits: u128) -> Self {
                Self(bits)
            }

            /// The 128 bits.
            pub const fn bits(self) -> u128 {
                self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&encode($prefix, self.0))
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(self, f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = NotAnId;
            fn from_str(text: &str) -> Result<Self, NotAnId> {
                decode($prefix, text).map(Self)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&encode($prefix, self.0))
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )+};
}

ids! {
    /// A tenant.
    WorkspaceId = "wsp";
    /// A person who signs in, across workspaces.
    UserId = "usr";
    /// A person who asks for help, in one workspace.
    ContactId = "ctc";
    /// One matter.
    TicketId = "tkt";
    /// A reply or a note.
    MessageId = "msg";
    /// One fact of the journal.
    EventId = "evt";
    /// One outgoing copy to one recipient.
    DeliveryId = "dlv";
    /// A tag of a workspace.
    LabelId = "lbl";
    /// An invitation to become a member.
    InvitationId = "inv";
    /// A signed-in browser or program.
    SessionId = "ses";
    /// A sign-in code that was asked for.
    ChallengeId = "chl";
    /// A browser that is known again.
    DeviceId = "dev";
    /// Members who share tickets.
    TeamId = "tea";
    /// A named set of permissions.
    RoleId = "rol";
    /// A file that a message carries.
    AttachmentId = "att";
    /// A key by which a program acts for its owner.
    ApiKeyId = "key";
    /// A key of a device, which signs a user in.
    PasskeyId = "psk";
    /// An address of another system that is told of what happens.
    WebhookId = "whk";
    /// A mail domain of a workspace.
    DomainId = "dom";
    /// A device that is sent messages.
    PushDeviceId = "psh";
    /// An address that nothing is mailed to.
    SuppressionId = "sup";
    /// An answer that waits until it can be taken back no more.
    HeldReplyId = "hld";
}

impl WorkspaceId {
    /// The partition that holds what belongs to no tenant: users, and the journal of signing in.
    ///
    /// No [`crate::Access`] is ever made for it.
    pub const DIRECTORY: Self = Self::from_bits(0);
}

/// Makes ids: time-ordered, unguessable in their last 62 bits, and strictly rising within a process,
/// so that two messages of one millisecond keep their order.
#[derive(Debug)]
pub struct Ids {
    clock: std::sync::Arc<dyn Clock>,
    random: std::sync::Arc<dyn Random>,
    last: Mutex<(u64, u16)>,
}

impl Ids {
    /// A source that takes time and randomness from here.
    pub fn new(clock: std::sync::Arc<dyn Clock>, random: std::sync::Arc<dyn Random>) -> Self {
        Self { clock, random, last: Mutex::new((0, 0)) }
    }

    /// The 128 bits of the next id (RFC 9562, version 7, with a counter in `rand_a`).
    pub fn next_bits(&self) -> u128 {
        let mut random = [0_u8; 10];
        self.random.fill(&mut random);
        let now = u64::try_from(self.clock.now().as_micros() / 1000).unwrap_or(0);
        let (milliseconds, counter) = {
            let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
            *last = if now > last.0 {
                // The counter starts low, so that it has room to rise within the millisecond.
                (now, u16::from_be_bytes([random[0], random[1]]) & 0x03ff)
            } else if last.1 < 0x0fff {
                (last.0, last.1 + 1)
            } else {
                (last.0 + 1, 0)
            };
            *last
        };
        random[0] = (counter >> 8) as u8;
        random[1] = (counter & 0xff) as u8;
        uuid::Builder::from_unix_timestamp_millis(milliseconds, &random).into_uuid().as_u128()
    }
}

macro_rules! makers {
    ($($method:ident -> $name:ident;)+) => {
        impl Ids {$(
            #[doc = concat!("A new [`", stringify!($name), "`].")]
            pub fn $method(&self) -> $name {
                $name::from_bits(self.next_bits())
            }
        )+}
    };
}

makers! {
    workspace -> WorkspaceId;
    user -> UserId;
    contact -> ContactId;
    ticket -> TicketId;
    message -> MessageId;
    event -> EventId;
    delivery -> DeliveryId;
    label -> LabelId;
    team -> TeamId;
    role -> RoleId;
    invitation -> InvitationId;
    session -> SessionId;
    challenge -> ChallengeId;
    device -> DeviceId;
    attachment -> AttachmentId;
    api_key -> ApiKeyId;
    passkey -> PasskeyId;
    domain -> DomainId;
    webhook -> WebhookId;
    push_device -> PushDeviceId;
    suppression -> SuppressionId;
    held_reply -> HeldReplyId;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ManualClock, SeededRandom};
    use std::sync::Arc;

    #[test]
    fn text_form_reads_back_and_sorts_as_the_id_does() {
        let ids = Ids::new(Arc::new(ManualClock::default()), Arc::new(SeededRandom::new(1)));
        let made: Vec<TicketId> = (0..5000).map(|_| ids.ticket()).collect();
        for pair in made.windows(2) {
            assert!(pair[0] < pair[1], "ids rise within a process");
            assert!(pair[0].to_string() < pair[1].to_string(), "and so do their texts");
        }
        assert_eq!(made[7].to_string().parse::<TicketId>(), Ok(made[7]));
    }

    #[test]
    fn what_is_not_an_id_is_refused() {
        for text in [
            "",
            "tkt_",
            "usr_00000000000000000000000000",
            "tkt_80000000000000000000000000",
            "tkt_0000000000000000000000000u",
            "TKT_00000000000000000000000000",
        ] {
            assert!(text.parse::<TicketId>().is_err(), "{text}");
        }
    }
}
