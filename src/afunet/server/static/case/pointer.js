/* The mouse, pen or finger on the slices: the tool in use comes first, NiiVue gets the rest. */

import { attempt } from "../notices.js";
import { paints, points } from "./tools.js";

const ZOOM = 1.25;
const OWN = ["mousedown", "mousemove", "mouseup", "touchstart", "touchmove", "touchend"];

export function listenToPointer(bench) {
  const area = bench.parts.slices;
  let painting = false;
  const inUse = (event) => bench.state.tool !== "look" && !event.target.closest("button") && (event.button ?? 0) === 0 && (event.touches?.length ?? 1) < 2;
  for (const kind of OWN) {
    area.addEventListener(kind, (event) => {
      if (inUse(event) && (kind !== "mousemove" || painting)) event.stopPropagation();
    }, { capture: true });
  }
  area.addEventListener("pointerdown", (event) => {
    const under = inUse(event) && bench.slices.under(event);
    if (!under) return;
    bench.slices.canvas.focus();
    attempt(() => {
      if (points(bench.state.tool)) return bench.actions.pointAt(under);
      if (!bench.actions.mayPaint()) return undefined;
      painting = true;
      area.setPointerCapture(event.pointerId);
      return bench.brush.begin(bench.state.tool, under);
    });
  });
  area.addEventListener("pointermove", (event) => {
    const under = bench.slices.grid && bench.slices.under(event);
    if (paints(bench.state.tool) && bench.state.tool !== "fill") bench.overlay.showBrush(event, under, bench.parts["brush-size"].valueAsNumber / 2);
    else bench.overlay.hideBrush();
    if (painting) bench.brush.move(under);
  });
  const end = () => {
    if (painting) bench.brush.end();
    painting = false;
  };
  area.addEventListener("pointerup", end);
  area.addEventListener("pointercancel", end);
  area.addEventListener("wheel", (event) => turnWheel(bench, event), { capture: true, passive: false });
  area.addEventListener("pointerleave", () => bench.overlay.hideBrush());
}

/** The wheel moves through the slices under the mouse; with Ctrl it zooms. */
function turnWheel(bench, event) {
  event.preventDefault();
  event.stopPropagation();
  const { slices } = bench;
  const up = -Math.sign(event.deltaY);
  const under = slices.grid && slices.under(event);
  if (!under || !up) return undefined;
  if (event.ctrlKey) return slices.zoom(ZOOM ** up, under.voxel);
  if (under.fixed === 2) return up > 0 ? bench.actions.up() : bench.actions.down();
  return slices.move(...[0, 1, 2].map((axis) => (axis === under.fixed ? up : 0)));
}
