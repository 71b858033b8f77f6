// What the parts of the page share. All decisions are the server's: the page
// asks it, and shows what the reply was.

// The links expire by the server's clock, so the browser's is only used to see
// how much time has passed.
const clock = Number(document.body.dataset.now) - performance.now();
export const serverNow = () => clock + performance.now();

const kinds = { 200: "good", 404: "gone", 410: "gone" };
const names = { 200: "OK", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 410: "Gone" };
const word = (status) => (status ? `${status} ${names[status] || ""}`.trim() : "no reply");

export function badge(status, label = "") {
  const b = document.createElement("b");
  b.className = "reply " + (kinds[status] || "refused");
  b.textContent = label ? `${label} ${word(status)}` : word(status);
  return b;
}

// ask requests a link anew, past the browser's cache, and returns the reply, of
// which only the header is left.
export async function ask(link, options) {
  try {
    const reply = await fetch(link, { cache: "no-store", ...options });
    await reply.arrayBuffer();
    return reply;
  } catch {
    return { status: 0, headers: new Headers() };
  }
}

// show asks, and replaces the badge in an element by the reply.
export async function show(element, link, options) {
  const { status } = await ask(link, options);
  element.querySelector(".reply").replaceWith(badge(status));
  return status;
}

// refusal asks until the server refuses, since the clock that counts is the
// server's, and returns the status. It returns 0 if that is of no use any more.
export async function refusal(element, link, current) {
  while (current()) {
    const { status } = await ask(link);
    if (!current()) {
      break;
    }
    element.querySelector(".reply").replaceWith(badge(status));
    if (status >= 400) {
      return status;
    }
    await new Promise((next) => setTimeout(next, 200));
  }
  return 0;
}

// tried adds the badge of a reply to a list of tries.
export function tried(list, status, label, title = label) {
  const item = document.createElement("li");
  item.append(badge(status, label));
  list.append(item);
  announce(`${title}: ${word(status)}.`);
}

// announce tells news to those who do not see the page. What happens at once
// becomes one message, since a later one would cut the earlier one short.
const news = document.getElementById("news");
let pending = [];
export function announce(text) {
  if (pending.length === 0) {
    news.textContent = ""; // or the same news would be no news
    setTimeout(() => {
      news.textContent = pending.join(" ");
      pending = [];
    }, 150);
  }
  if (!pending.includes(text)) {
    pending.push(text);
  }
}

// countDown shows in an element how long something takes. It returns true at
// the end, and false if the element began to count for something else.
export function countDown(element, end, words, over = "") {
  const text = element.querySelector(".countdown");
  const whole = end - serverNow();
  const mine = (element.countdown = {});
  return new Promise((done) => {
    const step = () => {
      if (element.countdown !== mine) {
        done(false);
        return;
      }
      const left = end - serverNow();
      element.style.setProperty("--left", Math.max(0, left / whole));
      text.textContent = left > 0 ? `${words} ${Math.ceil(left / 1000)} s` : over;
      if (left > 0) {
        setTimeout(step, 100);
      } else {
        done(true);
      }
    };
    step();
  });
}

// path returns a link of the API without its origin, so that the page works
// under any name by which the browser reached it.
export function path(link) {
  const url = new URL(link, location);
  return url.pathname + url.search;
}

// shorten shows a link as the page does that the server sent.
export function shorten(a, link) {
  a.href = link;
  const signature = new URL(a.href).searchParams.get("signature");
  a.querySelector(".query").textContent = `?…&signature=${signature.slice(0, 4)}…`;
}

// sign asks the server for a link, as the form says.
export async function sign(form) {
  const reply = await fetch(`/link?${form}`, { cache: "no-store" });
  return reply.json();
}

// bury removes the pictures whose links are dead, and shows the status in their
// place.
export function bury(element, status) {
  element.dataset.state = "gone";
  element.querySelector(".dead b").textContent = status;
  element.querySelector(".dead").hidden = false;
  for (const image of element.querySelectorAll("img")) {
    image.removeAttribute("src");
  }
}

// revive undoes what bury did, but for the pictures.
export function revive(element) {
  element.dataset.state = "live";
  element.querySelector(".dead").hidden = true;
}
