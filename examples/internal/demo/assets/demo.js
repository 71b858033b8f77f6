// The identity cards, and the other parts of the page.
import { announce, bury, countDown, path, refusal, revive, show } from "./page.js";
import "./cookies.js";
import "./limits.js";
import "./form.js";

document.documentElement.classList.add("scripted");

// shorten shows a link as the page does that the server sent.
function shorten(a, link) {
  a.href = link;
  const signature = new URL(a.href).searchParams.get("signature");
  a.querySelector(".query").textContent = `?…&signature=${signature.slice(0, 4)}…`;
}

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

// renew does what an application's front end does: it asks the API again.
async function renew(card) {
  const reply = await fetch("/users", { cache: "no-store" });
  const user = (await reply.json()).data.find((u) => u.id === Number(card.dataset.id));
  const link = path(user.image_url);
  const { search, searchParams } = new URL(link, location);
  const altered = card.querySelector(".altered a");
  shorten(card.querySelector(".this a"), link);
  shorten(altered, new URL(altered.href).pathname + search);
  card.querySelector(".picture").href = card.querySelector("img").src = link;
  card.dataset.expires = 1000 * searchParams.get("expires_at");
  announce(`There is a new link to the card of ${user.name}.`);
  live(card);
}

for (const card of document.querySelectorAll(".card")) {
  live(card);
  card.querySelector(".renew").addEventListener("click", () => renew(card));
}
