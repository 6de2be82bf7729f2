//! Resolves the names in a matrix file: every codec, table, index, entity and attribute that one part of it says of another.

use indexmap::IndexMap;
use toml::Spanned;

use crate::codec::{Codec, is_token};
use crate::entity::{Attribute, Entity, Kind};
use crate::matrix::Matrix;
use crate::pattern::{Change, KeyForm, Operation, Pattern, Write};
use crate::problem::{At, Problems};
use crate::projection;
use crate::source;
use crate::spec::{self, KindOrCodec};
use crate::table::{Capacity, Index, KeyPart, Mode, Projection, Table};
use crate::template::Template;

pub(crate) fn matrix(file_name: &str, text: &str, file: &source::File, problems: &mut Problems<'_>) -> Matrix {
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
        if let Some(pattern) = self::pattern(name, source.get_ref(), &tables, &entities, problems) {
            reads.insert(pattern.name.clone(), pattern);
        }
    }
    for (name, source) in &file.scan {
        if reads.contains_key(name.get_ref()) {
            problems.push(&name.span(), "name", format!("{} is a pattern and a scan", name.get_ref()), "give each its own name");
        }
        if let Some(scan) = scan(name, source.get_ref(), &tables, problems) {
            reads.insert(scan.name.clone(), scan);
        }
    }
    let writes = file.write.iter().filter_map(|(name, write)| self::write(name, write.get_ref(), &entities, problems)).collect();
    Matrix {
        file: file_name.to_owned(),
        text: text.to_owned(),
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
    Some(Attribute {
        name: name.get_ref().clone(),
        at: name.span(),
        kind,
        codec,
        bytes: spec.bytes.unwrap_or(natural),
        mutable: spec.mutable,
        optional: spec.optional,
        stored,
    })
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

fn pattern(
    name: &source::Text,
    source: &source::Pattern,
    tables: &[Table],
    entities: &[Entity],
    problems: &mut Problems<'_>,
) -> Option<Pattern> {
    let op = match source.op.get_ref().as_str() {
        "GetItem" => Operation::GetItem,
        "Query" => Operation::Query,
        other => {
            problems.push(
                &source.op.span(),
                "operation",
                format!("\"{other}\" is not an operation of a pattern: each is exactly one GetItem or Query"),
                "use GetItem or Query; declare maintenance scans under [scan]",
            );
            return None;
        }
    };
    let Some(entity) = entities.iter().find(|entity| entity.name == *source.of.get_ref()) else {
        undefined(&source.of, "entity", entities.iter().map(|entity| entity.name.as_str()), problems);
        return None;
    };
    let table = tables.iter().find(|table| table.name == entity.table)?;
    let index = match &source.index {
        Some(index) => match table.index(index.get_ref()) {
            Some(found) => Some(found),
            None => {
                undefined(index, "index", table.indexes.iter().map(|index| index.name.as_str()), problems);
                return None;
            }
        },
        None => None,
    };
    let (pk, sk): (Vec<&str>, Vec<&str>) = match index {
        Some(index) => {
            (index.pk.iter().map(|part| part.attribute.as_str()).collect(), index.sk.iter().map(|part| part.attribute.as_str()).collect())
        }
        None => (vec![table.pk.as_str()], table.sk.as_deref().into_iter().collect()),
    };
    let mut form = |attribute: &str| match key_form(entity, attribute) {
        Some(form) => Some((attribute.to_owned(), form)),
        None => {
            problems.push(
                &source.index.as_ref().map_or_else(|| source.of.span(), Spanned::span),
                "not in the index",
                format!(
                    "{} has no {attribute}, so it is not in {}",
                    entity.name,
                    index.map_or(table.name.as_str(), |index| index.name.as_str())
                ),
                format!("add {attribute} to the keys or attrs of [entity.{}]", entity.name),
            );
            None
        }
    };
    let pk = pk.into_iter().map(&mut form).collect::<Option<Vec<_>>>()?;
    let sk = sk.into_iter().map(&mut form).collect::<Option<Vec<_>>>()?;
    let strong = consistency(source.consistency.as_ref(), problems)?;
    let descending = match source.order.as_ref().map(|order| (order.get_ref().as_str(), order)) {
        None | Some(("asc", _)) => false,
        Some(("desc", _)) => true,
        Some((other, order)) => {
            problems.push(&order.span(), "order", format!("\"{other}\" is not an order"), "use asc or desc");
            return None;
        }
    };
    let fanout = match &source.fanout {
        None => None,
        Some(part) => match entity.attribute(part.get_ref()).and_then(Attribute::codec) {
            Some(Codec::Shard { of }) => Some((part.get_ref().clone(), *of)),
            _ => {
                problems.push(
                    &part.span(),
                    "fan-out",
                    format!("{} is not a shard of {}", part.get_ref(), entity.name),
                    "fan out over a part whose codec is a shard",
                );
                return None;
            }
        },
    };
    let mut key_attributes: Vec<String> = pk.iter().chain(&sk).map(|(attribute, _)| attribute.clone()).collect();
    let primary: Vec<String> = table.keys().map(str::to_owned).filter(|key| !key_attributes.contains(key)).collect();
    key_attributes.extend(primary);
    let mut pattern = Pattern {
        name: name.get_ref().clone(),
        at: name.span(),
        op,
        entity: Some(entity.name.clone()),
        table: table.name.clone(),
        index: index.map(|index| index.name.clone()),
        wheres: spec::wheres(&source.r#where, problems),
        pk,
        sk,
        key_attributes,
        descending,
        reads: spec::reads(&source.reads, problems),
        projection: None,
        strong,
        rate: *source.rate.get_ref(),
        items: source.items.as_ref().map_or([1, 1], |items| *items.get_ref()),
        pages: source.pages.as_ref().map(|pages| *pages.get_ref()),
        fanout,
        hottest: source.hottest.as_ref().map_or(0.01, |share| *share.get_ref()),
        why: None,
    };
    pattern.projection = projection::asked(&pattern, Some(entity));
    Some(pattern)
}

fn key_form(entity: &Entity, attribute: &str) -> Option<KeyForm> {
    if let Some(template) = entity.template(attribute) {
        return Some(KeyForm::Template(template.clone()));
    }
    let native = entity.attribute(attribute).filter(|attribute| attribute.stored)?;
    Some(KeyForm::Native { part: native.name.clone(), codec: native.codec()?.clone() })
}

fn scan(name: &source::Text, source: &source::Scan, tables: &[Table], problems: &mut Problems<'_>) -> Option<Pattern> {
    let Some(table) = tables.iter().find(|table| table.name == *source.table.get_ref()) else {
        undefined(&source.table, "table", tables.iter().map(|table| table.name.as_str()), problems);
        return None;
    };
    let a_second = source.per_day / 86_400.0;
    let mut scan = Pattern {
        name: name.get_ref().clone(),
        at: name.span(),
        op: Operation::Scan,
        entity: None,
        table: table.name.clone(),
        index: None,
        wheres: Vec::new(),
        pk: Vec::new(),
        sk: Vec::new(),
        key_attributes: table.keys().map(str::to_owned).collect(),
        descending: false,
        reads: spec::reads(&source.reads, problems),
        projection: None,
        strong: consistency(source.consistency.as_ref(), problems)?,
        rate: [a_second, a_second],
        items: [0, 0],
        pages: Some(1000),
        fanout: None,
        hottest: 0.0,
        why: Some(source.why.clone()),
    };
    scan.projection = projection::asked(&scan, None);
    Some(scan)
}

fn consistency(word: Option<&source::Text>, problems: &mut Problems<'_>) -> Option<bool> {
    match word.map(|word| (word.get_ref().as_str(), word)) {
        None | Some(("eventual", _)) => Some(false),
        Some(("strong", _)) => Some(true),
        Some((other, word)) => {
            problems.push(&word.span(), "consistency", format!("\"{other}\" is not a consistency"), "use eventual or strong");
            None
        }
    }
}

fn write(name: &source::Text, source: &source::Write, entities: &[Entity], problems: &mut Problems<'_>) -> Option<Write> {
    let mut items = Vec::new();
    for item in &source.items {
        let changes =
            [(Change::Insert, &item.insert), (Change::Put, &item.put), (Change::Update, &item.update), (Change::Delete, &item.delete)];
        let mut named = changes.iter().filter_map(|(change, entity)| Some((*change, entity.as_ref()?)));
        let (Some((change, entity)), None) = (named.next(), named.next()) else {
            problems.push(
                &name.span(),
                "write",
                format!("an item of {} does not say what is done to it", name.get_ref()),
                "write one of insert, put, update or delete = \"Entity\"",
            );
            return None;
        };
        if !entities.iter().any(|known| known.name == *entity.get_ref()) {
            undefined(entity, "entity", entities.iter().map(|entity| entity.name.as_str()), problems);
            return None;
        }
        items.push((change, entity.get_ref().clone(), item.sets.iter().map(|set| set.get_ref().clone()).collect()));
    }
    Some(Write {
        name: name.get_ref().clone(),
        at: name.span(),
        op: source.op.get_ref().clone(),
        rate: *source.rate.get_ref(),
        conflict: source.conflict,
        hottest: source.hottest.as_ref().map_or(0.01, |share| *share.get_ref()),
        items,
    })
}

fn undefined<'n>(name: &source::Text, what: &str, known: impl Iterator<Item = &'n str>, problems: &mut Problems<'_>) {
    let known: Vec<&str> = known.collect();
    let next =
        if known.is_empty() { format!("define one under [{what}]") } else { format!("define it, or use one of {}", known.join(", ")) };
    problems.push(&name.span(), "undefined", format!("{what} {} is not defined", name.get_ref()), next);
}
