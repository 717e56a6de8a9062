// What the official TypeScript SDK of MCP makes of our server; JSON on standard output.
//
//     node mcp_node_client.mjs URL | COMMAND ARGUMENT...
//
// Started in the folder whose node_modules has the SDK (clients.py).
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import path from "node:path";

const require = createRequire(path.join(process.cwd(), "package.json"));
const load = (name) => import(pathToFileURL(require.resolve(`@modelcontextprotocol/sdk/client/${name}.js`)).href);
const { Client } = await load("index");

const [target, ...args] = process.argv.slice(2);
let transport;
if (target.includes("://")) {
  const { StreamableHTTPClientTransport } = await load("streamableHttp");
  transport = new StreamableHTTPClientTransport(new URL(target));
} else {
  const { StdioClientTransport } = await load("stdio");
  transport = new StdioClientTransport({ command: target, args, env: process.env, stderr: "inherit" });
}

const client = new Client({ name: "tests", version: "1" });
await client.connect(transport);
const { tools } = await client.listTools();
const progress = [];
const hello = await client.callTool({ name: "javascript_executor", arguments: { code: "console.log('hello')" } }, undefined,
  { onprogress: (p) => progress.push(p.message) });
const failure = await client.callTool({ name: "ruby_executor", arguments: { code: "raise 'oh'" } });
const abort = new AbortController();
setTimeout(() => abort.abort(), 500);
const cancelled = await client.callTool({ name: "python_executor", arguments: { code: "while True: pass" } }, undefined,
  { signal: abort.signal }).then(() => "answered", () => "cancelled");
let unknown;
try {
  unknown = await client.callTool({ name: "no_such_tool", arguments: {} });
} catch (error) {
  unknown = error.code;
}
const after = await client.callTool({ name: "python_executor", arguments: { code: "print('after')" } });
console.log(JSON.stringify({
  server: client.getServerVersion().name, tools: tools.map((tool) => tool.name), hello, progress, failure, cancelled, unknown,
  after: after.structuredContent.stdout,
}));
await client.close();
