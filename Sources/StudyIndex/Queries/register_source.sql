-- $1 name, $2 AE title, $3 host, $4 port, $5 issuer, $6 priority
INSERT INTO source (name, ae_title, host, port, issuer, priority)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (name) DO UPDATE
SET ae_title = excluded.ae_title, host = excluded.host, port = excluded.port, issuer = excluded.issuer,
    priority = excluded.priority
RETURNING id
