-- Sessions at the officers' desk. A session is found by its cookie's digest, belongs to
-- one shift, and is honoured with the officer's own client certificate only.

-- +goose Up

CREATE TABLE desk_session (
    digest     bytea       PRIMARY KEY CHECK (length(digest) = 32), -- SHA-256 of the cookie
    actor      text        NOT NULL CHECK (actor <> ''),
    role       text        NOT NULL,
    place      text        NOT NULL,
    shift      text        NOT NULL,
    created_at timestamptz NOT NULL,
    used_at    timestamptz NOT NULL,
    ends_at    timestamptz NOT NULL
);
CREATE INDEX desk_session_ends ON desk_session (ends_at);
