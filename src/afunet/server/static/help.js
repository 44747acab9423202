/* The help: how to correct, and every key, as a dialog. */

import { element } from "./dom.js";
import { KEYS, shownKey } from "./case/keys.js";

const HOW = [
  "Look: click or use the arrow keys to move the crosshair; the wheel or page up and down changes the slice. Drag with the right button to move a slice, hold Ctrl and turn the wheel to zoom.",
  "Check: the strip beside the slices has a colour for each slice. Green: the mask is probably right; yellow and red: look closely; white ticks are the places in the list “To check”. Drag along it to scroll.",
  "Correct: choose a bone in the list, then brush, outline an area, or erase. Hidden bones are locked: the brush does not change them. Save makes a new version; the original is kept.",
  "Part a piece: choose it, take Part, click once on each side of the place where it should be parted, then Part here. With Join, pieces chosen with Shift or Ctrl become one.",
];

/** Show the help; it closes with Escape. */
export function showHelp() {
  if (document.querySelector("dialog")) return;
  const groups = [...new Set(KEYS.map((one) => one.group))];
  const dialog = element("dialog", { "aria-label": "Help", class: "help" },
    element("h1", {}, "Help"),
    ...HOW.map((text) => element("p", {}, text)),
    element("div", { class: "keys" }, ...groups.map(section)),
    element("form", { method: "dialog" }, element("button", { class: "main" }, "Close")));
  document.body.append(dialog);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.showModal();
  dialog.scrollTop = 0; // the button that has the focus is at the end
}

function section(group) {
  const rows = KEYS.filter((one) => one.group === group).flatMap((one) => [
    element("dt", {}, ...one.keys.slice(0, 2).flatMap((key, at) => [at ? " " : "", element("kbd", {}, shownKey(key))])),
    element("dd", {}, one.says)]);
  return element("section", {}, element("h2", {}, group), element("dl", {}, ...rows));
}
