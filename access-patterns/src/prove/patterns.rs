//! Each read is exactly one GetItem or Query, of a left prefix with at most one range, inside its entity.

use crate::matrix::Matrix;
use crate::pattern::{Comparison, KeyForm, Operation, Pattern, Where};
use crate::problem::{At, Problems};
use crate::prove::keys::may_meet;
use crate::template::{Segment, Template};

pub(crate) fn prove(matrix: &Matrix, problems: &mut Problems<'_>) {
    for pattern in matrix.patterns() {
        if pattern.strong && pattern.index.is_some() {
            let next = "read it eventually, or read the table and give min_version";
            problems.push(&pattern.at, "strong index", format!("{} reads an index strongly, which DynamoDB cannot", pattern.name), next);
        }
        known_names(matrix, pattern, problems);
        twice(pattern, problems);
        partition(pattern, problems);
        sort(pattern, problems);
        fan_out(pattern, problems);
        inside(matrix, pattern, problems);
    }
    for read in matrix.reads.values() {
        reads_exist(matrix, read, problems);
    }
    same(matrix, problems);
}

fn holes(forms: &[(String, KeyForm)]) -> Vec<&str> {
    forms.iter().flat_map(|(_, form)| form.parts()).collect()
}

fn known_names(matrix: &Matrix, pattern: &Pattern, problems: &mut Problems<'_>) {
    let in_keys: Vec<&str> = holes(&pattern.pk).into_iter().chain(holes(&pattern.sk)).collect();
    let place = pattern.index.as_deref().unwrap_or(&pattern.table);
    for (condition, at) in pattern.wheres.iter().filter(|(condition, _)| !in_keys.contains(&condition.name.as_str())) {
        let entity = pattern.entity.as_deref().unwrap_or_default();
        if matrix.entity(entity).is_some_and(|entity| entity.attribute(&condition.name).is_some()) {
            let what = format!(
                "{} is in no key of {entity} in {place}: {} would need a filter, which reads and bills what it drops",
                condition.name, pattern.name
            );
            problems.push(at, "filter", what, format!("key on it: an index whose template has {{{}}}", condition.name));
        } else {
            problems.push(
                at,
                "undefined",
                format!("{} is nothing of {entity}", condition.name),
                format!("use one of {}", in_keys.join(", ")),
            );
        }
    }
}

fn twice(pattern: &Pattern, problems: &mut Problems<'_>) {
    for (at, (condition, place)) in pattern.wheres.iter().enumerate() {
        if pattern.wheres[..at].iter().any(|(other, _)| other.name == condition.name) {
            problems.push(place, "where", format!("{} is restricted twice", condition.name), "use between for both ends");
        }
    }
}

fn partition(pattern: &Pattern, problems: &mut Problems<'_>) {
    for part in holes(&pattern.pk) {
        let fanned = pattern.fanout.as_ref().is_some_and(|(shard, _)| shard == part);
        match pattern.wheres.iter().find(|(condition, _)| condition.name == part) {
            Some((Where { comparison: Comparison::Equals, optional: false, .. }, _)) => {}
            Some((_, at)) => problems.push(
                at,
                "partition",
                format!("{part} is of the partition key: a Query names one partition"),
                format!("write {part} ="),
            ),
            None if fanned => {}
            None => {
                let next = format!("add {part} = to where, or fan out over it where it is a shard");
                problems.push(
                    &pattern.at,
                    "partition",
                    format!("{} does not say which {part}: it would read every partition", pattern.name),
                    next,
                );
            }
        }
    }
}

/// Walks the sort key from the left: equalities, then at most one range, then nothing.
fn sort(pattern: &Pattern, problems: &mut Problems<'_>) {
    let mut ended: Option<&str> = None;
    let mut may_be_absent = false;
    for part in holes(&pattern.sk) {
        let found = pattern.wheres.iter().find(|(condition, _)| condition.name == part);
        match (found, ended) {
            (Some((_, at)), Some(before)) => {
                let what = format!("{part} comes after {before} in the sort key, which is not fixed to one value");
                problems.push(at, "left prefix", what, format!("write {before} =, or put {part} first in the template"));
            }
            (Some((condition, at)), None) => {
                if may_be_absent && !condition.optional {
                    problems.push(
                        at,
                        "left prefix",
                        format!("{part} is required, but a condition before it may be left out"),
                        format!("write {part} with ?"),
                    );
                }
                may_be_absent |= condition.optional;
                if condition.comparison != Comparison::Equals {
                    ended = Some(part);
                }
                if pattern.op == Operation::GetItem && (condition.comparison != Comparison::Equals || condition.optional) {
                    problems.push(
                        at,
                        "whole key",
                        format!("a GetItem names one item, but {part} may have several values"),
                        format!("write {part} =, or op = \"Query\""),
                    );
                }
            }
            (None, _) => {
                if pattern.op == Operation::GetItem {
                    problems.push(
                        &pattern.at,
                        "whole key",
                        format!("{} does not say which {part}", pattern.name),
                        format!("add {part} = to where, or use op = \"Query\""),
                    );
                }
                ended = ended.or(Some(part));
            }
        }
    }
    if pattern.op == Operation::GetItem && pattern.index.is_some() {
        problems.push(&pattern.at, "operation", "DynamoDB has no GetItem of an index", "use op = \"Query\"");
    }
}

fn fan_out(pattern: &Pattern, problems: &mut Problems<'_>) {
    let Some((shard, _)) = &pattern.fanout else { return };
    if !holes(&pattern.pk).contains(&shard.as_str()) || pattern.op != Operation::Query {
        let what = format!("{} fans out over {shard}, which is not of its partition key", pattern.name);
        problems.push(&pattern.at, "fan-out", what, "fan out a Query over a shard in the partition key");
    }
    if pattern.wheres().any(|condition| condition.name == *shard) {
        problems.push(&pattern.at, "fan-out", format!("{shard} is fanned out over and restricted"), "take it from where");
    }
}

/// No other entity's items can be in what the query reads.
fn inside(matrix: &Matrix, pattern: &Pattern, problems: &mut Problems<'_>) {
    if pattern.op != Operation::Query {
        return;
    }
    let others = matrix.entities.iter().filter(|entity| entity.table == pattern.table && Some(&entity.name) != pattern.entity.as_ref());
    for other in others {
        let forms = |keys: &[(String, KeyForm)]| keys.iter().map(|(key, _)| other.key_form(key)).collect::<Option<Vec<_>>>();
        let (Some(pk), Some(sk)) = (forms(&pattern.pk), forms(&pattern.sk)) else { continue };
        let share_partition = pattern.pk.iter().zip(&pk).all(|((_, form), other)| may_meet(form, other));
        if share_partition && sort_reaches(pattern, &sk) {
            let what = format!("{} can read into items of {}, which share the partition", pattern.name, other.name);
            problems.push(&pattern.at, "leaves its entity", what, "start the sort key of one of them with another word");
        }
    }
}

/// Whether the fixed start of the sort key can be that of another entity's. Errs towards yes.
fn sort_reaches(pattern: &Pattern, others: &[KeyForm]) -> bool {
    for ((_, form), other) in pattern.sk.iter().zip(others) {
        let (KeyForm::Template(template), KeyForm::Template(other)) = (form, other) else { return true };
        let fixed = template.segments().iter().take_while(|segment| is_fixed(pattern, segment)).count();
        if !starts_may_meet(template, other, fixed) {
            return false;
        }
        if fixed < template.segments().len() {
            return true;
        }
    }
    true
}

fn is_fixed(pattern: &Pattern, segment: &Segment) -> bool {
    match segment {
        Segment::Literal(_) => true,
        Segment::Hole { part, .. } => pattern.wheres().any(|w| w.name == *part && w.comparison == Comparison::Equals && !w.optional),
    }
}

fn starts_may_meet(a: &Template, b: &Template, segments: usize) -> bool {
    if b.segments().len() < segments {
        return false;
    }
    a.start(segments).overlaps(&b.start(segments))
}

fn reads_exist(matrix: &Matrix, pattern: &Pattern, problems: &mut Problems<'_>) {
    let of: Vec<_> = matrix
        .entities
        .iter()
        .filter(|entity| entity.table == pattern.table && pattern.entity.as_ref().is_none_or(|name| *name == entity.name))
        .collect();
    for (name, at) in pattern.reads.iter().flatten() {
        let known =
            of.iter().any(|entity| entity.keys.contains_key(name) || entity.attribute(name).is_some_and(|attribute| attribute.stored));
        if !known {
            problems.push(
                at,
                "reads",
                format!("{} reads {name}, which its items do not have", pattern.name),
                "add it to the entity's attrs, or take it from reads",
            );
        }
    }
}

fn same(matrix: &Matrix, problems: &mut Problems<'_>) {
    let reads: Vec<&Pattern> = matrix.reads.values().collect();
    for (at, pattern) in reads.iter().enumerate() {
        if let Some(other) = reads[..at].iter().find(|other| other.sends_the_same(pattern)) {
            let at: &At = &pattern.at;
            problems.push(
                at,
                "same read",
                format!("{} and {} send the same requests", other.name, pattern.name),
                "keep one of them and add its rate",
            );
        }
    }
}
