"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  // Hover texts at once and in the page's type; without this script the browser shows them as titles.
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  document.body.append(tip);
  const place = (event) => {
    const gap = 14, box = tip.getBoundingClientRect();
    const right = event.clientX + gap + box.width > document.documentElement.clientWidth;
    const x = right ? Math.max(4, event.clientX - gap - box.width) : event.clientX + gap;
    const low = event.clientY + gap + box.height > window.innerHeight;
    const y = low ? event.clientY - gap - box.height : event.clientY + gap;
    tip.style.left = x + window.scrollX + "px";
    tip.style.top = y + window.scrollY + "px";
  };
  for (const hit of all(".v-hit")) {
    const title = hit.querySelector("title");
    const text = title ? title.textContent : "";
    if (title) title.remove();
    const show = (event) => { tip.textContent = text; tip.hidden = false; place(event); };
    hit.addEventListener("pointerenter", show);
    hit.addEventListener("pointermove", place);
    hit.addEventListener("pointerdown", show);
    hit.addEventListener("pointerleave", () => { tip.hidden = true; });
  }

  // Pointing at a name dims the other models.
  for (const key of all(".v-key, .v-end")) {
    const svg = key.closest("svg.fig");
    if (!svg) continue;
    key.addEventListener("pointerenter", () => {
      svg.classList.add("dim");
      for (const part of all("[data-m]", svg)) part.classList.toggle("lit", part.dataset.m === key.dataset.m);
    });
    key.addEventListener("pointerleave", () => svg.classList.remove("dim"));
  }

  // A head sorts its table: numbers by value, undefined ones last, names as people order them.
  for (const button of all("thead button")) {
    button.addEventListener("click", () => {
      const head = button.closest("th"), table = button.closest("table"), body = table.tBodies[0];
      const column = [...head.parentNode.children].indexOf(head);
      const down = head.getAttribute("aria-sort") === "ascending";
      for (const other of all("th[aria-sort]", table)) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const value = (row) => row.cells[column].dataset.v;
      const numeric = [...body.rows].some((row) => value(row) !== undefined);
      const order = (a, b) => {
        if (!numeric) {
          return a.cells[column].textContent.localeCompare(b.cells[column].textContent, "en", { numeric: true }) * (down ? -1 : 1);
        }
        const x = value(a), y = value(b);
        if (x === undefined || y === undefined) return (x === undefined) - (y === undefined);
        return (x - y) * (down ? -1 : 1);
      };
      body.append(...[...body.rows].sort(order));
    });
  }

  // Behind its link each problem is a page of its own, `#problem-0-3`; j and k turn to the next and the one before.
  const problems = all("details.problem"), heading = document.title;
  const turn = document.createElement("div");
  turn.className = "turn";
  turn.setAttribute("role", "navigation");
  turn.setAttribute("aria-label", "Problems");
  const link = (text, to) => {
    const a = document.createElement(to ? "a" : "span");
    if (to) a.href = "#" + to;
    a.textContent = text;
    return a;
  };
  const shown = () => problems.findIndex((problem) => "#" + problem.id === location.hash);
  const show = () => {
    const at = shown(), was = document.body.classList.contains("one");
    document.body.classList.toggle("one", at >= 0);
    problems.forEach((problem, place) => problem.classList.toggle("shown", place === at));
    turn.remove();
    if (at < 0) {
      document.title = heading;
      const place = was && location.hash.length > 1 && document.getElementById(location.hash.slice(1));
      if (place) place.scrollIntoView();
      return;
    }
    const problem = problems[at], neighbour = (by) => problems[at + by] && problems[at + by].id;
    problem.open = true;
    document.title = problem.querySelector("b").textContent + " · " + heading;
    turn.replaceChildren(
      link("All results", "responses"),
      link(`${at + 1} of ${problems.length}`),
      link("← before", neighbour(-1)),
      link("next →", neighbour(1)),
    );
    problem.before(turn);
    window.scrollTo(0, 0);
  };
  window.addEventListener("hashchange", show);
  window.addEventListener("keydown", (event) => {
    const by = { j: 1, ArrowRight: 1, k: -1, ArrowLeft: -1 }[event.key], at = shown();
    if (!by || at < 0 || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, pre, .text")) return;
    const next = problems[at + by];
    if (next) location.hash = next.id;
  });
  show();

  if (navigator.clipboard) {
    for (const button of all(".copy")) {
      button.hidden = false;
      button.addEventListener("click", async () => {
        try {
          await navigator.clipboard.writeText(button.parentNode.querySelector("pre").textContent);
          button.textContent = "Copied";
        } catch {
          button.textContent = "Not allowed";
        }
        setTimeout(() => { button.textContent = "Copy"; }, 1500);
      });
    }
  }
})();
