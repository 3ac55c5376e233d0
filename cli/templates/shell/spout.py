# SPDX-License-Identifier: Apache-2.0
# The spout `@component@`: the squares of 0, 1, 2, ... 9. What fails is emitted again.
from multilang import Spout, run


class Squares(Spout):
    def prepare(self, conf, context):
        self.n = 0

    def next(self):
        if self.n == 10:
            self.done()
            return
        self.emit([self.n, self.n * self.n], id=self.n)
        self.n += 1

    def fail(self, id):
        self.emit([id, id * id], id=id)


run(Squares())
