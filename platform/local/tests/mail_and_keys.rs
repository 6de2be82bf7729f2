//! Mail into the outbox and keys, through the SDK's clients.

mod support;

use annals_local::{Local, Store};
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::DataKeySpec;
use aws_sdk_sesv2::types::{EmailContent, MessageTag, RawMessage};
use support::config;

macro_rules! client {
    ($service:ident, $local:expr) => {
        $service::Client::from_conf(
            $service::Config::builder()
                .behavior_version($service::config::BehaviorVersion::latest())
                .region($service::config::Region::new("eu-west-1"))
                .credentials_provider($local.credentials("admin").unwrap())
                .http_client($local.http_client())
                .build(),
        )
    };
}

async fn send(local: &Local, effect: Option<&str>, body: &str) -> Result<String, String> {
    let raw = RawMessage::builder().data(aws_sdk_sesv2::primitives::Blob::new(body)).build().unwrap();
    let tags = effect.map(|effect| vec![MessageTag::builder().name("annals-effect").value(effect).build().unwrap()]);
    let client = client!(aws_sdk_sesv2, local);
    let request = client.send_email().from_email_address("Billing <billing@example.com>");
    let sent = request.content(EmailContent::builder().raw(raw).build()).set_email_tags(tags).send().await;
    sent.map(|sent| sent.message_id().unwrap().to_owned()).map_err(|error| format!("{:?}", error.into_service_error()))
}

#[tokio::test(start_paused = true)]
async fn a_mail_of_one_effect_is_written_once_also_across_restarts() {
    let directory = tempfile::tempdir().unwrap();
    let open = || async {
        let mut config = config(Store::Directory(directory.path().join("data")));
        config.outbox = Some(directory.path().join("outbox"));
        Local::open(config).await.unwrap()
    };
    let local = open().await;
    let first = send(&local, Some("receipt-1"), "Subject: one\r\n\r\n").await.unwrap();
    assert_eq!(send(&local, Some("receipt-1"), "Subject: two\r\n\r\n").await.unwrap(), first);
    drop(local);
    let local = open().await;
    assert_eq!(send(&local, Some("receipt-1"), "Subject: three\r\n\r\n").await.unwrap(), first);
    assert_eq!(std::fs::read_to_string(directory.path().join("outbox/receipt-1.eml")).unwrap(), "Subject: one\r\n\r\n");
    assert_ne!(send(&local, Some("receipt-2"), "").await.unwrap(), first);
    assert_eq!(local.mail().unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn mail_without_an_effect_is_written_every_time_and_odd_effects_are_refused() {
    let local = Local::open(config(Store::Memory)).await.unwrap();
    assert_ne!(send(&local, None, "a").await.unwrap(), send(&local, None, "a").await.unwrap());
    assert_eq!(local.mail().unwrap().len(), 2);
    for effect in ["../escape", "a b", ""] {
        assert!(send(&local, Some(effect), "a").await.unwrap_err().contains("BadRequest"), "{effect}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_encrypted_opens_with_its_context_only_also_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let open = || async { Local::open(config(Store::Directory(directory.path().to_owned()))).await.unwrap() };
    let local = open().await;
    let kms = client!(aws_sdk_kms, local);
    let made = kms
        .generate_data_key()
        .key_id("alias/annals")
        .key_spec(DataKeySpec::Aes256)
        .encryption_context("person", "p1")
        .send()
        .await
        .unwrap();
    let (plaintext, sealed) = (made.plaintext().unwrap().clone(), made.ciphertext_blob().unwrap().clone());
    assert_eq!(plaintext.as_ref().len(), 32);
    drop((kms, local));
    let local = open().await;
    let kms = client!(aws_sdk_kms, local);
    let opened = kms.decrypt().ciphertext_blob(sealed.clone()).encryption_context("person", "p1").send().await.unwrap();
    assert_eq!(opened.plaintext(), Some(&plaintext));
    let wrong = kms.decrypt().ciphertext_blob(sealed.clone()).encryption_context("person", "p2").send().await;
    assert!(wrong.unwrap_err().into_service_error().is_invalid_ciphertext_exception());
    let mut damaged = sealed.into_inner();
    *damaged.last_mut().unwrap() ^= 1;
    let damaged = kms.decrypt().ciphertext_blob(Blob::new(damaged)).encryption_context("person", "p1").send().await;
    assert!(damaged.unwrap_err().into_service_error().is_invalid_ciphertext_exception());
    let encrypted = kms.encrypt().key_id("alias/annals").plaintext(Blob::new("secret")).send().await.unwrap();
    let opened = kms.decrypt().ciphertext_blob(encrypted.ciphertext_blob().unwrap().clone()).send().await.unwrap();
    assert_eq!(opened.plaintext().unwrap().as_ref(), b"secret");
}

#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn the_key_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    Local::open(config(Store::Directory(directory.path().to_owned()))).await.unwrap();
    let key = std::fs::metadata(directory.path().join("keys/vault.key")).unwrap();
    assert_eq!((key.len(), key.permissions().mode() & 0o777), (32, 0o600));
}
