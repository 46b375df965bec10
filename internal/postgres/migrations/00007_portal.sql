-- The residents' site: sessions, sign-in of a computer by a phone, and documents
-- that a resident has put together and not signed yet.
--
-- Nothing here opens anything by itself: session tokens and link tokens lie as
-- digests, and documents are sealed under a key that only the browser has.

-- +goose Up

-- The name and the columns are those that the session library asks for.
CREATE TABLE sessions (
    token  text        PRIMARY KEY,                 -- SHA-256 of the cookie's
    data   bytea       NOT NULL,
    expiry timestamptz NOT NULL
);
CREATE INDEX sessions_expiry ON sessions (expiry);

-- Sessions that were signed in until then are void: suspended, closed.
CREATE TABLE portal_signed_out (
    account_id uuid        PRIMARY KEY,
    at         timestamptz NOT NULL
);

-- A computer that shows a QR code and waits for a phone to confirm.
CREATE TABLE portal_link (
    id           uuid        PRIMARY KEY,           -- UUIDv7; lies in the computer's session
    token_sha256 bytea       NOT NULL UNIQUE CHECK (length(token_sha256) = 32),
    number       text        NOT NULL CHECK (number ~ '^[0-9]{2}$'),
    browser      text        NOT NULL,              -- "Chrome", for the phone to name
    system       text        NOT NULL,              -- "Windows"
    state        text        NOT NULL CHECK (state IN ('shown', 'scanned', 'confirmed', 'refused', 'used')),
    scanner      bytea,                             -- SHA-256 of what names the phone's session
    account_id   uuid,                              -- who confirmed
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    CHECK (state <> 'shown' OR scanner IS NULL),
    CHECK (state NOT IN ('scanned', 'confirmed', 'used') OR scanner IS NOT NULL),
    CHECK ((state IN ('confirmed', 'used')) = (account_id IS NOT NULL))
);
CREATE INDEX portal_link_expires ON portal_link (expires_at);

-- A document that is to be signed. about and file are sealed by AES-256-GCM under a
-- key from the browser's cookie, with the row's id and account as associated data.
CREATE TABLE portal_draft (
    id         uuid        PRIMARY KEY,             -- UUIDv7: the order of the list
    account_id uuid        NOT NULL,
    about      bytea       NOT NULL,                -- JSON: name, form, answers
    file       bytea,                               -- an uploaded PDF; none for a form
    size       bigint      NOT NULL CHECK (size >= 0),
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX portal_draft_account ON portal_draft (account_id, id);
CREATE INDEX portal_draft_expires ON portal_draft (expires_at);
