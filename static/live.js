// Keeps the live parts of a page current over one WebSocket.
//
// The page names its socket in <body data-live="/ws/…">. Each frame is HTML: one or more elements with an id, rendered by
// the server from the same templates as the page; each takes the place of the element with its id. What we show of the
// connection stands in every [data-live-state]: as sent by the server it holds the time of the page and a reload link,
// and that is what a reader without scripts or without a connection sees.

const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 15_000;
const ENDED = { 4401: "signed out", 4403: "not for your role any more" }; // close codes after which it is not tried again

// Changes only what differs, so that focus, selections and typed text elsewhere in the element stay as they are.
function patch(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  if (!hasSameShape(old, fresh)) return exchange(old, fresh.cloneNode(true));
  if (old.nodeType !== Node.ELEMENT_NODE) {
    old.nodeValue = fresh.nodeValue;
    return;
  }
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  [...old.childNodes].forEach((child, index) => patch(child, fresh.childNodes[index]));
}

function hasSameShape(old, fresh) {
  return old.nodeName === fresh.nodeName && old.id === fresh.id && old.childNodes.length === fresh.childNodes.length;
}

// A table that gained a row is put in anew; what was typed into it and where the cursor stood is carried over.
function exchange(old, fresh) {
  const focused = old.contains(document.activeElement) ? document.activeElement : {};
  const { id, selectionStart, selectionEnd } = focused;
  if (old.nodeType === Node.ELEMENT_NODE) carryOver(old, fresh);
  old.replaceWith(fresh);
  refocus(id, selectionStart, selectionEnd);
}

function carryOver(old, fresh) {
  for (const input of old.querySelectorAll("input[id], textarea[id]")) {
    if (input.value === input.defaultValue) continue;
    const twin = fresh.querySelector(`#${CSS.escape(input.id)}`);
    if (twin) twin.value = input.value;
  }
}

function refocus(id, start, end) {
  const element = id && document.getElementById(id);
  if (!element) return;
  element.focus({ preventScroll: true });
  if (start !== undefined && start !== null) element.setSelectionRange(start, end);
}

function place(fresh) {
  const old = document.getElementById(fresh.id);
  if (!old) return;
  patch(old, fresh);
  const placed = document.getElementById(fresh.id);
  if (window.htmx) window.htmx.process(placed); // buttons may do something else now
  placed.dispatchEvent(new CustomEvent("gatehouse:placed", { bubbles: true }));
}

function receive(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  for (const fresh of [...template.content.children]) place(fresh);
}

function show(state, text) {
  for (const element of document.querySelectorAll("[data-live-state]")) {
    element.dataset.state = state;
    element.textContent = text;
    if (state !== "lost") continue;
    const reload = document.createElement("a");
    reload.href = "";
    reload.className = "link";
    reload.textContent = "reload";
    element.append(" · ", reload);
  }
}

function connect(path) {
  let retryMs = FIRST_RETRY_MS;
  let lostAt = null;

  function open() {
    const socket = new WebSocket(new URL(path, location.href.replace(/^http/, "ws")));
    socket.addEventListener("open", () => {
      retryMs = FIRST_RETRY_MS;
      lostAt = null;
      show("live", "live");
    });
    socket.addEventListener("message", (event) => receive(event.data));
    socket.addEventListener("close", (event) => {
      lostAt ??= new Date();
      if (ENDED[event.code]) return show("lost", ENDED[event.code]);
      show("lost", `reconnecting since ${lostAt.toTimeString().slice(0, 8)}`);
      // Up to half of the wait is random: a hundred open dashboards must not come back in the same moment.
      setTimeout(open, retryMs * (0.5 + Math.random() / 2));
      retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS);
    });
  }
  open();
}

// What htmx fetched for a live part goes in the same way: half-typed weights survive the switch of another target.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { target, xhr, shouldSwap } = event.detail;
  if (!shouldSwap || !target.matches("[data-live-part]")) return;
  event.detail.shouldSwap = false;
  receive(xhr.responseText);
});

if (document.body.dataset.live) connect(document.body.dataset.live);
