// What a browser says of report pages. In: a folder of packages, a folder for pictures, and the module folder in $QUORATE_TOOLS. Out: a line a
// page, and exit code 1 with every fault when there is one. Each page is opened from its file and under the policy that Jenkins sends.
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { existsSync, mkdirSync, readFileSync, readdirSync } from 'node:fs';
import { extname, join, normalize, resolve, sep } from 'node:path';
import { pathToFileURL } from 'node:url';

const JENKINS = "sandbox; default-src 'none'; img-src 'self'; style-src 'self';"; // hudson.model.DirectoryBrowserSupport.CSP, its default
const TYPES = { '.html': 'text/html; charset=utf-8', '.css': 'text/css', '.svg': 'image/svg+xml', '.md': 'text/markdown; charset=utf-8' };
const WIDE = 1280;
const NARROW = 360;
const PAPER = 688; // A4 less the margins of the style sheet, in CSS pixels
const TALLEST = 12000; // of a picture, in pixels

const [packages, pictures] = process.argv.slice(2);
const modules = createRequire(join(resolve(process.env.QUORATE_TOOLS ?? 'target/tools'), 'x.js'));
const { chromium } = modules('playwright-core');
const axe = readFileSync(modules.resolve('axe-core/axe.min.js'), 'utf8');

const faults = [];
const asked = []; // what the server was asked for
let root = '';
const server = createServer((request, response) => {
  const path = decodeURIComponent(new URL(request.url, 'http://loopback').pathname);
  const file = normalize(join(root, path));
  asked.push(path);
  response.setHeader('Content-Security-Policy', JENKINS);
  if (path === '/favicon.ico') return void response.writeHead(204).end(); // the browser's own wish, not the page's
  if (!file.startsWith(root + sep) || !existsSync(file)) return void response.writeHead(404).end();
  response.setHeader('Content-Type', TYPES[extname(file)] ?? 'application/octet-stream');
  response.end(readFileSync(file));
});

/** Opens a page and gathers everything that the browser complains of, and every request. */
async function open(browser, url, own, options) {
  const context = await browser.newContext({ viewport: { width: WIDE, height: 900 }, ...options });
  const page = await context.newPage();
  const said = [];
  const wanted = [];
  page.on('console', (m) => said.push(`console ${m.type()}: ${m.text()}`));
  page.on('pageerror', (e) => said.push(`script error: ${e.message}`));
  page.on('requestfailed', (r) => said.push(`failed: ${r.url()} (${r.failure()?.errorText})`));
  page.on('response', (r) => r.status() >= 400 && said.push(`status ${r.status()}: ${r.url()}`));
  page.on('request', (r) => {
    wanted.push(r.url());
    if (!r.url().startsWith(own)) said.push(`a request beyond the report: ${r.url().slice(0, 200)}`);
  });
  const client = await context.newCDPSession(page);
  client.on('Log.entryAdded', ({ entry }) => said.push(`log ${entry.level}: ${entry.text}`));
  client.on('Audits.issueAdded', ({ issue }) => said.push(`issue ${issue.code}: ${JSON.stringify(issue.details).slice(0, 400)}`));
  await client.send('Log.enable');
  await client.send('Audits.enable');
  await page.goto(url, { waitUntil: 'load' });
  return { context, page, said, wanted };
}

/** Runs in the page: how large it is, what sticks out of it, and whether all pictures came. */
function measure() {
  const { scrollWidth, clientWidth, scrollHeight } = document.documentElement;
  const clipped = (e) => { for (let p = e.parentElement; p; p = p.parentElement) if (getComputedStyle(p).overflowX !== 'visible') return true; return false; };
  const out = [...document.body.querySelectorAll('*')].filter((e) => e.getBoundingClientRect().left + e.scrollWidth > clientWidth + 1 && getComputedStyle(e).overflowX === 'visible' && !clipped(e));
  const worst = out.map((e) => `<${e.localName} class="${e.getAttribute('class') ?? ''}"> ${e.textContent.trim().slice(0, 40)}`).pop() ?? '';
  const missing = [...document.images].filter((i) => !i.complete || i.naturalWidth === 0).map((i) => i.getAttribute('src'));
  const foreign = [...document.querySelectorAll('script, iframe, object, embed, form, base, [style], a[href*=":"]')].map((e) => e.outerHTML.slice(0, 80));
  return { scrollWidth, clientWidth, scrollHeight, worst, missing, foreign, text: document.body.innerText.length };
}

const unfold = () => { for (const d of document.querySelectorAll('details')) d.open = true; };

async function look(browser, name, report, port) {
  const before = faults.length;
  const fault = (where, what) => faults.push(`${name}: ${where}: ${what}`);
  const sides = [];
  for (const [where, base] of [['file', `${pathToFileURL(report)}/`], ['jenkins', `http://127.0.0.1:${port}/`]]) {
    root = report;
    const { context, page, said, wanted } = await open(browser, `${base}index.html`, base, {});
    await page.evaluate(unfold);
    const size = await page.evaluate(measure);
    for (const line of new Set(said)) fault(where, line);
    for (const src of size.missing) fault(where, `the picture ${src} does not show`);
    for (const html of size.foreign) fault(where, `nothing of this kind belongs on the page: ${html}`);
    if (wanted.length < 2) fault(where, `only ${wanted.length} request: the style sheet was not asked for`);
    sides.push(size);
    await context.close();
  }
  if (JSON.stringify(sides[0]) !== JSON.stringify(sides[1])) fault('jenkins', `looks different: ${JSON.stringify(sides)}`);
  const file = `${pathToFileURL(report)}/`;
  for (const width of [WIDE, NARROW]) {
    const { context, page } = await open(browser, `${file}index.html`, file, { viewport: { width, height: 900 } });
    const height = await page.evaluate(() => document.documentElement.scrollHeight);
    await page.screenshot({ path: join(pictures, `${name}-${width}.png`), fullPage: true, clip: { x: 0, y: 0, width, height: Math.min(height, TALLEST) } });
    if (width === WIDE) {
      await page.pdf({ path: join(pictures, `${name}.pdf`), format: 'A4', preferCSSPageSize: true });
      await page.emulateMedia({ media: 'print' });
      await page.setViewportSize({ width: PAPER, height: 900 });
    }
    await page.evaluate(unfold);
    const size = await page.evaluate(measure);
    if (size.scrollWidth > size.clientWidth) fault(width === WIDE ? 'on paper' : `${width} px`, `scrolls sideways, ${size.scrollWidth} in ${size.clientWidth} px: ${size.worst}`);
    await context.close();
  }
  for (const colorScheme of ['light', 'dark']) {
    for (const width of [WIDE, NARROW]) {
      const { context, page } = await open(browser, `${file}index.html`, file, { viewport: { width, height: 900 }, colorScheme, bypassCSP: true });
      await page.evaluate(unfold);
      await page.evaluate(axe);
      const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
      if (found.passes.length < 10) fault(`axe ${colorScheme} ${width}`, `only ${found.passes.length} rules were applied`);
      for (const v of found.violations) {
        fault(`axe ${colorScheme} ${width}`, `${v.id}: ${v.help} (${v.nodes.length}×) ${v.nodes[0].html.slice(0, 160)} ${v.nodes[0].any.map((a) => a.message).join(' ').slice(0, 200)}`);
      }
      await context.close();
    }
  }
  console.log(`${faults.length === before ? 'ok' : 'FAULTY'}  ${name}: ${sides[0].scrollHeight} px high at ${WIDE}, ${sides[0].text} characters`);
}

mkdirSync(pictures, { recursive: true });
const reports = readdirSync(packages).sort().filter((name) => existsSync(join(packages, name, 'data/report/index.html')));
if (reports.length === 0) faults.push(`no package in ${packages}`);
const browser = await chromium.launch({ executablePath: process.env.QUORATE_CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-dev-shm-usage'] });
await new Promise((done) => server.listen(0, '127.0.0.1', done));
try {
  for (const name of reports) {
    const report = resolve(packages, name, 'data/report');
    await look(browser, name, report, server.address().port).catch((e) => faults.push(`${name}: the check broke off: ${e.message}`));
  }
} finally {
  await browser.close();
  server.close();
}
for (const path of new Set(asked)) if (!/^\/(index\.html|report\.css|charts\/[\w.-]+\.svg|favicon\.ico)$/.test(path)) faults.push(`the server was asked for ${path}`);
faults.forEach((line) => console.error(line));
process.exitCode = faults.length > 0 ? 1 : 0;
