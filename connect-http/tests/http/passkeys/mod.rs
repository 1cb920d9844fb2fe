//! Passkeys: made, used, and shown in every way they must not be.

mod answers;
mod counters;
mod device;
mod enrolment;
mod manage;
mod pages;
mod policy;
mod sign_in;
mod step_up;

use axum::http::{HeaderMap, Method, Request};
use connect_auth::SessionToken;
use connect_core::WorkspaceId;
use connect_core::event::Fact;
use connect_core::store::{EventList, Session};
use serde_json::{Value, json};

use crate::app::{Answer, TestApp, User};
use crate::pages::Browser;

use device::{Key, Manner};

/// What finishes the making of a passkey by somebody, if they may.
pub async fn answered(user: &User) -> Value {
    let asked = user.post("/me/passkeys/start", &json!({})).await;
    if asked.status != 200 {
        return json!({"question": "x", "credential": {}});
    }
    let asked = asked.json();
    let (_, made) = Key::make(&asked["public_key"], &Manner::default());
    json!({"question": asked["question"], "credential": made, "name": "My phone", "keep_sessions": true})
}

/// A passkey of somebody, and its id. Their other sessions go on.
pub async fn enrolled(user: &User) -> (String, Key) {
    let asked = user.post("/me/passkeys/start", &json!({})).await.expect(200);
    let (key, made) = Key::make(&asked["public_key"], &Manner::default());
    let body = json!({"question": asked["question"], "credential": made, "name": "My phone", "keep_sessions": true});
    let passkey = user.post("/me/passkeys/finish", &body).await.expect(201);
    (passkey["id"].as_str().expect("an id").to_owned(), key)
}

/// A browser posts JSON to the API.
async fn post(browser: &Browser<'_>, path: &str, body: &Value) -> Answer {
    let request = Request::post(format!("/api/v1{path}")).header("content-type", "application/json");
    browser.send(request, body.to_string()).await
}

/// The desk asks a browser for a passkey.
async fn asked(browser: &Browser<'_>) -> Value {
    post(browser, "/auth/passkeys/start", &json!({})).await.expect(200)
}

/// A browser answers with what a device has signed.
async fn answer(browser: &Browser<'_>, question: &Value, credential: &Value) -> Answer {
    let body = json!({"question": question["question"], "credential": credential});
    post(browser, "/auth/passkeys/finish", &body).await
}

/// Signs in with a passkey that says it has signed so often.
async fn sign_in(browser: &Browser<'_>, key: &Key, counter: u32) -> Answer {
    let asked = asked(browser).await;
    answer(browser, &asked, &key.sign(&asked["public_key"], &Manner::default(), counter)).await
}

/// Sends answers at once, each with what its browser keeps; how many of them signed in.
async fn at_once(app: &TestApp, answers: Vec<(String, Value)>) -> usize {
    let sent = answers.into_iter().map(|(cookie, body)| {
        let user = app.anonymous();
        tokio::spawn(async move {
            let headers = [("cookie", cookie.as_str()), ("sec-fetch-site", "same-origin")];
            user.call(Method::POST, "/auth/passkeys/finish", &headers, Some(&body.to_string())).await.status
        })
    });
    let statuses = futures::future::join_all(sent.collect::<Vec<_>>()).await;
    statuses.into_iter().filter(|status| *status.as_ref().expect("an answer") == 200).count()
}

/// The cookies of a browser as it sends them.
fn cookies(browser: &Browser<'_>) -> String {
    browser.cookies().iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
}

/// Everything that happened in the directory.
async fn facts(app: &TestApp) -> Vec<Fact> {
    let (mut facts, mut after) = (Vec::new(), 0);
    loop {
        let list = EventList { after, limit: connect_core::Limit::MAX, ..EventList::default() };
        let events = app.desk.store().events(WorkspaceId::DIRECTORY, list).await.expect("events");
        let Some(last) = events.last() else { return facts };
        after = last.seq;
        facts.extend(events.into_iter().map(|event| event.fact));
    }
}

/// Why the last answer was refused. Fails unless it was refused as all are, and signed nobody in.
async fn reason(app: &TestApp, answer: &Answer) -> String {
    assert_eq!(answer.problem(401), "passkey_refused");
    assert_eq!(answer.json()["detail"], "the passkey was not accepted", "nothing of the cause is told");
    assert!(!answer.headers.contains_key("set-cookie"), "nothing is given: {:?}", answer.headers);
    match facts(app).await.pop() {
        Some(Fact::AuthPasskeyRefused { reason, .. }) => reason,
        other => panic!("the journal ends with {other:?}"),
    }
}

/// The session that an answer began in a browser.
async fn session(app: &TestApp, headers: &HeaderMap) -> Session {
    let mut set = headers.get_all("set-cookie").iter().filter_map(|set| set.to_str().ok());
    let token = set.find_map(|set| set.strip_prefix("__Host-connect_session=")).expect("a session");
    session_of(app, token.split(';').next().expect("a token")).await
}

/// The session of a token.
async fn session_of(app: &TestApp, token: &str) -> Session {
    let token = SessionToken::parse(token).expect("a token");
    let identity = app.auth.authenticate(&token).await.expect("the store answers").expect("a session");
    Session::clone(&identity.session)
}
