-- Signature creation: the credentials that sign, and every signature from before
-- the key is used.
--
-- A key never lies here in the clear: wrapped_key opens only in the token that
-- wrapped it, and only there is it ever whole.

-- +goose Up

-- A credential is a key and the certificate for it. It is recorded before the
-- certificate is asked for, so that no certificate is ever issued for a key that
-- nobody has; if the answer never comes it ends as 'abandoned'.
CREATE TABLE signer_credential (
    id          uuid        PRIMARY KEY,              -- UUIDv7
    profile     text        NOT NULL CHECK (profile <> ''),
    name        text        NOT NULL CHECK (name <> ''),
    key_spec    text        NOT NULL CHECK (key_spec <> ''),
    scheme      text        NOT NULL CHECK (scheme IN ('ecdsa', 'pkcs1', 'pss')),
    wrapped_key bytea       NOT NULL CHECK (length(wrapped_key) > 0),
    spki        bytea       NOT NULL,                 -- DER; what the wrapped key must be
    spki_sha256 bytea       NOT NULL UNIQUE CHECK (spki_sha256 = sha256(spki)),
    state       text        NOT NULL CHECK (state IN ('requested', 'active', 'disabled', 'abandoned')),
    certificate bytea,                                -- DER
    chain       bytea[],                              -- DER, the issuer first
    created_at  timestamptz NOT NULL,
    changed_at  timestamptz NOT NULL,                 -- when it came to its state
    CHECK ((state IN ('requested', 'abandoned')) = (certificate IS NULL)),
    CHECK ((certificate IS NULL) = (chain IS NULL))
);
CREATE INDEX signer_credential_requested ON signer_credential (created_at) WHERE state = 'requested';

-- A signature is recorded as 'prepared' before the key is used, with the digests
-- of exactly what is to be signed, and closed once: 'signed' before the file is
-- handed out, 'failed' with a reason, or 'abandoned' when the process that made
-- it is gone. Whatever is not 'signed' was never handed out.
CREATE TABLE signer_signature (
    id              uuid        PRIMARY KEY,          -- UUIDv7
    credential_id   uuid        NOT NULL REFERENCES signer_credential (id),
    policy          text        NOT NULL CHECK (policy <> ''),
    level           text        NOT NULL CHECK (level IN ('B-B', 'B-T', 'B-LT', 'B-LTA')),
    operator        text        NOT NULL CHECK (operator <> ''),
    field           text        NOT NULL,             -- of the form, in the file
    hash            text        NOT NULL,
    document_digest bytea       NOT NULL,             -- over the ByteRange
    dtbsr           bytea       NOT NULL,             -- what the key signs
    state           text        NOT NULL CHECK (state IN ('prepared', 'signed', 'failed', 'abandoned')),
    prepared_at     timestamptz NOT NULL,
    closed_at       timestamptz,
    signature       bytea,                            -- the value
    size            bigint,                           -- of the file, in bytes
    reason          text,                             -- of the failure
    CHECK ((state = 'prepared') = (closed_at IS NULL)),
    CHECK ((state = 'signed') = (signature IS NOT NULL)),
    CHECK ((state = 'signed') = (size IS NOT NULL)),
    CHECK ((state = 'failed') = (reason IS NOT NULL))
);
CREATE INDEX signer_signature_prepared ON signer_signature (prepared_at) WHERE state = 'prepared';
CREATE INDEX signer_signature_credential ON signer_signature (credential_id, prepared_at);
