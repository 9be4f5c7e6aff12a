// The log: lines as they come, following the end, links to ranges of lines.
import { showState } from "./live.js";

const BLOCK = 1000;
const KEPT = 60;
const lines = document.getElementById("lines");
const open = document.getElementById("open");
const live = document.getElementById("live");
const follow = document.getElementById("follow");

// -- live

let waiting = [];

// Groups come in order; one that is there already is told again when it ends.
function showGroup(html) {
  if (waiting.length) flush();
  const piece = document.createElement("template");
  piece.innerHTML = html;
  const group = piece.content.firstElementChild;
  const there = document.getElementById(group.id);
  if (there) {
    there.querySelector("summary").replaceWith(group.querySelector("summary"));
    return;
  }
  if (follow.checked) for (const one of lines.querySelectorAll("details.group[open]")) one.open = false;
  lines.append(group);
}

function flush() {
  if (!waiting.length) return;
  const html = waiting.join("\n") + "\n";
  waiting = [];
  const piece = document.createElement("template");
  piece.innerHTML = html;
  const place = lines.lastElementChild?.tagName === "DETAILS" ? lines.lastElementChild : lines;
  let block = place.lastElementChild;
  if (block?.tagName !== "PRE" || block.querySelectorAll("a[data-n]").length >= BLOCK) {
    block = document.createElement("pre");
    block.className = "lines";
    place.append(block);
  }
  block.append(piece.content);
  drop();
  if (follow.checked) live.scrollIntoView({ block: "end" });
}

// A page that is open for hours must not grow for ever: the middle goes, and says so.
function drop() {
  const blocks = lines.querySelectorAll("pre.lines");
  if (blocks.length <= KEPT) return;
  let gap = document.getElementById("dropped");
  if (!gap) {
    gap = document.createElement("p");
    gap.id = "dropped";
    gap.className = "gap";
    gap.textContent = "Lines are left out here; reload the page or open the raw log to see them.";
    blocks[0].after(gap);
  }
  blocks[1].remove();
}

function start() {
  const source = new EventSource(live.dataset.stream);
  let showing = null;
  source.addEventListener("lines", (event) => {
    open.textContent = "";
    if (waiting.push(event.data) === 1) requestAnimationFrame(flush);
  });
  source.addEventListener("group", (event) => {
    open.textContent = "";
    showGroup(event.data);
  });
  source.addEventListener("line", (event) => {
    clearTimeout(showing);
    showing = setTimeout(() => {
      open.innerHTML = event.data;
      if (follow.checked) live.scrollIntoView({ block: "end" });
    });
  });
  source.addEventListener("state", (event) => {
    showState(event.data);
    const state = document.querySelector("#state .state");
    if (state) live.replaceChildren(state.cloneNode(true));
  });
  source.addEventListener("end", () => {
    source.close();
    follow.parentElement.hidden = true;
  });
  follow.parentElement.hidden = false;
  follow.checked = !location.hash;
  // Only while at the end: whoever scrolls up wants to read.
  addEventListener("wheel", (event) => { if (event.deltaY < 0) follow.checked = false; }, { passive: true });
  addEventListener("keydown", (event) => {
    if (["PageUp", "ArrowUp", "Home"].includes(event.key)) follow.checked = false;
    if (event.key === "End") follow.checked = true;
  });
  follow.addEventListener("change", () => { if (follow.checked) live.scrollIntoView({ block: "end" }); });
}

if (live?.dataset.stream) start();

// -- ranges: #L14 and #L14-L18; shift-click on a second number

const RANGE = /^#L(\d+)(?:-L?(\d+))?$/;

function marked() {
  const found = RANGE.exec(location.hash);
  if (!found) return null;
  const [first, last] = [Number(found[1]), Number(found[2] ?? found[1])].sort((a, b) => a - b);
  return { first, last };
}

function mark() {
  for (const hit of document.querySelectorAll("a.hit")) hit.classList.remove("hit");
  CSS.highlights?.delete("lines");
  const range = marked();
  if (!range) return;
  const highlight = globalThis.Highlight ? new Highlight() : null;
  for (let n = range.first; n <= Math.min(range.last, range.first + 5000); n += 1) {
    const anchor = document.getElementById(`L${n}`);
    if (!anchor) continue;
    anchor.classList.add("hit");
    if (n === range.first && anchor.closest("details")) anchor.closest("details").open = true;
    const next = document.getElementById(`L${n + 1}`);
    const text = document.createRange();
    text.setStartAfter(anchor);
    if (next && next.parentElement === anchor.parentElement) text.setEndBefore(next);
    else text.setEndAfter(anchor.parentElement.lastChild);
    highlight?.add(text);
  }
  if (highlight) CSS.highlights.set("lines", highlight);
}

document.addEventListener("click", (event) => {
  const anchor = event.target.closest?.("a[data-n]");
  const from = marked();
  if (!anchor || !event.shiftKey || !from) return;
  event.preventDefault();
  const n = Number(anchor.dataset.n);
  history.replaceState(null, "", `#L${Math.min(n, from.first)}-L${Math.max(n, from.first)}`);
  mark();
});
addEventListener("hashchange", mark);
mark();
if (location.hash.includes("-")) document.getElementById(`L${marked()?.first}`)?.scrollIntoView({ block: "center" });
