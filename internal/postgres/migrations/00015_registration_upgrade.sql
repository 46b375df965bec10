-- A case that makes a Lite account a full one. As with another phone, its data and the phone's passkey lie
-- under the case until it is done.

-- +goose Up
ALTER TABLE registration_case
    DROP CONSTRAINT registration_case_purpose_check,
    ADD CONSTRAINT registration_case_purpose_check CHECK (purpose IN ('open', 'replace', 'upgrade')),
    DROP CONSTRAINT registration_case_replaces,
    ADD CONSTRAINT registration_case_replaces CHECK (purpose = 'replace' OR (replaces IS NULL AND NOT device_active)),
    ADD CONSTRAINT registration_case_passkey CHECK (purpose <> 'open' OR passkey IS NULL),
    ADD CONSTRAINT registration_case_upgrade CHECK (purpose <> 'upgrade' OR source = 'chip');
