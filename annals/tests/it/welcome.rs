//! Emails to people: what they carry opens what they say, once.

use std::time::Duration;

use serde_json::{Value, json};

use crate::people::{PASSWORD, Person};
use crate::world::{World, notice};

/// The first mail to an address, as soon as it is there: a link is good for ten minutes, and by the time that all has settled hours may
/// have passed on this clock.
async fn mail(world: &World, address: &str) -> String {
    for _ in 0..1000 {
        if let Some(mail) = mails(world, address).into_iter().next() {
            return mail;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("no email to {address}")
}

/// The mails to an address, as their reader sees them.
fn mails(world: &World, address: &str) -> Vec<String> {
    let mails = world.system.local().mail().unwrap().into_iter().map(|mail| String::from_utf8(mail.message).unwrap());
    mails.map(|mail| mail.replace("=\r\n", "").replace("=3D", "=")).filter(|mail| mail.contains(address)).collect()
}

/// The token of the link in a mail.
fn token(mail: &str, page: &str) -> String {
    let after = mail.split(&format!("/{page}#")).nth(1).unwrap_or_else(|| panic!("no link to {page}: {mail}"));
    after.chars().take_while(|letter| letter.is_ascii_alphanumeric() || "_-".contains(*letter)).collect()
}

#[tokio::test(start_paused = true)]
async fn who_signs_up_gets_one_welcome_whose_link_confirms_the_address_once() {
    let world = World::new().await;
    world.settle().await;
    assert_eq!(mails(&world, "@").len(), 0, "who was founded by an operator has nothing to confirm");
    world.sign_up("ada@example.com", "Ada Lovelace").await;
    let welcome = mail(&world, "ada@example.com").await;
    assert!(
        welcome.contains("Subject: Welcome") && !welcome.contains("Lovelace"),
        "nobody writes to others by a name of theirs: {welcome}"
    );
    let redeem = json!({ "token": token(&welcome, "verify-email") });
    assert_eq!(world.nobody("POST", "/v1/email-verifications", &redeem).await.status, 200);
    assert_ne!(world.nobody("POST", "/v1/email-verifications", &redeem).await.status, 200, "once");
    let (id, organisation, _) = world.told("USER_CREATED").await.pop().unwrap();
    let ada = world.logged_in("ada@example.com").await;
    assert_eq!((&ada.id, &ada.organisation), (&id, &organisation));
    let path = format!("/v1/users/{id}/notifications");
    world.settle().await;
    assert_eq!(mails(&world, "ada@example.com").len(), 1, "and no other");
    let ada = world.logged_in("ada@example.com").await;
    let shown = world.ask(&ada.bearer, "GET", &path, &Value::Null).await;
    let emails: Vec<_> = shown.body["items"].as_array().unwrap().iter().filter(|row| row["channel"] == "email").collect();
    assert_eq!((emails.len(), &emails[0]["kind"], &emails[0]["status"]), (1, &json!("welcome"), &json!("sent")), "{}", shown.body);
    assert!(!welcome_tokens(&world, &welcome).await, "the token stands in no table");
}

#[tokio::test(start_paused = true)]
async fn whose_link_has_lapsed_gets_another_and_nobody_learns_who_has_an_account() {
    const PATH: &str = "/v1/email-verification-requests";
    let world = World::new().await;
    world.sign_up("ada@example.com", "Ada").await;
    let first = token(&mail(&world, "ada@example.com").await, "verify-email");
    tokio::time::advance(Duration::from_secs(660)).await;
    let lapsed = world.nobody("POST", "/v1/email-verifications", &json!({ "token": first })).await;
    assert_eq!(lapsed.status, 410, "after ten minutes: {}", lapsed.body);

    let mut answers = vec![];
    for email in ["ada@example.com", "nobody@example.com"] {
        let began = tokio::time::Instant::now();
        let asked = world.nobody("POST", PATH, &json!({ "email": email })).await;
        answers.push((asked.status, asked.body.to_string(), began.elapsed().as_millis()));
    }
    assert_eq!(answers[0].0, 202, "{answers:?}");
    assert_eq!(answers[0], answers[1], "neither text nor time tells");
    let mut again = mails(&world, "ada@example.com");
    while again.len() < 2 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        again = mails(&world, "ada@example.com");
    }
    let second = again.iter().find(|mail| mail.contains("Subject: Please confirm")).expect("another link");
    let redeem = json!({ "token": token(second, "verify-email") });
    assert_eq!(world.nobody("POST", "/v1/email-verifications", &redeem).await.status, 200);
    // Confirmed, there is nothing to send; and the answer is the same.
    let asked = world.nobody("POST", PATH, &json!({ "email": "ada@example.com" })).await;
    assert_eq!((asked.status, asked.body.to_string()), (202, answers[0].1.clone()));
    world.settle().await;
    assert_eq!((mails(&world, "ada@example.com").len(), mails(&world, "nobody@example.com").len()), (2, 0));
    assert_eq!(world.told("USER_VERIFICATION_REQUESTED").await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_for_anothers_links_sends_a_few_and_is_told_to_wait() {
    const PATH: &str = "/v1/email-verification-requests";
    let world = World::new().await;
    world.sign_up("ada@example.com", "Ada").await;
    let mut statuses = vec![];
    for _ in 0..51 {
        statuses.push(world.nobody("POST", PATH, &json!({ "email": "ada@example.com" })).await.status);
    }
    assert!(statuses[..50].iter().all(|status| *status == 202) && statuses[50] == 429, "{statuses:?}");
    world.settle().await;
    assert_eq!(world.told("USER_VERIFICATION_REQUESTED").await.len(), 5, "a full mailbox is all that a stranger gets");
}

/// Whether the token of a mail stands plain in any table.
async fn welcome_tokens(world: &World, mail: &str) -> bool {
    let token = token(mail, "verify-email");
    for table in ["users-log", "users", "users-vault", "notifications-log", "notifications"] {
        if world.items(table).await.iter().any(|item| format!("{item:?}").contains(&token)) {
            return true;
        }
    }
    false
}

#[tokio::test(start_paused = true)]
async fn who_is_invited_gets_a_link_that_makes_them_a_member_and_no_welcome() {
    let world = World::new().await;
    let ada = world.person("ada@example.com", "Ada").await;
    let invite = json!({ "email": "bob@example.com", "role": "finance" });
    assert_eq!(world.ask(&ada.bearer, "POST", "/v1/invitations", &invite).await.status, 201);
    let invitation = mail(&world, "bob@example.com").await;
    let accepted = json!({ "token": token(&invitation, "accept-invitation"), "name": "Bob", "password": PASSWORD });
    assert_eq!(world.nobody("POST", "/v1/invitation-acceptances", &accepted).await.status, 201);
    world.settle().await;
    assert_eq!(mails(&world, "bob@example.com").len(), 1, "the address was shown by the invitation");
    assert_eq!(world.logged_in("bob@example.com").await.organisation, ada.organisation);
}

#[tokio::test(start_paused = true)]
async fn what_a_person_has_turned_off_is_not_sent_and_what_keeps_their_account_safe_is() {
    const PATH: &str = "/v1/me/notification-preferences";
    let world = World::new().await;
    let owner = Person { id: String::new(), organisation: "demo".into(), bearer: world.demo() };
    let ada = world.member(&owner, "ada@example.com", "member").await;
    let before = world.ask(&ada.bearer, "GET", PATH, &Value::Null).await;
    assert_eq!((before.status, &before.body), (200, &json!({ "off": [] })));
    let off = json!([{ "kind": "receipt", "channel": "email" }]);
    for _ in 0..2 {
        let chosen = world.ask(&ada.bearer, "PUT", PATH, &json!({ "off": off })).await;
        assert_eq!((chosen.status, &chosen.body), (200, &json!({ "off": off, "version": 1 })), "what is so already is not said again");
    }
    assert_eq!(world.ask(&ada.bearer, "GET", PATH, &Value::Null).await.body, json!({ "off": off, "version": 1 }));
    for safe in ["welcome", "invitation", "password-reset"] {
        let refused = world.ask(&ada.bearer, "PUT", PATH, &json!({ "off": [{ "kind": safe, "channel": "email" }] })).await;
        assert_eq!(refused.status, 400, "{safe} cannot be turned off: {}", refused.body);
    }
    assert_eq!(world.ask(&world.demo(), "PUT", PATH, &json!({ "off": [] })).await.status, 403, "a key is told nothing");

    // She is a customer as well, under the id of her account.
    let to_her = format!("{}@customers.example", ada.id);
    let (paid, failed) = (world.subscribe("k1", &ada.id).await, world.subscribe("k2", &ada.id).await);
    let (paid, failed) = (world.invoice(&paid).await, world.invoice(&failed).await);
    world.webhook(&notice("evt_1", "invoice.paid", &paid, 4900, 1)).await;
    world.webhook(&notice("evt_2", "invoice.payment_failed", &failed, 0, 1)).await;
    world.settle().await;
    let sent = mails(&world, &to_her);
    assert!(sent.len() == 1 && sent[0].contains(&failed), "the receipt is off, the retry notice is not: {sent:?}");
    let shown = world.get(&format!("/v1/users/{}/notifications", ada.id)).await.body;
    let emails = shown["items"].as_array().unwrap().iter().filter(|row| row["channel"] == "email");
    let mut shown: Vec<_> = emails.map(|row| format!("{} {}", row["kind"], row["status"])).collect();
    shown.sort();
    assert_eq!(shown, [r#""receipt" "given-up""#, r#""retry-notice" "sent""#]);
}
