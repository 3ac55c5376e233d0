# SPDX-License-Identifier: Apache-2.0
"""URL PROFILE: how long the page takes to paint, of nine loads, and the longest of its frames over 20 s; see many."""
import sys, time
from browser import Browser

url, profile = sys.argv[1:]
LOADS = 9
# When the content stood: the page counts that itself, for the driver only looks now and then.
WATCH = """{
    const note = () => { window.stood_ = performance.now(); };
    const look = () => requestAnimationFrame(document.body && %s ? () => setTimeout(note) : look);
    look();
}"""
TIMES = """(() => {
    const came = performance.getEntriesByType('navigation')[0];
    const paint = performance.getEntriesByName('first-contentful-paint')[0];
    return paint && window.stood_ ? [came.responseEnd, came.domInteractive, paint.startTime, window.stood_] : null;
})()"""
FRAMES = """(() => {
    let last = performance.now();
    const frame = now => { frames_.push(now - last); last = now; requestAnimationFrame(frame); };
    window.frames_ = [];
    requestAnimationFrame(frame);
})()"""


def measure(name, place, ready):
    script = page.call("Page.addScriptToEvaluateOnNewDocument", source=WATCH % ready)["identifier"]
    loads = []
    for _ in range(LOADS):
        page.open("about:blank")
        page.until("location.href == 'about:blank'")
        page.open(url + place)
        loads.append(page.until(TIMES))
    for n, what in enumerate(("the page has come", "it is parsed", "first contentful paint", "all rows stand")):
        times = sorted(load[n] for load in loads)
        print(f"{name}: {what} after {times[LOADS // 2]:.0f} ms "
              f"(of {LOADS} loads the median; {times[0]:.0f} to {times[-1]:.0f})")
    page.eval(FRAMES)
    time.sleep(20)
    frames = sorted(page.eval("frames_")[1:])
    print(f"{name}: {len(frames)} frames in 20 s, median {frames[len(frames) // 2]:.0f} ms, "
          f"99 % below {frames[len(frames) * 99 // 100]:.0f} ms, longest {frames[-1]:.0f} ms")
    page.call("Page.removeScriptToEvaluateOnNewDocument", identifier=script)


page = Browser(profile)
page.size(1280, 800)
measure("the list", "", "document.querySelectorAll('tbody tr').length == 20")
measure("a topology", "#/many-1", "document.querySelectorAll('.heat i').length == 50")
page.close()
