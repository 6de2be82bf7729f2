//! The authorizer of every route of every service: who calls, by their session or key. It says who and as what, and routes say who may.
//!
//! Payload format 2.0, simple responses. API Gateway must not cache its answers: a revoked key ends at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use annals_kit::Clock;
use annals_lambda::{Host, Problem, variable};
use annals_reads::Reads;
use aws_lambda_events::apigw::ApiGatewayV2CustomAuthorizerV2Request;
use lambda_runtime::{Error, LambdaEvent};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::safe::{Kind, Pass, Safe};
use crate::secret::Bearer;

/// What the authorizer stands on.
pub struct AuthorizeDeps {
    safe: Safe,
    /// The hashes of the services' keys, by service.
    services: BTreeMap<String, String>,
}

impl AuthorizeDeps {
    /// The authorizer on `host`; `services` is the hash of each service's key: `notifications:<32 digits>`, several with commas between.
    pub fn new(host: &Host, services: &str) -> Self {
        let dynamodb = host.account.dynamodb();
        let reads = Reads::new(dynamodb.clone(), access_patterns::identity());
        let clock: Arc<dyn Clock> = host.clock.clone();
        let services = services.split(',').filter_map(|pair| pair.split_once(':')).map(|(name, hash)| (name.to_owned(), hash.to_owned()));
        Self { safe: Safe::new(dynamodb, reads, "users-vault", clock), services: services.collect() }
    }

    /// The same with the setting of its environment: `ANNALS_SERVICE_KEYS`.
    pub fn from_env(host: &Host) -> Result<Self, Error> {
        Ok(Self::new(host, &variable("ANNALS_SERVICE_KEYS")?))
    }
}

/// Answers whether the caller is known, and who they are.
///
/// Cost: 1 strong GetItem, 1 RCU; none for services.
pub async fn handle(event: LambdaEvent<ApiGatewayV2CustomAuthorizerV2Request>, deps: &AuthorizeDeps) -> Result<Value, Error> {
    let source = event.payload.identity_source.unwrap_or_default();
    // Boxed: the futures of AWS calls nest deeper than the compiler lays out.
    let found = Box::pin(who(source.first().map_or("", String::as_str), deps)).await;
    match found {
        Ok(Some(context)) => Ok(json!({ "isAuthorized": true, "context": context })),
        Ok(None) => Ok(json!({ "isAuthorized": false })),
        // Not known whether they may: an error, so that nobody takes it for a refusal, or for leave.
        Err(problem) => Err(format!("it could not be found out who calls: {}", problem.detail).into()),
    }
}

async fn who(header: &str, deps: &AuthorizeDeps) -> Result<Option<Map<String, Value>>, Problem> {
    let Ok(bearer) = Bearer::of_header(header) else { return Ok(None) };
    Ok(match bearer {
        Bearer::Service(name, secret) => {
            let is = deps.services.get(&name).is_some_and(|kept| secret.is(kept));
            is.then(|| Map::from_iter([("service".to_owned(), name.into())]))
        }
        Bearer::Session(user, secret) => deps.safe.pass(Kind::Session, user, &secret).await?.map(|pass| {
            let mut context = context(user, &user.to_string(), &pass);
            context.insert("session".into(), pass.id.to_string().into());
            context
        }),
        Bearer::ApiKey(user, secret) => {
            deps.safe.pass(Kind::ApiKey, user, &secret).await?.map(|pass| context(user, &format!("key-{}", pass.id), &pass))
        }
    })
}

fn context(user: Uuid, actor: &str, pass: &Pass) -> Map<String, Value> {
    let fields =
        [("tenant", pass.tenant.to_string()), ("actor", actor.to_owned()), ("role", pass.role.to_string()), ("user", user.to_string())];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect()
}
