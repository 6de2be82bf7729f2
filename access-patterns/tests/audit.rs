//! Every listed read is recognised on the wire, and nothing else is.

use access_patterns::{Condition, Matrix, NotListed, Operation, Params, Plan, Scalar, all, billing};
use serde_json::{Map, Value as Json, json};

fn scalar(value: &Scalar) -> Json {
    match value {
        Scalar::S(text) => json!({ "S": text }),
        Scalar::N(digits) => json!({ "N": digits }),
    }
}

/// The request as the SDK would send it.
fn wire(plan: &Plan) -> Json {
    let mut request = Map::from_iter([("TableName".to_owned(), json!(plan.table)), ("ConsistentRead".to_owned(), json!(plan.strong))]);
    let mut names = Map::new();
    if plan.operation == Operation::GetItem {
        let key: Map<String, Json> = plan.conditions.iter().map(|(name, _)| (name.clone(), scalar(plan.fixed(name).unwrap()))).collect();
        request.insert("Key".into(), Json::Object(key));
    } else {
        request.insert("Limit".into(), json!(10));
    }
    if plan.operation == Operation::Query {
        let condition = plan.key_condition();
        request.insert("KeyConditionExpression".into(), json!(condition.text));
        request.insert("ScanIndexForward".into(), json!(!plan.descending));
        let values: Map<String, Json> = condition.values.iter().map(|(alias, value)| (alias.clone(), scalar(value))).collect();
        request.insert("ExpressionAttributeValues".into(), Json::Object(values));
        names.extend(condition.names.into_iter().map(|(alias, name)| (alias, json!(name))));
    }
    if let Some(projection) = plan.projection_expression() {
        request.insert("ProjectionExpression".into(), json!(projection.text));
        names.extend(projection.names.into_iter().map(|(alias, name)| (alias, json!(name))));
    }
    if let Some(index) = &plan.index {
        request.insert("IndexName".into(), json!(index));
    }
    if !names.is_empty() {
        request.insert("ExpressionAttributeNames".into(), Json::Object(names));
    }
    Json::Object(request)
}

/// Some parameters that the pattern takes, with every optional one or without.
fn params(matrix: &Matrix, pattern: &access_patterns::Pattern, with_optional: bool) -> Params {
    use access_patterns::{Codec, Comparison, Value};
    let entity = matrix.entity(pattern.entity().unwrap()).unwrap();
    pattern.wheres().filter(|condition| with_optional || !condition.optional).fold(Params::new(), |params, condition| {
        let value: Value = match entity.attribute(&condition.name).unwrap().codec().unwrap() {
            Codec::Uuid => "018f2c3d-0000-7000-8000-000000000001".into(),
            Codec::Token { .. } => "cus_A-1".into(),
            Codec::Text { .. } => "invoice.paid #$ü".into(),
            Codec::U64 | Codec::Shard { .. } => 3.into(),
            Codec::Date => "2026-01-31".into(),
            Codec::Time => "2026-01-31T09:30:00.000000Z".into(),
            Codec::Enum { of } => of[0].as_str().into(),
        };
        match condition.comparison {
            Comparison::Between => params.between(&condition.name, value.clone(), value),
            _ => params.value(&condition.name, value),
        }
    })
}

#[test]
fn every_listed_read_is_recognised_on_the_wire() {
    for matrix in all() {
        for pattern in matrix.patterns() {
            for with_optional in [false, true] {
                for plan in pattern.plans(&params(&matrix, pattern, with_optional)).unwrap() {
                    let request = wire(&plan);
                    let found = matrix.audit(pattern.operation().name(), &request);
                    assert_eq!(found.map(|found| found.name()), Ok(pattern.name()), "{request}");
                }
            }
        }
        for scan in matrix.scans() {
            let plan = &scan.plans(&Params::new()).unwrap()[0];
            assert_eq!(matrix.audit("Scan", &wire(plan)).map(|found| found.name()), Ok(scan.name()));
        }
    }
}

/// What a listed request becomes when one thing about it changes, and what is then said.
fn refused(operation: &str, change: impl Fn(&mut Json)) -> String {
    let billing = billing();
    let pattern = billing.pattern("list_invoices_by_subscription").unwrap();
    let mut request = wire(&pattern.plans(&params(&billing, pattern, true)).unwrap()[0]);
    change(&mut request);
    match billing.audit(operation, &request) {
        Ok(found) => panic!("{} was found for {request}", found.name()),
        Err(NotListed { reason, .. }) => reason,
    }
}

#[test]
fn a_read_that_differs_in_one_thing_is_refused() {
    assert_eq!(refused("Query", |r| r["ScanIndexForward"] = json!(true)), "list_invoices_by_subscription differs: it reads newest first");
    assert_eq!(
        refused("Query", |r| r["ProjectionExpression"] = json!("#p0")),
        "list_invoices_by_subscription differs: it reads other attributes"
    );
    assert!(refused("Query", |r| r["FilterExpression"] = json!("#p0 = :v0")).contains("FilterExpression"));
    assert!(refused("Query", |r| r["Limit"] = Json::Null).contains("no Limit"));
    assert!(refused("Query", |r| r["TableName"] = json!("users")).contains("no pattern"));
    assert!(refused("Query", |r| r["IndexName"] = json!("GSI9")).contains("no pattern"));
    assert!(refused("Query", |r| r["ExpressionAttributeValues"][":v0"] = json!({ "S": "CUST#x" })).contains("differs"));
    assert!(refused("Query", |r| r["ExpressionAttributeValues"][":v2"] = json!({ "S": "INV~" })).contains("differs"));
    assert!(refused("Query", |r| r["KeyConditionExpression"] = json!("#k0 = :v0 AND #k1 > :v1")).contains("no pattern uses"));
    assert!(refused("BatchGetItem", |_| ()).contains("it has no Keys"));
    assert!(refused("TransactGetItems", |_| ()).contains("no pattern uses TransactGetItems"));
    assert!(refused("Scan", |_| ()).contains("no pattern Scans"));
}

#[test]
fn a_batch_is_listed_when_each_of_its_keys_is() {
    let billing = billing();
    let key = |pk: &str| json!({ "PK": { "S": pk }, "SK": { "S": "META" } });
    let batch = |keys: &[&str], strong: bool| {
        let keys: Vec<_> = keys.iter().map(|pk| key(pk)).collect();
        json!({ "RequestItems": { "subscriptions": { "Keys": keys, "ConsistentRead": strong } } })
    };
    let audit =
        |request: &Json| billing.audit("BatchGetItem", request).map(|pattern| pattern.name().to_owned()).map_err(|error| error.reason);
    assert_eq!(audit(&batch(&["SUB#1", "SUB#2"], true)), Ok("get_subscription_strong".to_owned()));
    assert_eq!(audit(&batch(&["SUB#1", "SUB#2"], false)), Ok("get_subscription".to_owned()));
    assert!(audit(&batch(&["SUB#1", "OTHER#2"], true)).unwrap_err().contains("differs"));
    assert!(audit(&batch(&[], true)).unwrap_err().contains("no Keys"));
    assert!(audit(&json!({ "RequestItems": { "users": { "Keys": [key("SUB#1")] } } })).unwrap_err().contains("no pattern"));
}

#[test]
fn a_range_stays_inside_its_entity() {
    let billing = billing();
    let plan = |params| billing.pattern("list_invoices_by_subscription").unwrap().plans(&params).unwrap().remove(0);
    let text = |text: &str| Scalar::S(text.to_owned());
    let all = plan(Params::new().text("subscription_id", "s1"));
    assert_eq!(all.conditions[1].1, Condition::BeginsWith(text("INV#")));
    let some = plan(Params::new().text("subscription_id", "s1").between("issued_on", "2026-01-01", "2026-01-31"));
    assert_eq!(some.conditions[1].1, Condition::Between(text("INV#2026-01-01"), text("INV#2026-01-31")));
    let named = plan(Params::new().text("subscription_id", "s1").text("from", "2026-01-01").text("to", "2026-01-31"));
    assert_eq!(named, some);
}

#[test]
fn a_parameter_that_no_codec_takes_is_refused_by_name() {
    let billing = billing();
    let refused = |params| billing.pattern("list_invoices_by_subscription").unwrap().plans(&params).unwrap_err().to_string();
    assert_eq!(refused(Params::new()), "subscription_id is missing");
    assert_eq!(refused(Params::new().text("subscription_id", "a#b")), "subscription_id must be 1 to 80 of A-Z a-z 0-9 _ -");
    assert_eq!(
        refused(Params::new().text("subscription_id", "a").text("colour", "red")),
        "colour is not a parameter of list_invoices_by_subscription"
    );
    let range = Params::new().text("subscription_id", "a").between("issued_on", "2026-02-01", "2026-01-31");
    assert_eq!(refused(range), "issued_on is a range that ends before it starts");
}
