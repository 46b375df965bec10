-- Accounts and cases by status and date of opening, the newest first.

-- +goose Up
CREATE INDEX registration_account_state  ON registration_account (state, opened_at DESC, id DESC);
CREATE INDEX registration_account_opened ON registration_account (opened_at DESC, id DESC);
CREATE INDEX registration_case_state     ON registration_case (state, opened_at DESC, id DESC);
CREATE INDEX registration_case_opened    ON registration_case (opened_at DESC, id DESC);
