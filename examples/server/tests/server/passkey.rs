//! A passkey in a browser: Chromium, with a device that exists only there.

use std::sync::Arc;
use std::time::Duration;

use hyper::Method;
use serde_json::{Value, json};
use thirtyfour::common::command::{Command, ExtensionCommand};
use thirtyfour::prelude::*;
use thirtyfour::session::handle::SessionHandle;
use xtask::services::free_port;

use crate::browser::{browser, fill, press, sign_in, sign_out, text};
use crate::process::{Server, captured_of};

/// What browsers offer to tests of passkeys (`WebAuthn`, section 11).
#[derive(Debug)]
struct NewDevice(Value);

impl ExtensionCommand for NewDevice {
    fn parameters_json(&self) -> Option<Value> {
        Some(self.0.clone())
    }

    fn method(&self) -> Method {
        Method::POST
    }

    fn endpoint(&self) -> Arc<str> {
        "/webauthn/authenticator".into()
    }
}

/// Gives the browser a device that knows its holder.
async fn new_device(browser: &SessionHandle) {
    let device = json!({
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": true, "hasUserVerification": true,
        "isUserConsenting": true, "isUserVerified": true,
    });
    browser.cmd(Command::ExtensionCommand(Box::new(NewDevice(device)))).await.expect("a device");
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_85_a_passkey_is_made_and_used_in_a_browser() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().expect("a folder");
    // Browsers make passkeys for names only, so the desk has one.
    let port = free_port().expect("a free port");
    let url = format!("http://localhost:{port}");
    let listen = format!("127.0.0.1:{port}");
    let settings = [("CONNECT_LISTEN", listen.as_str()), ("CONNECT_PUBLIC_URL", url.as_str())];
    let server = Server::start(&folder.path().join("data"), &settings);
    let (_driver, browser) = browser(&folder.path().join("profile")).await;
    new_device(browser.handle()).await;

    browser.goto(&url).await.expect("the front page");
    sign_in(&browser, &server, "olivia@acme.example").await;
    fill(&browser, "your_name", "Olivia Okafor").await;
    fill(&browser, "name", "Acme Support").await;
    press(&browser, "Make the workspace").await;
    browser.find(By::LinkText("New ticket")).await.expect("the desk");
    browser.goto(format!("{url}/sign-in/passkeys")).await.expect("the page of passkeys");
    fill(&browser, "passkey-name", "My laptop").await;
    press(&browser, "Make a passkey").await;
    browser.find(By::XPath("//strong[normalize-space()='My laptop']")).await.expect("the passkey is there");
    let told = async {
        while captured_of(&server, "olivia@acme.example", "A passkey was added to your account").await.is_none() {
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), told).await.expect("a mail tells of it");

    // One device, one key: it is not asked to make another.
    press(&browser, "Make a passkey").await;
    let refused = browser.find(By::XPath("//*[@role='status' and contains(., 'has a passkey for you already')]")).await;
    refused.expect("the browser says so");

    sign_out(&browser).await;
    browser.goto(format!("{url}/sign-in?to=/acme-support/tickets")).await.expect("the way in");
    press(&browser, "Sign in with a passkey").await;
    browser.find(By::LinkText("New ticket")).await.expect("signed in, without an address and without a code");
    let address = browser.current_url().await.expect("an address");
    assert_eq!(address.path(), "/acme-support/tickets");
    let page = text(&browser).await;
    assert!(page.contains("Olivia Okafor"), "{page}");

    browser.goto(format!("{url}/step-up?to=/sign-in/passkeys")).await.expect("the page for a fresh proof");
    press(&browser, "Use a passkey").await;
    browser.find(By::XPath("//h1[normalize-space()='Passkeys']")).await.expect("led back");
    assert!(text(&browser).await.contains("last used"), "it was used");
    browser.find(By::Tag("summary")).await.expect("more").click().await.expect("opened");
    press(&browser, "Remove My laptop").await;
    browser.find(By::XPath("//p[normalize-space()='There are none yet.']")).await.expect("it is gone");
    sign_out(&browser).await;

    // The device still has its key; the desk knows it no more.
    press(&browser, "Sign in with a passkey").await;
    let refused = browser.find(By::XPath("//*[@role='status' and contains(., 'the passkey was not accepted')]")).await;
    refused.expect("the page says so");
    browser.quit().await.expect("closed");
}
