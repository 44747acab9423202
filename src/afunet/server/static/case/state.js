/* What the page knows of a case: its pieces, which are hidden, which are chosen, the version. */

/**
 * @typedef {{label: number, name: string, bone: string, side: ?string, volume_mm3: number,
 *   centre_mm: ?number[], colour: string}} Piece  a piece and its measures; places are LPS mm
 * @typedef {{code: string, message: string, severity: string, slice: ?number, piece: ?number, centre_mm: ?number[]}} Flag
 * @typedef {{case: string, pieces: Piece[], flags: Flag[], confidence: (?number)[], version: string,
 *   grid: {shape: number[], affine: number[][]}}} Facts  what the server says of a case that is done
 */

/** The colour of a piece until the server gives it the one of its bone. */
const FRESH = "#ff5edb";

export class State {
  /** @param {Facts} facts */
  constructor(facts) {
    this.id = facts.case;
    this.confidence = facts.confidence;
    this.grid = facts.grid;
    this.hidden = new Set();
    this.chosen = [];
    this.tool = "look";
    this.take(facts);
    this.see(facts);
    this.#chooseFirst();
  }

  #chooseFirst() {
    this.chosen = this.pieces.slice(0, 1).map((piece) => piece.label);
  }

  /** Take over pieces and version of an answer of the server; what is gone is no longer chosen. */
  take({ pieces, version }) {
    this.version = version;
    this.fresh = null;
    if (pieces) this.pieces = pieces;
    const there = new Set(this.pieces.map((piece) => piece.label));
    this.hidden = new Set([...this.hidden].filter((label) => there.has(label)));
    this.chosen = this.chosen.filter((label) => there.has(label));
  }

  /** Take over what the report says: the places to check, and which pages are there. */
  see({ flags, report, version }) {
    this.report = report;
    if (version === this.version) this.flags = flags;
  }

  /** Begin a piece that the server does not have yet: `name` is its bone. It becomes the chosen one. */
  begin(name) {
    const label = 1 + Math.max(0, ...this.pieces.map((piece) => piece.label));
    this.fresh = { label, name: `new ${name}`, bone: name, volume_mm3: 0, centre_mm: null, colour: FRESH };
    this.pieces = [...this.pieces, this.fresh];
    this.chosen = [label];
  }

  /** Give up the piece that was begun. */
  giveUp() {
    this.take({ version: this.version, pieces: this.pieces.filter((piece) => piece !== this.fresh) });
    this.#chooseFirst();
  }

  piece(label) {
    return this.pieces.find((piece) => piece.label === label);
  }

  choose(label, more) {
    if (!more) this.chosen = [label];
    else if (this.chosen.includes(label)) this.chosen = this.chosen.filter((one) => one !== label);
    else this.chosen = [...this.chosen, label];
  }

  hide(label) {
    if (!this.hidden.delete(label)) this.hidden.add(label);
  }

  /** Show one piece alone; if it is alone already, show all. */
  solo(label) {
    const others = this.pieces.map((piece) => piece.label).filter((one) => one !== label);
    const alone = !this.hidden.has(label) && others.every((one) => this.hidden.has(one));
    this.hidden = new Set(alone ? [] : others);
  }
}

/** Red, green and blue (0–255) of "#rrggbb". */
export function rgb(colour) {
  return [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
}
