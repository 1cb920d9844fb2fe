use std::collections::BTreeSet;
use std::time::Duration;

use axum::http::Method;
use connect_auth::{AuthSettings, SignUp};
use connect_core::store::Quota;
use serde_json::{Value, json};

use crate::app::{Answer, TestApp, settings};

#[tokio::test]
async fn a_code_signs_in_with_a_cookie_or_a_token() {
    let app = TestApp::new();
    let user = app.sign_in("ada@example.org").await;
    let me = user.get("/me").await.expect(200);
    assert_eq!(me["user"]["email"], "ada@example.org");

    // A browser: the challenge and the session are cookies, and no secret is in a body.
    let asked = app.anonymous().post("/auth/otp/request", &json!({"email": "ada@example.org"})).await;
    let issued = asked.expect(202);
    assert!(issued.get("challenge_secret").is_none());
    let cookie = asked.headers["set-cookie"].to_str().expect("text").to_owned();
    assert!(cookie.starts_with("__Host-connect_challenge="), "{cookie}");
    app.deliver().await;
    let body = json!({"challenge_id": issued["challenge_id"], "code": app.code("ada@example.org")}).to_string();
    let pair = cookie.split(';').next().expect("a pair");
    let headers = [("cookie", pair), ("sec-fetch-site", "same-origin")];
    let verified = app.anonymous().call(Method::POST, "/auth/otp/verify", &headers, Some(&body)).await;
    assert!(verified.expect(200)["session"].get("token").is_none(), "no token unless asked for");
    let session = verified
        .headers
        .get_all("set-cookie")
        .iter()
        .map(|c| c.to_str().expect("text"))
        .find(|c| c.contains("_session="));
    let session = session.expect("a session cookie");
    for part in ["__Host-connect_session=cns_", "; Path=/", "; HttpOnly", "; SameSite=Lax", "; Secure"] {
        assert!(session.contains(part), "sec 36: {part} in {session}");
    }
    assert!(!session.contains("Domain"));
    let pair = session.split(';').next().expect("a pair");
    app.anonymous().call(Method::GET, "/me", &[("cookie", pair)], None).await.expect(200);
    app.finish().await;
}

#[tokio::test]
async fn sec_03_parallel_right_code_gives_one_session() {
    let app = TestApp::new();
    let issued = app.ask_code("ada@example.org").await;
    let code = app.code("ada@example.org");
    let outcomes = futures::future::join_all((0..50).map(|_| app.verify(&issued, &code))).await;
    assert_eq!(outcomes.iter().filter(|answer| answer.status == 200).count(), 1);
    let token = outcomes.iter().find(|a| a.status == 200).map(|a| a.json()["session"]["token"].clone()).expect("one");
    let sessions =
        app.anonymous().call(Method::GET, "/auth/sessions", &[("authorization", &bearer(&token))], None).await;
    assert_eq!(sessions.expect(200)["data"].as_array().map(Vec::len), Some(1));
    app.finish().await;
}

fn bearer(token: &Value) -> String {
    format!("Bearer {}", token.as_str().expect("a token"))
}

fn wrong(code: &str) -> String {
    code.chars()
        .map(|c| {
            if c == '9' {
                '0'
            } else if c.is_ascii_digit() {
                char::from(c as u8 + 1)
            } else {
                c
            }
        })
        .collect()
}

#[tokio::test]
async fn sec_04_parallel_wrong_guesses_are_counted_exactly() {
    let app = TestApp::new();
    let issued = app.ask_code("ada@example.org").await;
    let code = app.code("ada@example.org");
    let bad = wrong(&code);
    let outcomes = futures::future::join_all((0..200).map(|_| app.verify(&issued, &bad))).await;
    assert!(outcomes.iter().all(|answer| answer.status == 401));
    let told: Vec<u64> = outcomes.iter().filter_map(|a| a.json()["attempts_remaining"].as_u64()).collect();
    assert_eq!(told.iter().copied().collect::<BTreeSet<_>>(), [0, 1, 2].into(), "three were evaluated");
    assert_eq!(told.len(), 3);
    assert_eq!(app.verify(&issued, &code).await.problem(401), "code_not_right", "the right code afterwards fails");
    app.finish().await;
}

#[tokio::test]
async fn sec_05_a_guess_whose_client_hangs_up_stays_counted() {
    let app = TestApp::new();
    let issued = app.ask_code("ada@example.org").await;
    let code = app.code("ada@example.org");
    for _ in 0..3 {
        let bad = wrong(&code);
        let guess = app.verify(&issued, &bad);
        // The client goes away after the first time the handler has to wait, or is just answered.
        let _ = tokio::time::timeout(Duration::from_millis(20), guess).await;
    }
    assert_eq!(app.verify(&issued, &code).await.problem(401), "code_not_right");
    app.finish().await;
}

#[tokio::test]
async fn sec_08_a_code_needs_its_challenge_secret_and_address() {
    let app = TestApp::new();
    let (ada, bob) = (app.ask_code("ada@example.org").await, app.ask_code("bob@example.org").await);
    let code = app.code("ada@example.org");
    assert_eq!(app.verify(&bob, &code).await.problem(401), "code_not_right", "another address");
    let mixed = json!({"challenge_id": ada["challenge_id"], "challenge_secret": bob["challenge_secret"]});
    assert_eq!(app.verify(&mixed, &code).await.problem(401), "code_not_right", "another secret");
    let none =
        app.anonymous().post("/auth/otp/verify", &json!({"challenge_id": ada["challenge_id"], "code": code})).await;
    assert_eq!(none.problem(401), "code_not_right", "no secret");
    assert!(none.json().get("attempts_remaining").is_none(), "sec 20: only the holder is told what remains");
    let unknown =
        json!({"challenge_id": "chl_00000000000000000000000000", "challenge_secret": ada["challenge_secret"]});
    assert_eq!(app.verify(&unknown, &code).await.problem(401), "code_not_right");
    app.verify(&ada, &code).await.expect(200);
    app.finish().await;
}

#[tokio::test]
async fn sec_09_an_address_in_the_verify_request_is_no_part_of_it() {
    let app = TestApp::new();
    let issued = app.ask_code("ada@example.org").await;
    let mut body = issued.clone();
    body["code"] = app.code("ada@example.org").into();
    body["email"] = "owner@example.org".into();
    let answer = app.anonymous().post("/auth/otp/verify", &body).await;
    assert_eq!(answer.problem(422), "invalid");
    app.finish().await;
}

#[tokio::test]
async fn sec_10_strangers_do_not_use_up_a_challenge() {
    let app = TestApp::new();
    let issued = app.ask_code("ada@example.org").await;
    let stranger = app.ask_code("mallory@example.org").await;
    let mixed = json!({"challenge_id": issued["challenge_id"], "challenge_secret": stranger["challenge_secret"]});
    for _ in 0..20 {
        app.verify(&mixed, "00000000").await.problem(401);
    }
    app.verify(&issued, &app.code("ada@example.org")).await.expect(200);
    app.finish().await;
}

async fn ask_again(app: &TestApp, cookie: &str, email: &str) -> Answer {
    let body = json!({"email": email}).to_string();
    let headers = [("cookie", cookie), ("sec-fetch-site", "same-origin")];
    let answer = app.anonymous().call(Method::POST, "/auth/otp/request", &headers, Some(&body)).await;
    app.deliver().await;
    answer
}

#[tokio::test]
async fn sec_11_another_code_keeps_count_and_end_and_the_older_fails() {
    let app = TestApp::new();
    let asked = app.anonymous().post("/auth/otp/request", &json!({"email": "ada@example.org"})).await;
    let issued = asked.expect(202);
    app.deliver().await;
    let older = app.code("ada@example.org");
    let cookie = asked.headers["set-cookie"].to_str().expect("text").split(';').next().expect("a pair").to_owned();
    app.clock.advance(Duration::from_secs(60));
    let again = ask_again(&app, &cookie, "ada@example.org").await.expect(202);
    assert_eq!((&again["challenge_id"], &again["expires_at"]), (&issued["challenge_id"], &issued["expires_at"]));
    let newer = app.code("ada@example.org");
    assert_ne!(older, newer);
    let enter = async |code: &str| {
        let body = json!({"challenge_id": issued["challenge_id"], "code": code}).to_string();
        let headers = [("cookie", cookie.as_str()), ("sec-fetch-site", "same-origin")];
        app.anonymous().call(Method::POST, "/auth/otp/verify", &headers, Some(&body)).await
    };
    assert_eq!(enter(&older).await.json()["attempts_remaining"], 2);
    enter(&newer).await.expect(200);
    app.finish().await;
}

#[tokio::test]
async fn sec_12_another_browser_does_not_end_a_live_code() {
    let app = TestApp::new();
    let first = app.ask_code("ada@example.org").await;
    let code = app.code("ada@example.org");
    for _ in 0..12 {
        app.ask_code("ada@example.org").await;
    }
    app.verify(&first, &code).await.expect(200);
    app.finish().await;
}

#[tokio::test]
async fn sec_15_a_code_signs_in_once_and_there_is_no_other_path_that_looks_at_one() {
    let app = TestApp::new();
    let issued = app.ask_code("ada@example.org").await;
    let code = app.code("ada@example.org");
    app.verify(&issued, &code).await.expect(200);
    assert_eq!(app.verify(&issued, &code).await.problem(401), "code_not_right");
    // The one line of the route table that takes a code.
    let table = include_str!("../../src/api/mod.rs");
    assert_eq!(table.matches("verify_code").count(), 1);
    app.finish().await;
}

#[tokio::test]
async fn sec_02_a_code_ends() {
    let app = TestApp::new();
    let issued = app.ask_code("ada@example.org").await;
    let code = app.code("ada@example.org");
    app.clock.advance(Duration::from_secs(300));
    assert_eq!(app.verify(&issued, &code).await.problem(401), "code_not_right");
    app.finish().await;
}

#[tokio::test]
async fn sec_17_after_five_failures_codes_are_long_and_nobody_is_locked_out() {
    let app = TestApp::new();
    for _ in 0..2 {
        let issued = app.ask_code("ada@example.org").await;
        let bad = wrong(&app.code("ada@example.org"));
        for _ in 0..3 {
            app.verify(&issued, &bad).await.problem(401);
        }
    }
    let issued = app.ask_code("ada@example.org").await;
    let code = app.code("ada@example.org");
    assert_eq!(code.replace(' ', "").len(), 10, "a long code: {code}");
    assert!(code.chars().any(|c| c.is_ascii_alphabetic()) || code.len() > 10);
    app.verify(&issued, &code.to_lowercase()).await.expect(200);

    // Whoever held a short code when the budget was spent by others asks again and gets a long one.
    let asked = app.anonymous().post("/auth/otp/request", &json!({"email": "bob@example.org"})).await;
    let held = asked.headers["set-cookie"].to_str().expect("text").split(';').next().expect("a pair").to_owned();
    for _ in 0..2 {
        let issued = app.ask_code("bob@example.org").await;
        let bad = wrong(&app.code("bob@example.org"));
        for _ in 0..3 {
            app.verify(&issued, &bad).await.problem(401);
        }
    }
    let again = ask_again(&app, &held, "bob@example.org").await.expect(202);
    assert_ne!(again["challenge_id"], asked.json()["challenge_id"]);
    assert_eq!(app.code("bob@example.org").replace(' ', "").len(), 10);
    app.clock.advance(Duration::from_secs(24 * 3600));
    app.ask_code("ada@example.org").await;
    assert_eq!(app.code("ada@example.org").replace(' ', "").len(), 8, "after a day short codes are back");
    app.finish().await;
}

#[tokio::test]
async fn sec_14_the_code_is_in_the_mail_only() {
    let app = TestApp::new();
    let asked = app.anonymous().post("/auth/otp/request", &json!({"email": "ada@example.org", "token": true})).await;
    app.deliver().await;
    let code = app.code("ada@example.org").replace(' ', "");
    let mail = app.mail_to("ada@example.org").mail;
    assert!(!asked.text.contains(&code) && !mail.subject.contains(&code));
    assert!(!mail.subject.chars().any(|c| c.is_ascii_digit()));
    let id = asked.json()["challenge_id"].as_str().expect("id").parse().expect("an id");
    let _: connect_core::ChallengeId = id;
    let events =
        app.desk.store().events(connect_core::WorkspaceId::DIRECTORY, connect_core::store::EventList::default()).await;
    assert!(!serde_json::to_string(&events.expect("events")).expect("JSON").contains(&code));
    app.finish().await;
}

#[tokio::test]
async fn sec_19_known_unknown_disabled_and_throttled_addresses_look_alike() {
    let quotas = connect_auth::Quotas { sends_per_address: Quota::per_seconds(2, 900), ..settings().quotas };
    let app = TestApp::with(AuthSettings { sign_up: SignUp::Invited, quotas, ..settings() });
    let first = app.sign_in("first@example.org").await;
    first.post("/workspaces", &json!({"name": "Acme", "slug": "acme"})).await.expect(201);
    let off = app
        .desk
        .users()
        .find_or_create(&connect_core::EmailAddress::parse("e", "off@example.org").expect("address"), None)
        .await;
    app.desk.users().set_disabled(off.expect("a user").id, true).await.expect("disabled");
    let mut seen = Vec::new();
    for email in ["first@example.org", "nobody@example.org", "off@example.org", "first@example.org"] {
        let answer = app.anonymous().post("/auth/otp/request", &json!({"email": email, "token": true})).await;
        let mut names: Vec<String> = answer.headers.keys().map(ToString::to_string).collect();
        names.sort();
        let mut fields: Vec<String> = answer.expect(202).as_object().expect("an object").keys().cloned().collect();
        fields.sort();
        seen.push((names, fields, answer.text.len()));
    }
    assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "{seen:?}");
    app.deliver().await;
    let mails = app.mail.mails();
    assert!(mails.iter().all(|kept| kept.mail.to.as_str() == "first@example.org"), "only who may sign in gets a mail");
    assert_eq!(mails.len(), 2, "the third code within 15 minutes is not sent");
    app.finish().await;
}

#[tokio::test]
async fn sec_19_addresses_take_the_same_time() {
    let app = TestApp::with(AuthSettings { sign_up: SignUp::Invited, live_codes: 100, ..settings() });
    let first = app.sign_in("first@example.org").await;
    first.post("/workspaces", &json!({"name": "Acme", "slug": "acme"})).await.expect(201);
    let anonymous = app.anonymous();
    let mut times: [Vec<Duration>; 2] = [Vec::new(), Vec::new()];
    // In turn, so that whatever else the machine does falls on both alike; the clock moves so that codes end.
    for _ in 0..500 {
        for (place, email) in ["first@example.org", "nobody@example.org"].iter().enumerate() {
            let start = std::time::Instant::now();
            anonymous.post("/auth/otp/request", &json!({"email": email, "token": true})).await.expect(202);
            times[place].push(start.elapsed());
        }
        app.clock.advance(Duration::from_secs(10));
    }
    let [known, unknown] = times.map(|mut times| {
        times.sort_unstable();
        times[times.len() / 2].as_secs_f64()
    });
    let ratio = known / unknown;
    assert!((0.67..1.5).contains(&ratio), "medians of 500 each differ: {ratio}");
    app.finish().await;
}

#[tokio::test]
async fn sec_72_asking_and_guessing_are_limited_by_client() {
    let quotas = connect_auth::Quotas {
        sends_per_ip: Quota::per_seconds(3, 3600),
        failures_per_ip: Quota::per_seconds(2, 600),
        ..settings().quotas
    };
    let app = TestApp::with(AuthSettings { quotas, ..settings() });
    let issued = app.ask_code("ada@example.org").await;
    for _ in 0..2 {
        app.ask_code("bob@example.org").await;
    }
    let limited = app.anonymous().post("/auth/otp/request", &json!({"email": "eve@example.org"})).await;
    assert_eq!(limited.problem(429), "rate_limited");
    assert!(limited.headers.contains_key("retry-after"));
    let code = app.code("ada@example.org");
    for _ in 0..2 {
        app.verify(&issued, &wrong(&code)).await.problem(401);
    }
    assert_eq!(app.verify(&issued, &code).await.problem(429), "rate_limited", "guessing stops");
    app.clock.advance(Duration::from_secs(600));
    app.finish().await;
}
