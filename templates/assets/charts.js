// Draws the graphs of a course's statistics: each <div class="chart"> names the table it is made of.
// Without this script, or when it fails, the tables beside the charts say the same.
"use strict";

(() => {
  const place = document.querySelector(".graphs");
  if (!place || !window.echarts) return;
  const words = JSON.parse(place.dataset.words);
  const zone = place.dataset.zone;

  // The reader's own zone, where none was chosen: once, so that a zone that is not known here does not loop.
  if ("askZone" in place.dataset) {
    const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if (own && own !== zone) {
      const address = new URL(location.href);
      address.searchParams.set("zone", own);
      location.replace(address);
      return;
    }
  }

  const language = document.documentElement.lang || "en";
  const number = new Intl.NumberFormat(language);
  const timeZone = (() => {
    try { new Intl.DateTimeFormat(language, { timeZone: zone }); return zone; } catch { return "UTC"; }
  })();
  const moment = new Intl.DateTimeFormat(language, { timeZone, dateStyle: "medium", timeStyle: "short" });
  const day = new Intl.DateTimeFormat(language, { timeZone: "UTC", dateStyle: "medium" });
  // The names of months in the page's language: ECharts itself has them in English and Chinese.
  const months = (form) => {
    const name = new Intl.DateTimeFormat(language, { month: form, timeZone: "UTC" });
    return [...Array(12).keys()].map((month) => name.format(Date.UTC(2024, month, 15)));
  };
  const locale = { time: { month: months("long"), monthAbbr: months("short") } };
  const short = (name) => (name.length > 28 ? `${name.slice(0, 12)}…${name.slice(-14)}` : name);
  const shown = (value) => (value === null || value === undefined ? "—" : number.format(value));
  const style = (name, otherwise) =>
    getComputedStyle(document.documentElement).getPropertyValue(name).trim() || otherwise;
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;

  const look = () => {
    const ink = style("--ink", "#333"), line = style("--line", "#8886"), ground = style("--ground", "#fff");
    const axis = { axisLabel: { color: ink }, axisLine: { lineStyle: { color: ink } }, splitLine: { lineStyle: { color: line } } };
    return { ink, line, ground, axis, colours: [style("--accent", "#2f6f62"), "#c98a2b", "#7c6fc4", "#c4607a"] };
  };

  const base = (kit) => ({
    animation: !still,
    animationDuration: 300,
    color: kit.colours,
    textStyle: { color: kit.ink, fontFamily: style("--font", "system-ui, sans-serif") },
    grid: { left: 8, right: 16, top: 40, bottom: 8, containLabel: true },
    legend: { top: 0, type: "scroll", textStyle: { color: kit.ink }, pageTextStyle: { color: kit.ink } },
    tooltip: { trigger: "axis", renderMode: "richText", confine: true, valueFormatter: shown,
      backgroundColor: kit.ground, borderColor: kit.ink, textStyle: { color: kit.ink } },
  });

  const bars = (kit, names, values, title) => ({
    ...base(kit),
    legend: { show: false },
    grid: { left: 8, right: 16, top: 16, bottom: names.length > 40 ? 36 : 8, containLabel: true },
    dataZoom: names.length > 40 ? [{ type: "slider", height: 18, bottom: 4 }] : [],
    xAxis: { type: "category", data: names, ...kit.axis, axisLabel: { color: kit.ink, formatter: short, rotate: names.length > 6 ? 45 : 0, hideOverlap: true } },
    yAxis: { type: "value", minInterval: 1, ...kit.axis },
    series: [{ type: "bar", name: title, data: values }],
  });

  const overTime = (kit, rows, columns, kinds, byDay) => ({
    ...base(kit),
    tooltip: { ...base(kit).tooltip, axisPointer: { label: { formatter: ({ value }) => (byDay ? day : moment).format(value) } } },
    useUTC: true,
    xAxis: { type: "time", ...kit.axis, axisLabel: { color: kit.ink, hideOverlap: true,
      formatter: byDay ? undefined : (value) => moment.format(value) } },
    yAxis: [{ type: "value", ...kit.axis }, { type: "value", ...kit.axis, splitLine: { show: false } }],
    dataZoom: [{ type: "inside" }],
    series: kinds.map((kind, index) => ({
      type: kind, name: columns[index + 1], yAxisIndex: byDay && index === 2 ? 1 : 0,
      showSymbol: false, barMaxWidth: 12, step: byDay && index === 2 ? "end" : false,
      data: rows.map((row) => [byDay ? `${row[0]}T00:00:00Z` : row[0], row[index + 1]]),
    })),
  });

  const map = (kit, rows) => {
    const students = [...new Set(rows.map((row) => row[0]))].reverse();
    const notebooks = [...new Set(rows.map((row) => row[1]))].sort((a, b) => a.localeCompare(b, language, { numeric: true }));
    const at = new Map(students.map((name, index) => [name, index]));
    const on = new Map(notebooks.map((name, index) => [name, index]));
    return {
      ...base(kit),
      legend: { show: false },
      grid: { left: 8, right: 16, top: 16, bottom: 60, containLabel: true },
      tooltip: { ...base(kit).tooltip, trigger: "item", formatter: ({ value }) => `${students[value[1]]}\n${notebooks[value[0]]}: ${shown(value[2])}` },
      xAxis: { type: "category", data: notebooks, ...kit.axis, axisLabel: { color: kit.ink, formatter: short, rotate: 60, hideOverlap: true } },
      yAxis: { type: "category", data: students, ...kit.axis, axisLabel: { color: kit.ink, formatter: short } },
      visualMap: { min: 1, max: Math.max(2, ...rows.map((row) => row[2])), orient: "horizontal", left: "center", bottom: 0,
        textStyle: { color: kit.ink }, inRange: { color: ["#a9d3c8", "#2f6f62", "#0d2b25"] } },
      series: [{ type: "heatmap", data: rows.map((row) => [on.get(row[1]), at.get(row[0]), row[2]]) }],
    };
  };

  // The animation: what each picture adds is known, so going back begins anew.
  const animate = (element, chart, rows) => {
    const names = [...new Set(rows.map((row) => row[1]))].sort((a, b) => a.localeCompare(b, language, { numeric: true }));
    const on = new Map(names.map((name, index) => [name, index]));
    const ends = [...new Set(rows.map((row) => row[0]))];
    const frames = new Map(ends.map((end) => [end, []]));
    for (const [end, name, more] of rows) frames.get(end).push([on.get(name), more]);
    const upTo = (last) => {
      const sums = new Array(names.length).fill(0);
      for (const end of ends.slice(0, last + 1)) for (const [index, more] of frames.get(end)) sums[index] += more;
      return sums;
    };
    const most = Math.max(1, ...upTo(ends.length - 1));
    const controls = document.createElement("div");
    controls.className = "frames";
    const slider = Object.assign(document.createElement("input"), { type: "range", min: 0, max: ends.length - 1, value: ends.length - 1 });
    slider.setAttribute("aria-label", words.moment);
    const said = document.createElement("output");
    let clock = 0;
    const show = (index) => {
      const here = Math.min(Math.max(index, 0), ends.length - 1);
      slider.value = here;
      said.textContent = moment.format(new Date(ends[here]));
      slider.setAttribute("aria-valuetext", said.textContent);
      chart.setOption({ series: [{ data: upTo(here) }] });
    };
    const stop = () => { clearInterval(clock); clock = 0; play.textContent = ">>"; play.setAttribute("aria-label", words.play); };
    const button = (text, label, act) => {
      const made = Object.assign(document.createElement("button"), { type: "button", className: "button second small", textContent: text });
      made.setAttribute("aria-label", label);
      made.addEventListener("click", act);
      return made;
    };
    const step = (to) => () => { stop(); show(to()); };
    const play = button(">>", words.play, () => {
      if (clock) return stop();
      if (+slider.value === ends.length - 1) show(0);
      play.textContent = "||";
      play.setAttribute("aria-label", words.stop);
      clock = setInterval(() => {
        show(+slider.value + 1);
        if (+slider.value === ends.length - 1) stop();
      }, 120);
    });
    slider.addEventListener("input", () => { stop(); show(+slider.value); });
    controls.append(button("|<", words.first, step(() => 0)), button("<", words.back, step(() => +slider.value - 1)), play,
      button(">", words.on, step(() => +slider.value + 1)), button(">|", words.last, step(() => ends.length - 1)), slider, said);
    element.after(controls);
    const draw = () => {
      const kit = look();
      const option = bars(kit, names, upTo(+slider.value), words.students);
      option.yAxis.max = most;
      chart.setOption({ ...option, animation: false }, true);
    };
    show(ends.length - 1);
    return draw;
  };

  const options = (kit, graph, rows, columns) => {
    switch (graph) {
      case "notebooks": return bars(kit, rows.map((row) => row[0]), rows.map((row) => row[1]), columns[1]);
      case "notebooks-per-student": return bars(kit, rows.map((row) => String(row[0])), rows.map((row) => row[1]), columns[1]);
      case "students-by-day": case "notebooks-by-day": return overTime(kit, rows, columns, ["bar", "bar", "line"], true);
      case "map": return map(kit, rows);
      default: return overTime(kit, rows, columns, columns.slice(1).map(() => "line"), false);
    }
  };

  const redraws = [];
  const draw = async (element) => {
    const { graph, url } = element.dataset;
    const columns = JSON.parse(element.dataset.columns);
    try {
      const answer = await fetch(url, { headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(String(answer.status));
      const { rows } = await answer.json();
      if (!rows.length) { element.textContent = words.nothing; element.classList.add("soft"); element.style.height = "auto"; return; }
      element.classList.add("drawn");
      if (graph === "map") element.classList.add("tall");
      const chart = window.echarts.init(element, null, { renderer: "canvas", locale });
      new ResizeObserver(() => chart.resize()).observe(element);
      const again = graph === "animation" ? animate(element, chart, rows) : () => chart.setOption(options(look(), graph, rows, columns), true);
      again();
      redraws.push(again);
    } catch {
      element.textContent = words.failed;
      element.style.height = "auto";
    }
  };

  const redraw = () => redraws.forEach((again) => again());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  new MutationObserver(redraw).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme", "class"] });
  const watch = new IntersectionObserver((seen) => {
    for (const one of seen) if (one.isIntersecting) { watch.unobserve(one.target); draw(one.target); }
  }, { rootMargin: "300px" });
  document.querySelectorAll(".chart[data-graph]").forEach((element) => watch.observe(element));
})();
