//! `annals audit` as a command: exit codes, files with manifests, periods that a verifier without Annals takes.

use std::io::BufReader;
use std::path::Path;

use annals::cli::Cli;
use annals::commands;
use annals::outcome::{Answer, CouldNotTell};
use annals::session::Session;
use annals_ledger::objects::checkpoint_path;
use annals_verify::extension::Extension;
use annals_verify::inclusion;
use annals_verify::period::{self, PeriodProof};
use aws_sdk_dynamodb::types::AttributeValue;
use clap::Parser;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::world::{World, notice};

async fn ask(world: &World, arguments: &[&str]) -> Result<Answer, CouldNotTell> {
    let cli = Cli::try_parse_from(["annals", "audit"].iter().chain(arguments)).unwrap();
    commands::ask(&Session::of(world.system.clone()), cli.command.unwrap(), Path::new("unused")).await
}

async fn world() -> (World, String) {
    let world = World::new().await;
    let invoice = world.invoice(&world.subscribe("k", "ada").await).await;
    assert_eq!(world.webhook(&notice("evt_1", "invoice.paid", &invoice, 4900, 1)).await.status, 200);
    world.sign().await;
    (world, invoice)
}

#[tokio::test(start_paused = true)]
async fn each_question_has_its_exit_code() {
    let (world, invoice) = world().await;
    let (stream, owner) = (format!("INV#{invoice}"), world.actor(&world.demo()).await);
    let yes: [&[&str]; 11] = [
        &["revisions", &stream],
        &["revisions", &stream, "--json"],
        &["as-of", &stream, "1"],
        &["field", &stream, "status", "--csv"],
        &["actor", &owner, "--in", "2026"],
        &["population", "2026-01"],
        &["inclusion", &format!("{stream}@2")],
        &["day", "2026-01-01", "--service", "billing"],
        &["replay"],
        &["roles", "owner"],
        &["person", "ada", "--tenant", "demo", "--csv"],
    ];
    for arguments in yes {
        assert_eq!(ask(&world, arguments).await.unwrap(), Answer::Yes, "{arguments:?}");
    }
    let no: [&[&str]; 8] = [
        &["revisions", "INV#none"],
        &["as-of", &stream, "2025-01-01"],
        &["field", &stream, "colour"],
        &["actor", "nobody"],
        &["notice", "none"],
        &["roles", "owner", "2025-12-31"],
        &["person", "nobody", "--tenant", "demo"],
        &["correlation", "00000000-0000-0000-0000-000000000001"],
    ];
    for arguments in no {
        assert_eq!(ask(&world, arguments).await.unwrap(), Answer::No, "{arguments:?}");
    }
    for (arguments, words) in [(["as-of", &stream, "@900"], "position 900"), (["extension", "billing", "/nowhere"], "/nowhere")] {
        assert!(ask(&world, &arguments).await.unwrap_err().what.contains(words));
    }
    assert!(ask(&world, &["erasure", "ada"]).await.unwrap_err().what.contains("say of which with --tenant"));
    assert!(
        ask(&world, &["person", "ada"]).await.unwrap_err().what.contains("say of which with --tenant"),
        "every organisation may have an ada"
    );
    world.settle().await;
    assert_eq!(ask(&world, &["access"]).await.unwrap(), Answer::Yes, "all of this was noted");
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_a_file_with_a_manifest_whose_hash_is_the_files() {
    let (world, _) = world().await;
    let folder = tempfile::tempdir().unwrap();
    for form in ["csv", "jsonl", "parquet"] {
        let out = folder.path().join(form);
        let arguments = ["day", "2026-01-01", "--service", "billing", "--out", out.to_str().unwrap(), "--form", form];
        assert_eq!(ask(&world, &arguments).await.unwrap(), Answer::Yes);
        let manifest: Value = serde_json::from_slice(&std::fs::read(out.join("day.manifest.json")).unwrap()).unwrap();
        let file = std::fs::read(out.join(manifest["file"]["name"].as_str().unwrap())).unwrap();
        let digest: String = Sha256::digest(&file).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            (manifest["file"]["sha256"].as_str(), manifest["file"]["bytes"].as_u64()),
            (Some(digest.as_str()), Some(file.len() as u64))
        );
        assert_eq!((&manifest["question"], &manifest["told"]["read_at"][0]["service"]), (&json!("day"), &json!("billing")));
        let rows = manifest["file"]["rows"].as_u64().unwrap() as usize;
        match form {
            "csv" => assert_eq!(String::from_utf8(file).unwrap().matches("\r\n").count(), rows + 1),
            "jsonl" => {
                let lines: Vec<Value> = file.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
                assert_eq!((lines.len(), lines.iter().filter(|line| line["amount"] == "49.00").count()), (rows, 3));
            }
            _ => assert!(file.starts_with(b"PAR1") && file.ends_with(b"PAR1")),
        }
        // What is there is not overwritten, and nothing half written is left.
        assert!(ask(&world, &arguments).await.unwrap_err().what.contains("is there already"));
        assert_eq!(std::fs::read_dir(&out).unwrap().count(), 2);
    }
    world.settle().await;
    let exports = world.items("subscriptions-log").await;
    let exported = exports.iter().filter(|item| format!("{:?}", item["e"]).contains("HISTORY_EXPORTED")).count();
    assert_eq!(exported, 3);
}

#[tokio::test(start_paused = true)]
async fn a_period_an_inclusion_and_an_extension_verify_without_annals() {
    let (world, invoice) = world().await;
    let ledger = world.system.ledgers().of_service("billing").clone();
    let key = ledger.key.verifier();
    let old_size = ledger.objects.newest_checkpoint().await.unwrap().unwrap();
    let old = ledger.objects.read(&checkpoint_path(old_size)).await.unwrap().unwrap();
    world.subscribe("later", "bob").await;
    world.sign().await;
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let out = |name: &str| path(name).to_str().unwrap().to_owned();

    assert_eq!(ask(&world, &["period", "billing", "2026", "--out", &out("period")]).await.unwrap(), Answer::Yes);
    let proof = PeriodProof::from_bytes(&std::fs::read(path("period/period.proof")).unwrap()).unwrap();
    let entries = BufReader::new(std::fs::File::open(path("period/entries.tsv")).unwrap());
    let verified = period::verify(&key, &proof, entries).unwrap();
    assert!(verified.commits > old_size && verified.first == 0);

    std::fs::write(path("old"), &old).unwrap();
    assert_eq!(ask(&world, &["extension", "billing", &out("old"), "--out", &out("proofs")]).await.unwrap(), Answer::Yes);
    let extension = std::fs::read(path("proofs").join(format!("billing-from-{old_size}.extension"))).unwrap();
    let (before, now) = Extension::from_bytes(&extension).unwrap().verify(&key, &old).unwrap();
    assert!(before.size == old_size && now.size > old_size);

    assert_eq!(ask(&world, &["inclusion", &format!("INV#{invoice}@2"), "--out", &out("proofs")]).await.unwrap(), Answer::Yes);
    let names: Vec<_> = std::fs::read_dir(path("proofs")).unwrap().map(|entry| entry.unwrap().path()).collect();
    let of = |suffix: &str| std::fs::read(names.iter().find(|name| name.to_str().unwrap().ends_with(suffix)).unwrap()).unwrap();
    inclusion::verify(&key, &of(".tlog-proof"), &of(".commit.json")).unwrap();
}

#[tokio::test(start_paused = true)]
async fn rows_that_are_not_what_the_log_folds_to_are_told() {
    let (world, invoice) = world().await;
    let administrator = world.system.account("administrator").sdk_dynamodb();
    let call = administrator.update_item().table_name("subscriptions").key("PK", AttributeValue::S(format!("INV#{invoice}")));
    let call = call.key("SK", AttributeValue::S("META".into())).update_expression("SET amount = :a");
    call.expression_attribute_values(":a", AttributeValue::N("1".into())).send().await.unwrap();
    assert_eq!(ask(&world, &["replay", "invoices"]).await.unwrap(), Answer::No);
    assert_eq!(ask(&world, &["replay"]).await.unwrap(), Answer::No);
}

#[tokio::test(start_paused = true)]
async fn a_history_that_was_changed_is_not_told() {
    let (world, invoice) = world().await;
    let administrator = world.system.account("administrator").sdk_dynamodb();
    // The newest commit of its stream: no later one vouches for it.
    let key = AttributeValue::S("00000000000000000002".into());
    let call = administrator.update_item().table_name("subscriptions-log").key("PK", AttributeValue::S(format!("INV#{invoice}")));
    let call = call.key("SK", key).update_expression("SET a = :a").expression_attribute_values(":a", AttributeValue::S("mallory".into()));
    call.send().await.unwrap();
    let stream = format!("INV#{invoice}");
    for arguments in [&["revisions", &stream][..], &["day", "2026-01-01"], &["inclusion", &format!("{stream}@2")]] {
        assert!(ask(&world, arguments).await.unwrap_err().what.contains("the history is not what it was"), "{arguments:?}");
    }
}
