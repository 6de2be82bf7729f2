//! People and what opens the API for them: from signing up to leaving, and what ASVS 5.0 asks of it.

use std::sync::Arc;
use std::time::Duration;

use annals::system::IN_PROCESS_API;
use annals_local::{Call, Fault, Faults};
use serde_json::{Value, json};

use crate::world::{Answer, World, subscription};

pub(crate) const PASSWORD: &str = "correct horse battery";

/// A person's account, as they use it.
pub(crate) struct Person {
    pub(crate) id: String,
    pub(crate) organisation: String,
    pub(crate) bearer: String,
}

impl World {
    pub(crate) async fn ask(&self, bearer: &str, method: &str, path: &str, body: &Value) -> Answer {
        let request = http::Request::builder().method(method).uri(format!("{IN_PROCESS_API}{path}")).header("authorization", bearer);
        self.send_as_it_is(request, if body.is_null() { String::new() } else { body.to_string() }).await
    }

    pub(crate) async fn nobody(&self, method: &str, path: &str, body: &Value) -> Answer {
        let request = http::Request::builder().method(method).uri(format!("{IN_PROCESS_API}{path}"));
        self.send_as_it_is(request, body.to_string()).await
    }

    /// What notifications sends.
    pub(crate) fn notifications(&self) -> String {
        format!("Bearer {}", self.system.credentials().service_key("notifications"))
    }

    pub(crate) async fn sign_up(&self, email: &str, name: &str) -> Answer {
        // Later than whoever signed up before.
        tokio::time::advance(Duration::from_millis(1)).await;
        let body = json!({ "email": email, "password": PASSWORD, "name": name, "organisation": "An organisation" });
        self.nobody("POST", "/v1/signups", &body).await
    }

    /// The event of this type that the log has of a stream, newest last: its stream's id, tenant and payload.
    pub(crate) async fn told(&self, event_type: &str) -> Vec<(String, String, Value)> {
        let items = self.items("users-log").await;
        let commits = items.iter().map(|item| annals_log::Commit::from_item(item).unwrap());
        let mut found = vec![];
        for commit in commits {
            for event in commit.events.iter().filter(|event| event.event_type == event_type) {
                found.push((
                    commit.recorded_at,
                    commit.stream.id().to_owned(),
                    commit.tenant.to_string(),
                    Value::Object(event.payload.clone()),
                ));
            }
        }
        found.sort_by_key(|(at, ..)| *at);
        found.into_iter().map(|(_, stream, tenant, payload)| (stream, tenant, payload)).collect()
    }

    /// The token that the link of a person or invitation carries.
    pub(crate) async fn token(&self, path: &str) -> String {
        let minted = self.ask(&self.notifications(), "POST", path, &Value::Null).await;
        assert_eq!(minted.status, 201, "{}", minted.body);
        minted.body["token"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn log_in(&self, email: &str, password: &str) -> Answer {
        self.nobody("POST", "/v1/sessions", &json!({ "email": email, "password": password })).await
    }

    /// Someone who has signed up, verified and logged in.
    pub(crate) async fn person(&self, email: &str, name: &str) -> Person {
        assert_eq!(self.sign_up(email, name).await.status, 202);
        let (id, organisation, _) = self.told("USER_CREATED").await.pop().unwrap();
        let token = self.token(&format!("/v1/tenants/{organisation}/users/{id}/verification-links")).await;
        assert_eq!(self.nobody("POST", "/v1/email-verifications", &json!({ "token": token })).await.status, 200);
        self.logged_in(email).await
    }

    pub(crate) async fn logged_in(&self, email: &str) -> Person {
        let session = self.log_in(email, PASSWORD).await;
        assert_eq!(session.status, 200, "{}", session.body);
        let text = |name: &str| session.body[name].as_str().unwrap().to_owned();
        Person { id: text("user_id"), organisation: text("organisation_id"), bearer: format!("Bearer {}", text("token")) }
    }

    /// Someone whom `owner` invited as this, logged in.
    pub(crate) async fn member(&self, owner: &Person, email: &str, role: &str) -> Person {
        let invitation = self.invite(owner, email, role).await;
        self.accept(owner, &invitation, email).await
    }

    /// Invites someone; the invitation's id.
    pub(crate) async fn invite(&self, owner: &Person, email: &str, role: &str) -> String {
        let invited = self.ask(&owner.bearer, "POST", "/v1/invitations", &json!({ "email": email, "role": role })).await;
        assert_eq!(invited.status, 201, "{}", invited.body);
        invited.body["id"].as_str().unwrap().to_owned()
    }

    /// Accepts an invitation of `owner`, and logs in.
    pub(crate) async fn accept(&self, owner: &Person, id: &str, email: &str) -> Person {
        let token = self.token(&format!("/v1/tenants/{}/invitations/{id}/links", owner.organisation)).await;
        let accepted = json!({ "token": token, "name": email.split('@').next(), "password": PASSWORD });
        let accepted = self.nobody("POST", "/v1/invitation-acceptances", &accepted).await;
        assert_eq!(accepted.status, 201, "{}", accepted.body);
        self.logged_in(email).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_person_signs_up_shows_their_address_logs_in_and_out() {
    let world = World::new().await;
    assert_eq!(world.sign_up("ada@example.com", "Ada").await.status, 202);
    let early = world.log_in("ada@example.com", PASSWORD).await;
    assert_eq!((early.status, &early.body["type"]), (403, &json!("urn:annals:problem:email-not-verified")));
    let (id, organisation, created) = world.told("USER_CREATED").await.pop().unwrap();
    assert!(!created.to_string().contains("ada@") && created["name"] != "Ada", "address and name are sealed: {created}");
    let path = format!("/v1/tenants/{organisation}/users/{id}/verification-links");
    let minted = world.ask(&world.notifications(), "POST", &path, &Value::Null).await;
    assert_eq!((minted.status, &minted.body["email"], &minted.body["name"]), (201, &json!("ada@example.com"), &json!("Ada")));
    let verified = world.nobody("POST", "/v1/email-verifications", &json!({ "token": minted.body["token"] })).await;
    assert_eq!((verified.status, &verified.body["user_id"]), (200, &json!(id)));
    let ada = world.logged_in("ADA@example.com").await;
    world.settle().await;
    let me = world.ask(&ada.bearer, "GET", "/v1/me", &Value::Null).await;
    assert_eq!((me.status, &me.body["email"], &me.body["name"]), (200, &json!("ada@example.com"), &json!("Ada")), "{}", me.body);
    assert_eq!(
        (&me.body["role"], &me.body["status"], &me.body["organisation_id"]),
        (&json!("owner"), &json!("active"), &json!(organisation))
    );
    assert_eq!(world.ask(&ada.bearer, "DELETE", "/v1/sessions/current", &Value::Null).await.status, 204);
    assert_eq!(world.ask(&ada.bearer, "GET", "/v1/me", &Value::Null).await.status, 403);
    let ended = world.told("SESSION_ENDED").await;
    assert_eq!(ended.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_profile_is_changed_and_ones_own_write_is_seen_at_once() {
    let mut world = World::new().await;
    let ada = world.person("ada@example.com", "Ada").await;
    world.settle().await;
    world.pause().await;
    let renamed = world.ask(&ada.bearer, "PATCH", "/v1/me", &json!({ "name": "Ada Lovelace" })).await;
    assert_eq!(renamed.status, 200, "{}", renamed.body);
    let me = world.ask(&ada.bearer, "GET", &format!("/v1/me?min_version={}", renamed.body["version"]), &Value::Null).await;
    assert_eq!(me.body["name"], "Ada Lovelace");
    world.resume();
    world.settle().await;
    // Hours may have passed on this clock.
    let ada = world.logged_in("ada@example.com").await;
    let found = world.ask(&ada.bearer, "GET", "/v1/users?email=Ada@example.com", &Value::Null).await;
    assert_eq!(
        (&found.body["items"][0]["id"], &found.body["items"][0]["name"]),
        (&json!(ada.id), &json!("Ada Lovelace")),
        "{}",
        found.body
    );
}

/// The calls of a function to AWS since the last look, by operation and table.
fn calls(world: &World, role: &str) -> Vec<(String, u64)> {
    let mut calls: Vec<_> = world
        .system
        .local()
        .meter()
        .reset()
        .into_iter()
        .filter(|(counted, _)| counted.role == role)
        .map(|(counted, reading)| (format!("{} {}", counted.operation, counted.table.unwrap_or_default()), reading.calls))
        .collect();
    calls.sort();
    calls
}

#[tokio::test(start_paused = true)]
async fn a_wrong_password_and_an_unknown_address_are_answered_alike_and_take_the_same_work() {
    let world = World::new().await;
    world.person("ada@example.com", "Ada").await;
    // Both kinds of refusal have been noted before: a first one is noted at once, others are counted.
    world.log_in("first@example.com", "wrong horse battery").await;
    calls(&world, "log-in");
    let wrong = world.log_in("ada@example.com", "wrong horse battery").await;
    let of_wrong = calls(&world, "log-in");
    let unknown = world.log_in("eve@example.com", "wrong horse battery").await;
    let of_unknown = calls(&world, "log-in");
    assert_eq!((wrong.status, &wrong.body), (401, &unknown.body));
    assert_eq!(unknown.status, 401);
    assert_eq!(of_wrong, of_unknown);
}

/// Every answer of the database comes 40 ms late.
struct Slow;

impl Faults for Slow {
    fn plan(&self, call: &Call<'_>) -> Fault {
        if call.role == "sign-up" { Fault::Delay(Duration::from_millis(40)) } else { Fault::None }
    }
}

#[tokio::test(start_paused = true)]
async fn signing_up_with_an_address_that_is_taken_is_answered_alike_and_after_the_same_time() {
    let world = World::with_faults(Some(Arc::new(Slow))).await;
    let timed = async |email: &str| {
        let began = tokio::time::Instant::now();
        let answer = world.sign_up(email, "Ada").await;
        (answer.status, answer.body, began.elapsed())
    };
    let new = timed("ada@example.com").await;
    let commits = world.count("users-log").await;
    let taken = timed("ada@example.com").await;
    assert_eq!(new, taken);
    assert_eq!((new.0, world.count("users-log").await), (202, commits));
    assert_eq!(world.told("USER_CREATED").await.iter().filter(|(_, tenant, _)| tenant != "demo").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn passwords_that_many_people_use_are_refused() {
    let world = World::new().await;
    for password in ["short", "password1", "ada@example.com", "aaaaaaaaaa"] {
        let body = json!({ "email": "ada@example.com", "password": password, "name": "Ada", "organisation": "Acme" });
        let refused = world.nobody("POST", "/v1/signups", &body).await;
        assert_eq!((refused.status, &refused.body["type"]), (422, &json!("urn:annals:problem:weak-password")), "{password}");
    }
    assert_eq!(world.told("USER_CREATED").await.iter().filter(|(_, tenant, _)| tenant != "demo").count(), 0);
}

#[tokio::test(start_paused = true)]
async fn tries_are_limited_and_the_owners_own_device_is_not_kept_out_by_others() {
    let world = World::new().await;
    world.person("ada@example.com", "Ada").await;
    let device = world.log_in("ada@example.com", PASSWORD).await.body["device"].clone();
    tokio::time::advance(Duration::from_secs(900)).await;
    let mut statuses = vec![];
    for _ in 0..12 {
        statuses.push(world.log_in("ada@example.com", "wrong horse battery").await.status);
    }
    assert_eq!((&statuses[..10], &statuses[10..]), (&[401; 10][..], &[429; 2][..]));
    let own = json!({ "email": "ada@example.com", "password": PASSWORD, "device": device });
    assert_eq!(world.nobody("POST", "/v1/sessions", &own).await.status, 200, "her device has tries of its own");
    let forged = json!({ "email": "ada@example.com", "password": PASSWORD, "device": "0".repeat(96) });
    assert_eq!(world.nobody("POST", "/v1/sessions", &forged).await.status, 429);
    // A mark is of one person.
    world.person("bob@example.com", "Bob").await;
    let borrowed = json!({ "email": "bob@example.com", "password": "wrong horse battery", "device": device });
    for expected in [401, 401, 401, 401, 401, 401, 401, 401, 401, 429] {
        assert_eq!(world.nobody("POST", "/v1/sessions", &borrowed).await.status, expected);
    }
    tokio::time::advance(Duration::from_secs(900)).await;
    assert_eq!(world.log_in("ada@example.com", PASSWORD).await.status, 200, "and nobody is kept out for longer than a window");
}

#[tokio::test(start_paused = true)]
async fn a_token_is_good_once_for_ten_minutes_and_for_one_purpose() {
    let world = World::new().await;
    world.sign_up("ada@example.com", "Ada").await;
    let (id, organisation, _) = world.told("USER_CREATED").await.pop().unwrap();
    let path = format!("/v1/tenants/{organisation}/users/{id}/verification-links");
    let redeem = async |token: &str| world.nobody("POST", "/v1/email-verifications", &json!({ "token": token })).await.status;
    let late = world.token(&path).await;
    tokio::time::advance(Duration::from_secs(600)).await;
    assert_eq!(redeem(&late).await, 410);
    let token = world.token(&path).await;
    let elsewhere = json!({ "token": token, "name": "Ada", "password": PASSWORD });
    assert_eq!(world.nobody("POST", "/v1/invitation-acceptances", &elsewhere).await.status, 410);
    // Two at the same time: one wins.
    let (one, two) = tokio::join!(redeem(&token), redeem(&token));
    assert_eq!([one.min(two), one.max(two)], [200, 410]);
    assert_eq!(redeem(&token).await, 410);
    assert_eq!(world.told("USER_VERIFIED").await.iter().filter(|(_, tenant, _)| *tenant == organisation).count(), 1);
    let log = format!("{:?}", world.items("users-log").await);
    assert!(!log.contains(&token) && !format!("{:?}", world.items("users-vault").await).contains(&token), "only its hash is kept");
}

#[tokio::test(start_paused = true)]
async fn a_session_ends_after_twelve_hours() {
    let world = World::new().await;
    let ada = world.person("ada@example.com", "Ada").await;
    world.settle().await;
    let at = async |seconds: u64| {
        tokio::time::advance(Duration::from_secs(seconds)).await;
        world.ask(&ada.bearer, "GET", "/v1/me", &Value::Null).await.status
    };
    assert_eq!((at(12 * 3600 - 60).await, at(60).await), (200, 403));
}

#[tokio::test(start_paused = true)]
async fn another_password_ends_every_other_session() {
    let world = World::new().await;
    let (ada, elsewhere) = (world.person("ada@example.com", "Ada").await, world.logged_in("ada@example.com").await);
    world.settle().await;
    let change = |current: &str, new: &str| json!({ "current_password": current, "new_password": new });
    let ask = async |body: Value| world.ask(&ada.bearer, "PUT", "/v1/me/password", &body).await;
    assert_eq!(ask(change("wrong horse battery", "battery staple horse")).await.status, 403);
    assert_eq!(ask(change(PASSWORD, "password1")).await.status, 422);
    let changed = ask(change(PASSWORD, "battery staple horse")).await;
    assert_eq!(changed.status, 200, "{}", changed.body);
    for old in [&ada.bearer, &elsewhere.bearer] {
        assert_eq!(world.ask(old, "GET", "/v1/me", &Value::Null).await.status, 403, "every session is another now");
    }
    let rotated = format!("Bearer {}", changed.body["token"].as_str().unwrap());
    assert_eq!(world.ask(&rotated, "GET", "/v1/me", &Value::Null).await.status, 200);
    assert_eq!(world.log_in("ada@example.com", PASSWORD).await.status, 401);
    assert_eq!(world.log_in("ada@example.com", "battery staple horse").await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn an_outdated_hash_is_made_again_when_its_owner_logs_in() {
    let world = World::new().await;
    let ada = world.person("ada@example.com", "Ada").await;
    let client = world.system.account("administrator").sdk_dynamodb();
    let text = |text: &str| aws_sdk_dynamodb::types::AttributeValue::S(text.to_owned());
    let outdated = identity_service::password::Password::new(PASSWORD).hash_at(8 * 1024, &*ids());
    let key = format!("USER#{}", ada.id);
    let put = client.put_item().table_name("users-vault").item("PK", text(&key)).item("SK", text("PASSWORD")).item("hash", text(&outdated));
    put.send().await.unwrap();
    let hash = async || {
        let items = world.items("users-vault").await;
        let item = items.into_iter().find(|item| item["PK"].as_s().unwrap() == &key && item["SK"].as_s().unwrap() == "PASSWORD").unwrap();
        item["hash"].as_s().unwrap().clone()
    };
    assert_eq!(world.log_in("ada@example.com", "wrong horse battery").await.status, 401);
    assert_eq!(hash().await, outdated, "who does not know it changes nothing");
    assert_eq!(world.log_in("ada@example.com", PASSWORD).await.status, 200);
    assert!(hash().await.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash().await);
    assert_eq!(world.log_in("ada@example.com", PASSWORD).await.status, 200);
}

fn ids() -> Arc<dyn annals_kit::Ids> {
    Arc::new(annals_kit::ids::SeededIds::new(3))
}

#[tokio::test(start_paused = true)]
async fn a_key_is_shown_once_does_what_its_role_may_and_ends_at_once() {
    let world = World::new().await;
    let ada = world.person("ada@example.com", "Ada").await;
    let made = world.ask(&ada.bearer, "POST", "/v1/api-keys", &json!({ "name": "export", "role": "auditor" })).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let (id, key) = (made.body["id"].as_str().unwrap().to_owned(), format!("Bearer {}", made.body["key"].as_str().unwrap()));
    world.settle().await;
    let listed = world.ask(&ada.bearer, "GET", "/v1/api-keys", &Value::Null).await;
    assert_eq!((&listed.body["items"][0]["id"], &listed.body["items"][0]["role"]), (&json!(id), &json!("auditor")));
    let secret = key.rsplit('_').next().unwrap();
    for table in ["users-log", "users", "users-vault"] {
        assert!(!format!("{:?}", world.items(table).await).contains(secret), "{table} has the secret of a key");
    }
    assert_eq!(world.ask(&key, "GET", "/v1/customers/ada/subscriptions", &Value::Null).await.status, 200);
    assert_eq!(world.ask(&key, "POST", "/v1/subscriptions", &subscription("ada")).await.status, 403);
    assert_eq!(
        world.ask(&key, "POST", "/v1/api-keys", &json!({ "name": "more", "role": "auditor" })).await.status,
        403,
        "keys make no keys"
    );
    assert_eq!(world.ask(&ada.bearer, "DELETE", &format!("/v1/api-keys/{id}"), &Value::Null).await.status, 204);
    assert_eq!(world.ask(&key, "GET", "/v1/customers/ada/subscriptions", &Value::Null).await.status, 403);
}

#[tokio::test(start_paused = true)]
async fn another_role_counts_at_once_and_who_is_removed_is_out_at_once() {
    let world = World::new().await;
    let ada = world.person("ada@example.com", "Ada").await;
    let bob = world.member(&ada, "bob@example.com", "finance").await;
    let made = world.ask(&bob.bearer, "POST", "/v1/api-keys", &json!({ "name": "billing", "role": "finance" })).await;
    let key = format!("Bearer {}", made.body["key"].as_str().unwrap());
    let subscribe = async |bearer: &str| world.ask(bearer, "POST", "/v1/subscriptions", &subscription("eve")).await.status;
    assert_eq!((subscribe(&bob.bearer).await, subscribe(&key).await), (201, 201));
    let path = format!("/v1/members/{}", bob.id);
    assert_eq!(world.ask(&bob.bearer, "PUT", &path, &json!({ "role": "owner" })).await.status, 403, "nobody raises themselves");
    assert_eq!(world.ask(&ada.bearer, "PUT", &path, &json!({ "role": "member" })).await.status, 200);
    assert_eq!((subscribe(&bob.bearer).await, subscribe(&key).await), (403, 403));
    assert_eq!(world.ask(&bob.bearer, "GET", "/v1/members", &Value::Null).await.status, 200);
    assert_eq!(
        world.ask(&ada.bearer, "DELETE", &format!("/v1/members/{}", ada.id), &Value::Null).await.status,
        409,
        "the last owner stays"
    );
    assert_eq!(world.ask(&ada.bearer, "DELETE", &path, &Value::Null).await.status, 204);
    assert_eq!(world.ask(&bob.bearer, "GET", "/v1/members", &Value::Null).await.status, 403);
    assert_eq!(world.log_in("bob@example.com", PASSWORD).await.status, 403);
    world.settle().await;
    let members = world.ask(&ada.bearer, "GET", "/v1/members", &Value::Null).await.body;
    assert_eq!((members["items"].as_array().unwrap().len(), &members["items"][0]["name"]), (1, &json!("Ada")));
}

#[tokio::test(start_paused = true)]
async fn inviting_an_address_that_has_an_account_is_answered_alike_and_only_its_owner_learns_it() {
    let world = World::new().await;
    let ada = world.person("ada@example.com", "Ada").await;
    world.person("bob@example.com", "Bob").await;
    let mut answers = vec![];
    for email in ["bob@example.com", "new@example.com"] {
        let mut answer = world.ask(&ada.bearer, "POST", "/v1/invitations", &json!({ "email": email, "role": "member" })).await;
        let id = answer.body["id"].take();
        answers.push((answer.status, answer.body, id));
    }
    assert_eq!((answers[0].0, &answers[0].1), (answers[1].0, &answers[1].1));
    world.settle().await;
    let listed = world.ask(&ada.bearer, "GET", "/v1/invitations", &Value::Null).await.body;
    assert_eq!(listed["items"].as_array().unwrap().iter().filter(|invitation| invitation["status"] == "open").count(), 2);
    let token = world.token(&format!("/v1/tenants/{}/invitations/{}/links", ada.organisation, answers[0].2.as_str().unwrap())).await;
    let accept = json!({ "token": token, "name": "Bob", "password": PASSWORD });
    let taken = world.nobody("POST", "/v1/invitation-acceptances", &accept).await;
    assert_eq!((taken.status, &taken.body["type"]), (409, &json!("urn:annals:problem:email-taken")), "who has the link reads its mail");
    assert_eq!(world.log_in("bob@example.com", PASSWORD).await.status, 200, "and their account is as it was");
}

#[tokio::test(start_paused = true)]
async fn services_are_known_by_keys_of_their_own_and_do_what_people_may_not() {
    let world = World::new().await;
    world.contact("ada").await;
    let path = "/v1/tenants/demo/contacts/ada";
    let reached = world.ask(&world.notifications(), "GET", path, &Value::Null).await;
    assert_eq!((reached.status, &reached.body), (200, &json!({ "email": "ada@customers.example" })));
    assert_eq!(world.ask(&world.demo(), "GET", path, &Value::Null).await.status, 403);
    assert_eq!(world.ask(&world.notifications(), "GET", "/v1/members", &Value::Null).await.status, 401);
    assert_eq!(world.ask(&world.notifications(), "GET", "/v1/tenants/other/contacts/ada", &Value::Null).await.status, 404);
}
