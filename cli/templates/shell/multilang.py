# SPDX-License-Identifier: Apache-2.0
"""Bolts and spouts in Python, by the multilang protocol: JSON over standard input and output.

A bolt:   class My(Bolt):  def execute(self, t): self.emit([t.values[0]])      run(My())
A spout:  class My(Spout): def next(self): self.emit([1], id=1)                run(My())
"""
import json
import os
import sys
import time
import traceback
from collections import deque

_out = open(1, "w", 65536, closefd=False)  # buffered also where PYTHONUNBUFFERED says no
sys.stdout = sys.stderr  # so print() goes to the log
_in, _END = bytearray(), b"\nend\n"
_sent = 0.0  # when what was written went out
_waiting = deque()  # what came before an answer that was waited for
_json = json.JSONEncoder(separators=(",", ":")).encode  # json.dumps() would make one each time


def _read():
    seen = 0
    while (end := _in.find(_END, seen)) < 0:
        seen = max(0, len(_in) - len(_END))
        more = os.read(0, 65536)
        if not more:
            return None  # the topology has ended
        _in.extend(more)
    text = _in[:end].decode()
    del _in[: end + len(_END)]
    return json.loads(text)


def _send(**message):
    _out.write(_json(message) + "\nend\n")


def _next():
    global _sent
    if _waiting:
        return _waiting.popleft()
    now = time.monotonic()
    if now - _sent > 0.002 or _END not in _in:  # what comes of several tuples goes out in company
        _out.flush()
        _sent = now
    return _read()


def _tasks():
    """The numbers of the tasks that the last emit went to."""
    _out.flush()
    while True:
        message = _read()
        if message is None:
            raise EOFError
        if isinstance(message, list):
            return message
        _waiting.append(message)


class Tuple:
    def __init__(self, message):
        self.id, self.component, self.stream = message["id"], message["comp"], message["stream"]
        self.task, self.values = message["task"], message["tuple"]


class _Component:
    def prepare(self, conf, context):
        """Called once, before anything else."""

    def log(self, text, level=2):
        """0 trace, 1 debug, 2 info, 3 warning, 4 error."""
        _send(command="log", msg=str(text), level=level)

    def count(self, name, n=1):
        _send(command="metrics", name=name, params=n)

    def _emit(self, values, stream, task, tasks, more):
        """With `more` of the message, as text: of all messages emits come most often, so they are put together by hand."""
        text = '{"command":"emit"' + more + (',"tuple":' if tasks else ',"need_task_ids":false,"tuple":') + _json(values)
        if stream is not None:
            text += ',"stream":' + _json(stream)
        if task is not None:
            text += ',"task":' + _json(task)
        _out.write(text + "}\nend\n")
        return _tasks() if tasks and task is None else None


class Bolt(_Component):
    """`execute` handles a tuple: it is acked when that returns, failed when it raises, and left to the bolt if it returns KEEP."""

    KEEP = object()

    def execute(self, t):
        raise NotImplementedError

    def tick(self):
        """Every topology.tick.tuple.freq.secs."""

    def finish(self):
        """The input has ended: emit what is left."""

    def emit(self, values, stream=None, anchors=None, task=None, tasks=False):
        """Anchored to the tuple under way, or to `anchors`. With `tasks`: the tasks that it went to."""
        more = self._anchor if anchors is None else ',"anchors":' + _json([a.id for a in anchors])
        return self._emit(values, stream, task, tasks, more)

    def ack(self, t):
        _send(command="ack", id=t.id)

    def fail(self, t):
        _send(command="fail", id=t.id)

    _anchor = ""  # of what is emitted: the tuple under way

    def _take(self, message):
        if isinstance(message, list):
            return
        t = Tuple(message)
        if t.stream == "__heartbeat":
            _send(command="sync")
        elif t.stream == "__tick":
            self.tick()
            self.ack(t)
        else:
            self._execute(t)

    def _execute(self, t):
        self._anchor = ',"anchors":[' + _json(t.id) + "]"
        try:
            if self.execute(t) is not Bolt.KEEP:
                self.ack(t)
        except EOFError:
            raise
        except Exception:
            self.log(traceback.format_exc(), 4)
            self.fail(t)
        self._anchor = ""


class Spout(_Component):
    def next(self):
        """Emit what there is, if anything."""

    def ack(self, id):
        """All that came of the tuple with this id is done."""

    def fail(self, id):
        """It is not: emit it again, with its id."""

    def done(self):
        """There is nothing more."""
        _send(command="done")

    def emit(self, values, id=None, stream=None, task=None, tasks=False):
        return self._emit(values, stream, task, tasks, "" if id is None else ',"id":' + _json(id))

    def finish(self):
        pass

    def _take(self, message):
        command = message["command"]
        if command == "next":
            self.next()
        elif command == "ack":
            self.ack(message["id"])
        elif command == "fail":
            self.fail(message["id"])
        _send(command="sync")


def run(component):
    hello = _read()
    _send(pid=os.getpid())
    component.prepare(hello["conf"], hello["context"])
    try:
        while True:
            message = _next()
            if message is None:
                break
            component._take(message)
    except EOFError:
        pass
    component.finish()
    _out.flush()
