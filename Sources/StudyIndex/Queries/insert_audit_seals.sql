-- $1 chain, $2 batches, $3 numbers of records, $4 hashes
INSERT INTO audit_seal (chain, batch, records, hash)
SELECT $1, batch, records, hash FROM unnest($2::int8[], $3::int8[], $4::bytea[]) AS s (batch, records, hash)
