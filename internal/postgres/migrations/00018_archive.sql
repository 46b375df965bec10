-- The long-term store: one row a document, one a generation of it. The bytes lie in
-- the data folder, sealed under a data key of the document, which lies here, sealed by
-- the token. A document that was removed keeps its rows and loses its key.

-- +goose Up
CREATE TABLE archive_document (
    id              uuid        PRIMARY KEY,            -- UUIDv7
    department      text        NOT NULL CHECK (department <> ''),
    name            text        NOT NULL,               -- as given; in no log
    format          text        NOT NULL CHECK (format IN ('pdf', 'xml', 'cms', 'asic', 'json')),
    original_sha256 bytea       NOT NULL CHECK (length(original_sha256) = 32),
    size            bigint      NOT NULL,               -- of the original, bytes
    data_key        bytea,                              -- sealed
    state           text        NOT NULL CHECK (state IN ('adding', 'kept', 'renewing', 'removed')),
    generations     integer     NOT NULL DEFAULT 0,
    newest_sha256   bytea       CHECK (length(newest_sha256) = 32),
    stamped_at      timestamptz,                        -- by the newest time-stamp
    ends_at         timestamptz,                        -- of the newest time-stamp's certificates
    algorithms      text[]      NOT NULL DEFAULT '{}',  -- that the newest time-stamp rests on
    fades_at        timestamptz,                        -- the earliest of both, as of the last look
    fades_by        text        NOT NULL DEFAULT '',    -- certificate, or the algorithm
    attempts        integer     NOT NULL DEFAULT 0,     -- that failed since the last success
    retry_at        timestamptz,
    failure         text        NOT NULL DEFAULT '',
    created_at      timestamptz NOT NULL,
    changed_at      timestamptz NOT NULL,
    CHECK (state = 'adding' OR state = 'removed' OR (generations > 0 AND newest_sha256 IS NOT NULL AND fades_at IS NOT NULL)),
    CHECK ((state = 'removed') = (data_key IS NULL))
);
-- Sending the same file again finds the one that is there.
CREATE UNIQUE INDEX archive_document_original ON archive_document (department, original_sha256) WHERE state <> 'removed';
CREATE INDEX archive_document_fades ON archive_document (fades_at) WHERE state IN ('kept', 'renewing');
CREATE INDEX archive_document_adding ON archive_document (created_at) WHERE state = 'adding';

CREATE TABLE archive_generation (
    document   uuid        NOT NULL REFERENCES archive_document,
    number     integer     NOT NULL CHECK (number > 0),
    sha256     bytea       NOT NULL CHECK (length(sha256) = 32),
    size       bigint      NOT NULL,
    hash       text        NOT NULL,                   -- of its time-stamps' imprints: sha256
    stamped_at timestamptz NOT NULL,
    dropped    boolean     NOT NULL DEFAULT false,     -- its bytes are gone; later ones hold them
    made_at    timestamptz NOT NULL,
    PRIMARY KEY (document, number)
);

-- Files that a detached signature covers. They never change.
CREATE TABLE archive_covered (
    document uuid    NOT NULL REFERENCES archive_document,
    number   integer NOT NULL,
    name     text    NOT NULL,
    sha256   bytea   NOT NULL CHECK (length(sha256) = 32),
    size     bigint  NOT NULL,
    PRIMARY KEY (document, number)
);
