SELECT id, name, hash, scopes FROM api_key WHERE id = $1 AND revoked IS NULL
