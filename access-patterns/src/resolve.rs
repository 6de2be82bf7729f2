//! Resolves the names in a matrix file: every codec, table, index, entity and attribute that one part of it says of another.

use indexmap::IndexMap;
use toml::Spanned;

use crate::codec::{Codec, is_token};
use crate::entity::{Attribute, Entity, Kind};
use crate::matrix::Matrix;
use crate::problem::{At, Problems};
use crate::resolve_reads;
use crate::source;
use crate::spec::{self, KindOrCodec};
use crate::table::{Capacity, Index, KeyPart, Mode, Projection, Table};
use crate::template::Template;

pub(crate) fn matrix(file_name: &str, file: &source::File, problems: &mut Problems<'_>) -> Matrix {
    if file.format.get_ref() != "access-patterns/1" {
        problems.push(
            &file.format.span(),
            "format",
            format!("format \"{}\" is not known", file.format.get_ref()),
            "write format = \"access-patterns/1\"",
        );
    }
    let codecs: IndexMap<String, (Codec, At)> = file
        .codec
        .iter()
        .filter_map(|(name, codec)| Some((name.get_ref().clone(), (self::codec(codec, problems)?, name.span()))))
        .collect();
    let mut tables: Vec<Table> = file.table.iter().map(|(name, table)| self::table(name, table.get_ref(), problems)).collect();
    let entities: Vec<Entity> =
        file.entity.iter().map(|(name, entity)| self::entity(name, entity.get_ref(), &tables, &codecs, problems)).collect();
    for table in &mut tables {
        type_index_keys(table, &entities, problems);
    }
    let mut reads = IndexMap::new();
    for (name, source) in &file.pattern {
        if let Some(pattern) = resolve_reads::pattern(name, source.get_ref(), &tables, &entities, problems) {
            reads.insert(pattern.name.clone(), pattern);
        }
    }
    for (name, source) in &file.scan {
        if reads.contains_key(name.get_ref()) {
            problems.push(&name.span(), "name", format!("{} is a pattern and a scan", name.get_ref()), "give each its own name");
        }
        if let Some(scan) = resolve_reads::scan(name, source.get_ref(), &tables, problems) {
            reads.insert(scan.name.clone(), scan);
        }
    }
    let writes = file.write.iter().filter_map(|(name, write)| resolve_reads::write(name, write.get_ref(), &entities, problems)).collect();
    Matrix {
        file: file_name.to_owned(),
        service: file.service.get_ref().clone(),
        utilisation: *file.defaults.utilisation.get_ref(),
        prices: file.defaults.prices.get_ref().clone(),
        codecs,
        tables,
        entities,
        reads,
        writes,
    }
}

fn codec(source: &Spanned<source::Codec>, problems: &mut Problems<'_>) -> Option<Codec> {
    let (at, codec) = (source.span(), source.get_ref());
    let words = || {
        codec
            .of
            .as_ref()
            .and_then(|of| of.get_ref().as_array()?.iter().map(|word| word.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>())
    };
    let resolved = match (codec.r#as.get_ref().as_str(), codec.max, &codec.of) {
        ("uuid", None, None) => Some(Codec::Uuid),
        ("u64", None, None) => Some(Codec::U64),
        ("date", None, None) => Some(Codec::Date),
        ("ts-us", None, None) => Some(Codec::Time),
        ("token", Some(max), None) if max > 0 => Some(Codec::Token { max }),
        ("text", Some(max), None) if max > 0 => Some(Codec::Text { max }),
        ("enum", None, Some(_)) => words().filter(|of| !of.is_empty() && of.iter().all(|word| is_token(word))).map(|of| Codec::Enum { of }),
        ("shard", None, Some(of)) => {
            of.get_ref().as_integer().and_then(|of| u64::try_from(of).ok()).filter(|of| *of > 0).map(|of| Codec::Shard { of })
        }
        _ => None,
    };
    if resolved.is_none() {
        problems.push(
            &at,
            "codec",
            format!(
                "\"{}\" is not a codec with these settings; numbers with fractions and money have none, as they are never key parts",
                codec.r#as.get_ref()
            ),
            "use uuid, u64, date, ts-us, token or text with max, enum with of = [words of A-Z a-z 0-9 _ -], shard with of = count",
        );
    }
    resolved
}

fn table(name: &source::Text, table: &source::Table, problems: &mut Problems<'_>) -> Table {
    let mode = match table.mode.get_ref().as_str() {
        "on-demand" => Mode::OnDemand,
        "provisioned" => Mode::Provisioned,
        other => {
            problems.push(
                &table.mode.span(),
                "mode",
                format!("\"{other}\" is not a billing mode"),
                "use on-demand or provisioned; `annals matrix cost` compares them",
            );
            Mode::OnDemand
        }
    };
    if let Some(stream) = &table.stream
        && !["NEW_AND_OLD_IMAGES", "NEW_IMAGE", "OLD_IMAGE", "KEYS_ONLY"].contains(&stream.get_ref().as_str())
    {
        problems.push(
            &stream.span(),
            "stream",
            format!("\"{}\" is not a stream view", stream.get_ref()),
            "use NEW_AND_OLD_IMAGES, NEW_IMAGE, OLD_IMAGE or KEYS_ONLY",
        );
    }
    let parts = |names: &[source::Text]| names.iter().map(|name| KeyPart { attribute: name.get_ref().clone(), numeric: false }).collect();
    let indexes = table.index.iter().map(|(name, index)| Index {
        name: name.get_ref().clone(),
        at: name.span(),
        pk: parts(&index.get_ref().pk),
        sk: parts(&index.get_ref().sk),
        moving: index.get_ref().moving,
        projection: Projection::KeysOnly,
        capacity: Capacity::default(),
    });
    Table {
        name: name.get_ref().clone(),
        at: name.span(),
        pk: table.pk.get_ref().clone(),
        sk: table.sk.as_ref().map(|sk| sk.get_ref().clone()),
        mode,
        stream: table.stream.as_ref().map(|stream| stream.get_ref().clone()),
        pitr_days: table.pitr_days.as_ref().map(|days| *days.get_ref()),
        deletion_protection: table.deletion_protection,
        append_only: table.append_only,
        ttl: table.ttl.as_ref().map(|ttl| ttl.get_ref().clone()),
        indexes: indexes.collect(),
        capacity: Capacity::default(),
    }
}

fn entity(
    name: &source::Text,
    source: &source::Entity,
    tables: &[Table],
    codecs: &IndexMap<String, (Codec, At)>,
    problems: &mut Problems<'_>,
) -> Entity {
    if !tables.iter().any(|table| table.name == *source.table.get_ref()) {
        undefined(&source.table, "table", tables.iter().map(|table| table.name.as_str()), problems);
    }
    let mut attributes = IndexMap::new();
    for (stored, (attribute, text)) in source.parts.iter().map(|part| (false, part)).chain(source.attrs.iter().map(|attr| (true, attr))) {
        if attributes.contains_key(attribute.get_ref()) {
            problems.push(&attribute.span(), "name", format!("{} is a part and an attribute", attribute.get_ref()), "keep one of them");
        }
        if let Some(resolved) = self::attribute(attribute, text, stored, codecs, problems) {
            attributes.insert(attribute.get_ref().clone(), resolved);
        }
    }
    let mut keys = IndexMap::new();
    for (attribute, text) in &source.keys {
        let codec = |part: &str| hole(part, &attributes, name.get_ref());
        match Template::parse(text.get_ref(), codec) {
            Ok(template) => {
                keys.insert(attribute.get_ref().clone(), (template, text.span()));
            }
            Err(error) => {
                let start = text.span().start + 1 + error.offset;
                problems.push(&(start..start), "template", error.what, error.next);
            }
        }
    }
    Entity {
        name: name.get_ref().clone(),
        at: name.span(),
        table: source.table.get_ref().clone(),
        count: source.count,
        immutable: source.immutable,
        raw: source.raw.as_ref().map(|raw| raw.get_ref().clone()),
        keys,
        attributes,
    }
}

fn hole(part: &str, attributes: &IndexMap<String, Attribute>, entity: &str) -> Result<Codec, (String, String)> {
    match attributes.get(part) {
        Some(Attribute { codec: Some((_, codec)), .. }) => Ok(codec.clone()),
        Some(_) => Err((
            format!("{part} has no codec, so its key text has no agreed spelling or order"),
            "give it a codec from [codec] in place of a bare type".to_owned(),
        )),
        None => Err((
            format!("hole {{{part}}} is not a part or an attribute of {entity}"),
            format!("add {part} to attrs, or to parts where it exists in keys only"),
        )),
    }
}

fn attribute(
    name: &source::Text,
    text: &source::Text,
    stored: bool,
    codecs: &IndexMap<String, (Codec, At)>,
    problems: &mut Problems<'_>,
) -> Option<Attribute> {
    let spec = spec::attribute(text, problems)?;
    let (kind, codec, natural) = match spec.kind {
        KindOrCodec::Kind(kind) => (kind, None, if matches!(kind, Kind::Bool) { 1 } else { 8 }),
        KindOrCodec::Codec(word) => {
            let Some((codec, _)) = codecs.get(word) else {
                undefined(&Spanned::new(text.span(), word.to_owned()), "codec", codecs.keys().map(String::as_str), problems);
                return None;
            };
            let kind = if codec.is_numeric() { Kind::N } else { Kind::S };
            (kind, Some((word.to_owned(), codec.clone())), codec.max_native_width())
        }
    };
    let codec_width = codec.as_ref().map(|(_, codec): &(String, Codec)| codec.max_native_width());
    Some(Attribute {
        name: name.get_ref().clone(),
        at: name.span(),
        kind,
        codec,
        bytes: spec.bytes.unwrap_or(natural),
        most: spec.most.unwrap_or_else(|| largest(kind, codec_width, spec.bytes.unwrap_or(natural))),
        mutable: spec.mutable,
        optional: spec.optional,
        stored,
    })
}

/// The most bytes of a value that states no maximum: its codec's width, a number's 21, otherwise eight times the typical.
fn largest(kind: Kind, codec_width: Option<usize>, typical: usize) -> usize {
    match (codec_width, kind) {
        (Some(width), _) => width,
        (None, Kind::N) => 21,
        (None, Kind::Bool) => 1,
        (None, Kind::S | Kind::B | Kind::M | Kind::L) => 8 * typical,
    }
}

/// Gives each index key its DynamoDB type: text for templates, the attribute's own otherwise.
fn type_index_keys(table: &mut Table, entities: &[Entity], problems: &mut Problems<'_>) {
    for index in &mut table.indexes {
        for part in index.pk.iter_mut().chain(&mut index.sk) {
            let natives = entities.iter().filter(|entity| entity.table == table.name && !entity.keys.contains_key(&part.attribute));
            let kinds: Vec<&Attribute> =
                natives.filter_map(|entity| entity.attributes.get(&part.attribute)).filter(|attribute| attribute.stored).collect();
            let templated = entities.iter().any(|entity| entity.table == table.name && entity.keys.contains_key(&part.attribute));
            part.numeric = kinds.first().is_some_and(|attribute| attribute.kind == Kind::N);
            if let Some(other) =
                kinds.iter().find(|attribute| (attribute.kind == Kind::N) != part.numeric || (templated && attribute.kind == Kind::N))
            {
                problems.push(
                    &other.at,
                    "one type per key",
                    format!("{} keys index {} as text for one entity and as a number for another", part.attribute, index.name),
                    "give the attribute one codec in every entity of the table, or name it differently",
                );
            }
            for attribute in kinds.iter().filter(|attribute| attribute.codec.is_none()) {
                problems.push(
                    &attribute.at,
                    "codec",
                    format!("{} is a key of index {} but has no codec", attribute.name, index.name),
                    "give it a codec from [codec] in place of a bare type",
                );
            }
        }
    }
}

pub(crate) fn undefined<'n>(name: &source::Text, what: &str, known: impl Iterator<Item = &'n str>, problems: &mut Problems<'_>) {
    let known: Vec<&str> = known.collect();
    let next =
        if known.is_empty() { format!("define one under [{what}]") } else { format!("define it, or use one of {}", known.join(", ")) };
    problems.push(&name.span(), "undefined", format!("{what} {} is not defined", name.get_ref()), next);
}
