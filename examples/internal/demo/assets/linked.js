// The film behind one link to its folder.
import { announce, bury, countDown, refusal, revive, shorten, show, sign } from "./page.js";
import { play, stop } from "./player.js";

const film = document.getElementById("linked");
const mine = film.querySelector(".this");
const altered = film.querySelector(".altered");
const video = film.querySelector("video");
const native = video.canPlayType("application/vnd.apple.mpegurl") !== "";
film.querySelector(".segments").hidden = native;

// open gives the film to the browser's player, or to the page's own where there
// is none.
function open(link) {
  if (native) {
    if (video.src !== link) {
      video.src = link;
    }
  } else {
    film.dataset.playlist = link;
    play(film);
  }
}

// close forgets the film. What the player has is gone as well.
function close() {
  if (native) {
    video.removeAttribute("src");
    video.load();
  } else {
    stop(film);
  }
}

async function live() {
  const { href } = mine.querySelector("a");
  revive(film);
  show(mine, href);
  show(altered, altered.querySelector("a").href);
  open(href);
  if (!(await countDown(film, Number(film.dataset.expires), "expires in", "expired"))) {
    return;
  }
  const status = await refusal(mine, href, () => mine.querySelector("a").href === href);
  if (status) {
    bury(film, status);
    close();
    announce(`The link to the film has expired: ${status}.`);
  }
}

film.querySelector(".renew").addEventListener("click", async () => {
  const { link, expires } = await sign(film.dataset.form);
  const { pathname, search } = new URL(link, location);
  film.dataset.expires = expires;
  shorten(mine.querySelector("a"), pathname + search);
  shorten(altered.querySelector("a"), new URL(altered.querySelector("a").href).pathname + search);
  announce("There is a new link to the film.");
  live();
});
live();
