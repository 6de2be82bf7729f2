//! Decides from IAM policies whether a role may do something: explicit deny, then allow, else deny.

use std::collections::HashMap;

use serde_json::Value;

use crate::arn;
use crate::config::Role;
use crate::wire::Answer;

/// The roles and the resource policies of the account.
pub(crate) struct Iam {
    by_access_key: HashMap<String, Principal>,
    resource_policies: HashMap<String, Policy>,
}

/// A role as a caller.
pub(crate) struct Principal {
    pub name: String,
    pub access_key_id: String,
    pub secret_access_key: String,
    /// Allowed everything: not asked by the read guard.
    pub administrator: bool,
    arn: String,
    policies: Vec<Policy>,
}

/// An action on a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Need {
    pub action: &'static str,
    pub resource: String,
    /// The table whose resource policy has a say.
    pub table: Option<String>,
}

impl Iam {
    /// Reads the policies; what this evaluator does not know is an error, not ignored.
    pub fn new(roles: &[Role], resource_policies: &[(String, Value)]) -> Result<Self, String> {
        let by_access_key = roles.iter().map(|role| Ok((role.access_key_id.clone(), Principal::new(role)?)));
        let resource_policies = resource_policies.iter().map(|(table, document)| {
            let policy = Policy::read(document).map_err(|wrong| format!("the resource policy of table {table}: {wrong}"))?;
            Ok((table.clone(), policy))
        });
        Ok(Self {
            by_access_key: by_access_key.collect::<Result<_, String>>()?,
            resource_policies: resource_policies.collect::<Result<_, String>>()?,
        })
    }

    /// The role with this access key.
    pub fn principal(&self, access_key_id: &str) -> Option<&Principal> {
        self.by_access_key.get(access_key_id)
    }

    /// The role of this name.
    pub fn role(&self, name: &str) -> Option<&Principal> {
        self.by_access_key.values().find(|principal| principal.name == name)
    }

    /// Refuses unless every need is allowed.
    pub fn authorize(&self, principal: &Principal, needs: &[Need]) -> Result<(), Answer> {
        needs.iter().try_for_each(|need| self.decide(principal, need).map_err(|why| refusal(principal, need, &why)))
    }

    fn decide(&self, principal: &Principal, need: &Need) -> Result<(), String> {
        let resource_policy = need.table.as_ref().and_then(|table| self.resource_policies.get(table));
        if principal.policies.iter().any(|policy| policy.has(Effect::Deny, principal, need)) {
            return Err("with an explicit deny in an identity-based policy".to_owned());
        }
        if resource_policy.is_some_and(|policy| policy.has(Effect::Deny, principal, need)) {
            return Err("with an explicit deny in a resource-based policy".to_owned());
        }
        let allowed = principal.policies.iter().chain(resource_policy).any(|policy| policy.has(Effect::Allow, principal, need));
        if allowed { Ok(()) } else { Err(format!("because no identity-based policy allows the {} action", need.action)) }
    }
}

fn refusal(principal: &Principal, need: &Need, why: &str) -> Answer {
    let message = format!(
        "User: {} is not authorized to perform: {} on resource: {} {why}",
        arn::session(&principal.name),
        need.action,
        need.resource
    );
    Answer::refused("AccessDeniedException", &message)
}

impl Principal {
    fn new(role: &Role) -> Result<Self, String> {
        let read = |document| Policy::read(document).map_err(|wrong| format!("a policy of role {}: {wrong}", role.name));
        let policies = role.policies.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            name: role.name.clone(),
            access_key_id: role.access_key_id.clone(),
            secret_access_key: role.secret_access_key.clone(),
            administrator: policies.iter().any(Policy::allows_everything),
            arn: arn::role(&role.name),
            policies,
        })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Effect {
    Allow,
    Deny,
}

/// A policy document.
struct Policy(Vec<Statement>);

struct Statement {
    effect: Effect,
    actions: Names,
    resources: Option<Names>,
    principals: Option<Names>,
    conditions: Vec<Names>,
}

/// `X` or `NotX` of a statement.
enum Names {
    In(Vec<String>),
    NotIn(Vec<String>),
}

impl Policy {
    fn read(document: &Value) -> Result<Self, String> {
        let statements = match &document["Statement"] {
            Value::Array(statements) => statements.iter().map(Statement::read).collect::<Result<_, _>>()?,
            one @ Value::Object(_) => vec![Statement::read(one)?],
            _ => return Err("it has no Statement".to_owned()),
        };
        Ok(Self(statements))
    }

    fn has(&self, effect: Effect, principal: &Principal, need: &Need) -> bool {
        self.0.iter().any(|statement| statement.effect == effect && statement.applies(principal, need))
    }

    fn allows_everything(&self) -> bool {
        let everything = |names: &Names| matches!(names, Names::In(names) if names.iter().any(|name| name == "*"));
        self.0.iter().any(|statement| {
            statement.effect == Effect::Allow
                && everything(&statement.actions)
                && statement.resources.as_ref().is_some_and(everything)
                && statement.conditions.is_empty()
        })
    }
}

impl Statement {
    fn read(statement: &Value) -> Result<Self, String> {
        let members = statement.as_object().ok_or("a statement is not an object")?;
        const KNOWN: [&str; 9] =
            ["Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Principal", "NotPrincipal", "Condition"];
        if let Some(unknown) = members.keys().find(|key| !KNOWN.contains(&key.as_str())) {
            return Err(format!("{unknown} is not known here"));
        }
        let effect = match statement["Effect"].as_str() {
            Some("Allow") => Effect::Allow,
            Some("Deny") => Effect::Deny,
            _ => return Err("Effect must be Allow or Deny".to_owned()),
        };
        let principals = |value: &Value| names(if value.is_object() { &value["AWS"] } else { value });
        Ok(Self {
            effect,
            actions: either(statement, "Action", "NotAction", names)?.ok_or("a statement needs Action or NotAction")?,
            resources: either(statement, "Resource", "NotResource", names)?,
            principals: either(statement, "Principal", "NotPrincipal", principals)?,
            conditions: statement["Condition"].as_object().map_or(Ok(Vec::new()), conditions)?,
        })
    }

    fn applies(&self, principal: &Principal, need: &Need) -> bool {
        let arn = &principal.arn;
        self.actions.hold(|action| matches(&action.to_ascii_lowercase(), &need.action.to_ascii_lowercase()))
            && self.resources.as_ref().is_none_or(|names| names.hold(|resource| matches(resource, &need.resource)))
            && self.principals.as_ref().is_none_or(|names| names.hold(|name| is_principal(name, arn)))
            && self.conditions.iter().all(|names| names.hold(|pattern| matches(pattern, arn)))
    }
}

impl Names {
    fn hold(&self, is: impl Fn(&str) -> bool) -> bool {
        match self {
            Self::In(names) => names.iter().any(|name| is(name)),
            Self::NotIn(names) => !names.iter().any(|name| is(name)),
        }
    }
}

fn either(
    statement: &Value,
    positive: &str,
    negative: &str,
    read: impl Fn(&Value) -> Result<Vec<String>, String>,
) -> Result<Option<Names>, String> {
    match (statement.get(positive), statement.get(negative)) {
        (Some(_), Some(_)) => Err(format!("a statement has both {positive} and {negative}")),
        (Some(value), None) => Ok(Some(Names::In(read(value)?))),
        (None, Some(value)) => Ok(Some(Names::NotIn(read(value)?))),
        (None, None) => Ok(None),
    }
}

fn names(value: &Value) -> Result<Vec<String>, String> {
    let text = |value: &Value| value.as_str().map(str::to_owned).ok_or_else(|| format!("{value} is not a name"));
    match value {
        Value::Array(names) => names.iter().map(text).collect(),
        one => Ok(vec![text(one)?]),
    }
}

/// Conditions on who calls. `Equals` of ARNs reads wildcards, as IAM does; so do we for all of them.
fn conditions(conditions: &serde_json::Map<String, Value>) -> Result<Vec<Names>, String> {
    let mut read = Vec::new();
    for (operator, keys) in conditions {
        for (key, value) in keys.as_object().ok_or("a condition is not an object")? {
            if !key.eq_ignore_ascii_case("aws:PrincipalArn") {
                return Err(format!("conditions on {key} are not known here"));
            }
            read.push(match operator.as_str() {
                "ArnEquals" | "ArnLike" | "StringEquals" | "StringLike" => Names::In(names(value)?),
                "ArnNotEquals" | "ArnNotLike" | "StringNotEquals" | "StringNotLike" => Names::NotIn(names(value)?),
                _ => return Err(format!("the condition operator {operator} is not known here")),
            });
        }
    }
    Ok(read)
}

fn is_principal(name: &str, arn: &str) -> bool {
    name == "*" || name == arn || name == arn::ACCOUNT || name == format!("arn:aws:iam::{}:root", arn::ACCOUNT)
}

/// Whether `text` matches `pattern`, in which `*` is any text and `?` any character.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(&byte) if byte == b'?' || byte == text[t] => {
                p += 1;
                t += 1;
            }
            // Let the last star take one byte more.
            _ => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    p = at + 1;
                    t = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The definition, followed literally.
    fn by_definition(pattern: &[u8], text: &[u8]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, None) => true,
            (Some((b'*', rest)), _) => {
                by_definition(rest, text) || text.split_first().is_some_and(|(_, text)| by_definition(pattern, text))
            }
            (Some((b'?', pattern)), Some((_, text))) => by_definition(pattern, text),
            (Some((a, pattern)), Some((b, text))) => a == b && by_definition(pattern, text),
            _ => false,
        }
    }

    proptest! {
        /// Law: matching agrees with the definition of the two wildcards.
        #[test]
        fn matching_follows_the_definition(pattern in "[ab*?]{0,8}", text in "[ab]{0,8}") {
            prop_assert_eq!(matches(&pattern, &text), by_definition(pattern.as_bytes(), text.as_bytes()));
        }
    }
}
