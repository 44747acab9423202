/* Every key of the case's page: the help shows them, the page runs the action of the same name. */

const key = (group, keys, action, says) => ({ group, keys: keys.split(" "), action, says });

export const KEYS = [
  key("Move", "ArrowLeft", "left", "Crosshair to the left of the screen"),
  key("Move", "ArrowRight", "right", "Crosshair to the right"),
  key("Move", "ArrowUp", "front", "Crosshair to the front"),
  key("Move", "ArrowDown", "back", "Crosshair to the back"),
  key("Move", "PageUp .", "up", "One slice towards the head"),
  key("Move", "PageDown ,", "down", "One slice towards the feet"),
  key("Move", "Home", "top", "Uppermost slice"),
  key("Move", "End", "bottom", "Lowest slice"),
  key("Move", "n", "nextFlag", "Next place to check"),
  key("Move", "N", "lastFlag", "Place to check before"),
  key("Look", "q", "all", "Axial, coronal and sagittal"),
  key("Look", "a", "axial", "Axial alone: slices across the leg"),
  key("Look", "c", "coronal", "Coronal alone: from the front"),
  key("Look", "s", "sagittal", "Sagittal alone: from the side"),
  key("Look", "1", "bone", "Window for bone"),
  key("Look", "2", "soft", "Window for soft tissue"),
  key("Look", "3", "metal", "Window for metal"),
  key("Look", "l", "outline", "Outline or filled mask"),
  key("Look", "+ =", "closer", "Zoom in"),
  key("Look", "-", "away", "Zoom out"),
  key("Look", "0", "fit", "Whole slice"),
  key("Look", "Shift+ArrowLeft", "turnLeft", "Turn the bones to the left"),
  key("Look", "Shift+ArrowRight", "turnRight", "Turn the bones to the right"),
  key("Look", "Shift+ArrowUp", "turnUp", "Turn the bones up"),
  key("Look", "Shift+ArrowDown", "turnDown", "Turn the bones down"),
  key("Look", "z", "detail", "Large scans: full detail here, or overview"),
  key("Bones", "g", "choose", "Choose the piece at the crosshair"),
  key("Bones", "k", "nextPiece", "Choose the next piece"),
  key("Bones", "y", "toPiece", "Move the crosshair to the chosen piece"),
  key("Bones", "h", "hide", "Hide or show the chosen piece"),
  key("Bones", "o", "solo", "Show the chosen piece alone"),
  key("Bones", "H", "all-shown", "Show all pieces"),
  key("Bones", "j", "join", "Join the chosen pieces"),
  key("Bones", "r", "rename", "Rename the chosen piece"),
  key("Bones", "Delete", "delete", "Delete the chosen pieces"),
  key("Correct", "v Escape", "look", "Look only: put the tool away"),
  key("Correct", "b", "brush", "Brush"),
  key("Correct", "e", "erase", "Eraser"),
  key("Correct", "f", "fill", "Outline and fill an area"),
  key("Correct", "[", "smaller", "Smaller brush"),
  key("Correct", "]", "larger", "Larger brush"),
  key("Correct", "t", "limit", "Brush only where the HU are in the limits"),
  key("Correct", "i", "interpolate", "Fill between painted slices"),
  key("Correct", "m", "newPiece", "New piece: choose its bone, paint it, save"),
  key("Correct", "p", "part", "Part: set points on both sides"),
  key("Correct", "Space", "point", "Paint, or set a point, at the crosshair"),
  key("Correct", "Enter", "cut", "Part at the points set"),
  key("Correct", "Ctrl+z", "undo", "Undo the last stroke; if all is saved, the last saved correction"),
  key("Correct", "Ctrl+s", "save", "Save the painting"),
  key("Measure", "d", "length", "Length between two points"),
  key("Measure", "w", "angle", "Angle of three points"),
  key("Measure", "x", "clear", "Remove points and measures"),
  key("Help", "?", "help", "This help"),
];

const SIGNS = { ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", PageUp: "Page ↑", PageDown: "Page ↓" };

/** What the arrows do on the strip of slices. */
const STEPS = { ArrowUp: "up", ArrowRight: "up", ArrowDown: "down", ArrowLeft: "down" };

export function shownKey(name) {
  return name.split("+").map((part) => SIGNS[part] ?? part).join("+") || "+";
}

/** What an action does and its key, for the title of its button; empty for one without a key. */
export function titleOf(action) {
  const found = KEYS.find((one) => one.action === action);
  return found ? `${found.says} (${shownKey(found.keys[0])})` : "";
}

/** The action of a keyboard event, or null; keys typed into a field are the field's. */
export function actionOf(event) {
  if (event.target.closest("input:not([type=range], [type=checkbox]), select, textarea, dialog")) return null;
  const name = event.key === " " ? "Space" : event.key;
  const arrow = name.startsWith("Arrow");
  if (event.target.closest("input[type=range], input[type=radio]") && arrow) return null;
  if (event.target.getAttribute("role") === "slider" && STEPS[name]) return STEPS[name];
  if (event.target.closest("button, a, input") && (name === "Space" || name === "Enter")) return null;
  const control = event.ctrlKey || event.metaKey;
  const full = control ? `Ctrl+${name}` : event.shiftKey && arrow ? `Shift+${name}` : name;
  return KEYS.find((one) => one.keys.includes(full))?.action ?? null;
}
