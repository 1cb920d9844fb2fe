//! What this crate reads from outside, by itself: for the fuzz targets, which try it with anything at all.

use std::net::IpAddr;

use axum::body::Body;
use axum::extract::Request;
use connect_core::attachment::FileName;
use http::HeaderMap;
use http::header::CONTENT_TYPE;

use crate::Network;
use crate::extract::upload::Files;

/// The value of the cookie of this name.
pub fn cookie<'h>(name: &str, headers: &'h HeaderMap) -> Option<&'h str> {
    crate::extract::named_cookie(name, headers)
}

/// Whom a request comes from.
pub fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    crate::middleware::client_address(peer, headers, trusted)
}

/// The safe HTML of a text in Markdown.
pub fn html(text: &str) -> String {
    crate::markdown::html(text)
}

/// A cell of the journal as a table.
pub fn cell(text: &str) -> String {
    crate::api::audit::csv::cell(text)
}

/// The names and sizes of the files in a form, or the status it is refused with.
pub async fn files(boundary: &str, form: Vec<u8>, limit: u64) -> Result<Vec<(FileName, usize)>, u16> {
    let kind = format!("multipart/form-data; boundary={boundary}");
    let request = Request::builder().header(CONTENT_TYPE, kind).body(Body::from(form)).map_err(|_| 400_u16)?;
    let mut files = Files::open(&(), request, limit).await.map_err(|problem| problem.status.as_u16())?;
    let mut found = Vec::new();
    while let Some(field) = files.next().await.map_err(|problem| problem.status.as_u16())? {
        let name = FileName::clean(field.file_name().unwrap_or_default());
        let content = field.bytes().await.map_err(|error| error.status().as_u16())?;
        found.push((name, content.len()));
    }
    Ok(found)
}
