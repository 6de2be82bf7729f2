//! Pushes to devices into the outbox, through the SDK's client.

mod support;

use annals_local::{Local, Store};
use aws_sdk_sns::types::MessageAttributeValue;
use support::config;

const APPLICATION: &str = "arn:aws:sns:eu-west-1:000000000000:app/GCM/annals";

fn client(local: &Local) -> aws_sdk_sns::Client {
    let config = aws_sdk_sns::Config::builder()
        .behavior_version(aws_sdk_sns::config::BehaviorVersion::latest())
        .region(aws_sdk_sns::config::Region::new("eu-west-1"))
        .credentials_provider(local.credentials("admin").unwrap())
        .http_client(local.http_client())
        .build();
    aws_sdk_sns::Client::from_conf(config)
}

async fn endpoint(client: &aws_sdk_sns::Client, token: &str) -> String {
    let made = client.create_platform_endpoint().platform_application_arn(APPLICATION).token(token).send().await.unwrap();
    made.endpoint_arn().unwrap().to_owned()
}

async fn push(client: &aws_sdk_sns::Client, endpoint: &str, effect: Option<&str>, message: &str) -> Result<String, String> {
    let request = client.publish().target_arn(endpoint).message_structure("json").message(message);
    let request = match effect {
        Some(effect) => {
            let value = MessageAttributeValue::builder().data_type("String").string_value(effect).build().unwrap();
            request.message_attributes("annals-effect", value)
        }
        None => request,
    };
    request.send().await.map(|sent| sent.message_id().unwrap().to_owned()).map_err(|error| format!("{:?}", error.into_service_error()))
}

#[tokio::test(start_paused = true)]
async fn a_push_of_one_effect_is_written_once_a_device_also_across_restarts() {
    let directory = tempfile::tempdir().unwrap();
    let open = || async {
        let mut config = config(Store::Directory(directory.path().join("data")));
        config.outbox = Some(directory.path().join("outbox"));
        Local::open(config).await.unwrap()
    };
    let local = open().await;
    let (phone, tablet) = (endpoint(&client(&local), "phone & co").await, endpoint(&client(&local), "tablet").await);
    assert_ne!(phone, tablet);
    assert!(phone.starts_with("arn:aws:sns:eu-west-1:000000000000:endpoint/GCM/annals/"), "{phone}");
    let first = push(&client(&local), &phone, Some("receipt-1"), r#"{"default":"Receipt: 49.00 EUR"}"#).await.unwrap();
    drop(local);
    let local = open().await;
    assert_eq!(endpoint(&client(&local), "phone & co").await, phone, "a token has one endpoint");
    assert_eq!(push(&client(&local), &phone, Some("receipt-1"), r#"{"default":"again"}"#).await.unwrap(), first);
    assert_ne!(push(&client(&local), &tablet, Some("receipt-1"), r#"{"default":"Receipt: 49.00 EUR"}"#).await.unwrap(), first);
    let mut pushes = local.pushes().unwrap();
    pushes.sort_by_key(|push| push.endpoint != phone);
    let told: Vec<_> = pushes.iter().map(|push| (push.endpoint.as_str(), push.message["default"].as_str().unwrap())).collect();
    assert_eq!(told, [(phone.as_str(), "Receipt: 49.00 EUR"), (tablet.as_str(), "Receipt: 49.00 EUR")]);
    assert_eq!(local.mail().unwrap(), []);
    for file in std::fs::read_dir(directory.path().join("outbox")).unwrap() {
        assert!(!std::fs::read_to_string(file.unwrap().path()).unwrap().contains("phone & co"), "tokens are kept nowhere");
    }
}

#[tokio::test(start_paused = true)]
async fn devices_that_are_gone_are_refused_as_aws_does() {
    let local = Local::open(config(Store::Memory)).await.unwrap();
    let client = client(&local);
    let phone = endpoint(&client, "phone").await;
    client.set_endpoint_attributes().endpoint_arn(&phone).attributes("Enabled", "false").send().await.unwrap();
    assert!(push(&client, &phone, None, r#"{"default":"a"}"#).await.unwrap_err().contains("EndpointDisabled"));
    client.set_endpoint_attributes().endpoint_arn(&phone).attributes("Enabled", "true").send().await.unwrap();
    assert!(push(&client, &phone, None, r#"{"no":"default"}"#).await.unwrap_err().contains("InvalidParameter"));
    push(&client, &phone, None, r#"{"default":"a"}"#).await.unwrap();
    for _ in 0..2 {
        client.delete_endpoint().endpoint_arn(&phone).send().await.unwrap();
    }
    assert!(push(&client, &phone, None, r#"{"default":"a"}"#).await.unwrap_err().contains("No endpoint found"));
    for effect in ["../escape", "a b", ""] {
        let phone = endpoint(&client, "phone").await;
        assert!(push(&client, &phone, Some(effect), r#"{"default":"a"}"#).await.unwrap_err().contains("InvalidParameterValue"), "{effect}");
    }
    assert_eq!(local.pushes().unwrap().len(), 1);
}
