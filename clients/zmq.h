/* SPDX-License-Identifier: Apache-2.0 */
/* What the components with a ZeroMQ socket share. */
#ifndef SQI_CLIENT_ZMQ_H
#define SQI_CLIENT_ZMQ_H

#include <squall-kit.h>

/* In `.declare`: an endpoint that no socket of its own process takes, or only one of the tasks, is refused. */
void sqi_zmq_declare(struct sq_declaration *decl, const char *endpoint, bool bind);
/* What `.probe` is to do: whether it can be bound to, or somebody is there. */
void sqi_zmq_probe(struct sq_declaration *decl, const char *endpoint, bool bind);

#endif
