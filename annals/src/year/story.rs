//! The story of the company: who does what on which day. The same seed tells the same story, to the cent.
//!
//! The company has business days, two a month: everybody comes, changes their mind and pays on one of them. So periods begin on them as well,
//! and the year is played in as many steps. A real company's days differ, but not in what there is to ask of them.

use chrono::{Datelike, Months, NaiveDate};

/// The days of a month on which it does business.
const BUSINESS_DAYS: [u32; 2] = [1, 15];
/// Business days of the year that is played.
pub const DAYS: u32 = 24;
/// Customers who come in that year.
pub const CUSTOMERS: u32 = 200;

/// The plans, their names and prices a month, in cents. A year costs ten months.
pub const PLANS: [(&str, i64); 3] = [("starter", 1_900), ("team", 4_900), ("business", 14_900)];

/// A customer, by number from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Customer(pub u32);

impl Customer {
    /// The company's own id of them, such as `northwind-017`.
    pub fn id(self) -> String {
        const NAMES: [&str; 10] = ["northwind", "acme", "globex", "initech", "umbra", "hooli", "vandelay", "stark", "wonka", "cyberdyne"];
        format!("{}-{:03}", NAMES[self.0 as usize % NAMES.len()], self.0)
    }
}

/// How a customer pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pays {
    /// At once.
    AtOnce,
    /// The first try fails, a later one goes through.
    Late,
    /// Never again.
    Never,
}

/// What somebody does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// A customer comes.
    Come {
        /// For this plan, by its place.
        plan: usize,
        /// By the year, instead of by the month.
        yearly: bool,
        /// How many seats.
        seats: u32,
    },
    /// They take another plan, from today.
    Take {
        /// By its place.
        plan: usize,
    },
    /// They take another number of seats, from today.
    Seats(u32),
    /// They go, when what they have paid for is over.
    Go,
    /// They stay after all.
    Stay,
    /// They get back a part of what they have paid.
    GetBack {
        /// Of the newest invoice.
        percent: i64,
    },
}

/// The business days of the year that ends on the day before `today`.
pub fn days(today: NaiveDate) -> Vec<NaiveDate> {
    let began = first_day(today);
    began.iter_days().take_while(|day| *day < today).filter(|day| BUSINESS_DAYS.contains(&day.day())).collect()
}

/// The day of the year before.
pub fn first_day(today: NaiveDate) -> NaiveDate {
    today.checked_sub_months(Months::new(12)).unwrap_or(today)
}

/// Who does what on which business day, counted from 0; in order of days, and within a day of customers.
pub fn story(seed: u64) -> Vec<(u32, Customer, Act)> {
    let mut dice = Dice(seed);
    let mut acts = vec![];
    for number in 0..CUSTOMERS {
        life(number, &mut dice, &mut acts);
    }
    acts.sort_by_key(|(day, customer, _)| (*day, *customer));
    acts
}

/// How a customer pays on this day. From the story's seed as well, and from nothing else.
pub fn pays(seed: u64, customer: Customer, day: u32) -> Pays {
    let mut dice = Dice(seed ^ (u64::from(customer.0) << 32) ^ u64::from(day));
    match dice.of(100) {
        0..=5 => Pays::Late,
        6 => Pays::Never,
        _ => Pays::AtOnce,
    }
}

/// One customer's year: the company grows, so more come later than sooner.
fn life(number: u32, dice: &mut Dice, acts: &mut Vec<(u32, Customer, Act)>) {
    let customer = Customer(number);
    let place = f64::from(number) / f64::from(CUSTOMERS);
    let came = (place.sqrt() * f64::from(DAYS - 1)) as u32 + dice.of(2);
    let (plan, yearly, seats) = ([0, 0, 0, 1, 1, 2][dice.of(6) as usize], dice.of(100) < 88, 1 + dice.of(4));
    acts.push((came, customer, Act::Come { plan, yearly, seats }));
    let mut day = came;
    let mut later = |dice: &mut Dice, most: u32| {
        day += 1 + dice.of(most);
        (day < DAYS).then_some(day)
    };
    if plan < 2 && dice.of(100) < 22 {
        acts.extend(later(dice, 5).map(|day| (day, customer, Act::Take { plan: plan + 1 })));
    } else if plan > 0 && dice.of(100) < 8 {
        acts.extend(later(dice, 5).map(|day| (day, customer, Act::Take { plan: plan - 1 })));
    }
    if dice.of(100) < 12 {
        acts.extend(later(dice, 5).map(|day| (day, customer, Act::Seats(seats + 1 + dice.of(3)))));
    }
    if dice.of(100) < 7 {
        let percent = 10 + i64::from(dice.of(90));
        acts.extend(later(dice, 3).map(|day| (day, customer, Act::GetBack { percent })));
    }
    if dice.of(100) < 24 {
        let gone = later(dice, 5);
        acts.extend(gone.map(|day| (day, customer, Act::Go)));
        // Half a month later: the end has mostly not come yet.
        if dice.of(100) < 15 {
            acts.extend(gone.filter(|day| day + 1 < DAYS).map(|day| (day + 1, customer, Act::Stay)));
        }
    }
}

/// SplitMix64: small, and the same everywhere. Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014.
struct Dice(u64);

impl Dice {
    /// A number below `sides`.
    fn of(&mut self, sides: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % u64::from(sides)) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_tells_one_story_and_another_seed_another() {
        assert_eq!(story(1), story(1));
        assert_ne!(story(1), story(2));
    }

    #[test]
    fn every_year_has_as_many_business_days() {
        let first: NaiveDate = "2023-12-20".parse().unwrap();
        for today in first.iter_days().take(1_600) {
            let days = days(today);
            assert_eq!(days.len(), DAYS as usize, "{today}");
            assert!(days[0] >= first_day(today) && days[days.len() - 1] < today && days.is_sorted(), "{today}");
        }
    }

    #[test]
    fn every_customer_comes_once_first_and_everything_happens_within_the_year() {
        let acts = story(1);
        assert!(acts.is_sorted_by_key(|(day, ..)| *day) && acts.iter().all(|(day, ..)| *day < DAYS));
        for number in 0..CUSTOMERS {
            let theirs: Vec<_> = acts.iter().filter(|(_, customer, _)| customer.0 == number).map(|(_, _, act)| act).collect();
            let comings = theirs.iter().filter(|act| matches!(act, Act::Come { .. })).count();
            assert!(matches!(theirs[0], Act::Come { .. }) && comings == 1, "{number}: {theirs:?}");
        }
    }

    #[test]
    fn there_is_some_of_everything() {
        let acts = story(super::super::SEED);
        let some = |is: fn(&Act) -> bool| acts.iter().filter(|(_, _, act)| is(act)).count();
        assert_eq!(some(|act| matches!(act, Act::Come { .. })), CUSTOMERS as usize);
        for (what, count) in [
            ("take", some(|act| matches!(act, Act::Take { .. }))),
            ("seats", some(|act| matches!(act, Act::Seats(_)))),
            ("go", some(|act| matches!(act, Act::Go))),
            ("stay", some(|act| matches!(act, Act::Stay))),
            ("get back", some(|act| matches!(act, Act::GetBack { .. }))),
        ] {
            assert!(count >= 2, "{what}: {count}");
        }
    }
}
