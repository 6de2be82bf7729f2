//! What the report says that is not measured: what was run, how each contestant was used, and what each guarantees.

/// The beginning.
pub const INTRODUCTION: &str = "\
One command runs the same work on Annals and on three event stores for DynamoDB that others have written, against the same embedded
DynamoDB, and writes this page and its charts:

```sh
(cd benches/peers && cargo run --release)            # all of it; needs Rust, a C compiler, Node and npm
(cd benches/peers && cargo run --release -- check)   # a small run: fails where Annals' costs, or anyone's verdict, are not as on this page
```

`benches/peers` is a workspace of its own, with its own lock file: nothing the peers depend on reaches the product. Capacity units are
what DynamoDB reports (ReturnConsumedCapacity, asked for on everyone's behalf before a request is signed) and hold on AWS as well. Times are of one
machine that others use at the same time: contestants take turns, another one first in each round, medians are shown, and **ratios are what to quote**.
";

/// How each was used.
pub const USE: &str = "\
An event is a JSON object of 200 bytes; a stream's state is a count, a sum and the last text, some 220 bytes. Each contestant is used as its own documentation says:

- **Annals**: `Streams::execute`, as its services do; one object a process, which keeps folded states warm. An hour passes between two commands of a stream. **Annals, busy day** is the same with
  10,000 commands of a stream within one day, all of which it must remember to answer a repeated command alike.
- **cqrs-es** with dynamo-es: `CqrsFramework::execute` on a `PersistedEventStore`, once without snapshots (`new_event_store`) and once with
  (`new_snapshot_store`, every 100 events as in its documentation). It loads the aggregate for every command: warm is cold.
- **event-store-adapter** (event-store-adapter-rs): the repository of its README; a snapshot every 32 events, as its documentation leaves the
  number to the user. A caller that still holds an aggregate stores without loading: that is warm. It stores one event a call, so five events are five calls.
- **castore**: `EventStore` and `Command` over `DynamoDBSingleTableEventStorageAdapter`, in Node; five events by `pushEventGroup`. It has neither
  snapshots nor read models (\"not implemented in Castore yet\"). A caller that still holds the version pushes without fetching: that is warm.

The peers' clients are the SDKs as AWS gives them, retries included; Annals' client does not retry, as Annals does so itself. Callers behave alike: a
lost race is tried again at once, and a command that ended in an error is handed over again, three times in all, as a queue would.
Contestants of Rust are measured in process and, as castore must be, over loopback. Everyone's table of events has a stream of changes, without
which nothing can follow events on AWS: it costs no capacity units, and the embedded database a record for each item.
";

/// What each guarantees.
pub const GUARANTEES: &str = "\
| | Annals | cqrs-es | event-store-adapter | castore |
|---|---|---|---|---|
| events of one command are stored all or none | yes, one item of at most 400 KB | yes, a transaction of at most 25 (24 with snapshots) | one event a call | one, or a group of at most 100 in a transaction |
| a lost race is told, or tried again | decides again by itself, ten times | told | told | tries again, twice |
| a command that is asked for again takes effect once | for 24 hours, by its id | no ids | no ids | no ids |
| an answer that is lost | read back: written, not written, or said to be unknown | the SDK's idempotency token, while the SDK itself retries | as cqrs-es | the SDK retries the put, which then looks like a lost race |
| a refusal is judged by the newest state | yes: a strong read before any refusal | not with snapshots: events after one are read eventually consistent | yes, if the caller loads before | yes, if the caller loads before |
| history cannot be changed by the writer's role | yes: `dynamodb:PartiQLInsert` alone | needs `PutItem` | needs `PutItem` and `UpdateItem` | needs `PutItem` |
| each commit carries the hash of the one before | yes | no | no | no |
| tenant, actor, correlation and cause of each commit | yes | metadata, if the caller gives any | no | metadata, if the caller gives any |
| total order over streams | yes: the ledger | no | no | no |
| streams of more than 1 MB | pages are followed | without snapshots only the first page is read | pages are followed | pages are followed |
| read models, and building them anew | yes | yes, event by event | no | no |

No peer has the same guarantees; of those that store several events at once, cqrs-es comes nearest. A sceptic should read the costs below with this table beside them.
";

/// Why Annals is not first where it is not.
pub const WHY: &str = "\
Warm, which is how a function that has handled the stream before works, Annals writes without reading. Cold it reads two commits, one of them with a snapshot,
in one query, however long the stream. A store without snapshots reads, on a stream of ten events, ten items with less in each: that is about as fast, and
rows that are near have changed sides from one run to the next, most of all over loopback, where both ends and the database share two processors. Reading everything
is a strongly consistent scan, at twice the RCU of the eventual one that cqrs-es makes, of items with more in each: who did it, for whom, by which command, what
came before, and in every second one a snapshot: some 170 bytes stored an event, and no write unit (ADR 25).

For one event castore writes as few capacity units as Annals: one item under a kilobyte is the floor for anyone. It stores fewer bytes for it, too, as
do the others: a commit of Annals has some 200 bytes that say who did it, for whom, by which command, and what came before (`platform/log/src/commit.rs`).
On a busy day Annals' snapshots hold every command of the last 24 hours, five bytes each: that is what answering a repeated command alike costs,
and no peer does it.
";
