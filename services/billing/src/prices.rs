//! What the price book says a plan costs.

use annals_answers::{internal, read_problem};
use annals_kit::ids::derived_uuid;
use annals_kit::{Aggregate, Currency, Money, StreamId, Tenant};
use annals_lambda::http::Problem;
use annals_log::LoadError;
use billing::plan::{Interval, PlanName};
use billing::price_book::Plan;
use uuid::Uuid;

use crate::deps::Deps;

/// A price, and the version that it is from.
pub(crate) struct Offered {
    pub(crate) version: u32,
    pub(crate) price: Money,
    pub(crate) trial_days: u16,
}

/// The id of the plan of this name.
pub(crate) fn plan_id(tenant: &Tenant, plan: &PlanName) -> Uuid {
    derived_uuid("plan", tenant, &plan.to_string())
}

/// The stream of the plan of this name.
pub(crate) fn plan_stream(tenant: &Tenant, plan: &PlanName) -> StreamId {
    StreamId::of(Plan::STREAM_TYPE, plan_id(tenant, plan))
}

/// What a version of a plan costs, or the newest that is sold.
///
/// Cost: one strong Query of the plan's stream.
pub(crate) async fn price_of(
    deps: &Deps,
    tenant: &Tenant,
    plan: &PlanName,
    version: Option<u32>,
    (interval, currency): (Interval, Currency),
) -> Result<Offered, Problem> {
    let loaded = deps.plans.load(&plan_stream(tenant, plan)).await.map_err(|error| match error {
        LoadError::Read(error) => read_problem(error, "plan"),
        LoadError::Fold(error) => internal(&error),
    })?;
    let offered = loaded.state.offered(version).ok_or_else(|| {
        Problem::new(422, "not-offered", format!("the price book does not offer the plan {plan} in that version; see GET /v1/plans/{plan}"))
    })?;
    let price = offered.price(interval, currency).ok_or_else(|| {
        let every = match interval {
            Interval::Month => "month",
            Interval::Year => "year",
        };
        Problem::new(422, "no-such-price", format!("version {} of {plan} has no price a {every} in {currency}", offered.version))
    })?;
    Ok(Offered { version: offered.version, price, trial_days: offered.trial_days })
}
