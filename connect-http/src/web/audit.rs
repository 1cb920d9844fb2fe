//! The journal of the workspace, for owners and admins.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use connect_core::event::visible;

use super::page::{Member, Shell, render, sentence};
use super::step_up;
use crate::api::audit::query::Query;
use crate::api::message::shape::People;
use crate::app::App;
use crate::extract::Params;
use crate::problem::Problem;

struct Row {
    at: String,
    /// The time to the second, as people read it.
    when: String,
    name: String,
    refused: bool,
    actor: Shown,
    target: Shown,
    address: String,
    agent: String,
    request: Shown,
}

/// A text that may be an id: whole where it is pointed at, else as much as fits into a column.
struct Shown {
    whole: String,
    short: String,
}

impl From<String> for Shown {
    fn from(whole: String) -> Self {
        // Ids begin with the time, so what tells two of one day apart is at their end.
        let id = whole.split_once('_').filter(|(kind, rest)| kind.len() <= 4 && rest.len() == 26);
        let end = |rest: &str| rest.chars().skip(18).collect::<String>();
        let short = id.map_or_else(|| whole.clone(), |(kind, rest)| format!("{kind}_…{}", end(rest)));
        Self { whole, short }
    }
}

#[derive(Template)]
#[template(path = "audit.html")]
struct AuditPage {
    shell: Shell,
    slug: String,
    rows: Vec<Row>,
    /// The fields of the filter, and what stands in them.
    fields: Vec<(&'static str, String)>,
    oldest_first: bool,
    next: Option<String>,
    csv: String,
    error: String,
}

impl Query {
    fn fields(&self) -> [(&'static str, &str); 6] {
        let Self { actor, r#type, ticket, after, before, order, cursor: _, limit: _, format: _ } = self;
        [("actor", actor), ("type", r#type), ("ticket", ticket), ("after", after), ("before", before), ("order", order)]
            .map(|(name, value)| (name, value.as_deref().unwrap_or_default()))
    }

    /// The same query with one part more.
    fn address(&self, name: &str, value: Option<&str>) -> String {
        let mut address = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in self.fields().into_iter().filter(|(_, value)| !value.is_empty()) {
            address.append_pair(name, value);
        }
        if let Some(value) = value {
            address.append_pair(name, value);
        }
        address.finish()
    }
}

/// `GET /{workspace}/audit`.
pub(super) async fn show(
    State(app): State<App>,
    Member(scope): Member,
    Params(query): Params<Query>,
) -> Result<Response, Problem> {
    let audit = app.desk().audit(&scope.access);
    // What is wrong with the filter is said above the table; who may not look gets a page of its own.
    let found = match query.list(&app, &scope).await {
        Ok(list) => audit.list(&list, query.cursor.as_deref()).await.map_err(Problem::from),
        Err(problem) => Err(problem),
    };
    let (page, error) = match found {
        Ok(page) => (page, String::new()),
        Err(problem) if problem.status == http::StatusCode::FORBIDDEN => return Err(problem),
        Err(problem) => {
            // Asked once more so that nobody is shown the page who may not see it.
            audit.list(&connect_core::audit::AuditList::default(), None).await?;
            (connect_core::Page { rows: Vec::new(), next: None }, sentence(&problem))
        }
    };
    let people = People::look_up(&app, &scope.access, page.rows.iter().map(|event| event.actor)).await?;
    let rows = page.rows.iter().map(|event| {
        let origin = event.origin.as_ref();
        let shown = |text: Option<&String>| text.map(|text| visible(text)).unwrap_or_default();
        Row {
            at: event.at.to_string(),
            when: event.at.to_string().chars().take(19).map(|c| if c == 'T' { ' ' } else { c }).collect(),
            name: event.fact.name(),
            refused: event.fact.is_refusal(),
            actor: people.name(event.actor).map_or_else(|| event.actor.to_string(), str::to_owned).into(),
            target: event.target().unwrap_or_default().into(),
            address: shown(origin.and_then(|origin| origin.address.as_ref())),
            agent: shown(origin.and_then(|origin| origin.agent.as_ref())),
            request: shown(event.request_id.as_ref()).into(),
        }
    });
    let slug = scope.access.workspace().slug.to_string();
    let base = app.base();
    let recent = scope.caller.person().is_some_and(|person| app.auth().require_recent(&person.identity).is_ok());
    let csv = if recent {
        format!("{base}/api/v1/workspaces/{slug}/audit?{}", query.address("format", Some("csv")))
    } else {
        // The table needs a recent proof, and its address answers programs: so the way leads over that proof.
        let here = format!("/{slug}/audit?{}", query.address("format", None));
        format!("{base}/step-up?to={}", step_up::encoded(&here))
    };
    Ok(render(&AuditPage {
        shell: Shell::inside(&app, "Audit log", &scope),
        rows: rows.collect(),
        next: page.next.map(|cursor| format!("{base}/{slug}/audit?{}", query.address("cursor", Some(&cursor)))),
        csv,
        slug,
        fields: query.fields().iter().take(5).map(|(name, value)| (*name, (*value).to_owned())).collect(),
        oldest_first: query.order.as_deref() == Some("oldest"),
        error,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_shown_by_its_kind_and_its_end() {
        for (whole, short) in [
            ("tkt_01jd8v3k6qf2m9x7c5b4n8h0wz", "tkt_…b4n8h0wz"),
            ("Ada Lovelace", "Ada Lovelace"),
            ("a_b", "a_b"),
            ("host", "host"),
            ("", ""),
        ] {
            let shown = Shown::from(whole.to_owned());
            assert_eq!((shown.whole.as_str(), shown.short.as_str()), (whole, short));
        }
    }
}
