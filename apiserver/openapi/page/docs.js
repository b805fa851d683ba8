"use strict";
// Shows openapi.json. All text goes in as text, never as markup.

// el makes an element with attributes and children.
function el(name, attributes, ...children) {
  const e = document.createElement(name);
  for (const [k, v] of Object.entries(attributes || {})) e.setAttribute(k, v);
  e.append(...children.filter((c) => c !== null && c !== undefined));
  return e;
}

// resolve follows a reference.
function resolve(doc, o) {
  while (o && o.$ref) o = o.$ref.slice(2).split("/").reduce((at, key) => at[key], doc);
  return o || {};
}

function schemaName(s) {
  return s.$ref ? s.$ref.slice(s.$ref.lastIndexOf("/") + 1) : "";
}

// kind says in a few words what a value is.
function kind(doc, s) {
  if (s.$ref) return schemaName(s);
  if (s.anyOf) return s.anyOf.map((part) => kind(doc, part)).join(" or ");
  const types = [].concat(s.type || "any JSON");
  const words = [types.map((t) => (t === "array" ? "list of " + kind(doc, s.items || {}) : t)).join(" or ")];
  if (s.additionalProperties) words.push("of " + kind(doc, s.additionalProperties));
  if (s.format) words.push(s.format);
  if (s.contentMediaType) words.push("holding JSON");
  if (s.enum) words.push(s.enum.map((v) => String(v)).join(" | "));
  if (s.minimum !== undefined || s.maximum !== undefined) words.push((s.minimum ?? "") + " … " + (s.maximum ?? ""));
  if (s.maxLength) words.push("up to " + s.maxLength + " characters");
  if (s.pattern) words.push(s.pattern);
  if (s.default !== undefined) words.push("default " + JSON.stringify(s.default));
  return words.join(", ");
}

function row(doc, name, schema, description, required) {
  return el("tr", {},
    el("td", {}, el("code", {}, name), required ? el("span", { class: "must" }, "required") : null),
    el("td", {}, description || resolve(doc, schema).description || "", el("div", { class: "kind" }, kind(doc, schema))));
}

// members is a table of the members of an object; of one that is sent it tells
// which are required.
function members(doc, schema, sent) {
  const table = el("table", {});
  for (const [name, s] of Object.entries(schema.properties || {})) {
    table.append(row(doc, name, s, s.description, sent && (schema.required || []).includes(name)));
  }
  return table;
}

// bodies lists a schema and those it refers to, each once.
function bodies(doc, s, done) {
  const out = [];
  const name = schemaName(s);
  const found = resolve(doc, s);
  if (name && done.has(name)) return out;
  if (name) done.add(name);
  if (found.properties) {
    if (name) out.push(el("h4", {}, name));
    out.push(members(doc, found));
    for (const part of Object.values(found.properties)) out.push(...bodies(doc, part, done));
  }
  for (const part of [found.items, found.additionalProperties, ...(found.anyOf || [])]) {
    if (part) out.push(...bodies(doc, part, done));
  }
  return out;
}

// example is an example of a body: that of its schema, or one made of examples
// of its members.
function example(doc, s) {
  const found = resolve(doc, s);
  if (found.examples) return found.examples[0];
  if (found.type === "array") {
    const item = example(doc, found.items);
    return item === undefined ? undefined : [item];
  }
  if (!found.properties || schemaName(s)) return undefined;
  const out = {};
  for (const [name, part] of Object.entries(found.properties)) {
    const value = example(doc, part);
    if (value !== undefined) out[name] = value;
  }
  return Object.keys(out).length ? out : undefined;
}

function quoted(text) {
  return "'" + String(text).replaceAll("'", "'\\''") + "'";
}

// curl is a command line that calls the operation.
function curl(doc, path, method, op) {
  const base = doc.servers[0].url.startsWith("http") ? doc.servers[0].url.replace(/\/$/, "") : location.origin;
  const lines = ["curl -u \"$ACCOUNT_SID:$AUTH_TOKEN\"" + (method === "get" ? "" : " -X " + method.toUpperCase())];
  for (const [type, media] of Object.entries((op.requestBody || {}).content || {})) {
    const values = media.example || {};
    if (type === "application/json") {
      lines.push("  -H 'Content-Type: application/json' -d " + quoted(JSON.stringify(values)));
      continue;
    }
    for (const [name, value] of Object.entries(values)) {
      for (const one of [].concat(value)) lines.push("  --data-urlencode " + quoted(name + "=" + one));
    }
  }
  lines.push("  " + quoted(base + path));
  return lines.join(" \\\n");
}

function copyable(text) {
  const button = el("button", { type: "button" }, "copy");
  button.addEventListener("click", () => navigator.clipboard.writeText(text).then(() => { button.textContent = "copied"; }));
  return el("div", { class: "copyable" }, el("pre", {}, text), button);
}

function operation(doc, path, method, op) {
  const inside = el("div", { class: "inside" });
  const fill = () => {
    if (inside.childElementCount) return;
    inside.append(el("p", {}, op.summary));
    if (op["x-deviation"]) inside.append(el("p", { class: "note" }, op["x-deviation"]));
    const parameters = (op.parameters || []).map((p) => resolve(doc, p));
    for (const place of ["path", "query", "header"]) {
      const here = parameters.filter((p) => p.in === place);
      if (!here.length) continue;
      const table = el("table", {});
      for (const p of here) table.append(row(doc, p.name, p.schema, p.description, p.required));
      inside.append(el("h4", {}, place === "query" ? "Query parameters" : place === "path" ? "Path parameters" : "Headers"), table);
    }
    for (const [type, media] of Object.entries((op.requestBody || {}).content || {})) {
      inside.append(el("h4", {}, "Body: " + type), members(doc, resolve(doc, media.schema), true));
    }
    inside.append(el("h4", {}, "Try it"), copyable(curl(doc, path, method, op)));
    for (const [status, ref] of Object.entries(op.responses)) {
      const r = resolve(doc, ref);
      if (!/^2/.test(status)) continue;
      inside.append(el("h4", {}, status + " " + r.description));
      const media = (r.content || {})["application/json"];
      if (!media) continue;
      inside.append(...bodies(doc, media.schema, new Set()));
      const shown = example(doc, media.schema);
      if (shown !== undefined) inside.append(el("h4", {}, "Example"), copyable(JSON.stringify(shown, null, 2)));
    }
    const refusals = el("table", {});
    for (const [status, ref] of Object.entries(op.responses)) {
      if (!/^2/.test(status)) refusals.append(el("tr", {}, el("td", {}, el("code", {}, status)), el("td", {}, resolve(doc, ref).description)));
    }
    inside.append(el("h4", {}, "Refusals"), refusals);
  };
  const box = el("details", { class: "operation", id: op.operationId },
    el("summary", {},
      el("span", { class: "method " + method }, method.toUpperCase()), el("code", {}, path),
      op["x-origin"] === "taskrouter" ? el("span", { class: "badge" }, "addition") : null,
      op["x-unsupported"] ? el("span", { class: "badge" }, "not supported") : null,
      el("span", { class: "name" }, op.operationId)),
    inside);
  box.addEventListener("toggle", () => { if (box.open) fill(); });
  return box;
}

// reveal opens the operation the address names.
function reveal() {
  const box = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!box || !box.matches("details")) return;
  box.open = true;
  box.scrollIntoView();
}

function show(doc) {
  const main = document.getElementById("main");
  const index = document.getElementById("index");
  main.append(el("h1", {}, doc.info.title), el("p", { class: "lead" }, doc.info.description),
    el("p", {}, "The same as a document: ", el("a", { href: "openapi.json" }, "openapi.json")));
  for (const tag of doc.tags) {
    const section = el("section", {}, el("h2", {}, tag.name), el("p", {}, tag.description));
    const links = el("div", {}, el("h3", {}, tag.name));
    for (const [path, item] of Object.entries(doc.paths)) {
      for (const [method, op] of Object.entries(item)) {
        if (!op.tags.includes(tag.name)) continue;
        section.append(operation(doc, path, method, op));
        links.append(el("a", { href: "#" + op.operationId, "data-text": (op.operationId + " " + path + " " + op.summary).toLowerCase() },
          el("span", { class: "method " + method }, method.toUpperCase()), op.operationId));
      }
    }
    main.append(section);
    index.append(links);
  }
  document.getElementById("filter").addEventListener("input", (event) => {
    const wanted = event.target.value.trim().toLowerCase();
    for (const link of index.querySelectorAll("a")) link.classList.toggle("hidden", !link.dataset.text.includes(wanted));
    for (const group of index.children) group.classList.toggle("hidden", !group.querySelector("a:not(.hidden)"));
  });
  window.addEventListener("hashchange", reveal);
  reveal();
}

fetch("openapi.json")
  .then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error(String(answer.status)))))
  .then(show)
  .catch((fault) => document.getElementById("main").append(el("p", { class: "note" }, "The description could not be shown: " + fault.message)));
