//! The plans of ticket lists where there are 100,000 tickets: no list may read or sort them all.

use connect_core::store::TicketKey;
use connect_core::ticket::{Category, SortKey, TicketFilter, TicketList, TicketSort, Within};
use connect_core::{ContactId, LabelName, Store, TeamId, Timestamp, UserId, WorkspaceId};
use connect_store::PostgresStore;

use crate::database::{Schema, url};
use crate::world::{Maker, OTHER, WORKSPACE, bounded, outside, run};

/// Most rows that a sort may be given.
const MOST: u64 = 5000;
/// The instant of the first made-up ticket; the others follow by the minute.
const START: i64 = 1_700_000_000_000_000;
const MINUTE: i64 = 60_000_000;
/// A word, and a label, that one ticket in 20,000 has.
const RARE: &str = "phlogiston";
const RARE_WORD: &str = "a rare word";

/// Fills a workspace with tickets like a real one of its own, at most `count` of them.
async fn fill(store: &PostgresStore, schema: &str, workspace: WorkspaceId, count: u64) {
    let (contact, ticket, changes) = Maker::new(count).contact_and_ticket("ada@example.org");
    store.commit(workspace, changes).await.expect("a real ticket is kept");
    let row = store.ticket(workspace, TicketKey::Id(ticket.id)).await.expect("read").expect("it is there");
    let document = serde_json::to_string(&row.ticket).expect("the document of a ticket");
    let person = serde_json::to_string(&row.contact).expect("the document of a contact");
    assert_eq!(row.contact.id, contact.id);
    // What words are bound to: the end of the workspace's id, and `r` for what everybody may find.
    let text = workspace.to_string();
    let mark = format!("{}r", &text[text.len() - 10..]);
    let statement = format!(
        r#"
        INSERT INTO {schema}.record (workspace_id, id, kind, version, doc)
        SELECT '{workspace}', id, 'contact', 1, ('{person}'::jsonb || jsonb_build_object('id', id, 'email', NULL))::text
        FROM (SELECT 'ctc_' || lpad(k::text, 26, '0') AS id FROM generate_series(1, 500) k) made;

        INSERT INTO {schema}.ticket (workspace_id, id, number, contact_id, version, category, assignee_id, priority,
            created_at, updated_at, labels, doc)
        SELECT '{workspace}', id, n, contact, 1, category, assignee, rank, created, updated,
            ARRAY(SELECT '{mark}' || label FROM unnest(labels) label),
            ('{document}'::jsonb || jsonb_build_object('id', id, 'number', n, 'contact', contact, 'category', category,
                'status', category, 'assignee', assignee, 'team', team, 'created_at', created, 'updated_at', updated, 'labels', labels,
                'priority', (ARRAY['none', 'low', 'normal', 'high', 'urgent'])[rank + 1]))::text
        FROM (
            SELECT n, 'tkt_' || lpad(n::text, 26, '0') AS id, 'ctc_' || lpad((1 + n * 13 % 500)::text, 26, '0') AS contact,
                CASE WHEN n * 7919 % 100 < 80 THEN 'closed' WHEN n * 7919 % 100 < 90 THEN 'resolved'
                    WHEN n * 7919 % 100 < 95 THEN 'open' WHEN n * 7919 % 100 < 97 THEN 'pending'
                    WHEN n * 7919 % 100 < 98 THEN 'snoozed' ELSE 'new' END AS category,
                CASE WHEN n * 31 % 10 < 3 THEN NULL ELSE 'usr_' || lpad((1 + n * 17 % 40)::text, 26, '0') END AS assignee,
                CASE WHEN n * 37 % 10 < 5 THEN NULL ELSE 'tea_' || lpad((1 + n * 19 % 20)::text, 26, '0') END AS team,
                (n * 11 % 5)::int AS rank, {START} + n * {MINUTE} AS created,
                {START} + n * {MINUTE} + n * 7919 % 86400 * 1000000 AS updated,
                CASE WHEN n % 20000 = 7 THEN ARRAY['label-' || n % 20, '{RARE}'] ELSE ARRAY['label-' || n % 20] END AS labels
            FROM generate_series(2::bigint, {count}) n
        ) made;

        INSERT INTO {schema}.search (workspace_id, ticket_id, message_id, words)
        SELECT '{workspace}', 'tkt_' || lpad(n::text, 26, '0'), '', array_to_tsvector(ARRAY['{mark}printer', '{mark}' || n,
            '{mark}' || CASE WHEN n % 20000 = 7 THEN '{RARE}' ELSE 'fire' END])
        FROM generate_series(2::bigint, {count}) n;

        UPDATE {schema}.head SET last_number = {count} WHERE workspace_id = '{workspace}';
        "#
    );
    run(&mut outside(&url()).await, &statement).await;
}

fn held(teams: &[u128]) -> TicketFilter {
    let teams = teams.iter().map(|team| TeamId::from_bits(*team)).collect();
    let within = Within { teams, assignee: UserId::from_bits(3) };
    TicketFilter { within: Some(within), ..TicketFilter::default() }
}

fn filters() -> Vec<(&'static str, TicketFilter)> {
    let any = TicketFilter::default;
    let label = |name: &str| LabelName::parse("label", name).expect("a label");
    let at = |minute: i64| Some(Timestamp::from_micros(START + minute * MINUTE));
    vec![
        ("no filter", any()),
        ("a large category", TicketFilter { categories: [Category::Closed].into(), ..any() }),
        ("a small category", TicketFilter { categories: [Category::Snoozed].into(), ..any() }),
        (
            "several categories",
            TicketFilter { categories: [Category::New, Category::Open, Category::Pending].into(), ..any() },
        ),
        // Base 32 of one digit is the number itself.
        ("an assignee", TicketFilter { assignee: Some(Some(UserId::from_bits(3))), ..any() }),
        ("nobody", TicketFilter { assignee: Some(None), ..any() }),
        ("a team", TicketFilter { team: Some(Some(TeamId::from_bits(3))), ..any() }),
        ("no team", TicketFilter { team: Some(None), ..any() }),
        ("what a member of two teams may see", held(&[3, 5])),
        ("what a member of no team may see", held(&[])),
        ("a contact", TicketFilter { contact: Some(ContactId::from_bits(3)), ..any() }),
        ("a label", TicketFilter { labels: [label("label-3")].into(), ..any() }),
        ("a rare label", TicketFilter { labels: [label(RARE)].into(), ..any() }),
        ("a range of time", TicketFilter { created_from: at(500), created_before: at(700), ..any() }),
        ("a number", TicketFilter { number: Some(77), ..any() }),
        (RARE_WORD, TicketFilter { words: vec![RARE.to_owned()], ..any() }),
        ("a word of nearly all", TicketFilter { words: vec!["fire".to_owned()], ..any() }),
    ]
}

/// What is wrong with a plan.
fn faults(plan: &str) -> Vec<String> {
    let lines: Vec<&str> = plan.lines().map(|line| line.trim_start().trim_start_matches("->").trim_start()).collect();
    let mut faults = Vec::new();
    for (place, line) in lines.iter().enumerate() {
        if ["ticket", "search", "message"].iter().any(|table| line.contains(&format!("Seq Scan on {table}"))) {
            faults.push(format!("it reads a whole table: {line}"));
        }
        let is_sort = line.starts_with("Sort  (") || line.starts_with("Incremental Sort  (");
        if !is_sort {
            continue;
        }
        // A number belongs to one ticket: what is in its order already is sorted one by one, and only as far
        // as the page goes.
        let details = &lines[place + 1..];
        if details.iter().take(2).any(|detail| detail.starts_with("Presorted Key:") && detail.contains("t.number")) {
            continue;
        }
        let input = details.iter().find_map(|detail| estimate(detail));
        match input {
            Some(rows) if rows <= MOST => {}
            Some(rows) => faults.push(format!("it sorts an estimated {rows} rows: {line}")),
            None => faults.push(format!("nobody knows what it sorts: {line}")),
        }
    }
    faults
}

/// The rows that a node of a plan is estimated to give.
fn estimate(line: &str) -> Option<u64> {
    let (_, rest) = line.split_once(" rows=")?;
    rest.split(' ').next()?.parse().ok()
}

#[test]
fn faults_of_plans_are_seen() {
    let good = "Limit  (cost=1 rows=51 width=9)\n  ->  Sort  (cost=1 rows=9 width=9)\n        Sort Key: t.id\n        \
        ->  Index Scan using a on ticket t  (cost=0 rows=5000 width=9)";
    assert!(faults(good).is_empty(), "{:?}", faults(good));
    let large = good.replace("rows=5000", "rows=5001");
    assert_eq!(faults(&large).len(), 1, "a large sort must be seen");
    assert_eq!(faults(&large.replace("->  Sort", "->  Incremental Sort")).len(), 1, "and a large one by parts");
    assert_eq!(faults(&good.replace("Index Scan using a on", "Seq Scan on")).len(), 1, "and a whole table");
    assert_eq!(faults(&good.replace("Index Scan using a on", "Parallel Seq Scan on")).len(), 1, "also a shared one");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_list_reads_or_sorts_all_tickets() {
    bounded("the plans of 100,000 tickets", async {
        let schema = Schema::new();
        let store = schema.open().await;
        let workspaces = [(WORKSPACE, 100_000), (OTHER, 1_000)];
        for (workspace, count) in workspaces {
            fill(&store, schema.name(), workspace, count).await;
        }
        let mut connection = outside(&url()).await;
        for table in ["record", "ticket", "search", "message", "head"] {
            run(&mut connection, &format!("VACUUM ANALYZE {}.{table}", schema.name())).await;
        }
        let mut faulty = Vec::new();
        for (workspace, count) in workspaces {
            for (name, filter) in filters() {
                for key in [SortKey::UpdatedAt, SortKey::CreatedAt, SortKey::Number, SortKey::Priority] {
                    for descending in [true, false] {
                        let sort = TicketSort { key, descending };
                        let list = TicketList { filter: filter.clone(), sort, ..TicketList::default() };
                        let what = format!("{name} in the order {} among {count}", sort.text());
                        let rows = store.tickets(workspace, list.clone()).await;
                        let rows = rows.unwrap_or_else(|error| panic!("{what} must be listed: {error}"));
                        assert!(!rows.is_empty(), "{what} must find tickets, or its plan says nothing");
                        for row in &rows {
                            assert!(filter.fits(&row.ticket), "{what} must fit; {:?} does not", row.ticket.id);
                        }
                        let plan = store.explain(workspace, list).await.expect("the plan of a list");
                        let mut faults = faults(&plan);
                        // Walking the tickets in their order and looking each one up finds a rare word at the end.
                        if name == RARE_WORD && count > MOST && !plan.contains("search_words") {
                            faults.push("it does not begin with the index of words".to_owned());
                        }
                        if !faults.is_empty() {
                            faulty.push(format!("{what}: {}\n{plan}", faults.join("; ")));
                        }
                    }
                }
            }
        }
        assert!(faulty.is_empty(), "{} lists cost too much:\n\n{}", faulty.len(), faulty.join("\n\n"));
    })
    .await;
}
