(() => {
  "use strict";
  const root = document.documentElement;
  const KEY = "gtexgen-theme";
  const prefersDark = matchMedia("(prefers-color-scheme: dark)");
  const isNarrow = matchMedia("(max-width: 640px)");
  const isTouch = matchMedia("(pointer: coarse)");
  const drawn = new Set();

  // A file opened from disk may have no storage: then the choice lasts as long as the page.
  let chosen = null;
  try { chosen = localStorage.getItem(KEY); } catch { /* no storage */ }
  const theme = () => chosen ?? (prefersDark.matches ? "dark" : "light");

  function applyTheme() {
    root.dataset.theme = theme();
    document.getElementById("theme").setAttribute("aria-pressed", String(theme() === "dark"));
    drawn.forEach(draw);
  }

  function template() {
    const css = getComputedStyle(root);
    const value = (name) => css.getPropertyValue(name).trim();
    const [ink, muted, line, grid, surface] = ["--ink", "--muted", "--line", "--grid", "--surface"].map(value);
    const axis = { color: muted, gridcolor: grid, linecolor: line, zerolinecolor: line, title: { font: { color: muted } } };
    const axis3d = { ...axis, gridcolor: line, showbackground: false, showspikes: false };
    return {
      layout: {
        font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: ink },
        xaxis: axis,
        yaxis: axis,
        scene: { xaxis: axis3d, yaxis: axis3d, zaxis: axis3d },
        coloraxis: { colorscale: [[0, value("--low")], [0.5, value("--mid")], [1, value("--high")]] },
        hoverlabel: { bgcolor: surface, bordercolor: line, font: { color: ink } },
        modebar: { bgcolor: "rgba(0,0,0,0)", color: muted, activecolor: ink },
        shapedefaults: { line: { color: muted } },
      },
    };
  }

  const contents = new Map();
  function content(name) {
    if (!contents.has(name)) {
      contents.set(name, JSON.parse(document.querySelector(`[data-content="${name}"]`).textContent));
    }
    return contents.get(name);
  }

  const chosenFigure = (name) => {
    const choice = document.querySelector(`select[data-for="${name}"]`);
    return content(name)[choice ? Number(choice.value) : 0];
  };
  const boxOf = (name) => document.querySelector(`[data-plot="${name}"]`);
  const unpressed = (name, key) =>
    new Set([...document.querySelectorAll(`[data-for="${name}"][data-${key}][aria-pressed="false"]`)].map((button) => button.dataset[key]));

  function toggle(event) {
    const button = event.currentTarget;
    button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
    draw(boxOf(button.dataset.for));
  }

  // Figures whose traces are grouped have a legend of buttons below, which wraps on a phone.
  function fillLegend(name) {
    const legend = document.querySelector(`[data-legend="${name}"]`);
    const parts = document.querySelectorAll(`[data-part][data-for="${name}"]`).length;
    const entries = chosenFigure(name).data.filter(({ legendgroup, showlegend }) => legendgroup && showlegend !== false);
    const shown = entries.filter(({ legendgroup }) => !(parts && legendgroup.startsWith("kind ")));
    legend.hidden = shown.length === 0;
    shown.sort((a, b) => (a.legendrank ?? 0) - (b.legendrank ?? 0));
    legend.replaceChildren(...shown.map(({ legendgroup, name: title, marker, visible }) => {
      const button = document.createElement("button");
      const swatch = document.createElement("span");
      swatch.className = "swatch";
      swatch.dataset.symbol = marker.symbol;
      swatch.style.background = marker.color;
      button.type = "button";
      button.dataset.for = name;
      button.dataset.category = legendgroup;
      button.setAttribute("aria-pressed", String(visible !== "legendonly"));
      button.append(swatch, title);
      button.addEventListener("click", toggle);
      return button;
    }));
  }

  function draw(box) {
    const name = box.dataset.plot;
    if (!drawn.has(box)) fillLegend(name);
    const { data, layout } = chosenFigure(name);
    const parts = unpressed(name, "part");
    const categories = unpressed(name, "category");
    const isHidden = ({ meta, legendgroup }) => parts.has(meta?.part) || categories.has(legendgroup);
    const isGrouped = data.some(({ legendgroup }) => legendgroup);
    const traces = data.map((trace) => ({ ...trace, ...(isGrouped && { visible: !isHidden(trace) }) }));
    const themed = { ...structuredClone(layout), template: template(), uirevision: "kept" };
    if (isGrouped) themed.showlegend = false;
    if (isTouch.matches && !layout.scene) themed.dragmode = false;
    if (isNarrow.matches && (layout.scene || layout.yaxis?.scaleanchor)) themed.height = box.clientWidth;
    box.style.minHeight = `${themed.height}px`;
    drawn.add(box);
    return Plotly.react(box, traces, themed, { responsive: true, displaylogo: false, displayModeBar: isTouch.matches ? false : "hover" });
  }

  const boxes = [...document.querySelectorAll("[data-plot]")];
  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (entry.isIntersecting) {
        watcher.unobserve(entry.target);
        draw(entry.target);
      }
    }
  }, { rootMargin: "300px" });
  boxes.forEach((box) => watcher.observe(box));
  addEventListener("beforeprint", () => boxes.filter((box) => !drawn.has(box)).forEach(draw));

  document.querySelectorAll("select[data-for]").forEach((choice) => {
    choice.addEventListener("change", () => {
      fillLegend(choice.dataset.for);
      draw(boxOf(choice.dataset.for));
    });
  });
  document.querySelectorAll("[data-part]").forEach((button) => button.addEventListener("click", toggle));
  isNarrow.addEventListener("change", () => drawn.forEach(draw));

  document.getElementById("theme").addEventListener("click", () => {
    chosen = theme() === "dark" ? "light" : "dark";
    try { localStorage.setItem(KEY, chosen); } catch { /* no storage */ }
    applyTheme();
  });
  prefersDark.addEventListener("change", applyTheme);
  applyTheme();

  function sortKey(row, column) {
    const cell = row.cells[column];
    if (cell.dataset.number !== undefined) return Number(cell.dataset.number);
    return cell.classList.contains("number") ? null : (cell.dataset.text ?? cell.textContent).trim();
  }

  // What has no value comes last in either direction.
  function compare(a, b, sign) {
    if (a === null || b === null) return (a === null) - (b === null);
    return sign * (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b)));
  }

  function sortBy(heading) {
    const table = heading.closest("table");
    const ascending = heading.getAttribute("aria-sort") !== "ascending";
    table.querySelectorAll("thead th[aria-sort]").forEach((other) => other.setAttribute("aria-sort", "none"));
    heading.setAttribute("aria-sort", ascending ? "ascending" : "descending");
    for (const body of table.tBodies) {
      const rows = [...body.rows].filter((row) => !row.classList.contains("group"));
      rows.sort((a, b) => compare(sortKey(a, heading.cellIndex), sortKey(b, heading.cellIndex), ascending ? 1 : -1));
      body.append(...rows);
    }
  }
  document.querySelectorAll("table.sortable thead th[aria-sort]").forEach((heading) => {
    heading.querySelector("button").addEventListener("click", () => sortBy(heading));
  });

  const links = new Map([...document.querySelectorAll(".bar nav a")].map((link) => [link.hash.slice(1), link]));
  const reader = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      links.forEach((link) => link.removeAttribute("aria-current"));
      const link = links.get(entry.target.id);
      link?.setAttribute("aria-current", "true");
      link?.parentElement.scrollTo({ left: link.offsetLeft - link.parentElement.offsetLeft - 60 });
    }
  }, { rootMargin: "-20% 0px -75% 0px" });
  document.querySelectorAll("main section").forEach((section) => reader.observe(section));
})();
