//! Teams: made, filled, given tickets, and removed.

use serde_json::{Value, json};

use crate::app::{TestApp, User};
use crate::pages::Browser;

pub const TEAMS: &str = "/workspaces/acme/teams";

pub fn id(thing: &Value) -> String {
    thing["id"].as_str().expect("an id").to_owned()
}

/// A new team; answers its id.
pub async fn team(by: &User, name: &str) -> String {
    id(&by.post(TEAMS, &json!({"name": name})).await.expect(201))
}

pub async fn join(by: &User, team: &str, member: &str) {
    by.put(&format!("{TEAMS}/{team}/members/{member}")).await.expect(204);
}

pub async fn me(user: &User) -> String {
    id(&user.get("/me").await.expect(200)["user"])
}

#[tokio::test]
async fn a_team_is_made_renamed_filled_and_removed() {
    let (app, _, owner, _) = TestApp::acme().await;
    let ada = app.member(&owner, "ada@acme.example", "member").await;
    let ada_id = me(&ada).await;
    let once = owner.post_once(TEAMS, "k1", &json!({"name": "Billing"})).await.expect(201);
    assert_eq!(owner.post_once(TEAMS, "k1", &json!({"name": "Billing"})).await.expect(201), once, "made once");
    let path = format!("{TEAMS}/{}", id(&once));
    assert_eq!(owner.post(TEAMS, &json!({"name": "BILLING"})).await.problem(409), "taken", "whatever the case");
    assert_eq!(owner.post(TEAMS, &json!({"name": "x"})).await.problem(422), "invalid");
    let other = team(&owner, "Shipping").await;
    assert_eq!(owner.patch(&path, &json!({"name": "Shipping"})).await.problem(409), "taken");
    assert_eq!(owner.patch(&path, &json!({"name": "Money", "version": 7})).await.problem(412), "version_mismatch");
    let renamed = owner.patch(&path, &json!({"name": "Money", "version": 1})).await;
    assert_eq!(renamed.headers["etag"], "\"2\"");
    assert_eq!(renamed.expect(200)["name"], "Money");
    assert_eq!(owner.get(&path).await.expect(200)["version"], 2);
    let listed = ada.get(&format!("{TEAMS}?limit=1")).await.expect(200);
    assert_eq!(listed["data"][0]["name"], "Money");
    let next = listed["next_cursor"].as_str().expect("more");
    assert_eq!(ada.get(&format!("{TEAMS}?limit=1&cursor={next}")).await.expect(200)["data"][0]["id"], other.as_str());

    assert_eq!(
        ada.put(&format!("{path}/members/{ada_id}")).await.problem(403),
        "forbidden",
        "nobody joins by themselves"
    );
    for _ in 0..2 {
        owner.put(&format!("{path}/members/{ada_id}")).await.expect(204);
    }
    let members = owner.get(&format!("{path}/members")).await.expect(200);
    assert_eq!(members["data"].as_array().map(Vec::len), Some(1));
    assert_eq!((&members["data"][0]["id"], &members["data"][0]["team_ids"]), (&json!(ada_id), &json!([id(&once)])));
    owner.delete(&format!("{path}/members/{ada_id}")).await.expect(204);
    assert_eq!(owner.get(&format!("{path}/members")).await.expect(200)["data"], json!([]));
    for (method, stranger) in [("put", "usr_00000000000000000000000000"), ("delete", "x")] {
        let path = format!("{path}/members/{stranger}");
        let answer = if method == "put" { owner.put(&path).await } else { owner.delete(&path).await };
        assert_eq!(answer.problem(404), "not_found");
    }
    join(&owner, &id(&once), &ada_id).await;
    owner.delete(&path).await.expect(204);
    assert_eq!(owner.get(&path).await.problem(404), "not_found");
    assert_eq!(owner.get(&format!("/workspaces/acme/members/{ada_id}")).await.expect(200)["team_ids"], json!([]));
    let audit = owner.get("/workspaces/acme/audit?limit=200").await.text;
    for fact in ["team.created", "team.updated", "team.removed", "team.member_added", "team.member_removed"] {
        assert!(audit.contains(fact), "{fact} is in the journal");
    }
    assert!(!audit.contains("Billing") && !audit.contains("Money"), "by its id, not by its name");
    app.finish().await;
}

#[tokio::test]
async fn a_ticket_moves_to_a_team_and_is_taken_from_an_agent_who_is_not_in_it() {
    let (app, _, owner, customer) = TestApp::acme().await;
    let ada = app.member(&owner, "ada@acme.example", "member").await;
    let (ada_id, path) = (me(&ada).await, owner.open("Printer").await);
    let (one, two) = (team(&owner, "One").await, team(&owner, "Two").await);
    join(&owner, &one, &ada_id).await;
    let set = async |body: Value| owner.patch(&path, &body).await;
    let place = |ticket: &Value| (ticket["team_id"].clone(), ticket["assignee_id"].clone());
    let moved = set(json!({"team_id": one, "assignee_id": ada_id})).await.expect(200);
    assert_eq!(place(&moved), (json!(one), json!(ada_id)));
    let moved = set(json!({"team_id": two})).await.expect(200);
    assert_eq!(place(&moved), (json!(two), Value::Null), "she is not in two");
    assert_eq!(set(json!({"assignee_id": ada_id})).await.expect(422)["errors"][0]["code"], "not_in_team");
    assert_eq!(set(json!({"team_id": null, "assignee_id": ada_id})).await.expect(200)["assignee_id"], json!(ada_id));
    join(&owner, &two, &ada_id).await;
    assert_eq!(place(&set(json!({"team_id": two})).await.expect(200)), (json!(two), json!(ada_id)), "now she is");
    let version = owner.get(&path).await.expect(200)["version"].clone();
    assert_eq!(
        set(json!({"team_id": two, "assignee_id": ada_id})).await.expect(200)["version"],
        version,
        "nothing new"
    );

    // sec 56: a team of another workspace is one that is not there, and a customer names none.
    let missing = set(json!({"team_id": "tea_00000000000000000000000000"})).await;
    let boss = app.sign_in("boss@bolt.example").await;
    boss.post("/workspaces", &json!({"name": "Bolt", "slug": "bolt"})).await.expect(201);
    let foreign = id(&boss.post("/workspaces/bolt/teams", &json!({"name": "One"})).await.expect(201));
    let planted = set(json!({"team_id": foreign})).await;
    assert_eq!(planted.expect(422)["errors"], missing.expect(422)["errors"]);
    let asked = json!({"subject": "S", "body": "B", "team_id": one});
    assert_eq!(customer.post("/workspaces/acme/tickets", &asked).await.problem(403), "forbidden");
    let new = json!({"subject": "S", "body": "B", "team_id": one, "contact": {"email": "carla@customer.example"}});
    assert_eq!(owner.post("/workspaces/acme/tickets", &new).await.expect(201)["team_id"], json!(one));

    for (query, count) in [(format!("team={one}"), 1), (format!("q=team:{two}"), 1), ("team=none".to_owned(), 0)] {
        let found = owner.get(&format!("/workspaces/acme/tickets?{query}")).await.expect(200);
        assert_eq!(found["data"].as_array().map(Vec::len), Some(count), "{query}");
    }
    assert_eq!(owner.get("/workspaces/acme/tickets?team=mine").await.problem(422), "invalid");
    let timeline = owner.get(&format!("{path}/timeline")).await.expect(200);
    let moves: Vec<&Value> =
        timeline["data"].as_array().expect("entries").iter().filter(|line| line["type"] == "ticket.moved").collect();
    assert_eq!(moves[0]["changes"], json!([{"field": "team_id", "from": null, "to": one}]));
    assert_eq!(moves.len(), 4);

    // A team with work in it stays; what is closed keeps its id, until somebody says who works on it.
    assert_eq!(owner.delete(&format!("{TEAMS}/{two}")).await.problem(409), "team_in_use");
    set(json!({"status": "closed"})).await.expect(200);
    owner.delete(&format!("{TEAMS}/{two}")).await.expect(204);
    assert_eq!(owner.get(&path).await.expect(200)["team_id"], json!(two));
    set(json!({"status": "open"})).await.expect(200);
    let bob = me(&app.member(&owner, "bob@acme.example", "member").await).await;
    assert_eq!(place(&set(json!({"assignee_id": bob})).await.expect(200)), (Value::Null, json!(bob)));
    app.finish().await;
}

#[tokio::test]
async fn a_member_is_in_so_many_teams_and_leaves_them_with_the_workspace() {
    let (app, _, owner, _) = TestApp::acme().await;
    let ada = app.member(&owner, "ada@acme.example", "member").await;
    let ada_id = me(&ada).await;
    let mut last = String::new();
    for n in 0..=connect_core::team::MAX_TEAMS {
        last = team(&owner, &format!("Team {n}")).await;
        let joined = owner.put(&format!("{TEAMS}/{last}/members/{ada_id}")).await;
        if n < connect_core::team::MAX_TEAMS {
            joined.expect(204);
        } else {
            assert_eq!(joined.problem(409), "too_many_teams");
        }
    }
    owner.delete(&format!("/workspaces/acme/members/{ada_id}")).await.expect(204);
    let again = app.member(&owner, "ada@acme.example", "member").await;
    let member = owner.get(&format!("/workspaces/acme/members/{}", me(&again).await)).await.expect(200);
    assert_eq!((&member["team_ids"], &member["narrowed"]), (&json!([]), &json!(false)), "who comes back begins anew");
    owner.delete(&format!("{TEAMS}/{last}")).await.expect(204);
    app.finish().await;
}

#[tokio::test]
async fn the_page_of_teams_does_what_the_api_does() {
    let (app, _, owner, _) = TestApp::acme().await;
    let ada = app.member(&owner, "ada@acme.example", "member").await;
    let ada_id = me(&ada).await;
    let browser = Browser::new(&app);
    browser.sign_in("agent@acme.example", "/acme/teams").await;
    browser.submit("/acme/teams", &[("name", "Billing")]).await;
    let one = id(&owner.get(TEAMS).await.expect(200)["data"][0]);
    browser.submit(&format!("/acme/teams/{one}"), &[("name", "Money & more")]).await;
    browser.submit(&format!("/acme/teams/{one}/members"), &[("member", &ada_id)]).await;
    let page = browser.submit(&format!("/acme/members/{ada_id}/narrow"), &[("narrowed", "true")]).await;
    assert!(page.text.contains("Money &#38; more") && page.text.contains("own teams only"), "{}", page.text);
    let member = owner.get(&format!("/workspaces/acme/members/{ada_id}")).await.expect(200);
    assert_eq!((&member["team_ids"], &member["narrowed"]), (&json!([one]), &json!(true)));
    let number = owner.get(&owner.open("Moved by a page").await).await.expect(200)["number"].to_string();
    let fields = |version: &'static str, team: &str| {
        [
            ("subject", "Moved by a page".to_owned()),
            ("status", "new".to_owned()),
            ("priority", "none".to_owned()),
            ("assignee", String::new()),
            ("labels", String::new()),
            ("version", version.to_owned()),
            ("team", team.to_owned()),
        ]
    };
    let update = format!("/acme/tickets/{number}/update");
    let submit = async |browser: &Browser<'_>, fields: [(&'static str, String); 7]| {
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        browser.submit(&update, &fields).await
    };
    let page = submit(&browser, fields("1", &one)).await;
    assert!(page.text.contains("moved it to another team") && page.text.contains("Money &#38; more"), "{}", page.text);
    assert_eq!(owner.get(&format!("/workspaces/acme/tickets/{number}")).await.expect(200)["team_id"], json!(one));
    let refused = browser.submit(&format!("/acme/teams/{one}/remove"), &[]).await;
    assert!(refused.status == 409 && refused.text.contains("move or close them first"), "{}", refused.text);

    // Who is held to her teams is held to them on pages, too.
    let hers = Browser::new(&app);
    hers.sign_in("ada@acme.example", "/acme").await;
    owner.open("Not for her").await;
    let list = hers.get("/acme/tickets?q=").await.text;
    assert!(list.contains("Moved by a page") && !list.contains("Not for her"), "{list}");
    assert_eq!(hers.get("/acme/tickets/2").await.status, 404);
    let gone = submit(&hers, fields("2", "")).await;
    assert!(gone.status == 200 && gone.text.contains("<h1>Tickets</h1>"), "she is led to her list: {}", gone.text);
    assert_eq!(hers.submit("/acme/teams", &[("name", "Mine")]).await.status, 403);
    browser.submit(&format!("/acme/teams/{one}/members/{ada_id}/remove"), &[]).await;
    browser.submit(&format!("/acme/teams/{one}/remove"), &[]).await;
    assert_eq!(owner.get(TEAMS).await.expect(200)["data"], json!([]));
    app.finish().await;
}
