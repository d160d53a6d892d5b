"use strict";
(async () => {
  const PAGE = 50, LONGEST_PRINT = 1000, FIRST_OPEN = 4, GROUP_WIDTH = 0.84;
  const PAPER_COLUMN = 330, SCREEN_HEIGHT = 320, PAPER_HEIGHT = 240; // CSS pixels; two columns fit on A4 and Letter
  const $ = (selector, within = document) => within.querySelector(selector);
  const $$ = (selector, within = document) => [...within.querySelectorAll(selector)];

  async function unpack(element) {
    const letters = atob(element.textContent);
    const bytes = new Uint8Array(letters.length);
    for (let place = 0; place < bytes.length; place++) bytes[place] = letters.charCodeAt(place);
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).text();
  }

  function make(tag, properties = {}, ...children) {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children.filter((child) => child !== null));
    return element;
  }

  const { themes, darkColors, tables } = JSON.parse(await unpack($("#data")));
  const root = document.documentElement;
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  let printing = false;

  // --- light and dark ---------------------------------------------------------------------------------

  const isDark = () => !printing && (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);

  function colored(text) {
    const theme = themes[isDark() ? "dark" : "light"];
    let result = text.replace(/"@(ink|muted|grid|paper)"/g, (_, role) => JSON.stringify(theme[role]));
    if (isDark()) for (const [light, dark] of Object.entries(darkColors)) result = result.replaceAll(light, dark);
    return result;
  }

  // --- figures ----------------------------------------------------------------------------------------

  const part = $("#part");
  const choices = { fraction: "", strategy: "" };
  let figures = [], packedFigures = "";

  const escaped = (text) => text.replace(/[&<>"']/g, (mark) =>
    ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;" })[mark]);

  const known = { fraction: [], strategy: [] };

  function hiddenNames(figure) {
    const chosen = choices[figure.facet];
    const names = figure.legend.map((entry) => entry.name).filter((name) => known[figure.facet]?.includes(name));
    const others = names.includes(chosen) ? names.filter((name) => name !== chosen && name !== "scratch") : [];
    return new Set([...figure.off, ...others].map(escaped));
  }

  function shownPanels(figure) {
    const fits = (panel) => Object.entries(choices).every(([facet, chosen]) =>
      !chosen || !panel[facet] || panel[facet] === chosen);
    const panels = figure.panels.filter(fits);
    return panels.length ? panels : figure.panels;
  }

  // Shows what switches and legend ask for: at once where it is seen, else when it is scrolled to.
  function draw(figure) {
    const shown = new Set(shownPanels(figure)), hidden = hiddenNames(figure);
    for (const panel of figure.panels) {
      panel.element.hidden = !shown.has(panel);
      if (panel.near || printing) drawPanel(panel);
      else panel.drawn = false;
    }
    for (const button of $$(".legend button", figure.element)) {
      button.classList.toggle("out", hidden.has(escaped(button.dataset.series)));
    }
  }

  function drawPanel(panel) {
    const { figure } = panel, hidden = hiddenNames(figure);
    if (!window.Plotly || panel.element.hidden || !figure.element.open) return;
    panel.drawn = true;
    const data = panel.data.map((trace) => ({ ...trace, visible: !hidden.has(trace.name) }));
    const layout = { ...panel.layout };
    if (figure.log) layout.xaxis = { ...layout.xaxis, type: "log" };
    if (layout.annotations?.[0]?.name) layout.annotations = lettersOf(layout.annotations, data);
    Plotly.react($(".plot", panel.element), data, layout, { displayModeBar: false, responsive: true });
  }

  // Letters stand above boxes, which move where some are hidden.
  function lettersOf(letters, data) {
    const names = data.filter((trace) => trace.type === "box" && trace.visible).map((trace) => trace.name);
    return letters.filter((letter) => names.includes(letter.name)).map((letter) => {
      const place = names.indexOf(letter.name) - (names.length - 1) / 2;
      const flat = names.length === 1 ? { textangle: 0, font: { ...letter.font, size: 11 } } : {};
      return { ...letter, ...flat, x: Math.round(letter.x) + place * GROUP_WIDTH / names.length };
    });
  }

  const panelAt = new WeakMap();
  const waiting = new Set();
  let drawing = false;

  const seen = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      const panel = panelAt.get(target);
      panel.near = isIntersecting;
      waiting[isIntersecting && !panel.drawn ? "add" : "delete"](panel);
    }
    if (waiting.size && window.Plotly && !drawing) drawNext();
  }, { rootMargin: "500px" });

  // One panel at a time: the page stays alive in between, and the first one is seen early.
  function drawNext() {
    const [panel] = waiting;
    drawing = panel !== undefined; // all may have left the window since
    if (!drawing) return;
    setTimeout(drawNext);
    waiting.delete(panel);
    drawPanel(panel);
  }

  function legendOf(figure) {
    if (!figure.legend.length) return null;
    const buttons = figure.legend.map(({ name, swatch }) => {
      const button = make("button", { type: "button", title: "Show or hide", ariaPressed: "true" });
      button.dataset.series = name;
      button.innerHTML = swatch; // our own drawing, no name in it
      button.append(name);
      button.addEventListener("click", () => {
        figure.off.has(name) ? figure.off.delete(name) : figure.off.add(name);
        button.ariaPressed = String(!figure.off.has(name));
        draw(figure);
      });
      return button;
    });
    return make("div", { className: "legend" }, make("span", {}, figure.legendTitle), ...buttons);
  }

  function scaleOf(figure) {
    if (!figure.scale) return null;
    const [title, low, high, colors] = figure.scale;
    const ramp = make("i");
    ramp.style.background = `linear-gradient(to right, ${colors})`;
    return make("div", { className: "scale" }, make("span", {}, title), make("span", {}, low), ramp, make("span", {}, high));
  }

  function logChoice(figure) {
    if (!figure.logX) return null;
    const box = make("input", { type: "checkbox" });
    box.addEventListener("change", () => { figure.log = box.checked; draw(figure); });
    return make("p", { className: "controls" }, make("label", {}, box, " logarithmic axis of epochs"));
  }

  function panelOf(panel) {
    const plot = make("div", { className: "plot" });
    const height = printing && panel.height === SCREEN_HEIGHT ? PAPER_HEIGHT : panel.height;
    plot.style.cssText = `min-width:${panel.width}px;height:${height}px`;
    const scroll = make("div", { className: "scroll", tabIndex: 0, role: "group", ariaLabel: panel.title }, plot);
    panel.element = make("div", { className: panel.width > PAPER_COLUMN ? "panel wide" : "panel" }, panel.title ? make("h4", {}, panel.title) : null, scroll);
    panelAt.set(panel.element, panel);
    return panel.element;
  }

  const opened = new Set();

  function layOut(figure) {
    Object.assign(figure, { off: new Set(), log: false });
    for (const panel of figure.panels) panel.figure = figure;
    const panels = make("div", { className: "panels" }, ...figure.panels.map(panelOf));
    const body = make("figure", { className: "figure", ariaLabel: figure.alt }, logChoice(figure), legendOf(figure),
      scaleOf(figure), panels, make("figcaption", {}, figure.caption));
    const summary = make("summary", {}, make("h3", {}, figure.title));
    figure.element = make("details", { open: opened.has(figure.name) }, summary, body);
    figure.element.dataset.name = figure.name;
    figure.element.addEventListener("toggle", () => {
      opened[figure.element.open ? "add" : "delete"](figure.name);
      tellFold();
    });
    return figure.element;
  }

  function showPart() {
    for (const plot of $$(".plot.js-plotly-plot", part)) Plotly.purge(plot);
    seen.disconnect();
    waiting.clear();
    const before = figures;
    figures = JSON.parse(colored(packedFigures));
    if (!before.length) for (const figure of figures.slice(0, FIRST_OPEN)) opened.add(figure.name);
    part.replaceChildren(...figures.map(layOut));
    for (const figure of figures) {
      figure.off = before.find((one) => one.name === figure.name)?.off ?? figure.off;
      for (const button of $$(".legend button", figure.element)) {
        button.ariaPressed = String(!figure.off.has(button.dataset.series));
      }
    }
    fillSwitches();
    figures.forEach(draw);
    for (const panel of figures.flatMap((figure) => figure.panels)) seen.observe(panel.element);
    tellFold();
  }

  const fold = $("#fold");
  const allOpen = () => figures.every((figure) => figure.element.open);

  function tellFold() {
    fold.textContent = allOpen() ? "Fold all figures" : "Open all figures";
  }

  fold?.addEventListener("click", () => {
    const open = !allOpen();
    for (const figure of figures) figure.element.open = open;
  });

  function fillSwitches() {
    for (const facet of Object.keys(choices)) {
      const names = figures.flatMap((figure) => [
        ...figure.panels.map((panel) => panel[facet]).filter(Boolean),
        ...(figure.facet === facet ? figure.legend.filter((entry) => !entry.reference).map((entry) => entry.name) : []),
      ]);
      known[facet] = [...new Set(names)];
      const select = $(`[data-facet=${facet}]`);
      const options = known[facet].map((name) => make("option", { value: name }, name));
      select.replaceChildren(select.options[0], ...options);
      choices[facet] = select.value = known[facet].includes(choices[facet]) ? choices[facet] : "";
      select.closest("label").hidden = known[facet].length < 2;
    }
  }

  async function showContext(index) {
    packedFigures = await unpack($$("script.figures")[index]);
    showPart();
  }

  for (const select of $$("[data-facet]")) {
    select.addEventListener("change", () => {
      choices[select.dataset.facet] = select.value;
      figures.forEach(draw);
    });
  }

  // --- tables: all conditions, scoreboard --------------------------------------------------------------

  function sheet(table) {
    const { columns, rows, contexts } = tables[table.dataset.rows];
    const several = contexts.length > 1;
    const section = table.closest("section");
    let sorted = rows, first = 0;

    function heads() {
      const texts = several ? [["Context", "Source, target, model or level"], ...columns] : columns;
      return texts.map(([name, meaning], index) => {
        const button = make("button", { type: "button", title: meaning }, name);
        const head = make("th", { scope: "col", ariaSort: "none", className: index <= Number(several) ? "text" : "" }, button);
        head.dataset.name = name; // on paper instead of the button, which browsers leave out of repeated heads
        button.addEventListener("click", () => sortBy(head, index - Number(several)));
        return head;
      });
    }

    function sortBy(head, index) {
      const now = head.ariaSort;
      const ascending = now === "none" ? head.className === "text" : now === "descending";
      for (const other of $$("th", table)) other.ariaSort = "none";
      head.ariaSort = ascending ? "ascending" : "descending";
      const order = (row) => (index < 0 ? row.c : row.o[index]);
      const sign = ascending ? 1 : -1;
      sorted = [...rows].sort((a, b) => {
        const [x, y] = [order(a), order(b)];
        if (x === "" || y === "") return (x === "") - (y === "");
        return sign * (typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y)));
      });
      first = 0;
      fill();
    }

    function lineOf(row) {
      const cells = row.t.map((text, index) => {
        const hint = row.h[index];
        const cell = make("td", { className: index ? "" : "text" }, text);
        if (hint) cell.append(make("small", {}, hint));
        return cell;
      });
      if (several) cells.unshift(make("td", { className: "text" }, contexts[row.c]));
      return make("tr", { className: row.m || row.q ? "muted" : "" }, ...cells);
    }

    function fill() {
      const wanted = $$("[data-filter]", section).filter((select) => select.value !== "");
      const everything = $(".on-request", section)?.checked ?? true;
      const found = sorted.filter((row) => (everything || !row.m) &&
        wanted.every((select) => [row[select.dataset.filter]].flat().map(String).includes(select.value)));
      const size = printing ? LONGEST_PRINT : PAGE;
      first = Math.min(first, Math.max(0, Math.floor((found.length - 1) / size) * size));
      const shown = found.slice(first, first + size);
      table.tBodies[0].replaceChildren(...shown.map(lineOf));
      $(".shown", section).textContent = `${found.length.toLocaleString("en")} of ${rows.length.toLocaleString("en")}`;
      $(".pager", section).hidden = found.length <= size;
      $(".page", section).textContent = `${first + 1} to ${first + shown.length}`;
      $(".back", section).disabled = first === 0;
      $(".next", section).disabled = first + size >= found.length;
    }

    table.tHead.rows[0].append(...heads());
    for (const control of $$("[data-filter], .on-request", section)) control.addEventListener("change", () => { first = 0; fill(); });
    $(".back", section).addEventListener("click", () => { first -= PAGE; fill(); });
    $(".next", section).addEventListener("click", () => { first += PAGE; fill(); });
    fill();
    return fill;
  }

  const fills = $$("table.sheet").map(sheet);

  // --- begin ------------------------------------------------------------------------------------------

  let shownDark = isDark();

  function restyle() {
    if (shownDark === isDark()) return;
    shownDark = isDark();
    if (part && packedFigures) showPart();
  }

  // On paper: light, two columns, every figure that is open drawn whole, and many rows of the tables.
  function printed(now) {
    if (printing === now) return;
    printing = now;
    root.classList.toggle("paper", printing);
    shownDark = isDark();
    if (part && packedFigures) showPart();
    fills.forEach((fill) => fill());
  }

  $("#theme").addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    restyle();
  });
  system.addEventListener("change", restyle);
  window.addEventListener("beforeprint", () => printed(true));
  window.addEventListener("afterprint", () => printed(false));
  window.matchMedia("print").addEventListener("change", (event) => printed(event.matches));

  // Plotly's own script takes longer than all else, so the page is shown first: answer, tables, places of figures.
  async function startDrawing() {
    document.head.append(make("script", { textContent: await unpack($("#plotly")) }));
    if (waiting.size) drawNext();
    root.dataset.drawing = "true";
  }

  if (part) {
    $("#context")?.addEventListener("change", (event) => showContext(Number(event.target.value)));
    await showContext(0);
    requestAnimationFrame(() => setTimeout(startDrawing));
  }
  root.dataset.ready = "true";
})();
