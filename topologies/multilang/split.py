# SPDX-License-Identifier: Apache-2.0
"""A bolt by Storm's multilang protocol, without a library: the words of each line, anchored to it."""
import json
import os
import sys


def read():
    text = "".join(iter(lambda: sys.stdin.readline() or sys.exit(0), "end\n"))
    return json.loads(text)


def send(**message):
    sys.stdout.write(json.dumps(message) + "\nend\n")


read()  # the handshake: configuration and context
send(pid=os.getpid())
while True:
    sys.stdout.flush()
    message = read()
    if message["stream"] == "__heartbeat":
        send(command="sync")
        continue
    for word in message["tuple"][0].split():
        send(command="emit", tuple=[word], anchors=[message["id"]], need_task_ids=False)
    send(command="ack", id=message["id"])
