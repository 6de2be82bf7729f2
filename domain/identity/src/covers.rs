//! Which roles someone may give and take.

use annals_kit::Role;

/// Whether someone of role `by` may give `other` to a member or a key, or take it from one. No one gives more than they have.
pub fn covers(by: Role, other: Role) -> bool {
    match by {
        Role::Owner => true,
        Role::Admin => other != Role::Owner,
        Role::Finance => matches!(other, Role::Finance | Role::Member | Role::Auditor),
        Role::Member => matches!(other, Role::Member | Role::Auditor),
        Role::Auditor => other == Role::Auditor,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_covers_itself_and_never_what_can_do_more() {
        for role in Role::ALL {
            assert!(covers(role, role) && covers(role, Role::Auditor), "{role}");
            assert_eq!(covers(role, Role::Owner), role == Role::Owner, "only owners make owners: {role}");
        }
    }

    #[test]
    fn nobody_gains_by_asking_somebody_else() {
        for (a, b, c) in Role::ALL.into_iter().flat_map(|a| Role::ALL.into_iter().flat_map(move |b| Role::ALL.map(|c| (a, b, c)))) {
            assert!(!(covers(a, b) && covers(b, c)) || covers(a, c), "{a} {b} {c}");
        }
    }
}
