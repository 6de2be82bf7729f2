//! Every rule refuses some matrix: each row breaks the museum's in one place and names the rule, the place and the words that must come of it.

use access_patterns::Matrix;

const MUSEUM: &str = include_str!("fixtures/museum.toml");

/// A matrix broken in one place.
struct Broken {
    name: &'static str,
    /// What is replaced, once.
    old: &'static str,
    new: &'static str,
    rule: &'static str,
    /// The text at which the problem is reported, in the broken matrix.
    at: &'static str,
    /// Words of what is wrong or what to do.
    says: &'static str,
}

#[rustfmt::skip]
const BROKEN: &[Broken] = &[
    Broken { name: "a hole that nothing fills", old: r#"PK = "EX#{id}", SK = "META""#, new: r#"PK = "EX#{ident}", SK = "META""#, rule: "template", at: "{ident}", says: "hole {ident} is not a part or an attribute of Exhibit" },
    Broken { name: "a hole without a codec", old: r#"GSI1SK = "EX#{made_on}#{id}""#, new: r#"GSI1SK = "EX#{title}""#, rule: "template", at: "{title}", says: "no agreed spelling or order" },
    Broken { name: "money in a key", old: r#"PK = "EX#{id}", SK = "META""#, new: r#"PK = "EX#{price}", SK = "META""#, rule: "template", at: "{price}", says: "price has no codec" },
    Broken { name: "a decimal codec", old: r#"Day = { as = "date" }"#, new: r#"Day = { as = "decimal" }"#, rule: "codec", at: r#"{ as = "decimal" }"#, says: "money have none" },
    Broken { name: "two holes without a delimiter", old: r#"GSI1SK = "EX#{made_on}#{id}""#, new: r#"GSI1SK = "EX#{made_on}{id}""#, rule: "template", at: "{made_on}{id}", says: "put # between" },
    Broken { name: "a literal with an escape character", old: r#"SK = "NOTE#{number}""#, new: r#"SK = "NO$TE#{number}""#, rule: "template", at: "NO$TE", says: "neither a word" },
    Broken { name: "an enum word with a delimiter", old: r#""loan-out""#, new: r#""loan#out""#, rule: "codec", at: r#"{ as = "enum", of = ["loan", "loan#out""#, says: "words of A-Z" },
    Broken { name: "an index that no pattern reads", old: "[table.museum.index]\n", new: "[table.museum.index]\nIdle = { pk = [\"idle\"] }\n", rule: "index unused", at: "Idle", says: "every write pays" },
    Broken { name: "an entity that no pattern reads", old: "[pattern]\n", new: "[entity.Ghost]\ntable = \"museum\"\ncount = 1\nkeys = { PK = \"GHOST#{id}\", SK = \"META\" }\nattrs = { id = \"Uuid\" }\n\n[pattern]\n", rule: "entity unreached", at: "Ghost", says: "no pattern reads Ghost" },
    Broken { name: "a codec that nothing uses", old: "[codec]\n", new: "[codec]\nIdle = { as = \"date\" }\n", rule: "codec unused", at: "Idle", says: "nothing is spelt" },
    Broken { name: "a table that nothing lives in", old: "[codec]\n", new: "[table.empty]\npk = \"PK\"\nmode = \"on-demand\"\nstream = \"KEYS_ONLY\"\npitr_days = 1\n\n[codec]\n", rule: "table unused", at: "empty", says: "no entity lives in empty" },
    Broken { name: "two entities with one key space", old: r##"PK = "TAG#{owner}#{label}#{given_on}", SK = "META""##, new: r##"PK = "EX#{owner}", SK = "META""##, rule: "key spaces meet", at: "Tag]", says: "same key in museum" },
    Broken { name: "two entities with one key space in an index", old: r##"GSI1SK = "TAG#{label}#{given_on}""##, new: r##"GSI1SK = "EX#{given_on}#{label}""##, rule: "key spaces meet", at: "Tag]", says: "same key in GSI1" },
    Broken { name: "a hole that can spell another entity's word", old: r#"SK = "NOTE#{number}""#, new: r#"SK = "{text}""#, rule: "template", at: "{text}", says: "codec" },
    Broken { name: "a filter", old: r#"of = "Exhibit", index = "GSI1", where = "owner =, made_on >=""#, new: r#"of = "Exhibit", index = "GSI1", where = "owner =, title =, made_on >=""#, rule: "filter", at: "title =, made_on >=", says: "would need a filter" },
    Broken { name: "a condition on nothing", old: r#"where = "owner =, made_on >=""#, new: r#"where = "owner =, colour =, made_on >=""#, rule: "undefined", at: "colour =", says: "colour is nothing of Exhibit" },
    Broken { name: "a query of every partition", old: r#"where = "owner =, made_on >=""#, new: r#"where = "made_on >=""#, rule: "partition", at: "list_exhibits_since", says: "every partition" },
    Broken { name: "a range of partitions", old: r#"where = "owner =, made_on >=""#, new: r#"where = "owner >=, made_on =""#, rule: "partition", at: "owner >=", says: "a Query names one partition" },
    Broken { name: "a GetItem without its whole key", old: r#"of = "Tag", where = "owner =, label =, given_on =""#, new: r#"of = "Tag", where = "owner =, label =""#, rule: "partition", at: "get_tag", says: "given_on" },
    Broken { name: "a GetItem of a range", old: r#"get_exhibit = { op = "GetItem", of = "Exhibit", where = "id =""#, new: r#"get_exhibit = { op = "GetItem", of = "Note", where = "id =, number >=""#, rule: "whole key", at: "number >=", says: "names one item" },
    Broken { name: "a GetItem of an index", old: r#"op = "Query", of = "Exhibit", index = "GSI1", where = "owner =, made_on =, id <=?""#, new: r#"op = "GetItem", of = "Exhibit", index = "GSI1", where = "owner =, made_on =, id =""#, rule: "operation", at: "list_exhibits_of_day", says: "no GetItem of an index" },
    Broken { name: "a condition after a range", old: r#"where = "owner =, label >=""#, new: r#"where = "owner =, label >=, given_on =""#, rule: "left prefix", at: "given_on =\", reads = [\"label\", \"given_on\"]", says: "given_on comes after label" },
    Broken { name: "a condition after a gap", old: r#"where = "owner =, made_on =, id <=?""#, new: r#"where = "owner =, id <=""#, rule: "left prefix", at: "id <=", says: "id comes after made_on" },
    Broken { name: "a required condition after an optional one", old: r#"where = "owner =, label =, given_on between?""#, new: r#"where = "owner =, label =?, given_on between""#, rule: "left prefix", at: "given_on between", says: "may be left out" },
    Broken { name: "an exclusive bound", old: r#"where = "owner =, made_on >=""#, new: r#"where = "owner =, made_on >""#, rule: "where", at: "made_on >", says: "neighbouring value" },
    Broken { name: "both ends apart", old: r#"where = "id =, number >=""#, new: r#"where = "id =, number >=, number <=""#, rule: "where", at: "number <=", says: "use between" },
    Broken { name: "a range that runs into a neighbour", old: r#"SK = "NOTE#{number}""#, new: r#"SK = "{number}""#, rule: "leaves its entity", at: "list_notes ", says: "can read into items of Exhibit" },
    Broken { name: "a list that is the whole partition", old: r##"GSI1SK = "TAG#{label}#{given_on}""##, new: r##"GSI1SK = "{label}#{given_on}""##, rule: "leaves its entity", at: "list_tags_from", says: "can read into items of Exhibit" },
    Broken { name: "a read of what is not there", old: r#"reads = ["id", "title", "price"]"#, new: r#"reads = ["id", "colour"]"#, rule: "reads", at: r#"["id", "colour"]"#, says: "reads colour" },
    Broken { name: "a strong read of an index", old: r#"reads = ["id", "made_on"], rate"#, new: r#"reads = ["id", "made_on"], consistency = "strong", rate"#, rule: "strong index", at: "list_exhibits_since", says: "DynamoDB cannot" },
    Broken { name: "two types for one index key", old: r#"made_on = "Day", title"#, new: r#"made_on = "Day", actor = "Number", recorded_at = "Time", title"#, rule: "one type per key", at: r#"actor = "Owner"#, says: "as a number for another" },
    Broken { name: "an entity in an index by accident", old: r#"number = "Number", text"#, new: r#"number = "Number", actor = "Owner", recorded_at = "Time", text"#, rule: "index by accident", at: "Note]", says: "has entries in ByActor" },
    Broken { name: "half an index key", old: r#"SK = "NOTE#{number}" }"#, new: r#"SK = "NOTE#{number}", GSI1PK = "N#{id}" }"#, rule: "key missing", at: "Note]", says: "no GSI1SK" },
    Broken { name: "no sort key", old: r#"PK = "EX#{id}", SK = "NOTE#{number}""#, new: r#"PK = "EX#{id}""#, rule: "not in the index", at: "\"Note\", where = \"id =\"", says: "Note has no SK, so it is not in museum" },
    Broken { name: "a key of no index", old: r#"SK = "NOTE#{number}" }"#, new: r#"SK = "NOTE#{number}", GSI2PK = "N#{id}" }"#, rule: "key unknown", at: r#""N#{id}""#, says: "GSI2PK" },
    Broken { name: "something that changes in a key", old: r#"id = "Uuid", number = "Number""#, new: r#"id = "Uuid", number = "Number mut""#, rule: "mutable key", at: r#"number = "Number mut""#, says: "would have to move" },
    Broken { name: "something that changes as an index key", old: r#"actor = "Owner:8 optional""#, new: r#"actor = "Owner:8 optional mut""#, rule: "mutable key", at: "actor =", says: "actor of Event" },
    Broken { name: "something that may be absent in a key", old: r#"owner = "Owner:12", made_on"#, new: r#"owner = "Owner:12 optional", made_on"#, rule: "optional key", at: r#"owner = "Owner:12 optional""#, says: "may be absent" },
    Broken { name: "work that moves in an index that does not", old: ", moving = true", new: "", rule: "mutable key", at: "clean_on =", says: "say moving = true" },
    Broken { name: "too wide a partition key", old: r#"Owner = { as = "text", max = 40 }"#, new: r#"Owner = { as = "text", max = 700 }"#, rule: "limit", at: r##""OWNER#{owner}""##, says: "can be 2106 bytes; DynamoDB allows 2048" },
    Broken { name: "too wide a sort key", old: r#"Label = { as = "text", max = 60 }"#, new: r#"Label = { as = "text", max = 340 }"#, rule: "limit", at: r##""TAG#{label}#{given_on}""##, says: "can be 1035 bytes; DynamoDB allows 1024" },
    Broken { name: "too large an item", old: r#"body = "B:40""#, new: r#"body = "B:40/500000""#, rule: "limit", at: "Entry]", says: "DynamoDB holds 409600" },
    Broken { name: "too many parts in an index key", old: r#"pk = ["kind", "subject"], sk = ["recorded_at", "version"]"#, new: r#"pk = ["kind", "subject", "day", "shard", "tenant"], sk = ["recorded_at", "version"]"#, rule: "limit", at: "ByTime", says: "allows 1 to 4" },
    Broken { name: "a list without pages", old: r#"reads = ["id"], rate = [1, 2], items = [5, 500], pages = 10"#, new: r#"reads = ["id"], rate = [1, 2], items = [5, 500]"#, rule: "unbounded list", at: "list_exhibits_of_day", says: "500 items in one piece" },
    Broken { name: "a key read too often", old: r#"pages = 10, hottest = 0.6"#, new: r#"pages = 10, hottest = 1.1e4"#, rule: "hot key", at: "events_of_actor", says: "a partition serves 3000" },
    Broken { name: "a key written too often", old: r#"put_exhibit = { op = "PutItem", rate = [1, 2]"#, new: r#"put_exhibit = { op = "PutItem", hottest = 1.0, rate = [1, 1001]"#, rule: "hot key", at: "put_exhibit", says: "a partition takes 1000" },
    Broken { name: "several items without a transaction", old: r#"op = "TransactWriteItems""#, new: r#"op = "PutItem""#, rule: "write", at: "record_sale", says: "several items with PutItem" },
    Broken { name: "a write that says nothing", old: r#"items = [{ put = "Exhibit" }]"#, new: r#"items = [{ sets = ["title"] }]"#, rule: "write", at: "put_exhibit", says: "does not say what is done" },
    Broken { name: "an append-only table with time-to-live", old: "append_only = true\n", new: "append_only = true\nttl = \"gone_at\"\n", rule: "append only", at: "museum-log]", says: "time-to-live" },
    Broken { name: "an append-only table whose items change", old: "count = 100\nimmutable = true", new: "count = 100", rule: "append only", at: "Entry]", says: "may change" },
    Broken { name: "a put into an append-only table", old: r#"items = [{ insert = "Entry" }]"#, new: r#"items = [{ put = "Entry" }]"#, rule: "append only", at: "append_entry", says: "other than by insert" },
    Broken { name: "a table without a stream", old: "mode = \"provisioned\"\nstream = \"NEW_AND_OLD_IMAGES\"\n", new: "mode = \"provisioned\"\n", rule: "stream", at: "museum]", says: "has no stream" },
    Broken { name: "a table without recovery", old: "pitr_days = 35\nappend_only", new: "append_only", rule: "recovery", at: "museum-log]", says: "cannot be recovered" },
    Broken { name: "a fan-out over no shard", old: r#"fanout = "shard""#, new: r#"fanout = "day""#, rule: "fan-out", at: r#""day", reads"#, says: "not a shard" },
    Broken { name: "one read under two names", old: "[scan]\n", new: "get_exhibit_again = { op = \"GetItem\", of = \"Exhibit\", where = \"id =\", reads = [\"price\", \"title\", \"id\"], rate = [1, 2] }\n\n[scan]\n", rule: "same read", at: "get_exhibit_again", says: "send the same requests" },
    Broken { name: "an operation that is no read", old: r#"get_tag = { op = "GetItem""#, new: r#"get_tag = { op = "Scan""#, rule: "operation", at: r#""Scan""#, says: "maintenance scans under [scan]" },
    Broken { name: "an index that is not there", old: r#"index = "ByDay", where"#, new: r#"index = "ByWeek", where"#, rule: "undefined", at: r#""ByWeek""#, says: "use one of GSI1, ByTime, ByDay, ByActor" },
    Broken { name: "an entity that is not there", old: r#"of = "Note", where = "id =", reads"#, new: r#"of = "Notes", where = "id =", reads"#, rule: "undefined", at: r#""Notes""#, says: "use one of Exhibit, Note" },
    Broken { name: "a codec that is not there", old: r#"number = "Number""#, new: r#"number = "Numeral""#, rule: "undefined", at: r#""Numeral""#, says: "codec Numeral is not defined" },
    Broken { name: "a setting that is not there", old: "append_only = true\n", new: "append_only = true\nencrypted = true\n", rule: "syntax", at: "encrypted", says: "unknown field" },
    Broken { name: "text that is not TOML", old: "[codec]\n", new: "[codec\n", rule: "syntax", at: "\nUuid =", says: "" },
    Broken { name: "another format", old: "access-patterns/1", new: "access-patterns/9", rule: "format", at: r#""access-patterns/9""#, says: "is not known" },
    Broken { name: "prices of nowhere", old: "us-east-1@2026-01", new: "atlantis@2026-01", rule: "prices", at: "", says: "use one of us-east-1@2026-01" },
    Broken { name: "more than all of the capacity", old: "utilisation = 0.7", new: "utilisation = 1.7", rule: "utilisation", at: "", says: "at most 1" },
];

#[test]
fn the_museum_is_sound() {
    Matrix::parse("museum.toml", MUSEUM).unwrap_or_else(|errors| panic!("{errors}"));
}

#[test]
fn every_broken_matrix_is_refused_for_its_own_reason_at_its_own_place() {
    let mut wrong = Vec::new();
    for broken in BROKEN {
        assert_eq!(MUSEUM.matches(broken.old).count(), 1, "{}: what it breaks is in the museum once", broken.name);
        let text = MUSEUM.replacen(broken.old, broken.new, 1);
        let start = text.find(broken.at).unwrap_or_else(|| panic!("{}: {:?} is in the broken matrix", broken.name, broken.at));
        let line = text[..start].matches('\n').count() + 1;
        let column = text[..start].rsplit('\n').next().unwrap().chars().count() + 1;
        match Matrix::parse("museum.toml", &text) {
            Ok(_) => wrong.push(format!("{}: was accepted", broken.name)),
            Err(errors) => {
                let fits = |p: &access_patterns::Problem| {
                    let said = p.what.contains(broken.says) || p.next.contains(broken.says);
                    (p.rule, p.line, p.column) == (broken.rule, line, column) && said && !p.next.is_empty()
                };
                if !errors.0.iter().any(fits) {
                    wrong.push(format!("{}: expected [{}] at {line}:{column}, but\n{errors}", broken.name, broken.rule));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {} broken matrices:\n\n{}", wrong.len(), BROKEN.len(), wrong.join("\n\n"));
}

/// What cannot be said by replacing one text.
#[test]
fn counts_beyond_what_aws_allows_are_refused() {
    let indexes: String = (0..21).map(|n| format!("I{n:02} = {{ pk = [\"id\"], sk = [\"made_on\"] }}\n")).collect();
    let patterns: String = (0..21)
        .map(|n| format!("by_{n} = {{ op = \"Query\", of = \"Exhibit\", index = \"I{n:02}\", where = \"id =\", reads = [\"title\"], rate = [1, 2], items = [1, 1] }}\n"))
        .collect();
    let text = MUSEUM
        .replace("[table.museum.index]\n", &format!("[table.museum.index]\n{indexes}"))
        .replace("[scan]\n", &format!("{patterns}\n[scan]\n"));
    refused(&text, "26 indexes; AWS allows 20");

    let wide: String = (0..101).map(|n| format!(", w{n} = \"S:1\"")).collect();
    let names: String = (0..101).map(|n| format!(", \"w{n}\"")).collect();
    let text = MUSEUM
        .replace(", title = \"S:20 mut\"", &format!(", title = \"S:20 mut\"{wide}"))
        .replace("\"made_on\", \"title\"]", &format!("\"made_on\", \"title\"{names}]"));
    refused(&text, "AWS allows 100 in all");

    let items = "{ put = \"Event\" }, ".repeat(101);
    refused(&MUSEUM.replace("items = [{ put = \"Event\" }, ", &format!("items = [{items}")), "a transaction takes 100");
    let large = MUSEUM.replace("payload = \"S:80\"", "payload = \"S:80/390000\"");
    let items = "{ put = \"Event\" }, ".repeat(11);
    refused(&large.replace("items = [{ put = \"Event\" }, ", &format!("items = [{items}")), "a transaction takes 4194304");
}

#[track_caller]
fn refused(text: &str, says: &str) {
    match Matrix::parse("museum.toml", text) {
        Ok(_) => panic!("accepted, though {says}"),
        Err(errors) => assert!(errors.to_string().contains(says), "{errors}"),
    }
}

#[test]
fn a_problem_reads_as_one_place_and_one_thing_to_do() {
    let errors =
        Matrix::parse("museum.toml", &MUSEUM.replace("append_only = true\n", "append_only = true\nttl = \"gone_at\"\n")).unwrap_err();
    assert_eq!(
        errors.to_string(),
        "museum.toml:21:8: museum-log is append only, but time-to-live on gone_at deletes from it [append only]\n  next: remove ttl"
    );
}
