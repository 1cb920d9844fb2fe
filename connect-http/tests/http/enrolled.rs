//! People with an app for codes.

use std::time::Duration;

use axum::http::Method;
use connect_auth::{AppSecret, step_at};
use connect_http::Permission;
use serde_json::json;

use crate::app::{TestApp, User};

/// So long after a proof that it is no recent one.
pub const LATER: Duration = Duration::from_secs(11 * 60);

/// Somebody with an app for codes.
pub struct Enrolled {
    pub user: User,
    pub secret: AppSecret,
    pub recovery: Vec<String>,
}

impl Enrolled {
    /// The code of now, or of so many steps after it.
    pub fn code(&self, app: &TestApp, later: u64) -> String {
        self.secret.code(step_at(app.desk.now()) + later)
    }

    /// A code that is none of those that could be right.
    pub fn wrong(&self, app: &TestApp) -> String {
        let right: Vec<String> =
            (0..4).map(|n| self.secret.code((step_at(app.desk.now()) + n).saturating_sub(2))).collect();
        (0..10).map(|n| format!("{n}{n}{n}{n}{n}{n}")).find(|code| !right.contains(code)).expect("one of ten")
    }
}

/// Has somebody who is signed in set an app up; they have another token afterwards.
pub async fn enrol(app: &TestApp, user: &User) -> Enrolled {
    let begun = user.post("/me/second-factor", &json!({})).await.expect(201);
    let secret = AppSecret::parse(begun["secret"].as_str().expect("a secret")).expect("base 32");
    let code = secret.code(step_at(app.desk.now()));
    let confirmed = user.post("/me/second-factor/confirm", &json!({"code": code})).await.expect(200);
    let token = confirmed["session"]["token"].as_str().expect("a token");
    let codes = confirmed["recovery_codes"].as_array().expect("a list");
    let recovery = codes.iter().map(|code| code.as_str().expect("a code").to_owned()).collect();
    Enrolled { user: user.with_token(token), secret, recovery }
}

/// Shows a code; answers the person with their next token.
pub async fn shown(user: &User, code: &str) -> User {
    let answer = user.post("/auth/second-factor", &json!({"code": code})).await.expect(200);
    user.with_token(answer["session"]["token"].as_str().expect("a token"))
}

/// The first code of an app that somebody sets up; one that is not right if they may not.
pub async fn first_code(app: &TestApp, user: &User) -> String {
    let begun = user.post("/me/second-factor", &json!({})).await;
    if begun.status != 201 {
        return "000000".to_owned();
    }
    let secret = AppSecret::parse(begun.json()["secret"].as_str().expect("a secret")).expect("base 32");
    secret.code(step_at(app.desk.now()))
}

/// Whether a route is for those who have a second factor.
pub fn is_for_enrolled(row: &Permission) -> bool {
    let made = row.path.starts_with("/auth/second-factor") || row.path == "/me/recovery-codes";
    row.method == Method::POST && made || row.method == Method::DELETE && row.path == "/me/second-factor"
}
