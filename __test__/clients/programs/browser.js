// node --import oxipc/register browser.js CHROMIUM: playwright-core with the browser of that path, which it starts with pipes
// at descriptors 3 and 4. Prints what came of it as JSON.

const { createHash } = require('node:crypto');
const http = require('node:http');
const { chromium } = require('playwright-core');

const [, , executablePath] = process.argv;
const text = 'x'.repeat(1 << 20);

async function main() {
  const server = http.createServer((request, response) => {
    response.setHeader('content-type', 'text/html');
    response.end(
      request.url === '/text' ? text : '<title>served</title><button onclick="this.textContent=1">0</button>',
    );
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const browser = await chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  });
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  await page.click('button');
  const button = await page.textContent('button');
  const fetched = await page.evaluate(() => fetch('/text').then((response) => response.text()));
  const image = await page.screenshot();
  const title = await page.title();
  await browser.close();
  server.close();
  console.log(
    JSON.stringify({
      title,
      button,
      text:
        createHash('sha256').update(fetched).digest('hex') ===
        createHash('sha256').update(text).digest('hex'),
      image: image.subarray(1, 4).toString(),
      connected: browser.isConnected(),
      ours: Object.keys(require.cache).some((name) => name.endsWith('/lib/child_process.js')),
    }),
  );
}

main();
