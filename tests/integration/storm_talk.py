# SPDX-License-Identifier: Apache-2.0
"""Storm's side of the pipe, word for word: storm_talk.py PASSING LETTERS, the resources of two topologies (on_storm.sh).

A line of a transcript is ">" and the bytes of Storm's, or "<" and the message that must come next. Storm spreads
messages over lines, writes several at once, and has `/` as `\\/`.
"""
import json
import os
import signal
import subprocess
import sys
import tempfile

PASSING = {"1": "__acker", "2": "numbers", "3": "numbers", "4": "pass", "5": "pass", "6": "pass", "7": "write",
           "8": "write"}
LETTERS = {"1": "__acker", "2": "records", "3": "json", "4": "write"}


def tuple_of(id, *values, task=2, comp="numbers", stream="default"):
    return json.dumps({"comp": comp, "tuple": values, "task": task, "stream": stream, "id": id}) + "\nend\n"


def emit_of(id, *values):
    return {"command": "emit", "need_task_ids": False, "anchors": [id], "tuple": list(values)}


def passed(id, *values):
    return (">", tuple_of(id, *values)), ("<", emit_of(id, *values)), ("<", {"command": "ack", "id": id})


BEAT = (">", '{"comp":null,"tuple":[],"task":-1,"stream":"__heartbeat","id":"77"}\nend\n'), ("<", {"command": "sync"})
BOLT = (
    (">", '{"comp":"numbers","tuple":[18446744073709551615,"\\/ \\ud83d\\ude00 \u2028 \u00e4"],'
          '"task":2,"stream":"default","id":"-5"}\nend\n'),
    ("<", {"command": "emit", "need_task_ids": False, "anchors": ["-5"],
           "tuple": [18446744073709551615, "/ \U0001f600 \u2028 \u00e4"]}),
    ("<", {"command": "ack", "id": "-5"}),
    # the tasks of an emit, which it has not asked for, a heartbeat, a tick and a tuple in one go, over many lines
    (">", '[7]\nend\n{"comp":null,\n\n"tuple":[] ,"task":-1,"stream":"__heartbeat","id":"9"}\nend\n'
          '{"comp":"__system","tuple":[3],"task":-1,"stream":"__tick","id":"8"}\nend\n'
          '{ "id" : "7", "stream":"default",\n"task":3,"comp":"numbers",\n"tuple":[1,"end\\nend"]\n}\nend\n'),
    ("<", {"command": "sync"}),
    ("<", {"command": "ack", "id": "8"}),
    ("<", {"command": "emit", "need_task_ids": False, "anchors": ["7"], "tuple": [1, "end\nend"]}),
    ("<", {"command": "ack", "id": "7"}),
    # a value of each type of JSON, and one larger than any pipe
    *passed("8", 1, ["\u00e9\u4eba \"\\\t\u0001 \U0001f600", -1, 2147483648, 9223372036854775807, 0.1, 1e300, None, True, [],
                     {"k": ["v", None]}, ""]),
    *passed("9", 2.5, {"text": "\u00e9\n/" * 1000000}),
    # the end of the pipe is what ends it, whatever signal comes first: Storm sends one to both sides
    ("signal", signal.SIGTERM),
    *passed("10", 10, ""),
    # it cannot add to a text, which is no reason not to go on
    (">", tuple_of("11", "a text", "")),
    ("log", 3, "arithmetic does not work with"),
    ("<", {"command": "fail", "id": "11"}),
    # what the condition does not hold for is acked, and nothing comes of it
    (">", '{"comp":"numbers","tuple":[-1,null],"task":2,"stream":"default","id":"9223372036854775807"}\nend\n'),
    ("<", {"command": "ack", "id": "9223372036854775807"}),
    # one mark of two is not the end; the other one is
    (">", '{"comp":"numbers","tuple":[0],"task":2,"stream":"squall-end","id":"1"}\nend\n'),
    (">", '{"comp":null,"tuple":[],"task":-1,"stream":"__heartbeat","id":"2"}\nend\n'),
    ("<", {"command": "sync"}),
    (">", '{"comp":"numbers","tuple":[1],"task":3,"stream":"squall-end","id":"3"}\nend\n'),
    ("<", {"command": "emit", "need_task_ids": False, "anchors": ["1", "3"], "stream": "squall-end", "tuple": [0]}),
    ("<", {"command": "ack", "id": "1"}),
    ("<", {"command": "ack", "id": "3"}),
    # a mark that has failed comes again
    (">", '{"comp":"numbers","tuple":[0],"task":2,"stream":"squall-end","id":"4"}\nend\n'),
    ("<", {"command": "emit", "need_task_ids": False, "anchors": ["4"], "stream": "squall-end", "tuple": [0]}),
    ("<", {"command": "ack", "id": "4"}),
)
SPOUT = (
    (">", '{"command":"activate","id":""}\nend\n'),
    ("<", {"command": "sync"}),
    (">", '{"id":"","command":"an-unknown-one"}\nend\n{"command":"deactivate","id":""}\nend\n'
          '{"command":"next","id":""}\nend\n'),
    ("<", {"command": "sync"}),
    ("<", {"command": "sync"}),
    ("<", {"command": "sync"}),
    (">", '{"command":"ack","id":"of nobody"}\nend\n{"command":"fail","id":7}\nend\n'),
    ("<", {"command": "sync"}),
    ("<", {"command": "sync"}),
)


JSON = (
    (">", tuple_of("1", '{"n":7}', comp="records")),
    ("<", emit_of("1", 7)),
    ("<", {"command": "ack", "id": "1"}),
    # what it cannot read is in its dead letters, and done with
    (">", tuple_of("2", "no JSON", comp="records")),
    ("log", 3, "left out a record: line: not JSON"),
    ("<", {"command": "ack", "id": "2"}),
    *BEAT,
)
# What the program must not take, and why it ends: the last words of it, also for Storm's UI.
REFUSED = (
    ('{"comp":"numbers","tuple":[1,\nend\n', "what is not JSON"),
    ("Hello!\nend\n", "what is not JSON"),
    ("\nend\n", "what is not JSON"),
    ("7\nend\n", "a tuple without an id"),
    ("{}\nend\n", "a tuple without an id"),
    (tuple_of(5, 1, ""), "a tuple without an id"),
    (tuple_of("1", 1, "", comp="write"), "a tuple of a stream that is not read here"),
    (tuple_of("1", 1, "", task=4), "a tuple of a stream that is not read here"),
    (tuple_of("1", 1, "", stream="other"), "a tuple of a stream that is not read here"),
    (tuple_of("1", 1), "a tuple that is not what its component emits"),
    (tuple_of("1", *range(1000)), "a tuple that is not what its component emits"),
)
HANDSHAKES = (
    ("", "no handshake of Storm has come"),
    ('{"pidDir":"/', "no handshake of Storm has come"),
    ("what?\nend\n", "no handshake of Storm has come"),
    ("{}\nend\n", "Storm has 0 tasks of 'numbers', the topology 2"),
    (json.dumps({"context": {"task->component": PASSING, "componentid": "pass", "taskid": 2}}) + "\nend\n",
     "does not say which task this is"),
)


def begin(resources):
    return subprocess.Popen(["/bin/sh", "start"], cwd=resources, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, env={**os.environ, "LD_LIBRARY_PATH": resources})


def handshake(tasks, number, pids):
    context = {"componentid": tasks[str(number)], "taskid": number, "task->component": tasks}
    return json.dumps({"pidDir": pids, "context": context, "conf": {"storm.id": "talk-1-1"}}, indent=1) + "\nend\n"


def play(resources, tasks, number, transcript):
    with tempfile.TemporaryDirectory() as pids:
        child = begin(resources)

        def say(text):
            child.stdin.write(text.encode("utf-8", "surrogatepass"))
            child.stdin.flush()

        def hear():
            lines = []
            while (line := child.stdout.readline()) not in (b"end\n", b""):
                lines.append(line)
            return json.loads(b"".join(lines))

        def expect(wanted):
            if (message := hear()) != wanted:
                sys.exit("task %d: %.2000s came, and not %.2000s" % (number, json.dumps(message), json.dumps(wanted)))

        def expect_log(level, text):
            message = hear()
            if message.get("command") != "log" or message["level"] != level or text not in message["msg"]:
                sys.exit("task %d: no log of level %d with '%s', but %s" % (number, level, text, message))

        say(handshake(tasks, number, pids))
        expect({"pid": child.pid})
        if os.listdir(pids) != [str(child.pid)]:
            sys.exit("it has left no file of its pid")
        does = {">": say, "<": expect, "log": expect_log, "signal": child.send_signal}
        for what, *of in transcript:
            does[what](*of)
        child.stdin.write(b'{"comp":"numbers","tup')  # Storm may die in the middle of a message
        rest, errors = child.communicate(timeout=20)
        if rest or child.returncode != 0:
            sys.exit("task %d: %r at the end, status %d\n%s" % (number, rest, child.returncode, errors.decode()))


def refuse(resources, said, why):
    child = begin(resources)
    rest, errors = child.communicate(said.encode(), timeout=20)
    if child.returncode != 1 or why not in errors.decode():
        sys.exit("after %.200r: %r, status %d, not '%s'" % (said, errors.decode(), child.returncode, why))
    last = json.loads(rest.decode().split("\nend\n")[-2])
    if last["command"] != "error" or why not in last["msg"]:
        sys.exit("after %.200r: Storm's UI shows %s, not '%s'" % (said, last, why))


passing, letters = sys.argv[1:]
play(passing, PASSING, 4, BOLT)
play(passing, PASSING, 2, SPOUT)
play(letters, LETTERS, 3, JSON)
for said, why in REFUSED:
    refuse(passing, handshake(PASSING, 4, "") + said, why)
for said, why in HANDSHAKES:
    refuse(passing, said, why)
