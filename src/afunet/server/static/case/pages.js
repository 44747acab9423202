/* The report and its pictures: links to them, or that they are being drawn after a correction. */

import * as api from "../api.js";
import { button, element } from "../dom.js";
import { attempt, notice } from "../notices.js";

const NAMES = { "report.html": "Report", "scene.png": "Picture of the bones", "overlay.png": "Slices with the mask" };
const NOT_YET = "NOT_YET", NOT_DONE = "NOT_DONE";
const LOOK_MS = 10_000;

/** Show the pages of a bench's case as they are drawn; `drawers` are told of the jobs that draw. */
export function followPages(bench, drawers) {
  const look = () => attempt(() => bench.look());
  const heard = ({ case: id, state }) => {
    if (id !== bench.state.id) return;
    const over = state !== "queued" && state !== "running";
    bench.state.undrawn = over && state !== "done";
    if (over || !coming(bench.state).length) look();
  };
  drawers.add(heard);
  // Events may be missed while the browser sleeps; a look now and then makes up for that.
  const timer = setInterval(() => { if (coming(bench.state).length) look(); }, LOOK_MS);
  bench.stop.signal.addEventListener("abort", () => { clearInterval(timer); drawers.delete(heard); });
}

/** The names of the pages that are not there yet. */
function coming({ report }) {
  return report.not_written.filter(({ code }) => code === NOT_YET).map(({ format }) => format);
}

/** Show links to the pages that are there, and say which are coming. */
export function showPages(bench) {
  const { report, undrawn } = bench.state;
  const waited = coming(bench.state);
  const there = Object.keys(NAMES).filter((name) => report.files.includes(name) && !waited.includes(name));
  const later = Object.keys(NAMES).filter((name) => waited.includes(name)).map((name) => NAMES[name]);
  bench.parts.pages.replaceChildren(
    ...there.map((name) => element("li", {}, link(bench, name))),
    ...(later.length ? [element("li", { class: "hint" }, `${later.join(", ")}: ${undrawn ? "not drawn " : "being drawn"}`,
      undrawn ? button("Draw again", () => again(bench), { class: "small" }) : null)] : []));
}

function link(bench, name) {
  const href = api.fileAt(bench.state.id, name);
  return element("a", { href, target: "_blank", onclick: (event) => {
    event.preventDefault();
    const tab = window.open("", "_blank"); // now, as a browser forbids it after the answer
    attempt(() => opened(bench, tab, href));
  } }, NAMES[name]);
}

async function opened(bench, tab, href) {
  try {
    await api.requireFile(href);
    if (tab) tab.location.replace(href);
  } catch (error) {
    tab?.close();
    if (error.code !== NOT_DONE) throw error;
    notice("This page is being drawn after a correction. Its link is here when it is done.");
    await bench.look();
  }
}

/** Ask for a page that is not there: the server draws it then. */
async function again(bench) {
  bench.state.undrawn = false;
  showPages(bench);
  await attempt(() => api.requireFile(api.fileAt(bench.state.id, coming(bench.state)[0])).catch((error) => {
    if (error.code !== NOT_DONE) throw error;
  }));
}
