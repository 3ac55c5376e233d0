// SPDX-License-Identifier: Apache-2.0
// The bolt `@component@`: a running total per word.
"use strict";
const { Bolt, run } = require("./multilang.js");

class Totals extends Bolt {
        n = new Map();

        execute(t) {
                const [word] = t.values;
                if (!word) throw new Error("an empty word"); // the tuple fails, and comes again
                this.n.set(word, (this.n.get(word) ?? 0) + 1);
                this.emit([word, this.n.get(word)]);
        }
}

run(new Totals());
