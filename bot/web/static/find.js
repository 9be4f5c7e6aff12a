// Finding in a log: a text, or what looks like a failure; from hit to hit with n and p.

const FAILURE =
  /timed out|\berror\b:|\bERROR\b|\bFAIL(ED|URE)?\b|\bpanic\b|Traceback \(most recent|error\[|npm ERR!|✗|::error|\bnot ok \d/;
const lines = document.getElementById("lines");
const bar = document.querySelector(".log .bar");

const box = document.createElement("input");
box.type = "search";
box.placeholder = "find in the log";
box.setAttribute("aria-label", "Find in the log");
const told = document.createElement("output");
const failures = document.createElement("button");
failures.type = "button";
failures.textContent = "failures";
failures.title = "Next line that looks like a failure: n, the one before: p";
bar.insertBefore(box, bar.lastElementChild);
bar.insertBefore(told, bar.lastElementChild);
bar.insertBefore(failures, bar.lastElementChild);

let hits = [];
let at = -1;
let searched = "";

function* numbered() {
  for (const block of lines.querySelectorAll("pre.lines")) {
    const first = block.querySelector("a[data-n]");
    if (!first) continue;
    let n = Number(first.dataset.n);
    for (const text of block.textContent.replace(/\n$/, "").split("\n")) yield [n++, text];
  }
}

function search(what, fits) {
  const key = `${what}\n${lines.lastElementChild?.textContent.length ?? 0}`;
  if (key === searched) return;
  searched = key;
  hits = [];
  at = -1;
  for (const [n, text] of numbered()) if (fits(text)) hits.push(n);
}

function step(by) {
  const wanted = box.value.trim().toLowerCase();
  if (wanted) search(`text ${wanted}`, (text) => text.toLowerCase().includes(wanted));
  else search("failures", (text) => FAILURE.test(text));
  if (!hits.length) {
    told.textContent = wanted ? "not found" : "nothing looks like a failure";
    return;
  }
  at = at < 0 && by < 0 ? hits.length - 1 : (at + by + hits.length) % hits.length;
  told.textContent = `${at + 1} of ${hits.length}`;
  location.hash = `#L${hits[at]}`;
  const line = document.getElementById(`L${hits[at]}`);
  line?.closest("details")?.setAttribute("open", "");
  line?.scrollIntoView({ block: "center" });
}

box.addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  event.preventDefault();
  step(event.shiftKey ? -1 : 1);
});
failures.addEventListener("click", () => {
  box.value = "";
  step(1);
});
addEventListener("keydown", (event) => {
  if (event.target.closest?.("input, textarea, select") || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "n") step(1);
  else if (event.key === "p") step(-1);
  else if (event.key === "/") {
    event.preventDefault();
    box.focus();
  }
});
