//! The log of every service, and what derives from it.

use std::sync::Arc;

use access_patterns::Matrix;
use annals_lambda::Host;
use annals_ledger::checkpoint::LedgerKey;
use annals_ledger::function::SignerDeps;
use annals_ledger::objects::Objects;
use annals_ledger::{LedgerTable, Sequencer};
use annals_projection::{Projector, Reconciliation};

/// One service's log, and how the functions are made that every service has beside its own.
pub struct ServiceLog {
    /// The service.
    pub service: &'static str,
    /// The log's table.
    pub table: &'static str,
    /// The matrix of the service.
    pub matrix: fn() -> Arc<Matrix>,
    /// `<service>-projector`, publishing to the bus of this name.
    pub projector: fn(&Host, &str) -> Projector,
    /// `<service>-reconciler`, publishing to the bus of this name.
    pub reconciler: fn(&Host, &str) -> Reconciliation,
    /// `<service>-ledger`.
    pub sequencer: fn(&Host) -> Sequencer,
    /// `<service>-signer`.
    pub signer: fn(&Host, Arc<dyn Objects>, LedgerKey) -> SignerDeps,
    /// The ledger's table, for whoever reads it.
    pub ledger: fn(&Host) -> LedgerTable,
}

/// Every service's.
pub static LOGS: [ServiceLog; 3] = [
    ServiceLog {
        service: "billing",
        table: "subscriptions-log",
        matrix: access_patterns::billing,
        projector: billing_projectors::projector,
        reconciler: billing_projectors::reconciler,
        sequencer: billing_projectors::ledger::sequencer,
        signer: billing_projectors::ledger::signer,
        ledger: billing_projectors::ledger::table,
    },
    ServiceLog {
        service: "identity",
        table: "users-log",
        matrix: access_patterns::identity,
        projector: identity_projectors::projector,
        reconciler: identity_projectors::reconciler,
        sequencer: identity_projectors::ledger::sequencer,
        signer: identity_projectors::ledger::signer,
        ledger: identity_projectors::ledger::table,
    },
    ServiceLog {
        service: "notifications",
        table: "notifications-log",
        matrix: access_patterns::notifications,
        projector: notifications_projectors::projector,
        reconciler: notifications_projectors::reconciler,
        sequencer: notifications_projectors::ledger::sequencer,
        signer: notifications_projectors::ledger::signer,
        ledger: notifications_projectors::ledger::table,
    },
];

impl ServiceLog {
    /// The log of a service of the contracts.
    pub fn of(service: &str) -> &'static Self {
        LOGS.iter().find(|log| log.service == service).expect("every service of the contracts has its line: a test compares them")
    }

    /// The function of this machine that serves the ledger's proofs.
    pub fn proofs(&self) -> String {
        format!("read-{}-ledger", self.service)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::contracts::committed;

    #[test]
    fn every_service_of_the_contracts_has_its_log() {
        let contracts: Vec<_> = committed().unwrap().iter().map(|committed| committed.contract.service.as_str()).collect();
        assert_eq!(LOGS.each_ref().map(|log| log.service).as_slice(), contracts);
    }
}
