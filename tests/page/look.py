# SPDX-License-Identifier: Apache-2.0
"""URL PROFILE PICTURES TOKEN: looks at the page, a sentence a check; see page.sh."""
import sys
from browser import Browser

url, profile, pictures, token = sys.argv[1:]
page = Browser(profile)
failed = []


def check(sentence, holds):
    print(("ok - " if holds else "not ok - ") + sentence, flush=True)
    if not holds:
        failed.append(sentence)


def fits():
    return page.eval("document.documentElement.scrollWidth <= innerWidth")


page.size(1280, 800)
page.open(url)
check("all topologies are listed", page.until("document.querySelectorAll('tbody tr').length == 2"))
check("the first paint does not wait", (page.eval("performance.getEntriesByType('paint')[0].startTime") or 1e9) < 3000)
page.picture(f"{pictures}/list.png")
page.click("tbody tr:last-child a" if page.eval("document.querySelector('tbody tr:last-child').innerText.startsWith('shop')") else "tbody tr a")
check("a click leads to one", page.until("document.querySelector('#now h2')?.innerText == 'shop'"))
check("the bottleneck is named in words", page.until("document.querySelector('#bottleneck')?.innerText.includes('Bottleneck: price.')"))
check("the last death is shown with its cause", page.until("document.querySelector('#death')?.innerText.includes('killed by signal 9')"))
check("both can be seen without scrolling", page.eval("['bottleneck', 'death'].every(i => document.getElementById(i).getBoundingClientRect().bottom < innerHeight)"))
check("the graph has every component", page.eval("[...document.querySelectorAll('g.comp text:nth-of-type(1)')].map(t => t.textContent).sort().join() == 'audit,orders,parse,price,store'"))
check("edges have live rates", page.until("[...document.querySelectorAll('#now svg text')].some(t => /[1-9].*[/]s/.test(t.textContent))"))
check("tasks stand in a heat strip", page.eval("document.querySelectorAll('#c-price .heat i').length == 3"))
check("event time stands beside each component that it comes to", page.until("/^[0-9].* behind$/.test(document.querySelector('#c-store td:last-child').innerText)"))
page.until("document.querySelectorAll('.charts polyline').length > 0", 90)
page.picture(f"{pictures}/light.png")
page.size(1280, 800, dark=True)
page.picture(f"{pictures}/dark.png")
check("dark is dark", page.eval("getComputedStyle(document.body).backgroundColor == 'rgb(16, 21, 29)'"))
page.size(390, 844)
check("nothing is wider than a phone", fits())
page.picture(f"{pictures}/phone.png")
page.size(1280, 800)
page.key("/", text="/")
check("a key opens the log, and searches it", page.until("document.activeElement.id == 'search' && document.getElementById('log').open"))
page.type("killed")
check("the log's lines are those searched for", page.until("(t => t.length > 0 && t.every(l => l.includes('killed')))(document.getElementById('logtext').textContent.split('\\n').filter(l => l))"))
page.eval("document.querySelector('#yaml').open = true")
check("the file of the topology is shown", page.until("document.getElementById('source').textContent.includes('zipf 1000 1.2')"))
page.picture(f"{pictures}/log.png")
page.eval("scrollTo(0, 0)")
page.click("path.hit")
page.until("document.getElementById('ask').open")
page.type(token)
page.click("#askyes")
check("a click on an edge shows its tuples", page.until("document.querySelectorAll('#taprows tbody tr').length > 5"))
check("with their fields, and how many of all they are", page.eval("[...document.querySelectorAll('#taprows th')].map(h => h.innerText).join() == 'task,user,n' && document.getElementById('tapshare').innerText.length > 5"))
page.picture(f"{pictures}/tap.png")
page.eval("document.querySelector('#tap').open = false")
page.eval("scrollTo(0, 0)")
page.click("#toggle")
page.until("document.getElementById('ask').open")
page.picture(f"{pictures}/ask.png")
page.type("wrong")
complaints = len(page.complaints)
page.click("#askyes")
check("without the token nothing is changed", page.until("document.getElementById('live').textContent.startsWith('refused')"))
del page.complaints[complaints:]  # the browser logs the refusal as an error
page.click("#toggle")
page.until("document.getElementById('ask').open")
page.type(token)
page.click("#askyes")
check("with it the spouts are switched off", page.until("document.querySelector('#now .state')?.innerText == 'inactive'"))
page.key("Escape")
check("Escape leads back", page.until("document.querySelectorAll('tbody tr.go').length == 2"))
page.eval("location.hash = '#/nothing'")
check("a topology that is not there is said not to be", page.until("document.getElementById('now')?.innerText.includes('no topology nothing')"))
page.complaints = [c for c in page.complaints if "nothing" not in c]
check("no error, and nobody else was asked", not page.complaints)
for complaint in page.complaints:
    print("#", complaint)
page.close()
sys.exit(bool(failed))
