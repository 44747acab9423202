/* The server's HTTP interface. Every function returns what the server answers or throws a Refusal. */

/** What the server refused: its HTTP status, code and message. Status 0: no answer at all. */
export class Refusal extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

const UNREACHABLE = "the server does not answer: check that “afunet serve” is still running";

async function answered(path, options) {
  let response;
  try {
    response = await fetch(path, { credentials: "same-origin", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal(0, "UNREACHABLE", UNREACHABLE);
  }
  if (!response.ok) throw await refusalOf(response);
  return response;
}

async function refusalOf(response) {
  try {
    const { code, message } = await response.json();
    return new Refusal(response.status, code, message);
  } catch {
    return new Refusal(response.status, "FAULT", `the server answered ${response.status}`);
  }
}

async function asked(method, path, { json, body, version, signal } = {}) {
  const headers = { "X-Afunet": "1" };
  if (json !== undefined) headers["Content-Type"] = "application/json";
  if (body !== undefined) headers["Content-Type"] = "application/octet-stream";
  if (version !== undefined) headers["If-Match"] = version;
  const sent = json === undefined ? body : JSON.stringify(json);
  const response = await answered(path, { method, headers, body: sent, signal });
  const text = await response.text();
  return text ? JSON.parse(text) : null;
}

const caseAt = (id) => `api/cases/${encodeURIComponent(id)}`;
const query = (range) =>
  range ? `?${new URLSearchParams(Object.entries(range).map(([k, v]) => [k, String(v)]))}` : "";

export const cases = () => asked("GET", "api/cases");
export const caseOf = (id) => asked("GET", caseAt(id));
export const makeCase = (request) => asked("POST", "api/cases", { json: request });
export const cancelCase = (id) => asked("POST", `${caseAt(id)}/cancel`);
export const retryCase = (id) => asked("POST", `${caseAt(id)}/retry`);
export const deleteCase = (id) => asked("DELETE", caseAt(id));

export const beginUpload = () => asked("POST", "api/uploads");
export const completeUpload = (id) => asked("POST", `api/uploads/${id}/complete`);
export const deleteUpload = (id) => asked("DELETE", `api/uploads/${id}`);
export const folders = () => asked("GET", "api/folders");
export const uploadFolder = (id) => asked("POST", `api/folders/${id}/upload`);

/** Send one file; `onBytes(sent)` is called as its bytes leave. fetch cannot report that. */
export function sendFile(upload, number, file, onBytes, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("PUT", `api/uploads/${upload}/files/${number}`);
    request.setRequestHeader("X-Afunet", "1");
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.upload.onprogress = (event) => onBytes(event.loaded);
    request.onerror = () => reject(new Refusal(0, "UNREACHABLE", UNREACHABLE));
    request.onabort = () => reject(new DOMException("cancelled", "AbortError"));
    request.onload = () => {
      if (request.status < 300) return resolve();
      let said = {};
      try { said = JSON.parse(request.responseText); } catch { /* no JSON: the status says enough */ }
      reject(new Refusal(request.status, said.code ?? "FAULT", said.message ?? `the server answered ${request.status}`));
    };
    signal.addEventListener("abort", () => request.abort());
    request.send(file);
  });
}

/** A volume as NIfTI; `onBytes` counts what came.
 * @param {string} id @param {"scan"|"labels"} name @param {?import("./case/loader.js").Range} range
 * @param {(count: number) => void} onBytes @returns {Promise<ArrayBuffer>} */
export async function volume(id, name, range, onBytes = () => {}, signal = undefined) {
  const response = await answered(`${caseAt(id)}/${name}.nii${query(range)}`, { signal });
  const reader = response.body.getReader();
  const parts = [];
  let count = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    parts.push(value);
    onBytes((count += value.length));
  }
  return new Blob(parts).arrayBuffer();
}

export async function mesh(id, label, version) {
  const response = await answered(`${caseAt(id)}/meshes/${label}.mz3?version=${encodeURIComponent(version)}`);
  return response.arrayBuffer();
}

export const edit = (id, version, request) =>
  asked("POST", `${caseAt(id)}/edits`, { json: request, version });
export const paint = (id, version, range, labels) =>
  asked("PUT", `${caseAt(id)}/labels${query(range)}`, { body: labels, version });
export const undo = (id, version) => asked("POST", `${caseAt(id)}/undo`, { version });
export const exportCase = (id, formats) => asked("POST", `${caseAt(id)}/export`, { json: { formats } });
export const exportTraining = () => asked("POST", "api/training");
export const exportState = (id) => asked("GET", `${caseAt(id)}/export`);
export const fileAt = (id, name) => `${caseAt(id)}/files/${name.split("/").map(encodeURIComponent).join("/")}`;
export const zipAt = (id) => `${caseAt(id)}/export.zip`;

/** Whether a file of a case is there; throws the refusal, such as 409 for a page that is being drawn. */
export async function requireFile(href) {
  const stop = new AbortController();
  await answered(href, { signal: stop.signal });
  stop.abort(); // the head says it
}

/** Follow the user's jobs; the browser reconnects and sends Last-Event-ID by itself.
 * @param {Object<string, (job: {case: string, state: string, progress: ?object}) => void>} told  by the kind of event */
export function followJobs(told, onOnline) {
  const source = new EventSource("api/events");
  for (const [kind, hear] of Object.entries(told)) source.addEventListener(kind, (event) => hear(JSON.parse(event.data)));
  source.onopen = () => onOnline(true);
  source.onerror = () => onOnline(false);
  return () => source.close();
}
