"use strict";

// What charts do beyond HTML: tooltips, highlights and inverse selection. All texts come from the markup.
(() => {
  const COLOURED = 5;
  const tip = document.body.appendChild(element("div", "ch-tip"));
  tip.hidden = true;
  // Its content is in the markup, or in the value of the slider.
  tip.setAttribute("aria-hidden", "true");

  function element(name, className, ...content) {
    const made = document.createElement(name);
    made.className = className;
    made.append(...content);
    return made;
  }

  // Shows the tooltip beside a point of the window. What has the focus shows it `again` when it is scrolled.
  let again;
  function show(x, y, content, showAgain = hide) {
    again = showAgain;
    tip.replaceChildren(...content);
    tip.hidden = false;
    const fit = (at, size, room) => {
      const after = at + 16;
      const place = after + size + 8 > room ? at - 16 - size : after;
      return `${Math.max(8, Math.min(place, room - size - 8))}px`;
    };
    tip.style.left = fit(x, tip.offsetWidth, document.documentElement.clientWidth);
    tip.style.top = fit(y, tip.offsetHeight, window.innerHeight);
  }

  function hide() {
    tip.hidden = true;
  }

  // The browser would show the title of an image as a tooltip of its own.
  for (const title of document.querySelectorAll(".ch-canvas title")) {
    title.parentNode.setAttribute("aria-label", title.textContent);
    title.remove();
  }

  document.addEventListener("keydown", event => { if (event.key === "Escape") hide(); });
  document.addEventListener("scroll", () => { if (!tip.hidden) again(); }, {passive: true});

  function enhanceLines(chart) {
    const plot = chart.querySelector(".ch-plot");
    if (!plot) return;
    const canvas = plot.querySelector(".ch-canvas");
    const cursor = plot.querySelector(".ch-cursor");
    const slider = plot.querySelector(".ch-slider");
    const xs = plot.dataset.x.split("|").map(Number);
    const dates = plot.dataset.dates.split("|");
    const notes = (plot.dataset.notes || "").split("|");
    const series = [...chart.querySelectorAll(".ch-legend li")].map((entry, index) => {
      const parts = [...plot.querySelectorAll(`.ch-v${index}`)];
      return {
        entry,
        parts,
        box: entry.querySelector("input"),
        values: parts.find(part => part.dataset.values !== undefined).dataset.values.split("|"),
      };
    });
    const shown = index => series.filter(({box, values}) => box.checked && values[index]);

    function update() {
      chart.classList.toggle("ch-few", series.filter(({box}) => box.checked).length <= COLOURED);
      if (slider) describe(slider.valueAsNumber);
    }

    // Tells screen readers what the tooltip shows.
    function describe(index) {
      const values = shown(index).map(({entry, values}) => `${entry.querySelector("bdi").textContent} ${values[index]}`);
      slider.setAttribute("aria-valuetext", [dates[index], notes[index], ...values].filter(Boolean).join("; "));
    }

    function read(index, x, y, again) {
      const isGrey = entry => entry.classList.contains("ch-rest") && !chart.classList.contains("ch-few");
      const rows = shown(index).map(({entry, values}) => element("div", `ch-tip-row${isGrey(entry) ? " ch-tip-grey" : ""}`,
        ...[".ch-index", ".ch-sample", "bdi"].map(part => entry.querySelector(part).cloneNode(true)),
        element("span", "ch-number", values[index])));
      const note = notes[index] ? [element("div", "ch-tip-note", notes[index])] : [];
      for (const end of ["x1", "x2"]) cursor.setAttribute(end, `${xs[index] / 20}%`);
      cursor.setAttribute("visibility", "visible");
      show(x, y, [element("div", "ch-tip-head", dates[index]), ...note, ...rows], again);
    }

    function leave() {
      hide();
      cursor.setAttribute("visibility", "hidden");
    }

    function point(event) {
      const area = canvas.getBoundingClientRect();
      const x = (event.clientX - area.left) / area.width * 2000;
      const index = xs.reduce((best, at, index) => Math.abs(at - x) < Math.abs(xs[best] - x) ? index : best, 0);
      if (slider) {
        slider.value = index;
        describe(index);
      }
      read(index, event.clientX, event.clientY, leave);
    }

    canvas.addEventListener("pointermove", point);
    canvas.addEventListener("pointerdown", point);
    canvas.addEventListener("pointerleave", leave);

    if (slider) {
      const readSlider = () => {
        const area = canvas.getBoundingClientRect();
        const index = slider.valueAsNumber;
        describe(index);
        read(index, area.left + xs[index] / 2000 * area.width, area.top, readSlider);
      };
      slider.hidden = false;
      slider.addEventListener("input", readSlider);
      slider.addEventListener("focus", readSlider);
      slider.addEventListener("blur", leave);
    }

    for (const {entry, box, parts} of series) {
      const highlight = on => {
        plot.classList.toggle("ch-dimmed", on && box.checked);
        for (const part of parts) part.classList.toggle("ch-hot", on);
      };
      box.addEventListener("change", update);
      for (const event of ["pointerenter", "focusin"]) entry.addEventListener(event, () => highlight(true));
      for (const event of ["pointerleave", "focusout"]) entry.addEventListener(event, () => highlight(false));
    }

    const invert = chart.querySelector(".ch-invert");
    invert.hidden = false;
    invert.addEventListener("click", () => {
      for (const {box} of series) box.checked = !box.checked;
      update();
    });
    update();
  }

  function enhanceMap(map) {
    const entries = map.querySelectorAll(".ch-places > li");
    map.querySelectorAll(".ch-place").forEach((place, index) => {
      const read = () => {
        const area = place.querySelector("circle").getBoundingClientRect();
        show(area.right - 8, area.bottom - 8, entries[index].cloneNode(true).childNodes, read);
      };
      for (const event of ["pointerenter", "focus", "click"]) place.addEventListener(event, read);
      for (const event of ["pointerleave", "blur"]) place.addEventListener(event, hide);
    });
  }

  document.querySelectorAll(".ch-lines").forEach(enhanceLines);
  document.querySelectorAll(".ch-map").forEach(enhanceMap);
})();
