//! Domains that a workspace has proved: who joins by one, and everybody who does not.

use std::time::Duration;

use connect_auth::{AuthSettings, SignUp};
use serde_json::{Value, json};

use super::world::{World, open, person, who};
use crate::app::{User, settings};
use crate::pages::Browser;

const DOMAINS: &str = "/workspaces/acme/domains";

/// The owner of a new workspace.
async fn workspace(world: &World, email: &str, slug: &str) -> User {
    let owner = world.app.sign_in(email).await;
    owner.post("/workspaces", &json!({"name": slug, "slug": slug})).await.expect(201);
    owner
}

fn at(domain: &Value) -> String {
    format!("{DOMAINS}/{}", domain["id"].as_str().expect("an id"))
}

/// Proves `acme.example` and opens it to members.
async fn opened(world: &World, owner: &User) -> Value {
    let domain = owner.post(DOMAINS, &json!({"domain": "ACME.example"})).await.expect(201);
    world.other.publish(domain["word"].as_str());
    owner.post(&format!("{}/verify", at(&domain)), &json!({})).await.expect(200);
    owner.patch(&at(&domain), &json!({"joins_as": "member"})).await.expect(200)
}

/// The role that whoever is signed in with the browser has in `acme`.
async fn role(browser: &Browser<'_>) -> Option<String> {
    let list = open(browser, "/api/v1/workspaces").await.expect(200);
    let acme = list["data"].as_array().expect("a list").iter().find(|workspace| workspace["slug"] == "acme")?.clone();
    acme["role"].as_str().map(str::to_owned)
}

async fn came(world: &World, provider: &str, claims: Value) -> Option<String> {
    let browser = world.browser();
    world.sign_in(&browser, provider, claims).await;
    who(&browser).await?;
    role(&browser).await
}

#[tokio::test]
async fn sec_51_whoever_the_provider_of_a_proved_domain_vouches_for_joins_its_workspace_alone() {
    let world = World::new().await;
    let owner = workspace(&world, "olivia@else.example", "acme").await;
    let rival = workspace(&world, "rival@else.example", "rival").await;
    let domain = owner.post(DOMAINS, &json!({"domain": "acme.example"})).await.expect(201);
    assert_eq!(domain["place"], "https://acme.example/.well-known/connect-domain.txt");
    assert_eq!(came(&world, "acme", person("ada-1", "ada@acme.example")).await, None, "nothing follows from a name");
    let verify = format!("{}/verify", at(&domain));
    assert_eq!(owner.patch(&at(&domain), &json!({"joins_as": "viewer"})).await.problem(409), "domain_unproven");
    for wrong in [None, Some("hello"), Some("connect-domain=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")] {
        world.other.publish(wrong);
        assert_eq!(owner.post(&verify, &json!({})).await.problem(409), "domain_unproven", "{wrong:?}");
    }
    // The word of one workspace is none of another's.
    world.other.publish(domain["word"].as_str());
    let claimed = rival.post("/workspaces/rival/domains", &json!({"domain": "acme.example"})).await.expect(201);
    let theirs = format!("/workspaces/rival/domains/{}/verify", claimed["id"].as_str().expect("an id"));
    assert_eq!(rival.post(&theirs, &json!({})).await.problem(409), "domain_unproven");

    assert!(owner.post(&verify, &json!({})).await.expect(200)["proven_at"].is_string());
    assert_eq!(came(&world, "acme", person("ada-1", "ada@acme.example")).await, None, "proved is not open");
    for wrong in [json!({"joins_as": "admin"}), json!({"joins_as": "owner"}), json!({}), json!({"joins_as": "x"})] {
        owner.patch(&at(&domain), &wrong).await.problem(422);
    }
    owner.patch(&at(&domain), &json!({"joins_as": "member"})).await.expect(200);

    let ada = world.browser();
    world.sign_in(&ada, "acme", person("ada-1", "ada@acme.example")).await;
    assert_eq!(role(&ada).await.as_deref(), Some("member"));
    let list = open(&ada, "/api/v1/workspaces").await.expect(200);
    assert_eq!(list["data"].as_array().map(Vec::len), Some(1), "and nowhere else");
    let audit = owner.get("/workspaces/acme/audit?limit=200").await.text;
    for fact in ["domain.added", "domain.proven", "domain.join_changed", "member.added"] {
        assert!(audit.contains(fact), "{fact} in {audit}");
    }
    assert!(!audit.contains("acme.example"), "by references: {audit}");
    owner.delete(&at(&domain)).await.expect(204);
    assert_eq!(came(&world, "acme", person("bea-1", "bea@acme.example")).await, None, "it is closed");
    assert_eq!(role(&ada).await.as_deref(), Some("member"), "who has joined stays");
    world.finish().await;
}

#[tokio::test]
async fn sec_51_nobody_else_joins_by_a_domain() {
    let world = World::new().await;
    let owner = workspace(&world, "olivia@else.example", "acme").await;
    opened(&world, &owner).await;
    // By a code, by a provider that does not give the mailboxes out, or with an address that it says is not proved.
    let bob = world.app.sign_in("bob@acme.example").await;
    assert_eq!(bob.get("/workspaces").await.expect(200)["data"], json!([]));
    assert_eq!(came(&world, "other", person("bob-9", "bob@acme.example")).await, None);
    let unproved = json!({"sub": "cid-1", "email": "cid@acme.example", "email_verified": false});
    assert_eq!(came(&world, "acme", unproved).await, None);
    assert_eq!(came(&world, "acme", person("sub-1", "sub@mail.acme.example")).await, None, "another domain");
    // Google speaks for the domain only where it says that its Workspace has it.
    assert_eq!(came(&world, "google", person("g-1", "gus@acme.example")).await, None);
    let mut of_workspace = person("g-2", "gia@acme.example");
    of_workspace["hd"] = json!("acme.example");
    assert_eq!(came(&world, "google", of_workspace).await.as_deref(), Some("member"));
    // An account whose provider tells an address of the domain now, while the mailbox of the user is another.
    world.sign_in(&world.browser(), "acme", person("eve-1", "eve@acme.example")).await;
    let eve = world.browser();
    world.sign_in(&eve, "acme", person("eve-1", "someone.else@acme.example")).await;
    assert_eq!(who(&eve).await.as_deref(), Some("eve@acme.example"));
    world.finish().await;
}

#[tokio::test]
async fn sec_51_whoever_was_removed_comes_back_by_an_invitation_only() {
    let world = World::new().await;
    let owner = workspace(&world, "olivia@else.example", "acme").await;
    opened(&world, &owner).await;
    let ada = world.browser();
    world.sign_in(&ada, "acme", person("ada-1", "ada@acme.example")).await;
    let id = open(&ada, "/api/v1/me").await.expect(200)["user"]["id"].as_str().expect("an id").to_owned();
    for _ in 0..2 {
        owner.delete(&format!("/workspaces/acme/members/{id}")).await.expect(204);
        assert_eq!(came(&world, "acme", person("ada-1", "ada@acme.example")).await, None);
        world.app.member(&owner, "ada@acme.example", "viewer").await;
        assert_eq!(came(&world, "acme", person("ada-1", "ada@acme.example")).await.as_deref(), Some("viewer"));
    }
    world.finish().await;
}

#[tokio::test]
async fn sec_51_a_proof_is_looked_at_again_after_a_day() {
    let world = World::new().await;
    let owner = workspace(&world, "olivia@else.example", "acme").await;
    let domain = opened(&world, &owner).await;
    world.other.publish(None);
    assert_eq!(came(&world, "acme", person("ada-1", "ada@acme.example")).await.as_deref(), Some("member"));
    world.app.clock.advance(Duration::from_secs(24 * 3600));
    assert_eq!(
        came(&world, "acme", person("bea-1", "bea@acme.example")).await,
        None,
        "the domain is somebody else's now"
    );
    world.other.publish(domain["word"].as_str());
    assert_eq!(came(&world, "acme", person("bea-1", "bea@acme.example")).await.as_deref(), Some("member"));
    world.finish().await;
}

#[tokio::test]
async fn sec_34_how_people_come_in_is_changed_with_a_recent_proof_only() {
    let world = World::new().await;
    let owner = workspace(&world, "olivia@else.example", "acme").await;
    let domain = opened(&world, &owner).await;
    world.app.clock.advance(Duration::from_secs(11 * 60));
    for answer in [
        owner.post(DOMAINS, &json!({"domain": "b.example"})).await,
        owner.patch(&at(&domain), &json!({"joins_as": null})).await,
        owner.post(&format!("{}/verify", at(&domain)), &json!({})).await,
        owner.delete(&at(&domain)).await,
    ] {
        assert_eq!(answer.problem(403), "step_up_required");
    }
    owner.get(&at(&domain)).await.expect(200);
    world.finish().await;
}

#[tokio::test]
async fn people_of_a_proved_domain_count_as_invited() {
    let world = World::with(AuthSettings { sign_up: SignUp::Open, ..settings() }).await;
    let owner = workspace(&world, "olivia@else.example", "acme").await;
    opened(&world, &owner).await;
    let invited = World::with(AuthSettings { sign_up: SignUp::Invited, ..settings() }).await;
    let first = workspace(&invited, "olivia@else.example", "acme").await;
    assert_eq!(came(&invited, "acme", person("ada-1", "ada@acme.example")).await, None);
    opened(&invited, &first).await;
    assert_eq!(came(&invited, "acme", person("ada-1", "ada@acme.example")).await.as_deref(), Some("member"));
    world.finish().await;
    invited.finish().await;
}

#[tokio::test]
async fn a_domain_is_named_once_and_read_as_one() {
    let world = World::new().await;
    let owner = workspace(&world, "olivia@else.example", "acme").await;
    owner.post(DOMAINS, &json!({"domain": "acme.example"})).await.expect(201);
    assert_eq!(owner.post(DOMAINS, &json!({"domain": " Acme.EXAMPLE"})).await.problem(409), "taken");
    for wrong in
        ["", "acme", "https://acme.example", "a@acme.example", "127.0.0.1", "acme.example:8080", "acme.example/x"]
    {
        assert_eq!(owner.post(DOMAINS, &json!({"domain": wrong})).await.problem(422), "invalid", "{wrong}");
    }
    for n in 0..19 {
        owner.post(DOMAINS, &json!({"domain": format!("d{n}.example")})).await.expect(201);
    }
    assert_eq!(owner.post(DOMAINS, &json!({"domain": "more.example"})).await.problem(409), "too_many_domains");
    world.finish().await;
}

#[tokio::test]
async fn the_page_of_domains_names_proves_opens_and_removes_one() {
    let world = World::new().await;
    let owner = workspace(&world, "olivia@else.example", "acme").await;
    world.app.clock.advance(Duration::from_secs(20 * 60));
    let browser = world.browser();
    browser.sign_in("olivia@else.example", "/workspaces").await;
    let page = browser.get("/acme/members").await.text;
    assert!(page.contains("/acme/domains"), "there is a way to it");
    let answer = browser.submit("/acme/domains", &[("domain", "no domain")]).await;
    assert!(answer.status == 422 && answer.text.contains("must be a domain"), "{}", answer.text);
    browser.submit("/acme/domains", &[("domain", "acme.example")]).await;
    let listed = owner.get(DOMAINS).await.expect(200)["data"][0].clone();
    let page = browser.get("/acme/domains").await.text;
    assert!(page.contains(listed["word"].as_str().expect("a word")) && page.contains("not proved"), "{page}");
    let here = format!("/acme/domains/{}", listed["id"].as_str().expect("an id"));
    let answer = browser.submit(&format!("{here}/verify"), &[]).await;
    assert!(answer.status == 409 && answer.text.contains("was not there"), "{}", answer.text);
    world.other.publish(listed["word"].as_str());
    browser.submit(&format!("{here}/verify"), &[]).await;
    browser.submit(&format!("{here}/join"), &[("joins_as", "viewer")]).await;
    assert!(browser.get("/acme/domains").await.text.contains("<option value=\"viewer\" selected>"));
    assert_eq!(came(&world, "acme", person("ada-1", "ada@acme.example")).await.as_deref(), Some("viewer"));
    browser.submit(&format!("{here}/remove"), &[]).await;
    assert!(browser.get("/acme/domains").await.text.contains("There are no domains yet."));
    world.finish().await;
}
