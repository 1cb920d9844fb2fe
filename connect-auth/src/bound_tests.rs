use std::sync::Arc;

use connect_core::notify::MailIdentity;
use connect_core::store::Quota;
use connect_core::testing::{ManualClock, SeededRandom};
use connect_core::{AuthStore, Desk, DeskSettings, EmailAddress};
use connect_store::{MemoryLimiter, MemoryStore};

use super::*;
use crate::{Auth, Client, CodeRequest, KeyRing, Quotas, RoleMatrix, SignInError, VerifyCode};

#[test]
fn sec_17_the_bound_is_the_one_that_the_documents_promise() {
    let near = |seen: f64, said: f64| (seen / said - 1.0).abs() < 0.01;
    let eight = AuthSettings::default();
    assert!(near(eight.bound().per_day(), 5.0e-8), "{}", eight.bound());
    assert!(near(eight.bound().with_stolen(2), 15.0e-8), "each stolen cookie adds its own budget");
    let six = AuthSettings { code_form: CodeForm::Digits(6), ..AuthSettings::default() };
    assert!(near(six.bound().per_day(), 5.0e-6), "{}", six.bound());
    let many = AuthSettings { failures_a_day: 99, ..AuthSettings::default() };
    assert!(near(many.bound().per_day(), 9.9e-7), "{}", many.bound());
    let long = AuthSettings { code_form: CodeForm::Long(10), ..AuthSettings::default() };
    assert!(long.bound().per_day() < 1e-10, "{}", long.bound());
    let documents = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/security.md");
    let documents = std::fs::read_to_string(documents).expect("docs/security.md is there");
    assert!(documents.contains(&eight.bound().to_string()), "docs/security.md must hold:\n{}", eight.bound());
}

/// The real service, with codes of four digits and 99 guesses a day, so that guessing succeeds now and then.
#[tokio::test]
async fn sec_17_guessing_succeeds_as_often_as_the_bound_says() {
    const ACCOUNTS: u32 = 1000;
    let free = Quota::per_seconds(1_000_000, 60);
    let quotas = Quotas {
        sends_per_address: free,
        sends_per_address_a_day: free,
        paid_sends_per_address: free,
        sends_per_ip: free,
        sends_per_site: free,
        addresses_per_ip: free,
        failures_per_ip: free,
        failures_per_site: free,
        oauth_starts: free,
        oauth_starts_per_site: free,
        passkey_starts: free,
        requests: free,
        mails: free,
    };
    let settings = AuthSettings {
        code_form: CodeForm::Digits(4),
        failures_a_day: 99,
        max_attempts: 5,
        live_codes: 100,
        quotas,
        ..AuthSettings::default()
    };
    let bound = settings.bound();
    let (store, clock) = (Arc::new(MemoryStore::new()), Arc::new(ManualClock::default()));
    let keys = KeyRing::new("a secret of at least 32 characters", Vec::new()).expect("long enough");
    let builder = Auth::unchecked(store.clone(), Arc::new(MemoryLimiter::new()), keys, settings);
    let from = EmailAddress::parse("from", "desk@desk.example").expect("an address");
    let desk = Desk::builder(store.clone(), Arc::new(RoleMatrix))
        .clock(clock.clone())
        .random(Arc::new(SeededRandom::new(17)))
        .build(DeskSettings::new("https://desk.example", MailIdentity { name: None, address: from }));
    let auth = builder.build(desk);
    let (mut looked_at, mut taken_over) = (0_u32, 0_u32);
    for account in 0..ACCOUNTS {
        let email = EmailAddress::parse("email", &format!("a{account}@example.org")).expect("an address");
        let mut guess = account % 97;
        'day: loop {
            let client = Client::default();
            let request =
                CodeRequest { email: email.clone(), held: None, workspace: None, proof: None, client: client.clone() };
            let issued = auth.request_code(request).await.expect("issued");
            let challenge = store.challenge(issued.id).await.expect("read").expect("kept");
            if !is_short(challenge.form) {
                break;
            }
            for _ in 0..5 {
                guess = (guess + 1) % 10_000;
                let verify = VerifyCode {
                    id: issued.id,
                    secret: Some(issued.secret.clone()),
                    code: format!("{guess:04}"),
                    replaces: None,
                    client: client.clone(),
                };
                match auth.verify_code(verify).await {
                    Ok(_) => {
                        // It gives back what it cost.
                        (looked_at, taken_over) = (looked_at + 1, taken_over + 1);
                        break 'day;
                    }
                    Err(SignInError::NotRight { .. }) => {}
                    Err(SignInError::Other(error)) => panic!("{error}"),
                }
            }
        }
        looked_at += store.spent(email.canonical(), auth.desk().now()).await.expect("read");
        // Long enough that the alarm is over, and what has ended goes.
        clock.advance(Duration::from_secs(2 * 3600));
        auth.sweep().await.expect("swept");
    }
    assert!(looked_at <= ACCOUNTS * 99 && looked_at > ACCOUNTS * 90, "the budget is what counts: {looked_at}");
    let expected = f64::from(ACCOUNTS) * bound.short_guesses / bound.short_codes;
    let error = 3.0 * expected.sqrt();
    assert!(
        (f64::from(taken_over) - expected).abs() < error,
        "{taken_over} of {expected} expected, give or take {error}"
    );
}
