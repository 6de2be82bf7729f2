//! What a work tree says of a service: its streams, its matrix, and what its projector stands on.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use access_patterns::Matrix;

use super::refused;
use crate::outcome::CouldNotTell;

/// What the kit keeps beside every row, as entities of the service's matrix.
const KEPT: [&str; 4] = ["Stamp", "Contribution", "Total", "Pointer"];
/// What the written files use, beside the domain's crate.
const USED: [&str; 7] = ["annals-harness", "annals-kit", "annals-projection", "chrono", "proptest", "serde", "serde_dynamo"];

/// A service as its files have it.
pub(super) struct Service {
    pub(super) name: String,
    pub(super) streams: Vec<Stream>,
    pub(super) matrix: Matrix,
    root: PathBuf,
}

/// Streams of one type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stream {
    /// `INV`.
    pub(super) code: String,
    /// `InvoiceEvent`.
    pub(super) event: String,
    /// The domain's module that has it: `invoice`.
    pub(super) module: String,
    /// `INVOICE_ISSUED` and so on, as they are declared.
    pub(super) event_types: Vec<String>,
}

impl Service {
    /// The service of this name in the work tree at `root`, if a projection can be added to it.
    pub(super) fn read(root: &Path, name: &str) -> Result<Self, CouldNotTell> {
        for folder in ["access-patterns", "domain", "projectors"] {
            if !root.join(folder).is_dir() {
                let what = format!("{} is no work tree of Annals: it has no folder {folder}", root.display());
                return Err(refused(what, "name the work tree with --root"));
            }
        }
        let services = folders(&root.join("projectors"))?;
        if !services.iter().any(|service| service == name) {
            return Err(refused(format!("there is no service `{name}`"), format!("services here: {}", services.join(", "))));
        }
        let service = Self { name: name.to_owned(), streams: streams(root, name)?, matrix: matrix(root, name)?, root: root.to_owned() };
        service.stands_on_all()?;
        Ok(service)
    }

    /// The streams of this type; without one, those that most projections of the service read.
    pub(super) fn stream(&self, code: Option<&str>) -> Result<&Stream, CouldNotTell> {
        let all = || self.streams.iter().map(|stream| stream.code.as_str()).collect::<Vec<_>>().join(", ");
        let stream = match code {
            None => self.most_read()?.ok_or_else(|| {
                refused("it is not clear which streams the projection shall read", format!("name them with --stream: {}", all()))
            }),
            Some(code) => {
                let found = self.streams.iter().find(|stream| stream.code == code);
                found.ok_or_else(|| refused(format!("{} has no streams of type `{code}`", self.name), format!("its types: {}", all())))
            }
        }?;
        let golden = format!("domain/{}/tests/golden", self.name);
        let kept = files(&self.root.join(&golden)).unwrap_or_default();
        let has = |event_type: &String| kept.iter().any(|file| named(file).starts_with(&format!("{event_type}-")));
        match stream.event_types.iter().find(|event_type| !has(event_type)) {
            Some(lacking) => Err(refused(format!("{golden} has no stored {lacking}, and tests tell stories of them"), "add it first")),
            None => Ok(stream),
        }
    }

    /// The folder of its projector.
    pub(super) fn folder(&self) -> String {
        format!("projectors/{}", self.name)
    }

    /// The package of its projector.
    pub(super) fn package(&self) -> String {
        format!("{}-projectors", self.name)
    }

    /// The text of one of its files.
    pub(super) fn text(&self, path: &str) -> Result<String, CouldNotTell> {
        text(&self.root.join(path))
    }

    /// Whether something is at this path.
    pub(super) fn has(&self, path: &str) -> bool {
        self.root.join(path).exists()
    }

    /// The texts of its projector.
    pub(super) fn sources(&self) -> Result<Vec<String>, CouldNotTell> {
        let sources = files(&self.root.join(self.folder()).join("src"))?;
        sources.iter().filter(|path| is_rust(path)).map(|path| text(path)).collect()
    }

    fn most_read(&self) -> Result<Option<&Stream>, CouldNotTell> {
        if let [only] = &self.streams[..] {
            return Ok(Some(only));
        }
        let sources = self.sources()?;
        let readers = |stream: &Stream| {
            let constant = stream_type(&stream.code);
            sources.iter().map(|source| source.matches(&constant).count()).sum::<usize>()
        };
        let mut by_readers: BTreeMap<usize, Vec<&Stream>> = BTreeMap::new();
        self.streams.iter().for_each(|stream| by_readers.entry(readers(stream)).or_default().push(stream));
        Ok(by_readers.pop_last().and_then(|(_, most)| if let [one] = most[..] { Some(one) } else { None }))
    }

    /// What totals and rows need: the kit's entities, and the crates that the written files use.
    fn stands_on_all(&self) -> Result<(), CouldNotTell> {
        let entities: Vec<_> = KEPT.into_iter().filter(|entity| self.matrix.entity(entity).is_none()).collect();
        if !entities.is_empty() {
            let what = format!("access-patterns/{}.toml lacks what projections keep beside their rows: {}", self.name, entities.join(", "));
            let next = "take their entities, codecs, patterns and writes over from billing.toml, derive, and feed the followers from the reconciler as \
                        projectors/billing/src/handler.rs does";
            return Err(refused(what, next));
        }
        let manifest = format!("{}/Cargo.toml", self.folder());
        let lines = self.text(&manifest)?;
        let has = |name: &str| lines.lines().any(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['.', ' ', '='])));
        let lacking: Vec<_> = USED.into_iter().chain([self.name.as_str()]).filter(|name| !has(name)).collect();
        match lacking.is_empty() {
            true => Ok(()),
            false => Err(refused(format!("{manifest} lacks {}", lacking.join(", ")), "add them as projectors/billing/Cargo.toml has them")),
        }
    }
}

fn stream_type(code: &str) -> String {
    format!("const STREAM_TYPE: &'static str = \"{code}\";")
}

/// The streams of a service's aggregates, in the order of their files' names.
fn streams(root: &Path, service: &str) -> Result<Vec<Stream>, CouldNotTell> {
    let source = root.join("domain").join(service).join("src");
    let mut modules: BTreeMap<String, String> = BTreeMap::new();
    for path in rust_below(&source)? {
        let below = path.strip_prefix(&source).unwrap_or(&path).with_extension("");
        let module = below.components().next().map(|first| first.as_os_str().to_string_lossy().into_owned()).unwrap_or_default();
        modules.entry(module).or_default().push_str(&text(&path)?);
    }
    let streams: Vec<Stream> = modules.iter().flat_map(|(module, text)| aggregates(module, text)).collect();
    match streams.is_empty() {
        true => Err(refused(format!("{} has no aggregate, whose streams could be read", source.display()), "write the domain first")),
        false => Ok(streams),
    }
}

fn aggregates(module: &str, text: &str) -> Vec<Stream> {
    let after = |text: &str, before: &str, end: char| Some(text.split_once(before)?.1.split_once(end)?.0.to_owned());
    let aggregate = |body: &str| {
        let (code, event) = (after(body, "const STREAM_TYPE: &'static str = \"", '"')?, after(body, "type Event = ", ';')?);
        let (_, schemas) = text.split_once(&format!("impl Event for {event} "))?;
        let schemas = schemas.split_once("];").map_or(schemas, |(list, _)| list);
        let event_types = schemas.split("event_type: \"").skip(1).filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())).collect();
        Some(Stream { code, event, module: module.to_owned(), event_types })
    };
    text.split("impl Aggregate for ").skip(1).filter_map(aggregate).collect()
}

fn matrix(root: &Path, service: &str) -> Result<Matrix, CouldNotTell> {
    let file = format!("{service}.toml");
    let text = text(&root.join("access-patterns").join(&file))?;
    Matrix::parse(&file, &text).map_err(|errors| refused(errors, "mend the matrix first"))
}

fn text(path: &Path) -> Result<String, CouldNotTell> {
    fs::read_to_string(path).map_err(|error| refused(format!("{}: {error}", path.display()), "make it readable"))
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, CouldNotTell> {
    let read = fs::read_dir(folder).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>, _>>());
    let mut paths = read.map_err(|error| refused(format!("{}: {error}", folder.display()), "make it readable"))?;
    paths.sort();
    Ok(paths)
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, CouldNotTell> {
    Ok(entries(folder)?.into_iter().filter(|path| path.is_file()).collect())
}

fn folders(folder: &Path) -> Result<Vec<String>, CouldNotTell> {
    Ok(entries(folder)?.iter().filter(|path| path.is_dir()).map(|path| named(path)).collect())
}

fn rust_below(folder: &Path) -> Result<Vec<PathBuf>, CouldNotTell> {
    let mut all = vec![];
    for path in entries(folder)? {
        match path.is_dir() {
            true => all.extend(rust_below(&path)?),
            false => all.extend(is_rust(&path).then_some(path)),
        }
    }
    Ok(all)
}

fn is_rust(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "rs")
}

fn named(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
