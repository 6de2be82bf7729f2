//! The lines that existing files get: into sorted blocks, chains and sections as they stand. `None` where there is no such place.

/// Among lines that begin with `prefix`, such as `pub mod `, in their order.
pub(super) fn into_sorted(text: &str, prefix: &str, line: &str) -> Option<String> {
    let lines: Vec<&str> = text.lines().collect();
    let block: Vec<usize> = (0..lines.len()).filter(|&at| lines[at].starts_with(prefix)).collect();
    let last = *block.last()?;
    let at = block.into_iter().find(|&at| lines[at] > line).unwrap_or(last + 1);
    Some(with_line(&lines, at, line))
}

/// After the last link of a chain of calls that begins with `.call::<`, such as `.with_totals`, or else with the first of `others` that has any.
pub(super) fn into_chain(text: &str, calls: &[&str], link: &str) -> Option<String> {
    let lines: Vec<&str> = text.lines().collect();
    let is_link = |line: &str, call: &str| line.trim_start().starts_with(&format!("{call}::<")) && line.ends_with("()");
    let last = calls.iter().find_map(|call| lines.iter().rposition(|line| is_link(line, call)))?;
    let indent = &lines[last][..lines[last].len() - lines[last].trim_start().len()];
    Some(with_line(&lines, last + 1, &format!("{indent}{link}")))
}

/// Into a table of contents, `//! - ...`, before the line that begins with `before`, or else at its end.
pub(super) fn into_contents(text: &str, before: &str, line: &str) -> Option<String> {
    let lines: Vec<&str> = text.lines().collect();
    let end = lines.iter().rposition(|line| line.starts_with("//! - "))? + 1;
    let at = lines.iter().position(|line| line.starts_with(before)).unwrap_or(end);
    Some(with_line(&lines, at, line))
}

/// Before a section of a matrix, and the comments that stand directly above it.
pub(super) fn before_section(text: &str, header: &str, block: &str) -> Option<String> {
    let lines: Vec<&str> = text.lines().collect();
    let header = lines.iter().position(|line| *line == header)?;
    let comments = lines[..header].iter().rev().take_while(|line| line.starts_with('#')).count();
    Some(with_line(&lines, header - comments, block))
}

/// At the end of a section of a matrix.
pub(super) fn at_end_of_section(text: &str, header: &str, line: &str) -> Option<String> {
    let lines: Vec<&str> = text.lines().collect();
    let begin = lines.iter().position(|line| *line == header)? + 1;
    let length = lines[begin..].iter().position(|line| line.starts_with('[')).unwrap_or(lines.len() - begin);
    let is_entry = |line: &&str| !line.is_empty() && !line.starts_with('#');
    let at = lines[begin..begin + length].iter().rposition(is_entry).map_or(begin, |last| begin + last + 1);
    Some(with_line(&lines, at, line))
}

/// The lines with one more before the line at `at`, each with its end.
fn with_line(lines: &[&str], at: usize, line: &str) -> String {
    let all = lines[..at].iter().chain([&line]).chain(&lines[at..]);
    all.flat_map(|line| [*line, "\n"]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_goes_to_its_place_in_a_sorted_block() {
        let text = "//! Docs.\n\nmod a;\nmod c;\n\nuse a::b;\n";
        for (line, after) in [("mod b;", "mod a;\n"), ("mod d;", "mod c;\n")] {
            assert!(into_sorted(text, "mod ", line).unwrap().contains(&format!("{after}{line}\n")));
        }
        assert!(into_sorted(text, "mod ", "mod A;").unwrap().starts_with("//! Docs.\n\nmod A;\nmod a;"));
        assert_eq!(into_sorted(text, "pub mod ", "pub mod b;"), None);
    }

    #[test]
    fn a_link_follows_its_like_or_the_other_links() {
        let text = "    Projector::new(deps)\n        .with::<A>()\n        .with_totals::<B>()\n}\n";
        let with = |calls: &[&str]| into_chain(text, calls, ".x::<X>()").unwrap();
        assert!(with(&[".with_totals", ".with"]).ends_with(".with_totals::<B>()\n        .x::<X>()\n}\n"));
        assert!(with(&[".with_rows", ".with"]).contains(".with::<A>()\n        .x::<X>()\n        .with_totals"));
        assert_eq!(into_chain("    Projector::new(deps)\n", &[".with"], ".x::<X>()"), None);
    }

    #[test]
    fn a_section_keeps_its_comments() {
        let text =
            "[entity.A]\ncount = 1\n\n# B is.\n# Two lines.\n[entity.B]\n\n[pattern]\na = 1\n# c\nb = 2\n\n# Next.\n[write]\nw = 1\n";
        assert!(before_section(text, "[entity.B]", "[entity.N]\n").unwrap().contains("count = 1\n\n[entity.N]\n\n# B is.\n# Two"));
        assert!(at_end_of_section(text, "[pattern]", "n = 3").unwrap().contains("b = 2\nn = 3\n\n# Next.\n[write]"));
        assert!(at_end_of_section(text, "[write]", "n = 3").unwrap().ends_with("[write]\nw = 1\nn = 3\n"));
        assert_eq!(at_end_of_section(text, "[scan]", "n = 3"), None);
    }
}
