// Says that something goes on while a form's answer is awaited, and sends it once. It works without, too.
(() => {
  "use strict";
  const form = document.querySelector("form[data-busy]");
  form.addEventListener("submit", () => {
    document.getElementById("busy").textContent = form.dataset.busy;
    // After the submission has begun: a disabled button would be left out of it.
    setTimeout(() => {
      form.querySelector("button").disabled = true;
    }, 0);
  });
  // Back from the browser's cache, the page is as it was left.
  window.addEventListener("pageshow", () => {
    form.querySelector("button").disabled = false;
    document.getElementById("busy").textContent = "";
  });
})();
