# SPDX-License-Identifier: Apache-2.0
"""Storm's side of the pipe, word for word: storm_talk.py RESOURCES, of the topology `pass` (on_storm.sh).

A line of a transcript is ">" and the bytes of Storm's, or "<" and the message that must come next. Storm spreads
messages over lines, writes several at once, and has `/` as `\\/`.
"""
import json
import os
import subprocess
import sys
import tempfile

TASKS = {"1": "__acker", "2": "numbers", "3": "numbers", "4": "pass", "5": "pass", "6": "pass", "7": "write",
         "8": "write"}
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


def play(resources, number, transcript):
    with tempfile.TemporaryDirectory() as pids:
        child = subprocess.Popen(["/bin/sh", "start"], cwd=resources, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                 env={**os.environ, "LD_LIBRARY_PATH": resources})

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
                sys.exit("task %d: %s came, and not %s" % (number, json.dumps(message), json.dumps(wanted)))

        context = {"componentid": TASKS[str(number)], "taskid": number, "task->component": TASKS}
        say(json.dumps({"pidDir": pids, "context": context, "conf": {"storm.id": "talk-1-1"}}, indent=1) + "\nend\n")
        expect({"pid": child.pid})
        if os.listdir(pids) != [str(child.pid)]:
            sys.exit("it has left no file of its pid")
        for who, what in transcript:
            (say if who == ">" else expect)(what)
        child.stdin.close()
        rest, status = child.stdout.read(), child.wait(20)
        if rest or status != 0:
            sys.exit("task %d: %r at the end, status %d" % (number, rest, status))


play(sys.argv[1], 4, BOLT)
play(sys.argv[1], 2, SPOUT)
