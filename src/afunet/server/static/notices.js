/* Messages to the user: short notices in the corner, and questions that must be answered. */

import { button, element } from "./dom.js";

const GOES_AFTER_MS = 6000;

/** Show a short message, which is returned; failures stay until they are closed. */
export function notice(text, { bad = false } = {}) {
  const shown = element("div", { class: bad ? "notice bad" : "notice", role: bad ? "alert" : null });
  shown.append(element("p", {}, text), button("×", () => shown.remove(), { class: "quiet small", "aria-label": "Close" }));
  document.querySelector("[data-part=notices]").append(shown);
  if (!bad) setTimeout(() => shown.remove(), GOES_AFTER_MS);
  return shown;
}

/** Remove the failures that are shown: they are about what the user has left. */
export function forgetFailures() {
  document.querySelectorAll(".notice.bad").forEach((one) => one.remove());
}

/** Show a failure as a sentence. */
export function failed(error) {
  if (error.name === "AbortError") return;
  const text = error.message || String(error);
  notice(text.charAt(0).toUpperCase() + text.slice(1), { bad: true });
  if (error.status === undefined) console.error(error);
}

/** Run something that may be refused, and show the refusal. */
export async function attempt(action) {
  try {
    return await action();
  } catch (error) {
    failed(error);
    return undefined;
  }
}

/** Ask a question; returns the value of the button, or "" if the dialog was closed. */
export function ask(title, text, answers) {
  const buttons = answers.map(({ value, says, kind = "" }) =>
    element("button", { value, class: kind }, says));
  const form = element("form", { method: "dialog", class: "row" }, ...buttons);
  return answerOf(element("dialog", { "aria-label": title }, element("h1", {}, title), element("p", {}, text), form));
}

/** Ask for one of some choices; returns it, or null. */
export async function askChoice(title, label, value, choices) {
  const options = choices.map((choice) => element("option", { value: choice, selected: choice === value }, choice));
  const select = element("select", {}, ...options);
  const form = element("form", { method: "dialog" },
    element("p", {}, element("label", {}, `${label} `, select)),
    element("p", { class: "row" },
      element("button", { value: "ok", class: "main" }, title),
      element("button", { value: "" }, "Cancel")));
  const answer = await answerOf(element("dialog", { "aria-label": title }, element("h1", {}, title), form));
  return answer === "ok" ? select.value : null;
}

function answerOf(dialog) {
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue);
    });
  });
}
