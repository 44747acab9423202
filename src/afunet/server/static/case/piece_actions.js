/* What keys and buttons do with bones and fragments: choose, hide, and corrections of whole pieces. */

import { askChoice, notice } from "../notices.js";
import { NAMES } from "./bones.js";
import { correct, save } from "./corrections.js";

/** The actions on pieces by their names in keys.js. */
export function pieceActions(bench) {
  const { state } = bench;
  const shown = () => { bench.redraw(); bench.colour(); };
  const one = () => state.piece(state.chosen[0]);
  return {
    choose: (label, more) => {
      const wanted = typeof label === "number" ? label : bench.labels.labelAt(bench.slices.voxel());
      if (!state.piece(wanted)) return;
      state.choose(wanted, more);
      bench.redraw();
    },
    nextPiece: () => {
      const at = state.pieces.indexOf(one());
      if (state.pieces.length) state.choose(state.pieces[(at + 1) % state.pieces.length].label, false);
      bench.redraw();
    },
    toPiece: () => one()?.centre_mm && bench.goTo(one().centre_mm),
    hide: (label) => {
      const labels = typeof label === "number" ? [label] : state.chosen;
      labels.forEach((each) => state.hide(each));
      shown();
    },
    solo: (label) => {
      const wanted = typeof label === "number" ? label : state.chosen[0];
      if (state.piece(wanted)) state.solo(wanted);
      shown();
    },
    "all-shown": () => { state.hidden.clear(); shown(); },
    join: () => {
      if (state.chosen.length < 2) return notice("Choose the pieces to join with Shift or Ctrl.");
      return correct(bench, { kind: "join", pieces: state.chosen });
    },
    rename: async () => {
      if (!one()) return;
      const name = await askChoice("Rename", "This piece is a part of the", boneOf(one()), NAMES);
      if (name) await correct(bench, { kind: "rename", pieces: [one().label], name });
    },
    newPiece: async () => {
      const name = await askChoice("New piece", "It is a part of the", boneOf(one()), NAMES);
      if (!name || !(await save(bench))) return;
      if (state.fresh) state.giveUp();
      bench.begin(name);
      bench.setTool("brush");
      notice("Paint the new piece. It is made when you save.");
    },
    delete: () => (state.chosen.length ? correct(bench, { kind: "delete", pieces: state.chosen }) : undefined),
  };
}

function boneOf(piece) {
  return `${piece?.side ?? ""} ${piece?.bone ?? "unknown"}`.trim();
}
