//! `POST /v1/tenants/{tenant}/users/{id}/verification-links` and `.../invitations/{id}/links`: a fresh link and where to send it, asked by
//! notifications at the moment of sending. The token is made now, kept as a hash, and appears in no event.

use annals_answers::load_problem;
use annals_contract::Route;
use annals_kit::{Tenant, Timestamp};
use annals_lambda::http::{self, Problem, Response};
use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use identity::invitation::Standing;
use lambda_runtime::{Error, LambdaEvent};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use crate::deps::Deps;
use crate::examples;
use crate::personal::{Key, invitation_stream, user_stream};
use crate::read_contact::{Reached, of_person};
use crate::routes::SENDERS;
use crate::safe::{Purpose, TOKEN};
use crate::secret::Secret;

const FUNCTION: &str = "mint-link";

/// A link, and whom it is for.
#[derive(Serialize, JsonSchema)]
struct Minted {
    /// Where they open it; the token is behind the #, which browsers send to nobody.
    link: String,
    /// Good once.
    token: String,
    /// And until then.
    expires_at: Timestamp,
    #[serde(flatten)]
    reached: Reached,
}

/// The routes.
pub(crate) fn routes() -> [Route; 2] {
    let mints = |path, name, summary, (what, page): (&str, &str)| {
        let minted = json!({
            "link": format!("https://app.example.com/{page}#{}", examples::SECRET), "token": examples::SECRET,
            "expires_at": "2026-01-31T09:40:00.000000Z", "email": "ada@example.com",
        });
        Route::post(path, name, summary)
            .function(FUNCTION)
            .admits_services(&SENDERS)
            .path::<Tenant>("tenant", "The organisation.")
            .path::<Uuid>("id", what)
            .answers::<Minted>(201, "A link that was not there before; others stay good.", minted)
            .with_header(201, "Cache-Control", "It is kept nowhere.")
    };
    [
        mints(
            "/v1/tenants/{tenant}/users/{id}/verification-links",
            "mint-verification-link",
            "Makes a link by which somebody shows that their address is theirs.",
            ("Whose address waits for it.", "verify-email"),
        ),
        mints(
            "/v1/tenants/{tenant}/invitations/{id}/links",
            "mint-invitation-link",
            "Makes a link by which somebody accepts an invitation.",
            ("The invitation, which waits for an answer.", "accept-invitation"),
        ),
    ]
}

/// Answers 201 with the link, its token, and whom it is for; 404 where there is nothing to show any more.
pub async fn handle(event: LambdaEvent<ApiGatewayV2httpRequest>, deps: &Deps) -> Result<Response, Error> {
    // Boxed: the futures of AWS calls nest deeper than the compiler lays out.
    Ok(Box::pin(mint(&event.payload, deps)).await.unwrap_or_else(|problem| problem.response()))
}

async fn mint(event: &ApiGatewayV2httpRequest, deps: &Deps) -> Result<Response, Problem> {
    http::service(event, &SENDERS)?;
    let tenant: Tenant = http::path(event, "tenant", "organisation")?;
    let id: Uuid = http::path(event, "id", "link")?;
    let (purpose, page, reached) = match event.route_key.as_deref() {
        Some("POST /v1/tenants/{tenant}/users/{id}/verification-links") => {
            (Purpose::VerifyEmail, "verify-email", of_unverified(deps, &tenant, id).await?)
        }
        Some("POST /v1/tenants/{tenant}/invitations/{id}/links") => {
            (Purpose::AcceptInvitation, "accept-invitation", of_invited(deps, &tenant, id).await?)
        }
        _ => return Err(Problem::not_found("route")),
    };
    let reached = reached.ok_or_else(|| Problem::not_found("link"))?;
    let secret = Secret::new(&*deps.ids);
    deps.safe.mint(&secret, purpose, id, &tenant).await?;
    let minted = Minted {
        link: format!("{}/{page}#{}", deps.settings.public_url, secret.text()),
        token: secret.text().to_owned(),
        expires_at: deps.clock.now().plus(TOKEN),
        reached,
    };
    Ok(http::with_header(http::json(201, &minted), "cache-control", "no-store"))
}

async fn of_unverified(deps: &Deps, tenant: &Tenant, user: Uuid) -> Result<Option<Reached>, Problem> {
    let loaded = deps.users.load(&user_stream(user)).await.map_err(|error| load_problem(error, "user"))?;
    if loaded.state.verified { Ok(None) } else { of_person(deps, tenant, user).await }
}

async fn of_invited(deps: &Deps, tenant: &Tenant, invitation: Uuid) -> Result<Option<Reached>, Problem> {
    let stream = invitation_stream(invitation);
    let loaded = deps.invitations.load(&stream).await.map_err(|error| load_problem(error, "invitation"))?;
    let open = loaded.head.as_ref().is_some_and(|head| head.tenant == *tenant) && loaded.state.standing == Standing::Open;
    let Some(email) = loaded.state.email.as_ref().filter(|_| open) else { return Ok(None) };
    let email = Key::of(deps, invitation).await?.open(&stream, email, "email")?;
    Ok(email.map(|email| Reached { email, name: None }))
}
