// Small comforts that a page does without when scripts are off: Ctrl K, copy buttons, "select all", ageing times,
// menus that close when one clicks elsewhere.

const REFRESH_TIMES_MS = 10_000;
const AGES = [["d", 86_400], ["h", 3_600], ["min", 60], ["s", 1]];
const OLDEST_RELATIVE_S = 30 * 86_400; // beyond, the server writes the date and it stays

// Says it as the `ago` template tag does.
function ago(seconds) {
  if (seconds < 5) return "just now";
  const [unit, size] = AGES.find(([, size]) => seconds >= size);
  return `${Math.floor(seconds / size)} ${unit} ago`;
}

function refreshTimes() {
  for (const time of document.querySelectorAll("time[data-ago]")) {
    const seconds = (Date.now() - Date.parse(time.dateTime)) / 1000;
    if (seconds < OLDEST_RELATIVE_S) time.textContent = ago(seconds);
  }
}

function isTyping(element) {
  return element.matches("input, select, textarea") || element.isContentEditable;
}

document.addEventListener("keydown", (event) => {
  const ctrlK = event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey);
  const slash = event.key === "/" && !isTyping(event.target);
  if (ctrlK || slash) {
    const search = document.getElementById("search-all");
    if (!search) return;
    event.preventDefault();
    search.focus();
    search.select();
  } else if (event.key === "Escape") {
    closeMenus(null);
  }
});

document.addEventListener("click", async (event) => {
  closeMenus(event.target);
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(document.querySelector(button.dataset.copy).textContent);
  const label = button.textContent;
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = label; }, 1500);
});

function closeMenus(except) {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(except)) menu.open = false;
  }
}

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-pick-all]")) {
    for (const box of event.target.closest("table").querySelectorAll("input[name=pick]")) box.checked = event.target.checked;
  }
  if (event.target.matches("[data-pick-all], input[name=pick]")) countPicked(event.target.closest("section"));
});

function countPicked(section) {
  const bar = section?.querySelector("[data-picked]");
  if (!bar) return;
  const count = section.querySelectorAll("input[name=pick]:checked").length;
  bar.textContent = count ? `${count} selected` : "";
}

// Addresses are shared: what was left empty in a form does not belong into them.
document.addEventListener("htmx:configRequest", (event) => {
  const { verb, parameters } = event.detail;
  if (verb !== "get") return;
  for (const name of Object.keys(parameters)) if (parameters[name] === "") delete parameters[name];
});

// What only works with scripts is hidden until they run.
function reveal(root) {
  for (const element of root.querySelectorAll("[data-with-scripts]")) element.hidden = false;
}

document.addEventListener("gatehouse:placed", (event) => reveal(event.target.parentNode));
document.addEventListener("htmx:load", (event) => reveal(event.target));
reveal(document);
setInterval(refreshTimes, REFRESH_TIMES_MS);
