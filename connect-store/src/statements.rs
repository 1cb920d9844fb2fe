//! Statements of an adapter, each written once with a placeholder for where the tables are.

/// Makes `Sql`, a cheap handle to all statements with the placeholder filled in.
macro_rules! statements {
    ($placeholder:literal; $($name:ident = $text:expr;)+) => {
        #[derive(Debug)]
        pub(super) struct Statements {
            pub(super) place: String,
            $(pub(super) $name: std::sync::Arc<str>,)+
        }

        /// The statements of a store.
        #[derive(Debug, Clone)]
        pub(super) struct Sql(std::sync::Arc<Statements>);

        impl Sql {
            pub(super) fn new(place: &str) -> Self {
                let fill = |text: &str| std::sync::Arc::<str>::from(text.replace($placeholder, place));
                Self(std::sync::Arc::new(Statements { place: place.to_owned(), $($name: fill($text),)+ }))
            }
        }

        impl std::ops::Deref for Sql {
            type Target = Statements;
            fn deref(&self) -> &Statements {
                &self.0
            }
        }
    };
}

#[cfg(test)]
mod tests {
    /// Statements of a file that write to a table otherwise than by adding.
    fn changes(text: &str, table: &str) -> Vec<String> {
        let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let verbs = ["UPDATE", "DELETE FROM", "REPLACE INTO", "TRUNCATE", "ALTER TABLE", "DROP TABLE"];
        let found = verbs.into_iter().flat_map(|verb| {
            let place = format!("{verb} {table} ");
            flat.match_indices(&place).map(|(at, _)| flat[at..].chars().take(90).collect()).collect::<Vec<String>>()
        });
        found.collect()
    }

    #[test]
    fn sec_82_no_statement_changes_or_removes_an_event() {
        let sqlite = concat!(
            include_str!("sqlite/sql.rs"),
            include_str!("../migrations/sqlite/0001_first.sql"),
            include_str!("../migrations/sqlite/0002_flows.sql"),
            include_str!("../migrations/sqlite/0003_audit.sql"),
        );
        let postgres = concat!(
            include_str!("postgres/sql.rs"),
            include_str!("../migrations/postgres/0001_first.sql"),
            include_str!("../migrations/postgres/0002_flows.sql"),
            include_str!("../migrations/postgres/0003_audit.sql"),
            include_str!("../migrations/postgres/0004_columns.sql"),
        );
        for (text, place) in [(sqlite, "{p}"), (postgres, "{s}.")] {
            let mut events = changes(text, &format!("{place}event"));
            events.retain(|change| !change.starts_with(&format!("ALTER TABLE {place}event ADD COLUMN origin ")));
            assert_eq!(events.len(), 1, "the end of origins, and nothing else: {events:?}");
            assert!(events[0].contains("event SET origin = NULL WHERE"), "{events:?}");
            assert_eq!(changes(text, &format!("{place}seal")), Vec::<String>::new());
            assert!(!changes(text, &format!("{place}delivery")).is_empty(), "what changes a table is found");
        }
    }
}
