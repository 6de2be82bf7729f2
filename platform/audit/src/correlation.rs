//! Question 5: everything under one correlation id, across services, as a tree: commits, their events, the rows made of them, what they did
//! outside; and below an event the commits that it led to.

use std::collections::BTreeMap;

use annals_kit::{EventId, StreamId, Version};
use annals_ledger::Entry;
use annals_ledger::summary::Sought;
use annals_log::Commit;
use serde_json::Value;
use uuid::Uuid;

use crate::answer::{Cell, Column, Out, Said, columns};
use crate::history::{AuditError, History, Source};
use crate::merged::Merged;

/// A row for each node, parents before children.
pub(crate) const COLUMNS: &[Column] = columns![
    "depth": Integer, "node": Text, "id": Text, "because_of": Text, "service": Text, "stream": Text, "version": Integer, "position": Integer,
    "recorded_at": Time, "actor": Text, "what": Text, "detail": Json,
];

/// A commit of the tree.
struct Node<'a> {
    source: &'a Source<'a>,
    entry: Entry,
    commit: Commit,
}

/// Tells the tree, parents before children, siblings by when they were sequenced.
///
/// Cost: the ledgers' items that summaries do not rule out, the commits' items, and for each stream what its rows are. Memory: the tree.
pub(crate) async fn tell(history: &History, sources: &[Source<'_>], correlation: Uuid, out: &mut Out<'_>) -> Result<Said, AuditError> {
    let nodes = nodes(history, sources, correlation).await?;
    if nodes.is_empty() {
        return Ok(Said::no(format!("nothing belongs to {correlation}")));
    }
    let (mut children, mut roots) = (BTreeMap::<String, Vec<usize>>::new(), vec![]);
    let known: Vec<_> = nodes.iter().map(|node| (&node.commit.stream, node.commit.version)).collect();
    for (place, node) in nodes.iter().enumerate() {
        match &node.commit.causation {
            Some(cause) if known.contains(&(&cause.stream, cause.version)) => children.entry(cause.to_string()).or_default().push(place),
            // By nobody's event, or by one that belongs to something else.
            _ => roots.push(place),
        }
    }
    let mut newest = BTreeMap::<&StreamId, Version>::new();
    for node in &nodes {
        let version = newest.entry(&node.commit.stream).or_insert(node.commit.version);
        *version = node.commit.version.max(*version);
    }
    let mut tree = Tree { history, nodes: &nodes, children, newest, effects: 0, rows: 0 };
    for root in roots {
        tree.commit(root, out).await?;
    }
    let services: std::collections::BTreeSet<_> = nodes.iter().map(|node| node.source.service.name).collect();
    let (effects, rows) = (tree.effects, tree.rows);
    Ok(Said::yes(format!("{} commits in {} services, {rows} rows, {effects} effects", nodes.len(), services.len()))
        .with("commits", nodes.len() as u64)
        .with("rows", rows)
        .with("effects", effects))
}

async fn nodes<'a>(history: &History, sources: &'a [Source<'a>], correlation: Uuid) -> Result<Vec<Node<'a>>, AuditError> {
    let wanted = history.wanted().and(Sought::Correlation(correlation));
    let (mut merged, mut nodes) = (Merged::of_all(sources, &wanted).await?, vec![]);
    while let Some((source, entry)) = merged.next().await? {
        if let Some((commit, _)) = source.commits(&[&entry]).await?.pop().flatten() {
            nodes.push(Node { source, entry, commit });
        }
    }
    Ok(nodes)
}

/// The tree as it is told.
struct Tree<'a> {
    history: &'a History,
    nodes: &'a [Node<'a>],
    /// By the event that led to them.
    children: BTreeMap<String, Vec<usize>>,
    newest: BTreeMap<&'a StreamId, Version>,
    effects: u64,
    rows: u64,
}

impl Tree<'_> {
    /// Tells a commit and everything below it; what is to be told next is kept on a stack of its own, as trees may be deep.
    async fn commit(&mut self, root: usize, out: &mut Out<'_>) -> Result<(), AuditError> {
        let mut stack = vec![(root, 0u64)];
        while let Some((place, depth)) = stack.pop() {
            let node = &self.nodes[place];
            let cause = node.commit.causation.as_ref().map(EventId::to_string);
            let command = Cell::text(format!("command {}", node.commit.command));
            out.row(line(node, depth, "commit", key(&node.commit), Cell::of(cause), command, Cell::Nothing))?;
            let mut below = vec![];
            for (index, event) in node.commit.events.iter().enumerate() {
                let id = node.commit.event_id(index).to_string();
                let payload = Cell::Json(Value::Object(event.payload.clone()));
                out.row(line(node, depth + 1, "event", id.clone(), Cell::Nothing, Cell::text(&event.event_type), payload))?;
                if let Some(effect) = self.history.domain().effect(&node.commit.stream, event) {
                    self.effects += 1;
                    out.row(line(node, depth + 2, "effect", id.clone(), Cell::Nothing, effect.into(), Cell::Nothing))?;
                }
                below.extend(self.children.get(&id).into_iter().flatten().map(|child| (*child, depth + 2)));
            }
            self.derived(node, depth + 1, out).await?;
            stack.extend(below.into_iter().rev());
        }
        Ok(())
    }

    /// The rows of a stream, told below its newest commit of the tree.
    async fn derived(&mut self, node: &Node<'_>, depth: u64, out: &mut Out<'_>) -> Result<(), AuditError> {
        let Commit { stream, version, .. } = &node.commit;
        if self.newest.get(stream) != Some(version) {
            return Ok(());
        }
        let derived = self.history.domain().derived(stream, *version).await.map_err(|source| AuditError::Derived { source })?;
        for row in derived {
            self.rows += 1;
            let what = row.differs.map_or_else(|| "as the log folds to".to_owned(), |differs| format!("differs: {differs}"));
            out.row(line(node, depth, "row", row.projection, Cell::Nothing, what.into(), Cell::Nothing))?;
        }
        Ok(())
    }
}

fn key(commit: &Commit) -> String {
    format!("{}@{}", commit.stream, commit.version)
}

fn line(node: &Node<'_>, depth: u64, kind: &str, id: String, cause: Cell, what: Cell, detail: Cell) -> Vec<Cell> {
    vec![
        Cell::number(depth),
        Cell::text(kind),
        id.into(),
        cause,
        Cell::text(node.source.service.name),
        Cell::text(&node.commit.stream),
        Cell::number(node.commit.version.get()),
        Cell::number(node.entry.position.get()),
        node.commit.recorded_at.into(),
        Cell::text(&node.commit.actor),
        what,
        detail,
    ]
}
