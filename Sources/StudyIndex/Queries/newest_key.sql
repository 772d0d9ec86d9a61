-- The newest good key of a name. $1 name
SELECT id, name, hash, scopes, facilities, requests_per_second, concurrent_requests FROM api_key
WHERE name = $1 AND revoked IS NULL AND (expires IS NULL OR expires > now()) ORDER BY created DESC LIMIT 1
