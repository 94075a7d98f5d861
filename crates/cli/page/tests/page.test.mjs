// Tests the page of all three hosts in a browser. Needs playwright-core, a Chromium, and in the environment
//   PAGE_REPORT  a report of a language model, as a file or URL; its text has HOSTILE in the first 500 characters
//   PAGE_SERVE   the URL of `refrain serve` with a language model
//   PAGE_LIVE    the URL of `refrain train --live`, during or after a run with at least one checkpoint
//   PAGE_OTHERS  reports of other tasks, separated by commas (optional)
// and CHROMIUM, unless it is /usr/bin/chromium. Run: node --test crates/cli/page/tests/page.test.mjs
import assert from "node:assert/strict";
import { resolve } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const HOSTILE = "<script>alert(1)</script>";
const TIMEOUT = 60_000;
let browser;

before(async () => {
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu"],
  });
});
after(() => browser?.close());

function address(variable) {
  const value = process.env[variable];
  assert.ok(value, `${variable} is not set: it must be the page to test`);
  return located(value);
}

const located = (value) => (/^(https?|file):/.test(value) ? value : pathToFileURL(resolve(value)).href);

/** Opens a page and calls `use`. Fails on errors, dialogues and requests to other origins. */
async function visit(url, use, { width = 1000, colorScheme = "light" } = {}) {
  const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
  const problems = [];
  page.on("console", (message) => message.type() === "error" && problems.push(`console: ${message.text()}`));
  page.on("pageerror", (error) => problems.push(`error: ${error.stack}`));
  page.on("dialog", (dialog) => (problems.push(`dialogue: ${dialog.message()}`), dialog.dismiss()));
  page.on("request", (request) => {
    const { protocol, origin, href } = new URL(request.url());
    const own = url.startsWith("file:") ? href.split("#")[0] === url.split("#")[0] : origin === new URL(url).origin;
    if (!own && !["data:", "blob:"].includes(protocol)) problems.push(`request: ${href}`);
  });
  try {
    await page.goto(url);
    await page.waitForSelector("[role=tab]", { timeout: TIMEOUT });
    await use(page);
    assert.deepEqual(problems, []);
  } finally {
    await page.close();
  }
}

const tabIds = (page) => page.$$eval("[role=tab]", (tabs) => tabs.map((tab) => tab.id.slice(4)));
const panel = (id) => `#panel-${id}`;
const open = async (page, id) => {
  await page.click(`#tab-${id}`);
  await page.waitForSelector(`${panel(id)} h2`);
};
const until = (page, condition, argument) => page.waitForFunction(condition, argument, { timeout: TIMEOUT });

/** Waits until every canvas of a panel shows more than the background. */
const drawn = (page, id) =>
  until(
    page,
    (selector) => {
      const canvases = [...document.querySelectorAll(`${selector} canvas`)];
      return (
        canvases.length > 0 &&
        canvases.every((canvas) => {
          if (canvas.width === 0 || canvas.height === 0) return false;
          const pixels = new Uint32Array(
            canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.buffer,
          );
          return new Set(pixels).size > 3;
        })
      );
    },
    panel(id),
  );

const readout = (page, id) => page.textContent(`${panel(id)} output`);

async function checkReadout(page, id, target, key, words) {
  await page.focus(`${panel(id)} ${target}`);
  await page.keyboard.press(key);
  assert.match(await readout(page, id), words);
}

/** The checks of each view of a trace. */
const CHECKS = {
  async text(page) {
    await drawn(page, "text");
    await until(page, () =>
      [...document.querySelectorAll("#panel-text .token")].some((token) => token.style.backgroundColor),
    );
    await checkReadout(page, "text", ".lines", "ArrowRight", /\[\d+\] = −?[\d.]+/);
    const colours = () =>
      page.$$eval("#panel-text .token", (tokens) => tokens.map((token) => token.style.backgroundColor).join());
    const was = await colours();
    await page.click("#panel-text [aria-label='Next unit']");
    assert.notEqual(await colours(), was);
  },
  async matrix(page) {
    await drawn(page, "matrix");
    await checkReadout(page, "matrix", ".grid-scroll", "ArrowDown", /^unit \d+ at .* = −?[\d.]+/);
    await page.keyboard.press("+");
    for (const kind of ["PNG", "SVG"]) {
      const [file] = await Promise.all([
        page.waitForEvent("download"),
        page.click(`#panel-matrix button:text('Save ${kind}')`),
      ]);
      assert.ok(file.suggestedFilename().endsWith(kind.toLowerCase()));
    }
  },
  async predictions(page) {
    // Lines are drawn when they become visible, after their panel.
    const guessed = () => until(page, () => document.querySelectorAll("#panel-predictions .guess").length > 10);
    await guessed();
    await checkReadout(page, "predictions", ".lines", "ArrowRight", /surprisal .* nats[\s\S]*%/);
    await page.selectOption("#panel-predictions select >> nth=1", "1");
    await guessed();
  },
  async unrolled(page) {
    const now = () =>
      page.$eval("#panel-unrolled .board", (board) =>
        [...board.querySelectorAll(".step")].findIndex((step) => step.matches(".now")),
      );
    assert.equal(await now(), 0);
    await page.focus("#panel-unrolled .board");
    await page.keyboard.press("ArrowRight");
    assert.equal(await now(), 1);
    assert.ok((await page.$$("#panel-unrolled .working .formula")).length > 0);
    const steps = (await page.$$("#panel-unrolled .step")).length;
    for (let i = 0; i < steps; i++) await page.keyboard.press("ArrowRight");
    assert.match(await page.textContent("#panel-unrolled .step.now"), /∂L\/∂h/);
    await page.selectOption("#panel-unrolled label:has-text('Gradient over') select", { index: 1 });
    assert.ok((await page.$$("#panel-unrolled .edge.stop")).length > 0);
  },
  async gates(page, trace) {
    await drawn(page, "gates");
    assert.equal((await page.$$("#panel-gates canvas")).length, new Set(trace.saturation.map(({ gate }) => gate)).size);
    await checkReadout(page, "gates", "canvas", "ArrowRight", /unit \d+: open .* closed/);
  },
  async gradients(page, trace) {
    await drawn(page, "gradients");
    assert.equal((await page.$$("#panel-gradients tbody tr")).length, trace.gradients.series.length);
    await checkReadout(page, "gradients", "canvas", "ArrowRight", /steps back/);
  },
  async finder(page, trace) {
    const { properties } = trace.finder;
    assert.ok(
      (await page.$$("#panel-finder tbody tr")).length >= properties.filter(({ units }) => units.length).length,
    );
    await until(page, () =>
      [...document.querySelectorAll("#panel-finder .token")].some((token) => token.style.backgroundColor),
    );
    await page.click("#panel-finder .link");
    assert.equal(await page.textContent("#panel-finder h3"), properties.find(({ units }) => units.length).name);
  },
  async path(page) {
    await drawn(page, "path");
    const was = await page.textContent("#panel-path .context");
    await page.click("#panel-path [aria-label='Time: forward']");
    assert.notEqual(await page.textContent("#panel-path .context"), was);
  },
  async embedding(page) {
    await drawn(page, "embedding");
    await checkReadout(page, "embedding", "canvas", "ArrowRight", /^“.+” at /);
  },
  async attention(page) {
    await drawn(page, "attention");
    await checkReadout(page, "attention", ".grid-scroll", "ArrowDown", /^generating “.+”: .* % on “.+”/);
  },
  async contributions(page) {
    await until(page, () =>
      [...document.querySelectorAll("#panel-contributions .token")].some((token) => token.style.backgroundColor),
    );
    assert.ok((await page.$$("#panel-contributions .shares li")).length > 1);
  },
  async tags(page) {
    await until(page, () => document.querySelectorAll("#panel-tags .guess").length > 0);
  },
  async roll(page) {
    await drawn(page, "roll");
    await checkReadout(page, "roll", ".grid-scroll", "ArrowDown", /sounds|is silent/);
  },
  async series(page) {
    await drawn(page, "series");
    await checkReadout(page, "series", "canvas", "ArrowRight", /step \d+: /);
  },
};

const PARTS = {
  predictions: "predictions",
  unrolled: "unrolled",
  gates: "saturation",
  gradients: "gradients",
  finder: "finder",
  path: "path",
  embedding: "embedding",
  attention: "attention",
  contributions: "contributions",
  tags: "tags",
  roll: "roll",
  series: "series",
};

const traceOf = (page) => page.evaluate(() => JSON.parse(document.getElementById("trace").textContent));

function expected({ axis, layers, ...trace }) {
  const always = layers.length ? (["steps", "frames"].includes(axis) ? ["matrix"] : ["text", "matrix"]) : [];
  const filled = (part) => part && (!Array.isArray(part) || part.length > 0);
  return [...always, ...Object.keys(PARTS).filter((id) => filled(trace[PARTS[id]]))];
}

async function checkReport(page) {
  const trace = await traceOf(page);
  const ids = await tabIds(page);
  assert.deepEqual(ids.toSorted(), expected(trace).toSorted());
  for (const id of ids) {
    await open(page, id);
    await CHECKS[id](page, trace);
  }
}

async function noHorizontalScroll(page) {
  for (const id of await tabIds(page)) {
    await open(page, id);
    await page.waitForTimeout(200);
    const excess = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(excess <= 0, `${id} is ${excess} px too wide`);
  }
}

test("every view of a report shows its data", () => visit(address("PAGE_REPORT"), checkReport));

test("every view of a report works in the dark colour scheme", () =>
  visit(address("PAGE_REPORT"), checkReport, { colorScheme: "dark" }));

for (const other of (process.env.PAGE_OTHERS ?? "").split(",").filter(Boolean))
  test(`every view of ${other} shows its data`, () => visit(located(other), checkReport));

test("tabs can be selected with the keyboard", () =>
  visit(address("PAGE_REPORT"), async (page) => {
    const ids = await tabIds(page);
    const chosen = () => page.$eval("[role=tab][aria-selected=true]", (tab) => tab.id.slice(4));
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement.getAttribute("role")), "tab");
    for (const [key, id] of [
      ["ArrowRight", ids[1]],
      ["End", ids.at(-1)],
      ["ArrowRight", ids[0]],
      ["ArrowLeft", ids.at(-1)],
      ["Home", ids[0]],
    ]) {
      await page.keyboard.press(key);
      assert.equal(await chosen(), id);
      assert.equal(await page.evaluate(() => document.activeElement.id), `tab-${id}`);
      assert.ok(await page.isVisible(panel(id)));
    }
  }));

test("every control has a name", () =>
  visit(address("PAGE_REPORT"), async (page) => {
    for (const id of await tabIds(page)) await open(page, id);
    const nameless = await page.$$eval("button, select, input, textarea, [tabindex='0']", (all) =>
      all
        .filter((one) => !(one.getAttribute("aria-label") || one.labels?.length || one.textContent.trim()))
        .map((one) => one.outerHTML.slice(0, 100)),
    );
    assert.deepEqual(nameless, []);
  }));

test("markup in tokens is shown as text", () =>
  visit(address("PAGE_REPORT"), async (page) => {
    const text = await page.evaluate(() =>
      JSON.parse(document.getElementById("trace").textContent).tokens.slice(0, 500).join(""),
    );
    assert.ok(text.includes(HOSTILE), "the text of the report does not start with hostile tokens");
    await open(page, "text");
    await page.waitForSelector("#panel-text .token");
    const shown = await page.$$eval("#panel-text .line", (lines) =>
      lines
        .sort((a, b) => parseFloat(a.style.top) - parseFloat(b.style.top))
        .map((line) => line.textContent)
        .join(""),
    );
    assert.ok(shown.includes(HOSTILE));
    for (const id of await tabIds(page)) await open(page, id);
    const injected = await page.$$eval(
      "main script, main img, main style, main iframe, main [onerror], main [style*='url']",
      (all) => all.map((one) => one.outerHTML),
    );
    assert.deepEqual(injected, []);
  }));

test("no view is wider than a telephone", async () => {
  for (const variable of ["PAGE_REPORT", "PAGE_SERVE", "PAGE_LIVE"])
    await visit(address(variable), noHorizontalScroll, { width: 360 });
});

test("a served page analyses a text, then another one", () =>
  visit(address("PAGE_SERVE"), async (page) => {
    await open(page, "text");
    await CHECKS.text(page);
    const text = await page.inputValue("#text-to-read");
    await page.fill("#text-to-read", text.slice(0, Math.ceil(text.length / 2)));
    await page.click("button:text-is('Analyse')");
    await until(page, () => /^Analysed [\d,]+/.test(document.querySelector("[role=status]").textContent));
    await open(page, "matrix");
    await drawn(page, "matrix");
  }));

test("the playground streams text and creates branches", () =>
  visit(address("PAGE_SERVE"), async (page) => {
    const text = () =>
      page.$$eval("#panel-playground .token", (tokens) => tokens.map((token) => token.textContent).join(""));
    const finished = (id) =>
      until(
        page,
        (words) => document.querySelector("#panel-playground [role=status]").textContent.startsWith(words),
        `Branch ${id} has`,
      );
    await open(page, "playground");
    await page.fill("#panel-playground label:has-text('Length') input", "40");
    await page.fill("#panel-playground label:has-text('Seed') input", "1");
    await page.click("#panel-playground button:text-is('Generate')");
    await finished(1);
    const first = await text();
    assert.ok(first.length > (await page.inputValue("#prompt")).length);
    await page.focus("#panel-playground .lines");
    await page.keyboard.press("End");
    await page.keyboard.press("ArrowLeft");
    await page.waitForSelector(".popup:not([hidden]) button");
    assert.ok((await page.$$(".popup button")).length <= 5);
    await page.keyboard.press("Enter");
    await page.keyboard.press("ArrowDown");
    const other = await page.$$eval(".popup button", (all) => all.findIndex((one) => !one.classList.contains("taken")));
    await page.click(`.popup button >> nth=${other}`);
    await finished(2);
    assert.notEqual(await text(), first);
    assert.equal((await page.$$(".branches li")).length, 2);
    await page.click(".branches button >> nth=0");
    assert.equal(await text(), first);
  }));

test("a run is shown while it trains", () =>
  visit(address("PAGE_LIVE"), async (page) => {
    await until(page, () => /^(Training|Training has ended): update/.test(document.querySelector(".status").textContent));
    await open(page, "curves");
    await drawn(page, "curves");
    await open(page, "samples");
    await page.waitForSelector("#panel-samples pre", { timeout: TIMEOUT });
    await open(page, "saturation");
    await until(page, () => document.querySelector("#panel-saturation").textContent.length > 0);
    await open(page, "units");
    await page.waitForSelector("#panel-units .player", { timeout: TIMEOUT });
    await drawn(page, "units");
    await until(page, () =>
      [...document.querySelectorAll("#panel-units .token")].some((token) => token.style.backgroundColor),
    );
    await page.click("#panel-units [aria-label='Validation: back']");
  }));
