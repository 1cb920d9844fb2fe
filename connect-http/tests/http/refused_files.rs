//! Files that are not taken, or not shown.

use axum::body::Body;
use axum::http::Method;
use bytes::Bytes;
use futures::stream;

use crate::app::{ATTACHMENT_LIMIT, TestApp, User};
use crate::attachments::{PNG, desk, form, id, send_form, upload};

const UPLOADS: &str = "/workspaces/acme/attachments";

/// A body in pieces, whose length nobody knows, and that may break.
fn pieces(content: &[u8], breaks: bool) -> Body {
    let mut all: Vec<Result<Bytes, std::io::Error>> =
        content.chunks(16 * 1024).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    if breaks {
        all.push(Err(std::io::Error::other("the line broke")));
    }
    Body::from_stream(stream::iter(all))
}

async fn raw(user: &User, body: Body) -> crate::app::Answer {
    let request = user.request(Method::POST, &format!("{UPLOADS}?name=a.txt"));
    user.send(request.body(body).expect("a request")).await
}

#[tokio::test]
async fn too_much_is_refused_and_leaves_nothing() {
    let (app, blobs, agent, _) = desk().await;
    let limit = usize::try_from(ATTACHMENT_LIMIT).expect("a size");
    let (fits, large) = (vec![b'x'; limit], vec![b'x'; limit + 1]);
    let huge = vec![b'x'; limit * 3];
    for (what, answer) in [
        ("said beforehand", {
            let request = agent.request(Method::POST, &format!("{UPLOADS}?name=a.txt"));
            let request = request.header("content-length", (limit + 1).to_string());
            agent.send(request.body(Body::from(large.clone())).expect("a request")).await
        }),
        ("in pieces", raw(&agent, pieces(&large, false)).await),
        ("in a form", send_form(&agent, pieces(&form("file", "a.txt", &large), false)).await),
        ("far more in a form", send_form(&agent, Body::from(form("file", "a.txt", &huge))).await),
    ] {
        assert_eq!(answer.problem(413), "too_large", "{what}");
    }
    assert_eq!(blobs.keys(), Vec::<String>::new());
    assert_eq!(raw(&agent, pieces(&fits, false)).await.expect(201)["size"], ATTACHMENT_LIMIT);
    assert_eq!(send_form(&agent, pieces(&form("file", "a.txt", &fits), false)).await.expect(201)["name"], "a.txt");
    app.finish().await;
}

#[tokio::test]
async fn what_stops_half_way_is_refused_and_leaves_nothing() {
    let (app, blobs, agent, _) = desk().await;
    let whole = form("file", "a.png", &PNG.repeat(1000));
    for (what, answer) in [
        ("a body", raw(&agent, pieces(PNG, true)).await),
        ("a form that breaks", send_form(&agent, pieces(&whole[..whole.len() / 2], true)).await),
        ("a form that ends within its part", send_form(&agent, pieces(&whole[..whole.len() / 2], false)).await),
        ("a form without its last line", send_form(&agent, pieces(&whole[..whole.len() - 8], false)).await),
        ("no form", send_form(&agent, Body::from("nothing of that kind")).await),
    ] {
        assert_eq!(answer.problem(400), "bad_body", "{what}");
    }
    let two = [&form("file", "a.png", PNG)[..form("file", "a.png", PNG).len() - 4], &b"\r\n"[..]].concat();
    let two = [two.as_slice(), &form("file", "b.png", PNG)[7..]].concat();
    assert_eq!(send_form(&agent, Body::from(two)).await.problem(422), "invalid", "two parts");
    assert_eq!(send_form(&agent, Body::from(form("other", "a.png", PNG))).await.problem(422), "invalid");
    assert_eq!(send_form(&agent, Body::from("--cut--\r\n")).await.problem(422), "invalid", "no part");
    let request = agent.request(Method::POST, UPLOADS).body(Body::from(PNG)).expect("a request");
    assert_eq!(agent.send(request).await.json()["errors"][0]["field"], "name");
    assert_eq!(blobs.keys(), Vec::<String>::new());
    app.finish().await;
}

#[tokio::test]
async fn what_a_browser_might_run_is_saved_and_not_shown() {
    let (app, _, agent, _) = desk().await;
    let script = b"<script>alert(1)</script>";
    for (name, content, kind, way) in [
        ("a.html", &script[..], "application/octet-stream", "attachment"),
        (
            "a.svg",
            b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
            "application/octet-stream",
            "attachment",
        ),
        ("a.txt", script, "application/octet-stream", "attachment"),
        ("a.png", script, "application/octet-stream", "attachment"),
        ("a.html", PNG, "application/octet-stream", "attachment"),
        ("a.pdf", b"%PDF-1.7", "application/pdf", "attachment"),
        ("a.txt", b"plain", "text/plain; charset=utf-8", "inline"),
        ("a.png", PNG, "image/png", "inline"),
    ] {
        let file = id(&upload(&agent, name, content).await.expect(201));
        let answer = agent.get(&format!("{UPLOADS}/{file}")).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.headers["content-type"], kind, "{name}");
        let disposition = answer.headers["content-disposition"].to_str().expect("text");
        assert!(disposition.starts_with(&format!("{way}; ")), "{name}: {disposition}");
        assert_eq!(
            answer.headers["content-security-policy"],
            "default-src 'none'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'; sandbox"
        );
    }
    app.finish().await;
}

#[tokio::test]
async fn what_the_scanner_does_not_let_through_is_not_kept() {
    let (app, blobs, agent, _) = desk().await;
    assert_eq!(upload(&agent, "a.txt", b"an EICAR test").await.problem(409), "attachment_infected");
    let silent = upload(&agent, "silent", PNG).await;
    assert_eq!(silent.problem(503), "unavailable");
    assert!(silent.headers.contains_key("retry-after"));
    assert_eq!(blobs.keys(), Vec::<String>::new());
    upload(&agent, "a.txt", b"harmless").await.expect(201);
    assert_eq!(blobs.keys().len(), 1);
    app.finish().await;
}

#[tokio::test]
async fn a_page_of_another_site_uploads_nothing() {
    let (app, blobs, agent, _) = desk().await;
    let request = |site: &str| {
        let request = axum::http::Request::post(format!("/api/v1{UPLOADS}?name=a.png"));
        let cookie = format!("__Host-connect_session={}", agent.token());
        request.header("cookie", cookie).header("sec-fetch-site", site).body(Body::from(PNG)).expect("a request")
    };
    assert_eq!(app.anonymous().send(request("cross-site")).await.problem(403), "cross_site");
    assert_eq!(blobs.keys(), Vec::<String>::new());
    app.anonymous().send(request("same-origin")).await.expect(201);
    app.finish().await;
}

#[tokio::test]
async fn no_one_uploads_without_signing_in() {
    let (app, ..) = TestApp::acme().await;
    assert_eq!(upload(&app.anonymous(), "a.png", PNG).await.problem(401), "unauthorized");
    app.finish().await;
}
