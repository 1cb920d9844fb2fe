//! Believable people and tickets for an empty desk.

use std::collections::BTreeSet;

use anyhow::Context;
use connect_core::contact::{NewContact, Traits};
use connect_core::store::TicketKey;
use connect_core::ticket::{Category, Channel, ContactRef, NewTicket, Priority, ReplyOptions, StatusName, TicketPatch};
use connect_core::user::ProvenMailbox;
use connect_core::workspace::NewWorkspace;
use connect_core::{Access, Body, Desk, EmailAddress, LabelName, Name, Role, Slug, Subject, UserId};

const TEAM: [(&str, &str, Role); 4] = [
    ("Olivia Okafor", "olivia@northwind.example", Role::Owner),
    ("Mateo Álvarez", "mateo@northwind.example", Role::Admin),
    ("Hana Sato", "hana@northwind.example", Role::Member),
    ("Jonas Weber", "jonas@northwind.example", Role::Viewer),
];

const CUSTOMERS: [(&str, &str); 8] = [
    ("Priya Raman", "priya@lumen.example"),
    ("Tom Becker", "tom@becker.example"),
    ("Aïcha Diallo", "aicha@baobab.example"),
    ("Lucas Martin", "lucas@atelier.example"),
    ("Mei Chen", "mei@harbour.example"),
    ("Sofia Rossi", "sofia@rossi.example"),
    ("Noah Williams", "noah@quarry.example"),
    ("Elif Kaya", "elif@kaya.example"),
];

/// Subject, question, answer, label, priority, where it stands.
const TICKETS: [(&str, &str, Option<&str>, &str, Priority, Category); 12] = [
    (
        "Invoice shows the wrong address",
        "Our company moved in March, but the invoice of this month still has the old street. Can you issue it again?",
        Some("Of course. I have changed the address; the new invoice is in your account now."),
        "billing",
        Priority::Normal,
        Category::Resolved,
    ),
    (
        "Cannot sign in on my new phone",
        "The code arrives, but the page says it is not right. I have tried **three times**.",
        Some(
            "Sorry for the trouble. Please open the page and the mail on the same device: a code works only in the browser that asked for it. Does that help?",
        ),
        "sign-in",
        Priority::High,
        Category::Pending,
    ),
    (
        "Export to CSV stops at 1,000 rows",
        "We have about 4,200 orders, and the file always ends after 1,000.\n\n- browser: Firefox\n- plan: Team",
        None,
        "bug",
        Priority::High,
        Category::New,
    ),
    (
        "How do I add a colleague?",
        "I would like to give my colleague access, but only to read. Where is that?",
        Some("Under *Members*, with the role viewer. She gets an invitation by mail."),
        "question",
        Priority::None,
        Category::Resolved,
    ),
    (
        "Delivery to Iceland",
        "Do you ship to Reykjavík? The form does not offer it.",
        None,
        "question",
        Priority::Low,
        Category::New,
    ),
    (
        "Charged twice in October",
        "My card statement shows the amount two times: on the 3rd and on the 4th.",
        Some("I see both charges. The second one is returned to you today; it takes two to three days to show."),
        "billing",
        Priority::Urgent,
        Category::Open,
    ),
    (
        "The page is very slow since Monday",
        "Loading the overview takes more than ten seconds since Monday morning.",
        Some("Thank you for telling us. We are looking into it and write again this afternoon."),
        "bug",
        Priority::Urgent,
        Category::Open,
    ),
    ("Dark mode, please", "My eyes would thank you.", None, "idea", Priority::Low, Category::New),
    (
        "Webhook signature does not verify",
        "We compute HMAC-SHA-256 over the body, but the result never matches:\n\n```\nexpected 5f2a…, got 91bc…\n```",
        Some("The signature is over id, timestamp and body, with dots between. There is an example in the guide."),
        "api",
        Priority::Normal,
        Category::Pending,
    ),
    (
        "Cancel our trial",
        "We decided to wait until next year. Please close the account.",
        Some("Done. You can come back at any time with the same address."),
        "billing",
        Priority::None,
        Category::Closed,
    ),
    (
        "Typo on the pricing page",
        "It says *montly*.",
        Some("Corrected, thank you!"),
        "website",
        Priority::Low,
        Category::Resolved,
    ),
    (
        "Data processing agreement",
        "Our legal department needs a signed agreement before we can go on. Whom do I send it to?",
        None,
        "legal",
        Priority::Normal,
        Category::New,
    ),
];

const NOTES: [(usize, &str); 3] = [
    (2, "Same as what Lumen reported last week. I think the page size is fixed in the exporter."),
    (5, "Payment provider confirms a duplicate. Refund reference R-2211."),
    (6, "Index missing after the migration of Sunday?"),
];

fn text<T, E: std::error::Error + Send + Sync + 'static>(value: Result<T, E>) -> anyhow::Result<T> {
    value.context("the demonstration's own text")
}

/// Fills a desk that has no workspace; leaves any other as it is.
pub(crate) async fn fill(desk: &Desk) -> anyhow::Result<()> {
    if desk.workspaces().any().await? {
        println!("The desk is not empty: --demo leaves it as it is.");
        return Ok(());
    }
    let (access, team) = people(desk).await?;
    for (place, (name, email)) in CUSTOMERS.iter().enumerate() {
        let new = NewContact {
            name: text(Name::parse("name", name))?,
            email: Some(text(EmailAddress::parse("email", email))?),
            external_id: Some(format!("customer-{}", place + 1)),
            traits: Traits::from_iter([("plan".to_owned(), if place % 3 == 0 { "team" } else { "free" }.into())]),
            locale: None,
        };
        desk.contacts(&access).create(new).await?;
    }
    for place in 0..TICKETS.len() {
        ticket(desk, &access, &team, place).await?;
    }
    println!(
        "The desk \"Northwind\" is filled: sign in as {} (owner) or {} (agent), or as a customer, {}.",
        TEAM[0].1, TEAM[2].1, CUSTOMERS[0].1
    );
    Ok(())
}

async fn people(desk: &Desk) -> anyhow::Result<(Access, Vec<(UserId, ProvenMailbox)>)> {
    let mut team = Vec::new();
    for (name, email, _) in TEAM {
        let name = text(Name::parse("name", name))?;
        let user = desk.users().find_or_create(&text(EmailAddress::parse("email", email))?, Some(name)).await?;
        team.push((user.id, ProvenMailbox::attest(&user)));
    }
    let new =
        NewWorkspace { name: text(Name::parse("name", "Northwind"))?, slug: text(Slug::parse("slug", "northwind"))? };
    let (_, owner) = team.first().context("a team")?;
    let workspace = desk.workspaces().create(owner, new, None).await?;
    let access = desk.host(workspace.slug.as_str()).await?;
    for ((user, _), (_, _, role)) in team.iter().zip(TEAM) {
        desk.add_member(&access, *user, role).await?;
    }
    Ok((access, team))
}

async fn ticket(desk: &Desk, host: &Access, team: &[(UserId, ProvenMailbox)], place: usize) -> anyhow::Result<()> {
    let (subject, question, answer, label, priority, category) = TICKETS[place];
    let (_, email) = CUSTOMERS[place % CUSTOMERS.len()];
    let new = NewTicket {
        subject: text(Subject::parse("subject", subject))?,
        body: text(Body::parse("body", question))?,
        contact: ContactRef::Address { email: text(EmailAddress::parse("email", email))?, name: None },
        priority,
        labels: BTreeSet::from([text(LabelName::parse("label", label))?]),
        assignee: None,
        team: None,
        channel: Channel::Host,
    };
    let key = TicketKey::Id(desk.tickets(host).open(new).await?.ticket.id);
    let (agent, mailbox) = &team[place % 3];
    let access = desk.admit(mailbox, host.workspace().slug.as_str()).await?;
    let tickets = desk.tickets(&access);
    if let Some((_, note)) = NOTES.iter().find(|(at, _)| *at == place) {
        tickets.note(key, text(Body::parse("body", note))?).await?;
    }
    if let Some(answer) = answer {
        tickets.reply(key, text(Body::parse("body", answer))?, ReplyOptions::default()).await?;
        let status = Some((StatusName::of(category), category));
        let patch = TicketPatch { assignee: Some(Some(*agent)), status, ..TicketPatch::default() };
        tickets.update(key, patch).await?;
    }
    Ok(())
}
