use axum::body::Body;
use axum::extract::{FromRequestParts, RawPathParams, Request, State};
use axum::response::{IntoResponse, Response};
use connect_auth::{AttachmentLink, Client};
use connect_core::{Access, AttachmentId, Error};
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, ETAG, X_CONTENT_TYPE_OPTIONS,
};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde::Deserialize;

use super::content::{Asked, asked, disposition, etag, media_type};
use crate::app::App;
use crate::extract::{Params, Scope};
use crate::problem::Problem;

/// What the content of an attachment may do in a browser: be looked at.
const IN_A_SANDBOX: &str = "default-src 'none'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'; sandbox";

/// What a signed link carries.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Query {
    expires: Option<u64>,
    signature: Option<String>,
}

/// `GET …/attachments/{attachment}`: for somebody who may see its message, or by a signed link.
pub(crate) async fn handle(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let (mut parts, _) = request.into_parts();
    let is_signed = parts.uri.query().is_some_and(|query| query.contains("signature="));
    if is_signed {
        let (access, id) = by_link(&app, &mut parts).await?;
        return respond(&app, &access, id, &parts.method, &parts.headers).await;
    }
    let scope = Scope::from_request_parts(&mut parts, &app).await?;
    Params::<Query>::from_request_parts(&mut parts, &app).await?;
    let id = scope.id("attachment", "attachment")?;
    respond(&app, &scope.access, id, &parts.method, &parts.headers).await
}

/// The access of a signed link. Whatever is wrong with it, there is no such attachment.
async fn by_link(app: &App, parts: &mut Parts) -> Result<(Access, AttachmentId), Problem> {
    let missing = || Problem::from(Error::NotFound("attachment"));
    let client = parts.extensions.get::<Client>().cloned().unwrap_or_default();
    app.auth().count_request(client.quota_key()).await?;
    let Params(query) = Params::<Query>::from_request_parts(parts, app).await.map_err(|_| missing())?;
    let params = RawPathParams::from_request_parts(parts, app).await.map_err(|_| missing())?;
    let segment = |name: &str| params.iter().find(|(known, _)| *known == name).map(|(_, value)| value.to_owned());
    let workspace = segment("workspace").ok_or_else(missing)?;
    let id = segment("attachment").and_then(|text| text.parse().ok()).ok_or_else(missing)?;
    let (Some(expires), Some(signature)) = (query.expires, query.signature) else { return Err(missing()) };
    let link = AttachmentLink { expires, signature };
    Ok((app.auth().follow_attachment_link(&workspace, id, &link).await?, id))
}

/// The content as a response. It is shown as what the desk found it to be, in a sandbox, and never run.
pub(crate) async fn respond(
    app: &App,
    access: &Access,
    id: AttachmentId,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let attachments = app.desk().attachments(access);
    let attachment = attachments.get(id).await?;
    let asked = if method == Method::HEAD { Asked::Whole } else { asked(headers, &attachment) };
    let size = attachment.size;
    let (status, length, range) = match asked {
        Asked::Whole => (StatusCode::OK, size, None),
        Asked::Part(range) => (StatusCode::PARTIAL_CONTENT, range.end - range.start, Some(range)),
        Asked::Nothing => {
            let detail = format!("there are {size} bytes");
            let mut response = Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, "out_of_range", detail).into_response();
            set(response.headers_mut(), CONTENT_RANGE, &format!("bytes */{size}"));
            return Ok(response);
        }
    };
    let part = range.as_ref().map(|range| format!("bytes {}-{}/{size}", range.start, range.end - 1));
    let body = if method == Method::HEAD {
        Body::empty()
    } else {
        // Altered content ends with an error, which breaks the connection before the promised length.
        Body::from_stream(attachments.open(id, range).await?.1)
    };
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_TYPE, media_type(attachment.content_type)),
        (CONTENT_DISPOSITION, disposition(attachment.content_type, &attachment.name).as_str()),
        (CONTENT_LENGTH, length.to_string().as_str()),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CONTENT_SECURITY_POLICY, IN_A_SANDBOX),
        (CACHE_CONTROL, "private, no-store"),
        (ETAG, etag(&attachment).as_str()),
        (ACCEPT_RANGES, "bytes"),
    ] {
        set(headers, name, value);
    }
    if let Some(part) = part {
        set(headers, CONTENT_RANGE, &part);
    }
    Ok(response)
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    // All of these are made of ASCII by construction.
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
