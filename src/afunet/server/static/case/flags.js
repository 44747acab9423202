/* The places to check, worst first. */

import { element } from "../dom.js";
import { sentence } from "../words.js";

/** Show the flags; `go(number)` looks at one. */
export function showFlags(parts, flags, go) {
  parts["flag-count"].textContent = flags.length ? String(flags.length) : "";
  const rows = flags.map((flag, number) => element("li", {},
    element("button", { type: "button", class: `flag ${flag.severity}`, onclick: () => go(number) },
      element("strong", {}, `${place(flag)} `), sentence(flag.message))));
  parts.flags.replaceChildren(...(rows.length ? rows : [element("li", { class: "hint" }, "Nothing stands out. Check the outline nevertheless.")]));
}

/** Where a flag is, unless its message begins with that. */
function place({ slice, message }) {
  if (message.startsWith("slice")) return "";
  return slice === null ? "" : `Slice ${slice + 1}`;
}

/** Mark the flag that is looked at. */
export function markFlag(parts, number) {
  parts.flags.querySelectorAll("button").forEach((one, at) => one.setAttribute("aria-pressed", String(at === number)));
}
