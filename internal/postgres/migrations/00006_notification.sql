-- Notification: what residents were told. E-mail is sent by jobs, whose tables are
-- River's own (see postgres.Migrate).

-- +goose Up
CREATE TABLE notification_notice (
    id         uuid        PRIMARY KEY,               -- UUIDv7
    account    uuid        NOT NULL,
    kind       text        NOT NULL CHECK (kind <> ''),
    params     json        NOT NULL,                  -- texts that fill the notice's; no personal data
    created_at timestamptz NOT NULL,
    read_at    timestamptz
);
CREATE INDEX notification_notice_account ON notification_notice (account, created_at DESC);
