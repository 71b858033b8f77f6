// A player for one HLS playlist of fragmented MP4 (RFC 8216): as much as shows
// that a script's requests carry the cookie. A real page takes a real player.

// The codec is the one that demo/generate asks ffmpeg for.
const type = 'video/mp4; codecs="avc1.42C00D"';
const playable = "MediaSource" in window && MediaSource.isTypeSupported(type);

// play fetches the film and plays it.
export function play(film) {
  const mine = (film.playing = {});
  const list = film.querySelector(".segments");
  list.replaceChildren();
  fetchAll(film, list, () => film.playing === mine).catch((e) => {
    if (film.playing === mine) {
      film.dataset.player = e.message;
    }
  });
}

// stop forgets the film, and asks for it once more.
export function stop(film) {
  const video = film.querySelector("video");
  const list = film.querySelector(".segments");
  film.playing = null;
  film.dataset.player = "stopped";
  video.removeAttribute("src");
  video.load();
  list.replaceChildren();
  get(list, new URL(film.dataset.playlist, location)).catch(() => {});
}

// get fetches a part of the film and shows the reply.
async function get(list, url) {
  const name = url.pathname.split("/").pop();
  const item = document.createElement("li");
  item.className = "reply";
  item.textContent = `${name} …`;
  list.append(item);
  const reply = await fetch(url, { cache: "no-store" });
  item.classList.add(reply.ok ? "good" : "refused");
  item.textContent = `${name} ${reply.status}`;
  if (!reply.ok) {
    throw new Error(item.textContent);
  }
  return reply;
}

async function fetchAll(film, list, current) {
  const video = film.querySelector("video");
  const playlist = new URL(film.dataset.playlist, location);
  const text = await (await get(list, playlist)).text();
  const parts = [/#EXT-X-MAP:URI="([^"]+)"/.exec(text)[1], ...text.split("\n").filter((l) => l && !l.startsWith("#"))];

  const source = playable && new MediaSource();
  let buffer;
  if (playable) {
    video.src = URL.createObjectURL(source);
    await new Promise((open) => source.addEventListener("sourceopen", open, { once: true }));
    buffer = source.addSourceBuffer(type);
  }
  for (const part of parts) {
    const bytes = await (await get(list, new URL(part, playlist))).arrayBuffer();
    if (!current()) {
      return;
    }
    if (playable) {
      const appended = new Promise((done) => buffer.addEventListener("updateend", done, { once: true }));
      buffer.appendBuffer(bytes);
      await appended;
    }
  }
  film.dataset.player = "fetched";
  if (playable) {
    source.endOfStream();
    video.addEventListener("timeupdate", () => current() && (film.dataset.player = "playing"));
    if (!matchMedia("(prefers-reduced-motion: reduce)").matches) {
      await video.play();
    }
  }
}
