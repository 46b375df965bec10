-- The activation process's own tables, in its own schema under its own role. The
-- appliance's role cannot read or write them, but for taking events out of
-- audit_pending. Nothing here is believed: a record counts with its tag only,
-- whose key is in the token, and a sealed key opens with its device only.

-- +goose Up
CREATE TABLE activation.credential (
    id          uuid        PRIMARY KEY,                 -- UUIDv7
    account     uuid        NOT NULL,
    spki_sha256 bytea       NOT NULL UNIQUE CHECK (length(spki_sha256) = 32),
    binding     bytea       NOT NULL,                    -- immutable; its digest is B
    sealed      bytea,                                   -- the wrapped key under the device's secret; NULL: destroyed
    record      bytea       NOT NULL,                    -- what may change
    tag         bytea       NOT NULL CHECK (length(tag) = 32), -- HMAC over record
    version     bigint      NOT NULL CHECK (version > 0),      -- the record's
    state       text        NOT NULL CHECK (state IN ('made', 'active', 'suspended', 'destroyed')), -- the record's
    stopped     boolean     NOT NULL DEFAULT false,      -- refused whatever the record says: a suspension whose record could not be made
    certificate bytea,                                   -- DER
    statement   bytea       NOT NULL,                    -- signed, JSON
    csr         bytea       NOT NULL,                    -- PKCS #10
    attestation bytea,                                   -- of the passkey, if the policy records it
    sign_count  bigint      NOT NULL CHECK (sign_count >= 0), -- highest of the passkey
    approvals   bigint      NOT NULL DEFAULT 0 CHECK (approvals >= 0),
    made_at     timestamptz NOT NULL,
    changed_at  timestamptz NOT NULL,
    CHECK ((state = 'destroyed') = (sealed IS NULL)),
    CHECK (state <> 'active' OR certificate IS NOT NULL)
);
CREATE INDEX credential_account ON activation.credential (account);

-- A transaction is open until it is answered. 'approving' is recorded before the
-- key is used, so that one approval never signs twice; whatever is not
-- 'approved' was never handed out.
CREATE TABLE activation.transaction (
    id         text        PRIMARY KEY CHECK (length(id) = 22),
    credential uuid        NOT NULL REFERENCES activation.credential (id),
    service    text        NOT NULL,
    documents  integer     NOT NULL CHECK (documents BETWEEN 1 AND 20),
    state      text        NOT NULL CHECK (state IN ('open', 'approving', 'approved', 'declined', 'expired', 'cancelled', 'failed')),
    reason     text        NOT NULL DEFAULT '',
    minted_at  timestamptz NOT NULL,
    not_after  timestamptz NOT NULL,
    closed_at  timestamptz,
    signatures bytea[],                                  -- until collected and acknowledged, or ten minutes
    CHECK ((state IN ('open', 'approving')) = (closed_at IS NULL)),
    CHECK (signatures IS NULL OR state = 'approved')
);
CREATE UNIQUE INDEX transaction_one_open ON activation.transaction (credential) WHERE state IN ('open', 'approving');
CREATE INDEX transaction_kept ON activation.transaction (closed_at) WHERE signatures IS NOT NULL;

-- The passkey's proof of each approval, kept for ever.
CREATE TABLE activation.evidence (
    transaction        text        PRIMARY KEY REFERENCES activation.transaction (id),
    request            bytea       NOT NULL,             -- R, the page's bytes
    authenticator_data bytea       NOT NULL,
    client_data        bytea       NOT NULL,
    assertion          bytea       NOT NULL,             -- its signature
    device_signature   bytea,
    at                 timestamptz NOT NULL
);

CREATE TABLE activation.enrolment (
    id          text        PRIMARY KEY CHECK (length(id) = 22),
    account     uuid        NOT NULL,
    case_id     uuid        NOT NULL,
    state       text        NOT NULL CHECK (state IN ('passkey', 'ticket', 'seal', 'sealing', 'made', 'issued', 'failed', 'expired')),
    reason      text        NOT NULL DEFAULT '',
    credential  uuid        UNIQUE REFERENCES activation.credential (id),
    begun_at    timestamptz NOT NULL,
    changed_at  timestamptz NOT NULL,
    CHECK ((state IN ('made', 'issued')) = (credential IS NOT NULL))
);

-- What can be presented once: tickets and orders, by the digest of what was
-- signed. Without a way out of this table.
CREATE TABLE activation.presented (
    digest bytea       PRIMARY KEY CHECK (length(digest) = 32),
    kind   text        NOT NULL CHECK (kind IN ('ticket', 'order')),
    signed bytea       NOT NULL,                         -- the envelope, for an auditor
    at     timestamptz NOT NULL
);

-- Events on their way into the appliance's log, which is of another role: a
-- trigger on a table of its would run with the rights of whoever inserts.
CREATE TABLE activation.audit_pending (
    id      uuid        PRIMARY KEY,
    at      timestamptz NOT NULL,
    actor   text        NOT NULL,
    role    text        NOT NULL,
    place   text        NOT NULL,
    action  text        NOT NULL,
    subject text        NOT NULL,
    reason  text        NOT NULL,
    detail  json        NOT NULL
);
