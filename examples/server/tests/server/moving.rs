//! `connect-server export` and `import` between databases.

use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::database::Schema;
use crate::http::Client;
use crate::process::{Server, acme, captured, command, sign_in, ticket};

fn run(mut command: Command, arguments: &[&str]) -> Output {
    command.args(arguments).output().expect("the command runs")
}

fn well(output: &Output) -> String {
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{told}");
    told
}

/// All of a desk that people see.
async fn seen(client: &Client) -> Vec<Value> {
    let mut all = Vec::new();
    for path in ["", "/contacts", "/labels", "/members", "/tickets?sort=number", "/tickets?q=marmalade"] {
        all.push(client.get(&format!("/api/v1/workspaces/acme{path}")).await.expect(200));
    }
    for number in 1..=3 {
        for what in ["", "/messages", "/timeline"] {
            all.push(client.get(&format!("/api/v1/workspaces/acme/tickets/{number}{what}")).await.expect(200));
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_moves_from_sqlite_to_postgres_and_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let (first, last) = (folder.path().join("first"), folder.path().join("last"));
    let schema = Schema::new("moving");
    let file = folder.path().join("acme.jsonl");
    let file = file.to_str().expect("a path");

    let server = Server::start(&first, &[]);
    let agent = sign_in(&server, "agent@acme.example", async |email| captured(&server, email).await).await;
    acme(&agent).await;
    for subject in ["Printer on fire", "The door squeaks", "Marmalade on the keyboard"] {
        agent.post("/api/v1/workspaces/acme/tickets", &ticket(subject)).await.expect(201);
    }
    let body = json!({"kind": "note", "body": "They like marmalade."});
    agent.post("/api/v1/workspaces/acme/tickets/1/messages", &body).await.expect(201);
    let before = seen(&agent).await;
    server.kill();

    // Out of SQLite. A file that was cut off is gone on with, and ends the same.
    well(&run(command(&first), &["export", "acme", "--file", file]));
    let whole = std::fs::read(file).expect("the export");
    for cut in [whole.len() / 3, whole.len() / 2, whole.len() - 10] {
        std::fs::write(file, &whole[..cut]).expect("cut off");
        well(&run(command(&first), &["export", "acme", "--file", file]));
        assert!(std::fs::read(file).expect("the export") == whole, "cut at {cut}, it was gone on with");
    }
    let again = run(command(&first), &["export", "acme", "--file", file]);
    assert!(String::from_utf8_lossy(&again.stderr).contains("holds a whole export already"));

    // Into PostgreSQL, interrupted by a file without its end.
    let on_postgres = || {
        let mut command = command(&last);
        command.envs(schema.settings());
        command
    };
    let half = folder.path().join("half.jsonl");
    std::fs::write(&half, &whole[..whole.len() / 2]).expect("half of it");
    let cut = run(on_postgres(), &["import", "--file", half.to_str().expect("a path")]);
    assert!(!cut.status.success(), "half an export is no workspace");
    well(&run(on_postgres(), &["import", "--file", file]));
    let twice = run(on_postgres(), &["import", "--file", file]);
    assert!(String::from_utf8_lossy(&twice.stderr).contains("is there already"), "{twice:?}");
    let server = Server::start(&last, &schema.settings());
    let agent = sign_in(&server, "agent@acme.example", async |email| captured(&server, email).await).await;
    assert_eq!(seen(&agent).await, before, "all of it is there, and the same");
    server.kill();

    // And back into another SQLite file.
    let back = folder.path().join("back.jsonl");
    let back = back.to_str().expect("a path");
    well(&run(on_postgres(), &["export", "acme", "--file", back]));
    assert!(std::fs::read(back).expect("the export") == whole, "what comes out is what went in, to the byte");
    well(&run(command(&last), &["import", "--file", back]));
    let server = Server::start(&last, &[]);
    let agent = sign_in(&server, "agent@acme.example", async |email| captured(&server, email).await).await;
    assert_eq!(seen(&agent).await, before);
    let next = agent.post("/api/v1/workspaces/acme/tickets", &ticket("The next one")).await.expect(201);
    assert_eq!(next["number"], 4, "numbers go on");
}

#[test]
fn what_is_no_export_is_refused_in_words() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("bad.jsonl");
    let import = |text: &str| {
        std::fs::write(&file, text).expect("written");
        let output = run(command(folder.path()), &["import", "--file", file.to_str().expect("a path")]);
        assert!(!output.status.success());
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert!(import("rubbish\n").contains("line 1 is no line of an export"));
    assert!(import("{\"end\":{\"lines\":0}}\n").contains("begins with its header"));
    let header = "{\"header\":{\"format\":9,\"workspace\":\"wsp_01jd8v3k6qf2m9x7c5b4n8h0wz\",\"counters\":{\"last_seq\":1,\"last_number\":0,\"routed_seq\":0}}}\n";
    assert!(import(header).contains("format 9"));
    let header = header.replace("\"format\":9", "\"format\":1");
    assert!(import(&format!("{header}{{\"end\":{{\"lines\":7}}}}\n")).contains("names 7 lines"));
    let missing = run(command(folder.path()), &["export", "nowhere"]);
    assert!(String::from_utf8_lossy(&missing.stderr).contains("there is no workspace \"nowhere\""));
}
