// Draws /api/openapi.json: every operation with its parameters, answers and a form that tries it. Text only, no HTML from data.
const el = (tag, cls, text) => { const e = document.createElement(tag); if (cls) e.className = cls; if (text !== undefined) e.textContent = text; return e; };
const root = document.getElementById("docs");
let spec, session;

const deref = (s) => (s && s.$ref ? spec.components.schemas[s.$ref.split("/").pop()] : s) || {};

function kind(schema) {
  const s = deref(schema);
  if (s.anyOf) return s.anyOf.filter((x) => x.type !== "null").map(kind).join(" | ");
  if (s.enum) return s.enum.join(" | ");
  if (s.const !== undefined) return String(s.const);
  if (s.type === "array") return `${kind(s.items)} …`;
  return s.format || s.type || "any";
}

function sample(schema, deep = 0) {
  const s = deref(schema);
  if (s.examples) return s.examples[0];
  if (s.default !== undefined && s.default !== null) return s.default;
  if (s.anyOf) return sample(s.anyOf.find((x) => x.type !== "null"), deep);
  if (s.enum) return s.enum[0];
  if (s.type === "array") return deep > 4 ? [] : [sample(s.items, deep + 1)];
  if (s.properties) return Object.fromEntries(Object.entries(s.properties).map(([k, v]) => [k, sample(v, deep + 1)]));
  return { integer: 1, number: 1.5, boolean: true, object: {}, string: "text" }[s.type] ?? null;
}

function table(heads, rows) {
  const t = el("table"), head = t.createTHead().insertRow(), body = t.createTBody();
  for (const h of heads) head.append(el("th", "", h));
  for (const cells of rows) { const tr = body.insertRow(); for (const c of cells) { const td = tr.insertCell(); td.append(c); if (c.dataset && c.dataset.kind) td.className = "kind"; } }
  return t;
}

function cell(text, isKind) { const e = el("span", "", text); if (isKind) e.dataset.kind = "1"; return e; }

function operation(path, method, op) {
  const box = el("details", "op"), line = el("summary"), inside = el("div", "inside");
  box.id = `${method}${path.replace(/[^a-z]+/gi, "-")}`;
  line.append(el("span", `method ${method}`, method.toUpperCase()), el("span", "path", path), el("span", "words", op.summary || ""), el("span", "role", op["x-role"] || ""));
  box.append(line, inside);
  box.addEventListener("toggle", () => { if (box.open && !inside.childElementCount) fill(inside, path, method, op); });
  return box;
}

function fill(inside, path, method, op) {
  if (op.description) inside.append(el("p", "", op.description.trim()));
  const inputs = [];
  const rows = (op.parameters || []).map((p) => {
    const input = el("input"), name = el("code", "", p.name);
    input.placeholder = kind(p.schema); input.ariaLabel = p.name;
    inputs.push([p, input]);
    const must = el("span"); must.append(name); if (p.required) must.append(el("span", "must", " *"));
    const s = deref(p.schema), preset = s.default ?? undefined;
    return [must, cell(kind(p.schema), true), cell((p.description || s.description || "") + (preset !== undefined ? ` (${JSON.stringify(preset)})` : "")), input];
  });
  if (rows.length) inside.append(el("h3", "", "Parameters"), table(["Name", "Type", "Meaning", "Try"], rows));
  let body = null, bodyType = null;
  if (op.requestBody) {
    [bodyType] = Object.keys(op.requestBody.content);
    body = el("textarea"); body.ariaLabel = "body"; body.spellcheck = false;
    if (bodyType === "application/json") body.value = JSON.stringify(sample(op.requestBody.content[bodyType].schema), null, 2);
    inside.append(el("h3", "", `Body, ${bodyType}`), body);
  }
  const buttons = el("div", "try"), run = el("button", "main", "Send"), curl = el("button", "", "curl"), state = el("span", "status"), out = el("pre");
  out.hidden = true; run.type = curl.type = "button";
  buttons.append(run, curl, state);
  const address = () => {
    let url = path; const query = new URLSearchParams();
    for (const [p, input] of inputs) {
      if (!input.value) continue;
      if (p.in === "path") url = url.replace(`{${p.name}}`, encodeURIComponent(input.value));
      else for (const v of p.schema.type === "array" ? input.value.split(/\s+/) : [input.value]) query.append(p.name, v);
    }
    return url + (query.size ? `?${query}` : "");
  };
  run.addEventListener("click", () => send(method, address(), body && body.value, bodyType, state, out));
  curl.addEventListener("click", () => {
    const data = body ? ` -H 'Content-Type: ${bodyType}' --data-binary '${body.value.replaceAll("'", "'\\''")}'` : "";
    out.hidden = false; state.textContent = "";
    out.textContent = `curl -X ${method.toUpperCase()} -H "Authorization: Bearer $KEY"${data} '${location.origin}${address()}'`;
  });
  inside.append(buttons, out, el("h3", "", "Answers"));
  inside.append(table(["Code", "Type", "Meaning"], Object.entries(op.responses).map(([code, r]) => [el("code", "", code), cell(Object.keys(r.content || {}).join(", "), true), cell(r.description || "")])));
  const ok = Object.entries(op.responses).find(([code, r]) => code < 300 && r.content && r.content["application/json"] && r.content["application/json"].schema);
  if (ok) { inside.append(el("h3", "", `Example of ${ok[0]}`)); inside.append(el("pre", "", JSON.stringify(sample(ok[1].content["application/json"].schema), null, 2))); }
}

async function send(method, url, body, bodyType, state, out) {
  state.className = "status"; state.textContent = "…"; out.hidden = false; out.textContent = "";
  const headers = {};
  if (method !== "get") headers["X-CSRF-Token"] = session.csrf_token || "";
  if (body) headers["Content-Type"] = bodyType;
  try {
    const stop = new AbortController(), timer = setTimeout(() => stop.abort(), url.startsWith("/api/stream") ? 5000 : 60000);
    const answer = await fetch(url, { method: method.toUpperCase(), headers, body: body || undefined, signal: stop.signal });
    state.textContent = `${answer.status} ${answer.statusText}`; state.className = `status ${answer.ok ? "ok" : "bad"}`;
    const type = answer.headers.get("content-type") || "";
    if (type.includes("event-stream")) { await drain(answer, out); clearTimeout(timer); return; }
    const text = /json|text|yaml|csv/.test(type) ? await answer.text() : `${type}, ${(await answer.blob()).size} bytes`;
    clearTimeout(timer);
    out.textContent = type.includes("json") ? JSON.stringify(JSON.parse(text), null, 2).slice(0, 200000) : text.slice(0, 200000);
  } catch (error) { if (error.name !== "AbortError") { state.className = "status bad"; state.textContent = String(error); } }
}

async function drain(answer, out) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) { const { value, done } = await reader.read(); if (done) return; out.textContent = (out.textContent + value).slice(-20000); }
}

async function draw() {
  const get = async (url) => { const r = await fetch(url); if (!r.ok) throw new Error(`${url}: ${r.status}`); return r.json(); };
  [spec, session] = await Promise.all([get(root.dataset.source), get("/api/session")]);
  root.append(el("h1", "", `${spec.info.title} API ${spec.info.version}`), el("p", "", spec.info.description.replaceAll("`", "")));
  const you = el("p", "", `You: ${session.name}, ${session.role}. `), link = el("a", "", "openapi.json");
  link.href = root.dataset.source; you.append(link); root.append(you);
  const groups = {};
  for (const [path, methods] of Object.entries(spec.paths)) for (const [method, op] of Object.entries(methods)) ((groups[(op.tags || ["other"])[0]] ??= []).push(operation(path, method, op)));
  for (const [name, items] of Object.entries(groups)) { root.append(el("h2", "", name)); root.append(...items); }
  if (location.hash) { const wanted = document.getElementById(location.hash.slice(1)); if (wanted) { wanted.open = true; wanted.scrollIntoView(); } }
}

draw().catch((error) => root.append(el("p", "must", String(error))));
