/* Export: the formats, the job that writes them, the links to the files. */

import * as api from "../api.js";
import { element } from "../dom.js";
import { attempt, notice } from "../notices.js";

const FORMATS = [
  ["stl", "STL surfaces", true], ["seg", "DICOM SEG", true], ["rtstruct", "RTSTRUCT", false],
  ["seg,sr", "SEG with measures (SR)", false],
  ["seg.nrrd", "3D Slicer segments", false], ["nifti", "NIfTI masks", false], ["glb", "GLB scene", false],
];
/** What refers to the images of a DICOM series. */
const OF_DICOM = ["seg", "rtstruct", "seg,sr"];
const WHOLE = "DICOM files have each bone as a whole; the others keep its fragments apart.";
const NO_DICOM = "This scan is no DICOM series, so there are no DICOM files to choose.";
const LOOK_MS = 700;

/**
 * Fill the form.
 * @param {{export: HTMLElement, downloads: HTMLElement}} parts
 * @param {string} id of the case
 * @param {boolean} fromDicom whether the scan was read from DICOM
 * @param {() => Promise<boolean>} before saves what is painted and returns whether that worked
 */
export function showExport(parts, id, fromDicom, before) {
  const offered = FORMATS.filter(([name]) => fromDicom || !OF_DICOM.includes(name));
  const boxes = offered.map(([name, says, checked]) =>
    element("label", { class: "check" }, element("input", { type: "checkbox", name: "format", value: name, checked: checked || (!fromDicom && name === "nifti") }), ` ${says}`));
  const send = element("button", { class: "main", type: "submit" }, "Export");
  const hint = element("p", { class: "hint" }, fromDicom ? WHOLE : NO_DICOM);
  parts.export.replaceChildren(...boxes, hint, send);
  parts.export.addEventListener("submit", async (event) => {
    event.preventDefault();
    send.disabled = true;
    send.textContent = "Exporting…";
    const chosen = [...parts.export.querySelectorAll("input:checked")].flatMap((box) => box.value.split(","));
    const formats = [...new Set(chosen)];
    await attempt(async () => {
      if (!formats.length) return notice("Choose at least one format.", { bad: true });
      if (!(await before())) return undefined;
      showFiles(parts, id, await exported(id, formats));
      parts.downloads.firstElementChild?.scrollIntoView({ block: "center" });
      return undefined;
    });
    send.disabled = false;
    send.textContent = "Export";
  });
  attempt(async () => showFiles(parts, id, (await api.exportState(id)).files));
}

/** Forget the files of an earlier version. */
export function forgetExports(parts) {
  parts.downloads.replaceChildren();
}

async function exported(id, formats) {
  await api.exportCase(id, formats);
  for (;;) {
    const { state, failure, files } = await api.exportState(id);
    if (state === "done") return files;
    if (failure || state === "cancelled") throw new api.Refusal(422, failure?.code, failure?.message ?? "the export was cancelled");
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

function showFiles(parts, id, files) {
  const link = (href, text) => element("li", {}, element("a", { href, download: "" }, text));
  parts.downloads.replaceChildren(
    ...(files.length ? [link(api.zipAt(id), "All files as a zip")] : []),
    ...files.map((name) => link(api.fileAt(id, name), name)));
}
