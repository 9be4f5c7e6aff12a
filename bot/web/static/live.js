// Keeps the facts of a page that is not finished up to date.
const said = document.getElementById("said");

export function showState(html) {
  const state = document.getElementById("state");
  const before = state.querySelector(".verdict")?.textContent.trim();
  state.innerHTML = html;
  const now = state.querySelector(".verdict")?.textContent.trim();
  if (now && now !== before) {
    said.textContent = now;
    const word = state.querySelector(".verdict .state")?.classList[1];
    if (word) document.querySelector("link[rel=icon]").href = `/icons/${word}.svg`;
  }
}

const state = document.getElementById("state");
if (state?.dataset.stream) {
  const source = new EventSource(state.dataset.stream);
  source.addEventListener("state", (event) => showState(event.data));
  source.addEventListener("end", () => source.close());
}
