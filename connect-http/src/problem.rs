//! The one place where outcomes become responses: problem details of RFC 9457.

use axum::response::{IntoResponse, Response};
use connect_auth::SignInError;
use connect_core::{Error, FieldError, Spent, StoreError};
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::{Value, json};

/// The type of problem that the draft of the `RateLimit` headers (draft-ietf-httpapi-ratelimit-headers) defines.
const QUOTA_EXCEEDED: &str = "https://iana.org/assignments/http-problem-types#quota-exceeded";

/// Something other than success, as a response.
#[derive(Debug, Clone)]
pub struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) detail: String,
    pub(crate) errors: Vec<FieldError>,
    pub(crate) current: Option<Value>,
    pub(crate) retry_after: Option<u64>,
    pub(crate) remaining: Option<u32>,
    /// The action of the matrix of roles that was not allowed.
    pub(crate) denied: Option<&'static str>,
    pub(crate) spent: Option<Spent>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            code,
            detail: detail.into(),
            errors: Vec::new(),
            current: None,
            retry_after: None,
            remaining: None,
            denied: None,
            spent: None,
        }
    }

    pub(crate) fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", "sign in first")
    }

    /// A key was shown that is not good here; why is not told.
    pub(crate) fn bad_key() -> Self {
        let detail = "this API key is not good: it was mistyped, has ended, was revoked, or may not be used from here";
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
    }

    /// A token for a widget was shown that is not good here; why is not told.
    pub(crate) fn bad_token() -> Self {
        let detail = "this token is not good here: ask the application that it comes from for another one";
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
    }

    pub(crate) fn invalid(errors: Vec<FieldError>) -> Self {
        let problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "some fields cannot be accepted");
        Self { errors, ..problem }
    }

    pub(crate) fn unavailable(code: &'static str, detail: impl Into<String>, seconds: u64) -> Self {
        Self { retry_after: Some(seconds), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail) }
    }

    /// The body, for a request of this id.
    pub(crate) fn body(&self, request_id: &str) -> Value {
        let mut body = json!({
            "type": "about:blank",
            "title": self.status.canonical_reason().unwrap_or("Error"),
            "status": self.status.as_u16(),
            "code": self.code,
            "detail": self.detail,
            "request_id": request_id,
        });
        if !self.errors.is_empty() {
            let errors = self.errors.iter().map(|e| json!({"field": e.field, "code": e.code, "detail": e.detail}));
            body["errors"] = errors.collect();
        }
        if let Some(current) = &self.current {
            body["current"] = current.clone();
        }
        if let Some(remaining) = self.remaining {
            body["attempts_remaining"] = remaining.into();
        }
        if let Some(spent) = &self.spent {
            body["type"] = QUOTA_EXCEEDED.into();
            body["title"] = "Request cannot be satisfied as assigned quota has been exceeded".into();
            body["violated-policies"] = json!([spent.policy]);
        }
        body
    }

    /// Adds the headers that tell when to try again, and after which quota.
    pub(crate) fn add_headers(&self, headers: &mut HeaderMap) {
        let Some(seconds) = self.retry_after else { return };
        headers.insert(RETRY_AFTER, seconds.into());
        let Some(Spent { policy, quota }) = &self.spent else { return };
        for (name, value) in [
            ("ratelimit", format!("\"{policy}\";r=0;t={seconds}")),
            ("ratelimit-policy", format!("\"{policy}\";q={};w={}", quota.limit, quota.window.as_secs())),
        ] {
            // Names of quotas are plain ASCII.
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(name, value);
            }
        }
    }
}

impl IntoResponse for Problem {
    /// The response without its body: the outermost layer, which knows the request's id and whether a
    /// page or a program asked, writes it from the problem among the extensions.
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        self.add_headers(response.headers_mut());
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        response.extensions_mut().insert(self);
        response
    }
}

impl From<FieldError> for Problem {
    fn from(error: FieldError) -> Self {
        Self::invalid(vec![error])
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Error::from(error).into()
    }
}

impl From<SignInError> for Problem {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::NotRight { remaining } => {
                let detail = "the code is not right, or no longer so";
                Self { remaining, ..Self::new(StatusCode::UNAUTHORIZED, "code_not_right", detail) }
            }
            SignInError::Other(error) => error.into(),
        }
    }
}

#[cfg(feature = "passkeys")]
impl From<connect_auth::passkey::PasskeyError> for Problem {
    fn from(error: connect_auth::passkey::PasskeyError) -> Self {
        use connect_auth::passkey::PasskeyError;
        match error {
            PasskeyError::Refused => {
                Self::new(StatusCode::UNAUTHORIZED, "passkey_refused", "the passkey was not accepted")
            }
            PasskeyError::Other(error) => error.into(),
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let text = error.to_string();
        match error {
            Error::Invalid(errors) => Self::invalid(errors),
            Error::NotFound(_) => Self::new(StatusCode::NOT_FOUND, "not_found", text),
            Error::Forbidden(action) => {
                Self { denied: Some(action), ..Self::new(StatusCode::FORBIDDEN, "forbidden", text) }
            }
            Error::StepUpRequired => Self::new(StatusCode::FORBIDDEN, "step_up_required", text),
            Error::SecondFactorRequired => Self::new(StatusCode::UNAUTHORIZED, "second_factor_required", text),
            Error::SecondFactorEnrolmentRequired => {
                Self::new(StatusCode::FORBIDDEN, "second_factor_enrolment_required", text)
            }
            Error::Refused { code, detail } => Self::new(StatusCode::CONFLICT, code, detail),
            Error::VersionMismatch { current, .. } => {
                let current = crate::api::ticket::shape::bare(&current);
                let problem = Self::new(StatusCode::PRECONDITION_FAILED, "version_mismatch", text);
                Self { current: Some(current), ..problem }
            }
            Error::RecordMismatch { current } => {
                let problem = Self::new(StatusCode::PRECONDITION_FAILED, "version_mismatch", text);
                Self { current: Some(json!({"version": current})), ..problem }
            }
            Error::Taken { field } => {
                let errors = vec![FieldError::new(field, "taken", "is taken")];
                Self { errors, ..Self::new(StatusCode::CONFLICT, "taken", text) }
            }
            Error::KeyReused => Self::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused", text),
            Error::TooLarge { .. } => Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", text),
            Error::CutOff => Self::new(StatusCode::BAD_REQUEST, "bad_body", text),
            Error::RateLimited { retry_after, spent } => {
                // Rounded up: whoever comes back when told is let in.
                let seconds = retry_after.as_secs() + u64::from(retry_after.subsec_nanos() > 0);
                let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", text);
                Self { retry_after: Some(seconds.max(1)), spent: Some(spent), ..problem }
            }
            Error::Unavailable(cause) => {
                tracing::warn!(%cause, "unavailable");
                Self::unavailable("unavailable", "the desk cannot do this now; try again", 2)
            }
            Error::Unknown => Self::unavailable("outcome_unknown", text, 1),
            Error::Contended => Self::unavailable("contended", text, 1),
            Error::Internal(cause) => {
                tracing::error!(%cause, "a fault of the desk");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "something is wrong with the desk itself")
            }
        }
    }
}
