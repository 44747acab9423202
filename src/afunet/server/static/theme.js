/* Runs before the first paint: the page is light or dark as the user chose, else as the system is. */
"use strict";
(() => {
  const chosen = localStorage.getItem("afunet-theme");
  if (chosen) document.documentElement.dataset.theme = chosen;
})();
