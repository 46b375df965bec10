-- Registration: officers, accounts of residents, the cases that open them, and
-- what is done with them afterwards.
--
-- No personal datum lies here in the clear. Fields are sealed one by one under
-- a key of their account, which is sealed in the sealer's token; values are found
-- by digests under a key that is sealed there too.

-- +goose Up

-- The keys for look-up digests. The newest is used; a row is never changed.
CREATE TABLE registration_digest_key (
    generation integer     PRIMARY KEY CHECK (generation > 0),
    sealed     bytea       NOT NULL,                  -- 32 bytes, sealed in the token
    created_at timestamptz NOT NULL
);

-- A data key for each owner. Deleting the row makes all that it sealed unreadable,
-- in this database and in its backups as far as they are without it.
CREATE TABLE registration_data_key (
    owner      uuid        PRIMARY KEY,               -- an account
    generation integer     NOT NULL CHECK (generation > 0), -- rises when the key is changed
    sealed     bytea       NOT NULL,                  -- 32 bytes, sealed in the token
    created_at timestamptz NOT NULL
);

CREATE TABLE registration_field (
    owner      uuid        NOT NULL REFERENCES registration_data_key (owner) ON DELETE CASCADE,
    name       text        NOT NULL CHECK (name <> ''),
    generation integer     NOT NULL,                  -- of the data key that sealed it
    sealed     bytea       NOT NULL CHECK (length(sealed) >= 28), -- nonce, ciphertext, tag
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (owner, name)
);

-- Which owner has a value. digest finds it; proof binds value and owner together
-- under the same key, so that a row that was moved to another owner is refused.
CREATE TABLE registration_lookup (
    owner      uuid        NOT NULL,
    kind       text        NOT NULL CHECK (kind IN ('hkic', 'phone', 'email', 'srn', 'code')),
    generation integer     NOT NULL REFERENCES registration_digest_key (generation),
    digest     bytea       NOT NULL CHECK (length(digest) = 32),
    proof      bytea       NOT NULL CHECK (length(proof) = 32),
    PRIMARY KEY (owner, kind)
);
-- One account a person, one code an account; a telephone may be a family's.
CREATE UNIQUE INDEX registration_lookup_one ON registration_lookup (kind, digest) WHERE kind IN ('hkic', 'srn', 'code');
CREATE INDEX registration_lookup_many ON registration_lookup (kind, digest) WHERE kind IN ('phone', 'email');

-- Officers. One is proposed by a supervisor, brings a client certificate and a passkey, and is
-- active when two persons, neither the officer, have approved them.
CREATE TABLE registration_officer (
    id          text        PRIMARY KEY CHECK (id ~ '^[a-z0-9][a-z0-9-]{1,39}$'),
    name        text        NOT NULL CHECK (name <> ''),
    roles       text[]      NOT NULL CHECK (cardinality(roles) > 0),
    places      text[]      NOT NULL CHECK (cardinality(places) > 0),
    state       text        NOT NULL CHECK (state IN ('proposed', 'enrolled', 'active', 'suspended', 'left')),
    card_digest bytea       NOT NULL UNIQUE CHECK (length(card_digest) = 32), -- keyed, of the officer's own number
    certificate bytea       NOT NULL UNIQUE CHECK (length(certificate) = 32), -- SHA-256 of the client certificate's SPKI
    passkey_id  bytea       UNIQUE,
    passkey_key bytea,                                -- COSE
    proposed_by text        NOT NULL,
    approved_by text[]      NOT NULL DEFAULT '{}' CHECK (cardinality(approved_by) <= 2),
    challenge   bytea,                                -- of a passkey that is being made; used once
    until       timestamptz,                          -- the challenge's end
    created_at  timestamptz NOT NULL,
    changed_at  timestamptz NOT NULL,
    CHECK ((challenge IS NULL) = (until IS NULL)),
    CHECK ((passkey_id IS NULL) = (passkey_key IS NULL)),
    CHECK (state <> 'active' OR (passkey_id IS NOT NULL AND cardinality(approved_by) = 2 AND approved_by[1] <> approved_by[2])),
    CHECK (state <> 'enrolled' OR passkey_id IS NOT NULL)
);

CREATE TABLE registration_shift (
    id         uuid        PRIMARY KEY,               -- UUIDv7
    officer    text        NOT NULL REFERENCES registration_officer (id),
    role       text        NOT NULL,
    place      text        NOT NULL,
    begins     timestamptz NOT NULL,
    ends       timestamptz NOT NULL,
    planned_by text        NOT NULL,
    challenge  bytea,                                 -- of a sign-on under way; used once
    until      timestamptz,                           -- the challenge's end
    signed_on  timestamptz,                           -- the last time
    CHECK (ends > begins AND ends <= begins + interval '24 hours'),
    CHECK ((challenge IS NULL) = (until IS NULL))
);
CREATE INDEX registration_shift_officer ON registration_shift (officer, ends);

-- What may be done only so often, and what was reported to supervisors.
CREATE TABLE registration_attempt (
    kind  text        NOT NULL,
    key   text        NOT NULL,                       -- an officer, an account, a digest
    since timestamptz NOT NULL,                       -- the window's beginning
    count integer     NOT NULL CHECK (count > 0),
    PRIMARY KEY (kind, key)
);
CREATE INDEX registration_attempt_since ON registration_attempt (since);
CREATE TABLE registration_alarm (
    id    uuid        PRIMARY KEY,                    -- UUIDv7
    at    timestamptz NOT NULL,
    kind  text        NOT NULL,
    key   text        NOT NULL,
    actor text        NOT NULL,
    place text        NOT NULL
);

CREATE TABLE registration_account (
    id          uuid        PRIMARY KEY,              -- UUIDv7
    kind        text        NOT NULL CHECK (kind IN ('default', 'sign')),
    state       text        NOT NULL CHECK (state IN ('pending', 'active', 'suspended', 'closed')),
    srn         text        NOT NULL UNIQUE CHECK (srn ~ '^SRN[0-9]{10}$'),
    user_handle bytea       NOT NULL UNIQUE CHECK (length(user_handle) = 32),
    language    text        NOT NULL CHECK (language IN ('en', 'zh-Hant-HK', 'zh-Hans')),
    place       text        NOT NULL,                 -- where it was opened
    credential  text        UNIQUE,                   -- the one signing device's
    serial      bytea,                                -- of its present certificate
    agreement   text,                                 -- the text accepted (Cap. 553, s.2)
    agreed_at   timestamptz,
    opened_at   timestamptz NOT NULL,
    active_at   timestamptz,
    changed_at  timestamptz NOT NULL,
    CHECK ((agreement IS NULL) = (agreed_at IS NULL)),
    CHECK (state NOT IN ('active', 'suspended') OR active_at IS NOT NULL),
    CHECK (kind <> 'sign' OR state NOT IN ('active', 'suspended') OR (credential IS NOT NULL AND serial IS NOT NULL AND agreement IS NOT NULL))
);

-- Passkeys that sign in to the portal; the signing passkey is the activation process's business.
CREATE TABLE registration_passkey (
    id       bytea       PRIMARY KEY CHECK (length(id) BETWEEN 1 AND 1023),
    account  uuid        NOT NULL REFERENCES registration_account (id) ON DELETE CASCADE,
    record   bytea       NOT NULL,
    name     text        NOT NULL,
    added_at timestamptz NOT NULL,
    used_at  timestamptz
);
CREATE INDEX registration_passkey_account ON registration_passkey (account);

CREATE TABLE registration_case (
    id           uuid        PRIMARY KEY,             -- UUIDv7
    account      uuid        REFERENCES registration_account (id) ON DELETE SET NULL,
    kind         text        NOT NULL CHECK (kind IN ('default', 'sign')),
    state        text        NOT NULL CHECK (state IN ('opened', 'entered', 'confirmed', 'verified', 'scanned', 'bound', 'accepted',
                                 'enrolling', 'ticketed', 'made', 'issued', 'done', 'refused', 'ended')),
    place        text        NOT NULL,
    officer      text        NOT NULL,
    second       text        CHECK (second <> officer),
    nonce        bytea       NOT NULL CHECK (length(nonce) = 32),
    card_digest  bytea       CHECK (length(card_digest) = 32), -- keyed, of the data confirmed
    confirmation json,                                -- the second officer's assertion
    waiting      text        NOT NULL DEFAULT '',
    outcome      text        NOT NULL DEFAULT '',
    token        bytea       UNIQUE CHECK (length(token) = 32), -- digest of the QR code's
    token_until  timestamptz,
    desk         bytea       CHECK (length(desk) = 32),    -- digest of the desk session that offered
    number       text        NOT NULL DEFAULT '' CHECK (number ~ '^([0-9]{2})?$'),
    phone        bytea       UNIQUE CHECK (length(phone) = 32), -- digest of the phone's secret
    agreement    text,
    agreed_at    timestamptz,
    enrolment    text        UNIQUE,
    ticket       bytea,                               -- exact bytes, while it can be presented
    envelope     bytea,                               -- the signed ticket: the intent
    credential   text,
    serial       bytea,
    opened_at    timestamptz NOT NULL,
    changed_at   timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    leased_until timestamptz NOT NULL DEFAULT '-infinity',
    CHECK ((token IS NULL) = (token_until IS NULL)),
    CHECK (state IN ('opened', 'refused', 'ended') OR account IS NOT NULL),
    CHECK (state IN ('opened', 'entered', 'refused', 'ended') OR second IS NOT NULL)
);
-- One open case an account.
CREATE UNIQUE INDEX registration_case_open ON registration_case (account) WHERE state NOT IN ('done', 'refused', 'ended');
CREATE INDEX registration_case_place ON registration_case (place, opened_at) WHERE state NOT IN ('done', 'refused', 'ended');
CREATE INDEX registration_case_due   ON registration_case (expires_at) WHERE state NOT IN ('done', 'refused', 'ended');
CREATE INDEX registration_case_account ON registration_case (account, opened_at);

-- Acts that need several parties, step by step: intended here first, then done, then marked.
CREATE TABLE registration_operation (
    id           uuid        PRIMARY KEY,             -- UUIDv7
    account      uuid        NOT NULL,
    kind         text        NOT NULL CHECK (kind IN ('suspend', 'resume', 'close')),
    state        text        NOT NULL CHECK (state IN ('waiting', 'open', 'done', 'dropped')),
    actor        text        NOT NULL,
    role         text        NOT NULL,
    place        text        NOT NULL,
    reason       text        NOT NULL,
    payload      bytea       NOT NULL,                -- an order with its assertions, JSON; no personal data
    done         text[]      NOT NULL DEFAULT '{}',   -- steps, in order
    tries        integer     NOT NULL DEFAULT 0,
    created_at   timestamptz NOT NULL,
    changed_at   timestamptz NOT NULL,
    expires_at   timestamptz,                         -- of one that waits
    leased_until timestamptz NOT NULL DEFAULT '-infinity'
);
CREATE INDEX registration_operation_open ON registration_operation (created_at) WHERE state IN ('waiting', 'open');
CREATE INDEX registration_operation_account ON registration_operation (account, created_at);

-- Callers at the hotline who have proved who they are, for one act.
CREATE TABLE registration_proved (
    token   bytea       PRIMARY KEY CHECK (length(token) = 32),
    account uuid        NOT NULL,
    officer text        NOT NULL,
    until   timestamptz NOT NULL
);

-- What a resident may see of what happened to their account.
CREATE TABLE registration_activity (
    id      uuid        PRIMARY KEY,                  -- UUIDv7
    account uuid        NOT NULL,
    at      timestamptz NOT NULL,
    who     text        NOT NULL CHECK (who IN ('you', 'officer', 'system')),
    place   text        NOT NULL,
    what    text        NOT NULL
);
CREATE INDEX registration_activity_account ON registration_activity (account, at DESC);
