-- Registration on a person's own phone: Lite accounts. A case is bound to a browser's cookie. What the person
-- typed lies sealed with the pending account; photos lie in no table of the backup.

-- +goose Up

CREATE TABLE registration_remote (
    id           uuid        PRIMARY KEY,             -- UUIDv7
    account      uuid        UNIQUE REFERENCES registration_account (id) ON DELETE SET NULL,
    state        text        NOT NULL CHECK (state IN ('noticed', 'pictured', 'entered', 'faced', 'referred', 'verified', 'done', 'refused', 'ended')),
    browser      bytea       UNIQUE CHECK (length(browser) = 32), -- digest of the cookie's secret; none once nothing can be shown
    notice       text        NOT NULL CHECK (notice <> ''), -- the collection notice's text that was accepted (Cap. 486)
    noticed_at   timestamptz NOT NULL,
    tries        integer     NOT NULL DEFAULT 0 CHECK (tries >= 0), -- of the face, begun
    photos       boolean     NOT NULL DEFAULT false,  -- there may be some: the intent, before one is kept
    reasons      text[]      NOT NULL DEFAULT '{}',   -- why an officer is to decide
    waiting      text        NOT NULL DEFAULT '',
    outcome      text        NOT NULL DEFAULT '',
    officer      text,                                -- who decided a referred case
    decision     text,                                -- why; one of a list
    decided_at   timestamptz,
    opened_at    timestamptz NOT NULL,
    changed_at   timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    leased_until timestamptz NOT NULL DEFAULT '-infinity',
    CHECK (state IN ('refused', 'ended', 'done') OR account IS NOT NULL),
    CHECK (state <> 'referred' OR cardinality(reasons) > 0),
    CHECK ((officer IS NULL) = (decided_at IS NULL) AND (officer IS NULL) = (decision IS NULL)),
    CHECK (state <> 'done' OR cardinality(reasons) = 0 OR officer IS NOT NULL) -- what was referred was decided by somebody
);
CREATE INDEX registration_remote_due ON registration_remote (expires_at) WHERE state NOT IN ('done', 'refused', 'ended') OR photos OR browser IS NOT NULL;
CREATE INDEX registration_remote_referred ON registration_remote (changed_at) WHERE state = 'referred';
