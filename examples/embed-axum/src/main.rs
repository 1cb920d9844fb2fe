//! Serves the shop with its desk on `127.0.0.1:3000`. Mail is printed, not sent.

use std::sync::Arc;

use connect_core::dispatch::DispatchSettings;
use connect_core::notify::{MailIdentity, Recorder};
use connect_core::user::ProvenMailbox;
use connect_core::workspace::NewWorkspace;
use connect_core::{DeskSettings, EmailAddress, Name, Slug, SystemClock};
use embed_axum::{shop, support};
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
    let secret = "a secret of at least 32 characters, from the shop's own settings";
    let (desk, pages) = support::desk(&pool, secret, mail.clone(), settings).await?;
    if desk.find_workspace("shop").await?.is_none() {
        let owner = desk.users().find_or_create(&EmailAddress::parse("email", "boss@shop.example")?, None).await?;
        let new = NewWorkspace { name: Name::parse("name", "The Shop")?, slug: Slug::parse("slug", "shop")? };
        desk.workspaces().create(&ProvenMailbox::attest(&owner), new, None).await?;
    }
    let _dispatcher = desk.dispatcher(DispatchSettings::default()).start();
    let router = shop::routes(shop::Shop { pool, desk: Arc::new(desk) }).nest("/support", pages);
    println!("The shop is on http://127.0.0.1:3000, its desk on http://127.0.0.1:3000/support");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    let service = router.into_make_service_with_connect_info::<std::net::SocketAddr>();
    axum::serve(listener, service).await?;
    Ok(())
}
