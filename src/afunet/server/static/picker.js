/* The series of an upload: what inspect says of each, the chosen one, another one. */

import * as api from "./api.js";
import { element, fromTemplate } from "./dom.js";
import { attempt } from "./notices.js";
import { counted, sentence } from "./words.js";

/** Let the user choose a series; returns the id of the new case, or null if it was discarded. */
export function pickSeries(main, { upload, series }) {
  const [root, parts] = fromTemplate("picker");
  main.replaceChildren(root);
  parts.series.replaceChildren(...series.map(row));
  const usable = series.some((one) => !one.refused);
  parts.start.disabled = !usable;
  parts.hint.textContent = usable
    ? "afunet chose the series that shows bone best. You may choose another one."
    : "None of these can be used; each says why. Discard them and send others.";
  return new Promise((resolve) => {
    parts.cancel.addEventListener("click", async () => {
      await attempt(() => api.deleteUpload(upload));
      resolve(null);
    });
    parts.form.addEventListener("submit", async (event) => {
      event.preventDefault();
      parts.start.disabled = true;
      const made = await attempt(() => begun(wanted(upload, parts.form)));
      parts.start.disabled = false;
      if (made) resolve(made.case);
    });
    (root.querySelector("input:checked") ?? parts.cancel).focus();
  });
}

async function begun(request) {
  try {
    return await api.makeCase(request);
  } catch (error) {
    if (error.code === "UPLOAD_BUSY") error.message = "these files are still being looked at: wait a moment, then press the button again";
    throw error;
  }
}

function wanted(upload, form) {
  const { series, fast, name } = form.elements;
  return { upload, series: series.value, fast: fast.checked, name: name.value.trim() };
}

function row(one, number) {
  const [warnings, notes] = [true, false].map((matters) => one.findings.filter(({ severity }) => (severity !== "info") === matters));
  return element("li", {}, element("label", {},
    element("input", { type: "radio", name: "series", value: one.series, checked: one.chosen && !one.refused, disabled: Boolean(one.refused), required: true }),
    element("strong", {}, one.title || `Series ${number + 1}`),
    element("span", { class: "facts" }, facts(one)),
    ...warnings.map(said),
    notes.length ? element("details", { class: "said" }, element("summary", {}, counted(notes.length, "note about the files", "notes about the files")), ...notes.map(said)) : null,
    one.refused ? element("span", { class: "said refused" }, sentence(one.refused.message)) : null));
}

function said({ severity, message }) {
  return element("span", { class: `said ${severity}` }, sentence(message));
}

function facts({ modality, slices, shape, spacing_mm: spacing }) {
  const size = shape ? `${slices} slices of ${shape[0]} × ${shape[1]}` : `${slices} slices`;
  const voxel = spacing ? `voxels ${spacing.map((mm) => mm.toFixed(2)).join(" × ")} mm` : "";
  return [modality, size, voxel].filter(Boolean).join(" · ");
}
