// SPDX-License-Identifier: Apache-2.0
// A bolt by Storm's multilang protocol, without a library: the words of each line, anchored to it.
const send = message => process.stdout.write(JSON.stringify(message) + "\nend\n");

let greeted = false;

function take(message) {
    if (!greeted) {  // the handshake: configuration and context
        greeted = true;
        send({ pid: process.pid });
    } else if (message.stream === "__heartbeat") {
        send({ command: "sync" });
    } else {
        for (const word of message.tuple[0].split(/\s+/).filter(Boolean))
            send({ command: "emit", tuple: [word], anchors: [message.id], need_task_ids: false });
        send({ command: "ack", id: message.id });
    }
}

let lines = [];
require("readline").createInterface({ input: process.stdin, crlfDelay: Infinity }).on("line", line => {
    if (line !== "end") {
        lines.push(line);
    } else {
        take(JSON.parse(lines.join("\n")));
        lines = [];
    }
});
