//! Names the local account, its region and its resources as AWS does.

/// The region every resource of the local account is in.
pub const REGION: &str = "eu-west-1";

/// The id of the local account: the one the embedded database writes into its ARNs.
pub const ACCOUNT: &str = "000000000000";

/// The ARN of a role.
pub fn role(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:role/{name}")
}

/// The ARN of a session of a role, as error messages name a caller.
pub fn session(role: &str) -> String {
    format!("arn:aws:sts::{ACCOUNT}:assumed-role/{role}/local")
}

/// The ARN of a DynamoDB table.
pub fn table(name: &str) -> String {
    format!("arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}")
}

/// The ARN of an index of a DynamoDB table.
pub fn index(table: &str, index: &str) -> String {
    format!("arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table}/index/{index}")
}

/// The ARN of a table's stream.
pub fn stream(table: &str, label: &str) -> String {
    format!("arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table}/stream/{label}")
}

/// The ARN of an event bus.
pub fn bus(name: &str) -> String {
    format!("arn:aws:events:{REGION}:{ACCOUNT}:event-bus/{name}")
}

/// The ARN of a rule; those of the default bus do not name it.
pub fn rule(bus: &str, name: &str) -> String {
    match bus {
        "default" => format!("arn:aws:events:{REGION}:{ACCOUNT}:rule/{name}"),
        _ => format!("arn:aws:events:{REGION}:{ACCOUNT}:rule/{bus}/{name}"),
    }
}

/// The ARN of a queue.
pub fn queue(name: &str) -> String {
    format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{name}")
}

/// The ARN of a function.
pub fn function(name: &str) -> String {
    format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}")
}

/// The ARN of a schedule of the default group.
pub fn schedule(name: &str) -> String {
    format!("arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/default/{name}")
}

/// The ARN of a mail identity: an address or a domain.
pub fn mail_identity(address: &str) -> String {
    format!("arn:aws:ses:{REGION}:{ACCOUNT}:identity/{address}")
}

/// The ARN of a device, as an application of SNS names it: `application` is that of the application.
pub fn push_endpoint(application: &str, id: &str) -> String {
    format!("{}/{id}", application.replacen(":app/", ":endpoint/", 1))
}

/// The ARN of a KMS key.
pub fn key(id: &str) -> String {
    format!("arn:aws:kms:{REGION}:{ACCOUNT}:key/{id}")
}

/// The last part of an ARN or the name itself: the SDKs accept both for tables and buses.
pub fn name_of(name_or_arn: &str) -> &str {
    match name_or_arn.starts_with("arn:") {
        true => name_or_arn.rsplit(['/', ':']).next().unwrap_or(name_or_arn),
        false => name_or_arn,
    }
}
