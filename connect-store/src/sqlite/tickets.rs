//! Tickets, one and by the page.

use std::fmt::Write;

use connect_core::contact::Contact;
use connect_core::store::{TicketKey, TicketRow};
use connect_core::ticket::{SortKey, Ticket, TicketList};
use connect_core::{StoreError, WorkspaceId};
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, AssertSqlSafe, Row};

use super::{SqliteStore, commit};
use crate::sql::{int, one_more, read_doc, safe, store_error};

pub(super) async fn one(
    store: &SqliteStore,
    workspace: WorkspaceId,
    key: TicketKey,
) -> Result<Option<TicketRow>, StoreError> {
    let workspace = workspace.to_string();
    let query = match key {
        TicketKey::Id(id) => sqlx::query(safe(&store.sql.ticket_by_id)).bind(workspace).bind(id.to_string()),
        TicketKey::Number(number) => {
            let Ok(number) = i64::try_from(number) else { return Ok(None) };
            sqlx::query(safe(&store.sql.ticket_by_number)).bind(workspace).bind(number)
        }
    };
    let Some(row) = store.optional(query).await? else { return Ok(None) };
    let (ticket, contact): (&str, &str) = (row.try_get(0).map_err(store_error)?, row.try_get(1).map_err(store_error)?);
    Ok(Some(TicketRow { ticket: read_doc(ticket)?, contact: read_doc(contact)? }))
}

/// A statement that is put together from fixed pieces; every value is bound.
struct Query {
    text: String,
    arguments: SqliteArguments,
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
    store: &SqliteStore,
    workspace: WorkspaceId,
    list: TicketList,
) -> Result<Vec<TicketRow>, StoreError> {
    let query = statement(store, workspace, &list)?;
    // One row of JSON for the whole page: the driver's cost is by the row.
    let row = store.one(sqlx::query_with(AssertSqlSafe(query.text), query.arguments)).await?;
    let rows: Vec<(Ticket, Contact)> = read_doc(row.try_get(0).map_err(store_error)?)?;
    Ok(rows.into_iter().map(|(ticket, contact)| TicketRow { ticket, contact }).collect())
}

fn statement(store: &SqliteStore, workspace: WorkspaceId, list: &TicketList) -> Result<Query, StoreError> {
    let prefix = &store.sql.place;
    let mut query = Query {
        text: format!(
            "SELECT '[' || coalesce(group_concat('[' || p.ticket || ',' || p.contact || ']', ','), '') || ']' FROM (
             SELECT t.doc AS ticket, r.doc AS contact FROM {prefix}ticket t
             JOIN {prefix}record r ON r.workspace_id = t.workspace_id AND r.id = t.contact_id"
        ),
        arguments: SqliteArguments::default(),
        count: 0,
    };
    let workspace_text = workspace.to_string();
    query.push(" WHERE t.workspace_id = ?", [Value::Text(&workspace_text)])?;
    conditions(&mut query, list)?;
    words(&mut query, prefix, workspace, list)?;
    let (before, behind, descending, ascending) = column(list.sort.key);
    if let Some(after) = &list.after {
        let piece = if list.sort.descending { before } else { behind };
        query.push(piece, [Value::Int(after.value), Value::Text(&after.id.to_string())])?;
    }
    query.push(if list.sort.descending { descending } else { ascending }, [])?;
    query.push(" LIMIT ?) p", [Value::Int(one_more(list.limit))])?;
    Ok(query)
}

fn conditions(query: &mut Query, list: &TicketList) -> Result<(), StoreError> {
    let filter = &list.filter;
    if filter.categories.len() == 1 {
        // The plain form lets the index of the category give the order too.
        let only = filter.categories.iter().map(|category| Value::Text(category.as_str()));
        query.push(" AND t.category = ?", only)?;
    } else if !filter.categories.is_empty() {
        let all = serde_json::to_string(&filter.categories).unwrap_or_default();
        query.push(" AND t.category IN (SELECT value FROM json_each(?))", [Value::Text(&all)])?;
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
        let piece = " AND (t.assignee_id = ? OR t.team_id IN (SELECT value FROM json_each(?)))";
        let teams = serde_json::to_string(&within.teams).unwrap_or_default();
        query.push(piece, [Value::Text(&within.assignee.to_string()), Value::Text(&teams)])?;
    }
    if let Some(contact) = filter.contact {
        query.push(" AND t.contact_id = ?", [Value::Text(&contact.to_string())])?;
    }
    for label in &filter.labels {
        let piece = " AND EXISTS (SELECT 1 FROM json_each(t.doc, '$.labels') WHERE value = ?)";
        query.push(piece, [Value::Text(label.as_str())])?;
    }
    for label in &filter.not_labels {
        let piece = " AND NOT EXISTS (SELECT 1 FROM json_each(t.doc, '$.labels') WHERE value = ?)";
        query.push(piece, [Value::Text(label.as_str())])?;
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
fn words(query: &mut Query, prefix: &str, workspace: WorkspaceId, list: &TicketList) -> Result<(), StoreError> {
    let filter = &list.filter;
    let columns = if filter.search_notes { "{words notes}" } else { "{words}" };
    for (place, word) in filter.words.iter().enumerate() {
        let star = if place + 1 == filter.words.len() { " *" } else { "" };
        // Words are letters and digits only; in quotes they are no query language.
        let expression = format!("scope : \"{}\" AND {columns} : \"{word}\"{star}", commit::search_scope(workspace));
        let _ = write!(query.text, " AND t.id IN (SELECT ticket_id FROM {prefix}search WHERE {prefix}search MATCH ");
        query.push("?)", [Value::Text(&expression)])?;
    }
    Ok(())
}
