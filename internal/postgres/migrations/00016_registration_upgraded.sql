-- The end of what a Lite account's opener had, when the account becomes a full one: an operation of its own.

-- +goose Up
ALTER TABLE registration_operation
    DROP CONSTRAINT registration_operation_kind_check,
    ADD CONSTRAINT registration_operation_kind_check CHECK (kind IN ('suspend', 'resume', 'close', 'replace', 'upgrade'));
