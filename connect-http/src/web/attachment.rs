//! The files of messages on pages: shown as links, and brought by forms.

use axum::extract::multipart::Field;
use axum::extract::{FromRequest, Request, State};
use axum::response::Response;
use connect_core::attachment::{Attachment, AttachmentRef, MAX_PER_MESSAGE};
use connect_core::{Access, AttachmentId, Error, FieldError};
use http::{HeaderMap, Method, StatusCode};
use serde::de::DeserializeOwned;

use super::form::Form;
use super::page::Member;
use crate::api::attachment::read::respond;
use crate::app::App;
use crate::extract::strict_form;
use crate::extract::upload::{Files, is_multipart, keep};
use crate::problem::Problem;

/// How many times the largest attachment the files of one form may have together.
const FILES_OF_A_FORM: u64 = 4;

/// `GET /{workspace}/attachments/{attachment}`: as below the API, but errors are pages.
pub(super) async fn read(
    State(app): State<App>,
    Member(scope): Member,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let id = scope.id("attachment", "attachment")?;
    respond(&app, &scope.access, id, &method, &headers).await
}

/// A file of a message as it is shown.
pub(super) struct FileLink {
    pub(super) href: String,
    pub(super) name: String,
    pub(super) size: String,
}

impl FileLink {
    pub(super) fn new(app: &App, access: &Access, file: &AttachmentRef) -> Self {
        let slug = &access.workspace().slug;
        Self {
            href: format!("{}/{slug}/attachments/{}", app.base(), file.id),
            name: file.name.to_string(),
            size: size(file.size),
        }
    }
}

fn size(bytes: u64) -> String {
    const UNIT: u64 = 1024;
    match bytes {
        0..UNIT => format!("{bytes} bytes"),
        UNIT..1_048_576 => format!("{} KB", bytes.div_ceil(UNIT)),
        _ => format!("{}.{} MB", bytes / 1_048_576, bytes % 1_048_576 * 10 / 1_048_576),
    }
}

/// Files that were uploaded with a form that could not be taken. They go along when it is sent again, so
/// nobody has to choose them anew.
#[derive(Default)]
pub(super) struct Kept {
    pub(super) ids: String,
    pub(super) names: Vec<String>,
}

/// A form and the files that came with it, which are uploaded already.
pub(super) struct Posted<T> {
    pub(super) value: T,
    pub(super) files: Vec<Attachment>,
    /// Why a file was not taken.
    pub(super) refused: Option<Problem>,
}

impl<T> Posted<T> {
    pub(super) fn ids(&self) -> Vec<AttachmentId> {
        self.files.iter().map(|file| file.id).collect()
    }

    /// What the files are: the same files sent twice are the same request, whatever ids they got.
    pub(super) fn said(&self) -> String {
        self.files.iter().flat_map(|file| [file.sha256.as_str(), " ", file.name.as_str(), "\n"]).collect()
    }

    pub(super) fn kept(&self) -> Kept {
        let ids: Vec<String> = self.files.iter().map(|file| file.id.to_string()).collect();
        Kept { ids: ids.join(" "), names: self.files.iter().map(|file| file.name.to_string()).collect() }
    }

    /// Refuses the form if one of its files was.
    pub(super) fn check(&self) -> Result<(), Problem> {
        self.refused.clone().map_or(Ok(()), Err)
    }
}

/// Reads a form that may bring files, in whichever way it is sent, and uploads them. A form that does not
/// arrive whole leaves none of them.
pub(super) async fn posted<T: DeserializeOwned>(
    app: &App,
    access: &Access,
    request: Request,
) -> Result<Posted<T>, Problem> {
    if !is_multipart(request.headers()) {
        let Form(value) = Form::from_request(request, app).await?;
        return Ok(Posted { value, files: Vec::new(), refused: None });
    }
    let mut reading = Reading { app, access, texts: Vec::new(), room: app.settings().max_body, new: Vec::new() };
    let read = async {
        let refused = reading.parts(request).await?;
        let value = reading.value()?;
        Ok((value, refused))
    };
    let read: Result<(T, Option<Problem>), Problem> = read.await;
    match read {
        Ok((value, refused)) => {
            let (kept, gone) = reading.kept().await?;
            let files = kept.into_iter().chain(reading.new).collect();
            Ok(Posted { value, files, refused: refused.or(gone) })
        }
        Err(problem) => {
            for file in &reading.new {
                // What cannot be removed now is swept after a day.
                let _ = app.desk().attachments(access).discard(file.id).await;
            }
            Err(problem)
        }
    }
}

/// A form that is being read.
struct Reading<'a> {
    app: &'a App,
    access: &'a Access,
    texts: Vec<(String, String)>,
    /// How many bytes of text may still come.
    room: usize,
    new: Vec<Attachment>,
}

impl Reading<'_> {
    /// Reads all parts, or up to a file that is refused; forms have their files behind what is typed.
    async fn parts(&mut self, request: Request) -> Result<Option<Problem>, Problem> {
        let limit = self.app.desk().settings().attachment_limit.saturating_mul(FILES_OF_A_FORM);
        let limit = limit.saturating_add(self.room as u64);
        let _place = self.app.upload_slot(self.access)?;
        let mut parts = Files::open(self.app, request, limit).await?;
        while let Some(field) = parts.next().await? {
            let name = field.name().unwrap_or_default().to_owned();
            if name != "files" {
                let text = self.text(field).await?;
                self.texts.push((name, text));
                continue;
            }
            // A browser sends a part without a name and content where no file was chosen.
            if field.file_name().is_none_or(str::is_empty) {
                continue;
            }
            if self.new.len() == MAX_PER_MESSAGE {
                let detail = format!("may be at most {MAX_PER_MESSAGE}");
                return Ok(Some(FieldError::new("files", "too_many", detail).into()));
            }
            match keep(field, &self.app.desk().attachments(self.access)).await {
                Ok(file) => self.new.push(file),
                Err(problem) if problem.status == StatusCode::BAD_REQUEST => return Err(problem),
                Err(problem) => return Ok(Some(problem)),
            }
        }
        Ok(None)
    }

    async fn text(&mut self, mut field: Field<'_>) -> Result<String, Problem> {
        let broken = |_| Problem::new(StatusCode::BAD_REQUEST, "bad_body", "the form did not arrive whole");
        let mut bytes = Vec::new();
        while let Some(piece) = field.chunk().await.map_err(broken)? {
            self.room = self.room.checked_sub(piece.len()).ok_or_else(|| {
                Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "there is too much text in the form")
            })?;
            bytes.extend_from_slice(&piece);
        }
        String::from_utf8(bytes).map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "bad_body", "the form is not UTF-8"))
    }

    /// The form without its files, read as strictly as any.
    fn value<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        let mut pairs = url::form_urlencoded::Serializer::new(String::new());
        pairs.extend_pairs(self.texts.iter().filter(|(name, _)| name != "kept"));
        strict_form(pairs.finish().as_bytes())
    }

    /// The files that came with an earlier sending of the form, and what is wrong with them.
    async fn kept(&self) -> Result<(Vec<Attachment>, Option<Problem>), Problem> {
        let texts = self.texts.iter().filter(|(name, _)| name == "kept").map(|(_, text)| text);
        let ids = texts.flat_map(|text| text.split_whitespace()).take(MAX_PER_MESSAGE + 1);
        let (mut kept, mut gone) = (Vec::new(), None);
        for id in ids {
            let found = match id.parse::<AttachmentId>() {
                Ok(id) => self.app.desk().attachments(self.access).get(id).await,
                Err(_) => Err(Error::NotFound("attachment")),
            };
            match found {
                Ok(file) => kept.push(file),
                Err(Error::NotFound(_)) => {
                    let detail = "are there no longer: choose them again";
                    gone = Some(FieldError::new("files", "missing", detail).into());
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok((kept, gone))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_for_people() {
        for (bytes, text) in [
            (0, "0 bytes"),
            (1023, "1023 bytes"),
            (1024, "1 KB"),
            (1025, "2 KB"),
            (1_048_576, "1.0 MB"),
            (26_214_400, "25.0 MB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }
}
