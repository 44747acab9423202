/* The list of bones and fragments, and the measures of the chosen one. */

import { button, element, swatch } from "../dom.js";
import { titleOf } from "./keys.js";
import { volume } from "../words.js";

/** Show the pieces; `state` has pieces, hidden and chosen, `actions` what the buttons do. */
export function showPieces(parts, state, actions) {
  const focused = parts.pieces.contains(document.activeElement) ? document.activeElement.dataset.focus : null;
  const rows = state.pieces.map((piece) => row(piece, state, actions));
  parts.pieces.replaceChildren(...rows);
  if (!rows.length) parts.pieces.append(element("li", { class: "hint" }, "afunet found no bone in this scan."));
  if (focused) parts.pieces.querySelector(`[data-focus="${focused}"]`)?.focus();
  parts.details.replaceChildren(...details(state, actions));
}

function row(piece, state, actions) {
  const { label, name, colour } = piece;
  const hidden = state.hidden.has(label);
  return element("li", { class: hidden ? "piece hidden-piece" : "piece", "data-label": label },
    element("button", {
      type: "button", class: "name", "aria-pressed": String(state.chosen.includes(label)), "data-focus": `name-${label}`,
      onclick: (event) => actions.choose(label, event.shiftKey || event.ctrlKey || event.metaKey),
    }, swatch(colour), element("span", { class: "grow" }, name), element("span", { class: "hint" }, volume(piece.volume_mm3))),
    button(hidden ? "Show" : "Hide", () => actions.hide(label), {
      class: "quiet small", "aria-pressed": String(hidden), "aria-label": `Hide ${name}`, "data-focus": `hide-${label}` }),
    button("Solo", () => actions.solo(label), { class: "quiet small", "aria-label": `Show ${name} alone`, "data-focus": `solo-${label}` }));
}

function details(state, actions) {
  const chosen = state.pieces.filter((piece) => state.chosen.includes(piece.label));
  if (!chosen.length) return [element("p", { class: "hint" }, "Choose a piece to see its measures and to correct it.")];
  const one = chosen.length === 1;
  return [
    one ? measures(chosen[0]) : element("p", {}, `${chosen.length} pieces chosen, ${volume(chosen.reduce((sum, piece) => sum + piece.volume_mm3, 0))}`),
    element("div", { class: "row" },
      button("Go to", actions.toPiece, { class: "small", disabled: !one, title: titleOf("toPiece") }),
      button("Part…", actions.part, { class: "small", disabled: !one, title: titleOf("part") }),
      button("Join", actions.join, { class: "small", disabled: one, title: `${titleOf("join")}; choose several with Shift` }),
      button("Rename…", actions.rename, { class: "small", disabled: !one, title: titleOf("rename") }),
      button("Delete", actions.delete, { class: "small danger", title: titleOf("delete") })),
  ];
}

const MEASURES = [
  ["length_mm", "Length", (mm) => `${mm.toFixed(1)} mm`],
  ["area_mm2", "Surface", (mm2) => `${(mm2 / 100).toFixed(1)} cm²`],
  ["mean_hu", "Mean", (hu) => `${Math.round(hu)} HU`],
  ["gap_mm", "Nearest piece", (mm, piece) => `${piece.nearest}, ${mm.toFixed(1)} mm`],
  ["displaced_mm", "Displaced", (mm) => `${mm.toFixed(1)} mm`],
  ["rotated_deg", "Rotated", (degrees) => `${degrees.toFixed(1)}°`],
  ["step_off_mm", "Step-off", (mm) => `${mm.toFixed(1)} mm`],
  ["fracture_gap_mm", "Fracture gap", (mm) => `${mm.toFixed(1)} mm`],
  ["sureness", "Name is right in", (share) => `${Math.round(100 * share)} of 100`],
];

function measures(piece) {
  const known = MEASURES.filter(([key]) => piece[key] !== null && piece[key] !== undefined);
  const rows = known.map(([key, says, shown]) => [element("dt", {}, says), element("dd", {}, shown(piece[key], piece))]);
  return element("dl", {}, element("dt", {}, "Volume"), element("dd", {}, volume(piece.volume_mm3)), ...rows.flat());
}
