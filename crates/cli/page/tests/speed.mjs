// Measures how fast a page opens and scrolls. node speed.mjs REPORT.html prints one JSON object, times in milliseconds.
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const ROUNDS = 5,
  FRAMES = 120;
const url = pathToFileURL(resolve(process.argv[2])).href;
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu"],
});

/** Time until the first view is shown. */
async function open(page) {
  const began = performance.now();
  await page.goto(url);
  await page.waitForSelector("[role=tabpanel] .view");
  return performance.now() - began;
}

/** The time of each frame while a view scrolls by a third of its height per frame. */
const scroll = (page, selector, frames) =>
  page.$eval(
    selector,
    async (element, frames) => {
      const times = [];
      const frame = () => new Promise((done) => requestAnimationFrame(done));
      let last = await frame();
      for (let i = 0; i < frames; i++) {
        element.scrollTop += element.clientHeight / 3;
        const now = await frame();
        times.push(now - last);
        last = now;
      }
      return times;
    },
    frames,
  );

const opened = [];
let frames = [];
for (let round = 0; round < ROUNDS; round++) {
  const page = await browser.newPage({ viewport: { width: 1200, height: 800 } });
  opened.push(await open(page));
  if (round === ROUNDS - 1) {
    await page.click("#tab-text");
    await page.waitForSelector("#panel-text .token");
    frames = (await scroll(page, "#panel-text .lines", FRAMES)).sort((a, b) => a - b);
  }
  await page.close();
}
await browser.close();
const rounded = (x) => Math.round(x * 10) / 10;
console.log(
  JSON.stringify({
    opens: opened.map(rounded),
    frame_median: rounded(frames[FRAMES >> 1]),
    frame_slowest_of_20: rounded(frames[Math.floor(FRAMES * 0.95)]),
  }),
);
