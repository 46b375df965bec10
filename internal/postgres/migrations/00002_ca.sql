-- The certification authority: every certificate from before it is signed, every
-- change of its status, every CRL, and the ceremonies.
--
-- A certificate is recorded in state 'wait' before it is signed and becomes
-- 'good' when its bytes are stored; nobody is given a certificate before that.

-- +goose Up

-- A public key belongs to one credential for ever. The second UNIQUE lets
-- ca_certificate refer to the pair, so that a certificate for somebody else's
-- key cannot even be recorded.
CREATE TABLE ca_key (
    spki_sha256 bytea PRIMARY KEY CHECK (length(spki_sha256) = 32),
    credential  text  NOT NULL CHECK (credential <> ''),
    UNIQUE (spki_sha256, credential)
);

CREATE TABLE ca_certificate (
    id          uuid        PRIMARY KEY,              -- UUIDv7
    issuer      bytea       NOT NULL CHECK (length(issuer) = 32), -- SHA-256 of the issuer's SPKI
    serial      bytea       NOT NULL                  -- as in the certificate: a prefix, then 128 random bits
                            CHECK (length(serial) BETWEEN 17 AND 20 AND get_byte(serial, 0) BETWEEN 1 AND 127),
    profile     text        NOT NULL,
    shard       integer     NOT NULL CHECK (shard >= 0), -- of the CRL, fixed for life
    spki_sha256 bytea       NOT NULL,
    credential  text        NOT NULL,
    subject     text        NOT NULL,
    not_before  timestamptz NOT NULL,
    not_after   timestamptz NOT NULL CHECK (not_after > not_before),
    tbs_sha256  bytea       NOT NULL UNIQUE CHECK (length(tbs_sha256) = 32), -- of what was linted
    reserved_at timestamptz NOT NULL,
    status      text        NOT NULL CHECK (status IN ('wait', 'good', 'suspended', 'revoked', 'abandoned')),
    version     integer,                              -- of the row in ca_status; null while 'wait'
    certificate bytea,
    UNIQUE (issuer, serial),
    FOREIGN KEY (spki_sha256, credential) REFERENCES ca_key (spki_sha256, credential),
    CHECK ((status = 'wait') = (version IS NULL)),
    CHECK (certificate IS NOT NULL OR status NOT IN ('good', 'suspended')),
    CHECK (certificate IS NULL OR status NOT IN ('wait', 'abandoned'))
);
CREATE INDEX ca_certificate_key      ON ca_certificate (spki_sha256);
CREATE INDEX ca_certificate_reserved ON ca_certificate (reserved_at);
CREATE INDEX ca_certificate_waiting  ON ca_certificate (reserved_at) WHERE status = 'wait';
CREATE INDEX ca_certificate_listed   ON ca_certificate (issuer, shard) WHERE status IN ('suspended', 'revoked');

-- The history of a certificate's status, one chain of versions. Each row names
-- the row before it, and only the pairs listed may follow each other: 'revoked'
-- is never a previous status, so it is final whatever a program does. An
-- abandoned certificate was never released; should it surface it can be revoked.
CREATE TABLE ca_status (
    certificate_id   uuid        NOT NULL REFERENCES ca_certificate (id),
    version          integer     NOT NULL,
    status           text        NOT NULL,
    previous_version integer,
    previous_status  text,
    reason           integer     NOT NULL CHECK (reason BETWEEN 0 AND 10), -- CRLReason
    at               timestamptz NOT NULL,            -- when it was changed
    since            timestamptz NOT NULL,            -- the date that CRL and OCSP give
    crl_number       bigint,                          -- first CRL that carries it; null: none yet
    PRIMARY KEY (certificate_id, version),
    UNIQUE (certificate_id, version, status),
    FOREIGN KEY (certificate_id, previous_version, previous_status)
        REFERENCES ca_status (certificate_id, version, status),
    CHECK ((status = 'suspended') = (reason = 6)),
    CHECK (
        (version = 1 AND previous_version IS NULL AND previous_status IS NULL AND status IN ('good', 'abandoned'))
        OR
        (version > 1 AND previous_version IS NOT NULL AND previous_status IS NOT NULL
         AND version = previous_version + 1
         AND (previous_status, status) IN (('good', 'suspended'), ('good', 'revoked'),
             ('suspended', 'good'), ('suspended', 'revoked'), ('abandoned', 'revoked')))
    )
);
CREATE INDEX ca_status_crl ON ca_status (crl_number) WHERE version > 1;

ALTER TABLE ca_certificate ADD FOREIGN KEY (id, version, status)
    REFERENCES ca_status (certificate_id, version, status);

-- The switch that stops issuance under a profile ('*': under all). A row is a stop.
CREATE TABLE ca_stop (
    profile text        PRIMARY KEY,
    at      timestamptz NOT NULL,
    actor   text        NOT NULL CHECK (actor <> ''),
    reason  text        NOT NULL CHECK (reason <> '')
);

-- CRLs. Full and delta lists of one scope share their numbers (RFC 5280, 5.2.3).
-- The number is taken before the list is signed; one that was never signed
-- leaves a gap, which the RFC allows.
CREATE TABLE ca_crl (
    id          uuid        PRIMARY KEY,              -- UUIDv7
    issuer      bytea       NOT NULL CHECK (length(issuer) = 32),
    shard       integer     NOT NULL CHECK (shard >= 0),
    number      bigint      NOT NULL CHECK (number > 0),
    base_number bigint      CHECK (base_number < number), -- null: a full list
    this_update timestamptz NOT NULL,
    next_update timestamptz NOT NULL CHECK (next_update > this_update),
    crl         bytea,                                -- null: not yet signed
    UNIQUE (issuer, shard, number)
);

-- Ceremonies: the reviewed plan, and each step's intent and result.
CREATE TABLE ca_ceremony (
    id          uuid        PRIMARY KEY,              -- UUIDv7
    kind        text        NOT NULL CHECK (kind IN ('create', 'renew-arl')),
    reference   text        NOT NULL UNIQUE,
    plan        bytea       NOT NULL,                 -- exactly as reviewed
    plan_sha256 bytea       NOT NULL UNIQUE CHECK (plan_sha256 = sha256(plan)),
    started_at  timestamptz NOT NULL,
    finished_at timestamptz,
    transcript  text,
    CHECK ((finished_at IS NULL) = (transcript IS NULL))
);
-- The CA is created once.
CREATE UNIQUE INDEX ca_ceremony_create ON ca_ceremony (kind) WHERE kind = 'create';

CREATE TABLE ca_ceremony_step (
    ceremony_id uuid        NOT NULL REFERENCES ca_ceremony (id),
    step        text        NOT NULL,
    intended_at timestamptz NOT NULL,
    done_at     timestamptz,
    result      jsonb,
    PRIMARY KEY (ceremony_id, step),
    CHECK ((done_at IS NULL) = (result IS NULL))
);
