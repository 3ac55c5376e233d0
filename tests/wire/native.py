# SPDX-License-Identifier: Apache-2.0
"""
Spouts and bolts in Python on the channels themselves (docs/wire.md), at least once: what squall-worker is for C.

main(CLASSES) is a worker that a supervisor has started: where the environment variable NATIVE has "ID:CLASS" of its component
that class of CLASSES, made with the settings, else the real squall-worker ($REAL). A spout's class has tuple(position): the
values, the same at each call, or None at the end; a bolt's execute(values) yields what it emits, or raises: the tuple fails.
Left out: other groupings than shuffle, fields and global; cycles, watermarks, epochs, several tasks in a worker.
"""
import collections, ctypes, mmap, os, re, struct, sys, time
import msgpack, zmq

MASK, HEADER, RUN = (1 << 64) - 1, struct.Struct("<3sBBBH6I3QIHH"), struct.Struct("<IHH")
ACK, ACKS = struct.Struct("<QQII"), struct.Struct("<3sBIII")
(DATA, END), (XOR, FAIL, CAUSE, LATER), (SHUFFLE, FIELDS, GLOBAL) = (1, 2), (0, 1, 3, 5), (0, 1, 4)  # batches, acks, groupings

# The messages between supervisor and workers, and the counters, are what these headers say.
MESSAGES, METRICS = (open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../runtime/control", name)).read()
                     for name in ("message.h", "metrics.h"))
TYPES, VERSION = re.findall(r'^ +X\((\w+), +"\w*",', MESSAGES, re.M), int(re.search(r"VERSION = (\d+)", MESSAGES).group(1))
COUNTERS = re.findall(r"^ +X\((\w+), [A-Z]+,", METRICS, re.M)

def mix(x):
    x = (x ^ x >> 33) * 0xFF51AFD7ED558CCD & MASK
    x = (x ^ x >> 33) * 0xC4CEB9FE1A85EC53 & MASK
    return x ^ x >> 33

class Load:
    """A line of 64 bytes a task: tuples queued, what one costs in ns, bytes on their way to it."""
    def __init__(self, path, tasks):
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        os.posix_fallocate(fd, 0, 64 * tasks)
        self.map = mmap.mmap(fd, 64 * tasks)
        self.at = ctypes.addressof(ctypes.c_char.from_buffer(self.map))
        self.atomic = getattr(ctypes.CDLL("libatomic.so.1"), "__atomic_fetch_add_8")
        self.atomic.argtypes, self.atomic.restype = [ctypes.c_void_p, ctypes.c_int64, ctypes.c_int], ctypes.c_int64
    def add(self, task, tuples, size):
        self.atomic(self.at + 64 * task, tuples, 0)
        if self.atomic(self.at + 64 * task + 16, size, 0) + size < 0:
            self.put(task, 16, 0)
    def put(self, task, offset, number):
        struct.pack_into("<q", self.map, 64 * task + offset, number)

class Channel:
    def __init__(self, worker, receiver):
        self.worker, self.receiver, self.socket = worker, receiver, None
        self.key = mix(mix(worker.task << 32 | worker.incarnation) ^ receiver << 2)
        self.seq, self.tuples, self.runs, self.ended = 0, [], [], False
        self.connect()
    def connect(self):
        self.hints = 2 if self.socket else 0  # anew: the reader has died, and what is in the old socket is lost
        self.socket and self.socket.close(0)
        self.socket = self.worker.socket(zmq.PUSH, "t%d" % self.receiver, self.worker.hwm)
    def add(self, packed, stream, roots):
        """The id of the edge."""
        if not self.runs or self.runs[-1][1:] != [stream, roots]:
            self.runs.append([0, stream, roots])
        self.runs[-1][0] += 1
        self.tuples.append(packed)
        return mix(self.key + self.seq + len(self.tuples) - 1 & MASK)
    def send(self, kind=DATA):
        worker, body, n = self.worker, b"".join(self.tuples), len(self.tuples)
        runs = b"".join(RUN.pack(c, s, len(roots)) + struct.pack("<%dQ" % len(roots), *roots) for c, s, roots in self.runs)
        message = HEADER.pack(b"SQB", 1, kind, 0, 0, worker.task, worker.incarnation, n, len(body), len(self.runs), len(runs),
                              self.key, self.seq, 0, worker.handover if kind == END else 0, self.hints,
                              sum(worker.fence) & 0xFFFF) + body + runs
        self.seq, self.tuples, self.runs, self.hints, self.ended = self.seq + n, [], [], 0, kind == END
        worker.load.add(self.receiver, n, len(message))
        while True:
            try:
                return self.socket.send(message, zmq.NOBLOCK)
            except zmq.Again:
                worker.serve(10, False)  # back-pressure: takes nothing in meanwhile

class Worker:
    def __init__(self, rundir, number, incarnation, supervisor, plan, task, code):
        self.rundir, self.number, self.incarnation, self.supervisor = rundir, number, incarnation, supervisor
        config, self.components, self.edges, self.task = plan[4], plan[6], plan[7], task
        self.config = dict(zip(config[::2], config[1::2]))
        self.hwm, self.timeout = int(self.config["topology.channel.batches"]), float(self.config["topology.message.timeout.secs"])
        self.firsts = [sum(c[4] for c in self.components[:i]) for i in range(len(self.components) + 1)]
        self.mine = next(i for i in range(len(self.components)) if task < self.firsts[i + 1])
        self.context, self.poller, self.load = zmq.Context(), zmq.Poller(), Load(rundir + "/load", len(plan[8]))
        self.fence, self.counts, self.orders, self.beat = [0] * len(plan[8]), collections.Counter(), set(), 0
        self.outputs, self.readers, self.handover = {}, collections.defaultdict(list), 0
        self.fence[task] = incarnation
        self.code = code({s[0]: s[2][0] for s in self.components[self.mine][9] if s[2]})
        self.control, self.reports = self.socket(zmq.SUB, "control"), self.socket(zmq.PUSH, "report")
        self.control.subscribe("*")
        self.control.subscribe("w%d.%d." % (number, incarnation))
        self.poller.register(self.control, zmq.POLLIN)
    def socket(self, kind, name, hwm=0, bind=False):
        socket = self.context.socket(kind)
        socket.hwm, socket.linger, socket.reconnect_ivl = hwm, 0, 2
        (socket.bind if bind else socket.connect)("ipc://%s/%s" % (self.rundir, name))
        return socket
    def report(self, name, *fields):
        self.reports.send(msgpack.packb([VERSION, TYPES.index(name), self.number, self.incarnation, *fields]))
    def serve(self, timeout, inputs=True):
        """Waits for anything, does what the supervisor says, and hands the rest to the task."""
        ready, self.counts["loops"] = dict(self.poller.poll(timeout)), self.counts["loops"] + 1
        while self.control in ready and self.control.get(zmq.EVENTS) & zmq.POLLIN:
            version, kind, _, _, *fields = msgpack.unpackb(self.control.recv_multipart()[1])
            assert version == VERSION
            self.obey(TYPES[kind], fields)
        os.getppid() == self.supervisor or sys.exit("error: the supervisor is gone")
        if time.monotonic() > self.beat:
            self.beat = time.monotonic() + 0.5
            self.report("HEARTBEAT")
            self.report("METRICS", self.task, [[self.counts[c] for c in COUNTERS], [], [], []])
            self.tick()
        self.take([socket for socket in ready if socket is not self.control], inputs)
    def obey(self, name, fields):
        self.orders.add(name)
        output = self.outputs.get(fields[0]) if name.startswith("PEER_") else None
        if name == "PEER_LOST" and fields[1] > self.fence[fields[0]]:
            self.fence[fields[0]] = fields[1]
            self.load.put(self.task, 16, 0)
            self.lost()
            output and output.connect()
        elif name == "PEER_READY" and output and output.ended:
            output.send(END)
        elif name == "POSITION" and fields[0] == self.task:
            self.next = fields[1]
        elif name == "QUIT":
            self.context.destroy(1000)
            sys.exit(0)
    def wait_for(self, order, *report):
        self.report(*report)
        while order not in self.orders:
            self.serve(1000)
    def wire(self):
        """By stream, each reader: grouping, places of the fields, channels, whose turn it is."""
        for _, stream, to, grouping, keys, *_ in (e for e in self.edges if e[0] == self.mine):
            assert grouping in (SHUFFLE, FIELDS, GLOBAL), "a grouping that this does not know"
            tasks = range(self.firsts[to], self.firsts[to + 1])
            self.outputs.update({task: self.outputs.get(task) or Channel(self, task) for task in tasks})
            self.readers[stream].append([grouping, keys, [self.outputs[t] for t in tasks], 0])
    def emit(self, values, roots, stream=0):
        """The XOR of the ids of all its edges."""
        packed, edges = msgpack.packb(values), 0
        self.counts["emitted"] += 1
        for reader in self.readers[stream]:
            grouping, keys, channels, turn = reader
            at = 0
            if grouping == FIELDS and len(channels) > 1:
                import fields
                at = fields.owner([msgpack.packb(values[key]) for key in keys], len(channels))
            elif grouping != GLOBAL:
                at = reader[3] = (turn + 1) % len(channels)
            edges ^= channels[at].add(packed, stream, roots)
        return edges
    def flush(self):
        for channel in (channel for channel in self.outputs.values() if channel.tuples):
            channel.send()
    def main(self):
        self.report("HELLO", os.getpid())
        self.bind()
        self.wait_for("CONNECT", "BOUND", self.task)
        self.wire()
        self.wait_for("START", "READY", self.task)
        self.run()
        self.flush()
        for channel in self.outputs.values():
            channel.send(END)
        self.beat = 0
        self.serve(0)
        self.wait_for("QUIT", "FINISHED", self.task)
    def lost(self): pass
    def tick(self): pass

class Spout(Worker):
    def bind(self):
        self.poller.register(self.socket(zmq.PULL, "a%d" % self.task, bind=True), zmq.POLLIN)
        self.trees, self.again, self.next = {}, collections.deque(), 0
        self.root = self.task << 48 | self.incarnation << 32
        self.most, self.retry, self.done = int(self.config["topology.max.spout.pending"]) or 2000, 0, False
    def lost(self, which=lambda tree: True):
        self.again.extend(self.trees.pop(root)[1] for root, tree in list(self.trees.items()) if which(tree))
    def tick(self):
        self.lost(lambda tree: 0 < self.timeout < time.monotonic() - tree[2])
        if "START" in self.orders:
            self.report("POSITION", self.task, min([t[1] for t in self.trees.values()] + [*self.again, self.next]), "")
    def begin(self, position):
        values = self.code.tuple(position)
        if values is None:
            return False
        self.root += 1
        self.trees[self.root] = [self.emit(values, [self.root]), position, time.monotonic()]
        return True
    def turn(self):
        """One tuple. False: there is none now."""
        if self.again and time.monotonic() > self.retry:
            self.counts["replayed"] += 1
            return self.begin(self.again.popleft())
        if self.done or "DRAIN" in self.orders or self.again or len(self.trees) >= self.most:
            return False
        self.done = not self.begin(self.next)
        self.next += not self.done
        return not self.done
    def run(self):
        while not ((self.done or "DRAIN" in self.orders) and not self.trees and not self.again):
            busy = all(self.turn() for _ in range(100))
            self.flush()
            self.serve(0 if busy else 10)
        self.handover = 0 if self.done else 2
    def take(self, sockets, inputs):
        for message in (socket.recv() for socket in sockets):
            count, at = ACKS.unpack_from(message)[4], ACKS.size
            while count > 0:
                root, value, op, length = ACK.unpack_from(message, at)
                skip = 1 + (-(-length // ACK.size) if op == CAUSE else 0)
                count, at, tree = count - skip, at + skip * ACK.size, self.trees.get(root)
                if tree and op == XOR:
                    tree[0] ^= value
                    if tree[0] == 0:
                        del self.trees[root]
                        self.counts["acked"] += 1
                elif tree and op in (FAIL, LATER):
                    self.counts["failed"] += 1
                    self.again.append(self.trees.pop(root)[1])
                    self.retry = time.monotonic() + 0.1

class Bolt(Worker):
    def bind(self):
        self.poller.register(self.socket(zmq.PULL, "t%d" % self.task, self.hwm, bind=True), zmq.POLLIN)
        self.missing = {t for e in self.edges if e[2] == self.mine for t in range(self.firsts[e[0]], self.firsts[e[0] + 1])}
        self.batches, self.spouts, self.believed = collections.deque(), {}, set()
        self.load.put(self.task, 16, 0)
    def take(self, sockets, inputs):
        self.batches.extend(socket.recv() for socket in sockets if inputs)
        if inputs and not sockets:
            self.load.put(self.task, 0, 0)  # what was counted for a dead incarnation
    def run(self):
        while self.missing:
            self.serve(1000)
            while self.batches:
                self.open(self.batches.popleft())
    def open(self, message):
        magic, version, kind, flags, _, task, incarnation, count, size, nruns, _, key, first, _, handover, _, deaths = (
            HEADER.unpack_from(message))
        assert (magic, version, flags) == (b"SQB", 1, 0)
        self.load.add(self.task, 0, -len(message))
        until = time.monotonic() + 1
        while 0 < (deaths - sum(self.fence) & 0xFFFF) < 0x8000 and deaths not in self.believed:
            self.serve(10, False)  # word of a death is on its way
            self.believed |= {deaths} if time.monotonic() > until else set()
        if kind == END and incarnation >= self.fence[task]:
            self.missing.discard(task)
            self.handover |= handover
        elif kind == DATA and incarnation >= self.fence[task]:
            started = time.monotonic_ns()
            acks = self.execute(message, HEADER.size + size, nruns, key + first)
            self.flush()
            self.ack(acks)
            self.load.add(self.task, -count, 0)
            self.load.put(self.task, 8, (time.monotonic_ns() - started) // max(count, 1) + 1)
    def execute(self, message, at, nruns, edge):
        unpacker, acks = msgpack.Unpacker(), {}
        unpacker.feed(message[HEADER.size:at])
        for _ in range(nruns):
            count, _, nroots = RUN.unpack_from(message, at)
            roots = list(struct.unpack_from("<%dQ" % nroots, message, at + RUN.size))
            at += RUN.size + 8 * nroots
            for _ in range(count):
                self.execute_one(unpacker.unpack(), roots, mix(edge & MASK), acks)
                edge += 1
            self.counts["executed"] += count
        return acks
    def execute_one(self, values, roots, value, acks):
        try:
            made = list(self.code.execute(values))
        except Exception as error:
            print("warning: a tuple fails: %r" % error, file=sys.stderr, flush=True)
            self.counts["failed"] += 1
            return acks.update((root, (FAIL, 0)) for root in roots)
        for each in made:
            value ^= self.emit(each, roots)
        self.counts["acked"] += 1
        for root in roots:
            op, before = acks.get(root, (XOR, 0))
            acks[root] = op, before ^ value
    def ack(self, acks):
        by_task = collections.defaultdict(list)
        for root, (op, value) in acks.items():
            by_task[root >> 48].append(ACK.pack(root, value, op, 0))
        for task, records in by_task.items():
            self.spouts[task] = self.spouts.get(task) or self.socket(zmq.PUSH, "a%d" % task, 1000)
            self.spouts[task].send(ACKS.pack(b"SQA", 1, self.task, self.incarnation, len(records)) + b"".join(records))

def main(classes):
    rundir, number, incarnation, supervisor = sys.argv[1], *map(int, sys.argv[2:5])
    plan = msgpack.unpackb(open(rundir + "/plan", "rb").read())
    here = [task for task, worker in enumerate(plan[8]) if worker == number]
    component = next(c for i, c in enumerate(plan[6]) if here[0] < sum(c[4] for c in plan[6][:i + 1]))
    native = dict(pair.split(":") for pair in os.environ["NATIVE"].split())
    if component[0] not in native or len(here) > 1:
        os.execv(os.environ["REAL"], ["squall-worker", *sys.argv[1:]])
    (Spout if component[1] == 1 else Bolt)(rundir, number, incarnation, supervisor, plan, here[0],
                                           getattr(classes, native[component[0]])).main()
