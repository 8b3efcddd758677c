// Logs that grow while one looks, and files that are dropped.
(() => {
  "use strict";
  const words = JSON.parse(document.body.dataset.words || "{}");
  // Characters of a log that the page keeps: beyond, the oldest go.
  const MOST = 2000000;

  function follow(log) {
    const pre = log.querySelector("pre");
    const state = log.querySelector("[data-state]");
    const box = log.querySelector("[data-follow]");
    const source = new EventSource(log.dataset.events);
    const atEnd = () => pre.scrollHeight - pre.scrollTop - pre.clientHeight < 24;
    const toEnd = () => {
      if (box.checked) {
        pre.scrollTop = pre.scrollHeight;
      }
    };
    const said = state.textContent;
    box.closest("label").hidden = false;
    box.addEventListener("change", toEnd);
    // Who scrolls up wants to read; who comes back to the end wants to follow.
    pre.addEventListener("scroll", () => {
      box.checked = atEnd();
    });
    toEnd();

    source.addEventListener("open", () => {
      state.textContent = said;
    });
    let length = pre.textContent.length;
    source.addEventListener("message", (event) => {
      const { line } = JSON.parse(event.data);
      pre.append(`${line}\n`);
      length += line.length + 1;
      while (pre.childNodes.length > 1 && length > MOST) {
        length -= pre.firstChild.textContent.length;
        pre.firstChild.remove();
      }
      toEnd();
    });
    source.addEventListener("stage", (event) => {
      const { done, total, what } = JSON.parse(event.data);
      const stage = log.querySelector("[data-stage]");
      const bar = stage.querySelector("progress");
      stage.hidden = false;
      bar.max = total || 1;
      bar.value = done;
      stage.querySelector("span").textContent = `${done}/${total} ${what}`;
    });
    source.addEventListener("end", (event) => {
      source.close();
      const end = JSON.parse(event.data);
      state.textContent = end.text;
      state.className = `badge tone-${end.tone}`;
      log.querySelector("[data-message]").textContent = end.message || "";
      log.querySelector("[data-while-running]")?.remove();
      log.querySelector("[data-stage]")?.remove();
      box.closest("label").hidden = true;
      // Who has scrolled up reads; who follows is led on.
      if (end.go && box.checked) {
        location.assign(end.go);
      } else if (end.go) {
        const link = document.createElement("a");
        link.href = end.go;
        link.textContent = words.go_on;
        log.querySelector("[data-message]").append(" ", link);
      }
    });
    source.addEventListener("error", () => {
      state.textContent = words.silent;
    });
  }

  function drop(zone) {
    const input = zone.querySelector('input[type="file"]');
    const list = zone.querySelector(".drop-list");
    const most = Number(input.dataset.most || Infinity);
    const size = (bytes) => {
      const unit = ["byte", "kilobyte", "megabyte", "gigabyte"];
      const step = bytes < 1 ? 0 : Math.min(3, Math.floor(Math.log(bytes) / Math.log(1024)));
      const style = { style: "unit", unit: unit[step], unitDisplay: "short", maximumFractionDigits: 1 };
      return new Intl.NumberFormat(document.documentElement.lang, style).format(bytes / 1024 ** step);
    };
    const item = (file) => {
      const line = document.createElement("li");
      const said = document.createElement("span");
      line.append(file.name, said);
      said.textContent = size(file.size);
      if (file.size > most) {
        line.className = "wrong";
        const facts = { name: file.name, size: size(file.size), limit: size(most) };
        line.textContent = words.too_large.replace(/\{(\w+)\}/g, (_all, fact) => facts[fact]);
      }
      return line;
    };
    const show = () => {
      const files = [...input.files];
      list.replaceChildren(...files.map(item));
      const wrong = files.some((file) => file.size > most);
      input.setCustomValidity(wrong ? list.querySelector(".wrong").textContent : "");
    };
    const stop = (event) => {
      event.preventDefault();
      zone.classList.toggle("over", event.type === "dragover");
    };
    zone.querySelector(".drop-here").hidden = false;
    zone.addEventListener("dragover", stop);
    zone.addEventListener("dragleave", stop);
    zone.addEventListener("drop", (event) => {
      stop(event);
      const dropped = new DataTransfer();
      const files = [...event.dataTransfer.files];
      (input.multiple ? files : files.slice(0, 1)).forEach((file) => dropped.items.add(file));
      input.files = dropped.files;
      show();
    });
    input.addEventListener("change", show);
  }

  document.querySelectorAll(".log[data-events]").forEach(follow);
  document.querySelectorAll(".drop").forEach(drop);
})();
