//! Second factors: setting up, showing, guessing, losing.

use std::time::Duration;

use axum::http::Method;
use connect_auth::{AppSecret, AuthSettings, Client, step_at};
use connect_core::event::Fact;
use connect_core::record::RecordKind;
use connect_core::store::EventList;
use connect_core::user::SecondFactor;
use connect_core::{EmailAddress, Limit, WorkspaceId};
use connect_http::{Need, PERMISSIONS};
use futures::future::join_all;
use serde_json::json;

use crate::app::{TestApp, User, settings};
use crate::enrolled::{Enrolled, LATER, enrol, shown};
use crate::pages::Browser;
use crate::permissions::{PUBLIC_PAGES, routes};

const DAY: Duration = Duration::from_secs(24 * 3600);

async fn ada(settings: AuthSettings) -> (TestApp, Enrolled) {
    let app = TestApp::with(settings);
    let user = app.sign_in("ada@example.org").await;
    let ada = enrol(&app, &user).await;
    assert_eq!(user.get("/me").await.problem(401), "unauthorized", "sec 26: the token of before is dead");
    // The code that set it up is used, and so is its step.
    app.clock.advance(Duration::from_secs(60));
    (app, ada)
}

async fn facts(app: &TestApp) -> Vec<Fact> {
    let (mut facts, mut after) = (Vec::new(), 0);
    loop {
        let list = EventList { after, limit: Limit::MAX, ..EventList::default() };
        let events = app.desk.store().events(WorkspaceId::DIRECTORY, list).await.expect("events");
        let Some(last) = events.last() else { return facts };
        after = last.seq;
        facts.extend(events.into_iter().map(|event| event.fact));
    }
}

fn mails(app: &TestApp, subject: &str) -> usize {
    app.mail.mails().iter().filter(|kept| kept.mail.subject == subject).count()
}

#[tokio::test]
async fn sec_86_who_has_a_second_factor_is_nobody_until_it_is_shown() {
    let (app, ada) = ada(settings()).await;
    let issued = app.ask_code("ada@example.org").await;
    let answer = app.verify(&issued, &app.code("ada@example.org")).await.expect(200);
    assert_eq!(answer["second_factor_required"], true);
    assert_eq!(answer["workspaces"], json!([]), "where she belongs is told once it is sure who she is");
    let half = app.bearer(answer["session"]["token"].as_str().expect("a token"));
    assert_eq!(half.get("/me").await.problem(401), "second_factor_required");
    let seen = half.get("/auth/second-factor").await.expect(200);
    assert_eq!(seen["required"], true);
    assert_eq!(seen["methods"], json!(["totp", "recovery_code"]));
    assert_eq!(seen["user"]["email"], "ada@example.org");
    for bad in [ada.wrong(&app), String::new(), "x".repeat(1000), "0123456789ABCDEF".to_owned()] {
        let refused = half.post("/auth/second-factor", &json!({"code": bad})).await;
        assert_eq!(refused.problem(401), "code_not_right", "{bad}");
    }
    let shown = half.post("/auth/second-factor", &json!({"code": ada.code(&app, 0)})).await.expect(200);
    assert_eq!(shown["session"]["expires_at"], answer["session"]["expires_at"], "the absolute end stays");
    let full = half.with_token(shown["session"]["token"].as_str().expect("a token"));
    assert_eq!(full.get("/me").await.expect(200)["user"]["email"], "ada@example.org");
    assert_eq!(full.get("/auth/second-factor").await.expect(200)["required"], false);
    assert_eq!(half.get("/auth/second-factor").await.problem(401), "unauthorized", "sec 26: a new token");
    assert_eq!(ada.user.get("/me").await.status, 200, "her other session goes on");
    app.finish().await;
}

#[tokio::test]
async fn sec_86_every_route_and_page_refuses_a_session_that_has_still_to_show_its_second_factor() {
    let (app, _, owner, _) = TestApp::acme().await;
    enrol(&app, &owner).await;
    let half = app.sign_in("agent@acme.example").await;
    let mut walked = 0;
    for row in PERMISSIONS.iter().filter(|row| !matches!(row.need, Need::Public | Need::FirstFactor)) {
        let is_there = (cfg!(feature = "oidc") || !row.path.starts_with("/me/accounts"))
            && (cfg!(feature = "passkeys") || !row.path.starts_with("/me/passkeys"));
        if !is_there {
            continue;
        }
        let path = row.path.replace("{workspace}", "acme").replace("{ticket}", "1");
        let path: Vec<&str> = path.split('/').map(|part| if part.starts_with('{') { "x" } else { part }).collect();
        let body = (row.method != Method::GET).then_some("{}");
        let answer = half.call(row.method.clone(), &path.join("/"), &[], body).await;
        assert_eq!(answer.problem(401), "second_factor_required", "{} {}", row.method, row.path);
        walked += 1;
    }
    assert!(walked >= 50, "the table was walked: {walked}");
    for purpose in ["step_up", "email_change"] {
        let body = json!({"challenge_id": "x", "code": "12345678", "purpose": purpose});
        assert_eq!(half.post("/auth/otp/verify", &body).await.problem(401), "second_factor_required", "{purpose}");
    }
    let ask = half.post("/auth/otp/request", &json!({"purpose": "step_up"})).await;
    assert_eq!(ask.problem(401), "second_factor_required", "a code by e-mail is no way around it");

    let browser = Browser::new(&app);
    browser.sign_in("agent@acme.example", "/workspaces").await;
    let mut walked = 0;
    for (method, route) in routes(include_str!("../../src/web/mod.rs"), "") {
        if PUBLIC_PAGES.contains(&route.as_str()) || route.starts_with("/sign-in/second-factor") {
            continue;
        }
        let path = route.replace("{workspace}", "acme").replace("{ticket}", "1");
        let path: Vec<&str> = path.split('/').map(|part| if part.starts_with('{') { "x" } else { part }).collect();
        let request = axum::http::Request::builder().method(method.clone()).uri(path.join("/"));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let answer = browser.send(request, String::new()).await;
        let to = answer.headers.get("location").and_then(|to| to.to_str().ok()).unwrap_or_default();
        let is_led = answer.status == 303 && to.starts_with("/sign-in/second-factor?to=");
        assert!(is_led, "{method} {route}: {} {to}", answer.status);
        walked += 1;
    }
    assert!(walked >= 25, "the table was walked: {walked}");
    assert!(browser.get("/").await.text.contains("<h1>Show your second factor</h1>"));
    half.post("/auth/logout", &json!({})).await.expect(204);
    assert_eq!(half.get("/auth/second-factor").await.problem(401), "unauthorized", "signing out works");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sec_86_a_code_of_an_app_works_once_also_in_parallel_and_no_older_one_after_it() {
    let (app, ada) = ada(AuthSettings { failures_a_day: 99, ..settings() }).await;
    let mut halves = Vec::new();
    for _ in 0..12 {
        halves.push(app.sign_in("ada@example.org").await);
    }
    let (older, code, newer) = (ada.secret.code(step_at(app.desk.now()) - 1), ada.code(&app, 0), ada.code(&app, 1));
    let tasks = halves[..10].iter().cloned().map(|half| {
        let code = code.clone();
        tokio::spawn(async move { half.post("/auth/second-factor", &json!({"code": code})).await.status.as_u16() })
    });
    let mut outcomes: Vec<u16> = join_all(tasks).await.into_iter().map(|done| done.expect("an answer")).collect();
    outcomes.sort_unstable();
    assert_eq!(outcomes.iter().filter(|status| **status == 200).count(), 1, "{outcomes:?}");
    let last = &halves[10];
    for used in [&code, &older] {
        let refused = last.post("/auth/second-factor", &json!({"code": used})).await;
        assert_eq!(refused.problem(401), "code_not_right", "used, or older than what was used");
    }
    shown(last, &newer).await;
    let refused = halves[11].post("/auth/second-factor", &json!({"code": code})).await;
    assert_eq!(refused.problem(401), "code_not_right");
    app.finish().await;
}

#[tokio::test]
async fn sec_86_a_code_counts_within_a_step_of_its_time_only() {
    let (app, ada) = ada(settings()).await;
    let half = app.sign_in("ada@example.org").await;
    let now = step_at(app.desk.now());
    for step in [now - 2, now + 2] {
        let refused = half.post("/auth/second-factor", &json!({"code": ada.secret.code(step)})).await;
        assert_eq!(refused.problem(401), "code_not_right", "{step} at {now}");
    }
    shown(&half, &ada.secret.code(now + 1)).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sec_86_guessing_at_a_second_factor_ends_after_the_failures_of_a_day() {
    let (app, ada) = ada(settings()).await;
    let half = app.sign_in("ada@example.org").await;
    let (wrong, right) = (ada.wrong(&app), ada.code(&app, 0));
    let tasks = (0..60).map(|_| {
        let (half, code) = (half.clone(), wrong.clone());
        tokio::spawn(async move { half.post("/auth/second-factor", &json!({"code": code})).await.status.as_u16() })
    });
    let outcomes: Vec<u16> = join_all(tasks).await.into_iter().map(|done| done.expect("an answer")).collect();
    let looked_at = outcomes.iter().filter(|status| **status == 401).count();
    assert_eq!(looked_at, 5, "of sixty guesses at once five are looked at: {outcomes:?}");
    assert_eq!(outcomes.iter().filter(|status| **status == 409).count(), 55);
    let spent = half.post("/auth/second-factor", &json!({"code": right})).await;
    assert_eq!(spent.problem(409), "second_factor_spent", "the right one is not looked at, either");
    // Another sign-in from a browser that was never known brings no other budget.
    let browser = Browser::new(&app);
    browser.sign_in("ada@example.org", "/workspaces").await;
    let page = browser.submit("/sign-in/second-factor", &[("code", &right), ("to", "/")]).await;
    assert_eq!(page.status, 409, "{}", page.text);
    assert!(page.text.contains("use a recovery code"), "{}", page.text);
    app.deliver().await;
    assert_eq!(mails(&app, "Wrong codes of your app were entered"), 1, "sec 84: told once");
    shown(&half, &ada.recovery[0]).await;
    app.clock.advance(DAY);
    let half = app.sign_in("ada@example.org").await;
    shown(&half, &ada.code(&app, 0)).await;
    app.finish().await;
}

#[tokio::test]
async fn sec_86_strangers_cannot_spend_the_budget_of_a_second_factor() {
    let (app, ada) = ada(settings()).await;
    for _ in 0..3 {
        let issued = app.ask_code("ada@example.org").await;
        for _ in 0..3 {
            app.verify(&issued, "00000000").await.problem(401);
        }
    }
    let half = app.sign_in("ada@example.org").await;
    assert_eq!(app.code("ada@example.org").replace(' ', "").len(), 10, "her codes by e-mail are long");
    shown(&half, &ada.code(&app, 0)).await;
    app.finish().await;
}

#[tokio::test]
async fn sec_18_a_browser_is_known_only_after_the_second_factor_was_shown() {
    let (app, ada) = ada(settings()).await;
    let browser = Browser::new(&app);
    let answer = async |browser: &Browser<'_>| {
        browser.submit("/sign-in", &[("email", "ada@example.org")]).await;
        app.deliver().await;
        let request =
            axum::http::Request::post("/sign-in/code").header("content-type", "application/x-www-form-urlencoded");
        browser.send(request, format!("code={}", app.code("ada@example.org").replace(' ', ""))).await
    };
    let device = |answer: &crate::app::Answer| {
        let all = answer.headers.get_all("set-cookie").iter().map(|value| value.to_str().expect("text").to_owned());
        all.filter(|cookie| cookie.starts_with("__Host-connect_device=")).count()
    };
    assert_eq!(device(&answer(&browser).await), 0, "whoever has the mailbox gets no budgets of their own by it");
    let request =
        axum::http::Request::post("/sign-in/second-factor").header("content-type", "application/x-www-form-urlencoded");
    let shown = browser.send(request, format!("code={}&to=/", ada.code(&app, 0))).await;
    assert_eq!((shown.status.as_u16(), device(&shown)), (303, 1), "{}", shown.text);
    assert_eq!(device(&answer(&browser).await), 1, "it is known now");
    let page = browser.get("/workspaces").await;
    assert!(page.text.contains("<h1>Show your second factor</h1>"), "and shows it all the same: {}", page.text);
    app.finish().await;
}

/// The paths that look at the code of an app. A new caller of the one place that does belongs into this list.
#[tokio::test]
async fn sec_16_codes_of_an_app_draw_on_the_same_budget_as_codes_by_e_mail() {
    for path in ["/auth/second-factor", "/me/second-factor/confirm"] {
        let (app, ada) = ada(settings()).await;
        let (user, wrong) = if path.starts_with("/me") {
            let user = shown(&ada.user, &ada.code(&app, 0)).await;
            let begun = user.post("/me/second-factor", &json!({})).await.expect(201);
            let secret = AppSecret::parse(begun["secret"].as_str().expect("a secret")).expect("base 32");
            let other = Enrolled { user: user.clone(), secret, recovery: Vec::new() };
            (user, other.wrong(&app))
        } else {
            (app.sign_in("ada@example.org").await, ada.wrong(&app))
        };
        for _ in 0..5 {
            assert_eq!(user.post(path, &json!({"code": wrong})).await.problem(401), "code_not_right", "{path}");
        }
        assert_eq!(user.post(path, &json!({"code": wrong})).await.problem(409), "second_factor_spent", "{path}");
        app.ask_code("ada@example.org").await;
        assert_eq!(app.code("ada@example.org").replace(' ', "").len(), 10, "{path}: the next code by e-mail is long");
        app.finish().await;
    }
    let sources = [
        include_str!("../../../connect-auth/src/second_factor/show.rs"),
        include_str!("../../../connect-auth/src/second_factor/enrol.rs"),
        include_str!("../../../connect-auth/src/second_factor/recovery.rs"),
        include_str!("../../../connect-auth/src/second_factor/reset.rs"),
    ];
    let places: usize = sources.iter().map(|source| source.matches("self.guess_factor(").count()).sum();
    let looks: usize = sources.iter().map(|source| source.matches(".step_of(").count()).sum();
    assert_eq!((places, looks), (2, 2), "a path is missing in this test");
}

#[tokio::test]
async fn sec_87_setting_an_app_up_needs_a_recent_proof_at_both_steps() {
    let app = TestApp::new();
    let user = app.sign_in("ada@example.org").await;
    let begun = user.post("/me/second-factor", &json!({})).await.expect(201);
    let secret = AppSecret::parse(begun["secret"].as_str().expect("a secret")).expect("base 32");
    assert!(begun["qr_svg"].as_str().expect("a picture").starts_with("<svg "));
    let uri = begun["otpauth_uri"].as_str().expect("an address");
    assert!(uri.starts_with("otpauth://totp/Desk:ada%40example.org?secret="), "{uri}");
    app.clock.advance(LATER);
    let code = json!({"code": secret.code(step_at(app.desk.now()))});
    assert_eq!(user.post("/me/second-factor/confirm", &code).await.problem(403), "step_up_required");
    assert_eq!(user.post("/me/second-factor", &json!({})).await.problem(403), "step_up_required");
    assert_eq!(user.post("/me/recovery-codes", &json!({})).await.problem(403), "step_up_required");
    assert_eq!(user.delete("/me/second-factor").await.problem(403), "step_up_required");
    assert_eq!(user.get("/me/second-factor").await.expect(200)["methods"], json!([]));
    let fresh = app.sign_in("ada@example.org").await;
    let late = fresh.post("/me/second-factor/confirm", &code).await;
    assert_eq!(late.problem(401), "code_not_right", "what was begun has ended, whoever asks");
    assert_eq!(fresh.post("/me/recovery-codes", &json!({})).await.problem(409), "no_second_factor");
    assert_eq!(fresh.delete("/me/second-factor").await.problem(404), "not_found");
    enrol(&app, &fresh).await;
    assert_eq!(user.get("/me").await.problem(401), "unauthorized", "sec 33: the person's other sessions have ended");
    app.finish().await;
}

#[tokio::test]
async fn sec_87_what_changes_a_second_factor_needs_that_factor_itself() {
    let (app, ada) = ada(settings()).await;
    app.clock.advance(LATER);
    // A code by e-mail is not enough: it would make one factor of two.
    let issued = ada.user.post("/auth/otp/request", &json!({"purpose": "step_up", "token": true})).await.expect(202);
    app.deliver().await;
    let body = json!({
        "challenge_id": issued["challenge_id"], "challenge_secret": issued["challenge_secret"],
        "code": app.code("ada@example.org"), "purpose": "step_up", "token": true,
    });
    let stepped = ada.user.post("/auth/otp/verify", &body).await.expect(200);
    let user = ada.user.with_token(stepped["session"]["token"].as_str().expect("a token"));
    assert_eq!(user.get("/me").await.status, 200, "what was shown in this session stays shown");
    assert_eq!(user.delete("/me/second-factor").await.problem(401), "second_factor_required");
    assert_eq!(user.post("/me/second-factor", &json!({})).await.problem(401), "second_factor_required");
    assert_eq!(user.post("/me/recovery-codes", &json!({})).await.problem(401), "second_factor_required");
    let user = shown(&user, &ada.code(&app, 0)).await;
    app.clock.advance(Duration::from_secs(60));
    // Another phone: the old one counts until the new one does.
    let next = enrol(&app, &user).await;
    assert!(next.recovery.is_empty(), "who has recovery codes keeps them");
    app.clock.advance(Duration::from_secs(60));
    let half = app.sign_in("ada@example.org").await;
    let old = half.post("/auth/second-factor", &json!({"code": ada.code(&app, 0)})).await;
    assert_eq!(old.problem(401), "code_not_right", "the old phone");
    let user = shown(&half, &next.code(&app, 0)).await;
    let removed = user.delete("/me/second-factor").await.expect(200);
    let user = user.with_token(removed["session"]["token"].as_str().expect("a token"));
    assert_eq!(user.get("/me/recovery-codes").await.expect(200)["left"], 0, "they go with the last one");
    assert_eq!(next.user.get("/me").await.problem(401), "unauthorized", "other sessions have ended");
    assert_eq!(app.sign_in("ada@example.org").await.get("/me").await.status, 200, "one factor is enough again");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sec_87_a_recovery_code_works_once_also_in_parallel_and_is_told() {
    let (app, ada) = ada(settings()).await;
    assert_eq!(ada.recovery.len(), 10);
    let distinct: std::collections::BTreeSet<&String> = ada.recovery.iter().collect();
    assert_eq!(distinct.len(), 10);
    assert!(ada.recovery.iter().all(|code| code.replace(' ', "").len() * 5 >= 64), "{:?}", ada.recovery);
    let mut halves = Vec::new();
    for _ in 0..10 {
        halves.push(app.sign_in("ada@example.org").await);
    }
    let tasks = halves.iter().cloned().map(|half| {
        let code = ada.recovery[3].to_lowercase();
        tokio::spawn(async move { half.post("/auth/second-factor", &json!({"code": code})).await.status.as_u16() })
    });
    let outcomes: Vec<u16> = join_all(tasks).await.into_iter().map(|done| done.expect("an answer")).collect();
    assert_eq!(outcomes.iter().filter(|status| **status == 200).count(), 1, "{outcomes:?}");
    assert_eq!(outcomes.iter().filter(|status| **status == 401).count(), 9, "{outcomes:?}");
    app.deliver().await;
    assert_eq!(mails(&app, "A recovery code was used"), 1);
    let half = app.sign_in("ada@example.org").await;
    let user = shown(&half, &ada.recovery[4]).await;
    assert_eq!(user.get("/me/recovery-codes").await.expect(200)["left"], 8);
    let made = user.post("/me/recovery-codes", &json!({})).await.expect(201);
    let half = app.sign_in("ada@example.org").await;
    let old = half.post("/auth/second-factor", &json!({"code": ada.recovery[5]})).await;
    assert_eq!(old.problem(401), "code_not_right", "the older ones are gone");
    shown(&half, made["recovery_codes"][5].as_str().expect("a code")).await;
    app.deliver().await;
    assert_eq!(mails(&app, "New recovery codes were made"), 1);
    app.finish().await;
}

#[tokio::test]
async fn sec_87_e_mail_is_a_way_back_that_takes_three_days_and_is_told() {
    let (app, ada) = ada(settings()).await;
    let full = ada.user.post("/auth/second-factor/reset", &json!({})).await;
    assert_eq!(full.status, 202, "whoever has it may ask, too: {}", full.text);
    // She shows it: what was asked for is over.
    shown(&ada.user, &ada.code(&app, 0)).await;
    let ask = async |half: &User| half.post("/auth/second-factor/reset", &json!({})).await;
    let asked = ask(&app.sign_in("ada@example.org").await).await.expect(202);
    assert_eq!(asked["done"], false);
    app.deliver().await;
    assert_eq!(mails(&app, "Your second factor may be taken away in three days"), 2);
    app.clock.advance(2 * DAY + Duration::from_secs(24 * 3600 - 1));
    let early = app.sign_in("ada@example.org").await;
    let again = ask(&early).await.expect(202);
    assert_eq!(again["possible_from"], asked["possible_from"], "asking again moves nothing");
    // Whoever shows it stops it.
    shown(&early, &ada.code(&app, 0)).await;
    app.clock.advance(Duration::from_secs(61));
    let half = app.sign_in("ada@example.org").await;
    let asked = ask(&half).await.expect(202);
    assert_ne!(asked["possible_from"], again["possible_from"], "it begins anew");
    app.clock.advance(3 * DAY);
    let half = app.sign_in("ada@example.org").await;
    app.clock.advance(LATER);
    assert_eq!(ask(&half).await.problem(403), "step_up_required", "a code by e-mail of just now is needed");
    let half = app.sign_in("ada@example.org").await;
    let done = ask(&half).await.expect(200);
    assert_eq!(done["done"], true);
    assert_eq!(half.get("/me").await.problem(401), "unauthorized", "a new token");
    let user = half.with_token(done["session"]["token"].as_str().expect("a token"));
    assert_eq!(user.get("/me/second-factor").await.expect(200)["methods"], json!([]));
    assert_eq!(ask(&user).await.problem(404), "not_found", "there is nothing left to take");
    app.deliver().await;
    assert_eq!(mails(&app, "A second factor was taken away"), 1);
    app.finish().await;
}

#[tokio::test]
async fn sec_84_the_person_is_mailed_about_every_change_of_a_second_factor() {
    let (app, ada) = ada(settings()).await;
    app.deliver().await;
    assert_eq!(mails(&app, "A second factor was set up"), 1);
    ada.user.post("/me/recovery-codes", &json!({})).await.expect(201);
    ada.user.delete("/me/second-factor").await.expect(200);
    app.deliver().await;
    assert_eq!(mails(&app, "New recovery codes were made"), 1);
    assert_eq!(mails(&app, "A second factor was taken away"), 1);
    for kept in app.mail.mails() {
        let text = kept.mail.text;
        assert!(!text.contains(&ada.secret.text()), "no secret is mailed");
        assert!(ada.recovery.iter().all(|code| !text.contains(code)), "and no recovery code");
    }
    let names: Vec<String> = facts(&app).await.iter().map(Fact::name).collect();
    for name in ["begun", "enrolled", "removed"] {
        assert!(names.contains(&format!("user.second_factor_{name}")), "sec 80: {name} in {names:?}");
    }
    app.finish().await;
}

#[tokio::test]
async fn sec_13_nothing_of_a_second_factor_can_be_read_at_rest() {
    let (app, ada) = ada(settings()).await;
    let me = ada.user.get("/me").await.expect(200);
    let id = format!("factor_{}", me["user"]["id"].as_str().expect("an id"));
    let record = app.desk.store().record(WorkspaceId::DIRECTORY, SecondFactor::KIND, id).await.expect("the store");
    let doc = record.expect("a record").doc;
    let secret = ada.secret.text();
    assert!(!doc.contains(&secret) && !doc.contains(&format!("{:?}", secret.as_bytes())), "{doc}");
    for code in &ada.recovery {
        assert!(!doc.contains(code) && !doc.contains(&code.replace(' ', "")), "{doc}");
    }
    for fact in facts(&app).await {
        let text = serde_json::to_string(&fact).expect("text");
        assert!(!text.contains(&secret) && !text.contains("ada@"), "sec 83: {text}");
    }
    app.finish().await;
}

#[tokio::test]
async fn sec_22_a_second_factor_that_was_planted_goes_with_the_first_proof_of_the_mailbox() {
    let app = TestApp::new();
    let email = EmailAddress::parse("email", "victim@example.org").expect("an address");
    let user = app.desk.users().register(&email, None).await.expect("a user");
    let planted = app.auth.open_session(user, "host", &Client::default(), None).await.expect("a session");
    let mallory = app.bearer(&planted.token.text());
    enrol(&app, &mallory).await;
    let victim = app.sign_in("victim@example.org").await;
    assert_eq!(victim.get("/me").await.status, 200, "the holder of the mailbox is not kept out");
    assert_eq!(victim.get("/me/second-factor").await.expect(200)["methods"], json!([]));
    app.finish().await;
}
