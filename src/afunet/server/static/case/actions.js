/* What keys and buttons do, by the names in keys.js. */

import { showHelp } from "../help.js";
import { notice } from "../notices.js";
import { counted } from "../words.js";
import { correct, save, takeBack } from "./corrections.js";
import { markFlag } from "./flags.js";
import { pieceActions } from "./piece_actions.js";
import { TOOLS, paints, points } from "./tools.js";

const TURN_DEG = 15, ZOOM = 1.25;

/** The actions of a bench. */
export function actionsOf(bench) {
  const { slices, solid, state } = bench;
  return {
    ...moves(bench), ...pieceActions(bench), ...painting(bench), ...tools(bench),
    all: () => bench.setLayout("all"),
    axial: () => bench.setLayout("axial"),
    coronal: () => bench.setLayout("coronal"),
    sagittal: () => bench.setLayout("sagittal"),
    bone: () => bench.setWindow("bone"),
    soft: () => bench.setWindow("soft"),
    metal: () => bench.setWindow("metal"),
    outline: () => bench.setOutline(!bench.view.outline),
    closer: () => slices.zoom(ZOOM),
    away: () => slices.zoom(1 / ZOOM),
    fit: () => slices.fit(),
    turnLeft: () => solid.turn(-TURN_DEG, 0),
    turnRight: () => solid.turn(TURN_DEG, 0),
    turnUp: () => solid.turn(0, TURN_DEG),
    turnDown: () => solid.turn(0, -TURN_DEG),
    detail: () => (bench.loader.detail ? overview(bench) : bench.detailAt(bench.slice())),
    help: showHelp,
    flag: (number) => goToFlag(bench, number),
    partAt: async (number) => {
      await goToFlag(bench, number);
      state.choose(state.flags[number].piece, false);
      bench.setTool("part");
      bench.points.clearSeeds();
      bench.redraw();
      slices.canvas.focus();
    },
    notBroken: (number) => correct(bench, { kind: "whole", pieces: [state.flags[number].piece] }),
    nextFlag: () => goToFlag(bench, (bench.flag ?? -1) + 1),
    lastFlag: () => goToFlag(bench, (bench.flag ?? state.flags.length) - 1),
  };
}

async function overview(bench) {
  if (bench.loader.large && (await save(bench))) await bench.load();
}

async function goToFlag(bench, number) {
  const { flags } = bench.state;
  if (!flags.length) return;
  bench.flag = (number + flags.length) % flags.length;
  markFlag(bench.parts, bench.flag);
  const { centre_mm: centre, slice } = flags[bench.flag];
  if (centre) await bench.goTo(centre);
  else if (slice !== null && slice !== undefined) await bench.goToSlice(slice);
}

function moves(bench) {
  const { slices } = bench;
  return {
    left: () => slices.move(1, 0, 0), // radiological convention: the patient's right is on the left
    right: () => slices.move(-1, 0, 0),
    front: () => slices.move(0, 1, 0),
    back: () => slices.move(0, -1, 0),
    up: () => bench.goToSlice(bench.slice() + (bench.loader.range?.step ?? 1)),
    down: () => bench.goToSlice(bench.slice() - (bench.loader.range?.step ?? 1)),
    top: () => bench.goToSlice(bench.loader.toWhole(bench.scan.dims[2] - 1)),
    bottom: () => bench.goToSlice(bench.loader.toWhole(0)),
  };
}

function painting(bench) {
  const { parts } = bench;
  const size = (by) => {
    parts["brush-size"].valueAsNumber += by;
    parts["brush-size"].dispatchEvent(new Event("input"));
  };
  return {
    /** Whether the brush may be used now; if not, the user is told why. */
    mayPaint: () => {
      const { tool, chosen, hidden } = bench.state;
      if (bench.busy) notice("Wait a moment: the last correction is being made.");
      else if (!bench.loader.detail) notice("This is an overview: choose “Full detail here” (z) to paint.");
      else if (tool !== "erase" && !bench.labels.index(chosen[0])) notice("Choose the bone to paint in the list first.");
      else if (tool !== "erase" && hidden.has(chosen[0])) notice("This piece is hidden, and hidden pieces are locked: show it first.");
      else return true;
      return false;
    },
    smaller: () => size(-1),
    larger: () => size(1),
    limit: () => { parts.limited.checked = !parts.limited.checked; },
    interpolate: () => {
      if (!bench.actions.mayPaint()) return;
      const filled = bench.brush.interpolate();
      notice(filled ? `${counted(filled, "slice was", "slices were")} filled.` : "Paint the same bone on two axial slices first, with slices between them.");
    },
    undo: () => {
      const strokes = bench.labels.undo();
      if (!strokes && bench.state.fresh) { bench.state.giveUp(); bench.redraw(); return undefined; }
      if (!strokes) return takeBack(bench);
      bench.slices.showChanged(bench.labels.boxOf(strokes));
      bench.redraw();
      return undefined;
    },
    save: () => save(bench),
  };
}

function tools(bench) {
  const { state } = bench;
  return {
    ...Object.fromEntries(Object.keys(TOOLS).map((tool) => [tool, () => bench.setTool(tool)])),
    pointAt: (under) => bench.points.add(under.voxel),
    point: () => {
      const voxel = bench.slices.voxel();
      if (points(state.tool)) return bench.points.add(voxel);
      if (paints(state.tool) && state.tool !== "fill" && bench.actions.mayPaint()) bench.brush.dab(state.tool, voxel);
      return undefined;
    },
    clear: () => bench.points.clear(),
    cut: async () => {
      const { seeds } = bench.points;
      if (state.tool !== "part" || seeds.length < 2) return;
      const [label, ...others] = seeds.map((seed) => bench.labels.labelAt(seed.voxel));
      const apart = others.findIndex((other) => other !== label);
      if (!state.piece(label) || apart >= 0) {
        const name = (found) => state.piece(found)?.name ?? "no bone";
        notice(apart < 0 ? "The points lie in no bone: set them again." :
          `All points must lie in one piece: point 1 lies in ${name(label)}, point ${apart + 2} in ${name(others[apart])}.`, { bad: true });
        return;
      }
      const seedsMm = seeds.map((seed) => seed.mm);
      if (await correct(bench, { kind: "part", pieces: [label], seeds_mm: seedsMm })) bench.points.clearSeeds();
    },
  };
}
