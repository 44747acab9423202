/* Corrections that the server makes: saving what was painted, pieces, undo, and conflicts. */

import * as api from "../api.js";
import { ask, attempt, failed, notice } from "../notices.js";
import { counted } from "../words.js";
import { forgetExports } from "./exports.js";

const TOLD_AFTER_MS = 700;

/** Save what was painted, if anything. Returns whether nothing is left unsaved. */
export async function save(bench) {
  if (bench.busy) {
    notice("A correction is being made: wait for it.");
    return false;
  }
  const unsaved = bench.labels?.unsaved();
  if (!unsaved) return true;
  const { first, last, labels } = unsaved;
  const range = { first: bench.loader.toWhole(first), last: bench.loader.toWhole(last), ...nameOf(bench.state.fresh) };
  const answer = await carriedOut(bench, (id, version) => api.paint(id, version, range, labels));
  if (!answer) return false;
  notice(`Saved: ${counted(answer.changed_voxels, "voxel", "voxels")} changed.`);
  return true;
}

/** The bone of a new piece, as a part of the request; one of unknown name is sent without. */
function nameOf(fresh) {
  return fresh && fresh.bone !== "unknown" ? { name: fresh.bone } : {};
}

/** Save, then correct pieces as a whole. Returns whether that was done.
 * @param {{kind: string, pieces: number[], seeds_mm?: number[][], name?: string}} request */
export async function correct(bench, request) {
  if (!(await save(bench))) return false;
  if (bench.state.fresh) { // nothing was painted of it, so the server does not have it
    bench.state.giveUp();
    bench.redraw();
    return false;
  }
  const before = new Set(bench.state.pieces.map((piece) => piece.label));
  const answer = await carriedOut(bench, (id, version) =>
    api.edit(id, version, { seeds_mm: [], name: "", ...request }));
  if (!answer) return false;
  const made = bench.state.pieces.filter((piece) => !before.has(piece.label));
  notice(made.length ? `New: ${made.map((piece) => piece.name).join(", ")}.` : "Done. Undo brings it back.");
  return true;
}

/** Take back the last correction that was saved. */
export async function takeBack(bench) {
  if (await carriedOut(bench, api.undo)) notice("The last saved correction was taken back.");
}

/** Send one correction at a time and show what it made; null if it was refused, which the user is told. */
async function carriedOut(bench, request) {
  if (bench.busy) return null;
  bench.busy = true;
  bench.root.setAttribute("aria-busy", "true");
  let told = null;
  const soon = setTimeout(() => { told = notice("The correction is being made…"); }, TOLD_AFTER_MS);
  try {
    const answer = await request(bench.state.id, bench.state.version);
    await taken(bench, answer);
    return answer;
  } catch (error) {
    if (error.status === 412) await conflict(bench);
    else failed(error);
    return null;
  } finally {
    clearTimeout(soon);
    told?.remove();
    bench.busy = false;
    bench.root.removeAttribute("aria-busy");
  }
}

async function taken(bench, answer) {
  bench.state.take(answer);
  if (!answer.pieces) bench.state.take(await api.caseOf(bench.state.id));
  forgetExports(bench.parts);
  await Promise.all([bench.loadLabels(), attempt(() => bench.look())]);
  bench.redraw();
  attempt(() => bench.loadMeshes()); // nobody waits for surfaces before the next correction
}

async function conflict(bench) {
  const count = bench.labels.changes;
  const answers = [{ value: "load", says: "Load the new version", kind: count ? "" : "main" }, { value: "", says: "Keep looking at mine" }];
  if (count) answers.unshift({ value: "again", says: "Load it and keep my painting", kind: "main" });
  const answer = await ask("This case was changed meanwhile", count
    ? `Another window or person corrected this case. Your ${counted(count, "painted voxel", "painted voxels")} were not saved.`
    : "Another window or person corrected this case. Your correction was not made.", answers);
  if (!answer) return;
  const painted = bench.labels.painted();
  const { fresh } = bench.state;
  await taken(bench, await api.caseOf(bench.state.id));
  if (answer === "again") {
    if (fresh) bench.begin(fresh.bone);
    bench.labels.paintAgain(painted, (label) => (label === fresh?.label ? bench.state.fresh.label : label));
    bench.slices.showLabels(bench.labels.bytes);
    bench.redraw();
  }
}
