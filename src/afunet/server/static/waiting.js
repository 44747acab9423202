/* A case that is not done: queued, running with the time left, failed with what to do, cancelled. */

import * as api from "./api.js";
import { fromTemplate } from "./dom.js";
import { ask, attempt } from "./notices.js";
import { sentence, timeLeft } from "./words.js";

const TITLES = { queued: "Waiting for its turn", running: "Finding the bones", failed: "This did not work", cancelled: "Cancelled" };
const LOOK_MS = 10_000;
const HINTS = {
  queued: "Another scan is being worked on. You may close this page; the server goes on.",
  running: "You may close this page; the server goes on.",
  failed: "The scan is still on the server. Try again, or go back and send another series.",
  cancelled: "The scan is still on the server. Try again, or delete the case.",
};

/** Show how a case is doing; `reload` shows the case anew when it is done. */
export function showWaiting(main, facts, listeners, reload) {
  const [root, parts] = fromTemplate("waiting");
  main.replaceChildren(root);
  const id = facts.case;
  show(parts, facts);
  const changed = async (job) => {
    if (job.case !== id) return;
    if (job.state === "running" || job.state === "queued") return show(parts, job);
    if (job.state === "done") return reload();
    const now = await api.caseOf(id);
    if (now.state === "done") reload();
    else show(parts, now);
  };
  const heard = (job) => attempt(() => changed(job));
  listeners.add(heard);
  parts.cancel.addEventListener("click", () => attempt(async () => { await api.cancelCase(id); reload(); }));
  parts.retry.addEventListener("click", () => attempt(async () => { await api.retryCase(id); reload(); }));
  parts.delete.addEventListener("click", () => attempt(() => remove(id)));
  // Events may be missed while the browser sleeps; a look now and then makes up for that.
  const look = setInterval(() => heard({ case: id }), LOOK_MS);
  return () => { clearInterval(look); listeners.delete(heard); };
}

function show(parts, { state, progress, failure }) {
  const active = state === "running" || state === "queued";
  parts.title.textContent = TITLES[state];
  parts.bar.hidden = state !== "running";
  const share = progress?.share ?? null;
  if (share === null) parts.bar.removeAttribute("value");
  else parts.bar.value = share;
  parts.words.textContent = words(state, progress, failure);
  parts.hint.textContent = HINTS[state];
  parts.cancel.hidden = !active;
  parts.retry.hidden = active;
  parts.delete.hidden = active;
}

function words(state, progress, failure) {
  if (failure) return `${sentence(failure.message)} (${failure.code})`;
  if (state !== "running") return "";
  const share = progress?.share ?? null;
  const done = share === null ? "" : `${Math.floor(100 * share)} %`;
  return [sentence(progress?.stage || "starting"), done, timeLeft(progress?.left_s)].filter(Boolean).join(" · ");
}

async function remove(id) {
  const answer = await ask("Delete this case?", "The scan and what was found in it are deleted from the server.", [
    { value: "delete", says: "Delete", kind: "danger" }, { value: "", says: "Keep" }]);
  if (answer !== "delete") return;
  await api.deleteCase(id);
  location.hash = "";
}
