/* The first page: dropping a scan, folders of the server, the list of cases. */

import * as api from "./api.js";
import { button, element, fromTemplate } from "./dom.js";
import { ask, attempt, notice } from "./notices.js";
import { pickSeries } from "./picker.js";
import { filesOf, filesOfDrop, sendScan } from "./upload.js";
import { counted, timeLeft, when } from "./words.js";

const STATES = { queued: "Waiting", running: "Working", done: "Done", failed: "Failed", cancelled: "Cancelled" };

/** Show the first page; `open(id)` goes to a case. Returns what to call when it is left. */
export async function showHome(main, listeners, open) {
  const [root, parts] = fromTemplate("home");
  main.replaceChildren(root);
  const redraw = () => attempt(() => listCases(parts));
  const take = (files) => takeScan(main, files, () => showHome(main, listeners, open), open);
  listenToFiles(parts, take);
  const changed = (job) => showProgress(parts.cases, job) || redraw();
  listeners.add(changed);
  await listCases(parts);
  attempt(() => listFolders(parts, (id) => takeFolder(main, id, () => showHome(main, listeners, open), open)));
  parts.training.addEventListener("click", () => attempt(trainingStore));
  return () => listeners.delete(changed);
}

function listenToFiles(parts, take) {
  const { drop } = parts;
  const chosen = (name) => parts[`${name}-input`];
  for (const name of ["folder", "file"]) {
    parts[name].addEventListener("click", () => chosen(name).click());
    chosen(name).addEventListener("change", () => take(filesOf(chosen(name).files)));
  }
  drop.addEventListener("dragover", () => drop.classList.add("over"));
  drop.addEventListener("dragleave", () => drop.classList.remove("over"));
  drop.addEventListener("drop", async (event) => {
    drop.classList.remove("over");
    take(await filesOfDrop(event.dataTransfer));
  });
}

async function takeScan(main, files, home, open) {
  if (!files.length) return notice("There is no file in what you chose.", { bad: true });
  const upload = await attempt(() => sendScan(main, files));
  await choose(main, upload, home, open);
}

async function takeFolder(main, id, home, open) {
  const upload = await attempt(() => api.uploadFolder(id));
  await choose(main, upload, home, open);
}

async function choose(main, upload, home, open) {
  const made = upload && (await pickSeries(main, upload));
  if (made) open(made);
  else await home();
}

async function listFolders(parts, take) {
  const found = await api.folders();
  parts.served.hidden = !found.length;
  parts.folders.replaceChildren(...found.map(({ folder, name }) =>
    element("li", {}, button(name, () => take(folder)))));
}

async function listCases(parts) {
  const found = await api.cases();
  parts.none.hidden = found.length > 0;
  parts.training.hidden = !found.some((one) => one.state === "done");
  parts.cases.replaceChildren(...found.map((one) => row(one, () => attempt(() => listCases(parts)))));
}

function row(one, redraw) {
  const title = one.title || "Case without a name";
  return element("li", { class: "case", "data-case": one.case },
    element("div", {}, element("a", { href: `#case=${one.case}` }, title), element("time", { datetime: one.created }, when(one.created))),
    element("div", {}, ...state(one)),
    button("Delete", () => attempt(() => remove(one, title, redraw)), { class: "quiet danger", "aria-label": `Delete ${title}` }));
}

function state(one) {
  const working = one.state === "running";
  return [
    element("div", { class: `state ${one.state}`, title: one.failure?.message ?? "" }, stateWords(one)),
    element("progress", { max: 1, value: one.progress?.share ?? 0, hidden: !working, "aria-label": "Progress" }),
  ];
}

function stateWords({ state: name, progress }) {
  return name === "running" ? [STATES.running, timeLeft(progress?.left_s)].filter(Boolean).join(", ") : STATES[name];
}

/** Show the progress of a case that is listed; false if the list itself must be drawn again. */
function showProgress(list, job) {
  const shown = list.querySelector(`[data-case="${CSS.escape(job.case)}"]`);
  if (!shown || job.state !== "running" || !shown.querySelector(".state.running")) return false;
  shown.querySelector(".state").textContent = stateWords(job);
  shown.querySelector("progress").value = job.progress?.share ?? 0;
  return true;
}

async function remove(one, title, redraw) {
  const answer = await ask(`Delete ${title}?`, "The scan, the bones and all corrections are deleted from the server. This cannot be undone.", [
    { value: "delete", says: "Delete", kind: "danger" }, { value: "", says: "Keep" }]);
  if (answer !== "delete") return;
  await api.deleteCase(one.case);
  await redraw();
}

async function trainingStore() {
  const { cases, left_out: leftOut } = await api.exportTraining();
  const without = leftOut ? ` ${counted(leftOut, "case was", "cases were")} left out: not corrected, or not readable as training data.` : "";
  notice(`${counted(cases, "corrected case was", "corrected cases were")} written to the folder “training” of your data.${without}`);
}
