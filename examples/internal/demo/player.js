// A player for one HLS playlist of fragmented MP4 (RFC 8216): as much as shows
// that a script's requests carry the cookie. A real page takes a real player.
"use strict";

(async () => {
  const film = document.getElementById("film");
  const video = film.querySelector("video");
  const list = film.querySelector(".segments");
  const playlist = new URL(film.dataset.playlist, location);

  // get fetches a part of the film and shows the reply.
  async function get(name) {
    const item = document.createElement("li");
    item.className = "reply";
    item.textContent = `${name} …`;
    list.append(item);
    const reply = await fetch(new URL(name, playlist), { cache: "no-store" });
    item.classList.add(reply.ok ? "good" : "refused");
    item.dataset.status = reply.status;
    item.textContent = `${name} ${reply.status}`;
    if (!reply.ok) {
      throw new Error(`${name}: ${reply.status}`);
    }
    return reply;
  }

  const text = await (await get("playlist.m3u8")).text();
  const parts = [/#EXT-X-MAP:URI="([^"]+)"/.exec(text)[1], ...text.split("\n").filter((l) => l && !l.startsWith("#"))];

  // The codec is the one that demo/generate asks ffmpeg for.
  const type = 'video/mp4; codecs="avc1.42C00D"';
  const playable = "MediaSource" in window && MediaSource.isTypeSupported(type);
  const source = playable && new MediaSource();
  let buffer;
  if (playable) {
    video.src = URL.createObjectURL(source);
    await new Promise((open) => source.addEventListener("sourceopen", open, { once: true }));
    buffer = source.addSourceBuffer(type);
  }
  for (const part of parts) {
    const bytes = await (await get(part)).arrayBuffer();
    if (playable) {
      const appended = new Promise((done) => buffer.addEventListener("updateend", done, { once: true }));
      buffer.appendBuffer(bytes);
      await appended;
    }
  }
  film.dataset.state = "fetched";
  if (playable) {
    source.endOfStream();
    video.addEventListener("timeupdate", () => (film.dataset.state = "playing"));
    video.play();
  }
})().catch((e) => (document.getElementById("film").dataset.state = e.message));
