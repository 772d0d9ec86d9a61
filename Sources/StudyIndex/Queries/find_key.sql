SELECT id, name, hash, scopes, facilities, requests_per_second, concurrent_requests FROM api_key
WHERE id = $1 AND revoked IS NULL AND (expires IS NULL OR expires > now())
