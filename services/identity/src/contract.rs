//! Identity's contract: what it tells and answers, and how its functions are reached. `asyncapi.yaml` and `openapi.yaml` are derived from it;
//! `docs/contracts.md` is the guide.

use annals_contract::{Contract, StreamMapping};
use identity::api_key::ApiKeyEvent;
use identity::invitation::InvitationEvent;
use identity::organisation::OrganisationEvent;
use identity::user::UserEvent;
use serde_json::json;

use crate::examples;
use crate::routes;

const PACKAGE: &str = "identity-service";
/// Its code knows this service no more than this service knows it: names suffice.
const PROJECTORS: &str = "identity-projectors";
/// What every function needs but the authorizer.
const SETTINGS: [&str; 3] = ["ANNALS_VAULT_KEY", "ANNALS_HASH_KEY", "ANNALS_PUBLIC_URL"];
/// What a signer needs.
const SIGNER: [&str; 3] = ["ANNALS_LEDGER_KEY", "ANNALS_LEDGER_OBJECTS", "ANNALS_LEDGER_ORIGIN"];
/// Lambda's longest: a walk that needs more goes on when the function is woken again.
const RECONCILER_SECONDS: u32 = 900;

/// The contract.
pub fn contract() -> Contract {
    let mut contract = Contract::new("identity", "People, the organisations that they belong to, and what opens the API for them.");
    contract.publish::<UserEvent>(&examples::user_events());
    contract.publish::<OrganisationEvent>(&examples::organisation_events());
    contract.publish::<InvitationEvent>(&examples::invitation_events());
    contract.publish::<ApiKeyEvent>(&examples::api_key_events());

    contract.function("authorize", PACKAGE).needing(&["ANNALS_SERVICE_KEYS"]);
    for function in [
        "sign-up",
        "verify-email",
        "log-in",
        "log-out",
        "change-profile",
        "manage-members",
        "accept-invitation",
        "manage-api-keys",
        "set-contact",
        "read-contact",
        "mint-link",
        "read-identity",
    ] {
        contract.function(function, PACKAGE).needing(&SETTINGS);
    }
    routes::describe(&mut contract);

    contract.function("identity-projector", PROJECTORS).needing(&["ANNALS_BUS"]);
    contract.follow(StreamMapping::new("users-log", "identity-projector"));
    contract.function("identity-ledger", PROJECTORS);
    contract.follow(StreamMapping::new("users-log", "identity-ledger"));
    contract.function("identity-signer", PROJECTORS).needing(&SIGNER).alone();
    contract.schedule("identity-signer", "rate(1 minute)", json!({}));
    contract.function("identity-reconciler", PROJECTORS).needing(&["ANNALS_BUS"]).within(RECONCILER_SECONDS);
    contract.schedule("identity-reconciler", "rate(1 hour)", json!({}));
    contract
}
