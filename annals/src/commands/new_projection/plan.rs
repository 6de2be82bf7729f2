//! All that a new projection writes: decided before the first byte, and taken back where a write fails.

use std::fs;
use std::io::Write;
use std::path::Path;

use access_patterns::Matrix;

use super::name::Name;
use super::tree::{Service, Stream};
use super::{edits, refused};
use crate::cli::develop::Kind;
use crate::outcome::CouldNotTell;

/// The files, by path below the work tree.
pub(super) struct Plan {
    new: Vec<(String, String)>,
    changed: Vec<Changed>,
}

/// A file by path, what it was and what it becomes.
type Changed = (String, String, String);

/// The templates of a kind: the projection, and its test.
fn templates(kind: Kind) -> [&'static str; 2] {
    match kind {
        Kind::Totals => [include_str!("templates/totals.rs.txt"), include_str!("templates/totals_test.rs.txt")],
        Kind::Rows => [include_str!("templates/rows.rs.txt"), include_str!("templates/rows_test.rs.txt")],
        Kind::Set => [include_str!("templates/set.rs.txt"), include_str!("templates/set_test.rs.txt")],
    }
}

impl Plan {
    /// What is to be written; an error where one of the places is taken or not there.
    pub(super) fn of(service: &Service, stream: &Stream, name: &Name, kind: Kind) -> Result<Self, CouldNotTell> {
        let templates = templates(kind);
        is_free(service, name, templates[0])?;
        let (folder, snake) = (service.folder(), name.snake());
        let paths = [format!("{folder}/src/{snake}.rs"), format!("{folder}/tests/it/{snake}.rs")];
        if let Some(taken) = paths.iter().find(|path| service.has(path)) {
            return Err(refused(format!("{taken} is there already"), "choose another name"));
        }
        let fill = Fill::new(service, stream, name)?;
        let new = paths.into_iter().zip(templates.map(|template| sorted_imports(&fill.render(template)))).collect();
        let mut changed = vec![library(service, name)?, handler(service, name, kind)?, tests(service, name)?];
        if kind == Kind::Rows {
            changed.extend(matrix(service, &fill)?);
        }
        Ok(Self { new, changed })
    }

    /// Writes everything below `root`, or nothing; what was written, a line each.
    pub(super) fn carry_out(self, root: &Path) -> Result<Vec<String>, CouldNotTell> {
        let mut created = vec![];
        if let Err((path, error)) = self.write(root, &mut created) {
            self.take_back(root, &created);
            return Err(refused(format!("{path}: {error}"), "make that place free and writable"));
        }
        let new = self.new.iter().map(|(path, _)| format!("wrote    {path}"));
        Ok(new.chain(self.changed.iter().map(|(path, ..)| format!("changed  {path}"))).collect())
    }

    fn write<'p>(&'p self, root: &Path, created: &mut Vec<&'p str>) -> Result<(), (&'p str, std::io::Error)> {
        for (path, text) in &self.new {
            // Never over a file that is there, also where one came after the plan.
            let file = fs::OpenOptions::new().write(true).create_new(true).open(root.join(path));
            let mut file = file.map_err(|error| (path.as_str(), error))?;
            created.push(path);
            file.write_all(text.as_bytes()).map_err(|error| (path.as_str(), error))?;
        }
        self.changed.iter().try_for_each(|(path, _, text)| fs::write(root.join(path), text).map_err(|error| (path.as_str(), error)))
    }

    /// As far as the disk lets it: the error before it is the one to tell.
    fn take_back(&self, root: &Path, created: &[&str]) {
        for path in created {
            let _ = fs::remove_file(root.join(path));
        }
        for (path, before, _) in &self.changed {
            let _ = fs::write(root.join(path), before);
        }
    }
}

/// Neither the projections nor what the written files import has a name like it.
fn is_free(service: &Service, name: &Name, template: &str) -> Result<(), CouldNotTell> {
    let another = "choose another name";
    let constant = format!("const NAME: &'static str = \"{name}\";");
    if service.sources()?.iter().any(|source| source.contains(&constant)) {
        return Err(refused(format!("{} has a projection {name} already", service.name), another));
    }
    let pascal = name.pascal();
    let handler = service.text(&format!("{}/src/handler.rs", service.folder()))?;
    let imports: String = template.lines().filter(|line| line.starts_with("use ")).collect();
    let has_it = |text: &str| text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|word| word == pascal);
    if has_it(&handler) || has_it(&imports) || service.matrix.entity(&pascal).is_some() {
        return Err(refused(format!("`{name}` would be called {pascal} in code, and that is something else already"), another));
    }
    Ok(())
}

/// What stands in place of the templates' `@names@`.
struct Fill(Vec<(&'static str, String)>);

impl Fill {
    fn new(service: &Service, stream: &Stream, name: &Name) -> Result<Self, CouldNotTell> {
        let table = |entity: &str| {
            let found = service.matrix.entity(entity).map(|entity| entity.table().to_owned());
            found.ok_or_else(|| refused(format!("access-patterns/{}.toml has no entity {entity}", service.name), "add it first"))
        };
        let noun = stream.event.strip_suffix("Event").unwrap_or(&stream.event).to_ascii_lowercase();
        let article = if noun.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
        let event_type = |event_type: Option<&String>| event_type.cloned().unwrap_or_default();
        Ok(Self(vec![
            ("@service@", service.name.clone()),
            ("@domain@", service.name.replace('-', "_")),
            ("@projectors@", service.package().replace('-', "_")),
            ("@log@", table("Commit")?),
            ("@table@", table("Stamp")?),
            ("@module@", stream.module.clone()),
            ("@Event@", stream.event.clone()),
            ("@TYPE@", stream.code.clone()),
            ("@FIRST@", event_type(stream.event_types.first())),
            ("@LAST@", event_type(stream.event_types.last())),
            ("@noun@", noun),
            ("@article@", article.into()),
            ("@kebab@", name.to_string()),
            ("@snake@", name.snake()),
            ("@Pascal@", name.pascal()),
            ("@KEY@", name.key()),
            ("@Words@", name.sentence()),
        ]))
    }

    fn render(&self, template: &str) -> String {
        self.0.iter().fold(template.to_owned(), |text, (hole, value)| text.replace(hole, value))
    }
}

/// The imports in the order of rustfmt: it depends on the names.
fn sorted_imports(text: &str) -> String {
    let mut imports: Vec<&str> = text.lines().filter(|line| line.starts_with("use ")).collect();
    imports.sort();
    let mut imports = imports.into_iter();
    let sorted = text.lines().map(|line| if line.starts_with("use ") { imports.next().unwrap_or(line) } else { line });
    sorted.flat_map(|line| [line, "\n"]).collect()
}

/// Its module in the projector's lib.rs, and a line in the table of contents where there is one.
fn library(service: &Service, name: &Name) -> Result<Changed, CouldNotTell> {
    let (path, line) = (format!("{}/src/lib.rs", service.folder()), format!("pub mod {};", name.snake()));
    let before = service.text(&path)?;
    let after = edits::into_sorted(&before, "pub mod ", &line).ok_or_else(|| by_hand(&path, "line that begins with `pub mod `", &line))?;
    let contents = format!("//! - [`{}`]: {}", name.snake(), name.words());
    let after = edits::into_contents(&after, "//! - [`handler`]", &contents).unwrap_or(after);
    Ok((path, before, after))
}

/// Its import and its link in the chain that makes the projector.
fn handler(service: &Service, name: &Name, kind: Kind) -> Result<Changed, CouldNotTell> {
    let path = format!("{}/src/handler.rs", service.folder());
    let import = format!("use crate::{}::{};", name.snake(), name.pascal());
    let (calls, link) = match kind {
        Kind::Rows => ([".with_rows", ".with", ".with_totals"], format!(".with_rows::<{}>()", name.pascal())),
        Kind::Totals | Kind::Set => ([".with_totals", ".with_rows", ".with"], format!(".with_totals::<{}>()", name.pascal())),
    };
    let before = service.text(&path)?;
    let after = edits::into_sorted(&before, "use crate::", &import);
    let after = after.ok_or_else(|| by_hand(&path, "line that begins with `use crate::`", &import))?;
    let after = edits::into_chain(&after, &calls, &link);
    let after = after.ok_or_else(|| by_hand(&path, "line `.with::<..>()` of its own after `Projector::new(..)`", &link))?;
    Ok((path, before, after))
}

/// Its test in the projector's tests.
fn tests(service: &Service, name: &Name) -> Result<Changed, CouldNotTell> {
    let (path, line) = (format!("{}/tests/it/main.rs", service.folder()), format!("mod {};", name.snake()));
    let before = service.text(&path)?;
    let after = edits::into_sorted(&before, "mod ", &line).ok_or_else(|| by_hand(&path, "line that begins with `mod `", &line))?;
    Ok((path, before, after))
}

/// Its entity, read and write in the service's matrix, which is proven with them, and what is derived from that.
fn matrix(service: &Service, fill: &Fill) -> Result<Vec<Changed>, CouldNotTell> {
    let file = format!("{}.toml", service.name);
    let path = format!("access-patterns/{file}");
    let before = service.text(&path)?;
    let [entity, pattern, write] =
        [include_str!("templates/entity.toml.txt"), include_str!("templates/pattern.toml.txt"), include_str!("templates/write.toml.txt")]
            .map(|template| fill.render(template).strip_suffix('\n').unwrap_or_default().to_owned());
    let after =
        edits::before_section(&before, "[entity.Stamp]", &entity).ok_or_else(|| by_hand(&path, "section [entity.Stamp]", &entity))?;
    let after = edits::at_end_of_section(&after, "[pattern]", &pattern).ok_or_else(|| by_hand(&path, "section [pattern]", &pattern))?;
    let after = edits::at_end_of_section(&after, "[write]", &write).ok_or_else(|| by_hand(&path, "section [write]", &write))?;
    let matrix = Matrix::parse(&file, &after)
        .map_err(|errors| refused(format!("{path} would not hold:\n{errors}"), "choose another name, or mend the matrix"))?;
    let lock = service.text(&matrix.lock_path()).ok().and_then(|lock| serde_json::from_str(&lock).ok()).unwrap_or_default();
    if let [breach, ..] = &matrix.breaches(&lock)[..] {
        return Err(refused(format!("{path}: {breach}"), "see access-patterns/README.md, or choose another name"));
    }
    let derived = matrix.derive().into_iter().map(|file| (service.text(&file.path).unwrap_or_default(), file));
    let derived = derived.filter(|(before, file)| *before != file.content).map(|(before, file)| (file.path, before, file.content));
    Ok([(path, before, after)].into_iter().chain(derived).collect())
}

/// A file that is not as the others are: what is missing in it, and the line that would stand there.
fn by_hand(path: &str, place: &str, line: &str) -> CouldNotTell {
    refused(format!("{path} has no {place}"), format!("write it as billing has it; there belongs\n{line}"))
}
