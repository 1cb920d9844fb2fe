use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use connect_auth::AuthSettings;
use connect_core::store::Quota;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::app::{Answer, TestApp, settings};
use crate::pages::Browser;

const DAY: Duration = Duration::from_secs(24 * 3600);

async fn post(browser: &Browser<'_>, path: &str, body: &Value) -> Answer {
    let request = Request::post(format!("/api/v1{path}")).header("content-type", "application/json");
    browser.send(request, body.to_string()).await
}

fn wrong(code: &str) -> String {
    code.chars().map(|c| if c == '9' { '0' } else { '9' }).collect()
}

fn is_long(app: &TestApp, email: &str) -> bool {
    app.code(email).replace(' ', "").len() == 10
}

/// Strangers ask for so many codes, and enter three wrong ones for each.
async fn attack(app: &TestApp, email: &str, codes: usize) {
    for _ in 0..codes {
        let issued = app.ask_code(email).await;
        for _ in 0..3 {
            app.verify(&issued, &wrong(&app.code(email))).await.problem(401);
        }
        // There are only so many live codes at once.
        app.clock.advance(Duration::from_secs(5 * 60));
    }
}

#[tokio::test]
async fn sec_18_strangers_do_not_spend_what_a_known_browser_has() {
    let app = TestApp::new();
    let known = Browser::new(&app);
    let asked = known.sign_in("ada@example.org", "/workspaces").await;
    assert!(asked.text.contains("Workspaces"), "{}", asked.text);
    known.submit("/sign-out", &[]).await;
    attack(&app, "ada@example.org", 2).await;
    app.ask_code("ada@example.org").await;
    assert!(is_long(&app, "ada@example.org"), "unknown browsers get long codes");
    known.submit("/sign-in", &[("email", "ada@example.org")]).await;
    app.deliver().await;
    assert!(!is_long(&app, "ada@example.org"), "the known one has a budget of its own");
    let page = known.submit("/sign-in/code", &[("code", &app.code("ada@example.org")), ("to", "/workspaces")]).await;
    assert!(page.text.contains("Workspaces"), "{}", page.text);
    known.submit("/sign-out", &[]).await;
    // Its own failures it does spend.
    for _ in 0..2 {
        known.submit("/sign-in", &[("email", "ada@example.org")]).await;
        app.deliver().await;
        let code = app.code("ada@example.org");
        for _ in 0..3 {
            assert_eq!(known.submit("/sign-in/code", &[("code", &wrong(&code))]).await.status, 401);
        }
    }
    known.submit("/sign-in", &[("email", "ada@example.org")]).await;
    app.deliver().await;
    assert!(is_long(&app, "ada@example.org"), "then it gets long codes too, and is not locked out");
    let page = known.submit("/sign-in/code", &[("code", &app.code("ada@example.org")), ("to", "/workspaces")]).await;
    assert!(page.text.contains("Workspaces"), "{}", page.text);
    // For another account it is as unknown as any other.
    attack(&app, "bob@example.org", 2).await;
    known.submit("/sign-out", &[]).await;
    known.submit("/sign-in", &[("email", "bob@example.org")]).await;
    app.deliver().await;
    assert!(is_long(&app, "bob@example.org"));
    app.finish().await;
}

#[tokio::test]
async fn sec_18_the_cookie_of_a_known_browser_is_for_the_desk_only() {
    let app = TestApp::new();
    let asked = app.anonymous().post("/auth/otp/request", &json!({"email": "ada@example.org"})).await;
    app.deliver().await;
    let cookie = asked.headers["set-cookie"].to_str().expect("text").split(';').next().expect("a pair").to_owned();
    let body = json!({"challenge_id": asked.json()["challenge_id"], "code": app.code("ada@example.org")}).to_string();
    let headers = [("cookie", cookie.as_str()), ("sec-fetch-site", "same-origin")];
    let answer = app.anonymous().call(axum::http::Method::POST, "/auth/otp/verify", &headers, Some(&body)).await;
    let set = answer.headers.get_all("set-cookie").iter().map(|value| value.to_str().expect("text"));
    let device = set.into_iter().find(|value| value.contains("_device=")).expect("a device cookie");
    for part in
        ["__Host-connect_device=dev_", "; Path=/", "; Max-Age=15552000", "; HttpOnly", "; SameSite=Lax", "; Secure"]
    {
        assert!(device.contains(part), "{part} in {device}");
    }
    assert!(!answer.text.contains("dev_"), "it is in no body");
    app.finish().await;
}

#[tokio::test]
async fn sec_17_after_a_hundred_failures_in_a_row_short_codes_are_off_until_somebody_signs_in() {
    let app = TestApp::new();
    let known = Browser::new(&app);
    known.sign_in("ada@example.org", "/workspaces").await;
    attack(&app, "ada@example.org", 33).await;
    app.clock.advance(DAY);
    app.ask_code("ada@example.org").await;
    assert!(!is_long(&app, "ada@example.org"), "99 failures in a row: a new day has short codes");
    attack(&app, "ada@example.org", 1).await;
    app.clock.advance(DAY);
    let issued = app.ask_code("ada@example.org").await;
    assert!(is_long(&app, "ada@example.org"), "a hundred failures in a row: a new day changes nothing");
    let code = app.code("ada@example.org");
    known.submit("/sign-in", &[("email", "ada@example.org")]).await;
    app.deliver().await;
    assert!(!is_long(&app, "ada@example.org"), "a known browser goes on");
    app.verify(&issued, &code).await.expect(200);
    app.ask_code("ada@example.org").await;
    assert!(!is_long(&app, "ada@example.org"), "a proof ends the row");
    app.finish().await;
}

#[tokio::test]
async fn sec_18_a_known_browser_has_its_own_mails() {
    let quotas = connect_auth::Quotas { sends_per_address: Quota::per_seconds(3, 900), ..settings().quotas };
    let app = TestApp::with(AuthSettings { quotas, ..settings() });
    let known = Browser::new(&app);
    known.sign_in("ada@example.org", "/workspaces").await;
    for _ in 0..5 {
        app.ask_code("ada@example.org").await;
    }
    let before = app.mail.mails().len();
    app.ask_code("ada@example.org").await;
    assert_eq!(app.mail.mails().len(), before, "strangers have had their share");
    for expected in [1, 2, 3, 3] {
        known.submit("/sign-in", &[("email", "ada@example.org"), ("to", "/")]).await;
        // Signed in already or not: the form sends a code.
        app.deliver().await;
        assert_eq!(app.mail.mails().len(), before + expected);
        app.clock.advance(Duration::from_secs(60));
    }
    app.finish().await;
}

#[tokio::test]
async fn sec_84_a_sign_in_with_an_unknown_browser_is_mailed() {
    let app = TestApp::new();
    let known = Browser::new(&app);
    known.sign_in("ada@example.org", "/workspaces").await;
    app.deliver().await;
    let alerts = || app.mail.mails().iter().filter(|kept| kept.mail.subject == "New sign-in to your account").count();
    assert_eq!(alerts(), 0, "the account was made with this browser");
    app.clock.advance(Duration::from_secs(3600));
    known.submit("/sign-out", &[]).await;
    known.sign_in("ada@example.org", "/workspaces").await;
    app.deliver().await;
    assert_eq!(alerts(), 0, "it is known");
    let asked =
        post(&Browser::new(&app), "/auth/otp/request", &json!({"email": "ada@example.org", "token": true})).await;
    app.deliver().await;
    let code = app.code("ada@example.org");
    let verify = json!({
        "challenge_id": asked.json()["challenge_id"], "challenge_secret": asked.json()["challenge_secret"], "code": code,
    });
    let request = Request::post("/api/v1/auth/otp/verify").header("content-type", "application/json");
    let request = request.header("user-agent", "<b>evil</b> https://evil.example").body(Body::from(verify.to_string()));
    app.anonymous().send(request.expect("a request")).await.expect(200);
    app.deliver().await;
    assert_eq!(alerts(), 1);
    let mail = app.mail_to("ada@example.org").mail;
    assert!(!mail.text.contains("evil") && !mail.html.contains("evil"), "sec 79: no word of anybody else's");
    app.finish().await;
}

/// Does the work that a puzzle asks for.
pub fn solve(puzzle: &str, email: &str) -> String {
    let bits: u32 = puzzle.split('.').nth(2).expect("bits").parse().expect("a number");
    let fits = |proof: &String| {
        let hash = Sha256::digest(format!("{proof} {email}"));
        u64::from_be_bytes(hash[..8].try_into().expect("eight bytes")).leading_zeros() >= bits
    };
    (0_u64..1 << 32).map(|number| format!("{puzzle}.{number}")).find(fits).expect("there is one")
}

#[tokio::test]
async fn work_is_asked_for_instead_of_silence() {
    let quotas = connect_auth::Quotas { sends_per_address_a_day: Quota::per_seconds(2, 86400), ..settings().quotas };
    let app = TestApp::with(AuthSettings { quotas, puzzle_bits: 16, ..settings() });
    let ask = async |proof: Option<&str>| {
        let mut body = json!({"email": "ada@example.org", "token": true});
        if let Some(proof) = proof {
            body["proof"] = proof.into();
        }
        let answer = app.anonymous().post("/auth/otp/request", &body).await;
        app.deliver().await;
        (answer.expect(202), app.mail.mails().len())
    };
    let (first, mails) = ask(None).await;
    assert_eq!(mails, 1);
    assert_eq!(ask(None).await.1, 2);
    let (silent, mails) = ask(None).await;
    assert_eq!(mails, 2, "the address has had its share of the day");
    let names = |body: &Value| body.as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&silent), names(&first), "sec 19: everybody is offered a puzzle, so nobody is told more");
    let proof = solve(silent["puzzle"].as_str().expect("a puzzle"), "ada@example.org");
    let elsewhere = solve(first["puzzle"].as_str().expect("a puzzle"), "bob@example.org");
    assert_eq!(ask(Some(&elsewhere)).await.1, 2, "work for another address");
    assert_eq!(ask(Some("nonsense")).await.1, 2, "no work at all");
    let (issued, mails) = ask(Some(&proof)).await;
    assert_eq!(mails, 3, "work was done, so a mail leaves");
    app.verify(&issued, &app.code("ada@example.org")).await.expect(200);
    assert_eq!(ask(Some(&proof)).await.1, 3, "work counts once");
    let page = Browser::new(&app).get("/sign-in").await.text;
    let puzzle = page.split("data-puzzle=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a puzzle");
    let proof = solve(puzzle, "ada@example.org");
    let form = [("email", "ada@example.org"), ("proof", proof.as_str()), ("again", "yes")];
    Browser::new(&app).submit("/sign-in", &form).await;
    app.deliver().await;
    assert_eq!(app.mail.mails().len(), 4, "the page's own puzzle counts as well");
    app.finish().await;
}
