# SPDX-License-Identifier: Apache-2.0
"""What of Storm a multilang component sees, in one process: runs what nimbus.py was sent, until its end marks are acked.

mini_storm.py SUBMISSION FOLDER [--fail-every N] [--end-fails] [--kill COMPONENT:N]

SUBMISSION.jar and SUBMISSION.topology are unpacked and started in FOLDER. Every Nth message of a spout fails; with
--end-fails so does each mark. With --kill the first task of a bolt is killed when it has acked N tuples, and started
again as Storm does: without a word, and what it had fails. Each run is a submit of its own. What each task logs is on standard output; the number of tuples of each stream at the end.
"""
import collections
import contextlib
import itertools
import json
import os
import queue
import random
import selectors
import subprocess
import sys
import threading
import time
import zipfile

WIDE = 1 << 32


class Task:
    def __init__(self, storm, component, spec, number, index):
        self.storm, self.component, self.spec, self.number, self.index = storm, component, spec, number, index
        self.acked = 0
        self.begin()

    def begin(self):
        self.buffer, self.waiting, self.inputs = b"", None, {}
        shell = self.spec["1"]["2"]
        resources = self.storm.resources
        self.process = subprocess.Popen([shell["1"], shell["2"]], cwd=resources, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, env={**os.environ, "LD_LIBRARY_PATH": resources})
        os.set_blocking(self.process.stdout.fileno(), False)

        # as in Storm: who writes is not who reads, or both would wait for each other
        self.queue = queue.SimpleQueue()
        threading.Thread(target=self.write, args=(self.process, self.queue), daemon=True).start()

    @staticmethod
    def write(process, messages):
        with contextlib.suppress(BrokenPipeError):
            while message := messages.get():
                process.stdin.write(message)
                process.stdin.flush()
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.queue.put(None)

    def send(self, message):
        self.queue.put(json.dumps(message).encode() + b"\nend\n")

    def close(self):
        self.queue.put(None)

    def messages(self):
        while data := self.process.stdout.read(1 << 20):
            self.buffer += data
        *whole, self.buffer = self.buffer.split(b"\nend\n")
        return [json.loads(text) for text in whole]


class Tree:
    """Of one message of a spout: how many of its tuples are still to be acked."""

    def __init__(self, task, identity):
        self.task, self.identity, self.left, self.failed, self.fails = task, identity, 0, False, False


class Storm:
    def __init__(self, submission, folder, fail_every, end_fails, kill):
        self.resources = os.path.join(os.path.abspath(folder), "resources")
        with zipfile.ZipFile(submission + ".jar") as jar:
            assert jar.testzip() is None
            jar.extractall(folder)
        with open(submission + ".topology") as file:
            topology = json.load(file)
        self.specs = {**topology["1"], **topology["2"]}
        self.spouts = set(topology["1"])
        self.fail_every, self.end_fails = fail_every, end_fails
        self.victim, self.kill_at = kill
        self.id = "played-1-%d" % time.time_ns()
        self.sent, self.failed_ends, self.counts = 0, set(), collections.Counter()
        self.trees, self.ids, self.dealt = {}, itertools.count(-5), itertools.count()
        self.over, self.answers = set(), collections.deque()
        self.tasks = {}

    def start(self):
        # the numbers go down the list, so that a place among them is not the order of the file
        number = itertools.count(2)
        for component in sorted(self.specs):
            for index in range(self.specs[component]["2"]["3"]):
                task = Task(self, component, self.specs[component], next(number), index)
                self.tasks[task.number] = task
        for task in self.tasks.values():
            self.shake_hands(task)
            if task.component in self.spouts:
                task.send({"command": "activate", "id": ""})
                task.waiting = "activate"

    def shake_hands(self, task):
        named = {str(number): task.component for number, task in self.tasks.items()}
        context = {"taskid": task.number, "componentid": task.component, "task->component": {**named, "1": "__acker"}}
        task.send({"pidDir": "", "context": context, "conf": {"storm.id": self.id}})

    def restart(self, task, selector):
        selector.unregister(task.process.stdout)
        task.kill()
        for identity in list(task.inputs):
            self.settle(task, {"command": "fail", "id": identity})
        task.begin()
        selector.register(task.process.stdout, selectors.EVENT_READ, task)
        self.shake_hands(task)

    def of(self, component):
        return [task for task in self.tasks.values() if task.component == component]

    def receivers(self, source, stream, values, direct):
        for component, spec in self.specs.items():
            for key, grouping in spec["2"]["1"].items():
                key = json.loads(key) if isinstance(key, str) else key
                if (key["1"], key["2"]) == (source.component, stream):
                    yield from self.deal(self.of(component), source, stream, grouping, values, direct)

    def deal(self, tasks, source, stream, grouping, values, direct):
        ((kind, how),) = grouping.items()
        if kind == "1" and not how:
            return tasks[:1]
        if kind in ("1", "6"):
            fields = source.spec["2"]["2"][stream]["1"]
            key = json.dumps([values[fields.index(name)] for name in how] if kind == "1" else values[:1])
            place = random.Random(key)
            chosen = place.sample(range(len(tasks)), min(2, len(tasks)))
            return [tasks[chosen[0] if kind == "1" else chosen[next(self.dealt) % len(chosen)]]]
        if kind == "3":
            return tasks
        if kind == "5":
            return [task for task in tasks if task.number == direct]
        return [tasks[next(self.dealt) % len(tasks)]]

    def emit(self, task, message):
        stream, values = message.get("stream", "default"), message["tuple"]
        fields = task.spec["2"]["2"][stream]["1"]
        assert len(fields) == len(values), (stream, fields, values)
        assert message["need_task_ids"] is False
        direct = message.get("task")
        assert direct is None or direct >= WIDE, "this task would end a worker of Storm 2.8"
        self.counts[task.component + "/" + stream] += 1
        trees = [tree for anchor in message.get("anchors", []) for tree in task.inputs[anchor][1]]
        if task.component in self.spouts and "id" in message:
            trees = [Tree(task, message["id"])]
            self.sent += message["id"] != "end"
            trees[0].fails = message["id"] != "end" and self.fail_every and self.sent % self.fail_every == 0
        for receiver in self.receivers(task, stream, values, direct and direct - WIDE):
            identity = str(next(self.ids))
            for tree in trees:
                tree.left += 1
            receiver.inputs[identity] = (values, trees)
            receiver.send({"comp": task.component, "tuple": values, "task": task.number, "stream": stream, "id": identity})
        for tree in trees:
            if task.component in self.spouts:
                self.judge(tree)

    def judge(self, tree):
        if tree.left > 0 and not tree.failed:
            return
        if tree.identity is None:
            return
        end = tree.identity == "end"
        once = end and self.end_fails and tree.task.number not in self.failed_ends
        if once:
            self.failed_ends.add(tree.task.number)
        fails = tree.failed or once or tree.fails
        if end and not fails:
            self.over.add(tree.task.number)
        self.answers.append((tree.task, "fail" if fails else "ack", tree.identity))
        tree.identity = None

    def settle(self, task, message):
        _, trees = task.inputs.pop(message["id"])
        task.acked += message["command"] == "ack"
        for tree in trees:
            tree.left -= 1
            tree.failed |= message["command"] == "fail"
            self.judge(tree)

    def take(self, task, message):
        command = message.get("command")
        if command == "emit":
            self.emit(task, message)
        elif command in ("ack", "fail"):
            self.settle(task, message)
        elif command == "log":
            print("%s/%d: %s" % (task.component, task.index, message["msg"]))
        elif command == "error":
            print("%s/%d: error: %s" % (task.component, task.index, message["msg"]))
        elif command == "sync":
            task.waiting = None

    def drive(self, task):
        """The next command of a spout that waits for one."""
        mine = next((answer for answer in self.answers if answer[0] is task), None)
        if mine:
            self.answers.remove(mine)
        task.send({"command": mine[1], "id": mine[2]} if mine else {"command": "next", "id": ""})
        task.waiting = "next"

    def run(self):
        self.start()
        selector = selectors.DefaultSelector()
        for task in self.tasks.values():
            selector.register(task.process.stdout, selectors.EVENT_READ, task)
        spouts = [task for task in self.tasks.values() if task.component in self.spouts]
        while len(self.over) < len(spouts) or self.answers:
            for key, _ in selector.select(0.05):
                for message in key.data.messages():
                    self.take(key.data, message)
                if key.data.process.poll() is not None:
                    sys.exit("%s/%d has ended" % (key.data.component, key.data.index))
                if key.data.index == 0 and key.data.component == self.victim and key.data.acked >= self.kill_at:
                    self.victim = None
                    self.restart(key.data, selector)
            for task in spouts:
                if task.waiting is None:
                    self.drive(task)

    def end(self):
        for task in self.tasks.values():
            task.close()
        statuses = {task.process.wait(30) for task in self.tasks.values()}
        for stream, n in sorted(self.counts.items()):
            print(stream, n)
        print("exit statuses", *sorted(statuses))


def main():
    arguments = sys.argv[1:]
    every = int(arguments[arguments.index("--fail-every") + 1]) if "--fail-every" in arguments else 0
    victim, at = arguments[arguments.index("--kill") + 1].split(":") if "--kill" in arguments else (None, 0)
    storm = Storm(arguments[0], arguments[1], every, "--end-fails" in arguments, (victim, int(at)))
    try:
        storm.run()
        storm.end()
    finally:
        for task in storm.tasks.values():
            if task.process.poll() is None:
                task.process.kill()
                task.process.wait()


main()
