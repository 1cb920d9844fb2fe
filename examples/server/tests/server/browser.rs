//! The main job in a browser: Chromium, with scripts switched off by the policy and not missed.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use thirtyfour::prelude::*;
use xtask::services::free_port;

use crate::process::{Server, captured};

pub struct Driver(Child);

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A program that `cargo xtask test` has found or installed, else the one of Debian's package.
fn program(variable: &str, usual: &str) -> String {
    #[allow(clippy::disallowed_methods)]
    let path = std::env::var(variable).unwrap_or_else(|_| usual.to_owned());
    assert!(Path::new(&path).exists(), "{path} is missing: `cargo xtask test` installs it");
    path
}

pub async fn browser(folder: &Path) -> (Driver, WebDriver) {
    let port = free_port().expect("a free port");
    let driver = Command::new(program("CONNECT_TEST_CHROMEDRIVER", "/usr/bin/chromedriver"))
        .arg(format!("--port={port}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let driver = Driver(driver.expect("chromedriver"));
    let mut wanted = DesiredCapabilities::chrome();
    wanted.set_binary(&program("CONNECT_TEST_CHROMIUM", "/usr/bin/chromium")).expect("a program");
    for argument in [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-dev-shm-usage",
        "--window-size=1200,900",
    ] {
        wanted.add_arg(argument).expect("an argument");
    }
    wanted.add_arg(&format!("--user-data-dir={}", folder.display())).expect("an argument");
    for _ in 0..200 {
        if let Ok(browser) = WebDriver::new(format!("http://127.0.0.1:{port}"), wanted.clone()).await {
            browser.set_implicit_wait_timeout(Duration::from_secs(60)).await.expect("a timeout");
            return (driver, browser);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("chromedriver does not answer");
}

pub async fn fill(browser: &WebDriver, field: &str, text: &str) {
    let element = browser.find(By::Id(field)).await.unwrap_or_else(|_| panic!("no field {field}"));
    element.clear().await.expect("cleared");
    element.send_keys(text).await.expect("typed");
}

pub async fn press(browser: &WebDriver, label: &str) {
    let button = browser.find(By::XPath(format!("//button[normalize-space()='{label}']"))).await;
    button.unwrap_or_else(|_| panic!("no button {label}")).click().await.expect("pressed");
}

pub async fn text(browser: &WebDriver) -> String {
    browser.find(By::Tag("body")).await.expect("a page").text().await.expect("text")
}

/// Signs out, and waits for the answer: whoever turns to another page before it has come calls the request off.
pub async fn sign_out(browser: &WebDriver) {
    press(browser, "Sign out").await;
    browser.find(By::Id("email")).await.expect("the way in");
}

pub async fn sign_in(browser: &WebDriver, server: &Server, email: &str) {
    fill(browser, "email", email).await;
    press(browser, "Send me a code").await;
    browser.find(By::Id("code")).await.expect("the page for the code");
    for _ in 0..200 {
        if let Some(mail) = captured(server, email).await {
            let code = mail.lines().nth(2).expect("a code").to_owned();
            fill(browser, "code", &code).await;
            press(browser, "Sign in").await;
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("no code for {email}");
}

#[tokio::test(flavor = "multi_thread")]
async fn set_up_open_answer_and_read_as_the_customer() {
    // The driver's HTTP client speaks TLS too, with the provider of the process.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(&folder.path().join("data"), &[]);
    let (_driver, browser) = browser(&folder.path().join("profile")).await;
    browser.goto(&server.url).await.expect("the front page");
    sign_in(&browser, &server, "olivia@acme.example").await;
    fill(&browser, "your_name", "Olivia Okafor").await;
    fill(&browser, "name", "Acme Support").await;
    press(&browser, "Make the workspace").await;
    assert!(browser.current_url().await.expect("an address").path().ends_with("/acme-support/tickets"));

    browser.find(By::LinkText("New ticket")).await.expect("a link").click().await.expect("followed");
    fill(&browser, "email", "carla@customer.example").await;
    fill(&browser, "name", "Carla").await;
    fill(&browser, "subject", "Printer on fire").await;
    fill(&browser, "body", "It **burns**.").await;
    press(&browser, "Open the ticket").await;
    fill(&browser, "reply", "Help is on its way.").await;
    press(&browser, "Send the answer").await;
    browser.find(By::Css(".message.team")).await.expect("the answer is shown");
    browser.find(By::Css(".note-form summary")).await.expect("the note").click().await.expect("opened");
    fill(&browser, "note", "Check the *toner*.").await;
    press(&browser, "Keep the note").await;
    browser.find(By::Css(".message.note")).await.expect("the note is shown");
    let page = text(&browser).await;
    assert!(page.contains("Help is on its way.") && page.contains("Check the toner."), "{page}");
    sign_out(&browser).await;

    browser.goto(format!("{}/acme-support/requests", server.url)).await.expect("the customers' page");
    sign_in(&browser, &server, "carla@customer.example").await;
    browser.find(By::PartialLinkText("Printer on fire")).await.expect("her request").click().await.expect("followed");
    browser.find(By::Css(".message.team")).await.expect("the answer is shown");
    let page = text(&browser).await;
    assert!(page.contains("Help is on its way.") && !page.contains("toner"), "{page}");
    fill(&browser, "reply", "Thank you!").await;
    let photo = folder.path().join("photo of the printer.txt");
    std::fs::write(&photo, "It was red.").expect("a file");
    let field = browser.find(By::Css("input[type=file]")).await.expect("a field for files");
    field.send_keys(photo.to_str().expect("a path")).await.expect("chosen");
    press(&browser, "Send").await;
    let link = browser.find(By::PartialLinkText("photo of the printer.txt")).await.expect("her file is shown");
    let address = link.prop("href").await.expect("an address").expect("an address");
    browser.goto(&address).await.expect("her file opens");
    assert!(text(&browser).await.contains("It was red."), "her own file reads as she sent it");
    browser.back().await.expect("back");
    browser.find(By::XPath("//li[contains(., 'Thank you!')]")).await.expect("her answer is shown");

    // By keyboard alone: the skip link comes first, and the form can be reached and sent.
    browser.goto(format!("{}/acme-support/requests/new", server.url)).await.expect("the form");
    let body = browser.find(By::Tag("body")).await.expect("a page");
    body.send_keys(Key::Tab + "").await.expect("a key");
    let focused = browser.active_element().await.expect("something has the focus");
    assert_eq!(focused.text().await.expect("text"), "Skip to content");
    fill(&browser, "subject", "By keyboard").await;
    browser.active_element().await.expect("the subject").send_keys(Key::Tab + "Sent with keys").await.expect("typed");
    browser.active_element().await.expect("the text").send_keys(Key::Tab + "").await.expect("a key");
    let files = browser.active_element().await.expect("the field for files");
    assert_eq!(files.attr("type").await.expect("a type").as_deref(), Some("file"));
    browser.action_chain().send_keys(Key::Tab + "").perform().await.expect("a key");
    browser.active_element().await.expect("the button").send_keys(Key::Enter + "").await.expect("sent");
    browser.find(By::XPath("//h1[contains(., 'By keyboard')]")).await.expect("the new request");

    // On a phone nothing is wider than the screen.
    browser.set_window_rect(0, 0, 400, 800).await.expect("a small window");
    for path in ["/acme-support/requests", "/acme-support/requests/1"] {
        browser.goto(format!("{}{path}", server.url)).await.expect("a page");
        let wider =
            browser.execute("return document.documentElement.scrollWidth > window.innerWidth", Vec::new()).await;
        assert_eq!(wider.expect("measured").json().as_bool(), Some(false), "{path} fits");
    }
    browser.quit().await.expect("closed");
}
