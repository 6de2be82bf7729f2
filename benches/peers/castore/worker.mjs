// castore, as its documentation says it is used: an EventStore over the single-table DynamoDB adapter, and a Command that tries a lost race
// again. Reads a task a line and answers a line: see src/task.rs. Endpoint, region and credentials come from the environment.
//
// It has no snapshots ("not implemented in Castore yet") and no read models ("not implemented in Castore yet").
import { createInterface } from 'node:readline';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const { DynamoDBClient } = require('@aws-sdk/client-dynamodb');
const { Command, EventStore, EventType, tuple } = require('@castore/core');
const { DynamoDBSingleTableEventStorageAdapter } = require('@castore/event-storage-adapter-dynamodb');

const metered = process.env.PEERS_METERED === '1';
const NOTE_BYTES = 200;
const SUM_MODULO = 2 ** 40;
const CONFLICTS = 1000;
const DELIVERIES = 3;

const note = (tag) => ({ tag, text: 'x'.repeat(NOTE_BYTES - '{"tag":,"text":""}'.length - String(tag).length) });
const id = (stream) => {
  const hex = BigInt(stream).toString(16).padStart(32, '0');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
};
const reducer = (notebook, { aggregateId, version, payload }) => ({
  aggregateId,
  version,
  notes: (notebook?.notes ?? 0) + 1,
  sum: ((notebook?.sum ?? 0) + payload.tag) % SUM_MODULO,
  last: payload.text,
});

/// A store that shares nothing but the database with others: a client of its own, and what the caller still holds.
function make() {
  const client = new DynamoDBClient({ endpoint: process.env.AWS_ENDPOINT_URL, region: process.env.AWS_REGION });
  if (metered) {
    // Asks every call what it costs; nothing else changes.
    const ask = (next) => (args) => next({ ...args, input: { ReturnConsumedCapacity: 'TOTAL', ...args.input } });
    client.middlewareStack.add(ask, { step: 'initialize', name: 'askCapacity' });
  }
  const notebooks = new EventStore({
    eventStoreId: 'NOTE',
    eventTypes: [new EventType({ type: 'NOTED' })],
    reducer,
    eventStorageAdapter: new DynamoDBSingleTableEventStorageAdapter({ tableName: 'castore-events', dynamoDBClient: client }),
  });
  const push = async (aggregateId, version, tags) => {
    const events = tags.map((tag, i) => ({ aggregateId, version: version + 1 + i, type: 'NOTED', payload: note(tag) }));
    if (events.length === 1) await notebooks.pushEvent(events[0]);
    else await EventStore.pushEventGroup(...events.map((event) => notebooks.groupEvent(event)));
    return version + tags.length;
  };
  const write = new Command({
    commandId: 'WRITE',
    requiredEventStores: tuple(notebooks),
    handler: async ({ aggregateId, tags }, [store]) => {
      const { aggregate } = await store.getAggregate(aggregateId);
      return push(aggregateId, aggregate?.version ?? 0, tags);
    },
  });
  return { notebooks, write, push, held: new Map() };
}

async function append(store, { stream, tags, new: isNew }, memory) {
  const aggregateId = id(stream);
  const held = memory === 'warm' ? store.held.get(stream) : undefined;
  store.held.delete(stream);
  let version;
  // A stream that is begun, or an aggregate that the caller still holds, needs no fetch.
  if (isNew) version = await store.push(aggregateId, 0, tags);
  else if (held !== undefined) version = await store.push(aggregateId, held, tags);
  else version = await store.write.handler({ aggregateId, tags }, [store.notebooks]);
  store.held.set(stream, version);
}

const isConflict = (error) => error?.code === 'EventAlreadyExistsError';
const micros = (began) => Math.max(1, Math.round((performance.now() - began) * 1000));
const text = (error) => `${error?.name}: ${error?.message}`;

async function measure(store, { what, streams, ops, clients, first_tag, most_ms }) {
  const began = performance.now();
  const answer = { micros: [], failures: 0 };
  const client = async (number) => {
    const own = streams.filter((_, i) => i % clients === number);
    for (let i = 0; i < Math.floor(ops / clients); i += 1) {
      if (performance.now() - began > most_ms || own.length === 0) return;
      const stream = own[i % own.length];
      const tag = first_tag + (i * clients + number) * 10;
      const once = performance.now();
      try {
        if (what === 'load') await store.notebooks.getAggregate(id(stream));
        else if (what === 'create') await append(store, { stream: stream + tag, tags: [tag], new: true }, 'cold');
        else {
          const { notes, memory } = what.append;
          await append(store, { stream, tags: Array.from({ length: notes }, (_, n) => tag + n), new: false }, memory);
        }
        answer.micros.push(micros(once));
      } catch (error) {
        answer.failures += 1;
        answer.failed ??= text(error);
        return;
      }
    }
  };
  await Promise.all(Array.from({ length: clients }, (_, number) => client(number)));
  return { ...answer, elapsed_micros: micros(began) };
}

async function race({ stream, writers, each, first_tag }) {
  const stores = Array.from({ length: writers }, make);
  const answer = { micros: [], acknowledged: [], failures: 0, conflicts: 0 };
  const began = performance.now();
  // A caller that wants its command done: at once again after a lost race, and again, as a queue would, after an error.
  const insist = async (store, command) => {
    for (let lost = 0, errors = 0; ;) {
      try {
        return await append(store, command, 'warm');
      } catch (error) {
        if (isConflict(error) && lost < CONFLICTS) {
          lost += 1;
          answer.conflicts += 1;
        } else if (!isConflict(error) && errors + 1 < DELIVERIES) errors += 1;
        else throw error;
      }
    }
  };
  const writer = async (store, number) => {
    for (let i = 0; i < each; i += 1) {
      const tag = first_tag + number * 10000 + i;
      const once = performance.now();
      try {
        await insist(store, { stream, tags: [tag], new: false });
        answer.acknowledged.push(tag);
      } catch (error) {
        answer.failures += 1;
        answer.failed ??= text(error);
      }
      answer.micros.push(micros(once));
    }
  };
  await Promise.all(stores.map(writer));
  return { ...answer, elapsed_micros: micros(began) };
}

/// Streams are listed by the time of their first event, and fetched eight at a time.
async function readAll(store) {
  const ids = [];
  let pageToken;
  do {
    const page = await store.notebooks.listAggregateIds({ pageToken });
    ids.push(...page.aggregateIds.map(({ aggregateId }) => aggregateId));
    pageToken = page.nextPageToken;
  } while (pageToken !== undefined);
  let [count, next] = [0, 0];
  const fetcher = async () => {
    while (next < ids.length) {
      const { events } = await store.notebooks.getEvents(ids[next++]);
      count += events.length;
    }
  };
  await Promise.all(Array.from({ length: 8 }, fetcher));
  return { count };
}

/// No fetches, as the versions are known: eight streams at a time.
async function fill(store, { streams }) {
  let next = 0;
  const filler = async () => {
    while (next < streams.length) {
      const [stream, notes] = streams[next++];
      for (let tag = 0; tag < notes; tag += 1) await store.push(id(stream), tag, [tag]);
    }
  };
  await Promise.all(Array.from({ length: 8 }, filler));
  return {};
}

function resident() {
  const status = readFileSync('/proc/self/status', 'utf8');
  const of = (name) => Number(status.match(new RegExp(`^${name}:\\s+(\\d+)`, 'm'))?.[1] ?? 0);
  return { resident_kb: [of('VmRSS'), of('VmHWM')] };
}

async function run(store, task) {
  switch (task.task) {
    case 'fill': return fill(store, task);
    case 'measure': return measure(store, task);
    case 'race': return race(task);
    case 'once':
      await append(store, task.command, 'cold');
      return { acknowledged: task.command.tags };
    case 'state': {
      const { aggregate } = await store.notebooks.getAggregate(id(task.stream));
      return { state: aggregate ? { notes: aggregate.notes, sum: aggregate.sum, last: aggregate.last } : { notes: 0, sum: 0, last: '' } };
    }
    case 'history': {
      const { events } = await store.notebooks.getEvents(id(task.stream));
      return { tags: events.map(({ payload }) => payload.tag) };
    }
    case 'read-all': return readAll(store);
    case 'memory': return resident();
    // rebuild: there is no way.
    default: return {};
  }
}

const store = make();
for await (const line of createInterface({ input: process.stdin })) {
  const began = performance.now();
  let answer;
  try {
    answer = await run(store, JSON.parse(line));
  } catch (error) {
    answer = { failed: text(error), failures: 1 };
  }
  process.stdout.write(`${JSON.stringify({ elapsed_micros: micros(began), ...answer })}\n`);
}
