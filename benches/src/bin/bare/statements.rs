//! Tables and statements, the same on both databases.

/// Tickets that are there at the start.
pub(crate) const TICKETS: i64 = 10_000;

/// The tables; `{int}` stands for the type of 64 bits, `{strict}` for what ends a table that checks types.
pub(crate) const SCHEMA: &str = "
CREATE TABLE contact (workspace_id TEXT, id TEXT, name TEXT, email TEXT, PRIMARY KEY (workspace_id, id)) {strict};
CREATE TABLE ticket (workspace_id TEXT, id TEXT, number {int}, subject TEXT, status TEXT, category TEXT, priority TEXT,
    assignee_id TEXT, team_id TEXT, labels TEXT, channel TEXT, opened_by TEXT, contact_id TEXT, version {int},
    created_at TEXT, updated_at TEXT, first_reply_at TEXT, last_customer_at TEXT, last_agent_at TEXT, waiting_since TEXT,
    resolved_at TEXT, closed_at TEXT, PRIMARY KEY (workspace_id, id)) {strict};
CREATE INDEX ticket_updated ON ticket (workspace_id, updated_at, id);
CREATE TABLE message (workspace_id TEXT, id TEXT, ticket_id TEXT, kind TEXT, body TEXT, created_at TEXT,
    PRIMARY KEY (workspace_id, id)) {strict};
CREATE INDEX message_ticket ON message (workspace_id, ticket_id, id);
CREATE TABLE event (workspace_id TEXT, seq {int}, ticket_id TEXT, type TEXT, doc TEXT,
    PRIMARY KEY (workspace_id, seq)) {strict};
";

macro_rules! ticket_sql {
    ($rest:literal) => {
        concat!(
            "SELECT t.id, t.number, t.subject, t.status, t.category, t.priority, t.assignee_id, t.team_id, t.labels, ",
            "t.channel, t.opened_by, t.version, t.created_at, t.updated_at, t.first_reply_at, t.last_customer_at, ",
            "t.last_agent_at, t.waiting_since, t.resolved_at, t.closed_at, c.id, c.name, c.email FROM ticket t ",
            "JOIN contact c ON c.workspace_id = t.workspace_id AND c.id = t.contact_id WHERE t.workspace_id = $1 ",
            $rest
        )
    };
}

pub(crate) const LIST: &str = ticket_sql!("ORDER BY t.updated_at DESC, t.id DESC LIMIT 50");
pub(crate) const READ: &str = ticket_sql!("AND t.id = $2");

pub(crate) const INSERT_CONTACT: &str = "INSERT INTO contact VALUES ('load', $1, 'Carla Customer', $2)";
pub(crate) const INSERT_TICKET: &str = "INSERT INTO ticket VALUES
    ($1, $2, $3, $4, 'new', 'new', 'normal', NULL, NULL, '[]', 'api', 'host', $5, 1, $6, $7, NULL, $6, NULL, $6, NULL, NULL)";
pub(crate) const INSERT_MESSAGE: &str = "INSERT INTO message VALUES ($1, $2, $3, 'reply', $4, $5)";
pub(crate) const INSERT_EVENT: &str = "INSERT INTO event VALUES ($1, $2, $3, 'ticket.opened', $4)";
pub(crate) const INSERT_ANSWER: &str =
    "INSERT INTO message VALUES ('load', $1, $2, 'reply', 'It is on its way again.', '2026-01-01')";

/// What the two databases do alike, with the types of one of them.
macro_rules! statements {
    ($pool:ty, $connection:ty, $row:ty) => {
        fn shape(row: &$row) -> Result<serde_json::Value, sqlx::Error> {
            use sqlx::Row;
            let text = |place: usize| row.try_get::<Option<String>, _>(place);
            Ok(serde_json::json!({
                "id": text(0)?, "number": row.try_get::<i64, _>(1)?, "subject": text(2)?, "status": text(3)?,
                "category": text(4)?, "priority": text(5)?, "assignee_id": text(6)?, "team_id": text(7)?,
                "labels": text(8)?, "channel": text(9)?, "opened_by": text(10)?,
                "version": row.try_get::<i64, _>(11)?, "created_at": text(12)?, "updated_at": text(13)?,
                "first_reply_at": text(14)?, "last_customer_at": text(15)?, "last_agent_at": text(16)?,
                "waiting_since": text(17)?, "resolved_at": text(18)?, "closed_at": text(19)?,
                "contact": {"id": text(20)?, "name": text(21)?, "email": text(22)?},
            }))
        }

        pub(crate) async fn list(pool: &$pool) -> Result<Vec<serde_json::Value>, sqlx::Error> {
            let rows = sqlx::query($crate::statements::LIST).bind("load").fetch_all(pool).await?;
            rows.iter().map(shape).collect()
        }

        pub(crate) async fn read(pool: &$pool, id: String) -> Result<serde_json::Value, sqlx::Error> {
            shape(&sqlx::query($crate::statements::READ).bind("load").bind(id).fetch_one(pool).await?)
        }

        /// The three inserts of a create: ticket, message, event.
        async fn insert(
            connection: &mut $connection,
            number: i64,
            subject: &str,
            body: &str,
        ) -> Result<(), sqlx::Error> {
            let (id, message) = (format!("tkt_{number:026}"), format!("msg_{number:026}"));
            let now = "2026-01-01T09:00:00.000000Z";
            sqlx::query($crate::statements::INSERT_TICKET)
                .bind("load")
                .bind(&id)
                .bind(number)
                .bind(subject)
                .bind(format!("ctc_{:026}", number % 500))
                .bind(now)
                .bind(format!("2026-01-01T09:00:{number:08}Z"))
                .execute(&mut *connection)
                .await?;
            sqlx::query($crate::statements::INSERT_MESSAGE)
                .bind("load")
                .bind(&message)
                .bind(&id)
                .bind(body)
                .bind(now)
                .execute(&mut *connection)
                .await?;
            sqlx::query($crate::statements::INSERT_EVENT)
                .bind("load")
                .bind(number)
                .bind(&id)
                .bind(format!("{{\"message\":\"{message}\"}}"))
                .execute(connection)
                .await
                .map(|_| ())
        }

        /// Contacts, and tickets of three messages.
        async fn fill(connection: &mut $connection) -> Result<(), sqlx::Error> {
            for number in 0..500 {
                sqlx::query($crate::statements::INSERT_CONTACT)
                    .bind(format!("ctc_{number:026}"))
                    .bind(format!("customer{number}@load.example"))
                    .execute(&mut *connection)
                    .await?;
            }
            let body = "The parcel was to come on Monday and it is not here yet. ".repeat(4);
            for number in 1..=$crate::statements::TICKETS {
                let subject = format!("Order {number} has not arrived, what can be done?");
                insert(&mut *connection, number, &subject, &body).await?;
                for part in 1..3 {
                    sqlx::query($crate::statements::INSERT_ANSWER)
                        .bind(format!("msg_{part}_{number:024}"))
                        .bind(format!("tkt_{number:026}"))
                        .execute(&mut *connection)
                        .await?;
                }
            }
            Ok(())
        }
    };
}

pub(crate) use statements;
