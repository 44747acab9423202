/* The places to check, worst first. */

import { button, element } from "../dom.js";
import { sentence } from "../words.js";

const SUSPECTED = "FRACTURE_SUSPECTED";

/** Show the flags; `actions` look at one (`flag`), and answer whether a bone is broken there. */
export function showFlags(parts, flags, actions) {
  parts["flag-count"].textContent = flags.length ? String(flags.length) : "";
  const rows = flags.map((flag, number) => element("li", {},
    element("button", { type: "button", class: `flag ${flag.severity}`, onclick: () => actions.flag(number) },
      element("strong", {}, `${place(flag)} `), sentence(flag.message)),
    flag.code === SUSPECTED && flag.piece ? answers(number, actions) : null));
  parts.flags.replaceChildren(...(rows.length ? rows : [element("li", { class: "hint" }, "Nothing stands out. Check the outline nevertheless.")]));
}

/** The answers to a fracture that is only suspected. */
function answers(number, actions) {
  return element("div", { class: "row answers" },
    button("Part here…", () => actions.partAt(number), { class: "small", title: "Go there with the tool that parts this piece" }),
    button("Not broken", () => actions.notBroken(number), { class: "small", title: "The bone is whole: do not suspect it any more" }));
}

/** Where a flag is, unless its message begins with that. */
function place({ slice, message }) {
  if (message.startsWith("slice")) return "";
  return slice === null ? "" : `Slice ${slice + 1}`;
}

/** Mark the flag that is looked at. */
export function markFlag(parts, number) {
  parts.flags.querySelectorAll(".flag").forEach((one, at) => one.setAttribute("aria-pressed", String(at === number)));
}
