// Files go one by one, each with its progress. Without this script the form takes them all at once.
(() => {
  "use strict";

  function line(list, file, words) {
    const item = document.createElement("li");
    const name = document.createElement("span");
    const bar = document.createElement("progress");
    const state = document.createElement("span");
    item.className = "sending";
    name.textContent = file.name;
    bar.max = Math.max(1, file.size);
    bar.value = 0;
    bar.setAttribute("aria-label", file.name);
    state.textContent = words.waits;
    item.append(name, bar, state);
    list.append(item);
    return { item, bar, state };
  }

  function send(file, place, shown, words) {
    return new Promise((resolve) => {
      const request = new XMLHttpRequest();
      const end = (trouble) => {
        shown.state.textContent = trouble ? words.failed : words.done;
        if (trouble) {
          const said = document.createElement("span");
          said.className = "wrong";
          said.textContent = trouble;
          shown.item.append(said);
        }
        resolve(!trouble);
      };
      request.open("PUT", place.dataset.put + encodeURIComponent(file.name));
      request.setRequestHeader("X-CSRF-Token", place.dataset.csrf);
      request.setRequestHeader("Content-Type", "application/octet-stream");
      request.upload.addEventListener("progress", (event) => {
        shown.bar.value = event.loaded;
        shown.state.textContent = `${Math.floor((100 * event.loaded) / Math.max(1, event.total))} %`;
      });
      request.addEventListener("load", () => {
        if (request.status < 400) {
          shown.bar.value = shown.bar.max;
          end("");
          return;
        }
        let trouble = words.lost;
        try {
          trouble = JSON.parse(request.responseText).message;
        } catch {
          // Whatever answered was not nbhostd.
        }
        end(trouble);
      });
      request.addEventListener("error", () => end(words.lost));
      request.send(file);
    });
  }

  for (const place of document.querySelectorAll("[data-put]")) {
    const words = JSON.parse(place.dataset.uploadWords);
    const form = place.querySelector("form");
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const files = [...form.querySelector('input[type="file"]').files];
      const list = form.querySelector(".drop-list");
      const buttons = [...form.querySelectorAll("button")];
      list.replaceChildren();
      buttons.forEach((button) => { button.disabled = true; });
      const shown = files.map((file) => line(list, file, words));
      let all = true;
      for (const [index, file] of files.entries()) {
        all = await send(file, place, shown[index], words) && all;
      }
      if (all) {
        window.location.reload();
        return;
      }
      buttons.forEach((button) => { button.disabled = false; });
    });
  }
})();
