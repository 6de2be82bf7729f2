//! Each function's own binary under the Lambda runtime API, on a local account, with its own role.

mod told;

use annals_harness::{Stage, events};
use annals_kit::StreamId;
use annals_lambda::Metric;
use annals_local::Function;
use serde_json::{Value, json};
use uuid::Uuid;

fn payment_received() -> Value {
    let (invoice, subscription) = (Uuid::from_u128(1), Uuid::from_u128(3));
    let amount = json!({ "amount": 4900, "currency": "EUR" });
    let data = json!({ "invoice_id": invoice, "subscription_id": subscription, "customer_id": "ada", "amount": amount });
    events::published("billing", "PAYMENT_RECEIVED", &StreamId::of("INV", invoice), data)
}

/// Identity answers so.
fn answering(name: &'static str, status: u16, body: Value) -> Function {
    Function::new(name, move |_, _| {
        let body = body.to_string();
        async move { Ok(json!({ "statusCode": status, "body": body })) }
    })
}

/// send-email, and how identity answers about contacts, people to be verified, and invitations.
fn sender(contact: Function, verification: Function, invitation: Function) -> Stage {
    Stage::of("send-email", env!("CARGO_BIN_EXE_send-email"))
        .variable("ANNALS_MAIL_FROM", "billing@annals.example")
        .api_variable("ANNALS_IDENTITY_URL")
        .variable("ANNALS_IDENTITY_KEY", "annals_service_notifications_0")
        .other("GET", "/v1/tenants/{tenant}/contacts/{id}", contact)
        .other("POST", "/v1/tenants/{tenant}/users/{id}/verification-links", verification)
        .other("POST", "/v1/tenants/{tenant}/invitations/{id}/links", invitation)
}

fn unknown(name: &'static str) -> Function {
    answering(name, 404, json!({ "type": "urn:annals:problem:not-found", "title": "Not Found", "status": 404, "detail": "no such link" }))
}

fn minted(name: &'static str, page: &str) -> Function {
    let link = format!("https://app.example/{page}#t");
    let body = json!({ "email": "ada@people.example", "link": link, "token": "t", "expires_at": "2026-01-01T00:10:00.000000Z" });
    answering(name, 201, body)
}

fn contact() -> Function {
    answering("contact", 200, json!({ "email": "ada@customers.example" }))
}

/// One mail as its reader sees it.
fn text(message: &[u8]) -> String {
    String::from_utf8_lossy(message).replace("=\r\n", "").replace("=3D", "=")
}

#[tokio::test]
async fn send_email() {
    let harness = sender(contact(), unknown("verification"), unknown("invitation")).open().await;
    let batch = events::batch("send-email", &[("good", payment_received()), ("bad", json!("no event"))]);
    let answer = harness.invoke(batch.clone()).await.unwrap();
    assert_eq!(answer["batchItemFailures"], json!([{ "itemIdentifier": "bad" }]), "{answer}");
    let mail = harness.local.mail().unwrap();
    assert!(mail.len() == 1 && String::from_utf8_lossy(&mail[0].message).contains("ada@customers.example"));
    // The same again sends nothing.
    harness.invoke(batch).await.unwrap();
    assert_eq!((harness.local.mail().unwrap().len(), harness.counted(Metric::EffectDone)), (1, 1));
    harness.refuses_what_is_no_event().await;
}

fn user_created() -> Value {
    let user = Uuid::from_u128(5);
    events::published(
        "identity",
        "USER_CREATED",
        &StreamId::of("USER", user),
        json!({ "user_id": user, "email": "sealed", "name": "sealed" }),
    )
}

fn member_invited() -> Value {
    let invitation = Uuid::from_u128(6);
    let data = json!({ "invitation_id": invitation, "email": "sealed", "role": "finance" });
    events::published("identity", "MEMBER_INVITED", &StreamId::of("INVITE", invitation), data)
}

#[tokio::test]
async fn a_welcome_and_an_invitation_carry_links_made_at_the_moment_of_sending() {
    let harness = sender(contact(), minted("verification", "verify-email"), minted("invitation", "accept-invitation")).open().await;
    let batch = events::batch("send-email", &[("welcome", user_created()), ("invitation", member_invited())]);
    for _ in 0..2 {
        let answer = harness.invoke(batch.clone()).await.unwrap();
        assert_eq!(answer["batchItemFailures"], json!([]), "{answer}");
    }
    let mut mails: Vec<String> = harness.local.mail().unwrap().iter().map(|mail| text(&mail.message)).collect();
    mails.sort_by_key(|mail| mail.contains("accept-invitation"));
    let [welcome, invitation] = mails.as_slice() else { panic!("one email each: {mails:?}") };
    for (mail, page) in [(welcome, "verify-email"), (invitation, "accept-invitation")] {
        for part in ["ada@people.example", &format!("https://app.example/{page}#t"), "until 2026-01-01 00:10 UTC"] {
            assert!(mail.contains(part), "{part}: {mail}");
        }
    }
    assert_eq!((harness.counted(Metric::EffectDone), harness.counted(Metric::EffectGivenUp)), (2, 0));
}

#[tokio::test]
async fn who_has_nothing_to_confirm_is_not_welcomed_and_a_withdrawn_invitation_is_given_up() {
    let harness = sender(contact(), unknown("verification"), unknown("invitation")).open().await;
    let batch = events::batch("send-email", &[("welcome", user_created()), ("invitation", member_invited())]);
    assert_eq!(harness.invoke(batch).await.unwrap()["batchItemFailures"], json!([]));
    assert_eq!((harness.local.mail().unwrap().len(), harness.counted(Metric::EffectGivenUp)), (0, 1));
    // Intended and given up: the invitation. Of the welcome there is nothing.
    assert_eq!(harness.count("notifications-log").await, 2);
}

#[tokio::test]
async fn where_identity_does_not_answer_as_it_should_the_message_waits() {
    for (status, body) in [(404, json!("no such host")), (503, json!({ "type": "urn:annals:problem:busy" })), (200, json!({ "email": 7 }))]
    {
        let harness = sender(answering("contact", status, body), unknown("verification"), unknown("invitation")).open().await;
        let answer = harness.invoke(events::batch("send-email", &[("m", payment_received())])).await.unwrap();
        assert_eq!(answer["batchItemFailures"], json!([{ "itemIdentifier": "m" }]), "{status}");
        assert_eq!((harness.local.mail().unwrap().len(), harness.count("notifications-log").await), (0, 0));
    }
}

#[tokio::test]
async fn keep_preferences() {
    const PATH: &str = "/v1/me/notification-preferences";
    let stage = Stage::of("keep-preferences", env!("CARGO_BIN_EXE_keep-preferences"));
    let harness = stage.route("GET", PATH).route("PUT", PATH).open().await;
    let off = json!({ "off": [{ "kind": "receipt", "channel": "email" }] });
    let (status, chosen) = harness.http(http::Request::put(PATH), &off.to_string()).await;
    assert_eq!((status, &chosen["off"], &chosen["version"]), (200, &off["off"], &json!(1)), "{chosen}");
    assert_eq!(harness.http(http::Request::get(PATH), "").await, (200, chosen));
    assert_eq!(harness.count("notifications-log").await, 1);
    for refused in [json!({ "off": [{ "kind": "welcome", "channel": "email" }] }), json!({ "off": [], "on": [] }), json!({})] {
        assert_eq!(harness.http(http::Request::put(PATH), &refused.to_string()).await.0, 400, "{refused}");
    }
    harness.refuses_what_is_no_event().await;
}

#[tokio::test]
async fn read_notifications() {
    let stage = Stage::of("read-notifications", env!("CARGO_BIN_EXE_read-notifications"));
    let stage = stage.route("GET", "/v1/notifications/{id}").route("GET", "/v1/users/{id}/notifications");
    let harness = stage.open().await;
    let row = |tenant: &str, id: Uuid| {
        json!({
            "PK": format!("NOTE#{id}"), "SK": "META", "GSI1PK": "USER#ada", "GSI1SK": format!("NOTE#2026-01-31T09:30:00.000000Z#{tenant}"),
            "tenant": tenant, "id": id, "user_id": "ada", "kind": "receipt", "status": "sent",
            "created_at": "2026-01-31T09:30:00.000000Z", "rev": 1, "ver": 2,
        })
    };
    let (ours, theirs) = (Uuid::from_u128(1), Uuid::from_u128(2));
    harness.put("notifications", row("demo", ours)).await;
    harness.put("notifications", row("other", theirs)).await;
    let (status, shown) = harness.http(http::Request::get(format!("/v1/notifications/{ours}")), "").await;
    assert_eq!((status, &shown["status"]), (200, &json!("sent")), "{shown}");
    assert!(shown.get("tenant").is_none() && shown.get("PK").is_none(), "{shown}");
    assert_eq!(harness.http(http::Request::get(format!("/v1/notifications/{theirs}")), "").await.0, 404, "another tenant's is not found");
    assert_eq!(harness.http(http::Request::get("/v1/notifications/none"), "").await.0, 404);
    let (status, page) = harness.http(http::Request::get("/v1/users/ada/notifications"), "").await;
    let ids: Vec<_> = page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!((status, ids), (200, vec![ours.to_string()]), "{page}");
    assert_eq!(harness.http(http::Request::get("/v1/users/ada/notifications?limit=0"), "").await.0, 400);
    harness.refuses_what_is_no_event().await;
}
