/* Sending a scan: the files of a drop or a choice, sent in parallel, with progress and cancel. */

import * as api from "./api.js";
import { fromTemplate } from "./dom.js";
import { bytes, counted } from "./words.js";

const AT_ONCE = 4, BUSY_MS = 1000;
const NUMBERED = /\b(\d{6})\b(\.[a-z]{2,4}(\.gz)?)?/g;

/** The files of an input, without those that the operating system hides in folders. */
export function filesOf(list) {
  return [...list].filter((file) => !file.name.startsWith("."));
}

/** The files of a drop; folders are walked through. */
export async function filesOfDrop(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return filesOf(transfer.files);
  return filesOf((await Promise.all(entries.map(filesIn))).flat());
}

async function filesIn(entry) {
  if (entry.isFile) return [await new Promise((resolve, reject) => entry.file(resolve, reject))];
  const reader = entry.createReader();
  const found = [];
  for (;;) { // a reader gives at most 100 entries at a time
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return found;
    found.push(...(await Promise.all(some.map(filesIn))).flat());
  }
}

/** Send files and return what the server found in them: {upload, series}. Cancelling throws. */
export async function sendScan(main, files) {
  const [root, parts] = fromTemplate("uploading");
  main.replaceChildren(root);
  const stop = new AbortController();
  parts.cancel.addEventListener("click", () => stop.abort());
  const { upload } = await api.beginUpload();
  try {
    await sendAll(upload, files, parts, stop.signal);
    parts.bar.removeAttribute("value");
    parts.words.textContent = "Looking what the files are";
    parts.cancel.disabled = true;
    return await lookedAt(upload, parts);
  } catch (error) {
    stop.abort();
    if (error.status) error.message = withName(error.message, files);
    await api.deleteUpload(upload).catch(() => {}); // the server clears forgotten uploads by itself
    throw error;
  }
}

/** Let the server look at what came; if another request works at it, wait for that. */
async function lookedAt(upload, parts) {
  for (;;) {
    try {
      return await api.completeUpload(upload);
    } catch (error) {
      if (error.code !== "UPLOAD_BUSY") throw error;
      parts.words.textContent = "These files are being looked at already: waiting until that is done";
      await new Promise((resolve) => setTimeout(resolve, BUSY_MS));
    }
  }
}

/** A message with the user's name of a file in the place of its number: the server does not know the name. */
function withName(message, files) {
  return message.replace(NUMBERED, (name, number) => (files[Number(number)] ? `“${files[Number(number)].name}”` : name));
}

async function sendAll(upload, files, parts, signal) {
  const sent = new Array(files.length).fill(0);
  const total = files.reduce((sum, file) => sum + file.size, 0);
  const tell = () => {
    const done = Math.min(total, sent.reduce((sum, count) => sum + count, 0));
    parts.bar.value = total ? done / total : 1;
    parts.words.textContent = `${bytes(done)} of ${bytes(total)}, ${counted(files.length, "file", "files")}`;
  };
  let next = 0;
  const send = async () => {
    while (next < files.length) {
      const number = next++;
      const count = (came) => { sent[number] = came; tell(); };
      await api.sendFile(upload, number, files[number], count, signal);
      count(files[number].size);
    }
  };
  tell();
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, files.length) }, send));
}
