-- API keys: only a hash is kept.

CREATE TABLE api_key (
    id                  text PRIMARY KEY,
    name                text NOT NULL CHECK (name <> ''),
    -- SHA-256 of the secret, which has 256 random bits and needs no salt.
    hash                bytea NOT NULL CHECK (length(hash) = 32),
    scopes              text[] NOT NULL CHECK (cardinality(scopes) > 0 AND scopes <@ '{query,report,admin,metrics}'),
    created             timestamptz NOT NULL DEFAULT now(),
    revoked             timestamptz
);
