//! The worker that shows pushed messages in a browser: Chromium, to which a message is delivered as its push service would,
//! as there is no such service here.

use std::sync::Arc;

use hyper::Method;
use serde_json::{Value, json};
use thirtyfour::common::command::{Command, ExtensionCommand};
use thirtyfour::prelude::*;

use crate::browser::{browser, press, sign_in};
use crate::process::{Server, acme, captured, command};
use crate::wait::until;

/// A command of Chromium's own protocol, by the way that its driver has for them.
#[derive(Debug)]
struct DevTools(Value);

impl ExtensionCommand for DevTools {
    fn parameters_json(&self) -> Option<Value> {
        Some(self.0.clone())
    }

    fn method(&self) -> Method {
        Method::POST
    }

    fn endpoint(&self) -> Arc<str> {
        "/goog/cdp/execute".into()
    }
}

async fn tell(browser: &WebDriver, command: &str, parameters: Value) {
    let told = DevTools(json!({"cmd": command, "params": parameters}));
    browser.handle().cmd(Command::ExtensionCommand(Box::new(told))).await.expect(command);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pushed_message_is_shown_by_the_worker_of_the_desk() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let printed = command(&data).arg("vapid-key").output().expect("a key");
    let printed = String::from_utf8(printed.stdout).expect("text");
    let key = printed.trim().strip_prefix("CONNECT_VAPID_KEY=").expect("a setting");
    let server = Server::start(&data, &[("CONNECT_VAPID_KEY", key)]);
    let mail = async |email: &str| captured(&server, email).await;
    acme(&crate::process::sign_in(&server, "olivia@acme.example", mail).await).await;
    let (_driver, browser) = browser(&folder.path().join("profile")).await;
    browser.goto(format!("{}/acme/notices", server.url)).await.expect("the page");
    sign_in(&browser, &server, "olivia@acme.example").await;
    let field = browser.find(By::Id("device-name")).await.expect("a field");
    until("offer to send messages", async || field.is_displayed().await.ok()?.then_some(())).await;
    let allowed = json!({"permissions": ["notifications"], "origin": server.url});
    tell(&browser, "Browser.grantPermissions", allowed).await;
    press(&browser, "Send messages to this browser").await;
    // Its push service cannot be reached from here; the worker is there all the same.
    let ready = "const done = arguments[0]; navigator.serviceWorker.ready.then(() => done(Notification.permission))";
    until("worker that may show messages", async || {
        let permission = browser.execute_async(ready, Vec::new()).await;
        (permission.ok()?.json().as_str()? == "granted").then_some(())
    })
    .await;
    let message = json!({
        "title": "Ticket #1 is yours", "body": "Printer on fire", "link": format!("{}/acme/tickets/1", server.url), "tag": "t",
    });
    tell(&browser, "ServiceWorker.enable", json!({})).await;
    let delivered = json!({"origin": server.url, "registrationId": "0", "data": message.to_string()});
    tell(&browser, "ServiceWorker.deliverPushMessage", delivered).await;
    let shown = "const done = arguments[0];
        navigator.serviceWorker.ready.then((worker) => worker.getNotifications())
            .then((all) => done(all.map((one) => `${one.title}: ${one.body}`).join()))";
    until("message on the screen", async || {
        let shown = browser.execute_async(shown, Vec::new()).await;
        (shown.ok()?.json().as_str()? == "Ticket #1 is yours: Printer on fire").then_some(())
    })
    .await;
    browser.quit().await.expect("closed");
}
