-- Departments: people who work for one, beside programs, and what they have sealed.

-- +goose Up

-- Our own client of the Immigration Department was of the kind of departments' programs, and would have been let in
-- at the departments' listener. Its certificate stays; what it stands for changes.
ALTER TABLE infra_certificate DROP CONSTRAINT infra_certificate_kind_check;
ALTER TABLE infra_certificate ADD CONSTRAINT infra_certificate_kind_check
    CHECK (kind IN ('server', 'officer', 'kiosk', 'department', 'operator', 'client'));
UPDATE infra_certificate SET kind = 'client' WHERE kind = 'department' AND holder = 'registration';

-- A seal may belong to a department, from its making or never: then it signs only what that department's operators
-- have asked for and approved. Empty: it signs for whoever works on the command line.
ALTER TABLE signer_credential ADD COLUMN department text NOT NULL DEFAULT '';

-- An operator makes a passkey at the desk, and is active when an operator of the appliance has said so.
CREATE TABLE sealing_operator (
    id          text        PRIMARY KEY CHECK (id ~ '^[a-z0-9-]{2,40}$'),
    department  text        NOT NULL CHECK (department <> ''),
    name        text        NOT NULL CHECK (name <> ''),
    roles       text[]      NOT NULL CHECK (cardinality(roles) > 0 AND roles <@ ARRAY['verifier', 'sealer', 'approver']),
    state       text        NOT NULL CHECK (state IN ('proposed', 'enrolled', 'active', 'removed')),
    passkey_id  bytea       UNIQUE,
    passkey_key bytea,                                -- COSE
    challenge   bytea,                                -- for the passkey that is being made; used once
    until       timestamptz,
    created_at  timestamptz NOT NULL,
    changed_at  timestamptz NOT NULL,
    CHECK ((passkey_id IS NULL) = (passkey_key IS NULL)),
    CHECK ((challenge IS NULL) = (until IS NULL))
);

-- What is to be sealed together, by one word of each operator.
CREATE TABLE sealing_batch (
    id         uuid        PRIMARY KEY,               -- UUIDv7
    department text        NOT NULL,
    seal       uuid        NOT NULL,                  -- the credential's id
    level      text        NOT NULL CHECK (level IN ('B-B', 'B-T', 'B-LT', 'B-LTA')),
    reason     text        NOT NULL,
    nonce      bytea       NOT NULL CHECK (length(nonce) = 32),
    state      text        NOT NULL CHECK (state IN ('draft', 'asked', 'approved', 'declined', 'done', 'withdrawn', 'expired')),
    made_by    text        NOT NULL REFERENCES sealing_operator (id),
    made_at    timestamptz NOT NULL,
    changed_at timestamptz NOT NULL
);
CREATE INDEX sealing_batch_department ON sealing_batch (department, made_at);
CREATE INDEX sealing_batch_open ON sealing_batch (changed_at) WHERE state IN ('draft', 'asked', 'approved');

-- A document is sealed once: 'sealing' is recorded before the key is used, and 'sealed' with the result. Digests stay
-- when the bytes are deleted (policies/files/retention.yaml).
CREATE TABLE sealing_document (
    batch      uuid        NOT NULL REFERENCES sealing_batch (id),
    number     integer     NOT NULL CHECK (number > 0),
    name       text        NOT NULL CHECK (name <> ''),
    format     text        NOT NULL CHECK (format IN ('PDF', 'XML', 'JSON', 'CMS', 'ASiC')),
    sha256     bytea       NOT NULL CHECK (length(sha256) = 32),
    size       bigint      NOT NULL,
    content    bytea,
    state      text        NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sealing', 'sealed', 'refused')),
    worker     uuid,                                  -- who is at it, until lease
    lease      timestamptz,
    reason     text        NOT NULL DEFAULT '',
    result     bytea,
    result_sha256 bytea,
    result_size   bigint,
    PRIMARY KEY (batch, number),
    UNIQUE (batch, name),
    CHECK ((state = 'sealing') = (worker IS NOT NULL)),
    CHECK ((worker IS NULL) = (lease IS NULL)),
    CHECK ((state = 'sealed') = (result_sha256 IS NOT NULL))
);
CREATE INDEX sealing_document_open ON sealing_document (batch, number) WHERE state IN ('waiting', 'sealing');

-- An operator's word: the answer of their passkey to a challenge over the whole batch, every document's digest in it.
CREATE TABLE sealing_word (
    batch     uuid        NOT NULL REFERENCES sealing_batch (id),
    act       text        NOT NULL CHECK (act IN ('ask', 'approve')),
    operator  text        NOT NULL REFERENCES sealing_operator (id),
    assertion bytea       NOT NULL,                   -- JSON, as the browser gave it
    at        timestamptz NOT NULL,
    PRIMARY KEY (batch, act),
    UNIQUE (batch, operator)
);
