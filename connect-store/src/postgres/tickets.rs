//! Tickets, one and by the page.

use std::fmt::Write;

use connect_core::contact::Contact;
use connect_core::message::MessageKind;
use connect_core::store::{TicketKey, TicketRow};
use connect_core::ticket::{SortKey, Ticket, TicketList};
use connect_core::{StoreError, WorkspaceId};
use sqlx::postgres::PgArguments;
use sqlx::{Arguments, AssertSqlSafe, Row};

use super::read::texts;
use super::{PostgresStore, rows};
use crate::sql::{int, one_more, read_doc, safe, store_error};

pub(super) async fn one(
    store: &PostgresStore,
    workspace: WorkspaceId,
    key: TicketKey,
) -> Result<Option<TicketRow>, StoreError> {
    let workspace = workspace.to_string();
    let query = match key {
        TicketKey::Id(id) => sqlx::query(safe(&store.inner.sql.ticket_by_id)).bind(workspace).bind(id.to_string()),
        TicketKey::Number(number) => {
            let Ok(number) = i64::try_from(number) else { return Ok(None) };
            sqlx::query(safe(&store.inner.sql.ticket_by_number)).bind(workspace).bind(number)
        }
    };
    let Some(row) = store.optional(query).await? else { return Ok(None) };
    let (ticket, contact): (&str, &str) = (row.try_get(0).map_err(store_error)?, row.try_get(1).map_err(store_error)?);
    Ok(Some(TicketRow { ticket: read_doc(ticket)?, contact: read_doc(contact)? }))
}

/// How the server would find a page; for tests.
pub(super) async fn explain(
    store: &PostgresStore,
    workspace: WorkspaceId,
    list: &TicketList,
) -> Result<String, StoreError> {
    let query = statement(store, workspace, list)?;
    let text = AssertSqlSafe(format!("EXPLAIN {}", query.text));
    let query = sqlx::query_with(text, query.arguments).persistent(false);
    let lines = store.all(query).await?;
    let line = |row: &sqlx::postgres::PgRow| row.try_get::<String, _>(0).map_err(store_error);
    Ok(lines.iter().map(line).collect::<Result<Vec<_>, _>>()?.join("\n"))
}

/// A statement that is put together from fixed pieces; every value is bound.
struct Query {
    text: String,
    arguments: PgArguments,
    count: usize,
}

impl Query {
    /// Adds a fixed piece; each `?` in it is one of the values, in their order.
    fn push<'v>(&mut self, piece: &'static str, values: impl IntoIterator<Item = Value<'v>>) -> Result<(), StoreError> {
        let mut values = values.into_iter();
        for c in piece.chars() {
            if c != '?' {
                self.text.push(c);
                continue;
            }
            let added = match values.next() {
                Some(Value::Text(text)) => self.arguments.add(text.to_owned()),
                Some(Value::Texts(texts)) => self.arguments.add(texts),
                Some(Value::Int(int)) => self.arguments.add(int),
                None => continue,
            };
            added.map_err(|error| StoreError::unavailable(error.to_string()))?;
            self.count += 1;
            let _ = write!(self.text, "${}", self.count);
        }
        Ok(())
    }
}

enum Value<'v> {
    Text(&'v str),
    Texts(Vec<String>),
    Int(i64),
}

const fn column(key: SortKey) -> (&'static str, &'static str, &'static str, &'static str) {
    match key {
        SortKey::UpdatedAt => (
            " AND (t.updated_at, t.id) < (?, ?)",
            " AND (t.updated_at, t.id) > (?, ?)",
            " ORDER BY t.updated_at DESC, t.id DESC",
            " ORDER BY t.updated_at, t.id",
        ),
        SortKey::CreatedAt => (
            " AND (t.created_at, t.id) < (?, ?)",
            " AND (t.created_at, t.id) > (?, ?)",
            " ORDER BY t.created_at DESC, t.id DESC",
            " ORDER BY t.created_at, t.id",
        ),
        SortKey::Number => (
            " AND (t.number, t.id) < (?, ?)",
            " AND (t.number, t.id) > (?, ?)",
            " ORDER BY t.number DESC, t.id DESC",
            " ORDER BY t.number, t.id",
        ),
        SortKey::Priority => (
            " AND (t.priority, t.id) < (?, ?)",
            " AND (t.priority, t.id) > (?, ?)",
            " ORDER BY t.priority DESC, t.id DESC",
            " ORDER BY t.priority, t.id",
        ),
    }
}

pub(super) async fn page(
    store: &PostgresStore,
    workspace: WorkspaceId,
    list: TicketList,
) -> Result<Vec<TicketRow>, StoreError> {
    let query = statement(store, workspace, &list)?;
    // One row of JSON for the whole page: the driver's cost is by the row.
    let query = sqlx::query_with(AssertSqlSafe(query.text), query.arguments);
    let row = store.one(query).await?;
    let rows: Vec<(Ticket, Contact)> = read_doc(row.try_get(0).map_err(store_error)?)?;
    Ok(rows.into_iter().map(|(ticket, contact)| TicketRow { ticket, contact }).collect())
}

fn statement(store: &PostgresStore, workspace: WorkspaceId, list: &TicketList) -> Result<Query, StoreError> {
    let schema = &store.inner.sql.place;
    let mut query = Query {
        text: format!(
            "SELECT '[' || coalesce(string_agg('[' || p.ticket || ',' || p.contact || ']', ','), '') || ']' FROM (
             SELECT t.doc AS ticket, r.doc AS contact FROM {schema}.ticket t
             JOIN {schema}.record r ON r.workspace_id = t.workspace_id AND r.id = t.contact_id"
        ),
        arguments: PgArguments::default(),
        count: 0,
    };
    let workspace_text = workspace.to_string();
    query.push(" WHERE t.workspace_id = ?", [Value::Text(&workspace_text)])?;
    conditions(&mut query, workspace, list)?;
    words(&mut query, schema, workspace, list)?;
    let (before, behind, descending, ascending) = column(list.sort.key);
    if let Some(after) = &list.after {
        let piece = if list.sort.descending { before } else { behind };
        query.push(piece, [Value::Int(after.value), Value::Text(&after.id.to_string())])?;
    }
    query.push(if list.sort.descending { descending } else { ascending }, [])?;
    // Written out: the server's plan for any limit at all would be one for very many rows.
    let _ = write!(query.text, " LIMIT {}) p", one_more(list.limit));
    Ok(query)
}

fn conditions(query: &mut Query, workspace: WorkspaceId, list: &TicketList) -> Result<(), StoreError> {
    let filter = &list.filter;
    if filter.categories.len() == 1 {
        // The plain form lets the index of the category give the order too.
        let only = filter.categories.iter().map(|category| Value::Text(category.as_str()));
        query.push(" AND t.category = ?", only)?;
    } else if !filter.categories.is_empty() {
        let all: Vec<_> = filter.categories.iter().map(|category| category.as_str()).collect();
        query.push(" AND t.category = ANY (?)", [Value::Texts(texts(&all))])?;
    }
    for category in &filter.not_categories {
        query.push(" AND t.category <> ?", [Value::Text(category.as_str())])?;
    }
    match filter.assignee {
        Some(Some(user)) => query.push(" AND t.assignee_id = ?", [Value::Text(&user.to_string())])?,
        Some(None) => query.push(" AND t.assignee_id IS NULL", [])?,
        None => {}
    }
    match filter.team {
        Some(Some(team)) => query.push(" AND t.team_id = ?", [Value::Text(&team.to_string())])?,
        Some(None) => query.push(" AND t.team_id IS NULL", [])?,
        None => {}
    }
    if let Some(within) = &filter.within {
        // The condition of the index is said, as it does not follow from a parameter.
        let piece = " AND (t.assignee_id = ? OR (t.team_id IS NOT NULL AND t.team_id = ANY (?)))";
        let teams: Vec<_> = within.teams.iter().copied().collect();
        query.push(piece, [Value::Text(&within.assignee.to_string()), Value::Texts(texts(&teams))])?;
    }
    if let Some(contact) = filter.contact {
        query.push(" AND t.contact_id = ?", [Value::Text(&contact.to_string())])?;
    }
    for label in &filter.labels {
        let all = vec![rows::marked_label(workspace, label)];
        // The condition of the index is said, as it does not follow from a parameter.
        query.push(" AND t.labels <> '{}' AND t.labels @> ?", [Value::Texts(all)])?;
    }
    for label in &filter.not_labels {
        let all = vec![rows::marked_label(workspace, label)];
        query.push(" AND NOT t.labels @> ?", [Value::Texts(all)])?;
    }
    let bounds = [
        (" AND t.priority >= ?", filter.priority_from.map(connect_core::ticket::Priority::rank)),
        (" AND t.priority <= ?", filter.priority_to.map(connect_core::ticket::Priority::rank)),
        (" AND t.created_at >= ?", filter.created_from.map(connect_core::Timestamp::as_micros)),
        (" AND t.created_at < ?", filter.created_before.map(connect_core::Timestamp::as_micros)),
        (" AND t.updated_at >= ?", filter.updated_from.map(connect_core::Timestamp::as_micros)),
        (" AND t.updated_at < ?", filter.updated_before.map(connect_core::Timestamp::as_micros)),
        (" AND t.number = ?", filter.number.map(int)),
    ];
    for (piece, bound) in bounds {
        if let Some(bound) = bound {
            query.push(piece, [Value::Int(bound)])?;
        }
    }
    Ok(())
}

/// Every word must stand in the ticket or one of its messages, the last one as the beginning of a word.
///
/// The tickets are found by their words first, as an array, and never the other way round: the server
/// overrates how many tickets hold a beginning of a word, and would rather walk all of them.
fn words(query: &mut Query, schema: &str, workspace: WorkspaceId, list: &TicketList) -> Result<(), StoreError> {
    let filter = &list.filter;
    if filter.words.is_empty() {
        return Ok(());
    }
    let kinds: &[MessageKind] =
        if filter.search_notes { &[MessageKind::Reply, MessageKind::Note] } else { &[MessageKind::Reply] };
    query.text.push_str(" AND t.id = ANY (ARRAY(");
    for (place, word) in filter.words.iter().enumerate() {
        let star = if place + 1 == filter.words.len() { ":*" } else { "" };
        // Words are letters and digits only; in quotes they are no query language.
        let marked = kinds.iter().map(|kind| format!("'{}{}'{star}", rows::mark(workspace, *kind), rows::cut(word)));
        let expression = marked.collect::<Vec<_>>().join(" | ");
        query.text.push_str(if place == 0 { "" } else { " INTERSECT " });
        let _ =
            write!(query.text, "SELECT s.ticket_id FROM {schema}.search s WHERE s.workspace_id = $1 AND s.words @@ ");
        query.push("?::tsquery", [Value::Text(&expression)])?;
    }
    query.text.push_str("))");
    Ok(())
}
