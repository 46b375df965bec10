-- The audit log. An event is inserted into audit_pending by the transaction that
-- it is about, so that one is never kept without the other. The sequencer moves
-- what has been committed into audit_event, in batches; from then on an event has
-- a place in the log and is covered by its batch's hash.
--
-- A transaction may commit late, after events that were made later. It is not
-- missed: the sequencer takes what it finds in audit_pending, and remembers no
-- position in it.

-- +goose Up
CREATE TABLE audit_pending (
    id      uuid        PRIMARY KEY,            -- UUIDv7
    at      timestamptz NOT NULL,
    actor   text        NOT NULL CHECK (actor <> ''),
    role    text        NOT NULL,
    place   text        NOT NULL,
    action  text        NOT NULL CHECK (action <> ''),
    subject text        NOT NULL,
    reason  text        NOT NULL,
    detail  json        NOT NULL                -- json, not jsonb: the exact text is hashed
);

CREATE TABLE audit_event (
    sequence bigint      PRIMARY KEY CHECK (sequence > 0), -- 1, 2, 3, … without a gap
    id       uuid        NOT NULL UNIQUE,
    at       timestamptz NOT NULL,
    actor    text        NOT NULL,
    role     text        NOT NULL,
    place    text        NOT NULL,
    action   text        NOT NULL,
    subject  text        NOT NULL,
    reason   text        NOT NULL,
    detail   json        NOT NULL,
    leaf     bytea       NOT NULL CHECK (length(leaf) = 32) -- hash of the event's encoding
);
CREATE INDEX audit_event_subject ON audit_event (subject, sequence);

CREATE TABLE audit_batch (
    number bigint      PRIMARY KEY CHECK (number > 0), -- 1, 2, 3, … without a gap
    first  bigint      NOT NULL UNIQUE,                -- sequence of its first event
    count  bigint      NOT NULL CHECK (count > 0),
    at     timestamptz NOT NULL,
    root   bytea       NOT NULL CHECK (length(root) = 32), -- Merkle tree over the leaves
    hash   bytea       NOT NULL CHECK (length(hash) = 32)  -- chain: over the batch before, and this
);

-- One row: where the log ends. The sequencer that holds its lock is the only one.
CREATE TABLE audit_head (
    single   boolean PRIMARY KEY DEFAULT true CHECK (single),
    batch    bigint  NOT NULL,
    sequence bigint  NOT NULL,
    hash     bytea   NOT NULL CHECK (length(hash) = 32)
);
INSERT INTO audit_head (batch, sequence, hash) VALUES (0, 0, decode(repeat('00', 32), 'hex'));
