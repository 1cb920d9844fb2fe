//! The journal as a table, streamed page by page.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use connect_core::audit::AuditList;
use connect_core::event::{Event, visible};
use connect_core::{Access, Action, Page};
use futures::stream;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};

use super::query::Query;
use super::shape::result;
use crate::api::message::shape::People;
use crate::app::App;
use crate::extract::{Caller, Scope};
use crate::problem::Problem;
use crate::slots::Slot;

const COLUMNS: &str =
    "position,at,type,result,actor,actor_name,target,ticket_id,method,address,agent,request_id,details\r\n";

/// What a formula begins with.
const FORMULA: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];

/// Whether a spreadsheet could take this for a formula, whatever it makes of blanks and quotation marks before it.
fn is_formula(text: &str) -> bool {
    text.trim_start_matches(|c: char| c.is_whitespace() || c == '"').starts_with(FORMULA)
}

/// A cell. Signs that cannot be seen are written out; what a spreadsheet would take for a formula begins with an
/// apostrophe, so that it is taken for text. Many split lines at semicolons, quotation marks or not, so what stands
/// behind one counts as a cell of its own. Tabs, at which they split, too, are among what is written out.
pub(crate) fn cell(text: &str) -> String {
    let quote = if text.starts_with(['\t', '\r', '\n']) { "'" } else { "" };
    let visible = visible(text);
    let parts = visible.split(';').map(|part| if is_formula(part) { format!("'{part}") } else { part.to_owned() });
    format!("\"{quote}{}\"", parts.collect::<Vec<_>>().join(";").replace('"', "\"\""))
}

fn line(event: &Event, people: &People) -> String {
    let origin = event.origin.as_ref();
    let text = |text: Option<&String>| text.cloned().unwrap_or_default();
    let cells = [
        event.seq.to_string(),
        event.at.to_string(),
        event.fact.name(),
        result(event).to_owned(),
        event.actor.to_string(),
        people.name(event.actor).unwrap_or_default().to_owned(),
        event.target().unwrap_or_default(),
        event.ticket.map(|id| id.to_string()).unwrap_or_default(),
        text(event.method.as_ref()),
        text(origin.and_then(|origin| origin.address.as_ref())),
        text(origin.and_then(|origin| origin.agent.as_ref())),
        text(event.request_id.as_ref()),
        serde_json::Value::Object(event.fact.details()).to_string(),
    ];
    let cells: Vec<String> = cells.iter().map(|text| cell(text)).collect();
    cells.join(",") + "\r\n"
}

/// A table that is being sent.
struct Table {
    app: App,
    scope: Scope,
    list: AuditList,
    next: Option<String>,
    _place: Slot,
}

impl Table {
    async fn page(&mut self, cursor: Option<String>) -> Result<String, Problem> {
        let Page { rows, next } = self.app.desk().audit(&self.scope.access).list(&self.list, cursor.as_deref()).await?;
        self.next = next;
        let people = People::look_up(&self.app, &self.scope.access, rows.iter().map(|event| event.actor)).await?;
        Ok(rows.iter().map(|event| line(event, &people)).collect())
    }

    /// Whether whoever asked is still signed in and may still read this: a long table takes a while.
    async fn still_may(&self) -> Result<Access, Problem> {
        let workspace = self.scope.access.workspace_id().to_string();
        let access = self.scope.caller.still_in(&self.app, &workspace).await?.ok_or_else(Problem::unauthorized)?;
        if self.app.desk().may(&access, Action::ReadAudit) {
            Ok(access)
        } else {
            Err(connect_core::Error::Forbidden(Action::ReadAudit.as_str()).into())
        }
    }

    async fn go_on(&mut self, cursor: String) -> Result<String, Problem> {
        self.scope.access = self.still_may().await?;
        self.page(Some(cursor)).await
    }
}

/// Refuses to give the whole journal to a session whose person has not proved lately who they are: it may be stolen.
/// Who may not read it at all is told that instead, by the first page.
fn may_export(app: &App, scope: &Scope, one_page: bool) -> Result<(), Problem> {
    match &scope.caller {
        Caller::Person(person) if !one_page && app.desk().may(&scope.access, Action::ReadAudit) => {
            Ok(app.auth().require_recent(&person.identity)?)
        }
        Caller::Person(_) | Caller::Program(_) | Caller::Customer(_) => Ok(()),
    }
}

/// All events that fit, or one page of them. All are given only after a recent proof, and that is noted. What is wrong
/// with the first page is an answer of its own; after that a fault cuts the table off, so that it is not taken for whole.
pub(crate) async fn answer(
    app: App,
    scope: Scope,
    list: AuditList,
    cursor: Option<String>,
    one_page: bool,
) -> Result<Response, Problem> {
    may_export(&app, &scope, one_page)?;
    let place = app.stream_slot(&scope.access)?;
    let slug = scope.access.workspace().slug.to_string();
    let list = if one_page { list } else { Query::in_long_pages(list) };
    let mut table = Table { app, scope, list, next: None, _place: place };
    let first = format!("{COLUMNS}{}", table.page(cursor).await?);
    if one_page {
        table.next = None;
    } else {
        table.app.desk().audit(&table.scope.access).note_export().await?;
    }
    let rest = stream::unfold(Some(table), |table| async move {
        let mut table = table?;
        let cursor = table.next.take()?;
        match table.go_on(cursor).await {
            Ok(lines) => Some((Ok(lines), Some(table))),
            Err(problem) => Some((Err(std::io::Error::other(problem.code)), None)),
        }
    });
    let body = Body::from_stream(futures::StreamExt::chain(stream::iter([Ok(first)]), rest));
    let name = format!("attachment; filename=\"audit-{slug}.csv\"");
    Ok(([(CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()), (CONTENT_DISPOSITION, name)], body).into_response())
}

#[cfg(test)]
mod tests {
    use super::cell;

    #[test]
    fn sec_83_a_cell_is_no_formula_and_breaks_no_line() {
        for (text, written) in [
            ("plain, with \"quotes\"", r#""plain, with ""quotes""""#),
            ("=HYPERLINK(\"http://evil.example\")", r#""'=HYPERLINK(""http://evil.example"")""#),
            ("+1", "\"'+1\""),
            ("-1", "\"'-1\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("\t=1", "\"'\\u{9}=1\""),
            ("\r=1", "\"'\\u{d}=1\""),
            (" =1", "\"' =1\""),
            ("a;=1", "\"a;'=1\""),
            ("Mozilla/5.0 (X11; +1; x) ;; \"@SUM(A1)", "\"Mozilla/5.0 (X11;' +1; x) ;;' \"\"@SUM(A1)\""),
            ("a\t=1", "\"a\\u{9}=1\""),
            ("{\"a\":\";=1\"}", "\"{\"\"a\"\":\"\";'=1\"\"}\""),
            ("a; b; 1=1", "\"a; b; 1=1\""),
            ("a\r\nb", "\"a\\u{d}\\u{a}b\""),
            ("", "\"\""),
        ] {
            assert_eq!(cell(text), written, "{text:?}");
        }
    }
}
