# SPDX-License-Identifier: Apache-2.0
"""Drives headless Chromium over a pipe (the DevTools protocol), with nothing but Python's own library.

    page = Browser(folder); page.open(url); page.until("document.title"); page.click("#kill"); page.picture("x.png")
"""
import base64, json, os, subprocess, time


class Browser:
    def __init__(self, folder, program="chromium"):
        to_r, to_w = os.pipe()
        from_r, from_w = os.pipe()

        arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--no-first-run",
                     "--disable-background-networking", f"--user-data-dir={folder}", "--remote-debugging-pipe", "about:blank"]
        # what Chromium reads is 3, what it writes is 4
        self.process = subprocess.Popen(["bash", "-c", f'exec "$@" 3<&{to_r} 4>&{from_w}', "-", program, *arguments],
                                        pass_fds=(to_r, from_w), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_r), os.close(from_w)
        self.out, self.into, self.rest, self.number, self.session, self.complaints = to_w, from_r, b"", 0, None, []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(domain + ".enable")

    def message(self):
        while b"\0" not in self.rest:
            piece = os.read(self.into, 1 << 20)
            if not piece:
                raise SystemExit("the browser has ended")
            self.rest += piece
        one, self.rest = self.rest.split(b"\0", 1)
        return json.loads(one)

    def call(self, method, **params):
        self.number += 1
        ask = {"id": self.number, "method": method, "params": params}
        if self.session:
            ask["sessionId"] = self.session
        os.write(self.out, json.dumps(ask).encode() + b"\0")
        while True:
            got = self.message()
            self.note(got)
            if got.get("id") == self.number:
                if "error" in got:
                    raise SystemExit(f"{method}: {got['error']}")
                return got["result"]

    def note(self, got):
        """What a page must not do: throw, log an error, ask anybody else."""
        if got.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(got["params"]["exceptionDetails"].get("exception", {}).get("description", "an exception"))
        if got.get("method") == "Log.entryAdded" and got["params"]["entry"]["level"] == "error":
            self.complaints.append(got["params"]["entry"]["text"] + " " + got["params"]["entry"].get("url", ""))
        if got.get("method") == "Network.requestWillBeSent":
            url = got["params"]["request"]["url"]
            if not url.startswith(("http://127.0.0.1:", "http://localhost:", "data:")):
                self.complaints.append("asked " + url)

    def size(self, width, height, dark=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def open(self, url):
        self.call("Page.navigate", url=url)

    def eval(self, expression):
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            return None
        return answer["result"].get("value")

    def until(self, expression, seconds=60):
        """Waits until the expression is true, and returns it."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            value = self.eval(expression)
            if value:
                return value
            time.sleep(0.1)
        raise SystemExit(f"not true after {seconds} s: {expression}\n" + str(self.eval("document.body.innerText"))[:2000])

    def click(self, selector):
        spot = self.eval(f"(() => {{ const e = document.querySelector({json.dumps(selector)}); e.scrollIntoView({{ block: 'center' }}); const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2] }})()")
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=spot[0], y=spot[1], button="left", clickCount=1)

    def key(self, key, code=None, text=None):
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, code=code or key, **({"text": text} if text else {}))
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key, code=code or key)

    def type(self, text):
        self.call("Input.insertText", text=text)

    def picture(self, path):
        with open(path, "wb") as file:
            file.write(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))

    def close(self):
        self.session = None
        try:
            self.call("Browser.close")
        except SystemExit:
            pass
        self.process.wait(30)
