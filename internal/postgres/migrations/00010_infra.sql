-- The infrastructure CA: TLS certificates of our own servers, officers, kiosks and
-- departments. A client is asked for here at every request, so withdrawing counts at once.

-- +goose Up

CREATE TABLE infra_root (
    spki_sha256 bytea       PRIMARY KEY CHECK (length(spki_sha256) = 32),
    certificate bytea       NOT NULL,                 -- DER
    created_at  timestamptz NOT NULL
);

CREATE TABLE infra_certificate (
    serial       bytea       PRIMARY KEY,
    kind         text        NOT NULL CHECK (kind IN ('server', 'officer', 'kiosk', 'department')),
    holder       text        NOT NULL CHECK (holder <> ''),
    spki_sha256  bytea       NOT NULL CHECK (length(spki_sha256) = 32),
    not_after    timestamptz NOT NULL,
    created_at   timestamptz NOT NULL,
    withdrawn_at timestamptz
);
CREATE INDEX infra_certificate_holder ON infra_certificate (kind, holder) WHERE withdrawn_at IS NULL;
