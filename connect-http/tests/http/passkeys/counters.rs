//! How often a key says that it has signed.

use connect_core::event::Fact;
use serde_json::json;

use super::{asked, at_once, cookies, enrolled, facts, reason, sign_in};
use crate::app::TestApp;
use crate::pages::Browser;

use super::device::Manner;

#[tokio::test]
async fn sec_85_a_counter_that_goes_back_is_refused_and_told() {
    let app = TestApp::new();
    let (id, key) = enrolled(&app.sign_in("ada@example.org").await).await;
    let browser = Browser::new(&app);
    sign_in(&browser, &key, 5).await.expect(200);
    // A copy of the key that has signed less often than the desk has seen, or as often, or does not count at all.
    for counter in [5, 4, 1, 0] {
        let stranger = Browser::new(&app);
        let refused = sign_in(&stranger, &key, counter).await;
        assert_eq!(reason(&app, &refused).await, "counter", "{counter}");
        let told = facts(&app).await.pop();
        let passkey = match told {
            Some(Fact::AuthPasskeyRefused { passkey, .. }) => passkey.expect("which").to_string(),
            other => panic!("the journal ends with {other:?}"),
        };
        assert_eq!(passkey, id, "the journal says which");
    }
    sign_in(&browser, &key, 6).await.expect(200);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sec_85_a_counter_counts_once_however_many_answer_at_once() {
    let app = TestApp::new();
    let (_, key) = enrolled(&app.sign_in("ada@example.org").await).await;
    let mut answers = Vec::new();
    for _ in 0..8 {
        let browser = Browser::new(&app);
        let asked = asked(&browser).await;
        let signed = key.sign(&asked["public_key"], &Manner::default(), 7);
        answers.push((cookies(&browser), json!({"question": asked["question"], "credential": signed})));
    }
    assert_eq!(at_once(&app, answers).await, 1, "a copy and the key do not both get in");
    app.finish().await;
}

#[tokio::test]
async fn keys_that_do_not_count_sign_in_again_and_again() {
    let app = TestApp::new();
    let (_, key) = enrolled(&app.sign_in("ada@example.org").await).await;
    for _ in 0..3 {
        sign_in(&Browser::new(&app), &key, 0).await.expect(200);
    }
    app.finish().await;
}
