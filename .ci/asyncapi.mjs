// Reads contracts with AsyncAPI's own parser: `node asyncapi.mjs <file>...`, in a folder where @asyncapi/parser is installed.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const { Parser } = createRequire(`${process.cwd()}/`)('@asyncapi/parser');
// The files are AsyncAPI 3.0.0 on purpose: that there is a later version is nothing to look at.
const known = ['asyncapi-latest-version'];
let refused = 0;
for (const file of process.argv.slice(2)) {
  const { document, diagnostics } = await new Parser().parse(readFileSync(file, 'utf8'), { source: file });
  const found = diagnostics.filter((one) => !known.includes(one.code));
  for (const one of found) console.log(`${file}:${one.range.start.line + 1}: ${one.code}: ${one.message}`);
  if (!document || found.length > 0) refused += 1;
  else console.log(`${file}: ${document.operations().length} operations, ${document.messages().length} messages`);
}
process.exit(refused === 0 ? 0 : 1);
