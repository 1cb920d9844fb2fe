//! The query of a URL, strictly.

use axum::extract::FromRequestParts;
use http::request::Parts;
use serde::de::DeserializeOwned;

use super::strict;
use crate::app::App;
use crate::problem::Problem;

/// The query as a certain shape. Unknown and repeated names are refused.
pub(crate) struct Params<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<App> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        strict::form(parts.uri.query().unwrap_or_default().as_bytes()).map(Self)
    }
}
