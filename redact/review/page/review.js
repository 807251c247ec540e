// The review page: shows frames that the server decodes, and sends what the owner decides.
//
// All geometry is in shares of the upright picture; the server knows its pixels. Frames are asked
// for by index, so that a box and the frame under it always belong together.

const UNITS = 10000; // Boxes come as whole numbers of this part of the picture.
const AHEAD = 12; // So many frames are fetched before they are shown.
const MAX_FETCHES = 4;
const MAX_FRAMES = 240; // So many compressed frames are kept.
const POLL_MS = 500;
const HEARTBEAT_MS = 20_000; // Tells the server that the page is open ...
const ATTENTION_MS = 30 * 60_000; // ... and that somebody used it within this time.
const STATUS = {
  cover: "covered",
  keep: "stays visible",
  drop: "false, not covered",
  ignore: "in an ignored zone",
  mixed: "covered in part",
};

const $ = (id) => document.getElementById(id);
const canvas = $("frame");
const picture = $("picture");
const svg = $("boxes");

let clip; // What stays the same: name, size, seconds of the frames.
let tracks = {}; // By id: start and boxes.
let state = { cards: [], zones: [], proposals: [], version: -1 };
const dismissed = new Set(); // The names of zones that were proposed and not wanted.
let index = 0; // The frame that is shown.
let isPlaying = false;
let selected = null; // The key of the selected card.
let tool = null; // What is being drawn: null, "box" or "zone".
let draft = null; // The points of it, and whether they are final.
let joining = null; // The key of the card whose person is to be joined with another card's.
let lastInput = Date.now();
let hasEnded = false;

// --- The server -----------------------------------------------------------------------------

async function request(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Error("The server has ended. Start “redact review” again.");
  }
  if (!response.ok) {
    const answer = await response.json().catch(() => ({}));
    throw new Error(answer.error || `The server answered ${response.status}.`);
  }
  return response;
}

const getJson = async (path) => (await request(path)).json();

async function post(path, body = {}) {
  try {
    const response = await request(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    showError("");
    await use(await response.json());
    return true;
  } catch (error) {
    showError(error.message);
    return false;
  }
}

const edit = (what, fields) => post("edit", { do: what, ...fields });

async function use(newState) {
  const before = trackIds(state);
  state = newState;
  if (trackIds(state) !== before) tracks = await getJson("tracks.json");
  showAll();
}

const trackIds = (s) => s.cards.flatMap((card) => card.tracks.map((t) => t.id)).sort().join();

function showError(text) {
  $("error").textContent = text;
  $("error").hidden = !text;
}

async function heartbeat() {
  if (!hasEnded && Date.now() - lastInput < ATTENTION_MS) {
    try {
      const { render } = await getJson("state.json");
      state.render = render;
      showJob();
    } catch (error) {
      showError(error.message);
    }
  }
  setTimeout(heartbeat, HEARTBEAT_MS);
}

// --- Frames ---------------------------------------------------------------------------------

const blobs = new Map(); // By address, the one that was used longest ago first.
const fetches = new Map();

const isPreview = () => $("preview").checked;
const frameAddress = (i) =>
  isPreview() ? `frames/${i}.jpg?covered=1&v=${state.version}` : `frames/${i}.jpg`;

function loadFrame(i) {
  const address = frameAddress(i);
  if (blobs.has(address)) {
    const blob = blobs.get(address);
    blobs.delete(address);
    blobs.set(address, blob);
    return Promise.resolve(blob);
  }
  if (!fetches.has(address)) {
    const fetching = request(address)
      .then((response) => response.blob())
      .then((blob) => {
        blobs.set(address, blob);
        if (blobs.size > MAX_FRAMES) blobs.delete(blobs.keys().next().value);
        return blob;
      })
      .finally(() => fetches.delete(address));
    fetches.set(address, fetching);
  }
  return fetches.get(address);
}

function loadAhead(from) {
  const last = Math.min(from + AHEAD, clip.seconds.length - 1);
  for (let i = from + 1; i <= last && fetches.size < MAX_FETCHES; i++) {
    if (!blobs.has(frameAddress(i))) loadFrame(i).then(() => isPlaying && loadAhead(index), () => {});
  }
}

async function draw(i) {
  const bitmap = await createImageBitmap(await loadFrame(i));
  canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  index = i;
  canvas.dataset.index = i;
  canvas.dataset.preview = isPreview();
  showPosition();
}

let wanted = null; // The frame to show next, and the one that was asked for last.
let goal = 0;
let isSeeking = false;

// Of many frames that are asked for while one is loaded, only the last one is shown.
async function seek(i) {
  wanted = goal = Math.max(0, Math.min(i, clip.seconds.length - 1));
  if (isSeeking) return;
  isSeeking = true;
  const waiting = setTimeout(() => ($("waiting").hidden = false), 250);
  try {
    while (wanted !== null) {
      const next = wanted;
      wanted = null;
      await draw(next);
    }
    loadAhead(index);
  } catch (error) {
    showError(error.message);
  } finally {
    clearTimeout(waiting);
    $("waiting").hidden = true;
    isSeeking = false;
  }
}

const redraw = () => seek(index);

function indexAt(seconds) {
  let low = 0;
  let high = clip.seconds.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (clip.seconds[middle] <= seconds) low = middle;
    else high = middle - 1;
  }
  return low;
}

let clock = null; // When playing began, at which second of the clip, and how fast.

function restartClock() {
  clock = { since: performance.now(), base: clip.seconds[index], speed: Number($("speed").value) };
  playSound(clock.base, clock.speed);
}

async function play() {
  if (isPlaying) return pause();
  if (index >= clip.seconds.length - 1) await seek(0);
  isPlaying = true;
  showPlaying();
  restartClock();
  loadAhead(index);
  while (isPlaying) {
    await new Promise(requestAnimationFrame);
    const next = indexAt(clock.base + ((performance.now() - clock.since) / 1000) * clock.speed);
    if (next === index || isSeeking) {
      if (isSeeking) restartClock();
      continue;
    }
    // The clock waits for frames that have not come yet: none is left out for being late.
    const isLate = !blobs.has(frameAddress(next));
    try {
      await draw(next);
    } catch (error) {
      showError(error.message);
      break;
    }
    if (isLate) restartClock();
    setVolume(clip.seconds[index]);
    loadAhead(index);
    if (index >= clip.seconds.length - 1) break;
  }
  pause();
}

function pause() {
  isPlaying = false;
  stopSound();
  showPlaying();
}

function showPlaying() {
  $("play").textContent = isPlaying ? "❚❚" : "▶";
  $("play").setAttribute("aria-label", isPlaying ? "Pause" : "Play");
}

const from = () => (isSeeking ? goal : index);

function step(frames) {
  pause();
  seek(from() + frames);
}

function stepSeconds(seconds) {
  pause();
  seek(indexAt(Math.max(0, clip.seconds[from()] + seconds)));
}

// --- Boxes over the frame -------------------------------------------------------------------

function shape(name, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

function boxAt(id, i) {
  const track = tracks[id];
  const at = track ? 4 * (i - track.start) : -1;
  return at >= 0 && at < track.boxes.length ? track.boxes.slice(at, at + 4) : null;
}

function* boxesNow() {
  for (const card of state.cards) {
    for (const track of card.tracks) {
      const box = boxAt(track.id, index);
      if (box) yield { card, box };
    }
  }
}

function zonesNow() {
  const now = clip.seconds[index];
  return state.zones.filter((z) => z.start <= now && (z.stop === null || now < z.stop));
}

const asPoints = (points) => points.map(([x, y]) => `${x * UNITS},${y * UNITS}`).join(" ");

function outline(name, attributes, classes) {
  return [
    shape(name, { ...attributes, class: "halo" }),
    shape(name, { ...attributes, class: `box ${classes}` }),
  ];
}

function tag(text, classes, x, y, bottom) {
  const element = document.createElement("span");
  const isHigh = y < 0.06;
  element.className = `tag ${classes} ${isHigh ? "below" : ""}`;
  element.textContent = text;
  element.style.left = `${100 * Math.max(0, Math.min(x, 0.92))}%`;
  element.style.top = `${100 * Math.min(isHigh ? bottom : y, 0.96)}%`;
  return element;
}

function showBoxes() {
  const shapes = [];
  const tags = [];
  for (const zone of zonesNow()) {
    if (isPreview() && zone.rule === "cover") continue;
    shapes.push(...outline("polygon", { points: asPoints(zone.points) }, `zone ${zone.rule}`));
  }
  for (const zone of isPreview() ? [] : state.proposals.filter(isOffered)) {
    shapes.push(...outline("polygon", { points: asPoints(zone.points) }, "zone proposal"));
  }
  for (const { card, box } of boxesNow()) {
    if (isPreview() && card.status === "cover") continue;
    const [x0, y0, x1, y1] = box;
    const place = { x: x0, y: y0, width: Math.max(1, x1 - x0), height: Math.max(1, y1 - y0) };
    const classes = `${card.status} ${keyOf(card) === selected ? "selected" : ""}`;
    shapes.push(...outline("rect", place, classes));
    tags.push(tag(card.name, card.status, x0 / UNITS, y0 / UNITS, y1 / UNITS));
  }
  if (draft) {
    const isOpen = tool === "zone" && draft.isOpen;
    const name = isOpen ? "polyline" : "polygon";
    shapes.push(...outline(name, { points: asPoints(draft.points) }, "draft"));
  }
  svg.replaceChildren(...shapes);
  const here = new Set([...boxesNow()].map(({ card }) => keyOf(card)));
  for (const [key, item] of cardElements) item.querySelector(".now").hidden = !here.has(key);
  for (const old of picture.querySelectorAll(".tag")) old.remove();
  picture.append(...tags);
}

function showPosition() {
  $("seek").value = index;
  $("seek").setAttribute("aria-valuetext", timeOf(index));
  $("time").textContent = `${timeOf(index)} / ${timeOf(clip.seconds.length - 1)}`;
  const names = [...boxesNow()].map(({ card }) => `${card.name}, ${STATUS[card.status]}`);
  canvas.setAttribute(
    "aria-label",
    `Frame at ${timeOf(index)}. ${names.length ? names.join("; ") : "Nobody was found here"}.`
  );
  showBoxes();
}

function timeOf(i) {
  const tenths = Math.round(clip.seconds[i] * 10);
  return `${Math.floor(tenths / 600)}:${String(Math.floor((tenths % 600) / 10)).padStart(2, "0")}.${tenths % 10}`;
}

// --- Drawing --------------------------------------------------------------------------------

function startTool(name) {
  if (tool === name) return endTool();
  if (joining) endJoining();
  pause();
  tool = name;
  // It can be moved by the arrows at once, for those who don't use a pointer.
  draft = { points: rectangle(0.4, 0.4, 0.6, 0.6), isOpen: false };
  $("drawn").hidden = true;
  picture.classList.add("drawing");
  hint(
    name === "box"
      ? "Drag a box around the face or plate. Or move it by the arrows, resize it by Shift and the arrows; Enter accepts, Esc gives up."
      : "Drag a rectangle, or click corner after corner and then Enter. Or move it by the arrows, resize it by Shift and the arrows; Esc gives up."
  );
  picture.focus();
  showTool();
}

function endTool() {
  const hadFocus = $("drawn").contains(document.activeElement);
  tool = draft = null;
  $("drawn").hidden = true;
  picture.classList.remove("drawing");
  hint("");
  showTool();
  if (hadFocus) picture.focus();
}

function showTool() {
  $("draw-box").setAttribute("aria-pressed", tool === "box");
  $("draw-zone").setAttribute("aria-pressed", tool === "zone");
  showBoxes();
}

function hint(text) {
  $("hint").textContent = text;
  $("hint").hidden = !text;
}

const rectangle = (x0, y0, x1, y1) => [[x0, y0], [x1, y0], [x1, y1], [x0, y1]];

function edges(points) {
  const [xs, ys] = [points.map((p) => p[0]), points.map((p) => p[1])];
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
}

function acceptDraft() {
  const [x0, y0, x1, y1] = edges(draft.points);
  if (draft.points.length < 3 || x1 - x0 < 0.002 || y1 - y0 < 0.002) {
    hint("That is too small. Drag a larger area.");
    return;
  }
  draft.isOpen = false;
  $("box-fields").hidden = $("box-fields").disabled = tool !== "box";
  $("zone-fields").hidden = $("zone-fields").disabled = tool !== "zone";
  $("drawn").hidden = false;
  hint("");
  showBoxes();
  $("drawn").scrollIntoView({ block: "nearest" });
  $("drawn").querySelector("fieldset:not([hidden]) input:checked").focus({ preventScroll: true });
}

function nudge(dx, dy, isResize) {
  if (draft.isOpen) return;
  let [x0, y0, x1, y1] = edges(draft.points);
  if (isResize) {
    x1 = Math.min(1, Math.max(x0 + 0.01, x1 + dx));
    y1 = Math.min(1, Math.max(y0 + 0.01, y1 + dy));
    draft.points = rectangle(x0, y0, x1, y1);
  } else {
    dx = Math.max(-x0, Math.min(dx, 1 - x1));
    dy = Math.max(-y0, Math.min(dy, 1 - y1));
    draft.points = draft.points.map(([x, y]) => [x + dx, y + dy]);
  }
  showBoxes();
}

function shareAt(event) {
  const area = canvas.getBoundingClientRect();
  return [
    Math.max(0, Math.min(1, (event.clientX - area.left) / area.width)),
    Math.max(0, Math.min(1, (event.clientY - area.top) / area.height)),
  ];
}

let press = null; // Where the pointer went down, and whether it was dragged since.

picture.addEventListener("pointerdown", (event) => {
  if (event.button) return;
  press = { at: shareAt(event), x: event.clientX, y: event.clientY, isDrag: false };
  if (tool) picture.setPointerCapture(event.pointerId);
});

picture.addEventListener("pointermove", (event) => {
  if (!press || !tool) return;
  press.isDrag ||= Math.hypot(event.clientX - press.x, event.clientY - press.y) > 5;
  if (press.isDrag) {
    const [x, y] = shareAt(event);
    draft = { points: rectangle(...edges([press.at, [x, y]])), isOpen: false };
    showBoxes();
  }
});

picture.addEventListener("pointerup", (event) => {
  if (!press) return;
  const { at, isDrag } = press;
  press = null;
  if (tool && isDrag) acceptDraft();
  else if (tool === "zone") addCorner(at);
  else if (!tool) selectAt(at);
});

picture.addEventListener("pointercancel", () => (press = null));

function addCorner([x, y]) {
  const points = draft.isOpen ? draft.points : [];
  const first = points[0];
  if (points.length >= 3 && Math.hypot(first[0] - x, first[1] - y) < 0.02) return acceptDraft();
  draft = { points: [...points, [x, y]], isOpen: true };
  $("drawn").hidden = true;
  const more = Math.max(0, 3 - draft.points.length);
  hint(more ? `${more} more corner${more > 1 ? "s" : ""} at least.` : "Enter, or a click on the first corner, closes it.");
  showBoxes();
}

function selectAt([x, y]) {
  const hits = [...boxesNow()].filter(({ box }) => {
    const [x0, y0, x1, y1] = box;
    return x0 <= x * UNITS && x * UNITS <= x1 && y0 <= y * UNITS && y * UNITS <= y1;
  });
  const area = ({ box }) => (box[2] - box[0]) * (box[3] - box[1]);
  hits.sort((a, b) => area(a) - area(b));
  if (hits.length) focusCard(keyOf(hits[0].card));
}

$("drawn").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = new FormData($("drawn"));
  const button = $("drawn-ok");
  button.disabled = true;
  let isDone;
  if (tool === "box") {
    hint("Following it…");
    isDone = await edit("follow", { box: edges(draft.points), frame: index, kind: form.get("kind") });
    hint("");
  } else {
    const span = form.get("span");
    isDone = await edit("zone", {
      rule: form.get("rule"),
      points: draft.points,
      name: form.get("name").trim(),
      first: span === "from" ? index : null,
      stop: span === "until" && index + 1 < clip.seconds.length ? index + 1 : null,
    });
  }
  button.disabled = false;
  if (isDone) {
    $("drawn").reset();
    endTool();
  }
});

// --- Cards ----------------------------------------------------------------------------------

const keyOf = (card) => card.tracks.map((t) => t.id).join("-");
const cardElements = new Map();

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (key === "class") made.className = value;
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

// Thumbnails come when the server has made them. Few are asked for at once: a browser has only some
// connections, and the frames need them, too.
const waitingImages = [];
let loadingImages = 0;

function laterImage(address, alt) {
  const image = element("img", { alt, width: 90, height: 90 });
  waitingImages.push([image, address]);
  loadImages();
  return image;
}

function loadImages() {
  while (waitingImages.length && loadingImages < 2) {
    const [image, address] = waitingImages.shift();
    loadingImages++;
    image.onload = image.onerror = () => {
      loadingImages--;
      loadImages();
    };
    image.src = address;
  }
}

function makeCard(card) {
  const key = keyOf(card);
  const noun = card.kind === "face" ? "a face" : card.kind === "plate" ? "a plate" : `a ${card.kind}`;
  const thumbs = card.tracks
    .flatMap((t) => t.pictures.map((p, number) => ({ id: t.id, number, ...p })))
    .slice(0, 8)
    .map((p) =>
      element(
        "button",
        { class: "thumb", title: `Go to ${p.time}`, onclick: () => goTo(key, p.frame) },
        laterImage(`tracks/${p.id}/${p.number}.jpg`, `${card.name} at ${p.time}`)
      )
    );
  const choice = card.by_hand
    ? element("div", {}, element("button", { class: "small", onclick: () => edit("remove", { name: card.tracks[0].id }) }, "Take back"))
    : element(
        "div",
        { class: "choice", role: "group", "aria-label": `What happens to ${card.name}` },
        ...[["cover", "Cover", "C"], ["keep", "Keep visible", "K"], ["drop", `Not ${noun}`, "N"]].map(
          ([status, text, shortcut]) =>
            element("button", { "data-status": status, title: `${text} (${shortcut})`, onclick: () => decide(key, status) }, text)
        )
      );
  const why = element(
    "div",
    { class: "why" },
    element("input", { name: "reason", maxlength: 300, placeholder: "Why? Agreed, my family, …", "aria-label": `Why ${card.name} stays visible`, autocomplete: "off", onchange: () => explain(key) }),
    element("input", { name: "by", maxlength: 300, placeholder: "Decided by", "aria-label": "Who decided that", autocomplete: "off", onchange: () => explain(key) })
  );
  const joined = card.tracks
    .filter((t) => t.split.length)
    .map((t) =>
      element(
        "div",
        { class: "joined" },
        element("span", {}, joinedText(t)),
        element("button", { class: "small", title: t === lastJoin(card) ? "Split (S)" : "Split", "aria-label": `Split ${trackNames(t.split)} from ${card.name}`, onclick: () => split(t) }, t.joined_by_hand ? "Split" : "Somebody else")
      )
    );
  const join = card.kind === "face" ? [element("button", { class: "small join", title: "Join with another card (J)", onclick: () => joinCard(key) })] : [];
  const item = element(
    "li",
    { class: "card", tabindex: -1, "data-key": key, onfocusin: () => select(key), onclick: () => select(key) },
    element("header", {}, element("div", {}, element("h3", {}), element("span", { class: "now" }, "in this frame")), element("span", { class: "state" })),
    element("div", { class: "thumbs" }, ...thumbs),
    element("p", { class: "times" }),
    choice,
    why,
    ...joined,
    ...join
  );
  return item;
}

const trackNames = (ids) => `track${ids.length > 1 ? "s" : ""} ${ids.join(", ")}`;

function joinedText(track) {
  if (!track.joined_by_hand) return `Track ${track.id} was joined: ${track.joined}.`;
  const names = trackNames(track.split);
  return `${names[0].toUpperCase()}${names.slice(1)} ${track.split.length > 1 ? "were" : "was"} joined ${track.joined}.`;
}

// What was joined by hand goes first: it is undone more often.
function lastJoin(card) {
  const joins = card.tracks.filter((t) => t.split.length);
  return joins.filter((t) => t.joined_by_hand).pop() || joins.pop();
}

// The first call begins a join with this card, the second one, on another card, ends it.
async function joinCard(key) {
  const first = cardOf(joining);
  if (!first) {
    if (tool) endTool();
    joining = key;
    hint("Who is the same person? Choose the other card by its button, or by ↑ ↓ and J. Esc gives up.");
    return showJoining();
  }
  endJoining();
  if (cardOf(key) === first) return;
  const ids = [first, cardOf(key)].flatMap((card) => card.tracks.map((t) => t.id));
  if (await edit("join", { tracks: ids })) focusTrack(ids[0]);
}

function endJoining() {
  joining = null;
  hint("");
  showJoining();
}

function showJoining() {
  const first = cardOf(joining);
  const isAlone = state.cards.filter((c) => c.kind === "face").length < 2;
  for (const card of state.cards) {
    const button = cardElements.get(keyOf(card)).querySelector(".join");
    if (!button) continue;
    button.textContent = !first ? "Same person as…" : card === first ? "Cancel" : `Same as ${first.name}`;
    button.setAttribute("aria-label", `${card.name}: ${button.textContent}`);
    button.hidden = isAlone;
  }
}

async function split(track) {
  const [stays] = cardOf(selected)?.tracks.filter((t) => !track.split.includes(t.id)) ?? [];
  if ((await edit("split", { tracks: track.split })) && stays) focusTrack(stays.id);
}

function focusTrack(id) {
  focusCard(keyOf(state.cards.find((card) => card.tracks.some((t) => t.id === id))));
}

function updateCard(item, card) {
  const isSelected = keyOf(card) === selected;
  item.className = `card ${card.status} ${isSelected ? "selected" : ""}`;
  item.setAttribute("aria-label", `${card.name}, ${STATUS[card.status]}`);
  if (isSelected) item.setAttribute("aria-current", "true");
  else item.removeAttribute("aria-current");
  item.querySelector("h3").textContent = card.name;
  item.querySelector(".state").textContent = card.by_hand ? "covered by hand" : STATUS[card.status];
  const spans = card.tracks.map((t) => (t.times[0] === t.times[1] ? t.times[0] : `${t.times[0]} to ${t.times[1]}`));
  const numbers = card.tracks.map((t) => t.id).join(", ");
  item.querySelector(".times").textContent = `${spans.join("; ")} · track${card.tracks.length > 1 ? "s" : ""} ${numbers}`;
  for (const button of item.querySelectorAll("[data-status]")) {
    button.setAttribute("aria-pressed", button.dataset.status === card.status);
  }
  const why = item.querySelector(".why");
  why.hidden = card.status !== "keep";
  for (const input of why.querySelectorAll("input")) {
    if (input !== document.activeElement) input.value = card.status === "keep" ? card[input.name] : "";
  }
}

function zoneCard(zone) {
  const end = zone.stop === null ? "the end" : labelAt(zone.stop);
  const isAll = zone.start === 0 && zone.stop === null;
  const when = isAll ? "the whole clip" : `${labelAt(zone.start)} to ${end}`;
  return element(
    "li",
    { class: "card zone" },
    element("header", {}, element("h3", {}, zone.name), element("span", { class: "state" }, zone.rule === "cover" ? "always covered" : "ignored")),
    element("p", { class: "times" }, when),
    element("div", {}, element("button", { class: "small", onclick: () => edit("remove", { name: zone.name }), "aria-label": `Take back ${zone.name}` }, "Take back"))
  );
}

const labelAt = (seconds) => timeOf(indexAt(seconds + 1e-6));

function showCards() {
  const lists = new Map([["face", []], ["plate", []], ["other", []]]);
  const keys = new Set();
  for (const card of state.cards) {
    const key = keyOf(card);
    keys.add(key);
    if (!cardElements.has(key)) cardElements.set(key, makeCard(card));
    updateCard(cardElements.get(key), card);
    (lists.get(card.kind) || lists.get("other")).push(cardElements.get(key));
  }
  for (const key of cardElements.keys()) if (!keys.has(key)) cardElements.delete(key);
  if (joining && !cardOf(joining)) endJoining();
  else showJoining();
  fill($("people"), lists.get("face"), "Nobody was found.");
  fill($("plates"), lists.get("plate"), "No plates were found.");
  fill($("others"), lists.get("other"), "");
  $("others").hidden = $("others-title").hidden = !lists.get("other").length;
  showZones();
}

const isOffered = (zone) => !dismissed.has(zone.name);
let shownZones = "";

function showZones() {
  const offered = state.proposals.filter(isOffered);
  const zones = JSON.stringify([state.zones, offered, state.is_searching]);
  if (zones === shownZones) return; // The focus stays where it is.
  shownZones = zones;
  const items = [...state.zones.map(zoneCard), ...offered.map(proposalCard)];
  if (!state.zones.length) {
    items.unshift(element("li", { class: "none" }, "None. Draw one over a window, a screen or a name plate."));
  }
  if (state.is_searching) {
    items.push(element("li", { class: "none" }, "Looking for names and times burned into the picture…"));
  }
  $("zones").replaceChildren(...items);
}

function proposalCard(zone) {
  const dismiss = () => {
    dismissed.add(zone.name);
    showAll();
  };
  return element(
    "li",
    { class: "card zone proposal" },
    element("header", {}, element("h3", {}, zone.name), element("span", { class: "state" }, "burned in?")),
    element("p", { class: "times" }, "This looks like text that the camera wrote into the picture, dotted in the clip."),
    element(
      "div",
      { class: "row" },
      element("button", { class: "small", "aria-label": `Always cover ${zone.name}`, onclick: () => edit("zone", { rule: "cover", points: zone.points, name: zone.name }) }, "Always cover it"),
      element("button", { class: "small", "aria-label": `Leave ${zone.name}`, onclick: dismiss }, "Leave it")
    )
  );
}

// Only what is new or gone is touched, so that the focus stays where it is.
function fill(list, items, nothing) {
  if (!items.length) return list.replaceChildren(element("li", { class: "none" }, nothing));
  for (const child of [...list.children]) if (!items.includes(child)) child.remove();
  items.forEach((item, at) => {
    if (list.children[at] !== item) list.insertBefore(item, list.children[at] || null);
  });
}

// --- Sound ----------------------------------------------------------------------------------

const soundChoice = () => document.querySelector("[name=audio]:checked")?.value;
const spansInput = document.querySelector("[name=spans]");

function showSound() {
  const { audio, spans } = state.sound;
  $("sound").hidden = !clip.has_sound;
  $("no-sound").hidden = clip.has_sound;
  const isTyping = document.activeElement === spansInput;
  if (isTyping) return; // Nobody’s typing is disturbed.
  document.querySelector(`[name=audio][value=${spans ? "spans" : audio}]`).checked = true;
  spansInput.value = spans;
  spansInput.hidden = soundChoice() !== "spans";
}

function chooseSound() {
  const choice = soundChoice();
  spansInput.hidden = choice !== "spans";
  if (choice === "spans") spansInput.focus();
  else edit("sound", { audio: choice });
}

function chooseSpans() {
  if (spansInput.value.trim()) edit("sound", { audio: "keep", spans: spansInput.value });
}

for (const radio of document.querySelectorAll("[name=audio]")) radio.addEventListener("change", chooseSound);
spansInput.addEventListener("change", chooseSpans);
// The sound is fetched once, into this page’s memory, and played along with the frames.
let player = null; // The context, the samples, how loud, and the source that plays now.

async function loadSound() {
  const samples = new Int16Array(await (await request("sound.pcm")).arrayBuffer());
  const context = new AudioContext();
  const buffer = context.createBuffer(1, Math.max(1, samples.length), clip.sound_rate);
  const channel = buffer.getChannelData(0);
  for (let i = 0; i < samples.length; i++) channel[i] = samples[i] / 32768;
  const volume = context.createGain();
  volume.connect(context.destination);
  player = { context, buffer, volume, source: null };
}

async function listen() {
  try {
    if ($("listen").checked && !player) await loadSound();
  } catch (error) {
    $("listen").checked = false;
    showError(error.message);
  }
  if (isPlaying) restartClock();
}

function playSound(seconds, speed) {
  stopSound();
  if (!player || !$("listen").checked || seconds >= player.buffer.duration) return;
  player.context.resume();
  player.source = player.context.createBufferSource();
  player.source.buffer = player.buffer;
  player.source.playbackRate.value = speed;
  player.source.connect(player.volume);
  player.source.start(0, seconds);
  setVolume(seconds);
}

function stopSound() {
  player?.source?.stop();
  if (player) player.source = null;
  document.documentElement.dataset.sound = "off";
}

// With the result, only what the result keeps is heard.
function setVolume(seconds) {
  if (!player?.source) return;
  const { audio, times } = state.sound;
  const isKept = audio === "keep" && (!times.length || times.some(([a, b]) => a <= seconds && seconds < b));
  player.volume.gain.value = isPreview() && !isKept ? 0 : 1;
  document.documentElement.dataset.sound = player.volume.gain.value ? "heard" : "muted";
}

$("listen").addEventListener("change", listen);
spansInput.addEventListener("blur", () => !spansInput.value.trim() && showSound());

const cardOf = (key) => state.cards.find((card) => keyOf(card) === key);

function decide(key, status, fields = {}) {
  const card = cardOf(key);
  if (!card || card.by_hand) return;
  return edit("decide", { tracks: card.tracks.map((t) => t.id), status, ...fields });
}

function explain(key) {
  const why = cardElements.get(key).querySelector(".why");
  const [reason, by] = [...why.querySelectorAll("input")].map((input) => input.value.trim());
  return decide(key, "keep", { reason, by });
}

function select(key) {
  if (selected === key) return;
  selected = key;
  for (const card of state.cards) updateCard(cardElements.get(keyOf(card)), card);
  showBoxes();
}

function focusCard(key) {
  const item = cardElements.get(key);
  select(key);
  item.focus();
  item.scrollIntoView({ block: "nearest" });
}

function moveSelection(by) {
  const keys = [...document.querySelectorAll("#people .card, #plates .card, #others .card")].map((item) => item.dataset.key);
  if (!keys.length) return;
  const at = keys.indexOf(selected);
  focusCard(keys[at < 0 ? 0 : Math.max(0, Math.min(at + by, keys.length - 1))]);
}

function goTo(key, frame) {
  pause();
  select(key);
  seek(frame);
}

// --- The whole page -------------------------------------------------------------------------

function counted(count, noun, many) {
  return `${count} ${count === 1 ? noun : many}`;
}

function showAll() {
  const people = state.cards.filter((c) => c.kind === "face");
  const plates = state.cards.filter((c) => c.kind === "plate");
  const count = (status) => state.cards.filter((c) => c.status === status).length;
  const parts = [counted(people.length, "person", "people"), counted(plates.length, "plate", "plates")];
  parts.push(`${count("cover") + count("mixed")} covered`, `${count("keep")} kept visible`);
  if (count("drop")) parts.push(`${count("drop")} false`);
  if (!state.is_saved) parts.push("not saved");
  $("summary").textContent = parts.join(" · ");
  $("undo").disabled = !state.can_undo;
  $("redo").disabled = !state.can_redo;
  showLanes();
  showCards();
  showSound();
  showBoxes();
  showJob();
  if (isPreview()) redraw();
}

// When each track is there, under the slider. Tracks that don't overlap share a line.
function showLanes() {
  const all = state.cards.flatMap((card) => card.tracks.map((t) => ({ ...t, status: card.status })));
  const lanes = [];
  for (const t of all.sort((a, b) => a.start - b.start)) {
    let lane = lanes.find((l) => l.stop <= t.start);
    if (!lane) lanes.push((lane = { element: element("div", { class: "lane" }) }));
    lane.stop = t.stop;
    const bar = element("i", { class: t.status });
    bar.style.left = `${(100 * t.start) / clip.seconds.length}%`;
    bar.style.width = `${(100 * (t.stop - t.start)) / clip.seconds.length}%`;
    lane.element.append(bar);
  }
  $("lanes").replaceChildren(...lanes.map((lane) => lane.element));
}

let polling = null;
let isJobHidden = false;

function showJob() {
  const job = state.render;
  const isRunning = job.state === "running";
  $("job").hidden = job.state === "idle" || (isJobHidden && !isRunning);
  $("job").dataset.state = job.state;
  $("render").disabled = isRunning;
  const title = {
    running: job.stage === "audit" ? "Searching the result for leaks…" : "Covering and encoding…",
    done: `${clip.target_name} is there.`,
    failed: "Nothing was written.",
    cancelled: "Cancelled.",
  };
  $("job-title").textContent = title[job.state] || "";
  const share = job.total ? job.done / job.total : 0;
  $("job-text").textContent = isRunning ? `${Math.round(100 * share)} %` : job.message;
  const doubts = JSON.stringify(job.doubts);
  if ($("job-doubts").dataset.doubts !== doubts) {
    $("job-doubts").dataset.doubts = doubts;
    $("job-doubts").replaceChildren(
      ...job.doubts.map((d) =>
        element("li", {}, element("button", { class: "small", onclick: () => (pause(), seek(d.frame)) }, d.text))
      )
    );
  }
  $("job-doubts").hidden = !job.doubts.length;
  $("job-progress").hidden = !isRunning;
  if (job.total) $("job-progress").value = share;
  else $("job-progress").removeAttribute("value");
  $("job-cancel").hidden = !isRunning;
  $("job-report").hidden = !job.has_report;
  $("job-finish").hidden = job.state !== "done";
  $("job-close").hidden = isRunning;
  if ((isRunning || state.is_searching) && !polling) polling = setTimeout(poll, POLL_MS);
}

async function poll() {
  polling = null;
  try {
    await use(await getJson("state.json"));
  } catch (error) {
    showError(error.message);
  }
}

async function render() {
  isJobHidden = false;
  await post("do/render");
}

async function finish() {
  if (!state.is_saved && !(await post("do/save"))) return;
  hasEnded = true;
  pause();
  await request("do/finish", { method: "POST", headers: { "Content-Type": "application/json" }, body: "{}" }).catch(() => {});
  document.body.replaceChildren(
    element("main", { class: "over" }, element("h1", {}, "The review is finished."), element("p", {}, "You can close this page."))
  );
}

// --- Keys -----------------------------------------------------------------------------------

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function drawingKey(event) {
  if ($("drawn").contains(document.activeElement)) return false;
  if (event.key in ARROWS) {
    const [x, y] = ARROWS[event.key];
    nudge(x * 0.01, y * 0.01, event.shiftKey);
  } else if (event.key === "Enter" && document.activeElement === picture) acceptDraft();
  else return false;
  return true;
}

function controlKey(event) {
  const key = event.key.toLowerCase();
  if (key === "z") post(event.shiftKey ? "do/redo" : "do/undo");
  else if (key === "y") post("do/redo");
  else if (key === "s") post("do/save");
  else if (event.key === "Enter") render();
  else return false;
  return true;
}

function plainKey(event) {
  const isOnButton = document.activeElement.matches("button, a, select, input");
  switch (event.key) {
    case " ":
      if (isOnButton) return false;
      play();
      return true;
    case "ArrowLeft":
    case "ArrowRight": {
      if (document.activeElement === $("seek") && !event.shiftKey) return false;
      const direction = event.key === "ArrowLeft" ? -1 : 1;
      if (event.shiftKey) stepSeconds(direction);
      else step(direction);
      return true;
    }
    case "ArrowUp":
    case "ArrowDown":
      if (document.activeElement.matches("select, input")) return false;
      moveSelection(event.key === "ArrowUp" ? -1 : 1);
      return true;
  }
  const card = cardOf(selected);
  switch (event.key.toLowerCase()) {
    case "c":
    case "k":
    case "n":
      if (!card) return false;
      decide(selected, { c: "cover", k: "keep", n: "drop" }[event.key.toLowerCase()]);
      return true;
    case "j":
      if (card?.kind !== "face") return false;
      joinCard(selected);
      return true;
    case "s":
      if (!card || !lastJoin(card)) return false;
      split(lastJoin(card));
      return true;
    case "g":
      if (!card) return false;
      goTo(selected, card.tracks[0].pictures[0]?.frame ?? card.tracks[0].start);
      return true;
    case "b":
      startTool("box");
      return true;
    case "z":
      startTool("zone");
      return true;
    case "m":
      if (!clip.sound_rate) return false;
      $("listen").click();
      return true;
    case "v":
      $("preview").click();
      return true;
    case "?":
      $("help").showModal();
      return true;
  }
  return false;
}

document.addEventListener("keydown", (event) => {
  lastInput = Date.now();
  if ($("help").open || event.altKey || hasEnded) return;
  if (event.key === "Escape" && (tool || joining)) {
    if (tool) endTool();
    else endJoining();
    event.preventDefault();
    return;
  }
  const isTyping = document.activeElement.matches("input:not([type]), input[type=text]");
  const isControl = event.ctrlKey || event.metaKey;
  if (isTyping && !(isControl && ["s", "Enter"].includes(event.key))) return;
  const isUsed = isControl ? controlKey(event) : (tool && drawingKey(event)) || plainKey(event);
  if (isUsed) event.preventDefault();
});

document.addEventListener("pointerdown", () => (lastInput = Date.now()));

$("play").addEventListener("click", play);
$("back").addEventListener("click", () => step(-1));
$("forward").addEventListener("click", () => step(1));
$("seek").addEventListener("input", () => (pause(), seek(Number($("seek").value))));
$("speed").addEventListener("change", () => isPlaying && restartClock());
$("preview").addEventListener("change", redraw);
$("draw-box").addEventListener("click", () => startTool("box"));
$("draw-zone").addEventListener("click", () => startTool("zone"));
$("drawn-cancel").addEventListener("click", endTool);
$("undo").addEventListener("click", () => post("do/undo"));
$("redo").addEventListener("click", () => post("do/redo"));
$("save").addEventListener("click", () => post("do/save"));
$("render").addEventListener("click", render);
$("more").addEventListener("click", () => $("help").showModal());
$("job-cancel").addEventListener("click", () => post("do/cancel"));
$("job-finish").addEventListener("click", finish);
$("job-close").addEventListener("click", () => ((isJobHidden = true), showJob()));
window.addEventListener("beforeunload", (event) => {
  if (!hasEnded && !state.is_saved) event.preventDefault();
});

async function start() {
  clip = await getJson("clip.json");
  $("clip-name").textContent = clip.name;
  document.title = `${clip.name} – redact`;
  document.body.classList.toggle("still", clip.seconds.length < 2);
  $("listen").parentElement.hidden = !clip.sound_rate;
  $("seek").max = clip.seconds.length - 1;
  [canvas.width, canvas.height] = clip.size;
  picture.style.setProperty("--aspect", clip.size[0] / clip.size[1]);
  tracks = await getJson("tracks.json");
  await use(await getJson("state.json"));
  await seek(0);
  document.documentElement.dataset.ready = "yes";
  setTimeout(heartbeat, HEARTBEAT_MS);
}

start().catch((error) => showError(error.message));
