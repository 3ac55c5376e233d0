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
check("the first paint does not wait", (page.eval("performance.getEntriesByType('paint')[0].startTime") or 1e9) < 30000)
page.picture(f"{pictures}/list.png")
page.click("tbody tr:last-child a" if page.eval("document.querySelector('tbody tr:last-child').innerText.startsWith('shop')") else "tbody tr a")
check("a click leads to one", page.until("document.querySelector('#now h2')?.innerText == 'shop'"))
check("the bottleneck is named in words", page.until("document.querySelector('#bottleneck')?.innerText.includes('Bottleneck: price.')"))
check("the last death is shown with its cause", page.until("document.querySelector('#death')?.innerText.includes('killed by signal 9')"))
check("both can be seen without scrolling", page.eval("['bottleneck', 'death'].every(i => document.getElementById(i).getBoundingClientRect().bottom < innerHeight)"))
check("the graph has every component", page.eval("[...document.querySelectorAll('g.comp text:nth-of-type(1)')].map(t => t.textContent).sort().join() == 'audit,orders,parse,price,store'"))
check("no edge runs behind a component", page.eval("""(() => {
    const nodes = [...document.querySelectorAll('rect.node')].map(node => node.getBBox());
    const is_in = (at, n) => at.x > n.x + 1 && at.x < n.x + n.width - 1 && at.y > n.y + 1 && at.y < n.y + n.height - 1;
    return [...document.querySelectorAll('path.edge')].every(edge => {
        for (let at = 5; at < edge.getTotalLength() - 5; at += 5)
            if (nodes.some(node => is_in(edge.getPointAtLength(at), node))) return false;
        return true;
    });
})()"""))
check("edges have live rates", page.until("[...document.querySelectorAll('#now svg text')].some(t => /[1-9].*[/]s/.test(t.textContent))"))
check("tasks stand in a heat strip", page.eval("document.querySelectorAll('#c-price .heat i').length == 3"))
check("event time stands beside each component that it comes to", page.until("/^[0-9].* behind$/.test(document.querySelector('#c-store td:last-child').innerText)"))
page.until("document.querySelectorAll('.charts polyline').length > 0", 90)
check("the last hour of a spout is what it emits, of a bolt what it executes", page.until("(t => t[0].startsWith('orders: emitted') && t[2].startsWith('parse: executed') && /[1-9].*[/]s/.test(t[0]))([...document.querySelectorAll('.charts h3')].map(h => h.innerText))"))
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
check("without the token nothing is changed, and what was refused stands there until it is read", page.until("!document.getElementById('said').hidden && document.getElementById('said').innerText.includes('deactivate of shop was refused')"))
page.picture(f"{pictures}/refused.png")
page.click("#saidaway")
check("a click closes it", page.until("document.getElementById('said').hidden"))
del page.complaints[complaints:]  # the browser logs the refusal as an error
page.eval("document.getElementById('g-price').focus()")
page.eval("window.before_ = document.getElementById('g-price')")
page.until("document.getElementById('g-price') !== before_")
check("who goes by the keyboard keeps the place when the page is renewed", page.eval("document.activeElement.id == 'g-price'"))
page.key("Enter", text="\r")
check("Enter on a component leads to its row", page.until("document.activeElement.id == 'c-price'"))
page.eval("document.getElementById('rebalance').focus()")
page.key("Enter", text="\r")
page.until("document.getElementById('ask').open")
check("bolts can be given other numbers of tasks, spouts cannot", page.eval("[...document.querySelectorAll('#askmore input')].map(i => i.id + i.value).join() == 'r-parse1,r-price3,r-audit1,r-store1'"))
page.eval("document.getElementById('r-audit').focus(); document.getElementById('r-audit').select()")
page.type("2")
page.eval("document.getElementById('token').focus()")
page.type(token)
page.picture(f"{pictures}/rebalance.png")
page.key("Enter", text="\r")
check("rebalance gives a bolt its tasks", page.until("document.querySelectorAll('#c-audit .heat i').length == 2"))
unnamed = page.eval("[...document.querySelectorAll('button, a, input, select, [tabindex=\"0\"]')].filter(e => e.checkVisibility() && !(e.innerText || e.getAttribute('aria-label') || e.textContent || (e.labels && e.labels.length))).map(e => e.outerHTML)")
check("whatever the keyboard comes to has a name", unnamed == [])
page.click("#toggle")
page.until("document.getElementById('ask').open")
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
