-- API keys that are good at edge sites too: shards do not know facilities, nor when a key expires.
SELECT id, hash, scopes FROM api_key WHERE revoked IS NULL AND expires IS NULL AND facilities = '{}' AND scopes && '{query,metrics}' ORDER BY id
