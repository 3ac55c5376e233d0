-- SPDX-License-Identifier: Apache-2.0
-- A thousand orders more: psql -f feed.sql
CREATE TABLE IF NOT EXISTS orders (id bigserial PRIMARY KEY, customer text NOT NULL, cents bigint NOT NULL);
INSERT INTO orders (customer, cents) SELECT 'c' || i % 20, i * 7 FROM generate_series(1, 1000) i;
