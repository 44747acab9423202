/* The tool bars: which button is pressed, what the tool in use can be set to. */

import { counted } from "../words.js";

export const LAYOUTS = { all: "All", axial: "Axial", coronal: "Coronal", sagittal: "Sagittal" };
export const WINDOWS = {
  bone: { says: "Bone", low: -300, high: 1300 },
  soft: { says: "Soft", low: -160, high: 240 },
  metal: { says: "Metal", low: -500, high: 3500 },
};
export const TOOLS = { look: "Look", brush: "Brush", erase: "Erase", fill: "Fill", part: "Part", length: "Length", angle: "Angle" };
const PAINTING = ["brush", "erase", "fill"], POINTING = ["part", "length", "angle"];

export const paints = (tool) => PAINTING.includes(tool);
export const points = (tool) => POINTING.includes(tool);

/** Show the tool bars as the state is. */
export function showTools({ root, parts, state, view, labels, loader, points: set }) {
  const pressed = { [state.tool]: true, [view.layout]: true, [windowName(view.window)]: true };
  root.querySelectorAll("[data-does]").forEach((one) => one.setAttribute("aria-pressed", String(Boolean(pressed[one.dataset.does]))));
  root.querySelector("[data-do=outline]").setAttribute("aria-pressed", String(view.outline));
  root.querySelector("[data-do=save]").disabled = !labels?.changes;
  parts.unsaved.textContent = labels?.changes ? `${counted(labels.changes, "voxel", "voxels")} not saved` : "";
  parts.slices.classList.toggle("drawing", state.tool !== "look");
  parts.slices.classList.toggle("brushing", state.tool === "brush" || state.tool === "erase");
  parts["brush-options"].hidden = !paints(state.tool);
  parts["point-options"].hidden = !points(state.tool);
  parts["point-words"].textContent = set.words;
  parts.cut.hidden = state.tool !== "part";
  parts.cut.disabled = set.seeds.length < 2;
  parts["brush-mm"].textContent = `${parts["brush-size"].value} mm`;
  showPaint(parts, state);
  showSlab(parts, loader);
}

function windowName(window) {
  return Object.keys(WINDOWS).find((name) => WINDOWS[name] === window);
}

function showPaint(parts, state) {
  const piece = state.tool === "erase" ? null : state.piece(state.chosen[0]);
  parts["paint-swatch"].style.backgroundColor = piece?.colour ?? "#000";
  parts["paint-name"].textContent = piece?.name ?? (state.tool === "erase" ? "Any bone" : "No bone chosen");
}

function showSlab(parts, loader) {
  parts.slab.hidden = !loader.large;
  const { first, last } = loader.range ?? {};
  parts["slab-words"].textContent = loader.detail ? `Full detail, slices ${first + 1} to ${last + 1}` : "Large scan: overview";
  parts["slab-button"].textContent = loader.detail ? "Overview" : "Full detail here";
}
