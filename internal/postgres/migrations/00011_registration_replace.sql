-- Registering again on another phone: a case that replaces an account's device. Until
-- it is done its data lie under the case, and the account's own are not touched.

-- +goose Up
ALTER TABLE registration_case
    ADD COLUMN purpose       text    NOT NULL DEFAULT 'open' CHECK (purpose IN ('open', 'replace')),
    ADD COLUMN replaces      text,                             -- the credential whose place is taken
    ADD COLUMN device_active boolean NOT NULL DEFAULT false,   -- the old device could sign when the card was entered
    ADD COLUMN passkey       bytea,                            -- the phone's sign-in passkey until the case is done, JSON
    ADD CONSTRAINT registration_case_replaces CHECK (purpose = 'replace' OR (replaces IS NULL AND NOT device_active AND passkey IS NULL)),
    ADD CONSTRAINT registration_case_second CHECK (NOT device_active OR state IN ('opened', 'entered', 'refused', 'ended') OR second IS NOT NULL);

-- When its holder, or an officer for them, last stopped the account: what was under way then does not go on.
ALTER TABLE registration_account ADD COLUMN stopped_at timestamptz;

ALTER TABLE registration_operation
    DROP CONSTRAINT registration_operation_kind_check,
    ADD CONSTRAINT registration_operation_kind_check CHECK (kind IN ('suspend', 'resume', 'close', 'replace'));

-- The links in notices that stop an account, once each: those that were used.
CREATE TABLE registration_stop (
    notice  uuid        PRIMARY KEY,
    account uuid        NOT NULL,
    used_at timestamptz NOT NULL
);
