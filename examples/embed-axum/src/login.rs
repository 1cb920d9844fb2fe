//! The shop's own login: sessions in its own table, and a cookie of its own.
//!
//! It stands in for whatever you have. **The form lets anybody be anybody**: it is for development, and a real shop
//! asks for a password, a passkey or an identity provider there.

use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Router, http};
use serde::Deserialize;
use sqlx::{Row, SqlitePool};

const COOKIE: &str = "shop_session";

/// Knows who is signed in at the shop.
#[derive(Debug, Clone)]
pub struct Login {
    /// The shop's database.
    pub pool: SqlitePool,
}

/// A user of the shop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShopUser {
    /// The shop's id of them.
    pub id: i64,
    /// Their address. The shop has made sure that it is theirs.
    pub email: String,
    /// What they are called.
    pub name: String,
    /// Whether they work here.
    pub staff: bool,
    /// When they signed in, in seconds since 1970.
    pub since: i64,
}

impl Login {
    /// Begins a session; answers the value of its cookie.
    pub async fn begin(&self, user: i64) -> sqlx::Result<String> {
        let sql = "INSERT INTO shop_session (token, user_id) VALUES (lower(hex(randomblob(32))), $1) RETURNING token";
        sqlx::query_scalar(sql).bind(user).fetch_one(&self.pool).await
    }

    /// Ends the session of a cookie.
    async fn end(&self, headers: &HeaderMap) -> sqlx::Result<()> {
        let Some(token) = token(headers) else { return Ok(()) };
        sqlx::query("DELETE FROM shop_session WHERE token = $1").bind(token).execute(&self.pool).await.map(|_| ())
    }

    /// Who sends these headers, if they are signed in now.
    pub async fn who(&self, headers: &HeaderMap) -> sqlx::Result<Option<ShopUser>> {
        let Some(token) = token(headers) else { return Ok(None) };
        let sql = "SELECT u.id, u.email, u.name, u.staff, s.since FROM shop_session s JOIN shop_user u
            ON u.id = s.user_id WHERE s.token = $1";
        let row = sqlx::query(sql).bind(token).fetch_optional(&self.pool).await?;
        Ok(row.map(|row| ShopUser {
            id: row.get(0),
            email: row.get(1),
            name: row.get(2),
            staff: row.get(3),
            since: row.get(4),
        }))
    }
}

impl Login {
    /// Who works at the shop, the owner first.
    pub async fn staff(&self) -> sqlx::Result<Vec<ShopUser>> {
        let sql = "SELECT id, email, name FROM shop_user WHERE staff ORDER BY id";
        let rows = sqlx::query(sql).fetch_all(&self.pool).await?;
        let user = |row: &sqlx::sqlite::SqliteRow| ShopUser {
            id: row.get(0),
            email: row.get(1),
            name: row.get(2),
            staff: true,
            since: 0,
        };
        Ok(rows.iter().map(user).collect())
    }
}

fn token(headers: &HeaderMap) -> Option<&str> {
    let values = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut pairs = values.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).map(|(_, token)| token)
}

/// The paths of signing in and out.
pub fn routes(login: Login) -> Router {
    Router::new().route("/login", get(form).post(sign_in)).route("/logout", post(sign_out)).with_state(login)
}

async fn form() -> Html<&'static str> {
    Html(concat!(
        "<!doctype html><title>Sign in</title><h1>Sign in to the shop</h1>",
        "<p><strong>For development:</strong> be whoever you like. A real shop asks who you are.</p>",
        "<form method=post action=/login><select name=user>",
        "<option value=1>Ada, a customer<option value=2>Bob, a customer",
        "<option value=3>Bea, the owner<option value=4>Sam, of the support team",
        "</select> <button>Sign in</button></form>",
    ))
}

#[derive(Deserialize)]
struct WhoForm {
    user: i64,
}

async fn sign_in(State(login): State<Login>, Form(form): Form<WhoForm>) -> Result<Response, StatusCode> {
    let token = login.begin(form.user).await.map_err(|_| StatusCode::UNPROCESSABLE_ENTITY)?;
    // Over HTTPS it is `Secure`, too. `SameSite=Lax` keeps it out of forms of other sites.
    Ok((set_cookie(&token, 24 * 3600), Redirect::to("/")).into_response())
}

async fn sign_out(State(login): State<Login>, headers: HeaderMap) -> Result<Response, StatusCode> {
    login.end(&headers).await.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    Ok((set_cookie("", 0), Redirect::to("/")).into_response())
}

fn set_cookie(token: &str, max_age: u32) -> AppendHeaders<[(http::HeaderName, String); 1]> {
    let value = format!("{COOKIE}={token}; Path=/; Max-Age={max_age}; HttpOnly; SameSite=Lax");
    AppendHeaders([(header::SET_COOKIE, value)])
}
