//! The expressions and statements of requests, as far as the pipeline writes them: conditions, key conditions, updates and projections over attributes at
//! the top of an item. Each is parsed once. Whatever is not known here is a panic: a simulation must not guess what DynamoDB would do.
//!
//! Source: Amazon DynamoDB Developer Guide, "Condition and filter expressions, operators, and functions", "Update expressions".

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use annals_reads::Item;
use aws_sdk_dynamodb::types::AttributeValue;

/// The names and values that a request gives to its expressions.
#[derive(Clone, Copy, Debug, Default)]
pub struct Given<'a> {
    names: Option<&'a HashMap<String, String>>,
    values: Option<&'a Item>,
}

/// A condition.
#[derive(Debug)]
enum Condition {
    Any(Vec<Self>),
    All(Vec<Self>),
    Exists(String),
    Absent(String),
    Compares(Operand, Comparison, Operand),
    Between(Operand, Operand, Operand),
    BeginsWith(Operand, Operand),
}

/// How two values compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// What a condition compares.
#[derive(Debug)]
enum Operand {
    Attribute(String),
    Value(String),
}

/// What an update does, in the order of its clauses.
#[derive(Debug)]
enum Change {
    Set(String, Sum),
    Add(String, String),
    Remove(String),
}

/// What an attribute is set to: the sum of these.
#[derive(Debug)]
struct Sum(Vec<Term>);

#[derive(Debug)]
enum Term {
    Operand(Operand),
    /// The attribute, or this where the item has none.
    IfNotExists(String, Operand),
}

/// Everything that was parsed.
#[derive(Debug, Default)]
pub struct Parsed {
    conditions: Cache<Condition>,
    updates: Cache<Vec<Change>>,
}

#[derive(Debug)]
struct Cache<T>(Mutex<HashMap<String, Arc<T>>>);

impl<T> Default for Cache<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Cache<T> {
    fn get(&self, expression: &str, parse: impl FnOnce(&mut Tokens<'_>) -> T) -> Arc<T> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(parsed) = known.get(expression) {
            return parsed.clone();
        }
        let mut tokens = Tokens::of(expression);
        let parsed = Arc::new(parse(&mut tokens));
        assert!(tokens.peek().is_none(), "`{expression}` has more than is known here");
        known.insert(expression.to_owned(), parsed.clone());
        parsed
    }
}

impl<'a> Given<'a> {
    /// These names and values.
    pub fn new(names: &'a Option<HashMap<String, String>>, values: &'a Option<Item>) -> Self {
        Self { names: names.as_ref(), values: values.as_ref() }
    }

    fn name<'n>(&self, name: &'n str) -> &'n str
    where
        'a: 'n,
    {
        if !name.starts_with('#') {
            return name;
        }
        self.names.and_then(|names| names.get(name)).unwrap_or_else(|| panic!("{name} stands for nothing"))
    }

    fn value(&self, name: &str) -> &'a AttributeValue {
        self.values.and_then(|values| values.get(name)).unwrap_or_else(|| panic!("{name} stands for nothing"))
    }

    fn operand<'i>(&self, operand: &'i Operand, item: Option<&'i Item>) -> Option<&'i AttributeValue>
    where
        'a: 'i,
    {
        match operand {
            Operand::Attribute(name) => item?.get(self.name(name)),
            Operand::Value(name) => Some(self.value(name)),
        }
    }
}

impl Parsed {
    /// Whether a condition holds of an item; where there is none, it does.
    pub fn holds(&self, condition: Option<&str>, given: Given<'_>, item: Option<&Item>) -> bool {
        condition.is_none_or(|condition| self.conditions.get(condition, |tokens| tokens.condition()).holds(given, item))
    }

    /// Changes an item as an update says. Every value is of the item as it was before.
    pub fn update(&self, expression: &str, given: Given<'_>, item: &mut Item) {
        let before = item.clone();
        for change in self.updates.get(expression, |tokens| tokens.update()).iter() {
            match change {
                Change::Set(name, sum) => drop(item.insert(given.name(name).to_owned(), sum.of(given, &before))),
                Change::Add(name, value) => {
                    let name = given.name(name);
                    let sum = number(given.value(value)) + before.get(name).map_or(0, number);
                    item.insert(name.to_owned(), AttributeValue::N(sum.to_string()));
                }
                Change::Remove(name) => drop(item.remove(given.name(name))),
            }
        }
    }

    /// The keys that a key condition names, of a table whose keys are `PK` and `SK`.
    pub fn range(&self, expression: &str, given: Given<'_>) -> Range {
        let parsed = self.conditions.get(expression, |tokens| tokens.condition());
        let mut range = Range { pk: String::new(), sk: vec![] };
        let of = |operand: &Operand| match operand {
            Operand::Value(name) => text(given.value(name)).to_owned(),
            Operand::Attribute(name) => given.name(name).to_owned(),
        };
        let parts = if let Condition::All(parts) = &*parsed { parts.as_slice() } else { std::slice::from_ref(&*parsed) };
        for part in parts {
            match part {
                Condition::Compares(key, Comparison::Equal, value) if of(key) == "PK" => range.pk = of(value),
                Condition::Compares(_, comparison, value) => range.sk.push(Bound::Compares(*comparison, of(value))),
                Condition::Between(_, first, last) => range
                    .sk
                    .extend([Bound::Compares(Comparison::GreaterOrEqual, of(first)), Bound::Compares(Comparison::LessOrEqual, of(last))]),
                Condition::BeginsWith(_, prefix) => range.sk.push(Bound::BeginsWith(of(prefix))),
                _ => panic!("`{expression}` is no key condition"),
            }
        }
        range
    }
}

/// What a projection shows of an item; where there is none, all of it.
pub fn project(projection: Option<&str>, given: Given<'_>, item: &Item) -> Item {
    let Some(projection) = projection else { return item.clone() };
    let names = projection.split(',').map(|name| given.name(name.trim()));
    names.filter_map(|name| Some((name.to_owned(), item.get(name)?.clone()))).collect()
}

/// The table and the names of the attributes, in the order of their values, of `INSERT INTO "<table>" VALUE {'<name>': ?, …}`: the one
/// statement that the pipeline makes.
pub fn insertion(statement: &str) -> Option<(&str, impl Iterator<Item = &str>)> {
    let (table, rest) = statement.strip_prefix("INSERT INTO \"")?.split_once('"')?;
    Some((table, rest.split('\'').skip(1).step_by(2)))
}

/// One partition key, and a range of sort keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    /// The partition key.
    pub pk: String,
    sk: Vec<Bound>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Bound {
    Compares(Comparison, String),
    BeginsWith(String),
}

impl Range {
    /// Whether a sort key is in it.
    pub fn has(&self, sk: &str) -> bool {
        self.sk.iter().all(|bound| match bound {
            Bound::Compares(comparison, key) => comparison.holds(sk.cmp(key)),
            Bound::BeginsWith(prefix) => sk.starts_with(prefix.as_str()),
        })
    }

    /// No sort key in it is before this one.
    pub fn first(&self) -> &str {
        let least = self.sk.iter().map(|bound| match bound {
            Bound::Compares(Comparison::Less | Comparison::LessOrEqual | Comparison::Unequal, _) => "",
            Bound::Compares(_, key) | Bound::BeginsWith(key) => key.as_str(),
        });
        least.max().unwrap_or_default()
    }
}

impl Comparison {
    fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::Equal => ordering.is_eq(),
            Self::Unequal => ordering.is_ne(),
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
        }
    }
}

impl Condition {
    fn holds(&self, given: Given<'_>, item: Option<&Item>) -> bool {
        let value = |operand| given.operand(operand, item);
        match self {
            Self::Any(conditions) => conditions.iter().any(|condition| condition.holds(given, item)),
            Self::All(conditions) => conditions.iter().all(|condition| condition.holds(given, item)),
            Self::Exists(name) => item.is_some_and(|item| item.contains_key(given.name(name))),
            Self::Absent(name) => !item.is_some_and(|item| item.contains_key(given.name(name))),
            // An attribute that is not there is unequal to everything, and compares in no other way.
            Self::Compares(left, comparison, right) => match value(left).zip(value(right)) {
                Some((left, right)) => compare(left, right).map_or(*comparison == Comparison::Unequal, |found| comparison.holds(found)),
                None => *comparison == Comparison::Unequal,
            },
            Self::Between(middle, first, last) => {
                let from = value(first).zip(value(middle)).and_then(|(first, middle)| compare(first, middle));
                let until = value(middle).zip(value(last)).and_then(|(middle, last)| compare(middle, last));
                from.is_some_and(Ordering::is_le) && until.is_some_and(Ordering::is_le)
            }
            Self::BeginsWith(whole, prefix) => {
                value(whole).zip(value(prefix)).is_some_and(|(whole, prefix)| text(whole).starts_with(text(prefix)))
            }
        }
    }
}

impl Sum {
    fn of(&self, given: Given<'_>, item: &Item) -> AttributeValue {
        let value = |term: &Term| match term {
            Term::Operand(operand) => given.operand(operand, Some(item)).cloned(),
            Term::IfNotExists(name, operand) => item.get(given.name(name)).or_else(|| given.operand(operand, Some(item))).cloned(),
        };
        let value = |term| value(term).unwrap_or_else(|| panic!("{term:?} is not in the item"));
        match self.0.as_slice() {
            [one] => value(one),
            terms => AttributeValue::N(terms.iter().map(|term| number(&value(term))).sum::<i128>().to_string()),
        }
    }
}

/// How two values of one type compare; `None` of types that differ, or that have no order and differ.
fn compare(left: &AttributeValue, right: &AttributeValue) -> Option<Ordering> {
    match (left, right) {
        (AttributeValue::S(left), AttributeValue::S(right)) => Some(left.cmp(right)),
        (AttributeValue::N(_), AttributeValue::N(_)) => Some(number(left).cmp(&number(right))),
        (left, right) => (left == right).then_some(Ordering::Equal),
    }
}

fn number(value: &AttributeValue) -> i128 {
    let number = value.as_n().ok().and_then(|digits| digits.parse().ok());
    number.unwrap_or_else(|| panic!("{value:?} is no whole number"))
}

fn text(value: &AttributeValue) -> &str {
    value.as_s().unwrap_or_else(|_| panic!("{value:?} is no text"))
}

/// What is left of an expression.
struct Tokens<'e> {
    expression: &'e str,
    left: std::iter::Peekable<std::vec::IntoIter<&'e str>>,
}

impl<'e> Tokens<'e> {
    fn of(expression: &'e str) -> Self {
        let (mut tokens, mut rest) = (vec![], expression.trim_start());
        while let Some(first) = rest.chars().next() {
            let word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '#' | ':' | '-');
            let end = match first {
                '<' | '>' if rest[1..].starts_with(['=', '>']) => 2,
                _ if word(first) => rest.find(|c| !word(c)).unwrap_or(rest.len()),
                _ => first.len_utf8(),
            };
            let (token, more) = rest.split_at(end);
            tokens.push(token);
            rest = more.trim_start();
        }
        Self { expression, left: tokens.into_iter().peekable() }
    }

    fn peek(&mut self) -> Option<&'e str> {
        self.left.peek().copied()
    }

    fn next(&mut self) -> &'e str {
        let expression = self.expression;
        self.left.next().unwrap_or_else(|| panic!("`{expression}` ends too early"))
    }

    fn takes(&mut self, word: &str) -> bool {
        self.left.next_if(|token| token.eq_ignore_ascii_case(word)).is_some()
    }

    fn expect(&mut self, word: &str) {
        let (found, expression) = (self.next(), self.expression);
        assert!(found.eq_ignore_ascii_case(word), "`{expression}` has `{found}` where {word} should be");
    }

    fn condition(&mut self) -> Condition {
        let mut any = vec![self.all()];
        while self.takes("OR") {
            any.push(self.all());
        }
        if any.len() == 1 { any.remove(0) } else { Condition::Any(any) }
    }

    fn all(&mut self) -> Condition {
        let mut all = vec![self.one()];
        while self.takes("AND") {
            all.push(self.one());
        }
        if all.len() == 1 { all.remove(0) } else { Condition::All(all) }
    }

    fn one(&mut self) -> Condition {
        if self.takes("(") {
            let condition = self.condition();
            self.expect(")");
            return condition;
        }
        match self.peek() {
            Some("attribute_exists") => self.of_attribute(Condition::Exists),
            Some("attribute_not_exists") => self.of_attribute(Condition::Absent),
            Some("begins_with") => {
                self.next();
                self.expect("(");
                let whole = self.operand();
                self.expect(",");
                let prefix = self.operand();
                self.expect(")");
                Condition::BeginsWith(whole, prefix)
            }
            _ => self.comparison(),
        }
    }

    fn of_attribute(&mut self, make: impl FnOnce(String) -> Condition) -> Condition {
        self.next();
        self.expect("(");
        let name = self.next().to_owned();
        self.expect(")");
        make(name)
    }

    fn comparison(&mut self) -> Condition {
        let left = self.operand();
        let comparison = match self.next() {
            "=" => Comparison::Equal,
            "<>" => Comparison::Unequal,
            "<" => Comparison::Less,
            "<=" => Comparison::LessOrEqual,
            ">" => Comparison::Greater,
            ">=" => Comparison::GreaterOrEqual,
            between if between.eq_ignore_ascii_case("BETWEEN") => {
                let first = self.operand();
                self.expect("AND");
                return Condition::Between(left, first, self.operand());
            }
            other => panic!("`{}` has `{other}` where a comparison should be", self.expression),
        };
        Condition::Compares(left, comparison, self.operand())
    }

    fn operand(&mut self) -> Operand {
        let token = self.next().to_owned();
        if token.starts_with(':') { Operand::Value(token) } else { Operand::Attribute(token) }
    }

    fn update(&mut self) -> Vec<Change> {
        let mut changes = vec![];
        while let Some(clause) = self.left.next() {
            loop {
                let name = self.next().to_owned();
                changes.push(match clause.to_ascii_uppercase().as_str() {
                    "SET" => {
                        self.expect("=");
                        Change::Set(name, self.sum())
                    }
                    "ADD" => Change::Add(name, self.next().to_owned()),
                    "REMOVE" => Change::Remove(name),
                    other => panic!("`{}` has a clause {other}", self.expression),
                });
                if !self.takes(",") {
                    break;
                }
            }
        }
        changes
    }

    fn sum(&mut self) -> Sum {
        let mut terms = vec![self.term()];
        while self.takes("+") {
            terms.push(self.term());
        }
        Sum(terms)
    }

    fn term(&mut self) -> Term {
        if !self.takes("if_not_exists") {
            return Term::Operand(self.operand());
        }
        self.expect("(");
        let name = self.next().to_owned();
        self.expect(",");
        let otherwise = self.operand();
        self.expect(")");
        Term::IfNotExists(name, otherwise)
    }
}
