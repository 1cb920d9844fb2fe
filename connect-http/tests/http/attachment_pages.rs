//! Files on pages.

use axum::http::Request;

use crate::app::{ATTACHMENT_LIMIT, Answer};
use crate::attachments::desk;
use crate::pages::{Browser, hidden};

/// What a browser sends of a form with a field for files.
fn form(fields: &[(&str, &str)], files: &[(&str, &str)]) -> String {
    let texts = fields
        .iter()
        .map(|(name, value)| format!("--cut\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"));
    let contents = files.iter().map(|(name, content)| {
        format!(
            "--cut\r\nContent-Disposition: form-data; name=\"files\"; filename=\"{name}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n{content}\r\n"
        )
    });
    texts.chain(contents).collect::<Vec<_>>().concat() + "--cut--\r\n"
}

async fn submit(browser: &Browser<'_>, path: &str, fields: &[(&str, &str)], files: &[(&str, &str)]) -> Answer {
    let request = Request::post(path).header("content-type", "multipart/form-data; boundary=cut");
    let answer = browser.send(request, form(fields, files)).await;
    match answer.headers.get("location") {
        Some(target) => browser.get(target.to_str().expect("text").split('#').next().expect("a path")).await,
        None => answer,
    }
}

/// The first address of a file on a page.
fn href(page: &str, name: &str) -> String {
    let before = page.split(&format!("\">{name}</a>")).next().filter(|before| before.len() < page.len());
    before
        .and_then(|before| before.rsplit("href=\"").next())
        .unwrap_or_else(|| panic!("no {name} in {page}"))
        .to_owned()
}

#[tokio::test]
async fn customer_and_agent_send_files_with_forms() {
    let (app, blobs, ..) = desk().await;
    let (desk, customer) = (Browser::new(&app), Browser::new(&app));
    let page = customer.sign_in("carla@customer.example", "/acme/requests/new").await;
    assert!(page.text.contains("type=\"file\"") && page.text.contains("multipart/form-data"), "{}", page.text);
    let fields = [("subject", "Broken"), ("body", "See the files"), ("once", &hidden(&page.text, "once"))];
    let files = [("a b.txt", "first"), ("c.html", "<b>second</b>")];
    let page = submit(&customer, "/acme/requests/new", &fields, &files).await;
    assert!(page.text.contains("a b.txt") && page.text.contains("5 bytes"), "{}", page.text);
    let answer = customer.get(&href(&page.text, "a b.txt")).await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, "first"));
    let answer = customer.get(&href(&page.text, "c.html")).await;
    assert!(answer.headers["content-disposition"].to_str().expect("text").starts_with("attachment; "));
    let twice = submit(&customer, "/acme/requests/new", &fields, &files).await;
    assert!(twice.text.contains("#1") && !twice.text.contains("#2"), "pressed twice opens one: {}", twice.text);

    desk.sign_in("agent@acme.example", "/acme/tickets/1").await;
    let page = submit(&desk, "/acme/tickets/1/note", &[("body", "inside")], &[("secret.txt", "s")]).await;
    let secret = href(&page.text, "secret.txt");
    let page = submit(&desk, "/acme/tickets/1/reply", &[("body", "fixed")], &[("fix.txt", "f"), ("", "")]).await;
    assert!(page.text.contains("fix.txt"), "a field without a file is none: {}", page.text);
    let page = customer.get("/acme/requests/1").await;
    assert!(page.text.contains("fix.txt") && !page.text.contains("secret.txt"));
    let refused = customer.get(&secret).await;
    assert_eq!(refused.status, 404);
    assert!(refused.text.contains("There is nothing here"), "errors are pages");
    app.deliver().await;
    assert_eq!(blobs.keys().len(), 6, "two of them of the form that was sent twice: they are swept");
    app.finish().await;
}

#[tokio::test]
async fn a_form_that_cannot_be_taken_keeps_its_text_and_its_files() {
    let (app, blobs, agent, _) = desk().await;
    agent.open("Drafts").await;
    let desk = Browser::new(&app);
    desk.sign_in("agent@acme.example", "/acme/tickets/1").await;
    let seen = "msg_00000000000000000000000000";
    let page = submit(&desk, "/acme/tickets/1/reply", &[("seen", seen), ("body", "Hello")], &[("a.txt", "kept")]).await;
    assert_eq!(page.status, 409);
    assert!(page.text.contains(">Hello</textarea>") && page.text.contains("Attached already"), "{}", page.text);
    let fields = [("body", "Hello"), ("seen", &hidden(&page.text, "seen")), ("kept", &hidden(&page.text, "kept"))];
    let page = submit(&desk, "/acme/tickets/1/reply", &fields, &[("b.txt", "more")]).await;
    assert_eq!(page.status, 200, "{}", page.text);
    assert_eq!(desk.get(&href(&page.text, "a.txt")).await.text, "kept");
    assert_eq!(desk.get(&href(&page.text, "b.txt")).await.text, "more");

    let large = "x".repeat(usize::try_from(ATTACHMENT_LIMIT).expect("a size") + 1);
    let page = submit(&desk, "/acme/tickets/1/reply", &[("body", "Big")], &[("big.txt", &large)]).await;
    assert_eq!(page.status, 413);
    assert!(page.text.contains(">Big</textarea>") && page.text.contains("role=\"alert\""), "{}", page.text);
    assert_eq!(blobs.keys().len(), 2);

    let broken = form(&[("body", "Cut")], &[("c.txt", "content")]);
    let request = Request::post("/acme/tickets/1/reply").header("content-type", "multipart/form-data; boundary=cut");
    let cut = desk.send(request, broken[..broken.len() - 8].to_owned()).await;
    assert_eq!(cut.status, 400);
    let unknown = submit(&desk, "/acme/tickets/1/reply", &[("body", "x"), ("admin", "1")], &[("d.txt", "d")]).await;
    assert_eq!(unknown.status, 422);
    assert_eq!(blobs.keys().len(), 2, "a broken form leaves nothing");
    app.deliver().await;
    app.finish().await;
}
