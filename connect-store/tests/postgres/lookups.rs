//! Callers who look for records at the same time share statements, and nothing else.

use connect_core::contact::Contact;
use connect_core::record::RecordKind;
use connect_core::{Store, WorkspaceId};
use futures::future::join_all;

use crate::database::Schema;
use crate::world::{Maker, OTHER, WORKSPACE, bounded};

#[tokio::test(flavor = "multi_thread")]
async fn each_of_many_callers_gets_their_own_record() {
    bounded("400 lookups at once", async {
        let (schema, maker) = (Schema::new(), Maker::new(1));
        let store = schema.open().await;
        let mut wanted: Vec<(WorkspaceId, String, Option<String>)> = Vec::new();
        for number in 0..40 {
            let (contact, changes) = maker.contact(&format!("customer{number}@example.org"));
            let workspace = if number % 2 == 0 { WORKSPACE } else { OTHER };
            store.commit(workspace, changes).await.expect("a contact is kept");
            let key = Contact::email_key(contact.email.as_ref().expect("an address"));
            let elsewhere = if number % 2 == 0 { OTHER } else { WORKSPACE };
            wanted.push((workspace, key.clone(), Some(contact.id.to_string())));
            wanted.push((elsewhere, key, None));
        }
        // A key that the server does not take stands among them: it fails, and it alone.
        let bad = (0..5).map(|_| store.find(WORKSPACE, Contact::KIND, "email:\0".to_owned()));
        let good = (0..5).flat_map(|_| wanted.iter()).map(|(workspace, key, expected)| {
            let found = store.find(*workspace, Contact::KIND, key.clone());
            async move { (found.await.expect("a lookup beside a bad one").map(|record| record.id), expected.clone()) }
        });
        let (refused, answered) = tokio::join!(join_all(bad), join_all(good));
        assert!(refused.iter().all(Result::is_err), "{refused:?}");
        assert_eq!(answered.len(), 400);
        for (found, expected) in answered {
            assert_eq!(found, expected);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_who_go_away_take_nobody_with_them() {
    bounded("lookups that are given up", async {
        let (schema, maker) = (Schema::new(), Maker::new(1));
        let store = schema.open().await;
        let (contact, changes) = maker.contact("ada@example.org");
        store.commit(WORKSPACE, changes).await.expect("a contact is kept");
        let key = Contact::email_key(contact.email.as_ref().expect("an address"));
        for _ in 0..200 {
            let (given_up, kept) = (store.clone(), store.clone());
            let (first, second) = (key.clone(), key.clone());
            let gone = tokio::spawn(async move { given_up.find(WORKSPACE, Contact::KIND, first).await });
            let stays = tokio::spawn(async move { kept.find(WORKSPACE, Contact::KIND, second).await });
            gone.abort();
            let found = stays.await.expect("no panic").expect("a lookup beside one that was given up");
            assert_eq!(found.map(|record| record.id), Some(contact.id.to_string()));
        }
    })
    .await;
}
