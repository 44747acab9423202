/* The start of the page: which view the address asks for, and the news about the user's jobs. */

import * as api from "./api.js";
import { showCase } from "./case/case.js";
import { showHelp } from "./help.js";
import { showHome } from "./home.js";
import { failed, forgetFailures } from "./notices.js";
import { showWaiting } from "./waiting.js";

const main = document.getElementById("main");
const part = (name) => document.querySelector(`[data-part=${name}]`);

/** News about jobs for whoever shows them: `listeners` are called with {case, state, progress}. */
const listeners = new Set();
/** The same of the jobs that draw the pages of a corrected case. */
const drawers = new Set();
let leave = () => true;
let address = location.hash;
let shown = 0;

/** Put a view on the page. A view returns what to call when it is left, which may refuse (false). */
async function show(wanted = location.hash) {
  const turn = (shown += 1);
  if ((await leave()) === false) {
    location.hash = address;
    return;
  }
  forgetFailures();
  address = wanted;
  leave = () => true;
  main.replaceChildren();
  part("where").textContent = "";
  const id = new URLSearchParams(wanted.slice(1)).get("case");
  try {
    const left = id ? await showOne(id) : await showHome(main, listeners, open);
    if (turn === shown) leave = left;
    else left();
  } catch (error) {
    failed(error);
    if (id) location.hash = "";
  }
}

async function showOne(id) {
  const facts = await api.caseOf(id);
  part("where").textContent = facts.title || "Case without a name";
  return facts.state === "done"
    ? showCase(main, facts, drawers)
    : showWaiting(main, facts, listeners, () => show());
}

function open(id) {
  location.hash = id ? `case=${id}` : "";
}

function otherTheme() {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  root.dataset.theme = (root.dataset.theme ?? system) === "dark" ? "light" : "dark";
  localStorage.setItem("afunet-theme", root.dataset.theme);
}

window.addEventListener("hashchange", () => { if (location.hash !== address) show(); });
// A scan that misses the drop zone must not replace the page.
for (const kind of ["dragover", "drop"]) window.addEventListener(kind, (event) => event.preventDefault());
part("theme").addEventListener("click", otherTheme);
part("help").addEventListener("click", showHelp);
window.addEventListener("keydown", (event) => {
  if (event.key === "?" && !event.target.closest("input, select, textarea, dialog")) showHelp();
});
api.followJobs(
  {
    job: (job) => listeners.forEach((listener) => listener(job)),
    finish: (job) => drawers.forEach((listener) => listener(job)),
  },
  (online) => { part("offline").hidden = online; },
);
show();
