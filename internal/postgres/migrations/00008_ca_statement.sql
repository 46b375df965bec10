-- Residents' certificates are issued against the activation process's statement that it
-- made the key, and people are shown all certificates that were ever issued to them.

-- +goose Up

-- A statement serves for one certificate. One whose certificate was never released may
-- be used again, so that a crash while issuing costs nobody an enrolment. The digest is
-- over what was signed, not over the envelope: of one statement there are many envelopes.
ALTER TABLE ca_certificate
    ADD COLUMN statement        bytea,                 -- the envelope as it came
    ADD COLUMN statement_sha256 bytea CHECK (length(statement_sha256) = 32),
    -- The subscriber reference number; a subject's text ends with it.
    ADD COLUMN reference        text GENERATED ALWAYS AS (substring(subject FROM 'serialNumber=(SRN[0-9]{10})$')) STORED,
    ADD CHECK ((statement IS NULL) = (statement_sha256 IS NULL));
CREATE UNIQUE INDEX ca_certificate_statement  ON ca_certificate (statement_sha256)
    WHERE statement_sha256 IS NOT NULL AND status <> 'abandoned';
CREATE INDEX ca_certificate_reference  ON ca_certificate (reference, reserved_at) WHERE reference IS NOT NULL;
CREATE INDEX ca_certificate_credential ON ca_certificate (credential, reserved_at);
