//! Laws of double entry, after any commands: debits equal credits, and what stands on the accounts is what the invoice's own fold says.

use std::collections::BTreeMap;

use annals_kit::{Aggregate, Command, Recorded, Timestamp, Version};
use billing::accounts::{Account, Books, Month};
use billing::invoice::{
    CreditInvoice, CreditReason, Happened, Invoice, InvoiceEvent, InvoiceIssued, IssueInvoice, Most, Notice, RecordNotice, RecordRefund,
    RefundInvoice, TakeDunningStep, VoidCredit,
};
use chrono::{Days, TimeDelta};
use proptest::prelude::*;
use uuid::Uuid;

use crate::invoice_stories::{at, eur, invoice};

#[derive(Clone, Debug)]
enum Op {
    Issue,
    Paid(u8, i64),
    Failed(u8),
    GivenUp(u8),
    Voided(u8),
    Credit(u8, i64, bool),
    ProvidersCredit(u8, u8, i64),
    CreditVoided(u8, u8, i64),
    Refund(u8, i64),
    ProvidersRefund(u8, i64),
    Step(u32),
    Wait(i64),
}

fn op() -> impl Strategy<Value = Op> {
    let amount = || prop_oneof![Just(49_00i64), Just(0), 1i64..60_00, -5i64..0];
    prop_oneof![
        2 => Just(Op::Issue),
        4 => (0u8..20, amount()).prop_map(|(notice, sum)| Op::Paid(notice, sum)),
        2 => (0u8..20).prop_map(Op::Failed),
        1 => (0u8..20).prop_map(Op::GivenUp),
        1 => (0u8..20).prop_map(Op::Voided),
        3 => (0u8..5, amount(), any::<bool>()).prop_map(|(note, sum, all)| Op::Credit(note, sum, all)),
        2 => (0u8..20, 0u8..5, amount()).prop_map(|(notice, note, sum)| Op::ProvidersCredit(notice, note, sum)),
        2 => (0u8..20, 0u8..5, amount()).prop_map(|(notice, note, sum)| Op::CreditVoided(notice, note, sum)),
        3 => (0u8..5, amount()).prop_map(|(refund, sum)| Op::Refund(refund, sum)),
        2 => (0u8..20, amount()).prop_map(|(notice, sum)| Op::ProvidersRefund(notice, sum)),
        2 => (0u32..6).prop_map(Op::Step),
        3 => (0i64..40).prop_map(Op::Wait),
    ]
}

fn notice(number: u8, now: Timestamp) -> Notice {
    Notice { event: format!("evt_{number}").parse().unwrap(), event_type: "t".into(), at: now }
}

fn credit(note: u8, sum: i64, most: Most, notice: Option<Notice>) -> CreditInvoice {
    CreditInvoice {
        credit_note_id: Uuid::from_u128(note.into()),
        amount: eur(sum),
        tax: None,
        lines: vec![],
        days: None,
        reason: CreditReason::Goodwill,
        most,
        notice,
    }
}

/// What the command of an op comes to; a refusal is nothing.
fn decide(op: &Op, issued: &InvoiceIssued, state: &Invoice, now: Timestamp) -> Vec<InvoiceEvent> {
    let told = |number, happened| RecordNotice { issue: Some(issued.clone()), happened, notice: notice(number, now) };
    let refund_id = |number: u8| Uuid::from_u128(100 + u128::from(number));
    match op {
        Op::Issue => IssueInvoice(issued.clone()).decide(state, now),
        Op::Paid(number, sum) => told(*number, Happened::Paid(eur(*sum))).decide(state, now),
        Op::Failed(number) => told(*number, Happened::Failed { due: eur(1), attempt: u32::from(*number) + 1 }).decide(state, now),
        Op::GivenUp(number) => told(*number, Happened::Uncollectible).decide(state, now),
        Op::Voided(number) => told(*number, Happened::Voided).decide(state, now),
        Op::Credit(note, sum, all) => credit(*note, *sum, if *all { Most::All } else { Most::WhatIsLeft }, None).decide(state, now),
        Op::ProvidersCredit(number, note, sum) => credit(*note, *sum, Most::All, Some(notice(*number, now))).decide(state, now),
        Op::CreditVoided(number, note, sum) => {
            VoidCredit { credit: credit(*note, *sum, Most::All, None), notice: notice(*number, now) }.decide(state, now)
        }
        Op::Refund(number, sum) => RefundInvoice { refund_id: refund_id(*number), amount: eur(*sum) }.decide(state, now),
        Op::ProvidersRefund(number, sum) => {
            RecordRefund { refund_id: refund_id(50 + number), refunded: eur(*sum), notice: notice(*number, now) }.decide(state, now)
        }
        Op::Step(step) => TakeDunningStep { step: *step }.decide(state, now),
        Op::Wait(_) => Ok(vec![]),
    }
    .unwrap_or_default()
}

/// Everything that stands on an account, whatever the month.
fn on(sums: &BTreeMap<(Account, Month), i64>, account: Account) -> i64 {
    sums.iter().filter(|((of, _), _)| *of == account).map(|(_, sum)| sum).sum()
}

fn agree(state: &Invoice, sums: &BTreeMap<(Account, Month), i64>) -> Result<(), TestCaseError> {
    let Some(issued) = &state.issued else {
        prop_assert!(sums.values().all(|sum| *sum == 0));
        return Ok(());
    };
    // Money, told plainly from the invoice's own fold.
    let owed = if state.voided { 0 } else { issued.amount.minor() - state.credited };
    let open = (owed - state.received).max(0);
    let (receivable, bad_debt) = if state.given_up.is_some() { (0, open) } else { (open, 0) };
    prop_assert_eq!((on(sums, Account::Receivable), on(sums, Account::BadDebt)), (receivable, bad_debt));
    prop_assert_eq!(on(sums, Account::Cash), state.received - state.refunded);
    prop_assert_eq!(-on(sums, Account::CustomerCredit), state.owed_back());
    prop_assert_eq!(on(sums, Account::Refunds) + (state.received - owed).max(0) - state.owed_back(), state.refunded);
    // Once all days are over, all that was charged is earned, and the tax is what is left.
    prop_assert_eq!(on(sums, Account::DeferredRevenue), 0);
    prop_assert_eq!(-on(sums, Account::Revenue) - on(sums, Account::Tax), owed);
    Ok(())
}

proptest! {
    /// Law: after any commands, legs balance in every month, and balances are what the fold of the invoice says; nothing panics.
    #[test]
    fn debits_equal_credits_and_balances_equal_the_fold(
        total in prop_oneof![Just(49_00i64), Just(0), 1i64..1_000_000], tax in 0i64..100, days in 0u64..1500, early in -40i64..40,
        ops in prop::collection::vec(op(), 1..50),
    ) {
        let (state, books, mut sums) = (&mut Invoice::default(), &mut Books::default(), BTreeMap::new());
        let period_start = at(early).date();
        let issued = InvoiceIssued {
            tax: Some(eur(total * tax / 200)), period_start, period_end: period_start + Days::new(days), ..invoice(total)
        };
        let (mut now, mut version) = (at(0), Version::FIRST);
        for op in ops {
            if let Op::Wait(days) = op {
                now = now.plus(TimeDelta::days(days));
            }
            let recorded = Recorded { version, at: now };
            for event in decide(&op, &issued, state, now) {
                state.evolve(&event, recorded);
                let legs = books.post(&event, recorded);
                let debits: i64 = legs.iter().map(|leg| leg.amount.max(0)).sum();
                let credits: i64 = legs.iter().map(|leg| (-leg.amount).max(0)).sum();
                prop_assert_eq!(debits, credits);
                for leg in legs {
                    *sums.entry((leg.account, leg.month)).or_insert(0) += leg.amount;
                }
            }
            let mut by_month = BTreeMap::new();
            sums.iter().for_each(|((_, month), sum)| *by_month.entry(*month).or_insert(0) += sum);
            prop_assert!(by_month.values().all(|sum| *sum == 0), "{by_month:?}");
            agree(state, &sums)?;
            version = version.next();
        }
    }
}
