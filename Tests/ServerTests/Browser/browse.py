"""Goes through the dashboard as a person would, in Chromium without a screen.

usage: browse.py CHROMIUM PROFILE ADDRESS IMAGES PAGE..., with the token in STET_TOKEN.

IMAGES is a folder, or empty where nobody wants to look. Prints one JSON object. The browser is
driven over its debugging pipe: requests go in by descriptor 3, answers come by descriptor 4, each
ended by a zero byte.
"""

import base64
import json
import os
import select
import subprocess
import sys
import time

# Text whose colours are too close to read: WCAG 2.2, 1.4.3 (4.5 to 1). Text that is hidden from
# the eye, and what the browser draws itself, are left out.
FAINT = """(() => {
  const channel = v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const numbers = c => c.match(/[\\d.]+/g).map(Number);
  const light = c => { const [r, g, b] = numbers(c).map(channel);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const behind = e => { for (; e; e = e.parentElement) {
    const c = getComputedStyle(e).backgroundColor, n = numbers(c);
    if (n.length < 4 || n[3] > 0) return c; } return 'rgb(255, 255, 255)'; };
  const found = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement, s = getComputedStyle(e);
    if (!walk.currentNode.data.trim() || s.clipPath !== 'none' || e.closest('meter, svg')) continue;
    if (!e.getClientRects().length) continue;
    const [a, b] = [light(s.color), light(behind(e))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) found.push(walk.currentNode.data.trim().slice(0, 40) + ' ' + ratio.toFixed(2));
  }
  return found;
})()"""

# Fields without a label, buttons and links without a name, headings that leave out a level.
UNNAMED = """(() => {
  const found = [];
  for (const e of document.querySelectorAll('input:not([type=hidden]), select, textarea'))
    if (!e.labels.length) found.push('no label: ' + e.name);
  for (const e of document.querySelectorAll('a, button'))
    if (!e.textContent.trim()) found.push('no name: ' + e.outerHTML.slice(0, 80));
  let last = 0;
  for (const e of document.querySelectorAll('h1, h2, h3, h4')) {
    const level = Number(e.tagName[1]);
    if (level > last + 1) found.push('after h' + last + ': ' + e.textContent.trim().slice(0, 40));
    last = level;
  }
  if (document.querySelectorAll('h1').length !== 1) found.push('not one h1');
  if (!document.documentElement.lang || !document.title) found.push('no language or title');
  return found;
})()"""


class Browser:
    """One tab of a browser, and what it complained of."""

    def __init__(self, program, profile):
        to_browser, self.orders = os.pipe()
        self.answers, from_browser = os.pipe()

        def hand_over():
            # Out of the way first: either may be 3 or 4 already.
            first, second = os.dup(to_browser), os.dup(from_browser)
            first, second = os.dup2(first, 93), os.dup2(second, 94)
            os.dup2(first, 3)
            os.dup2(second, 4)

        self.process = subprocess.Popen(
            [
                program,
                "--headless=new",
                "--remote-debugging-pipe",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--disable-background-networking",
                "--disable-component-update",
                "--no-first-run",
                "--no-proxy-server",
                "--hide-scrollbars",
                f"--user-data-dir={profile}",
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            close_fds=False,
            preexec_fn=hand_over,
            start_new_session=True,
        )
        os.close(to_browser)
        os.close(from_browser)
        self.rest = b""
        self.number = 0
        self.session = None
        self.events = []
        self.errors = []
        self.alerts = 0
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        attached = self.ask("Target.attachToTarget", targetId=target, flatten=True)
        self.session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.ask(f"{domain}.enable")

    def ask(self, method, **parameters):
        """The answer to one order."""
        self.number += 1
        order = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            order["sessionId"] = self.session
        os.write(self.orders, json.dumps(order).encode() + b"\0")
        while True:
            message = self.message()
            if message.get("id") == self.number:
                if "error" in message:
                    raise SystemExit(f"{method}: {message['error']}")
                return message["result"]
            self.note(message)

    def message(self, seconds=30):
        """The next message."""
        deadline = time.monotonic() + seconds
        while b"\0" not in self.rest:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.answers], [], [], left)[0]:
                raise SystemExit("the browser says nothing")
            piece = os.read(self.answers, 1 << 20)
            if not piece:
                raise SystemExit("the browser has ended")
            self.rest += piece
        text, self.rest = self.rest.split(b"\0", 1)
        return json.loads(text)

    def note(self, message):
        """Keeps what an event tells."""
        name, told = message.get("method"), message.get("params", {})
        self.events.append(name)
        if name == "Runtime.exceptionThrown":
            self.errors.append(str(told["exceptionDetails"].get("text")))
        elif name == "Runtime.consoleAPICalled" and told["type"] in ("error", "warning"):
            self.errors.append(str(told["args"]))
        elif name == "Log.entryAdded" and told["entry"]["level"] in ("error", "warning"):
            entry = told["entry"]
            # A page that says that there is no such thing is meant to.
            if not ("404" in entry["text"] and entry.get("url", "").endswith("/none")):
                self.errors.append(entry["text"] + " " + entry.get("url", ""))
        elif name == "Page.javascriptDialogOpening":
            self.alerts += 1

    def loaded(self, act):
        """Does something, and waits for the page that follows."""
        self.events.clear()
        act()
        while "Page.loadEventFired" not in self.events:
            self.note(self.message())

    def open(self, address):
        self.loaded(lambda: self.ask("Page.navigate", url=address))

    def value(self, expression):
        return self.ask("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get(
            "value"
        )

    def click(self, selector):
        """With the mouse, in the middle of it."""
        place = self.value(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
            "e.scrollIntoView({block: 'center'}); const r = e.getBoundingClientRect();"
            "return [r.x + r.width / 2, r.y + r.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.ask(
                "Input.dispatchMouseEvent",
                type=kind,
                x=place[0],
                y=place[1],
                button="left",
                clickCount=1,
            )

    def enter(self, text):
        """Types where the focus is, and presses the enter key."""
        self.ask("Input.insertText", text=text)
        for kind in ("keyDown", "keyUp"):
            self.ask(
                "Input.dispatchKeyEvent",
                type=kind,
                key="Enter",
                code="Enter",
                windowsVirtualKeyCode=13,
                text="\r" if kind == "keyDown" else "",
            )

    def look(self, width, scheme):
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=800,
            deviceScaleFactor=1,
            mobile=width < 500,
        )
        self.ask(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": scheme}],
        )

    def image(self):
        shot = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        return base64.b64decode(shot["data"])

    def close(self):
        try:
            self.session = None
            self.ask("Browser.close")
        except (SystemExit, OSError):
            pass
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, 9)
            self.process.wait()


def main():
    program, profile, address, images, *pages = sys.argv[1:]
    browser = Browser(program, profile)
    told = {"widest": {}, "images": 0, "painted": 0, "faint": [], "unnamed": []}

    def shoot(name):
        for width in (1100, 400):
            for scheme in ("light", "dark"):
                browser.look(width, scheme)
                if width == 400:
                    told["widest"][name] = browser.value("document.documentElement.scrollWidth")
                told["faint"] += [f"{name} {scheme}: {t}" for t in browser.value(FAINT)]
                data = browser.image()
                told["images"] += 1
                told["painted"] += data.startswith(b"\x89PNG") and len(data) > 4000
                if images:
                    file = os.path.join(images, f"{name}-{width}-{scheme}.png")
                    with open(file, "wb") as output:
                        output.write(data)
        told["unnamed"] += [f"{name}: {t}" for t in browser.value(UNNAMED)]

    try:
        browser.look(1100, "light")
        browser.open(address + "/ui/issues")
        shoot("sign-in")
        browser.look(1100, "light")
        browser.loaded(lambda: browser.enter(os.environ["STET_TOKEN"]))
        told["signed_in_at"] = browser.value("location.pathname")
        for page in pages:
            browser.open(address + page)
            shoot(page.strip("/").split("?")[0].replace("/", "-") or "overview")
        browser.look(1100, "light")
        browser.open(address + "/ui/issues")
        browser.loaded(lambda: browser.click("form[action$='/confirm'] button"))
        told["said"] = browser.value("document.querySelector('[role=status]')?.textContent")
        shoot("confirmed")
        browser.look(1100, "light")
        browser.loaded(lambda: browser.click("form[action='/ui/sign-out'] button"))
        told["signed_out_at"] = browser.value("location.pathname")
    finally:
        browser.close()
    told["errors"] = browser.errors
    told["alerts"] = browser.alerts
    print(json.dumps(told))


main()
