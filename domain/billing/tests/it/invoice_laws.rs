//! Laws of invoices: any sequence of commands does what a plain model does, and rows say what streams say.

use annals_kit::{Aggregate, Command, Recorded, StoredEvent, Timestamp, Version};
use billing::invoice::{Happened, Invoice, InvoiceEvent, IssueInvoice, Notice, RecordNotice, TakeDunningStep};
use billing::rows::{Arrears, InvoiceRow};
use chrono::TimeDelta;
use proptest::prelude::*;

use crate::invoice_stories::{at, eur, invoice};

/// What someone does.
#[derive(Clone, Debug)]
enum Op {
    Issue,
    /// The provider tells something: notice number, hours before now that it is dated, and what.
    Told(u8, i64, Word),
    /// The schedule, or a late run of it, takes this step.
    Step(u32),
    /// The schedule takes the step that the row names.
    NextStep,
    /// Hours pass.
    Wait(i64),
}

#[derive(Clone, Copy, Debug)]
enum Word {
    Paid(i64),
    Failed(u32),
    Uncollectible,
    Voided,
}

fn op() -> impl Strategy<Value = Op> {
    let word = prop_oneof![
        3 => prop_oneof![Just(0i64), Just(2_000), Just(4_900), -10i64..6_000].prop_map(Word::Paid),
        4 => prop_oneof![9 => 1u32..6, 1 => any::<u32>()].prop_map(Word::Failed),
        1 => Just(Word::Uncollectible),
        1 => Just(Word::Voided),
    ];
    prop_oneof![
        2 => Just(Op::Issue),
        6 => (0u8..12, -300i64..300, word).prop_map(|(number, before, word)| Op::Told(number, before, word)),
        1 => (0u32..7).prop_map(Op::Step),
        5 => Just(Op::NextStep),
        5 => prop_oneof![0i64..30, 0i64..500].prop_map(Op::Wait),
    ]
}

/// An invoice, told plainly.
#[derive(Clone, Debug, Default, PartialEq)]
struct Model {
    issued: bool,
    received: i64,
    paid: bool,
    voided: bool,
    given_up: bool,
    failed: u32,
    /// The next step and when it is due, and when the first payment failed.
    dunning: Option<(u32, Timestamp, Timestamp)>,
    notices: Vec<Notice>,
}

const DAYS: [i64; 4] = [3, 7, 14, 21];

impl Model {
    fn due(step: u32, failed_at: Timestamp, now: Timestamp) -> Timestamp {
        let by_policy = failed_at.plus(TimeDelta::days(DAYS[step as usize - 1]));
        let a_day_on = now.plus(TimeDelta::days(1));
        if by_policy > a_day_on { by_policy } else { a_day_on }
    }

    fn told(&mut self, notice: &Notice, word: Word, total: i64, now: Timestamp) {
        if self.notices.contains(notice) || self.paid || self.voided {
            return;
        }
        // A notice that is refused does not issue the invoice that it carries either.
        let before = self.clone();
        self.issued = true;
        self.notices.push(notice.clone());
        let taken = match word {
            Word::Paid(sum) if sum < 0 || (total > 0 && sum <= self.received) => false,
            Word::Paid(sum) => {
                self.received = sum;
                if sum >= total {
                    (self.paid, self.dunning) = (true, None);
                }
                true
            }
            Word::Failed(attempt) if attempt <= self.failed => false,
            Word::Failed(attempt) => {
                self.failed = attempt;
                if self.dunning.is_none() && !self.given_up && total > self.received {
                    let failed_at = if notice.at < now { notice.at } else { now };
                    self.dunning = Some((1, Self::due(1, failed_at, now), failed_at));
                }
                true
            }
            Word::Uncollectible if self.given_up => false,
            Word::Uncollectible => {
                (self.given_up, self.dunning) = (true, None);
                true
            }
            Word::Voided => {
                (self.voided, self.dunning) = (true, None);
                true
            }
        };
        if !taken {
            *self = before;
        }
    }

    fn step(&mut self, step: u32, now: Timestamp) {
        if let Some((next, due, failed_at)) = self.dunning
            && step == next
            && now >= due
        {
            match next {
                4 => (self.given_up, self.dunning) = (true, None),
                _ => self.dunning = Some((next + 1, Self::due(next + 1, failed_at, now), failed_at)),
            }
        }
    }

    fn status(&self) -> Option<&'static str> {
        self.issued.then_some(match () {
            () if self.voided => "void",
            () if self.paid => "paid",
            () if self.given_up => "uncollectible",
            () if self.dunning.is_some() => "past-due",
            () if self.failed > 0 => "failed",
            () => "open",
        })
    }
}

/// The aggregate and its row, fed by commits as they come out of the log.
#[derive(Default)]
struct Real {
    state: Invoice,
    row: Option<InvoiceRow>,
    version: Option<Version>,
    events: Vec<InvoiceEvent>,
}

impl Real {
    fn run<C: Command<Aggregate = Invoice>>(&mut self, command: &C, now: Timestamp) {
        let Ok(events) = command.decide(&self.state, now) else { return };
        if events.is_empty() {
            return;
        }
        let recorded = Recorded { version: Version::after(self.version), at: now };
        for event in events {
            let stored = serde_json::to_string(&StoredEvent::encode(&event)).unwrap();
            let read: InvoiceEvent = serde_json::from_str::<StoredEvent>(&stored).unwrap().decode().unwrap();
            assert_eq!(read, event, "an event is read as it was written");
            self.state.evolve(&read, recorded);
            self.row = InvoiceRow::fold(self.row.take(), &read, recorded);
            self.events.push(read);
        }
        self.version = Some(recorded.version);
    }
}

fn agree(model: &Model, real: &Real) -> Result<(), TestCaseError> {
    let state = &real.state;
    prop_assert_eq!((state.issued.is_some(), state.received, state.paid_at.is_some()), (model.issued, model.received, model.paid));
    prop_assert_eq!((state.voided, state.given_up.is_some(), state.failed_attempts), (model.voided, model.given_up, model.failed));
    let dunning = state.dunning.as_ref().map(|dunning| (dunning.next_step, dunning.next_step_at, dunning.failed_at));
    prop_assert_eq!(dunning, model.dunning);
    // Money is what the events say, and nothing else.
    let booked: i64 = real.events.iter().map(|event| if let InvoiceEvent::PaymentReceived(p) = event { p.amount.minor() } else { 0 }).sum();
    prop_assert_eq!(booked, state.received);
    let row = real.row.as_ref();
    prop_assert_eq!(row.map(|row| row.status.as_str()), model.status());
    let Some(row) = row else { return Ok(()) };
    prop_assert_eq!((row.received, row.paid_at), (state.received, state.paid_at));
    prop_assert_eq!(row.next_step.zip(row.next_step_at), model.dunning.map(|(step, at, _)| (step, at)));
    prop_assert_eq!((row.dunning_shard.is_some(), row.arrears_since.is_some()), (model.dunning.is_some(), row.arrears.is_some()));
    let arrears = match row.status.as_str() {
        "past-due" => Some(Arrears::PastDue),
        "uncollectible" => Some(Arrears::Uncollectible),
        _ => None,
    };
    prop_assert_eq!(row.arrears, arrears);
    Ok(())
}

proptest! {
    /// Law: after any commands the invoice is as a plain model has it, its row says so, and its money is the sum of its payments.
    #[test]
    fn an_invoice_does_what_a_plain_model_does(total in prop_oneof![Just(4_900i64), Just(0)], ops in prop::collection::vec(op(), 1..60)) {
        let (mut model, mut real, mut now) = (Model::default(), Real::default(), at(0));
        for op in ops {
            match op {
                Op::Wait(hours) => now = now.plus(TimeDelta::hours(hours)),
                Op::Issue => {
                    model.issued = true;
                    real.run(&IssueInvoice(invoice(total)), now);
                }
                Op::Told(number, before, word) => {
                    let notice = Notice {
                        event: format!("evt_{number}").parse().unwrap(),
                        event_type: "t".into(),
                        at: now.plus(TimeDelta::hours(-before)),
                    };
                    let happened = match word {
                        Word::Paid(sum) => Happened::Paid(eur(sum)),
                        Word::Failed(attempt) => Happened::Failed { due: eur(total), attempt },
                        Word::Uncollectible => Happened::Uncollectible,
                        Word::Voided => Happened::Voided,
                    };
                    model.told(&notice, word, total, now);
                    real.run(&RecordNotice { issue: Some(invoice(total)), happened, notice }, now);
                }
                Op::Step(step) => {
                    model.step(step, now);
                    real.run(&TakeDunningStep { step }, now);
                }
                Op::NextStep => {
                    if let Some(step) = real.row.as_ref().and_then(|row| row.next_step) {
                        model.step(step, now);
                        real.run(&TakeDunningStep { step }, now);
                    }
                }
            }
            agree(&model, &real)?;
        }
        let steps: Vec<u32> = real.events.iter().filter_map(|event| if let InvoiceEvent::DunningStepTaken(taken) = event { Some(taken.step) } else { None }).collect();
        prop_assert_eq!(&steps, &(1..=u32::try_from(steps.len()).unwrap()).collect::<Vec<_>>(), "steps in order, each once");
        prop_assert!(steps.len() <= 3);
    }

    /// Law: evolve and the row's fold take any stored events in any order, as an old or a broken log may hold them.
    #[test]
    fn any_events_fold(ops in prop::collection::vec((op(), any::<prop::sample::Index>()), 1..40)) {
        let mut real = Real::default();
        let mut now = at(0);
        for (op, _) in &ops {
            now = now.plus(TimeDelta::days(1));
            match op {
                Op::Told(number, _, word) => {
                    let notice = Notice { event: format!("evt_{number}").parse().unwrap(), event_type: "t".into(), at: now };
                    let happened = match word {
                        Word::Paid(sum) => Happened::Paid(eur(*sum)),
                        Word::Failed(attempt) => Happened::Failed { due: eur(49_00), attempt: *attempt },
                        Word::Uncollectible => Happened::Uncollectible,
                        Word::Voided => Happened::Voided,
                    };
                    real.run(&RecordNotice { issue: Some(invoice(49_00)), happened, notice }, now);
                }
                Op::Step(step) => real.run(&TakeDunningStep { step: *step }, now),
                Op::Issue | Op::NextStep | Op::Wait(_) => {}
            }
        }
        let (mut state, mut row) = (Invoice::default(), None);
        for (_, pick) in ops.iter().filter(|_| !real.events.is_empty()) {
            let recorded = Recorded { version: Version::FIRST, at: now };
            let event = pick.get(&real.events);
            state.evolve(event, recorded);
            row = InvoiceRow::fold(row, event, recorded);
            let _ = (state.standing(), TakeDunningStep { step: 1 }.decide(&state, now.plus(TimeDelta::days(9_000_000))));
        }
    }
}
