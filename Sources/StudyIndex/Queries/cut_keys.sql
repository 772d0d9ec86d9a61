-- API keys that are good at edge sites too.
SELECT id, hash, scopes FROM api_key WHERE revoked IS NULL AND scopes && '{query,metrics}' ORDER BY id
