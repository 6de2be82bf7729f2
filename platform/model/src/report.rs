//! Says what was found, as Markdown: the part of `docs/model.md` between two marks.

use std::fmt::{self, Write};

use crate::explore::{Explored, Mutant, Protocol};

/// Where what is derived begins, and where it ends.
const BEGIN: &str = "<!-- Written by `cargo run -p annals-model --example derive`, up to the next mark: change the models. -->\n";
const END: &str = "<!-- The end of what is written. -->\n";

/// What exploring one part has shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The part's name.
    pub part: &'static str,
    /// The protocol.
    pub protocol: Protocol,
    /// Its mutants.
    pub mutants: Vec<Mutant>,
}

impl Found {
    /// Explores `part`.
    pub fn of(part: &dyn Explored) -> Self {
        Self { part: part.name(), protocol: part.protocol(), mutants: part.mutants() }
    }
}

/// `page` with what was found between its marks; `None` where it has none.
pub fn renewed(page: &str, found: &[Found]) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{}\n{END}{after}", tables(found)))
}

/// What holds, and what each mistake breaks.
fn tables(found: &[Found]) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = laws(&mut text, found).and_then(|()| text.write_char('\n')).and_then(|()| mutants(&mut text, found));
    text
}

fn laws(text: &mut String, found: &[Found]) -> fmt::Result {
    writeln!(text, "| part | states | what holds in each of them |\n|---|---:|---|")?;
    for Found { part, protocol, .. } in found {
        writeln!(text, "| {part} | {} | {} |", grouped(protocol.states), protocol.laws.join("<br>"))?;
    }
    let all = found.iter().map(|found| found.protocol.states).sum();
    writeln!(text, "| all | {} | |", grouped(all))
}

fn mutants(text: &mut String, found: &[Found]) -> fmt::Result {
    writeln!(text, "| part | mistake | what falls | steps | a shortest way there | states until then |\n|---|---|---|---:|---|---:|")?;
    for Found { part, mutants, .. } in found {
        for Mutant { mistake, broken, states } in mutants {
            let (law, steps, way) = broken
                .as_ref()
                .map_or(("**nothing**", 0, String::new()), |broken| (broken.law, broken.steps.len(), broken.steps.join(" → ")));
            writeln!(text, "| {part} | {mistake} | {law} | {steps} | {way} | {} |", grouped(*states))?;
        }
    }
    Ok(())
}

/// `1234567` as `1,234,567`.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_between_the_marks_is_replaced_and_nothing_else() {
        let page = format!("before\n{BEGIN}what was\n{END}after\n");
        let renewed = renewed(&page, &[]).unwrap();
        assert!(renewed.starts_with(&format!("before\n{BEGIN}")) && renewed.ends_with(&format!("{END}after\n")), "{renewed}");
        assert!(!renewed.contains("what was"), "{renewed}");
    }

    #[test]
    fn a_page_without_marks_is_left_alone() {
        assert_eq!(renewed("a page\n", &[]), None);
    }

    #[test]
    fn numbers_are_grouped_by_threes() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
