// The identity cards, and the other parts of the page.
import { announce, bury, countDown, path, refusal, revive, shorten, show } from "./page.js";
import "./cookies.js";
import "./linked.js";
import "./narrow.js";
import "./limits.js";
import "./form.js";
import { takeUploads } from "./upload.js";

document.documentElement.classList.add("scripted");

// live follows a card's link from its first second to the one in which it dies.
async function live(card) {
  const mine = card.querySelector(".this");
  const altered = card.querySelector(".altered");
  const link = mine.querySelector("a").href;
  revive(card);
  show(mine, link);
  show(altered, altered.querySelector("a").href);
  if (!(await countDown(card, Number(card.dataset.expires), "expires in", "expired"))) {
    return;
  }
  const status = await refusal(mine, link, () => mine.querySelector("a").href === link);
  if (status) {
    bury(card, status);
    announce(`The link to the card of ${card.querySelector("h2").textContent} has expired: ${status}.`);
  }
}

// users asks the API of the application.
async function users() {
  const reply = await fetch("/users", { cache: "no-store" });
  return (await reply.json()).data;
}

// fill gives a card the link that the API returned, and the same signature on
// the name of another card.
function fill(card, user) {
  const link = path(user.image_url);
  const { search, searchParams } = new URL(link, location);
  const altered = card.querySelector(".altered a");
  shorten(card.querySelector(".this a"), link);
  shorten(altered, new URL(altered.href).pathname + search);
  card.querySelector(".picture").href = card.querySelector("img").src = link;
  card.dataset.expires = 1000 * searchParams.get("expires_at");
}

// renew does what an application's front end does: it asks the API again.
async function renew(card) {
  const user = (await users()).find((u) => u.id === Number(card.dataset.id));
  if (!user) {
    card.remove(); // the server needed the room
    announce("The picture is gone.");
    return;
  }
  fill(card, user);
  announce(`There is a new link to the card of ${user.name}.`);
  live(card);
}

// begin lets a card's link live.
function begin(card) {
  live(card);
  card.querySelector(".renew").addEventListener("click", () => renew(card));
}

// add shows the cards that are not on the page yet.
async function add() {
  for (const user of await users()) {
    if (document.querySelector(`.card[data-id="${user.id}"]`)) {
      continue;
    }
    const card = document.importNode(document.getElementById("new-card").content, true).firstElementChild;
    const title = card.querySelector("h2");
    card.dataset.id = user.id;
    title.id = `card-${user.id}`;
    title.textContent = user.name;
    card.setAttribute("aria-labelledby", title.id);
    card.querySelector("img").alt = user.name;
    card.querySelector(".renew .unseen").textContent = `: ${user.name}`;
    for (const [part, link] of [[".this", path(user.image_url)], [".altered", document.querySelector(".card .this a").href]]) {
      const [, dir, file] = /^(.*\/)(.*)$/.exec(new URL(link, location).pathname);
      const a = card.querySelector(`${part} a`);
      a.href = link;
      a.querySelector(".dir").textContent = dir;
      a.querySelector(".file").textContent = file;
    }
    fill(card, user);
    document.getElementById("drop").before(card);
    begin(card);
  }
}

document.querySelectorAll(".card").forEach(begin);
takeUploads(add);
