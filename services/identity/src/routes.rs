//! Identity's routes, each described beside the code that answers it, and who may ask.

use annals_contract::{Contract, Route};
use annals_kit::Role;

use crate::{
    accept_invitation, ask_verification, change_profile, log_in, log_out, manage_api_keys, manage_members, mint_link, read, read_contact,
    set_contact, sign_up, verify_email,
};

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

/// Adds them to the contract.
pub(crate) fn describe(contract: &mut Contract) {
    let own = [
        sign_up::route(),
        ask_verification::route(),
        verify_email::route(),
        log_in::route(),
        accept_invitation::route(),
        set_contact::route(),
    ];
    let routes: [Vec<Route>; 7] = [
        own.into(),
        read_contact::routes().into(),
        log_out::routes().into(),
        change_profile::routes().into(),
        manage_members::routes().into(),
        manage_api_keys::routes().into(),
        mint_link::routes().into(),
    ];
    routes.into_iter().flatten().chain(read::routes()).for_each(|route| {
        contract.route(route);
    });
}
