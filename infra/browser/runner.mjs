// Drives Chromium for the Go package beside this file: one visit a line on standard input, as JSON, and one report a
// line on standard output. It ends when standard input does, and Chromium with it.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';

const axe = readFileSync(new URL('node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');

// Chromium asks the outside world for nothing: pages of these tests are on this computer.
const browser = await chromium.launch({
  executablePath: process.argv[2],
  headless: true,
  args: [
    '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync', '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1',
  ],
});

async function visit(v) {
  const context = await browser.newContext({
    viewport: { width: v.width, height: v.height },
    colorScheme: v.dark ? 'dark' : 'light',
    javaScriptEnabled: !v.noScript,
    locale: 'en-GB',
    timezoneId: v.zone || 'Europe/London',
  });
  const report = { console: [], requests: [], bytes: 0 };
  try {
    const page = await context.newPage();
    page.setDefaultTimeout(v.timeout);
    let response;
    page.on('console', (m) => {
      if (['error', 'warning'].includes(m.type())) report.console.push(m.text());
    });
    page.on('pageerror', (e) => report.console.push(String(e)));
    page.on('request', (r) => report.requests.push(r.method() + ' ' + r.url()));
    page.on('response', (r) => {
      if (r.request().isNavigationRequest() && r.frame() === page.mainFrame()) response = r;
    });
    await page.goto(v.url, { waitUntil: 'load' });
    for (const step of v.steps ?? []) await take(page, step);
    await look(page, response, v, report);
  } finally {
    await context.close();
  }
  return report;
}

// take does one thing that a person does: fill a field in by its label, press a key, or use a button or link by its name
// and wait for where it leads.
async function take(page, step) {
  if (step.fill) return page.getByLabel(step.fill, { exact: true }).fill(step.with ?? '');
  if (step.key) return page.keyboard.press(step.key);
  const named = { name: step.click, exact: true };
  const target = page.getByRole('button', named).or(page.getByRole('link', named));
  const left = page.waitForEvent('framenavigated', (f) => f === page.mainFrame());
  left.catch(() => {}); // whoever cannot click does not wait
  await target.click();
  await left;
  return page.waitForLoadState('load');
}

// look says what the page has come to.
async function look(page, response, v, report) {
  report.url = page.url();
  report.title = await page.title();
  report.status = response?.status() ?? 0;
  report.headers = response ? await response.allHeaders() : {};
  report.bytes = response ? (await response.body().catch(() => '')).length : 0;
  report.text = await page.innerText('body');
  report.overflow = await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');
  report.small = await page.evaluate(smallTargets);
  if (v.screenshot) await page.screenshot({ path: v.screenshot, fullPage: true });
  if (v.axe) {
    await page.evaluate(axe);
    report.violations = await page.evaluate(judge);
  }
}

// smallTargets names what is to be pressed and is less than 44 CSS pixels high or wide.
const smallTargets = `[...document.querySelectorAll('a[href], button, input, select, summary')]
  .filter((e) => { const r = e.getBoundingClientRect(); return r.width && (r.height < 44 || r.width < 44); })
  .map((e) => e.textContent.trim())`;

const judge = `axe.run(document, {
  runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
}).then((r) => r.violations.map((f) => ({
  rule: f.id, impact: f.impact, help: f.help, where: f.nodes.map((n) => n.target.join(' ')),
})))`;

const lines = createInterface({ input: process.stdin });
console.log(JSON.stringify({ ready: browser.version() }));
for await (const line of lines) {
  try {
    console.log(JSON.stringify(await visit(JSON.parse(line))));
  } catch (e) {
    console.log(JSON.stringify({ error: String(e.message ?? e).split('\n')[0] }));
  }
}
await browser.close();
