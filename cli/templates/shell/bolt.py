# SPDX-License-Identifier: Apache-2.0
# The bolt `@component@`: a running total per word.
from multilang import Bolt, run


class Totals(Bolt):
    def prepare(self, conf, context):
        self.n = {}

    def execute(self, t):
        word = t.values[0]
        if not word:
            raise ValueError("an empty word")  # the tuple fails, and comes again
        self.n[word] = self.n.get(word, 0) + 1
        self.emit([word, self.n[word]])


run(Totals())
