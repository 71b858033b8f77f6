// What the page does beyond showing pictures: it counts down, and it asks the
// server again and shows what the reply was. All decisions are the server's.
"use strict";

document.documentElement.classList.add("scripted");

// The links expire by the server's clock, so the browser's is only used to see
// how much time has passed.
const clock = Number(document.body.dataset.now) - performance.now();
const serverNow = () => clock + performance.now();

const kinds = { 200: "good", 206: "good", 404: "gone", 403: "refused" };
const names = { 200: "OK", 206: "Partial Content", 403: "Forbidden", 404: "Not Found" };

function badge(status) {
  const b = document.createElement("b");
  b.className = "reply " + (kinds[status] || "refused");
  b.textContent = status ? `${status} ${names[status] || ""}` : "no reply";
  return b;
}

// ask requests a link anew, past the browser's cache, and returns the status.
async function ask(link, options) {
  try {
    const reply = await fetch(link, { cache: "no-store", ...options });
    await reply.arrayBuffer();
    return reply.status;
  } catch {
    return 0;
  }
}

async function show(element, link, options) {
  const status = await ask(link, options);
  element.replaceChildren(badge(status));
  return status;
}

// countDown shows how long something works, and waits until it does not.
function countDown(element, expires, word) {
  const text = element.querySelector(".countdown");
  const whole = expires - serverNow();
  return new Promise((over) => {
    const step = () => {
      const left = expires - serverNow();
      element.style.setProperty("--left", Math.max(0, left / whole));
      if (left > 0) {
        text.textContent = `${word} ${Math.ceil(left / 1000)} s`;
        setTimeout(step, 100);
        return;
      }
      text.textContent = "expired";
      over();
    };
    step();
  });
}

// live follows a card's link from its first second to the one in which it dies.
async function live(card) {
  const { link, altered, expires } = card.dataset;
  const mine = card.querySelector(".this");
  const again = card.querySelector(".renew");
  card.dataset.state = "live";
  again.disabled = true;
  show(mine, link);
  show(card.querySelector(".altered"), altered);
  await countDown(card, Number(expires), "expires in");
  // The clock that counts is the server's: ask until it says no.
  while ((await show(mine, link)) === 200) {
    await new Promise((next) => setTimeout(next, 200));
  }
  card.dataset.state = "gone";
  again.disabled = false;
}

// renew does what an application's front end does: it asks the API again.
async function renew(card) {
  const reply = await fetch("/users", { cache: "no-store" });
  const user = (await reply.json()).data.find((u) => u.id === Number(card.dataset.id));
  const url = new URL(user.image_url);
  const link = url.pathname + url.search;
  const image = card.querySelector("img");
  image.src = image.parentElement.href = card.dataset.link = link;
  card.dataset.expires = 1000 * url.searchParams.get("expires_at");
  const altered = new URL(card.dataset.altered, location);
  card.dataset.altered = altered.pathname + url.search;
  live(card);
}

for (const card of document.querySelectorAll(".card")) {
  live(card);
  card.querySelector(".renew").addEventListener("click", () => renew(card));
}

const contract = document.getElementById("contract");
const firstPage = contract.querySelector(".pages a").href;
show(contract.querySelector(".without"), firstPage, { credentials: "omit" });
show(contract.querySelector(".with"), firstPage);
countDown(contract, Number(contract.dataset.expires), "expires in").then(() => show(contract.querySelector(".with"), firstPage));

for (const row of document.querySelectorAll(".limits tr")) {
  const options = row.id === "own" ? { credentials: "omit" } : {};
  row.querySelector("button").addEventListener("click", async () => {
    row.querySelector(".tries").append(badge(await ask(row.querySelector("a").href, options)));
  });
}
