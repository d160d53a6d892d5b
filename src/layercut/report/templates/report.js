"use strict";
(() => {
  const themes = JSON.parse(document.getElementById("themes").textContent);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  let printing = false;

  function figureOf(panel) {
    const theme = themes[dark.matches && !printing ? "dark" : "light"];
    const text = panel.querySelector("script").textContent;
    return JSON.parse(text.replace(/"@(ink|muted|grid|paper)"/g, (_, role) => JSON.stringify(theme[role])));
  }

  function hiddenSeries(panel) {
    const off = panel.closest("figure").querySelectorAll(".legend button[aria-pressed=false]");
    return new Set([...off].map((button) => escaped(button.dataset.series)));
  }

  function escaped(text) {
    return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;")
      .replace(/"/g, "&quot;").replace(/'/g, "&#x27;");
  }

  function draw(panel) {
    const { data, layout } = figureOf(panel);
    const hidden = hiddenSeries(panel);
    for (const trace of data) trace.visible = !hidden.has(trace.name);
    Plotly.react(panel.querySelector(".plot"), data, layout, { displayModeBar: false, responsive: true });
  }

  function drawAll() {
    document.querySelectorAll(".part:not([hidden]) .panel").forEach(draw);
  }

  document.querySelectorAll(".legend button").forEach((button) => {
    button.addEventListener("click", () => {
      button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") === "false"));
      button.closest("figure").querySelectorAll(".panel").forEach(draw);
    });
  });

  const context = document.getElementById("context");
  if (context) {
    context.addEventListener("change", () => {
      document.querySelectorAll(".part").forEach((part) => { part.hidden = part.dataset.context !== context.value; });
      drawAll();
    });
  }

  dark.addEventListener("change", drawAll);
  window.addEventListener("beforeprint", () => { printing = true; drawAll(); });
  window.addEventListener("afterprint", () => { printing = false; drawAll(); });

  const table = document.getElementById("table");
  const body = table.tBodies[0];

  function sortBy(index, ascending) {
    const order = (row) => row.cells[index].dataset.order;
    const sign = ascending ? 1 : -1;
    const compare = (a, b) => {
      const [x, y] = [order(a), order(b)];
      if (x === "" || y === "") return (x === "") - (y === "");
      const numeric = !Number.isNaN(Number(x)) && !Number.isNaN(Number(y));
      return sign * (numeric ? Number(x) - Number(y) : x.localeCompare(y));
    };
    body.append(...[...body.rows].sort(compare));
  }

  table.querySelectorAll("th button").forEach((button, index) => {
    button.addEventListener("click", () => {
      const head = button.parentElement;
      const text = head.classList.contains("text");
      const now = head.getAttribute("aria-sort");
      const ascending = now === "none" ? text : now === "descending";
      table.querySelectorAll("th").forEach((other) => other.setAttribute("aria-sort", "none"));
      head.setAttribute("aria-sort", ascending ? "ascending" : "descending");
      sortBy(index, ascending);
    });
  });

  const filters = [...document.querySelectorAll("[data-filter]")];
  function filter() {
    let shown = 0;
    for (const row of body.rows) {
      row.hidden = filters.some((select) => select.value !== "" && row.dataset[select.dataset.filter] !== select.value);
      shown += !row.hidden;
    }
    document.getElementById("shown").textContent = `${shown} of ${body.rows.length}`;
  }
  filters.forEach((select) => select.addEventListener("change", filter));

  drawAll();
})();
