# SPDX-License-Identifier: Apache-2.0
"""URL PROFILE: how long the page takes to paint, and the longest of its frames over 20 s; see many."""
import sys, time
from browser import Browser

url, profile = sys.argv[1:]
page = Browser(profile)
page.size(1280, 800)
for place, ready in (("", "document.querySelectorAll('tbody tr').length == 20"), ("#/many-1", "document.querySelectorAll('.heat i').length == 50")):
    page.open("about:blank")
    page.open(url + place)
    page.until(ready)
    paint = page.eval("performance.getEntriesByType('paint')[0].startTime")
    page.eval("(() => { let last = performance.now(); window.frames_ = []; const f = now => { frames_.push(now - last); last = now; requestAnimationFrame(f); }; requestAnimationFrame(f); })()")
    time.sleep(20)
    frames = sorted(page.eval("frames_")[1:])
    print(f"{place or 'the list'}: first paint after {paint:.0f} ms; {len(frames)} frames, median {frames[len(frames) // 2]:.0f} ms, "
          f"99 % below {frames[len(frames) * 99 // 100]:.0f} ms, longest {frames[-1]:.0f} ms")
page.close()
