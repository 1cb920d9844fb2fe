//! Whose account it is: by provider, issuer and subject, never by an address; and how an account comes to a user.

use std::time::Duration;

use axum::http::{Method, Request};
use connect_core::event::Fact;
use connect_core::store::EventList;
use connect_core::user::{AccountKey, User};
use connect_core::{EmailAddress, Limit, WorkspaceId};
use serde_json::{Value, json};

use super::world::{TENANT, World, open, person, who};
use crate::app::Answer;
use crate::pages::Browser;

async fn user(world: &World, email: &str) -> Option<User> {
    let email = EmailAddress::parse("email", email).expect("an address");
    world.app.desk.users().find(&email).await.expect("read")
}

/// The answer leads to the page that asks for a code, whose mail leaves.
async fn wants_code(world: &World, answer: &Answer) {
    let target = answer.headers.get("location").and_then(|target| target.to_str().ok());
    assert_eq!((answer.status.as_u16(), target), (303, Some("/sign-in/code?to=%2Fworkspaces")), "{}", answer.text);
    world.app.deliver().await;
}

async fn enter_code(world: &World, browser: &Browser<'_>, email: &str) -> Answer {
    world.app.deliver().await;
    browser.submit("/sign-in/code", &[("code", &world.app.code(email)), ("to", "/workspaces")]).await
}

async fn linked(browser: &Browser<'_>) -> Vec<String> {
    let list = open(browser, "/api/v1/me/accounts").await.expect(200);
    let list = list["data"].as_array().expect("a list").clone();
    list.iter().map(|account| account["provider"].as_str().expect("text").to_owned()).collect()
}

#[tokio::test]
async fn sec_46_an_account_is_known_by_its_subject_whatever_address_it_tells() {
    let world = World::new().await;
    let browser = world.browser();
    world.sign_in(&browser, "acme", person("ada-1", "ada@acme.example")).await;
    let ada = user(&world, "ada@acme.example").await.expect("a user");
    // The address changes at the provider, to that of a colleague who is a user here.
    world.sign_in(&world.browser(), "acme", person("bob-1", "bob@acme.example")).await;
    for email in ["ada.new@acme.example", "bob@acme.example"] {
        let browser = world.browser();
        world.sign_in(&browser, "acme", person("ada-1", email)).await;
        assert_eq!(who(&browser).await.as_deref(), Some("ada@acme.example"), "the same account, the same user");
    }
    assert!(user(&world, "ada.new@acme.example").await.is_none());
    assert_eq!(user(&world, "ada@acme.example").await.map(|user| user.id), Some(ada.id));
    // Somebody else gets the address that Ada had: another account, which her user is not given to.
    let heir = world.browser();
    world.refused(&world.sign_in(&heir, "acme", person("eve-1", "ada@acme.example")).await);
    assert_eq!(world.reason().await, "provider_linked");
    // The same subject at another provider is another account.
    let other = world.browser();
    wants_code(&world, &world.sign_in(&other, "other", person("ada-1", "ada@acme.example")).await).await;
    assert_eq!(who(&other).await, None);
    world.finish().await;
}

#[tokio::test]
async fn sec_46_an_address_that_entra_tells_signs_nobody_in() {
    let world = World::new().await;
    let victim = world.app.sign_in("victim@acme.example").await;
    let claims = |tenant: &str, object: &str| json!({"sub": "pairwise", "tid": tenant, "oid": object, "email": "victim@acme.example", "email_verified": true});
    let attacker = world.browser();
    wants_code(&world, &world.sign_in(&attacker, "microsoft", claims(TENANT, "attacker")).await).await;
    assert_eq!(who(&attacker).await, None, "the claim is free text");
    for bad in [
        claims("00000000-0000-0000-0000-000000000000", "attacker"),
        claims(TENANT, ""),
        json!({"sub": "pairwise", "email": "victim@acme.example", "email_verified": true}),
        json!({"sub": "pairwise", "tid": TENANT, "email": "victim@acme.example"}),
    ] {
        world.refused(&world.sign_in(&attacker, "microsoft", bad).await);
        assert_eq!(world.reason().await, "tenant");
    }
    victim.get("/me").await.expect(200);
    // Whoever reads the mailbox links the account; after that its tenant and object decide.
    let holder = world.browser();
    wants_code(&world, &world.sign_in(&holder, "microsoft", claims(TENANT, "victim")).await).await;
    enter_code(&world, &holder, "victim@acme.example").await;
    assert_eq!(linked(&holder).await, ["microsoft"]);
    let again = world.browser();
    world.sign_in(&again, "microsoft", claims(TENANT, "victim")).await;
    assert_eq!(who(&again).await.as_deref(), Some("victim@acme.example"));
    let attacker = world.browser();
    wants_code(&world, &world.sign_in(&attacker, "microsoft", claims(TENANT, "attacker")).await).await;
    assert_eq!(who(&attacker).await, None, "another object of the tenant is another account");
    world.finish().await;
}

#[tokio::test]
async fn sec_47_an_existing_user_is_reached_only_through_their_mailbox_or_its_own_provider() {
    let world = World::new().await;
    let victim = world.app.sign_in("victim@acme.example").await;
    let unverified = |subject: &str| json!({"sub": subject, "email": "victim@acme.example", "email_verified": false});
    for (provider, claims) in [
        ("acme", unverified("eve-1")),
        ("acme", json!({"sub": "eve-1", "email": "victim@acme.example"})),
        ("other", unverified("eve-1")),
        ("other", person("eve-1", "victim@acme.example")),
    ] {
        let attacker = world.browser();
        wants_code(&world, &world.sign_in(&attacker, provider, claims.clone()).await).await;
        assert_eq!(who(&attacker).await, None, "{provider} {claims}");
        let page = attacker.submit("/sign-in/code", &[("code", "00000000"), ("to", "/")]).await;
        assert_eq!(page.status, 401);
    }
    world.app.deliver().await;
    assert!(world.facts().await.iter().all(|fact| !matches!(fact, Fact::AccountLinked { .. })));
    victim.get("/me").await.expect(200);

    // Verified, and by the provider that gives the mailbox out.
    let browser = world.browser();
    let answer = world.sign_in(&browser, "acme", person("victim-1", "victim@acme.example")).await;
    assert_eq!(answer.headers["location"], "/workspaces");
    assert_eq!(who(&browser).await.as_deref(), Some("victim@acme.example"));
    assert_eq!(victim.get("/me").await.problem(401), "unauthorized", "sec 33: a new way in ends other sessions");
    assert_eq!(linked(&browser).await, ["acme"]);
    world.finish().await;
}

#[tokio::test]
async fn sec_47_google_is_believed_for_a_workspace_only_where_the_account_is_of_it() {
    let world = World::new().await;
    let victim = world.app.sign_in("victim@acme.example").await;
    let claims = |subject: &str, hd: &Value| {
        let mut claims = person(subject, "victim@acme.example");
        if !hd.is_null() {
            claims["hd"] = hd.clone();
        }
        claims
    };
    // Whoever read one mail to the address once has an account that says so for ever.
    for hd in [Value::Null, json!(""), json!("evil.example"), json!("mail.acme.example")] {
        let attacker = world.browser();
        wants_code(&world, &world.sign_in(&attacker, "google", claims("eve-1", &hd)).await).await;
        assert_eq!(who(&attacker).await, None, "{hd}");
    }
    victim.get("/me").await.expect(200);
    let holder = world.browser();
    let answer = world.sign_in(&holder, "google", claims("victim-1", &json!("Acme.example"))).await;
    assert_eq!(answer.headers["location"], "/workspaces");
    assert_eq!(who(&holder).await.as_deref(), Some("victim@acme.example"));
    // The mailboxes of gmail.com are Google's own, and their accounts of no Workspace.
    let anybody = world.browser();
    world.sign_in(&anybody, "google", person("gus-1", "gus@gmail.com")).await;
    assert_eq!(who(&anybody).await.as_deref(), Some("gus@gmail.com"));
    world.finish().await;
}

#[tokio::test]
async fn sec_47_an_account_waits_for_the_code_of_its_address() {
    let world = World::new().await;
    // Somebody new: the code makes the user, and the account goes to it.
    let browser = world.browser();
    let claims = json!({"sub": "bob-1", "email": "bob@else.example", "email_verified": true, "name": "Bob Brown"});
    wants_code(&world, &world.sign_in(&browser, "other", claims.clone()).await).await;
    assert!(user(&world, "bob@else.example").await.is_none(), "nobody came to be before the proof");
    enter_code(&world, &browser, "bob@else.example").await;
    assert_eq!(who(&browser).await.as_deref(), Some("bob@else.example"));
    assert_eq!(linked(&browser).await, ["other"]);
    assert_eq!(user(&world, "bob@else.example").await.map(|user| user.name.to_string()), Some("Bob Brown".to_owned()));
    let again = world.browser();
    assert_eq!(world.sign_in(&again, "other", claims).await.headers["location"], "/workspaces");
    assert_eq!(who(&again).await.as_deref(), Some("bob@else.example"), "from then on without a code");

    // A code for another address than the provider told links nothing.
    let (browser, kept) = (world.browser(), world.browser());
    wants_code(&world, &world.sign_in(&browser, "other", person("eve-1", "carla@else.example")).await).await;
    browser.submit("/sign-in", &[("email", "eve@else.example"), ("to", "/workspaces")]).await;
    enter_code(&world, &browser, "eve@else.example").await;
    assert_eq!(who(&browser).await.as_deref(), Some("eve@else.example"));
    assert!(linked(&browser).await.is_empty());
    let reasons = world.facts().await;
    assert!(
        reasons
            .iter()
            .any(|fact| matches!(fact, Fact::AuthProviderRefused { reason, .. } if reason == "another_address"))
    );

    // In another browser nothing waits, and after ten minutes nowhere.
    wants_code(&world, &world.sign_in(&browser, "other", person("dan-1", "dan@else.example")).await).await;
    kept.submit("/sign-in", &[("email", "dan@else.example"), ("to", "/workspaces")]).await;
    enter_code(&world, &kept, "dan@else.example").await;
    assert!(linked(&kept).await.is_empty());
    world.app.clock.advance(Duration::from_secs(600));
    browser.submit("/sign-in", &[("email", "dan@else.example"), ("to", "/workspaces")]).await;
    enter_code(&world, &browser, "dan@else.example").await;
    assert!(linked(&browser).await.is_empty());
    world.finish().await;
}

/// Asks for an account to be linked; where the page leads, if it does.
async fn ask_to_link(browser: &Browser<'_>, provider: &str) -> Result<url::Url, Answer> {
    let page = browser.submit(&format!("/sign-in/accounts/{provider}/link"), &[]).await;
    let Some(target) = page.text.split("class=\"button\" href=\"").nth(1) else { return Err(page) };
    let target = target.split('"').next().expect("an address").replace("&#38;", "&").replace("&amp;", "&");
    Ok(url::Url::parse(&target).expect("an address"))
}

#[tokio::test]
async fn sec_47_somebody_who_has_just_proved_who_they_are_links_an_account() {
    let world = World::new().await;
    let (ada, elsewhere) = (world.browser(), world.browser());
    elsewhere.sign_in("ada@acme.example", "/workspaces").await;
    let page = ada.sign_in("ada@acme.example", "/workspaces").await;
    assert!(page.text.contains("/sign-in/accounts"), "{}", page.text);
    let page = ada.get("/sign-in/accounts").await;
    assert!(page.text.contains("Link Other") && !page.text.contains("Unlink"), "{}", page.text);
    // The account tells another address than the user has: it is their own all the same.
    let address = ask_to_link(&ada, "other").await.expect("it leads there");
    let back = world.agree("other", &address, person("ada-9", "ada@private.example"));
    let answer = world.back(&ada, "other", &back).await;
    assert_eq!(answer.headers["location"], "/sign-in/accounts");
    assert_eq!(linked(&ada).await, ["other"]);
    assert_eq!(who(&elsewhere).await, None, "sec 33: sessions elsewhere have ended");
    let other = world.browser();
    world.sign_in(&other, "other", person("ada-9", "ada@private.example")).await;
    assert_eq!(who(&other).await.as_deref(), Some("ada@acme.example"));

    // What is somebody else's stays so, and a second account of one provider is not taken.
    let bob = world.browser();
    bob.sign_in("bob@acme.example", "/workspaces").await;
    for (browser, subject, reason) in [(&bob, "ada-9", "account_taken"), (&ada, "ada-10", "provider_linked")] {
        let address = ask_to_link(browser, "other").await.expect("it leads there");
        let back = world.agree("other", &address, person(subject, "x@private.example"));
        world.refused(&world.back(browser, "other", &back).await);
        assert_eq!(world.reason().await, reason);
    }
    assert!(linked(&bob).await.is_empty());

    // Another session than the one that asked does not finish it, nor does nobody.
    let address = ask_to_link(&bob, "acme").await.expect("it leads there");
    let back = world.agree("acme", &address, person("bob-1", "bob@acme.example"));
    let kept = bob.cookies();
    bob.sign_in("bob@acme.example", "/workspaces").await;
    bob.keep_of(&kept, "__Host-connect_oauth");
    world.refused(&world.back(&bob, "acme", &back).await);
    assert_eq!(world.reason().await, "session");
    assert!(linked(&bob).await.is_empty());
    world.finish().await;
}

#[tokio::test]
async fn sec_80_an_account_that_is_linked_is_told_with_who_from_where() {
    let world = World::new().await;
    let (ada, elsewhere) = (world.browser(), world.browser());
    elsewhere.sign_in("ada@acme.example", "/workspaces").await;
    ada.sign_in("ada@acme.example", "/workspaces").await;
    let address = ask_to_link(&ada, "other").await.expect("it leads there");
    let back = world.agree("other", &address, person("ada-9", "ada@private.example"));
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(&back);
    let callback = format!("/api/v1/auth/oauth/other/callback?{}", query.finish());
    let answer = ada.send(Request::get(callback).header("user-agent", "Browser/1.0"), String::new()).await;
    assert_eq!(answer.headers["location"], "/sign-in/accounts");
    let list = EventList { limit: Limit::MAX, ..EventList::default() };
    let events = world.app.desk.store().events(WorkspaceId::DIRECTORY, list).await.expect("events");
    for name in ["user.account_linked", "auth.sessions_ended"] {
        let event = events.iter().find(|event| event.fact.name() == name).expect(name);
        assert_eq!(event.method.as_deref(), Some("email_code"), "{event:?}");
        let agent = event.origin.as_ref().and_then(|origin| origin.agent.as_deref());
        assert_eq!(agent, Some("Browser/1.0"), "{event:?}");
        assert_eq!(event.request_id.as_deref(), answer.headers["x-request-id"].to_str().ok(), "{event:?}");
    }
    world.finish().await;
}

#[tokio::test]
async fn sec_47_linking_and_unlinking_need_a_recent_proof_and_a_form_of_the_desk() {
    let world = World::new().await;
    let ada = world.browser();
    world.sign_in(&ada, "acme", person("ada-1", "ada@acme.example")).await;
    world.app.clock.advance(Duration::from_secs(5 * 60));
    let address = ask_to_link(&ada, "other").await.expect("it leads there");
    world.app.clock.advance(Duration::from_secs(5 * 60 + 1));
    let late = world.agree("other", &address, person("ada-9", "ada@acme.example"));
    world.refused(&world.back(&ada, "other", &late).await);
    assert_eq!(world.reason().await, "step_up", "it was too long ago when the browser came back");
    let page = ask_to_link(&ada, "other").await.expect_err("the proof is too old");
    assert!(page.text.contains("Confirm that it is you"), "{}", page.text);
    let page = ada.submit("/sign-in/accounts/acme/unlink", &[]).await;
    assert!(page.text.contains("Confirm that it is you"), "{}", page.text);
    let request = Request::builder().method(Method::DELETE).uri("/api/v1/me/accounts/acme");
    assert_eq!(ada.send(request, String::new()).await.problem(403), "step_up_required");
    assert_eq!(linked(&ada).await, ["acme"]);

    // Signing in again proves it again.
    world.sign_in(&ada, "acme", person("ada-1", "ada@acme.example")).await;
    let elsewhere = world.browser();
    world.sign_in(&elsewhere, "acme", person("ada-1", "ada@acme.example")).await;
    let form = Request::post("/sign-in/accounts/acme/unlink")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "cross-site");
    assert_eq!(world.app.anonymous().send(form.body(axum::body::Body::empty()).expect("a request")).await.status, 403);
    let page = ada.submit("/sign-in/accounts/acme/unlink", &[]).await;
    assert!(page.text.contains("Link Acme") && !page.text.contains("Unlink"), "{}", page.text);
    assert_eq!(who(&elsewhere).await, None, "sec 33: sessions elsewhere have ended");
    assert!(world.facts().await.iter().any(|fact| matches!(fact, Fact::AccountUnlinked { .. })));
    assert_eq!(ada.submit("/sign-in/accounts/acme/unlink", &[]).await.status, 404);
    world.finish().await;
}

#[tokio::test]
async fn sec_48_a_provider_changes_name_picture_and_language_and_nothing_else() {
    let world = World::new().await;
    let browser = world.browser();
    let claims = |name: &str, picture: &str| {
        json!({
            "sub": "ada-1", "email": "ada@acme.example", "email_verified": true, "name": name, "picture": picture,
            "locale": "de-AT", "role": "owner", "roles": ["admin"], "groups": ["owners"], "disabled": false,
        })
    };
    world.sign_in(&browser, "acme", claims("Ada", "https://img.example/1.png")).await;
    let first = user(&world, "ada@acme.example").await.expect("a user");
    let me = open(&browser, "/api/v1/me").await.expect(200);
    assert_eq!(me["user"]["avatar_url"], "https://img.example/1.png");
    assert_eq!((&me["user"]["name"], &me["user"]["locale"]), (&json!("Ada"), &json!("de-AT")));
    assert_eq!(me["workspaces"], json!([]), "no membership comes of it");

    let mut second = claims("Ada Lovelace", "javascript:alert(1)");
    second["email"] = "root@acme.example".into();
    world.sign_in(&browser, "acme", second).await;
    let after = user(&world, "ada@acme.example").await.expect("the address is as it was");
    assert_eq!(after.name.to_string(), "Ada Lovelace", "a name that nobody chose here follows");
    assert_eq!(after.avatar_url, first.avatar_url, "what is no picture is left out");
    let facts = world.facts().await;
    let changes: Vec<&Vec<String>> = facts
        .iter()
        .filter_map(|fact| match fact {
            Fact::UserUpdated { user, fields } if *user == after.id => Some(fields),
            _ => None,
        })
        .collect();
    assert_eq!(
        changes,
        [&vec!["name".to_owned(), "avatar_url".to_owned(), "locale".to_owned()], &vec!["name".to_owned()]]
    );

    // A name of the person's own choice stays.
    let name = connect_core::Name::parse("name", "Countess").expect("a name");
    world.app.desk.users().rename(after.id, name).await.expect("renamed");
    world.sign_in(&browser, "acme", claims("Augusta Ada", "https://img.example/2.png")).await;
    let last = user(&world, "ada@acme.example").await.expect("a user");
    assert_eq!(last.name.to_string(), "Countess");
    assert_eq!(last.avatar_url.as_ref().map(connect_core::user::PictureUrl::as_str), Some("https://img.example/2.png"));
    let before = world.facts().await.len();
    world.sign_in(&browser, "acme", claims("Augusta Ada", "https://img.example/2.png")).await;
    let new = world.facts().await.split_off(before);
    assert!(new.iter().all(|fact| !matches!(fact, Fact::UserUpdated { .. })), "nothing new is no change: {new:?}");
    world.finish().await;
}

#[tokio::test]
async fn github_tells_an_account_by_its_number_and_a_verified_primary_address() {
    let world = World::new().await;
    let mailbox = |email: &str, primary: bool, verified: bool| json!({"email": email, "primary": primary, "verified": verified, "visibility": null});
    let account =
        |id: u64, login: &str| json!({"id": id, "login": login, "name": null, "avatar_url": "https://img.example/a"});
    let browser = world.browser();
    world.other.on_github(
        account(7, "ada"),
        json!([mailbox("old@else.example", false, true), mailbox("ada@else.example", true, true)]),
    );
    wants_code(&world, &world.sign_in(&browser, "github", json!({})).await).await;
    enter_code(&world, &browser, "ada@else.example").await;
    assert_eq!(linked(&browser).await, ["github"]);
    assert_eq!(user(&world, "ada@else.example").await.map(|user| user.name.to_string()), Some("ada".to_owned()));
    // Another name and address, the same number.
    world.other.on_github(account(7, "countess"), json!([mailbox("new@else.example", true, true)]));
    let again = world.browser();
    world.sign_in(&again, "github", json!({})).await;
    assert_eq!(who(&again).await.as_deref(), Some("ada@else.example"));
    // The same name, another number: an account that was given up and taken by somebody else.
    world.other.on_github(account(8, "ada"), json!([mailbox("ada@else.example", true, true)]));
    let heir = world.browser();
    wants_code(&world, &world.sign_in(&heir, "github", json!({})).await).await;
    assert_eq!(who(&heir).await, None);
    // No address that is both: the person signs in with a code first.
    for mailboxes in
        [json!([]), json!([mailbox("x@else.example", true, false), mailbox("y@else.example", false, true)])]
    {
        world.other.on_github(account(9, "bob"), mailboxes);
        let browser = world.browser();
        let page = world.sign_in(&browser, "github", json!({})).await;
        assert_eq!(page.status, 401);
        assert!(page.text.contains("tells no address of yours"), "{}", page.text);
        assert_eq!(world.reason().await, "no_address");
        assert_eq!(who(&browser).await, None);
    }
    let broken: Value = json!({"login": "no number"});
    world.other.on_github(broken, json!([]));
    world.refused(&world.sign_in(&world.browser(), "github", json!({})).await);
    world.app.deliver().await;
    world.finish().await;
}

#[tokio::test]
async fn sec_51_no_workspace_has_a_say_in_how_people_sign_in() {
    let (app, _, owner, _) = crate::app::TestApp::acme().await;
    for setting in ["sso", "providers", "oidc_issuer", "domains", "authoritative_domains"] {
        let answer = owner.patch("/workspaces/acme", &json!({setting: "https://id.evil.example"})).await;
        assert_eq!(answer.problem(422), "invalid", "{setting}");
    }
    app.finish().await;
}

#[tokio::test]
async fn sec_47_a_user_whom_nobody_has_seen_is_reached_by_a_code_and_keeps_no_account_of_before() {
    let world = World::new().await;
    let email = EmailAddress::parse("email", "carla@acme.example").expect("an address");
    let registered = world.app.desk.users().register(&email, None).await.expect("registered");
    // Somebody got at the account before its holder came.
    let key = AccountKey { provider: "acme".into(), issuer: world.acme.issuer.clone(), subject: "eve-1".into() };
    assert!(world.app.desk.users().link(registered.id, &key).await.expect("linked"));
    let carla = world.browser();
    wants_code(&world, &world.sign_in(&carla, "acme", person("carla-1", "carla@acme.example")).await).await;
    assert_eq!(who(&carla).await, None, "the provider's word alone is not enough here");
    enter_code(&world, &carla, "carla@acme.example").await;
    assert_eq!(who(&carla).await.as_deref(), Some("carla@acme.example"));
    let accounts = world.app.desk.users().accounts(registered.id).await.expect("read");
    let subjects: Vec<&str> = accounts.iter().map(|account| account.key.subject.as_str()).collect();
    assert_eq!(subjects, ["carla-1"], "sec 22: the first proof ends what was linked before");
    let eve = world.browser();
    wants_code(&world, &world.sign_in(&eve, "acme", json!({"sub": "eve-1", "email": "eve@acme.example"})).await).await;
    assert_eq!(who(&eve).await, None);
    world.finish().await;
}
