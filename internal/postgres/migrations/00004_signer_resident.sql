-- Residents' signatures: whose credential, what was asked, what the device approved,
-- and the files until they are fetched. The keys are not here, and nothing here can use
-- them: the activation process has them, in a schema of its own.

-- +goose Up

-- A resident's signing credential, as the activation process knows it. An account has
-- one that signs; those before it stay, for what they have signed.
CREATE TABLE signer_resident (
    id         uuid        PRIMARY KEY,               -- the activation process's
    account    uuid        NOT NULL,
    profile    text        NOT NULL CHECK (profile <> ''),
    state      text        NOT NULL CHECK (state IN ('active', 'retired')),
    ticket     bytea       NOT NULL,                  -- the enrolment ticket T, exactly
    passkey    bytea       NOT NULL,                  -- its COSE key, out of the ticket
    created_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX signer_resident_active ON signer_resident (account) WHERE state = 'active';
CREATE INDEX signer_resident_account ON signer_resident (account, created_at);

-- Every certificate that was ever issued for it; the newest signs.
CREATE TABLE signer_resident_certificate (
    sha256        bytea       PRIMARY KEY CHECK (sha256 = sha256(certificate)),
    credential_id uuid        NOT NULL REFERENCES signer_resident (id),
    certificate   bytea       NOT NULL,               -- DER
    chain         bytea[]     NOT NULL,               -- DER, the issuer first
    issued_at     timestamptz NOT NULL,
    UNIQUE (credential_id, sha256)
);

-- A signing is one approval over 1 to 20 documents. Its states and who may follow whom
-- are in signer/ledger; what must hold in each of them is here.
CREATE TABLE signer_signing (
    id            uuid        PRIMARY KEY,            -- UUIDv7
    account       uuid        NOT NULL,
    credential_id uuid        NOT NULL,
    certificate   bytea       NOT NULL,               -- SHA-256
    service_id    text        NOT NULL,
    service_name  text        NOT NULL,
    policy        text        NOT NULL,
    level         text        NOT NULL CHECK (level IN ('B-T', 'B-LT', 'B-LTA')),
    reason        text        NOT NULL,
    kind          text        NOT NULL,               -- of an excluded document, or empty
    return_url    text        NOT NULL,
    place         text        NOT NULL,               -- from where it was asked for
    state         text        NOT NULL CHECK (state IN ('prepared', 'waiting', 'collected', 'signed', 'declined', 'expired', 'cancelled', 'failed')),
    failure       text        NOT NULL,               -- a word, or empty
    tx            text        UNIQUE,                 -- the newest question to the device
    code          text,
    not_after     timestamptz,
    data_key      bytea,                              -- sealed; the documents' bytes lie under it
    evidence      bytea,                              -- JSON: the passkey's assertion, exactly as collected
    approved_at   timestamptz,
    acknowledged  boolean     NOT NULL DEFAULT false, -- the activation process may forget its copy
    attempts      integer     NOT NULL DEFAULT 0,     -- to finish the files
    look_at       timestamptz NOT NULL,               -- when housekeeping looks at it next
    lease_by      text,
    lease_until   timestamptz,
    files_until   timestamptz,                        -- when the files' bytes go
    created_at    timestamptz NOT NULL,
    changed_at    timestamptz NOT NULL,
    closed_at     timestamptz,
    FOREIGN KEY (credential_id, certificate) REFERENCES signer_resident_certificate (credential_id, sha256),
    CHECK (state <> 'waiting' OR (tx IS NOT NULL AND code IS NOT NULL AND not_after IS NOT NULL)),
    CHECK (state NOT IN ('collected', 'signed') OR (evidence IS NOT NULL AND approved_at IS NOT NULL)),
    CHECK (evidence IS NULL OR state IN ('collected', 'signed', 'failed')), -- an approval is used once
    CHECK ((state IN ('prepared', 'waiting', 'collected')) = (closed_at IS NULL)),
    CHECK ((lease_by IS NULL) = (lease_until IS NULL))
);
-- One open question a credential.
CREATE UNIQUE INDEX signer_signing_open ON signer_signing (credential_id) WHERE state IN ('prepared', 'waiting');
CREATE INDEX signer_signing_account ON signer_signing (account, id);
CREATE INDEX signer_signing_look    ON signer_signing (look_at) WHERE state IN ('prepared', 'waiting', 'collected');
CREATE INDEX signer_signing_files   ON signer_signing (files_until) WHERE data_key IS NOT NULL;

CREATE TABLE signer_signing_document (
    signing_id      uuid    NOT NULL REFERENCES signer_signing (id),
    number          integer NOT NULL CHECK (number BETWEEN 0 AND 19),
    name            text    NOT NULL,
    want_field      text    NOT NULL,                 -- as asked for; empty: a new one
    want_place      bytea,                            -- JSON; null: invisible
    field           text    NOT NULL,                 -- in the prepared file
    size            bigint  NOT NULL CHECK (size BETWEEN 1 AND 20971520), -- of what was handed in
    prepared_size   bigint  NOT NULL CHECK (prepared_size > size),
    byte_range      bigint[] NOT NULL CHECK (cardinality(byte_range) = 4),
    digest          bytea   NOT NULL,                 -- over the byte range
    attributes      bytea   NOT NULL,                 -- DER SET OF, what is signed
    dtbsr           bytea   NOT NULL CHECK (dtbsr = sha256(attributes)),
    description     bytea   NOT NULL,                 -- of the prepared document, for who goes on with it
    prepared        bytea,                            -- the file, sealed
    signature       bytea,                            -- DER
    timestamp_token bytea,
    timestamp_at    timestamptz,
    signed          bytea,                            -- the file, sealed; nobody gets it before all are signed
    signed_size     bigint,
    signed_sha256   bytea,
    PRIMARY KEY (signing_id, number),
    CHECK (signed IS NULL OR signature IS NOT NULL),
    CHECK ((signed_sha256 IS NULL) = (signed_size IS NULL))
);
-- Sealed bytes cannot be compressed: do not try.
ALTER TABLE signer_signing_document
    ALTER COLUMN prepared SET STORAGE EXTERNAL,
    ALTER COLUMN signed   SET STORAGE EXTERNAL;
