//! Who may use which route.

use annals_kit::Role;

/// Who changes what customers owe.
pub(crate) const WRITERS: [Role; 3] = [Role::Owner, Role::Admin, Role::Finance];
/// Who sees subscriptions.
pub(crate) const READERS: [Role; 5] = Role::ALL;
/// Who sees money.
pub(crate) const MONEY_READERS: [Role; 4] = [Role::Owner, Role::Admin, Role::Finance, Role::Auditor];
