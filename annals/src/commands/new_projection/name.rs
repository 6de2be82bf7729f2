//! A projection's name, and how it is spelt in each place.

use std::fmt;
use std::str::FromStr;

/// So that every line of the templates fits the width of a line.
const MOST: usize = 40;

/// Words of Rust: none can be a module's name.
const KEYWORDS: [&str; 52] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn", "else", "enum", "extern",
    "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv",
    "pub", "ref", "return", "self", "static", "struct", "super", "trait", "true", "try", "type", "typeof", "union", "unsafe", "unsized",
    "use", "virtual", "where", "while", "yield",
];

/// Such as `revenue-by-country`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name(String);

impl FromStr for Name {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_part = |part: &str| part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()) && !part.is_empty();
        let starts = text.starts_with(|first: char| first.is_ascii_lowercase());
        if !starts || !text.split('-').all(is_part) || text.len() > MOST {
            let form = format!("lowercase letters and digits, in words joined by `-`, at most {MOST} in all, such as revenue-by-country");
            return Err(format!("`{text}` is not a projection's name: {form}"));
        }
        let name = Self(text.to_owned());
        match KEYWORDS.contains(&name.snake().as_str()) {
            true => Err(format!("`{text}` is a word of Rust and cannot be a module's name")),
            false => Ok(name),
        }
    }
}

impl Name {
    /// `revenue_by_country`: modules, files, patterns.
    pub(super) fn snake(&self) -> String {
        self.0.replace('-', "_")
    }

    /// `RevenueByCountry`: types, entities.
    pub(super) fn pascal(&self) -> String {
        self.0.split('-').map(capitalized).collect()
    }

    /// `REVENUE-BY-COUNTRY`: the word that its rows' keys begin with.
    pub(super) fn key(&self) -> String {
        self.0.to_ascii_uppercase()
    }

    /// `Revenue by country`: the beginning of a sentence.
    pub(super) fn sentence(&self) -> String {
        capitalized(&self.words())
    }

    /// `revenue by country`.
    pub(super) fn words(&self) -> String {
        self.0.replace('-', " ")
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn capitalized(word: &str) -> String {
    let (first, rest) = word.split_at(1.min(word.len()));
    format!("{}{rest}", first.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_spelt_as_each_place_wants_it() {
        let name: Name = "revenue-by-2-letters".parse().unwrap();
        assert_eq!((name.snake().as_str(), name.pascal().as_str()), ("revenue_by_2_letters", "RevenueBy2Letters"));
        assert_eq!((name.key().as_str(), name.sentence().as_str()), ("REVENUE-BY-2-LETTERS", "Revenue by 2 letters"));
    }

    #[test]
    fn what_can_be_no_module_is_no_name() {
        for text in ["", "Revenue", "revenue_by_month", "2-letters", "a--b", "-a", "a-", "é", "a b", "match", "self", &"a".repeat(41)] {
            assert!(text.parse::<Name>().is_err(), "{text}");
        }
    }
}
