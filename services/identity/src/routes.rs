//! Who may use which route.

use annals_kit::Role;

/// Everybody who belongs to the organisation: what is read, and what is their own.
pub const READERS: [Role; 5] = Role::ALL;
/// Who makes keys of their own: not those who change nothing.
pub const KEY_HOLDERS: [Role; 4] = [Role::Owner, Role::Admin, Role::Member, Role::Finance];
/// Who decides who belongs to the organisation.
pub const PEOPLE: [Role; 2] = [Role::Owner, Role::Admin];
/// Who sees who was invited, and others' keys.
pub const PEOPLE_READERS: [Role; 3] = [Role::Owner, Role::Admin, Role::Auditor];
/// Who says how customers are reached.
pub const CONTACT_WRITERS: [Role; 3] = [Role::Owner, Role::Admin, Role::Finance];
/// The services that ask for addresses and links.
pub const SENDERS: [&str; 1] = ["notifications"];
