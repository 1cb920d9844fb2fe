//! The outcomes of a service call that are not a success.

use std::time::Duration;

use crate::store::{BlobError, Quota};
use crate::ticket::Ticket;
use crate::{FieldError, StoreError};

/// A result of a service.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A quota that is spent. Only quotas of the caller's own are told: one that others can spend for somebody,
/// such as that of mail to an address, mutes and says nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spent {
    /// The name of the quota.
    pub policy: String,
    /// How much there may be.
    pub quota: Quota,
}

/// Why a service did not do what was asked. Every variant is something a caller can act on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What was asked is malformed; each field is named.
    #[error("invalid: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Invalid(Vec<FieldError>),
    /// There is no such thing in this workspace, or it is not for the caller to know.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// The caller may not do this.
    #[error("not allowed: {0}")]
    Forbidden(&'static str),
    /// The person has to prove once more who they are: it was too long ago for this.
    #[error("this needs a code that was entered in the last ten minutes")]
    StepUpRequired,
    /// The person has a second factor and has not shown it, or too long ago for this.
    #[error("show your second factor first")]
    SecondFactorRequired,
    /// The workspace lets nobody of its team in without a second factor.
    #[error("this workspace asks for a second factor: set one up, then come in with it")]
    SecondFactorEnrolmentRequired,
    /// The rules of the desk refuse it in the present state.
    #[error("{detail}")]
    Refused {
        /// Stable word for programs.
        code: &'static str,
        /// A sentence for people.
        detail: String,
    },
    /// The caller named a version that is no longer the present one.
    #[error("the ticket has changed since version {seen}")]
    VersionMismatch {
        /// The version the caller named.
        seen: crate::Version,
        /// The ticket as it is now.
        current: Box<Ticket>,
    },
    /// The caller named a version of a record that is no longer the present one.
    #[error("it has changed since: it is now at version {current}")]
    RecordMismatch {
        /// The present version.
        current: crate::Version,
    },
    /// The value is taken by something else.
    #[error("{field} is taken")]
    Taken {
        /// The field whose value is taken.
        field: &'static str,
    },
    /// The idempotency key was used for another request.
    #[error("this idempotency key was used for another request")]
    KeyReused,
    /// More content than is taken.
    #[error("at most {limit} bytes are taken")]
    TooLarge {
        /// The most there may be.
        limit: u64,
    },
    /// The content that was sent ended before its end. Nothing of it is kept.
    #[error("the content did not arrive whole")]
    CutOff,
    /// Too much in a while.
    #[error("too many requests")]
    RateLimited {
        /// When to try again.
        retry_after: Duration,
        /// The quota of the caller's own that is spent.
        spent: Spent,
    },
    /// Something the desk needs does not answer; trying again later is right.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// The connection broke while committing: done or not done is unknown. With an idempotency key the
    /// same call tells.
    #[error("the outcome is unknown: repeat the call with its idempotency key")]
    Unknown,
    /// Others keep changing the same thing; trying again is right.
    #[error("too many changes at once")]
    Contended,
    /// A fault in Connect or in its data.
    #[error("internal: {0}")]
    Internal(String),
}

impl Error {
    /// One field that is wrong.
    pub fn invalid(field: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldError::new(field, code, detail)])
    }

    /// A refusal by rule.
    pub fn refused(code: &'static str, detail: impl Into<String>) -> Self {
        Self::Refused { code, detail: detail.into() }
    }
}

impl From<FieldError> for Error {
    fn from(error: FieldError) -> Self {
        Self::Invalid(vec![error])
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(cause) => Self::Unavailable(cause.to_string()),
            StoreError::Corrupt(what) => Self::Internal(format!("stored data does not read: {what}")),
        }
    }
}

impl From<BlobError> for Error {
    fn from(error: BlobError) -> Self {
        match error {
            BlobError::Missing => Self::NotFound("attachment"),
            BlobError::TooLarge { limit } => Self::TooLarge { limit },
            BlobError::CutOff(_) => Self::CutOff,
            BlobError::Store(error) => error.into(),
            // Ranges are checked against the record, so content of another size was altered.
            error @ (BlobError::Altered | BlobError::OutOfRange { .. }) => Self::Internal(error.to_string()),
        }
    }
}
