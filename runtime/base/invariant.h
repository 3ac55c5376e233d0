/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Assertions of our own invariants, in every build.
 *
 *     sqi_assert(worker < plan->nworkers);
 *
 * What comes from outside (messages, files, plans, what components say) is never asserted: it is checked, and is an
 * error. What is asserted is what the code around it has seen to, so a failure is a fault of Squall. The process ends
 * at once, with the place and the condition on stderr: to go on would be to write into what belongs to another task. A
 * worker that ends so is restarted; workers outlive a supervisor that does.
 *
 * Not on the path of every tuple.
 */
#ifndef SQI_INVARIANT_H
#define SQI_INVARIANT_H

#define sqi_assert(condition) \
        (__builtin_expect(!(condition), 0) ? sqi_invariant_broken(#condition, __FILE__, __LINE__) : (void)0)

__attribute__((noreturn, cold)) void sqi_invariant_broken(const char *condition, const char *file, int line);

#endif
