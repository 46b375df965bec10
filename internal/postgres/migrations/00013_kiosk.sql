-- Kiosks: a session a card, and cases that a card's chip opened.

-- +goose Up

-- Unlogged: what a card said never reaches the write-ahead log or a physical backup,
-- and after a crash of the database nobody's session goes on. It is sealed besides.
CREATE UNLOGGED TABLE registration_kiosk_session (
    id         uuid        PRIMARY KEY,               -- UUIDv7; a case that it opens has the same
    kiosk      text        NOT NULL CHECK (kiosk <> ''), -- by its client certificate
    place      text        NOT NULL CHECK (place <> ''),
    state      text        NOT NULL CHECK (state IN ('waiting', 'read', 'case', 'refused', 'ended')),
    challenge  bytea       CHECK (length(challenge) = 32), -- for the card that is in now; used once
    reason     text        NOT NULL DEFAULT '',       -- of the last card that was not read, or of the end
    evidence   bytea,                                 -- the card's own bytes, sealed in the token
    opened_at  timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,                  -- a minute after the last touch
    CHECK (challenge IS NULL OR state = 'waiting'),
    CHECK ((evidence IS NOT NULL) = (state = 'read'))
);
-- One session a kiosk.
CREATE UNIQUE INDEX registration_kiosk_session_live ON registration_kiosk_session (kiosk) WHERE state IN ('waiting', 'read', 'case');

-- A case knows whether its data were keyed in, which wants a second officer, or read from the chip, which does not.
ALTER TABLE registration_case ADD COLUMN source text NOT NULL DEFAULT 'keyed' CHECK (source IN ('keyed', 'chip'));
ALTER TABLE registration_case DROP CONSTRAINT registration_case_check3;
ALTER TABLE registration_case ADD CONSTRAINT registration_case_four_eyes
    CHECK (state IN ('opened', 'entered', 'refused', 'ended') OR second IS NOT NULL OR source = 'chip');
