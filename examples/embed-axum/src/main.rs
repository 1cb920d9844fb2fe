//! Serves the shop with its desk on `127.0.0.1:3000`. Mail is kept in memory, not sent.

use std::net::SocketAddr;
use std::sync::Arc;

use connect_auth::{KeyRing, WidgetKey};
use connect_core::dispatch::DispatchSettings;
use connect_core::notify::{MailIdentity, Recorder};
use connect_core::{DeskSettings, EmailAddress, SystemClock};
use embed_axum::{login, shop, support};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = SqliteConnectOptions::new().filename("shop.db").create_if_missing(true);
    let pool = SqlitePoolOptions::new().connect_with(options).await?;
    let is_new =
        sqlx::query("SELECT 1 FROM sqlite_schema WHERE name = 'shop_user'").fetch_optional(&pool).await?.is_none();
    if is_new {
        shop::prepare(&pool).await?;
    }
    let from = MailIdentity { name: None, address: EmailAddress::parse("from", "desk@shop.example")? };
    let settings = DeskSettings::new("http://127.0.0.1:3000/support", from);
    let mail = Arc::new(Recorder::new(Arc::new(SystemClock)));
    // Both come from the shop's own settings.
    let keys = KeyRing::new("a secret of at least 32 characters, known to nobody else", Vec::new())?;
    let widget_key = WidgetKey::new("2026-a", "another one, by which tokens for the widget are signed")?;
    let secrets = support::Secrets { keys, widget: Some(widget_key.clone()) };
    let login = login::Login { pool };
    let (desk, pages) = support::desk(login.clone(), secrets, mail, settings).await?;
    let staff = login.staff().await?;
    for (place, user) in staff.iter().enumerate() {
        if place == 0 {
            support::set_up(&desk, user).await?;
        } else {
            support::hire(&desk, user).await?;
        }
    }
    let _dispatcher = desk.desk.dispatcher(DispatchSettings::default()).start();
    let router = embed_axum::routes(login, Arc::new(desk), widget_key, pages);
    println!("The shop is on http://127.0.0.1:3000, its desk on http://127.0.0.1:3000/support");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>()).await?;
    Ok(())
}
