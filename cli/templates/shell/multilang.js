// SPDX-License-Identifier: Apache-2.0
// Bolts and spouts in JavaScript, by the multilang protocol: JSON over standard input and output.
//
//     class My extends Bolt { execute(t) { this.emit([t.values[0]]); } }        run(new My());
//     class My extends Spout { next() { this.emit([1], { id: 1 }); } }          run(new My());
"use strict";
console.log = console.error; // standard output belongs to the protocol

let out = "",
        begun = 0;
function flush() {
        if (out) process.stdout.write(out);
        out = "";
}
// Messages go out in company: at the latest when there is nothing more to do, and not after 2 ms.
function send(message) {
        const now = performance.now();
        if (!out) {
                begun = now;
                setImmediate(flush);
        }
        out += JSON.stringify(message) + "\nend\n";
        if (now - begun > 2) flush();
}
process.on("exit", flush);

class Component {
        // Called once, before anything else.
        prepare(conf, context) {}
        // The input has ended: emit what is left.
        finish() {}
        // 0 trace, 1 debug, 2 info, 3 warning, 4 error.
        log(text, level = 2) {
                send({ command: "log", msg: String(text), level });
        }
        count(name, n = 1) {
                send({ command: "metrics", name, params: n });
        }
        // A promise of the numbers of the tasks that it goes to, if `tasks`.
        send_tuple(values, more, tasks) {
                send({ command: "emit", tuple: values, need_task_ids: tasks && more.task === undefined, ...more });
                return tasks && more.task === undefined ? new Promise((resolve) => this.asked.push(resolve)) : undefined;
        }
        asked = [];
}

// `execute` handles a tuple, and may be async: the tuple is acked when it is through, failed when it throws, and left to the bolt if
// it returns Bolt.KEEP.
class Bolt extends Component {
        static KEEP = Symbol("keep");
        execute(t) {}
        // Every topology.tick.tuple.freq.secs.
        tick() {}
        // Anchored to the tuple under way, or to `anchors`: what is emitted behind an await names it.
        emit(values, { anchors, stream, task, tasks = false } = {}) {
                const to = anchors ?? (this.current ? [this.current] : []);
                return this.send_tuple(values, { anchors: to.map((t) => t.id), stream, task }, tasks);
        }
        ack(t) {
                send({ command: "ack", id: t.id });
        }
        fail(t) {
                send({ command: "fail", id: t.id });
        }
        take(message) {
                const t = { id: message.id, component: message.comp, stream: message.stream, task: message.task, values: message.tuple };
                if (t.stream === "__heartbeat") {
                        send({ command: "sync" });
                } else if (t.stream === "__tick") {
                        this.tick();
                        this.ack(t);
                } else {
                        this.run_one(t);
                }
        }
        run_one(t) {
                const failed = (error) => {
                        this.log(error.stack ?? error, 4);
                        this.fail(t);
                };
                const done = (kept) => kept === Bolt.KEEP || this.ack(t);
                this.current = t;
                try {
                        const result = this.execute(t);
                        if (result instanceof Promise) result.then(done, failed);
                        else done(result);
                } catch (error) {
                        failed(error);
                }
                this.current = undefined;
        }
}

class Spout extends Component {
        // Emit what there is, if anything.
        next() {}
        // All that came of the tuple with this id is done.
        ack(id) {}
        // It is not: emit it again, with its id.
        fail(id) {}
        // There is nothing more.
        done() {
                send({ command: "done" });
        }
        emit(values, { id, stream, task, tasks = false } = {}) {
                return this.send_tuple(values, { id, stream, task }, tasks);
        }
        take(message) {
                if (message.command === "next") this.next();
                else if (message.command === "ack") this.ack(message.id);
                else if (message.command === "fail") this.fail(message.id);
                send({ command: "sync" });
        }
}

function run(component) {
        let text = "", greeted = false;
        const take = (message) => {
                if (!greeted) {
                        greeted = true;
                        send({ pid: process.pid });
                        component.prepare(message.conf, message.context);
                } else if (Array.isArray(message)) {
                        component.asked.shift()?.(message);
                } else {
                        component.take(message);
                }
        };
        process.stdin.setEncoding("utf8");
        process.stdin.on("data", (part) => {
                text += part;
                for (let at; (at = text.indexOf("\nend\n")) >= 0; text = text.slice(at + 5)) take(JSON.parse(text.slice(0, at)));
        });
        process.stdin.on("end", () => component.finish());
}

module.exports = { Bolt, Spout, run };
