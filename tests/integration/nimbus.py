# SPDX-License-Identifier: Apache-2.0
"""A Nimbus for tests: it has the topologies that are alive by name, and writes down what it is asked.

nimbus.py PORT LOG [TOPOLOGY...]    answers until it is killed; a line of LOG a call: method and arguments as JSON.
What is submitted is in LOG.jar, its topology and its configuration as JSON in LOG.topology and LOG.config.
With PORT `other:PORT` it speaks another protocol; with `leader:PORT:OTHER` it names OTHER as the leader.
"""
import json
import socket
import struct
import sys

BOOL, BYTE, DOUBLE, I16, I32, I64, STRING, STRUCT, MAP, SET, LIST = 2, 3, 4, 6, 8, 10, 11, 12, 13, 14, 15


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def number(self, form):
        (value,) = struct.unpack_from(">" + form, self.data, self.at)
        self.at += struct.calcsize(form)
        return value

    def text(self):
        n = self.number("i")
        self.at += n
        return self.data[self.at - n:self.at].decode("utf-8", "surrogateescape")

    def value(self, kind):
        if kind in (BOOL, BYTE, DOUBLE, I16, I32, I64):
            return self.number({BOOL: "?", BYTE: "b", DOUBLE: "d", I16: "h", I32: "i", I64: "q"}[kind])
        if kind == STRING:
            return self.text()
        if kind == STRUCT:
            fields = {}
            while kind := self.number("b"):
                number = self.number("h")
                fields[number] = self.value(kind)
            return fields
        if kind == MAP:
            key, of, n = self.number("b"), self.number("b"), self.number("i")
            return {json.dumps(self.value(key)).strip('"'): self.value(of) for _ in range(n)}
        of, n = self.number("b"), self.number("i")
        return [self.value(of) for _ in range(n)]


def text(value):
    value = value.encode()
    return struct.pack(">i", len(value)) + value


def pack(value):
    """(type, bytes): a dict with numbers is a struct, with texts a map."""
    if isinstance(value, bool):
        return BOOL, struct.pack(">?", value)
    if isinstance(value, int):
        return I32, struct.pack(">i", value)
    if isinstance(value, float):
        return DOUBLE, struct.pack(">d", value)
    if isinstance(value, str):
        return STRING, text(value)
    if isinstance(value, dict) and all(isinstance(key, int) for key in value):
        fields = b"".join(struct.pack(">bh", pack(v)[0], k) + pack(v)[1] for k, v in value.items())
        return STRUCT, fields + b"\0"
    if isinstance(value, dict):
        pairs = [text(k) + pack(v)[1] for k, v in value.items()]
        of = pack(next(iter(value.values())))[0]
        return MAP, struct.pack(">bbi", STRING, of, len(pairs)) + b"".join(pairs)
    of = pack(value[0])[0] if value else STRUCT
    return LIST, struct.pack(">bi", of, len(value)) + b"".join(pack(item)[1] for item in value)


class Nimbus:
    def __init__(self, log, topologies, leader):
        self.log, self.leader = log, leader
        self.alive = {name: "ACTIVE" for name in topologies}

    def summary(self, name):
        return {1: name + "-1-1700000000", 2: name, 3: 7, 4: 6, 5: 2, 6: 75, 7: self.alive[name]}

    def info(self, name):
        executor = {1: {1: 4, 2: 5}, 2: "count", 3: "node1", 4: 6700, 5: 70}
        error = {1: "java.lang.RuntimeException: no room\n\tat x", 2: 1700000000, 3: "node1", 4: 6700}
        errors = {"count": [error]} if name in ("words", "failing") else {}
        return {1: name + "-1-1700000000", 2: name, 3: 75, 4: [executor], 5: self.alive[name], 6: errors or {"x": []}}

    def page(self):
        def component(specific):
            return {2: {1: 2, 2: 2, 3: 1200, 4: 2400, 5: 1100, 6: 3}, 3: specific}
        return {9: {"lines": component({2: {1: 12.5}})}, 10: {"count": component({1: {1: 0.1, 2: 0.25}})}}

    def upload(self, method, arguments):
        with open(self.log + ".jar", "wb" if method == "beginFileUpload" else "ab") as jar:
            jar.write(arguments.get(2, "").encode("utf-8", "surrogateescape"))
        return {0: "inbox/jar"} if method == "beginFileUpload" else {}

    def submit(self, name, arguments):
        if name == "refused":
            return {2: {1: "it is not to Nimbus' liking"}}
        for what, value in (("config", json.loads(arguments[3])), ("topology", arguments[4])):
            with open(self.log + "." + what, "w") as file:
                json.dump(value, file)
        self.alive[name] = "ACTIVE"
        return {}

    def answer(self, method, arguments):
        """The fields of the reply's struct; an exception of Thrift itself as a text."""
        if method == "getLeader":
            return {0: {1: "127.0.0.1", 2: self.leader, 4: True}} if self.leader else {}
        if method == "getTopologySummaries":
            return {0: [self.summary(name) for name in self.alive]}
        if method == "getTopologyPageInfo":
            return {0: self.page()}
        if method in ("beginFileUpload", "uploadChunk", "finishFileUpload"):
            return self.upload(method, arguments)
        name = arguments.get(1)
        if method == "submitTopology":
            return self.submit(name, arguments)
        if method in ("getTopologyInfoByName", "activate", "deactivate", "rebalance", "killTopologyWithOpts"):
            if name not in self.alive:
                return {1: {1: name + " is not alive"}}
        if method == "getTopologyInfoByName":
            return {0: self.info(name)}
        if method == "rebalance" and name == "stubborn":
            return {2: {1: "Executors for component x greater than tasks"}}
        if method == "killTopologyWithOpts":
            del self.alive[name]
            return {}
        if method in ("activate", "deactivate", "rebalance"):
            return {}
        return "Invalid method name: '%s'" % method

    def serve(self, client):
        stream = client.makefile("rwb")
        while head := stream.read(4):
            reader = Reader(stream.read(struct.unpack(">i", head)[0]))
            reader.number("i")
            method, _, arguments = reader.text(), reader.number("i"), reader.value(STRUCT)
            with open(self.log, "a") as log:
                print(method, "" if method == "uploadChunk" else json.dumps(arguments), file=log)
            answer = self.answer(method, arguments)
            failed = isinstance(answer, str)
            body = struct.pack(">I", 0x80010003 if failed else 0x80010002) + text(method) + struct.pack(">i", 0)
            body += pack({1: answer, 2: 1} if failed else answer)[1]
            stream.write(struct.pack(">i", len(body)) + body)
            stream.flush()


def main():
    mode = sys.argv[1].split(":")
    port = int(mode[1] if len(mode) > 1 else mode[0])
    nimbus = Nimbus(sys.argv[2], sys.argv[3:], int(mode[2]) if mode[0] == "leader" else 0)
    listener = socket.create_server(("127.0.0.1", port))
    while True:
        client, _ = listener.accept()
        try:
            if mode[0] == "other":
                client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                client.recv(4096)
            else:
                nimbus.serve(client)
        except ConnectionError:
            pass
        client.close()


main()
