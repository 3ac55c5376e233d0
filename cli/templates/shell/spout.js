// SPDX-License-Identifier: Apache-2.0
// The spout `@component@`: the squares of 0, 1, 2, ... 9. What fails is emitted again.
"use strict";
const { Spout, run } = require("./multilang.js");

class Squares extends Spout {
        n = 0;

        next() {
                if (this.n === 10) {
                        this.done();
                        return;
                }
                this.emit([this.n, this.n * this.n], { id: this.n });
                this.n++;
        }
        fail(id) {
                this.emit([id, id * id], { id });
        }
}

run(new Squares());
