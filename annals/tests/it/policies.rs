//! The committed policies: all are read, and no role but the administrator may do more than insert into a log.

use serde_json::Value;

#[test]
fn no_role_may_change_a_log() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../infra/policies");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let policy: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let name = path.file_stem().unwrap().to_str().unwrap();
        seen += 1;
        if matches!(name, "administrator" | "log-table") {
            continue;
        }
        for statement in policy["Statement"].as_array().unwrap() {
            let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            if text(&statement["Resource"]).contains("-log\"")
                || text(&statement["Resource"]) == "*"
                || text(&statement["Resource"]).ends_with("-log")
            {
                let actions = statement["Action"].as_array().unwrap().iter();
                for action in actions.filter(|action| action.as_str().unwrap().starts_with("dynamodb:")) {
                    let harmless =
                        ["dynamodb:PartiQLInsert", "dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan", "dynamodb:DescribeTable"];
                    assert!(harmless.contains(&action.as_str().unwrap()), "{name} may {action} a log");
                }
            }
            let lambda = statement["Action"].to_string().contains("lambda:");
            assert!(!lambda, "{name} may call a function: services talk over the bus and APIs only");
        }
    }
    assert_eq!(seen, annals::system::roles::names().count() + 1, "every role has a policy, and the log tables one");
}
