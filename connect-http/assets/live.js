// Keeps the page of a ticket in step with the desk: shows what is said there as it is said, and who else is there.
// Nothing that is being typed is touched. Without scripts the page is as it was when it was loaded.
const place = document.querySelector("[data-live]");
const { api, ticket, me } = place.dataset;
// After a form that was refused the address is the form's.
const page = location.pathname === place.dataset.page ? location.href : place.dataset.page;
const isTeam = "team" in place.dataset;
let after = place.dataset.after;
let source;

const notes = place.querySelector("[data-new]");
const people = place.querySelector("[data-people]");

// Only one look at a time, and another one if something happened meanwhile.
function gathered(look) {
  let running = false;
  let again = false;
  return async () => {
    again = true;
    if (running) return;
    running = true;
    while (again) {
      again = false;
      try {
        await look();
      } catch {
        // The desk does not answer now; the stream tells when it does.
      }
    }
    running = false;
  };
}

const shown = () => document.querySelectorAll(".timeline > li").length;

const refresh = gathered(async () => {
  const response = await fetch(page);
  if (!response.ok || response.redirected) return;
  const there = new DOMParser().parseFromString(await response.text(), "text/html");
  const before = shown();
  for (const part of [".timeline", ".outbox", ".about"]) {
    const [old, fresh] = [document.querySelector(part), there.querySelector(part)];
    if (old && fresh) old.replaceWith(fresh);
  }
  // What is shown has been seen by whoever answers now.
  const [old, fresh] = [document, there].map((all) => all.querySelector(".reply [name=seen]"));
  if (old && fresh) old.value = fresh.value;
  if (shown() > before) notes.textContent = "Something new has been added above.";
});

const look = gathered(async () => {
  const response = await fetch(`${api}/tickets/${ticket}/presence`);
  if (!response.ok) return;
  const words = { viewing: "is here", replying: "is writing" };
  const others = (await response.json()).data.filter((one) => one.user.id !== me);
  people.textContent = others.map((one) => `${one.user.name ?? "Somebody"} ${words[one.state]}`).join(", ");
});

function follow() {
  source = new EventSource(`${api}/live${after ? `?after=${after}` : ""}`);
  source.addEventListener("open", () => isTeam && look());
  source.addEventListener("reset", refresh);
  source.addEventListener("presence", (event) => {
    if (JSON.parse(event.data).ticket_id === ticket) look();
  });
  for (const type of place.dataset.live.split(" ")) {
    source.addEventListener(type, (event) => {
      after = event.lastEventId || after;
      if (JSON.parse(event.data).ticket_id === ticket) refresh();
    });
  }
}

let told;
let toldAt = 0;

// Says where one is: at once when it changes, else every 15 seconds.
function tell() {
  if (!isTeam || document.hidden) return;
  const writes = [...document.querySelectorAll("textarea")].some((field) => field.value !== field.defaultValue);
  const state = writes && "writes" in place.dataset ? "replying" : "viewing";
  if (state === told && Date.now() - toldAt < 15_000) return;
  [told, toldAt] = [state, Date.now()];
  const headers = { "Content-Type": "application/json" };
  fetch(`${api}/tickets/${ticket}/presence`, { method: "PUT", headers, body: JSON.stringify({ state }) }).catch(() => {});
}

function leave() {
  if (!told) return;
  told = undefined;
  fetch(`${api}/tickets/${ticket}/presence`, { method: "DELETE", keepalive: true }).catch(() => {});
}

// A page that nobody sees holds no connection: browsers have few of them.
function turn() {
  if (document.hidden) {
    source?.close();
    source = undefined;
    leave();
  } else if (!source) {
    follow();
    tell();
  }
}

document.addEventListener("visibilitychange", turn);
document.addEventListener("input", tell);
window.addEventListener("pagehide", leave);
setInterval(tell, 1000);
turn();
