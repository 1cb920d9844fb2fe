//! The mail about accounts that sign somebody in from now on, or no more.

use std::time::Duration;

use serde_json::json;

use super::world::{World, person, who};
use crate::notices::about;

const LINKED: &str = "Another way to sign in to your account";
const REMOVED: &str = "A way to sign in to your account was removed";

#[tokio::test]
async fn sec_84_the_person_is_mailed_about_an_account_that_is_linked_or_unlinked() {
    let world = World::new().await;
    world.app.sign_in("ada@acme.example").await;
    world.app.clock.advance(Duration::from_secs(3600));
    let browser = world.browser();
    let claims = json!({
        "sub": "evil-subject", "email": "ada@acme.example", "email_verified": true, "name": "Evil https://evil.example",
    });
    world.sign_in(&browser, "acme", claims.clone()).await;
    assert_eq!(who(&browser).await.as_deref(), Some("ada@acme.example"));
    world.app.deliver().await;
    let mails = about(&world.app, LINKED);
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].to.as_str(), "ada@acme.example");
    assert!(mails[0].text.contains("an account at acme signs"), "{}", mails[0].text);
    assert!(mails[0].text.contains("https://desk.example/sign-in/accounts"), "{}", mails[0].text);
    assert!(!mails[0].text.to_lowercase().contains("evil"), "sec 79: no word of the provider's stands in it");

    world.sign_in(&browser, "acme", claims).await;
    world.app.deliver().await;
    assert_eq!(about(&world.app, LINKED).len(), 1, "it is linked already");

    assert_eq!(browser.submit("/sign-in/accounts/acme/unlink", &[]).await.status, 200);
    world.app.deliver().await;
    let mails = about(&world.app, REMOVED);
    assert_eq!(mails.len(), 1);
    assert!(mails[0].to.as_str() == "ada@acme.example" && mails[0].text.contains("account at acme"), "{mails:?}");
    world.finish().await;
}

#[tokio::test]
async fn nobody_is_mailed_about_the_account_they_have_just_come_with() {
    let world = World::new().await;
    let (vouched, coded) = (world.browser(), world.browser());
    world.sign_in(&vouched, "acme", person("ada-1", "ada@acme.example")).await;
    world.sign_in(&coded, "other", person("bob-1", "bob@else.example")).await;
    world.app.deliver().await;
    coded.submit("/sign-in/code", &[("code", &world.app.code("bob@else.example")), ("to", "/workspaces")]).await;
    assert_eq!(who(&coded).await.as_deref(), Some("bob@else.example"));
    assert_eq!(world.app.desk.users().accounts(user(&world, "bob@else.example").await).await.expect("read").len(), 1);
    world.app.deliver().await;
    assert!(about(&world.app, LINKED).is_empty());
    world.finish().await;
}

async fn user(world: &World, email: &str) -> connect_core::UserId {
    let email = connect_core::EmailAddress::parse("email", email).expect("an address");
    world.app.desk.users().find(&email).await.expect("read").expect("a user").id
}
